"""Residuals: what the reverse sweep of a block reads of the block's forward sweep, and how it comes there.

At the function's top level the names of the forward sweep are still there. In a branch outside loops values leave by phis. In
a loop each is made again where that is cheap and its operands are at hand (a view, an index, a load from a buffer that is not
written, a few flops), else kept on a stack of its own; room for it is reserved before the outermost loop whose trip counts are
known. References: Griewank & Walther, Evaluating Derivatives (2008), ch. 4 and 12; Hascoet & Pascual, Tapenade (2013), section 4.
"""
import functools
import math
import operator

import numpy as np
from numba import types

from . import infer, runtime, tape
from .activity import is_view
from .builder import dim, throw, trips
from .primitive import DRAWS, FLAT, VIEWS, lookup
from .program import (
    UNDEFINED,
    Const,
    Do,
    For,
    Get,
    If,
    Let,
    NewStack,
    Phi,
    Pop,
    Push,
    Reserve,
    Set,
    Stack,
    Tup,
    Var,
    binds,
    free,
    inner,
    reads,
    substituted,
    variables,
    walk,
)
from .shapes import PRODUCTS

CHEAP = 8                                       # flops up to which a value is recomputed rather than kept
SHAPED = {runtime.unbroadcast, runtime.spread_like}             # of their second argument, an array, these need but the shape
EFFORT = 12                                     # how many statements may be made again for one value


def flops(t):
    """What an operation on numbers costs."""
    if t.fn in FLAT or (t.fn is operator.pow and t.args[1] in (Const(2), Const(2.0), Const(3), Const(3.0))):
        return 1                                    # LLVM makes products of these powers
    card = lookup(t.fn, tuple(infer.rank_of(a) for a in t.args))
    return card.flops if card is not None and isinstance(card.flops, int) else math.inf


