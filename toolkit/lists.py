"""Lists of numbers that grow, written in the language: a buffer, and how much of it is in use.

A list is a reference: two names may hold one. What it holds stands in the environment under the list's own key, as a pair
(buffer, length), so that loops and branches carry it as they carry variables, and both modes differentiate what is stored in
arrays. A list display that nothing changes stays a display (`program.ListDisplay`), and is read like a tuple.
"""
import ast
import builtins
import itertools
import operator

import numba
import numpy as np
from numba import types

from . import infer, tape
from .builder import is_data
from .lower import Expressions
from .program import Const, Do, Growing, ListDisplay, Span, Tup, Var, leaves
from .rewrites import ZERO

FIRST = 8                                   # room for so many numbers is made at the first that comes
CHANGES = {"append", "extend", "pop", "clear"}
CONVERTS = {np.array, np.asarray, builtins.sum, min, max, np.sum, np.mean}


NUMBERS = itertools.count()


class _Nothing:
    __name__ = "an empty list"


LIST = "·["                                 # how the keys of lists begin


def contents(env):
    """The part of an environment that says what lists hold."""
    return {k: v for k, v in env.items() if k.startswith(LIST)}


def touched(before, env):
    """Does one of the lists hold something else now?"""
    return any(env[k] != pair for k, pair in before.items())


EMPTY = Const(_Nothing())                   # what a list holds before its first number says of which type they are


def growing(atom):
    """Is it a list that grows?"""
    return isinstance(atom, Const) and isinstance(atom.value, Growing)


def holds(atom, part):
    """Is this very object a part of a structure?"""
    return atom is part or (isinstance(atom, Tup) and any(holds(a, part) for a in atom.items))


def changed(node):
    """The names whose lists a function changes."""
    found = set()
    for n in ast.walk(node):
        match n:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in CHANGES:
                found.add(name)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()) | ast.AugAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.AugAssign(target=ast.Subscript(value=ast.Name(id=name))):
                found.add(name)
    return found


