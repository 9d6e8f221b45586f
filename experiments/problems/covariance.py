"""Which data have given covariances? A weighted sum of the entries of the covariance matrix of n observations of m variables.

The kernel is covariance of PolyBench (Pouchet and Yuki, 2012) as NPBench (Ziogas et al., 2021) writes it.
"""

import numpy as np
from numba import njit

from experiments.problems.correlation import ARGNUMS, SIZES, arguments  # noqa: F401  (they are the same)

TITLE = "Covariance matrix, arrays"


def loss(data, weights):
    n = data.shape[0]
    centred = data - np.sum(data, axis=0) / n
    return np.sum(weights * (centred.T @ centred)) / (n - 1)


@njit
def by_hand(data, weights):
    n, m = data.shape
    mean = np.zeros(m)
    for i in range(n):
        for j in range(m):
            mean[j] += data[i, j]
    mean /= n
    centred = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            centred[i, j] = data[i, j] - mean[j]
    value = np.sum(weights * (centred.T @ centred)) / (n - 1)
    # The columns of what is centred sum to 0, and so do those of its product: the mean's derivative vanishes.
    return value, (centred @ ((weights + weights.T) / (n - 1)),)


def jax_loss(data, weights):
    import jax.numpy as jnp

    return jnp.sum(weights * jnp.cov(data, rowvar=False))


def torch_loss(data, weights):
    import torch

    return (weights * torch.cov(data.T)).sum()


def autograd_loss(data, weights):
    import autograd.numpy as np

    centred = data - np.mean(data, axis=0)
    return np.sum(weights * np.dot(centred.T, centred)) / (data.shape[0] - 1)


def dace_loss():
    import dace

    n, m = dace.symbol("n"), dace.symbol("m")

    @dace.program
    def loss(data: dace.float64[n, m], weights: dace.float64[m, m]):
        centred = data - np.mean(data, axis=0)
        return np.sum(weights * (np.transpose(centred) @ centred)) / (n - 1)

    return loss
