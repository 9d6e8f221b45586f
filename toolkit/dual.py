"""Dual numbers: `f(Dual(x, x_dot))` is `Dual(f(x), f'(x) x_dot)` for a function that was written for floats.

`Dual` is a number in plain Python and inside `@njit` code. Its operations are generated from the catalogue: each
elementwise card serves numbers, its differential compiled once for each set of arguments that carry a tangent. What is
guaranteed: the value is what the same call returns for floats; the tangent is the card's; comparisons and flat
functions see the value alone; nothing drops a tangent silently.

Duals nest: `Dual(Dual(x, 1.0), Dual(1.0, 0.0))` carries a second derivative. A Dual of lesser depth is a constant to
a deeper one. Levels bear no names: where one derivative is taken inside another, seed the inner at the outer's Dual.
"""
import ast
import functools
import inspect
import math
import numbers
import operator
from types import MappingProxyType

import numba
import numpy as np
from numba import extending, types

from . import catalogue as _catalogue  # noqa: F401  (the cards register themselves)
from .domain import Fixed
from .host import Conversion, cgutils
from .infer import name_of
from .linear import differential
from .primitive import CATALOGUE, FLAT, lookup
from .runtime import stop_gradient

UNARY = operator.neg, operator.pos, operator.abs
BINARY = operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow
SEEN = bool, int, hash, round, math.floor, math.ceil, math.trunc     # what Python asks a number's methods for
COMPARISONS = operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne
REAL = types.Float, types.Integer, types.Boolean


# ---- the number ------------------------------------------------------------------------------------------------------

class Dual:
    """The number `value + tangent ε`, ε² = 0. Both parts have one type: float64, float32, or again Dual."""
    __slots__ = "tangent", "value"

    def __init__(self, value, tangent):
        value, tangent = number(value), number(tangent)
        while depth(value) < depth(tangent):
            value = Dual(value, 0.0)
        self.value, self.tangent = value, fitted(tangent, value)

    def __repr__(self):
        return f"Dual({self.value}, {self.tangent})"

    def __float__(self):
        raise TypeError("a Dual is not a float: float() and the functions of `math` would drop its tangent. Call the "
                        "NumPy function of that meaning (np.exp for math.exp), or compile the caller with @njit; "
                        "`.value` is the number alone")

    def __array_ufunc__(self, ufunc, method, *args, **kw):
        if method != "__call__" or kw:
            raise TypeError(f"{name_of(ufunc)} of a Dual takes numbers, and nothing else")
        return apply(ufunc, args)

    def __array_function__(self, fn, kinds, args, kw):
        return apply(fn, args, kw)


def number(x):
    """What a Dual may hold: a Dual, a float of NumPy or Python; integers become floats. TypeError for anything else."""
    if isinstance(x, (Dual, float, np.floating)):
        return x
    if not scalar(x):
        raise TypeError(f"a Dual holds numbers, not {type(x).__name__}: use jvp for arrays")
    return float(x)


def scalar(x):
    """Is it a real number?"""
    return isinstance(x, (float, int, Dual, np.floating, np.integer, np.bool_, numbers.Real))


def depth(x):
    """How many tangents deep: 0 for a float, 1 for a Dual of floats."""
    return 1 + depth(x.value) if isinstance(x, Dual) else 0


def fitted(x, like):
    """`x` in the type of `like`, which is at least as deep."""
    if not isinstance(like, Dual):
        return x if type(x) is type(like) else np.float32(x) if isinstance(like, np.float32) else float(x)
    return Dual(x, 0.0) if depth(x) < depth(like) else x


# ---- one differential, for both worlds -------------------------------------------------------------------------------

@functools.cache
def tangent(card, live):
    """The card's differential as a Python function: (*params, out, *tangents of `live`) -> tangent of out."""
    terms = differential(card, live)
    form = " + ".join(f"({ast.unparse(form)})" for form, _ in terms) or "0.0"
    heads = ", ".join([*card.params, "out", *(f"{p}_dot" for p in live)])
    space = dict(terms[0][1]) if terms else {}
    text = f"def {card.name}_dot({heads}):\n    return {form}\n"
    exec(compile(text, f"<differential of {card.name}>", "exec"), space)
    return space[f"{card.name}_dot"]


@functools.cache
def interpreted(card, live):
    """The same, where the rule's own helpers take Duals too: for plain Python."""
    rule = tangent(card, live)
    helpers = {n: functools.partial(called, f) for n, f in rule.__globals__.items()
               if (inspect.isfunction(f) or extending.is_jitted(f)) and f in CATALOGUE}
    return type(rule)(rule.__code__, rule.__globals__ | helpers)


