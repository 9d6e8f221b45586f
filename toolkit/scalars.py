"""Scalars: a small array whose entries are told apart by constants becomes a number for each.

Program -> Program, the same function to the last bit. Such an array is made in a block with lengths that are constants, and
what reads and writes it stands in the same block: `np.array((x, y))`, a vector of three components, a unit vector, and their
cotangents. What a cotangent is before anything is added to it is nothing, and so is what becomes of that in products: no
infinity is multiplied by such a zero.
Reference: Muchnick, Advanced Compiler Design and Implementation (1997), section 12.2 (scalar replacement of aggregates).
"""
import operator
from dataclasses import replace
from itertools import product

import numpy as np
from numba import types

from . import infer, runtime, tape
from .builder import Builder, dim
from .program import (
    LOOSE,
    Const,
    Do,
    For,
    Get,
    If,
    Let,
    Set,
    Tup,
    Var,
    While,
    blocks,
    mapped,
    reads,
    rebuilt,
    substituted,
    variables,
    walk,
)

LARGEST = 16                        # entries: more would fill the registers
WHOLE = (Const(Ellipsis),)
MAKES = {np.empty, np.zeros}
ALIKE = {np.zeros_like, np.empty_like, np.copy}
NOTHING = Const(0.0)                # what a cotangent is at first; it is told from other zeros by its identity
PRODUCTS = {operator.mul, np.multiply}
QUOTIENTS = {operator.neg: 0, np.negative: 0, operator.truediv: 0, np.divide: 0, runtime.keep: 1}   # nothing where this is


def in_scalars(program):
    """The program with its small arrays as numbers."""
    small = Small(program)
    if not small.shapes:
        return program
    body = small.block(program.body)
    use = small.use
    return replace(program, body=substituted(body, use), result=mapped(program.result, use))


