"""Functions that need no card, because they are written in the language: what makes an array of given values is an empty array
and stores into it; `len` and `np.shape` are dimensions. Their derivatives are those of the stores.
"""
import builtins
import math
import operator
from itertools import pairwise

import numpy as np
from numba import types

from . import infer, matrices, runtime, tape
from .builder import throw
from .errors import Refusal
from .program import Const, Do, For, If, Span, Tup, Var

ZERO, TEN, TRUE, FALSE, NONE = Const(0), Const(10), Const(True), Const(False), Const(None)
UNIT, TURN, LAST, BOTH_ENDS = Const(1.0), Const(2 * math.pi), Const(-1), Const("fb")
WHOLE = Span(Const(None), Const(None), None)


def known(b, atom):
    """The Python value of an atom that must be known beforehand."""
    if isinstance(atom, Const):
        return atom.value
    raise Refusal("this must be a constant", "Write a literal.", b.place)


def axis_of(b, axis, rank):
    """An axis, counted from the front."""
    k = known(b, axis)
    if isinstance(k, int) and -rank <= k < rank:
        return k % rank
    raise Refusal(f"axis={k}: expected an integer from {-rank} to {rank - 1}", "Name one axis.", b.place)


def parts(b, arrays):
    """The items of a tuple of arrays."""
    if isinstance(arrays, Tup) and arrays.items:
        return arrays.items
    raise Refusal("the arrays to join must be written as a tuple", "Write them as a tuple, as (a, b).", b.place)


def element_type(b, dtype):
    """The Numba type of the elements that a dtype argument calls for."""
    value = known(b, dtype)
    try:
        kind = np.dtype(value)
    except TypeError:
        kind = np.dtype(object)
    if kind.kind not in "fiub" or (kind.itemsize == 2 and kind.kind == "f"):
        raise Refusal(f"the dtype {value!r} is not supported", "Use float64, float32, an integer type or bool.", b.place)
    return infer.scalar(infer.static_type(kind.type).dtype)


def common_type(atoms):
    """The element type that holds all of these."""
    t = infer.scalar(infer.type_of(atoms[0]))
    for a in atoms[1:]:
        t = infer.unified(t, infer.scalar(infer.type_of(a)))
    return t


def empty(b, shape, t, order="C"):
    """np.empty(shape) of an element type, in C's order or Fortran's."""
    if order == "F":
        return b.let(np.transpose, empty(b, Tup(shape.items[::-1]), t))
    return b.let(np.empty, shape, Const(infer.numpy_type(t)))


def total(b, a, c):
    """a + c, for lengths."""
    return c if a == Const(0) else b.let(operator.add, a, c)


def size(b, x):
    """np.size: the product of the dimensions."""
    product = Const(1)
    for n in b.shape(x).items:
        product = n if product == Const(1) else b.let(operator.mul, product, n)
    return product


# ---- joining arrays
def concatenate(b, arrays, axis=ZERO):
    return joined(b, arrays, axis, arrays)


def joined(b, arrays, axis, given):
    """An empty array, and a slice of it for each part; in Fortran's order where all that were given are, as Numba has it."""
    items = parts(b, arrays)
    rank = infer.rank_of(items[0])
    axis = axis_of(b, axis, rank)
    ends = [Const(0)]
    for a in items:
        ends.append(total(b, ends[-1], b.dim(a, axis)))
    shape = [ends[-1] if k == axis else b.dim(items[0], k) for k in range(rank)]
    order = "F" if all(infer.type_of(a).layout == "F" for a in parts(b, given)) else "C"
    out = empty(b, Tup(tuple(shape)), common_type(items), order)
    for a, lo, hi in zip(items, ends, ends[1:], strict=False):
        b.set(out, (*(WHOLE,) * axis, Span(lo, hi, None), *(WHOLE,) * (rank - axis - 1)), a)
    return out


def raised(b, x):
    """np.atleast_1d: a number becomes an array of one."""
    if infer.is_array(x):
        return x
    out = empty(b, Tup((Const(1),)), infer.type_of(x))
    b.set(out, (Const(Ellipsis),), x)
    return out


