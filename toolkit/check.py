"""The laws that every derivative obeys, on a user's own function.

    forward     out_dot            = lim (f(x + h x_dot) - f(x)) / h           (differences of fourth order)
    adjoint     <out_bar, J x_dot> = <Jᵀ out_bar, x_dot>                       (to rounding)
    value       both modes return what f returns, and leave arguments and seeds as they were
"""
import numpy as np
from numba.typed import List

from . import transform
from .errors import DualtapeError, UsageError


class LawBroken(DualtapeError, AssertionError):
    """A derivative disagrees with what it is checked against."""


def floats(x):
    """Is it a float, or an array of floats?"""
    return isinstance(x, (float, np.floating)) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


GROUPS = tuple, list, List


def flat(x):
    """The leaves of a structure."""
    return [y for v in x for y in flat(v)] if isinstance(x, GROUPS) else [x]


def rebuilt(x, items):
    """A tuple, named tuple or list like x of other items."""
    if isinstance(x, list):
        return list(items)
    if isinstance(x, List):
        return List(items)
    return type(x)(*items) if hasattr(x, "_fields") else tuple(items)


def fresh(x):
    """A copy of the same memory layout."""
    if isinstance(x, GROUPS):
        return rebuilt(x, map(fresh, x))
    if not isinstance(x, np.ndarray):
        return x
    out = np.array(x, order="K")
    if out.strides == x.strides or x.size == 0:
        return out
    steps = [(n - 1) * s // x.itemsize for n, s in zip(x.shape, x.strides)]
    memory = np.zeros(1 + sum(map(abs, steps)), x.dtype)
    out = np.lib.stride_tricks.as_strided(memory[-sum(s for s in steps if s < 0):], x.shape, x.strides)
    out[...] = x
    return out


def like(x, rng):
    """A random structure of tangents; what carries no derivative stays."""
    if isinstance(x, GROUPS):
        return rebuilt(x, (like(v, rng) for v in x))
    if isinstance(x, np.ndarray) and floats(x):
        return np.asarray(rng.normal(size=x.shape), x.dtype)
    return type(x)(rng.normal()) if floats(x) else x


def moved(x, d, h):
    """x + h d, in float64."""
    if isinstance(x, GROUPS):
        return rebuilt(x, (moved(a, b, h) for a, b in zip(x, d)))
    if not floats(x):
        return fresh(x)
    return np.asarray(x.astype(float) + h * d.astype(float)) if isinstance(x, np.ndarray) else float(x) + h * float(d)


def inner(a, b):
    """The inner product of two structures of the same kind."""
    if isinstance(a, GROUPS):
        return sum(inner(x, y) for x, y in zip(a, b))
    return float(np.sum(np.asarray(a, float) * np.asarray(b, float))) if floats(a) and b is not None else 0.0


def size(a):
    """The sum of absolute values: what a rounding error is measured against."""
    return sum(map(size, a)) if isinstance(a, GROUPS) else float(np.sum(np.abs(a))) if floats(a) else 0.0


def require(ok, law, *figures):
    """Raise LawBroken unless ok."""
    if not ok:
        raise LawBroken(f"{law}: {' against '.join(map(str, figures))}")


def agree(a, b, rtol, law):
    """Two structures of the same kind and nearly the same values."""
    if isinstance(b, GROUPS):
        require(len(a) == len(b), law, len(a), len(b))
        for x, y in zip(a, b):
            agree(x, y, rtol, law)
    elif b is not None:
        require(np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=rtol, atol=rtol, equal_nan=True), law, a, b)


def check_grads(f, args, argnums=None, seed=0, order=1, run=lambda transform, args: transform):
    """Hold forward mode, reverse mode and differences against one another at one point.

    Raises LawBroken where they disagree. `order=2` also checks the derivative of the pullback. float32 arguments are held to
    what float32 can show. The function must be smooth near the point. `run(transform, args)` may replace how a transform is
    called.
    """
    rng = np.random.default_rng(seed)
    if not isinstance(args, tuple):
        raise UsageError("check_grads(f, args) takes the arguments in a tuple, as check_grads(f, (x, w))")
    given, argnums = argnums, (argnums,) if isinstance(argnums, int) else argnums
    if argnums is not None and not all(-len(args) <= k < len(args) for k in argnums):
        raise UsageError(f"argnums={given}: the call has {len(args)} argument{'s' * (len(args) != 1)}")
    if argnums is None:
        argnums = tuple(k for k, a in enumerate(args) if any(map(floats, flat(a))))
    single = any(getattr(x, "dtype", None) == np.float32 for x in flat(args))
    tight, loose, h = (1e-3, 2e-2, 1e-3) if single else (1e-9, 1e-6, 1e-4)
    plain = transform.returning(f)
    value = plain(*fresh(args))
    dots, bars = like(tuple(args[k] for k in argnums), rng), like(value, rng)

    def called(t, *given):
        before = fresh(given)
        result = run(t, given)(*given)
        for a, b in zip(flat(given[1]), flat(before[1])):
            require(np.array_equal(a, b), "seeds intact", a, b)
        return result

    out, out_dot = called(transform.jvp(f, argnums), fresh(args), fresh(dots))
    agree(out, value, loose, "value in forward mode")
    out, cts = called(transform.vjp(f, argnums), fresh(args), fresh(bars))
    agree(out, value, loose, "value in reverse mode")
    for c, k in zip(cts, argnums):
        for a, b in zip(flat(c), flat(args[k])):
            require(not floats(b) or np.shape(a) == np.shape(b), "shape of the cotangent", np.shape(a), np.shape(b))

    left, right = inner(bars, out_dot), inner(cts, dots)
    require(abs(left - right) <= tight * max(size(out_dot) + size(cts), abs(left), 1.0), "adjoint identity", left, right)

    def at(step):
        new = list(fresh(args))
        for k, d in zip(argnums, dots):
            new[k] = moved(args[k], d, step)
        return inner(bars, plain(*new))
    slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    require(abs(left - slope) <= loose * max(abs(slope), size(out_dot), 1e-2), "differences", left, slope)
    if order > 1:
        check_second(f, args, argnums, dots, bars, loose, run)


def check_second(f, args, argnums, dots, bars, loose, run):
    """The tangent of the pullback (forward over reverse) against differences of the pullback."""
    pullback = transform.vjp(f, argnums)
    t = transform.jvp(pullback, 0)
    full = tuple(dots[argnums.index(k)] if k in argnums else like_zero(a) for k, a in enumerate(args))
    given = ((fresh(args), fresh(bars)), (fresh(full),))
    _, (_, second) = run(t, given)(*given)

    def at(step):
        new = moved(args, full, step)
        call = (fresh(new), fresh(bars))
        return run(pullback, call)(*call)[1]
    h = 1e-4
    for k in range(len(argnums)):
        slope = [(8 * (np.asarray(a) - b) - (np.asarray(c) - d)) / (12 * h) for a, b, c, d in zip(
            *(map(np.asarray, [x for x in flat(at(s)[k]) if floats(x)]) for s in (h, -h, 2 * h, -2 * h)))]
        for a, b in zip([x for x in flat(second[k]) if floats(x)], slope):
            scale = max(1.0, np.max(np.abs(b), initial=0.0))
            require(np.allclose(a, b, rtol=loose * 10, atol=loose * 10 * scale), "second order", a, b)


def like_zero(x):
    """A zero tangent."""
    if isinstance(x, GROUPS):
        return rebuilt(x, map(like_zero, x))
    return x * 0 if floats(x) else x
