"""What rules and emitted code call, in Python and inside compiled code alike.

Shape helpers (`spread`, `fill`, `unbroadcast`, `spread_like`, `cast`, ...) serve numbers and arrays of any rank.
`elementwise` lifts a function of numbers to arrays by NumPy's broadcasting; float32 stays float32.
Everything here that a rule calls has a card in the catalogue, so that derivatives can be differentiated again.
In plain Python these are plain Python: nothing is compiled but the bodies of `elementwise`.
"""
import functools
import math

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, register_jitable

from .host import as_dtype

ELEMENTWISE = []        # what has been lifted


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
        args = [a[()] if isinstance(a, np.ndarray) else a for a in args]
        return np.float32(kernel(*args)) if single else kernel(*args)

    def typed(*args):
        dtypes = [as_dtype(getattr(a, "dtype", types.unliteral(a))) for a in args]
        call = "loops" if any(isinstance(a, types.Array) for a in args) else "kernel"
        call = f"{call}({names})"
        if _single(dtypes):
            call = f"{call}.astype(np.float32)" if call.startswith("loops") else f"np.float32({call})"
        return eval(f"lambda {names}: {call}", {"np": np, "kernel": kernel, "loops": loops})

    overload(lifted, strict=False)(eval(f"lambda {names}: typed({names})", {"typed": typed}))
    ELEMENTWISE.append(lifted)
    return lifted


def _single(dtypes):
    """Are the floats among these dtypes all float32?"""
    return {d for d in dtypes if d.kind == "f"} == {np.dtype(np.float32)}


# ---- sums of a reverse sweep ----------------------------------------------------------------------------------------

def plus(a, b):
    """a + b, a term of a sum whose order is open."""
    return a + b


def minus(a, b):
    """a - b, likewise."""
    return a - b


def _in_any_order(fn, operation):
    @intrinsic
    def loose(ctx, a, b):
        def emit(context, builder, sig, args):
            return getattr(builder, operation)(*args, flags=("reassoc",))
        return a(a, b), emit

    @overload(fn)
    def _typed(a, b):
        return (lambda a, b: loose(a, b)) if a == b and isinstance(a, types.Float) else None


@register_jitable
def padded(n):
    """n zeros: a row whose middle a loop writes whenever it runs, and whose ends stay zero."""
    return np.zeros(n)


_in_any_order(plus, "fadd")
_in_any_order(minus, "fsub")


# ---- shapes ----------------------------------------------------------------------------------------------------------

def spread(y, shape, axis):
    """Repeat `y` along new axes of `shape`: the transpose of np.sum(x, axis); `axis`: a number, a tuple of them or None."""
    out = np.empty(shape, np.asarray(y).dtype)
    out[...] = np.expand_dims(y, axis) if np.ndim(y) else y
    return out


@overload(spread)
def _spread(y, shape, axis):
    if isinstance(y, types.Number):
        return lambda y, shape, axis: np.full(shape, y)
    single = isinstance(axis, types.Integer)

    def impl(y, shape, axis):
        out = np.empty(shape, y.dtype)
        out[...] = np.expand_dims(y, axis) if single else _expanded(y, axis, axis, len(shape), -1)
        return out
    return impl


def _expanded(y, axes, left, n, last):
    """`y` with a new axis for each of `left`: those of `axes`, modulo n, that come after `last`, in their order."""


@overload(_expanded)
def _expanded_typed(y, axes, left, n, last):
    if len(left) == 0:
        return lambda y, axes, left, n, last: y

    def impl(y, axes, left, n, last):
        at = n
        for k in axes:
            if last < k % n < at:
                at = k % n
        return _expanded(np.expand_dims(y, at), axes, left[1:], n, at)
    return impl


def fill(v, shape):
    """The array of `shape` whose every entry is `v`: the transpose of np.sum."""
    return np.full(shape, v, np.asarray(v).dtype)


@overload(fill)
def _fill(v, shape):
    return lambda v, shape: np.full(shape, v)


