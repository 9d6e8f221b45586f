"""Fusion: elementwise operations on arrays, with the views that they read, the slices that they are stored to and the sums that
close them, become loops over numbers.

Program -> Program, the same function. An array that is read only where it is made, at the same position, is never made. What
one element holds is computed by the same operations as before, and sums run in the same order, so that results are the same to
the last bit.

The statements of a block are put into *groups*, one loop nest each. A statement joins the group that makes what it reads if
nothing that lies between must come after the one and before the other; two that touch one buffer keep their order, unless they
touch each element in turn. What a statement needs to be a member of a group stands in `members.py`, the loops in `nests.py`.
References: Darte, On the complexity of loop fusion (1999); Wadler, Deforestation (1990).
"""
import functools
import heapq
import operator
from dataclasses import dataclass, field, replace

import numpy as np
from numba import types

from . import infer, runtime, tape
from .activity import Aliases
from .builder import Builder, acts, dim, throw, trips
from .dependence import Dependence
from .gathers import gathered
from .loop_order import forwards
from .masks import skipped
from .members import SAME, SUMS, At, Members, elementwise_use, entries
from .nests import Nest
from .normal import floats_shared, hoisted
from .outers import COLUMN, outers_together
from .pieces import in_pieces
from .places import placed
from .primitive import DRAWS
from .products import products_shared, rows_summed_first
from .program import (
    Const,
    Do,
    For,
    Let,
    NewStack,
    Note,
    Pop,
    Push,
    Reserve,
    Set,
    Span,
    Tup,
    Var,
    While,
    binds,
    mapped,
    reads,
    rebuilt,
    substituted,
    walk,
)
from .registers import in_registers
from .relays import relayed
from .remade import remade
from .residuals import SHAPED
from .shapes import Shapes
from .twins import Scratch, are_twins, may_join, private, together
from .zeros import without_clearing, without_copies, without_first_sums, without_zeros


def fused(program):
    """The program with its elementwise operations in loops."""
    for change in (rows_summed_first, products_shared, without_zeros, spelled_out, hoisted, in_registers, twins_joined, placed,
                   outers_together, without_clearing, remade, arrays_fused, in_pieces, hoisted, floats_shared, forwards, gathered,
                   hoisted, relayed, skipped, without_first_sums, without_copies):
        program = change(program)
    return program


def twins_joined(program):
    """The program in which loops and their reverses are one where they may be."""
    return replace(program, body=Pairs(program).block(program.body))


def arrays_fused(program):
    """The program with its operations on arrays in loops."""
    return replace(program, body=Fusion(program).block(program.body))


def spelled_out(program):
    """The program where lengths are taken of arrays that exist in any case, what is broadcast to its own shape is left, and outer
    products are products of what is broadcast, and means are sums, divided; each operation on the entries of np.eye has an np.eye
    of its own."""
    shapes, aliases, b, named = Shapes(program), Aliases(program), Builder(), {}

    def own(s, a):
        eye = shapes.made.get(a) if infer.rank_of(a) else None
        if not (isinstance(eye, Let) and eye.fn is np.eye and shapes.elementwise(s)) or aliases.mutable(a):
            return a
        return b.let(eye.fn, *eye.args, hint=a.hint)

    def block(statements):
        narrowed = {}
        with b.into([]) as made:
            for s in statements:
                is_sum = isinstance(s, Let) and s.fn is runtime.unbroadcast
                if (axis := length_of_another(s, shapes)) is not None:
                    named[s.out] = shapes.longest(b, axis)
                elif is_sum and shapes.same(s.args[0], s.out):
                    named[s.out] = s.args[0]
                elif is_sum and narrowed.setdefault((s.args[0], shapes.of(s.out)), s.out) is not s.out:
                    named[s.out] = narrowed[s.args[0], shapes.of(s.out)]
                elif isinstance(s, Let) and s.fn in SHAPED and isinstance(s.args[1], Var) and (
                        shapes.elementwise(shapes.made.get(s.args[1]))):
                    made.append(replace(s, args=(s.args[0], Tup(tuple(shapes.longest(b, axis) for axis in shapes.of(s.out))))))
                elif (column := turned_about(s, shapes)) is not None:
                    made.append(replace(s, fn=runtime.spread_like, args=(b.get(s.args[0], column), s.args[1])))
                elif is_mean(s):
                    lengths = [shapes.longest(b, axis) for axis in shapes.of(s.args[0])]
                    n = functools.reduce(lambda m, n: b.let(operator.mul, m, n), lengths)
                    made.append(replace(s, fn=np.divide, args=(b.let(np.sum, *s.args), n)))
                elif is_outer(s):
                    made.append(replace(s, fn=operator.mul, args=(b.get(s.args[0], COLUMN), s.args[1])))
                elif (base := turned(s, shapes.made)) is not None:
                    x, y = shapes.made[s.value].args
                    product = b.let(operator.mul, b.get(y, COLUMN), x)
                    made.append(replace(s, arr=base, value=product))
                elif isinstance(s, Let):
                    made.append(replace(s, args=tuple(own(s, a) for a in s.args)))
                else:
                    made.append(rebuilt(s, block))
        return made

    def final(v):
        while v in named:
            v = named[v]
        return v
    body = substituted(block(program.body), final)
    return replace(program, body=body, result=mapped(program.result, final))


