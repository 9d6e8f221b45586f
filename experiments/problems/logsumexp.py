"""log Σ exp xᵢ, shifted by the largest so that nothing overflows (Blanchard, Higham & Higham 2021), as array code."""

import numpy as np
from numba import njit

TITLE = "logsumexp"
SIZES = ({"n": 100}, {"n": 10_000}, {"n": 4_000_000})
ARGNUMS = (0,)


def arguments(n):
    return (3.0 * np.random.default_rng(0).standard_normal(n),)


def loss(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


@njit
def by_hand(x):
    top = np.max(x)
    x_bar = np.empty(x.size)
    total = 0.0
    for i in range(x.size):
        x_bar[i] = np.exp(x[i] - top)
        total += x_bar[i]
    x_bar *= 1.0 / total
    return top + np.log(total), (x_bar,)


def jax_loss(x):
    from jax.scipy.special import logsumexp

    return logsumexp(x)


def torch_loss(x):
    return x.logsumexp(0)


def autograd_loss(x):
    from autograd.scipy.special import logsumexp

    return logsumexp(x)


def dace_loss():
    import dace

    n = dace.symbol("n")

    @dace.program
    def loss(x: dace.float64[n]):
        top = np.max(x)
        return top + np.log(np.sum(np.exp(x - top)))

    return loss
