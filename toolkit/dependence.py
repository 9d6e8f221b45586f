"""Dependence: is what a statement reads, or has stored, written again later?

`Dependence.changes_after(arr, index, s)` is False only where no entry of arr[index] can be written after statement s has run,
while the buffer lives. Regions are boxes whose sides are affine forms of loop counters, lengths and other integers; two
statements meet where a system of inequalities has a solution: both boxes, the ranges of all the loops around, and that the one
comes later than the other. Systems are decided by Fourier and Motzkin's elimination; one that grows too large counts as solvable.

An affine form is a dict {symbol: integer factor}, whose symbol 1 stands for the constant; an inequality is a form that is >= 0.
A symbol is an integer Var or a length (see `shapes.py`), or ("later", symbol): its value in the later of two iterations.
References: Banerjee, Dependence Analysis for Supercomputing (1988); Maydan, Hennessy & Lam, Efficient and exact data dependence
analysis (1991); Pugh, The Omega test (1991); Hascoet, Naumann & Pascual, "To be recorded" analysis (2005).
"""
import functools
import math
import operator
from dataclasses import dataclass

from numba import types

from . import infer
from .activity import is_view
from .builder import dim
from .program import Const, For, Get, Let, Span, Var, While, binds, blocks, inner, variables
from .shapes import plus, spelled

LARGE = 120                                     # inequalities, beyond which a system is not solved
ONES = (None, Const(None), Const(1))            # the steps of a slice that leaves nothing out


@dataclass(frozen=True)
class Region:
    """A box in the buffer that `base` was made as: for each of its axes (first, end), forms or None where it is not known.
    `open` are the axes that a view of it still has, those with an entry for each step by one; None for others."""
    base: object
    box: tuple
    open: tuple


