"""What one operation costs, from its card and the lengths of its arrays: flops by kind, and bytes.

The kinds tell apart what a processor does at different speeds, so that a rate for each makes seconds of flops:

    lanes       in an innermost loop without branches, from nothing that the iteration before it makes: vector code
    chain       in such a loop, waiting for the iteration before it, as a sum does
    scalar      everywhere else in loops, and outside of them
    array       in an array expression, which Numba makes a loop of; `strided` where it reads views, each element by its indices
    library     elementary functions, as Numba calls them; `elementary` those of toolkit.elementary
    product     BLAS and LAPACK

A flop is what a card says that it is: 1 for an addition, product or comparison, 4 for a division, 20 for `exp`. Signs go with the
sums that they stand in, and arithmetic of integers is not counted. Bytes are those that the program's text reads and writes,
wherever they are held.
"""
import inspect
import operator
from collections import Counter

import numpy as np
from numba import types

from . import infer
from .activity import Aliases
from .domain import Block
from .errors import Refusal
from .primitive import FLAT, lookup
from .program import Const, For, Get, If, Let, Set, Span, While, binds, reads, variables, walk
from .registers import is_sum
from .runtime import minus, plus, unbroadcast
from .shapes import COMPARISONS
from .vectors import OURS

FLOPS = ("lanes", "chain", "scalar", "array", "strided", "library", "elementary", "product")
LONG = 15                       # flops of a card from which on it is a function that is called
PRODUCTS = ("matmul", "matvec", "vecmat", "dot", "outer", "gram", "pinched")
LIBRARY_OF = {ours: theirs for theirs, ours in OURS.items()}
POWERS = (operator.pow, np.power)
SIGNS = (operator.neg, operator.pos)
OPERATORS = {*COMPARISONS, operator.floordiv}


def size(shape):
    """How many entries an array of this shape has; 1 for a number."""
    n = 1
    for d in shape:
        n *= d
    return n


def card_of(s):
    """The card of an operation, or None."""
    fn = LIBRARY_OF.get(s.fn, {plus: operator.add, minus: operator.sub}.get(s.fn, s.fn))
    try:
        return getattr(fn, "card", None) or lookup(fn, tuple(map(infer.rank_of, s.args)))
    except Refusal:                     # an argument that is no value
        return None


def elementwise(s, card):
    """Is it the same for each element, by NumPy's broadcasting?"""
    return s.fn in OPERATORS or isinstance(s.fn, np.ufunc) or (card is not None and card.elementwise)


def exponent(s):
    """The k of x**k that becomes products, or None."""
    k = s.args[1].value if s.fn in POWERS and isinstance(s.args[1], Const) else None
    return int(abs(k)) if isinstance(k, int | float) and k in (0, 1, 2, 3, 4) else None


def flops(s, shapes, out):
    """Of one operation on arguments of these shapes, whose result has the shape `out`; () of a number, and of anything else."""
    if s.fn in SIGNS:
        return 0
    card = card_of(s)
    n = size(out) if elementwise(s, card) else 1
    if (k := exponent(s)) is not None:
        return max(k - 1, 0) * n
    if card is None or s.fn in FLAT:
        return n if elementwise(s, card) and any(infer.is_float(a) for a in variables(*s.args)) else 0
    if not any(infer.is_float(v) for v in (s.out, *variables(*s.args)) if not isinstance(v.type, types.BaseTuple)):
        return 0
    if not callable(card.flops):
        return card.flops * n
    if s.fn is unbroadcast and shapes[0] == shapes[1]:
        return 0
    letters = {}
    for shape, domain in zip(shapes, card.domain):
        if isinstance(domain, Block) and shape:         # of a card for any rank, the last letter stands for all that are left
            last = min(len(domain.dims), len(shape)) - 1
            letters |= zip(domain.dims, (*shape[:last], size(shape[last:])))
    return card.flops(*(letters.get(d, 1) for d in inspect.signature(card.flops).parameters))


class Kinds:
    """Of which kind the flops of each statement of a program are."""

    def __init__(self, program):
        self.waiting, self.free = set(), set()
        self.aliases, uses = Aliases(program), Counter(v for s in walk(program.body) for v in reads(s))
        uses.update(variables(program.result))
        expressions = {s.out: s for s in walk(program.body)
                       if isinstance(s, Let) and infer.is_array(s.out) and elementwise(s, card_of(s))}
        read = {v for s in expressions.values() for v in variables(*s.args)}
        # array expressions inside another: Numba makes no array of them
        self.inside = {v for v in expressions if v in read and v.hint == "t" and uses[v] == 1}
        for s in walk(program.body):
            if isinstance(s, For) and not any(isinstance(t, For | While) for t in walk(s.body)):
                self.innermost(s)

    def innermost(self, loop):
        """Which statements of a loop without loops wait for those of the iteration before, and which need not wait at all."""
        inside = list(walk(loop.body))
        late = {c.head for c in loop.carries if infer.is_float(c.head) and not is_sum(c, loop)}
        moving = {loop.var, *(v for s in inside for v in binds(s)), *(c.head for c in loop.carries)}
        at = lambda s: tuple(i for i in s.index if isinstance(i, Span) or i in moving)
        written = {}
        for s in inside:
            if isinstance(s, Set):
                written.setdefault(self.aliases.of(s.arr), set()).add(at(s))
        plain = not any(isinstance(s, If) or self.called(s) for s in inside)
        for s in inside:
            home = self.aliases.of(s.arr) if isinstance(s, Get | Set) else None
            from_before = isinstance(s, Get) and written.get(home, {at(s)}) != {at(s)}
            in_place = isinstance(s, Set) and bool(s.add) and not at(s)
            if from_before or in_place or any(v in late for v in reads(s)):
                late |= set(binds(s))
                self.waiting.add(s)
            elif plain:
                self.free.add(s)

    @staticmethod
    def called(s):
        """Is it a function of Numba's that is called, so that no loop around it is vector code?"""
        card = card_of(s) if isinstance(s, Let) and s.fn not in FLAT and s.fn not in LIBRARY_OF else None
        return card is not None and not callable(card.flops) and card.flops >= LONG and exponent(s) is None

    def of(self, s):
        """The kind of a statement's flops."""
        if isinstance(s, Let) and s.fn in LIBRARY_OF:
            return "elementary" if s in self.free else "library"
        if self.called(s):
            return "library"
        card = card_of(s) if isinstance(s, Let) else None
        if card is not None and s.fn not in FLAT and callable(card.flops):
            return "product" if is_product(s) else "chain"
        arrays = [a for a in variables(*(s.args if isinstance(s, Let) else (s.arr,))) if infer.is_array(a)]
        if isinstance(s, Let) and infer.is_array(s.out):
            return "strided" if any(a.type.layout == "A" for a in arrays) else "array"
        return "chain" if s in self.waiting else "lanes" if s in self.free else "scalar"


def is_product(s):
    """Is it BLAS's or LAPACK's?"""
    return s.fn in vars(np.linalg).values() or (isinstance(s, Let) and getattr(card_of(s), "name", None) in PRODUCTS)