@functools.cache
def compiled(card, live, level):
    """The same, compiled: a division by zero in a tangent gives inf, as the cards promise at their kinks.

    One dispatcher for each depth of Duals: the differential of a Dual of Duals calls that of its parts, which Numba
    would take for a recursion.
    """
    return numba.njit(tangent(card, live), error_model="numpy")


def valued(card, call):
    """What computes the value on numbers: the call itself, unless NumPy would make an array of them."""
    module = getattr(call, "__module__", None) or ""
    return card.value if module.startswith("numpy") and not isinstance(call, np.ufunc) else call


def of_numbers(card):
    """Does the card serve numbers: in every argument, also in those that carry no derivative?"""
    return card.elementwise and all(scalar(v) for d in card.domain if isinstance(d, Fixed) for v in d.values)


@functools.cache
def served(call, depths):
    """(the card of a call on Duals of these depths, the parameters that carry its tangent: the deepest), or None."""
    card = lookup(call, (0,) * len(depths))
    if card is None or not of_numbers(card) or len(depths) < len(card.params):
        return None
    return card, tuple(p for p, d in zip(card.params, depths, strict=True) if p in card.active and d == max(depths))


# ---- in Python -------------------------------------------------------------------------------------------------------

def called(call, *args, **kw):
    """call(*args, **kw), whether or not there are Duals among the arguments."""
    return apply(call, args, kw) if any(isinstance(a, Dual) for a in args) else call(*args, **kw)


def apply(call, args, kw=MappingProxyType({})):
    """call(*args) for numbers and Duals; TypeError where the catalogue has no card for it."""
    depths = tuple(map(depth, args))
    top = max(depths)
    values = [a.value if d == top else a for a, d in zip(args, depths, strict=True)]
    if call in FLAT:
        return called(call, *values, **kw)
    service = served(call, depths)
    if service is None or kw or not all(map(scalar, args)):
        shown = ", ".join(type(a).__name__ for a in args)
        raise TypeError(f"{name_of(call)}({shown}) is not defined for Duals: they are numbers; use jvp for arrays")
    card, live = service
    out = called(call, *values) if top > 1 else valued(card, call)(*values)
    dots = [a.tangent for p, a in zip(card.params, args, strict=True) if p in live]
    with np.errstate(all="ignore"):
        return Dual(out, interpreted(card, live)(*map(lenient, (*values, out, *dots))))


def lenient(x):
    """A float that may be divided by zero."""
    return np.float64(x) if type(x) is float else x


def method(call):
    """The operator as a method, and as the method of the right operand."""
    def left(self, *others):
        return apply(call, (self, *others)) if all(map(scalar, others)) else NotImplemented

    def right(self, other):
        return apply(call, (other, self)) if scalar(other) else NotImplemented
    return left, right


for _call in (*UNARY, *BINARY, *COMPARISONS, *SEEN):
    _left, _right = method(_call)
    setattr(Dual, f"__{_call.__name__.strip('_')}__", _left)
    if _call in BINARY:
        setattr(Dual, f"__r{_call.__name__}__", _right)


# ---- as a type of Numba ----------------------------------------------------------------------------------------------

class DualType(types.Type):
    """The Numba type of a Dual whose two parts are of type `dtype`; numbers convert to it, with tangent 0."""

    def __init__(self, dtype):
        self.dtype, self.depth = dtype, 1 + depth_of(dtype)
        super().__init__(f"Dual({dtype})")

    def unify(self, context, other):
        """The Dual that holds both: what joins a branch or a loop."""
        if not isinstance(other, (DualType, *REAL)) or depth_of(other) > self.depth:
            return None
        dtype = context.unify_types(self.dtype, types.unliteral(getattr(other, "dtype", other))
                                    if depth_of(other) == self.depth else types.unliteral(other))
        return None if dtype is None else DualType(dtype)

    def can_convert_from(self, context, other):
        fits = isinstance(other, (DualType, *REAL)) and depth_of(other) <= self.depth
        return Conversion.promote if fits else None


def depth_of(t):
    """`depth`, of a type."""
    return t.depth if isinstance(t, DualType) else 0


@extending.typeof_impl.register(Dual)
def _(x, c):
    return DualType(extending.typeof_impl(x.value, c))


@extending.register_model(DualType)
class DualModel(extending.models.StructModel):
    """Two numbers, by value: LLVM keeps them in registers."""

    def __init__(self, dmm, fe):
        super().__init__(dmm, fe, [("value", fe.dtype), ("tangent", fe.dtype)])


extending.make_attribute_wrapper(DualType, "value", "value")
extending.make_attribute_wrapper(DualType, "tangent", "tangent")


