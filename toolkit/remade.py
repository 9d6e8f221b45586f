"""Remade: what one cheap operation makes of an array that is there in any case is made again by each of its readers.

    c = x - m; ... c ** 2 ...; ... c / d ...      becomes      ... (x - m) ** 2 ...; ... (x - m) / d ...

Program -> Program, the same function to the last bit. An array that several loops read is written once and read from memory each
time; made again, it costs each of them an operation beside the same read of another array, and takes no room. Readers that come
to run in one loop share what they compute there (see `normal.floats_shared`).
Reference: the duplication of cheap producers in XLA's fusion.
"""
import operator
from dataclasses import replace

import numpy as np

from . import infer
from .members import Members, elementwise_use
from .program import Let, Var, rebuilt, substituted, variables

CHEAP = {operator.add, operator.sub, operator.mul, operator.neg, np.add, np.subtract, np.multiply, np.negative}


def remade(program):
    """The program whose loops make cheap arrays again."""
    return replace(program, body=Remade(program).block(program.body))


class Remade(Members):
    """The blocks of one program."""

    def block(self, block):
        """A block whose readers of cheap arrays have each its own."""
        here, made, cheap = set(block), [], {}
        for s in block:
            mine = [cheap[v] for v in dict.fromkeys(self.arrays(s)) if v in cheap]
            if not mine and self.is_cheap(s) and self.is_read_in_loops(s.out, here):
                cheap[s.out] = s
                continue
            for t in mine:
                own = Var(t.out.hint, t.out.type)
                made.append(replace(t, out=own))
                s, = substituted([s], lambda v, old=t.out, own=own: own if v is old else v)
            made.append(rebuilt(s, self.block))
        return made

    def is_read_in_loops(self, array, block):
        """Do several members of a block read an array, entry by entry, and nothing else, so that it is not written either?"""
        readers = set(self.readers.get(array, ()))
        return len(readers) > 1 and all(s in block and self.space(s) is not None and elementwise_use(s, array) for s in readers)

    def is_cheap(self, s):
        """Is it one operation on an array that lies in memory in the order in which it is read, and on what is smaller, none of
        which is ever written?"""
        if not isinstance(s, Let) or s.fn not in CHEAP or self.space(s) is None:
            return False
        arrays, own = self.arrays(s), self.shapes.of(s.out)
        whole = [v for v in arrays if self.shapes.of(v) == own]
        return len(whole) == 1 and self.is_there(whole[0]) and not any(map(self.aliases.mutable, arrays))

    def is_there(self, array):
        """Does it lie in memory by rows in any case, as what no loop over entries makes?"""
        made = self.shapes.made.get(array)
        return array.type.layout == "C" and (made is None or self.space(made) is None)

    def arrays(self, s):
        """The arrays that a statement names in its operands."""
        return [v for v in variables(*getattr(s, "args", ()), getattr(s, "value", None)) if infer.is_array(v)]