@register_jitable
def joined(n, m):
    """The length of an axis that is broadcast from axes of lengths n and m."""
    return n if m == 1 else m


@register_jitable
def step(have, n):
    """What an index on an axis of length `have` is multiplied by where it is broadcast to n: 1, or 0 if there is one entry."""
    if have == n:
        return 1
    if have != 1:
        raise ValueError("arrays of these shapes cannot be broadcast together")
    return 0


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
    """Sum `ct` down to the shape of `like` (an array, a number, or the shape itself): the transpose of broadcasting. `ct` itself
    when the shapes agree."""
    shape = like if isinstance(like, tuple) else np.shape(like)
    if not shape:
        return np.sum(ct) if np.ndim(ct) else ct
    if ct.shape == shape:
        return ct
    lead = ct.ndim - len(shape)
    axes = (*range(lead), *(lead + i for i, n in enumerate(shape) if n == 1))
    return ct.sum(axis=axes).reshape(shape)


@overload(unbroadcast)
def _unbroadcast(ct, like):
    if not isinstance(ct, types.Array):
        return lambda ct, like: ct
    if isinstance(like, types.UniTuple):
        alike = ct.ndim == like.count

        def to_shape(ct, like):
            if alike and ct.shape == like:
                return ct
            out = np.zeros(like, ct.dtype)
            _accumulate(out, ct)
            return out
        return to_shape
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
    """Broadcast `v`, a number or an array, to a fresh array of the shape of `like` (an array, a number, or the shape itself): the
    transpose of unbroadcast."""
    shape = like if isinstance(like, tuple) else np.shape(like)
    return np.array(np.broadcast_to(v, shape)) if shape else v


@overload(spread_like)
def _spread_like(v, like):
    if not isinstance(like, types.Array | types.UniTuple):
        return lambda v, like: v
    if isinstance(like, types.Array):
        return lambda v, like: spread_like(v, like.shape)
    if not isinstance(v, types.Array):
        return lambda v, like: np.full(like, v)

    def impl(v, like):
        out = np.empty(like, v.dtype)
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


def stop_gradient(x):
    """x, held fixed: no derivative passes. Of an array a copy, so that what is written to one is not written to the other."""
    if isinstance(x, np.ndarray):
        return np.copy(x)
    while hasattr(x, "tangent"):        # a Dual
        x = x.value
    return x


@overload(stop_gradient)
def _stop_gradient(x):
    if isinstance(x, types.Array):
        return lambda x: np.copy(x)
    if isinstance(x, types.Number | types.Boolean):
        return lambda x: x
    return None


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


@elementwise
def bessel(n, z):
    """The n-th derivative of I0, the modified Bessel function of order 0, at z: the mean of cos^n(t) exp(z cos t) over a period.
    On a periodic function the trapezoidal rule converges faster than any power of the number of its points."""
    total, points = 0.0, 40 + 2 * int(abs(z) + n)
    for k in range(points):
        c = math.cos(2.0 * math.pi * k / points)
        total += c ** n * math.exp(z * c)
    return total / points


def kaiser_radii(m):
    """The half-circle under np.kaiser: sqrt(1 - t^2) for m values of t from -1 to 1."""
    return np.sqrt(np.maximum(1.0 - np.linspace(-1.0, 1.0, m) ** 2, 0.0)) if m > 1 else np.zeros(m)


@overload(kaiser_radii)
def _kaiser_radii(m):
    def impl(m):
        out = np.zeros(max(m, 0))
        for k in range(m if m > 1 else 0):
            t = 2.0 * k / (m - 1) - 1.0
            out[k] = math.sqrt(1.0 - t * t)
        return out
    return impl


@register_jitable
def exponent(x):
    """The e of x = m 2**e, 0.5 <= |m| < 1: math.frexp(x)[1]."""
    return math.frexp(x)[1]


# ---- order and position ----------------------------------------------------------------------------------------------

@register_jitable
def flatten(x):
    """The entries of x in C order, as a fresh vector."""
    return x.flatten()


