"""Gathers: where reverse loops add to neighbouring entries, they keep what they add and other loops collect it.

    for i in range(1, n): r = f(i); a[i - 1] += r; a[i + 1] += r

cannot be vector code, since one iteration adds to what the next one has read. Where the neighbours are near, the loop carries
the last few r, and adds to each entry once, when its last term is there: of what is carried so LLVM makes shuffles of vectors.
Else, with r in a row of its own, between zeros, the sum of its neighbours can be vector code. Of neighbours along several axes
the row is an array of as many, with zeros all around, and the loops are a nest, whose lengths do not depend on one another. The
array is made before the loops that do not change how long it is; where what is added comes out of an array that serves nothing
else, that one gets the zeros around it. A row is as long as a cache takes: a long loop, and what collects for it, go over one
strip after the other. Of values that are multiples of one number, by numbers that the loops do not change, that one is kept, and
they are collected as its multiples.
References: Hueckelheim, Kukreja, Narayanan, Luporini, Gorman & Hovland, Automatic differentiation for adjoint stencil loops
(2019).
"""
import functools
import operator
from dataclasses import dataclass, replace

import numpy as np
from numba import types

from . import infer, runtime
from .activity import Aliases
from .builder import Builder
from .dependence import Dependence, plus
from .nests import ROWS
from .program import (
    LOOSE,
    Carry,
    Const,
    For,
    Get,
    If,
    Let,
    Pop,
    Push,
    Set,
    Tup,
    Var,
    While,
    binds,
    free,
    inner,
    reads,
    rebuilt,
    variables,
    walk,
)
from .shapes import Shapes

ONES = (Const(1), Const(-1))
LINEAR = (operator.neg, operator.mul, operator.truediv, operator.add, operator.sub)
STRIP = Const(1024)             # so many iterations for one row
NEAR = 4                        # so many values are carried at most


def gathered(program):
    """The program with its scattering loops in two."""
    g = Gathers(program)
    body = g.block(program.body, frozenset())
    return replace(program, body=g.widened(body) if g.wider else body)


@dataclass(frozen=True, eq=False)
class Term:
    """A statement that adds to an entry at some distances from the counters of a nest of loops, in the order of the axes."""
    statement: Set
    nest: tuple                 # the loops, from the outermost whose neighbours are met
    axes: tuple                 # the axis of the array that each counts along
    distances: tuple
    root: Var                   # what the value that is added is a multiple of, and by what
    factor: object


