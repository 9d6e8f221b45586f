"""Rosenbrock's valley: Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)² over a chain of n numbers (Rosenbrock 1960; CUTEst's EXTROSNB)."""

import numpy as np
from numba import njit

TITLE = "Rosenbrock"
SIZES = ({"n": 2}, {"n": 1_000}, {"n": 100_000}, {"n": 4_000_000})
ARGNUMS = (0,)


def arguments(n):
    return (np.random.default_rng(0).uniform(-2.0, 2.0, n),)


def loss(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


@njit
def by_hand(x):
    n = x.size
    x_bar = np.empty(n)
    total, carried = 0.0, 0.0  # what the term before has for its second variable
    here = x[0]
    for i in range(n - 1):
        there = x[i + 1]
        rise, rest = there - here * here, 1.0 - here
        total += 100.0 * rise * rise + rest * rest
        x_bar[i] = carried - 400.0 * rise * here - 2.0 * rest
        carried = 200.0 * rise
        here = there
    x_bar[n - 1] = carried
    return total, (x_bar,)


def jax_loss(x):
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


torch_loss = autograd_loss = jax_loss  # slices and arithmetic are the same in all three


def dace_loss():
    import dace

    n = dace.symbol("n")

    @dace.program
    def loss(x: dace.float64[n]):
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return loss
