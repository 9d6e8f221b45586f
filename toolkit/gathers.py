"""Gathers: where a reverse loop adds to neighbouring entries of one row, it keeps what it adds and another loop collects it.

    for i in range(1, n): r = f(i); a[i - 1] += r; a[i + 1] += r

cannot be vector code, since one iteration adds to what the next one has read. With r in a row of its own, between zeros, the sum
of its neighbours can. The row is made before the loops that do not change how long it is.
References: Hueckelheim, Kukreja, Narayanan, Luporini, Gorman & Hovland, Automatic differentiation for adjoint stencil loops
(2019).
"""
import operator
from dataclasses import replace

from numba import types

from . import infer, runtime
from .activity import Aliases
from .builder import Builder
from .dependence import Dependence, plus
from .program import LOOSE, Const, For, Get, If, Let, Pop, Push, Set, Var, While, binds, inner, reads, rebuilt, variables, walk
from .shapes import Shapes

ROWS = 3                        # so many rows for one loop at most


def gathered(program):
    """The program with its scattering loops in two."""
    return replace(program, body=Gathers(program).block(program.body, frozenset()))


class Gathers:
    """The loops of a program."""

    def __init__(self, program):
        self.aliases, self.b, self.known = Aliases(program), Builder(), {}     # known: what is another one and a number
        self.dependence = Dependence(program, self.aliases, Shapes(program))

    def block(self, block, changing):
        """A block; `changing` are the names of the innermost loop around it."""
        with self.b.into([]) as made:
            for s in block:
                if isinstance(s, For) and self.is_simple(s, changing) and (groups := self.groups(s)):
                    self.split(s, groups)
                else:
                    mine = {v for t in walk([s]) for v in (*inner(t), *binds(t))} if isinstance(s, For | While) else changing
                    made.append(rebuilt(s, lambda b, mine=mine: self.block(b, mine)))
        return made

    def is_simple(self, s, changing):
        """Is it a loop without branches, that is as long whenever it runs?"""
        return s.step in (Const(1), Const(-1)) and s.brk is None and changing.isdisjoint(variables(s.lo, s.hi)) and all(
            isinstance(t, Let | Get | Set | Pop | Push) for t in s.body)

    def groups(self, loop):
        """Of each row to which a loop adds at several distances: the statements that another loop may do, with the distances."""
        inside = {v for t in walk([loop]) for v in (*inner(t), *binds(t))}
        found = {}
        for t in loop.body:
            if isinstance(t, Set) and t.add == LOOSE and self.is_term(t) and inside.isdisjoint(variables(t.arr, *t.index[:-1])):
                distance = plus(self.dependence.form(t.index[-1]), {loop.var: 1}, -1)
                if set(distance) <= {1}:
                    found.setdefault((t.arr, t.index[:-1]), []).append((t, distance.get(1, 0)))
        several = [terms for terms in found.values() if len({k for _, k in terms}) > 1]
        groups = [moved(terms) for terms in several if self.only_added_to(terms[0][0], loop)]
        rows = {t.value for terms in groups for t, _ in terms}
        return groups if len(rows) <= ROWS else []

    def is_term(self, t):
        """Does a statement add a float64, of the loop's own, to one entry?"""
        return t.arr.type.dtype == types.float64 == infer.type_of(t.value) and isinstance(t.value, Var) and (
            len(t.index) == infer.rank_of(t.arr) and all(self.dependence.form(i) is not None for i in t.index))

    def only_added_to(self, term, loop):
        """Does a loop nothing but add to the buffer to which it adds a term?"""
        c = self.aliases.of(term.arr)
        return all(isinstance(t, Set) and t.add == LOOSE and not any(a in variables(t.value, *t.index) for a in mine)
                   for t in loop.body if (mine := [v for v in reads(t) if infer.is_array(v) and self.aliases.of(v) is c]))

    def split(self, loop, groups):
        """Add the loop, which keeps what it would add, and those that add it."""
        b, up = self.b, loop.step == Const(1)
        first, stop = (loop.lo, loop.hi) if up else (self.shifted(loop.hi, 1), self.shifted(loop.lo, 1))
        n = b.let(max, b.let(operator.sub, stop, first), Const(0))
        pad = max(reach(terms) for terms in groups)
        size = self.shifted(n, 2 * pad)
        rows = {}
        for t in (t for terms in groups for t, _ in terms):
            if t.value not in rows:
                rows[t.value] = b.let(runtime.padded, size, hint="row")
        gone, body = {t for terms in groups for t, _ in terms}, []
        with b.into(body):
            at = self.shifted(loop.var, pad)
            at = self.shifted(at, -first.value) if isinstance(first, Const) else b.let(operator.sub, at, first)
            for t in loop.body:
                if t not in gone:
                    b.add(t)
                elif t.value in rows and not any(isinstance(u, Set) and u.arr is rows[t.value] for u in body):
                    b.set(rows[t.value], (at,), t.value)
        b.add(replace(loop, body=body))
        with b.into([]) as collecting:
            for terms in groups:
                b.add(self.collected(terms, rows, first, n, pad))
        b.add(If(b.let(operator.lt, first, stop), collecting, []))

    def collected(self, terms, rows, first, n, pad):
        """The loop that adds, to each entry of a row from first + the least distance on, what is there for it."""
        p, total, least = Var("p", types.intp), None, min(k for _, k in terms)
        length, start = self.shifted(n, reach(terms)), self.shifted(first, least)
        with self.b.into([]) as body:
            for t, k in terms:
                term = self.b.get(rows[t.value], (self.shifted(p, least + pad - k),))
                total = term if total is None else self.b.let(operator.add, total, term)
            arr, leading = terms[0][0].arr, terms[0][0].index[:-1]
            at = p if start == Const(0) else self.b.let(operator.add, p, start)
            self.b.set(arr, (*leading, at), total, add=LOOSE)
        return For(p, Const(0), length, Const(1), body)

    def shifted(self, atom, k):
        """atom + k"""
        if isinstance(atom, Const):
            return Const(atom.value + k)
        shift = self.known.get(atom)
        if shift is not None:
            return self.shifted(shift[0], shift[1] + k)
        if not k:
            return atom
        out = self.b.let(operator.add if k > 0 else operator.sub, atom, Const(abs(k)))
        self.known[out] = atom, k
        return out


def moved(terms):
    """All of some terms but one whose value is added at no other distance: that stays where it is."""
    alone = [t for t, _ in terms if sum(u.value is t.value for u, _ in terms) == 1]
    return [(t, k) for t, k in terms if t not in alone[:1]]


def reach(terms):
    """How far apart the distances of some terms are."""
    distances = [k for _, k in terms]
    return max(distances) - min(distances)