class Residuals:
    """The part of reverse mode that hands values from the forward sweep to the reverse sweep."""

    def settle(self, back, fwd, loop, new, pick, also, names=None, prologue=None):
        """Give the reverse sweep of a block what it reads of the block's forward sweep; what it is called there."""
        there = Rebuilt(self, fwd, new, pick, dict(names or {}), list(prologue or []))
        self.shapes_alone(back, fwd, new, there)
        if loop is not None:
            self.shadows_anew(back, fwd, loop, new, there)
        wanted = [v for v in dict.fromkeys([*free(back), *variables(*also)]) if v in there.mine and v not in there.names]
        wanted.sort(key=list(there.mine).index)

        def keep(v):
            there.names[v] = self.keep(v, there.mine[v], fwd, loop, new, pick, there.prologue)
            there.kept.add(v)

        for v in [v for v in wanted if not there.recipes(v)]:        # first, since others may be made of these
            k = self.affine(v, new, there) if pick is None else None
            if k is None:
                keep(v)
            else:
                there.names[v] = k
        for v in wanted:
            if there.possible(v, EFFORT) > 0:
                there.make(v)
            else:
                keep(v)
        back[:] = there.prologue + substituted(back, lambda a: there.names.get(a, a))
        return there.names

    def shapes_alone(self, back, fwd, new, there):
        """Of an array that would be kept only for its shape, the reverse sweep reads the lengths instead."""
        uses = {}
        for t in walk(back):
            for v in reads(t):
                if v in there.mine and infer.is_array(v):
                    alone = isinstance(t, Let) and t.fn in SHAPED and t.args[1] is v and t.args[0] is not v
                    uses.setdefault(v, []).append(t if alone else None)
        for v, those in uses.items():
            if None in those or there.possible(v, EFFORT) > 0:
                continue
            with self.b.into([]) as made:
                shape = Tup(tuple(self.lengths(v, there)))
            made_by = there.mine[v]
            at = 0 if made_by is new else fwd.index(made_by) + 1
            fwd[at:at] = made
            there.mine |= {s.out: s for s in made}
            for t in those:
                t.args = (t.args[0], shape)

    def shadows_anew(self, back, fwd, loop, new, there):
        """A shadow that lives within one iteration is made in the reverse sweep, of which the tape keeps the lengths alone."""
        needed = {there.base(v) for v in free(back)}
        for s in [s for s in fwd if isinstance(s, Let) and s.fn is np.zeros_like and s.out in needed and there.brief(s.out)]:
            v, owner = s.out, s.args[0]
            if v.type.layout != "C" or owner not in there.mine or there.possible(v, EFFORT) > 0:
                continue
            with self.b.into([]) as made:
                lengths = self.lengths(owner, there)
            at = fwd.index(s)
            fwd[at:at] = made
            there.mine |= {t.out: t for t in made}
            there.mine[v] = Let(v, np.zeros, (Tup(tuple(lengths)), Const(infer.numpy_type(v.type))))
            for n in variables(*lengths):
                if n in there.mine and n not in there.names and there.possible(v, EFFORT) <= 0:
                    there.names[n] = self.keep(n, there.mine[n], fwd, loop, new, None, there.prologue)
                    there.kept.add(n)

    def lengths(self, v, there):
        """The lengths of an array's axes: those of the arrays that it was broadcast from, and each that is one length once."""
        for axis in self.shapes.of(v):
            if axis not in there.lengths:
                there.lengths[axis] = self.shapes.longest(self.b, axis)
        return [there.lengths[axis] for axis in self.shapes.of(v)]

    def affine(self, v, new, there):
        """init + step * k, for an integer that goes round a loop by a constant and is asked for in iteration k; else None."""
        if there.mine[v] is not new or not isinstance(v.type, types.Integer) or not isinstance(new, For) or new.step != Const(1):
            return None
        c = next((c for c in new.carries if c.head is v), None)
        made = c and next((t for t in new.body if isinstance(t, Let) and t.out is c.end), None)
        if not made or made.fn is not operator.add or made.args[0] is not v or not isinstance(made.args[1], Const):
            return None
        if new.var not in there.names:
            return None
        step = made.args[1]
        with self.b.into(there.prologue):
            k = there.names[new.var]
            k = k if new.lo == Const(0) else self.b.let(operator.sub, k, new.lo)
            k = k if step == Const(1) else self.b.let(operator.mul, k, step)
            return self.b.let(operator.add, c.init, k, hint=v.hint)

    def keep(self, v, t, fwd, loop, new, pick, prologue):
        """v leaves its block: by a phi where the block runs once, else on a stack."""
        if loop is None:
            out = Var(v.hint, v.type)
            new.phis.append(Phi(out, v if pick == 0 else UNDEFINED, v if pick == 1 else UNDEFINED))
            return out
        stack = Stack(f"{v.hint}_tape", v.type, loop.place)
        if infer.is_array(v) and self.alike_in_all(v):
            self.rows[stack] = self.shapes.of(v)
        at = 0 if t is new else fwd.index(t) + 1
        while at < len(fwd) and t is not new and isinstance(fwd[at], Push):
            at += 1
        fwd.insert(at, Push(stack, v))
        out = Var(v.hint, v.type)
        prologue.append(Pop(out, stack))
        self.kept.append((stack, loop))
        return out

    def alike_in_all(self, v):
        """May the tape keep copies of an array in one block, as it has one shape in all iterations and is not written?"""
        return v in self.shapes.position and v.type.ndim > 0 and v.type.layout != "F" and not self.aliases.mutable(v) and all(
            self.shapes.stays(n) for axis in self.shapes.of(v) for n in axis)

    def tapes(self, fwd):
        """The forward sweep with its stacks made, and with room before each nest whose trip counts are known."""
        stacks = dict.fromkeys([*(s for s, _ in self.kept), *(t for s, t in self.stacks.items() if not self.pairs(s))])
        nests = {}
        for stack, loop in self.kept:
            chain = self.nest(loop)
            if chain and (not infer.is_array(stack.type) or (stack in self.rows and self.home[self.forward[chain[0]]] is fwd)):
                nests.setdefault(chain, []).append(stack)
        for chain, those in nests.items():
            first = self.forward[chain[0]]
            home = self.home[first]
            with self.b.into([]) as made:
                count = self.iterations(chain)
                for shape, alike in self.by_shape(those):
                    lengths = tuple(self.shapes.longest(self.b, axis) for axis in shape)
                    entries = functools.reduce(lambda n, m: self.b.let(operator.mul, n, m, hint="room"), lengths, count)
                    self.require_room(entries, alike, chain[-1].place)
                    for stack in alike:
                        whole = NewStack(stack, count, Tup(lengths) if lengths else Const(None))
                        self.b.add(whole if home is fwd else Reserve(stack, count))
            at = home.index(first)
            home[at:at] = made
            if home is fwd:
                for stack in those:
                    del stacks[stack]                   # made where its size is known
        return [*map(NewStack, stacks), *fwd]

    def by_shape(self, stacks):
        """Stacks by the shape of the arrays that they hold, () for numbers."""
        found = {}
        for stack in stacks:
            found.setdefault(self.rows.get(stack, ()), []).append(stack)
        return found.items()

    def require_room(self, count, stacks, place):
        """Raise MemoryError, before anything runs, where the tapes of a loop would not fit."""
        each = sum(infer.item_bytes(infer.scalar(s.type)) for s in stacks)
        if isinstance(count, Const) and tape.fits(count.value, each):
            return
        s = If(self.b.let(tape.fits, count, Const(each)), [], [], tapes=tuple(stacks))
        with self.b.into(s.orelse):
            where = f"the tape of the loop at {place.short()} needs" if place else "the tape of a loop needs"
            size = self.b.let(operator.mul, count, Const(each))
            self.b.add(Do(throw, (Const(MemoryError), Const(where), size, Const("bytes"))))
        self.b.add(s)

    def iterations(self, chain):
        """How often the body of a nest of loops runs: of the outermost, times how often it runs in one iteration of that."""
        total = Const(1)
        for s in reversed(chain):
            simple = s.lo == Const(0) and s.step == Const(1)
            n = s.hi if simple else self.b.let(trips, s.lo, s.hi, s.step, hint="trips")
            total = n if total == Const(1) else self.b.let(operator.mul, n, total, hint="room")
            if simple and n not in self.dims and not (isinstance(n, Const) and n.value >= 0):
                total = self.b.let(max, total, Const(0), hint="room")
        return total

    def nest(self, loop):
        """The loops around `loop`, from the outermost before which all their trip counts are known."""
        chain, best = (), ()
        for s in reversed((*self.aliases.loops[loop], loop)):
            if not isinstance(s, For):
                break
            chain = (s, *chain)
            mine = {v for t in walk([s]) for v in (*binds(t), *inner(t))}
            if not any(v in mine for t in chain for v in variables(t.lo, t.hi, t.step)):
                best = chain
        return best


