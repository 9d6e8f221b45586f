"""Fusion: elementwise operations on arrays, with the views that they read, the slices that they are stored to and the sums that
close them, become loops over numbers.

Program -> Program, the same function. An array that is read only where it is made, at the same position, is never made; a
slice with known ends is read and written in the array that it is a slice of, where Numba knows that it is contiguous. What
one element holds is computed by the same operations as before, and sums run in the same order, so that results are the same to
the last bit.

The statements of a block are put into *groups*, one loop nest each. A statement joins the group that makes what it reads if
nothing that lies between must come after the one and before the other; two that touch one buffer keep their order, unless they
touch each element in turn. An axis is as long as the longest that is broadcast to it: where lengths are not known to be equal
(`shapes.py`), an index is multiplied by 0 or 1, which LLVM vectorises as it does the plain one.
References: Darte, On the complexity of loop fusion (1999); Wadler, Deforestation (1990).
"""
import heapq
import operator
from dataclasses import dataclass, field, replace

import numpy as np
from numba import types

from . import infer, runtime
from .activity import Aliases, is_view
from .builder import Builder, acts, dim
from .errors import Refusal
from .primitive import DRAWS
from .program import (
    Carry,
    Const,
    Do,
    For,
    Get,
    If,
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
    substituted,
    variables,
    walk,
)
from .residuals import CHEAP, flops
from .shapes import Shapes, spelled, trims

# what an operation on arrays is called on numbers, where Numba's operators and its ufuncs differ: in a division by zero
NUMBERS = {operator.truediv: np.divide, operator.floordiv: np.floor_divide, operator.mod: np.remainder, operator.pow: np.power,
           np.where: runtime.select}
CONSTANT = {runtime.fill, runtime.spread_like}                  # each entry is the first argument, where that is a number
SAME = {np.copy, runtime.spread_like}                           # entries are those of the first argument, where that is an array
SHAPED = {runtime.unbroadcast, runtime.spread_like}             # of their second argument, an array, these need but the shape


def fused(program):
    """The program with its elementwise operations in loops."""
    program = spelled_out(program)
    fusion = Fusion(program)
    return replace(program, body=fusion.block(program.body))


def spelled_out(program):
    """The program where lengths are taken of arrays that exist in any case, and what is broadcast to its own shape is left."""
    shapes, b, named = Shapes(program), Builder(), {}

    def block(statements):
        narrowed = {}
        with b.into([]) as made:
            for s in statements:
                is_sum = isinstance(s, Let) and s.fn is runtime.unbroadcast
                if isinstance(s, Let) and s.fn is dim and ("dim", *s.args[:1], s.args[1].value) not in (
                        axis := shapes.of(s.args[0])[s.args[1].value]):
                    named[s.out] = shapes.longest(b, axis)
                elif is_sum and shapes.same(s.args[0], s.out):
                    named[s.out] = s.args[0]
                elif is_sum and narrowed.setdefault((s.args[0], shapes.of(s.out)), s.out) is not s.out:
                    named[s.out] = narrowed[s.args[0], shapes.of(s.out)]
                elif isinstance(s, Let) and s.fn in SHAPED and isinstance(s.args[1], Var) and (
                        shapes.elementwise(shapes.made.get(s.args[1]))):
                    made.append(replace(s, args=(s.args[0], Tup(tuple(shapes.longest(b, axis) for axis in shapes.of(s.out))))))
                else:
                    made.append(rebuilt(s, block))
        return made

    def final(v):
        while v in named:
            v = named[v]
        return v
    body = substituted(block(program.body), final)
    return replace(program, body=body, result=mapped(program.result, final))


def rebuilt(s, block):
    """A statement with the blocks inside it made anew."""
    match s:
        case For() | While():
            return replace(s, body=block(s.body))
        case If():
            return replace(s, then=block(s.then), orelse=block(s.orelse))
    return s


@dataclass(frozen=True)
class At:
    """The index `step * i + offset` on an axis, i being that of a group's axis; `step` is None for 1. `over` says, where they are
    compared, what i goes over: an axis that is broadcast is another one."""
    axis: int
    step: Var = None
    offset: int = 0
    over: frozenset = None


@dataclass(eq=False)
class Unit:
    """Statements that run together: one of any kind, or a group that becomes a loop nest over `space`."""
    members: list               # (order in the block, statement)
    space: tuple = None
    anchored: bool = False      # does a member store or sum, so that the axes are exactly these?
    before: set = field(default_factory=set)        # the units that must run before, directly or not
    apart: set = field(default_factory=set)         # those of them that it cannot be one with


