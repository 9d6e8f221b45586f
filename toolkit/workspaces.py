"""Workspaces: arrays that each iteration of a loop makes are made once, before it, and serve those that do not live together.

    for t in ...: a = np.empty(n); ...; b = np.empty(n)     w = np.empty(n); for t in ...: a = w; ...; b = w

An allocation costs as much as some ten entries. Which of the workspaces an array gets is the last one that was given back, which
lies in the caches, as it would with the C library's own. Program -> Program, the same function. A loop whose iterations run side
by side keeps its own arrays.
"""
import operator
from dataclasses import replace

import numpy as np
from numba import types

from . import infer
from .builder import Builder, dim, taken_over
from .gathers import names_of
from .program import Const, Do, For, Let, Set, Tup, Var, While, free, rebuilt, variables
from .uses import Uses

PRODUCTS = (operator.matmul, np.dot)
SHAPED = (np.empty, np.zeros)
LIKE = (np.empty_like, np.zeros_like)


def in_workspaces(program):
    """The program whose loops make fewer arrays."""
    return replace(program, body=Workspaces(program).block(program.body))


class Workspaces(Uses):
    """The loops of one program."""

    def __init__(self, program):
        super().__init__(program)
        self.b = Builder()

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
            body.append(Let(s.out, taken_over, (space,), (), s.place))
            if s.fn in (np.zeros, np.zeros_like):
                body.append(Set(s.out, (Const(Ellipsis),), Const(0.0)))
        return replace(loop, body=body)

    def serves_here(self, s, touched):
        """Is it an array that is made by a statement, and all that is done with it done by this one and those behind it?"""
        if not isinstance(s, Let) or s.kw or s.fn not in (*SHAPED, *LIKE, *PRODUCTS) or not infer.is_array(s.out):
            return False
        c, kind = self.aliases.of(s.out), (s.out.type.dtype, s.out.type.layout)
        alone = c not in self.lost | self.kept and sum(own[c] for own in touched) == self.users[c]
        return alone and kind == (types.float64, "C")

    def space(self, s, at, changing, touched, spaces):
        """The workspace that an array may have; one that is free, or a new one; None if its lengths change."""
        idle = [w for w, until in spaces.items() if until < at and w.type == s.out.type and self.shapes.same(w, s.out)]
        if idle:
            return max(idle, key=spaces.get)
        with self.b.into([]) as code:
            if s.fn in SHAPED:
                lengths = s.args[0].items if isinstance(s.args[0], Tup) else s.args[:1]
            else:
                lengths = [self.shapes.longest(self.b, axis) for axis in self.shapes.of(s.out)]
            lengths = [n if self.is_length(n, code) else self.b.let(max, n, Const(0)) for n in lengths]
            shape = Tup(tuple(lengths)) if len(lengths) > 1 else lengths[0]
        if not changing.isdisjoint((*free(code), *variables(shape))):
            return None
        self.b.block += code
        space = Var("work", s.out.type)
        self.b.add(Let(space, np.empty, (shape, Const(infer.numpy_type(types.float64)))))
        self.shapes.made[space] = self.b.block[-1]
        return space

    def is_length(self, n, code):
        """Is it an integer that is not negative in any case?"""
        made = next((s for s in code if s.out is n), self.shapes.made.get(n))
        return isinstance(n, Const) or (isinstance(made, Let) and (made.fn is dim or (made.fn is max and Const(0) in made.args)))
