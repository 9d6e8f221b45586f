"""Strips: products of matrices, and the loops beside them, go over the same rows together, some hundreds of them at a time.

    for i in range(n): t[i] = x[i] - m      becomes     for start in range(0, n, strip):
    y = t @ w                                               rows = min(strip, n - start)
    for i in range(n): s[i] = sum(y[i] ** 2)                for i in range(rows): t[i] = x[start:][i] - m
                                                            np.dot(t[:rows], w, y[:rows])
                                                            for i in range(rows): s[start:][i] = sum(y[i] ** 2)

What one statement leaves for the next then lies in the caches, and a matrix that nothing else reads is made of so many rows
alone. Program -> Program, the same function: each loop runs through the same iterations in the same order, and each row is the
same product. Products that sum over the rows, x.T @ y, are added up by strips behind the primal computation alone, where the
order is open. Statements are grouped as in fusion.py. References: Lam, Rothberg & Wolf, The cache performance and optimizations
of blocked algorithms (1991); Goto & van de Geijn, Anatomy of high-performance matrix multiplication (2008).
"""
import functools
import operator
from dataclasses import dataclass, replace

import numpy as np
from numba import types

from . import blas, infer
from .fusion import Fusion, ordered
from .normal import hoisted
from .program import (
    Carry,
    Const,
    Do,
    For,
    Get,
    If,
    Let,
    Note,
    Set,
    Span,
    Tup,
    Var,
    binds,
    inner,
    pruned,
    reads,
    rebuilt,
    substituted,
    walk,
)
from .shapes import PRODUCTS
from .uses import Uses
from .zeros import without_buffers_of_sums

FLOATS = {types.float32, types.float64}


def stripped(program, acts, loose=frozenset()):
    """The program with products, and loops beside them, in strips. `loose`: products that may be summed up in any order, though
    they are beside the primal computation; for `acts` see program.pruned."""
    if not any(isinstance(s, Let) and s.fn in PRODUCTS for s in walk(program.body)):
        return program
    strips = Strips(program, loose)
    in_strips = replace(program, body=strips.block(program.body))
    return pruned(hoisted(without_buffers_of_sums(in_strips)), acts) if strips.any else program


@dataclass
class Rows:
    """How a statement goes over rows: over how many, and the arrays of which its i-th step touches nothing but the i-th row."""
    axis: frozenset
    arrays: set
    kind: str               # "loop", "product", "sum" (a product that sums over them), "view" (a transpose)


