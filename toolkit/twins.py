"""Twins: a loop and the reverse of it that become one, each iteration followed by its own reverse, so that what the tape would
hold of all iterations is at hand, or that of one alone.

That is right where the reverse sweep takes nothing from one iteration to the next but sums, in any order: no cotangent is carried
but by adding to it, and the buffers that both loops have from outside are only read, or only added to in the reverse.
References: Griewank & Walther, Evaluating Derivatives (2008), section 10.2 (iterations that are independent); Hascoet, Fidanova &
Held, Adjoining independent computations (2001).
"""
import operator
from dataclasses import replace

import numpy as np

from . import infer, runtime
from .activity import is_view
from .builder import dim
from .dependence import plus
from .primitive import VIEWS
from .program import (
    IF_PROVEN,
    Const,
    For,
    Get,
    If,
    Let,
    Pop,
    Push,
    Set,
    Var,
    While,
    binds,
    free,
    mapped,
    reads,
    substituted,
    variables,
    walk,
)
from .shapes import PRODUCTS


def are_twins(first, second):
    """Is the second loop the reverse of the first?"""
    return isinstance(first, For) and isinstance(second, For) and first.twin is not None and first.twin is second.twin and (
        first.step == Const(1) and second.step == Const(-1) and first.brk is None)


def may_join(first, second, aliases, scratch):
    """May each iteration of a loop be followed by its reverse? `scratch` are buffers that each iteration leaves at zero."""
    ends = [c.end for c in second.carries]
    return all(adds_up(c.head, c.end, second.body, ends) for c in second.carries) and only_added_to(
        first, second, aliases, scratch)


def adds_up(v, end, block, leaving):
    """Is all that becomes of a value in a block that others are added to it, until it is `end` and leaves? What it is on its way
    depends on the iterations before, so that nothing else may read it, or leave with it."""
    while True:
        users = [s for s in block if v in reads(s) or any(v in reads(t) for t in walk([s]))]
        if v is end:
            return not users and leaving.count(v) == 1
        if len(users) != 1 or v in leaving:
            return False
        s, = users
        match s:
            case Let(out, fn, (a, b)) if fn in (operator.add, runtime.plus) and (a is v) != (b is v):
                v = out
            case Let(out, fn, (a, b)) if fn in (operator.sub, runtime.minus) and a is v and b is not v:
                v = out
            case For():
                carry = next((c for c in s.carries if c.init is v), None)
                if carry is None or reads(s).count(v) != 1 or v in free(s.body) or not adds_up(
                        carry.head, carry.end, s.body, [c.end for c in s.carries]):
                    return False
                v = carry.exit
            case If():
                then, orelse = [p.then for p in s.phis], [p.orelse for p in s.phis]
                phi = next((p for p in s.phis if adds_up(v, p.then, s.then, then)
                            and adds_up(v, p.orelse, s.orelse, orelse)), None)
                if phi is None or v is s.cond:
                    return False
                v = phi.out
            case _:
                return False


def only_added_to(first, second, aliases, scratch):
    """Are the buffers that come from outside, and that the reverse writes, only added to, and by the reverse alone? What the loop
    itself writes the reverse reads where it stays as it was read or stored, and so at once as well as later."""
    both = [first, second]
    outside = {aliases.of(v) for v in free(both) if infer.is_array(v)} - scratch
    written = {aliases.of(s.arr) for s in walk([second]) if isinstance(s, Set)} & outside
    for s in walk(both):
        if isinstance(s, Set) and aliases.of(s.arr) in written:
            if not s.add or any(infer.is_array(v) and aliases.of(v) in written for v in variables(s.value, *s.index)):
                return False
        elif not names_alone(s) and any(infer.is_array(v) and aliases.of(v) in written for v in reads(s)):
            return False
    return not any(isinstance(s, Set) and aliases.of(s.arr) in written for s in walk([first]))


