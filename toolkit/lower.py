"""Expressions to statements: `Expressions` lowers Python syntax into a `Builder`. Both the user's code and the catalogue's
rules are lowered here; what is accepted is listed, all else is refused.
"""
import ast
import builtins
import inspect
import operator

import numpy as np
from numba import types

from . import infer
from .builder import constant, is_data, static
from .errors import Place, Refusal
from .primitive import CATALOGUE, FLAT, VIEWS
from .program import UNDEFINED, Const, Span, Tup
from .rewrites import REWRITES, flattened, size

BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
          ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.MatMult: operator.matmul,
          ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
          ast.LShift: operator.lshift, ast.RShift: operator.rshift}
COMPARE = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
           ast.Eq: operator.eq, ast.NotEq: operator.ne}
UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_, ast.Invert: operator.invert}
METHODS = {f.__name__: f for f in
           (np.sum, np.mean, np.var, np.std, np.prod, np.cumsum, np.cumprod, np.argmin, np.argmax, np.dot, np.ravel, np.transpose,
            np.repeat, np.take, np.trace, np.copy, np.argsort, np.diagonal, np.nonzero, np.all, np.any, np.ptp, np.round)}
METHODS |= {"min": np.min, "max": np.max}


class Method:
    """A bound method of an array, until it is called."""
    def __init__(self, owner, name):
        self.owner, self.name = owner, name


class Inner:
    """A function that is defined inside the function that is lowered: its syntax, and the names it sees."""
    def __init__(self, node, frame):
        self.node, self.frame = node, frame


class Expressions:
    """Lowers expressions in an environment of names; `names` resolves those that are not local."""

    def __init__(self, builder, env, names, file=None, first_line=0, first_column=0):
        self.b, self.env, self.names = builder, env, names
        self.file, self.first_line, self.first_column = file, first_line, first_column

    def refuse(self, what, instead):
        """Raise a Refusal that points at the expression that is lowered."""
        raise Refusal(what, instead, self.b.place)

    def at(self, node):
        """Remember where we are, for errors."""
        if self.file and hasattr(node, "lineno"):
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
                    return size(self.b, owner)
                case "ndim":
                    return Const(infer.rank_of(owner))
                case "T":
                    return self.b.let(np.transpose, owner, hint=hint) if infer.rank_of(owner) > 1 else owner
                case "dtype":
                    return Const(infer.numpy_type(infer.type_of(owner)))
        return Const(Method(owner, node.attr))

    def x_Subscript(self, node, hint):
        owner = self.expr(node.value)
        if isinstance(owner, Tup):
            if isinstance(node.slice, ast.Slice):
                bounds = node.slice.lower, node.slice.upper, node.slice.step
                return Tup(owner.items[slice(*(None if e is None else self.static(self.expr(e)) for e in bounds))])
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
            self.refuse("only functions that are known when the derivative is taken can be called",
                        "Call the function by its name.")
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
                return flattened(self.b, x)
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
        if fn in REWRITES:
            return self.rewritten(fn, args, kw)
        if getattr(fn, "makes_transform", False):
            given = [a for a in (*args, *kw.values()) if not isinstance(a, Tup)]
            if not all(isinstance(a, Const) and not isinstance(a.value, Inner) for a in given):
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

    def rewritten(self, fn, args, kw):
        """A function that is written in the language."""
        try:
            bound = inspect.signature(REWRITES[fn]).bind(self.b, *args, **kw)
        except TypeError:
            self.refuse(f"these arguments of {infer.name_of(fn)} are not supported", "Pass fewer, in order.")
        return REWRITES[fn](*bound.args, **bound.kwargs)

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
                break
        if kw:
            self.refuse(f"the keyword {next(iter(kw))!r} of {infer.name_of(fn)} is not supported",
                        "Leave it out, or pass the arguments in order.")
        return [*args, *rest, *([dtype] if dtype is not None else [])]


def lower_rule(builder, expression, env, scope):
    """The value of a catalogue rule's expression, added to a builder."""
    def names(name):
        if name in scope:
            return True, scope[name]
        return hasattr(builtins, name), getattr(builtins, name, None)
    return Expressions(builder, dict(env), names).expr(expression)
