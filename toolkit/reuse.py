"""Reuse: an array that is about to be filled takes the place of one of its shape that nothing reads any more, or that the very
loop which fills it reads for the last time, entry by entry. So does what an array that goes round a loop becomes in an iteration.

Program -> Program, the same function. To fault the pages of a new array in costs more than to write it, and an array that was
just read lies in the cache. Taken are places of arrays that the program has made itself, in the same block, and that go by no
name in a branch's books, on a tape, in those of a loop but that one, or in the result.
"""
import operator
from collections import Counter
from dataclasses import replace

import numpy as np
from numba import types

from . import infer, triangular
from .activity import Aliases
from .blas import add_product_of_rows, rows_left
from .builder import dim, taken_over
from .primitive import VIEWS
from .program import Const, Do, For, Get, Let, Set, Span, Tup, While, binds, blocks, inner, reads, rebuilt, variables, walk
from .shapes import Shapes

MAKERS = {np.empty, np.zeros, np.copy, np.zeros_like, np.empty_like, operator.matmul, np.dot, np.linalg.cholesky, np.linalg.inv,
          np.linalg.solve, triangular.cholesky_tangent, triangular.cholesky_cotangent, triangular.forward_substituted,
          triangular.back_substituted}      # what returns an array of its own
UNFILLED, CLEARED = {np.empty, np.empty_like}, {np.zeros, np.zeros_like}
READERS = MAKERS | {np.sum, dim, add_product_of_rows, *triangular.IN_PLACE.values()}     # what keeps nothing of what it reads


def reused(program):
    """The program with fewer arrays."""
    return Reuse(program).done