@register_jitable
def shaped(v, shape):
    """The entries of v, in C order, as a fresh array of `shape`: the transpose of flatten."""
    return v.flatten().reshape(shape)


def _entries(x):
    """The entries of a contiguous array as a vector that shares its memory."""


@overload(_entries)
def _entries_typed(x):
    return (lambda x: x) if x.ndim == 1 else lambda x: x.reshape(x.size)


def _extreme(fn, name):
    """What np.max or np.min returns, by the operation of IEEE 754-2019, as vector code: of zeros, +0.0 is the larger."""
    @intrinsic
    def further(ctx, a, b):
        def emit(cx, builder, sig, args):
            t = args[0].type
            return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [t], ir.FunctionType(t, [t, t])), args)
        return a(a, b), emit

    def extreme(x):
        return fn(x)

    @overload(extreme)
    def _typed(x):
        def impl(x):
            if x.size == 0:
                return fn(x)
            flat = _entries(x)
            best = flat[0]
            for i in range(x.size):
                best = further(best, flat[i])
            return best
        return impl if isinstance(x.dtype, types.Float) and x.layout == "C" else lambda x: fn(x)
    extreme.__name__ = extreme.__qualname__ = name
    return extreme


maximum, minimum = _extreme(np.max, "maximum"), _extreme(np.min, "minimum")


def position(x, value):
    """Where in C order a number stands first in x, of which it is an entry: a NaN, where the first of these stands.

    If x was computed anew since, and rounded otherwise (as `fastmath` may), it is where the nearest entry stands.
    """
    hits = np.isnan(x) if value != value else x == value
    return int(np.argmax(hits) if np.any(hits) else np.argmin(np.abs(x - value)))


@overload(position)
def _position(x, value):
    if not (isinstance(x, types.Array) and x.layout == "C"):
        return lambda x, value: _searched(x.flat, 0, value)

    def impl(x, value):
        flat, last = _entries(x), x.size - x.size % 64
        for begin in range(0, last, 64):        # without a way out, so that it is vector code
            found = 0
            for i in range(begin, begin + 64):
                found += (flat[i] == value) | ((flat[i] != flat[i]) & (value != value))
            if found:
                return _searched(flat, begin, value)
        return _searched(flat, last, value)
    return impl


@register_jitable
def _searched(entries, begin, value):
    for i in range(begin, len(entries)):
        if entries[i] == value or (entries[i] != entries[i] and value != value):
            return i
    nearest = 0
    for i in range(len(entries)):
        if abs(entries[i] - value) < abs(entries[nearest] - value):
            nearest = i
    return nearest


@register_jitable
def pick(x, i):
    """The i-th entry of x in C order."""
    return x.flat[i % x.size]


@register_jitable
def place(v, i, shape):
    """Zeros of `shape`, but v at the i-th entry in C order: the transpose of pick."""
    out = np.full(shape, v * 0)
    out.flat[i % out.size] = v
    return out


@register_jitable
def scatter(v, indices, shape):
    """Zeros of `shape`, to which v is added at `indices` into its entries in C order: the transpose of np.take."""
    out = np.zeros(count(shape), v.dtype)
    values, places = v.flatten(), np.asarray(indices).flatten()
    for k in range(values.size):
        out[places[k]] += values[k]
    return out.reshape(shape)


@register_jitable
def scatter_along(v, indices, axis, shape):
    """Zeros of `shape`, to which v is added at `indices` along an axis: the transpose of np.take(x, indices, axis)."""
    out = np.zeros(shape, v.dtype)
    into, values = np.swapaxes(out, 0, axis), np.swapaxes(v, 0, axis)
    for k in range(len(indices)):
        into[indices[k]] += values[k]
    return out


@register_jitable
def repeated(repeats, n):
    """From which of n entries np.repeat takes each of its results."""
    return np.repeat(np.arange(n), repeats)


