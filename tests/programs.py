"""Random programs of the language that the toolkit accepts, as Python source that a person can read.

`programs()` is a strategy. Each program runs under plain Python, compiles under Numba, reads and writes only inside its arrays,
assigns before it reads, and keeps its values bounded. Most only read their arguments and write to local arrays and to aliases of
these; one in six may write to its arguments. Every choice shrinks towards fewer statements and plainer expressions.

    names       s1, s2, .. floats    a1, a2, .. arrays    l1, l2, .. lists    total1, .. sums that are only added to, and returned
                i1, .. loop indices    k1, .. counters    p1, .. indices    q1, .. flags
    arguments   x: (4,)   m: (3, 4)   c: a float   n: an integer
"""
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st
from laws import from_text

HEAD = """import math

import numpy as np
from numba.extending import register_jitable

ORDER = np.array([2, 0, 3, 0])
"""
SHAPES = ((4,), (3,), (3, 4), (4, 3), (2, 3))
RESULTS = ((), (), ((), (4,)), (4,), ((3, 4), (), (4,)), (3, 4))  # () is a number; a tuple of shapes is a tuple of results
TASTES = {                  # what a program likes to do; statements are drawn from these besides the usual ones
    "plain": (),
    "memory": ("element_set", "part_set", "array_rebound", "swap", "exchange", "array_new"),
    "control": ("branch", "loop", "while_", "leave", "leave", "number_set"),
    "calls": ("call", "call", "element_set", "number_set"),
    "rows": ("rows", "rows", "part_set", "element_set", "running_set"),
    "tuples": ("tuple_set", "tuple_set", "element_set", "branch", "loop"),
    "lists": ("listing", "listing", "scatter_set", "loop"),
    "sums": ("running_sums", "running_sums", "total_set", "total_set", "number_set", "element_set", "array_new", "branch", "loop",
             "loop"),
}
TIDY = ("sums",)            # of these, a program has no other statements: what remains has loops that the reverse sweep may join
LAYOUTS = ("plain", "plain", "plain", "fortran", "strided")
ACTIVE = ((0, 1, 2), (0, 1, 2), (0,), (1,), (2,))
WRITES = ("=", "=", "+=", "-=", "*=")


@dataclass(frozen=True, eq=False)
class Program:
    """One program: its source, its arguments, and which of them are differentiated."""
    source: str
    args: tuple
    argnums: tuple
    made: list = field(default_factory=list)

    @property
    def fn(self):
        """The function itself; its source can be read as if it stood in a file."""
        if not self.made:
            self.made.append(from_text(self.source, "program"))
        return self.made[0]

    def _repr_pretty_(self, printer, cycle):
        printer.text(repr(self))

    def __repr__(self):
        given = "".join(f"# {name} = {value!r}\n" for name, value in zip("xmcn", self.args, strict=True))
        text = f"\n{self.source.removeprefix(HEAD).strip()}\n{given}# differentiated: {self.argnums}"
        return "\n    ".join(text.splitlines())


@dataclass
class Scope:
    """What may be read here: every name keeps one shape, and for arrays whether it may be written to."""
    floats: list = field(default_factory=list)
    arrays: dict = field(default_factory=dict)      # name -> (shape, writable)
    ints: dict = field(default_factory=dict)        # name -> (least, greatest)
    running: list = field(default_factory=list)     # the ints that are assigned: each from 0 to 3
    flags: list = field(default_factory=list)
    exits: tuple = ("return",)
    depth: int = 0

    def inside(self, **changes):
        return replace(self, floats=list(self.floats), arrays=dict(self.arrays), ints=dict(self.ints), running=list(self.running),
                       flags=list(self.flags), depth=self.depth + 1, **changes)


@dataclass(frozen=True)
class Helper:
    """A function that the program calls: shapes of its parameters, those that it writes to, and its result (None: nothing)."""
    name: str
    params: tuple
    writes: tuple
    result: object


def bare(text):
    """An expression without the brackets around all of it."""
    if not text.startswith("(") or not text.endswith(")"):
        return text
    depth = 0
    for k, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if (depth == 0 and k < len(text) - 1) or (depth == 1 and char == ","):
            return text
    return text[1:-1]


