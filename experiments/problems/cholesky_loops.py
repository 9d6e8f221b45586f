"""How does the log-determinant of a positive definite matrix depend on it? By its Cholesky factor, in place, in loops.

The kernel is cholesky of PolyBench (Pouchet and Yuki, 2012).
"""

import math

import numpy as np
from numba import njit

TITLE = "Cholesky in place, loops"
SIZES = ({"n": 6}, {"n": 100}, {"n": 1000})
ARGNUMS = (0,)


def arguments(n):
    rng = np.random.default_rng(0)
    root = rng.standard_normal((n, n))
    return (root @ root.T + n * np.eye(n),)


def loss(matrix):
    a = matrix.copy()
    n = a.shape[0]
    total = 0.0
    for i in range(n):
        for j in range(i):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
        for k in range(i):
            a[i, i] -= a[i, k] ** 2
        a[i, i] = math.sqrt(a[i, i])
        total += math.log(a[i, i])
    return 2.0 * total


@njit
def by_hand(matrix):
    a = matrix.copy()
    n = a.shape[0]
    value = 0.0
    for i in range(n):
        for j in range(i):
            entry = a[i, j]
            for k in range(j):
                entry -= a[i, k] * a[j, k]
            a[i, j] = entry / a[j, j]
        entry = a[i, i]
        for k in range(i):
            entry -= a[i, k] ** 2
        a[i, i] = math.sqrt(entry)
        value += math.log(a[i, i])

    bar = np.zeros((n, n))  # of the factor, and as its rows are done, of the matrix
    for i in range(n - 1, -1, -1):
        before_root = (bar[i, i] + 2.0 / a[i, i]) / (2.0 * a[i, i])
        bar[i, i] = before_root
        for k in range(i):
            bar[i, k] -= 2.0 * before_root * a[i, k]
        for j in range(i - 1, -1, -1):
            undivided = bar[i, j] / a[j, j]
            bar[i, j] = undivided
            bar[j, j] -= undivided * a[i, j]
            for k in range(j):
                bar[i, k] -= undivided * a[j, k]
                bar[j, k] -= undivided * a[i, k]
    return 2.0 * value, (bar,)


def jax_loss(matrix):
    import jax
    import jax.numpy as jnp

    indices = jnp.arange(matrix.shape[0])

    def column(a, j):
        rest = a[:, j] - jnp.where(indices < j, a, 0.0) @ jnp.where(indices < j, a[j], 0.0)
        return a.at[:, j].set(jnp.where(indices >= j, rest / jnp.sqrt(rest[j]), 0.0)), None

    a, _ = jax.lax.scan(column, matrix, indices)
    return 2.0 * jnp.sum(jnp.log(jnp.diagonal(a)))


def torch_loss(matrix):
    a, total = matrix, 0.0
    while a.shape[0]:  # element by element would take a node of the graph for each: a column at a time
        total = total + a[0, 0].log()
        column = a[1:, 0] / a[0, 0].sqrt()
        a = a[1:, 1:] - column.outer(column)
    return total


def autograd_loss(matrix):
    import autograd.numpy as np

    a, total = matrix, 0.0
    while a.shape[0]:
        total = total + np.log(a[0, 0])
        column = a[1:, 0] / np.sqrt(a[0, 0])
        a = a[1:, 1:] - np.outer(column, column)
    return total


def dace_loss():
    import dace

    n = dace.symbol("n")

    @dace.program
    def loss(matrix: dace.float64[n, n]):
        a = np.copy(matrix)
        for i in range(n):
            for j in range(i):
                a[i, j] -= np.dot(a[i, :j], a[j, :j])
                a[i, j] /= a[j, j]
            a[i, i] -= np.dot(a[i, :i], a[i, :i])
            a[i, i] = np.sqrt(a[i, i])
        total = 0.0
        for i in range(n):
            total += np.log(a[i, i])
        return 2.0 * total

    return loss
