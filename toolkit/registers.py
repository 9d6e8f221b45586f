"""Registers: what a loop adds to one and the same entry of an array is summed in a register.

Program -> Program, the same function but for the order in which contributions to tangents and cotangents are added. These are
summed from zero, and added once; where an innermost loop sums them, it does so by `plus` and `minus`, which machine code may do
in any order and so for several iterations at once. The sums of the function itself keep their order: such an entry is loaded
before the loop, and stored after it. An innermost loop that has sums of both kinds becomes two, since one sum whose order is
kept would hold back the others.
References: Callahan, Carr & Kennedy, Improving register allocation for subscripted variables (1990).
"""
import operator
from dataclasses import replace

import numpy as np
from numba import types

from . import infer, runtime
from .activity import Aliases
from .builder import Builder
from .dependence import Dependence
from .program import (
    LOOSE,
    Carry,
    Const,
    For,
    Get,
    If,
    Let,
    Note,
    Set,
    Var,
    While,
    binds,
    inner,
    reads,
    rebuilt,
    substituted,
    variables,
    walk,
)
from .shapes import Shapes
from .twins import names_alone

IN_ANY_ORDER = {operator.add: runtime.plus, operator.sub: runtime.minus}
CHEAP = {operator.add, operator.sub, operator.mul, operator.neg, np.square, *IN_ANY_ORDER.values()}


def in_registers(program):
    """The program with its sums in registers."""
    at = next((k for k, s in enumerate(program.body) if isinstance(s, Note)), len(program.body))
    registers = Registers(program)
    before = registers.block(program.body[:at])
    registers.loose = True
    return replace(program, body=[*before, *registers.block(program.body[at:])])


class Registers:
    """The loops of a program; `loose` are all sums that they carry in its reverse sweep."""

    def __init__(self, program):
        self.aliases, self.b, self.loose = Aliases(program), Builder(), False
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
        touched = {(t.arr, t.index) for t in around if isinstance(t, (Get, Set))}
        stores = []
        for (arr, index), adds in self.places(s).items():
            there = (arr, index) in touched         # otherwise the entry need not exist where the loop does not run
            loose = all(t.add == LOOSE for t in adds)
            zero = self.b.cast(Const(0.0), infer.scalar(arr.type))
            load = lambda arr=arr, index=index: self.b.get(arr, index, f"{arr.hint}_sum")
            init = zero if loose else load() if there else self.b.branch(self.runs(s), load, lambda zero=zero: zero)
            s.carries.append(self.carry(s, adds, init, loose))
            stores.append((there, Set(arr, index, s.carries[-1].exit, LOOSE if loose else False)))
        if not any(isinstance(t, (For, While)) for t in s.body):
            for c in s.carries:
                if self.loose or c.loose:
                    s.body = in_any_order(c, s)
        self.b.block.extend(apart(s))
        self.b.block.extend(t for there, t in stores if there)
        if unsure := [t for there, t in stores if not there]:
            runs = self.runs(s)
            self.b.block.extend(unsure if runs == Const(True) else [If(runs, unsure, [])])

    def runs(self, s):
        """Does a loop run at all?"""
        up = not isinstance(s.step, Const) or s.step.value > 0
        return self.b.let(operator.lt, *((s.lo, s.hi) if up else (s.hi, s.lo)))

    def places(self, s):
        """{(array, index): the statements that add to it} of what the loop adds to one entry and touches otherwise nowhere."""
        if not isinstance(s.step, Const):
            return {}
        inside = {v for t in walk([s]) for v in (*inner(t), *binds(t))} - set(binds(s))
        found = {}
        for t in s.body:
            if isinstance(t, Set) and t.add and inside.isdisjoint(variables(t.arr, *t.index)) and self.is_entry(t) and (
                    t.add == LOOSE or not s.parallel):
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

    def carry(self, s, adds, init, loose):
        """The sum of some statements, which the body of the loop is changed to take."""
        name, kind = f"{adds[0].arr.hint}_sum", infer.scalar(adds[0].arr.type)
        head = now = Var(name, kind)
        body = []
        for t in s.body:
            if t in adds:
                out = Var(name, kind)
                t, now = Let(out, operator.add, (now, t.value), place=t.place), out
            body.append(t)
        s.body = body
        return Carry(head, init, now, Var(name, kind), loose)


def apart(loop):
    """A loop, as two where it has sums whose order is open besides others, and nothing but products, sums and loads."""
    open_ones = [c for c in loop.carries if is_sum(c, loop)]
    kinds = [c for c in loop.carries if c not in open_ones], open_ones
    if loop.parallel or loop.brk is not None or not all(kinds) or not all(map(is_cheap, loop.body)):
        return [loop]
    parts = [needed(carries, loop) for carries in kinds]
    if any(c.head in reads(t) for carries, body in zip(kinds, reversed(parts)) for c in carries for t in body):
        return [loop]
    return [alone(replace(loop, body=body, carries=carries, twin=None)) for carries, body in zip(kinds, parts)]


def is_cheap(s):
    """May a statement run twice?"""
    return isinstance(s, Get) or (isinstance(s, Let) and (s.fn in CHEAP or (
        s.fn is operator.pow and isinstance(s.args[1], Const) and isinstance(s.args[1].value, int))))


def alone(loop):
    """A loop with names of its own for what it binds inside."""
    env, out = {}, {c.exit for c in loop.carries}

    def bind(v):
        return v if v in out else env.setdefault(v, Var(v.hint, v.type))
    made, = substituted([loop], lambda v: env.get(v, v), bind)
    return made


def needed(carries, loop):
    """The statements of a loop's body that some of what it carries come from."""
    live, kept = set(variables(*(c.end for c in carries))), []
    for s in reversed(loop.body):
        if s.out in live:
            kept.insert(0, s)
            live |= set(reads(s))
    return kept


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
