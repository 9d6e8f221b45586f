"""A user's own primitives: a function with the differential, or the jvp and vjp, that its author gives it.

    @custom
    def smooth_abs(x, eps):
        return np.sqrt(x * x + eps)

    @smooth_abs.differential                # a linear form in the tangents: forward mode inlines it, reverse mode transposes it
    def _(x, out, x_dot):
        return x / out * x_dot

A differential has one `return`, in the grammar of `linear.py`. Of a function that no such form describes (an iteration, a
call of foreign code) the author gives the pushforward and the pullback, which may have any statements:

    @root.jvp
    def _(a, out, a_dot):
        return a_dot / (3.0 * out ** 2 - 1.0)

    @root.vjp("a")                          # the cotangents of the arguments that are named, in their order
    def _(a, out, out_bar):
        return out_bar / (3.0 * out ** 2 - 1.0)

A rule asks by name for what it reads: the function's parameters, `out`, the tangents `x_dot` or the cotangent `out_bar`.
Derivatives of derivatives differentiate the rule. The function itself is compiled and called as it stands; it must not write
to its arguments.
"""
import ast
import builtins

import numpy as np

from . import infer
from .build import Made, entrance, options_of
from .check import LawBroken, check_grads, flat, floats, fresh
from .domain import real
from .dual import DualType
from .errors import UsageError
from .linear import require_linear, scope_of
from .parse import parse
from .primitive import Primitive, returned
from .program import instance
from .syntax import parameters, python_function, require_function, title
from .transform import compiled_as, structure

CALLS = 1000            # flops: the cost of a function that we know nothing of, so that its value is kept


class Rule:
    """A pushforward or pullback, spliced into the programs that ask for it."""

    def __init__(self, fn):
        self.fn, self.names = fn, tuple(parameters(fn))

    def program_for(self, atoms, place):
        named = [(n, structure(n, infer.type_of(a))) for n, a in zip(self.names, atoms, strict=True)]
        return instance(parse(self.fn, named), atoms)


class Custom:
    """A function with a derivative of its own; called from Python and from inside compiled code."""

    def __init__(self, fn):
        require_function(fn, "custom")
        self.__wrapped__ = python_function(fn)
        self.__name__, self.__doc__ = title(self.__wrapped__), self.__wrapped__.__doc__
        given = parameters(fn)
        self.card = Primitive(self.__wrapped__, (self,), (real,) * len(given), CALLS, None, {})
        self.card.active = ()
        defaults = {n: p.default for n, p in given.items() if p.default is not p.empty}
        self.entry = entrance(self.__name__, list(given), defaults, self.implementation, options_of(fn))
        self.entry.owner = self

    def __repr__(self):
        return f"<custom {self.__name__}>"

    def __call__(self, *args, **kw):
        return self.entry(*args, **kw)

    def implementation(self, args):
        """The function itself, for numbers and arrays: the arithmetic of Duals would bypass the rule."""
        if any(isinstance(t, DualType) for t in args):
            raise UsageError(f"{self.__name__} has a derivative of its own, which Duals would bypass: use jvp")
        return Made(None, self.__wrapped__, self.__wrapped__, None)

    # ---- the rules
    def differential(self, rule):
        """Declare the tangent of the result: an expression that is linear in the tangents it asks for."""
        active = self.named(rule, tangents=True)
        scope = scope_of(rule)
        try:
            form = returned(rule)
            known = {*parameters(rule), *scope, *dir(builtins)}
            if not all(n.id in known for n in ast.walk(form) if isinstance(n, ast.Name)):
                raise KeyError("a name of an earlier statement")
        except KeyError:
            raise UsageError(f"a differential of {self.__name__} is a function of one statement, a `return`") from None
        require_linear(form, scope, f"the differential of {self.__name__}")
        self.card.differential(rule)
        self.card.active = active
        return rule

    def jvp(self, rule):
        """Declare the pushforward: any function that returns the tangent of the result."""
        self.card.active = self.named(rule, tangents=True)
        self.card.pushforward = Rule(rule)
        return rule

    def vjp(self, *active):
        """Declare the pullback to the arguments that are named: any function that returns their cotangents, in a tuple if there
        are several."""
        unknown = [a for a in active if a not in self.card.params]
        if not active or unknown:
            name = self.__name__
            raise UsageError(f'{name}.vjp takes the names of the arguments that have a derivative: @{name}.vjp("x")')

        def register(rule):
            self.named(rule, tangents=False)
            self.card.active, self.card.pullback = active, (Rule(rule), active)
            return rule
        return register

    def named(self, rule, tangents):
        """The parameters whose tangents a rule asks for. Raises UsageError where it asks for what there is not."""
        params = self.card.params
        extra = {f"{p}_dot" for p in params} if tangents else {"out_bar"}
        wrong = [n for n in parameters(rule) if n not in {*params, "out", *extra}]
        if wrong:
            there = ", ".join([*params, "out", *sorted(extra)])
            raise UsageError(f"a rule of {self.__name__} asks for `{wrong[0]}`: there are {there}")
        return tuple(p for p in params if f"{p}_dot" in parameters(rule))

    def check(self, *args, seed=0):
        """Hold the rules against differences and against one another at one point; to second order, where every argument
        that holds floats has a derivative. Raises LawBroken."""
        given = fresh(args)
        self.__wrapped__(*given)
        for a, b in zip(flat(given), flat(args)):
            if not np.array_equal(a, b):
                raise LawBroken(f"{self.__name__} writes to its arguments")
        argnums = tuple(k for k, p in enumerate(self.card.params) if p in self.card.active)
        whole = all(k in argnums for k, a in enumerate(args) if any(map(floats, flat(a))))
        check_grads(self, args, argnums, seed=seed, order=2 if whole else 1)


compiled_as(Custom, lambda x: x.entry)


def custom(f):
    """Give f a derivative of its own: see the module's docstring. `f.check(*args)` holds its rules against the laws."""
    return Custom(f)