class Fusion:
    def __init__(self, program):
        self.shapes, self.aliases, self.b = Shapes(program), Aliases(program), Builder()
        self.readers = {}
        for s in walk(program.body):
            for v in reads(s):
                self.readers.setdefault(v, []).append(s)
        for v in variables(program.result, *(p for _, p in program.params)):
            self.readers.setdefault(v, []).append(None)
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

    # ---- which statements may be members of a loop nest
    def space(self, s):
        """The axes over which a statement runs if it may be a member of a group; else None."""
        match s:
            case Let():
                if s.fn is np.sum:
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
        if not self.shapes.elementwise(s) or not all(infer.rank_of(a) == 0 or self.plain(a) for a in s.args):
            return False
        numbers = tuple(Var("x", a.type.dtype) if infer.is_array(a) else a for a in s.args)
        try:
            return infer.result_type(NUMBERS.get(s.fn, s.fn), numbers) == out.dtype
        except Refusal:
            return False

    def sums(self, s):
        x = s.args[0]
        return len(s.args) == 1 and not s.kw and self.plain(x) and infer.type_of(x).dtype == s.out.type and (
            isinstance(s.out.type, types.Float))

    def stores(self, s):
        if not isinstance(s.arr, Var) or infer.rank_of(s.arr) == 0 or infer.gathers(s.index):
            return False
        target = self.shapes.of_part(s.arr, s.index)
        if not target or not self.plain(s.arr):
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

    def conflict(self, first, second):
        """How two accesses to one buffer stand: "" if they commute, "in turn" if each element is met by both, else "order"."""
        (_, where, kind), (_, there, other) = first, second
        if kind == other == "r" or (kind == other == "a" and self.backwards and where and there):
            return ""
        return "in turn" if where is not None and where == there else "order"

    # ---- groups
    def grouped(self, block):
        """The units of a block."""
        self.unit, touched, home, units = {}, {}, {}, []    # statement -> unit; buffers -> accesses; name -> statement
        world = []          # the last statement that acts, and what has been stored to the caller's arrays since
        for order, s in enumerate(block):
            self.backwards |= isinstance(s, Note)
            space = self.space(s)
            unit = Unit([(order, s)], space, space is not None and self.exact(s))
            for v in dict.fromkeys(free_reads(s)):
                if v in home:
                    self.follows(unit, home[v], space is not None and self.at_hand(home[v], s, v))
                guard = self.shapes.guarded.get(v)      # before it, the array may be shorter than it has to be
                if guard in self.unit and guard is not s:
                    self.follows(unit, guard, False)
            mine, partners = self.accesses(s), []
            for access in mine:
                for t, before in touched.get(access[0], ()):
                    if how := self.conflict(before, access):
                        self.follows(unit, t, how == "in turn")
                    if how != "order" and not before[2] == access[2] == "r":
                        partners.append(t)
            for access in mine:
                touched.setdefault(access[0], []).append((s, access))
            acting = effect(s)
            if acting or any(kind != "r" and c in self.aliases.external for c, _, kind in mine):
                for t in world if acting else world[:1]:
                    self.follows(unit, t, not acting and not effect(t))
                world = [s] if acting else [*world, s]
            units.append(unit)
            self.unit[s] = unit
            home |= dict.fromkeys(binds(s), s)
            if space is not None:
                for g in self.makers(s, home):
                    self.merge(units, g, self.unit[s])
                for t in reversed(partners):
                    if self.unit[t] is not self.unit[s] and self.unit[t].space == self.unit[s].space:
                        self.merge(units, self.unit[t], self.unit[s])
        return units

    def sink(self, unit, member):
        """Move what a group computes only for another one to that one, where all that it reads is there in any case."""
        _, s = member
        if unit.space is None or self.exact(s):
            return
        homes = {self.unit.get(t) for t in self.readers.get(s.out, ())}
        if len(homes) != 1 or None in homes or unit in homes or not all(elementwise_use(t, s.out) for t in self.readers[s.out]):
            return
        home, = homes
        moved = self.chain(unit, s, set())
        if home.space is None or moved is None or len(moved) == len(unit.members) or not all(
                covers(home.space, self.shapes.of(t.out)) for t in moved):
            return
        home.members = sorted([*home.members, *(m for m in unit.members if m[1] in moved)], key=lambda m: m[0])
        unit.members = [m for m in unit.members if m[1] not in moved]
        self.unit |= dict.fromkeys(moved, home)

    def chain(self, unit, s, found):
        """A member, and those that compute for it alone; None if they read what is not there, or not the same, elsewhere."""
        found.add(s)
        if self.aliases.mutable(s.out):
            return None
        for a in entries(s):
            if infer.rank_of(a):
                base, _ = self.place(a, [At(k) for k in range(infer.rank_of(a))])
                maker = next((t for _, t in unit.members if isinstance(t, Let) and t.out is base), None)
                if self.aliases.mutable(base):
                    return None
                if maker is not None and not escapes(self, unit, maker) and (
                        not all(t in found for t in self.readers[base]) or self.chain(unit, maker, found) is None):
                    return None
        return found

    def exact(self, s):
        """Does a member have to run over its own axes, no more and no less: as it sums, or stores?"""
        return isinstance(s, Set) or not infer.is_array(s.out)

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
        if space is None or g in unit.apart or unit in g.apart or between(g, unit) or between(unit, g):
            return
        unit.space, unit.anchored = space, g.anchored or unit.anchored
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
            return [s.args[0]] if s.fn in SAME else list(s.args)
    return []