class Reuse:
    """The arrays of one program."""

    def __init__(self, program):
        self.aliases, self.shapes, self.home = Aliases(program), Shapes(program), {}    # home: array -> whose place it has
        of = self.aliases.of
        self.shared, self.result = set(self.aliases.external), set(variables(program.result))
        self.names = {}                             # class -> its names
        for s in walk(program.body):
            keeps_nothing = isinstance(s, Let | Do) and (s.fn in READERS or s.fn in VIEWS)
            if not isinstance(s, Get | Set | For | While) and not keeps_nothing:
                self.shared |= {of(v) for v in reads(s) if infer.is_array(v) and not self.number(s)}
            for v in self.arrays(s):
                self.names.setdefault(of(v), set()).add(v)
        self.lost = self.aliases.carried | self.shared | set(map(of, self.result))
        self.done = replace(program, body=self.block(program.body))

    def arrays(self, s):
        """The arrays that a statement itself names."""
        return [v for v in (*reads(s), *binds(s), *inner(s)) if infer.is_array(v)]

    def number(self, s):
        """Does it make a number, which shares no memory with anything?"""
        return isinstance(s, Let) and isinstance(infer.type_of(s.out), types.Number | types.Boolean)

    def block(self, block):
        block = [rebuilt(s, self.block) for s in block]
        of, last, first, made = self.aliases.of, {}, {}, {}
        for k, s in enumerate(block):
            for t in walk([s]):
                for v in self.arrays(t):
                    last[of(v)] = k
                    if not (isinstance(t, Let) and t.out is v and t is s):
                        first.setdefault(v, k)
            if isinstance(s, Let) and infer.is_array(s.out) and s.fn in MAKERS and len(s.args) <= 2 and not s.kw:
                made[s.out] = k
        for k, s in enumerate(block):
            if isinstance(s, For | While):
                after = [*block[k + 1:], *(t for inside in blocks(s) for t in inside)]
                self.update(s, {v for v, at in made.items() if at < k}, {v for t in walk(after) for v in self.arrays(t)})
        taken = {}                                  # position -> what takes places over there
        for new, at in made.items():
            if block[at].fn in triangular.IN_PLACE:
                self.into_place(at, block, made, last, taken)
                continue
            cleared = block[at].fn in CLEARED and infer.is_float(new)
            if (cleared or block[at].fn in UNFILLED) and of(new) not in self.aliases.carried and new in first:
                old = self.place(new, first[new], block, made, last, cleared)
                if old is not None:
                    place, block[at] = block[at].place, None
                    taken.setdefault(first[new], []).append(Let(new, taken_over, (old,), (), place))
                    if cleared:
                        taken[first[new]].append(Set(new, (Const(Ellipsis),), Const(0.0), place=place))
                    self.take(new, old, last)
        return [t for k, s in enumerate(block) for t in (*taken.get(k, ()), s) if t is not None]

    def into_place(self, at, block, made, last, taken):
        """Let what is made of an array that nothing else reads any more be made in its place."""
        s, (low, old) = block[at], block[at].args
        c = self.aliases.of(old)
        if made.get(old, at) < at and self.alike(old, s.out) and old.type.layout == "C" and c not in self.lost and (
                last[c] == at and c is not self.aliases.of(low)):
            taken.setdefault(at, []).append(Let(s.out, taken_over, (old,), (), s.place))
            block[at] = Do(triangular.IN_PLACE[s.fn], (low, s.out))
            self.take(s.out, old, last)

    def take(self, new, old, last):
        """Take note that an array has the place of another one."""
        self.home[new], until = old, last.pop(self.aliases.of(new))
        if self.aliases.of(new) in self.lost:
            self.lost.add(self.aliases.of(old))
        self.aliases.join(old, new)
        last[self.aliases.of(old)] = until

    def update(self, loop, made, later):
        """Let what arrays that go round a loop become be written where they were: those of which the block has made the first
        itself, if it is not named in the loop or later, and which go by no other name."""
        begun = Counter(c.init for c in loop.carries)
        for c in loop.carries:
            own = c.init in made and begun[c.init] == 1 and c.init not in later | self.result
            if not own or loop.brk is not None or self.aliases.of(c.head) in self.shared or not self.alike(c.head, c.end):
                continue
            names, four = self.names[self.aliases.of(c.head)], {c.init, c.head, c.end, c.exit}
            made_anew = any(isinstance(s, Let) and s.out is c.end and s.fn in UNFILLED for s in loop.body)
            if names <= four:
                self.write_in_place(loop.body, c)
            elif made_anew and four >= set(map(self.aliases.whole, names)) and (
                    all(v not in later for v in names if self.aliases.whole(v) is c.init)):
                self.write_rows_in_place(loop.body, c.head)

    def write_in_place(self, body, c):
        """Let an array that goes round a loop become what it becomes in its place, if the body reads it no more then."""
        at = {v: [k for k, s in enumerate(body) if any(v in self.arrays(t) for t in walk([s]))] for v in (c.head, c.end)}
        if len(at[c.end]) < 2:
            return
        makes, fills = at[c.end][:2]
        s, read = body[makes], max(at[c.head], default=-1)
        if isinstance(s, Let) and s.out is c.end and s.fn in UNFILLED and (
                read < fills or (read == fills and self.in_turn(body[fills], c.head, c.end, []))):
            body[makes] = replace(s, fn=taken_over, args=(c.head,))

    def write_rows_in_place(self, block, old):
        """Let what a loop over strips makes of an array's rows be written there, if the block reads them for the last time."""
        mine = {v for t in walk(block) for v in self.arrays(t) if self.aliases.whole(v) is old}
        using = [s for s in block if not mine.isdisjoint(v for t in walk([s]) for v in self.arrays(t))]
        if len(using) != 1 or not isinstance(using[0], For) or len(mine) != 2:
            return
        body = using[0].body
        if sum(old in self.arrays(t) for t in walk(body)) != 1:         # besides its rows, it is read as a whole
            return
        at = lambda v: [k for k, s in enumerate(body) if any(v in self.arrays(t) for t in walk([s]))]
        for makes, s in enumerate(body):
            if self.is_strip(s) and self.aliases.of(s.out) not in self.lost and len(at(s.out)) > 1:
                fills, view = at(s.out)[1], next((t for t in body if self.takes_strip(t, s, old)), None)
                read = at(view.out)[-1] if view else len(body)
                if read < fills or (read == fills and self.in_turn(body[fills], view.out, s.out, [])):
                    body[fills:fills] = [Let(s.out, taken_over, (view.out,), (), s.place)]
                    del body[makes]
                    return

    def is_strip(self, s):
        """Does a statement make an array for a strip of rows?"""
        first = s.args[0].items[0] if isinstance(s, Let) and s.fn is np.empty and isinstance(s.args[0], Tup) else None
        return getattr(self.shapes.made.get(first), "fn", None) is rows_left

    def takes_strip(self, s, strip, old):
        """Does a statement take the rows of an array for which another one makes a strip, and of its kind?"""
        rows = self.shapes.made[strip.args[0].items[0]]
        if not isinstance(s, Get) or s.arr is not old or s.out.type != strip.out.type or len(s.index) != 1:
            return False
        (total, start, _), (part,) = rows.args, s.index
        end = self.shapes.made.get(part.hi) if isinstance(part, Span) and part.lo is start and part.step is None else None
        (first, *others), (_, *own) = self.shapes.of(old), self.shapes.of(strip.out)
        return end is not None and end.fn is operator.add and end.args == (start, rows.out) and others == own and (
            first == self.shapes.length(total))

    def place(self, new, at, block, made, last, cleared):
        """The array whose place another one may take that is filled from a statement on, or cleared before it; None if there is
        none."""
        fit = [v for v, k in made.items() if k < at and v is not new and block[k] is not None and self.alike(v, new)
               and self.aliases.of(v) not in self.lost and last.get(self.aliases.of(v), len(block)) <= at]
        for v in reversed(fit):
            if last[self.aliases.of(v)] < at or (not cleared and self.in_turn(block[at], v, new, [])):
                return v
        return None

    def alike(self, old, new):
        return old.type == new.type and self.shapes.same(old, new)

    def in_turn(self, s, old, new, counters):
        """Does a nest of loops read each entry of one array before it writes the same entry of the other, and no other entry?"""
        if not isinstance(s, For) or any(infer.is_array(c.head) for c in s.carries):
            return False
        counters, wrote = [*counters, s.var], False
        classes = {self.aliases.of(old), self.aliases.of(new)}
        for t in s.body:
            used = [v for u in walk([t]) for v in (*reads(u), *binds(u)) if infer.is_array(v) and self.aliases.of(v) in classes]
            if not used:
                continue
            if isinstance(t, For):
                if wrote or not self.in_turn(t, old, new, counters):
                    return False
                wrote = True
            elif isinstance(t, Get | Set) and t.index == tuple(counters) and (home := self.home.get(t.arr, t.arr)) in (old, new):
                if home is old and (wrote or isinstance(t, Set)):
                    return False
                wrote = wrote or isinstance(t, Set)
            else:
                return False
        return True
