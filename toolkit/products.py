"""Products of matrices in the reverse sweep: what is added to a transposed buffer is transposed instead, and two products with a
common factor that are added up are one product, A X + A Y = A (X + Y).

Program -> Program, the same function up to rounding. The function's own products are left as they are.
"""
import operator
from dataclasses import dataclass, replace

import numpy as np

from . import infer
from .activity import Aliases
from .builder import Builder
from .program import Const, Let, Note, Set, Var, binds, mapped, reads, rebuilt, substituted, walk

PRODUCTS = (operator.matmul, np.dot)


def products_shared(program):
    """The program with fewer products of matrices."""
    return Products(program).done


@dataclass
class Term:
    """A product that was added to a buffer: where the statement stands, and its factors."""
    at: int
    store: Set
    factors: tuple


class Products:
    """Rewrites the blocks of one program."""

    def __init__(self, program):
        self.aliases, self.b, self.backwards, self.named = Aliases(program), Builder(), False, {}
        self.made = {s.out: s for s in walk(program.body) if isinstance(s, Let)}
        if any(self.product(s.value) for s in walk(program.body) if isinstance(s, Set) and s.add):
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

    def block(self, block):
        before, terms = self.backwards, []
        with self.b.into([]) as made:
            for s in block:
                self.backwards |= isinstance(s, Note)
                if isinstance(s, Let) and (base := self.transposed(s.out)) is not None and (
                        twice := self.transposed(base)) is not None:
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
