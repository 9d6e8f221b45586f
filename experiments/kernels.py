"""Small programs of which each does one kind of work: what a machine's rates are measured on (`scaling.py`).

None is a part of what those rates are to foretell. Each comes with arguments that stay in the first caches; with its gradient
it is two measurements.
"""

import math

import numpy as np


def polynomial(x, y):
    for i in range(x.size):
        y[i] = ((0.1 * x[i] + 0.2) * x[i] + 0.3) * x[i] + y[i]
    return y[0]


def inner_product(x, y):
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


def recurrence(x, y):
    state, total = 0.0, 0.0
    for i in range(x.size):
        state = 0.5 * state * y[i] + x[i]
        total += state * state
    return total


def quotients(x, y):
    total = 0.0
    for i in range(x.size):
        total += (x[i] - 0.5) / (y[i] + 2.0)
    return total


def hinges(x, y):
    total = 0.0
    for i in range(x.size):
        gap = x[i] - y[i]
        if gap > 0.0:
            total += gap * gap
        else:
            total -= 0.5 * gap
    return total


def exponentials(x, y):
    total = 0.0
    for i in range(x.size):
        total += math.exp(x[i] * y[i])
    return total


def squashed(x, y):
    return np.sum(np.tanh(x * y) * np.exp(-x))


def differences(x, y):
    return np.sum((x[1:] - x[:-1]) ** 2) + np.sum((y[1:-1] - 0.5 * (x[2:] + x[:-2])) ** 2)


def chains(x, y):
    total = 0.0
    for i in range(x.size // 20):
        state = x[i]
        for k in range(20):
            state = math.sin(state) + y[k]
        total += state
    return total


def short_loops(x, y):
    total = 0.0
    for i in range(x.size // 6):
        here = 0.0
        for k in range(6):
            here += x[6 * i + k] * y[k]
        total += here * here
    return total


def relaxation(x, y):
    for i in range(1, x.size):
        y[i] = (y[i] + y[i - 1]) * x[i]
    return y[x.size - 1]


def small_arrays(x, y):
    total, state = 0.0, y[:8].copy()
    for i in range(x.size // 8):
        state = 0.5 * (state + x[8 * i : 8 * i + 8])
        total += np.sum(state * state)
    return total


def decays(x, y):
    total, state = 0.0, 1.0
    for i in range(x.size):
        if x[i] > 0.5:
            state = state * 0.9 + math.sqrt(x[i])
        else:
            state -= y[i] * y[i] * 0.1
        if state > 2.0:
            state *= 0.5
            total += state * y[i]
    return total


def plates(x, y):
    a, b = x.reshape(-1, 12), y.reshape(-1, 12)
    c = a[1:-1, 1:-1] * (b[2:, 1:-1] + b[:-2, 1:-1] + b[1:-1, 2:])
    return np.sum(c)


def matvecs(x, y):
    a, v = x.reshape(-1, 16), y[:16].copy()
    total = 0.0
    for _ in range(20):
        total += np.sum((a @ v) ** 2)
    return total


def matmuls(x, y):
    return np.sum(x.reshape(24, -1) @ y.reshape(-1, 24))


LOOPS = (
    polynomial, inner_product, recurrence, quotients, hinges, exponentials, chains, short_loops, relaxation, decays,
)  # fmt: skip
ALL = (*LOOPS, squashed, differences, plates, small_arrays, matvecs, matmuls)
SIZES = (96, 2400)


def arguments(n):
    rng = np.random.default_rng(0)
    return rng.uniform(0.0, 1.0, n), rng.uniform(0.0, 1.0, n)
