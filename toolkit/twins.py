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
from .primitive import VIEWS
from .program import Const, For, Get, If, Let, Pop, Push, Set, Var, binds, free, reads, substituted, variables, walk


def are_twins(first, second):
    """Is the second loop the reverse of the first?"""
    return isinstance(first, For) and isinstance(second, For) and first.twin is not None and first.twin is second.twin and (
        first.step == Const(1) and second.step == Const(-1) and first.brk is None)


def may_join(first, second, aliases):
    """May each iteration of a loop be followed by its reverse?"""
    ends = [c.end for c in second.carries]
    return all(adds_up(c.head, c.end, second.body, ends) for c in second.carries) and only_added_to(first, second, aliases)


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


def only_added_to(first, second, aliases):
    """Are the buffers that come from outside, and are written, only added to, by the reverse?"""
    both = [first, second]
    outside = {aliases.of(v) for v in free(both) if infer.is_array(v)}
    written = {aliases.of(s.arr) for s in walk(both) if isinstance(s, Set)} & outside
    for s in walk(both):
        if isinstance(s, Set) and aliases.of(s.arr) in written:
            if not s.add or any(infer.is_array(v) and aliases.of(v) in written for v in variables(s.value, *s.index)):
                return False
        elif not names_alone(s) and any(infer.is_array(v) and aliases.of(v) in written for v in reads(s)):
            return False
    return not any(isinstance(s, Set) and aliases.of(s.arr) in written for s in walk([first]))


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
    use = lambda v: at_hand.get(v, v)
    forward = [s for s in first.body if not (isinstance(s, Push) and s.stack in popped)]
    back = substituted([s for s in second.body if not (isinstance(s, Pop) and s.stack in popped)], use)
    ends = [replace(c, end=use(c.end) if isinstance(c.end, Var) else c.end) for c in second.carries]
    return replace(first, body=[*forward, *back], carries=[*first.carries, *ends], twin=None)
