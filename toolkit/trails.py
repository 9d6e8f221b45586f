"""Trails: a tape of what an array that goes round a loop is in each iteration becomes one array, in whose rows it is made.

    for k in range(n):                          becomes         for k in range(n):
        tape.push(x); y = empty(..); ...; x = y                     x = trail[k]; y = trail[k + 1]; ...

Program -> Program, the same function. Such an array would be made, and be copied to the tape when the next iteration begins. Its
first value is made in the first row, too, where the tape can be made before it; else it is copied there. What tapes of one block
hold is never written once it is made (see `residuals.py`). Which row an iteration has, the counters say (see `places.py`).
"""
import operator
from dataclasses import dataclass, replace

import numpy as np
from numba import types

from . import infer, tape
from .builder import kept, trips
from .normal import LENGTHS
from .places import Tapes
from .program import (
    Carry,
    Const,
    Do,
    For,
    Get,
    If,
    Let,
    NewStack,
    Pop,
    Push,
    Set,
    Tup,
    Var,
    binds,
    reads,
    rebuilt,
    variables,
    walk,
)
from .reuse import CLEARED, UNFILLED
from .shapes import PRODUCTS


def trailed(program):
    """The program whose loops make in the rows of tapes what they would copy there."""
    return replace(program, body=Trails(program).block(program.body))


@dataclass(eq=False)
class Trail:
    """A tape of the values of one carry of a loop, before or after each iteration; `rows` is the array that it becomes."""
    made: NewStack
    loop: For
    carry: Carry
    after: bool                 # does it hold what comes of an iteration, not what that begins with?
    first: object               # the statement that makes the first value, where that may be made in the first row
    rows: Var


