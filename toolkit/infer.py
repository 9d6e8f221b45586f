"""Types: what Numba's own inference says of every value, asked one operation at a time."""
import functools
import operator
import warnings

import numba
import numpy as np
from numba import types

from . import cache, runtime, tape
from .errors import Refusal
from .host import NumbaError, NumbaPerformanceWarning, typing_context
from .program import Const, Listed, Span, Tup, Var


def type_of(atom, literal=False):
    """The Numba type of an atom."""
    match atom:
        case Var():
            return atom.type
        case Listed(items):
            return items[0].type
        case Tup(items, kind):
            return types.BaseTuple.from_types(tuple(type_of(a) for a in items), kind)
        case Span(step=None):
            return types.slice2_type
        case Span():
            return types.slice3_type
        case Const(value):
            if value is Ellipsis:
                return types.ellipsis
            if literal and isinstance(value, (int, str)):
                return types.literal(value)
            if isinstance(value, bool):
                return types.boolean
            if isinstance(value, int):
                return types.intp
            return static_type(value)
    raise AssertionError(atom)


def static_type(value):
    """The Numba type of a static object: a function, a dtype, a constant array."""
    if isinstance(value, type) and issubclass(value, np.generic):
        return types.NumberClass(numba.from_dtype(np.dtype(value)))
    try:
        t = typing_context().resolve_value_type(value)
    except ValueError:
        raise Refusal(f"{getattr(value, '__name__', value)} cannot be used here", "Use numbers and arrays.") from None
    return t.copy(readonly=True) if isinstance(t, types.Array) else t


def result_type(fn, args, kw=()):
    """The type of fn(args) as Numba infers it; a Refusal where Numba itself would not compile it. What it has answered once is
    not asked again, in this process or in another: Numba compiles some of its answers."""
    if not kw and (foreseen := FORESEEN.get(fn, nothing)(*args)) is not None:
        return foreseen
    try:
        question = cache.question(fn, [type_of(a, literal=True) for a in (*args, *(v for _, v in kw))])
    except Refusal:
        question = None
    if question is None:
        return asked(fn, args, kw)
    known, question = cache.answers(), (*question, *(name for name, _ in kw))
    if question not in known:
        answer = asked(fn, args, kw)
        if not cache.plain(answer):
            return answer
        known[question] = answer
    return known[question]


# ---- answers that Numba would compile a function for, which fusion then makes a loop of: {function: arguments -> type, or None}
FLOATS = {types.float64, types.float32}


def nothing(*args):
    """It has to be asked."""


def made(x, ndim):
    """A contiguous array of x's floats."""
    t = type_of(x)
    return types.Array(scalar(t), ndim, "C") if scalar(t) in FLOATS else None


def of_like(x, *more):
    t = type_of(x)
    return t.copy(layout="F" if t.layout == "F" else "C", readonly=False) if is_array(t) and not more else None


def of_new(shape, dtype=None, *more):
    kind = types.float64 if dtype is None else type_of(dtype)
    kind = kind.dtype if isinstance(kind, types.NumberClass) else kind if dtype is None else None
    rank = len(shape.items) if isinstance(shape, Tup) else 1 if isinstance(type_of(shape), types.Integer) else 0
    return types.Array(kind, rank, "C") if kind in FLOATS and rank and not more else None


def of_product(x, y, *out):
    ranks = rank_of(x), rank_of(y)
    if out or scalar(type_of(x)) != scalar(type_of(y)) or ranks not in ((2, 2), (2, 1), (1, 2), (1, 1)):
        return None
    return made(x, sum(ranks) - 2) if ranks != (1, 1) else of_sum(x)


def of_room(n, size):
    return types.boolean


def of_larger(a, b, *more):
    t = type_of(a)
    return t if t == type_of(b) and t in (types.intp, *FLOATS) and not more else None


def of_transpose(x, *axes):
    t = type_of(x)
    if not is_array(t) or axes or t.ndim > 2:
        return None
    return t.copy(layout={"C": "F", "F": "C"}.get(t.layout, "A")) if t.ndim == 2 else t


def of_extreme(x, *more):
    return of_sum(x) if not more else None


def of_placed(v, i, shape):
    return of_shape(v, shape) if type_of(v) == types.float64 else None


def of_position(x, value):
    return types.intp if made(x, 1) and scalar(type_of(x)) == type_of(value) else None


def of_triangle(x, k=None):
    return made(x, 2) if rank_of(x) == 2 and type_of(x).layout == "C" else None


def of_solution(a, b):
    known = rank_of(b) == 1 and {type_of(a).layout, type_of(b).layout} <= {"C", "F"}
    return of_product(a, b) if known else None


def of_sum(x, axis=None):
    if rank_of(x) and axis is None:
        return scalar(type_of(x)) if scalar(type_of(x)) in FLOATS else None
    return made(x, rank_of(x) - 1) if isinstance(axis, Const) and type(axis.value) is int and (rank_of(x) or 0) > 1 else None


def of_outer(x, y):
    return made(x, 2) if rank_of(x) == rank_of(y) == 1 and scalar(type_of(x)) == scalar(type_of(y)) else None


def of_shape(x, shape, axis=None):
    return made(x, len(shape.items)) if isinstance(shape, Tup) and rank_of(x) is not None else None


