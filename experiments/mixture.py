"""The log-likelihood of a Gaussian mixture with diagonal covariances, in plain scalar loops, on the same digits."""

import math

import numpy as np

from experiments.measure import Problem
from experiments.perceptron import digits


def log_likelihood(log_weights, means, log_scales, x):
    """Σᵢ log Σₖ softmax(log_weights)ₖ N(xᵢ; meansₖ, exp(log_scalesₖ)²), up to the constant −n d/2 log 2π."""
    n, d = x.shape
    components = log_weights.shape[0]
    total_weight = 0.0
    for k in range(components):
        total_weight += math.exp(log_weights[k])
    terms = np.empty(components)
    total = 0.0
    for i in range(n):
        for k in range(components):
            term = log_weights[k]
            for j in range(d):
                z = (x[i, j] - means[k, j]) * math.exp(-log_scales[k, j])
                term -= 0.5 * z * z + log_scales[k, j]
            terms[k] = term
        top = terms[0]
        for k in range(1, components):
            if terms[k] > top:
                top = terms[k]
        sum_exp = 0.0
        for k in range(components):
            sum_exp += math.exp(terms[k] - top)
        total += top + math.log(sum_exp)
    return total - n * math.log(total_weight)


def mixture(points: int, components: int = 10, dimensions: int = 8, seed: int = 0) -> Problem:
    """`components` Gaussians on the first principal coordinates of the digits, started at random data points."""
    x, _ = digits()
    centred = x - x.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:dimensions]
    coordinates = np.ascontiguousarray((centred @ axes.T)[:points])
    rng = np.random.default_rng(seed)
    means = coordinates[rng.choice(points, components, replace=False)]
    arguments = (0.1 * rng.standard_normal(components), means, np.zeros((components, dimensions)), coordinates)
    sizes = {"batch": points, "width": dimensions, "depth": components}
    return Problem("Gaussian mixture", log_likelihood, arguments, (0, 1, 2), sizes)