def with_axis(b, x, index):
    """A vector as a matrix; a matrix as it is."""
    return b.get(x, index) if infer.rank_of(x) == 1 else x


def hstack(b, arrays):
    items = Tup(tuple(raised(b, a) for a in parts(b, arrays)))
    return joined(b, items, Const(0 if infer.rank_of(items.items[0]) == 1 else 1), arrays)


def vstack(b, arrays):
    return joined(b, Tup(tuple(with_axis(b, a, (Const(None), WHOLE)) for a in parts(b, arrays))), ZERO, arrays)


def column_stack(b, arrays):
    return joined(b, Tup(tuple(with_axis(b, a, (WHOLE, Const(None))) for a in parts(b, arrays))), Const(1), arrays)


def stack(b, arrays, axis=ZERO):
    rank = infer.rank_of(parts(b, arrays)[0])
    at = axis_of(b, axis, rank + 1)
    index = (*(WHOLE,) * at, Const(None), *(WHOLE,) * (rank - at))
    return joined(b, Tup(tuple(b.get(a, index) for a in parts(b, arrays))), Const(at), arrays)


def append(b, x, v, axis=None):
    if axis is not None:
        return concatenate(b, Tup((x, v)), axis)
    return concatenate(b, Tup((ravel(b, raised(b, x)), ravel(b, raised(b, v)))))


NEW = Const(None)
AT_LEAST = {(1, 2): (NEW, WHOLE), (1, 3): (NEW, WHOLE, NEW), (2, 3): (WHOLE, WHOLE, NEW)}


def at_least(rank):
    """np.atleast_1d, 2d or 3d of one array."""
    return lambda b, a: b.get(a, AT_LEAST[infer.rank_of(a), rank]) if infer.rank_of(a) < rank else a


def dstack(b, arrays):
    return joined(b, Tup(tuple(at_least(3)(b, a) for a in parts(b, arrays))), Const(2), arrays)


def array_split(b, ary, indices_or_sections, axis=ZERO):
    """Slices along an axis: of so many parts, the first ones longer by one, or between the places that are named."""
    axis = axis_of(b, axis, infer.rank_of(ary))
    n = b.dim(ary, axis)
    if isinstance(indices_or_sections, Tup):
        ends = [ZERO, *indices_or_sections.items, n]
    else:
        k = known(b, indices_or_sections)
        each, more = b.let(operator.floordiv, n, Const(k)), b.let(operator.mod, n, Const(k))
        ends = [total(b, b.let(operator.mul, each, Const(i)), b.let(min, more, Const(i))) for i in range(k + 1)]
    return Tup(tuple(b.get(ary, (*(WHOLE,) * axis, Span(lo, hi, None))) for lo, hi in pairwise(ends)))


def split_along(axis):
    """np.hsplit, vsplit, dsplit."""
    return lambda b, ary, parts: array_split(b, ary, parts, Const(axis if infer.rank_of(ary) > 1 else 0))


def insert(b, arr, obj, values):
    """The entries and the new ones, put in their order; the result has the type of the array."""
    new = ravel(b, raised(b, b.cast(values, infer.type_of(arr))))
    places = b.let(runtime.insertion, size(b, arr), obj, b.dim(new, 0))
    return b.let(np.take, concatenate(b, Tup((ravel(b, arr), new))), places)


def broadcast_to(b, array, shape):
    return b.let(np.broadcast_to, array, shape) if infer.is_array(array) else full(b, shape, array)


def broadcast_arrays(b, *args):
    arrays = [raised(b, a) for a in args]
    shape = b.let(np.broadcast_shapes, *map(b.shape, arrays))
    return Tup(tuple(b.let(np.broadcast_to, a, shape) for a in arrays))


# ---- entries that are chosen
def take_along_axis(b, arr, indices, axis):
    if axis == Const(None):
        arr, axis = ravel(b, arr), ZERO
    return b.let(np.take, arr, b.let(runtime.places_along, b.shape(arr), indices, Const(axis_of(b, axis, infer.rank_of(arr)))))


def take(b, a, indices, axis=NONE):
    if axis == NONE:
        return b.let(np.take, a, indices)
    if infer.rank_of(indices) == 0:
        return b.copy(b.get(a, (*(WHOLE,) * axis_of(b, axis, infer.rank_of(a)), indices)))
    return b.let(np.take, a, indices, axis)


