"""Checkpoints: the reverse of a loop that keeps some of its states, and runs the iterations between them again.

A state is what an iteration reads of earlier ones: the names that the loop carries, and the arrays that it writes. The forward
sweep saves a few of them, at `marks`; the reverse sweep takes the iterations in reverse order, and for each goes on from the last
state that is saved, saving more where slots have become free, to the one before it. There the iteration is run with a tape, and
reversed. Two policies say where the marks are:

    "sqrt"      every √n-th state, and within the segment that is reversed each: 2 √n states, no iteration is run more than twice
    an integer  as many states as this number of bytes holds, at least one: Revolve's binomial schedule, which of all schedules
                with so many states runs the fewest iterations again

Such a loop stands outside of branches and other loops, has a number of iterations that is known before it runs, keeps a tape
otherwise, and does nothing that must not be done twice; others stay as they are. What it carries keeps its shape.
References: Griewank & Walther, Algorithm 799: Revolve (2000); Evaluating Derivatives (2008), chapter 12.
"""
import functools
import math
import operator
from dataclasses import dataclass, replace

import numpy as np
from numba import types
from numba.extending import register_jitable

from . import infer, tape
from .builder import draws, tangent_type, throw, trips
from .errors import Refusal, UsageError
from .program import (
    LOOSE,
    UNDEFINED,
    Carry,
    Const,
    Do,
    For,
    If,
    NewStack,
    Pop,
    Program,
    Push,
    Reserve,
    Set,
    Tup,
    Var,
    While,
    binds,
    free,
    inner,
    instance,
    reads,
    substituted,
    variables,
    walk,
)

WHOLE, FIRST, ZERO, ONE = (Const(Ellipsis),), (Const(0),), Const(0), Const(1)


def policy(given):
    """What a user may ask for, checked."""
    if given is None or given == "sqrt" or (isinstance(given, int) and not isinstance(given, bool) and given > 0):
        return given
    raise UsageError(f"checkpoints={given!r}: expected None, 'sqrt', or how many bytes the states may take")


# ---- schedules, which emitted code calls -----------------------------------------------------------------------------

