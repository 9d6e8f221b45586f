"""Adding statements to a Program: a `Builder` types each operation as it is added.

A value is an atom (`Var`, `Const`, `Tup`); static Python objects (functions, modules, dtypes) are `Const`s.
"""
import math
import operator
from contextlib import contextmanager

import numpy as np
from numba import types

from . import infer
from .errors import Refusal
from .primitive import DRAWS, VIEWS, flat
from .program import UNDEFINED, Const, Get, If, Let, Phi, Set, Tup, Var

FOLDS = {operator.add, operator.sub, operator.mul, operator.neg, operator.pos, operator.truediv, operator.floordiv,
         operator.mod, operator.pow, operator.not_, operator.lt, operator.le, operator.gt, operator.ge, operator.eq,
         operator.ne, min, max, abs, float, int, bool, math.sqrt, math.exp, math.log, np.float64}


def dim(x, k):
    """The length of axis k: a pseudo-function that is emitted as `x.shape[k]`."""
    return np.shape(x)[k]


def astype(x, dtype):
    """A copy in another dtype: a pseudo-function that is emitted as `x.astype(dtype)`."""
    return np.asarray(x).astype(dtype)


def same_as(v, x):
    """v, which is the same number as x, and has the derivative of that: a pseudo-function that is never emitted."""
    return v


def kept(shape, dtype):
    """A tape that is an array: a pseudo-function that is emitted as `np.empty(shape, dtype)`."""
    return np.empty(shape, dtype)


def taken_over(x):
    """An array that takes the place of x: a pseudo-function, emitted as `x`."""
    return x


VIEWS.add(taken_over)


def trips(lo, hi, step):
    """How often `for _ in range(lo, hi, step)` runs: a pseudo-function, emitted as `len(range(lo, hi, step))`."""
    return len(range(lo, hi, step))


flat(trips, why="an integer")


def throw(error, *args):
    """Raise an exception: a pseudo-function that is emitted as `raise error(*args)`."""
    raise error(*args)


def draws(s):
    """Does this statement draw a random number? Then those that come after it are others without it."""
    return isinstance(s, Let) and s.fn in DRAWS


def acts(s):
    """Does this statement do something besides binding its value: draw, or raise for a division by zero?"""
    if isinstance(s, Get):
        return False
    divides = s.fn in (operator.truediv, operator.floordiv, operator.mod) and not isinstance(s.args[1], Const)
    return draws(s) or (divides and not infer.is_array(s.out))


