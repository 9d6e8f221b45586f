"""Relays: what one nest of loops adds to a buffer, for another to move it on and clear it, goes at once to where it is moved.

    for t in ...:                                       for t in ...:
        for i in ...: row[i + 1] = x[i]; x[i] = 0           for j in ...: x[j] or other[j + 1] += g(row)
        for j in ...: x[j] += g(other)                      ...

Reverse sweeps of stencils in which two arrays take turns are so: each cotangent is moved to a row between zeros, out of which
the other one's is collected (see `gathers.py`). Only what is moved is relayed; what else the nest adds to, the faces of a box,
stays in the buffer. What moves before it is added to is moved once before the loop, and back behind it; what moves after it was
added to must begin as zeros. Program -> Program, the same function but for the sign of a zero.
"""
import operator
from dataclasses import dataclass, replace

import numpy as np
from numba import types

from . import infer, runtime
from .activity import Aliases
from .builder import Builder
from .dependence import Dependence, plus
from .gathers import names_of
from .program import (
    LOOSE,
    Const,
    For,
    Get,
    If,
    Let,
    Set,
    Var,
    binds,
    filtered,
    inner,
    mapped,
    reads,
    rebuilt,
    substituted,
    variables,
    walk,
)
from .shapes import Shapes
from .uses import is_number, nested

FEW = 2                         # so many entries beside a box are added to without a loop


def relayed(program):
    """The program whose nests hand on what others would move."""
    r = Relays(program)
    return replace(program, body=r.block(program.body))


@dataclass
class Mover:
    """A nest of loops that moves a box of a buffer to a row, and sets it to zero."""
    nest: list
    get: Get
    clear: Set
    store: Set
    box: list                   # of each axis of the buffer: (first, end), forms
    own: list                   # how much further along each axis an entry of the buffer is than its counter
    ahead: list                 # how much further along each axis an entry is in the row than in the buffer


@dataclass
class Adder:
    """A nest of loops, where some numbers are positive, that adds to a buffer."""
    positive: list              # forms
    nest: list
    sum: Set
    ahead: list                 # how much further along each axis an entry is than its counter


