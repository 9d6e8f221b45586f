"""Residuals: what the reverse sweep of a block reads of the block's forward sweep, and how it comes there.

At the function's top level the names of the forward sweep are still there. In a branch outside loops values leave by phis. In
a loop each is made again where that is cheap and its operands are at hand (a view, an index, a load from a buffer that is not
written, a few flops), else kept on a stack of its own; room for it is reserved before the outermost loop whose trip counts are
known. References: Griewank & Walther, Evaluating Derivatives (2008), ch. 4 and 12; Hascoet & Pascual, Tapenade (2013), section 4.
"""
import operator

from numba import types

from . import infer
from .activity import is_view
from .builder import dim, trips
from .primitive import FLAT, VIEWS, lookup
from .program import (
    UNDEFINED,
    Const,
    For,
    Get,
    Let,
    NewStack,
    Phi,
    Pop,
    Push,
    Reserve,
    Stack,
    Var,
    binds,
    free,
    inner,
    reads,
    substituted,
    variables,
    walk,
)

CHEAP = 8                                       # flops up to which a value is recomputed rather than kept
EFFORT = 12                                     # how many statements may be made again for one value


class Residuals:
    """The part of reverse mode that hands values from the forward sweep to the reverse sweep."""

    def settle(self, back, fwd, loop, new, pick, also, names=None, prologue=None):
        """Give the reverse sweep of a block what it reads of the block's forward sweep; what it is called there."""
        names, prologue = dict(names or {}), list(prologue or [])
        mine = {v: t for t in fwd for v in binds(t)}
        if pick is None:
            mine |= {v: new for v in inner(new)}
        order = {v: k for k, v in enumerate(mine)}
        wanted = [v for v in dict.fromkeys([*free(back), *variables(*also)]) if v in mine and v not in names]

        def recipe(v):
            """The statement that makes v again from what is at hand; None if there is no such, or it costs too much."""
            t = mine[v]
            if t is new:
                return None
            if isinstance(t, Let):
                if v in self.shadow_values() and t.fn not in VIEWS:
                    return t if self.local(v, loop) else None
                if t.fn in VIEWS or t.fn is dim:
                    return t
                if infer.is_array(v):
                    return None
                card = lookup(t.fn, tuple(infer.rank_of(a) for a in t.args))
                flops = 1 if t.fn in FLAT else getattr(card, "flops", 99)
                return t if isinstance(flops, int) and flops <= CHEAP and not any(infer.is_array(a) for a in t.args) else None
            if isinstance(t, Get):
                if infer.is_array(v):
                    return t if is_view(t) else None
                return t if t in self.aliases.position and not self.aliases.changes_after(t.arr, t) else None
            return None

        kept = set(names)

        def exact(a):
            """Is a number that the reverse sweep reads, bit for bit, what the forward sweep had?"""
            return not (isinstance(a, Var) and infer.is_float(a)) or a not in mine or a in kept or isinstance(mine[a], Get)

        def possible(v, budget):
            """Can v be made again without keeping anything more? Decisions and positions only of exact numbers: under fastmath,
            arithmetic that is compiled twice may round twice."""
            if v not in mine or v in names:
                return budget
            if budget <= 0 or (t := recipe(v)) is None:
                return 0
            if isinstance(t, Let) and not infer.is_float(v) and t.fn is not dim and not all(map(exact, t.args)):
                return 0
            for a in reads(t):
                budget = possible(a, budget - 1)
                if budget <= 0:
                    return 0
            return budget

        def make(v):
            if v not in mine or v in names:
                return
            t = mine[v]
            for a in reads(t):
                make(a)
            names[v] = Var(v.hint, v.type)
            prologue.extend(substituted([t], lambda a: names.get(a, a), lambda o: names[o]))

        wanted.sort(key=order.get)
        for v in [v for v in wanted if recipe(v) is None]:          # first, since others may be made of these
            if pick is None and (e := self.affine(v, mine, new)) is not None:
                names[v] = self.run_index(e, new, names, loop, prologue)
            else:
                names[v] = self.keep(v, mine[v], fwd, loop, new, pick, prologue)
            kept.add(v)
        for v in wanted:
            if possible(v, EFFORT) > 0:
                make(v)
            else:
                names[v] = self.keep(v, mine[v], fwd, loop, new, pick, prologue)
                kept.add(v)
        back[:] = prologue + substituted(back, lambda a: names.get(a, a))
        return names

    def shadow_values(self):
        return set(self.shadow.values())

    def local(self, shadow, loop):
        """Does this array live within one iteration, so that its shadow may be made when the iteration is reversed?"""
        v = next(v for v, s in self.shadow.items() if s is shadow)
        return self.aliases.of(v) not in self.aliases.carried

    def affine(self, v, mine, new):
        """The (init, step) of an integer that goes round the loop by a constant."""
        if mine[v] is not new or not isinstance(v.type, types.Integer):
            return None
        c = next((c for c in new.carries if c.head is v), None)
        made = c and next((t for t in new.body if isinstance(t, Let) and t.out is c.end), None)
        if made and made.fn is operator.add and made.args[0] is v and isinstance(made.args[1], Const):
            return c, made.args[1]
        return None

    def run_index(self, e, new, names, loop, prologue):
        """init + step * k in iteration k."""
        c, step = e
        with self.b.into([]) as made:
            if isinstance(new, For) and new.step == Const(1) and new.var in names:
                k = names[new.var]
                k = k if new.lo == Const(0) else self.b.let(operator.sub, k, new.lo)
            else:
                return self.keep(c.head, new, new.body, loop, new, None, prologue)
            k = k if step == Const(1) else self.b.let(operator.mul, k, step)
            out = self.b.let(operator.add, c.init, k, hint=c.head.hint)
        prologue.extend(made)
        return out

    def keep(self, v, t, fwd, loop, new, pick, prologue):
        """v leaves its block: by a phi where the block runs once, else on a stack."""
        if loop is None:
            out = Var(v.hint, v.type)
            new.phis.append(Phi(out, v if pick == 0 else UNDEFINED, v if pick == 1 else UNDEFINED))
            return out
        stack = Stack(f"{v.hint}_tape", v.type)
        at = 0 if t is new else fwd.index(t) + 1
        while at < len(fwd) and t is not new and isinstance(fwd[at], Push):
            at += 1
        fwd.insert(at, Push(stack, v))
        out = Var(v.hint, v.type)
        prologue.append(Pop(out, stack))
        self.kept.append((stack, loop))
        return out

    def tapes(self, fwd):
        """The forward sweep with its stacks made, and with room before each nest whose trip counts are known."""
        stacks = dict.fromkeys([*(s for s, _ in self.kept), *(t for s, t in self.stacks.items() if not self.pairs(s))])
        counts = {}
        for stack, loop in self.kept:
            chain = () if infer.is_array(stack.type) else self.nest(loop)
            if not chain:
                continue
            first = self.forward[chain[0]]
            home = self.home[first]
            if chain not in counts:
                with self.b.into([]) as made:
                    counts[chain] = self.iterations(chain)
                at = home.index(first)
                home[at:at] = made
            if home is fwd:
                del stacks[stack]                       # made where its size is known
            home.insert(home.index(first), (NewStack if home is fwd else Reserve)(stack, counts[chain]))
        return [*map(NewStack, stacks), *fwd]

    def iterations(self, chain):
        """How often the body of a nest of loops runs."""
        total, sure = Const(1), True
        for s in chain:
            simple = s.lo == Const(0) and s.step == Const(1)
            n = s.hi if simple else self.b.let(trips, s.lo, s.hi, s.step, hint="trips")
            sure = sure and (not simple or n in self.dims or (isinstance(n, Const) and n.value >= 0))
            total = n if total == Const(1) else self.b.let(operator.mul, total, n, hint="room")
        return total if sure else self.b.let(max, total, Const(0), hint="room")

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