class Writer:
    """Writes one program, as the strategy `draw` chooses."""

    def __init__(self, draw, room):
        self.draw, self.room = draw, room
        self.counts, self.helpers, self.lines, self.result, self.exited = {}, [], [], (), 0
        self.total = None
        self.taste = self.one(*TASTES, *TIDY)

    # ---- choices
    def one(self, *options):
        return self.draw(st.sampled_from(options))

    def chance(self, one_in):
        """True once in so many times; it shrinks to False."""
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def more(self, one_in):
        """False once in so many times; it shrinks to False."""
        return self.draw(st.integers(0, one_in - 1)) != 0

    def whole(self, make):
        """What `make()` returns; its choices may be left out together when a program is shrunk."""
        return self.draw(st.builds(make))

    def fresh(self, stem):
        self.counts[stem] = self.counts.get(stem, 0) + 1
        return f"{stem}{self.counts[stem]}"

    def add(self, sc, line):
        self.lines.append("    " * sc.depth + line)

    # ---- indices and views
    def index(self, sc, n):
        """An index into an axis of length n."""
        options = [str(self.one(*range(n), *range(-1, -n - 1, -1)))]
        for i, (lo, hi) in sc.ints.items():
            inside = lo >= 0 and hi < n
            options += [i, f"{i} - {n}"] if inside else [i] if lo >= -n and hi < n and hi < 0 else [f"{i} % {n}"]
        return self.one(*options)

    def span(self, n, k):
        """A slice of length k of an axis of length n."""
        lo = self.one(*range(n - k + 1))
        hi = lo + k
        options = [f"{lo}:{hi}"]
        if lo == 0:
            options.append(f":{hi}" if hi < n else ":")
        if hi == n:
            options.append(f"{lo}:" if lo else ":")
        if hi < n:
            options.append(f"{lo}:{hi - n}" if lo else f":{hi - n}")
        if k == n:
            options.append("::-1")
        if k == (n + 1) // 2:
            options.append("::2")
        if k == n // 2 and k:
            options.append("1::2")
        return self.one(*options)

    def views(self, sc, shape, write=False):
        """How arrays and parts of arrays of a shape may be written down; each is chosen when it is called."""
        out = []
        for name, (have, writable) in sc.arrays.items():
            if write and not writable:
                continue
            if have == shape:
                out += [lambda name=name: name] * (6 if writable else 2)
            if len(have) == len(shape) == 1 and have[0] >= shape[0]:
                out.append(lambda name=name, have=have: f"{name}[{self.span(have[0], shape[0])}]")
            if len(have) == 2 and len(shape) == 1 and have[1] >= shape[0]:
                out.append(lambda name=name, have=have: self.row(sc, name, have, shape[0]))
            if len(have) == 2 and len(shape) == 1 and have[0] >= shape[0]:
                out.append(lambda name=name, have=have: f"{name}[{self.span(have[0], shape[0])}, {self.index(sc, have[1])}]")
            if len(have) == len(shape) == 2 and have[0] >= shape[0] and have[1] >= shape[1]:
                out.append(lambda name=name, have=have: self.submatrix(name, have, shape))
            if len(have) == len(shape) == 2 and have == shape[::-1]:
                out.append(lambda name=name: f"{name}.T")
        return out

    def row(self, sc, name, have, n):
        i = self.index(sc, have[0])
        options = [f"{name}[{i}, {self.span(have[1], n)}]"]
        if have[1] == n:
            options = [f"{name}[{i}]", *options]
        return self.one(*options)

    def submatrix(self, name, have, shape):
        rows = self.span(have[0], shape[0])
        if have[1] == shape[1] and not self.chance(3):
            return f"{name}[{rows}]"
        return f"{name}[{rows}, {self.span(have[1], shape[1])}]"

    def view(self, sc, shape, write=False):
        """An array, or a part of one, of this shape; None where there is no such."""
        views = self.views(sc, shape, write)
        return self.one(*views)() if views else None

    def element(self, sc, write=False):
        """An element of an array."""
        local = [n for n, (_, writable) in sc.arrays.items() if writable]
        name = self.one(*(local if write else [*sc.arrays, *local, *local]))
        parts = [self.index(sc, n) for n in sc.arrays[name][0]]
        return f"{name}[{']['.join(parts) if len(parts) == 2 and self.chance(6) else ', '.join(parts)}]"

    # ---- expressions
    def condition(self, sc, depth=1):
        """A test: of integers, or of values that seldom tie."""
        forms = ["float", "float"]
        if sc.ints:
            forms = ["int", "int", *forms]
        if sc.flags:
            forms.append("flag")
        if depth:
            forms += ["and", "or", "not", "chain"]
        match self.one(*forms):
            case "int":
                i, k = self.one(*sc.ints), self.one(0, 1, 2, 3)
                other = self.one(*sc.ints)
                return self.one(f"{i} > {k}", f"{i} == {k}", f"{i} % 2 == {k % 2}", f"{i} != {k}", f"{i} <= {other}")
            case "float":
                return f"{self.leaf(sc)} {self.one('>', '<')} {self.one('0.0', '0.3', '-0.4')}"
            case "flag":
                return self.one(*sc.flags)
            case "not":
                return f"not ({self.condition(sc, 0)})"
            case "chain":
                return f"-0.6 < {self.leaf(sc)} < {self.one('0.5', '0.1')}"
            case word:
                return f"({self.condition(sc, 0)}) {word} ({self.condition(sc, 0)})"

    def leaf(self, sc):
        """A float that is at hand."""
        if sc.floats and not self.chance(2):
            return self.one(*sc.floats)
        return self.element(sc)

    def number(self, sc, depth=2):
        """A float."""
        if not depth or not self.more(3):
            if sc.ints and self.chance(6):
                return f"({self.one('0.25', '0.5')} * {self.one(*sc.ints)})"
            return self.one("0.5", "-0.7", "1.5") if self.chance(8) else self.leaf(sc)
        a = lambda: self.number(sc, depth - 1)
        match self.one("+", "*", "sin", "tanh", "-", "quotient", "scaled", "neg", "if", "sum", "dot", "mean", "max", "greatest",
                       "square", "exp", "root", "abs", "pick", "masked"):
            case "sin":
                return f"{self.one('np', 'math')}.{self.one('sin', 'cos')}({bare(a())})"
            case "tanh":
                return f"np.tanh({bare(a())})"
            case "quotient":
                return f"({a()} / (1.0 + {self.leaf(sc)} ** 2))"
            case "scaled":
                return f"(0.5 * {a()})"
            case "neg":
                return f"(-{a()})"
            case "if":
                return f"({bare(a())} if {self.condition(sc)} else {bare(a())})"
            case "sum":
                return f"{self.one('np.sum', 'np.mean')}({bare(self.array(sc, self.one(*SHAPES), 1))})"
            case "dot":
                shape = self.one((4,), (3,))
                return f"np.dot({bare(self.array(sc, shape, 1))}, {bare(self.array(sc, shape, 1))})"
            case "mean":
                return f"{self.one(*sc.arrays)}.{self.one('mean', 'sum')}()"
            case "max":
                return f"np.{self.one('max', 'min')}({bare(self.array(sc, (4,), 1))})"
            case "greatest":
                return f"{self.one('max', 'min')}({bare(a())}, {bare(a())})"
            case "square":
                return f"({self.leaf(sc)} ** {self.one('2', '3')})"
            case "exp":
                return f"np.exp(np.tanh({bare(a())}))"
            case "root":
                return f"np.sqrt(1.0 + {self.leaf(sc)} ** 2)"
            case "abs":
                return f"abs({bare(a())})"
            case "masked":
                view = self.view(sc, self.one((4,), (3,)))
                return a() if view is None else f"np.sum({view}[{view} > {self.one('0.1', '-0.3')}])"
            case "pick":
                name = self.one(*(n for n, (shape, _) in sc.arrays.items() if shape == (4,)), "x" if "x" in sc.arrays else None)
                return a() if name is None else f"{name}[np.argmax({bare(self.array(sc, (4,), 0))})]"
            case op:
                return f"({a()} {op} {a()})"

    def array(self, sc, shape, depth=2):
        """An array of a shape."""
        if not depth or not self.more(3):
            return self.view(sc, shape) or f"np.full({shape if len(shape) > 1 else shape[0]}, {bare(self.number(sc, 0))})"
        a = lambda: self.array(sc, shape, depth - 1)
        forms = ["+", "*", "-", "scaled", "sin", "tanh", "by", "neg", "where", "quotient", "reverse", "greatest", "exp", "copy"]
        vector, matrix = ["matvec", "column sums", "cumsum", "join", "gather"], ["row", "column", "outer", "matmul"]
        forms += vector if len(shape) == 1 else matrix
        match self.one(*forms):
            case "scaled":
                return f"({a()} * 0.5)"
            case "by":
                return self.one(f"({self.number(sc, 1)} * {a()})", f"({a()} + {self.number(sc, 1)})")
            case "sin" | "tanh" as f:
                return f"np.{f}({bare(a())})"
            case "exp":
                return f"np.exp(-np.square({bare(a())}))"
            case "neg":
                return f"(-{a()})"
            case "where":
                return f"np.where({a()} > {self.one('0.2', self.leaf(sc))}, {bare(a())}, {bare(a())})"
            case "quotient":
                return f"({a()} / (1.0 + {a()} ** 2))"
            case "reverse":
                return f"({a()})[::-1]" if len(shape) == 1 else f"({a()})[::-1, :]"
            case "greatest":
                return f"np.maximum({bare(a())}, {bare(a())})"
            case "copy":
                view = self.view(sc, shape)
                return a() if view is None else f"{view}.copy()"
            case "matvec":
                k = self.one(3, 4)
                return f"(0.5 * ({self.array(sc, (shape[0], k), 0)} @ {self.array(sc, (k,), depth - 1)}))"
            case "column sums":
                k = self.one(3, 4)
                return self.one(f"np.sum({bare(self.array(sc, (k, shape[0]), 1))}, axis=0)",
                                f"np.sum({bare(self.array(sc, (shape[0], k), 1))}, 1)")
            case "gather" if shape == (4,):
                return f"({a()})[{self.one('ORDER', 'np.argsort(x)' if 'x' in sc.arrays else 'ORDER')}]"
            case "cumsum":
                return f"np.cumsum({bare(a())})"
            case "join" if shape[0] > 1:
                k = self.one(*range(1, shape[0]))
                return f"np.concatenate(({bare(self.array(sc, (k,), 1))}, {bare(self.array(sc, (shape[0] - k,), 1))}))"
            case "row":
                return f"({a()} {self.one('+', '*')} {self.array(sc, shape[1:], depth - 1)})"
            case "column":
                return f"({a()} {self.one('+', '*')} {self.array(sc, shape[:1], 0)}[:, None])"
            case "outer":
                return f"np.outer({bare(self.array(sc, shape[:1], 1))}, {bare(self.array(sc, shape[1:], 1))})"
            case "matmul":
                k = self.one(2, 3)
                return f"(0.5 * ({self.array(sc, (shape[0], k), 0)} @ {self.array(sc, (k, shape[1]), 0)}))"
            case "+" | "-" | "*" as op:
                return f"({a()} {op} {a()})"
        return a()

    def bounded(self, text):
        """The expression, or a bounded function of it."""
        if text.isidentifier() or not self.chance(2):
            return bare(text)
        return f"np.{self.one('sin', 'tanh')}({bare(text)})"

    # ---- statements
    def block(self, sc):
        """Statements; whether they always leave, and the names that are surely assigned in them."""
        start, sure, exited, left = len(self.lines), None, self.exited, False
        before = list(sc.floats), dict(sc.arrays)
        step = lambda: self.statement(sc) if self.more(4 if sc.depth > 1 else 12) else None
        while self.room > 0 and (left := self.whole(step)) is not None:
            if self.exited > exited and sure is None:
                sure = replace(sc, floats=before[0], arrays=before[1])
            before = list(sc.floats), dict(sc.arrays)
            if left:
                break
        if len(self.lines) == start:
            self.number_set(sc)
        return left or False, sure or sc

    def statement(self, sc):
        """One statement; whether it always leaves."""
        self.room -= 1
        writable = [n for n, (_, w) in sc.arrays.items() if w]
        kinds = ["number_set", "array_new", "element_set", "part_set"] * 3 + ["array_rebound", "swap"] * 2
        kinds += ["numbers_set", "array_op", "running_set", "flag_set", "call", "call", "exchange", "tuple_set", "listing",
                  "scatter_set", "running_sums"]
        kinds += TASTES[self.taste]
        if self.taste in TIDY:
            kinds = list(TASTES[self.taste])
        elif sc.depth < 4:
            kinds += ["branch"] * 3 + ["loop"] * 4 + ["while_"] * 2 + ["rows", "rounds"]
        if sc.depth > 1 and self.taste not in TIDY:
            kinds += ["leave"] * 3
        nested = {"branch", "loop", "while_", "rows", "rounds"} if sc.depth >= 4 else {"leave"} if sc.depth == 1 else ()
        kind = self.one(*(k for k in kinds if k not in nested))
        if not writable and kind in ("element_set", "part_set", "array_op", "exchange", "scatter_set"):
            kind = "array_new"
        return getattr(self, kind)(sc) or False

    def number_set(self, sc):
        name, op = self.one(*filter(str.isidentifier, sc.floats), None), "="
        if name is None:
            name, value = self.fresh("s"), self.bounded(self.number(sc))
            sc.floats.append(name)
        else:
            op = self.one(*WRITES)
            value = f"np.cos({bare(self.number(sc))})" if op == "*=" else self.bounded(self.number(sc))
        self.add(sc, f"{name} {op} {value}")

    def numbers_set(self, sc):
        have = list(filter(str.isidentifier, sc.floats))
        names = [self.one(*have) if have and not self.chance(3) else self.fresh("s") for _ in range(2)]
        if names[0] == names[1]:
            names[1] = self.fresh("s")
        values = [self.bounded(self.number(sc, 1)) for _ in names]
        sc.floats += [n for n in names if n not in sc.floats]
        self.add(sc, f"{', '.join(names)} = {', '.join(values)}")

    def array_new(self, sc):
        shape = self.one(*SHAPES)
        name, size = self.fresh("a"), shape if len(shape) > 1 else shape[0]
        match self.one("copy", "view", "zeros", "value", "like", "empty", "view"):
            case "zeros":
                self.add(sc, f"{name} = np.zeros({size})")
            case "value":
                self.add(sc, f"{name} = {self.fresh_value(sc, shape)}")
            case "empty":
                self.add(sc, f"{name} = np.empty({size})")
                if self.chance(2):
                    self.add(sc, f"{name}[:] = {bare(self.array(sc, shape, 1))}")
                else:
                    i = self.fresh("i")
                    sub = sc.inside()
                    sub.ints[i] = 0, shape[0] - 1
                    self.add(sc, f"for {i} in range({shape[0]}):")
                    item = self.number(sub, 1) if len(shape) == 1 else self.array(sub, shape[1:], 1)
                    self.add(sub, f"{name}[{i}] = {bare(item)}")
            case "like":
                other = self.one(*sc.arrays)
                shape = sc.arrays[other][0]
                self.add(sc, f"{name} = np.{self.one('zeros_like', 'ones_like')}({other})")
            case "view":
                write = any(w for _, w in sc.arrays.values()) and not self.chance(6)
                view = self.view(sc, shape, write)
                self.add(sc, f"{name} = {view or f'np.ones({size})'}")
                sc.arrays[name] = shape, write or view is None
                return
            case _:
                name_of = self.view(sc, shape)
                self.add(sc, f"{name} = {name_of}.copy()" if name_of else f"{name} = np.zeros({size})")
        sc.arrays[name] = shape, True

    def fresh_value(self, sc, shape):
        """An array expression that shares memory with nothing."""
        value = self.array(sc, shape)
        return f"{self.one('np.sin', 'np.tanh')}({bare(value)})" if self.chance(2) else bare(f"(1.0 * {value})")

    def local(self, sc, least=1):
        """Names of arrays that may be bound anew, of one shape and one writability."""
        groups = {}
        for name, kind in sc.arrays.items():
            if name.isidentifier() and (name not in ("x", "m") or kind[1]):
                groups.setdefault(kind, []).append(name)
        return [g for g in groups.values() if len(g) >= least]

    def array_rebound(self, sc):
        groups = self.local(sc)
        if not groups:
            return self.array_new(sc)
        name = self.one(*self.one(*groups))
        shape, write = sc.arrays[name]
        view = lambda: self.view(sc, shape, write) or f"{name}"
        match self.one("view", "value", "copy", "if"):
            case "view":
                self.add(sc, f"{name} = {view()}")
            case "value":
                self.add(sc, f"{name} = {self.fresh_value(sc, shape)}")
            case "copy":
                self.add(sc, f"{name} = {view()}.copy()")
            case "if":
                self.add(sc, f"{name} = {view()} if {self.condition(sc)} else {view()}")
        return None

    def swap(self, sc):
        groups = self.local(sc, 2)
        if not groups:
            return self.array_new(sc)
        names = self.one(*groups)
        a = self.one(*names)
        b = self.one(*(n for n in names if n != a))
        self.add(sc, f"{a}, {b} = {b}, {a}")
        return None

    def element_set(self, sc):
        target, op = self.element(sc, write=True), self.one(*WRITES)
        value = f"np.cos({bare(self.number(sc))})" if op == "*=" else self.bounded(self.number(sc))
        self.add(sc, f"{target} {op} {value}")

    def part_set(self, sc):
        shape = self.one(*SHAPES, (2,))
        target = self.view(sc, shape, write=True)
        if target is None:
            return self.element_set(sc)
        op = self.one(*WRITES)
        if target.endswith(".T") or (target in sc.arrays and (op == "=" or not target.isidentifier())):
            target += "[:]"
        value = self.one(lambda: self.array(sc, shape), lambda: self.array(sc, shape), lambda: self.number(sc),
                         lambda: self.array(sc, shape[1:], 1) if len(shape) > 1 else self.array(sc, shape, 0))()
        value = f"np.cos({bare(value)})" if op == "*=" else self.bounded(value)
        if len(shape) == 1 and op == "=" and "(" not in value and not self.alike(sc, target, value):
            value = f"1.0 * {value}"
        self.add(sc, f"{target} {op} {value}")
        return None

    def alike(self, sc, *views):
        """Are these contiguous parts of one vector? NumPy copies wrongly between vectors that cross with different strides."""
        names = {v.partition("[")[0] for v in views}
        return len(names) == 1 and "::" not in "".join(views) and len(sc.arrays.get(names.pop(), ((), ()))[0]) == 1

    def array_op(self, sc):
        name = self.one(*(n for n, (_, w) in sc.arrays.items() if w))
        op, value = self.one("+=", "-=", "*="), self.array(sc, sc.arrays[name][0])
        target = name if name.isidentifier() else f"{name}[:]"
        self.add(sc, f"{target} {op} {f'np.cos({bare(value)})' if op == '*=' else self.bounded(value)}")

    def exchange(self, sc):
        """Two parts at once, or one value for two parts."""
        form = self.one("element", "row", "chain", "number")
        names = [n for n, (shape, write) in sc.arrays.items() if write and len(shape) == 2]
        numbers = list(filter(str.isidentifier, sc.floats))
        if form == "row" and names:
            name = self.one(*names)
            rows = [f"{name}[{self.index(sc, sc.arrays[name][0][0])}]" for _ in range(2)]
            self.add(sc, f"{rows[0]}, {rows[1]} = {rows[1]}, {self.one('', '0.5 * ')}{rows[0]}")
            return
        a, b = self.element(sc, write=True), self.element(sc, write=True)
        if form == "chain":
            self.add(sc, f"{a} = {self.one(b, *numbers)} = {self.bounded(self.number(sc))}")
        elif form == "number" and numbers:
            s = self.one(*numbers)
            self.add(sc, f"{s}, {a} = {a}, {s}")
        else:
            self.add(sc, f"{a}, {b} = {b}, {self.bounded(self.number(sc, 1)) if self.chance(2) else a}")

    def tuple_set(self, sc):
        """A pair of a number and an array: its parts are read as u[0] and u[1]."""
        have = [n for n in sc.arrays if n.endswith("[1]") and n[:-3].isidentifier()]
        name = self.one(*have, None)
        if name is None:
            shape, write = self.one((4,), (3,), (3, 4)), any(w for _, w in sc.arrays.values())
            name = self.fresh("u") + "[1]"
        else:
            shape, write = sc.arrays[name]
        view = None if self.chance(3) else self.view(sc, shape, write)
        self.add(sc, f"{name[:-3]} = ({bare(self.number(sc, 1))}, {view or self.fresh_value(sc, shape)})")
        if name not in sc.arrays:
            sc.arrays[name] = shape, write
            sc.floats.append(name[:-3] + "[0]")

    def listing(self, sc):
        """A list that grows in a loop, and a number that is read of it."""
        name, i, n, s = self.fresh("l"), self.fresh("i"), self.one(3, 4, 1), self.fresh("s")
        sub = sc.inside()
        sub.ints[i] = 0, n - 1
        if self.chance(3):
            test = f" if {self.condition(sub)}" if self.chance(2) else ""
            self.add(sc, f"{s} = sum([{bare(self.number(sub, 1))} for {i} in range({n}){test}])")
        else:
            self.add(sc, f"{name} = [{bare(self.number(sc, 1))}]")
            self.add(sc, f"for {i} in range({n}):")
            inside = sub
            if self.chance(2):
                self.add(sub, f"if {self.condition(sub)}:")
                inside = sub.inside()
            self.add(inside, f"{name}.append({self.bounded(self.number(inside, 1))})")
            if self.chance(3):
                self.add(sub, f"{name}[{i} % len({name})] {self.one('=', '+=')} {self.bounded(self.number(sub, 1))}")
            if self.chance(4):
                self.add(sub, f"if len({name}) > 2:")
                self.add(sub.inside(), f"{name}[0] += {name}.pop()")
            read = self.one("sum({})", "{}[-1]", "({0}[len({0}) // 2] * {0}[0])", "np.sum(np.array({0}))", "max({})")
            self.add(sc, f"{s} = {read.format(name)}")
        sc.floats.append(s)

    def total_set(self, sc):
        """A term of what is returned, whose cotangent is known from the start."""
        if self.total is None:
            return self.number_set(sc)
        self.add(sc, f"{self.total} {self.one('+=', '-=')} {bare(self.number(sc))}")
        return None

    def running_sums(self, sc):
        """A loop that adds to a number, and adds what that has become by then to another."""
        i, n, inner = self.fresh("i"), self.one(3, 4, 1), self.fresh("s")
        outer = self.total or self.fresh("s")
        self.add(sc, f"{inner} = {self.one('0.0', self.leaf(sc))}")
        if outer != self.total:
            self.add(sc, f"{outer} = {self.one('0.0', '0.5')}")
        sub = sc.inside()
        sub.ints[i] = 0, n - 1
        self.add(sc, f"for {i} in range({n}):")
        for _ in range(self.one(1, 1, 2)):
            where = sub
            if self.chance(3):
                self.add(sub, f"if {self.condition(sub, 0)}:")
                where = sub.inside()
            self.add(where, f"{inner} {self.one('+=', '-=')} {bare(self.number(where, 1))}")
        self.add(sub, f"{outer} += {self.one(inner, f'{inner} * {self.leaf(sub)}', f'np.sin({inner})', self.leaf(sub))}")
        if outer != self.total:
            sc.floats += [inner, outer]

    def scatter_set(self, sc):
        """A store through a mask, or through an array of integers that holds one of them twice."""
        local = {n: shape for n, (shape, w) in sc.arrays.items() if w and n.isidentifier()}
        vectors, long = [n for n, shape in local.items() if len(shape) == 1], [n for n, shape in local.items() if shape[0] == 4]
        form = self.one(*(["mask"] if vectors else []), *(["order"] if long else []), None)
        if form is None:
            return self.element_set(sc)
        name, op = self.one(*(vectors if form == "mask" else long)), self.one("=", "+=", "*=")
        shape, value = local[name], self.number(sc, 1)
        index = f"{name} > {self.one('0.1', '-0.3')}" if form == "mask" else "ORDER"
        if form == "order" and self.chance(2):
            value = f"1.0 * {self.array(sc, shape, 1)}"
        self.add(sc, f"{name}[{index}] {op} {f'np.cos({bare(value)})' if op == '*=' else self.bounded(value)}")
        return None

    def running_set(self, sc):
        """An integer that is assigned: an index from 0 to 3."""
        name = self.one(*sc.running, None)
        values = ["0", "1", *(f"{i} % 4" for i in sc.ints), *(f"({i} + {j}) % 4" for i in sc.running for j in (1, *sc.ints))]
        if sc.arrays:
            values.append(f"np.argmax({self.view(sc, (4,)) or 'x'})" if "x" in sc.arrays else "2")
        values.append(f"2 if {self.condition(sc)} else 3")
        value = self.one(*values)
        if name is None:
            name = self.fresh("p")
            sc.ints[name] = 0, 3
            sc.running.append(name)
        self.add(sc, f"{name} = {value}")

    def flag_set(self, sc):
        name = self.one(*sc.flags, None)
        value = self.condition(sc)
        if name is None:
            name = self.fresh("q")
            sc.flags.append(name)
        self.add(sc, f"{name} = {value}")

    def leave(self, sc):
        """break, continue or return, mostly under a condition."""
        word = self.one(*sc.exits)
        self.exited += 1
        if self.chance(6):
            self.add(sc, self.leaving(sc, word))
            return True
        self.add(sc, f"if {self.condition(sc)}:")
        sub = sc.inside()
        if self.chance(3):
            self.statement_plain(sub)
        self.add(sub, self.leaving(sub, word))
        return False

    def statement_plain(self, sc):
        writable = any(w for _, w in sc.arrays.values())
        getattr(self, self.one("number_set", *(["element_set", "part_set"] if writable else [])))(sc)

    def leaving(self, sc, word):
        return f"return {self.returned(sc, self.result)}".rstrip() if word == "return" else word

    def branch(self, sc):
        left, kept = [], []
        self.add(sc, f"if {self.condition(sc)}:")
        heads = ["if", *(["elif"] if self.chance(4) else []), *(["else"] if self.more(3) else [])]
        both = self.one(None, None, "s", "a") if heads[-1] == "else" else None
        name = both and self.fresh(both)
        shape = self.one((4,), (3,), (3, 4)) if both == "a" else ()
        write = True
        for k, head in enumerate(heads):
            if k:
                self.add(sc, f"elif {self.condition(sc)}:" if head == "elif" else "else:")
            sub = sc.inside()
            gone, _ = self.block(sub)
            if not gone and both == "s":
                self.add(sub, f"{name} = {self.bounded(self.number(sub))}")
            elif not gone and both == "a":
                view = self.view(sub, shape, write=True)
                self.add(sub, f"{name} = {view if view and not self.chance(3) else self.fresh_value(sub, shape)}")
            left.append(gone)
            kept.append(sub)
        stays = [s for gone, s in zip(left, kept, strict=True) if not gone]
        if heads[-1] == "else" and not stays:
            return True
        if heads[-1] == "else" and len(stays) == 1:
            self.adopt(sc, stays[0])
        if both == "s":
            sc.floats.append(name)
        elif both == "a":
            sc.arrays[name] = shape, write
        return False

    def adopt(self, sc, sub):
        """Names that are surely assigned in a block stay after it."""
        sc.floats += [n for n in sub.floats if n not in sc.floats]
        sc.arrays |= {n: v for n, v in sub.arrays.items() if n not in sc.arrays}

    def loop(self, sc):
        text, lo, hi, sure = self.ranges(sc)
        i = self.fresh("i")
        self.add(sc, f"for {i} in range({text}):")
        sub = sc.inside(exits=("break", "continue", "return"))
        sub.ints[i] = lo, hi
        if 0 <= lo <= hi <= 3 and self.chance(3):
            sub.running.append(i)
            sub.ints[i] = 0, 3
        exited = self.exited
        _, kept = self.block(sub)
        if self.chance(6):
            self.add(sc, "else:")
            self.statement_plain(sc.inside())
        if sure:
            self.adopt(sc, kept)
            if self.exited == exited and self.chance(3):
                sc.ints[i] = sub.ints[i]

    def ranges(self, sc):
        """(arguments of range, least, greatest, whether it surely runs)."""
        options = [("3", 0, 2, True), ("1, 4", 1, 3, True), ("0, 4, 2", 0, 2, True), ("3, -1, -1", 0, 3, True),
                   ("2, 2", 0, 3, False), ("4, 0, -2", 2, 4, True), ("-2, 2", -2, 1, True), ("-1, -5, -2", -3, -1, True),
                   ("0", 0, 0, False)]
        for i, (lo, hi) in sc.ints.items():
            options += [(i, 0, max(hi - 1, 0), lo > 0), (f"1, {i} + 1", 1, max(hi, 1), lo > 0),
                        (f"0, {i}, 2", 0, max(hi - 1, 0), lo > 0), (f"{i}, -1, -1", 0, max(hi, 0), lo >= 0),
                        (f"{i}, 4", lo, 3, hi < 4), (f"3, {i}, -1", lo + 1, 3, hi < 3)]
        return self.one(*((text, lo, max(lo, hi), sure) for text, lo, hi, sure in options if lo >= -4 and hi <= 4))

    def while_(self, sc):
        k, n = self.fresh("k"), self.one(2, 3, 0)
        form = self.one("up", "end", "down", "true", "value")
        start = n if form == "down" else 0
        self.add(sc, f"{k} = {start}")
        test = {"down": f"{k} > 0", "true": "True", "value": f"{k} < {n} and {self.leaf(sc)} < 0.8"}.get(form, f"{k} < {n}")
        self.add(sc, f"while {test}:")
        sub = sc.inside(exits=("break", "return") if form == "end" else ("break", "continue", "return"))
        sub.ints[k] = (0, max(n - 1, 0)) if form in ("end", "down") else (1, max(n, 1))
        if form == "true":
            self.add(sub, f"if {k} >= {n}:")
            self.add(sub.inside(), "break")
        if form != "end":
            self.add(sub, f"{k} -= 1" if form == "down" else f"{k} += 1")
        left, _ = self.block(sub)
        if form == "end" and not left:
            self.add(sub, f"{k} += 1")
        sc.ints[k] = 0, n

    def rounds(self, sc):
        """A loop that an array goes round: what it is, or where it began, may decide how long, and be read behind it."""
        shape, name, k = self.one(*SHAPES), self.fresh("a"), self.fresh("k")
        self.add(sc, f"{name} = {self.fresh_value(sc, shape)}")
        sc.arrays[name] = shape, True
        far = [f"np.sum({name}) < 1.7", f"np.sum({name}) > {self.leaf(sc)} - 0.9", f"{self.leaf(sc)} < 0.8"]
        if self.chance(2):
            start = self.fresh("a")
            self.add(sc, f"{start} = {name}")
            sc.arrays[start] = shape, True
            far += [f"np.sum({name} - {start}) < 0.9"] * 3
        self.add(sc, f"{k} = 0")
        self.add(sc, f"while {k} < {self.one(2, 3)} and {self.one(*far)}:")
        sub = sc.inside(exits=("break", "return"))
        sub.ints[k] = 0, 2
        left = self.block(sub)[0] if self.chance(2) else False
        if not left:
            self.add(sub, f"{name} = {self.one('0.5 * ', '', '-')}{name} {self.one('+', '*')} {self.fresh_value(sub, shape)}")
            self.add(sub, f"{k} += 1")
        sc.ints[k] = 0, 3

    def rows(self, sc):
        """A loop over an array, or over two."""
        sub = sc.inside(exits=("break", "continue", "return"))

        def part():
            name = self.one(*sc.arrays)
            shape, write = sc.arrays[name]
            item = self.fresh("s" if len(shape) == 1 else "a")
            if len(shape) == 1:
                sub.floats.append(item)
            else:
                sub.arrays[item] = shape[1:], write
            return item, name
        match self.one("plain", "enumerate", "zip"):
            case "plain":
                item, name = part()
                self.add(sc, f"for {item} in {name}:")
            case "enumerate":
                item, name = part()
                i = self.fresh("i")
                sub.ints[i] = 0, sc.arrays[name][0][0] - 1
                self.add(sc, f"for {i}, {item} in enumerate({name}):")
            case "zip":
                (a, one), (b, two) = part(), part()
                self.add(sc, f"for {a}, {b} in zip({one}, {two}):")
        self.block(sub)

    def call(self, sc):
        """Call a helper."""
        usable = [h for h in self.helpers if all(self.views(sc, s, w) for s, w in zip(h.params, h.writes, strict=True) if s)]
        if not usable:
            return self.number_set(sc)
        h = self.one(*usable)
        args = [self.view(sc, s, w) if s else bare(self.number(sc, 1)) for s, w in zip(h.params, h.writes, strict=True)]
        text = f"{h.name}({', '.join(args)})"
        if h.result is None:
            self.add(sc, text)
        elif h.result == ():
            name = self.one(*filter(str.isidentifier, sc.floats), None) or self.fresh("s")
            self.add(sc, f"{name} {self.one('=', '+=') if name in sc.floats else '='} {text}")
            sc.floats += [name] if name not in sc.floats else []
        else:
            kinds = h.result if isinstance(h.result[0], tuple) else (h.result,)
            names = [self.fresh("a" if shape else "s") for shape in kinds]
            self.add(sc, f"{', '.join(names)} = {text}")
            sc.floats += [n for n, shape in zip(names, kinds, strict=True) if not shape]
            sc.arrays |= {n: (shape, all(h.writes)) for n, shape in zip(names, kinds, strict=True) if shape}
        return None

    # ---- functions
    def returned(self, sc, result, last=False):
        """A value of the structure of the result."""
        if result is None:
            return ""
        if result and isinstance(result[0], tuple):
            return ", ".join(self.returned(sc, r, last) for r in result)
        if self.total and not result and (last or self.more(3)):
            return self.one(self.total, f"{self.total} + 0.5 * c", f"{self.total} + {bare(self.number(sc))}")
        total = bare(self.number(sc))
        if last:
            parts = [n for n in sc.floats if self.more(4)]
            parts += [f"np.sum({self.one(n, f'{n} * {n}', f'np.sin({n})')})" for n in sc.arrays if self.more(4)]
            total = " + ".join(parts) or "1.5"
        if not result:
            return total
        local = [n for n, (shape, write) in sc.arrays.items() if shape == result and write]
        array = self.one(*local[::-1]) if local and not self.chance(3) else self.view(sc, result) or bare(self.array(sc, result))
        return f"{array} * ({total})" if last and self.chance(2) else array

    def function(self, name, sc, result, heading):
        self.result, self.lines = result, []
        sub = sc.inside()
        self.total = self.fresh("total") if self.taste == "sums" and result == () else None
        if self.total:
            self.add(sub, f"{self.total} = 0.0")
        for _ in range(self.one(0, 1, 2, 3)):
            self.one(self.number_set, self.array_new, self.array_new)(sub)
        left, _ = self.block(sub)
        if not left:
            self.add(sub, f"return {self.returned(sub, result, last=True)}".rstrip())
        params = ", ".join([*sc.arrays, *sc.floats, *sc.ints])
        return f"{heading}def {name}({params}):\n" + "".join(f"{line}\n" for line in self.lines)

    def helper(self):
        """A function that the program calls; it may write to its arrays."""
        sc, name = Scope(), self.fresh("helper")
        for _ in range(self.one(1, 2)):
            sc.arrays[self.fresh("y")] = self.one((4,), (3,), (3, 4)), not self.chance(3)
        sc.floats.append(self.fresh("t"))
        result = self.one((), None, (4,), ((), (4,)), (3,))
        room, self.room = self.room, min(self.room, 3)
        text = self.function(name, sc, result, "@register_jitable\n")
        self.room = room
        params = tuple(sc.arrays.values())
        self.helpers.append(Helper(name, (*(s for s, _ in params), ()), (*(w for _, w in params), True), result))
        return text

    def program(self, writes=False):
        """(source, n)"""
        texts = [self.helper() for _ in range(self.one(0, 0, 1, 2))]
        self.counts = {k: 0 for k in self.counts}
        n = self.one(3, 2, 0, 4, 1)
        result = () if self.taste in TIDY else self.one(*RESULTS)
        sc = Scope(floats=["c"], arrays={"x": ((4,), writes), "m": ((3, 4), writes)}, ints={"n": (n, n)})
        texts.append(self.function("program", sc, result, ""))
        return HEAD + "\n".join(f"\n{t}" for t in texts), n


@st.composite
def programs(draw, room=10):
    """Programs of up to about `room` statements, and their arguments."""
    source, n = Writer(draw, room).program(writes=draw(st.integers(0, 5)) == 5)
    return Program(source, arguments(draw(st.integers(0, 7)), n, draw(st.sampled_from(LAYOUTS))), draw(st.sampled_from(ACTIVE)))


def arguments(seed, n, layout):
    """x, m, c, n: away from zero, of both signs."""
    rng = np.random.default_rng(seed)
    away = lambda *shape: rng.uniform(0.2, 1.2, shape) * rng.choice([-1.0, 1.0], shape)
    x, m, c = away(4), away(3, 4), float(away())
    match layout:
        case "fortran":
            m = np.asfortranarray(m)
        case "strided":
            x, m = np.repeat(x, 2)[::2], np.repeat(m, 2, 1)[::-1, ::2]
    return x, m, c, n
