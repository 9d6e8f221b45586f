"""Reverse mode: Program -> a forward sweep that leaves residuals, and a reverse sweep that carries cotangents back.

Cotangents. A number's is a local value; so is that of an array of which only whole-array operations are taken. Any other
array has a *shadow*: a buffer of its shape to which contributions are added, made where the array is made and bound wherever
the array is bound, so that a view's shadow is the same view of the shadow. Of an array that a loop carries and
nothing writes to, the buffer is made in the reverse sweep. The reverse of `a[i] = v` is `v_bar += a_bar[i]; a_bar[i] = 0`.

The reverse sweep of a block is written in the names of the forward sweep; `residuals.py` brings their values there. An array
whose contents change later is copied where it is needed (`snapshot`).
References: Griewank & Walther, Evaluating Derivatives (2008), ch. 3-6; Hascoet & Pascual, Tapenade (2013).
"""
import operator
from collections import Counter
from dataclasses import replace

import numpy as np
from numba import types

from . import infer, runtime, tape
from .activity import Aliases, active, guard, is_view, same_lists, swaps
from .builder import Builder, astype, dim, same_as, tangent_type, trips
from .checkpoints import Checkpointed
from .dependence import Dependence
from .linear import card_of, pull
from .primitive import FLAT, VIEWS
from .program import (
    IF_PROVEN,
    LOOSE,
    UNDEFINED,
    Carry,
    Const,
    Do,
    For,
    Get,
    If,
    Let,
    Listed,
    NewStack,
    Note,
    Phi,
    Pop,
    Push,
    Set,
    Stack,
    Tup,
    Var,
    While,
    binds,
    blocks,
    free,
    inner,
    leaves,
    mapped,
    reads,
    substituted,
    variables,
    walk,
)
from .residuals import Residuals
from .shapes import Shapes
from .winners import singled_out

WHOLE = (Const(Ellipsis),)
MAY_ALIAS = {runtime.unbroadcast, runtime.cast}     # these return their argument where there is nothing to do
SHAPE_ONLY = {dim: 0, np.zeros_like: 0, runtime.unbroadcast: 1, runtime.spread_like: 1}


