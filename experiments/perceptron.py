"""A multilayer perceptron with softmax cross-entropy, as a Numba user writes it, on scikit-learn's handwritten digits.

1797 real pictures of 8 × 8 grey values, ten classes. Every parameter array is an argument of its own.
"""

import functools

import numpy as np
from numba import njit
from sklearn.datasets import load_digits

from experiments.measure import Problem

CLASSES = 10


@njit
def cross_entropy(logits, labels):
    """Mean over rows of log Σ exp(logits) − logits[label], stable at any scale."""
    total = 0.0
    for i in range(logits.shape[0]):
        row = logits[i]
        top = np.max(row)
        total += top + np.log(np.sum(np.exp(row - top))) - row[labels[i]]
    return total / logits.shape[0]


def shallow_loss(w1, b1, w2, b2, x, labels):
    hidden = np.tanh(x @ w1 + b1)
    return cross_entropy(hidden @ w2 + b2, labels)


def deep_loss(w_in, b_in, w_hidden, b_hidden, w_out, b_out, x, labels):
    hidden = np.tanh(x @ w_in + b_in)
    for layer in range(w_hidden.shape[0]):
        hidden = np.tanh(hidden @ w_hidden[layer] + b_hidden[layer])
    return cross_entropy(hidden @ w_out + b_out, labels)


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """(1797, 64) grey values in [0, 1] and (1797,) labels."""
    data = load_digits()
    return np.ascontiguousarray(data.data / 16.0), data.target.astype(np.int64)


@functools.cache
def split(held_out: int = 297, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The digits in a random order: (pictures, labels) to learn from, and those that are held out."""
    x, labels = digits()
    order = np.random.default_rng(seed).permutation(labels.size)
    learn, test = order[held_out:], order[:held_out]
    return x[learn], labels[learn], x[test], labels[test]


def shallow(batch: int, width: int, seed: int = 0) -> Problem:
    """One hidden layer of `width` on the first `batch` pictures: 75 · width + 10 parameters."""
    x, labels = digits()
    draw = _weights(seed)
    w1, b1 = draw(x.shape[1], width), np.zeros(width)
    w2, b2 = draw(width, CLASSES), np.zeros(CLASSES)
    arguments = (w1, b1, w2, b2, x[:batch], labels[:batch])
    return Problem("perceptron", shallow_loss, arguments, (0, 1, 2, 3), {"batch": batch, "width": width, "depth": 1})


def deep(batch: int, width: int, depth: int, seed: int = 0) -> Problem:
    """`depth` hidden layers of `width`; those after the first are one array of matrices that a loop walks through."""
    x, labels = digits()
    draw = _weights(seed)
    w_in, b_in = draw(x.shape[1], width), np.zeros(width)
    w_hidden, b_hidden = draw(depth - 1, width, width), np.zeros((depth - 1, width))
    w_out, b_out = draw(width, CLASSES), np.zeros(CLASSES)
    arguments = (w_in, b_in, w_hidden, b_hidden, w_out, b_out, x[:batch], labels[:batch])
    sizes = {"batch": batch, "width": width, "depth": depth}
    return Problem("deep perceptron", deep_loss, arguments, (0, 1, 2, 3, 4, 5), sizes)


def _weights(seed: int):
    """Gaussian weights of standard deviation 1/√(fan-in)."""
    rng = np.random.default_rng(seed)
    return lambda *shape: rng.standard_normal(shape) / np.sqrt(shape[-2])