class Builder:
    """A place to add statements; every Var is typed by Numba when it is made."""

    def __init__(self):
        self.block, self.place = [], None

    @contextmanager
    def into(self, block):
        """Add to another block meanwhile."""
        saved, self.block = self.block, block
        try:
            yield block
        finally:
            self.block = saved

    def add(self, statement):
        self.block.append(statement)
        return statement

    def let(self, fn, *args, hint="t", kw=()):
        """out = fn(*args)."""
        if not kw and all(isinstance(a, Const) and isinstance(a.value, (int, float)) for a in args) and fn in FOLDS:
            try:
                return Const(fn(*(a.value for a in args)))
            except ArithmeticError:
                pass
        if (same := self.simpler(fn, args)) is not None:
            return same
        out = Var(hint, types.intp if fn is trips else self.placed(infer.result_type, fn, args, kw))
        self.add(Let(out, fn, args, kw, self.place))
        return out

    def simpler(self, fn, args):
        """What x * 1.0, 1.0 * x, x / 1.0, x ** 1 and -(-x) are for a float64 number x: exact, so that rules may be plain."""
        one = [a in (Const(1), Const(1.0)) for a in args]
        plain = [isinstance(a, Var) and a.type == types.float64 for a in args]
        if fn in (operator.mul, operator.truediv, operator.pow) and plain[0] and one[1]:
            return args[0]
        if fn is operator.mul and one[0] and plain[1]:
            return args[1]
        if fn is operator.neg and plain[0]:
            made = next((s for s in reversed(self.block) if isinstance(s, Let) and s.out is args[0]), None)
            return made.args[0] if made is not None and made.fn is operator.neg else None
        return None

    def placed(self, infer_type, *args):
        """A type that Numba infers, or its refusal with the place where we are."""
        try:
            return infer_type(*args)
        except Refusal as e:
            raise e.at(self.place) from None

    def dim(self, x, k):
        """x.shape[k]"""
        out = Var("n", types.intp)
        self.add(Let(out, dim, (x, Const(k)), (), self.place))
        return out

    def shape(self, x):
        """x.shape, as a Tup."""
        return Tup(tuple(self.dim(x, k) for k in range(infer.rank_of(x))))

    def cast(self, x, to, hint="t"):
        """x with the element type of `to` (layouts are left alone)."""
        to = infer.scalar(to)
        have = infer.scalar(infer.type_of(x))
        if have == to or (isinstance(x, Const) and not isinstance(x.value, (int, float))):
            return x
        if isinstance(x, Const) and to in (types.float64, types.intp, types.boolean):
            return Const({types.float64: float, types.intp: int, types.boolean: bool}[to](x.value))
        dtype = infer.numpy_type(to)
        if not infer.is_array(x):
            return self.let(bool if to == types.boolean else dtype, x, hint=hint)
        t = infer.type_of(x)
        out = Var(hint, types.Array(to, t.ndim, "F" if t.layout == "F" else "C"))
        self.add(Let(out, astype, (x, Const(dtype)), (), self.place))
        return out

    def fitted(self, x, t):
        """x with the type t: its dtype, and for arrays its layout (A takes any)."""
        x = self.cast(x, t)
        have = infer.type_of(x)
        if not infer.is_array(x) or t.layout == "A" or (have.layout == t.layout and have.mutable):
            return x
        if t.layout == "F":
            return self.let(np.transpose, self.fitted(self.let(np.transpose, x), t.copy(layout="C")))
        out = self.let(np.empty, self.shape(x), Const(infer.numpy_type(t)), hint=x.hint)
        self.set(out, (Const(Ellipsis),), x)
        return out

    def get(self, arr, index, hint="t"):
        """arr[index]"""
        out = Var(hint, self.placed(infer.item_type, arr, index))
        self.add(Get(out, arr, tuple(index), self.place))
        return out

    def set(self, arr, index, value, add=False):
        """arr[index] = value, or += value."""
        if not infer.type_of(arr).mutable:
            raise Refusal("an array that is read-only, or from outside the function, is written",
                          "Pass it as an argument, or write to a copy.", self.place)
        self.add(Set(arr, tuple(index), value, add, self.place))

    def zeros_like(self, x, hint="t"):
        """A zero of x's shape, dtype and layout."""
        return self.let(np.zeros_like, x, hint=hint) if infer.is_array(x) else self.cast(Const(0.0), infer.type_of(x))

    def copy(self, x, hint="t"):
        return self.let(np.copy, x, hint=hint)

    def branch(self, cond, then, orelse, hint="t"):
        """The value of `then()` if cond, else of `orelse()`: each adds to its own block."""
        if isinstance(cond, Const):
            return then() if cond.value else orelse()
        with self.into([]) as yes:
            a = then()
        with self.into([]) as no:
            b = orelse()
        s = If(cond, yes, no)
        out = self.join(s, a, b, hint)
        self.add(s)
        return out

    def join(self, s, a, b, hint):
        """The structure that is `a` where s takes its first branch, `b` where it takes the second."""
        if a is b or a == b:
            return a
        if isinstance(a, Tup) and a.like(b):
            return a.of(self.join(s, x, y, hint) for x, y in zip(a.items, b.items))
        if a is UNDEFINED and isinstance(b, Tup):
            return b.of(self.join(s, a, y, hint) for y in b.items)
        if b is UNDEFINED and isinstance(a, Tup):
            return a.of(self.join(s, x, b, hint) for x in a.items)
        if a is UNDEFINED or b is UNDEFINED:
            known = b if a is UNDEFINED else a
            if isinstance(known, Const):
                return known
            t = infer.type_of(known)
        elif not (is_data(a) and is_data(b)):
            raise Refusal(f"{called(hint)} is a different kind of thing in each branch",
                          "Give it one kind of value.", self.place)
        else:
            t = infer.unified(infer.type_of(a), infer.type_of(b))
            if t is None:
                raise Refusal(f"{called(hint)} is {infer.type_of(a)} in one branch and {infer.type_of(b)} in the other",
                              "Give it one type in both branches.", self.place)
        if a == Const(True) and b == Const(False):
            return s.cond if infer.type_of(s.cond) == types.boolean else self.let(bool, s.cond)
        out = Var(hint, t)
        with self.into(s.then):
            a = a if a is UNDEFINED else self.cast(a, t)
        with self.into(s.orelse):
            b = b if b is UNDEFINED else self.cast(b, t)
        s.phis.append(Phi(out, a, b))
        return out


def tangent_type(t):
    """Tangents of an array are plain: writable, and contiguous where the array is."""
    return t.copy(readonly=False) if infer.is_array(t) else t


def tangent_params(program, argnums, tail):
    """A structure like the parameters at `argnums`, of Vars for their (co)tangents."""
    def one(atom):
        match atom:
            case Var(hint, t):
                return Var(f"{hint}_{tail}", tangent_type(t))
            case Tup(items):
                return atom.of(map(one, items))
        return atom
    return [one(program.params[k][1]) for k in argnums]


DATA = bool | int | float | np.generic | np.ndarray


def called(hint):
    """What a value is called in errors."""
    return "the result" if hint == "value" else f"`{hint}`"


def is_data(atom):
    """Is it a number or an array (and not a static object)?"""
    return isinstance(atom, Var) or (isinstance(atom, Const) and isinstance(atom.value, DATA))


def constant(value):
    """A Python object as an atom."""
    if isinstance(value, tuple):
        return Tup(tuple(map(constant, value)), kind_of(value))
    return Const(value)


def kind_of(value):
    """The class of a named tuple; None for a plain one."""
    return type(value) if hasattr(value, "_fields") else None


def static(atom):
    """An atom as a Python object."""
    return tuple(map(static, atom.items)) if isinstance(atom, Tup) else atom.value
