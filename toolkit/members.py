"""Members: which statements can run element by element in a loop nest, where an element lies in memory, and what a statement
does to memory.

A member is an operation that makes an array of what it makes of each entry, a store to slices with known ends, or the sum of an
array, over all its axes or some. Its *space* are the axes over which it runs. A slice with known ends is read and written in the
array that it is a slice of, where Numba knows that it is contiguous.
"""
import operator
from dataclasses import dataclass, replace

import numpy as np
from numba import types

from . import infer, matrices, runtime
from .activity import Aliases, is_view
from .builder import dim
from .errors import Refusal
from .primitive import DRAWS
from .program import Const, Get, Let, Set, Span, Var, binds, reads, variables, walk
from .shapes import Shapes, spelled, trims

# what an operation on arrays is called on numbers, where Numba's operators and its ufuncs differ: in a division by zero
NUMBERS = {operator.truediv: np.divide, operator.floordiv: np.floor_divide, operator.mod: np.remainder, operator.pow: np.power,
           np.where: runtime.select}
CONSTANT = {runtime.fill, runtime.spread_like}                  # each entry is the first argument, where that is a number
SUMS = {np.sum, runtime.unbroadcast}
SAME = {np.copy, runtime.spread_like}                           # entries are those of the first argument, where that is an array
# entries are those of the first argument (of np.eye: 1) where a relation of row and column holds, else 0
PATTERNS = {np.eye: operator.eq, matrices.undiag: operator.eq, np.tril: operator.ge, np.triu: operator.le}

NONE = frozenset()                                              # the axis is 1


@dataclass(frozen=True)
class At:
    """The index `step * i + offset` on an axis, i being that of a group's axis; `step` is None for 1. `over` says, where they are
    compared, what i goes over: an axis that is broadcast is another one."""
    axis: int
    step: Var = None
    offset: int = 0
    over: frozenset = None