def unpacked(fn):
    """A function whose result is a tuple of arrays: its items."""
    def items(b, *args):
        made = b.let(fn, *args)
        return Tup(tuple(b.let(operator.getitem, made, Const(k)) for k in range(len(made.type))))
    return items


def where(b, condition, *choices):
    """np.where: of a condition alone, the places where it holds."""
    return b.let(np.where, condition, *choices) if choices else unpacked(np.nonzero)(b, condition)


def partition(b, a, kth):
    return b.let(np.take, a, b.let(runtime.partition_places, a, kth))


def trim_zeros(b, filt, trim=BOTH_ENDS):
    """The view between the zeros at the ends."""
    ends, n = known(b, trim).lower(), b.dim(filt, 0)
    first = b.let(runtime.zeros_ahead, filt) if "f" in ends else ZERO
    last = n
    if "b" in ends:
        last = b.let(operator.sub, n, b.let(runtime.zeros_ahead, b.get(filt, (Span(Const(None), Const(None), Const(-1)),))))
    return b.get(filt, (Span(first, last, None),))


def values_of(b, x, assume_unique):
    """Its entries as a set: sorted and without repetitions, unless they are known to be."""
    return ravel(b, x) if known(b, assume_unique) else b.let(np.unique, x)


def at_fractions(fn):
    """Quantiles at a number, a vector or a tuple of numbers."""
    return lambda b, a, q: b.let(fn, a, array(b, q) if isinstance(q, Tup) else q)


def union1d(b, ar1, ar2):
    return b.let(np.unique, concatenate(b, Tup((ravel(b, ar1), ravel(b, ar2)))))


def setdiff1d(b, ar1, ar2, assume_unique=FALSE):
    mine = values_of(b, ar1, assume_unique)
    return b.let(np.extract, b.let(np.logical_not, b.let(np.isin, mine, ar2)), mine)


def setxor1d(b, ar1, ar2, assume_unique=FALSE):
    apart = setdiff1d(b, ar1, ar2, assume_unique), setdiff1d(b, ar2, ar1, assume_unique)
    return b.let(np.sort, concatenate(b, Tup(apart)))


def histogram(b, a, bins=TEN, range=None):
    """The counts, and where the bins end: linear in the least and the greatest value, or in those that are given."""
    bins = array(b, bins) if isinstance(bins, Tup) else bins
    if infer.is_array(bins):
        return Tup((b.let(runtime.tally, a, bins), bins))
    if isinstance(range, Tup):
        low, high = range.items
        counts = b.let(runtime.tally_within, a, bins, low, high)
    else:
        low, high = b.let(np.min, a), b.let(np.max, a)
        counts = b.let(runtime.tally, a, bins)
    return Tup((counts, b.let(np.linspace, low, high, total(b, bins, Const(1)))))


# ---- arrays of given values
def array(b, value, dtype=None):
    """np.array of a nested tuple or list of numbers, or of an array."""
    if not isinstance(value, Tup):
        return b.copy(value) if dtype is None else b.cast(b.copy(value), element_type(b, dtype))
    entries, dims = list(_entries(value, ())), _shape(value)
    inside = all(len(index) == len(dims) and all(i.value < d.value for i, d in zip(index, dims)) for index, _ in entries)
    regular = inside and math.prod(d.value for d in dims) == len(entries)
    if not entries or not regular or any(infer.is_array(v) for _, v in entries):
        raise Refusal("np.array takes numbers here, as many in every row",
                      "Use np.empty or np.stack, and store into it.", b.place)
    t = common_type([v for _, v in entries]) if dtype is None else element_type(b, dtype)
    out = empty(b, Tup(dims), t)
    for index, v in entries:
        b.set(out, index, b.cast(v, t))
    return out


def _entries(value, index):
    if isinstance(value, Tup):
        for k, item in enumerate(value.items):
            yield from _entries(item, (*index, Const(k)))
    else:
        yield index, value


def _shape(value):
    return (Const(len(value.items)), *(_shape(value.items[0]) if value.items else ())) if isinstance(value, Tup) else ()


