"""Python function and argument types -> Program. What is accepted is listed here and in `lower.py`; all else is refused.

Calls of other functions are lowered in place. `break`, `continue` and `return` become boolean values that guard what
follows (`EXITS`); where one side of an `if` always leaves, what follows moves into the other side and no guard is needed.
"""
import ast
import functools
import inspect
import operator
from dataclasses import replace

import numpy as np

from . import infer, tape
from .activity import Aliases
from .builder import Builder, acts, constant, is_data, throw
from .errors import Place, Refusal
from .lists import changed, contents, fixed, growing, of_arrays, opened
from .loops import BREAK, CONTINUE, EXITS, RETURN, VALUE, Loops, called, stored
from .lower import BINARY, Inner, ReadBefore
from .normal import normalised
from .primitive import CATALOGUE
from .program import (
    UNDEFINED,
    Const,
    Do,
    If,
    ListDisplay,
    Program,
    Tup,
    Var,
    filtered,
    leaves,
    pruned,
    variables,
)
from .rewrites import array, scattered
from .syntax import outer_names, parameters, python_function, syntax

RAISED = "·raised"              # this path ends in an error: nothing comes after it, and nothing is joined with it
DEPTH = 40
STATEMENTS = {ast.Delete: "del", ast.ImportFrom: "import", ast.ClassDef: "class", ast.AsyncFunctionDef: "async def",
              ast.AsyncFor: "async for", ast.AsyncWith: "async with"}


def parse(fn, params):
    """The Program of fn for parameter structures (Vars with types, Consts, Tups), in order."""
    fn = python_function(fn)
    builder = Builder()
    try:
        result = call(builder, fn, [p for _, p in params], {}, depth=0)
    except Refusal as e:
        raise e.at(builder.place) from None
    require_value(fn, result)
    program = Program(fn.__name__, params, builder.block, result)
    return pruned(normalised(fixed(pruned(returning(checked(program)), acts))), acts)


def checked(program):
    """The program without the checks that two arrays do not overlap where they cannot."""
    aliases = Aliases(program)

    def kept(s):
        return not (isinstance(s, Do) and s.fn in (tape.aligned, tape.separate, tape.apart)) or (
            len({aliases.of(a) for a in s.args if isinstance(a, Var)}) == 1)
    return replace(program, body=filtered(program.body, kept))


def application(fn, params):
    """The Program that is one call of a function of the catalogue."""
    frame = Statements(Builder(), {}, lambda name: (False, None))
    out = frame.call(fn, [p for _, p in params], {}, "out")
    return Program(fn.__name__, params, frame.b.block, out)


def returning(program):
    """A program that returns nothing returns the arrays of floats among its arguments that it writes: one, or a tuple."""
    if program.result != Const(None):
        return program
    aliases = Aliases(program)
    written = tuple(v for _, p in program.params for v in variables(p)
                    if infer.is_array(v) and infer.is_float(v) and aliases.mutable(v))
    return replace(program, result=written[0] if len(written) == 1 else Tup(written) if written else Const(None))


def start(fn):
    """The place of a function's definition."""
    node, file = syntax(fn)
    return Place(file, node.lineno, node.col_offset)


def require_value(fn, result):
    """Require that a function returns numbers, arrays and tuples of them."""
    if isinstance(result, ListDisplay):
        raise Refusal(f"{fn.__name__} returns a list", "Return a tuple, or an array.", start(fn))
    if isinstance(result, Tup):
        for item in result.items:
            require_value(fn, item)
    elif not is_data(result) and result != Const(None):
        raise Refusal(f"{fn.__name__} returns {infer.shown(result)}, which is neither a number nor an array",
                      "Return numbers, arrays, or tuples of them.", start(fn))