class Strips(Fusion):
    """The groups of each block of a program that go over the same rows. `behind`: what follows the primal computation."""

    def __init__(self, program, loose=frozenset()):
        super().__init__(program)
        self.uses, self.found, self.behind, self.loose, self.any = Uses(program), {}, set(), loose, False
        for s in walk(program.body):
            if self.behind or isinstance(s, Note):
                self.behind.add(s)

    def block(self, block):
        """The groups of a block first, which are found by the names that the program has, then those of the blocks inside it."""
        if not any(isinstance(s, Let) and s.fn in PRODUCTS for s in block):
            return [rebuilt(s, self.block) for s in block]
        self.backwards = block[0] in self.behind
        units = list(ordered(self.grouped(block)))
        strips = {unit: Strip(self, unit, set(block)) for unit in units if self.worth(unit)}
        self.any = self.any or bool(strips)
        whole = lambda unit: [rebuilt(s, self.block) for _, s in unit.members]
        return [s for u in units for s in (strips[u].emitted() if u in strips else whole(u))]

    # ---- what goes over rows
    def rows(self, s):
        """How a statement goes over rows; None if it does not."""
        if s not in self.found:
            find = self.of_loop if isinstance(s, For) else self.of_let if isinstance(s, Let) and not s.kw else lambda s: None
            found = find(s)
            self.found[s] = found if found is not None and found.axis else None
        return self.found[s]

    def of_let(self, s):
        """... a transpose, or a product of floats of one type: x @ w over the rows of x, x.T @ y over those of both."""
        if s.fn is np.transpose and len(s.args) == 1 and self.matrix(s.args[0]):
            return Rows(self.shapes.of(s.args[0])[0], {s.args[0]}, "view")
        if s.fn not in PRODUCTS or not infer.is_array(s.out) or len(s.args) != 2 or not all(isinstance(a, Var) for a in s.args):
            return None
        (x, y), kinds = s.args, {infer.scalar(v.type) for v in (s.out, *s.args)}
        if len(kinds) != 1 or not kinds <= FLOATS:
            return None
        base = self.turned(x)
        if base is not None and self.by_rows(y) and self.shapes.of(base)[0] == self.shapes.of(y)[0]:
            return Rows(self.shapes.of(base)[0], {x, base, y}, "sum") if self.open(s) else None
        own = self.matrix(x) and x is not y and infer.rank_of(y) in (1, 2) and s.out.type.layout == "C"
        return Rows(self.shapes.of(x)[0], {x, s.out}, "product") if own else None

    def open(self, s):
        """Is the order open in which a product sums up?"""
        return s in self.behind or s.out in self.loose

    def matrix(self, a):
        """Is it a matrix that is stored by rows?"""
        return infer.rank_of(a) == 2 and self.by_rows(a)

    def by_rows(self, a):
        """Is it stored by rows?"""
        return isinstance(a, Var) and infer.rank_of(a) in (1, 2) and a.type.layout == "C"

    def turned(self, a):
        """The matrix that is stored by rows of which an array is the transpose, or None."""
        s = self.shapes.made.get(a)
        view = isinstance(s, Let) and s.fn is np.transpose and len(s.args) == 1 and self.matrix(s.args[0])
        return s.args[0] if view else None

    def of_loop(self, s):
        """... a loop whose counter says nothing but which row an iteration touches."""
        if s.lo != Const(0) or s.step != Const(1) or s.brk is not None or s.parallel or any(
                infer.is_array(c.head) for c in s.carries):
            return None
        mine, rows, others = {v for t in walk([s]) for v in (*binds(t), *inner(t))}, set(), set()
        for t in walk(s.body):
            if not isinstance(t, Let | Get | Set | For | If) or getattr(t, "tapes", ()):
                return None
            used = list(reads(t))
            if isinstance(t, Get | Set) and infer.is_array(t.arr) and t.arr in used and t.arr not in mine and (
                    t.index[:1] == (s.var,)):
                rows.add(t.arr)
                used.remove(t.arr)
                used.remove(s.var)
            if s.var in used:
                return None
            others |= {v for v in used if infer.is_array(v) and v not in mine}
        return Rows(self.shapes.length(s.hi), rows - others, "loop")

    # ---- as members of groups
    def space(self, s):
        """The rows, as the one axis that a statement runs over."""
        found = self.rows(s)
        return None if found is None else (found.axis,)

    def exact(self, s):
        """No member runs over what is broadcast to more rows."""
        return True

    def accesses(self, s):
        """(buffers, where, kind) of what it reads, writes and adds to; `where` is the array whose rows are met one by one. What a
        product makes is nobody else's before."""
        found = self.rows(s)
        if isinstance(s, Let) and s.fn is np.transpose:
            return []
        if found is None:
            return super().accesses(s)
        touched = []

        def touch(v, kind):
            v = (self.turned(v) or v) if v in found.arrays else self.outer(v, s)
            if self.aliases.of(v) in self.aliases.written:
                touched.append((self.aliases.of(v), ("row", v) if v in found.arrays else None, kind))
        for t in walk([s]):
            if isinstance(t, Set):
                touch(t.arr, "a" if t.add else "w")
            for v in reads(t):
                if infer.is_array(v) and not (isinstance(t, Set) and v is t.arr):
                    touch(v, "r")
        return list(dict.fromkeys(touched))

    def outer(self, v, loop):
        """The array outside of a loop of which one that is bound in it is a part."""
        own = {u for t in walk([loop]) for u in binds(t)}
        while v in own and v in self.aliases.base:
            v = self.aliases.base[v]
        return v

    def at_hand(self, maker, s, v):
        """May a member use, strip by strip, what another one has made?"""
        mine, its = self.rows(s), self.rows(maker)
        return its is not None and v in mine.arrays and (its.kind == "view" or (its.kind == "product" and v in its.arrays))

    def makers(self, s, home):
        """The groups that make what a member meets row by row, the latest first."""
        found = {self.unit[home[v]] for v in self.rows(s).arrays if v in home and home[v] is not s}
        return sorted((g for g in found if g.space is not None and g is not self.unit[s]), key=lambda g: -g.members[0][0])

    def beside_sums(self, s, readers):
        """The products of one matrix with vectors: it takes longer to read than to multiply. Nothing else is brought together for
        what it reads alone."""
        if self.rows(s).kind not in ("product", "sum") or infer.rank_of(s.args[1]) != 1:
            return []
        same = readers.setdefault(("products", self.turned(s.args[0]) or s.args[0]), [])
        same.append(s)
        return same[:-1]

    def worth(self, unit):
        """Do a product and another statement go over the rows of one matrix?"""
        if unit.space is None or len(unit.members) < 2:
            return False
        found = [self.rows(s) for _, s in unit.members]
        products = [r for r in found if r.kind in ("product", "sum")]
        return any(infer.rank_of(v) == 2 and sum(v in r.arrays for r in found if r.kind != "view") > 1
                   for p in products for v in p.arrays)


