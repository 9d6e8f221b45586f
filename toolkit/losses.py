"""Losses: negative logarithms of likelihoods, in nats, as functions of Numba's.

They are ordinary functions: no derivative is written here, a transform differentiates them like those of a user, and they may be
called inside a loss of one's own, compiled or not. Each has full relative precision over the whole range of its arguments: no
overflow, no logarithm of a rounded 1, no difference of large numbers that were rounded before. Rows are samples; what is
returned is the mean over them. Reference: Goodfellow, Bengio & Courville, Deep Learning (2016), sections 3.13, 5.5 and 6.2.
"""
import math

import numpy as np
from numba import njit


@njit
def entropy(p):
    """H(p) = -Σ p log p of a distribution p, an array of any shape whose entries sum to 1; 0 log 0 is 0.

    The derivative at an entry that is 0 is taken as 0: the term has none there (its slope is infinite).
    """
    total = 0.0
    for q in p.ravel():
        if q > 0.0:
            total -= q * math.log(q)
    return total


@njit
def _beyond(logits, top):
    """log Σ exp(logits) - logits[top], the greatest of them: the sum over the others is small where that is."""
    others = 0.0
    for j in range(top):
        others += math.exp(logits[j] - logits[top])
    for j in range(top + 1, logits.size):
        others += math.exp(logits[j] - logits[top])
    return math.log1p(others)


@njit
def softmax_cross_entropy(logits, labels):
    """Mean of -log softmax(logits[i])[labels[i]]: logits (n, k) of floats, labels (n,) of integers in 0 ... k-1.

    With z the greatest logit of a row, that is z - logits[label] + log1p(Σ exp(logits - z)), the sum over the others. A label
    out of range is not noticed, as no index is.
    """
    n = logits.shape[0]
    total = 0.0
    for i in range(n):
        top = np.argmax(logits[i])
        total += _beyond(logits[i], top)
        if labels[i] != top:
            total += logits[i, top] - logits[i, labels[i]]
    return total / n


@njit
def soft_cross_entropy(logits, targets):
    """Mean of -Σ_j targets[i, j] log softmax(logits[i])[j]: logits and targets (n, k); the rows of targets sum to 1.

    An entry whose target is 0 costs nothing, even where its logit is -inf.
    """
    n, k = logits.shape
    total = 0.0
    for i in range(n):
        top = np.argmax(logits[i])
        row = _beyond(logits[i], top)
        for j in range(k):
            if targets[i, j] != 0.0:
                total += targets[i, j] * (logits[i, top] - logits[i, j] + row)
    return total / n


@njit
def sigmoid_cross_entropy(logits, targets):
    """Mean of -t log σ(z) - (1 - t) log(1 - σ(z)) over all entries: logits z of any shape, targets t in [0, 1] of the same.

    That is max(z, 0) - t z + log1p(exp(-|z|)).
    """
    z, t = logits.ravel(), targets.ravel()
    total = 0.0
    for i in range(z.size):
        if z[i] > 0.0:
            total += (1.0 - t[i]) * z[i] + math.log1p(math.exp(-z[i]))
        else:
            total += math.log1p(math.exp(z[i])) - t[i] * z[i]
    return total / z.size


@njit
def mean_squared_error(predictions, targets):
    """Mean of (predictions - targets)² over all entries: two arrays of one shape.

    The likelihood of a Gaussian of fixed width has its maximum where this has its minimum.
    """
    return np.mean((predictions - targets) ** 2)


@njit
def gaussian_nll(means, log_sigma, targets):
    """Mean of ((targets - means) / σ)² / 2 + log σ + log(2π) / 2 over all entries, σ = exp(log_sigma): -log of Gauss's density.

    means and targets are arrays of one shape, log_sigma one of that shape or a number.
    """
    return np.mean(0.5 * ((targets - means) * np.exp(-log_sigma)) ** 2 + log_sigma) + 0.5 * math.log(2.0 * math.pi)