class Gathers:
    """The loops of a program."""

    def __init__(self, program):
        self.aliases, self.b, self.known = Aliases(program), Builder(), {}     # known: what is another one and a number
        self.dependence = Dependence(program, self.aliases, Shapes(program))
        self.wider, self.users = {}, {}         # array -> (that with zeros around it, how many); array -> what names it
        for s in walk(program.body):
            for v in (*reads(s), *(free(s.test) if isinstance(s, While) else ())):
                self.users.setdefault(v, []).append(s)

    def block(self, block, changing):
        """A block; `changing` are the names of the innermost loop around it."""
        with self.b.into([]) as made:
            for s in block:
                if isinstance(s, For) and (groups := self.groups(s, changing)):
                    made += self.block(self.split(s, groups), changing)
                else:
                    mine = names_of(s) if isinstance(s, For | While) else changing
                    made.append(rebuilt(s, lambda b, mine=mine: self.block(b, mine)))
        return made

    # ---- what may be collected
    def groups(self, loop, changing):
        """Of each buffer to which one nest of loops adds at several distances: the terms that other loops may do."""
        found, fixed = {}, changing | names_of(loop)
        for t, nest in scattered(loop, ()):
            if (term := self.term(t, nest, fixed)) is not None:
                others = tuple(i for k, i in enumerate(t.index) if k not in term.axes)
                found.setdefault(nest, {}).setdefault((t.arr, term.axes, others), []).append(term)
        for of_nest in found.values():
            several = [terms for terms in of_nest.values() if several_at(terms, 0) and several_at(terms, -1)]
            groups = [terms for terms in several if self.only_added_to(terms[0].statement, loop)]
            if groups and len({t.root for terms in groups for t in moved(terms)}) <= ROWS:
                return groups
        return []

    def term(self, t, nest, fixed):
        """A statement that adds a float64, of the innermost loop's own, to one entry, as a term; None if it is another one."""
        if not (isinstance(t, Set) and t.add == LOOSE and t.arr.type.dtype == types.float64 == infer.type_of(t.value)
                and isinstance(t.value, Var) and len(t.index) == infer.rank_of(t.arr)) or names_of(nest[0]) & {t.arr}:
            return None
        if any(s.brk is not None or s.step not in ONES or not fixed.isdisjoint(variables(s.lo, s.hi)) for s in nest):
            return None
        forms = [self.dependence.form(i) for i in t.index]
        axes = [next((k for k, f in enumerate(forms) if f is not None and s.var in f), None) for s in nest]
        if None in axes or None in forms or len(set(axes)) < len(axes):
            return None
        distances = [plus(forms[k], {s.var: 1}, -1) for k, s in zip(axes, nest)]
        others = [i for k, i in enumerate(t.index) if k not in axes]
        if any(set(d) - {1} for d in distances) or not names_of(nest[0]).isdisjoint(variables(*others)):
            return None
        root, factor = self.multiple(t.value, names_of(nest[0]), {})
        return Term(t, nest, tuple(axes), tuple(d.get(1, 0) for d in distances), root, factor)

    def multiple(self, v, inside, known):
        """(root, factor) of a number: what it is a multiple of, and by what number that is not of those `inside` a loop; `known`
        is what was found so far."""
        if v not in known:
            known[v] = self.asked(v, inside, known) or (v, Const(1.0))
        return known[v]

    def asked(self, v, inside, known):
        """The same, where it is not the number itself."""
        s = self.dependence.made.get(v)
        if not isinstance(s, Let) or s.fn not in LINEAR or s.out.type != types.float64 or v not in inside:
            return None
        if s.fn is operator.neg:
            root, factor = self.multiple(s.args[0], inside, known)
            return root, scaled(operator.mul, factor, Const(-1.0))
        x, y = s.args
        if s.fn in (operator.mul, operator.truediv):
            if s.fn is operator.mul and x not in inside:
                x, y = y, x
            if y in inside or x not in inside:
                return None
            root, factor = self.multiple(x, inside, known)
            return root, scaled(s.fn, factor, y)
        (root, factor), (other, more) = (self.multiple(a, inside, known) for a in s.args)
        return (root, scaled(s.fn, factor, more)) if root is other and root in inside else None

    def only_added_to(self, term, loop):
        """Does a loop nothing but add to the buffer to which it adds a term?"""
        same = lambda v: infer.is_array(v) and self.aliases.of(v) is self.aliases.of(term.arr) and (
            not self.aliases.apart_in(loop, v, term.arr))
        return all(isinstance(t, Set) and t.add == LOOSE and not any(a in variables(t.value, *t.index) for a in mine)
                   for t in walk(loop.body) if (mine := [v for v in reads(t) if same(v)]))

    # ---- what is made of it
    def split(self, loop, groups):
        """What adds each entry's terms at once."""
        near = groups[0][0].nest == (loop,) and all(reach(group, 0) <= NEAR for group in groups)
        return self.carried(loop, groups) if near and not loop.parallel else self.apart(loop, list(map(moved, groups)))

    def carried(self, loop, groups):
        """The loop, which carries the values of the last iterations, and what is left to add when it ends."""
        b, down = self.b, loop.step == Const(-1)
        ahead = lambda t: -t.distances[0] if down else t.distances[0]
        late = {}               # value -> for how many iterations it is carried
        for group in groups:
            least = min(map(ahead, group))
            for t in group:
                late[t.statement.value] = max(late.get(t.statement.value, 0), ahead(t) - least)
        lines = {value: [Carry(Var("carried", value.type), Const(0.0), None, Var("carried", value.type)) for _ in range(n)]
                 for value, n in late.items()}
        for value, line in lines.items():
            for carry, before in zip(line, [value, *(c.head for c in line)]):
                carry.end = before
        gone = {t.statement for group in groups for t in group}
        body = [s for s in loop.body if s not in gone]
        with b.into(body):
            for group in groups:
                first = min(group, key=ahead)
                late_by = lambda t, first=first: ahead(t) - ahead(first)
                values = [[t.statement.value, *(c.head for c in lines[t.statement.value])][late_by(t)] for t in group]
                b.set(first.statement.arr, first.statement.index, self.sum(values), add=LOOSE)
        with b.into([]) as left:
            last = self.shifted(loop.hi, 1 if down else -1)
            for group in groups:
                self.left(group, ahead, lines, last, down)
        over = replace(loop, body=body, carries=[*loop.carries, *(c for line in lines.values() for c in line)])
        with b.into([over]) as made:
            b.add(If(b.let(operator.gt if down else operator.lt, loop.lo, loop.hi), left, []))
        return made

    def left(self, group, ahead, lines, last, down):
        """Add what a loop still carries when it ends to the entries behind that of its last iteration."""
        first = min(group, key=ahead)
        axis, least = first.axes[0], ahead(first)
        for k in range(1, reach(group, 0) + 1):
            values = [lines[t.statement.value][ahead(t) - least - k].exit for t in group if ahead(t) - least >= k]
            at = self.shifted(last, -(least + k) if down else least + k)
            index = [at if j == axis else i for j, i in enumerate(first.statement.index)]
            self.b.set(first.statement.arr, tuple(index), self.sum(values), add=LOOSE)

    def sum(self, values):
        return functools.reduce(functools.partial(self.b.let, operator.add), values)

    def apart(self, loop, groups):
        """The nest, which keeps what it would add, and those that add it, after what they need."""
        b, terms = self.b, [t for group in groups for t in group]
        nest, values = terms[0].nest, dict.fromkeys(t.root for t in terms)
        pads = [max(reach(group, k) for group in groups) for k in range(len(nest))]
        with b.into([]) as made:
            ends = [self.ends(s) for s in nest]
            rows = {value: self.own(value, nest, pads) for value in values}
            filled = [value for value in values if rows[value] is None]
            if len(nest) == 1 and len(filled) == len(values) and loop.step == Const(1) and not loop.parallel:
                self.in_strips(loop, groups, values, ends[0], pads[0])
                return made
            rows |= {value: self.padded([n for _, _, n in ends], pads, "row") for value in filled}
            firsts = [first for first, _, _ in ends]
            b.add(replace(loop, body=self.keeping(loop.body, terms, {value: rows[value] for value in filled}, firsts, pads)))
            with b.into([]) as collecting:
                for group in groups:
                    self.collected(group, rows, [(first, n) for first, _, n in ends], pads)
            for first, stop, _ in reversed(ends):
                collecting = [If(b.let(operator.lt, first, stop), collecting, [])]
            made += collecting
        return made

    def in_strips(self, loop, groups, values, ends, pad):
        """Add a loop over strips, in each of which a part of the loop fills rows and others collect what they hold."""
        b, (first, _, n), start = self.b, ends, Var("start", types.intp)
        rows = {value: self.padded([b.let(min, n, STRIP)], [pad], "row") for value in values}
        heads = [Var(c.head.hint, c.head.type) for c in loop.carries]
        inside = [replace(c, init=head, exit=Var(c.head.hint, c.head.type)) for c, head in zip(loop.carries, heads)]
        with b.into([]) as strip:
            size = b.let(min, b.let(operator.sub, n, start), STRIP, hint="size")
            begin = start if first == Const(0) else b.let(operator.add, first, start, hint="begin")
            body = self.keeping(loop.body, [t for group in groups for t in group], rows, [begin], [pad])
            b.add(replace(loop, lo=begin, hi=b.let(operator.add, begin, size, hint="end"), body=body, carries=inside))
            for row in rows.values():           # behind a strip that is shorter than the one before, zeros again
                for k in range(pad, 2 * pad):
                    b.set(row, (self.shifted(size, k),), Const(0.0))
            for group in groups:
                self.collected(group, rows, [(begin, size)], [pad])
        carries = [replace(c, head=head, end=inner.exit) for c, head, inner in zip(loop.carries, heads, inside)]
        b.add(For(start, Const(0), n, STRIP, strip, carries, place=loop.place))

    def keeping(self, block, terms, rows, firsts, pads):
        """A block that fills rows in place of some terms."""
        roots, stored = {t.statement: t.root for t in terms}, set()
        with self.b.into([]) as kept:
            for t in block:
                if t not in roots:
                    self.b.add(rebuilt(t, lambda inner: self.keeping(inner, terms, rows, firsts, pads)))
                elif (root := roots[t]) in rows and root not in stored:
                    stored.add(root)
                    at = [self.less(self.shifted(s.var, pad), first) for s, pad, first in zip(terms[0].nest, pads, firsts)]
                    self.b.set(rows[root], at, root)
        return kept

    def padded(self, lengths, pads, hint):
        """An array of these lengths with zeros around it."""
        size = tuple(self.shifted(n, 2 * pad) for n, pad in zip(lengths, pads))
        return self.b.let(runtime.padded, Tup(size) if len(size) > 1 else size[0], hint=hint)

    def own(self, value, nest, pads):
        """The array, with zeros around it, out of which a value comes, if that serves nothing else; else None."""
        s = self.dependence.made.get(value)
        array = s.arr if isinstance(s, Get) else None
        made = self.dependence.made.get(array)
        if not isinstance(made, Let) or made.fn is not np.empty or array.type.layout != "C" or any(
                loop.step != Const(1) or loop.lo != Const(0) for loop in nest):
            return None
        shape = made.args[0].items if isinstance(made.args[0], Tup) else made.args[:1]
        if s.index != tuple(loop.var for loop in nest) or shape != tuple(loop.hi for loop in nest):
            return None
        if not all(isinstance(t, Get | Set) and t.arr is array and len(t.index) == len(nest) and reads(t).count(array) == 1
                   for t in self.users[array]) or infer.scalar(array.type) != types.float64:
            return None
        wide, have = self.wider.setdefault(array, (Var(array.hint, array.type), pads))
        return wide if have == pads else None

    def widened(self, block):
        """A block with zeros around some of its arrays."""
        with self.b.into([]) as made:
            for s in block:
                if isinstance(s, Let) and s.out in self.wider:
                    wide, pads = self.wider[s.out]
                    shape = s.args[0].items if isinstance(s.args[0], Tup) else s.args[:1]
                    self.padded(shape, pads, s.out.hint)
                    made[-1].out = wide
                elif isinstance(s, Get | Set) and s.arr in self.wider:
                    wide, pads = self.wider[s.arr]
                    self.b.add(replace(s, arr=wide, index=tuple(map(self.shifted, s.index, pads))))
                else:
                    made.append(rebuilt(s, self.widened))
        return made

    def ends(self, s):
        """(first, stop, length) of what a loop goes over."""
        first, stop = (s.lo, s.hi) if s.step == Const(1) else (self.shifted(s.hi, 1), self.shifted(s.lo, 1))
        return first, stop, self.b.let(max, self.less(stop, first), Const(0))

    def collected(self, group, rows, ends, pads):
        """Add the loops that add, to each entry from the first and the least distance on, what is there for it."""
        b, depth = self.b, len(pads)
        least = [min(t.distances[k] for t in group) for k in range(depth)]
        starts = [self.shifted(first, low) for (first, _), low in zip(ends, least)]
        counters, shifted = [Var("pqrstuvw"[k % 8], types.intp) for k in range(depth)], functools.cache(self.shifted)
        places, parts = {}, {}
        for t in group:
            at, more = (t.root, t.distances), t.factor
            places[at] = scaled(operator.add, places[at], more) if at in places else more
        numbers = {factor: self.emitted(factor) for factor in places.values()}
        with b.into([]) as body:
            for (root, distances), factor in places.items():
                at = [shifted(p, low + pad - k) for p, low, pad, k in zip(counters, least, pads, distances)]
                parts.setdefault(factor, []).append(b.get(rows[root], tuple(at)))
            total = self.sum([b.let(operator.mul, numbers[factor], self.sum(entries)) for factor, entries in parts.items()])
            index = list(group[0].statement.index)
            for axis, p, start in zip(group[0].axes, counters, starts):
                index[axis] = p if start == Const(0) else b.let(operator.add, p, start)
            b.set(group[0].statement.arr, tuple(index), total, add=LOOSE)
        for k in reversed(range(depth)):
            body = [For(counters[k], Const(0), self.shifted(ends[k][1], reach(group, k)), Const(1), body)]
        b.block += body

    def emitted(self, factor):
        """A factor as an atom."""
        return factor if isinstance(factor, Var | Const) else self.b.let(factor[0], *map(self.emitted, factor[1:]))

    def less(self, atom, first):
        """atom - first"""
        return self.shifted(atom, -first.value) if isinstance(first, Const) else self.b.let(operator.sub, atom, first)

    def shifted(self, atom, k):
        """atom + k"""
        if isinstance(atom, Const):
            return Const(atom.value + k)
        shift = self.known.get(atom)
        if shift is not None:
            return self.shifted(shift[0], shift[1] + k)
        if not k:
            return atom
        out = self.b.let(operator.add if k > 0 else operator.sub, atom, Const(abs(k)))
        self.known[out] = atom, k
        return out


