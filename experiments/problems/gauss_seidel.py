"""Which start leads to the field that was measured? Gauss–Seidel sweeps of the nine-point mean, in place, in loops.

The kernel is seidel-2d of PolyBench (Pouchet and Yuki, 2012).
"""

import numpy as np
from numba import njit

TITLE = "Gauss–Seidel, loops"
SIZES = ({"n": 4}, {"n": 60}, {"n": 1500})
ARGNUMS = (0,)
STEPS = 20


def arguments(n):
    rng = np.random.default_rng(0)
    start = rng.standard_normal((n, n))
    return start, 0.5 * start + 0.1 * rng.standard_normal((n, n)), STEPS


def loss(start, target, steps):
    a = start.copy()
    n, m = a.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                a[i, j] = (
                    a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1]
                    + a[i, j - 1] + a[i, j] + a[i, j + 1]
                    + a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
                ) / 9.0  # fmt: skip
    total = 0.0
    for i in range(n):
        for j in range(m):
            total += (a[i, j] - target[i, j]) ** 2
    return 0.5 * total


@njit
def by_hand(start, target, steps):
    a = start.copy()
    n, m = a.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                a[i, j] = (
                    a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1]
                    + a[i, j - 1] + a[i, j] + a[i, j + 1]
                    + a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]
                ) / 9.0  # fmt: skip

    a -= target  # from here on the cotangent of a
    value = 0.5 * np.sum(a**2)
    for _ in range(steps):
        for i in range(n - 2, 0, -1):
            here = a[i, m - 2]  # in a register, since it is what the next entry waits for
            for j in range(m - 2, 0, -1):
                share = here / 9.0
                a[i - 1, j - 1] += share
                a[i - 1, j] += share
                a[i - 1, j + 1] += share
                here = a[i, j - 1] + share
                a[i, j] = share
                a[i, j + 1] += share
                a[i + 1, j - 1] += share
                a[i + 1, j] += share
                a[i + 1, j + 1] += share
            a[i, 0] = here
    return value, (a,)


def jax_loss(start, target, steps):
    import jax
    import jax.numpy as jnp

    def entry(left, others):
        new = (left + others) / 9.0
        return new, new

    def row(above, rows):
        here, below = rows
        others = above[:-2] + above[1:-1] + above[2:] + here[1:-1] + here[2:] + below[:-2] + below[1:-1] + below[2:]
        _, inside = jax.lax.scan(entry, here[0], others)
        new = jnp.concatenate((here[:1], inside, here[-1:]))
        return new, new

    def sweep(a, _):
        _, inside = jax.lax.scan(row, a[0], (a[1:-1], a[2:]))
        return jnp.concatenate((a[:1], inside, a[-1:])), None

    a, _ = jax.lax.scan(sweep, start, None, length=steps)
    return 0.5 * jnp.sum((a - target) ** 2)


def torch_loss(start, target, steps):
    import torch

    rows = list(start)
    for _ in range(steps):
        for i in range(1, len(rows) - 1):
            above, here, below = rows[i - 1 : i + 2]
            others = above[:-2] + above[1:-1] + above[2:] + here[1:-1] + here[2:] + below[:-2] + below[1:-1] + below[2:]
            new = [here[0]]
            for other in others:  # along a row every entry needs the one before
                new.append((new[-1] + other) / 9.0)
            rows[i] = torch.stack([*new, here[-1]])
    return 0.5 * ((torch.stack(rows) - target) ** 2).sum()


def autograd_loss(start, target, steps):
    import autograd.numpy as np

    rows = [start[i] for i in range(start.shape[0])]
    for _ in range(steps):
        for i in range(1, len(rows) - 1):
            above, here, below = rows[i - 1 : i + 2]
            others = above[:-2] + above[1:-1] + above[2:] + here[1:-1] + here[2:] + below[:-2] + below[1:-1] + below[2:]
            new = [here[0]]
            for j in range(others.shape[0]):
                new.append((new[-1] + others[j]) / 9.0)
            rows[i] = np.array([*new, here[-1]])
    return 0.5 * sum(np.sum((row - aim) ** 2) for row, aim in zip(rows, target))


def dace_loss():
    import dace

    n = dace.symbol("n")

    @dace.program
    def loss(start: dace.float64[n, n], target: dace.float64[n, n], steps: dace.int64):
        a = np.copy(start)
        for _ in range(steps):
            for i in range(1, n - 1):
                a[i, 1:-1] += a[i - 1, :-2] + a[i - 1, 1:-1] + a[i - 1, 2:] + a[i, 2:]
                a[i, 1:-1] += a[i + 1, :-2] + a[i + 1, 1:-1] + a[i + 1, 2:]
                for j in range(1, n - 1):
                    a[i, j] = (a[i, j] + a[i, j - 1]) / 9.0
        return 0.5 * np.sum((a - target) ** 2)

    return loss
