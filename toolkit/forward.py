"""Forward mode: Program -> tangent Program. Every active value v travels with its tangent v_dot (dual numbers, unboxed).

    out = fn(x, y)   becomes   out = fn(x, y);  out_dot = D fn(x, y) [x_dot, y_dot]

Arrays travel as pairs of references: a view's tangent is the same view of the tangent, so aliasing takes care of itself.
"""
import numpy as np

from . import infer, runtime
from .activity import Aliases, active, guard, same_lists
from .builder import Builder, astype, tangent_params, tangent_type
from .linear import card_of, push
from .primitive import FLAT, VIEWS
from .program import (
    UNDEFINED,
    Carry,
    Const,
    For,
    If,
    Listed,
    NewStack,
    Note,
    Phi,
    Pop,
    Program,
    Push,
    Reserve,
    Stack,
    Tup,
    Var,
    While,
    leaves,
    variables,
)


class Forward:
    """The tangent of one program in the parameters at `argnums`."""

    def __init__(self, program, argnums):
        self.program, self.b = program, Builder()
        self.aliases = Aliases(program)
        self.dots, self.stacks = {}, {}
        params = [program.params[k][1] for k in argnums]
        given = tangent_params(program, argnums, "dot")
        roots = [v for p in params for v in variables(p)]
        self.on = active(program, self.aliases, roots)
        for v, d in zip(roots, variables(*given)):
            if infer.is_float(v):
                self.dots[v] = self.b.copy(d) if infer.is_array(v) and self.aliases.mutable(v) else d
        same_lists(self.b, params, given)
        guard(self.b, program, self.aliases, [p for p in zip(roots, variables(*given)) if infer.is_array(p[0])])
        for v in (v for _, p in program.params for v in variables(p)):
            if self.on(v) and v not in self.dots:
                self.dots[v] = self.b.zeros_like(v, f"{v.hint}_dot")
        self.run(program.body)
        result = Tup((program.result, self.tangent(program.result)))
        params = [("args", Tup(tuple(p for _, p in program.params))), ("dots", Tup(tuple(given)))]
        self.made = Program(f"{program.name}_jvp", params, self.b.block, result)

    def dot(self, a):
        """The tangent, zero where there is none."""
        if isinstance(a, Var) and a in self.dots:
            return self.dots[a]
        if a is UNDEFINED:
            return a
        return self.b.zeros_like(a)

    def tangent(self, result):
        if isinstance(result, Listed):
            return result.holding(self.tangent(result.items[1]))
        if isinstance(result, Tup):
            return result.of(map(self.tangent, result.items))
        if isinstance(result, Const) and not isinstance(result.value, int | float | np.ndarray):
            return result
        if not infer.is_float(result):
            return Const(0.0) if not infer.is_array(result) else self.b.let(np.zeros, self.b.shape(result))
        return self.dot(result)

    def run(self, block):
        for s in block:
            if isinstance(s, Note):
                continue
            self.b.place = getattr(s, "place", None) or self.b.place
            getattr(self, f"on_{type(s).__name__}")(s)

    def on_Let(self, s):
        self.b.add(s)
        if self.on(s.out):
            tangent = self.dots[s.out] = self.of_let(s)
            if isinstance(tangent, Var) and self.b.block and getattr(self.b.block[-1], "out", None) is tangent:
                tangent.hint = f"{s.out.hint}_dot"      # it was just made

    def of_let(self, s):
        b, out = self.b, s.out
        if s.fn in VIEWS:
            return b.let(s.fn, self.dot(s.args[0]), *s.args[1:], kw=s.kw)
        live = lambda a: any(self.on(x) for x in leaves(a))
        if s.fn in FLAT or not any(map(live, s.args)):
            return b.zeros_like(out)
        if s.fn is astype:
            return b.cast(self.dot(s.args[0]), out.type)
        card, env, chosen = card_of(s, live)
        env |= {f"{p}_dot": self.dot(env[p]) for p in chosen}
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

    def on_Get(self, s):
        self.b.add(s)
        if self.on(s.out):
            self.dots[s.out] = self.b.get(self.dot(s.arr), s.index, f"{s.out.hint}_dot")

    def on_Set(self, s):
        self.b.add(s)
        if self.on(s.arr):
            if isinstance(s.value, Var) and s.value in self.dots:
                self.b.set(self.dot(s.arr), s.index, self.dots[s.value], s.add)
            elif not s.add:
                self.b.set(self.dot(s.arr), s.index, Const(0.0))

    def on_Do(self, s):
        self.b.add(s)

    def on_If(self, s):
        new = If(s.cond, [], [], list(s.phis))
        for block, into, pick in ((s.then, new.then, lambda p: p.then), (s.orelse, new.orelse, lambda p: p.orelse)):
            with self.b.into(into):
                self.run(block)
                for p in s.phis:
                    if self.on(p.out):
                        self.dots[p.out, pick(p) is p.then and into is new.then] = self.dot(pick(p))
        for p in s.phis:
            if self.on(p.out):
                out = Var(f"{p.out.hint}_dot", tangent_type(p.out.type))
                pair = [self.dots.pop((p.out, True), None), self.dots.pop((p.out, False), None)]
                new.phis.append(Phi(out, pair[0], pair[1]))
                self.dots[p.out] = out
        self.b.add(new)

    def loop(self, s, new):
        """The carries of a loop, with their tangents."""
        pairs = []
        for c in s.carries:
            if self.on(c.head):
                t = tangent_type(c.head.type)
                head, exit_ = Var(f"{c.head.hint}_dot", t), Var(f"{c.head.hint}_dot", t)
                pairs.append((c, head, self.dot(c.init), exit_))
                self.dots[c.head] = head
        with self.b.into(new.body):
            self.run(s.body)
            ends = [self.dot(c.end) for c, *_ in pairs]
        for (c, head, init, exit_), end in zip(pairs, ends):
            new.carries.append(Carry(head, init, end, exit_))
            self.dots[c.exit] = exit_
        self.b.add(new)

    def on_For(self, s):
        self.loop(s, For(s.var, s.lo, s.hi, s.step, [], list(s.carries), s.brk, s.place, s.parallel))

    def on_While(self, s):
        self.loop(s, While(s.test, s.cond, [], list(s.carries), s.brk, s.place))

    # ---- stacks: the tangents travel on a stack of their own
    def twin(self, stack):
        return self.stacks.setdefault(stack, Stack(f"{stack.hint}_dot", tangent_type(stack.type)))

    def on_NewStack(self, s):
        self.b.add(s)
        if self.on(s.stack):
            self.b.add(NewStack(self.twin(s.stack), s.count))

    def on_Reserve(self, s):
        self.b.add(s)
        if self.on(s.stack):
            self.b.add(Reserve(self.twin(s.stack), s.count))

    def on_Push(self, s):
        self.b.add(s)
        if self.on(s.stack):
            self.b.add(Push(self.twin(s.stack), self.dot(s.value)))

    def on_Pop(self, s):
        self.b.add(s)
        if self.on(s.stack):
            twin = self.twin(s.stack)
            self.dots[s.out] = Var(f"{s.out.hint}_dot", twin.type)
            self.b.add(Pop(self.dots[s.out], twin))


def forward(program, argnums):
    """The program of (args, tangents) -> (out, out_dot)."""
    return Forward(program, argnums).made


def __getattr__(name):
    """This mode alone, as a library: `from toolkit.forward import jvp`."""
    if name in ('jvp',):
        from . import transform
        return getattr(transform, name)
    raise AttributeError(name)
