"""How do the weights of a ridge regression depend on its data? By conjugate gradients until the residual is small.

(XᵀX + λ) w = Xᵀy by the method of Hestenes and Stiefel (1952), in a `while` loop; ½ ‖w − target‖² is differentiated.
"""

import numpy as np
from numba import njit

TITLE = "Conjugate gradients, while"
SIZES = ({"n": 8, "m": 4}, {"n": 400, "m": 200}, {"n": 4000, "m": 1000})
ARGNUMS = (0, 1)


def arguments(n, m):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, m)) / np.sqrt(n)
    return x, rng.standard_normal(n), rng.standard_normal(m), 0.5, 1e-10


def loss(x, y, target, ridge, tolerance):
    residual = x.T @ y
    weights = np.zeros_like(residual)
    direction = residual.copy()
    squared = residual @ residual
    while squared > tolerance**2:
        image = x.T @ (x @ direction) + ridge * direction
        step = squared / (direction @ image)
        weights = weights + step * direction
        residual = residual - step * image
        before, squared = squared, residual @ residual
        direction = residual + squared / before * direction
    return 0.5 * np.sum((weights - target) ** 2)


@njit
def by_hand(x, y, target, ridge, tolerance):
    """By the theorem of the implicit function: the adjoint system, which has the same matrix, is solved by the same method."""
    n, m = x.shape
    weights = solve(x, x.T @ y, ridge, tolerance)
    weights_bar = weights - target
    value = 0.5 * np.sum(weights_bar**2)
    adjoint = solve(x, weights_bar, ridge, tolerance)
    misfit = y - x @ weights
    y_bar = x @ adjoint
    x_bar = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            x_bar[i, j] = misfit[i] * adjoint[j] - y_bar[i] * weights[j]
    return value, (x_bar, y_bar)


@njit
def solve(x, b, ridge, tolerance):
    solution = np.zeros_like(b)
    residual, direction = b.copy(), b.copy()
    squared = residual @ residual
    while squared > tolerance**2:
        image = x.T @ (x @ direction)
        for j in range(b.size):
            image[j] += ridge * direction[j]
        step = squared / (direction @ image)
        for j in range(b.size):
            solution[j] += step * direction[j]
            residual[j] -= step * image[j]
        before, squared = squared, residual @ residual
        for j in range(b.size):
            direction[j] = residual[j] + squared / before * direction[j]
    return solution


def jax_loss(x, y, target, ridge, tolerance):
    import jax.numpy as jnp
    from jax.scipy.sparse.linalg import cg

    # A `while_loop` has no derivative in reverse mode: the library's solver has its own.
    weights, _ = cg(lambda v: x.T @ (x @ v) + ridge * v, x.T @ y, tol=0.0, atol=tolerance)
    return 0.5 * jnp.sum((weights - target) ** 2)


def torch_loss(x, y, target, ridge, tolerance):
    residual = direction = x.T @ y
    weights = 0.0
    squared = residual @ residual
    while squared > tolerance**2:
        image = x.T @ (x @ direction) + ridge * direction
        step = squared / (direction @ image)
        weights = weights + step * direction
        residual = residual - step * image
        before, squared = squared, residual @ residual
        direction = residual + squared / before * direction
    return 0.5 * ((weights - target) ** 2).sum()


def autograd_loss(x, y, target, ridge, tolerance):
    import autograd.numpy as np

    residual = direction = np.dot(x.T, y)
    weights = 0.0
    squared = np.dot(residual, residual)
    while squared > tolerance**2:
        image = np.dot(x.T, np.dot(x, direction)) + ridge * direction
        step = squared / np.dot(direction, image)
        weights = weights + step * direction
        residual = residual - step * image
        before, squared = squared, np.dot(residual, residual)
        direction = residual + squared / before * direction
    return 0.5 * np.sum((weights - target) ** 2)


dace_loss = None  # "While loops are not yet supported in DaCe AD"
