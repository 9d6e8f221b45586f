"""Lists that are arguments: their entries in arrays, on which a derivative works, and lists of what comes of it.

In Python and inside compiled code alike; typed lists of numbers or of arrays of one rank, and Python's of numbers.
"""
import numpy as np
from numba import types
from numba.extending import overload, register_jitable
from numba.typed import List

from .host import as_dtype


def of_arrays(t):
    """Is it the type of a list of arrays?"""
    return isinstance(t.dtype, types.Array)


def entry_type(xs):
    """The dtype of a list's entries."""
    return np.asarray(xs[0]).dtype if len(xs) else np.dtype(np.float64)


@overload(entry_type)
def _entry_type(xs):
    dtype = as_dtype(xs.dtype.dtype if of_arrays(xs) else xs.dtype)
    return lambda xs: dtype


def item_rank(xs):
    """The rank of a list's arrays."""
    return xs[0].ndim if len(xs) else 1


@overload(item_rank)
def _item_rank(xs):
    rank = xs.dtype.ndim
    return lambda xs: rank


@register_jitable
def numbers_of(xs):
    """The numbers of a list, as an array."""
    out = np.empty(len(xs), entry_type(xs))
    for k in range(len(xs)):
        out[k] = xs[k]
    return out


@register_jitable
def arrays_of(xs):
    """The entries of a list of arrays, one array behind the other; and, array by array, where it begins, and its shape."""
    total, width = 0, 1 + item_rank(xs)
    for x in xs:
        total += x.size
    entries, table, at = np.empty(total, entry_type(xs)), np.empty(len(xs) * width, np.intp), 0
    for k in range(len(xs)):
        table[k * width] = at
        for j in range(1, width):
            table[k * width + j] = xs[k].shape[j - 1]
        for v in xs[k].flat:
            entries[at] = v
            at += 1
    return entries, table


def list_like(xs, entries):
    """A list of the kind and the shapes of xs with these entries."""
    out, at = List() if isinstance(xs, List) else [], 0
    for x in xs:
        n = np.size(x)
        out.append(entries[at:at + n].reshape(x.shape).copy() if np.ndim(x) else entries[at])
        at += n
    return out


@overload(list_like)
def _list_like(xs, entries):
    if not isinstance(xs, types.ListType) and not of_arrays(xs):
        return lambda xs, entries: [v for v in entries]
    if not of_arrays(xs):
        def numbers(xs, entries):
            out = List()
            for v in entries:
                out.append(v)
            return out
        return numbers

    def typed(xs, entries):
        out, at = List(), 0
        for x in xs:
            out.append(entries[at:at + x.size].reshape(x.shape).copy())
            at += x.size
        return out

    def pythons(xs, entries):
        out, at = [], 0
        for x in xs:
            out.append(entries[at:at + x.size].reshape(x.shape).copy())
            at += x.size
        return out
    return typed if isinstance(xs, types.ListType) else pythons