class Rebuilt:
    """What the reverse sweep of one block makes again: `mine` are the names of the block's forward sweep with the statements that
    bind them, `names` what they are called in the reverse sweep, `prologue` the statements that make them there."""

    def __init__(self, mode, fwd, new, pick, names, prologue):
        self.mode, self.new, self.names, self.prologue = mode, new, names, prologue
        self.mine = {v: t for t in fwd for v in binds(t)} | ({v: new for v in inner(new)} if pick is None else {})
        self.kept = set(names)
        self.lengths = {}                       # of an axis -> its length, as an atom of the forward sweep
        self.shadows = set(mode.shadow.values())
        self.stores = {t.value: t for t in fwd if isinstance(t, Set) and t in mode.aliases.position and self.holds(t)}

    def recipes(self, v):
        """The statements that may make v again from what is at hand, the best first; none where that costs too much."""
        t = self.mine[v]
        again = isinstance(t, Let) and self.cheap(v, t)
        if isinstance(t, Get):
            again = is_view(t) or (not infer.is_array(v) and t in self.mode.aliases.position and self.stays(t.arr, t.index, t))
        store = self.stores.get(v)
        from_store = [Get(v, store.arr, store.index)] if store and self.stays(store.arr, store.index, store) else []
        return [t, *from_store] if again else from_store

    def stays(self, arr, index, s):
        """Does an entry hold at the end what it holds when s has run?"""
        return not self.mode.dependence.changes_after(arr, index, s)

    def holds(self, s):
        """Does a store leave a number in one entry, as it is?"""
        return isinstance(s.value, Var) and not s.add and infer.scalar(s.arr.type) == s.value.type and (
            len(s.index) == infer.rank_of(s.arr) and all(self.mode.dependence.form(i) is not None for i in s.index))

    def cheap(self, v, t):
        """May the reverse sweep compute v again? Shadows that live within one iteration are made there anew."""
        if t.fn in VIEWS or t.fn is dim:
            return True
        if t.fn in DRAWS:
            return False
        if v in self.shadows:
            return self.brief(v)
        if t.fn in PRODUCTS:
            return self.of_rows(v, t)
        arrays = [a for a in (v, *t.args) if infer.is_array(a)]
        if arrays and not (self.mode.shapes.elementwise(t) and not any(map(self.mode.aliases.mutable, arrays))):
            return False
        return flops(t) <= CHEAP

    def of_rows(self, v, t):
        """Is it a product of matrices whose first factor is cheap to make again, as it is for the other one's cotangent? It is
        then made again a strip of rows at a time (see strips.py), which a tape that does not fit into the caches costs, too."""
        x, _ = t.args
        made, unchanged = self.mine.get(x), lambda a: not self.mode.dependence.changes_after(a, None, t)
        return infer.rank_of(v) == infer.rank_of(x) == 2 and self.mode.shapes.elementwise(made) and all(
            map(unchanged, (v, *t.args)))

    def brief(self, v):
        """Is it a shadow that lives within one iteration?"""
        owner = next((u for u, shadow in self.mode.shadow.items() if shadow is v), None)
        return owner is not None and self.mode.aliases.of(owner) not in self.mode.aliases.carried

    def base(self, v):
        """The array of this block that a name is a view of."""
        while isinstance(t := self.mine.get(v), (Let, Get)) and (is_view(t) if isinstance(t, Get) else t.fn in VIEWS):
            v = t.arr if isinstance(t, Get) else t.args[0]
        return v

    def exact(self, a):
        """Is a number that the reverse sweep reads, bit for bit, what the forward sweep had?"""
        if not (isinstance(a, Var) and infer.is_float(a)):
            return True
        if a not in self.mine:
            return a not in self.mode.looped
        return a in self.kept or isinstance(self.recipe(a), Get)

    def possible(self, v, budget):
        """What is left of the budget when v is made again without keeping anything more; 0 if it cannot be."""
        if v not in self.mine or v in self.names:
            return budget
        return self.chosen(v, budget)[1]

    def recipe(self, v):
        """The statement that makes v again; None if there is none at hand that costs little enough."""
        return self.chosen(v, EFFORT)[0]

    def chosen(self, v, budget):
        """The first of the recipes for v that keeps to the budget, and what it leaves of it."""
        if budget > 0:
            for t in self.recipes(v):
                if (left := self.left(v, t, budget)) > 0:
                    return t, left
        return None, 0

    def left(self, v, t, budget):
        """What a recipe for v leaves of the budget. Decisions and positions are made only of exact numbers: under fastmath,
        arithmetic that is compiled twice may round twice."""
        if isinstance(t, Let) and not infer.is_float(v) and t.fn is not dim and not all(map(self.exact, t.args)):
            return 0
        for a in reads(t):
            budget = self.possible(a, budget - 1)
            if budget <= 0:
                return 0
        return budget

    def make(self, v):
        """Add the statements that make v, and what it is made of, to the prologue."""
        if v not in self.mine or v in self.names:
            return
        t = self.recipe(v)
        for a in reads(t):
            self.make(a)
        self.names[v] = Var(v.hint, v.type)
        self.prologue += substituted([t], lambda a: self.names.get(a, a), lambda o: self.names[o])