@register_jitable
def order(x):
    """The places in x, in C order, of the entries of np.sort(x), which sorts along the last axis."""
    rows = np.ascontiguousarray(x).reshape(x.size // max(x.shape[-1], 1), x.shape[-1])
    out = np.empty(rows.shape, np.intp)
    for i in range(len(rows)):
        out[i] = i * x.shape[-1] + np.argsort(rows[i])
    return out.reshape(x.shape)


@register_jitable
def distinct_places(x):
    """The places in x, in C order, of the first entries of each value of np.unique(x)."""
    flat, places = x.flatten(), np.argsort(x.flatten(), kind="mergesort")
    new = np.ones(x.size, np.bool_)
    for k in range(1, x.size):
        new[k] = flat[places[k]] != flat[places[k - 1]]
    return places[new]


@register_jitable
def partition_places(x, kth):
    """The places in x, in C order, of the entries of np.partition(x, kth), which parts along the last axis."""
    parted = np.ascontiguousarray(np.partition(x, kth))
    sources, targets, out = order(x).reshape(-1), order(parted).reshape(-1), np.empty(x.size, np.intp)
    for k in range(x.size):         # the k-th in size of a row of x comes to where the k-th in size of the result is
        out[targets[k]] = sources[k]
    return out.reshape(x.shape)


@register_jitable
def insertion(n, obj, m):
    """Which of n entries, followed by m new ones, each entry of np.insert(x, obj, values) is."""
    return np.insert(np.arange(n), obj, n + np.arange(m))


@register_jitable
def places_along(shape, indices, axis):
    """The places in an array of `shape`, in C order, of the entries of np.take_along_axis(x, indices, axis)."""
    return np.take_along_axis(np.arange(count(shape)).reshape(shape), indices, axis)


@register_jitable
def zeros_ahead(x):
    """How many zeros a vector begins with."""
    n = 0
    while n < x.size and x[n] == 0:
        n += 1
    return n


@register_jitable
def tally(x, bins):
    """How many entries of x lie in each of so many bins, or in each between two of a vector: np.histogram(x, bins)[0]."""
    return np.histogram(x, bins)[0]


@register_jitable
def tally_within(x, bins, low, high):
    """How many entries of x lie in each of so many bins from low to high: np.histogram(x, bins, (low, high))[0]."""
    return np.histogram(x, bins, (low, high))[0]


def quantile_weights(x, q):
    """The weights with which the entries of x enter np.nanquantile(x, q), in the shape of x; for a vector q, a row for each."""
    return _weights(x, np.asarray(q).flatten(), 0).reshape((len(q), x.size) if np.ndim(q) else x.shape)


@overload(quantile_weights)
def _quantile_weights(x, q):
    if isinstance(q, types.Array):
        return lambda x, q: _weights(x, q.flatten(), 0)
    return lambda x, q: _weights(x, np.array([q]), 0).reshape(x.shape)


def quantile_slopes(x, q):
    """The derivatives of quantile_weights(x, q) in q."""
    return _weights(x, np.asarray(q).flatten(), 1).reshape((len(q), x.size) if np.ndim(q) else x.shape)


@overload(quantile_slopes)
def _quantile_slopes(x, q):
    if isinstance(q, types.Array):
        return lambda x, q: _weights(x, q.flatten(), 1)
    return lambda x, q: _weights(x, np.array([q]), 1).reshape(x.shape)


@register_jitable
def _weights(x, q, derivative):
    """Linear interpolation between the two order statistics around (n - 1) q (Hyndman & Fan 1996, definition 7)."""
    flat, out = x.flatten(), np.zeros((q.size, x.size))
    places = np.argsort(flat)
    n = flat.size - np.sum(np.isnan(flat))
    for i in range(q.size if n > 1 else 0):
        k = min(max(math.floor(q[i] * (n - 1)), 0), n - 2)
        t = q[i] * (n - 1) - k
        out[i, places[k]] = 1 - n if derivative else 1 - t
        out[i, places[k + 1]] = n - 1 if derivative else t
    if n == 1 and derivative == 0:
        out[:, places[0]] = 1
    return out


# ---- running sums and products ---------------------------------------------------------------------------------------

@register_jitable
def suffix_sum(v):
    """out[k] = v[k] + v[k+1] + ...: the transpose of np.cumsum."""
    out, total = np.empty(v.size, v.dtype), v.dtype.type(0)
    for k in range(v.size - 1, -1, -1):
        total += v[k]
        out[k] = total
    return out


@register_jitable
def suffix_sum_along(v, axis):
    """The transpose of np.cumsum(x, axis)."""
    out = v.copy()
    lines = np.swapaxes(out, 0, axis)
    for k in range(len(lines) - 2, -1, -1):
        lines[k] += lines[k + 1]
    return out


@register_jitable
def undiff(v, n):
    """The transpose of np.diff(x, n) along the last axis."""
    for _ in range(n):
        out = np.zeros((*v.shape[:-1], v.shape[-1] + 1), v.dtype)
        out[..., 1:] += v
        out[..., :-1] -= v
        v = out
    return v


@register_jitable
def unwrapped(p, discont, period):
    """np.unwrap along the last axis, with its keywords in order."""
    return np.unwrap(p, discont, -1, period=period)


@register_jitable
def delay(v):
    """out[k] = v[k-1], out[0] = 0."""
    out = np.zeros_like(v)
    out[1:] = v[:-1]
    return out


@register_jitable
def advance(v):
    """out[k] = v[k+1], out[-1] = 0: the transpose of delay."""
    out = np.zeros_like(v)
    out[:-1] = v[1:]
    return out


@register_jitable
def recur(a, b):
    """out[k] = a[k] out[k-1] + b[k]."""
    out = b.copy()
    for k in range(1, b.size):
        out[k] += a[k] * out[k - 1]
    return out


@register_jitable
def recur_back(a, b):
    """out[k] = a[k+1] out[k+1] + b[k]: the transpose of recur."""
    out = b.copy()
    for k in range(b.size - 2, -1, -1):
        out[k] += a[k + 1] * out[k + 1]
    return out


@register_jitable
def before(x):
    """The product of all that precede each entry: x[0] ... x[k-1]."""
    out = np.ones_like(x)
    for k in range(1, x.size):
        out[k] = out[k - 1] * x[k - 1]
    return out


@register_jitable
def after(x):
    """The product of all that follow each entry: x[k+1] ... x[-1]."""
    out = np.ones_like(x)
    for k in range(x.size - 2, -1, -1):
        out[k] = out[k + 1] * x[k + 1]
    return out


# ---- interpolation, and slices of convolutions ------------------------------------------------------------------------

def interp_slope(x, xp, fp):
    """The derivative of np.interp(x, xp, fp) in x: 0 outside the knots, at a knot that of the interval to the right."""
    return _slopes(np.asarray(x).flatten(), xp, fp).reshape(np.shape(x))[()]


@overload(interp_slope)
def _interp_slope(x, xp, fp):
    if isinstance(x, types.Array):
        return lambda x, xp, fp: _slopes(x.flatten(), xp, fp).reshape(x.shape)
    return lambda x, xp, fp: _slopes(np.array([x]), xp, fp)[0]


@register_jitable
def _interval(x, xp):
    """k such that x is between xp[k] and xp[k + 1]; -1 outside."""
    if not xp[0] <= x <= xp[-1]:
        return -1
    return min(np.searchsorted(xp, x, "right") - 1, len(xp) - 2)


@register_jitable
def _slopes(x, xp, fp):
    out = np.zeros(len(x), fp.dtype)
    for i in range(len(x)):
        k = _interval(x[i], xp)
        if k >= 0:
            out[i] = (fp[k + 1] - fp[k]) / (xp[k + 1] - xp[k])
    return out


@register_jitable
def interp_back(c, x, xp):
    """The transpose of np.interp(x, xp, fp) in fp."""
    out, weights, at = np.zeros(len(xp), np.float64), np.asarray(c).flatten(), np.asarray(x).flatten()
    for i in range(len(at)):
        k = _interval(at[i], xp)
        if k >= 0:
            t = (at[i] - xp[k]) / (xp[k + 1] - xp[k])
            out[k] += weights[i] * (1 - t)
            out[k + 1] += weights[i] * t
        else:
            out[0 if at[i] < xp[0] else -1] += weights[i]
    return out


@register_jitable
def slope_back(c, x, xp):
    """The transpose of interp_slope(x, xp, fp) in fp."""
    out, weights, at = np.zeros(len(xp), np.float64), np.asarray(c).flatten(), np.asarray(x).flatten()
    for i in range(len(at)):
        k = _interval(at[i], xp)
        if k >= 0:
            out[k] -= weights[i] / (xp[k + 1] - xp[k])
            out[k + 1] += weights[i] / (xp[k + 1] - xp[k])
    return out


@register_jitable
def _first(n, m, mode, turned):
    """Where np.convolve(x, y, mode) begins in the full one, of lengths n and m; `turned`: of np.correlate."""
    short = min(n, m)
    first = 0 if mode == "full" else short - 1 if mode == "valid" else short - 1 - short // 2
    if turned and n < m:            # the mirror image of the slice
        return n + m - 1 - first - (max(n, m) if mode == "same" else n + m - 1 - 2 * first)
    return first


@register_jitable
def widen(c, n, m, mode, turned):
    """c put where np.convolve(x, y, mode) lies in the full convolution of lengths n and m, among zeros."""
    out, first = np.zeros(n + m - 1, c.dtype), _first(n, m, mode, turned)
    out[first:first + len(c)] = c
    return out


@register_jitable
def narrow(c, n, m, mode, turned):
    """The part of a full convolution that is np.convolve(x, y, mode): the transpose of widen."""
    length = n + m - 1 if mode == "full" else max(n, m) if mode == "same" else max(n, m) - min(n, m) + 1
    first = _first(n, m, mode, turned)
    return c[first:first + length].copy()


@register_jitable
def middles(y):
    """The means of neighbours."""
    return (y[1:] + y[:-1]) * y.dtype.type(0.5)


@register_jitable
def unmiddles(v):
    """The transpose of middles."""
    out = np.zeros(len(v) + 1, v.dtype)
    out[1:] += v * v.dtype.type(0.5)
    out[:-1] += v * v.dtype.type(0.5)
    return out


@register_jitable
def vander_slope(order, x, n, increasing):
    """The derivatives of np.vander(x, n, increasing), of an order, in the entry of each row."""
    out = np.zeros((len(x), n), x.dtype)
    for j in range(n):
        power, factor = j if increasing else n - 1 - j, 1.0
        for k in range(order):
            factor *= power - k
        if power >= order:
            out[:, j] = factor * x ** (power - order)
    return out


# ---- networks --------------------------------------------------------------------------------------------------------

def logsumexp(x, axis=None):
    """log(sum(exp(x))) over everything or along an axis, without overflow."""
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

    def along(x, axis=None):
        out = np.empty(np.moveaxis(x, axis, -1).shape[:-1], x.dtype)
        if axis % x.ndim == 0:
            for i in range(x.shape[1]):
                out[i] = logsumexp(x[:, i], 0)
        else:
            for i in range(x.shape[0]):
                out[i] = logsumexp(x[i], axis % x.ndim - 1)
        return out
    return along


@register_jitable
def _logsumexp_all(x):
    top, total = x.max(), x.dtype.type(0)
    if not np.isfinite(top):
        return top
    for v in x.flat:
        total += np.exp(v - top)
    return np.log(total) + top


def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along an axis, without overflow."""
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
        return impl

    def along(x, axis=-1):
        out = np.empty(x.shape, x.dtype)
        if axis % x.ndim == 0:
            for i in range(x.shape[1]):
                out[:, i] = softmax(x[:, i], 0)
        else:
            for i in range(x.shape[0]):
                out[i] = softmax(x[i], axis % x.ndim - 1)
        return out
    return along
