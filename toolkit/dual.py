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
import numbers
import operator

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.typeconv import Conversion
from numba.extending import (
    NativeValue,
    box,
    lower_builtin,
    lower_cast,
    make_attribute_wrapper,
    models,
    overload,
    register_model,
    type_callable,
    typeof_impl,
    unbox,
)

from . import catalogue as _catalogue  # noqa: F401  (the cards register themselves)
from .infer import name_of
from .linear import differential
from .primitive import CATALOGUE, FLAT, lookup

UNARY = operator.neg, operator.pos, operator.abs
BINARY = (operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow)
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

    def __reduce__(self):
        return Dual, (self.value, self.tangent)

    def __hash__(self):
        return hash(self.value)

    def __bool__(self):
        return bool(self.value)

    def __int__(self):
        return int(self.value)

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

    def __round__(self, digits=None):
        return round(self.value, digits)

    def __floor__(self):
        return np.floor(self.value).__int__()

    def __ceil__(self):
        return np.ceil(self.value).__int__()

    def __trunc__(self):
        return np.trunc(self.value).__int__()


def number(x):
    """What a Dual may hold: a Dual, a float of NumPy or Python; integers become floats. TypeError for anything else."""
    if isinstance(x, (Dual, float, np.floating)):
        return x
    if not scalar(x):
        raise TypeError(f"a Dual holds numbers, not {type(x).__name__}: use jvp for arrays")
    return float(x)


def scalar(x):
    """Is it a real number?"""
    return isinstance(x, (Dual, numbers.Real, np.bool_))


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
    exec(compile(f"def {card.name}_dot({heads}):\n    return {form}\n", f"<differential of {card.name}>", "exec"), space)
    return space[f"{card.name}_dot"]


@functools.cache
def interpreted(card, live):
    """The same, where the rule's own helpers take Duals too: for plain Python."""
    rule = tangent(card, live)
    helpers = {n: functools.partial(called, f) for n, f in rule.__globals__.items()
               if inspect.isfunction(f) and f in CATALOGUE}
    return type(rule)(rule.__code__, rule.__globals__ | helpers)


@functools.cache
def compiled(card, live):
    """The same, compiled: a division by zero in a tangent gives inf, as the cards promise at their kinks."""
    return numba.njit(tangent(card, live), error_model="numpy")


def valued(card, call):
    """What computes the value on numbers: the call itself, unless NumPy would make an array of them."""
    module = getattr(call, "__module__", None) or ""
    return card.value if module.startswith("numpy") and not isinstance(call, np.ufunc) else call


def carriers(card, depths):
    """The arguments that carry a tangent: the deepest."""
    return tuple(p for p, d in zip(card.params, depths, strict=False) if p in card.active and d == max(depths))


# ---- in Python -------------------------------------------------------------------------------------------------------

def called(call, *args):
    """call(*args), whether or not there are Duals among the arguments."""
    return apply(call, args) if any(isinstance(a, Dual) for a in args) else call(*args)


def apply(call, args, kw=None):
    """call(*args) for numbers and Duals; TypeError where the catalogue has no card for it."""
    depths = tuple(map(depth, args))
    outer = [d == max(depths) for d in depths]
    values = [a.value if o else a for a, o in zip(args, outer, strict=True)]
    if call in FLAT:
        return called(functools.partial(call, **kw) if kw else call, *values)
    card = lookup(call, (0,) * len(args))
    if card is None or kw or not card.elementwise or not all(map(scalar, args)):
        shown = ", ".join(type(a).__name__ for a in args)
        raise TypeError(f"{name_of(call)}({shown}) is not defined for Duals: they are numbers; use jvp for arrays")
    out = called(call, *values) if max(depths) > 1 else valued(card, call)(*values)
    live = carriers(card, depths)
    dots = [a.tangent for p, a in zip(card.params, args, strict=False) if p in live]
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


for _call in (*UNARY, *BINARY, *COMPARISONS):
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


@typeof_impl.register(Dual)
def _(x, c):
    return DualType(x.value._numba_type_ if hasattr(x.value, "_numba_type_") else typeof_impl(x.value, c))


