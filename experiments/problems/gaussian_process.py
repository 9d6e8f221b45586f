"""Which length scale, amplitude, noise and inputs make data likely? The log-likelihood of a Gaussian process, by np.linalg.

log N(y; 0, a² exp(−½ ‖xᵢ − xⱼ‖² / ℓ²) + s²), as in Rasmussen and Williams (2006), algorithm 2.1; x, too, is differentiated,
as a model with latent inputs needs (Lawrence, 2005).
"""

import math

import numpy as np
from numba import njit

TITLE = "Gaussian process, np.linalg"
SIZES = ({"n": 4, "d": 2}, {"n": 100, "d": 3}, {"n": 1500, "d": 5})
ARGNUMS = (0, 1)


def arguments(n, d):
    """(log ℓ, log a, log s), the inputs, and the outputs."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d))
    return np.log([1.0, 1.5, 0.3]), x, np.sin(np.sum(x, axis=1)) + 0.3 * rng.standard_normal(n)


def loss(logs, x, y):
    n = x.shape[0]
    length, amplitude, noise = np.exp(logs)
    squares = np.sum(x**2, axis=1)
    distances = squares.reshape(n, 1) + squares - 2.0 * (x @ x.T)
    covariance = amplitude**2 * np.exp(-0.5 / length**2 * distances) + noise**2 * np.eye(n)
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, y)
    return -0.5 * np.sum(white**2) - np.sum(np.log(np.diag(root))) - 0.5 * n * math.log(2.0 * math.pi)


@njit
def by_hand(logs, x, y):
    """The derivative by the covariance K is ½ (α αᵀ − K⁻¹), α = K⁻¹ y."""
    n, d = x.shape
    length, amplitude, noise = np.exp(logs)
    squares = np.sum(x**2, axis=1)
    signal = x @ x.T  # and from here on the distances, then the covariance without noise
    for i in range(n):
        for j in range(n):
            distance = squares[i] + squares[j] - 2.0 * signal[i, j]
            signal[i, j] = amplitude**2 * math.exp(-0.5 / length**2 * distance)
    covariance = signal.copy()
    for i in range(n):
        covariance[i, i] += noise**2
    root = np.linalg.cholesky(covariance)
    inverse = np.linalg.inv(covariance)
    alpha = inverse @ y
    value = -0.5 * (alpha @ y) - 0.5 * n * math.log(2.0 * math.pi)
    for i in range(n):
        value -= math.log(root[i, i])

    logs_bar = np.zeros(3)
    by_distance = inverse  # up to −½ / ℓ²; a row at a time, so the inverse may give its place
    row_sums = np.zeros(n)
    for i in range(n):
        logs_bar[2] += noise**2 * (alpha[i] ** 2 - inverse[i, i])
        for j in range(n):
            weighted = 0.5 * (alpha[i] * alpha[j] - inverse[i, j]) * signal[i, j]
            logs_bar[1] += 2.0 * weighted
            by_distance[i, j] = weighted
            row_sums[i] += weighted
    # What the length scale gets, Σ weighted × distance, comes of the same sums as what x gets.
    product = by_distance @ x
    x_bar = np.empty((n, d))
    for i in range(n):
        for k in range(d):
            x_bar[i, k] = 2.0 / length**2 * (product[i, k] - row_sums[i] * x[i, k])
            logs_bar[0] += 2.0 / length**2 * x[i, k] * (row_sums[i] * x[i, k] - product[i, k])
    return value, (logs_bar, x_bar)


def jax_loss(logs, x, y):
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    n = x.shape[0]
    length, amplitude, noise = jnp.exp(logs)
    squares = jnp.sum(x**2, axis=1)
    distances = squares[:, None] + squares - 2.0 * (x @ x.T)
    covariance = amplitude**2 * jnp.exp(-0.5 / length**2 * distances) + noise**2 * jnp.eye(n)
    root = jnp.linalg.cholesky(covariance)
    white = solve_triangular(root, y, lower=True)
    return -0.5 * jnp.sum(white**2) - jnp.sum(jnp.log(jnp.diagonal(root))) - 0.5 * n * jnp.log(2.0 * jnp.pi)


def torch_loss(logs, x, y):
    import torch

    n = x.shape[0]
    length, amplitude, noise = logs.exp()
    squares = (x**2).sum(dim=1)
    distances = squares[:, None] + squares - 2.0 * (x @ x.T)
    covariance = amplitude**2 * torch.exp(-0.5 / length**2 * distances) + noise**2 * torch.eye(n, dtype=x.dtype)
    root = torch.linalg.cholesky(covariance)
    white = torch.linalg.solve_triangular(root, y[:, None], upper=False)
    return -0.5 * (white**2).sum() - root.diagonal().log().sum() - 0.5 * n * math.log(2.0 * math.pi)


def autograd_loss(logs, x, y):
    import autograd.numpy as np

    n = x.shape[0]
    length, amplitude, noise = np.exp(logs)
    squares = np.sum(x**2, axis=1)
    distances = squares[:, None] + squares - 2.0 * np.dot(x, x.T)
    covariance = amplitude**2 * np.exp(-0.5 / length**2 * distances) + noise**2 * np.eye(n)
    root = np.linalg.cholesky(covariance)
    white = np.linalg.solve(root, y)
    return -0.5 * np.sum(white**2) - np.sum(np.log(np.diag(root))) - 0.5 * n * np.log(2.0 * np.pi)


def dace_loss():
    import dace

    n, d = dace.symbol("n"), dace.symbol("d")

    @dace.program
    def loss(logs: dace.float64[3], x: dace.float64[n, d], y: dace.float64[n]):
        squares = np.sum(x**2, axis=1)
        distances = np.reshape(squares, (n, 1)) + squares - 2.0 * (x @ np.transpose(x))
        covariance = np.exp(2.0 * logs[1]) * np.exp(-0.5 * np.exp(-2.0 * logs[0]) * distances)
        covariance += np.exp(2.0 * logs[2]) * np.eye(n)
        white, total = np.zeros((n,)), 0.0
        for i in range(n):  # np.linalg's have no derivative here
            for j in range(i):
                covariance[i, j] -= np.dot(covariance[i, :j], covariance[j, :j])
                covariance[i, j] /= covariance[j, j]
            covariance[i, i] -= np.dot(covariance[i, :i], covariance[i, :i])
            covariance[i, i] = np.sqrt(covariance[i, i])
        for i in range(n):
            white[i] = (y[i] - np.dot(covariance[i, :i], white[:i])) / covariance[i, i]
        for i in range(n):
            total -= np.log(covariance[i, i])
        return total - 0.5 * np.sum(white**2) - 0.5 * n * np.log(2.0 * np.pi)

    return loss
