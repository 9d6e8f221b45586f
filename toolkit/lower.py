"""Expressions to statements: a `Builder` that types each operation as it is added, and `Expressions`, which lowers Python
syntax into it. Both the user's code and the catalogue's rules are lowered here.

A value is an atom (`Var`, `Const`, `Tup`); static Python objects (functions, modules, dtypes) are `Const`s.
"""
import ast
import builtins
import inspect
import math
import operator
from contextlib import contextmanager

import numpy as np
from numba import types

from . import infer, runtime
from .errors import Refusal
from .primitive import CATALOGUE, FLAT, VIEWS
from .program import UNDEFINED, Const, Get, If, Let, Phi, Set, Span, Tup, Var

BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
          ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.MatMult: operator.matmul,
          ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
          ast.LShift: operator.lshift, ast.RShift: operator.rshift}
COMPARE = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
           ast.Eq: operator.eq, ast.NotEq: operator.ne}
UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_, ast.Invert: operator.invert}
METHODS = {name: getattr(np, name) for name in
           ["sum", "mean", "var", "std", "prod", "min", "max", "cumsum", "cumprod", "argmin", "argmax", "dot", "ravel", "transpose", "repeat", "take", "trace", "copy", "argsort", "diagonal", "nonzero", "all", "any", "ptp", "round"] if hasattr(np, name)}


def dim(x, k):
    """The length of axis k: a pseudo-function that is emitted as `x.shape[k]`."""
    return np.shape(x)[k]


def astype(x, dtype):
    """A copy in another dtype: a pseudo-function that is emitted as `x.astype(dtype)`."""
    return np.asarray(x).astype(dtype)


def trips(lo, hi, step):
    """How often `for _ in range(lo, hi, step)` runs: a pseudo-function, emitted as `len(range(lo, hi, step))`."""
    return len(range(lo, hi, step))


FLAT[trips] = "an integer"


class Method:
    """A bound method of an array, until it is called."""
    def __init__(self, owner, name):
        self.owner, self.name = owner, name


