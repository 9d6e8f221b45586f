"""Which initial temperature of a block leads to the one that was measured? ∂u/∂t = Δu, explicit Euler, whole-array slices.

The kernel is heat-3d of PolyBench (Pouchet and Yuki, 2012) as NPBench (Ziogas et al., 2021) writes it.
"""

import numpy as np
from numba import njit

TITLE = "Heat equation 3-D, slices"
SIZES = ({"n": 4}, {"n": 24}, {"n": 64})
ARGNUMS = (0,)
STEPS = 50  # of two sweeps each


def arguments(n):
    rng = np.random.default_rng(0)
    start = rng.standard_normal((n, n, n))
    return start, 0.5 * start + 0.1 * rng.standard_normal((n, n, n)), STEPS


def loss(start, target, steps):
    a, b = start.copy(), start.copy()
    for _ in range(steps):
        b[1:-1, 1:-1, 1:-1] = (
            0.125 * (a[2:, 1:-1, 1:-1] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[:-2, 1:-1, 1:-1])
            + 0.125 * (a[1:-1, 2:, 1:-1] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[1:-1, :-2, 1:-1])
            + 0.125 * (a[1:-1, 1:-1, 2:] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[1:-1, 1:-1, :-2])
            + a[1:-1, 1:-1, 1:-1]
        )
        a[1:-1, 1:-1, 1:-1] = (
            0.125 * (b[2:, 1:-1, 1:-1] - 2.0 * b[1:-1, 1:-1, 1:-1] + b[:-2, 1:-1, 1:-1])
            + 0.125 * (b[1:-1, 2:, 1:-1] - 2.0 * b[1:-1, 1:-1, 1:-1] + b[1:-1, :-2, 1:-1])
            + 0.125 * (b[1:-1, 1:-1, 2:] - 2.0 * b[1:-1, 1:-1, 1:-1] + b[1:-1, 1:-1, :-2])
            + b[1:-1, 1:-1, 1:-1]
        )
    return 0.5 * np.sum((a - target) ** 2)


@njit
def by_hand(start, target, steps):
    a, b = start.copy(), start.copy()
    for _ in range(steps):
        sweep(a, b)
        sweep(b, a)

    start_bar = a - target
    value = 0.5 * np.sum(start_bar**2)
    a[:] = 0.0  # the faces of a and b stay 0: what the interior sends there is gathered in start_bar's
    b[:] = 0.0
    a[1:-1, 1:-1, 1:-1] = start_bar[1:-1, 1:-1, 1:-1]
    for _ in range(steps):
        send_to_faces(a, start_bar)
        sweep(a, b)  # the interior's matrix is symmetric
        send_to_faces(b, start_bar)
        sweep(b, a)
    start_bar[1:-1, 1:-1, 1:-1] = a[1:-1, 1:-1, 1:-1]
    return value, (start_bar,)


@njit
def sweep(a, b):
    n, m, p = a.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            for k in range(1, p - 1):
                around = a[i + 1, j, k] + a[i - 1, j, k] + a[i, j + 1, k] + a[i, j - 1, k] + a[i, j, k + 1] + a[i, j, k - 1]
                b[i, j, k] = 0.125 * around + 0.25 * a[i, j, k]


@njit
def send_to_faces(a_bar, start_bar):
    n, m, p = a_bar.shape
    for j in range(1, m - 1):
        for k in range(1, p - 1):
            start_bar[0, j, k] += 0.125 * a_bar[1, j, k]
            start_bar[n - 1, j, k] += 0.125 * a_bar[n - 2, j, k]
    for i in range(1, n - 1):
        for k in range(1, p - 1):
            start_bar[i, 0, k] += 0.125 * a_bar[i, 1, k]
            start_bar[i, m - 1, k] += 0.125 * a_bar[i, m - 2, k]
        for j in range(1, m - 1):
            start_bar[i, j, 0] += 0.125 * a_bar[i, j, 1]
            start_bar[i, j, p - 1] += 0.125 * a_bar[i, j, p - 2]


def swept(a):
    """A sweep's interior, for JAX, PyTorch and autograd."""
    inside = a[1:-1, 1:-1, 1:-1]
    return (
        0.125 * (a[2:, 1:-1, 1:-1] - 2.0 * inside + a[:-2, 1:-1, 1:-1])
        + 0.125 * (a[1:-1, 2:, 1:-1] - 2.0 * inside + a[1:-1, :-2, 1:-1])
        + 0.125 * (a[1:-1, 1:-1, 2:] - 2.0 * inside + a[1:-1, 1:-1, :-2])
        + inside
    )


def jax_loss(start, target, steps):
    import jax
    import jax.numpy as jnp

    def step(a, _):
        b = a.at[1:-1, 1:-1, 1:-1].set(swept(a))
        return b.at[1:-1, 1:-1, 1:-1].set(swept(b)), None

    a, _ = jax.lax.scan(step, start, None, length=steps)
    return 0.5 * jnp.sum((a - target) ** 2)


def torch_loss(start, target, steps):
    a, b = start.clone(), start.clone()
    for _ in range(steps):
        b[1:-1, 1:-1, 1:-1] = swept(a)
        a[1:-1, 1:-1, 1:-1] = swept(b)
    return 0.5 * ((a - target) ** 2).sum()


def autograd_loss(start, target, steps):
    import autograd.numpy as np

    a = start
    for _ in range(2 * steps):  # autograd has no assignment into arrays: the faces are added as padding of the change
        a = a + np.pad(swept(a) - a[1:-1, 1:-1, 1:-1], 1, "constant")
    return 0.5 * np.sum((a - target) ** 2)


def dace_loss():
    import dace

    n = dace.symbol("n")

    @dace.program
    def loss(start: dace.float64[n, n, n], target: dace.float64[n, n, n], steps: dace.int64):
        a, b = np.copy(start), np.copy(start)
        for _ in range(steps):
            b[1:-1, 1:-1, 1:-1] = (
                0.125 * (a[2:, 1:-1, 1:-1] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[:-2, 1:-1, 1:-1])
                + 0.125 * (a[1:-1, 2:, 1:-1] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[1:-1, :-2, 1:-1])
                + 0.125 * (a[1:-1, 1:-1, 2:] - 2.0 * a[1:-1, 1:-1, 1:-1] + a[1:-1, 1:-1, :-2])
                + a[1:-1, 1:-1, 1:-1]
            )
            a[1:-1, 1:-1, 1:-1] = (
                0.125 * (b[2:, 1:-1, 1:-1] - 2.0 * b[1:-1, 1:-1, 1:-1] + b[:-2, 1:-1, 1:-1])
                + 0.125 * (b[1:-1, 2:, 1:-1] - 2.0 * b[1:-1, 1:-1, 1:-1] + b[1:-1, :-2, 1:-1])
                + 0.125 * (b[1:-1, 1:-1, 2:] - 2.0 * b[1:-1, 1:-1, 1:-1] + b[1:-1, 1:-1, :-2])
                + b[1:-1, 1:-1, 1:-1]
            )
        return 0.5 * np.sum((a - target) ** 2)

    return loss
