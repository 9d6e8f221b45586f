"""The Wengert list: run a function's Program one primitive at a time, keep every step, sweep the steps backward.

    tape = record(f, x, w);  tape.backward();  print(tape)

An entry is a primitive that was executed and that reads or makes floats, loops unrolled; index arithmetic and shapes
are not recorded. This is the engine's independent witness: it shares the cards with `reverse`, and nothing else.
Cotangents belong to memory: a buffer has one shadow, a view's cotangent stands at the same places of the shadow,
a store moves what stands there and leaves zero: aliasing needs no analysis. A number is a buffer of its own.
"""
import itertools
import operator
from dataclasses import dataclass, field

import numpy as np

from . import infer
from .builder import Builder, astype, dim, tangent_type
from .emit import INFIX, PREFIX
from .errors import UsageError
from .linear import card_of, pull
from .primitive import FLAT, VIEWS
from .program import (
    UNDEFINED,
    Const,
    Do,
    For,
    Get,
    If,
    Let,
    Listed,
    NewStack,
    Note,
    Pop,
    Push,
    Reserve,
    Set,
    Span,
    Tup,
    Var,
    While,
    variables,
)
from .syntax import require_function
from .transform import Transform, items, matched, program_of, types_of

EMPTY = {np.empty: np.zeros, np.empty_like: np.zeros_like}      # so that one run prints what the next one prints
ROWS = 60                                                       # of longer tapes the middle is not printed


@dataclass(eq=False)
class Entry:
    """One executed primitive, or a parameter (index -1); `args` are entries and constants, `bar` is the cotangent."""
    index: int
    name: str
    fn: object
    text: str
    args: tuple = field(repr=False)
    value: object                                               # at that time, a copy
    array: object = field(repr=False)                           # the array itself
    bar: object = None
    step: object = field(default=None, repr=False)              # the statement
    where: tuple = field(default=(), repr=False)                # the index, of a Get or a Set
    seen: dict = field(default_factory=dict, repr=False)        # Var -> (what it was bound to, its value at that time)
    live: frozenset = field(default=frozenset(), repr=False)    # the Vars in `seen` that depended on a parameter

    @property
    def home(self):
        """The array that owns the memory, as a key."""
        return id(owner(self.array))


class Interpreter:
    """Executes statements in plain Python; `env` binds Vars to values, or to entries that hold them."""

    def __init__(self, env=()):
        self.env, self.stacks = dict(env), {}

    def bound(self, atom):
        """What an atom is bound to."""
        match atom:
            case Var():
                return self.env[atom]
            case Tup(items, kind):
                return tuple(map(self.bound, items)) if kind is None else kind(*map(self.bound, items))
            case Span(lo, hi, step):
                return slice(*(None if a is None else self.bound(a) for a in (lo, hi, step)))
            case Const(np.ndarray() as value):
                return np.lib.stride_tricks.as_strided(value, writeable=False)
        return atom.value

    def plain(self, atom):
        """The value of an atom."""
        return plain(self.bound(atom))

    def run(self, block):
        for s in block:
            match s:
                case Let() | Get() | Set():
                    self.do(s)
                case For() | While():
                    self.loop(s)
                case If():
                    yes = self.plain(s.cond)
                    self.run(s.then if yes else s.orelse)
                    self.move([(p.out, p.then if yes else p.orelse) for p in s.phis])
                case NewStack():
                    self.stacks[s.stack] = []
                case Push():
                    self.stacks[s.stack].append(self.bound(s.value))
                case Pop():
                    self.env[s.out] = self.stacks[s.stack].pop()
                case Do():
                    s.fn(*map(self.plain, s.args))
                case Reserve() | Note():
                    pass

    def loop(self, s):
        self.move([(c.head, c.init) for c in s.carries])
        for k in range(*map(self.plain, (s.lo, s.hi, s.step))) if isinstance(s, For) else itertools.count():
            if isinstance(s, For):
                self.env[s.var] = k
            else:
                self.run(s.test)
                if not self.plain(s.cond):
                    break
            self.run(s.body)
            leave = s.brk is not None and self.plain(s.brk)
            self.move([(c.head, c.end) for c in s.carries])
            if leave:
                break
        self.move([(c.exit, c.head) for c in s.carries])

    def move(self, pairs):
        """Parallel assignment."""
        new = {v: self.bound(a) for v, a in pairs if a is not UNDEFINED and (a in self.env or not isinstance(a, Var))}
        self.env |= {v: float(x) if type(x) is int and infer.is_float(v) else x for v, x in new.items()}

    def do(self, s):
        if isinstance(s, Let):
            fn, kw = EMPTY.get(s.fn, s.fn), {k: self.plain(a) for k, a in s.kw}
            self.env[s.out] = settled(fn(*map(self.plain, s.args), **kw), s.out.type)
            return
        array, where = self.plain(s.arr), self.plain(Tup(s.index))
        if isinstance(s, Get):
            self.env[s.out] = settled(array[where[0] if isinstance(array, tuple) else where], s.out.type)
        elif s.add and any(isinstance(i, np.ndarray) for i in where):
            np.add.at(array, where, self.plain(s.value))
        else:
            array[where] = array[where] + self.plain(s.value) if s.add else self.plain(s.value)


