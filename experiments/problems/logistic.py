"""Logistic regression with a ridge, mean log(1 + exp(−y (x·w + b))) + λ/2 |w|², on the Wisconsin breast-cancer data (1995).

569 tumours with 30 measurements each, standardised; the largest size repeats them until no cache holds them.
"""

import numpy as np
from numba import njit

TITLE = "logistic regression"
SIZES = ({"rows": 16}, {"rows": 569}, {"rows": 256 * 569})
ARGNUMS = (0, 1)
BLOCK = 512  # rows that stay in the first caches between the two products with them
RIDGE = 1e-3


def arguments(rows):
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    x = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    labels = 2.0 * data.target - 1.0
    chosen = np.arange(rows) % len(labels)
    weights = 0.3 * np.random.default_rng(0).standard_normal(x.shape[1])
    return weights, 0.1, np.ascontiguousarray(x[chosen]), labels[chosen]


def loss(weights, bias, x, labels):
    margins = labels * (x @ weights + bias)
    return np.mean(np.logaddexp(0.0, -margins)) + 0.5 * RIDGE * np.sum(weights**2)


@njit
def by_hand(weights, bias, x, labels):
    """By blocks of rows, so that `x` comes from memory once."""
    n = x.shape[0]
    weights_bar, bias_bar, total = RIDGE * weights, 0.0, 0.0
    for start in range(0, n, BLOCK):
        block = x[start : start + BLOCK]
        scores = block @ weights
        for i in range(scores.size):
            label = labels[start + i]
            margin = label * (scores[i] + bias)
            shrunk = np.exp(-abs(margin))
            total += np.log1p(shrunk) + max(-margin, 0.0)
            scores[i] = -label / n * (shrunk if margin > 0.0 else 1.0) / (1.0 + shrunk)
            bias_bar += scores[i]
        weights_bar += scores @ block
    return total / n + 0.5 * RIDGE * np.dot(weights, weights), (weights_bar, bias_bar)


def jax_loss(weights, bias, x, labels):
    import jax.numpy as jnp

    margins = labels * (x @ weights + bias)
    return jnp.mean(jnp.logaddexp(0.0, -margins)) + 0.5 * RIDGE * jnp.sum(weights**2)


def torch_loss(weights, bias, x, labels):
    from torch.nn.functional import softplus

    margins = labels * (x @ weights + bias)
    return softplus(-margins, threshold=50.0).mean() + 0.5 * RIDGE * (weights**2).sum()


def autograd_loss(weights, bias, x, labels):
    import autograd.numpy as np

    margins = labels * (np.dot(x, weights) + bias)
    return np.mean(np.logaddexp(0.0, -margins)) + 0.5 * RIDGE * np.sum(weights**2)


def dace_loss():
    import dace

    n, m = dace.symbol("n"), dace.symbol("m")

    @dace.program
    def loss(weights: dace.float64[m], bias: dace.float64[1], x: dace.float64[n, m], labels: dace.float64[n]):
        margins = labels * (x @ weights + bias)
        return np.sum(np.logaddexp(0.0, -margins)) / n + 0.5 * RIDGE * np.sum(weights**2)

    return loss
