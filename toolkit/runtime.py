"""What rules and emitted code call, in Python and inside compiled code alike.

Shape helpers (`spread`, `fill`, `unbroadcast`, `spread_like`, `cast`, ...) serve numbers and arrays of any rank.
`elementwise` lifts a function of numbers to arrays by NumPy's broadcasting; float32 stays float32.
Everything here that a rule calls has a card in the catalogue, so that derivatives can be differentiated again.
"""
import functools
import math

import numba
import numpy as np
from numba import types
from numba.extending import overload

from .host import as_dtype


def elementwise(body):
    """Lift a function of numbers to arrays."""
    kernel, loops = numba.njit(body, error_model="numpy"), numba.vectorize(body)
    names = ", ".join(body.__code__.co_varnames[:body.__code__.co_argcount])

    @functools.wraps(body)
    def lifted(*args):
        single = _single([np.asarray(a).dtype for a in args])
        if any(np.ndim(a) for a in args):
            out = loops(*args)
            return out.astype(np.float32) if single else out
        return np.float32(kernel(*args)) if single else kernel(*args)

    def typed(*args):
        dtypes = [as_dtype(getattr(a, "dtype", types.unliteral(a))) for a in args]
        call = "loops" if any(isinstance(a, types.Array) for a in args) else "kernel"
        call = f"{call}({names})"
        if _single(dtypes):
            call = f"{call}.astype(np.float32)" if call.startswith("loops") else f"np.float32({call})"
        return eval(f"lambda {names}: {call}", {"np": np, "kernel": kernel, "loops": loops})

    overload(lifted, strict=False)(eval(f"lambda {names}: typed({names})", {"typed": typed}))
    return lifted


def _single(dtypes):
    """Are the floats among these dtypes all float32?"""
    return {d for d in dtypes if d.kind == "f"} == {np.dtype(np.float32)}


# ---- shapes ----------------------------------------------------------------------------------------------------------

def spread(y, shape, axis):
    """Repeat `y` along a new `axis` of `shape`: the transpose of np.sum(x, axis)."""
    out = np.empty(shape, np.asarray(y).dtype)
    out[...] = np.expand_dims(y, axis)
    return out


@overload(spread)
def _spread(y, shape, axis):
    if isinstance(y, types.Number):
        return lambda y, shape, axis: np.full(shape, y)

    def impl(y, shape, axis):
        out = np.empty(shape, y.dtype)
        out[...] = np.expand_dims(y, axis)
        return out
    return impl


def fill(v, shape):
    """The array of `shape` whose every entry is `v`: the transpose of np.sum."""
    return np.full(shape, v, np.asarray(v).dtype)


@overload(fill)
def _fill(v, shape):
    return lambda v, shape: np.full(shape, v)


def count(shape):
    """How many entries an array of `shape` has."""
    return math.prod(shape)


@overload(count)
def _count(shape):
    def impl(shape):
        n = 1
        for d in shape:
            n *= d
        return n
    return impl


def unbroadcast(ct, like):
    """Sum `ct` down to the shape of `like`: the transpose of broadcasting. `ct` itself when the shapes agree."""
    if np.ndim(like) == 0:
        return np.sum(ct) if np.ndim(ct) else ct
    if ct.shape == like.shape:
        return ct
    lead = ct.ndim - like.ndim
    axes = (*range(lead), *(lead + i for i, n in enumerate(like.shape) if n == 1))
    return ct.sum(axis=axes).reshape(like.shape)


@overload(unbroadcast)
def _unbroadcast(ct, like):
    if not isinstance(ct, types.Array):
        return lambda ct, like: ct
    if not isinstance(like, types.Array) or like.ndim == 0:
        return lambda ct, like: np.sum(ct)

    same = ct.ndim == like.ndim

    def impl(ct, like):
        if same and ct.shape == like.shape:
            return ct
        out = np.zeros(like.shape, ct.dtype)
        _accumulate(out, ct)
        return out
    return impl


def _accumulate(out, ct):
    """out += ct, where `out` may lack leading axes of `ct`, or have length 1 where `ct` is longer."""


@overload(_accumulate)
def _accumulate_typed(out, ct):
    if ct.ndim > out.ndim:
        def impl(out, ct):
            for i in range(ct.shape[0]):
                _accumulate(out, ct[i])
    elif ct.ndim > 1:
        def impl(out, ct):
            stays = 1 if out.shape[0] == ct.shape[0] else 0
            for i in range(ct.shape[0]):
                _accumulate(out[i * stays], ct[i])
    else:
        def impl(out, ct):
            if out.shape[0] == ct.shape[0]:
                for i in range(ct.shape[0]):
                    out[i] += ct[i]
            else:
                for i in range(ct.shape[0]):
                    out[0] += ct[i]
    return impl