class Dependence:
    """Where the statements of a program read and write."""

    def __init__(self, program, aliases, shapes):
        self.aliases, self.shapes = aliases, shapes
        self.around, self.ranges, self.made, self.known, self.judged = {}, {}, {}, {}, {}
        for _, p in program.params:
            self.around.update(dict.fromkeys(variables(p), ()))
        self.scan(program.body, ())

    def scan(self, block, loops):
        for s in block:
            for v in binds(s):
                self.around[v], self.made[v] = loops, s
            inside = (*loops, s) if isinstance(s, (For, While)) else loops
            self.around.update(dict.fromkeys(inner(s), inside))
            if isinstance(s, For):
                self.ranges[s.var] = s
            for b in blocks(s):
                self.scan(b, inside)

    # ---- forms
    def form(self, atom):
        """An integer of the program as an affine form; None if it is not one."""
        if isinstance(atom, Const):
            return plus({}, {1: atom.value}) if type(atom.value) is int else None
        if atom not in self.around or not isinstance(atom.type, types.Integer):
            return None
        if atom not in self.known:
            self.known[atom] = {atom: 1}            # while it is asked for: a length may be that of an array of this length
            self.known[atom] = self.formed(atom)
        return self.known[atom]

    def formed(self, v):
        s = self.made.get(v)
        if isinstance(s, Let):
            parts = [self.form(a) for a in s.args]
            if s.fn is dim:
                return self.length(s.args[0], s.args[1].value) or {v: 1}
            if s.fn in (operator.add, operator.sub) and None not in parts:
                return plus(parts[0], parts[1], 1 if s.fn is operator.add else -1)
            if s.fn is operator.mul and None not in parts:
                for a, b in (parts, parts[::-1]):
                    if set(a) <= {1}:
                        return plus({}, b, a.get(1, 0))
        return {v: 1}

    def length(self, arr, axis):
        """The length of an axis as a form; None where broadcasting leaves it open."""
        lengths = self.shapes.of(arr)[axis]
        if len(lengths) != 1:
            return {1: 1} if not lengths else None
        n, = lengths
        return self.measured(n)

    def measured(self, n):
        """A length as a form; None where it may be one of two."""
        match n:
            case int():
                return {1: n} if n else {}
            case Var():
                return self.form(n)
            case ("dim", *_):
                return {n: 1}
            case ("form", items):
                parts = [(self.measured(m), factor) for m, factor in items]
                return None if any(part is None for part, _ in parts) else functools.reduce(lambda f, p: plus(f, *p), parts, {})
        return None

    def loops(self, symbol):
        """The loops in each iteration of which a symbol has a value of its own."""
        return self.around.get(symbol[1] if isinstance(symbol, tuple) else symbol, ())

    def bounds(self, symbol):
        """What is known of a symbol."""
        if isinstance(symbol, tuple):
            return [{symbol: 1}]
        s = self.ranges.get(symbol)
        if s is None or not isinstance(s.step, Const) or s.step.value == 0:
            return []
        up = s.step.value > 0
        least, end = (self.form(a) for a in ((s.lo, s.hi) if up else (s.hi, s.lo)))
        found = [plus({symbol: 1, 1: 0 if up else -1}, least, -1)] if least is not None else []
        return found + ([plus({symbol: -1, 1: -1 if up else 0}, end)] if end is not None else [])

    def domain(self, forms, rename=lambda symbol: symbol):
        """What is known of all the symbols in some forms, and of those in that."""
        found, todo, seen = [], [s for f in forms for s in f if s != 1], set()
        while todo:
            symbol = todo.pop()
            if symbol not in seen:
                seen.add(symbol)
                for f in self.bounds(symbol):
                    found.append(renamed(f, rename))
                    todo += [s for s in f if s != 1]
        return found

    def counts_from_the_start(self, f):
        """Is an index never negative, in any iteration?"""
        if set(f) <= {1}:
            return f.get(1, 0) >= 0
        key = frozenset(f.items())
        if key not in self.judged:
            self.judged[key] = not solvable([plus({1: -1}, f, -1), *self.domain([f])])
        return self.judged[key]

    def exists(self, arr, index):
        """Does an array surely have the entry at an index, in any iteration?"""
        forms, n = [self.form(i) for i in index], infer.rank_of(arr)
        return len(index) == n and None not in forms and all(self.below(f, self.length(arr, k)) for k, f in enumerate(forms))

    def below(self, f, n):
        """Is an index one from 0 to n - 1?"""
        return n is not None and self.counts_from_the_start(f) and not solvable([plus(f, n, -1), *self.domain([f, n])])

    # ---- regions
    def whole(self, v):
        """All that a name shows of a buffer; None if that is not known."""
        s = self.made.get(v)
        if isinstance(s, Get) and is_view(s):
            return self.part(s.arr, s.index)
        if self.aliases.of(v) in self.aliases.carried or v not in self.around or not (s is None or self.makes(s)):
            return None
        n = infer.rank_of(v)
        return Region(v, tuple(({}, self.length(v, k)) for k in range(n)), tuple(range(n)))

    def makes(self, s):
        """Does a statement make the buffer of its class?"""
        return isinstance(s, (Let, Get)) and not any(
            infer.is_array(a) and isinstance(a, Var) and self.aliases.of(a) is self.aliases.of(s.out) for a in variables(
                *(s.args if isinstance(s, Let) else (s.arr,))))

    def part(self, arr, index):
        """The region of arr[index]; None if it is not known."""
        region = self.whole(arr)
        if region is None or infer.gathers(index):
            return None
        box, left, still = list(region.box), list(enumerate(region.open)), []
        for i in spelled(index, len(left)):
            if i == Const(None):
                still.append(None)
                continue
            k, axis = left.pop(0)
            if axis is None:
                still += [None] if isinstance(i, Span) else []
                continue
            first, end = box[axis]
            n = self.length(arr, k)
            if isinstance(i, Span):
                lo, hi = self.edge(i.lo, n, {}), self.edge(i.hi, n, n)
                known = i.step in ONES and lo is not None
                if known:
                    box[axis] = plus(first, lo), plus(first, hi) if hi is not None else end
                still.append(axis if known else None)
            elif (at := self.edge(i, n, None)) is not None:
                box[axis] = plus(first, at), plus(plus(first, at), {1: 1})
        return Region(region.base, tuple(box), tuple(still))

    def edge(self, atom, n, absent):
        """An index, or an end of a slice, counted from the start of an axis of length n; None where it may count from the end."""
        if atom is None or atom == Const(None):
            return absent
        f = self.form(atom)
        if f is None or self.counts_from_the_start(f):
            return f
        return plus(n, f) if n is not None and set(f) <= {1} else None

    # ---- what meets
    def changes_after(self, arr, index, s):
        """May arr[index], or all of arr where there is no index, be written after statement s has run, while it matters?"""
        if (arr, index, s) not in self.judged:
            self.judged[arr, index, s] = self.aliases.changes_after(arr, s) and self.met_later(arr, index, s)
        return self.judged[arr, index, s]

    def met_later(self, arr, index, s):
        region = self.whole(arr) if index is None else self.part(arr, index)
        if region is None:
            return True
        base = region.base
        lives, here = self.around[base], self.aliases.loops[s]
        for w in self.aliases.written.get(self.aliases.of(base), ()):
            other = self.part(w.arr, w.index)
            if other is None or other.base is not base:
                return True
            common = [a for a, b in zip(here, self.aliases.loops[w]) if a is b]
            rounds = [loop for loop in common if loop not in lives]
            if self.aliases.position[w] > self.aliases.position[s]:
                rounds.append(None)
            if any(self.meet(region, other, loop) for loop in rounds):
                return True
        return False

    def apart(self, one, other, loop):
        """Have two accesses (array, index) no entry in common, in any two iterations of a loop?"""
        a, b = self.part(*one), self.part(*other)
        return a is not None and b is not None and a.base is b.base and not self.meet(a, b, loop, ordered=False)

    def follow(self, one, other, loop):
        """May two accesses have an entry in common, the other in a later iteration of a loop?"""
        a, b = self.part(*one), self.part(*other)
        return a is None or b is None or a.base is not b.base or self.meet(a, b, loop)

    def meet(self, region, other, loop, ordered=True):
        """May two regions have an entry in common, the other's in a later iteration of a loop, or in the same if that is None?"""
        later = lambda symbol: ("later", symbol) if loop is not None and loop in self.loops(symbol) else symbol
        mine = [f for ends in region.box for f in ends if f is not None]
        theirs = [f for ends in other.box for f in ends if f is not None]
        system = []
        for (first, end), (start, stop) in zip(region.box, other.box):
            if stop is not None:
                system.append(plus(plus(renamed(stop, later), {1: -1}), first, -1))
            if end is not None:
                system.append(plus(plus(end, {1: -1}), renamed(start, later), -1))
        if ordered and isinstance(loop, For) and isinstance(loop.step, Const) and loop.step.value:
            way = 1 if loop.step.value > 0 else -1
            system.append({("later", loop.var): way, loop.var: -way, 1: -1})
            mine.append({loop.var: 1})
            theirs.append({loop.var: 1})
        return solvable([*system, *self.domain(mine), *self.domain(theirs, later)])


