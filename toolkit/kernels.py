"""Functions of arrays that the catalogue needs and that NumPy or Numba lacks; each has a card."""
import math

import numba
import numpy as np

from .runtime import elementwise


@numba.njit
def entry(x, k):
    """The k-th entry in C order."""
    return x.flat[k]


@numba.njit
def place(v, k, shape):
    """Zeros, and v at the k-th place in C order: the transpose of `entry`."""
    out = np.zeros(shape, np.asarray(v).dtype)
    out.flat[k] = v
    return out


@numba.njit
def gather(x, index):
    """x's entries at these places in C order."""
    out = np.empty(index.shape[0], x.dtype)
    for k in range(index.shape[0]):
        out[k] = x.flat[index[k]]
    return out


@numba.njit
def scatter(v, index, shape):
    """Zeros, with v added at these places in C order: the transpose of `gather`."""
    out = np.zeros(shape, v.dtype)
    for k in range(index.shape[0]):
        out.flat[index[k]] += v[k]
    return out


@numba.njit
def middle(x, up):
    """The place of the lower (up=0) or upper (up=1) middle entry."""
    return np.argsort(x.copy().ravel())[(x.size - 1 + up) // 2]


@numba.njit
def others(x):
    """For each entry the product of all others."""
    y = np.ones(x.size, x.dtype)
    before = after = x.dtype.type(1)
    for k in range(x.size):
        y[k] = before
        before *= x.flat[k]
    for k in range(x.size - 1, -1, -1):
        y[k] *= after
        after *= x.flat[k]
    return y.reshape(x.shape)


@numba.njit
def others_push(x, v):
    """The derivative of `others` along v: a symmetric matrix times v."""
    out = np.zeros(x.size, x.dtype)
    for i in range(x.size):
        for j in range(x.size):
            if i != j:
                p = v.flat[j]
                for k in range(x.size):
                    if k != i and k != j:
                        p *= x.flat[k]
                out[i] += p
    return out.reshape(x.shape)


@numba.njit
def cumprod_push(x, v):
    """The derivative of np.cumprod along v."""
    out = np.empty(x.size, x.dtype)
    total, slope = x.dtype.type(1), x.dtype.type(0)
    for k in range(x.size):
        slope = slope * x.flat[k] + total * v.flat[k]
        total *= x.flat[k]
        out[k] = slope
    return out


@numba.njit
def cumprod_pull(x, bar):
    """The transpose of `cumprod_push` in v."""
    out = np.empty(x.size, x.dtype)
    before = np.empty(x.size, x.dtype)
    total = x.dtype.type(1)
    for k in range(x.size):
        before[k] = total
        total *= x.flat[k]
    slope = x.dtype.type(0)
    for k in range(x.size - 1, -1, -1):
        slope += bar[k]
        out[k] = slope * before[k]
        slope *= x.flat[k]
    return out.reshape(x.shape)


@numba.njit
def repeated_sum(bar, n, shape):
    """Sum n neighbours: the transpose of np.repeat(x, n)."""
    out = np.zeros(bar.size // n, bar.dtype)
    for k in range(bar.size):
        out[k // n] += bar[k]
    return out.reshape(shape)


@numba.njit
def kron_left(bar, b):
    """The transpose of np.kron(a, b) in a."""
    out = np.zeros((bar.shape[0] // b.shape[0], bar.shape[1] // b.shape[1]), bar.dtype)
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            out[i // b.shape[0], j // b.shape[1]] += bar[i, j] * b[i % b.shape[0], j % b.shape[1]]
    return out


@numba.njit
def kron_right(bar, a):
    """The transpose of np.kron(a, b) in b."""
    m, n = bar.shape[0] // a.shape[0], bar.shape[1] // a.shape[1]
    out = np.zeros((m, n), bar.dtype)
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            out[i % m, j % n] += bar[i, j] * a[i // m, j // n]
    return out


@numba.njit
def diagonal(a, k):
    """The k-th diagonal, copied."""
    n = max(0, min(a.shape[0] + min(k, 0), a.shape[1] - max(k, 0)))
    out = np.empty(n, a.dtype)
    for i in range(n):
        out[i] = a[i - min(k, 0), i + max(k, 0)]
    return out


@numba.njit
def on_diagonal(v, k, shape):
    """Zeros of a shape with v on the k-th diagonal: the transpose of `diagonal`."""
    out = np.zeros(shape, v.dtype)
    for i in range(v.shape[0]):
        out[i - min(k, 0), i + max(k, 0)] = v[i]
    return out


@numba.njit
def slogdet_sign(a):
    """The sign of the determinant."""
    return np.linalg.slogdet(a)[0]


@numba.njit
def logabsdet(a):
    """log |det a|"""
    return np.linalg.slogdet(a)[1]


@numba.njit
def mirrored(a):
    """The symmetric matrix whose lower triangle is a's."""
    return np.tril(a) + np.tril(a, -1).T


@numba.njit
def folded(a):
    """The transpose of `mirrored`: the upper triangle added to the lower."""
    return np.tril(a) + np.tril(a.T, -1)


@numba.njit
def half_lower(a):
    """The lower triangle with half the diagonal; its own transpose."""
    out = np.tril(a)
    for i in range(a.shape[0]):
        out[i, i] *= 0.5
    return out


# ---- networks
@elementwise
def relu(x):
    """max(x, 0); the derivative at 0 is 0."""
    return x if x > 0 else x * 0


@elementwise
def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    e = math.exp(x)
    return e / (1 + e)


@elementwise
def softplus(x):
    """log(1 + exp(x)), without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@numba.njit
def logsumexp_all(x):
    """log sum exp over every entry."""
    m = np.max(x)
    if not np.isfinite(m):
        return m
    return m + np.log(np.sum(np.exp(x - m)))


@numba.njit
def softmax_all(x):
    """exp(x) / sum exp(x) over every entry."""
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


@numba.njit
def logsumexp_axis(x, axis):
    """log sum exp along an axis of a matrix."""
    n = x.shape[0] if axis in (1, -1) else x.shape[1]
    out = np.empty(n, x.dtype)
    for i in range(n):
        out[i] = logsumexp_all(x[i] if axis in (1, -1) else x[:, i])
    return out


@numba.njit
def softmax_axis(x, axis):
    """exp(x) / sum exp(x) along an axis of a matrix."""
    out = np.empty(x.shape, x.dtype)
    for i in range(x.shape[0] if axis in (1, -1) else x.shape[1]):
        if axis in (1, -1):
            out[i] = softmax_all(x[i])
        else:
            out[:, i] = softmax_all(x[:, i])
    return out


def logsumexp(x, axis=None):
    """log Σ exp x over every entry, or along an axis of a matrix; stable at any size."""
    return logsumexp_all(x) if axis is None else logsumexp_axis(x, axis)


def softmax(x, axis=None):
    """exp x / Σ exp x over every entry, or along an axis of a matrix; stable at any size."""
    return softmax_all(x) if axis is None else softmax_axis(x, axis)


@numba.extending.overload(logsumexp)
def _logsumexp(x, axis=None):
    if axis is None or isinstance(axis, (numba.types.NoneType, numba.types.Omitted)):
        return lambda x, axis=None: logsumexp_all(x)
    return lambda x, axis=None: logsumexp_axis(x, axis)


@numba.extending.overload(softmax)
def _softmax(x, axis=None):
    if axis is None or isinstance(axis, (numba.types.NoneType, numba.types.Omitted)):
        return lambda x, axis=None: softmax_all(x)
    return lambda x, axis=None: softmax_axis(x, axis)


# ---- derivatives of log gamma
@numba.njit
def polygamma(n, x):
    """The n-th derivative of the digamma function for x > 0: recurrence up to 15, then the asymptotic series (Abramowitz & Stegun
    6.4.6, 6.4.11); reflection is used for n = 0 only."""
    if n == 0 and x < 0.5:
        return polygamma(0, 1.0 - x) - math.pi / math.tan(math.pi * x)
    sign = -1.0 if n % 2 == 0 else 1.0
    factorial = math.gamma(n + 1.0)
    total = 0.0
    while x < 15.0:
        total += sign * factorial / x ** (n + 1)
        x += 1.0
    if n == 0:
        total += math.log(x) - 0.5 / x
    else:
        total += sign * (math.gamma(float(n)) / x ** n + factorial / (2.0 * x ** (n + 1)))
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
    for k in range(8):
        m = 2 * (k + 1)
        total += sign * bernoulli[k] * math.exp(math.lgamma(m + n) - math.lgamma(m + 1.0)) / x ** (m + n)
    return total
