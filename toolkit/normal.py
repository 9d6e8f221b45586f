"""Before differentiation, what is computed twice is computed once: the two cotangents of one value then become one, and
what would be kept twice is kept once.

A number that a block has already computed from the same operands, or already loaded from an array that was not written since,
takes the earlier name. Only what has no effect is shared. Two things move to before a loop that does not change them: lengths,
so that the room of its tape is reserved there, and loads of entries that exist even if it does not run, which are kept once.
"""
import operator
from dataclasses import replace

import numpy as np
from numba import types

from . import infer, runtime
from .activity import Aliases
from .blas import rows_together
from .builder import dim
from .dependence import Dependence
from .primitive import CATALOGUE, DRAWS, FLAT
from .program import (
    UNDEFINED,
    Const,
    For,
    Get,
    If,
    Let,
    Set,
    Tup,
    Var,
    While,
    binds,
    blocks,
    inner,
    mapped,
    reads,
    rebuilt,
    substituted,
    walk,
)
from .shapes import Shapes

LENGTHS = {dim, operator.add, operator.sub, operator.mul, operator.neg, max, min, rows_together}


def normalised(program):
    """The program with common subexpressions of numbers shared."""
    program = shared(hoisted(program))
    return replace(program, body=_squares(program.body))


def shared(program, wanted=lambda v: True):
    """The program in which each number that is wanted is computed, and loaded, once."""
    same = Same(Aliases(program), wanted)
    return replace(program, body=same.block(program.body, {}), result=mapped(program.result, same.name))


def floats_shared(program):
    """The same for floats alone: an index reads best where it is used."""
    return shared(program, infer.is_float)


def hoisted(program):
    """The program with what its loops do not change before them."""
    return replace(program, body=Hoist(program).block(program.body))


def undefined(block):
    """The names that may be bound to nothing: what a branch, or a loop that did not run, has left out."""
    moves = [(p.out, x) for s in walk(block) for p in getattr(s, "phis", ()) for x in (p.then, p.orelse)]
    moves += [(v, x) for s in walk(block) for c in getattr(s, "carries", ())
              for v, x in ((c.head, c.init), (c.head, c.end), (c.exit, c.head))]
    found, before = {UNDEFINED}, 0
    while len(found) > before:
        before = len(found)
        found |= {v for v, x in moves if x in found}
    return found


class Hoist:
    """Moves what loops do not change before them."""

    def __init__(self, program):
        self.blank, self.aliases = undefined(program.body), Aliases(program)
        self.dependence = Dependence(program, self.aliases, Shapes(program))

    def block(self, block):
        out, touched = [], {(t.arr, t.index) for t in block if isinstance(t, (Get, Set))}
        for s in block:
            if isinstance(s, If):
                s = replace(s, then=self.block(s.then), orelse=self.block(s.orelse))
            elif isinstance(s, (For, While)):
                s = replace(s, body=self.block(s.body))
                inside, still = {v for t in walk([s]) for v in (*binds(t), *inner(t))} | self.blank, []
                for t in s.body:
                    if inside.isdisjoint(reads(t)) and (self.is_length(t) or self.is_load(t, s, touched)):
                        inside.discard(t.out)
                        out.append(t)
                    else:
                        still.append(t)
                s = replace(s, body=still)
            out.append(s)
        return out

    def is_length(self, t):
        return isinstance(t, Let) and ((t.fn in LENGTHS and t.out.type == types.intp) or t.fn is runtime.padded)

    def is_load(self, t, loop, touched):
        """Does a statement load a number that is there before the loop, and the same in all its iterations?"""
        if not (isinstance(t, Get) and infer.is_array(t.arr) and not infer.is_array(t.out)) or not (
                (t.arr, t.index) in touched or self.dependence.exists(t.arr, t.index)):
            return False
        writes = [w for w in walk(loop.body) if isinstance(w, Set) and self.aliases.of(w.arr) is self.aliases.of(t.arr)]
        return all(self.dependence.apart((t.arr, t.index), (w.arr, w.index), loop) for w in writes)


def computation(s, use):
    """What makes two statements the same computation, or None."""
    fix = lambda a: _frozen(mapped(a, use))
    if isinstance(s, Let) and s.fn in DRAWS:
        return None
    if isinstance(s, Let) and not infer.is_array(s.out) and not s.kw and (s.fn in CATALOGUE or s.fn in FLAT or s.fn is dim):
        if s.fn is not dim and any(infer.is_array(a) for a in s.args if isinstance(a, (Var, Const))):
            return None
        return (s.fn, s.out.type, *map(fix, s.args))
    if isinstance(s, Get) and not infer.is_array(s.out) and isinstance(s.arr, Var):
        return ("get", use(s.arr), *map(fix, s.index))
    return None


def _frozen(atom):
    if isinstance(atom, Const):
        return (type(atom.value), repr(atom.value))
    return tuple(map(_frozen, atom.items)) if isinstance(atom, Tup) else atom


class Same:
    """What is computed again: `first` says of a number what held it before, `names` what those that are left out are called."""

    def __init__(self, aliases, wanted):
        self.aliases, self.wanted, self.first, self.names = aliases, wanted, {}, {}

    def name(self, v):
        return self.names.get(v, v)

    def block(self, block, known):
        """A block without what it computes again; `known` says what holds what has been computed."""
        known, out = dict(known), []
        for s in block:
            written = {self.aliases.of(t.arr) for t in walk([s]) if isinstance(t, Set) and isinstance(t.arr, Var)}
            if written:
                known = {k: v for k, v in known.items() if not (k[0] == "get" and self.aliases.of(k[1]) in written)}
            key = computation(s, lambda v: self.first.get(v, v))
            if key is not None:
                self.first[s.out] = known.setdefault(key, s.out)
                if known[key] is not s.out and self.wanted(s.out):
                    self.names[s.out] = known[key]
                    continue
            if isinstance(s, (For, While, If)):
                parts = [self.block(b, known) for b in blocks(s)]
                names = ("body",) if isinstance(s, For) else ("test", "body") if isinstance(s, While) else ("then", "orelse")
                s = _outer(replace(s, **dict(zip(names, parts))), self.name)
            else:
                s = substituted([s], self.name)[0]
            out.append(s)
        return out


def _squares(block):
    return [_squared(rebuilt(s, _squares)) for s in block]


def _squared(s):
    """x * x as the square of x, whose differential has one term."""
    if isinstance(s, Let) and s.fn is operator.mul and s.args[0] is s.args[1] and infer.is_float(s.args[0]):
        square = replace(s, fn=np.square, args=s.args[:1])
        return square if infer.result_type(np.square, square.args) == s.out.type else s
    return s


def _outer(s, use):
    """A compound statement with its own operands renamed."""
    u = lambda a: mapped(a, use)
    if isinstance(s, If):
        return replace(s, cond=u(s.cond), phis=[replace(p, then=u(p.then), orelse=u(p.orelse)) for p in s.phis])
    carries = [replace(c, init=u(c.init), end=u(c.end)) for c in s.carries]
    if isinstance(s, For):
        return replace(s, lo=u(s.lo), hi=u(s.hi), step=u(s.step), carries=carries, brk=u(s.brk))
    return replace(s, cond=u(s.cond), carries=carries, brk=u(s.brk))
