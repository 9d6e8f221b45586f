"""Branches: what a branch has computed, a later one on the same condition takes from there.

Program -> Program, the same function. A branch of the reverse sweep computes again what is cheap beside a tape; beside its
forward sweep, which was just left, that is work done twice: the sine that is the derivative of a cosine, a root, a quotient.
Reference: Cocke, Global common subexpression elimination (1970).
"""
from dataclasses import replace

import numpy as np

from . import infer
from .activity import Aliases
from .normal import computation
from .program import UNDEFINED, Get, If, Let, Phi, Var, mapped, rebuilt, substituted, walk
from .residuals import flops

COSTLY = 4                          # flops from which it is worth a name that lives on


def continued(program):
    """The program whose branches go on from those before them."""
    if not any(isinstance(s, If) for s in walk(program.body)):
        return program
    made = Continued(Aliases(program))
    body = made.block(program.body)
    return replace(program, body=substituted(body, made.use), result=mapped(program.result, made.use)) if made.same else program


class Continued:
    """`same` are the names that are gone; `numbers` tell, inside a branch, which hold the number of a name in the one before."""

    def __init__(self, aliases):
        self.aliases, self.same, self.numbers = aliases, {}, {}

    def use(self, v):
        return self.same.get(v, v)

    def block(self, block):
        made, before = [], {}               # condition -> (where its branch stands, what each side has computed)
        for s in block:
            s = rebuilt(s, self.block)
            if not isinstance(s, If) or not isinstance(s.cond, Var):
                made.append(s)
                continue
            at, sides = before.setdefault(s.cond, (len(made), ({}, {})))
            if at < len(made):
                s, made[at] = self.after(s, made[at], sides)
            made.append(s)
            if at == len(made) - 1:
                for side, known in zip((s.then, s.orelse), sides):
                    for t in side:
                        if (key := self.key(t)) is not None:
                            known.setdefault(key, t.out)
        return made

    def key(self, t):
        """What makes two statements the same computation, with numbers for what it reads: `math.cos` is `np.cos`. A load is one
        where nothing is stored."""
        if isinstance(t, Get) and infer.is_array(t.arr) and self.aliases.mutable(t.arr):
            return None
        key = computation(t, lambda v: self.numbers.get(v, v))
        named = key is not None and isinstance(t, Let) and (isinstance(t.fn, np.ufunc) or t.fn.__module__ == "math")
        return (t.fn.__name__, *key[1:]) if named else key

    def after(self, s, first, sides):
        """A branch, and the first on its condition, which hands on what the other needs."""
        phis, kept = list(first.phis), []
        for pick, other, side, known in (("then", "orelse", s.then, sides[0]), ("orelse", "then", s.orelse, sides[1])):
            self.numbers = {p.out: getattr(p, pick) for p in first.phis if isinstance(getattr(p, pick), Var)}
            still = []
            for t in side:
                key = self.key(t)
                have = known.get(key) if key is not None else None
                if have is None:
                    still.append(t)
                    continue
                self.numbers[t.out] = have
                if isinstance(t, Get) or flops(t) < COSTLY:
                    still.append(t)
                    continue
                phi = next((p for p in phis if getattr(p, pick) is have and getattr(p, other) is UNDEFINED), None)
                if phi is None:
                    out = Var(have.hint, have.type)
                    phi = Phi(out, *((have, UNDEFINED) if pick == "then" else (UNDEFINED, have)))
                    phis.append(phi)
                self.same[t.out] = phi.out
            kept.append(still)
        self.numbers = {}
        return replace(s, then=kept[0], orelse=kept[1]), replace(first, phis=phis)