class Strip:
    """The loop over strips of one group."""

    def __init__(self, strips, unit, here):
        self.f, self.b, self.members = strips, strips.b, [s for _, s in unit.members]
        self.axis, self.rows_of = *unit.space, strips.rows
        self.inside = [s for s in self.members if self.rows_of(s).kind != "view"]
        self.arrays = dict.fromkeys(v for s in self.inside for v in self.met(s))
        self.passing = {v for v in self.arrays if self.passes(v, here)}
        self.names = {}                     # array -> its rows in a strip

    def emitted(self):
        """The statements that take the place of the members."""
        with self.b.into([]) as made:
            self.emit()
        return made

    def emit(self):
        b, inside = self.b, self.inside
        b.place = next((s.place for s in self.members if s.place), None)
        self.n = self.f.shapes.longest(b, self.axis)
        size, start, self.rows = (Var(hint, types.intp) for hint in ("strip", "start", "rows"))
        width = functools.reduce(lambda x, y: b.let(max, x, y), self.widths())
        b.add(Let(size, blas.rows_together, (self.n, width, *(() if self.packed() else (Const(False),)))))
        for s in inside:
            self.prepare(s)
        b.block += [s for s in self.members if s not in inside]
        carries = []
        with b.into([]) as body:
            b.add(Let(self.rows, blas.rows_left, (self.n, start, size)))
            part = Span(start, b.let(operator.add, start, self.rows), None)
            for v in self.arrays:
                if v in self.passing:
                    self.names[v] = Var(v.hint, v.type)
                    self.add_array(self.names[v], np.empty, self.rows, v)
                else:
                    self.names[v] = b.get(v, (part,), hint=v.hint)
            for s in inside:
                getattr(self, self.rows_of(s).kind)(s, carries)
        b.add(For(start, Const(0), self.n, size, body, carries, place=b.place))

    def prepare(self, s):
        """Add what a product needs before the loop: where its rows go, or what it is added up in."""
        make = {"sum": np.zeros, "product": np.empty}.get(self.rows_of(s).kind)
        if make and s.out not in self.passing:
            self.add_array(s.out, make, None, s.out)

    def add_array(self, out, make, rows, like):
        """Add an array of the shape of another one, but for its rows."""
        axes = self.f.shapes.of(like)
        lengths = tuple(rows if k == 0 and rows else self.f.shapes.longest(self.b, axis) for k, axis in enumerate(axes))
        shape = Tup(lengths) if len(lengths) > 1 else lengths[0]
        self.b.add(Let(out, make, (shape, Const(infer.numpy_type(like.type))), (), self.b.place))

    def widths(self):
        """How many entries a row has, of each of the matrices that products go over."""
        products = [s for s in self.inside if self.rows_of(s).kind != "loop"]
        axes = dict.fromkeys(self.f.shapes.of(v)[1] for s in products for v in self.met(s) if infer.rank_of(v) == 2)
        return [self.f.shapes.longest(self.b, axis) for axis in axes]

    def packed(self):
        """Is there a product of matrices among the members?"""
        return any(isinstance(s, Let) and infer.rank_of(s.args[1]) == 2 for s in self.inside)

    def met(self, s):
        """The arrays whose rows a member meets, in the order in which it does."""
        if self.rows_of(s).kind == "sum":
            return [self.f.turned(s.args[0]), s.args[1]]
        return [v for t in walk([s]) for v in (*reads(t), *binds(t)) if v in self.rows_of(s).arrays]

    def passes(self, v, here):
        """Is an array made, and all that is done with it done, by the members, row by row?"""
        made, uses = self.f.shapes.made.get(v), self.f.uses
        if made not in here or not isinstance(made, Let) or made.fn not in (np.empty, *PRODUCTS) or (
                made.fn in PRODUCTS and made not in self.members):
            return False
        c, members = uses.aliases.of(v), self.members if made in self.members else [made, *self.members]
        return c not in uses.lost | uses.kept and sum(own[c] for own in uses.all_touched(members)) == uses.users[c] and all(
            c is not uses.aliases.of(u) or {u, self.f.outer(u, s)} & self.rows_of(s).arrays
            for s in self.members for t in walk([s]) for u in reads(t) if infer.is_array(u))

    # ---- the members in the loop
    def loop(self, s, carries):
        """A loop over a strip's rows; what it carries goes on to the next strip."""
        own = []
        for c in s.carries:
            head, exit = Var(c.head.hint, c.head.type), Var(c.exit.hint, c.exit.type)
            carries.append(Carry(head, c.init, exit, c.exit, c.loose))
            own.append(replace(c, init=head, exit=exit))
        mine = self.rows_of(s).arrays
        self.b.block += substituted([replace(s, hi=self.rows, carries=own)], lambda v: self.names[v] if v in mine else v)

    def product(self, s, carries):
        """Rows of a product."""
        self.b.add(Do(np.dot, (self.names[s.args[0]], s.args[1], self.names[s.out])))

    def sum(self, s, carries):
        """A product that sums over the rows, of which each strip is a part."""
        x, y = self.names[self.f.turned(s.args[0])], self.names[s.args[1]]
        self.b.add(Do(blas.add_product_of_rows, (s.out, x, y, self.rows)))