@extending.type_callable(Dual)
def _(context):
    def typer(value, tangent):
        if not all(isinstance(t, (DualType, *REAL)) for t in (value, tangent)):
            return None
        deeper = tangent if depth_of(tangent) > depth_of(value) else value
        return DualType(types.unliteral(deeper) if isinstance(deeper, (types.Float, DualType)) else types.float64)
    return typer


@extending.lower_builtin(Dual, types.Any, types.Any)
def _(context, builder, sig, args):
    to = sig.return_type.dtype
    return packed(context, builder, sig.return_type,
                  *(context.cast(builder, a, t, to) for a, t in zip(args, sig.args, strict=True)))


def packed(context, builder, t, value, tangent):
    """A Dual of its two parts, as LLVM sees it."""
    out = cgutils.create_struct_proxy(t)(context, builder)
    out.value, out.tangent = value, tangent
    return out._getvalue()


@extending.lower_cast(types.Float, DualType)
@extending.lower_cast(types.Integer, DualType)
@extending.lower_cast(types.Boolean, DualType)
@extending.lower_cast(DualType, DualType)
def _(context, builder, have, want, x):
    if depth_of(have) == want.depth:
        parts = cgutils.create_struct_proxy(have)(context, builder, x)
        return packed(context, builder, want, *(context.cast(builder, p, have.dtype, want.dtype)
                                                for p in (parts.value, parts.tangent)))
    zero = context.get_constant(types.float64, 0.0)
    return packed(context, builder, want, context.cast(builder, x, types.unliteral(have), want.dtype),
                  context.cast(builder, zero, types.float64, want.dtype))


@extending.unbox(DualType)
def _(t, obj, c):
    parts = []
    for name in ("value", "tangent"):
        part = c.pyapi.object_getattr_string(obj, name)
        parts.append(c.unbox(t.dtype, part))
        c.pyapi.decref(part)
    failed = c.builder.or_(*(p.is_error if p.is_error is not None else cgutils.false_bit for p in parts))
    return extending.NativeValue(packed(c.context, c.builder, t, *(p.value for p in parts)), is_error=failed)


@extending.box(DualType)
def _(t, x, c):
    parts = cgutils.create_struct_proxy(t)(c.context, c.builder, x)
    boxed = [c.box(t.dtype, p) for p in (parts.value, parts.tangent)]
    kind = c.pyapi.unserialize(c.pyapi.serialize_object(Dual))
    out = c.pyapi.call_function_objargs(kind, boxed)
    for part in (kind, *boxed):
        c.pyapi.decref(part)
    return out


# ---- inside @njit ----------------------------------------------------------------------------------------------------

def implementation(call, *args):
    """The Python function that Numba compiles for call(*args) of these types; None where it is not Dual arithmetic."""
    depths = tuple(map(depth_of, args))
    if not any(depths) or not all(isinstance(a, (DualType, *REAL)) for a in args):
        return None
    names = [f"x{k}" for k in range(len(args))]
    values = [f"{n}.value" if d == max(depths) else n for n, d in zip(names, depths, strict=True)]
    space = {"call": call, "Dual": Dual}
    body = f"return call({', '.join(values)})"
    if call not in FLAT:
        if served(call, depths) is None:
            return None
        card, live = served(call, depths)
        dots = [f"{n}.tangent" for n, p in zip(names, card.params, strict=True) if p in live]
        if max(depths) == 1 and valued(card, call) is not call:
            space["call"] = numba.njit(card.value)
        space["tangent"] = compiled(card, live, max(depths))
        body = (f"out = call({', '.join(values)})\n"
                f"    return Dual(out, tangent({', '.join([*values, 'out', *dots])}))")
    exec(f"def dual_{call.__name__}({', '.join(names)}):\n    {body}\n", space)
    return space[f"dual_{call.__name__}"]


def implementing(call):
    """What `overload` asks for."""
    return lambda *args: implementation(call, *args)


def takes_numbers(call):
    """Is a flat function one of numbers? (Identity is the object's, and is left to Numba.)"""
    scalars = getattr(call, "__module__", None) in ("math", "_operator") and call not in (operator.is_, operator.is_not)
    return scalars or isinstance(call, np.ufunc) or call in (*SEEN, np.round, np.around, np.isclose, stop_gradient)


def register():
    """Teach Numba every elementwise call of the catalogue on Duals, and its in-place form."""
    cards = {call for call, cards in CATALOGUE.items() if any(map(of_numbers, cards))}
    calls = cards | set(filter(takes_numbers, FLAT))
    for call in calls:
        if extending.is_jitted(call) or (isinstance(call, type) and issubclass(call, np.generic)):
            continue     # Numba compiles the one as it stands, and keeps the other to itself: write float(x)
        extending.overload(call, strict=False)(implementing(call))
        if call in BINARY:
            extending.overload(getattr(operator, f"i{call.__name__}"), strict=False)(implementing(call))


register()