def full(b, shape, fill_value, dtype=None):
    out = empty(b, shape, infer.type_of(fill_value) if dtype is None else element_type(b, dtype))
    b.set(out, (Const(Ellipsis),), fill_value)
    return out


def full_like(b, a, fill_value, dtype=None):
    """As np.zeros_like: of the order of a."""
    t = infer.type_of(a) if dtype is None else element_type(b, dtype)
    out = empty(b, b.shape(a), t, "F" if infer.is_array(a) and infer.type_of(a).layout == "F" else "C")
    b.set(out, (Const(Ellipsis),), b.cast(fill_value, t))
    return out


# ---- other forms of an array
def fresh(b, x):
    """A copy in C order."""
    out = empty(b, b.shape(x), infer.type_of(x))
    b.set(out, (Const(Ellipsis),), x)
    return out


def copied(b, x):
    """x.copy(): to Numba in C order, whatever x's; np.copy(x) keeps Fortran's."""
    return fresh(b, x) if infer.type_of(x).layout == "F" else b.copy(x)


def contiguous(b, a):
    """The array itself where it is contiguous in C order, else a copy that is."""
    return a if infer.type_of(a).layout == "C" else fresh(b, a)


def fortran(b, a):
    """The array itself where it is contiguous in Fortran's order, else a copy that is."""
    return b.fitted(a, infer.result_type(np.asfortranarray, [a]))


def finite(b, a, dtype=None):
    """The array itself, once its entries are known to be finite."""
    a = asarray(b, a, dtype)
    check = If(b.let(np.all, b.let(np.isfinite, a)), [], [])
    with b.into(check.orelse):
        b.add(Do(throw, (Const(ValueError), Const("array must not contain infs or NaNs"))))
    b.add(check)
    return a


def ravel(b, a):
    return b.let(np.ravel, contiguous(b, a))


def flattened(b, x):
    return b.let(np.ravel, fresh(b, x))


def reshape(b, a, shape):
    """A view of another shape."""
    if not infer.is_array(a) or infer.type_of(a).layout != "C":
        raise Refusal("only an array that is contiguous in C order can be reshaped",
                      "Reshape np.ascontiguousarray(x).", b.place)
    return b.let(np.reshape, a, shape)


def asarray(b, a, dtype=None):
    a = array(b, a) if isinstance(a, Tup) or not infer.is_array(a) else a
    return a if dtype is None else b.cast(a, element_type(b, dtype))


def same(b, x):
    return x


def astype(b, x, dtype):
    """A copy in another dtype."""
    return b.cast(b.copy(x), element_type(b, dtype))


def element(b, x, *index):
    """x.item(): an entry as a number."""
    return b.get(x, index or (Const(0),) * infer.rank_of(x))


def fill(b, x, value):
    """x.fill(value): a store."""
    b.set(x, (Const(Ellipsis),), value)
    return Const(None)


def sort(b, x):
    """x.sort(): a store of the sorted copy."""
    b.set(x, (Const(Ellipsis),), b.let(np.sort, x))
    return Const(None)


def loops(b, dims, body, ks=()):
    """for k1 in range(n1): for k2 in range(n2): ... body((k1, k2, ...))"""
    if not dims:
        return body(ks)
    k = Var("k", types.intp)
    with b.into([]) as block:
        loops(b, dims[1:], body, (*ks, k))
    return b.add(For(k, ZERO, dims[0], Const(1), block, place=b.place))


def fill_diagonal(b, a, val, wrap=FALSE):
    """np.fill_diagonal of a matrix with a number: a store for each entry."""
    if infer.rank_of(a) != 2 or infer.rank_of(val) != 0 or known(b, wrap):
        raise Refusal("np.fill_diagonal takes a matrix and a number here", "Write a loop.", b.place)
    n = b.let(min, b.dim(a, 0), b.dim(a, 1))
    loops(b, (n,), lambda ks: b.set(a, ks * 2, val))
    return NONE


