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
from numba.np.numpy_support import as_dtype


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

    def reduce(ct, like):
        out = np.zeros(like.shape, ct.dtype)
        _accumulate(out, ct)
        return out

    if ct.ndim != like.ndim:
        return reduce

    def impl(ct, like):
        if ct.shape == like.shape:
            return ct
        return reduce(ct, like)
    reduce = numba.extending.register_jitable(reduce)
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
    """`x`, a number or an array, in the float type of `like`: `x` itself where it has it, or if `like` holds no floats."""
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