@register_model(DualType)
class DualModel(models.StructModel):
    """Two numbers, by value: LLVM keeps them in registers."""

    def __init__(self, dmm, fe):
        super().__init__(dmm, fe, [("value", fe.dtype), ("tangent", fe.dtype)])


make_attribute_wrapper(DualType, "value", "value")
make_attribute_wrapper(DualType, "tangent", "tangent")


@type_callable(Dual)
def _(context):
    def typer(value, tangent):
        if not all(isinstance(t, (DualType, *REAL)) for t in (value, tangent)):
            return None
        deeper = tangent if depth_of(tangent) > depth_of(value) else value
        return DualType(types.unliteral(deeper) if isinstance(deeper, (types.Float, DualType)) else types.float64)
    return typer


@lower_builtin(Dual, types.Any, types.Any)
def _(context, builder, sig, args):
    to = sig.return_type.dtype
    return packed(context, builder, sig.return_type,
                  *(context.cast(builder, a, t, to) for a, t in zip(args, sig.args, strict=True)))


def packed(context, builder, t, value, tangent):
    """A Dual of its two parts, as LLVM sees it."""
    out = cgutils.create_struct_proxy(t)(context, builder)
    out.value, out.tangent = value, tangent
    return out._getvalue()


@lower_cast(types.Float, DualType)
@lower_cast(types.Integer, DualType)
@lower_cast(types.Boolean, DualType)
@lower_cast(DualType, DualType)
def _(context, builder, have, want, x):
    if depth_of(have) == want.depth:
        parts = cgutils.create_struct_proxy(have)(context, builder, x)
        return packed(context, builder, want, *(context.cast(builder, p, have.dtype, want.dtype)
                                                for p in (parts.value, parts.tangent)))
    zero = context.get_constant(types.float64, 0.0)
    return packed(context, builder, want, context.cast(builder, x, types.unliteral(have), want.dtype),
                  context.cast(builder, zero, types.float64, want.dtype))


@unbox(DualType)
def _(t, obj, c):
    parts = []
    for name in ("value", "tangent"):
        part = c.pyapi.object_getattr_string(obj, name)
        parts.append(c.unbox(t.dtype, part))
        c.pyapi.decref(part)
    failed = c.builder.or_(*(p.is_error if p.is_error is not None else cgutils.false_bit for p in parts))
    return NativeValue(packed(c.context, c.builder, t, *(p.value for p in parts)), is_error=failed)


@box(DualType)
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
        card = lookup(call, (0,) * len(args))
        if card is None or not card.elementwise:
            return None
        live = carriers(card, depths)
        dots = [f"{n}.tangent" for n, p in zip(names, card.params, strict=False) if p in live]
        value = valued(card, call) if max(depths) == 1 else call
        space |= {"call": numba.njit(value) if value is card.value else call, "tangent": compiled(card, live)}
        body = (f"out = call({', '.join(values)})\n"
                f"    return Dual(out, tangent({', '.join([*values, 'out', *dots])}))")
    exec(f"def dual_{getattr(call, '__name__', 'call')}({', '.join(names)}):\n    {body}\n", space)
    return space[f"dual_{getattr(call, '__name__', 'call')}"]


def takes_numbers(call):
    """May a flat function be given floats?"""
    for args in ((1.5,), (1.5, 0.5)):
        try:
            call(*args)
        except (TypeError, ValueError):
            continue
        return True
    return False


def register():
    """Teach Numba every elementwise call of the catalogue on Duals, and its in-place form."""
    cards = {call for call, cards in CATALOGUE.items() if any(c.elementwise for c in cards)}
    calls = cards | {f for f in FLAT if f not in (operator.is_, operator.is_not) and takes_numbers(f)}
    for call in calls:
        if isinstance(call, type) and issubclass(call, np.generic):
            continue     # Numba keeps np.float64(x) to itself: write float(x)
        overload(call, strict=False)(lambda *args, call=call: implementation(call, *args))
        inplace = getattr(operator, f"i{call.__name__}", None) if call in BINARY else None
        if inplace is not None:
            overload(inplace, strict=False)(lambda *args, call=call: implementation(call, *args))


register()