def lengths_known(program):
    """The program where lengths are taken of arrays that exist in any case, outside of the loops that they stay the same in."""
    shapes, b, named = Shapes(program), Builder(), {}

    def block(statements):
        with b.into([]) as made:
            for s in statements:
                if (axis := length_of_another(s, shapes)) is not None:
                    named[s.out] = shapes.longest(b, axis)
                else:
                    made.append(rebuilt(s, block))
        return made
    final = lambda v: named.get(v, v)
    body = substituted(block(program.body), final)
    return hoisted(replace(program, body=body, result=mapped(program.result, final)))


def length_of_another(s, shapes):
    """The axis whose length a statement takes, if it is known to be that of another array; None where it is another statement."""
    if not isinstance(s, Let) or s.fn is not dim or s.out in shapes.asks:
        return None
    axis = shapes.of(s.args[0])[s.args[1].value]
    return axis if ("dim", *s.args[:1], s.args[1].value) not in axis else None


def turned_about(s, shapes):
    """The index that gives a vector the new axis along which it is spread; None where it is another statement."""
    if not (isinstance(s, Let) and s.fn is runtime.spread and infer.is_array(s.args[0]) and isinstance(s.args[1], Tup) and (
            type(getattr(s.args[2], "value", None)) is int)):
        return None
    axes, axis = list(shapes.of(s.out)), s.args[2].value % infer.rank_of(s.out)
    axes.pop(axis)
    whole = [Span(Const(None), Const(None), None)] * len(axes)
    return (*whole[:axis], Const(None), *whole[axis:]) if tuple(axes) == shapes.of(s.args[0]) else None


def is_mean(s):
    """Is it the mean of all that an array of floats holds? Numba adds it up in the order in which np.sum does."""
    return isinstance(s, Let) and s.fn is np.mean and not s.kw and len(s.args) == 1 and isinstance(s.args[0], Var) and (
        infer.rank_of(s.args[0]) > 0 and infer.scalar(s.args[0].type) == types.float64)


def is_outer(s):
    """Is it the outer product of two vectors of floats of one type?"""
    return isinstance(s, Let) and s.fn is np.outer and not s.kw and len(s.args) == 2 and all(
        isinstance(a, Var) and infer.rank_of(a) == 1 and infer.scalar(a.type) == infer.scalar(s.out.type) for a in s.args)


def turned(s, made):
    """The matrix to whose transpose an outer product contributes; None where it is another statement."""
    if not (isinstance(s, Set) and s.add and s.index == (Const(Ellipsis),) and is_outer(made.get(s.value))):
        return None
    view = made.get(s.arr)
    if isinstance(view, Let) and view.fn is np.transpose and len(view.args) == 1 and infer.rank_of(view.args[0]) == 2:
        return view.args[0]
    return None


@dataclass(eq=False)
class Unit:
    """Statements that run together: one of any kind, or a group that becomes a loop nest over `space`."""
    members: list               # (order in the block, statement)
    space: tuple = None
    anchored: bool = False      # does a member store or sum, so that the axes are exactly these?
    before: set = field(default_factory=set)        # the units that must run before, directly or not
    apart: set = field(default_factory=set)         # those of them that it cannot be one with