class Lists(Expressions):
    """Lowers what is done with lists."""
    grows = frozenset()                     # the names whose lists this function changes

    def __init__(self, *args):
        super().__init__(*args)
        self.sites = {}                     # place -> the list that is made there

    # ---- making lists
    def made(self, items=(), name="list"):
        """A new list of some numbers. One place in the source makes one list at a time, so no name may still hold the last."""
        ref = self.sites.setdefault((self.b.place, name), Growing(f"{LIST}{next(NUMBERS)}]{name}"))
        held = [n for n, v in self.env.items() if n != name and any(growing(a) and a.value is ref for a in leaves(v))]
        if held:
            self.refuse(f"`{held[0]}` still holds the list that was made here before", "Copy it to an array first.")
        self.env[ref.key] = EMPTY
        for item in items:
            self.append(ref, item)
        return Const(ref)

    def settled(self, value, name):
        """The value that a name is assigned: a list display becomes a list that grows, where the function changes it."""
        if not isinstance(value, ListDisplay) or name not in self.grows:
            return value
        other = next((n for n, v in self.env.items() if n != name and holds(v, value)), None)
        if other is not None:
            self.refuse(f"`{name}` is another name of the list `{other}`, and changes it", "Change a list under one name.")
        return self.made(value.items, name)

    def x_ListComp(self, node, hint):
        out = self.made(name=hint)
        add = ast.Expr(ast.Call(ast.Attribute(ast.Name("·out", ast.Load()), "append", ast.Load()), [node.elt], []))
        for g in reversed(node.generators):
            for test in reversed(g.ifs):
                add = ast.If(test, [add], [])
            add = ast.For(g.target, g.iter, [add], [])
        names = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        saved = {n: self.env.pop(n) for n in names if n in self.env}
        self.env["·out"] = out
        self.run([ast.fix_missing_locations(ast.copy_location(add, node))])
        for n in ("·out", *names):
            self.env.pop(n, None)
        self.env |= saved
        return out

    def x_BinOp(self, node, hint):
        if isinstance(node.op, ast.Mult) and isinstance(node.left, ast.List) and len(node.left.elts) == 1:
            value, n, ref = self.number(self.expr(node.left.elts[0])), self.expr(node.right), self.made(name=hint)
            n = self.b.let(max, n, ZERO)
            buffer = self.b.let(np.empty, n, Const(infer.numpy_type(infer.type_of(value))), hint=hint)
            self.b.set(buffer, (Const(Ellipsis),), value)
            self.env[ref.value.key] = Tup((buffer, n))
            return ref
        return super().x_BinOp(node, hint)

    # ---- what a list holds
    def held(self, ref):
        """(buffer, length)"""
        pair = self.env.get(ref.key)
        if pair is None:
            self.refuse("this list was made in a loop, or by a function, that has ended", "Make it before.")
        if pair is EMPTY:
            self.refuse("an empty list is read", "Give it a number first.")
        return pair.items

    def number(self, value):
        """Require that it is a number, as all that a list holds."""
        if not is_data(value) or infer.rank_of(value) != 0:
            self.refuse(f"a list of {infer.shown(value)} that changes is not supported",
                        "Keep numbers in lists, and arrays as the rows of an array.")
        return value

    def append(self, ref, value):
        t = infer.scalar(infer.type_of(self.number(value)))
        pair = self.env[ref.key]
        if pair is EMPTY:
            pair = Tup((self.b.let(np.empty, Const(FIRST), Const(infer.numpy_type(t)), hint="list"), ZERO))
        buffer, n = pair.items
        if infer.unified(infer.scalar(buffer.type), t) != infer.scalar(buffer.type):
            self.refuse(f"a list of {infer.scalar(buffer.type)} gets a {t}", "Start it with a number of that type.")
        if n != ZERO or pair is not self.env[ref.key]:
            full = self.b.let(operator.eq, n, self.b.dim(buffer, 0), hint="full")
            buffer = self.b.branch(full, lambda: self.larger(buffer, n), lambda: buffer, "list")
        self.b.set(buffer, (n,), self.b.cast(value, buffer.type))
        self.env[ref.key] = Tup((buffer, self.b.let(operator.add, n, Const(1), hint="length")))

    def larger(self, buffer, n):
        """A copy with more room."""
        room = self.b.let(max, self.b.let(operator.mul, Const(2), n), Const(FIRST))
        new = self.b.let(np.empty, room, Const(infer.numpy_type(infer.scalar(buffer.type))), hint="list")
        self.b.set(new, (Span(Const(None), n, None),), self.b.get(buffer, (Span(Const(None), n, None),)))
        return new

    def emptied(self, pair):
        """What an empty list holds, beside one that holds `pair`."""
        return Tup((self.b.let(np.empty, ZERO, Const(infer.numpy_type(infer.scalar(pair.items[0].type))), hint="list"), ZERO))

    def alike(self, s, a, b):
        """What a list holds after each side of a branch, both as pairs if one is."""
        if a is EMPTY and isinstance(b, Tup):
            with self.b.into(s.then):
                a = self.emptied(b)
        if b is EMPTY and isinstance(a, Tup):
            with self.b.into(s.orelse):
                b = self.emptied(a)
        return a, b

    def branch(self, cond, then, orelse, hint):
        """A conditional expression; statements carry what they do to lists, expressions must do nothing."""
        def keeping(side):
            def value():
                out = side()
                if touched(before, self.env):
                    self.refuse("a list is changed in a conditional expression", "Use an `if` statement.")
                return out
            return value
        before = contents(self.env)
        return super().branch(cond, *((then, orelse) if isinstance(cond, Const) else (keeping(then), keeping(orelse))), hint)

    def truth(self, value):
        if growing(value):
            return super().truth(self.call(len, [value], {}, "n"))
        return super().truth(value)

    def as_array(self, atom):
        """The part of the buffer that is in use, for what reads a list."""
        if not growing(atom):
            return atom
        buffer, n = self.held(atom.value)
        return self.b.get(buffer, (Span(Const(None), n, None),))

    def slot(self, owner, index):
        """(array, index) where a list's element stands."""
        if not growing(owner):
            return owner, index
        if len(index) != 1 or not is_data(index[0]) or infer.rank_of(index[0]) != 0:
            self.refuse("a list is indexed with one integer here", "Make an array of it to slice it.")
        buffer, n = self.held(owner.value)
        k = index[0]
        below = self.b.let(operator.lt, k, ZERO)
        k = self.b.branch(below, lambda: self.b.let(operator.add, k, n), lambda: k, "k")
        self.b.add(Do(tape.within, (k, n)))
        return buffer, (k,)

    # ---- what is done with it
    def subscript(self, owner, node, hint):
        if growing(owner):
            return self.b.get(*self.slot(owner, self.index(node.slice)), hint)
        if isinstance(owner, Var) and isinstance(owner.type, types.DictType):
            return self.b.let(operator.getitem, owner, self.expr(node.slice), hint=hint)
        return super().subscript(owner, node, hint)

    def method(self, method, args, kw, hint):
        if not growing(method.owner):
            return super().method(method, args, kw, hint)
        ref = method.owner.value
        match method.name, args, kw:
            case "append", [value], {}:
                self.append(ref, value)
            case "extend", [source], {}:
                self.extend(ref, source)
            case "clear", [], {}:
                self.env[ref.key] = self.emptied(self.env[ref.key]) if self.env[ref.key] is not EMPTY else EMPTY
            case "pop", [], {}:
                return self.pop(ref, hint)
            case _:
                self.refuse(f"the method `.{method.name}` of a list is not supported", "Use append, extend, pop() or clear.")
        return Const(None)

    def pop(self, ref, hint):
        buffer, n = self.held(ref)
        last = self.b.let(operator.sub, n, Const(1), hint="length")
        self.b.add(Do(tape.within, (last, n)))
        value = self.b.get(buffer, (last,), hint)
        self.env[ref.key] = Tup((buffer, last))
        return value

    def extend(self, ref, source):
        """Append each number of a tuple, an array or another list."""
        if isinstance(source, Tup):
            for item in source.items:
                self.append(ref, item)
            return
        if not growing(source) and (not is_data(source) or infer.rank_of(source) != 1):
            self.refuse("a list is extended by a tuple, a vector or a list here", "Append in a loop.")
        each = ast.For(ast.Name("·v", ast.Store()), ast.Name("·source", ast.Load()), [ast.Expr(ast.Call(
            ast.Attribute(ast.Name("·list", ast.Load()), "append", ast.Load()), [ast.Name("·v", ast.Load())], []))], [])
        self.env |= {"·list": Const(ref), "·source": self.b.copy(self.as_array(source))}
        self.run([each])
        for name in ("·v", "·list", "·source"):
            self.env.pop(name, None)

    def call(self, fn, args, kw, hint):
        if fn in (list, numba.typed.List) and len(args) < 2 and not kw:
            ref = self.made(name=hint)
            if args:
                self.extend(ref.value, args[0])
            return ref
        if fn == numba.typed.List.empty_list:
            return self.made(name=hint)
        if any(map(growing, args)):
            if fn is len:
                pair = self.env[args[0].value.key]
                return ZERO if pair is EMPTY else self.held(args[0].value)[1]
            if fn is print:
                self.refuse("a list is printed", "Print an array made of it.")
            if fn in CONVERTS:
                args = [self.as_array(a) for a in args]
        return super().call(fn, args, kw, hint)
