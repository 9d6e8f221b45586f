"""Products of matrices in the reverse sweep: what is added to a transposed buffer is transposed instead, two products with a
common factor that are added up are one product, A X + A Y = A (X + Y), and of a product whose rows are added up, and which serves
nothing else, one row is made, 1ᵀ (A B) = (1ᵀ A) B.

Program -> Program, the same function up to rounding. The function's own products are left as they are.
"""
import operator
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from . import infer, runtime
from .activity import Aliases
from .builder import Builder
from .program import (
    Const,
    Let,
    Note,
    Set,
    Var,
    binds,
    filtered,
    mapped,
    reads,
    rebuilt,
    substituted,
    variables,
    walk,
)
from .shapes import PRODUCTS, Shapes


def products_shared(program):
    """The program with fewer products of matrices."""
    return Products(program).done


@dataclass
class Term:
    """A product that was added to a buffer: where the statement stands, and its factors."""
    at: int
    store: Set
    factors: tuple


def rows_summed_first(program):
    """The program whose reverse sweep adds up rows before it multiplies them with a matrix."""
    aliases, shapes, b, gone, backwards = Aliases(program), Shapes(program), Builder(), set(), False
    users = Counter(v for s in walk(program.body) for v in reads(s)) + Counter(variables(program.result))

    def chain(s, block):
        """The statements of a block, from a product on, that end with the sum of its rows, and serve nothing else; else ()."""
        over_rows = isinstance(s, Let) and infer.rank_of(s.out) == 1 and (
            s.fn is runtime.unbroadcast or (s.fn is np.sum and s.args[1:] == (Const(0),) and not s.kw))
        found = [s] if over_rows else []
        while found and users[v := found[0].args[0]] == 1 and isinstance(made := shapes.made.get(v), Let):
            if made.fn in PRODUCTS and [infer.rank_of(a) for a in made.args] == [2, 2]:
                return (made, *found) if shapes.of(s.out) == shapes.of(v)[1:] and still(made, s, block) else ()
            found = [made, *found] if made.fn is operator.neg else []
        return ()

    def still(product, s, block):
        """Are the factors of a product the same at a later statement of a block?"""
        return product in block and aliases.unwritten(product.args, block[block.index(product):block.index(s)])

    def block(statements):
        nonlocal backwards
        with b.into([]) as out:
            for s in statements:
                backwards |= isinstance(s, Note)
                if backwards and (found := chain(s, statements)):
                    product, *signs, _ = found
                    x, y = product.args
                    v = b.let(operator.matmul, b.let(np.sum, x, Const(0)), y)
                    for _ in signs:
                        v = b.let(operator.neg, v)
                    out[-1].out = s.out
                    gone.update(found)
                else:
                    out.append(rebuilt(s, block))
        return out

    body = block(program.body)
    return replace(program, body=filtered(body, lambda s: s not in gone)) if gone else program


class Products:
    """Rewrites the blocks of one program."""

    def __init__(self, program):
        self.aliases, self.b, self.backwards, self.named = Aliases(program), Builder(), False, {}
        self.made = {s.out: s for s in walk(program.body) if isinstance(s, Let)}
        if any(self.product(s.value) if isinstance(s, Set) and s.add else self.twice_turned(s) for s in walk(program.body)):
            final = lambda v: self.named.get(v, v)
            body = substituted(self.block(program.body), final)
            program = replace(program, body=body, result=mapped(program.result, final))
        self.done = program

    def product(self, v):
        """The statement that multiplies two matrices to make v; None if there is none."""
        s = self.made.get(v) if isinstance(v, Var) else None
        return s if s and s.fn in PRODUCTS and [infer.rank_of(a) for a in s.args] == [2, 2] else None

    def turned(self, v):
        """v, transposed: what it is the transpose of, if it is that of something."""
        base = self.transposed(v)
        if base is not None:
            return base
        out = self.b.let(np.transpose, v)
        self.made[out] = self.b.block[-1]
        return out

    def transposed(self, v):
        """The matrix that v is the transpose of; None if it is not known to be one."""
        s = self.made.get(v)
        plain = isinstance(s, Let) and s.fn is np.transpose and len(s.args) == 1 and infer.rank_of(v) == 2
        return self.named.get(s.args[0], s.args[0]) if plain else None

    def twice_turned(self, s):
        """What a statement makes by transposing its transpose; None where it is another statement."""
        base = self.transposed(s.out) if isinstance(s, Let) else None
        return None if base is None else self.transposed(base)

    def block(self, block):
        before, terms = self.backwards, []
        with self.b.into([]) as made:
            for s in block:
                self.backwards |= isinstance(s, Note)
                if (twice := self.twice_turned(s)) is not None:
                    self.named[s.out] = twice
                    continue
                s = rebuilt(s, self.block)
                if self.backwards and isinstance(s, Set) and s.add and s.index == (Const(Ellipsis),) and self.product(s.value):
                    s = self.upright(s)
                    if self.shared(s, terms, made):
                        continue
                    terms = [t for t in terms if not self.disturbs(s, t)]
                    terms.append(Term(len(made), s, self.product(s.value).args))
                else:
                    terms = [t for t in terms if not self.disturbs(s, t)]
                made.append(s)
        self.backwards = before
        return [s for s in made if s is not None]

    def upright(self, s):
        """The same contribution, to the buffer whose transpose it is for."""
        base = self.transposed(s.arr)
        if base is None:
            return s
        x, y = self.product(s.value).args
        return replace(s, arr=base, value=self.multiplied(self.turned(y), self.turned(x)))

    def multiplied(self, x, y):
        out = self.b.let(operator.matmul, x, y, hint="bar")
        self.made[out] = self.b.block[-1]
        return out

    def shared(self, s, terms, made):
        """Let a contribution be one with an earlier one to the same buffer, if they have a factor in common."""
        for t in terms:
            for side in (0, 1):
                mine, theirs = self.product(s.value).args, t.factors
                if t.store.arr is s.arr and self.named.get(mine[side], mine[side]) is self.named.get(theirs[side], theirs[side]):
                    both = self.b.let(operator.add, theirs[1 - side], mine[1 - side], hint="bar")
                    self.made[both] = self.b.block[-1]
                    value = self.multiplied(mine[0], both) if side == 0 else self.multiplied(both, mine[1])
                    made[t.at] = None
                    terms.remove(t)
                    terms.append(Term(len(made), replace(s, value=value), self.product(value).args))
                    made.append(terms[-1].store)
                    return True
        return False

    def disturbs(self, s, term):
        """Does a statement use the buffer of a contribution, or write its factors?"""
        buffer = self.aliases.of(term.store.arr)
        mine = {buffer, *map(self.aliases.of, term.factors)}
        for t in walk([s]):
            if isinstance(t, Set) and self.aliases.of(t.arr) in mine and not self.commutes(t, buffer):
                return True
            views = isinstance(t, Let) and t.fn is np.transpose
            if not views and any(infer.is_array(v) and self.aliases.of(v) is buffer for v in (*reads(t), *binds(t)) if (
                    not isinstance(t, Set) or v is not t.arr)):
                return True
        return False

    def commutes(self, t, buffer):
        """Is it another contribution to a buffer?"""
        return bool(t.add) and self.aliases.of(t.arr) is buffer
