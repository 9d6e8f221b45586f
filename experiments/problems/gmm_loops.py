"""A Gaussian mixture with full covariances and a Wishart prior, ADBench's (Šrajer, Kukelova & Fitzgibbon 2018).

Σᵢ log Σₖ exp(αₖ + log |Qₖ| − ½ |Qₖ (xᵢ − μₖ)|²) − n log Σₖ exp αₖ, and the prior of Qₖ, whose lower triangle is stored by
columns behind the logarithms of its diagonal: `icf`, of d (d + 1) / 2 numbers a component.
"""

import math

import numpy as np
from numba import njit

TITLE = "Gaussian mixture, loops"
SIZES = ({"n": 10, "d": 2, "k": 3}, {"n": 1_000, "d": 10, "k": 25}, {"n": 10_000, "d": 32, "k": 25})
ARGNUMS = (0, 1, 2)


def arguments(n, d, k):
    rng = np.random.default_rng(0)
    alphas, means = rng.standard_normal(k), rng.uniform(0.0, 1.0, (k, d))
    icf = 0.3 * rng.standard_normal((k, d * (d + 1) // 2))
    return alphas, means, icf, rng.standard_normal((n, d)), 1.0, 0


@njit
def constant(n, d, k, gamma, m):
    """What does not depend on the parameters: of the densities, and of k Wishart priors with d + m + 1 degrees of freedom."""
    freedom = d + m + 1
    normaliser = freedom * d * (math.log(gamma) - 0.5 * math.log(2.0)) - 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(d):
        normaliser -= math.lgamma(0.5 * (freedom - j))
    return -0.5 * n * d * math.log(2.0 * math.pi) - k * normaliser


def loss(alphas, means, icf, x, gamma, m):
    n, d = x.shape
    k = alphas.size
    diagonals, log_dets = np.empty((k, d)), np.zeros(k)
    total = constant(n, d, k, gamma, m)
    for c in range(k):
        squares = 0.0
        for j in range(d):
            log_dets[c] += icf[c, j]
            diagonals[c, j] = math.exp(icf[c, j])
            squares += diagonals[c, j] ** 2
        for j in range(d, icf.shape[1]):
            squares += icf[c, j] ** 2
        total += 0.5 * gamma**2 * squares - m * log_dets[c]
    moved, turned, terms = np.empty(d), np.empty(d), np.empty(k)
    for i in range(n):
        for c in range(k):
            for j in range(d):
                moved[j] = x[i, j] - means[c, j]
                turned[j] = diagonals[c, j] * moved[j]
            at = d
            for j in range(d):
                for row in range(j + 1, d):
                    turned[row] += icf[c, at] * moved[j]
                    at += 1
            square = 0.0
            for j in range(d):
                square += turned[j] ** 2
            terms[c] = alphas[c] + log_dets[c] - 0.5 * square
        top = terms[0]
        for c in range(1, k):
            top = max(top, terms[c])
        sum_exp = 0.0
        for c in range(k):
            sum_exp += math.exp(terms[c] - top)
        total += top + math.log(sum_exp)
    weight = 0.0
    for c in range(k):
        weight += math.exp(alphas[c])
    return total - n * math.log(weight)


@njit
def by_hand(alphas, means, icf, x, gamma, m):
    """Point by point: what a point needs of its own forward pass are k rows of d numbers, twice."""
    n, d = x.shape
    k = alphas.size
    alphas_bar, means_bar, icf_bar = np.empty(k), np.zeros((k, d)), np.empty(icf.shape)
    diagonals, log_dets, weight = np.exp(icf[:, :d]), np.zeros(k), 0.0
    total = constant(n, d, k, gamma, m)
    for c in range(k):
        weight += math.exp(alphas[c])
        squares = 0.0
        for j in range(d):
            log_dets[c] += icf[c, j]
            squares += diagonals[c, j] ** 2
            icf_bar[c, j] = gamma**2 * diagonals[c, j] ** 2 - m
        for j in range(d, icf.shape[1]):
            squares += icf[c, j] ** 2
            icf_bar[c, j] = gamma**2 * icf[c, j]
        total += 0.5 * gamma**2 * squares - m * log_dets[c]
    for c in range(k):
        alphas_bar[c] = -n * math.exp(alphas[c]) / weight
    all_moved, all_turned, terms, moved_bar = np.empty((k, d)), np.empty((k, d)), np.empty(k), np.empty(d)
    for i in range(n):
        for c in range(k):
            moved, turned = all_moved[c], all_turned[c]
            for j in range(d):
                moved[j] = x[i, j] - means[c, j]
                turned[j] = diagonals[c, j] * moved[j]
            at = d
            for j in range(d):
                for row in range(j + 1, d):
                    turned[row] += icf[c, at] * moved[j]
                    at += 1
            square = 0.0
            for j in range(d):
                square += turned[j] ** 2
            terms[c] = alphas[c] + log_dets[c] - 0.5 * square
        top = np.max(terms)
        sum_exp = 0.0
        for c in range(k):
            terms[c] = math.exp(terms[c] - top)
            sum_exp += terms[c]
        total += top + math.log(sum_exp)
        for c in range(k):
            share = terms[c] / sum_exp
            moved, turned = all_moved[c], all_turned[c]
            alphas_bar[c] += share
            for j in range(d):
                turned[j] *= -share  # from here on the cotangent of what it was
                icf_bar[c, j] += share + turned[j] * moved[j] * diagonals[c, j]
                moved_bar[j] = turned[j] * diagonals[c, j]
            at = d
            for j in range(d):
                back = 0.0
                for row in range(j + 1, d):
                    icf_bar[c, at] += turned[row] * moved[j]
                    back += icf[c, at] * turned[row]
                    at += 1
                moved_bar[j] += back
            for j in range(d):
                means_bar[c, j] -= moved_bar[j]
    return total - n * math.log(weight), (alphas_bar, means_bar, icf_bar)


def places(d):
    """Where in [0, *lower triangle] the entries of a (d, d) matrix are: 0 on the diagonal and above it."""
    at = np.zeros((d, d), int)
    columns, rows = np.triu_indices(d, 1)
    at[rows, columns] = 1 + np.arange(rows.size)
    return at


def jax_loss(alphas, means, icf, x, gamma, m):
    import jax.numpy as jnp
    from jax.scipy.special import logsumexp

    (n, d), k = x.shape, alphas.size
    diagonals, log_dets = jnp.exp(icf[:, :d]), icf[:, :d].sum(1)
    rows, columns = np.triu_indices(d, 1)[::-1]
    q = jnp.zeros((k, d, d)).at[:, rows, columns].set(icf[:, d:]).at[:, np.arange(d), np.arange(d)].set(diagonals)
    turned = jnp.einsum("krj,nkj->nkr", q, x[:, None] - means)
    terms = alphas + log_dets - 0.5 * (turned**2).sum(2)
    prior = 0.5 * gamma**2 * ((diagonals**2).sum() + (icf[:, d:] ** 2).sum()) - m * log_dets.sum()
    return constant(n, d, k, gamma, m) + logsumexp(terms, axis=1).sum() - n * logsumexp(alphas) + prior


def torch_loss(alphas, means, icf, x, gamma, m):
    import torch

    (n, d), k = x.shape, len(alphas)
    diagonals, log_dets = icf[:, :d].exp(), icf[:, :d].sum(1)
    rows, columns = np.triu_indices(d, 1)[::-1]
    q = torch.diag_embed(diagonals)
    q[:, rows, columns] = icf[:, d:]
    turned = torch.einsum("krj,nkj->nkr", q, x[:, None] - means)
    terms = alphas + log_dets - 0.5 * (turned**2).sum(2)
    prior = 0.5 * gamma**2 * ((diagonals**2).sum() + (icf[:, d:] ** 2).sum()) - m * log_dets.sum()
    return constant(n, d, k, gamma, m) + terms.logsumexp(1).sum() - n * alphas.logsumexp(0) + prior


def autograd_loss(alphas, means, icf, x, gamma, m):
    import autograd.numpy as np
    from autograd.scipy.special import logsumexp

    (n, d), k = x.shape, len(alphas)
    diagonals, log_dets = np.exp(icf[:, :d]), np.sum(icf[:, :d], axis=1)
    lower = np.concatenate((np.zeros((k, 1)), icf[:, d:]), axis=1)[:, places(d)]
    q = lower + diagonals[:, :, None] * np.eye(d)
    turned = np.einsum("krj,nkj->nkr", q, x[:, None] - means)
    terms = alphas + log_dets - 0.5 * np.sum(turned**2, axis=2)
    prior = 0.5 * gamma**2 * (np.sum(diagonals**2) + np.sum(icf[:, d:] ** 2)) - m * np.sum(log_dets)
    return constant(n, d, k, gamma, m) + np.sum(logsumexp(terms, axis=1)) - n * logsumexp(alphas) + prior


def dace_loss():
    import dace

    n, d, k = dace.symbol("n"), dace.symbol("d"), dace.symbol("k")

    @dace.program
    def loss(
        alphas: dace.float64[k],
        means: dace.float64[k, d],
        icf: dace.float64[k, d * (d + 1) // 2],
        x: dace.float64[n, d],
        gamma: dace.float64,
        m: dace.int64,
        fixed: dace.float64,
    ):
        log_dets = np.sum(icf[:, :d], axis=1)
        terms = np.zeros((n, k))
        squares = np.sum(np.exp(2.0 * icf[:, :d])) + np.sum(icf[:, d:] ** 2)
        for c in range(k):
            q = np.zeros((d, d))
            for j in range(d):
                q[j, j] = np.exp(icf[c, j])
                for row in range(j + 1, d):
                    q[row, j] = icf[c, d + j * (2 * d - j - 1) // 2 + row - j - 1]
            turned = (x - means[c]) @ np.transpose(q)
            terms[:, c] = alphas[c] + log_dets[c] - 0.5 * np.sum(turned**2, axis=1)
        top = np.max(terms, axis=1)
        total = np.sum(top + np.log(np.sum(np.exp(terms - np.reshape(top, (n, 1))), axis=1)))
        highest = np.max(alphas)
        total -= n * (highest + np.log(np.sum(np.exp(alphas - highest))))
        return total + 0.5 * gamma**2 * squares - m * np.sum(log_dets) + fixed

    return loss


def dace_more(alphas, means, icf, x, gamma, m):
    return {"fixed": constant(*x.shape, alphas.size, gamma, m)}
