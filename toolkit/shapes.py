"""Symbolic lengths: which axes of a Program's arrays are known, before it runs, to be of one length.

A *length* is an int, `("dim", array, axis)`, `("cut", length, k)` for max(length - k, 0), or an integer Var. An axis that comes
of broadcasting has as many lengths as may differ from 1 there: they are one set, and the axis is as long as whichever of them
is not 1. Axes with equal sets are equally long; the set of an axis that is 1 is empty.
"""
import operator

import numpy as np

from . import infer, runtime, tape
from .builder import astype, dim
from .primitive import FLAT, lookup
from .program import Const, Do, Get, Let, Span, Tup, Var, binds, inner, variables, walk

ALIKE = {np.copy, np.zeros_like, np.empty_like, np.ones_like, np.sort, np.cumsum, np.cumprod, astype, runtime.stop_gradient}
MADE = {np.empty: 0, np.zeros: 0, np.ones: 0, np.full: 0, runtime.fill: 1, runtime.spread: 1, np.broadcast_to: 1}
LIKE = {runtime.unbroadcast: 1, runtime.spread_like: 1}
COMPARISONS = {operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, operator.and_, operator.or_}


class Shapes:
    """The lengths of the axes of each array of a program."""

    def __init__(self, program):
        self.made, self.guarded, self.known = {}, {}, {}
        self.position = {v: k for k, v in enumerate(every(program))}
        for s in walk(program.body):
            if isinstance(s, (Let, Get)):
                self.made[s.out] = s
            if isinstance(s, Do) and s.fn is tape.same_shape and all(isinstance(a, Var) for a in s.args):
                self.guarded[s.args[1]] = s

    def of(self, v):
        """A set of lengths for each axis."""
        if not infer.is_array(v):
            return ()
        key = v if isinstance(v, Var) else id(v.value)
        if key not in self.known:
            self.known[key] = self.asked(v)
        return self.known[key]

    def asked(self, v):
        if isinstance(v, Const):
            return tuple(frozenset([n] if n != 1 else []) for n in v.value.shape)
        if v in self.guarded and v not in self.made and self.guarded[v].args[0] is not v:
            return self.of(self.guarded[v].args[0])
        s = self.made.get(v)
        found = self.of_get(s) if isinstance(s, Get) else self.of_let(s) if isinstance(s, Let) else None
        return found if found is not None else tuple(frozenset([("dim", v, k)]) for k in range(infer.rank_of(v)))

    def of_let(self, s):
        fn, args = s.fn, s.args
        if fn in ALIKE and not s.kw and len(args) <= 2 and infer.rank_of(args[0]) == infer.rank_of(s.out):
            return self.of(args[0])
        if fn in LIKE or fn in MADE:
            like = args[LIKE.get(fn, MADE.get(fn))]
            return self.of(like) if infer.is_array(like) else self.of_lengths(like, infer.rank_of(s.out))
        if fn is np.transpose and len(args) == 1:
            return self.of(args[0])[::-1]
        if fn in (operator.matmul, np.dot) and [infer.rank_of(a) for a in args] in ([2, 2], [2, 1], [1, 2]):
            return (*self.of(args[0])[:-1], *(self.of(args[1])[1:]))
        if self.elementwise(s):
            return self.broadcast(args)
        return None

    def elementwise(self, s):
        """Is it an elementwise operation on arrays (or numbers and arrays)?"""
        if not isinstance(s, Let) or s.kw or not infer.is_array(s.out) or any(infer.rank_of(a) is None for a in s.args):
            return False
        if s.fn in COMPARISONS:
            return True
        if isinstance(s.fn, np.ufunc):
            return len(s.args) == s.fn.nin
        if hasattr(s.fn, "card"):                   # a user's own, which may do anything with its arrays
            return False
        card = lookup(s.fn, tuple(map(infer.rank_of, s.args)))
        return card is not None and card.elementwise and s.fn not in FLAT

    def broadcast(self, atoms):
        """The axes of what is broadcast from some atoms."""
        shapes = [self.of(a) for a in atoms]
        rank = max(map(len, shapes))
        return tuple(frozenset().union(*(shape[k - rank + len(shape)] for shape in shapes if k - rank + len(shape) >= 0))
                     for k in range(rank))

    def of_lengths(self, shape, rank):
        """The axes of an array that is made of this shape; None where it is a tuple that is not written out."""
        items = shape.items if isinstance(shape, Tup) else (shape,)
        return tuple(map(self.length, items)) if len(items) == rank and all(infer.rank_of(n) == 0 for n in items) else None

    def length(self, atom):
        """The set of a length that stands as an integer."""
        if isinstance(atom, Const):
            return frozenset() if atom.value == 1 else frozenset([atom.value])
        s = self.made.get(atom)
        if isinstance(s, Let) and s.fn is dim:
            return self.of(s.args[0])[s.args[1].value]
        if isinstance(s, Let) and s.fn is runtime.joined:
            return self.length(s.args[0]) | self.length(s.args[1])
        return frozenset([atom])

    def of_get(self, s):
        if not infer.is_array(s.arr) or infer.gathers(s.index):         # of a tuple of arrays, or a copy
            return None
        axes, left = [], list(self.of(s.arr))
        for i in spelled(s.index, len(left)):
            if i == Const(None):
                axes.append(frozenset())
            elif isinstance(i, Span):
                axes.append(self.cut(left.pop(0), i))
            else:
                left.pop(0)
        return tuple(a if a is not None else frozenset([("dim", s.out, k)]) for k, a in enumerate(axes))

    def of_part(self, arr, index):
        """The axes of the part of an array that is written; None where their lengths are not known."""
        axes, left = [], list(self.of(arr))
        if infer.gathers(index):
            return None
        for i in spelled(index, len(left)):
            if isinstance(i, Span):
                axes.append(self.cut(left.pop(0), i))
            elif isinstance(i, (Var, Const)) and i != Const(None):
                left.pop(0)
            else:
                return None
        return None if None in axes else tuple(axes)

    def cut(self, lengths, span):
        """The set of a slice of an axis; None where it is not known."""
        lo, hi = trims(span)
        if lo is None or hi is None:
            return None
        if lo + hi == 0:
            return lengths
        if len(lengths) != 1:
            return None
        n, = lengths
        if isinstance(n, int):
            left = max(n - lo - hi, 0)
            return frozenset() if left == 1 else frozenset([left])
        if isinstance(n, tuple) and n[0] == "cut":
            n, more = n[1:]
            return frozenset([("cut", n, lo + hi + more)])
        return frozenset([("cut", n, lo + hi)])

    def same(self, a, b):
        """Are two arrays known to be of one shape?"""
        return infer.is_array(a) and infer.is_array(b) and self.of(a) == self.of(b)

    def longest(self, b, axis):
        """How long an axis is, as an atom."""
        found = None
        for n in sorted(axis, key=self.rank):
            atom = self.emitted(b, n)
            found = atom if found is None else b.let(runtime.joined, found, atom, hint="n")
        return found if found is not None else Const(1)

    def rank(self, length):
        """What lengths are put in order by: as they come in the program."""
        match length:
            case ("dim", v, k):
                return 0, self.position.get(v, -1), k
            case ("cut", n, k):
                return 1, self.rank(n), k
            case Var():
                return 2, self.position.get(length, -1)
        return 3, length

    def emitted(self, b, length):
        """A length as an atom."""
        if isinstance(length, int):
            return Const(length)
        if isinstance(length, Var):
            return length
        if length[0] == "dim":
            return b.dim(*length[1:])
        return b.let(max, b.let(operator.sub, self.emitted(b, length[1]), Const(length[2])), Const(0))


def every(program):
    """Each Var that a program binds, in its order."""
    yield from variables(*(p for _, p in program.params))
    for s in walk(program.body):
        yield from (*inner(s), *binds(s))


def spelled(index, rank):
    """An index with one component for each axis: `...` and what is left out written as slices."""
    whole = Span(Const(None), Const(None), None)
    taken = sum(i != Const(None) and i != Const(Ellipsis) for i in index)
    if Const(Ellipsis) not in index:
        index = (*index, Const(Ellipsis))
    return [j for i in index for j in ([whole] * (rank - taken) if i == Const(Ellipsis) else [i])]


def trims(span):
    """How much a slice by ones leaves out at either end, as (at the beginning, at the end); None for an end that is not known."""
    if span.step not in (None, Const(None), Const(1)):
        return None, None
    lo, hi = (a.value if isinstance(a, Const) else a for a in (span.lo, span.hi))
    lo = 0 if lo is None else lo if isinstance(lo, int) and lo >= 0 else None
    hi = 0 if hi is None else -hi if isinstance(hi, int) and hi < 0 else None
    return lo, hi