class Recorder(Interpreter):
    """Executes a program, and makes an entry of each primitive."""

    def __init__(self):
        super().__init__()
        self.entries, self.names, self.varied, self.shared, self.stored = [], {}, set(), set(), {}

    def parameter(self, p, arg):
        """Bind a parameter to a copy of its argument; the structure of entries (of a list, its entries in one array)."""
        if isinstance(p, Listed):
            return [self.parameter(q, a) for q, a in zip(p.items, items(p, arg))][1]
        if isinstance(p, Tup):
            return tuple(map(self.parameter, p.items, arg))
        if isinstance(p, Var):
            self.env[p] = arg
            if infer.is_float(p) or infer.is_array(p):
                array = copied(np.asarray(arg))
                self.env[p] = Entry(-1, self.fresh(p.hint), None, p.hint, (), snap(arg), array)
                self.varied |= {self.env[p].home} if infer.is_float(p) else set()
            return self.env[p]
        return arg

    def fresh(self, hint):
        """A name for one execution: total, total.2, ..; what the source does not name is t1, t2, .."""
        k = self.names[hint] = self.names.get(hint, 0) + 1
        return f"t{k}" if hint == "t" else hint if k == 1 else f"{hint}.{k}"

    def now(self, x):
        """What x holds now: the value of its entry, or a copy where its memory was written to since."""
        return x.value if isinstance(x, Entry) and self.stored.get(x.home, -1) <= x.index else snap(x)

    def do(self, s):
        if stores := isinstance(s, Set):
            home = id(owner(self.plain(s.arr)))
            if home in self.shared:
                raise UsageError(f"{show(self.bound(s.arr))} is written to and shares memory with another argument: copy it")
            self.stored[home] = len(self.entries)
        reads = s.args if isinstance(s, Let) else (s.value,) if stores else (s.arr,)
        out = s.arr if stores else s.out
        if not infer.is_float(out) and (isinstance(s, (Get, Set)) or s.fn is dim or not any(
                map(infer.is_float, variables(*reads)))):
            return super().do(s)
        seen = {v: (self.env[v], self.now(self.env[v])) for v in variables(*reads)}
        live = frozenset(v for v, (x, _) in seen.items() if isinstance(x, Entry) and x.home in self.varied)
        fn = getattr(s, "fn", operator.setitem if stores else operator.getitem)
        where = () if isinstance(s, Let) else self.plain(Tup(s.index))
        name = element(s, self.bound) if stores else self.fresh(s.out.hint)
        text, args = f"{name} {operation(s, self.bound)}", tuple(flat(self.bound(Tup(tuple(reads)))))
        super().do(s)
        array = np.asarray(self.plain(out))
        value = snap(array[where] if stores else self.plain(out))
        entry = Entry(len(self.entries), name, fn, text, args, value, array, None, s, where, seen, live)
        self.entries.append(entry)
        if live and infer.is_float(out) and fn not in FLAT:
            self.varied.add(entry.home)
        if not stores:
            self.env[out] = entry


