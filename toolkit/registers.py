"""Registers: what a loop of the reverse sweep adds to one and the same entry is summed in a register, and added once.

Program -> Program, the same function but for the order in which contributions to cotangents are added; nothing before the
reverse sweep is changed. Where an innermost loop sums, it does so by `plus` and `minus`, which machine code may do in any order
and so for several iterations at once; the sums of the function itself keep theirs.
References: Callahan, Carr & Kennedy, Improving register allocation for subscripted variables (1990).
"""
import operator
from dataclasses import replace

from numba import types

from . import infer, runtime
from .activity import Aliases
from .builder import Builder
from .dependence import Dependence
from .program import LOOSE, Carry, Const, For, Get, If, Let, Note, Set, Var, While, binds, inner, reads, rebuilt, variables, walk
from .shapes import Shapes
from .twins import names_alone

IN_ANY_ORDER = {operator.add: runtime.plus, operator.sub: runtime.minus}


def in_registers(program):
    """The program with the sums of its reverse sweep in registers."""
    at = next((k for k, s in enumerate(program.body) if isinstance(s, Note)), None)
    if at is None:
        return program
    return replace(program, body=[*program.body[:at], *Registers(program).block(program.body[at:])])


class Registers:
    """The loops of a reverse sweep."""

    def __init__(self, program):
        self.aliases, self.b = Aliases(program), Builder()
        self.dependence = Dependence(program, self.aliases, Shapes(program))

    def block(self, block):
        with self.b.into([]) as made:
            for s in block:
                if isinstance(s, For):
                    self.loop(s, block)
                else:
                    made.append(rebuilt(s, self.block))
        return made

    def loop(self, s, around):
        """Add a loop, and after it what it has summed."""
        s = replace(s, body=self.block(s.body), carries=list(s.carries))
        places = self.places(s)
        for (arr, _), adds in places.items():
            s.carries.append(self.carry(s, adds, infer.scalar(arr.type)))
        if not any(isinstance(t, (For, While)) for t in s.body):
            for c in s.carries:
                s.body = in_any_order(c, s)
        self.b.add(s)
        if not places:
            return
        with self.b.into([]) as stores:
            for ((arr, index), _), c in zip(places.items(), s.carries[-len(places):]):
                self.b.set(arr, index, c.exit, add=LOOSE)
        touched = {(t.arr, t.index) for t in around if isinstance(t, (Get, Set))}
        if all(place in touched for place in places):
            self.b.block.extend(stores)
        else:                                       # the entry need not exist where the loop does not run
            up = not isinstance(s.step, Const) or s.step.value > 0
            self.b.add(If(self.b.let(operator.lt, *((s.lo, s.hi) if up else (s.hi, s.lo))), stores, []))

    def places(self, s):
        """{(array, index): the statements that add to it} of what the loop adds to one entry and touches otherwise nowhere."""
        if not isinstance(s.step, Const):
            return {}
        inside = {v for t in walk([s]) for v in (*inner(t), *binds(t))} - set(binds(s))
        found = {}
        for t in s.body:
            if isinstance(t, Set) and t.add == LOOSE and inside.isdisjoint(variables(t.arr, *t.index)) and self.is_entry(t):
                found.setdefault((t.arr, t.index), []).append(t)
        return {place: adds for place, adds in found.items() if not any(self.meets(t, place, s) for t in walk(s.body))}

    def is_entry(self, t):
        """Does a statement add a number of an entry's type to it?"""
        item = infer.scalar(t.arr.type)
        return isinstance(item, types.Float) and infer.type_of(t.value) == item and (
            len(t.index) == infer.rank_of(t.arr) and all(self.dependence.form(i) is not None for i in t.index))

    def meets(self, t, place, loop):
        """May a statement touch a place otherwise than by adding to it?"""
        arrays = [v for v in reads(t) if infer.is_array(v) and self.aliases.of(v) is self.aliases.of(place[0])]
        if not arrays or (isinstance(t, Set) and t.add and not any(v in arrays for v in variables(t.value, *t.index))):
            return False
        if names_alone(t):
            return False
        return not (isinstance(t, (Get, Set)) and arrays == [t.arr] and self.dependence.apart(place, (t.arr, t.index), loop))

    def carry(self, s, adds, kind):
        """The sum of some statements, which the body of the loop is changed to take."""
        name = f"{adds[0].arr.hint}_sum"
        head = now = Var(name, kind)
        body = []
        for t in s.body:
            if t in adds:
                out = Var(name, kind)
                t, now = Let(out, operator.add, (now, t.value), place=t.place), out
            body.append(t)
        s.body = body
        return Carry(head, self.b.cast(Const(0.0), kind), now, Var(name, kind))


def in_any_order(c, loop):
    """The body of an innermost loop with the sum of a carry in any order, if it is a sum."""
    chain = terms(c, loop, IN_ANY_ORDER)
    return [replace(t, fn=IN_ANY_ORDER[t.fn]) if t in chain else t for t in loop.body]


def is_sum(c, loop):
    """Is what a loop carries a sum whose order is open?"""
    return bool(terms(c, loop, IN_ANY_ORDER.values()))


def terms(c, loop, functions):
    """The statements of a loop's body that add to a carry, if that is all that becomes of it; else none."""
    chain, v = [], c.head
    while v is not c.end:
        users = [t for t in walk(loop.body) if v in reads(t)]
        t = users[0] if len(users) == 1 else None
        if not (isinstance(t, Let) and t in loop.body and t.fn in functions and reads(t).count(v) == 1) or (
                t.fn in (operator.sub, runtime.minus) and t.args[0] is not v) or not isinstance(v.type, types.Float) or (
                any(infer.type_of(a) != v.type for a in t.args)):
            return []
        chain.append(t)
        v = t.out
    left = [x.end for x in loop.carries].count(v) == 1 and not any(v in reads(t) for t in walk(loop.body))
    return chain if left else []