class Relays:
    """The loops of one program."""

    def __init__(self, program):
        self.aliases, self.b = Aliases(program), Builder()
        self.dependence = Dependence(program, self.aliases, Shapes(program))
        self.idle = idle_views(program)

    def block(self, block):
        made = []
        for s in block:
            s = rebuilt(s, self.block)
            after = []
            if isinstance(s, For) and s.brk is None and not s.parallel:
                for mover in [m for t in s.body if (m := self.mover(t)) is not None]:
                    s = self.without(s, mover, made, after)
            made += [s, *after]
        return made

    # ---- what is recognised
    def mover(self, s):
        """A statement as a nest that moves a box of a buffer to a row."""
        nest, last = nested(s)
        if len(last) != 3 or not isinstance(last[0], Get):
            return None
        get, clear, store = last if isinstance(last[1], Set) and last[1].value == Const(0.0) else (last[0], last[2], last[1])
        counters, buffer = [loop.var for loop in nest], get.arr
        made = self.dependence.made.get(store.arr) if isinstance(store, Set) else None
        if not (isinstance(clear, Set) and clear.value == Const(0.0) and isinstance(store, Set) and store.value is get.out
                and not clear.add and not store.add and clear.arr is buffer is not store.arr
                and isinstance(made, Let) and made.fn is runtime.padded and infer.scalar(buffer.type) == types.float64):
            return None
        got, cleared, stored = (self.ahead(t.index, counters) for t in (get, clear, store))
        ranges = [self.range(loop) for loop in nest]
        if None in ranges or got is None or got != cleared or stored is None:
            return None
        box = [tuple(plus(end, {1: k}) for end in ends) for ends, k in zip(ranges, got)]
        return Mover(nest, get, clear, store, box, got, [k - own for k, own in zip(stored, got)])

    def adder(self, s, buffer):
        """A statement as a nest that adds to each entry of a part of a buffer, from the counters' zero on."""
        positive = []
        while isinstance(s, If) and not s.orelse and not s.phis and len(s.then) > 0:
            *rest, last = s.then
            if not all(map(is_number, rest)):
                return None
            positive.append(self.more(s.cond))
            s = last
        nest, last = nested(s)
        if not last or not isinstance(last[-1], Set) or not all(
                isinstance(t, Get) and not self.touches(t.arr, buffer) for t in last[:-1]):
            return None
        total, counters = last[-1], [loop.var for loop in nest]
        if total.add != LOOSE or total.arr is not buffer or any((s.lo, s.step) != (Const(0), Const(1)) for s in nest):
            return None
        ahead = self.ahead(total.index, counters)
        return None if ahead is None or None in positive else Adder(positive, nest, total, ahead)

    def more(self, condition):
        """The form that is positive where a condition holds; None if that is not all that it says."""
        s = self.dependence.made.get(condition)
        a, b = map(self.dependence.form, s.args) if isinstance(s, Let) and s.fn is operator.lt else (None, None)
        return None if a is None or b is None else plus(b, a, -1)

    def ahead(self, index, counters):
        """The numbers by which an index is ahead of some counters; None where it is anything else."""
        forms = [self.dependence.form(i) for i in index]
        if None in forms or len(forms) != len(counters):
            return None
        rests = [plus(f, {c: 1}, -1) for f, c in zip(forms, counters)]
        return [r.get(1, 0) for r in rests] if all(set(r) <= {1} for r in rests) else None

    def range(self, loop):
        """What a loop goes over, as forms; None if that is not all from the first to the last."""
        if loop.step not in (Const(1), Const(-1)):
            return None
        lo, hi = map(self.dependence.form, (loop.lo, loop.hi))
        if lo is None or hi is None:
            return None
        return (lo, hi) if loop.step == Const(1) else (plus(hi, {1: 1}), plus(lo, {1: 1}))

    # ---- what must hold
    def without(self, loop, mover, before, after):
        """A loop whose body does without a nest that moves, where it may; what is to be done before and after it is added."""
        where, adding, adder = self.places(loop, mover)
        first = adder is not None and where < adding
        if adder is None or not (first or self.is_zero(mover.get.arr, before)):
            return loop
        with self.b.into(before):
            ends = [self.ends(s, k - own) for s, k, own in zip(mover.nest, adder.ahead, mover.own)]
            if first:
                self.b.block += filtered([mover.nest[0]], lambda s: s is not mover.clear)
        with self.b.into(after):
            if first:
                self.move_back(mover)
        body = list(loop.body)
        body[adding], = self.relaying([body[adding]], adder, mover, ends)
        del body[where]
        return replace(loop, body=body)

    def places(self, loop, mover):
        """(where the body of a loop moves, where it adds, the nest that does), if nothing else in it has to do with the buffer,
        the row is read only after the one and before the other, and its inside is added to whole; else no nest."""
        buffer, row = mover.get.arr, mover.store.arr
        where = next(k for k, s in enumerate(loop.body) if mover.get in walk([s]))
        of_buffer, of_row = ([k for k, s in enumerate(loop.body) if self.touches(s, a)] for a in (buffer, row))
        adding = next((k for k in of_buffer if k != where), where)
        adder = self.adder(loop.body[adding], buffer) if len(of_buffer) == 2 else None
        between = range(where, adding) if where < adding else [*range(where, len(loop.body)), *range(adding)]
        lengths = (a for s in mover.nest for a in (s.lo, s.hi))
        if adder is None or not set(of_row) <= set(between) or not all(self.covers(adder, mover)) or (
                any(self.touches(c, a) for c in carried(loop) for a in (buffer, row))) or not names_of(loop).isdisjoint(lengths):
            return where, adding, None
        return where, adding, adder

    def touches(self, s, array):
        """Does a statement, or one inside it, name an array, or one that may share its memory?"""
        if isinstance(s, Var):
            return infer.is_array(s) and self.aliases.of(s) is self.aliases.of(array)
        return any(self.touches(v, array) for t in walk([s]) if t not in self.idle for v in (*reads(t), *binds(t), *inner(t)))

    def covers(self, adder, mover):
        """What must hold for a nest to add to all that another one moves, whenever that moves anything."""
        for (first, end), ahead, loop in zip(mover.box, adder.ahead, adder.nest):
            yield at_least(plus(first, {1: -ahead}), {})
            yield at_least(self.least(loop.hi), plus(end, {1: -ahead}))
        for more in adder.positive:
            yield any(at_least(more, plus(end, first, -1)) for first, end in mover.box)

    def least(self, atom, parts=None):
        """A form than which an integer is never less, and which it is where some `parts`, added to a list, are not negative."""
        form = self.dependence.form(atom)
        for symbol, factor in list((form or {}).items()):
            s = self.dependence.made.get(symbol)
            if isinstance(s, Let) and s.fn is max and s.args[1] == Const(0) and factor > 0:
                part = self.dependence.form(s.args[0])
                if part is not None:
                    form = plus(plus(form, {symbol: -factor}), part, factor)
                    parts = [] if parts is None else parts
                    parts.append(part)
        return form

    def is_zero(self, buffer, before):
        """Is a buffer made of zeros by some statements, and left so?"""
        using = [s for s in before if self.touches(s, buffer)]
        return len(using) == 1 and isinstance(using[0], Let) and using[0].fn in (np.zeros, np.zeros_like)

    # ---- what is made of it
    def ends(self, loop, ahead):
        """(first, end) of what a loop goes over, as counters that are so much behind."""
        first, end = (loop.lo, loop.hi) if loop.step == Const(1) else (self.shifted(loop.hi, 1), self.shifted(loop.lo, 1))
        return self.shifted(first, -ahead), self.shifted(end, -ahead)

    def move_back(self, mover):
        """Add the nest that moves what is in a row back to the buffer."""
        back = {mover.get: [], mover.clear: [], mover.store: []}
        value = Var(mover.get.out.hint, mover.get.out.type)
        back[mover.store] = [Get(value, mover.store.arr, mover.store.index), Set(mover.get.arr, mover.get.index, value)]
        self.b.block += renewed(swapped([mover.nest[0]], back))

    def relaying(self, block, adder, mover, ends):
        """A block with a nest that adds to the buffer, but stores in the row what is to be moved there."""
        made = []
        for s in block:
            if s is adder.nest[-1]:
                with self.b.into(made):
                    self.in_parts(s, adder, mover, ends)
            else:
                made.append(rebuilt(s, lambda inside: self.relaying(inside, adder, mover, ends)))
        return made

    def in_parts(self, loop, adder, mover, ends):
        """Add the innermost loop: over what is before the box, in it, and behind it, where the others are inside."""
        b, inside = self.b, Const(True)
        for outer, (first, end) in zip(adder.nest[:-1], ends):
            for is_in in (b.let(operator.le, first, outer.var), b.let(operator.lt, outer.var, end)):
                inside = is_in if inside == Const(True) else b.let(operator.and_, inside, is_in)
        b.branch(inside, lambda: self.in_three(loop, adder, mover, *ends[-1]), lambda: b.add(loop) and None)

    def in_three(self, loop, adder, mover, first, end):
        b, stop, few = self.b, loop.hi, self.few(adder, mover)
        with b.into([]) as store:
            at = [self.shifted(c.var, k + more) for c, k, more in zip(adder.nest, adder.ahead, mover.ahead)]
            b.set(mover.store.arr, at, adder.sum.value)
        before = [replace(loop, hi=b.let(min, first, stop))] if few is None else self.at(loop, Const(0), few[0])
        b.block += renewed([*before, replace(loop, lo=first, hi=end, body=swapped(loop.body, {adder.sum: store}))])
        b.block += renewed([replace(loop, lo=b.let(max, first, end))]) if few is None else self.at(loop, end, few[1])

    def at(self, loop, first, n):
        """Some iterations of a loop, one after the other; what they count with is computed here, as far as it is known."""
        return [s for k in range(n) for s in self.iteration(loop.body, {loop.var: self.shifted(first, k)})]

    def iteration(self, body, known):
        with self.b.into([]) as made:
            for s in body:
                if is_number(s) and isinstance(s.out.type, types.Integer):
                    known[s.out] = self.b.let(s.fn, *(mapped(a, lambda v: known.get(v, v)) for a in s.args))
                else:
                    made += renewed([s], known)
        return made

    def few(self, adder, mover):
        """How many entries along the last axis are before the box and behind it, if that is known, and they are few."""
        (first, end), ahead, parts = mover.box[-1], adder.ahead[-1], []
        stop = self.least(adder.nest[-1].hi, parts)
        if not all(any(at_least(plus(part, {1: 1}), more) for more in adder.positive) for part in parts):
            return None
        counts = plus(first, {1: -ahead}), plus(stop, plus(end, {1: -ahead}), -1)
        numbers = [n.get(1, 0) for n in counts if set(n) <= {1}]
        return numbers if len(numbers) == 2 and max(numbers) <= FEW else None

    def shifted(self, atom, k):
        """atom + k"""
        return self.b.let(operator.add if k > 0 else operator.sub, atom, Const(abs(k))) if k else atom


def idle_views(program):
    """The statements that make views of which nothing is made but such views."""
    users, idle = {}, set()
    for s in walk(program.body):
        for v in reads(s):
            users.setdefault(v, []).append(s)
    users |= {v: [None] for v in variables(program.result)}
    for s in reversed(list(walk(program.body))):
        if isinstance(s, Get) and infer.is_array(s.out) and idle.issuperset(users.get(s.out, ())):
            idle.add(s)
    return idle


def carried(loop):
    return [v for c in loop.carries for v in (c.head, c.exit) if infer.is_array(v)]


def at_least(a, b):
    """Is a form never less than another one, whatever their symbols are?"""
    if a is None or b is None:
        return False
    more = plus(a, b, -1)
    return set(more) <= {1} and more.get(1, 0) >= 0


def swapped(block, others):
    """A block with other statements in place of some."""
    return [t for s in block for t in (others[s] if s in others else [rebuilt(s, lambda inside: swapped(inside, others))])]


def renewed(block, known=None):
    """A copy of a block, whose names are its own; `known` are the atoms for some names, and is told those that are new."""
    known = {} if known is None else known

    def bind(v):
        known[v] = Var(v.hint, v.type)
        return known[v]
    return substituted(block, lambda v: known.get(v, v), bind)
