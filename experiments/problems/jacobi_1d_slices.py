"""Which start leads to the profile that was measured? Jacobi sweeps of the three-point mean on a line, whole-array slices.

The kernel is jacobi-1d of PolyBench (Pouchet and Yuki, 2012) as NPBench (Ziogas et al., 2021) writes it.
"""

import numpy as np
from numba import njit

TITLE = "Jacobi 1-D, slices"
SIZES = ({"n": 10}, {"n": 2000}, {"n": 1_000_000})
ARGNUMS = (0,)
STEPS = 100


def arguments(n):
    rng = np.random.default_rng(0)
    start = rng.standard_normal(n)
    return start, 0.5 * start + 0.1 * rng.standard_normal(n), STEPS


def loss(start, target, steps):
    a, b = start.copy(), start.copy()
    for _ in range(steps):
        b[1:-1] = (a[:-2] + a[1:-1] + a[2:]) / 3.0
        a[1:-1] = (b[:-2] + b[1:-1] + b[2:]) / 3.0
    return 0.5 * np.sum((a - target) ** 2)


@njit
def by_hand(start, target, steps):
    a, b = start.copy(), start.copy()
    for _ in range(steps):
        sweep(a, b)
        sweep(b, a)

    a -= target
    value = 0.5 * np.sum(a**2)
    b[0] = b[-1] = 0.0  # the ends, which never change, gather their cotangents apart: first + 0, last + 0
    first, last = a[0], a[-1]
    a[0] = a[-1] = 0.0
    for _ in range(steps):
        first, last = first + a[1] / 3.0, last + a[-2] / 3.0
        sweep(a, b)  # the interior's matrix is symmetric
        first, last = first + b[1] / 3.0, last + b[-2] / 3.0
        sweep(b, a)
    a[0], a[-1] = first, last
    return value, (a,)


@njit
def sweep(a, b):
    for i in range(1, a.size - 1):
        b[i] = (a[i - 1] + a[i] + a[i + 1]) / 3.0


def jax_loss(start, target, steps):
    import jax
    import jax.numpy as jnp

    def step(a, _):
        b = a.at[1:-1].set((a[:-2] + a[1:-1] + a[2:]) / 3.0)
        return b.at[1:-1].set((b[:-2] + b[1:-1] + b[2:]) / 3.0), None

    a, _ = jax.lax.scan(step, start, None, length=steps)
    return 0.5 * jnp.sum((a - target) ** 2)


def torch_loss(start, target, steps):
    a, b = start.clone(), start.clone()
    for _ in range(steps):
        b[1:-1] = (a[:-2] + a[1:-1] + a[2:]) / 3.0
        a[1:-1] = (b[:-2] + b[1:-1] + b[2:]) / 3.0
    return 0.5 * ((a - target) ** 2).sum()


def autograd_loss(start, target, steps):
    import autograd.numpy as np

    a = start
    for _ in range(2 * steps):  # autograd has no assignment into arrays: the ends are joined to each sweep
        a = np.concatenate((a[:1], (a[:-2] + a[1:-1] + a[2:]) / 3.0, a[-1:]))
    return 0.5 * np.sum((a - target) ** 2)


def dace_loss():
    import dace

    n = dace.symbol("n")

    @dace.program
    def loss(start: dace.float64[n], target: dace.float64[n], steps: dace.int64):
        a, b = np.copy(start), np.copy(start)
        for _ in range(steps):
            b[1:-1] = (a[:-2] + a[1:-1] + a[2:]) / 3.0
            a[1:-1] = (b[:-2] + b[1:-1] + b[2:]) / 3.0
        return 0.5 * np.sum((a - target) ** 2)

    return loss
