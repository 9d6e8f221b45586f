"""Nests: the loops of one group of members.

The array that a member makes is made only where it is read outside of the group, or not in turn. Where the lengths of two axes
are not known to be equal, an index is multiplied by 0 or 1, which LLVM vectorises as it does the plain one.
"""
import operator

import numpy as np
from numba import types

from . import infer, runtime
from .members import NUMBERS, PATTERNS, SAME, SUMS, At, entries
from .program import Carry, Const, For, Let, Set, Tup, Var
from .residuals import CHEAP, flops

ROWS = 3                        # so many values that go to neighbours are kept for other loops to collect


class Nest:
    """The loops of one group."""

    def __init__(self, fusion, unit):
        self.f, self.b, self.unit, self.shapes = fusion, fusion.b, unit, fusion.shapes
        self.passing = set()        # the arrays that are never made
        self.values = {}            # array -> its entry, as far as the body that is being written has come
        self.members = [s for _, s in unit.members]
        self.totals = {}            # how many axes are left -> the sums over the others, the last ones

    def emit(self):
        b, unit = self.b, self.unit
        b.place = next((s.place for s in self.members if s.place), None)
        self.lengths = [self.length(axis) for k, axis in enumerate(unit.space)]
        for s in self.members:
            self.prepare(s)
        self.loop([], [], [])

    def length(self, axis):
        """How long an axis is; what has been found once in a block is not asked again."""
        if axis not in self.f.known:
            self.f.known[axis] = self.shapes.longest(self.b, axis)
        return self.f.known[axis]

    def prepare(self, s):
        """What a member needs before the loops: the array that it makes, and how its operands are broadcast."""
        arrays = entries(s)
        if isinstance(s, Let) and s.fn in SUMS:
            self.prepare_sum(s)
        elif isinstance(s, Let) and infer.is_array(s.out):
            if self.f.escapes(s, self.members):
                own = [n if axis == space else self.length(axis)
                       for k, (n, axis, space) in enumerate(zip(self.lengths, self.shapes.of(s.out), self.unit.space))]
                self.b.add(Let(s.out, np.empty, (Tup(tuple(own)), Const(infer.numpy_type(s.out.type))), (), s.place))
                arrays.append(s.out)
            else:
                self.passing.add(s.out)
                if s.fn in PATTERNS:
                    self.aligned(s.out)
        for a in arrays:
            if infer.rank_of(a) and a not in self.passing and self.f.constant(a) is None:
                self.aligned(a)

    def prepare_sum(self, s):
        """Make the array of a sum over some axes. What goes over the last axes alone is added up in a register."""
        left = self.f.left(s)
        outer = [i for i in left if isinstance(i, At)]
        if left[:len(outer)] == [At(k) for k in range(len(outer))]:
            self.totals.setdefault(len(outer), []).append(s)
        if left:
            own = [self.lengths[i.axis] if isinstance(i, At) else Const(1) for i in left]
            make = np.empty if s in self.totals.get(len(outer), ()) else np.zeros
            self.b.add(Let(s.out, make, (Tup(tuple(own)), Const(infer.numpy_type(s.out.type))), (), s.place))

    def aligned(self, a):
        """The index of an array's element, in terms of the group's axes."""
        shape, index = self.shapes.of(a), []
        for k, axis in enumerate(shape, len(self.unit.space) - len(shape)):
            if axis == self.unit.space[k]:
                index.append(At(k))
            elif not axis:
                index.append(Const(0))
            else:
                wide = self.unit.space[k]
                if (axis, wide) not in self.f.known:
                    self.f.known[axis, wide] = self.b.let(runtime.step, self.length(axis), self.lengths[k], hint="by")
                index.append(At(k, self.f.known[axis, wide]))
        return index

    def loop(self, index, totals, sums, members=None):
        """Add the loops from an axis on; `sums` are what has been added up so far. Returns what has been after them."""
        if len(index) == len(self.lengths):
            return self.body(index, totals, sums, members)
        last = len(index) == len(self.lengths) - 1
        first, *more = self.rows() if last and index and members is None else [members]
        mine = self.totals.get(len(index), []) if members is None else []
        totals, sums = [*totals, *mine], [*sums, *(number(0, s) for s in mine)]
        i = Var("ijklmn"[len(index)] if len(index) < 6 else "i", types.intp)
        heads = [Var("total", infer.scalar(s.out.type)) for s in totals]
        with self.b.into([]) as body:
            ends = self.loop([*index, i], totals, heads, first)
        exits = [s.out if not infer.rank_of(s.out) and not index else Var("total", infer.scalar(s.out.type)) for s in totals]
        carries = [Carry(*c) for c in zip(heads, sums, ends, exits)]
        self.b.add(For(i, Const(0), self.lengths[len(index)], Const(1), body, carries))
        for s, total in zip(mine, exits[len(exits) - len(mine):]):
            if infer.rank_of(s.out):
                self.index = index
                self.b.add(Set(s.out, self.atoms(self.f.left(s)), total, False, s.place))
        for part in more:
            self.loop(index, [], [], part)
        return exits[:len(exits) - len(mine)]

    def rows(self):
        """The members, in parts that go over a row one after the other: two that add to one buffer at different places are kept
        from one loop, which could not be vectorised, where what they add is cheap to compute again."""
        adds = {s: self.f.stored(s, [At(k) for k in range(len(self.lengths))])
                for s in self.members if isinstance(s, Set) and s.add}
        if len({s.value for s in adds}) <= ROWS and len({at[-1] for _, at in adds.values()}) > 1:
            return [self.members]                           # then these are collected: see gathers.py
        written = {self.f.aliases.of(s.arr) for s in self.members if isinstance(s, Set)}
        parts, places = [], {}
        for s, place in adds.items():
            chain = self.again(s.value, written)
            if places.setdefault(self.f.aliases.of(s.arr), place) != place and chain is not None:
                parts.append([*chain, s])
        later = {part[-1] for part in parts}
        return [[s for s in self.members if s not in later], *parts]

    def again(self, a, written):
        """The members that compute a value once more; None where that is too much, or would read what has changed."""
        maker = next((s for s in self.members if isinstance(s, Let) and s.out is a and a in self.passing), None)
        if maker is None:
            return None if infer.rank_of(a) and self.f.aliases.of(a) in written else []
        if maker.fn not in SAME and flops(maker) > CHEAP:
            return None
        found = []
        for x in entries(maker):
            chain = self.again(x, written)
            if chain is None or len(found) > CHEAP:
                return None
            found += [s for s in chain if s not in found]
        return [*found, maker]

    def body(self, index, totals, sums, members):
        b, sums = self.b, dict(zip(totals, sums))
        self.index, self.values = index, {}
        for s in members if members is not None else self.members:
            if isinstance(s, Set):
                value = b.cast(self.entry(s.value), s.arr.type)
                arr, at = self.f.stored(s, [At(k) for k in range(len(index))])
                b.add(Set(arr, self.atoms(at), value, s.add, s.place))
            elif s in sums:
                sums[s] = b.let(operator.add, sums[s], self.entry(s.args[0]))
            elif s.fn in SUMS:
                b.add(Set(s.out, self.atoms(self.f.left(s)), self.entry(s.args[0]), True, s.place))
            else:
                value = self.computed(s)
                if s.out not in self.passing:
                    b.add(Set(s.out, self.atoms(self.aligned(s.out)), value, False, s.place))
                if not self.f.aliases.mutable(s.out):
                    self.values[s.out] = value
        return [sums[s] for s in totals]

    def computed(self, s):
        """The entry of the array that a member makes."""
        if s.fn in SAME:
            return self.entry(s.args[0])
        if s.fn in PATTERNS:
            inside = self.b.let(PATTERNS[s.fn], *self.atoms(self.aligned(s.out)), hint="inside")
            return self.b.let(runtime.select, inside, *map(self.entry, entries(s) or [number(1, s)]), number(0, s))
        return self.b.let(NUMBERS.get(s.fn, s.fn), *map(self.entry, s.args), hint=s.out.hint)

    def entry(self, a):
        """The entry of an operand at the loops' indices."""
        if not infer.rank_of(a):
            return a
        if a in self.values:
            return self.values[a]
        if self.f.constant(a) is not None:
            return self.f.constant(a)
        arr, index = self.f.place(a, self.aligned(a))
        return self.b.get(arr, self.atoms(index), hint=a.hint)

    def atoms(self, index):
        """An index as atoms."""
        return tuple(self.atom(i) if isinstance(i, At) else i for i in index)

    def atom(self, at):
        i = self.index[at.axis]
        if at.step is not None:
            i = self.b.let(operator.mul, i, at.step, hint="i")
        return self.b.let(operator.add, i, Const(at.offset), hint="i") if at.offset else i


def number(n, s):
    """A number of the type of a statement's entries."""
    kind = infer.scalar(s.out.type)
    return Const(float(n)) if kind == types.float64 else Const(infer.numpy_type(kind)(n))