class Reverse(Residuals, Checkpointed):
    """The adjoint of one program in the parameters at `argnums`; `seed` is the cotangent structure of its result, `checkpoints`
    the policy for the states of loops."""

    def __init__(self, program, argnums, seed, checkpoints=None):
        self.program = program = singled_out(program, argnums)
        self.argnums, self.seed, self.policy, self.states = argnums, seed, checkpoints, {}
        self.marked = self.chosen_loops(checkpoints)
        self.b, self.aliases = Builder(), Aliases(program)
        roots = [v for k in argnums for v in variables(program.params[k][1])]
        self.on = active(program, self.aliases, roots)
        self.bars = {}          # name -> its cotangent so far, a value
        self.owned = {}         # array -> its cotangent so far, a buffer of the reverse sweep that is added to in place
        self.buffers = set()    # all that were ever owned
        self.shadow = {}        # array -> the buffer of its cotangent that was made beside it in the forward sweep
        self.home, self.forward, self.count, self.stacks = {}, {}, {}, {}
        self.snaps, self.kept, self.rows = {}, [], {}     # rows: a stack whose arrays have one shape -> that
        self.sides = {}         # a cotangent that is zero on one side of a branch -> the branch's condition, and the other side
        self.shapes, self.wide = Shapes(program), set()     # wide: its cotangent is still of the shape that it was broadcast to
        self.sided = 0          # how many branches are around what is reversed
        self.here = set()       # what the elementwise operations of the block that is reversed make
        self.uses = Counter(v for s in walk(program.body) for v in reads(s)) + Counter(variables(program.result))
        self.looped = {v for s in walk(program.body) if isinstance(s, (For, While))
                       for t in walk([s]) for v in (*binds(t), *inner(t))}
        self.dims = {s.out for s in walk(program.body) if isinstance(s, Let) and s.fn is dim}
        self.dependence = Dependence(program, self.aliases, self.shapes)
        fwd = []
        with self.b.into(fwd):
            for v in dict.fromkeys(v for _, p in program.params for v in variables(p)):
                if self.shadowed(v):
                    self.shadow[v] = self.b.zeros_like(v, f"{v.hint}_bar")
            guard(self.b, program, self.aliases, [])
            same_lists(self.b, [program.result], [seed])
        self.sweep(program.body, fwd)
        back = []
        with self.b.into(back):
            self.seeds(program.result, seed)
            self.reverse(program.body, fwd, loop=None)
            bars = self.results(program, argnums)
        self.made = [*self.tapes(fwd), Note("reverse sweep"), *back], bars

    # ---- what carries a cotangent, and how
    def shadowed(self, v):
        """Is this an array with a shadow?"""
        return isinstance(v, Var) and infer.is_array(v) and self.on(v) and self.in_place(v)

    def in_place(self, v):
        """Do all who name an array (or what a stack holds) add to one buffer of its cotangent? Where arrays pass through loops
        or branches, and no more than elements of them are read, each name has a cotangent of its own: nothing is kept of it."""
        kind = self.aliases.of(v)
        return self.aliases.mutable(v) or kind in self.aliases.shared or (
            kind in self.aliases.viewed and kind not in self.aliases.carried)

    def zero(self, v):
        return self.b.zeros_like(v, f"{getattr(v, 'hint', 't')}_bar")

    def seeds(self, result, seed):
        """Start from the cotangent of the result."""
        if isinstance(result, Tup):
            if isinstance(seed, Tup):
                for r, s in zip(result.items, seed.items):
                    self.seeds(r, s)
        elif isinstance(result, Var) and seed != Const(None) and self.on(result):
            if infer.is_array(result):
                self.b.add(Do(tape.same_shape, (result, seed)))
            self.add(result, seed)

    def add(self, v, ct):
        """v_bar += ct."""
        if not self.on(v):
            return
        buffer = self.shadow.get(v, self.owned.get(v))
        if infer.rank_of(v) == 1 and (made := self.placed(ct)) is not None and (buffer is not None or not self.sided):
            self.b.block.remove(made)
            self.own(v)
            value, at, _ = made.args
            self.b.set(self.shadow.get(v, self.owned.get(v)), (at,), self.b.cast(value, v.type), add=LOOSE)
            return
        if infer.is_array(ct) and not infer.is_array(v):
            ct = self.b.let(np.sum, ct)
        if infer.is_array(v) and not infer.is_array(ct) and buffer is None:
            ct = self.b.let(runtime.spread_like, ct, v)
        ct = self.b.cast(ct, v.type)
        if buffer is not None:
            self.b.set(buffer, WHOLE, ct, add=LOOSE)
        elif v in self.bars:
            self.bars[v] = self.b.let(operator.add, self.bars[v], ct, hint=f"{v.hint}_bar")
        else:
            self.bars[v] = self.named(ct, f"{v.hint}_bar")

    def placed(self, ct):
        """The statement that made a cotangent which is zero but for one entry; None of another."""
        return next((s for s in self.b.block[-2:] if isinstance(s, Let) and s.out is ct and s.fn is runtime.place), None)

    def named(self, ct, hint):
        """A cotangent that was just made, under the name of what it belongs to."""
        if isinstance(ct, Var) and ct.hint in ("t", "bar") and any(isinstance(s, Let) and s.out is ct for s in self.b.block):
            ct.hint = hint
        return ct

    def own(self, v):
        """From here on an array's cotangent is a buffer of our own that is added to in place."""
        if v not in self.shadow and v not in self.owned:
            have = self.bars.pop(v, None)
            self.owned[v] = self.zero(v) if have is None else self.b.copy(have, f"{v.hint}_bar")
            self.buffers.add(self.owned[v])

    def taken(self, v):
        """The cotangent of a name, at the statement that bound it, after which it is not asked for again; None if it is zero."""
        if v in self.shadow:
            return self.shadow[v]
        return self.owned.pop(v) if v in self.owned else self.bars.pop(v, None)

    def results(self, program, argnums):
        """The cotangents of the parameters: fresh arrays."""
        given = []

        def one(p):
            if isinstance(p, Listed):
                return p.holding(one(p.items[1]))
            if isinstance(p, Tup):
                return p.of(map(one, p.items))
            if not isinstance(p, Var):
                return Const(None)
            if not infer.is_float(p):
                return self.b.let(np.zeros, self.b.shape(p)) if infer.is_array(p) else Const(0.0)
            bar = self.taken(p)
            if bar is None:
                return self.zero(p)
            if infer.is_array(p) and (bar in given or not self.ours(bar)):
                bar = self.b.copy(bar, f"{p.hint}_bar")
            given.append(bar)
            return bar
        return [one(program.params[k][1]) for k in argnums]

    def ours(self, bar):
        """Is this array surely not the caller's seed, nor a view of it? Buffers are ours."""
        if bar in self.shadow.values() or bar in self.buffers:
            return True
        made = next((t for t in self.b.block if isinstance(t, Let) and t.out is bar), None)
        return made is not None and made.fn not in VIEWS and (
            made.fn not in MAY_ALIAS or infer.rank_of(made.args[0]) != infer.rank_of(bar))

    # ---- the forward sweep: the program itself, and the shadows
    def sweep(self, block, into):
        with self.b.into(into):
            for s in block:
                if isinstance(s, Note):
                    continue
                self.b.place = getattr(s, "place", None) or self.b.place
                new = self.swept(s)
                self.forward[s] = new
                self.home[new] = into
                if new not in self.b.block:
                    self.b.add(new)
                self.shadows(s)

    def shadows(self, s):
        match s:
            case Let(out, fn) if self.shadowed(out):
                self.shadow[out] = (self.b.let(fn, self.shadow[s.args[0]], *s.args[1:], kw=s.kw, hint=f"{out.hint}_bar")
                                    if fn in VIEWS else self.zero(out))
            case Get(out, arr, index) if self.shadowed(out):
                self.shadow[out] = self.b.get(self.shadow[arr], index, f"{out.hint}_bar") if is_view(s) else self.zero(out)
            case NewStack(stack) if self.pairs(stack):
                self.b.add(NewStack(self.twin(stack)))
            case Push(stack, value) if self.pairs(stack):
                self.b.add(Push(self.twin(stack), self.shadow[value]))
            case Pop(out, stack) if self.pairs(stack):
                self.shadow[out] = Var(f"{out.hint}_bar", self.twin(stack).type)
                self.b.add(Pop(self.shadow[out], self.twin(stack)))

    def swept(self, s):
        """The statement of the forward sweep that does what s does."""
        match s:
            case If():
                new = If(s.cond, [], [], list(s.phis))
                self.sweep(s.then, new.then)
                self.sweep(s.orelse, new.orelse)
                for p in s.phis:
                    if self.shadowed(p.out):
                        out = Var(f"{p.out.hint}_bar", tangent_type(p.out.type))
                        new.phis.append(Phi(out, self.shade(p.then, new.then), self.shade(p.orelse, new.orelse)))
                        self.shadow[p.out] = out
                return new
            case For() if s in self.marked:
                return self.sweep_with_marks(s)
            case For() | While():
                new = replace(s, body=[], carries=list(s.carries), **({"twin": object()} if isinstance(s, For) else {}))
                pairs = []
                for c in s.carries:
                    if self.shadowed(c.head):
                        t = tangent_type(c.head.type)
                        head, exit_ = (Var(f"{c.head.hint}_bar", t) for _ in range(2))
                        pair = Carry(head, self.shade(c.init, self.b.block), None, exit_)
                        self.shadow[c.head] = head
                        pairs.append((c, pair))
                if isinstance(s, While) or s.brk is not None:
                    head, end, exit_ = (Var("trips", types.intp) for _ in range(3))
                    new.body.append(Let(end, operator.add, (head, Const(1))))
                    new.carries.append(Carry(head, Const(0), end, exit_))
                    self.count[s] = exit_
                self.sweep(s.body, new.body)
                for c, pair in pairs:
                    pair.end = self.shade(c.end, new.body)
                    new.carries.append(pair)
                    self.shadow[c.exit] = pair.exit
                return new
        return s

    def shade(self, a, block):
        """The shadow of an operand of a phi or carry."""
        if a is UNDEFINED or a in self.shadow:
            return self.shadow.get(a, a)
        with self.b.into(block):
            return self.zero(a)

    def pairs(self, stack):
        return infer.is_array(stack.type) and self.on(stack) and self.in_place(stack)

    def twin(self, stack):
        return self.stacks.setdefault(stack, Stack(f"{stack.hint}_bar", tangent_type(stack.type)))

    # ---- the reverse sweep
    def reverse(self, block, fwd, loop):
        """Add the reverse of a block; `fwd` is its forward sweep, `loop` the innermost loop around it."""
        outside, self.here = self.here, {s.out for s in block if self.shapes.elementwise(s) and not self.shadowed(s.out)}
        for s in reversed(block):
            self.b.place = getattr(s, "place", None) or self.b.place
            if isinstance(s, For | While) and (side := self.side_of(s)) is not None:
                self.on_one_side(s, loop, *side)
            else:
                getattr(self, f"un_{type(s).__name__}")(s, loop)
        self.here = outside

    def side_of(self, s):
        """(condition, side) of the branch that alone contributes to what a loop is reversed for; None if there is more, or if it
        contributes to what the loop stores."""
        outs = [v for v in binds(s) if self.on(v)]
        sides = {self.sides.get(self.bars[v]) for v in outs if v in self.bars}
        stores = [getattr(t, "arr", None) or t.stack for t in walk([s]) if isinstance(t, Set | Push | Pop)]
        buffers = any(v in self.owned or self.shadowed(v) for v in outs) or any(map(self.on, stores))
        return sides.pop() if len(sides) == 1 and not buffers else None

    def on_one_side(self, s, loop, cond, side):
        """Reverse a loop on the side of a branch where its cotangents are not zero."""
        self.own_what_loops_read([s])
        before = dict(self.bars)
        with self.b.into([]) as back:
            self.un_For(s, loop)
        if any(isinstance(t, Pop) for t in walk(back)):         # what the tape holds has to be taken from it
            self.b.block.extend(back)
            return
        phis, other = [], []
        for v in [v for v, bar in self.bars.items() if bar is not before.get(v)]:
            bar, was = self.bars[v], before.get(v)
            if was is None:
                with self.b.into(other):
                    was = self.zero(v)
            out = Var(f"{v.hint}_bar", tangent_type(v.type))
            phis.append(Phi(out, *((bar, was) if side == 0 else (was, bar))))
            self.bars[v] = out
            if v not in before:
                self.sides[out] = cond, side
        self.b.add(If(cond, *((back, other) if side == 0 else (other, back)), phis))

    def un_Let(self, s, loop):
        if not self.on(s.out) or s.fn in VIEWS:
            return
        bar = self.taken(s.out)
        live = lambda a: any(self.on(x) for x in leaves(a))
        if bar is None or s.fn in FLAT or not any(map(live, s.args)):
            return
        start = len(self.b.block)
        if s.fn is same_as:
            return self.add(s.args[1], bar)
        if s.fn is astype:
            return self.add(s.args[0], bar)
        card, env, chosen = card_of(s, live)
        parts = [(env[p], ct) for p, ct in pull(self.b, card, env | {"out_bar": bar}, chosen)]
        arrays = [a for a in s.args if infer.rank_of(a)]
        for v, ct in parts:
            if card.elementwise and infer.is_array(s.out) and infer.is_array(v) and (
                    len(arrays) > 1 or s.out in self.wide) and infer.is_array(ct):
                ct = self.narrowed(ct, None if s.out in self.wide else self.shapes.of(s.out), v)
            self.add(v, ct)
        self.frozen(s, self.b.block[start:])
        return None

    def narrowed(self, ct, shape, v):
        """A cotangent of a shape to which v was broadcast, as one of v's shape. That can wait where v's goes on into products
        alone: these may be summed afterwards."""
        if shape == self.shapes.of(v):
            return ct
        if infer.rank_of(v) == infer.rank_of(ct) and v in self.here and self.uses[v] == 1:
            self.wide.add(v)
            return ct
        return self.b.let(runtime.unbroadcast, ct, v, hint="bar")

    def frozen(self, s, statements):
        """What these statements of the reverse of s read of arrays whose contents change later, they read from a copy."""
        mine = {*variables(*s.args), s.out} if isinstance(s, Let) else set()
        for t in statements:
            if isinstance(t, Let):
                t.args = tuple(self.snapshot(s, a) if a in mine and SHAPE_ONLY.get(t.fn) != k else a
                               for k, a in enumerate(t.args))
            elif isinstance(t, (Get, Set)):
                t.index = tuple(self.snapshot(s, a) for a in t.index)

    def snapshot(self, s, v):
        """v as it is when s runs."""
        if not (isinstance(v, Var) and infer.is_array(v) and self.aliases.mutable(v)) or (
                not self.dependence.changes_after(v, None, s)):
            return v
        if (s, v) not in self.snaps:
            new, fwd = self.forward[s], self.home[self.forward[s]]
            with self.b.into([]) as made:
                self.snaps[s, v] = self.b.copy(v, f"{v.hint}_was")
            at = fwd.index(new) + (v is s.out)
            fwd[at:at] = made
        return self.snaps[s, v]

    def un_Get(self, s, loop):
        if (infer.is_array(s.out) and is_view(s)) or not self.on(s.out):
            return
        bar = self.taken(s.out)
        if bar is not None:
            self.own(s.arr)
            start = len(self.b.block)
            self.b.set(self.shadow.get(s.arr, self.owned.get(s.arr)), s.index, bar, add=LOOSE)
            self.frozen(s, self.b.block[start:])

    def un_Set(self, s, loop):
        if not self.on(s.arr):
            return
        shadow = self.shadow[s.arr]
        bar = None
        if self.on(s.value):
            bar = self.b.get(shadow, s.index, f"{s.value.hint}_bar") if s.index != WHOLE else shadow
            if infer.is_array(bar) and not (s.add and bar is not shadow and not infer.is_array(s.value)):
                bar = self.b.copy(bar)
        if not s.add:
            self.b.set(shadow, s.index, Const(0.0))
        if bar is not None:
            if infer.is_array(s.value):
                bar = self.narrowed(bar, self.shapes.of_part(s.arr, s.index), s.value)
            self.add(s.value, bar)

    def un_NewStack(self, s, loop):
        pass

    un_Reserve = un_Do = un_Note = un_NewStack

    def un_Push(self, s, loop):
        if self.on(s.stack) and not self.pairs(s.stack):
            bar = Var("bar", self.twin(s.stack).type)
            self.b.add(Pop(bar, self.twin(s.stack)))
            self.add(s.value, bar)

    def un_Pop(self, s, loop):
        if self.on(s.stack) and not self.pairs(s.stack):
            bar = self.taken(s.out)
            self.b.add(Push(self.twin(s.stack), self.zero(s.out) if bar is None else bar))

    def own_what_loops_read(self, block):
        """Arrays from outside that loops in these statements add to, or of which they read elements, get buffers now, where all
        can see them."""
        inside = {v for t in walk(block) for v in (*binds(t), *inner(t))}
        for t in walk(block):
            if isinstance(t, Get) and isinstance(t.arr, Var) and self.on(t.arr) and self.on(t.out) and t.arr not in inside:
                self.own(t.arr)
            if isinstance(t, (For, While)):
                for v in (*(v for b in blocks(t) for v in free(b)), *variables(*(c.end for c in t.carries))):
                    if infer.is_array(v) and self.on(v) and v not in inside:
                        self.own(v)

    def un_If(self, s, loop):
        new = self.forward[s]
        self.own_what_loops_read([s])
        outs = [(p, self.taken(p.out)) for p in s.phis if self.on(p.out) and p.out not in self.shadow]
        before, sides = dict(self.bars), []
        for block, fwd, pick in ((s.then, new.then, "then"), (s.orelse, new.orelse, "orelse")):
            self.bars = dict(before)
            self.sided += 1                     # a buffer that is made here would be there on this side alone
            with self.b.into([]) as back:
                for p, bar in outs:
                    if bar is not None:
                        self.add(getattr(p, pick), bar)
                self.reverse(block, fwd, loop)
            self.sided -= 1
            mine = {v for t in fwd for v in binds(t)}
            sides.append((back, {v: x for v, x in self.bars.items() if v not in mine}))
        (then, yes), (orelse, no) = sides
        self.bars, phis = {}, []
        for v in dict.fromkeys([*yes, *no]):
            a, b = yes.get(v), no.get(v)
            if a is b:
                self.bars[v] = a
                continue
            if a is None:
                with self.b.into(then):
                    a = self.zero(v)
            if b is None:
                with self.b.into(orelse):
                    b = self.zero(v)
            out = Var(f"{v.hint}_bar", tangent_type(v.type))
            phis.append(Phi(out, a, b))
            self.bars[v] = out
            if (v in yes) != (v in no):
                self.sides[out] = s.cond, 0 if v in yes else 1
        if then or orelse or phis:
            made = If(s.cond, then, orelse, phis)
            names = self.settle(then, new.then, loop, new, 0, [p.then for p in phis], self.left_by(s, new.then, "then"))
            for p in phis:
                p.then = names.get(p.then, p.then)
            names = self.settle(orelse, new.orelse, loop, new, 1, [p.orelse for p in phis], self.left_by(s, new.orelse, "orelse"))
            for p in phis:
                p.orelse = names.get(p.orelse, p.orelse)
            self.b.add(made)

    def left_by(self, s, fwd, side):
        """{number that one side of a branch made: its name behind the branch}, where that name is read backwards anyway."""
        mine, read = {v for t in fwd for v in binds(t)}, free(self.b.block)
        ends = [(getattr(p, side), p.out) for p in s.phis if p.out in read]
        return {v: out for v, out in ends if v in mine and v.type == out.type and not infer.is_array(v)}

    def un_For(self, s, loop):
        if s in self.marked:
            return self.unmark(s)
        if s in self.count:
            n = self.count[s]
        elif isinstance(s, For) and s.step in (Const(1), Const(-1)):
            n = None
        else:
            n = self.b.let(trips, s.lo, s.hi, s.step, hint="n")
        new, inside = self.forward[s], {v for t in walk([s]) for v in (*binds(t), *inner(t))} - set(binds(s))
        self.own_what_loops_read([s])
        carries = [(c, Var(f"{c.head.hint}_bar", tangent_type(c.head.type))) for c in s.carries
                   if self.on(c.head) and c.head not in self.shadow]
        outer = [v for v in dict.fromkeys(free([s])) if self.on(v) and not infer.is_array(v) and v not in inside]
        sums = {v: Var(f"{v.hint}_bar", v.type) for v in outer}
        inits = [self.take(c.exit) for c, _ in carries]
        saved = self.bars
        self.bars = dict(sums)
        prologue, back = [], []
        with self.b.into(prologue):
            var, names = self.index(s, n)
        with self.b.into(back):
            for c, head in carries:
                self.add(c.end, head)
            self.reverse(s.body, new.body, s)
            ends = [self.end(c, head) for c, head in carries]
            after = {v: self.bars[v] for v in outer}
        made = [Carry(head, init, end, Var(head.hint, head.type)) for (_, head), init, end in zip(carries, inits, ends)]
        self.bars, more = saved, {}
        for v in outer:
            if after[v] is not sums[v]:
                exit_ = Var(f"{v.hint}_bar", v.type)
                made.append(Carry(sums[v], self.zero(v), after[v], exit_))
                more[v] = exit_
        swapped, handed = self.swapped_back(new), self.handed_back(new, [*free(back), *variables(*(c.end for c in made))])
        names |= {c.end: back_.head for c, back_ in (*swapped, *handed)}
        also = [*(c.end for c in made), *(c.head for c, _ in handed)]
        names = self.settle(back, new.body, s, new, None, also, names, prologue)
        for c, back_ in handed:
            back_.end = names[c.head]
            made.append(back_)
        if not {back_.head for _, back_ in swapped}.isdisjoint(free(back)):
            made += [back_ for _, back_ in swapped]
        for c in made:
            c.end = names.get(c.end, c.end)
        still = {c.head: c.init for c in made if c.end is c.head}       # the same in every iteration
        if still:
            use = lambda v: still.get(v, v)
            back[:] = substituted(back, use)
            for c in made:
                c.end = mapped(c.end, use)
        if back or made:
            lo, hi, step = self.backwards(s, n)
            self.b.add(For(var, lo, hi, step, back, [c for c in made if c.head not in still], place=s.place,
                           parallel=getattr(s, "parallel", False) and IF_PROVEN, twin=getattr(new, "twin", None)))
        for v, bar in more.items():             # after the loop, which may then run before what they are added to is known
            self.add(v, bar)
        for (c, _), m in zip(carries, made):
            if c.init is not UNDEFINED:
                self.add(c.init, still.get(m.head, m.exit))
        return None

    def swapped_back(self, new):
        """[(carry, that of the reverse loop)] of arrays that a loop of the forward sweep swaps: its reverse swaps them back."""
        carries = swaps(new)
        there = {c.head: Var(c.head.hint, c.head.type) for c in carries}    # what held an array after an iteration
        before = {c.end: there[c.head] for c in carries}                    # ... and before it
        return [(c, Carry(there[c.head], c.exit, before[c.head], Var(c.head.hint, c.head.type))) for c in carries]

    def handed_back(self, new, wanted):
        """[(carry, that of the reverse loop)] of what a loop of the forward sweep carries, of which its reverse reads what it is
        before an iteration and after it: the latter is what the iteration that is reversed just before has read."""
        wanted = set(wanted)
        carries = [c for c in new.carries if {c.head, c.end} <= wanted and c.head is not c.end and infer.is_float(c.head)
                   and not (infer.is_array(c.head) and self.aliases.mutable(c.head))]
        return [(c, Carry(Var(c.head.hint, c.head.type), c.exit, None, Var(c.head.hint, c.head.type))) for c in carries]

    un_While = un_For

    def take(self, v):
        bar = self.taken(v)
        return self.zero(v) if bar is None else bar

    def end(self, c, head):
        bar = self.taken(c.head)
        return self.b.zeros_like(head) if bar is None else bar

    def index(self, s, n):
        """The variable of the reverse loop, and what the loop's own variable is called there."""
        if isinstance(s, While):
            return Var("k", types.intp), {}
        if n is None:
            var = Var(s.var.hint, types.intp)
            return var, {s.var: var}
        k = Var("k", types.intp)
        at = k if s.step == Const(1) else self.b.let(operator.mul, k, s.step)
        return k, {s.var: at if s.lo == Const(0) else self.b.let(operator.add, s.lo, at, hint=s.var.hint)}

    def backwards(self, s, n):
        """range(lo, hi, step) in reverse."""
        if n is not None:
            return self.b.let(operator.sub, n, Const(1)), Const(-1), Const(-1)
        if s.step == Const(1):
            return self.b.let(operator.sub, s.hi, Const(1)), self.b.let(operator.sub, s.lo, Const(1)), Const(-1)
        return self.b.let(operator.add, s.hi, Const(1)), self.b.let(operator.add, s.lo, Const(1)), Const(1)


def reverse(program, argnums, seed, checkpoints=None):
    """(statements, cotangents of the parameters at argnums), given the cotangent structure of the result."""
    return Reverse(program, argnums, seed, checkpoints).made


def __getattr__(name):
    """This mode alone, as a library: `from toolkit.reverse import vjp, grad, value_and_grad`."""
    if name in ('vjp', 'grad', 'value_and_grad'):
        from . import transform
        return getattr(transform, name)
    raise AttributeError(name)
