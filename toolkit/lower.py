"""Expressions to statements: `Expressions` lowers Python syntax into a `Builder`. Both the user's code and the catalogue's
rules are lowered here; what is accepted is listed, all else is refused.
"""
import ast
import builtins
import functools
import inspect
import operator
from dataclasses import replace

import numpy as np
from numba import types

from . import infer, tape
from .builder import constant, is_data, static
from .domain import Block
from .errors import Place, Refusal, UsageError
from .primitive import CATALOGUE, FLAT, VIEWS, lookup
from .program import UNDEFINED, Const, Do, Growing, ListDisplay, Span, Tup, Var, leaves
from .rewrites import METHOD_REWRITES, REWRITES, array, size

BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
          ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.MatMult: operator.matmul,
          ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
          ast.LShift: operator.lshift, ast.RShift: operator.rshift}
COMPARE = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
           ast.Eq: operator.eq, ast.NotEq: operator.ne}
UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_, ast.Invert: operator.invert}
METHODS = {f.__name__: f for f in
           (np.sum, np.mean, np.var, np.std, np.prod, np.cumsum, np.cumprod, np.argmin, np.argmax, np.dot, np.ravel, np.transpose,
            np.reshape, np.repeat, np.take, np.trace, np.copy, np.argsort, np.diagonal, np.nonzero, np.all, np.any, np.ptp,
            np.round, np.clip)}
METHODS |= {"min": np.min, "max": np.max, "conj": np.conjugate, "conjugate": np.conjugate}


WORDS = {ast.JoinedStr: "an f-string", ast.NamedExpr: "`:=`", ast.SetComp: "a set",
         ast.DictComp: "a dict", ast.GeneratorExp: "a generator expression", ast.Dict: "a dict", ast.Set: "a set",
         ast.Yield: "`yield`", ast.YieldFrom: "`yield`", ast.Await: "`await`", ast.Starred: "`*`", ast.Slice: "a slice"}
FILLS = {np.dot: 2, np.outer: 2, np.clip: 3, np.round: 2, np.around: 2, np.isposinf: 1, np.isneginf: 1}
# ..: beside the ufuncs, what takes an array to write to, after so many arguments
WIDEST = 2**63                          # integers that Numba holds lie below


class ReadBefore(Refusal):
    """A name is read where no path has assigned it."""

    def __init__(self, name, place):
        super().__init__(f"`{name}` may be read before it is assigned", "Assign it first.", place)
        self.name = name


class Method:
    """A bound method of an array, until it is called."""
    def __init__(self, owner, name):
        self.owner, self.name = owner, name


class Inner:
    """A function that is defined inside the function that is lowered: its syntax, its parameters, and the names it sees."""

    def __init__(self, node, frame):
        self.node, self.frame, given = node, frame, node.args
        kind, values = inspect.Parameter, [frame.expr(d) for d in given.defaults]
        if given.vararg or given.kwarg:
            frame.refuse("`*` and `**` parameters of inner functions are not supported", "Name the parameters.")
        plain = [*given.posonlyargs, *given.args]
        defaults = [kind.empty] * (len(plain) - len(values)) + values
        kinds = [kind.POSITIONAL_ONLY] * len(given.posonlyargs) + [kind.POSITIONAL_OR_KEYWORD] * len(given.args)
        named = [(a, kind.empty if d is None else frame.expr(d)) for a, d in zip(given.kwonlyargs, given.kw_defaults)]
        self.signature = inspect.Signature([
            *(kind(a.arg, k, default=d) for a, k, d in zip(plain, kinds, defaults)),
            *(kind(a.arg, kind.KEYWORD_ONLY, default=d) for a, d in named)])


