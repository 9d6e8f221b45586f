"""Threads: what is derived of a loop that was written with prange runs on as many threads, where its iterations go well together.

Program -> Program, the same function but for the order of sums. The iterations are divided into as many parts as there are
threads, each a loop of its own. Where two iterations may add to one entry, every part has an array of its own for it, and these
are added when all are done, in their order: with the same number of threads the sums are the same. Nothing else that one
iteration writes may another touch, and nothing may go from one to the next but sums. Of a loop that is as it was written, its
writer vouches for that.
References: Bischof, Guertler, Kowarz & Walther, Parallel reverse mode automatic differentiation for OpenMP programs (2008);
Hueckelheim & Hascoet, Automatic differentiation of parallel loops with formal methods (2022).
"""
import operator
from dataclasses import replace

import numba
import numpy as np
from numba import types

from . import infer, runtime
from .activity import Aliases
from .builder import Builder
from .dependence import Dependence
from .loop_order import after
from .program import (
    LOOSE,
    Carry,
    Const,
    For,
    Get,
    If,
    Let,
    NewStack,
    Pop,
    Push,
    Reserve,
    Set,
    Tup,
    Var,
    While,
    free,
    reads,
    rebuilt,
    substituted,
    walk,
)
from .registers import terms
from .shapes import Shapes
from .twins import names_alone

ZERO, ONE = Const(0), Const(1)
SUMS = (operator.add, operator.sub, runtime.plus, runtime.minus)


def side_by_side(program):
    """The program with its parallel loops in parts, where it is to be proven that they may be."""
    return replace(program, body=Threads(program).block(program.body))


def on_stacks(s):
    """Does a statement take its turn at a tape that is a stack?"""
    return isinstance(s, NewStack | Reserve | Push | Pop)


class Threads:
    """The loops of a program."""

    def __init__(self, program):
        self.aliases, self.b = Aliases(program), Builder()
        self.dependence = Dependence(program, self.aliases, Shapes(program))

    def block(self, block):
        with self.b.into([]) as made:
            for s in block:
                if not (isinstance(s, For) and s.parallel):
                    made.append(rebuilt(s, self.block))
                elif s.parallel is True:
                    made.append(s)
                elif (shared := self.shared(s)) is None:
                    made.append(rebuilt(replace(s, parallel=False), self.block))
                else:
                    self.in_parts(s, shared)
        return made

    # ---- what is right
    def shared(self, loop):
        """The arrays that several iterations add to in one place; None where the iterations must keep their order."""
        if loop.brk is not None or loop.step not in (ONE, Const(-1)) or any(map(on_stacks, walk(loop.body))) or not all(
                terms(c, loop, SUMS) for c in loop.carries):
            return None
        outside = {v for v in free(loop.body) if infer.is_array(v)}
        classes = {self.aliases.of(v) for v in outside}
        uses = [s for s in walk(loop.body) if not names_alone(s)]
        found = {}
        for w in uses:
            if isinstance(w, Set) and self.aliases.of(w.arr) in classes:
                mine = [s for s in uses if self.touched(s, w)]
                if any(self.meet(w, s, loop) for s in mine):
                    names = [v for v in outside if self.aliases.of(v) is self.aliases.of(w.arr)]
                    one_array = len(names) == 1 and names[0].type.layout == "C" and names[0].type.ndim > 0
                    if not (one_array and all(self.only_adds(s, w) for s in mine)):
                        return None
                    found[names[0]] = None
        return list(found)

    def touched(self, s, w):
        """The arrays among those that a statement reads or writes which share a buffer with one that is stored to."""
        return [v for v in reads(s) if infer.is_array(v) and self.aliases.of(v) is self.aliases.of(w.arr)]

    def only_adds(self, s, w):
        """Does a statement touch that buffer only by adding to it?"""
        return isinstance(s, Set) and bool(s.add) and self.touched(s, w) == [s.arr]

    def meet(self, w, s, loop):
        """May a store meet what another statement does in another iteration?"""
        store, index = (w.arr, w.index), s.index if isinstance(s, (Get, Set)) else None
        for v in self.touched(s, w):
            other = v, index if index is not None and v is s.arr else ()
            if isinstance(s, (For, If, While)) or self.dependence.follow(store, other, loop) or (
                    self.dependence.follow(other, store, loop)):
                return True
        return False

    # ---- what is made of it
    def in_parts(self, s, shared):
        """Add a loop over parts, each with arrays of its own for those that are shared, and after it what these add up to."""
        b = self.b
        b.place = s.place
        first, end = (s.lo, s.hi) if s.step == ONE else (after(b, self.dependence.made, a) for a in (s.hi, s.lo))
        n = b.let(max, end if first == ZERO else b.let(operator.sub, end, first), ZERO, hint="n")
        parts = b.let(min, b.let(numba.get_num_threads, hint="threads"), n, hint="parts")
        of_parts = {v: b.let(np.empty, Tup((parts, *b.shape(v).items)), Const(infer.numpy_type(v.type)), hint=f"{v.hint}_parts")
                    for v in shared}
        part = Var("part", types.intp)
        with b.into([]) as body:
            begin = b.let(operator.floordiv, b.let(operator.mul, part, n), parts, hint="begin")
            end = b.let(operator.floordiv, b.let(operator.mul, b.let(operator.add, part, ONE), n), parts, hint="end")
            mine = {v: b.zeros_like(v, v.hint) for v in shared}     # not in one block: threads would wait for each other's lines
            inside = [replace(c, init=b.cast(Const(0.0), c.head.type), exit=Var(c.head.hint, c.head.type)) for c in s.carries]
            at = s.var if first == ZERO else Var("k", types.intp)
            loop = For(at, begin, end, ONE, substituted(s.body, lambda v: mine.get(v, v)), inside, place=s.place)
            if at is not s.var:
                loop.body.insert(0, Let(s.var, operator.add, (first, at), place=s.place))
            b.add(loop)
            for v in shared:
                b.set(of_parts[v], (part, Const(Ellipsis)), mine[v])
            heads = [Var(c.head.hint, c.head.type) for c in s.carries]
            ends = [b.let(operator.add, head, c.exit, hint=head.hint) for head, c in zip(heads, inside)]
        carries = [Carry(head, c.init, end, c.exit) for head, end, c in zip(heads, ends, s.carries)]
        b.add(For(part, ZERO, parts, ONE, body, carries, place=s.place, parallel=True))
        for v in shared:
            part = Var("part", types.intp)
            with b.into([]) as adding:
                b.set(v, (Const(Ellipsis),), b.get(of_parts[v], (part,)), add=LOOSE)
            b.add(For(part, ZERO, parts, ONE, adding, place=s.place))