@register_jitable
def next_mark(lo, hi, free):
    """Where Revolve saves the next state, with so many slots free: of the iterations from lo, whose state is saved, up to hi, the
    last of which is to be reversed; hi where it saves none."""
    n, slots = hi - lo, free + 1
    if n <= 2 or free <= 0:
        return hi
    reach, before, repeats = slots + 1, 1, 1            # β(slots, repeats) = (slots + repeats)! / slots! repeats!
    while reach < n:
        repeats += 1
        before, reach = reach, reach * (slots + repeats) // repeats
    mark = lo + min(before, n - before * slots // (slots + repeats - 1))
    return mark if mark < hi - 1 else hi


@register_jitable
def next_square(lo, hi, root):
    """The same for every root-th state, and within a segment for each."""
    mark = lo + root if lo % root == 0 and lo + root < hi else lo + 1
    return mark if mark < hi - 1 else hi


@register_jitable
def root_of(n):
    """√n, rounded up."""
    return max(1, math.ceil(math.sqrt(n)))


@register_jitable
def slots_within(budget, size, n):
    """How many states of this size a number of bytes holds: at least one, at most one an iteration."""
    return max(1, min(n, budget // max(size, 1)))


@register_jitable
def require_shape(room, x):
    """Require that what a loop carries has the shape that it had at first, which its saved states have."""
    if room.shape != x.shape:
        raise ValueError("checkpoints: an array that a loop carries changes its shape")


@register_jitable
def bytes_of(x):
    """How many bytes an array takes."""
    return x.size * x.itemsize


def steps_again(n, slots):
    """How many iterations Revolve runs besides those that are reversed, of n with so many slots: r n - β(slots + 1, r - 1)."""
    repeats = next(r for r in range(n + 1) if math.comb(slots + r, r) >= n)
    return repeats * n - math.comb(slots + repeats, repeats - 1) if repeats else 0


# ---- which loops -----------------------------------------------------------------------------------------------------

def objection(mode, s):
    """Why the state of a loop's iterations cannot be saved and restored; None where it can."""
    body = list(walk(s.body))
    if isinstance(s, While) or s.brk is not None:
        return "the number of its iterations is not known before it runs"
    made = {t.stack for t in body if isinstance(t, NewStack)}
    if any(isinstance(t, Push | Pop | Reserve) and t.stack not in made for t in body):
        return "it changes a list"
    if any(draws(t) for t in body) or any(isinstance(t, Do) and t.fn is not throw for t in body):
        return "it draws random numbers, or prints"
    step = Step(mode, s)
    if not step.heads and not step.written:
        return "its iterations do not hang together"
    if any(c.end is UNDEFINED or (c.init is UNDEFINED and (c in step.heads or infer.is_array(c.head))) for c in step.used):
        return "a variable of it has no value before it"
    if any(not isinstance(c.end, Var | Const) or not isinstance(c.head, Var) for c in step.used):
        return "it carries something other than numbers and arrays"
    return step.shared_memory()


class Step:
    """One iteration of a loop as a function of its counter, of the state, and of what else it reads."""

    def __init__(self, mode, s):
        self.mode, self.s = mode, s
        inside = {v for t in walk(s.body) for v in binds(t)} | {v for t in walk(s.body) for v in inner(t)}
        read = {v: None for v in [*free(s.body), *variables(*(c.end for c in s.carries))] if v not in inside}
        heads = {c.head for c in s.carries}
        self.heads = [c for c in s.carries if c.head in read]           # the state, with the arrays that are written
        self.used = [c for c in s.carries if c.head in read or mode.uses[c.exit]]
        self.others = [v for v in read if v not in heads and v is not s.var]
        classes = {mode.aliases.of(t.arr) for t in walk(s.body) if isinstance(t, Set)}
        self.written = [v for v in self.others if infer.is_array(v) and mode.aliases.of(v) in classes]

    def shared_memory(self):
        """What objects to arrays of the state being copies: that they have other names, which are used besides."""
        of, program = self.mode.aliases.of, self.mode.program
        arrays = [c.head for c in self.heads if infer.is_array(c.head)]
        mine = {of(v) for v in (*arrays, *self.written)}
        others = [v for v in self.others if infer.is_array(v) and of(v) in mine and v not in self.written]
        classes = [of(v) for v in self.written]
        later = program.body[program.body.index(self.s) + 1:]
        outside = {v for t in program.body[:program.body.index(self.s)] for u in walk([t]) for v in binds(u)}
        outside |= {v for _, p in program.params for v in variables(p)}
        again = {v for t in walk(later) for v in reads(t)} | set(variables(program.result))
        carried = {of(v) for v in arrays}
        if others or len(set(classes)) < len(classes) or carried & set(classes) or any(
                infer.is_array(v) and of(v) in carried for v in outside & again):
            return "an array of it has a second name that is used besides"
        return None

    @functools.cached_property
    def active(self):
        """Of what it carries, and of what it writes, what has cotangents."""
        on = self.mode.on
        return [c for c in self.used if on(c.head) or on(c.exit)], [v for v in self.written if on(v)]

    def program(self, ends):
        """The iteration as a Program of fresh names: its counter, its heads and what else it reads -> `ends`."""
        params = [self.s.var, *(c.head for c in self.heads), *self.others]
        fresh = [Var(v.hint, v.type) for v in params]
        bound = Program("step", [(v.hint, v) for v in params], list(self.s.body), Tup(tuple(ends)))
        body, result = instance(bound, fresh)
        return Program("step", [(v.hint, v) for v in fresh], body, result)

    def forward(self):
        """... -> the heads of the next."""
        return self.program([c.end for c in self.heads])

    def pullback(self):
        """Its reverse, parameters and cotangents of the ends -> those of the parameters; and the positions of these."""
        carried, written = self.active
        step = self.program([*(c.end for c in carried), *written])
        on = [self.mode.on(v) and infer.is_float(v) for v in (self.s.var, *(c.head for c in self.heads), *self.others)]
        argnums = tuple(k for k, active in enumerate(on) if active)
        seeds = [Var(f"{v.hint}_bar", tangent_type(v.type)) for v in (*(c.head for c in carried), *written)]
        body, bars = type(self.mode)(step, argnums, Tup(tuple(seeds))).made
        params = [("args", Tup(tuple(p for _, p in step.params))), ("out_bar", Tup(tuple(seeds)))]
        return Program("step_vjp", params, body, Tup(tuple(bars))), argnums


@dataclass
class Kept:
    """What a checkpointed loop keeps: `saved` states by slot, the iterations `at` which they are, `top`: how many there are, and
    where the next is saved; `n` iterations, `slots`, and what the policy needs besides."""
    step: Step
    n: object
    slots: object
    saved: list
    at: Var
    top: Var
    root: object = None


# ---- the two sweeps --------------------------------------------------------------------------------------------------

class Checkpointed:
    """The part of reverse mode that keeps states instead of a tape."""

    def chosen_loops(self, given):
        """The loops of a program that are checkpointed under a policy. Refuses a program that has none."""
        if given is None:
            return {}
        plain = type(self)(self.program, self.argnums, self.seed)
        taped = {(*plain.aliases.loops[loop], loop)[0] for _, loop in plain.kept}
        program = plain.program
        loops = [s for s in program.body if isinstance(s, For | While) and s in taped and not getattr(s, "parallel", False)]
        objections = {s: objection(plain, s) for s in loops}
        if loops and all(objections.values()):
            s = loops[0]
            raise Refusal(f"no states of this loop can be kept: {objections[s]}",
                          "Carry numbers and arrays of one shape through a `for` loop, or leave out checkpoints.", s.place)
        chosen = {k for k, s in enumerate(program.body) if s in loops and objections[s] is None}
        return {s for k, s in enumerate(self.program.body) if k in chosen}

    def next_of(self, kept, lo, hi, free_slots):
        """The atom of the next mark."""
        if self.policy == "sqrt":
            return self.b.let(next_square, lo, hi, kept.root, hint="mark")
        return self.b.let(next_mark, lo, hi, free_slots, hint="mark")

    def state(self, step, work=None):
        """The atoms of a state: heads, from where they are kept while it is worked on, and the arrays that are written."""
        heads = [c.head for c in step.heads] if work is None else [
            w if infer.is_array(c.head) else self.b.get(w, FIRST, c.head.hint) for c, w in zip(step.heads, work)]
        return [*heads, *step.written]

    def save(self, kept, slot, atoms):
        """saved[slot] = state"""
        for where, a in zip(kept.saved, atoms):
            if infer.is_array(a):
                row = self.b.get(where, (slot,), "row")
                self.b.add(Do(require_shape, (row, a)))
                self.b.set(row, WHOLE, a)
            else:
                self.b.set(where, (slot,), a)

    def sweep_with_marks(self, s):
        """The loop of the forward sweep: its iterations, and states that are saved at the marks."""
        step, b = Step(self, s), self.b
        arrays = [c.init for c in step.heads if infer.is_array(c.head)]
        for k, x in enumerate(arrays):
            for y in arrays[k + 1:]:
                b.add(Do(tape.apart, (x, y)))
        n = b.let(max, b.let(trips, s.lo, s.hi, s.step, hint="n"), ZERO, hint="n")
        kept = self.room_for(step, n)
        self.states[s] = kept
        new = replace(s, var=Var("i", types.intp), lo=ZERO, hi=n, step=ONE, body=[], carries=[
            Carry(c.head, c.init, c.end, c.exit) for c in s.carries])
        with b.into(new.body):
            marked = If(b.let(operator.eq, new.var, b.get(kept.top, (ONE,), "mark")), [], [])
            with b.into(marked.then):
                j = b.get(kept.top, FIRST, "j")
                self.save(kept, j, self.state(step))
                self.noted(kept, j, new.var, n)
            b.add(marked)
            k = self.counter(s, new.var)
        new.body += substituted(s.body, lambda v: k if v is s.var else v)
        b.add(new)
        for c in s.carries:
            if self.shadowed(c.exit):
                self.shadow[c.exit] = self.zero(c.exit)
        return new

    def room_for(self, step, n):
        """Slots for the states of a loop, none of which is saved yet."""
        b = self.b
        likes = [*(c.init for c in step.heads), *step.written]
        numbers = sum(not infer.is_array(a) for a in likes)
        root = None
        if self.policy == "sqrt":
            root = b.let(root_of, n, hint="root")
            slots = b.let(operator.add, b.let(operator.add, root, root), ONE, hint="slots")
        else:
            size = functools.reduce(lambda total, a: b.let(operator.add, total, b.let(bytes_of, a)),
                                    [a for a in likes if infer.is_array(a)], Const(8 * numbers))
            slots = b.let(slots_within, Const(self.policy), size, n, hint="slots")
        kinds = [*(c.head.type for c in step.heads), *(v.type for v in step.written)]
        saved = [b.let(np.empty, Tup((slots, *(b.shape(a).items if infer.is_array(a) else ()))),
                       Const(infer.numpy_type(infer.scalar(t))), hint="states") for a, t in zip(likes, kinds)]
        at, top = (b.let(np.zeros, m, Const(np.int64), hint=hint) for m, hint in ((slots, "at"), (Const(2), "top")))
        return Kept(step, n, slots, saved, at, top, root)

    def noted(self, kept, j, i, hi):
        """The state at i is in slot j; where the next one is saved."""
        b = self.b
        b.set(kept.at, (j,), i)
        more = b.let(operator.add, j, ONE, hint="j")
        b.set(kept.top, FIRST, more)
        b.set(kept.top, (ONE,), self.next_of(kept, i, hi, b.let(operator.sub, kept.slots, more)))

    def counter(self, s, i):
        """What the loop's own variable is in iteration i."""
        at = i if s.step == ONE else self.b.let(operator.mul, i, s.step)
        return at if s.lo == ZERO else self.b.let(operator.add, s.lo, at, hint=s.var.hint)

    def unmark(self, s):
        """The reverse of a loop with marks."""
        b, kept = self.b, self.states[s]
        step = kept.step
        self.own_what_loops_read([s])
        carried, _ = step.active
        pull, argnums = step.pullback()
        finals = [b.copy(w, w.hint) for w in step.written]
        work = [self.blank(c.head, c.init) for c in step.heads]
        bars = [self.bar_of(c) for c in carried]
        sums = {v: b.let(np.zeros, ONE, Const(infer.numpy_type(v.type)), hint=f"{v.hint}_bar")
                for v in step.others if self.on(v) and not infer.is_array(v)}
        i = Var("i", types.intp)
        with b.into([]) as body:
            self.back_to(kept, i, work)
            self.turn(kept, i, work, bars, sums, pull, argnums)
            j = b.let(operator.sub, b.get(kept.top, FIRST), ONE, hint="j")
            done = If(b.let(operator.eq, b.get(kept.at, (j,)), i), [], [])
            with b.into(done.then):
                b.set(kept.top, FIRST, j)
            b.add(done)
        b.add(For(i, b.let(operator.sub, kept.n, ONE), Const(-1), Const(-1), body, place=s.place))
        for w, final in zip(step.written, finals):
            b.set(w, WHOLE, final)
        for c, bar in zip(carried, bars):
            if c.init is not UNDEFINED:
                self.add(c.init, bar if infer.is_array(c.head) else b.get(bar, FIRST, f"{c.head.hint}_bar"))
        for v, total in sums.items():
            self.add(v, b.get(total, FIRST, f"{v.hint}_bar"))

    def blank(self, head, like):
        """Where a part of the state is while it is worked on: an array, or a number in an array of one."""
        shape = self.b.shape(like) if infer.is_array(head) else Tup((ONE,))
        return self.b.let(np.zeros, shape, Const(infer.numpy_type(infer.scalar(head.type))), hint=head.hint)

    def bar_of(self, c):
        """Where the cotangent of what a loop carries is: at first that of what it is after the loop."""
        bar = self.taken(c.exit) if self.on(c.exit) else None
        if infer.is_array(c.head):
            return self.zero(c.exit) if bar is None else self.b.copy(bar, f"{c.head.hint}_bar")
        made = self.blank(Var(f"{c.head.hint}_bar", c.head.type), None)
        if bar is not None:
            self.b.set(made, FIRST, bar)
        return made

    def back_to(self, kept, i, work):
        """Make the state before iteration i: from the last that is saved, saving others on the way."""
        b, step = self.b, kept.step
        top = b.let(operator.sub, b.get(kept.top, FIRST), ONE, hint="j")
        for where, to in zip(kept.saved, [*work, *step.written]):
            row = b.get(where, (top,), "row")
            b.set(to, WHOLE if infer.is_array(row) else FIRST, row)
        here = b.let(np.zeros, ONE, Const(np.int64), hint="here")
        b.set(here, FIRST, b.get(kept.at, (top,)))
        with b.into([]) as test:
            ahead = b.let(operator.lt, b.get(here, FIRST), i)
        with b.into([]) as body:
            lo, j = b.get(here, FIRST, "lo"), b.get(kept.top, FIRST, "j")
            left, hi = b.let(operator.sub, kept.slots, j), b.let(operator.add, i, ONE)
            to = b.let(min, self.next_of(kept, lo, hi, left), i, hint="to")
            self.advance(step, lo, to, work)
            b.set(here, FIRST, to)
            more = If(b.let(operator.lt, to, i), [], [])
            with b.into(more.then):
                self.save(kept, j, self.state(step, work))
                b.set(kept.at, (j,), to)
                b.set(kept.top, FIRST, b.let(operator.add, j, ONE))
            b.add(more)
        b.add(While(test, ahead, body, place=step.s.place))

    def advance(self, step, lo, hi, work):
        """Run the iterations from lo to hi on the state."""
        b, q = self.b, Var("i", types.intp)
        heads = [Var(c.head.hint, c.head.type) for c in step.heads]
        exits = [Var(c.head.hint, c.head.type) for c in step.heads]
        with b.into([]) as body:
            again, ends = instance(step.forward(), [self.counter(step.s, q), *heads, *step.others])
            b.block.extend(again)
        carries = [Carry(*parts) for parts in zip(heads, self.state(step, work), ends.items, exits)]
        b.add(For(q, lo, hi, ONE, body, carries, place=step.s.place))
        arrays = {x: b.copy(x, x.hint) for x in exits if infer.is_array(x)}     # all, before one of them is written
        for x, w in zip(exits, work):
            if infer.is_array(x):
                b.add(Do(require_shape, (w, arrays[x])))
            b.set(w, WHOLE if infer.is_array(x) else FIRST, arrays.get(x, x))

    def turn(self, kept, i, work, bars, sums, pull, argnums):
        """Run iteration i with a tape, and reverse it."""
        b, step = self.b, kept.step
        carried, written = step.active
        args = [self.counter(step.s, i), *self.state(step, work)[:len(step.heads)], *step.others]
        seeds = [bar if infer.is_array(c.head) else b.get(bar, FIRST, "bar") for c, bar in zip(carried, bars)]
        body, found = instance(pull, [Tup(tuple(args)), Tup((*seeds, *(self.shadow[w] for w in written)))])
        b.block.extend(body)
        found = dict(zip(argnums, found.items))
        at = {c.head: found.get(1 + k) for k, c in enumerate(step.heads)}
        for c, bar in zip(carried, bars):
            b.set(bar, WHOLE if infer.is_array(c.head) else FIRST, Const(0.0) if at.get(c.head) is None else at[c.head])
        for k, v in enumerate(step.others, 1 + len(step.heads)):
            if k not in found:
                continue
            if v in sums:
                b.set(sums[v], FIRST, found[k], add=LOOSE)
            elif v in step.written:
                b.set(self.shadow[v], WHOLE, found[k])
            else:
                b.set(self.shadow.get(v, self.owned.get(v)), WHOLE, found[k], add=LOOSE)
