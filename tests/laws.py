"""The laws that every derivative obeys, as functions: adjoint identity, differences of fourth order, inputs intact."""
import numba
import numpy as np

from toolkit import transform
from toolkit.build import load
from toolkit.emit import emit
from toolkit.program import pruned


def floats(x):
    """Is it a float, or an array of floats?"""
    return isinstance(x, (float, np.floating)) or isinstance(x, np.ndarray) and x.dtype.kind == "f"


def fresh(x):
    """A copy of the same memory layout."""
    if isinstance(x, tuple):
        return type(x)(*map(fresh, x)) if hasattr(x, "_fields") else tuple(map(fresh, x))
    if isinstance(x, np.ndarray):
        base = np.array(x, order="K")
        if base.strides == x.strides or x.size == 0:
            return base
        span = 1 + sum((n - 1) * abs(s) for n, s in zip(x.shape, x.strides)) // x.itemsize
        memory = np.zeros(span, x.dtype)
        start = sum((n - 1) * -s for n, s in zip(x.shape, x.strides) if s < 0) // x.itemsize
        out = np.lib.stride_tricks.as_strided(memory[start:], x.shape, x.strides)
        out[...] = x
        return out
    return x


def like(x, draw):
    """A structure of tangents (None where there is no derivative)."""
    if isinstance(x, tuple):
        return tuple(like(v, draw) for v in x)
    if isinstance(x, np.ndarray):
        return np.asarray(draw(x.shape), x.dtype) if floats(x) else x
    return type(x)(draw(())) if floats(x) else x


def moved(x, d, h):
    """x + h d, in float64."""
    if isinstance(x, tuple):
        return tuple(moved(a, b, h) for a, b in zip(x, d))
    if not floats(x):
        return fresh(x)
    return x + h * d if isinstance(x, np.ndarray) else float(x) + h * float(d)


def inner(a, b):
    """The inner product of two structures of the same kind."""
    if isinstance(a, tuple):
        return sum(inner(x, y) for x, y in zip(a, b))
    if a is None or b is None or not floats(a):
        return 0.0
    return float(np.sum(np.asarray(a, float) * np.asarray(b, float)))


def size(a):
    """The sum of absolute values: what a rounding error is measured against."""
    return sum(map(size, a)) if isinstance(a, tuple) else float(np.sum(np.abs(a))) if floats(a) else 0.0


def derivative(t, args, compile=True):
    """The compiled derivative, or the emitted Python itself."""
    if compile:
        return t
    program = pruned(t.program(tuple(map(numba.typeof, args))))
    source, namespace, name = emit(program, t.__name__)
    return load(source, namespace, name)


def check(fn, args, argnums, compile=True, seed=0, wide=None):
    """Hold forward mode, reverse mode and differences against one another at one point; `wide` evaluates fn in float64."""
    rng = np.random.default_rng(seed)
    plain = getattr(fn, "py_func", fn)
    single = any(isinstance(x, np.floating) and x.dtype == np.float32 or isinstance(x, np.ndarray) and x.dtype == np.float32
                 for x in flat(args))
    rtol = 2e-3 if single else 1e-6
    out = plain(*fresh(args))
    chosen = tuple(args[k] for k in argnums)
    dots = like(chosen, lambda shape: rng.normal(size=shape))
    bars = like(out, lambda shape: rng.normal(size=shape))

    given = fresh(args)
    j = transform.jvp(fn, argnums)
    out_j, out_dot = derivative(j, (given, dots), compile)(given, fresh(dots))
    same(out_j, out, rtol)
    given = fresh(args)
    v = transform.vjp(fn, argnums)
    out_v, cts = derivative(v, (given, bars), compile)(given, fresh(bars))
    same(out_v, out, rtol)

    left, right = inner(bars, out_dot), inner(cts, dots)
    scale = size(out_dot) + size(cts) + abs(left)
    assert abs(left - right) <= (1e-3 if single else 1e-9) * max(scale, 1e-3), f"adjoint identity: {left} against {right}"

    def at(h):
        new = list(args)
        for k, d in zip(argnums, dots):
            new[k] = moved(args[k], d, h)
        return inner(bars, plain(*(fresh(a) if i not in argnums else a for i, a in enumerate(new))))
    h = 1e-4 if not single else 1e-3
    difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    assert abs(left - difference) <= (2e-2 if single else 1e-6) * max(abs(difference), size(out_dot), 1e-2), f"differences: {left} against {difference}"


def flat(x):
    """The leaves of a structure."""
    return [y for v in x for y in flat(v)] if isinstance(x, tuple) else [x]


def same(a, b, rtol):
    """Two structures of the same kind and nearly the same values."""
    if isinstance(b, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y, rtol)
    elif b is not None:
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
