"""Workspaces: arrays that each iteration of a loop makes are made once, before it, and serve those that do not live together.

    for t in ...: a = np.empty(n); ...; b = np.empty(n)     w = np.empty(n); for t in ...: a = w; ...; b = w

An allocation costs as much as some ten entries. Which of the workspaces an array gets is the last one that was given back, which
lies in the caches, as it would with the C library's own. Program -> Program, the same function. A loop whose iterations run side
by side keeps its own arrays.
"""
from dataclasses import replace

import numpy as np
from numba import types

from . import infer
from .blas import rows_left, rows_together
from .builder import Builder, dim, taken_over
from .gathers import names_of
from .program import Const, Do, For, Get, Let, Set, Span, Tup, Var, While, free, rebuilt, variables
from .shapes import PRODUCTS
from .uses import Uses

SHAPED = (np.empty, np.zeros)
LIKE = (np.empty_like, np.zeros_like)


def in_workspaces(program):
    """The program whose loops make fewer arrays."""
    return replace(program, body=Workspaces(program).block(program.body))


class Workspaces(Uses):
    """The loops of one program."""

    def __init__(self, program):
        super().__init__(program)
        self.b, self.served = Builder(), {}         # workspace -> the arrays that have it

    def block(self, block):
        with self.b.into([]) as made:
            for s in block:
                s = rebuilt(s, self.block)
                if isinstance(s, For | While) and not getattr(s, "parallel", False):
                    s = self.with_workspaces(s)
                self.b.add(s)
        return made

    def with_workspaces(self, loop):
        """A loop without some of the arrays that it makes; workspaces are added before it."""
        changing, touched, spaces, body = names_of(loop), self.all_touched(loop.body), {}, []      # spaces: array -> in use until
        for k, s in enumerate(loop.body):
            space = self.space(s, k, changing, touched, spaces) if self.serves_here(s, touched[k:]) else None
            if space is None:
                body.append(s)
                continue
            spaces[space] = max((j for j, own in enumerate(touched) if own[self.aliases.of(s.out)]), default=k)
            if s.fn in PRODUCTS:
                body.append(Do(np.dot, (*s.args, space)))
            rows = self.rows_of_strip(s)
            body.append(Let(s.out, taken_over, (space,), (), s.place) if rows is None else
                        Get(s.out, space, (Span(Const(None), rows.out, None),), s.place))
            if s.fn in (np.zeros, np.zeros_like):
                body.append(Set(s.out, (Const(Ellipsis),), Const(0.0)))
        made = replace(loop, body=body)
        for space in spaces:
            self.enter(space, made)
        return made

    def enter(self, space, loop):
        """Take note of a new workspace and what touches it, so that a loop around this one may keep it for all its iterations."""
        self.read.add(space)
        for v in self.served[space]:
            self.aliases.join(space, v)
        c = self.aliases.of(space)
        self.users[c] = sum(own[c] for own in self.all_touched([self.shapes.made[space], loop]))

    def serves_here(self, s, touched):
        """Is it an array that is made by a statement, and all that is done with it done by this one and those behind it?"""
        if not isinstance(s, Let) or s.kw or s.fn not in (*SHAPED, *LIKE, *PRODUCTS) or not infer.is_array(s.out):
            return False
        c, kind = self.aliases.of(s.out), (s.out.type.dtype, s.out.type.layout)
        alone = c not in self.lost | self.kept and sum(own[c] for own in touched) == self.users[c]
        return alone and kind == (types.float64, "C")

    def space(self, s, at, changing, touched, spaces):
        """The workspace that an array may have; one that is free, or a new one; None if its lengths change."""
        fits = lambda w: w.type == s.out.type and self.shapes.same(self.served[w][0], s.out)
        idle = [w for w, until in spaces.items() if until < at and fits(w)]
        if idle:
            space = max(idle, key=spaces.get)
            self.served[space].append(s.out)
            return space
        with self.b.into([]) as code:
            if s.fn in SHAPED:
                lengths = s.args[0].items if isinstance(s.args[0], Tup) else s.args[:1]
            else:
                lengths = [self.shapes.longest(self.b, axis) for axis in self.shapes.of(s.out)]
            if (rows := self.rows_of_strip(s)) is not None:
                lengths = [rows.args[2], *lengths[1:]]
            lengths = [n if self.is_length(n, code) else self.b.let(max, n, Const(0)) for n in lengths]
            shape = Tup(tuple(lengths)) if len(lengths) > 1 else lengths[0]
        if not changing.isdisjoint((*free(code), *variables(shape))):
            return None
        self.b.block += code
        space = Var("work", s.out.type)
        self.b.add(Let(space, np.empty, (shape, Const(infer.numpy_type(types.float64)))))
        self.shapes.made[space], self.served[space] = self.b.block[-1], [s.out]
        return space

    def rows_of_strip(self, s):
        """The statement that says how many rows an array has which is made for a strip of rows; None for others."""
        first = s.args[0].items[0] if s.fn in SHAPED and isinstance(s.args[0], Tup) else s.args[0]
        rows = self.shapes.made.get(first)
        return rows if s.fn in SHAPED and isinstance(rows, Let) and rows.fn is rows_left else None

    def is_length(self, n, code):
        """Is it an integer that is not negative in any case?"""
        made = next((s for s in code if s.out is n), self.shapes.made.get(n))
        return isinstance(n, Const) or (isinstance(made, Let) and (
            made.fn in (dim, rows_together) or (made.fn is max and Const(0) in made.args)))