class Fusion(Members):
    """The groups of each block of a program."""

    def __init__(self, program):
        super().__init__(program)
        self.b = Builder()
        self.backwards = False          # past the note: contributions to cotangents may be added in any order

    def block(self, block):
        inner, before = [], self.backwards
        for s in block:
            self.backwards |= isinstance(s, Note)
            inner.append(rebuilt(s, self.block))
        self.backwards = before
        units, self.known = self.grouped(inner), {}
        for unit in reversed(units):
            for member in reversed(unit.members):
                self.sink(unit, member)
        with self.b.into([]) as made:
            for unit in ordered(units):
                if unit.space is None or alone(unit):
                    made.extend(s for _, s in unit.members)
                else:
                    Nest(self, unit).emit()
        return made

    def conflict(self, first, second):
        """How two accesses to one buffer stand: "" if they commute, "in turn" if each element is met by both, else "order"."""
        (_, where, kind), (_, there, other) = first, second
        if kind == other == "r" or (kind == other == "a" and self.backwards and where and there):
            return ""
        return "in turn" if where is not None and where == there else "order"

    def grouped(self, block):
        """The units of a block."""
        self.unit, home, units = {}, {}, []                 # statement -> unit; name -> statement
        self.touched = touched = {}                         # buffers -> accesses
        world = []          # the last statement that acts, and those since that may raise or store to the caller's arrays
        readers = {}                # array -> the members that have read its entries
        tapes, loops = {}, {}       # stack -> the last statement that uses it; twin -> loop
        required = []               # what lengths are required to be (see even.py): loops run to what follows from it
        for order, s in enumerate(block):
            self.backwards |= isinstance(s, Note)
            space = self.space(s)
            unit = Unit([(order, s)], space, space is not None and self.exact(s))
            for v in dict.fromkeys(free_reads(s)):
                if v in home:
                    self.follows(unit, home[v], space is not None and self.at_hand(home[v], s, v))
                guard = self.shapes.guarded.get(self.aliases.whole(v))      # before it, the array may be too short
                if guard in self.unit and guard is not s:
                    self.follows(unit, guard, False)
            if space is not None:
                for t in [*required, *(home[n] for axis in space for length in axis for n in integers(length) if n in home)]:
                    self.follows(unit, t, False)
            elif isinstance(s, Do) and s.fn in (tape.even, tape.least):
                required.append(s)
            mine, partners = self.accesses(s), []
            for access in mine:
                for t, before in touched.get(access[0], ()):
                    if how := self.conflict(before, access):
                        self.follows(unit, t, how == "in turn" or self.own(t, s, access[0]))
                    if how != "order" and not before[2] == access[2] == "r":
                        partners.append(t)
            for access in mine:
                touched.setdefault(access[0], []).append((s, access))
            for stack in stacks_of(s):
                if stack in tapes:
                    self.follows(unit, tapes[stack], are_twins(tapes[stack], s))
                tapes[stack] = s
            acting = effect(s)
            if acting or raises(s) or any(kind != "r" and c in self.aliases.external for c, _, kind in mine):
                for t in world if acting else world[:1]:
                    self.follows(unit, t, not acting and not effect(t))
                world = [s] if acting else [*world, s]
            units.append(unit)
            self.unit[s] = unit
            home |= dict.fromkeys(binds(s), s)
            self.pair(units, unit, s, loops)
            if space is not None:
                for g in self.makers(s, home):
                    self.merge(units, g, self.unit[s])
                for v in entries(s):
                    readers.setdefault(v, []).append(s)
                for t in reversed([*partners, *self.beside_sums(s, readers)]):
                    if self.unit[t] is not self.unit[s] and self.unit[t].space == self.unit[s].space:
                        self.merge(units, self.unit[t], self.unit[s])
        return units

    def sink(self, unit, member):
        """Move what a group computes only for another one to that one, where all that it reads is there in any case."""
        _, s = member
        if unit.space is None or self.exact(s) or self.unit[s] is not unit:
            return
        homes = {self.unit.get(t) for t in self.readers.get(s.out, ())}
        if len(homes) != 1 or None in homes or unit in homes or not all(elementwise_use(t, s.out) for t in self.readers[s.out]):
            return
        home, = homes
        moved = self.chain(unit, s, set(), home)
        if home.space is None or moved is None or len(moved) == len(unit.members) or not all(
                covers(home.space, self.shapes.of(t.out)) for t in moved):
            return
        home.members = sorted([*home.members, *(m for m in unit.members if m[1] in moved)], key=lambda m: m[0])
        unit.members = [m for m in unit.members if m[1] not in moved]
        self.unit |= dict.fromkeys(moved, home)

    def chain(self, unit, s, found, home):
        """A member, and those that compute for it alone; None if they read what is not there, or not the same, in its home."""
        found.add(s)
        if self.aliases.mutable(s.out):
            return None
        for a in entries(s):
            if infer.rank_of(a):
                base, _ = self.place(a, [At(k) for k in range(infer.rank_of(a))])
                maker = next((t for _, t in unit.members if isinstance(t, Let) and t.out is base), None)
                if self.aliases.mutable(base) and not self.unchanged(base, s, unit, home):
                    return None
                if maker is not None and not self.escapes(maker, [t for _, t in unit.members]) and (
                        not all(t in found for t in self.readers[base]) or self.chain(unit, maker, found, home) is None):
                    return None
        return found

    def unchanged(self, array, s, unit, home):
        """Is an array that a member reads the same when its home runs? What writes to it afterwards must wait for that."""
        read = next(order for order, t in unit.members if t is s)
        later = [t for t, (_, _, kind) in self.touched.get(self.aliases.of(array), ()) if kind != "r" and t is not s]
        return all(self.order(t) < read or home in self.unit[t].before for t in later)

    def order(self, s):
        """Where a statement stands in its block."""
        return next(order for order, t in self.unit[s].members if t is s)

    def exact(self, s):
        """Does a member have to run over its own axes, no more and no less: as it sums, or stores?"""
        return isinstance(s, Set) or s.fn in SUMS

    def beside_sums(self, s, readers):
        """The members that read an array which the group of s reads, too, where one of the groups sums up what it reads."""
        sums = lambda unit: any(isinstance(t, Let) and t.fn in SUMS for _, t in unit.members)
        mine = self.unit[s]
        shared = [t for _, m in mine.members for v in entries(m) for t in readers.get(v, ()) if self.unit[t] is not mine]
        return shared if sums(mine) else [t for t in shared if sums(self.unit[t])]

    def at_hand(self, maker, s, v):
        """May a member use, in the same loops, what another one has made, or store to it?"""
        if self.unit[maker].space is None or self.exact(maker):
            return False
        return elementwise_use(s, v) or (isinstance(s, Set) and s.arr is v)

    def follows(self, unit, t, together):
        """A unit runs after that of t, or in the same loops where that may be."""
        p = self.unit[t]
        unit.before |= {p, *p.before}
        if not together:
            unit.apart.add(p)

    def makers(self, s, home):
        """The groups that make what a member reads, the latest first."""
        found = {self.unit[home[v]] for v in entries(s) if v in home}
        return sorted((g for g in found if g.space is not None and g is not self.unit[s]), key=lambda g: -g.members[0][0])

    def merge(self, units, g, unit):
        """Let two groups run as one, if nothing is against it."""
        space = self.common(g, unit)
        if space is not None and self.unite(units, g, unit):
            unit.space, unit.anchored = space, g.anchored or unit.anchored

    def pair(self, units, unit, s, loops):
        """Pairs has something to do here."""

    def own(self, first, second, buffers):
        """Are these buffers that a loop and its reverse make in each iteration, or that the loop alone writes?"""
        return are_twins(first, second) and (buffers in private(first, second, self.aliases) or not any(
            isinstance(s, Set) and self.aliases.of(s.arr) is buffers for s in walk([second])))

    def unite(self, units, g, unit):
        """Make two units one, if nothing is against it."""
        if g in unit.apart or unit in g.apart or between(g, unit) or between(unit, g):
            return False
        unit.members = sorted(g.members + unit.members, key=lambda m: m[0])
        unit.before = (unit.before | g.before) - {g, unit}
        unit.apart |= g.apart
        units.remove(g)
        for _, t in g.members:
            self.unit[t] = unit
        for u in units:
            if g in u.apart:
                u.apart = (u.apart - {g}) | {unit}
            if g in u.before or unit in u.before:
                u.before = (u.before - {g}) | {unit, *unit.before}
        return True

    def common(self, g, unit):
        """The axes over which two groups can run as one."""
        if g.space == unit.space:
            return unit.space
        if len(g.space) != len(unit.space):
            return None
        if not unit.anchored and covers(g.space, unit.space):
            return g.space
        if not g.anchored and (covers(unit.space, g.space) or self.takes(unit, g)):
            return unit.space
        return None

    def takes(self, unit, g):
        """Is it one store, of what a group makes over all its axes? It must have the shape of where it goes."""
        (_, s), *more = unit.members
        return not more and isinstance(s, Set) and self.shapes.of(s.value) == g.space


