"""Loop order: a reverse loop whose iterations may come in any order runs forwards, as memory is read best.

That is so where the loop carries nothing but sums whose order is open, keeps and takes nothing from a tape, and no two iterations
meet at an entry but by adding to it.
References: Allen & Kennedy, Optimizing Compilers for Modern Architectures (2001), section 5.2 (loop reversal).
"""
import operator
from dataclasses import replace

from . import infer
from .activity import Aliases
from .builder import Builder
from .dependence import Dependence
from .program import LOOSE, Const, For, Get, If, Let, Set, reads, rebuilt, walk
from .registers import is_sum
from .shapes import Shapes
from .twins import names_alone


def forwards(program):
    """The program with its innermost loops forwards where that is the same."""
    return replace(program, body=Forwards(program).block(program.body))


class Forwards:
    """The loops of a program."""

    def __init__(self, program):
        self.aliases, self.b = Aliases(program), Builder()
        self.dependence = Dependence(program, self.aliases, Shapes(program))
        self.made = {s.out: s for s in walk(program.body) if isinstance(s, Let)}

    def block(self, block):
        with self.b.into([]) as made:
            for s in block:
                if isinstance(s, For) and s.step == Const(-1) and self.in_any_order(s):
                    made.append(replace(s, lo=after(self.b, self.made, s.hi), hi=after(self.b, self.made, s.lo), step=Const(1)))
                else:
                    made.append(rebuilt(s, self.block))
        return made

    def in_any_order(self, loop):
        """May the iterations of an innermost loop run in any order?"""
        statements = list(walk(loop.body))
        if loop.brk is not None or not all(isinstance(s, (Let, Get, Set, If)) for s in statements):
            return False
        if not all(is_sum(c, loop) for c in loop.carries):
            return False
        uses = [s for s in statements if not names_alone(s) and not isinstance(s, If)]
        stores = [s for s in uses if isinstance(s, Set)]
        return not any(self.meet(w, s, loop) for w in stores for s in uses)

    def meet(self, w, s, loop):
        """May a store meet what another statement does in another iteration, so that their order matters?"""
        arrays = [v for v in reads(s) if infer.is_array(v) and self.aliases.of(v) is self.aliases.of(w.arr)
                  and not self.aliases.apart_in(loop, v, w.arr)]
        if not arrays or (isinstance(s, Set) and s.add == w.add == LOOSE and arrays == [s.arr]):
            return False
        if not isinstance(s, (Get, Set)) or arrays != [s.arr]:
            return True
        one, other = ((t.arr, t.index) for t in (w, s))
        return self.dependence.follow(one, other, loop) or self.dependence.follow(other, one, loop)


def after(b, made, atom):
    """atom + 1; `made` says what an atom is, in case that it is one less than another."""
    s = made.get(atom)
    if isinstance(s, Let) and s.fn is operator.sub and s.args[1] == Const(1):
        return s.args[0]
    return b.let(operator.add, atom, Const(1))