def scattered(b, arr, index, value):
    """arr[index] = value through integer arrays or a mask, position by position."""
    index = tuple(b.get(b.let(np.nonzero, i), (ZERO,)) if infer.gathers((i,)) and infer.scalar(infer.type_of(i)) == types.boolean
                  else i for i in index)
    at = [k for k, i in enumerate(index) if infer.gathers((i,))]
    dims = b.shape(index[at[0]]).items
    behind = infer.rank_of(arr) - sum(i != NEW for i in index) + sum(isinstance(i, Span) for i in index[at[-1]:])
    wide = min(max(infer.rank_of(value) - behind, 0), len(dims))        # how many axes of the value run with the positions
    lead = infer.rank_of(value) - behind - wide
    value = b.copy(value) if infer.rank_of(value) else value            # it may be a view of arr
    lasts = []
    for axis, n in enumerate(dims[len(dims) - wide:], lead):
        have = b.dim(value, axis)
        b.add(Do(tape.broadcasts, (have, n)))
        lasts.append(b.let(operator.sub, have, Const(1)))

    def body(ks):
        slots = tuple(b.get(i, ks) if k in at else i for k, i in enumerate(index))
        steps = tuple(b.let(min, k, last) for k, last in zip(ks[len(ks) - wide:], lasts))
        b.set(arr, slots, b.get(value, (*(WHOLE,) * lead, *steps, *(WHOLE,) * behind)) if wide else value)
    loops(b, dims, body)


# ---- numbers
def length(b, x):
    if isinstance(x, Tup):
        return Const(len(x.items))
    if isinstance(x, Const) and isinstance(x.value, str):
        return Const(len(x.value))
    if not infer.rank_of(x):
        raise Refusal(f"{infer.shown(x)} has no length", "Take the length of an array or a tuple.", b.place)
    return b.dim(x, 0)


def arange(b, *bounds):
    """np.arange; of floats, start + step k for as many k as lie below stop."""
    if not 1 <= len(bounds) <= 3:
        raise Refusal("np.arange takes one to three numbers here", "Write np.arange(start, stop, step).", b.place)
    if not any(infer.is_float(x) for x in bounds):
        return b.let(np.arange, *bounds)
    start, stop, step = {1: [Const(0.0), *bounds, Const(1.0)], 2: [*bounds, Const(1.0)]}.get(len(bounds), bounds)
    gap = b.let(operator.truediv, b.let(operator.sub, stop, start), step)
    n = b.let(max, b.let(int, b.let(math.ceil, gap)), Const(0))
    return b.let(operator.add, start, b.let(operator.mul, step, b.let(np.arange, n)))


def bincount(b, x, weights=None, minlength=ZERO):
    if weights is None and minlength == ZERO:
        return b.let(np.bincount, x)
    return b.let(np.bincount, x, Const(None) if weights is None else weights, minlength)


def shape(b, a):
    return b.shape(a)


def least(b, *values):
    return _chain(b, min, values)


def greatest(b, *values):
    return _chain(b, max, values)


def _chain(b, fn, values):
    """fn(fn(a, b), c): min and max of several numbers, of a tuple of them, or of a vector."""
    if len(values) == 1 and not isinstance(values[0], Tup) and infer.rank_of(values[0]) == 1:
        return b.let(np.min if fn is min else np.max, values[0])
    values = values[0].items if len(values) == 1 and isinstance(values[0], Tup) else values if len(values) > 1 else ()
    if not values or any(infer.rank_of(v) != 0 for v in values):
        raise Refusal(f"{fn.__name__} takes numbers, or one tuple or vector of them",
                      "Use np.minimum, np.maximum, np.min or np.max.", b.place)
    out = values[0]
    for v in values[1:]:
        out = b.let(fn, out, v)
    return out


def clip(b, a, a_min=NONE, a_max=NONE):
    """np.clip: a bound may be absent."""
    if a_min == NONE:
        return b.copy(a) if a_max == NONE else b.let(np.minimum, a, a_max)
    return b.let(np.maximum, a, a_min) if a_max == NONE else b.let(np.clip, a, a_min, a_max)


def nan_to_num(b, x, copy=TRUE, nan=ZERO, posinf=NONE, neginf=NONE):
    """Each kind of what is not a finite number, replaced."""
    if not known(b, copy):
        raise Refusal("np.nan_to_num in place is not supported", "Assign the result.", b.place)
    out, t = b.let(np.nan_to_num, x), infer.type_of(x)
    for given, default, where in ((nan, ZERO, np.isnan), (posinf, NONE, np.isposinf), (neginf, NONE, np.isneginf)):
        if given != default:
            out = b.let(runtime.select, b.let(where, x), b.cast(given, t), out)
    return out