def between(first, second):
    """Does another unit have to run after the first and before the second?"""
    return any(first in p.before for p in second.before if p is not first)


class Pairs(Fusion):
    """The same, of loops and their reverses instead of operations on arrays; from the outermost to the innermost."""

    def __init__(self, program):
        super().__init__(program)
        self.scratch = Scratch(program, self.aliases, Dependence(program, self.aliases, self.shapes))

    def space(self, s):
        return None

    def pair(self, units, unit, s, loops):
        """Let a loop that has come to its reverse run with it."""
        first = loops.setdefault(s.twin, s) if isinstance(s, For) and s.twin is not None else s
        if are_twins(first, s) and may_join(first, s, self.aliases, self.scratch.of(s)):
            self.unite(units, self.unit[first], unit)

    def block(self, block):
        made, less = [], {}
        for unit in ordered(self.grouped(block)):
            first, *second = (s for _, s in unit.members)
            if second:
                first = together(first, *second)
                less |= self.once_each(first, block)
            made.append(rebuilt(first, self.block))
        return substituted(made, lambda v: less.get(v, v)) if less else made

    def once_each(self, loop, block):
        """Of the lengths of tapes that one iteration of a joined loop fills and empties: what they are for that."""
        stacks = {t.stack for t in walk(loop.body) if isinstance(t, Pop)}
        counts = {s.count for s in block if isinstance(s, NewStack | Reserve) and s.stack in stacks}
        return {n: each for n in counts if (each := self.each(n, loop)) is not None}

    def each(self, n, loop):
        """What the trips of a loop are multiplied with in a length; None if they are not."""
        s = self.shapes.made.get(n)
        if isinstance(s, Let) and s.fn is max:
            s = self.shapes.made.get(s.args[0])
        if not (isinstance(s, Let) and s.fn is operator.mul):
            return None
        t = self.shapes.made.get(s.args[0])
        counted = isinstance(t, Let) and t.fn is trips and t.args == (loop.lo, loop.hi, loop.step)
        plain = s.args[0] == loop.hi and loop.lo == Const(0) and loop.step == Const(1)
        return s.args[1] if counted or plain else None


