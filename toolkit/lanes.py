"""Lanes: a program for several cotangents at once, which share all that does not depend on them.

A program of (x, y) becomes one of (x, y1, y2, ..): its forward sweep, the loops and branches of its reverse sweep, and what
these take from the tape, are there once; each statement that depends on y is there once for each of them, side by side.
Reference: Griewank & Walther, Evaluating Derivatives (2008), section 3.1 (vector modes).
"""
from dataclasses import replace

from . import infer
from .activity import Aliases
from .builder import dim
from .program import (
    Carry,
    For,
    Get,
    If,
    Let,
    NewStack,
    Phi,
    Pop,
    Program,
    Push,
    Reserve,
    Set,
    Tup,
    Var,
    While,
    binds,
    mapped,
    reads,
    rebuilt,
    substituted,
    variables,
    walk,
)


def several(program, n):
    """The program that takes n of its last parameter, and returns a tuple of its results; None if its loops, branches or tapes
    depend on that, or what it writes besides."""
    (name, varying) = program.params[-1]
    lanes = Lanes(program, variables(varying), n)
    if not lanes.apart(program):
        return None
    params = [(name, mapped(varying, env.get)) for env in lanes.envs]
    body = lanes.block(program.body)
    results = [mapped(program.result, lambda v, env=env: env.get(v, v)) for env in lanes.envs]
    return Program(program.name, [*program.params[:-1], *params], body, Tup(tuple(results)))


class Lanes:
    """What depends on some parameters, and its names in each lane."""

    def __init__(self, program, varying, n):
        self.aliases, self.varies = Aliases(program), set()
        self.envs = [{v: Var(v.hint, v.type) for v in varying} for _ in range(n)]
        self.stacks = [{} for _ in range(n)]
        self.mark(*varying)
        before = 0
        while len(self.varies) > before:
            before = len(self.varies)
            self.scan(program.body)

    def node(self, v):
        return self.aliases.of(v) if infer.is_array(v) else v

    def on(self, *atoms):
        """Does any of these depend on the lane?"""
        return any(self.node(v) in self.varies for v in variables(*atoms))

    def mark(self, *names):
        self.varies.update(map(self.node, names))

    def stack(self, stack):
        return self.aliases.of(stack) if infer.is_array(stack.type) else stack

    def scan(self, block):
        for s in walk(block):
            match s:
                case Let() | Get():
                    if self.depends(s):
                        self.mark(s.out)
                case Set():
                    if self.depends(s):
                        self.mark(s.arr)
                case For() | While():
                    for c in s.carries:
                        if self.on(c.init, c.end):
                            self.mark(c.head, c.exit)
                case If():
                    for p in s.phis:
                        if self.on(p.then, p.orelse):
                            self.mark(p.out)
                case Push():
                    if self.on(s.value):
                        self.varies.add(self.stack(s.stack))
                case Pop():
                    if self.stack(s.stack) in self.varies:
                        self.mark(s.out)

    def depends(self, s):
        """Is a statement another one in each lane? A length is not."""
        if isinstance(s, NewStack | Reserve | Push | Pop):
            return self.stack(s.stack) in self.varies
        if isinstance(s, Let) and s.fn is dim:
            return False
        return any(self.node(v) in self.varies for v in (*reads(s), *binds(s)))

    def apart(self, program):
        """Are the lanes apart, but for what they share?"""
        given = [v for _, p in program.params[:-1] for v in variables(p)]
        return not self.on(*given) and not any(
            self.on(getattr(s, "lo", None), getattr(s, "hi", None), getattr(s, "step", None), getattr(s, "brk", None),
                    getattr(s, "cond", None), getattr(s, "count", None)) for s in walk(program.body))

    def block(self, block):
        with_lanes = []
        for s in block:
            if isinstance(s, For | While | If):
                with_lanes.append(self.around(s))
            elif isinstance(s, Let) and s.fn is dim and self.on(s.args[0]):
                with_lanes.append(replace(s, args=(self.at(s.args[0], 0), *s.args[1:])))
            elif self.depends(s):
                with_lanes += [t for k in range(len(self.envs)) for t in self.copied(s, k)]
            else:
                with_lanes.append(s)
        return with_lanes

    def copied(self, s, k):
        """A statement in one lane."""
        env, stacks = self.envs[k], self.stacks[k]
        stack = lambda s: stacks.setdefault(s, replace(s)) if self.stack(s) in self.varies else s
        return substituted([s], lambda v: env.get(v, v), lambda v: env.setdefault(v, Var(v.hint, v.type)), stack)

    def each(self, v):
        """The names of a value in the lanes."""
        return [env.setdefault(v, Var(v.hint, v.type)) for env in self.envs] if self.on(v) else [v]

    def around(self, s):
        """A loop or branch, with what all lanes do inside it."""
        if isinstance(s, If):
            made = rebuilt(s, self.block)
            tapes = [self.stacks[k].get(t, t) for t in s.tapes for k in range(len(self.envs))]
            phis = [Phi(out, self.at(p.then, k), self.at(p.orelse, k)) for p in s.phis for k, out in enumerate(self.each(p.out))]
            return replace(made, phis=phis, tapes=tuple(dict.fromkeys(tapes)))
        heads = [(c, self.each(c.head)) for c in s.carries]
        made = replace(s, test=self.block(s.test)) if isinstance(s, While) else s
        made = rebuilt(made, self.block)
        carries = [Carry(head, self.at(c.init, k), self.at(c.end, k), exit_, c.loose)
                   for c, names in heads for k, (head, exit_) in enumerate(zip(names, self.each(c.exit)))]
        return replace(made, carries=carries)

    def at(self, atom, k):
        """An atom in a lane."""
        return mapped(atom, lambda v: self.envs[k].get(v, v))
