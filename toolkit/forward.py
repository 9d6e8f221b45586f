"""Forward mode: Program -> tangent Program. Every active value v travels with its tangent v_dot (dual numbers, unboxed).

    out = fn(x, y)   becomes   out = fn(x, y);  out_dot = D fn(x, y) [x_dot, y_dot]

Arrays travel as pairs of references: a view's tangent is the same view of the tangent, so aliasing takes care of itself.
"""
import operator
from dataclasses import replace

import numpy as np

from . import infer, runtime
from .activity import Aliases, active, guard, same_lists
from .builder import Builder, astype, same_as, tangent_params, tangent_type
from .linear import card_of, push
from .primitive import FLAT, VIEWS
from .program import (
    LOOSE,
    UNDEFINED,
    Carry,
    Const,
    Let,
    Listed,
    Phi,
    Pop,
    Program,
    Push,
    Stack,
    Tup,
    Var,
    leaves,
    variables,
    walk,
)
from .shapes import PRODUCTS
from .winners import singled_out


class Forward:
    """The tangents of one program in the parameters at `argnums`: in one lane, or in several side by side, which share all that
    does not depend on the direction. A lane maps values to their tangents, and stacks to those of the tangents."""

    def __init__(self, program, argnums, lanes):
        program = singled_out(program, argnums)
        self.b, self.aliases = Builder(), Aliases(program)
        self.lanes = [{} for _ in range(lanes)]
        params = [program.params[k][1] for k in argnums]
        given = [tangent_params(program, argnums, "dot") for _ in self.lanes]
        roots = [v for p in params for v in variables(p)]
        self.on = active(program, self.aliases, roots)
        self.turned = {s.out: s.args[0] for s in walk(program.body) if isinstance(s, Let) and s.fn is np.transpose
                       and len(s.args) == 1 and infer.rank_of(s.out) == 2}
        for dots, tangents in zip(self.lanes, given):
            pairs = list(zip(roots, variables(*tangents)))
            for v, d in pairs:
                if infer.is_float(v):
                    dots[v] = self.b.copy(d) if infer.is_array(v) and self.aliases.mutable(v) else d
            same_lists(self.b, params, tangents)
            guard(self.b, program, self.aliases, [(v, d) for v, d in pairs if infer.is_array(v)])
            for v in (v for _, p in program.params for v in variables(p)):
                if self.on(v) and v not in dots:
                    dots[v] = self.b.zeros_like(v, f"{v.hint}_dot")
        self.run(program.body)
        result = Tup((program.result, *(self.tangent(program.result, dots) for dots in self.lanes)))
        params = [("args", Tup(tuple(p for _, p in program.params))), *(("dots", Tup(tuple(t))) for t in given)]
        self.made = Program(f"{program.name}_jvp", params, self.b.block, result)

    def dot(self, a, dots):
        """The tangent, zero where there is none."""
        if isinstance(a, Var) and a in dots:
            return dots[a]
        if a is UNDEFINED:
            return a
        return self.b.zeros_like(a)

    def tangent(self, result, dots):
        """The tangent of a structure."""
        if isinstance(result, Listed):
            return result.holding(self.tangent(result.items[1], dots))
        if isinstance(result, Tup):
            return result.of(self.tangent(a, dots) for a in result.items)
        if isinstance(result, Const) and not isinstance(result.value, int | float | np.ndarray):
            return result
        if not infer.is_float(result):
            return Const(0.0) if not infer.is_array(result) else self.b.let(np.zeros, self.b.shape(result))
        return self.dot(result, dots)

    def run(self, block):
        for s in block:
            self.b.place = getattr(s, "place", None) or self.b.place
            getattr(self, f"on_{type(s).__name__}")(s)

    def on_Let(self, s):
        self.b.add(s)
        if not self.on(s.out):
            return
        for dots in self.lanes:
            tangent = dots[s.out] = self.of_let(s, dots)
            if isinstance(tangent, Var) and self.b.block and getattr(self.b.block[-1], "out", None) is tangent:
                tangent.hint = f"{s.out.hint}_dot"      # it was just made

    def of_let(self, s, dots):
        b, out = self.b, s.out
        dot = lambda a: self.dot(a, dots)
        if s.fn in VIEWS:
            return b.let(s.fn, dot(s.args[0]), *s.args[1:], kw=s.kw)
        live = lambda a: any(self.on(x) for x in leaves(a))
        if s.fn in FLAT or not any(map(live, s.args)):
            return b.zeros_like(out)
        if s.fn is same_as:
            return dot(s.args[1])
        if s.fn is astype:
            return b.cast(dot(s.args[0]), out.type)
        card, env, chosen = card_of(s, live)
        env |= {f"{p}_dot": dot(env[p]) for p in chosen}
        if self.symmetric(s):                           # d (aᵀ a) = daᵀ a + (daᵀ a)ᵀ
            half = push(b, card, env, chosen[:1])
            tangent = b.let(operator.add, half, b.let(np.transpose, half) if infer.is_array(half) else half)
        else:
            tangent = push(b, card, env, chosen)
        if infer.is_array(out):
            arrays = [a for a in s.args if infer.rank_of(a)]
            covered = len(arrays) == 1 or all(live(a) for a in arrays) or not card.elementwise
            if not infer.is_array(tangent) or not covered:
                tangent = b.let(runtime.spread_like, tangent, out)
            elif any(tangent is env[f"{p}_dot"] for p in chosen):
                tangent = b.copy(tangent)
            if out.type.layout == "C" and tangent.type.layout != "C":     # views of both must be of one type
                tangent = b.let(runtime.spread_like, tangent, out)
        return b.cast(tangent, out.type)

    def symmetric(self, s):
        """Is it a product of an array with its own transpose?"""
        if s.fn not in PRODUCTS:
            return False
        x, y = s.args
        return self.turned.get(x) is y or self.turned.get(y) is x or (x is y and infer.rank_of(x) == 1)

    def on_Get(self, s):
        self.b.add(s)
        if self.on(s.out):
            for dots in self.lanes:
                dots[s.out] = self.b.get(self.dot(s.arr, dots), s.index, f"{s.out.hint}_dot")

    def on_Set(self, s):
        self.b.add(s)
        if not self.on(s.arr):
            return
        for dots in self.lanes:
            if isinstance(s.value, Var) and s.value in dots:
                self.b.set(self.dot(s.arr, dots), s.index, dots[s.value], LOOSE if s.add else False)
            elif not s.add:
                self.b.set(self.dot(s.arr, dots), s.index, Const(0.0))

    def on_Do(self, s):
        self.b.add(s)

    on_Note = on_Do

    def on_If(self, s):
        new = replace(s, then=[], orelse=[], phis=list(s.phis))
        live = [p for p in s.phis if self.on(p.out)]
        with self.b.into(new.then):
            self.run(s.then)
            then = [self.dot(p.then, dots) for dots in self.lanes for p in live]
        with self.b.into(new.orelse):
            self.run(s.orelse)
            orelse = [self.dot(p.orelse, dots) for dots in self.lanes for p in live]
        outs = [dots.setdefault(p.out, fresh(p.out)) for dots in self.lanes for p in live]
        new.phis += map(Phi, outs, then, orelse)
        self.b.add(new)

    def on_For(self, s):
        new = replace(s, body=[], carries=list(s.carries))
        live = [c for c in s.carries if self.on(c.head)]
        inits = [self.dot(c.init, dots) for dots in self.lanes for c in live]
        heads = [dots.setdefault(c.head, fresh(c.head)) for dots in self.lanes for c in live]
        with self.b.into(new.body):
            self.run(s.body)
            ends = [self.dot(c.end, dots) for dots in self.lanes for c in live]
        exits = [dots.setdefault(c.exit, fresh(c.head)) for dots in self.lanes for c in live]
        new.carries += [Carry(*c, loose=True) for c in zip(heads, inits, ends, exits)]
        self.b.add(new)

    on_While = on_For

    def twins(self, stack):
        """The stacks on which the tangents travel of what is on a stack."""
        return [dots.setdefault(stack, Stack(f"{stack.hint}_dot", tangent_type(stack.type))) for dots in self.lanes]

    def on_NewStack(self, s):
        self.b.add(s)
        if self.on(s.stack):
            for twin in self.twins(s.stack):
                self.b.add(replace(s, stack=twin))

    on_Reserve = on_NewStack

    def on_Push(self, s):
        self.b.add(s)
        if self.on(s.stack):
            for dots, twin in zip(self.lanes, self.twins(s.stack)):
                self.b.add(Push(twin, self.dot(s.value, dots)))

    def on_Pop(self, s):
        self.b.add(s)
        if self.on(s.stack):
            for dots, twin in zip(self.lanes, self.twins(s.stack)):
                dots[s.out] = Var(f"{s.out.hint}_dot", twin.type)
                self.b.add(Pop(dots[s.out], twin))


def fresh(v):
    """A Var for the tangent of another."""
    return Var(f"{v.hint}_dot", tangent_type(v.type))


def forward(program, argnums, lanes=1):
    """The program of (args, tangents) -> (out, out_dot); of (args, tangents, tangents, ...) -> (out, out_dot, out_dot, ...)."""
    return Forward(program, argnums, lanes).made


def __getattr__(name):
    """This mode alone, as a library: `from toolkit.forward import jvp`."""
    if name in ('jvp',):
        from . import transform
        return getattr(transform, name)
    raise AttributeError(name)