def spread_like(v, like):
    """Broadcast `v`, a number or an array, to a fresh array of the shape of `like`: the transpose of unbroadcast."""
    return np.array(np.broadcast_to(v, np.shape(like))) if np.ndim(like) else v


@overload(spread_like)
def _spread_like(v, like):
    if not isinstance(like, types.Array):
        return lambda v, like: v
    if not isinstance(v, types.Array):
        return lambda v, like: np.full(like.shape, v)

    def impl(v, like):
        out = np.empty(like.shape, v.dtype)
        out[...] = v
        return out
    return impl


def cast(x, like):
    """`x`, a number or an array, in the float type of `like`; `x` itself if it has it, or if `like` has none."""
    have, want = np.asarray(x).dtype, np.asarray(like).dtype
    if want.kind != "f" or have == want:
        return x
    return x.astype(want) if np.ndim(x) else want.type(x)


@overload(cast)
def _cast(x, like):
    have, want = getattr(x, "dtype", types.unliteral(x)), getattr(like, "dtype", types.unliteral(like))
    if not isinstance(want, types.Float) or have == want:
        return lambda x, like: x
    dtype = as_dtype(want).type
    if isinstance(x, types.Array):
        return lambda x, like: x.astype(dtype)
    return lambda x, like: dtype(x)


# ---- numbers and arrays of numbers -----------------------------------------------------------------------------------

@elementwise
def select(c, x, y):
    """x where c, else y: np.where that keeps numbers numbers."""
    return x if c else y


@elementwise
def keep(c, x):
    """x where c, else 0: a mask that stops infinities, which a product by zero does not."""
    return x if c else 0.0


@elementwise
def relu(x):
    """max(x, 0)."""
    return 0.0 if x < 0.0 else x


@elementwise
def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    t = math.exp(-abs(x))
    return (1.0 if x >= 0.0 else t) / (1.0 + t)


@elementwise
def softplus(x):
    """log(1 + exp(x)), without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@elementwise
def digamma(x):
    """The derivative of lgamma: reflection, recurrence to x >= 10, then Stirling's series (Abramowitz & Stegun 6.3)."""
    shift = 0.0
    if x <= 0.0:
        if x == math.floor(x):
            return math.nan
        shift, x = -math.pi / math.tan(math.pi * (x - math.floor(x))), 1.0 - x
    while x < 10.0:
        shift -= 1.0 / x
        x += 1.0
    t = 1.0 / (x * x)
    series = t * (1 / 12 - t * (1 / 120 - t * (1 / 252 - t * (1 / 240 - t * (1 / 132 - t * (691 / 32760 - t / 12))))))
    return shift + math.log(x) - 0.5 / x - series


# B(2k) / (2k)!, k = 1, ..., 10
BERNOULLI = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
             -3617 / 10670622842880000, 43867 / 5109094217170944000, -174611 / 802857662698291200000)


@elementwise
def polygamma(n, x):
    """The n-th derivative of digamma, n >= 1: recurrence to x >= n + 12, then its asymptotic series (A&S 6.4)."""
    if x <= 0.0 and x == math.floor(x):
        return math.nan
    total, factorial = 0.0, math.gamma(n + 1.0)
    while x < n + 12.0:
        total += factorial / x ** (n + 1)
        x += 1.0
    total += factorial / n / x ** n + 0.5 * factorial / x ** (n + 1)
    term = factorial / n / x ** n                   # (2k + n - 1)! / x**(2k + n), from k = 0 on
    for k in range(10):
        term *= (2 * k + n) * (2 * k + n + 1) / (x * x)
        total += BERNOULLI[k] * term
    return total if n % 2 == 1 else -total