class Inner:
    """A function that is defined inside the function that is lowered: its syntax, and the names it sees."""
    def __init__(self, node, frame):
        self.node, self.frame = node, frame


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
        out = Var(hint, types.intp if fn is trips else infer.result_type(fn, args, kw))
        self.add(Let(out, fn, args, kw, self.place))
        return out

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

    def get(self, arr, index, hint="t"):
        """arr[index]"""
        out = Var(hint, infer.item_type(arr, index))
        self.add(Get(out, arr, tuple(index), self.place))
        return out

    def set(self, arr, index, value, add=False):
        """arr[index] = value, or += value."""
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
        if isinstance(a, Tup) and isinstance(b, Tup) and len(a.items) == len(b.items):
            return Tup(tuple(self.join(s, x, y, hint) for x, y in zip(a.items, b.items)))
        if a is UNDEFINED and isinstance(b, Tup):
            return Tup(tuple(self.join(s, a, y, hint) for y in b.items))
        if b is UNDEFINED and isinstance(a, Tup):
            return Tup(tuple(self.join(s, x, b, hint) for x in a.items))
        if a is UNDEFINED or b is UNDEFINED:
            known = b if a is UNDEFINED else a
            if isinstance(known, Const):
                return known
            t = infer.type_of(known)
        elif not (is_data(a) and is_data(b)):
            raise Refusal(f"`{hint}` is a different kind of thing in each branch", "Give it one kind of value.", self.place)
        else:
            t = infer.unified(infer.type_of(a), infer.type_of(b))
            if t is None:
                raise Refusal(f"`{hint}` is {infer.type_of(a)} in one branch and {infer.type_of(b)} in the other",
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


FOLDS = {operator.add, operator.sub, operator.mul, operator.neg, operator.pos, operator.truediv, operator.floordiv,
         operator.mod, operator.pow, operator.not_, operator.lt, operator.le, operator.gt, operator.ge, operator.eq,
         operator.ne, min, max, abs, float, int, bool, math.sqrt, math.exp, math.log, np.float64}


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
                return Tup(tuple(map(one, items)))
        return atom
    return [one(program.params[k][1]) for k in argnums]


def is_data(atom):
    """Is it a number or an array (and not a static object)?"""
    return isinstance(atom, Var) or (isinstance(atom, Const) and isinstance(atom.value, (bool, int, float, np.generic, np.ndarray)))


def constant(value):
    """A Python object as an atom."""
    if isinstance(value, tuple):
        return Tup(tuple(map(constant, value)))
    return Const(value)


def static(atom):
    """An atom as a Python object."""
    return tuple(map(static, atom.items)) if isinstance(atom, Tup) else atom.value


class Expressions:
    """Lowers expressions in an environment of names; `names` resolves those that are not local."""

    def __init__(self, builder, env, names, file=None, first_line=0, first_column=0):
        self.b, self.env, self.names = builder, env, names
        self.file, self.first_line, self.first_column = file, first_line, first_column

    def refuse(self, what, instead):
        raise Refusal(what, instead, self.b.place)

    def at(self, node):
        """Remember where we are, for errors."""
        if self.file and hasattr(node, "lineno"):
            from .errors import Place
            self.b.place = Place(self.file, node.lineno + self.first_line, node.col_offset + self.first_column)

    def expr(self, node, hint="t"):
        """The atom that an expression's value is bound to."""
        self.at(node)
        method = getattr(self, f"x_{type(node).__name__}", None)
        if method is None:
            self.refuse(f"{type(node).__name__} expressions are not supported", "Write it with arithmetic, indexing and calls.")
        return method(node, hint)

    def x_Constant(self, node, hint):
        if isinstance(node.value, complex):
            self.refuse("complex numbers are not supported", "Carry real and imaginary parts as two floats.")
        return Const(node.value)

    def x_Name(self, node, hint):
        if node.id in self.env:
            value = self.env[node.id]
            if value is UNDEFINED:
                self.refuse(f"`{node.id}` is read before it is assigned", "Assign it first.")
            return value
        found, value = self.names(node.id)
        if not found:
            self.refuse(f"`{node.id}` is not defined", "Assign it before, or import it.")
        return constant(value)

    def x_Tuple(self, node, hint):
        items = []
        for e in node.elts:
            if isinstance(e, ast.Starred):
                items += self.expr(e.value).items
            else:
                items.append(self.expr(e, hint))
        return Tup(tuple(items))

    x_List = x_Tuple        # a list display is read like a tuple; what would change it is refused

    def x_BinOp(self, node, hint):
        left, right = self.expr(node.left), self.expr(node.right)
        self.at(node)
        if isinstance(left, Tup) and isinstance(right, Tup) and isinstance(node.op, ast.Add):
            return Tup(left.items + right.items)
        return self.b.let(BINARY[type(node.op)], left, right, hint=hint)

    def x_UnaryOp(self, node, hint):
        return self.b.let(UNARY[type(node.op)], self.expr(node.operand), hint=hint)

    def x_BoolOp(self, node, hint):
        first, rest = node.values[0], node.values[1:]
        value = self.expr(first)
        if not rest:
            return value
        tail = lambda: self.x_BoolOp(ast.BoolOp(node.op, rest), hint)
        if isinstance(node.op, ast.And):
            return self.b.branch(value, tail, lambda: value, hint)
        return self.b.branch(value, lambda: value, tail, hint)

    def x_Compare(self, node, hint):
        left, right = self.expr(node.left), self.expr(node.comparators[0])
        op = node.ops[0]
        if isinstance(op, (ast.Is, ast.IsNot)):
            same = isinstance(left, Const) and isinstance(right, Const) and left.value is right.value
            value = Const(same == isinstance(op, ast.Is))
        elif type(op) in COMPARE:
            if isinstance(left, Const) and isinstance(right, Const):
                value = Const(bool(COMPARE[type(op)](left.value, right.value)))
            else:
                value = self.b.let(COMPARE[type(op)], left, right, hint="test")
        else:
            self.refuse("`in` is not supported", "Compare element by element.")
        if len(node.ops) == 1:
            return value
        middle = f"·{id(node)}"
        self.env[middle] = right
        rest = ast.Compare(ast.Name(middle, ast.Load()), node.ops[1:], node.comparators[1:])
        return self.b.branch(value, lambda: self.x_Compare(rest, hint), lambda: Const(False), hint)

    def x_IfExp(self, node, hint):
        return self.b.branch(self.expr(node.test, "test"), lambda: self.expr(node.body, hint),
                             lambda: self.expr(node.orelse, hint), hint)

    def x_Attribute(self, node, hint):
        owner = self.expr(node.value)
        self.at(node)
        if isinstance(owner, Const) and not isinstance(owner.value, np.ndarray):
            try:
                return constant(getattr(owner.value, node.attr))
            except AttributeError:
                self.refuse(f"{owner.value!r} has no attribute `{node.attr}`", "Check the name.")
        if infer.is_array(owner):
            match node.attr:
                case "shape":
                    return self.b.shape(owner)
                case "size":
                    return self.size(owner)
                case "ndim":
                    return Const(infer.rank_of(owner))
                case "T":
                    return self.b.let(np.transpose, owner, hint=hint) if infer.rank_of(owner) > 1 else owner
                case "dtype":
                    return Const(infer.numpy_type(infer.type_of(owner)))
        return Const(Method(owner, node.attr))

    def size(self, x):
        total = Const(1)
        for n in self.b.shape(x).items:
            total = n if total == Const(1) else self.b.let(operator.mul, total, n)
        return total

    def x_Subscript(self, node, hint):
        owner = self.expr(node.value)
        if isinstance(owner, Tup):
            if isinstance(node.slice, ast.Slice):
                bounds = [None if e is None else self.static(self.expr(e)) for e in (node.slice.lower, node.slice.upper, node.slice.step)]
                return Tup(owner.items[slice(*bounds)])
            k = self.expr(node.slice)
            if isinstance(k, Const):
                return owner.items[k.value]
            if any(infer.is_float(a) for a in owner.items if is_data(a)):
                self.refuse("a tuple of floats is indexed by a variable", "Use an array, or write the cases out.")
            return self.b.let(operator.getitem, owner, k, hint=hint)
        index = self.index(node.slice)
        self.at(node)
        return self.b.get(owner, index, hint)

    def static(self, atom):
        if not isinstance(atom, Const):
            self.refuse("this must be a constant", "Write a literal.")
        return atom.value

    def index(self, node):
        """The components of an index."""
        nodes = node.elts if isinstance(node, ast.Tuple) else [node]
        out = []
        for n in nodes:
            if isinstance(n, ast.Slice):
                out.append(Span(*(None if e is None else self.expr(e) for e in (n.lower, n.upper, n.step))))
                continue
            value = self.expr(n)
            out += value.items if isinstance(value, Tup) else [value]
        return tuple(Span(Const(None) if s.lo is None else s.lo, Const(None) if s.hi is None else s.hi, s.step)
                     if isinstance(s, Span) else s for s in out)

    # ---- calls
    def x_Call(self, node, hint):
        fn = self.expr(node.func)
        args = []
        for a in node.args:
            if isinstance(a, ast.Starred):
                args += self.expr(a.value).items
            else:
                args.append(self.expr(a))
        if any(k.arg is None for k in node.keywords):
            self.refuse("** in a call is not supported", "Write the keywords out.")
        kw = {k.arg: self.expr(k.value) for k in node.keywords}
        self.at(node)
        if not isinstance(fn, Const):
            self.refuse("only functions that are known when the derivative is taken can be called", "Call the function by its name.")
        if isinstance(fn.value, Method):
            return self.method(fn.value, args, kw, hint)
        return self.call(fn.value, args, kw, hint)

    def method(self, method, args, kw, hint):
        x, name = method.owner, method.name
        match name:
            case "reshape":
                shape = args[0] if len(args) == 1 and isinstance(args[0], Tup) else Tup(tuple(args))
                return self.call(np.reshape, [x, shape], kw, hint)
            case "astype":
                return self.b.cast(self.b.copy(x), infer.scalar(infer.static_type(args[0].value).dtype)
                                   if isinstance(args[0].value, type) and issubclass(args[0].value, np.generic)
                                   else {float: types.float64, int: types.intp}[args[0].value])
            case "flatten":
                return self.flattened(x)
            case "item":
                return self.b.get(x, tuple(args) or (Const(0),) * infer.rank_of(x), hint)
            case "fill":
                self.b.set(x, (Const(Ellipsis),), args[0])
                return Const(None)
            case "transpose" if len(args) > 1:
                return self.call(np.transpose, [x, Tup(tuple(args))], kw, hint)
        if name not in METHODS or not infer.is_array(x):
            self.refuse(f"the method `.{name}` is not supported", "Use the NumPy function of that meaning.")
        return self.call(METHODS[name], [x, *args], kw, hint)

    def x_Lambda(self, node, hint):
        return Const(Inner(node, self))

    def call(self, fn, args, kw, hint):
        """fn(*args, **kw), where fn is known."""
        if isinstance(fn, Inner):
            return self.call_inner(fn, args, kw)
        try:
            hash(fn)
        except TypeError:
            self.refuse(f"{fn!r} cannot be called", "Call a function.")
        if fn in self.rewrites:
            return self.rewrites[fn](self, *args, **kw)
        if getattr(fn, "makes_transform", False):
            if not all(isinstance(a, Const) and not isinstance(a.value, Inner) for a in (*args, *kw.values()) if not isinstance(a, Tup)):
                self.refuse("the function that is differentiated here is not known beforehand", "Define it outside, and name it.")
            return Const(fn(*map(static, args), **{k: static(a) for k, a in kw.items()}))
        if hasattr(fn, "program_for"):
            return self.splice(fn.program_for(args, self.b.place))
        if fn in CATALOGUE or fn in FLAT or fn in VIEWS:
            args = self.positional(fn, args, kw)
            if isinstance(fn, np.ufunc) and len(args) > fn.nin:
                self.refuse("the `out` argument is not supported", "Assign the result: `out[:] = ...`.")
            return self.b.let(fn, *args, hint=hint)
        return self.call_user(fn, args, kw, hint)

    def splice(self, made):
        body, result = made
        self.b.block.extend(body)
        return result

    def call_user(self, fn, args, kw, hint):
        self.refuse(f"{infer.name_of(fn)} is not in the catalogue", "Write it with functions of the catalogue.")

    def positional(self, fn, args, kw):
        """Keywords put in their places."""
        if not kw:
            return args
        dtype = kw.pop("dtype", None)
        names = next((c.params for c in CATALOGUE.get(fn, ()) if len(c.params) > len(args) and set(kw) <= set(c.params)), None)
        if names is None:
            try:
                names = tuple(inspect.signature(fn).parameters)
            except ValueError:
                names = ()
        rest = []
        for name in names[len(args):]:
            if name in kw:
                rest.append(kw.pop(name))
            elif kw:
                self.refuse(f"the keyword {next(iter(kw))!r} of {infer.name_of(fn)} is not supported", "Leave it out, or pass the arguments in order.")
        if kw:
            self.refuse(f"the keyword {next(iter(kw))!r} of {infer.name_of(fn)} is not supported", "Leave it out, or pass the arguments in order.")
        return [*args, *rest, *([dtype] if dtype is not None else [])]

    # ---- functions that are written in the language rather than in the catalogue
    def new(self, shape, t, hint="t"):
        """np.empty(shape) of an element type."""
        return self.b.let(np.empty, shape, Const(infer.numpy_type(t)), hint=hint)

    def joined(self, arrays, axis=Const(0)):
        """np.concatenate: an empty array, and a slice of it for each part."""
        axis, rank = self.static(axis), infer.rank_of(arrays.items[0])
        axis %= rank
        t = infer.scalar(infer.type_of(arrays.items[0]))
        for a in arrays.items[1:]:
            t = infer.unified(t, infer.scalar(infer.type_of(a)))
        ends = [Const(0)]
        for a in arrays.items:
            ends.append(self.b.let(operator.add, ends[-1], self.b.dim(a, axis)) if ends[-1] != Const(0) else self.b.dim(a, axis))
        shape = [ends[-1] if k == axis else self.b.dim(arrays.items[0], k) for k in range(rank)]
        out = self.new(Tup(tuple(shape)), t)
        for a, lo, hi in zip(arrays.items, ends, ends[1:]):
            whole = Span(Const(None), Const(None), None)
            self.b.set(out, (*(whole,) * axis, Span(lo, hi, None), *(whole,) * (rank - axis - 1)), a)
        return out

    def raised(self, x, rank):
        """np.atleast_nd for n = rank (a number becomes an array)."""
        if not infer.is_array(x):
            out = self.new(Tup((Const(1),) * max(rank, 1)), infer.type_of(x))
            self.b.set(out, (Const(Ellipsis),), x)
            return out
        return x

    def hstack(self, arrays):
        parts = Tup(tuple(self.raised(a, 1) for a in arrays.items))
        return self.joined(parts, Const(0 if infer.rank_of(parts.items[0]) == 1 else 1))

    def vstack(self, arrays):
        return self.joined(Tup(tuple(self.b.get(a, (Const(None), Span(Const(None), Const(None), None))) if infer.rank_of(a) == 1 else a
                                     for a in arrays.items)), Const(0))

    def column_stack(self, arrays):
        return self.joined(Tup(tuple(self.b.get(a, (Span(Const(None), Const(None), None), Const(None))) if infer.rank_of(a) == 1 else a
                                     for a in arrays.items)), Const(1))

    def stack(self, arrays, axis=Const(0)):
        rank = infer.rank_of(arrays.items[0])
        axis = self.static(axis) % (rank + 1)
        whole = Span(Const(None), Const(None), None)
        index = (*(whole,) * axis, Const(None), *(whole,) * (rank - axis))
        return self.joined(Tup(tuple(self.b.get(a, index) for a in arrays.items)), Const(axis))

    def array(self, value, dtype=None):
        """np.array of a nested tuple or list of numbers, or of an array."""
        if infer.is_array(value) if not isinstance(value, Tup) else False:
            return self.b.copy(value)
        shape, v = [], value
        while isinstance(v, Tup):
            shape.append(len(v.items))
            v = v.items[0]
        flat = []

        def visit(v, index):
            if isinstance(v, Tup):
                for k, item in enumerate(v.items):
                    visit(item, (*index, Const(k)))
            else:
                flat.append((index, v))
        visit(value, ())
        t = infer.type_of(flat[0][1])
        for _, v in flat[1:]:
            t = infer.unified(t, infer.type_of(v))
        if dtype is not None:
            t = infer.scalar(infer.static_type(np.dtype(dtype.value).type).dtype)
        out = self.new(Tup(tuple(map(Const, shape))), t)
        for index, v in flat:
            self.b.set(out, index, self.b.cast(v, t))
        return out

    def full(self, shape, value, dtype=None):
        t = infer.type_of(value) if dtype is None else infer.scalar(infer.static_type(dtype.value).dtype)
        out = self.new(shape, t)
        self.b.set(out, (Const(Ellipsis),), value)
        return out

    def full_like(self, x, value):
        return self.full(self.b.shape(x), self.b.cast(value, infer.type_of(x)))

    def length(self, x):
        return Const(len(x.items)) if isinstance(x, Tup) else self.b.dim(x, 0)

    def shape_of(self, x):
        return self.b.shape(x)

    def least(self, *values):
        return self.chain(min, values)

    def greatest(self, *values):
        return self.chain(max, values)

    def chain(self, fn, values):
        """fn(fn(a, b), c): min and max of several numbers."""
        values = values[0].items if len(values) == 1 and isinstance(values[0], Tup) else values
        out = values[0]
        for v in values[1:]:
            out = self.b.let(fn, out, v)
        return out

    def slogdet(self, a):
        return Tup((self.b.let(runtime.slogdet_sign, a), self.b.let(runtime.logabsdet, a)))

    def contiguous(self, x):
        """x itself where it is contiguous in C order, else a copy that is."""
        return x if infer.type_of(x).layout == "C" else self.fresh(x)

    def fresh(self, x):
        out = self.new(self.b.shape(x), infer.type_of(x))
        self.b.set(out, (Const(Ellipsis),), x)
        return out

    def raveled(self, x):
        return self.b.let(np.ravel, self.contiguous(x))

    def flattened(self, x):
        return self.b.let(np.ravel, self.fresh(x))

    def append(self, x, v):
        return self.joined(Tup((self.raveled(self.raised(x, 1)), self.raveled(self.raised(v, 1)))))

    def same(self, x):
        return x

    rewrites = {np.concatenate: joined, np.hstack: hstack, np.vstack: vstack, np.stack: stack, np.array: array,
                np.column_stack: column_stack, np.full: full, np.full_like: full_like, len: length, np.shape: shape_of,
                np.size: size, np.linalg.slogdet: slogdet, min: least, max: greatest,
                np.ascontiguousarray: contiguous, np.ravel: raveled, np.append: append, np.asarray: same, np.real: same}


def lower_rule(builder, expression, env, scope):
    """The value of a catalogue rule's expression, added to a builder."""
    def names(name):
        if name in scope:
            return True, scope[name]
        return hasattr(builtins, name), getattr(builtins, name, None)
    return Expressions(builder, dict(env), names).expr(expression)