def call(builder, fn, args, kw, depth, caller=None):
    """Lower a call of fn in place; its value."""
    builder.place = place = builder.place or start(fn)
    if depth > DEPTH:
        raise Refusal(f"{fn.__name__} calls itself too deeply", "Write the recursion as a loop.", place)
    (node, file), params = syntax(fn), parameters(fn)
    try:
        bound = inspect.Signature(list(params.values())).bind(*args, **kw)
    except TypeError as e:
        raise Refusal(f"{fn.__name__}: {e}", "Pass the arguments that it takes.", place) from None
    bound.apply_defaults()
    env = {}
    for name, value in bound.arguments.items():
        kind = params[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            raise Refusal("`**` parameters are not supported", "Name the parameters.", place)
        if kind is inspect.Parameter.VAR_POSITIONAL:
            value = Tup(tuple(value))
        env[name] = value if isinstance(value, Var | Const | Tup) else constant(value)
    for name, value in list(env.items()):
        env[name] = opened(builder, name, value, env)
    return enter(Statements(builder, env, outer_names(fn), file), node, depth, caller)


def enter(frame, node, depth, caller):
    """Lower a function's body in its frame, in the place of a call; its value. Lists are the caller's, too."""
    place = frame.b.place
    frame.depth = depth
    if caller is not None:
        frame.env |= contents(caller.env)
    value = frame.value_of(node)
    frame.b.place = place
    if any(map(growing, leaves(value))):
        frame.refuse("a function returns a list", "Return an array made of it.")
    if caller is not None:
        caller.env |= {k: frame.env[k] for k in contents(caller.env)}
    return value


class Statements(Loops):
    """Lowers the statements of one function."""
    depth = 0

    def value_of(self, node):
        """What a definition returns when its body runs in this frame."""
        if isinstance(node, ast.Lambda):
            return self.expr(node.body)
        self.env |= {RETURN: Const(False), VALUE: UNDEFINED}
        self.grows = changed(node)
        self.run(node.body)
        value, returned = self.env[VALUE], self.env[RETURN]
        if value is UNDEFINED:
            return Const(None)
        if isinstance(returned, Var) and value != Const(None):
            self.b.add(Do(tape.returned, (returned,)))
        return value

    def call_user(self, fn, args, kw, hint):
        plain = python_function(fn)
        home = getattr(plain, "__module__", None) or ""
        if home.split(".")[0] in ("numpy", "math", "scipy") or isinstance(plain, np.ufunc):
            self.refuse(f"{infer.name_of(fn)} has no derivative in the catalogue", "Write it with functions that have one.")
        if not inspect.isfunction(plain) or home.split(".")[0] == "numba":
            self.refuse(f"{infer.name_of(fn)} is not supported", "Leave it out of the function that is differentiated.")
        return call(self.b, plain, args, kw, self.depth + 1, self)

    # ---- blocks and exits
    def left(self):
        """Has the path that we are on been left? True, False, or the Var that says so when it runs."""
        if RAISED in self.env:
            return True
        flags = [self.env[f] for f in (CONTINUE, BREAK, RETURN) if self.env.get(f, Const(False)) != Const(False)]
        if any(f == Const(True) for f in flags):
            return True
        if not flags:
            return False
        flag = flags[0]
        for f in flags[1:]:
            flag = self.b.let(operator.or_, flag, f, hint="left")
        return flag

    def run(self, nodes):
        """Lower a block."""
        for k, node in enumerate(nodes):
            self.at(node)
            rest = nodes[k + 1:]
            if isinstance(node, ast.If):
                return self.s_If(node, rest)
            method = getattr(self, f"s_{type(node).__name__}", None)
            if method is None:
                self.refuse(f"the statement `{STATEMENTS.get(type(node), type(node).__name__.lower())}` is not supported",
                            "Use assignments, if, for, while, break, continue and return.")
            method(node)
            if (gone := self.left()) is True:
                return None
            if gone is not False and rest:
                return self.fork(gone, lambda: None, functools.partial(self.run, rest), [*stored(rest), *EXITS])
        return None

    def fork(self, cond, then, orelse, names):
        """Lower two branches, and join what they assign."""
        if isinstance(cond, Const):
            return then() if cond.value else orelse()
        s, before, place = If(cond, [], []), dict(self.env), self.b.place
        yes = self.side(s.then, then)
        self.env = dict(before)
        no = self.side(s.orelse, orelse)
        self.b.place = place
        if yes is None or no is None:
            self.env = yes or no
            return None
        if RAISED in yes or RAISED in no:
            return self.past(s, yes, no)
        env = dict(before)
        for name in dict.fromkeys([*names, *yes, *no]):
            a, b = self.alike(s, yes.get(name, UNDEFINED), no.get(name, UNDEFINED))
            if a is UNDEFINED and b is UNDEFINED:
                continue
            env[name] = self.b.join(s, a, b, called(name))
        self.env = env
        self.b.add(s)
        return None

    def past(self, s, yes, no):
        """After a branch of which one side raises, the other side's statements follow without a branch."""
        self.env, rest = (yes, s.then) if RAISED not in yes else (no, s.orelse)
        if RAISED in yes and RAISED in no:
            rest = []
        self.b.add(replace(s, then=[] if rest is s.then else s.then, orelse=[] if rest is s.orelse else s.orelse))
        self.b.block.extend(rest)

    def side(self, block, lower):
        """The environment after one side of a branch; None if that cannot be said yet (see `loop`)."""
        with self.b.into(block):
            try:
                lower()
            except ReadBefore:
                if not self.guessing:
                    raise
                return None
        return self.env

    def s_If(self, node, rest):
        cond = self.condition(node.test)
        names = stored([*node.body, *node.orelse, *rest])
        if leaves_always(node.body) and not leaves_always(node.orelse):
            return self.fork(cond, lambda: self.run(node.body), lambda: self.run([*node.orelse, *rest]), [*names, *EXITS])
        if leaves_always(node.orelse) and node.orelse:
            return self.fork(cond, lambda: self.run([*node.body, *rest]), lambda: self.run(node.orelse), [*names, *EXITS])
        self.fork(cond, lambda: self.run(node.body), lambda: self.run(node.orelse), [*stored([node]), *EXITS])
        if (gone := self.left()) is True or not rest:
            return None
        if gone is False:
            return self.run(rest)
        return self.fork(gone, lambda: None, lambda: self.run(rest), [*stored(rest), *EXITS])

    def call_inner(self, fn, args, kw):
        """Lower a call of a function that is defined in a function."""
        if self.depth > DEPTH:
            self.refuse("this function calls itself too deeply", "Write the recursion as a loop.")
        try:
            bound = fn.signature.bind(*args, **kw)
        except TypeError as e:
            self.refuse(str(e), "Pass the arguments that it takes.")
        bound.apply_defaults()
        env = {k: v for k, v in fn.frame.env.items() if k not in EXITS} | bound.arguments
        return enter(Statements(self.b, env, fn.frame.names, fn.frame.file), fn.node, self.depth + 1, self)

    # ---- statements
    def s_FunctionDef(self, node):
        self.env[node.name] = Const(Inner(node, self))

    def s_Pass(self, node):
        pass

    def s_Expr(self, node):
        if not isinstance(node.value, ast.Constant):
            self.expr(node.value)

    def s_Raise(self, node):
        if node.exc is None or node.cause is not None:
            self.refuse("`raise` without an error, or `from` another, is not supported", "Write raise ValueError(...).")
        call = node.exc if isinstance(node.exc, ast.Call) else ast.Call(node.exc, [], [])
        error, args = self.callee(call.func), [self.expr(a) for a in call.args]
        if not (isinstance(error, type) and issubclass(error, BaseException)) or call.keywords:
            self.refuse("only an exception class with positional arguments can be raised", "Write raise ValueError(...).")
        self.b.add(Do(throw, (Const(error), *args)))
        self.env[RAISED] = Const(True)

    def s_Assert(self, node):
        cond = self.condition(node.test)
        if cond == Const(True):
            return
        s = If(cond, [], [])
        with self.b.into(s.orelse):
            self.b.add(Do(throw, (Const(AssertionError), *([] if node.msg is None else [self.expr(node.msg)]))))
        self.b.add(s)

    def s_Continue(self, node):
        self.env[CONTINUE] = Const(True)

    def s_Break(self, node):
        self.env[BREAK] = Const(True)

    def s_Return(self, node):
        self.env[VALUE] = Const(None) if node.value is None else self.expr(node.value, "out")
        self.env[RETURN] = Const(True)

    def s_Assign(self, node):
        hint = node.targets[0].id if isinstance(node.targets[0], ast.Name) else "t"
        value = self.expr(node.value, hint)
        for target in node.targets:             # of several names, one that changes a list says so for all
            if isinstance(target, ast.Name):
                value = self.settled(value, target.id)
        for target in node.targets:
            self.assign(target, value)

    def s_AnnAssign(self, node):
        if node.value is not None:
            self.assign(node.target, self.expr(node.value))

    def assign(self, target, value):
        match target:
            case ast.Name(id=name):
                self.env[name] = self.settled(value, name)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for t, v in zip(targets, self.unpacked(value, targets)):
                    self.assign(t, v)
            case ast.Subscript(value=owner, slice=index):
                arr = self.expr(owner)
                self.store(arr, self.index(index), value)
            case ast.Attribute(attr="shape"):
                self.refuse("the shape of an array cannot be assigned", "Use np.reshape.")
            case _:
                self.refuse("this cannot be assigned to", "Assign to a name or to an element of an array.")

    def unpacked(self, value, targets):
        """The parts of a tuple or an array, one for each target."""
        n = len(targets)
        if any(isinstance(t, ast.Starred) for t in targets):
            self.refuse("`*` in an assignment is not supported", "Assign the parts one by one.")
        if isinstance(value, Tup):
            if len(value.items) != n:
                self.refuse(f"{len(value.items)} values for {n} names", "Give as many names as values.")
            return value.items
        if not is_data(value) or not infer.is_array(value) or not infer.rank_of(value):
            self.refuse("only tuples and arrays can be unpacked", "Assign the parts one by one.")
        self.b.add(Do(tape.holds, (value, Const(n))))
        return [self.b.get(value, (Const(k),)) for k in range(n)]

    def store(self, arr, index, value, add=False):
        if growing(arr):
            self.changing(arr.value)
        if growing(arr) and of_arrays(self.held(arr.value)):
            return self.replace(arr.value, index, value)
        arr, index = self.slot(arr, index)
        if isinstance(arr, Tup) or not is_data(arr) or not infer.is_array(arr):
            self.refuse("only arrays can be written to", "Use an array.")
        if isinstance(value, Tup):
            value = array(self.b, value)
        if infer.gathers(index):
            self.gathering(index)
            return scattered(self.b, arr, index, value)
        self.b.set(arr, index, value, add)
        return None

    def s_AugAssign(self, node):
        value = self.expr(node.value)
        self.at(node)
        op = BINARY[type(node.op)]
        if isinstance(node.target, ast.Name):
            old = self.expr(ast.Name(node.target.id, ast.Load()))
            if is_data(old) and infer.is_array(old):
                return self.augment(old, (Const(Ellipsis),), old, op, value)
            if growing(old):
                return self.extend(old.value, value)
            if isinstance(old, ListDisplay):
                self.refuse("a list is changed", "Change it in the function that makes it, or use an array.")
            if isinstance(old, Tup) and isinstance(value, Tup) and op is operator.add:
                self.env[node.target.id] = Tup(old.items + value.items)
            else:
                self.env[node.target.id] = self.b.let(op, old, value, hint=node.target.id)
            return None
        if not isinstance(node.target, ast.Subscript):
            self.refuse("this cannot be assigned to", "Assign to a name or to an element of an array.")
        owner = self.expr(node.target.value)
        if growing(owner):
            self.changing(owner.value)
        arr, index = self.slot(owner, self.index(node.target.slice))
        return self.augment(arr, index, None, op, value)

    def augment(self, arr, index, old, op, value):
        """arr[index] op= value; sums are kept as sums, since their reverse reads nothing."""
        same = infer.scalar(infer.type_of(arr)) == infer.scalar(infer.type_of(value)) or infer.is_float(arr)
        same = same and not infer.gathers(index)
        if infer.is_array(value) and not infer.gathers(index) and self.shares(arr, value):
            self.aligned(arr if index == (Const(Ellipsis),) else self.b.get(arr, index), value)
        if op in (operator.add, operator.sub) and same:
            if op is operator.sub:
                value = self.b.let(operator.neg, value)
            return self.store(arr, index, value, add=True)
        if op is operator.matmul:
            self.refuse("`@=` is not supported", "Write the product, and store it.")
        old = self.b.get(arr, index) if old is None else old
        return self.store(arr, index, self.b.let(op, old, value))

    def shares(self, arr, value):
        """May adding value to arr in place read what it has just written? Names made fresh by arithmetic cannot."""
        made = next((s for s in reversed(self.b.block) if getattr(s, "out", None) is value), None)
        return not (made is not None and getattr(made, "fn", None) in CATALOGUE)


def leaves_always(nodes):
    """Does this block end in break, continue or return on every path?"""
    if not nodes:
        return False
    last = nodes[-1]
    if isinstance(last, ast.If):
        return leaves_always(last.body) and leaves_always(last.orelse)
    return isinstance(last, ast.Break | ast.Continue | ast.Return | ast.Raise)