class Small:
    """The small arrays of a program, and what their entries are."""

    def __init__(self, program):
        self.b, self.shapes, self.entries, self.same = Builder(), {}, {}, {}
        self.users, self.home = {}, {}
        self.scan(program.body)
        given = variables(program.result, *(p for _, p in program.params))
        found = [s for s in walk(program.body) if isinstance(s, Let) and (s.fn in MAKES or s.fn in ALIKE) and not s.kw]
        for s in found:
            shape = self.shape(s)
            if shape is not None and s.out not in given and 0 < np.prod(shape) <= LARGEST:
                self.shapes[s.out] = shape
        made = {s.out: s for s in found}
        before = None
        while before != len(self.shapes):
            before = len(self.shapes)
            self.shapes = {v: shape for v, shape in self.shapes.items() if self.shape(made[v]) == shape and all(
                self.home[t] is self.home[made[v]] and self.known(t, v) for t in self.users.get(v, ()))}
        self.cotangents = {s.arr for s in walk(program.body) if isinstance(s, Set) and s.add == LOOSE}

    def scan(self, block):
        for s in block:
            self.home[s] = block
            for v in dict.fromkeys(reads(s)):
                self.users.setdefault(v, []).append(s)
            for inner in blocks(s):
                self.scan(inner)

    def shape(self, s):
        """The lengths of what a statement makes, where they are constants."""
        if s.fn in ALIKE:
            return self.shapes.get(s.args[0])
        lengths = s.args[0].items if isinstance(s.args[0], Tup) else s.args[:1]
        return tuple(n.value for n in lengths) if all(isinstance(n, Const) for n in lengths) else None

    def known(self, t, v):
        """Is it known of each entry of a small array what a statement does with it?"""
        match t:
            case Get():
                return self.is_entry(v, t.index) and not infer.is_array(t.out)
            case Set() if t.index == WHOLE:
                return t.arr in self.shapes and (not infer.is_array(t.value) or self.alike(t.arr, t.value)) and self.fits(t)
            case Set():
                return t.arr is v and self.is_entry(v, t.index) and not infer.is_array(t.value) and self.fits(t)
            case Let():
                return (t.fn in ALIKE and t.out in self.shapes and t.out.type.dtype == v.type.dtype) or t.fn is dim
            case Do():
                return t.fn is tape.same_shape and self.alike(*t.args)
        return False

    def is_entry(self, v, index):
        shape = self.shapes[v]
        return len(index) == len(shape) and all(
            isinstance(i, Const) and type(i.value) is int and 0 <= i.value < n for i, n in zip(index, shape))

    def alike(self, a, b):
        return a in self.shapes and self.shapes[a] == self.shapes.get(b)

    def fits(self, t):
        """Is what is stored of the type of the entries?"""
        kind = infer.scalar(t.arr.type)
        return infer.scalar(infer.type_of(t.value)) == kind or (isinstance(t.value, Const) and kind == types.float64 and (
            type(t.value.value) in (int, float)))

    # ---- the program without them
    def use(self, v):
        while isinstance(v, Var) and v in self.same:
            v = self.same[v]
        return v

    def block(self, block):
        with self.b.into([]) as made:
            for s in block:
                self.statement(s)
        return made

    def statement(self, s):
        match s:
            case Let() if s.out in self.shapes:
                self.make(s)
            case Let() if s.fn is dim and s.args[0] in self.shapes:
                self.same[s.out] = Const(self.shapes[s.args[0]][s.args[1].value])
            case Let():
                self.let(s)
            case Get() if s.arr in self.shapes:
                self.same[s.out] = self.entries[s.arr][tuple(i.value for i in s.index)]
            case Set() if s.arr in self.shapes:
                self.set(s)
            case Set() if s.add == LOOSE and mapped(s.value, self.use) is NOTHING:
                pass
            case Do() if s.fn is tape.same_shape and s.args[0] in self.shapes:
                pass
            case If():
                s = rebuilt(s, self.block)
                for p in s.phis:
                    if mapped(p.then, self.use) is mapped(p.orelse, self.use) is NOTHING:
                        self.same[p.out] = NOTHING
                self.b.add(replace(s, phis=[p for p in s.phis if p.out not in self.same]))
            case While():
                test = self.block(s.test)
                self.b.add(replace(s, test=test, body=self.block(s.body)))
            case For():
                self.b.add(rebuilt(s, self.block))
            case _:
                self.b.add(s)

    def make(self, s):
        """The entries of an array that is made."""
        item = infer.scalar(s.out.type)
        zero = NOTHING if s.out in self.cotangents and item == types.float64 else self.b.cast(Const(0.0), item)
        copied = s.fn is np.copy
        self.entries[s.out] = {k: self.entries[s.args[0]][k] if copied else zero
                               for k in product(*map(range, self.shapes[s.out]))}

    def set(self, s):
        entries, item = self.entries[s.arr], infer.scalar(s.arr.type)
        places = list(entries) if s.index == WHOLE else [tuple(i.value for i in s.index)]
        values = dict(self.entries[s.value]) if s.value in self.shapes else dict.fromkeys(places, mapped(s.value, self.use))
        for k in places:
            value = values[k] if values[k] is NOTHING else self.b.cast(values[k], item)
            if value == NOTHING and not s.add and s.arr in self.cotangents and item == types.float64:
                value = NOTHING
            if s.add:
                value = self.sum(entries[k], value, s)
            entries[k] = value

    def sum(self, a, b, s):
        if a is NOTHING or b is NOTHING:
            return b if a is NOTHING else a
        return self.b.let(operator.add, a, b, hint=s.arr.hint)

    def let(self, s):
        """An operation; of nothing, it is nothing or its other argument."""
        args = tuple(mapped(a, self.use) for a in s.args)
        at = [k for k, a in enumerate(args) if a is NOTHING]
        if at and s.out.type == types.float64:
            other = args[1 - at[0]] if len(args) == 2 else None
            if s.fn in PRODUCTS or QUOTIENTS.get(s.fn) in at:
                self.same[s.out] = NOTHING
                return
            if infer.type_of(other) == types.float64 if other is not None else False:
                if s.fn in (operator.add, runtime.plus) or (s.fn in (operator.sub, runtime.minus) and at == [1]):
                    self.same[s.out] = other
                    return
                if s.fn in (operator.sub, runtime.minus):
                    s = Let(s.out, operator.neg, (other,), place=s.place)
        elif (same := self.b.simpler(s.fn, args)) is not None and s.fn is not operator.neg and s.out.type == types.float64:
            self.same[s.out] = same
            return
        self.b.add(s)