def cumsum(b, a, axis=NONE, dtype=None):
    """np.cumsum: with a dtype, of the array in that dtype."""
    a = a if dtype is None else b.cast(a, element_type(b, dtype))
    return b.let(np.cumsum, a) if axis == NONE else b.let(np.cumsum, a, axis)


def unwrap(b, p, discont=NONE, axis=LAST, period=TURN):
    if discont == NONE and period == TURN:
        return b.let(np.unwrap, p)
    return b.let(runtime.unwrapped, p, b.let(operator.truediv, period, Const(2.0)) if discont == NONE else discont, period)


def ediff1d(b, ary, to_end=NONE, to_begin=NONE):
    """The differences, between what is put before and after them."""
    middle, t = b.let(np.ediff1d, ary), infer.type_of(ary)
    around = [None if x == NONE else ravel(b, raised(b, b.cast(x, t))) for x in (to_begin, to_end)]
    items = tuple(x for x in (around[0], middle, around[1]) if x is not None)
    return concatenate(b, Tup(items)) if len(items) > 1 else middle


def trapezoid(b, y, x=NONE, dx=UNIT):
    """np.trapezoid: of rows, the sum of the means of neighbours times their distances."""
    if infer.rank_of(y) == 1:
        area = b.let(np.trapezoid, y, *([] if x == NONE else [x]))
        return area if x != NONE or dx == UNIT else b.let(operator.mul, dx, area)
    ends = [b.get(y, (Const(Ellipsis), Span(*bounds, None))) for bounds in ((Const(1), NONE), (NONE, Const(-1)))]
    width = dx if x == NONE else b.let(np.diff, x, Const(1))
    means = b.let(operator.mul, b.let(operator.add, *ends), Const(0.5))
    return b.let(np.sum, b.let(operator.mul, means, width), Const(infer.rank_of(y) - 1))


def dtype(b, x):
    """np.dtype: the type that it names."""
    return Const(infer.numpy_type(element_type(b, x)))


def divided(b, x, y):
    """divmod."""
    return Tup((b.let(operator.floordiv, x, y), b.let(operator.mod, x, y)))


def frexp(b, x):
    """The mantissa, which is x times a power of two, and the exponent."""
    exponent = b.let(runtime.exponent, x)
    return Tup((b.let(math.ldexp, x, b.let(operator.neg, exponent)), exponent))


def select(b, condlist, choicelist, default=ZERO):
    out = default
    for condition, choice in reversed(list(zip(parts(b, condlist), parts(b, choicelist)))):
        out = b.let(np.where, condition, choice, out)
    return out


def average(b, a, axis=None, weights=None):
    if axis not in (None, Const(None)):
        raise Refusal("np.average along an axis is not supported", "Use np.sum along the axis.", b.place)
    return b.let(np.mean, a) if weights is None else b.let(np.average, a, Const(None), weights)


def summed(b, a, axis=None, dtype=None):
    """np.sum: with a dtype, of the array in that dtype."""
    a = a if dtype is None else b.cast(a, element_type(b, dtype))
    return b.let(np.sum, a) if axis in (None, Const(None)) else b.let(np.sum, a, axis)


def added(b, iterable, start=ZERO):
    """sum: of a tuple, its items one after another."""
    if not isinstance(iterable, Tup):
        total = b.let(builtins.sum, iterable)
        return total if start == ZERO else b.let(operator.add, start, total)
    for item in iterable.items:
        start = b.let(operator.add, start, item)
    return start


def nanvar(b, a, axis=NONE, dtype=NONE, out=NONE, ddof=ZERO):
    """np.nanvar: with degrees of freedom taken off, n / (n - ddof) of it."""
    require_none(b, "np.nanvar", axis, dtype, out)
    plain = b.let(np.nanvar, a)
    return plain if ddof == ZERO else b.let(operator.mul, plain, corrected(b, a, ddof))


