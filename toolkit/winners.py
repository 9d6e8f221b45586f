"""Winners: of a loop that keeps the least or greatest of what its iterations compute, the one iteration that made it is
differentiated, and not the loop.

    for k in range(n):                      for k in range(n):                      # without derivatives
        d = f(k)                                d = f(k)
        best = min(best, d)         becomes     chosen, best = k if d < best else chosen, min(best, d)
                                            if chosen != -1: d = f(chosen)
                                            else: d = what best was at first
                                            best = same_as(best, d)

Program -> Program, the same function, before either mode: a derivative then costs one iteration's, and needs no tape. Whether
an iteration wins is asked as the masks of `min` and `max` ask it, so that ties go where they went.
Reference: Danskin, The theory of max-min (1967): the derivative of a minimum is that of what attains it.
"""
import builtins
import operator
from dataclasses import replace

from numba import types

from . import infer, runtime
from .activity import Aliases, active
from .builder import Builder, draws, same_as
from .primitive import FLAT
from .program import (
    UNDEFINED,
    Carry,
    For,
    Get,
    If,
    Let,
    Note,
    Phi,
    Set,
    Var,
    binds,
    filtered,
    mapped,
    pruned,
    reads,
    rebuilt,
    substituted,
    variables,
    walk,
)

WINS = {builtins.min: operator.lt, builtins.max: operator.gt}      # the second argument wins where this is so of it and the first


def singled_out(program, argnums):
    """The program in which winners are differentiated."""
    if not any(isinstance(s, For) and any(infer.is_float(c.head) for c in s.carries) for s in walk(program.body)):
        return program
    roots = [v for k in argnums for v in variables(program.params[k][1])]
    aliases = Aliases(program)
    return replace(program, body=Winners(aliases, active(program, aliases, roots)).block(program.body))


