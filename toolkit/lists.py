"""Lists that grow, written in the language: a buffer, and how much of it is in use.

A list is a reference: two names may hold one. What it holds stands in the environment under the list's own key, as a pair
(buffer, length), so that loops and branches carry it as they carry variables, and both modes differentiate what is stored in
arrays. A list of arrays holds two such pairs: the arrays' entries one behind the other, and for each array where it begins and
its shape. Entries are only ever added, so an array that was read from a list stays what it was; in exchange nothing may write
to what stands in a list (`fixed`). A list display that nothing changes stays a display (`program.ListDisplay`), and is
read like a tuple.
"""
import ast
import builtins
import functools
import itertools
import operator
from dataclasses import dataclass, replace

import numba
import numpy as np
from numba import types

from . import infer, tape
from .activity import Aliases, views
from .builder import is_data
from .errors import Refusal
from .lower import Expressions
from .program import Const, Do, Growing, ListDisplay, Listed, Set, Span, Tup, Var, filtered, leaves, walk
from .rewrites import ZERO, ravel

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


EMPTY = Const(_Nothing())                   # what a list holds before its first item says of which type they are


@dataclass(frozen=True)
class Arrays:
    """What marks the two pairs of a list of arrays of one rank (a `Tup.kind`)."""
    rank: int

    @property
    def width(self):
        """How many integers say where an array stands: its beginning, and its shape."""
        return 1 + self.rank


Arrays = functools.cache(Arrays)            # kinds are compared by identity


def of_arrays(held):
    """Does a list that holds this hold arrays?"""
    return held is not EMPTY and held.kind is not None


def opened(builder, name, value, env):
    """A parameter as a function's body reads it: in place of a list that is an argument, one whose contents stand in `env`."""
    if not isinstance(value, Listed):
        return value.of(opened(builder, name, v, env) for v in value.items) if isinstance(value, Tup) else value
    ref = Growing(f"{LIST}{next(NUMBERS)}]{name}", ours=False)
    entries, *tables = (Tup((a, builder.dim(a, 0))) for a in value.items[1:])
    env[ref.key] = Tup((entries, *tables), Arrays(infer.type_of(value).dtype.ndim)) if tables else entries
    return Const(ref)


def keeps(array, place):
    """Marks where a list takes a copy of an array: Python's would hold the array itself."""


def owns(buffer):
    """Marks what a list keeps its entries in: only the list itself writes there, behind all that it has lent."""


def lends(view, place):
    """Marks where an array is read from a list."""


