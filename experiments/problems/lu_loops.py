"""How does the logarithm of a determinant depend on the matrix? By LU factors without pivoting, in place, in loops.

The kernel is lu of PolyBench (Pouchet and Yuki, 2012), its loops in the order of Golub and Van Loan's outer product form.
"""

import math

import numpy as np
from numba import njit

TITLE = "LU in place, loops"
SIZES = ({"n": 6}, {"n": 100}, {"n": 800})
ARGNUMS = (0,)


def arguments(n):
    rng = np.random.default_rng(0)
    return (rng.standard_normal((n, n)) + 2.0 * n * np.eye(n),)


def loss(matrix):
    a = matrix.copy()
    n = a.shape[0]
    total = 0.0
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
        total += math.log(abs(a[k, k]))
    return total


@njit
def by_hand(matrix):
    """The gradient is the transposed inverse, U⁻ᵀ and then L⁻ᵀ times the identity: as many operations as the loops' adjoint."""
    a = matrix.copy()
    n = a.shape[0]
    value = 0.0
    for k in range(n):
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            a[i, k] = factor
            for j in range(k + 1, n):
                a[i, j] -= factor * a[k, j]
        value += math.log(abs(a[k, k]))

    bar = np.zeros((n, n))
    for k in range(n):
        bar[k, k] = 1.0
        for m in range(k):
            factor = a[m, k]
            for j in range(m + 1):
                bar[k, j] -= factor * bar[m, j]
        for j in range(k + 1):
            bar[k, j] /= a[k, k]
    for k in range(n - 2, -1, -1):
        for m in range(k + 1, n):
            factor = a[m, k]
            for j in range(n):
                bar[k, j] -= factor * bar[m, j]
    return value, (bar,)


def jax_loss(matrix):
    import jax
    import jax.numpy as jnp

    def eliminate(k, a):
        below = jnp.arange(a.shape[0]) > k
        factors = jnp.where(below, a[:, k] / a[k, k], 0.0)
        return a - jnp.outer(factors, jnp.where(below, a[k], 0.0))

    a = jax.lax.fori_loop(0, matrix.shape[0], eliminate, matrix)
    return jnp.sum(jnp.log(jnp.abs(jnp.diagonal(a))))


def torch_loss(matrix):
    a, total = matrix, 0.0
    while a.shape[0]:  # element by element would take a node of the graph for each: a row and a column at a time
        total = total + a[0, 0].abs().log()
        a = a[1:, 1:] - (a[1:, 0] / a[0, 0]).outer(a[0, 1:])
    return total


def autograd_loss(matrix):
    import autograd.numpy as np

    a, total = matrix, 0.0
    while a.shape[0]:
        total = total + np.log(np.abs(a[0, 0]))
        a = a[1:, 1:] - np.outer(a[1:, 0] / a[0, 0], a[0, 1:])
    return total


def dace_loss():
    import dace

    n = dace.symbol("n")

    @dace.program
    def loss(matrix: dace.float64[n, n]):
        a = np.copy(matrix)
        for i in range(n):
            for j in range(i):
                a[i, j] -= a[i, :j] @ a[:j, j]
                a[i, j] /= a[j, j]
            for j in range(i, n):
                a[i, j] -= a[i, :i] @ a[:i, j]
        total = 0.0
        for i in range(n):
            total += np.log(a[i, i] ** 2)
        return 0.5 * total

    return loss