def nanstd(b, a, axis=NONE, dtype=NONE, out=NONE, ddof=ZERO):
    require_none(b, "np.nanstd", axis, dtype, out)
    plain = b.let(np.nanstd, a)
    return plain if ddof == ZERO else b.let(operator.mul, plain, b.let(np.sqrt, corrected(b, a, ddof)))


def corrected(b, a, ddof):
    """n / (n - ddof), of n entries that are numbers."""
    n = b.let(operator.sub, size(b, a), b.let(np.sum, b.let(np.isnan, a)))
    return b.let(operator.truediv, n, b.let(operator.sub, n, ddof))


def require_none(b, name, *given):
    """Refuse what Numba takes only as None."""
    if any(g != NONE for g in given):
        raise Refusal(f"these arguments of {name} are not supported", "Pass fewer, in order.", b.place)


def cov(b, m, y=None, rowvar=TRUE, bias=FALSE, ddof=NONE):
    """The card's, of variables in rows and n - 1 degrees of freedom, turned and rescaled."""
    rows = m if known(b, rowvar) or infer.rank_of(m) == 1 else b.let(np.transpose, m)
    if y not in (None, NONE):
        rows = vstack(b, Tup((rows, y if known(b, rowvar) or infer.rank_of(y) == 1 else b.let(np.transpose, y))))
    c = b.let(np.cov, contiguous(b, rows))
    if ddof == NONE and not known(b, bias):
        return c
    n = b.dim(rows, 1)
    freedom = b.let(operator.sub, n, b.cast(ddof, types.intp) if ddof != NONE else ZERO)
    return b.let(operator.mul, c, b.let(operator.truediv, b.let(operator.sub, n, Const(1)), freedom))


def corrcoef(b, x, y=None, rowvar=TRUE):
    """The covariances over the products of the standard deviations."""
    c = cov(b, x, y, rowvar)
    d = b.let(np.sqrt, b.let(np.diag, c, ZERO))
    return b.let(operator.truediv, c, b.let(np.outer, d, d))


# ---- linear algebra
def slogdet(b, a):
    return Tup((b.let(matrices.slogdet_sign, a), b.let(matrices.logabsdet, a)))


def qr(b, a):
    return Tup((b.let(matrices.orthogonal, a), b.let(matrices.triangular, a)))


def eig(b, a):
    return Tup((b.let(matrices.eigenvalues, a), b.let(matrices.eigenbasis, a)))


def eigvals(b, a):
    return b.let(matrices.eigenvalues, a)


def lstsq(b, a, y):
    return Tup((b.let(matrices.solution, a, y), b.let(matrices.misfit, a, y), b.let(matrices.solution_rank, a, y),
                b.let(matrices.singular_values, a)))


def eigh(b, a):
    return Tup((b.let(np.linalg.eigvalsh, a), b.let(matrices.eigenvectors, a)))


def svd(b, a, full_matrices=TRUE):
    """The factors; of full ones, those that are unique (the singular values) have a derivative."""
    s = b.let(matrices.singular_values, a)
    if known(b, full_matrices):
        return Tup((b.let(matrices.full_left_vectors, a), s, b.let(matrices.full_right_vectors, a)))
    return Tup((b.let(matrices.left_vectors, a), s, b.let(np.transpose, b.let(matrices.right_vectors, a))))


def norm(b, x, ord=None):
    """np.linalg.norm: for an order, the sums, powers and extremes that define it."""
    kind, rank, size = None if ord is None else known(b, ord), infer.rank_of(x), None
    if kind is None or (kind == 2 and rank == 1):
        return b.let(np.linalg.norm, x)
    if rank == 2 and kind in (2, -2):
        return b.let(np.max if kind > 0 else np.min, b.let(matrices.singular_values, x))
    if isinstance(kind, str):
        raise Refusal(f"np.linalg.norm with ord={kind!r} is not supported", "Name the order by a number.", b.place)
    size = b.let(np.abs, x)
    if rank == 2 and abs(kind) in (1, math.inf):
        return b.let(np.max if kind > 0 else np.min, b.let(np.sum, size, Const(0 if abs(kind) == 1 else 1)))
    if rank == 1 and abs(kind) == math.inf:
        return b.let(np.max if kind > 0 else np.min, size)
    if rank == 1 and kind == 0:
        return b.cast(b.let(np.count_nonzero, x), infer.scalar(infer.type_of(x)))
    if rank != 1:
        raise Refusal(f"np.linalg.norm of a matrix with ord={kind!r} is not supported",
                      "Use 1, 2, -1, -2 or an infinity.", b.place)
    return b.let(np.sum, size) if kind == 1 else b.let(
        operator.pow, b.let(np.sum, b.let(operator.pow, size, Const(float(kind)))), Const(1.0 / kind))