class Members:
    """What is known of a program's statements as members."""

    def __init__(self, program):
        self.shapes, self.aliases, self.readers = Shapes(program), Aliases(program), {}
        for s in walk(program.body):
            for v in reads(s):
                self.readers.setdefault(v, []).append(s)
        for v in variables(program.result, *(p for _, p in program.params)):
            self.readers.setdefault(v, []).append(None)

    # ---- which statements
    def space(self, s):
        """The axes over which a statement runs if it may be a member of a group; else None."""
        match s:
            case Let():
                if s.fn in SUMS:
                    return self.shapes.of(s.args[0]) if self.sums(s) else None
                return self.shapes.of(s.out) if self.maps(s) else None
            case Set(arr, index):
                return self.shapes.of_part(arr, index) if self.stores(s) else None
        return None

    def maps(self, s):
        """Does it make an array of what an operation on numbers makes of each entry?"""
        out = s.out.type
        if s.kw or not isinstance(out, types.Array) or out.ndim == 0 or (out.layout != "C" and out.ndim > 1) or s.fn in DRAWS:
            return False
        if s.fn in SAME:
            return self.plain(s.args[0])
        if s.fn in PATTERNS:
            return self.patterned(s)
        if not self.shapes.elementwise(s) or not all(infer.rank_of(a) == 0 or self.plain(a) for a in s.args):
            return False
        numbers = tuple(Var("x", a.type.dtype) if infer.is_array(a) else a for a in s.args)
        try:
            return infer.result_type(NUMBERS.get(s.fn, s.fn), numbers) == out.dtype
        except Refusal:
            return False

    def patterned(self, s):
        """Is it a matrix with entries about its main diagonal?"""
        if s.fn is np.eye:
            return len(s.args) == 1
        x, main = s.args[0], list(s.args[1:2]) in ([], [Const(0)])
        return main and self.plain(x) and x.type.dtype == s.out.type.dtype and (
            infer.rank_of(x) == 2 or self.shapes.of(x) == self.shapes.of(s.out)[:1] == self.shapes.of(s.out)[1:])

    def sums(self, s):
        x = s.args[0]
        return not s.kw and self.plain(x) and infer.type_of(x).dtype == infer.scalar(s.out.type) and (
            isinstance(infer.scalar(s.out.type), types.Float)) and self.left(s) is not None

    def left(self, s):
        """Where a sum puts what it adds up: its index, in terms of the axes of what it sums; None where that is not known."""
        axes, rank = self.shapes.of(s.args[0]), infer.rank_of(s.out)
        if s.fn is np.sum and len(s.args) == 1:
            return []
        if s.fn is np.sum:
            axis = s.args[1].value if isinstance(s.args[1], Const) else None
            return [At(k) for k in range(len(axes)) if k != axis % len(axes)] if type(axis) is int and rank else None
        last = axes[len(axes) - rank:]
        own = self.shapes.of(s.out)
        if rank and len(last) == rank and own != axes and all(mine in (other, NONE) for mine, other in zip(own, last)):
            return [At(k) if mine else Const(0) for k, mine in enumerate(own, len(axes) - rank)]
        return None

    def stores(self, s):
        if not isinstance(s.arr, Var) or infer.rank_of(s.arr) == 0 or infer.gathers(s.index):
            return False
        target = self.shapes.of_part(s.arr, s.index)
        if not target or not self.plain(s.arr):
            return False
        if shifted(spelled(s.index, infer.rank_of(s.arr)), over(target, len(target))) is None:
            return False
        if infer.rank_of(s.value) == 0:
            return True
        return self.plain(s.value) and len(self.shapes.of(s.value)) <= len(target) and not self.overlaps(s)

    def plain(self, a):
        """An array that is read from the last axis to the first."""
        return isinstance(a, Var) and infer.is_array(a) and a.type.ndim > 0 and (a.type.layout != "F" or a.type.ndim == 1)

    def constant(self, a):
        """The number that each entry of an array is; None if there is none."""
        s = self.shapes.made.get(a)
        if isinstance(s, Let) and s.fn in CONSTANT and not infer.rank_of(s.args[0]) and not self.aliases.mutable(a):
            return s.args[0] if infer.type_of(s.args[0]) == a.type.dtype else None
        return None

    def overlaps(self, s):
        """Does a store read the buffer that it writes, elsewhere?"""
        if self.aliases.of(s.value) is not self.aliases.of(s.arr):
            return False
        target = self.shapes.of_part(s.arr, s.index)
        return self.place(s.value, over(self.shapes.of(s.value), len(target))) != self.stored(s, over(target, len(target)))

    # ---- where an element lies
    def place(self, v, index):
        """(array, index): the element of v at an index, in the array that v is a slice of."""
        s = self.shapes.made.get(v)
        if isinstance(s, Get) and isinstance(s.arr, Var) and is_view(s):
            inner = shifted(spelled(s.index, infer.rank_of(s.arr)), index)
            if inner is not None:
                return self.place(s.arr, inner)
        if isinstance(s, Let) and s.fn is np.transpose and len(s.args) == 1 and isinstance(s.args[0], Var):
            return self.place(s.args[0], index[::-1])
        return v, tuple(index)

    def stored(self, s, index):
        """Where a store writes, for the index of a group's axes."""
        return self.place(s.arr, shifted(spelled(s.index, infer.rank_of(s.arr)), index))

    # ---- what a statement does to memory
    def accesses(self, s):
        """(buffers, where, kind) of what it reads ("r"), writes ("w") and adds to ("a"); `where` is None for anywhere."""
        found = []

        def touch(v, kind, where=None):
            c = self.aliases.of(v)
            if c in self.aliases.written:
                found.append((c, where, kind))

        space = self.space(s)
        if space is not None:
            for a in entries(s):
                if infer.rank_of(a):
                    touch(a, "r", self.place(a, over(self.shapes.of(a), len(space))))
            if isinstance(s, Set):
                touch(s.arr, "a" if s.add else "w", self.stored(s, over(space, len(space))))
            elif s.fn in SUMS:
                touch(s.out, "w")
            elif infer.is_array(s.out):
                touch(s.out, "w", self.place(s.out, over(space, len(space))))
            return found
        for t in walk([s]):
            if isinstance(t, Set):
                touch(t.arr, "w")
            shape_alone = isinstance(t, Let) and t.fn in (dim, np.zeros_like, np.empty_like)
            if not shape_alone and not (isinstance(t, Get) and is_view(t)):
                for v in reads(t):
                    if infer.is_array(v):
                        touch(v, "r")
            for v in binds(t):
                if isinstance(t, Let) and infer.is_array(v):
                    touch(v, "w")
        return found

    def escapes(self, s, members):
        """Is the array that one of some members makes read where its entries are not at hand?"""
        return self.aliases.mutable(s.out) or any(t not in members or not elementwise_use(t, s.out)
                                                  for t in self.readers.get(s.out, ()))


def elementwise_use(s, v):
    """Does a member read v only where it is computing, entry by entry?"""
    return v in entries(s) and v not in variables(*(s.index if isinstance(s, Set) else ())) and not (
        isinstance(s, Set) and s.arr is v)


def entries(s):
    """What a statement reads the entries of, where it is a member."""
    match s:
        case Set():
            return [s.value]
        case Let():
            if s.fn is np.eye:
                return []
            return [s.args[0]] if s.fn in SAME or s.fn in SUMS or s.fn in PATTERNS else list(s.args)
    return []


def over(shape, rank):
    """The index of an element of an array of a shape, in a nest of so many loops."""
    return [At(k, over=axis) for k, axis in enumerate(shape, rank - len(shape))]


def shifted(index, axes):
    """The index of an array, for an index of the slice of it that `index` takes; None where that is not known."""
    axes, found = list(axes), []
    for i in index:
        if i == Const(None):
            axes.pop(0)
        elif isinstance(i, Span):
            lo, at = trims(i)[0], axes.pop(0)
            if lo is not None and isinstance(at, At):
                found.append(replace(at, offset=at.offset + lo))
            elif lo is not None and isinstance(at, Const) and at.value >= 0:
                found.append(Const(at.value + lo))
            else:                                   # a number that may count from the slice's end
                return None
        else:
            found.append(i)
    return found
