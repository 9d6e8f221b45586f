"""An LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000) that foretells the next row of a picture.

The handwritten digits of scikit-learn, row after row, are one sequence of eight grey values a step.
"""

import math

import numpy as np
from numba import njit

from experiments.perceptron import digits

TITLE = "LSTM"
SIZES = ({"steps": 4, "width": 4}, {"steps": 256, "width": 32}, {"steps": 14_375, "width": 64})
ARGNUMS = (0, 1, 2, 3, 4)


def arguments(steps, width):
    rows = digits()[0].reshape(-1, 8)[: steps + 1]
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape) / np.sqrt(width)
    return draw(4 * width, 8), draw(4 * width, width), draw(4 * width), draw(8, width), draw(8), np.ascontiguousarray(rows)


@njit
def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def loss(w_in, w_state, bias, w_out, b_out, rows):
    steps, width = rows.shape[0] - 1, w_state.shape[1]
    hidden, cell = np.zeros(width), np.zeros(width)
    total = 0.0
    for t in range(steps):
        gates = w_in @ rows[t] + w_state @ hidden + bias
        entry = sigmoid(gates[:width])
        forget = sigmoid(gates[width : 2 * width])
        news = np.tanh(gates[2 * width : 3 * width])
        exit = sigmoid(gates[3 * width :])
        cell = forget * cell + entry * news
        hidden = exit * np.tanh(cell)
        total += np.sum((w_out @ hidden + b_out - rows[t + 1]) ** 2)
    return total / steps


@njit
def by_hand(w_in, w_state, bias, w_out, b_out, rows):
    """What steps do not wait for is done for all of them at once: products with the inputs, outputs, and of the weights."""
    steps, width = rows.shape[0] - 1, w_state.shape[1]
    gates = rows[:-1] @ w_in.T  # their values, and later their cotangents
    hidden, cells, squashed = np.zeros((steps + 1, width)), np.zeros((steps + 1, width)), np.empty((steps, width))
    pushed = np.empty(4 * width)
    for t in range(steps):
        gate = gates[t]
        np.dot(w_state, hidden[t], pushed)
        for j in range(4 * width):
            z = gate[j] + pushed[j] + bias[j]
            gate[j] = math.tanh(z) if 2 * width <= j < 3 * width else 1.0 / (1.0 + math.exp(-z))
        for j in range(width):
            cells[t + 1, j] = gate[width + j] * cells[t, j] + gate[j] * gate[2 * width + j]
            squashed[t, j] = math.tanh(cells[t + 1, j])
            hidden[t + 1, j] = gate[3 * width + j] * squashed[t, j]
    errors = hidden[1:] @ w_out.T
    total = 0.0
    for t in range(steps):
        for j in range(b_out.size):
            error = errors[t, j] + b_out[j] - rows[t + 1, j]
            total += error * error
            errors[t, j] = 2.0 * error / steps
    hidden_bars = errors @ w_out
    cell_bar, hidden_bar = np.zeros(width), np.zeros(width)
    from_gates = np.ascontiguousarray(w_state.T)
    for t in range(steps - 1, -1, -1):
        gate = gates[t]
        for j in range(width):
            entry, forget, news, exit = gate[j], gate[width + j], gate[2 * width + j], gate[3 * width + j]
            above = hidden_bars[t, j] + hidden_bar[j]
            inner = cell_bar[j] + above * exit * (1.0 - squashed[t, j] * squashed[t, j])
            gate[j] = inner * news * entry * (1.0 - entry)
            gate[width + j] = inner * cells[t, j] * forget * (1.0 - forget)
            gate[2 * width + j] = inner * entry * (1.0 - news * news)
            gate[3 * width + j] = above * squashed[t, j] * exit * (1.0 - exit)
            cell_bar[j] = inner * forget
        np.dot(from_gates, gate, hidden_bar)
    bars = gates.T @ rows[:-1], gates.T @ hidden[:-1], gates.sum(axis=0), errors.T @ hidden[1:], errors.sum(axis=0)
    return total / steps, bars


def jax_loss(w_in, w_state, bias, w_out, b_out, rows):
    import jax
    import jax.numpy as jnp

    def step(state, row):
        hidden, cell = state
        entry, forget, news, exit = jnp.split(w_in @ row + w_state @ hidden + bias, 4)
        cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(entry) * jnp.tanh(news)
        hidden = jax.nn.sigmoid(exit) * jnp.tanh(cell)
        return (hidden, cell), w_out @ hidden + b_out

    start = jnp.zeros(w_state.shape[1])
    _, foretold = jax.lax.scan(step, (start, start), rows[:-1])
    return jnp.sum((foretold - rows[1:]) ** 2) / (len(rows) - 1)


def torch_loss(w_in, w_state, bias, w_out, b_out, rows):
    import torch

    start = torch.zeros(1, 1, w_state.shape[1], dtype=torch.float64)
    weights = (w_in, w_state, bias, torch.zeros_like(bias))  # as torch.nn.LSTM calls it, on weights that are given
    hidden, *_ = torch.lstm(rows[:-1, None], (start, start), weights, True, 1, 0.0, False, False, False)
    return ((hidden[:, 0] @ w_out.T + b_out - rows[1:]) ** 2).sum() / (len(rows) - 1)


def autograd_loss(w_in, w_state, bias, w_out, b_out, rows):
    import autograd.numpy as np

    sigmoid = lambda z: 1.0 / (1.0 + np.exp(-z))
    width, total = w_state.shape[1], 0.0
    hidden = cell = np.zeros(width)
    for t in range(len(rows) - 1):
        gates = np.dot(w_in, rows[t]) + np.dot(w_state, hidden) + bias
        entry, forget, exit = sigmoid(gates[:width]), sigmoid(gates[width : 2 * width]), sigmoid(gates[3 * width :])
        cell = forget * cell + entry * np.tanh(gates[2 * width : 3 * width])
        hidden = exit * np.tanh(cell)
        total = total + np.sum((np.dot(w_out, hidden) + b_out - rows[t + 1]) ** 2)
    return total / (len(rows) - 1)


def dace_loss():
    import dace

    n, m, width = dace.symbol("n"), dace.symbol("m"), dace.symbol("width")

    @dace.program
    def loss(
        w_in: dace.float64[4 * width, m],
        w_state: dace.float64[4 * width, width],
        bias: dace.float64[4 * width],
        w_out: dace.float64[m, width],
        b_out: dace.float64[m],
        rows: dace.float64[n, m],
    ):
        hidden, cell = np.zeros((n, width)), np.zeros((n, width))
        pushed = rows[:-1] @ np.transpose(w_in) + bias
        # DaCe 2.0.0b1 is wrong here: an iteration both reads what it writes, the cell, and hands it on.
        for t in range(n - 1):
            gates = pushed[t] + w_state @ hidden[t]
            entry = 1.0 / (1.0 + np.exp(-gates[:width]))
            forget = 1.0 / (1.0 + np.exp(-gates[width : 2 * width]))
            news = np.tanh(gates[2 * width : 3 * width])
            exit = 1.0 / (1.0 + np.exp(-gates[3 * width :]))
            cell[t + 1] = forget * cell[t] + entry * news
            hidden[t + 1] = exit * np.tanh(cell[t + 1])
        return np.sum((hidden[1:] @ np.transpose(w_out) + b_out - rows[1:]) ** 2) / (n - 1)

    return loss