class Scratch:
    """Which buffers hold nothing from one iteration of a reverse loop to the next: made as zeros, used in the loop alone, and
    zero again when an iteration ends, as are the cotangents of arrays that each iteration overwrites before it reads them."""

    def __init__(self, program, aliases, dependence):
        self.aliases, self.dependence, self.users, self.zeros = aliases, dependence, {}, set()
        for s in walk(program.body):
            if isinstance(s, Let) and s.fn in (np.zeros, np.zeros_like):
                self.zeros.add(s.out)
            for v in self.touched(s):
                self.users.setdefault(v, []).append(s)
        given = [v for _, p in program.params for v in variables(p)] + variables(program.result)
        self.shared = {aliases.of(v) for v in given if infer.is_array(v)} | aliases.carried

    def touched(self, s):
        """The classes of the buffers whose entries a statement reads or writes."""
        return set() if names_alone(s) else {self.aliases.of(v) for v in reads(s) if infer.is_array(v)}

    def of(self, loop):
        """The classes of such buffers of a loop."""
        inside = set(walk([loop]))
        classes = {self.aliases.of(s.arr) for s in inside if isinstance(s, Set)} - self.shared
        return {c for c in classes if c in self.zeros and inside.issuperset(self.users[c]) and self.left_at_zero(c, loop.body)}

    def left_at_zero(self, c, block):
        """Are all entries of a buffer zero when a block ends, that were when it began?"""
        using = [s for s in block if any(c in self.touched(t) for t in walk([s]))]
        if not using:
            return True
        *before, s = using
        match s:
            case For() if self.set_to_zero(c, s, ()):
                return True
            case For() | While():
                return not before and self.left_at_zero(c, s.body)
            case If():
                return not before and self.left_at_zero(c, s.then) and self.left_at_zero(c, s.orelse)
        return False

    def set_to_zero(self, c, loop, counters):
        """Does a nest of loops over all entries set each to zero, as the last that is done to it?"""
        counters = (*counters, loop)
        *before, s = [s for s in loop.body if any(c in self.touched(t) for t in walk([s]))]
        if isinstance(s, For):
            return not before and loop.brk is None and self.set_to_zero(c, s, counters)
        return isinstance(s, Set) and s.value == Const(0.0) and not s.add and self.goes_over(counters, s.arr, s.index) and all(
            isinstance(t, (Get, Set)) and t.arr is s.arr and t.index == s.index for t in before)

    def goes_over(self, loops, arr, index):
        """Do loops run once over each entry of an array?"""
        counters = {loop.var: loop for loop in loops}
        return len(set(index)) == len(index) == len(loops) == infer.rank_of(arr) and arr in self.zeros and all(
            i in counters and self.over_all(counters[i], self.dependence.length(arr, k)) for k, i in enumerate(index))

    def over_all(self, loop, n):
        """Does a loop run over range(n), or that in reverse?"""
        lo, hi = self.dependence.form(loop.lo), self.dependence.form(loop.hi)
        forth = loop.step == Const(1) and lo == {} and hi == n
        back = loop.step == Const(-1) and n is not None and lo == plus(n, {1: -1}) and hi == {1: -1}
        return loop.brk is None and (forth or back)


def names_alone(s):
    """Does a statement only name a part of an array, or ask for its shape?"""
    return (isinstance(s, Get) and is_view(s)) or (isinstance(s, Let) and (s.fn in VIEWS or s.fn in (dim, np.zeros_like)))


def private(first, second, aliases):
    """The buffers that both loops make in each iteration."""
    outside = {aliases.of(v) for v in free([first, second]) if infer.is_array(v)}
    return {aliases.of(v) for s in walk([first, second]) for v in binds(s) if infer.is_array(v)} - outside


def together(first, second):
    """The one loop. What an iteration pushes once is still at hand when its reverse asks for it."""
    pushed = {s.stack: s.value for s in first.body if isinstance(s, Push)}
    popped = {s.stack: s.out for s in second.body if isinstance(s, Pop) and s.stack in pushed}
    at_hand = {out: pushed[stack] for stack, out in popped.items()} | {second.var: first.var}

    def use(v):
        while v in at_hand:
            v = at_hand[v]
        return v
    forward = [s for s in first.body if not (isinstance(s, Push) and s.stack in popped)]
    back = substituted([s for s in second.body if not (isinstance(s, Pop) and s.stack in popped)], use)
    at_hand |= (again := made_again(forward, back))
    back = substituted([s for s in back if not (isinstance(s, Let) and s.out in again)], use)
    ends = [replace(c, end=use(c.end) if isinstance(c.end, Var) else c.end) for c in second.carries]
    parallel = first.parallel and IF_PROVEN
    return replace(first, body=[*forward, *back], carries=[*first.carries, *ends], twin=None, parallel=parallel)


def made_again(forward, back):
    """{name: what the forward sweep calls it} of the products that the reverse sweep makes again, and of their first factors."""
    latest, called, found = {}, {}, {}

    def key(s):
        same = lambda v: called.get(v, v)
        if isinstance(s, Let) and not s.kw:
            return s.fn, *(mapped(a, same) for a in s.args)
        return (None, same(s.arr), *(mapped(i, same) for i in s.index)) if isinstance(s, Get) else None
    for s in forward:
        latest[key(s)] = s
    latest.pop(None, None)                          # those that are not compared
    for s in back:
        first = latest.get(key(s))
        if first is not None:
            called[s.out] = first.out
            if isinstance(s, Let) and s.fn in PRODUCTS:
                found |= dict(zip((s.out, s.args[0]), (first.out, first.args[0])))
    return {v: w for v, w in found.items() if v is not w}
