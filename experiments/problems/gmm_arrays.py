"""The same Gaussian mixture (ADBench's, see gmm_loops) as array code: matrices, products and slices, a component at a time."""

import math

import numpy as np
from numba import njit

# The other systems have but one way to write it.
from experiments.problems.gmm_loops import (  # noqa: F401
    ARGNUMS,
    arguments,
    autograd_loss,
    constant,
    dace_loss,
    dace_more,
    jax_loss,
    torch_loss,
)

TITLE = "Gaussian mixture, arrays"
SIZES = ({"n": 10, "d": 2, "k": 3}, {"n": 1_000, "d": 10, "k": 25}, {"n": 10_000, "d": 32, "k": 25})


@njit
def triangle(row, d):
    """exp of the first d numbers on the diagonal, and the rest below it, column by column."""
    q = np.diag(np.exp(row[:d]))
    at = d
    for j in range(d - 1):
        q[j + 1 :, j] = row[at : at + d - 1 - j]
        at += d - 1 - j
    return q


def loss(alphas, means, icf, x, gamma, m):
    n, d = x.shape
    k = alphas.size
    total = constant(n, d, k, gamma, m)
    terms = np.empty((n, k))
    for c in range(k):
        log_det = np.sum(icf[c, :d])
        q = triangle(icf[c], d)
        turned = (x - means[c]) @ q.T
        terms[:, c] = alphas[c] + log_det - 0.5 * np.sum(turned**2, axis=1)
        squares = np.sum(np.exp(2.0 * icf[c, :d])) + np.sum(icf[c, d:] ** 2)
        total += 0.5 * gamma**2 * squares - m * log_det
    for i in range(n):
        top = np.max(terms[i])
        total += top + np.log(np.sum(np.exp(terms[i] - top)))
    return total - n * np.log(np.sum(np.exp(alphas)))


BLOCK = 128  # points whose k · d numbers stay in the caches until the reverse sweep comes back to them


@njit
def by_hand(alphas, means, icf, x, gamma, m):
    """By blocks of points: the products are BLAS's, and what is kept is a block's."""
    n, d = x.shape
    k = alphas.size
    total = constant(n, d, k, gamma, m)
    shares, means_bar, icf_bar = np.zeros(k), np.zeros((k, d)), np.empty(icf.shape)
    weights = np.exp(alphas)
    q, q_bar, log_dets = np.empty((k, d, d)), np.zeros((k, d, d)), np.empty(k)
    for c in range(k):
        log_dets[c] = np.sum(icf[c, :d])
        q[c] = triangle(icf[c], d)
        total += 0.5 * gamma**2 * np.sum(q[c] ** 2) - m * log_dets[c]
    turned, terms = np.empty((k, BLOCK, d)), np.empty((k, BLOCK))
    moved, top, sum_exp = np.empty((BLOCK, d)), np.empty(BLOCK), np.empty(BLOCK)
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        top[:] = -np.inf
        for c in range(k):
            for i in range(size):
                for j in range(d):
                    moved[i, j] = x[start + i, j] - means[c, j]
            np.dot(moved[:size], q[c].T, turned[c, :size])
            for i in range(size):
                square = 0.0
                for j in range(d):
                    square += turned[c, i, j] ** 2
                terms[c, i] = alphas[c] + log_dets[c] - 0.5 * square
                top[i] = max(top[i], terms[c, i])
        sum_exp[:] = 0.0
        for c in range(k):
            for i in range(size):
                terms[c, i] = math.exp(terms[c, i] - top[i])
                sum_exp[i] += terms[c, i]
        for i in range(size):
            total += top[i] + math.log(sum_exp[i])
        for c in range(k):
            for i in range(size):
                share = terms[c, i] / sum_exp[i]
                shares[c] += share
                for j in range(d):
                    turned[c, i, j] *= -share  # from here on the cotangent of what it was
                    moved[i, j] = x[start + i, j] - means[c, j]
            q_bar[c] += turned[c, :size].T @ moved[:size]
            for j in range(d):
                for i in range(size):
                    means_bar[c, j] += turned[c, i, j]  # to be turned back at the end
    for c in range(k):
        means_bar[c] = -(means_bar[c] @ q[c])
        at = d
        for j in range(d):
            icf_bar[c, j] = shares[c] - m + (q_bar[c, j, j] + gamma**2 * q[c, j, j]) * q[c, j, j]
            for row in range(j + 1, d):
                icf_bar[c, at] = q_bar[c, row, j] + gamma**2 * icf[c, at]
                at += 1
    weight = np.sum(weights)
    return total - n * np.log(weight), (shares - n / weight * weights, means_bar, icf_bar)