class Winners:
    """The loops of a program."""

    def __init__(self, aliases, on):
        self.aliases, self.on, self.b = aliases, on, Builder()

    def block(self, block):
        with self.b.into([]) as made:
            for s in block:
                s = rebuilt(s, self.block)
                found = self.contests(s) if isinstance(s, For) else []
                if found:
                    self.decided(s, found)
                else:
                    made.append(s)
        return made

    def contests(self, loop):
        """[(carry, who wins, what it computes, the statements that do)] of what a loop keeps the least or greatest of."""
        if loop.parallel or loop.brk is not None or loop.var.type != types.intp or any(map(draws, walk(loop.body))):
            return []
        found = [f for c in loop.carries if (f := self.contest(loop, c)) is not None]
        read = [(t, v) for t in walk(loop.body) for v in reads(t)] + [(loop, c.end) for c in loop.carries]

        def counts_alone(c, entry, d, mine):
            """Is nothing made of what a contest is about, but what wins?"""
            return [t for t, v in read if v in (c.head, d, c.end) and not (
                t is entry or t in mine or self.asks(t))] == [loop]
        while True:
            mine = {t for *_, kept in found for t in walk(kept)}
            still = [(c, entry, wins, d, kept) for c, entry, wins, d, kept in found if counts_alone(c, entry, d, mine)]
            if len(still) == len(found):
                return [(c, wins, d, kept) for c, _, wins, d, kept in found]
            found = still

    def contest(self, loop, c):
        """(carry, statement that enters, who wins, what it computes, the statements that do), if a carry may be one."""
        t = c.head.type
        s = next((t for t in loop.body if c.end in binds(t)), None)
        if s is None or c.init is UNDEFINED or not (isinstance(t, types.Float) and self.on(c.head)) or infer.type_of(c.init) != t:
            return None
        wins, d, side = self.entered(s, c)
        if not isinstance(d, Var) or reads(s).count(d) != 1 or d.type != t:
            return None
        kept = self.alone(loop, s, side, d)
        return (c, s, wins, d, kept) if kept is not None else None

    def entered(self, s, c):
        """(how it is asked whether an iteration wins, what it enters, the block that makes it)."""
        if reads(s).count(c.head) != 1:
            return None, None, []
        if isinstance(s, Let) and s.fn in WINS and len(s.args) == 2:
            d = s.args[s.args[0] is c.head]
            wins = lambda: self.b.let(WINS[s.fn], *reversed(s.args), hint="wins")
            return wins if d is s.args[1] else lambda: self.b.let(operator.not_, wins(), hint="wins"), d, []
        if isinstance(s, If) and isinstance(s.cond, Var):
            p = next(p for p in s.phis if p.out is c.end)
            if p.orelse is c.head and p.then is not c.head:
                return lambda: s.cond, p.then, s.then
            if p.then is c.head:
                return lambda: self.b.let(operator.not_, s.cond, hint="wins"), p.orelse, s.orelse
        return None, None, []

    def asks(self, t):
        """Does a statement read numbers without having a derivative by them?"""
        return isinstance(t, Let) and (t.fn in FLAT or not infer.is_float(t.out))

    def alone(self, loop, entry, side, d):
        """The statements that compute d in an iteration, where they can run once more after the loop; else None."""
        before = [*loop.body[:loop.body.index(entry)], *side]
        live, kept = {d}, []
        for t in reversed(before):
            if not live.isdisjoint(binds(t)):
                kept.insert(0, t)
                live |= {v for x in walk([t]) for v in reads(x)}
        written = {self.aliases.of(t.arr) for t in walk(loop.body) if isinstance(t, Set)}
        heads = {c.head for c in loop.carries}
        for t in walk(kept):
            if not isinstance(t, Let | Get | For | If | Note) or any(
                    v in heads or (infer.is_array(v) and self.aliases.of(v) in written) for v in reads(t)):
                return None
        return kept if d in {v for t in kept for v in binds(t)} else None

    def decided(self, loop, found):
        """Add a loop without derivatives, and after it the iterations that won."""
        loop, numbered = replace(loop, body=list(loop.body)), []
        with self.b.into(loop.body):
            for c, wins, d, kept in found:
                head, exit_ = (Var("chosen", types.intp) for _ in range(2))
                end = Var("chosen", types.intp)
                self.b.add(Let(end, runtime.select, (wins(), loop.var, head)))
                numbered.append((c, d, kept, Carry(head, None, end, exit_)))
        nobody = self.b.let(operator.sub, loop.lo, loop.step)
        values = [Var(c.exit.hint, c.exit.type) for c, *_ in found]
        exits = {c.exit: value for (c, *_), value in zip(found, values)}
        loop.carries = [replace(c, exit=exits.get(c.exit, c.exit)) for c in loop.carries]
        loop.carries += [replace(number, init=nobody) for *_, number in numbered]
        self.b.add(loop)
        for (c, d, kept, number), value in zip(numbered, values):
            again, x = again_at(kept, loop.var, number.exit, d)
            out = Var(d.hint, d.type)
            self.b.add(If(self.b.let(operator.ne, number.exit, nobody), again, [], [Phi(out, x, c.init)]))
            self.b.add(Let(c.exit, same_as, (value, out)))


def again_at(block, var, number, d):
    """(statements, value) of an iteration of its own, for a number of it."""
    env = {var: number}

    def bind(v):
        return env.setdefault(v, Var(v.hint, v.type))
    return substituted(block, lambda v: env.get(v, v), bind, twin=lambda t: None), env[d]


def settled(program):
    """The program as it runs, where what is the same as another number is that number."""
    same = {s.out: s.args[0] for s in walk(program.body) if isinstance(s, Let) and s.fn is same_as}
    if not same:
        return program

    def use(v):
        while v in same:
            v = same[v]
        return v
    body = filtered(program.body, lambda s: not (isinstance(s, Let) and s.fn is same_as))
    return pruned(replace(program, body=substituted(body, use), result=mapped(program.result, use)))