def cond(b, x, p=None):
    if p is None or known(b, p) in (None, 2, -2):
        s = b.let(matrices.singular_values, x)
        ends = b.get(s, (ZERO,)), b.get(s, (Const(-1),))
        return b.let(operator.truediv, *(ends if p is None or known(b, p) != -2 else reversed(ends)))
    return b.let(operator.mul, norm(b, x, p), norm(b, b.let(np.linalg.inv, x), p))


def matrix_power(b, a, n):
    """By squaring, along the binary digits of n."""
    k, out = known(b, n), None
    if k < 0:
        a, k = b.let(np.linalg.inv, a), -k
    if k == 0:
        return b.cast(b.let(np.eye, b.dim(a, 0)), infer.type_of(a))
    while k:
        if k & 1:
            out = a if out is None else b.let(operator.matmul, out, a)
        k >>= 1
        if k:
            a = b.let(operator.matmul, a, a)
    return out if n != Const(1) else b.copy(a)


REWRITES = {
    np.insert: insert, np.broadcast_arrays: broadcast_arrays, np.take_along_axis: take_along_axis, np.partition: partition,
    np.trim_zeros: trim_zeros, np.union1d: union1d, np.setdiff1d: setdiff1d, np.setxor1d: setxor1d, np.histogram: histogram,
    np.asfortranarray: fortran, np.asarray_chkfinite: finite, np.linalg.qr: qr, np.linalg.eig: eig, np.linalg.eigvals: eigvals,
    np.linalg.lstsq: lstsq, np.clip: clip, np.nan_to_num: nan_to_num, np.ediff1d: ediff1d, np.trapezoid: trapezoid,
    np.fill_diagonal: fill_diagonal, np.nanvar: nanvar, np.nanstd: nanstd,
    np.dtype: dtype, np.cumsum: cumsum, np.unwrap: unwrap, np.take: take, np.where: where,
    np.broadcast_to: broadcast_to,
    **{f: at_fractions(f) for f in (np.quantile, np.percentile, np.nanquantile, np.nanpercentile)},
    **{f: unpacked(f) for f in (np.nonzero, np.tril_indices, np.triu_indices, np.tril_indices_from, np.triu_indices_from,
                                np.broadcast_shapes)},
    np.atleast_1d: at_least(1), np.atleast_2d: at_least(2), np.atleast_3d: at_least(3), np.dstack: dstack,
    np.split: array_split, np.array_split: array_split, np.vsplit: split_along(0), np.hsplit: split_along(1),
    np.dsplit: split_along(2), divmod: divided, np.divmod: divided, math.frexp: frexp, np.select: select, np.average: average,
    np.sum: summed, builtins.sum: added,
    np.cov: cov, np.corrcoef: corrcoef, np.linalg.eigh: eigh, np.linalg.svd: svd, np.linalg.norm: norm,
    np.linalg.cond: cond, np.linalg.matrix_power: matrix_power, **{f: vstack for f in (getattr(np, "row_stack", None),) if f},
    np.concatenate: concatenate, np.hstack: hstack, np.vstack: vstack, np.stack: stack, np.column_stack: column_stack,
    np.append: append, np.array: array, np.asarray: asarray, np.full: full, np.full_like: full_like, np.arange: arange,
    np.ascontiguousarray: contiguous, np.ravel: ravel, np.reshape: reshape, np.real: same, np.shape: shape, np.size: size,
    np.bincount: bincount, np.linalg.slogdet: slogdet, len: length, min: least, max: greatest}
METHOD_REWRITES = {"astype": astype, "copy": copied, "flatten": flattened, "item": element, "fill": fill, "sort": sort}
