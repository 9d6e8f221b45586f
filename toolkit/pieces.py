"""Pieces: a loop whose branches ask where its counter is becomes loops over the parts of its range, none of which has a branch.

    for k in range(n): f(a[k + 1] if k + 1 < n else 0.0)      becomes

    for k in range(middle): f(a[k + 1])                       with middle = min(max(n - 1, 0), n)
    for k in range(middle, n): f(0.0)

Program -> Program, the same function: the same iterations in the same order. LLVM makes vector code of a part where it does not
of the whole, and what a part of a reverse loop adds to neighbours can be collected (see gathers.py). Cut are innermost loops
that are small, all of whose branches compare the counter, plus or minus what does not change in the loop, with what does not.
References: Allen & Kennedy, Optimizing Compilers for Modern Architectures (2001), section 5.7 (index-set splitting).
"""
import math
import operator
from dataclasses import replace

from numba import types

from .builder import Builder
from .loop_order import after
from .program import UNDEFINED, Const, For, Get, If, Let, Set, Var, binds, inner, rebuilt, substituted, walk

SIZE = 120                      # statements, of all the parts of a loop
ONES = (Const(1), Const(-1))
PARTS = {operator.lt: (True, False), operator.le: (True, False), operator.gt: (False, True), operator.ge: (False, True),
         operator.eq: (False, True, False), operator.ne: (True, False, True)}   # what a comparison is, part by part
TURNED = {operator.lt: operator.gt, operator.le: operator.ge, operator.gt: operator.lt, operator.ge: operator.le,
          operator.eq: operator.eq, operator.ne: operator.ne}                   # ... if its sides change places


def in_pieces(program):
    """The program with its loops cut where their branches say."""
    return replace(program, body=Pieces(program).block(program.body))


class Pieces:
    """The loops of a program."""

    def __init__(self, program):
        self.b = Builder()
        self.made = {s.out: s for s in walk(program.body) if isinstance(s, Let)}

    def block(self, block):
        with self.b.into([]) as made:
            for s in block:
                if isinstance(s, For) and (tests := self.tests(s)):
                    self.cut(s, list(tests.items()))
                else:
                    made.append(rebuilt(s, self.block))
        return made

    # ---- which loops
    def tests(self, loop):
        """{(comparison, what the counter is compared with): conditions} of a loop's branches; None where it stays whole."""
        body = list(walk(loop.body))
        branches = [s for s in body if isinstance(s, If)]
        atoms = [c.init for c in loop.carries] + [a for s in branches for p in s.phis for a in (p.then, p.orelse)]
        if not branches or not all(isinstance(s, Let | Get | Set | If) for s in body) or any(s.tapes for s in branches) or (
                UNDEFINED in atoms or loop.brk is not None or loop.parallel or loop.step not in ONES):
            return None
        inside, found, size = {v for s in walk([loop]) for v in (*binds(s), *inner(s))}, {}, len(body)
        for cond in dict.fromkeys(s.cond for s in branches):
            s = self.made.get(cond)
            test = self.solved(s.fn, *s.args, loop.var, inside) if s is not None and s.fn in PARTS else None
            if test is None:
                return None
            found.setdefault(test, []).append(cond)
        return found if size * math.prod(len(PARTS[fn]) for fn, _ in found) <= SIZE else None

    def solved(self, fn, a, b, counter, inside):
        """(comparison, place): the same of the counter alone, where a place is an atom or (operation, place, place)."""
        if self.fixed(a, inside):
            fn, a, b = TURNED[fn], b, a
        return self.alone(fn, a, b, counter, inside) if self.fixed(b, inside) else None

    def alone(self, fn, a, place, counter, inside):
        if a is counter:
            return fn, place
        s = self.made.get(a)
        if s is None or s.fn not in (operator.add, operator.sub):
            return None
        x, y = s.args
        if self.fixed(y, inside):
            back = operator.sub if s.fn is operator.add else operator.add
            return self.alone(fn, x, (back, place, y), counter, inside)
        if self.fixed(x, inside):
            if s.fn is operator.add:
                return self.alone(fn, y, (operator.sub, place, x), counter, inside)
            return self.alone(TURNED[fn], y, (operator.sub, x, place), counter, inside)
        return None

    def fixed(self, a, inside):
        """Is it an integer that does not change in the loop?"""
        return type(a.value) is int if isinstance(a, Const) else (
            isinstance(a, Var) and a not in inside and a.type == types.intp)

    # ---- what becomes of them
    def cut(self, loop, tests):
        """Add the parts of a loop, in the order of its iterations."""
        if not tests:
            self.b.add(loop)
            return
        ((fn, place), conds), *more = tests
        parts = list(zip(PARTS[fn], self.ranges(loop, self.places(fn, place))))
        inits = [c.init for c in loop.carries]
        for k, (value, (lo, hi)) in enumerate(parts if loop.step == Const(1) else reversed(parts)):
            part, names = part_of(replace(loop, lo=lo, hi=hi), conds, value, inits)
            inits = [c.exit for c in part.carries]
            if k == len(parts) - 1:
                for c, whole in zip(part.carries, loop.carries):
                    c.exit = whole.exit
            self.cut(part, [(test, [names[c] for c in conds]) for test, conds in more])

    def places(self, fn, place):
        """Where a comparison changes: the numbers that the parts but the first begin with."""
        at = self.number(place)
        if fn in (operator.lt, operator.ge):
            return [at]
        behind = self.b.let(operator.add, at, Const(1))
        return [behind] if fn in (operator.le, operator.gt) else [at, behind]

    def number(self, place):
        return self.b.let(place[0], *map(self.number, place[1:])) if isinstance(place, tuple) else place

    def ranges(self, loop, places):
        """[(lo, hi)] of a loop over each of the parts that begin at some places; where they lie outside, parts are empty."""
        b, up = self.b, loop.step == Const(1)
        first, stop = (loop.lo, loop.hi) if up else (after(b, self.made, a) for a in (loop.hi, loop.lo))
        edges = [b.let(min, b.let(max, p, first), stop, hint="middle") for p in places]
        if up:
            return list(zip([first, *edges], [*edges, stop]))
        edges = [b.let(operator.sub, p, Const(1)) for p in edges]
        return list(zip([*edges, loop.lo], [loop.hi, *edges]))


def part_of(loop, conds, value, inits):
    """(a loop with names of its own in which conditions are always this, {name: the same in there})."""
    named, fresh = {}, {}

    def chosen(block):
        made = []
        for s in block:
            if isinstance(s, If) and s.cond in conds:
                made += chosen(s.then if value else s.orelse)
                named.update((p.out, p.then if value else p.orelse) for p in s.phis)
            else:
                made.append(rebuilt(s, chosen))
        return made

    def use(v):
        while v in named:
            v = named[v]
        return fresh.get(v, v) if isinstance(v, Var) else v

    def bind(v):
        fresh[v] = Var(v.hint, v.type)
        return fresh[v]
    carries = [replace(c, init=init) for c, init in zip(loop.carries, inits)]
    part, = substituted([replace(loop, body=chosen(loop.body), carries=carries)], use, bind)
    return part, fresh