def renamed(f, rename):
    return {s if s == 1 else rename(s): factor for s, factor in f.items()}


def solvable(system):
    """May some inequalities have a solution in integers? Never False where they have one."""
    system = {frozenset(f.items()): f for f in map(tightened, system)}.values()
    while system:
        if any(set(f) <= {1} and f.get(1, 0) < 0 for f in system):
            return False
        symbols = {s for f in system for s in f if s != 1}
        if not symbols or len(system) > LARGE:
            return True
        signs = {s: ([f for f in system if f.get(s, 0) > 0], [f for f in system if f.get(s, 0) < 0]) for s in symbols}
        symbol = min(symbols, key=lambda s: len(signs[s][0]) * len(signs[s][1]) - len(signs[s][0]) - len(signs[s][1]))
        above, below = signs[symbol]
        rest = [f for f in system if symbol not in f]
        rest += [tightened(plus(plus({}, a, -b[symbol]), b, a[symbol])) for a in above for b in below]
        system = {frozenset(f.items()): f for f in rest}.values()
    return True


def tightened(f):
    """The same inequality of integers, with the smallest factors."""
    g = math.gcd(*(factor for s, factor in f.items() if s != 1))
    if g <= 1:
        return f
    tight = {s: factor // g for s, factor in f.items()}         # of the constant, rounded down
    return {s: factor for s, factor in tight.items() if factor}