class Expressions:
    """Lowers expressions in an environment of names; `names` resolves those that are not local."""

    def __init__(self, builder, env, names, file=None):
        self.b, self.env, self.names, self.file = builder, env, names, file

    def refuse(self, what, instead):
        """Raise a Refusal that points at the expression that is lowered."""
        raise Refusal(what, instead, self.b.place)

    def at(self, node):
        """Remember where we are, for errors."""
        if self.file and hasattr(node, "lineno"):
            self.b.place = Place(self.file, node.lineno, node.col_offset)

    def expr(self, node, hint="t"):
        """The atom that an expression's value is bound to."""
        saved = self.b.place
        self.at(node)
        method = getattr(self, f"x_{type(node).__name__}", None)
        if method is None:
            self.refuse(f"{WORDS.get(type(node), type(node).__name__)} is not supported here",
                        "Write it with arithmetic, indexing and calls.")
        value = method(node, hint)
        self.b.place = saved
        return value

    def items(self, atom):
        """The items of a tuple."""
        if not isinstance(atom, Tup):
            self.refuse("only a tuple can be unpacked with `*`", "Write its parts one by one.")
        return atom.items

    def known(self, atom):
        """The Python value of an atom that must be known beforehand."""
        if not isinstance(atom, Const):
            self.refuse("this must be a constant", "Write a literal.")
        return atom.value

    def truth(self, value):
        """A condition: a constant, or a boolean Var."""
        if isinstance(value, Tup):
            return Const(bool(value.items))
        if is_data(value) and infer.is_array(value):
            self.refuse("the truth of an array is not defined", "Compare one element, or use np.any / np.all.")
        if isinstance(value, Const):
            return Const(bool(value.value))
        return value if infer.type_of(value) == types.boolean else self.b.let(operator.ne, value, Const(0), hint="test")

    def branch(self, cond, then, orelse, hint):
        """The value of `then()` if cond, else of `orelse()`."""
        return self.b.branch(cond, then, orelse, hint)

    def condition(self, node):
        return self.truth(self.expr(node, "test"))

    # ---- values
    def x_Constant(self, node, hint):
        if isinstance(node.value, complex):
            self.refuse("complex numbers are not supported", "Carry real and imaginary parts as two floats.")
        return self.fitting(Const(node.value))

    def fitting(self, atom):
        """A constant that Numba can hold."""
        if isinstance(atom, Const) and isinstance(atom.value, int) and not -WIDEST <= atom.value < WIDEST:
            self.refuse("this integer does not fit 64 bits", "Write it as a float.")
        return atom

    def x_Name(self, node, hint):
        if node.id in self.env:
            value = self.env[node.id]
            if value is UNDEFINED:
                raise ReadBefore(node.id, self.b.place)
            return value
        found, value = self.names(node.id)
        if not found:
            self.refuse(f"`{node.id}` is not defined", "Assign it before, or import it.")
        return constant(value)

    def x_Tuple(self, node, hint):
        items = []
        for e in node.elts:
            if isinstance(e, ast.Starred):
                items += self.items(self.expr(e.value))
            else:
                items.append(self.expr(e, hint))
        return Tup(tuple(items))

    def x_List(self, node, hint):
        return ListDisplay(self.x_Tuple(node, hint).items)

    # ---- operators
    def x_BinOp(self, node, hint):
        left, right = self.expr(node.left), self.expr(node.right)
        if isinstance(left, Tup) and type(left) is type(right) and isinstance(node.op, ast.Add):
            return replace(left, items=left.items + right.items, kind=None)
        return self.fitting(self.b.let(BINARY[type(node.op)], left, right, hint=hint))

    def x_UnaryOp(self, node, hint):
        if isinstance(node.op, ast.Not):
            return self.b.let(operator.not_, self.condition(node.operand), hint=hint)
        return self.b.let(UNARY[type(node.op)], self.expr(node.operand), hint=hint)

    def x_BoolOp(self, node, hint):
        def go(nodes):
            value = self.expr(nodes[0], hint)
            if len(nodes) == 1:
                return value
            rest, this = lambda: go(nodes[1:]), lambda: value
            yes, no = (rest, this) if isinstance(node.op, ast.And) else (this, rest)
            return self.branch(self.truth(value), yes, no, hint)
        return go(node.values)

    def x_Compare(self, node, hint):
        def go(left, ops, nodes):
            right = self.expr(nodes[0])
            value = self.compared(ops[0], left, right)
            if len(ops) == 1:
                return value
            return self.branch(self.truth(value), lambda: go(right, ops[1:], nodes[1:]), lambda: Const(False), hint)
        return go(self.expr(node.left), node.ops, node.comparators)

    def compared(self, op, left, right):
        """left op right, for one comparison."""
        if isinstance(op, ast.Is | ast.IsNot):
            same = left is right or (isinstance(left, Const) and isinstance(right, Const) and left.value is right.value)
            if not same and Const(None) not in (left, right):
                self.refuse("`is` compares objects, which compiled code does not have", "Compare values, with `==`.")
            return Const(same == isinstance(op, ast.Is))
        if type(op) not in COMPARE:
            self.refuse("`in` is not supported", "Compare element by element.")
        if isinstance(left, Const) and isinstance(right, Const):
            try:
                return Const(bool(COMPARE[type(op)](left.value, right.value)))
            except (TypeError, ValueError):
                self.refuse(f"{left.value!r} and {right.value!r} cannot be compared", "Compare numbers.")
        if not all(is_data(a) or isinstance(a, Tup) for a in (left, right)):
            self.refuse("only numbers, arrays and tuples can be compared", "Use `is None` to ask for None.")
        return self.b.let(COMPARE[type(op)], left, right, hint="test")

    def x_IfExp(self, node, hint):
        return self.branch(self.condition(node.test), lambda: self.expr(node.body, hint),
                           lambda: self.expr(node.orelse, hint), hint)

    # ---- attributes and elements
    def x_Attribute(self, node, hint):
        return self.attribute(self.expr(node.value), node.attr, hint)

    def attribute(self, owner, name, hint="t"):
        """owner.name"""
        if isinstance(owner, Const) and not is_data(owner):
            if name == "type" and isinstance(owner.value, type) and issubclass(owner.value, np.generic):
                return owner                            # x.dtype.type
            try:
                return constant(getattr(owner.value, name))
            except AttributeError:
                self.refuse(f"{infer.shown(owner)} has no attribute `{name}`", "Check the name.")
        if isinstance(owner, Tup) and name in getattr(owner.kind, "_fields", ()):
            return owner.items[owner.kind._fields.index(name)]
        if not isinstance(owner, Tup) and infer.is_array(owner):
            match name:
                case "shape":
                    return self.b.shape(owner)
                case "size":
                    return size(self.b, owner)
                case "ndim":
                    return Const(infer.rank_of(owner))
                case "T":
                    return self.b.let(np.transpose, owner, hint=hint) if infer.rank_of(owner) > 1 else owner
                case "real":
                    return owner
                case "dtype":
                    return Const(infer.numpy_type(infer.type_of(owner)))
        return self.refuse(f"the attribute `.{name}` of {infer.shown(owner)} is not supported",
                           "Use .shape, .size, .ndim, .T or .dtype of an array, or a NumPy function.")

    def x_Subscript(self, node, hint):
        return self.subscript(self.expr(node.value), node, hint)

    def subscript(self, owner, node, hint):
        """owner[node.slice]"""
        if isinstance(owner, Tup):
            return self.item(owner, node.slice, hint)
        if isinstance(owner, Const) and not is_data(owner):
            self.refuse(f"{type(owner.value).__name__} objects from outside the function cannot be indexed",
                        "Use an array or a tuple.")
        index = self.index(node.slice)
        if infer.gathers(index):
            self.gathering(index)
        return self.b.get(owner, index, hint)

    def gathering(self, index):
        """Require that an index with arrays is of a kind whose reverse is written: one mask of a vector, or integer arrays of
        one rank, next to one another and to the integers."""
        at = [k for k, i in enumerate(index) if infer.gathers((i,))]
        kinds = {(infer.rank_of(index[k]), infer.scalar(infer.type_of(index[k])) == types.boolean) for k in at}
        if len(kinds) > 1 or any(mask and (rank != 1 or len(at) > 1) for rank, mask in kinds):
            self.refuse("this index with several arrays, or a mask of several dimensions, is not supported",
                        "Index with one array of integers or one mask of a vector.")
        advanced = [k for k, i in enumerate(index) if not isinstance(i, Span)]
        plain = all(infer.rank_of(i) is not None for k in advanced for i in (index[k],))
        if not plain or advanced != list(range(advanced[0], advanced[0] + len(advanced))):
            self.refuse("an index that mixes an array with `None`, `...` or an integer beyond a slice is not supported",
                        "Index in two steps.")

    def item(self, owner, node, hint):
        """An item or a slice of a tuple."""
        if isinstance(node, ast.Slice):
            bounds = node.lower, node.upper, node.step
            part = owner.items[slice(*(None if e is None else self.known(self.expr(e)) for e in bounds))]
            return replace(owner, items=part, kind=None)
        k = self.expr(node)
        if isinstance(k, Const):
            if not isinstance(k.value, int) or not -len(owner.items) <= k.value < len(owner.items):
                self.refuse(f"a tuple of {len(owner.items)} has no item {k.value!r}", "Index it with an integer in range.")
            return owner.items[k.value]
        if owner.items and all(is_data(a) and infer.rank_of(a) == 0 for a in owner.items):
            return self.b.get(array(self.b, owner), (k,), hint)
        if any(infer.is_float(a) for a in owner.items if is_data(a)):
            self.refuse("a tuple that holds arrays of floats is indexed by a variable", "Write the cases out.")
        return self.b.let(operator.getitem, owner, k, hint=hint)

    def index(self, node):
        """The components of an index."""
        nodes = node.elts if isinstance(node, ast.Tuple) else [node]
        out = []
        for n in nodes:
            if isinstance(n, ast.Slice):
                lo, hi, step = (Const(None) if e is None else self.bound(self.expr(e)) for e in (n.lower, n.upper, n.step))
                out.append(Span(lo, hi, None if n.step is None else step))
                continue
            value = self.expr(n)
            if isinstance(value, Span):                 # a slice object
                out.append(value)
                continue
            if isinstance(value, ListDisplay):
                self.refuse("an array cannot be indexed with a list", "Index it with an array of integers.")
            out += value.items if isinstance(value, Tup) else [value]
        return tuple(out)

    def bound(self, atom):
        """A bound of a slice."""
        if atom != Const(None) and not (is_data(atom) and isinstance(infer.type_of(atom), types.Integer)):
            self.refuse(f"a slice is bounded by integers, not by {infer.shown(atom)}", "Convert with int(...).")
        return atom

    # ---- calls
    def x_Call(self, node, hint):
        fn, args = self.callee(node.func), []
        for a in node.args:
            if isinstance(a, ast.Starred):
                args += self.items(self.expr(a.value))
            else:
                args.append(self.expr(a))
        if any(k.arg is None for k in node.keywords):
            self.refuse("`**` in a call is not supported", "Write the keywords out.")
        kw = {k.arg: self.expr(k.value) for k in node.keywords}
        if isinstance(fn, Method):
            return self.method(fn, args, kw, hint)
        return self.call(fn, args, kw, hint)

    def callee(self, node):
        """What is called: a function, or a method of an array."""
        if isinstance(node, ast.Attribute):
            owner = self.expr(node.value)
            if not isinstance(owner, Const) or is_data(owner) or isinstance(owner.value, Growing):
                return Method(owner, node.attr)
            fn = self.attribute(owner, node.attr)
        else:
            fn = self.expr(node)
        if not isinstance(fn, Const):
            self.refuse("only functions that are known when the derivative is taken can be called",
                        "Call the function by its name.")
        return fn.value

    def method(self, method, args, kw, hint):
        x, name = method.owner, method.name
        if isinstance(x, Tup) or not infer.is_array(x):
            self.refuse(f"the method `.{name}` of {infer.shown(x)} is not supported", "Use arithmetic, or a function.")
        if name in METHOD_REWRITES:
            return self.rewritten(METHOD_REWRITES[name], [x, *args], kw, f"`.{name}`", hint)
        if name in ("reshape", "transpose") and not (len(args) == 1 and isinstance(args[0], Tup)) and args:
            args = [Tup(tuple(args))]
        if name not in METHODS:
            self.refuse(f"the method `.{name}` is not supported", "Use the NumPy function of that meaning.")
        return self.call(METHODS[name], [x, *args], kw, hint)

    def x_Lambda(self, node, hint):
        return Const(Inner(node, self))

    def call(self, fn, args, kw, hint):
        """fn(*args, **kw), where fn is known."""
        if isinstance(fn, Inner):
            return self.call_inner(fn, args, kw)
        if isinstance(fn, functools.partial):
            bound = {k: constant(v) for k, v in fn.keywords.items()}
            return self.call(fn.func, [*map(constant, fn.args), *args], bound | kw, hint)
        if fn is slice and 1 <= len(args) <= 3 and not kw:
            lo, hi, step = {1: [Const(None), *args, None], 2: [*args, None]}.get(len(args), args)
            return Span(self.bound(lo), self.bound(hi), None if step in (None, Const(None)) else self.bound(step))
        if isinstance(fn, type) and issubclass(fn, tuple) and hasattr(fn, "_fields"):
            return self.named_tuple(fn, args, kw)
        if fn is print and not kw:
            self.b.add(Do(print, tuple(args)))
            return Const(None)
        if fn in (np.finfo, np.iinfo) and len(args) == 1 and not kw:
            return Const(fn(self.known(args[0])))
        if not callable(fn):
            self.refuse(f"{fn!r} is not a function", "Call a function.")
        inputs = fn.nin if isinstance(fn, np.ufunc) else FILLS.get(fn)
        if inputs is not None and ("out" in kw or len(args) > inputs):
            return self.filled(fn, args[:inputs], kw, [*args[inputs:], kw.pop("out", None)][0], hint)
        if fn in REWRITES:
            return self.rewritten(REWRITES[fn], args, kw, infer.name_of(fn), hint)
        if getattr(fn, "makes_transform", False):
            return self.transform(fn, args, kw)
        if hasattr(fn, "program_for"):
            if kw:
                self.refuse("keywords in the call of a derivative are not supported", "Pass the arguments in order.")
            try:
                return self.splice(fn.program_for(args, self.b.place))
            except UsageError as e:
                self.refuse(str(e), "Call the derivative as its docstring says.")
        if fn in CATALOGUE or fn in FLAT or fn in VIEWS:
            args = self.positional(fn, args, kw)
            if self.file and fn in CATALOGUE and fn not in FLAT:
                self.require_card(fn, args)
            out = self.b.let(fn, *args, hint=hint)
            return self.foreign(fn, out, args) if hasattr(fn, "card") else out
        return self.call_user(fn, args, kw, hint)

    def filled(self, fn, args, kw, out, hint):
        """fn(*args, out)"""
        if not is_data(out) or not infer.rank_of(out):
            self.refuse(f"{infer.name_of(fn)} is to write to {infer.shown(out)}", "Pass an array.")
        for a in args:
            if is_data(a) and infer.rank_of(a):
                self.b.add(Do(tape.apart, (out, a))) if fn in (np.dot, np.outer) else self.aligned(out, a)
        self.b.set(out, (Const(Ellipsis),), self.call(fn, args, kw, hint))
        return out

    def aligned(self, out, value):
        """Require that an operation in place reads no other places of the array than it writes: see `tape.aligned`."""
        if infer.scalar(out.type) == infer.scalar(infer.type_of(value)):
            same = infer.rank_of(out) == infer.rank_of(value)
            self.b.add(Do(tape.aligned if same else tape.separate, (out, value)))

    def named_tuple(self, kind, args, kw):
        """kind(*args, **kw)"""
        try:
            bound = inspect.signature(kind).bind(*args, **kw)
        except TypeError as e:
            self.refuse(f"{kind.__name__}: {e}", "Pass the fields that it has.")
        bound.apply_defaults()
        return Tup(tuple(a if isinstance(a, Var | Const | Tup) else constant(a) for a in bound.arguments.values()), kind)

    def foreign(self, fn, out, args):
        """What a user's own primitive returned: a number, or an array that is nobody else's."""
        if not isinstance(out.type, types.Number | types.Array):
            self.refuse(f"{fn.__name__} has a derivative of its own and returns {out.type}", "Let it return one number or array.")
        for a in args:
            if infer.is_array(out) and is_data(a) and infer.is_array(a):
                self.b.add(Do(tape.fresh, (out, a)))
        return out

    def require_card(self, fn, args):
        """Require a card for these arguments: none takes an `out`, and those of arrays take no numbers."""
        card = lookup(fn, tuple(map(infer.rank_of, args)))
        if card is None or any(infer.rank_of(a) == 0 and isinstance(d, Block) and d.rank for a, d in zip(args, card.domain)):
            self.refuse(f"{infer.name_of(fn)}({', '.join(map(infer.shown, args))}) has no derivative in the catalogue",
                        "Leave out what is not needed, or write it with functions that have one.")

    def transform(self, make, args, kw):
        """grad(f), jvp(f, argnums), ..: a transform of a function that is known."""
        given = [x for atom in (*args, *kw.values()) for x in leaves(atom)]
        if not all(isinstance(a, Const) and not isinstance(a.value, Inner) for a in given):
            self.refuse("the function that is differentiated here is not known beforehand", "Define it outside, and name it.")
        try:
            return Const(make(*map(static, args), **{k: static(a) for k, a in kw.items()}))
        except TypeError as e:
            return self.refuse(str(e), "Call it as grad(f), or grad(f, argnums).")

    def rewritten(self, write, args, kw, name, hint):
        """A function that is written in the language."""
        try:
            inspect.signature(write).bind(self.b, *args, **kw)
        except TypeError:
            self.refuse(f"these arguments of {name} are not supported", "Pass fewer, in order.")
        value = write(self.b, *args, **kw)
        if isinstance(value, Var) and value.hint == "t":
            value.hint = hint
        return value

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
        card = next((c for c in CATALOGUE.get(fn, ()) if len(c.params) > len(args) and set(kw) <= set(c.params)), None)
        names, defaults = card and card.params, {}
        if card:
            defaults = {n: p.default for n, p in inspect.signature(card.value).parameters.items() if p.default is not p.empty}
        else:
            try:
                given = inspect.signature(fn).parameters
                names = tuple(given)
                if fn not in CATALOGUE:
                    defaults = {n: p.default for n, p in given.items() if p.default is not p.empty}
            except ValueError:
                names = ()
        rest = []
        for name in names[len(args):]:
            if name in kw:
                rest.append(kw.pop(name))
            elif kw and name in defaults:
                rest.append(Const(defaults[name]))
            elif kw:
                break
        if kw:
            self.refuse(f"the keyword {next(iter(kw))!r} of {infer.name_of(fn)} is not supported",
                        "Leave it out, or pass the arguments in order.")
        return [*args, *rest, *([dtype] if dtype is not None else [])]


def quotient(b, x, y, hint="t"):
    """x / y in a rule. Of numbers it is NumPy's, infinite where `/` raises: the function itself has not divided by zero. By a
    constant it is a product with the reciprocal, which takes a quarter of the time, and rounds once more."""
    if isinstance(y, Const) and isinstance(y.value, float) and 1e-300 < abs(y.value) < 1e300:
        return b.let(operator.mul, x, Const(type(y.value)(1.0 / y.value)), hint=hint)
    numbers = infer.rank_of(x) == infer.rank_of(y) == 0 and not isinstance(y, Const)
    return b.let(np.divide if numbers else operator.truediv, x, y, hint=hint)


class Rule(Expressions):
    """Lowers the expressions of the catalogue's rules."""

    def x_BinOp(self, node, hint):
        if isinstance(node.op, ast.Div):
            return quotient(self.b, self.expr(node.left), self.expr(node.right), hint)
        return super().x_BinOp(node, hint)


def lower_rule(builder, expression, env, scope):
    """The value of a catalogue rule's expression, added to a builder."""
    def names(name):
        if name in scope:
            return True, scope[name]
        return hasattr(builtins, name), getattr(builtins, name, None)
    return Rule(builder, dict(env), names).expr(expression)