def fixed(program):
    """The program without these marks. Refuses one that writes to an array after a list keeps it, or to one that a list lends."""
    marks = {fn: [s for s in walk(program.body) if isinstance(s, Do) and s.fn is fn] for fn in (keeps, owns, lends)}
    owned = {s.args[0] for s in marks[owns]}
    aliases = Aliases(replace(program, body=filtered(program.body, lambda s: not (isinstance(s, Set) and s.arr in owned))))
    for s in marks[keeps]:
        if aliases.changes_after(s.args[0], s):
            raise Refusal("an array that is kept in a list is written afterwards", "Append a copy of it.", s.args[1].value)
    of_lists = views(program, [s.args[0] for s in marks[lends]])
    for s in walk(program.body):
        if isinstance(s, Set) and s.arr in of_lists:
            raise Refusal("an array that a list holds is written", "Write to a copy, and put that into the list.", s.place)
    return replace(program, body=filtered(program.body, lambda s: not (isinstance(s, Do) and s.fn in marks)))


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
        """A pair (buffer, length), or two of a list of arrays."""
        held = self.env.get(ref.key)
        if held is None:
            self.refuse("this list was made in a loop, or by a function, that has ended", "Make it before.")
        if held is EMPTY:
            self.refuse("an empty list is read", "Give it a number first.")
        return held

    def length(self, ref):
        """How many items a list holds."""
        if self.env.get(ref.key) is EMPTY:
            return ZERO
        held = self.held(ref)
        if of_arrays(held):
            return self.b.let(operator.floordiv, held.items[1].items[1], Const(held.kind.width), hint="length")
        return held.items[1]

    def number(self, value):
        """Require that it is a number."""
        if not is_data(value) or infer.rank_of(value) != 0:
            self.refuse(f"a list of {infer.shown(value)} that changes is not supported", "Keep numbers or arrays in it.")
        return value

    def changing(self, ref):
        """Require that we may change a list."""
        if not ref.ours:
            self.refuse("a list that is an argument is changed", "Change a copy: [v for v in items].")

    def append(self, ref, value):
        held = self.env[ref.key]
        if not (is_data(value) and infer.is_array(value)):
            self.number(value)
        if of_arrays(held) if not infer.is_array(value) else held is not EMPTY and held.kind is not Arrays(infer.rank_of(value)):
            self.refuse(f"a list of other items gets {infer.shown(value)}", "Keep numbers, or arrays of one rank, in it.")
        self.env[ref.key] = self.kept(held, value) if infer.is_array(value) else self.more(held, value)

    def more(self, pair, *values):
        """A pair with some numbers more."""
        t = infer.scalar(infer.type_of(values[0]))
        buffer, n = self.roomy(pair, t, Const(len(values)))
        for v in values:
            self.b.set(buffer, (n,), self.b.cast(v, buffer.type))
            n = self.b.let(operator.add, n, Const(1), hint="length")
        return Tup((buffer, n))

    def kept(self, held, array):
        """The two pairs with an array more: a copy of its entries, where they begin, and its shape."""
        entries, table = held.items if held is not EMPTY else (EMPTY, EMPTY)
        shape = self.b.shape(array).items
        size = functools.reduce(lambda m, n: self.b.let(operator.mul, m, n), shape)
        buffer, begin = self.roomy(entries, infer.scalar(array.type), size)
        end = self.b.let(operator.add, begin, size, hint="length")
        self.b.set(buffer, (Span(begin, end, None),), self.b.cast(ravel(self.b, array), buffer.type))
        self.b.add(Do(owns, (buffer,)))
        self.b.add(Do(keeps, (array, Const(self.b.place))))
        table = self.more(table, begin, *shape)
        return Tup((Tup((buffer, end)), table), Arrays(infer.rank_of(array)))

    def roomy(self, pair, t, m):
        """(buffer, length) of a pair, or of an empty list, with room for m numbers of type t more."""
        if pair is EMPTY:
            room = m if not isinstance(m, Const) else Const(max(FIRST, m.value))
            return self.b.let(np.empty, room, Const(infer.numpy_type(t)), hint="list"), ZERO
        buffer, n = pair.items
        if infer.unified(infer.scalar(buffer.type), t) != infer.scalar(buffer.type):
            self.refuse(f"a list of {infer.scalar(buffer.type)} gets a {t}", "Start it with a number of that type.")
        needed = n if m == Const(1) else self.b.let(operator.add, n, m)
        full = self.b.let(operator.ge if m == Const(1) else operator.gt, needed, self.b.dim(buffer, 0), hint="full")
        return self.b.branch(full, lambda: self.larger(buffer, n, needed), lambda: buffer, "list"), n

    def larger(self, buffer, n, needed):
        """A copy with more room."""
        room = self.b.let(max, self.b.let(operator.mul, Const(2), needed), Const(FIRST))
        new = self.b.let(np.empty, room, Const(infer.numpy_type(infer.scalar(buffer.type))), hint="list")
        self.b.add(Do(owns, (new,)))
        self.b.set(new, (Span(Const(None), n, None),), self.b.get(buffer, (Span(Const(None), n, None),)))
        return new

    def emptied(self, held):
        """What an empty list holds, beside one that holds `held`."""
        if of_arrays(held):
            return held.of(map(self.emptied, held.items))
        return Tup((self.b.let(np.empty, ZERO, Const(infer.numpy_type(infer.scalar(held.items[0].type))), hint="list"), ZERO))

    def element(self, held, k):
        """The array at position k: a view of the entries."""
        (entries, _), (table, _) = (pair.items for pair in held.items)
        at = self.b.let(operator.mul, k, Const(held.kind.width))
        begin, *shape = (self.b.get(table, (self.b.let(operator.add, at, Const(j)) if j else at,), "n")
                         for j in range(held.kind.width))
        size = functools.reduce(lambda m, n: self.b.let(operator.mul, m, n), shape)
        view = self.b.get(entries, (Span(begin, self.b.let(operator.add, begin, size), None),))
        if len(shape) > 1:
            view = self.b.let(np.reshape, view, Tup(tuple(shape)))
        self.b.add(Do(lends, (view, Const(self.b.place))))
        return view

    def replace(self, ref, index, array):
        """list[index] = array: its entries come behind all others, and are pointed to."""
        held, k = self.held(ref), self.position(ref, index)
        new = self.kept(held, array) if held.kind is Arrays(infer.rank_of(array)) else self.refuse(
            f"a list of other items gets {infer.shown(array)}", "Keep numbers, or arrays of one rank, in it.")
        entries, (table, _) = new.items[0], new.items[1].items
        old = held.items[1].items[1]
        for j in range(held.kind.width):
            to = self.b.let(operator.add, self.b.let(operator.mul, k, Const(held.kind.width)), Const(j))
            self.b.set(table, (to,), self.b.get(table, (self.b.let(operator.add, old, Const(j)),)))
        self.env[ref.key] = held.of((entries, Tup((table, old))))

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
        held = self.held(atom.value)
        if of_arrays(held):
            self.refuse("a list of arrays is read as one", "Loop over it, or index it.")
        buffer, n = held.items
        return self.b.get(buffer, (Span(Const(None), n, None),))

    def slot(self, owner, index):
        """(array, index) where a list's element stands."""
        if not growing(owner):
            return owner, index
        k = self.position(owner.value, index)
        held = self.held(owner.value)
        if of_arrays(held):
            self.refuse("an array that a list holds is written", "Write to a copy, and put that into the list.")
        return held.items[0], (k,)

    def position(self, ref, index):
        """The position in a list that an index says, required to lie in it."""
        if len(index) != 1 or not is_data(index[0]) or infer.rank_of(index[0]) != 0:
            self.refuse("a list is indexed with one integer here", "Make an array of it to slice it.")
        n, k = self.length(ref), index[0]
        below = self.b.let(operator.lt, k, ZERO)
        k = self.b.branch(below, lambda: self.b.let(operator.add, k, n), lambda: k, "k")
        self.b.add(Do(tape.within, (k, n)))
        return k

    # ---- what is done with it
    def subscript(self, owner, node, hint):
        if growing(owner):
            if of_arrays(held := self.held(owner.value)):
                return self.element(held, self.position(owner.value, self.index(node.slice)))
            return self.b.get(*self.slot(owner, self.index(node.slice)), hint)
        if isinstance(owner, Const) and isinstance(owner.value, types.Type):
            return Const(types.Array)                   # float64[:], as the type of a list's items, which its first one tells
        if isinstance(owner, Var) and isinstance(owner.type, types.DictType):
            return self.b.let(operator.getitem, owner, self.expr(node.slice), hint=hint)
        return super().subscript(owner, node, hint)

    def method(self, method, args, kw, hint):
        if not growing(method.owner):
            return super().method(method, args, kw, hint)
        ref = method.owner.value
        self.changing(ref)
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
        held, n = self.held(ref), self.length(ref)
        last = self.b.let(operator.sub, n, Const(1), hint="length")
        self.b.add(Do(tape.within, (last, n)))
        if of_arrays(held):
            entries, (table, _) = held.items[0], held.items[1].items
            rest = self.b.let(operator.mul, last, Const(held.kind.width), hint="length")
            self.env[ref.key] = held.of((entries, Tup((table, rest))))
            return self.element(held, last)
        value = self.b.get(held.items[0], (last,), hint)
        self.env[ref.key] = Tup((held.items[0], last))
        return value

    def extend(self, ref, source):
        """Append each number of a tuple, an array or another list."""
        if isinstance(source, Tup):
            for item in source.items:
                self.append(ref, item)
            return
        if not growing(source) and (not is_data(source) or infer.rank_of(source) != 1):
            self.refuse("a list is extended by a tuple, a vector or a list here", "Append in a loop.")
        arrays = growing(source) and of_arrays(self.held(source.value))
        each = ast.For(ast.Name("·v", ast.Store()), ast.Name("·source", ast.Load()), [ast.Expr(ast.Call(
            ast.Attribute(ast.Name("·list", ast.Load()), "append", ast.Load()), [ast.Name("·v", ast.Load())], []))], [])
        self.env |= {"·list": Const(ref), "·source": source if arrays else self.b.copy(self.as_array(source))}
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
                return self.length(args[0].value)
            if fn is print:
                self.refuse("a list is printed", "Print an array made of it.")
            if fn in CONVERTS:
                args = [self.as_array(a) for a in args]
        return super().call(fn, args, kw, hint)
