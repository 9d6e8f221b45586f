"""The network of the article: ten samples of ten numbers, two hidden layers of two nodes each, ReLU, a cost.

    I (10 × 10)  ->  nodes 1, 2 (10 × 5 each)  ->  nodes 3, 4 (10 × 1 each)  ->  node 5, the output (10 × 1)  ->  cost
"""

import numpy as np

from toolkit import relu

PARAMETERS = ("W1", "b1", "W2", "b2", "W3", "b3", "W4", "b4")


def network(I, W1, b1, W2, b2, W3, b3, W4, b4, y):  # noqa: E741
    z1 = relu(I @ W1 + b1)
    z2 = relu(I @ W2 + b2)
    n = W1.shape[1]
    z3 = relu(z1 @ W3[:n] + z2 @ W3[n:] + b3)
    z4 = relu(z1 @ W4[:n] + z2 @ W4[n:] + b4)
    z5 = z3 + z4
    cost = np.sum((z5 - y) ** 2)
    return cost


def arguments(seed: int = 3) -> tuple[np.ndarray, ...]:
    """I, the parameters, and what the output should be; every node is alive (positive) for some samples."""
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.standard_normal(shape) / np.sqrt(shape[0])
    hidden = lambda: (draw(10, 5), 0.1 * rng.standard_normal(5))
    output = lambda: (draw(10, 1), np.array([0.5]))
    return rng.standard_normal((10, 10)), *hidden(), *hidden(), *output(), *output(), rng.standard_normal((10, 1))