class Trails(Tapes):
    """The tapes that are made of what goes round a loop."""

    def __init__(self, program):
        super().__init__(program)
        self.result = set(variables(program.result))
        self.makes = {s.out: s for s in self.at if isinstance(s, Let)}
        self.read = self.result | {v for s in self.at for v in reads(s)}
        self.trails = {}                            # stack -> trail
        for stack in self.uses:
            if (trail := self.trail(stack)) is not None:
                self.trails[stack] = trail

    # ---- which tapes
    def trail(self, stack):
        """The trail that a tape becomes; None if it stays one."""
        if list(map(type, self.uses[stack])) != [NewStack, Push, Pop] or self.uses[stack][0].shape == Const(None):
            return None
        made, push, pop = self.uses[stack]
        home, (*around, loop), (*about, back) = self.at[made][1], *(self.at[s][1] or (None,) for s in (push, pop))
        if not (tuple(around) == tuple(about) == home and self.mirror(loop, back) and loop.step == Const(1)
                and all(self.known(v, made) for v in variables(loop.lo, loop.hi))):
            return None
        carry = next((c for c in loop.carries if push.value in (c.head, c.end)), None)
        if carry is None or not self.is_made_in(carry.end, loop) or not self.stays(carry):
            return None
        if any(t.carry.end is carry.end for t in self.trails.values()):         # one array has one place
            return None
        s = self.makes.get(carry.init)
        own = s is not None and s.fn in UNFILLED | CLEARED and self.at[s][1] == home and not any(
            t.first is s for t in self.trails.values())
        rows = Var(stack.hint, types.Array(stack.type.dtype, stack.type.ndim + 1, "C"))
        return Trail(made, loop, carry, push.value is carry.end, s if own else None, rows)

    def is_made_in(self, v, loop):
        """Does each iteration of a loop make an array itself, by what can do so in a row?"""
        s = self.makes.get(v)
        return s in loop.body and (s.fn in UNFILLED or s.fn in PRODUCTS) and not s.kw

    def stays(self, carry):
        """Is what goes round a loop of the rows' shape and type, and not returned?"""
        of, shapes = self.dependence.aliases.of, self.dependence.shapes
        alike = all(v.type == carry.head.type and shapes.same(v, carry.head) for v in (carry.init, carry.end))
        return alike and of(carry.head) not in {of(v) for v in self.result if infer.is_array(v)}

    # ---- what becomes of them
    def block(self, block):
        mine = [t for t in self.trails.values() if t.made in block]
        for t in sorted((t for t in mine if t.first is not None), key=lambda t: self.at[t.first]):
            block = self.made_earlier(block, t)
        with self.b.into([]) as made:
            for s in block:
                match s:
                    case NewStack(stack) if stack in self.trails:
                        self.make(self.trails[stack])
                    case Let() if (trail := self.starting(s)) is not None:
                        self.row(s.out, trail, Const(0), s.fn in CLEARED)
                    case For() if any(t.loop is s for t in mine):
                        self.loop(s, [t for t in mine if t.loop is s])
                    case Pop(out, stack) if stack in self.trails:
                        trail = self.trails[stack]
                        self.row(out, trail, self.position(trail, self.at[s][1][-1], trail.after))
                    case If() if any(t in self.trails for t in s.tapes):
                        made.append(replace(s, then=self.block(s.then), orelse=self.block(s.orelse), tapes=()))
                    case _:
                        made.append(rebuilt(s, self.block))
        return made

    def made_earlier(self, block, trail):
        """A block that makes a tape, and what that takes, before the first value; the first value is copied if it cannot."""
        at, last = block.index(trail.first), block.index(trail.made)
        need, moved = set(variables(trail.made.count, trail.made.shape, trail.loop.lo, trail.loop.hi)), [trail.made]
        for s in reversed(block[at:last]):
            room = isinstance(s, If) and trail.made.stack in s.tapes
            if not room and need.isdisjoint(binds(s)):
                continue
            if not (room or (isinstance(s, Let) and (s.fn in LENGTHS or s.fn in (tape.fits, trips)))):
                trail.first = None
                return block
            moved.insert(0, s)
            need |= {v for t in walk([s]) for v in reads(t)}
        return [*block[:at], *moved, *(s for s in block[at:] if s not in moved)]

    def starting(self, s):
        """The trail of which a statement makes the first value."""
        return next((t for t in self.trails.values() if t.first is s), None)

    def make(self, trail):
        """Add the array of a trail, with a row for what the loop begins with and one for each iteration."""
        n = self.b.let(operator.add, self.length(trail.loop.lo, trail.loop.hi), Const(1))
        shape = Tup((n, *trail.made.shape.items))
        self.b.add(Let(trail.rows, kept, (shape, Const(infer.numpy_type(trail.rows.type))), (), self.b.place))

    def row(self, out, trail, k, clear=False):
        """Add a name for a row."""
        self.b.add(Get(out, trail.rows, (k,)))
        if clear:
            self.b.add(Set(out, (Const(Ellipsis),), Const(0.0)))

    def position(self, trail, loop, after=False):
        """The row of what an iteration begins with, or of what comes of it."""
        k = loop.var if trail.loop.lo == Const(0) else self.b.let(operator.sub, loop.var, trail.loop.lo)
        return self.b.let(operator.add, k, Const(1)) if after else k

    def loop(self, s, trails):
        """Add a loop that makes in rows what it carries."""
        ends, b = {t.carry.end: t for t in trails}, self.b
        for t in trails:
            if t.first is None:
                b.set(t.rows, (Const(0),), t.carry.init)
        with b.into([]) as body:
            for t in trails:
                self.row(t.carry.head, t, self.position(t, s))
            for u in self.block(s.body):
                if isinstance(u, Let) and u.out in ends:
                    self.row(u.out, ends[u.out], self.position(ends[u.out], s, after=True))
                    if u.fn in PRODUCTS:
                        b.add(Do(np.dot, (*u.args, u.out)))
                elif not (isinstance(u, Push) and u.stack in self.trails):
                    b.add(u)
        b.add(replace(s, body=body, carries=[c for c in s.carries if c not in [t.carry for t in trails]]))
        for t in trails:
            if t.carry.exit in self.read:
                self.row(t.carry.exit, t, self.length(s.lo, s.hi))
