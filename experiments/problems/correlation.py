"""Which data have given correlations? A weighted sum of the entries of the correlation matrix of n observations of m variables.

The kernel is correlation of PolyBench (Pouchet and Yuki, 2012) as NPBench (Ziogas et al., 2021) writes it.
"""

import numpy as np
from numba import njit

TITLE = "Correlation matrix, arrays"
SIZES = ({"n": 6, "m": 3}, {"n": 500, "m": 50}, {"n": 30_000, "m": 150})
ARGNUMS = (0,)


def arguments(n, m):
    rng = np.random.default_rng(0)
    data = rng.standard_normal((n, m)) @ rng.standard_normal((m, m)) + rng.standard_normal(m)
    return data, rng.standard_normal((m, m))


def loss(data, weights):
    n = data.shape[0]
    centred = data - np.sum(data, axis=0) / n
    scaled = centred / np.sqrt(np.sum(centred**2, axis=0))
    return np.sum(weights * (scaled.T @ scaled))


@njit
def by_hand(data, weights):
    n, m = data.shape
    mean = np.zeros(m)
    for i in range(n):
        for j in range(m):
            mean[j] += data[i, j]
    mean /= n
    scaled = np.empty((n, m))
    length = np.zeros(m)
    for i in range(n):
        for j in range(m):
            scaled[i, j] = data[i, j] - mean[j]
            length[j] += scaled[i, j] ** 2
    inverse = 1.0 / np.sqrt(length)
    for i in range(n):
        for j in range(m):
            scaled[i, j] *= inverse[j]
    value = np.sum(weights * (scaled.T @ scaled))

    bar = scaled @ (weights + weights.T)  # what it has along a column, and along (1, …, 1), is taken out
    along = np.zeros(m)
    mean[:] = 0.0
    for i in range(n):
        for j in range(m):
            along[j] += scaled[i, j] * bar[i, j]
            mean[j] += bar[i, j]
    mean /= n
    for i in range(n):
        for j in range(m):
            bar[i, j] = (bar[i, j] - mean[j] - along[j] * scaled[i, j]) * inverse[j]
    return value, (bar,)


def jax_loss(data, weights):
    import jax.numpy as jnp

    centred = data - jnp.mean(data, axis=0)
    scaled = centred / jnp.linalg.norm(centred, axis=0)
    return jnp.sum(weights * (scaled.T @ scaled))


def torch_loss(data, weights):
    centred = data - data.mean(dim=0)
    scaled = centred / centred.norm(dim=0)
    return (weights * (scaled.T @ scaled)).sum()


def autograd_loss(data, weights):
    import autograd.numpy as np

    centred = data - np.mean(data, axis=0)
    scaled = centred / np.sqrt(np.sum(centred**2, axis=0))
    return np.sum(weights * np.dot(scaled.T, scaled))


def dace_loss():
    import dace

    n, m = dace.symbol("n"), dace.symbol("m")

    @dace.program
    def loss(data: dace.float64[n, m], weights: dace.float64[m, m]):
        centred = data - np.mean(data, axis=0)
        scaled = centred / np.sqrt(np.sum(centred**2, axis=0))
        return np.sum(weights * (np.transpose(scaled) @ scaled))

    return loss
