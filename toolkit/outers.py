"""Outer products: those that a reverse loop adds to one matrix are added as one product of matrices for many iterations.

    for ...: a += outer(x, y)        becomes         for ...: keep x and y as rows; after every 64: a += rows.T @ rows

An outer product reads and writes the whole matrix for each number that it adds; a product of matrices stays in the caches and is
BLAS's. Small matrices, and loops of few iterations, are left as they are: which it is, the program asks before the loop.
References: Goto & van de Geijn, Anatomy of high-performance matrix multiplication (2008), section 4.
"""
import functools
import operator
from dataclasses import replace

import numpy as np
from numba import types

from . import blas, infer
from .activity import Aliases
from .builder import Builder, trips
from .program import LOOSE, Const, Do, For, Get, If, Let, Set, Span, Tup, binds, inner, reads, rebuilt, walk
from .shapes import Shapes

FLOATS = {types.float32, types.float64}
ONES = (Const(1), Const(-1))
WHOLE = (Const(Ellipsis),)
COLUMN = (Span(Const(None), Const(None), None), Const(None))    # x[:, None]
STRIP = Const(32)               # so many iterations for one product
LEAST = Const(1024), Const(8)   # entries of the matrix, and iterations, from which on it is worth it


def outers_together(program):
    """The program whose loops keep outer products for products of matrices."""
    return replace(program, body=Outers(program).block(program.body))


class Outers:
    """The loops of one program."""

    def __init__(self, program):
        self.aliases, self.shapes, self.b = Aliases(program), Shapes(program), Builder()
        self.users = {}
        for s in walk(program.body):
            for v in reads(s):
                self.users.setdefault(v, []).append(s)

    def block(self, block):
        with self.b.into([]) as made:
            for s in block:
                s = rebuilt(s, self.block)
                if isinstance(s, For) and s.step in ONES and s.brk is None and not s.parallel and (found := self.found(s)):
                    s = self.kept(s, found)
                made.append(s)
        return made

    # ---- which
    def found(self, loop):
        """{matrix: [(the statement that adds an outer product to it, its two vectors)]} of a loop."""
        found, own = {}, {v for t in walk([loop]) for v in (*binds(t), *inner(t))}
        for s in loop.body:
            if isinstance(s, Set) and s.add == LOOSE and s.index == WHOLE and s.arr not in own and (
                    vectors := self.vectors(s, loop.body)) is not None:
                found.setdefault(s.arr, []).append((s, vectors))
        return {a: terms for a, terms in found.items() if self.only_added_to(a, loop, [s for s, _ in terms])}

    def vectors(self, s, block):
        """(x, y) where a statement of a block adds their outer product, made there of what they still hold, of its own shape and
        for nothing else, to a matrix; else None."""
        product = self.shapes.made.get(s.value)
        if not isinstance(product, Let) or product.fn is not operator.mul or self.users[s.value] != [s] or len(product.args) != 2:
            return None
        column, y = self.shapes.made.get(product.args[0]), product.args[1]
        if not isinstance(column, Get) or column.index != COLUMN or self.users[column.out] != [product]:
            return None
        if column not in block or product not in block or infer.rank_of(y) != 1 or not self.aliases.unwritten(
                (column.arr, y), block[block.index(product):block.index(s)]):
            return None
        x, kinds = column.arr, {infer.scalar(infer.type_of(v)) for v in (s.arr, column.arr, y)}
        fits = (*self.shapes.of(x), *self.shapes.of(y)) == self.shapes.of(s.arr)
        return (x, y) if infer.rank_of(x) == 1 and fits and len(kinds) == 1 and kinds <= FLOATS else None

    def only_added_to(self, matrix, loop, terms):
        """Does a loop nothing to a matrix but add some terms to it?"""
        c = self.aliases.of(matrix)
        others = [s for s in walk(loop.body) if s not in terms and not (isinstance(s, Let) and s.out not in self.users)]
        return matrix.type.layout == "C" and not any(
            infer.is_array(v) and self.aliases.of(v) is c for s in others for v in (*reads(s), *binds(s), *inner(s)))

    # ---- what is made of them
    def kept(self, loop, found):
        """The loop, which keeps rows; what they need is added before it."""
        b, up = self.b, loop.step == ONES[0]
        n = b.let(trips, loop.lo, loop.hi, loop.step)
        sides = {matrix: [b.dim(matrix, k) for k in (0, 1)] for matrix in found}
        size = functools.reduce(lambda x, y: b.let(operator.add, x, y), [b.let(operator.mul, *pair) for pair in sides.values()])
        kept = b.let(operator.and_, b.let(operator.ge, n, LEAST[1]), b.let(operator.ge, size, LEAST[0]), hint="kept")
        strip = b.branch(kept, lambda: b.let(min, n, STRIP), lambda: Const(1), "strip")
        last = b.let(operator.sub if up else operator.add, loop.hi, Const(1), hint="last")
        rows = {matrix: self.rows(matrix, len(terms), strip, sides[matrix]) for matrix, terms in found.items()}
        products = [self.shapes.made[s.value] for terms in found.values() for s, _ in terms]
        gone = {*products, *(self.shapes.made[s.args[0]] for s in products)}
        with b.into([]) as body:
            at = b.let(operator.mod, b.let(operator.sub, *((loop.var, loop.lo) if up else (loop.lo, loop.var))), strip, hint="at")
            count = b.let(operator.add, at, Const(1))
            full = b.let(operator.or_, b.let(operator.eq, count, strip), b.let(operator.eq, loop.var, last), hint="full")
            for s in loop.body:
                terms = found.get(getattr(s, "arr", None), ())
                k = next((k for k, (t, _) in enumerate(terms) if t is s), None)
                if k is not None:
                    fill = self.filling(s, terms, k, rows[s.arr], at, (full, count))
                    b.add(If(kept, fill, self.at_once(s, terms[k][1])))
                elif s not in gone:
                    b.add(s)
        return replace(loop, body=body)

    def rows(self, matrix, terms, strip, sides):
        """The two arrays whose rows are the vectors of a strip."""
        n = self.times(strip, terms)
        return [self.b.let(np.empty, Tup((n, side)), Const(infer.numpy_type(matrix.type)), hint="rows") for side in sides]

    def filling(self, s, terms, k, rows, at, full):
        """A block that keeps the vectors of the k-th of an iteration's outer products, and adds all that are kept when that was
        the last of a strip: full = (whether it is full, how many iterations are in it)."""
        with self.b.into([]) as block:
            here = self.times(at, len(terms))
            here = self.b.let(operator.add, here, Const(k)) if k else here
            for array, v in zip(rows, terms[k][1]):
                self.b.set(array, (here,), v)
            if k == len(terms) - 1:
                n = self.times(full[1], len(terms))
                self.b.add(If(full[0], [Do(blas.add_product_of_rows, (s.arr, *rows, n))], []))
        return block

    def at_once(self, s, vectors):
        """A block that adds an outer product."""
        with self.b.into([]) as block:
            self.b.set(s.arr, WHOLE, self.b.let(operator.mul, self.b.get(vectors[0], COLUMN), vectors[1]), add=LOOSE)
        return block

    def times(self, n, terms):
        return self.b.let(operator.mul, n, Const(terms)) if terms > 1 else n