def alone(unit):
    """Is it one copy? Numba has better than a loop for that."""
    (_, s), *more = unit.members
    return not more and isinstance(s, Let) and s.fn in SAME


def free_reads(s):
    """What a statement, or one inside it, reads."""
    return [v for t in walk([s]) for v in reads(t)]


def effect(s):
    """Does it do something that must keep its place among its like: print, raise, draw, use a tape?"""
    return any(isinstance(t, (Do, Push, Pop, NewStack, Reserve, While)) or (isinstance(t, Let) and (t.fn in DRAWS or acts(t)))
               for t in walk([s]))


def over(shape, rank):
    """The index of an element of an array of a shape, in a nest of so many loops."""
    return [At(k, over=axis) for k, axis in enumerate(shape, rank - len(shape))]


def covers(wide, narrow):
    """Is each axis of one space broadcast to that of another in any case?"""
    return len(wide) == len(narrow) and all(b <= a for a, b in zip(wide, narrow))


def shifted(index, axes):
    """The index of an array, for an index of the slice of it that `index` takes; None where that is not known."""
    axes, found = list(axes), []
    for i in index:
        if i == Const(None):
            axes.pop(0)
        elif isinstance(i, Span):
            lo, at = trims(i)[0], axes.pop(0)
            if lo is None:
                return None
            found.append(at if lo == 0 else replace(at, offset=at.offset + lo) if isinstance(at, At) else None)
            if found[-1] is None:
                return None
        else:
            found.append(i)
    return found


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


def escapes(fusion, unit, s):
    """Is the array that a member makes read where its entries are not at hand?"""
    members = {t for _, t in unit.members}
    return fusion.aliases.mutable(s.out) or any(t not in members or not elementwise_use(t, s.out)
                                                for t in fusion.readers.get(s.out, ()))


class Nest:
    """The loops of one group."""

    def __init__(self, fusion, unit):
        self.f, self.b, self.unit, self.shapes = fusion, fusion.b, unit, fusion.shapes
        self.passing = set()        # the arrays that are never made
        self.values = {}            # array -> its entry, as far as the body that is being written has come
        self.members = [s for _, s in unit.members]

    def emit(self):
        b, unit = self.b, self.unit
        b.place = next((s.place for s in self.members if s.place), None)
        self.lengths = [self.length(axis) for k, axis in enumerate(unit.space)]
        for s in self.members:
            self.prepare(s)
        totals = [s for s in self.members if isinstance(s, Let) and s.fn is np.sum]
        self.loop([], totals, [Const(infer.numpy_type(s.out.type)(0)) if s.out.type != types.float64 else Const(0.0)
                               for s in totals])

    def length(self, axis):
        """How long an axis is; what has been found once in a block is not asked again."""
        if axis not in self.f.known:
            self.f.known[axis] = self.shapes.longest(self.b, axis)
        return self.f.known[axis]

    def prepare(self, s):
        """What a member needs before the loops: the array that it makes, and how its operands are broadcast."""
        arrays = entries(s)
        if isinstance(s, Let) and infer.is_array(s.out):
            if escapes(self.f, self.unit, s):
                own = [n if axis == space else self.length(axis)
                       for k, (n, axis, space) in enumerate(zip(self.lengths, self.shapes.of(s.out), self.unit.space))]
                self.b.add(Let(s.out, np.empty, (Tup(tuple(own)), Const(infer.numpy_type(s.out.type))), (), s.place))
                arrays.append(s.out)
            else:
                self.passing.add(s.out)
        for a in arrays:
            if infer.rank_of(a) and a not in self.passing and self.f.constant(a) is None:
                self.aligned(a)

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
        i = Var("ijklmn"[len(index)] if len(index) < 6 else "i", types.intp)
        heads = [Var("total", s.out.type) for s in totals]
        with self.b.into([]) as body:
            ends = self.loop([*index, i], totals, heads, first)
        exits = [s.out if not index else Var("total", s.out.type) for s in totals]
        carries = [Carry(*c) for c in zip(heads, sums, ends, exits)]
        self.b.add(For(i, Const(0), self.lengths[len(index)], Const(1), body, carries))
        for part in more:
            self.loop(index, [], [], part)
        return exits

    def rows(self):
        """The members, in parts that go over a row one after the other: two that add to one buffer at different places are kept
        from one loop, which could not be vectorised, where what they add is cheap to compute again."""
        adds = [s for s in self.members if isinstance(s, Set) and s.add]
        written = {self.f.aliases.of(s.arr) for s in self.members if isinstance(s, Set)}
        parts, places = [], {}
        for s in adds:
            place = self.f.stored(s, [At(k) for k in range(len(self.lengths))])
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
