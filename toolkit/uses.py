"""What the statements of a program do with its arrays: which touch one, and what else may know of it.

A class is that of all names that may be of one buffer (see `activity.Aliases`).
"""
from collections import Counter

from numba import types

from . import infer
from .activity import Aliases
from .primitive import VIEWS
from .program import For, Let, binds, inner, reads, variables, walk
from .reuse import READERS
from .shapes import Shapes


class Uses:
    """The arrays of one program: `users`, how many statements touch a class; `shared`, the classes of what the caller has or a
    function may have returned, of which one may be a part of another; `theirs`, these and those of what the caller gets; `lost`,
    these and those that pass through a loop, a branch or a stack; `kept`, those of which something else may be a part."""

    def __init__(self, program):
        self.aliases, self.shapes = Aliases(program), Shapes(program)
        self.read = {v for s in walk(program.body) for v in reads(s)} | set(variables(program.result))
        self.users = Counter(c for s in walk(program.body) for c in self.touched(s))
        of = self.aliases.of
        self.shared = self.aliases.external | {of(v) for s in walk(program.body) if self.may_return(s)
                                               for v in (s.out, *reads(s)) if infer.is_array(v)}
        self.theirs = self.shared | {of(v) for v in variables(program.result) if infer.is_array(v)}
        self.lost = self.aliases.carried | self.theirs
        self.kept = {of(v) for s in walk(program.body) if self.may_keep(s) for v in reads(s) if infer.is_array(v)}

    def may_keep(self, s):
        """May a statement make something of which an array that it reads is a part, as NumPy's np.diag does, and Numba's not?"""
        number = isinstance(s, Let) and isinstance(infer.type_of(s.out), types.Number | types.Boolean)
        return isinstance(s, Let) and not number and s.fn not in READERS and s.fn not in VIEWS and not self.shapes.elementwise(s)

    def may_return(self, s):
        """May a statement give an array that it reads another name, of which the classes know nothing?"""
        return self.may_keep(s) and infer.is_array(s.out) and any(infer.rank_of(v) == infer.rank_of(s.out) for v in reads(s))

    def touched(self, s):
        """The classes of the arrays that a statement itself names, unless it makes what nobody reads."""
        if isinstance(s, Let) and s.out not in self.read:
            return set()
        return {self.aliases.of(v) for v in (*reads(s), *binds(s), *inner(s)) if infer.is_array(v)}

    def all_touched(self, block):
        """How many of the statements in each statement of a block touch which classes."""
        return [Counter(c for t in walk([s]) for c in self.touched(t)) for s in block]


def nested(s):
    """The loops of a nest, one in another, and what is in the innermost one besides numbers that are computed."""
    nest, last = [], [s]
    while len(last) == 1 and isinstance(last[0], For) and last[0].brk is None and not last[0].carries and not last[0].parallel:
        nest.append(last[0])
        last = [t for t in nest[-1].body if not is_number(t)]
    return nest, last


def is_number(s):
    """Does a statement compute a number of others?"""
    return isinstance(s, Let) and not infer.is_array(s.out) and not any(map(infer.is_array, reads(s)))