class Tape:
    """What one run of a function did: `entries` in the order of execution, and the `value` of the function."""

    def __init__(self, name, inputs, entries, result):
        self.name, self.inputs, self.entries, self.result = name, inputs, entries, result
        self.params = [e for e in flat(inputs) if isinstance(e, Entry)]
        self.value, self.shadows, self.pulls = mapped(snap, result), None, {}

    def __len__(self):
        return len(self.entries)

    def backward(self, out_bar=None):
        """Give every entry its cotangent, from that of the result (1 for a number); the tape itself."""
        if out_bar is None and not isinstance(self.value, (float, np.floating)):
            raise UsageError(f"{self.name} does not return one float: backward(out_bar) takes a cotangent like its result")
        wanted, given = flat(self.result), flat(1.0 if out_bar is None else out_bar)
        if list(map(np.shape, map(plain, wanted))) != list(map(np.shape, given)):
            raise UsageError(f"{self.name} returns shapes {[np.shape(plain(e)) for e in wanted]}: out_bar has others")
        self.shadows = {}
        with np.errstate(all="ignore"):
            for e, bar in zip(wanted, given, strict=True):
                if isinstance(e, Entry) and bar is not None:
                    self.add(e, bar)
            for e in reversed(self.entries):
                e.bar = self.bar(e)
                if e.bar is not None:
                    self.undo(e)
        for e in self.params:
            self.shadow(e)
            e.bar = self.bar(e)
        return self

    def undo(self, e):
        """Give the cotangent of an entry to what it read."""
        s = e.step
        if isinstance(s, Set):
            memory, places = self.shadow(e)
            e.bar = memory[places[e.where]]
            if not s.add:
                memory[places[e.where]] = 0.0
            if e.live:
                self.add(e.args[0], e.bar)
        elif not e.live or e.fn in FLAT or any(isinstance(x, Entry) and x.home == e.home for x in e.args):
            return                                      # what lies in an argument's memory has its shadow
        elif isinstance(s, Get):
            self.add(e.args[0], e.bar, lambda places: places[e.where])
        elif s.fn is astype:
            self.add(e.args[0], e.bar)
        else:
            machine = Interpreter((v, x) for v, (_, x) in e.seen.items())
            if s.fn in VIEWS:                           # NumPy had to copy
                return self.add(e.args[0], e.bar, lambda places: s.fn(places, *map(machine.plain, s.args[1:])))
            if (s, e.live) not in self.pulls:
                self.pulls[s, e.live] = pullback(s, e.live)
            block, parts, name = self.pulls[s, e.live]
            machine.env |= {s.out: e.value, name: e.bar}
            machine.run(block)
            for v, ct in parts:
                self.add(e.seen[v][0], machine.plain(ct))

    def shadow(self, e):
        """The shadow of an entry's buffer, and the places in it where the entry lies."""
        x, home = e.array, owner(e.array)
        memory = self.shadows.setdefault(e.home, np.zeros(home.nbytes // home.itemsize, home.dtype))
        places = np.arange(memory.size, dtype=f"i{x.itemsize}")
        return memory, np.ndarray(x.shape, places.dtype, places, address(x) - address(home) if x.size else 0, x.strides)

    def bar(self, e):
        """An entry's cotangent; None where nothing has come back."""
        if e.home not in self.shadows:
            return None
        memory, places = self.shadow(e)
        return memory[places] if isinstance(e.value, np.ndarray) else memory[0]

    def add(self, e, ct, pick=lambda places: places):
        """Add to an entry's cotangent, or to a part of it; what was broadcast is summed."""
        memory, places = self.shadow(e)
        places = pick(places)
        np.add.at(memory, places, np.broadcast_to(fitted(np.asarray(ct), np.shape(places)), np.shape(places)))

    @property
    def bars(self):
        """The cotangents of the parameters, in the structures of the arguments; None for what is a static object."""
        if self.shadows is None:
            raise UsageError("call backward() first")
        return mapped(lambda e: snap(e.bar) if isinstance(e, Entry) else None, self.inputs)

    def gradient(self, argnum=0):
        """The cotangent of one parameter."""
        return self.bars[argnum]

    def __str__(self):
        rows = [("", e.name, "parameter", summary(e.value), summary(e.bar)) for e in self.params]
        rows += [(str(e.index), e.name, e.text[len(e.name) + 1:].removeprefix("= "), summary(e.value), summary(e.bar))
                 for e in self.entries]
        if (more := len(rows) - ROWS) > 0:
            rows[ROWS * 2 // 3:-ROWS // 3] = [("", "...", f"{more} more", "", "")]
        rows = [("#", "name", "operation", "value", "cotangent" * (self.shadows is not None)), *rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join([r[0].rjust(widths[0]), *map(str.ljust, r[1:], widths[1:])]).rstrip() for r in rows]
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def pullback(s, live):
    """(statements, [(argument, cotangent)], the cotangent they start from) of one application."""
    b, name = Builder(), Var("out_bar", tangent_type(s.out.type))
    card, env, chosen = card_of(s, lambda a: any(v in live for v in variables(a)))
    parts = [(env[p], ct) for p, ct in pull(b, card, env | {"out_bar": name}, chosen)]
    return b.block, parts, name


def owner(x):
    """The array that owns x's memory."""
    home = x
    while (x := getattr(x, "base", None)) is not None:
        home = x if isinstance(x, np.ndarray) else home
    return home


def address(x):
    return x.__array_interface__["data"][0]


def copied(x):
    """A copy in the same memory layout, so that NumPy makes views of it where it makes views of x."""
    reach = [(n - 1) * s for n, s in zip(x.shape, x.strides, strict=True)] if x.size else [0]
    low = sum(r for r in reach if r < 0)
    memory = np.zeros((sum(map(abs, reach))) // x.itemsize + 1, x.dtype)
    out = np.ndarray(x.shape, x.dtype, memory, -low, x.strides)
    out[...] = x
    return out


def settled(value, kind):
    """An array where the type says so, else a number."""
    return np.asarray(value) if infer.is_array(kind) else value[()] if isinstance(value, np.ndarray) else value


def fitted(ct, shape):
    """A cotangent summed over what was broadcast."""
    ct = ct.sum(tuple(range(ct.ndim - len(shape))))
    axes = zip(range(ct.ndim), ct.shape, shape[len(shape) - ct.ndim:], strict=True)
    return ct.sum(tuple(k for k, n, want in axes if want == 1 != n), keepdims=True)


def mapped(f, x):
    return tuple(mapped(f, v) for v in x) if isinstance(x, tuple) else f(x)


def flat(x):
    return [y for v in x for y in flat(v)] if isinstance(x, tuple) else [x]


def plain(x):
    """Values in the place of entries."""
    return mapped(lambda e: e if not isinstance(e, Entry) else e.array if isinstance(e.value, np.ndarray) else e.value, x)


def snap(x):
    x = plain(x)
    return np.copy(x) if isinstance(x, np.ndarray) else x


def element(s, bound):
    return f"{show(bound(s.arr))}[{', '.join(show(bound(i)) for i in s.index)}]"


def operation(s, bound):
    """What a statement does, as one writes it."""
    if not isinstance(s, Let):
        return f"= {element(s, bound)}" if isinstance(s, Get) else f"{'+' if s.add else ''}= {show(bound(s.value))}"
    args = [show(bound(a)) for a in s.args]
    if s.fn in INFIX or s.fn in PREFIX:
        return f"= {args[0]} {INFIX[s.fn]} {args[1]}" if s.fn in INFIX else f"= {PREFIX[s.fn]}{args[0]}"
    args += [f"{k}={show(bound(a))}" for k, a in s.kw]
    return f"= {getattr(s.fn, '__name__', repr(s.fn)).rstrip('_')}({', '.join(args)})"


def show(x):
    """An argument: the name of an entry, or the constant itself."""
    if isinstance(x, Entry):
        return x.name
    if isinstance(x, slice):
        return ":".join("" if a is None else show(a) for a in ((x.start, x.stop, x.step)[:2 + (x.step is not None)]))
    if isinstance(x, tuple):
        return f"({', '.join(map(show, x))}{',' * (len(x) == 1)})"
    if isinstance(x, (np.ndarray, np.generic)):
        return summary(x) if np.ndim(x) else repr(x.item())
    return "..." if x is Ellipsis else getattr(x, "__name__", repr(x))


def summary(x):
    """A number, a short array, or the shape and norm of a long one."""
    if not isinstance(x, np.ndarray):
        return "" if x is None else str(x) if isinstance(x, (bool, np.bool_)) else f"{x:.6g}"
    if x.ndim == 1 and x.size <= 4:
        return f"[{' '.join(f'{v:.4g}' for v in x.tolist())}]"
    return f"{x.shape} norm {np.linalg.norm(x.astype(float)):.4g}"


def record(f, *args):
    """Run f(*args) step by step on copies, and keep every step: a `Tape`. Raises UsageError, Refusal."""
    if not isinstance(f, Transform):
        require_function(f, "record")
    program, machine = program_of(f, types_of("record", args)), Recorder()
    inputs = tuple(machine.parameter(p, a) for (_, p), a in zip(program.params, args, strict=True))
    arrays = [(a, machine.env[v]) for (_, p), arg in zip(program.params, args) for v, a in matched(p, arg)
              if isinstance(a, np.ndarray)]
    machine.shared = {e.home for a, e in arrays for b, other in arrays if e is not other and np.shares_memory(a, b)}
    machine.run(program.body)
    return Tape(program.name, inputs, machine.entries, machine.bound(program.result))