@elementwise
def sinc_slope(n, x):
    """The n-th derivative of np.sinc(x): power series near 0, else u f(n) + n f(n-1) = sin(u + n pi/2)."""
    u = math.pi * x
    total = 0.0
    if abs(u) <= n + 2.0:
        m = n % 2                                   # the first power of u that is left: 2k - n for the least k >= n/2
        term = 1.0 if ((n + m) // 2) % 2 == 0 else -1.0
        for _ in range(m):
            term *= u
        for _ in range(60):
            total += term / (m + n + 1)
            term *= -u * u / ((m + 1) * (m + 2))
            m += 2
    else:
        total = math.sin(u) / u
        for k in range(1, n + 1):
            turned = math.sin(u) if k % 2 == 0 else math.cos(u)
            total = ((-turned if k % 4 > 1 else turned) - k * total) / u
    return total * math.pi ** n


# ---- order and position ----------------------------------------------------------------------------------------------

@numba.njit
def flatten(x):
    """The entries of x in C order, as a fresh vector."""
    return x.flatten()


@numba.njit
def shaped(v, shape):
    """The entries of v, in C order, as a fresh array of `shape`: the transpose of flatten."""
    return v.flatten().reshape(shape)


@numba.njit
def pick(x, i):
    """The i-th entry of x in C order."""
    return x.flat[i]


@numba.njit
def place(v, i, shape):
    """Zeros of `shape`, but v at the i-th entry in C order: the transpose of pick."""
    out = np.full(shape, v * 0)
    out.flat[i] = v
    return out


@numba.njit
def scatter(v, indices, shape):
    """Zeros of `shape`, to which v is added at `indices` into its entries in C order: the transpose of np.take."""
    out = np.zeros(count(shape), v.dtype)
    values, places = v.flatten(), indices.flatten()
    for k in range(values.size):
        out[places[k]] += values[k]
    return out.reshape(shape)


@numba.njit
def repeated(repeats, n):
    """From which of n entries np.repeat takes each of its results."""
    return np.repeat(np.arange(n), repeats)


@numba.njit
def median_weights(x):
    """The weights with which the entries of x enter np.median(x)."""
    order, out = np.argsort(x.flatten()), np.zeros(x.size, x.dtype)
    out[order[(x.size - 1) // 2]] += 0.5
    out[order[x.size // 2]] += 0.5
    return out.reshape(x.shape)


# ---- running sums and products ---------------------------------------------------------------------------------------

@numba.njit
def suffix_sum(v):
    """out[k] = v[k] + v[k+1] + ...: the transpose of np.cumsum."""
    out, total = np.empty(v.size, v.dtype), v.dtype.type(0)
    for k in range(v.size - 1, -1, -1):
        total += v[k]
        out[k] = total
    return out


@numba.njit
def undiff(v, n):
    """The transpose of np.diff(x, n) along the last axis."""
    for _ in range(n):
        out = np.zeros(v.shape[:-1] + (v.shape[-1] + 1,), v.dtype)
        out[..., 1:] += v
        out[..., :-1] -= v
        v = out
    return v


@numba.njit
def delay(v):
    """out[k] = v[k-1], out[0] = 0."""
    out = np.zeros_like(v)
    out[1:] = v[:-1]
    return out


@numba.njit
def advance(v):
    """out[k] = v[k+1], out[-1] = 0: the transpose of delay."""
    out = np.zeros_like(v)
    out[:-1] = v[1:]
    return out


@numba.njit
def recur(a, b):
    """out[k] = a[k] out[k-1] + b[k]."""
    out = b.copy()
    for k in range(1, b.size):
        out[k] += a[k] * out[k - 1]
    return out


@numba.njit
def recur_back(a, b):
    """out[k] = a[k+1] out[k+1] + b[k]: the transpose of recur."""
    out = b.copy()
    for k in range(b.size - 2, -1, -1):
        out[k] += a[k + 1] * out[k + 1]
    return out


@numba.njit
def before(x):
    """The product of all that precede each entry: x[0] ... x[k-1]."""
    out = np.ones_like(x)
    for k in range(1, x.size):
        out[k] = out[k - 1] * x[k - 1]
    return out


@numba.njit
def after(x):
    """The product of all that follow each entry: x[k+1] ... x[-1]."""
    out = np.ones_like(x)
    for k in range(x.size - 2, -1, -1):
        out[k] = out[k + 1] * x[k + 1]
    return out


# ---- matrices --------------------------------------------------------------------------------------------------------

@numba.njit
def undiag(v, k, shape):
    """Zeros of `shape` with v on the k-th diagonal: the transpose of np.diag of a matrix."""
    out = np.zeros(shape, v.dtype)
    for i in range(v.size):
        out[i + max(-k, 0), i + max(k, 0)] = v[i]
    return out


@numba.njit
def scaled_eye(v, k, shape):
    """Zeros of `shape` with the number v on the whole k-th diagonal: the transpose of np.trace."""
    out = np.full(shape, v * 0)
    for i in range(max(-k, 0), min(shape[0], shape[1] - k)):
        out[i, i + k] = v
    return out


@numba.njit
def kron_left(c, b):
    """The transpose of np.kron(a, b) in a."""
    m, n = c.shape[0] // b.shape[0], c.shape[1] // b.shape[1]
    out = np.zeros((m, n), c.dtype)
    for i in range(m):
        for j in range(n):
            out[i, j] = np.sum(c[i * b.shape[0]:(i + 1) * b.shape[0], j * b.shape[1]:(j + 1) * b.shape[1]] * b)
    return out


@numba.njit
def kron_right(c, a):
    """The transpose of np.kron(a, b) in b."""
    p, q = c.shape[0] // a.shape[0], c.shape[1] // a.shape[1]
    out = np.zeros((p, q), c.dtype)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out += a[i, j] * c[i * p:(i + 1) * p, j * q:(j + 1) * q]
    return out


@numba.njit
def mirror(a):
    """The symmetric matrix with the lower triangle of a: all that LAPACK reads of it."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        for j in range(i + 1):
            out[i, j] = out[j, i] = a[i, j]
    return out


@numba.njit
def fold(c):
    """The lower triangle of c plus its upper one turned over: the transpose of mirror."""
    out = np.zeros_like(c)
    for i in range(c.shape[0]):
        for j in range(i):
            out[i, j] = c[i, j] + c[j, i]
        out[i, i] = c[i, i]
    return out


@numba.njit
def half_lower(a):
    """The lower triangle of a, its diagonal halved (Murray 2016, Phi)."""
    out = np.tril(a)
    for i in range(a.shape[0]):
        out[i, i] = a[i, i] * 0.5
    return out


@numba.njit
def slogdet_sign(a):
    """The sign of det(a)."""
    return np.linalg.slogdet(a)[0]


@numba.njit
def logabsdet(a):
    """log |det(a)|."""
    return np.linalg.slogdet(a)[1]


@numba.njit
def eigenvectors(a):
    """The eigenvectors of a symmetric matrix: np.linalg.eigh(a)[1]."""
    return np.linalg.eigh(a)[1]


@numba.njit
def gaps(w):
    """out[i, j] = 1 / (w[j] - w[i]), 0 where they are equal."""
    out = np.zeros((w.size, w.size), w.dtype)
    for i in range(w.size):
        for j in range(w.size):
            if w[i] != w[j]:
                out[i, j] = 1 / (w[j] - w[i])
    return out


# ---- networks --------------------------------------------------------------------------------------------------------

def logsumexp(x, axis=None):
    """log(sum(exp(x))) over everything or along an axis, without overflow; x of rank 1 or 2."""
    top = np.max(x, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, x.dtype.type(0))
    with np.errstate(divide="ignore", over="ignore"):
        out = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return np.squeeze(out, axis)[()]


@overload(logsumexp)
def _logsumexp(x, axis=None):
    if not isinstance(x, types.Array):
        return None
    if axis is None or isinstance(axis, types.NoneType | types.Omitted) or x.ndim == 1:
        return lambda x, axis=None: _logsumexp_all(x)

    def rows(x, axis=None):
        lines = x.T if axis == 0 or axis == -2 else x.T.T
        out = np.empty(lines.shape[0], x.dtype)
        for i in range(lines.shape[0]):
            out[i] = _logsumexp_all(lines[i])
        return out
    return rows if x.ndim == 2 else None


@numba.njit
def _logsumexp_all(x):
    top, total = x.max(), x.dtype.type(0)
    if not np.isfinite(top):
        return top
    for v in x.flat:
        total += np.exp(v - top)
    return np.log(total) + top


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along an axis, without overflow; x of rank 1 or 2."""
    out = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return out / np.sum(out, axis=axis, keepdims=True)


@overload(softmax)
def _softmax(x, axis=-1):
    if not isinstance(x, types.Array):
        return None
    if x.ndim == 1:
        def impl(x, axis=-1):
            out = np.exp(x - x.max())
            return out / out.sum()
    elif x.ndim == 2:
        def impl(x, axis=-1):
            out = np.empty(x.shape, x.dtype)
            if axis == 0 or axis == -2:
                for j in range(x.shape[1]):
                    out[:, j] = softmax(x[:, j])
            else:
                for i in range(x.shape[0]):
                    out[i] = softmax(x[i])
            return out
    else:
        return None
    return impl
