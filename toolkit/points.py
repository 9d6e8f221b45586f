"""Points at which a card may be used: one-line programs through what a user would call, and arguments of its domain.

The tests hold cards to the laws there, and experiments measure what they cost.
"""
import ast
import functools
import inspect
import itertools
from dataclasses import dataclass

import numba
import numpy as np

from . import catalogue as _catalogue  # noqa: F401  (the cards register themselves)
from . import infer
from .build import load
from .builder import constant
from .custom import Custom
from .domain import SIZES, Block, Fixed
from .errors import Refusal
from .primitive import CATALOGUE, lookup
from .program import Var

CALLS = [(card, call) for call, cards in CATALOGUE.items() for card in cards if not isinstance(call, Custom)]
CARDS = list(dict.fromkeys(card for card, _ in CALLS))
SHAPES = {0: (), 1: (4,), 2: (3, 4), 3: (2, 3, 4)}      # of a scalar domain, where the card says which rank it serves
FEW = 4                                                 # combinations of fixed arguments


@dataclass(frozen=True)
class Point:
    """A program, and arguments for it; `values` are those of the card's parameters, `where` is the position in the program of
    each active one."""
    card: object
    call: object
    fn: object
    args: tuple
    where: dict
    values: dict

    @property
    def argnums(self):
        return tuple(self.where.values())

    def __repr__(self):
        shown = ", ".join(str(numba.typeof(a)) for a in self.args)
        return f"{infer.name_of(self.call)} as `{inspect.getsource(self.fn).splitlines()[-1].strip()}`({shown})"


def calls(card):
    """What a user may write for a card."""
    return [call for call, cards in CATALOGUE.items() if card in cards]


def literal(value):
    """Can a fixed argument be written out?"""
    try:
        return ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError):
        return False


def combinations(card):
    """Values of the fixed parameters, a few combinations of them."""
    names = [p for p, d in zip(card.params, card.domain) if isinstance(d, Fixed)]
    rows = itertools.product(*(d.values for d in card.domain if isinstance(d, Fixed)))
    return [dict(zip(names, row)) for row in itertools.islice(rows, FEW)]


def number(x):
    """A 0-d array as the number that Numba's users pass."""
    return float(x) if x.dtype == np.float64 else x[()]


def sample(card, rng, fixed, shapes, dtype, sizes):
    """The parameters at one point; `shapes`: those of the elementwise ones, in order."""
    values, shapes = {}, itertools.cycle(shapes)
    for k, (p, d) in enumerate(zip(card.params, card.domain)):
        if isinstance(d, Fixed):
            values[p] = fixed[p]
        elif isinstance(d, Block):
            drawn = d.sample(rng, sizes, dtype)
            values[p] = drawn if drawn.ndim else number(drawn)
        else:
            shape, rank = next(shapes), card.ranks and card.ranks[k]
            shape = shape if rank is None else SHAPES[rank]
            drawn = d.sample(rng, shape, dtype)
            values[p] = drawn if shape else number(drawn)
    return values


def point(card, values):
    """The program through the first callable that Numba compiles for these values; None where there is none."""
    defaults = {n: p.default for n, p in inspect.signature(card.value).parameters.items() if p.default is not p.empty}
    names = list(card.params)
    while True:
        atoms = [Var(p, numba.typeof(values[p])) if p in card.active else constant(values[p]) for p in names]
        for call in calls(card):
            if lookup(call, tuple(map(infer.rank_of, atoms))) is not card:
                continue
            try:
                infer.result_type(call, atoms)
            except Refusal:
                continue
            return program(card, call, names, values)
        last = names[-1]            # an optional argument at its default may be left out
        if last in card.active or last not in defaults or defaults[last] != values[last]:
            return None
        names.pop()


def program(card, call, names, values):
    """`return fn(x, 0, y)`: the active arguments are parameters, the fixed ones are written out."""
    heads = [p for p in names if p in card.active or not literal(values[p])]
    shown = ", ".join(p if p in heads else repr(values[p]) for p in names)
    fn = load(f"def card_program({', '.join(heads)}):\n    return fn({shown})\n", {"fn": call}, "card_program")
    where = {p: k for k, p in enumerate(heads) if p in card.active}
    return Point(card, call, fn, tuple(values[p] for p in heads), where, values)


@functools.cache
def points(card, shapes=((), (3, 4)), dtype=np.float64, seed=0, lengths=None):
    """One point for each combination of fixed arguments; elementwise arguments in each of these shapes (a shape, or one for
    each argument), others of these lengths by letter, wherever Numba compiles the call."""
    sizes = dict(lengths or SIZES)
    free = card.ranks is None or any(d.rank is None and not isinstance(d, Fixed) and r is None
                                     for d, r in zip(card.domain, card.ranks))
    out = []
    for fixed in combinations(card):
        for shape in shapes if free else shapes[:1]:
            each = shape if any(isinstance(s, tuple) for s in shape) else (shape,)
            p = point(card, sample(card, np.random.default_rng(seed), fixed, each, dtype, sizes))
            if p is not None:
                out.append(p)
    return out