def of_unbroadcast(ct, like):
    rank = len(like.items) if isinstance(like, Tup) else rank_of(like)
    return made(ct, rank) if rank and is_array(ct) and type_of(ct).layout == "C" else None


def of_elementwise(*args):
    kinds = [type_of(a) for a in args]
    arrays, floats = [t for t in kinds if is_array(t)], {scalar(t) for t in kinds if is_float(t)}
    if len(floats) != 1 or not floats <= FLOATS or not arrays or any(t.layout != "C" for t in arrays):
        return None
    return types.Array(*floats, max(t.ndim for t in arrays), "C")


FORESEEN = {np.sum: of_sum, np.outer: of_outer, np.linalg.solve: of_solution, runtime.position: of_position,
            runtime.unbroadcast: of_unbroadcast, runtime.place: of_placed, runtime.padded: of_new, tape.fits: of_room,
            np.transpose: of_transpose}
for fns, answer in (((np.empty, np.zeros), of_new), ((np.empty_like, np.zeros_like, np.copy), of_like),
                    ((np.max, np.min), of_extreme), ((max, min), of_larger), ((np.dot, operator.matmul), of_product),
                    ((np.tril, np.triu), of_triangle), ((runtime.spread, runtime.fill), of_shape),
                    (runtime.ELEMENTWISE, of_elementwise)):
    FORESEEN |= dict.fromkeys(fns, answer)


def asked(fn, args, kw):
    """Numba's answer."""
    ctx = typing_context()
    sig = _resolve(ctx, fn, args, kw, literal=True) or _resolve(ctx, fn, args, kw, literal=False)
    if sig is None:
        raise Refusal(f"Numba does not compile {name_of(fn)}({', '.join(map(shown, args))})",
                      "Write it in a form that Numba compiles.")
    return types.unliteral(sig)


def _resolve(ctx, fn, args, kw, literal):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NumbaPerformanceWarning)
            kind = static_type(fn)
            sig = ctx.resolve_function_type(kind, tuple(type_of(a, literal) for a in args),
                                            {k: type_of(a, literal) for k, a in kw})
        return sig and sig.return_type
    except (NumbaError, Refusal, ValueError):
        return None


def shown(atom):
    """What an atom is called in errors: its type, or the object that it is."""
    if isinstance(atom, Const) and not isinstance(atom.value, bool | int | float | np.ndarray):
        return getattr(atom.value, "__name__", repr(atom.value))
    try:
        return str(type_of(atom))
    except Refusal:
        return "an object that Numba does not know"


def index_type(index):
    """The type of an index of several components."""
    parts = [types.none if isinstance(i, Const) and i.value is None else type_of(i) for i in index]
    return parts[0] if len(parts) == 1 else types.BaseTuple.from_types(tuple(parts))


def item_type(arr, index):
    """The type of arr[index]."""
    ctx = typing_context()
    try:
        sig = ctx.resolve_getitem(type_of(arr), index_type(index)) if hasattr(ctx, "resolve_getitem") else None
        if sig is None:
            sig = ctx.resolve_function_type(operator.getitem, (type_of(arr), index_type(index)), {})
    except NumbaError:
        sig = None
    if sig is None:
        raise Refusal(f"Numba does not compile this index of {type_of(arr)}", "Index with integers, slices or one array.")
    return types.unliteral(sig.return_type)


def unified(a, b):
    """The type that holds both, as Numba joins branches; None if there is none."""
    if a == b:
        return a
    return typing_context().unify_types(types.unliteral(a), types.unliteral(b))


def name_of(fn):
    """What a user calls a function."""
    module = getattr(fn, "__module__", None) or ""
    name = getattr(fn, "__name__", repr(fn))
    if module in ("builtins", "_operator", "") or hasattr(fn, "card"):
        return name
    return f"{module.replace('numpy', 'np')}.{name}"


def gathers(index):
    """Does this index hold an array, of integers or a mask, so that it copies what it picks?"""
    return any(is_array(i) for i in index if isinstance(i, Var) or (isinstance(i, Const) and isinstance(i.value, np.ndarray)))


def is_array(atom_or_type):
    """Is it an array (of any element type)?"""
    t = atom_or_type.type if type(atom_or_type) is Var else (
        atom_or_type if isinstance(atom_or_type, types.Type) else type_of(atom_or_type))
    return _is_array_type(type(t))


@functools.cache
def _is_array_type(kind):
    """Numba's types are abstract base classes, of which `isinstance` takes a while, and this is asked a hundred times a line."""
    return issubclass(kind, types.Array)


def is_float(atom_or_type):
    """May it carry a derivative: a float, or an array of floats?"""
    t = atom_or_type if isinstance(atom_or_type, types.Type) else type_of(atom_or_type)
    return isinstance(t.dtype if isinstance(t, types.Array) else t, types.Float)


def rank_of(atom):
    """0 for a number, the number of dimensions of an array, None for anything else."""
    t = type_of(atom)
    return t.ndim if isinstance(t, types.Array) else 0 if isinstance(t, (types.Number, types.Boolean)) else None


def item_bytes(t):
    """How many bytes a number of this type takes."""
    return np.dtype(numpy_type(t)).itemsize


def scalar(t):
    """The element type."""
    return t.dtype if isinstance(t, types.Array) else t


def numpy_type(t):
    """float64 -> np.float64."""
    return getattr(np, {"bool": "bool_"}.get(str(scalar(t)), str(scalar(t))))
