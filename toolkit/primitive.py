"""A primitive: its value, its one derivative, its cost, and where it may be tested.

A *curved* primitive declares its `differential`: the linear form that carries input tangents to the output tangent.
A primitive that is *linear* in an argument declares its `transpose` there. Forward mode inlines the differential;
reverse mode transposes it. No derivative is ever written twice.

A rule is a function with one `return`. It asks by name for what it reads: the primitive's parameters, `out`, the
tangents `x_dot` (in a differential) or the cotangent `out_bar` (in a transpose). These names are reserved.
"""
import ast
import copy
import functools
import inspect
import linecache
from types import MappingProxyType

from .domain import Fixed

CATALOGUE = {}      # callable -> its cards, one per rank signature
FLAT = {}           # callable -> what it is: its derivative is zero, or it has none
DRAWS = set()       # those of these that are random
VIEWS = set()       # callables whose result shares memory with their first argument: the modes mirror them


class Primitive:
    """One card of the catalogue."""

    def __init__(self, value, calls, domain, flops, ranks, kinks):
        self.value, self.calls, self.domain, self.flops, self.kinks = value, calls, domain, flops, kinks
        self.name = value.__name__.rstrip("_")
        self.params = tuple(inspect.signature(value).parameters)
        if len(self.params) != len(domain):
            raise TypeError(f"card {self.name}: {len(self.params)} parameters, {len(domain)} domains")
        self.active = tuple(p for p, d in zip(self.params, domain) if not isinstance(d, Fixed))
        self.elementwise = all(d.rank is None for d in domain)
        self.ranks = ranks or (None if self.elementwise else tuple(d.rank for d in domain))
        self.form, self.adjoint = None, {}
        self.pushforward, self.pullback = None, None        # a user's own, see custom.py
        for call in calls:
            CATALOGUE.setdefault(call, []).append(self)

    def differential(self, rule):
        """Declare the linear form of the tangents."""
        returned(rule)
        self.form = rule
        return rule

    def transpose(self, *linear):
        """Declare the adjoint of the primitive in the arguments in which it is linear."""
        def register(rule):
            returned(rule)
            self.adjoint |= {arg: (rule, i) for i, arg in enumerate(linear)}
            return rule
        return register

    @property
    def declared(self):
        """Has it a derivative?"""
        return bool(self.form or self.adjoint or self.pushforward or self.pullback)

    def accepts(self, ranks):
        """Does this card serve arguments of these ranks (None: not an array or a number)?"""
        if len(ranks) > len(self.params):
            return False
        return self.ranks is None or all(want is None or want == have for want, have in zip(self.ranks, ranks))

    def __repr__(self):
        return f"<primitive {self.name}>"


def primitive(*calls, domain, flops=1, ranks=None, kinks=MappingProxyType({})):
    """Make a card of the decorated value function.

    `calls` are what a user may write for it; `domain` says, parameter by parameter, where the card may be tested; `flops`
    is its cost, a number or a function of the letters in the domain; `ranks` the arguments that it serves, by default
    those of the domain (None: any). `kinks` are the points where no derivative exists, and the convention that holds
    there: a sentence -> (the arguments, what the derivative in each active one is).
    """
    return lambda value: Primitive(value, calls, domain, flops, ranks, kinks)


def flat(*calls, why="piecewise constant"):
    """Declare functions whose derivative is zero wherever it exists, or that have none by nature."""
    FLAT.update(dict.fromkeys(calls, why))


def drawn(*calls):
    """Declare random draws: as flat, but never made twice, left out or put in another order."""
    flat(*calls, why="a random draw")
    DRAWS.update(calls)


def view(*calls):
    """Declare functions whose result shares memory with their first argument."""
    VIEWS.update(calls)


def lookup(call, ranks):
    """The card that serves `call` on arguments of these ranks, or None."""
    return next((p for p in CATALOGUE.get(call, ()) if p.accepts(ranks)), None)


@functools.cache
def _returns(file):
    """First line of each function of a file -> the expression that it returns. Read once, when its cards register."""
    tree = ast.parse("".join(linecache.getlines(file)))
    return {min(n.lineno for n in (f, *f.decorator_list)): f.body[-1].value for f in ast.walk(tree)
            if isinstance(f, ast.FunctionDef) and isinstance(f.body[-1], ast.Return)}


def returned(rule):
    """The expression that a rule returns, as syntax."""
    code = rule.__code__
    return copy.deepcopy(_returns(code.co_filename)[code.co_firstlineno])