def integers(length):
    """The integers of which a length is made (see shapes.py)."""
    match length:
        case Var():
            yield length
        case ("cut", n, _):
            yield from integers(n)
        case ("form", items):
            for n, _ in items:
                yield from integers(n)


def alone(unit):
    """Is it one copy? Numba has better than a loop for that."""
    (_, s), *more = unit.members
    return not more and isinstance(s, Let) and s.fn in SAME


def free_reads(s):
    """What a statement, or one inside it, reads."""
    return [v for t in walk([s]) for v in reads(t)]


def effect(s):
    """Does it do something that must keep its place among its like: print, raise, draw, run on?"""
    return any((isinstance(t, Do) and not for_memory(t)) or isinstance(t, While) or (isinstance(t, Let) and t.fn in DRAWS)
               for t in walk([s]))


def raises(s):
    """May it raise for a division by zero, or for want of memory? Such statements need no order among themselves."""
    return any((isinstance(t, Let) and acts(t)) or isinstance(t, Do) for t in walk([s]))


def for_memory(s):
    """Does it say that a tape does not fit?"""
    return s.fn is throw and s.args[0] == Const(MemoryError)


def stacks_of(s):
    """The stacks that it uses."""
    return dict.fromkeys(t.stack for t in walk([s]) if isinstance(t, (Push, Pop, NewStack, Reserve)))


def covers(wide, narrow):
    """Is each axis of one space broadcast to that of another in any case?"""
    return len(wide) == len(narrow) and all(b <= a for a, b in zip(wide, narrow))


def ordered(units):
    """The units in an order that keeps every one after those that it needs, and otherwise as they were written."""
    waiting = {u: len(u.before) for u in units}
    after = {}
    for u in units:
        for p in u.before:
            after.setdefault(p, []).append(u)
    ready = [(u.members[0][0], k, u) for k, u in enumerate(units) if not u.before]
    heapq.heapify(ready)
    rank = {u: k for k, u in enumerate(units)}
    while ready:
        _, _, u = heapq.heappop(ready)
        yield u
        for w in after.get(u, ()):
            waiting[w] -= 1
            if not waiting[w]:
                heapq.heappush(ready, (w.members[0][0], rank[w], w))
    assert not any(waiting.values()), "units that wait for each other"
