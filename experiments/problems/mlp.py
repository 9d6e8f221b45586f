"""A multilayer perceptron with tanh layers and softmax cross-entropy on scikit-learn's 1797 handwritten digits."""

import numpy as np
from numba import njit

from experiments.perceptron import CLASSES, deep
from experiments.perceptron import deep_loss as loss  # noqa: F401

TITLE = "perceptron"
SIZES = (
    {"batch": 32, "width": 32, "depth": 2},
    {"batch": 256, "width": 128, "depth": 3},
    {"batch": 1797, "width": 512, "depth": 3},
)
ARGNUMS = (0, 1, 2, 3, 4, 5)


def arguments(batch, width, depth):
    return deep(batch, width, depth).arguments


@njit
def activate(hidden, bias):
    """tanh(hidden + bias), in place."""
    for i in range(hidden.shape[0]):
        for j in range(hidden.shape[1]):
            hidden[i, j] = np.tanh(hidden[i, j] + bias[j])


@njit
def through_tanh(hidden_bar, hidden, bias_bar):
    """The cotangent before the tanh in place of that behind it, and its sum over the batch."""
    bias_bar[:] = 0.0
    for i in range(hidden.shape[0]):
        for j in range(hidden.shape[1]):
            hidden_bar[i, j] *= 1.0 - hidden[i, j] * hidden[i, j]
            bias_bar[j] += hidden_bar[i, j]


@njit
def by_hand(w_in, b_in, w_hidden, b_hidden, w_out, b_out, x, labels):
    batch, width, depth = x.shape[0], w_in.shape[1], w_hidden.shape[0]
    hidden = np.empty((depth + 1, batch, width))
    np.dot(x, w_in, hidden[0])
    activate(hidden[0], b_in)
    for layer in range(depth):
        np.dot(hidden[layer], w_hidden[layer], hidden[layer + 1])
        activate(hidden[layer + 1], b_hidden[layer])
    logits = hidden[depth] @ w_out  # soon their cotangents
    total, b_out_bar = 0.0, np.zeros(CLASSES)
    for i in range(batch):
        row = logits[i]
        row += b_out
        total -= row[labels[i]]
        top = np.max(row)
        sum_exp = 0.0
        for j in range(CLASSES):
            row[j] = np.exp(row[j] - top)
            sum_exp += row[j]
        total += top + np.log(sum_exp)
        row *= 1.0 / (sum_exp * batch)
        row[labels[i]] -= 1.0 / batch
        b_out_bar += row
    w_out_bar = hidden[depth].T @ logits
    w_hidden_bar, b_hidden_bar = np.empty(w_hidden.shape), np.empty(b_hidden.shape)
    hidden_bar, spare = logits @ w_out.T, np.empty((batch, width))
    for layer in range(depth - 1, -1, -1):
        through_tanh(hidden_bar, hidden[layer + 1], b_hidden_bar[layer])
        np.dot(hidden[layer].T, hidden_bar, w_hidden_bar[layer])
        np.dot(hidden_bar, w_hidden[layer].T, spare)
        hidden_bar, spare = spare, hidden_bar
    b_in_bar = np.empty(width)
    through_tanh(hidden_bar, hidden[0], b_in_bar)
    return total / batch, (x.T @ hidden_bar, b_in_bar, w_hidden_bar, b_hidden_bar, w_out_bar, b_out_bar)


def jax_loss(w_in, b_in, w_hidden, b_hidden, w_out, b_out, x, labels):
    import jax
    import jax.numpy as jnp

    hidden = jnp.tanh(x @ w_in + b_in)
    for w, b in zip(w_hidden, b_hidden, strict=True):
        hidden = jnp.tanh(hidden @ w + b)
    log_shares = jax.nn.log_softmax(hidden @ w_out + b_out)
    return -jnp.mean(log_shares[np.arange(len(labels)), labels])


def torch_loss(w_in, b_in, w_hidden, b_hidden, w_out, b_out, x, labels):
    import torch

    hidden = torch.tanh(x @ w_in + b_in)
    for w, b in zip(w_hidden, b_hidden, strict=True):
        hidden = torch.tanh(hidden @ w + b)
    return torch.nn.functional.cross_entropy(hidden @ w_out + b_out, torch.as_tensor(labels))


def autograd_loss(w_in, b_in, w_hidden, b_hidden, w_out, b_out, x, labels):
    import autograd.numpy as np
    from autograd.scipy.special import logsumexp

    hidden = np.tanh(np.dot(x, w_in) + b_in)
    for layer in range(len(w_hidden)):
        hidden = np.tanh(np.dot(hidden, w_hidden[layer]) + b_hidden[layer])
    logits = np.dot(hidden, w_out) + b_out
    return np.mean(logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels])


def dace_loss():
    import dace

    n, m, width, layers, classes = (dace.symbol(name) for name in ("n", "m", "width", "layers", "classes"))

    @dace.program
    def program(
        w_in: dace.float64[m, width],
        b_in: dace.float64[width],
        w_hidden: dace.float64[layers, width, width],
        b_hidden: dace.float64[layers, width],
        w_out: dace.float64[width, classes],
        b_out: dace.float64[classes],
        x: dace.float64[n, m],
        labels: dace.int64[n],
    ):
        hidden = np.zeros((layers + 1, n, width))
        hidden[0] = np.tanh(x @ w_in + b_in)
        for layer in range(layers):
            hidden[layer + 1] = np.tanh(hidden[layer] @ w_hidden[layer] + b_hidden[layer])
        logits = hidden[layers] @ w_out + b_out
        top = np.max(logits, axis=1)
        shares = np.log(np.sum(np.exp(logits - np.reshape(top, (n, 1))), axis=1)) + top
        picked = np.where(np.reshape(labels, (n, 1)) == np.arange(classes), logits, 0.0)
        return (np.sum(shares) - np.sum(picked)) / n

    return program