def names_of(s):
    """The names that a statement, or one inside it, binds."""
    return {v for t in walk([s]) for v in (*inner(t), *binds(t))}


def scattered(loop, nest):
    """(statement, the loops around it) in the innermost loops of a nest, where these have no branches."""
    nest = (*nest, loop)
    if all(isinstance(t, Let | Get | Set | Pop | Push) for t in loop.body):
        for t in loop.body:
            yield t, nest
    for t in loop.body:
        if isinstance(t, For):
            yield from scattered(t, nest)


def several_at(terms, k):
    """Do terms differ in the distance along an axis? Where they do not along the last, the loop can be vector code as it is."""
    return len({t.distances[k] for t in terms}) > 1


def moved(terms):
    """All of some terms but those at one distance whose values are added at no other: these stay where they are."""
    places = {}
    for t in terms:
        places.setdefault(t.root, set()).add(t.distances)
    still = next((p for p in places.values() if len(p) == 1), ())
    return [t for t in terms if places[t.root] != still]


def scaled(fn, factor, by):
    """A factor that is made of two, as an atom or as (fn, factor, factor)."""
    by = Const(float(by.value)) if isinstance(by, Const) else by
    if isinstance(factor, Const) and isinstance(by, Const) and (fn is not operator.truediv or by.value):
        return Const(fn(factor.value, by.value))
    return by if factor == Const(1.0) and fn is operator.mul else (fn, factor, by)


def reach(terms, k):
    """How far apart the distances of some terms are along an axis."""
    distances = [t.distances[k] for t in terms]
    return max(distances) - min(distances)

