"""Program -> Python that a person can read, step through in a debugger, and paste into a paper.

Values that are used once are written where they are used. Stacks are arrays with a top (lists for arrays).
"""
import builtins
import math
import operator
import re
from collections import Counter

import numba
import numpy as np

from . import host, infer, sequences, tape
from .activity import is_view
from .builder import astype, dim, kept, taken_over, throw, trips
from .dependence import Dependence
from .errors import Refusal
from .names import Names
from .primitive import DRAWS
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
    Pop,
    Push,
    Reserve,
    Set,
    Span,
    Tup,
    Var,
    While,
    blocks,
    reads,
    variables,
    walk,
)
from .runtime import fill, padded
from .shapes import PRODUCTS
from .threads import on_stacks
from .uses import Uses

INFIX = {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/", operator.floordiv: "//",
         operator.mod: "%", operator.pow: "**", operator.matmul: "@", operator.lt: "<", operator.le: "<=", operator.gt: ">",
         operator.ge: ">=", operator.eq: "==", operator.ne: "!=", operator.and_: "&", operator.or_: "|", operator.xor: "^",
         operator.lshift: "<<", operator.rshift: ">>"}
LEVEL = {"**": 9, "*": 7, "/": 7, "//": 7, "%": 7, "@": 7, "+": 6, "-": 6, "<<": 5, ">>": 5, "&": 4, "^": 3, "|": 2,
         "<": 1, "<=": 1, ">": 1, ">=": 1, "==": 1, "!=": 1}
PREFIX = {operator.neg: "-", operator.pos: "+", operator.not_: "not ", operator.invert: "~"}
ATOM = 20
FROM_START = "\x02{}\x03"                 # marks an index; no text that is emitted holds these characters
# Marks of the functions that make arrays, of those that are for this function alone, and of a dtype that NumPy need not be told.
# In place of the first, host.INTRINSICS are compiled.
MAKERS = {np.empty: "\x04", np.zeros: "\x05", np.empty_like: "\x06", np.zeros_like: "\x07", np.copy: "\x08", padded: "\x11",
          fill: "\x12"}
COMPILED = {mark: f"np_{fn.__name__}" for fn, mark in MAKERS.items()} | {MAKERS[padded]: "np_zeros", MAKERS[fill]: "np_full"}
WITH_DTYPE, HERE, FLOATS = {np.empty, np.zeros, padded}, "\x0f", "\x0e"
HIDDEN = "\x10{}\x03"                     # marks one of which LLVM is to know nothing
COPY = "\x13"                             # marks a statement that copies an array to a part of another
MODULES = ((np, "np"), (np.linalg, "np.linalg"), (np.random, "np.random"), (math, "math"))


class Emitter:
    """Prints one Program as a Python function."""

    def __init__(self, program, name=None):
        self.program, self.lines, self.depth = program, [], 1
        self.globals, self.tops, self.calls = {}, {}, {}
        self.uses = Uses(program)
        self.dependence = Dependence(program, self.uses.aliases, self.uses.shapes)
        self.staying = self.stay(program)
        self.in_parallel = False        # is this a body of a loop that is emitted with prange?
        self.loop = None                # the innermost `for` around
        self.folded = self.fold(program)
        self.names = Names(program, self.folded, {"np", "math", *host.INTRINSICS})
        self.names.taken |= {name for name, _ in program.params}
        heads = [self.param(n, p) for n, p in program.params]
        for s in walk(program.body):
            for c in getattr(s, "carries", ()):
                for other in (c.init, c.end, c.exit):
                    self.names.merge(c.head, other)
            for p in getattr(s, "phis", ()):
                self.names.merge(p.out, p.then)
                self.names.merge(p.out, p.orelse)
        # what is read even where a branch has left it out: as a copy, or for a cotangent of its shape
        self.copied = {c.head for s in walk(program.body) for c in getattr(s, "carries", ())}
        for s in walk(program.body):
            if isinstance(s, Let) and s.fn is np.zeros_like:
                self.copied |= set(variables(*s.args))
            self.copied |= set(variables(*(x for c in getattr(s, "carries", ()) for x in (c.init, c.end)),
                                         *(x for p in getattr(s, "phis", ()) for x in (p.then, p.orelse)),
                                         *([s.value] if isinstance(s, Push) else [])))
        self.reserved = {s.stack for s in walk(program.body)
                         if isinstance(s, Reserve) or (isinstance(s, NewStack) and s.count != Const(0))}
        self.rows = self.written_in_place(program)
        self.block(program.body)
        result = program.result
        bare = isinstance(result, Tup) and result.items and result.kind is None and not isinstance(result, Listed)
        self("return " + (self.listed(result.items) if bare else self.text(result)))
        self.name = name or program.name
        self.source = f"def {self.name}({', '.join(heads)}):\n" + "".join(f"{line}\n" for line in self.lines)

    def __call__(self, line):
        self.lines.append("    " * self.depth + line)

    def param(self, name, p):
        """A parameter, and the line that unpacks it."""
        if isinstance(p, Var):
            self.names.of[p] = name
        elif isinstance(p, Tup):
            self.unpack(p, name)
        return name

    def unpack(self, p, name):
        if not p.items:
            return
        if isinstance(p, Listed):
            self.names.of[p.items[0]] = name
            parts = ", ".join(self.names[a] for a in p.items[1:])
            return self(f"{parts} = {self.name_of(sequences.arrays_of if len(p.items) > 2 else sequences.numbers_of)}({name})")
        parts, later = [], []
        for k, a in enumerate(p.items):
            if isinstance(a, Var):
                parts.append(self.names[a])
            else:
                parts.append(self.names.fresh(f"{name}_{k}"))
                if isinstance(a, Tup):
                    later.append((a, parts[-1]))
        self(f"{', '.join(parts)}{',' if len(parts) == 1 else ''} = {name}")
        for a, n in later:
            self.unpack(a, n)

    # ---- which values are written where they are used
    def fold(self, program):
        uses = Counter(v for s in walk(program.body) for v in reads(s))
        uses.update(variables(program.result))
        named = {s.arr for s in walk(program.body) if isinstance(s, Set)}       # these are written by their names
        for s in walk(program.body):
            named |= set(variables(*(x for c in getattr(s, "carries", ()) for x in (c.init, c.end)), getattr(s, "brk", None),
                                   *(x for p in getattr(s, "phis", ()) for x in (p.then, p.orelse))))
            if isinstance(s, While):
                named |= set(variables(s.cond))
        folded = {}

        def may_move(s):
            view = isinstance(s, Get) and infer.is_array(s.out)
            drawn = isinstance(s, Let) and s.fn in DRAWS
            return isinstance(s, (Let, Get)) and uses[s.out] == 1 and s.out not in named and not view and not drawn

        def visit(block):
            pending = {}
            for s in block:
                for v in reads(s):
                    if v in pending and not isinstance(s, While):
                        folded[v] = pending.pop(v)
                effect = isinstance(s, (Set, For, While, If, Pop, Do))
                if effect:
                    pending = {v: t for v, t in pending.items() if not self.reads_array(t, folded)}
                if isinstance(s, (For, While)):
                    pending = {}
                for b in blocks(s):
                    visit(b)
                if may_move(s):
                    pending[s.out] = s
        visit(program.body)
        return folded

    def written_in_place(self, program):
        """{array: stack}, and {Push: array}, of arrays that are made in the rows of the tape that they are pushed to: those that
        have no other name, so that they end with the iteration that makes them."""
        shapes, shared, found, rows = self.dependence.shapes, set(variables(program.result)), {}, {}
        for s in walk(program.body):
            shared |= {v for x in (*getattr(s, "carries", ()), *getattr(s, "phis", ())) for v in variables(*vars(x).values())}
            if (isinstance(s, Get) and is_view(s)) or (isinstance(s, Let) and infer.is_array(s.out) and s.fn not in PRODUCTS):
                shared |= set(reads(s))                 # it may be a view
            if isinstance(s, NewStack) and s.shape != Const(None):
                rows[s.stack] = shapes.of_lengths(s.shape, len(s.shape.items))
        for block in [program.body, *(b for s in walk(program.body) for b in blocks(s))] if rows else ():
            made = {}                                   # array -> the stacks that were used since
            for s in block:
                if isinstance(s, Push) and s.stack in rows and s.stack not in made.get(s.value, rows) and (
                        rows[s.stack] == shapes.of(s.value)):
                    found |= {s.value: s.stack, s: s.value}
                    del made[s.value]
                for used in made.values():
                    used |= {t.stack for t in walk([s]) if isinstance(t, Push | Pop | Reserve | NewStack)}
                if isinstance(s, Let) and (s.fn is np.empty or s.fn in PRODUCTS) and s.out not in shared:
                    made[s.out] = set()
        return found

    def reads_array(self, t, folded):
        """Does writing t further down the page read contents that may have changed by then?"""
        if isinstance(t, Get) or (t.fn is not dim and any(infer.is_array(a) for a in variables(*t.args))):
            return True
        return any(self.reads_array(folded[v], folded) for v in reads(t) if v in folded)

    # ---- text
    def text(self, atom, level=0):
        text, have = self.expr(atom)
        return f"({text})" if have < level else text

    def expr(self, atom):
        """(text, binding strength) of an atom."""
        match atom:
            case Var():
                if atom in self.folded:
                    return self.value(self.folded[atom])
                return self.names[atom], ATOM
            case Listed(items):
                return f"{self.name_of(sequences.list_like)}({self.listed(items[:2])})", ATOM
            case Tup(items, kind) if kind is not None:
                return f"{self.name_of(kind)}({self.listed(items).removesuffix(',')})", ATOM
            case Tup(items):
                whole = self.whole_shape(items)
                return (f"{whole}.shape" if whole else f"({self.listed(items)})"), ATOM
            case Const(value):
                return self.constant(value)
        raise AssertionError(atom)

    def listed(self, items):
        return ", ".join(map(self.text, items)) + ("," if len(items) == 1 else "")

    def whole_shape(self, items):
        """The array of which these are all the dimensions, in order; else None."""
        made = [self.folded.get(a) if isinstance(a, Var) else None for a in items]
        if made and all(isinstance(s, Let) and s.fn is dim and s.args[1].value == k for k, s in enumerate(made)):
            arrays = {s.args[0] for s in made}
            if len(arrays) == 1 and infer.rank_of(made[0].args[0]) == len(made):
                return self.text(arrays.pop(), ATOM)
        return None

    def constant(self, value):
        if value is Ellipsis:
            return "...", ATOM
        if isinstance(value, (bool, int, str, type(None))) and not isinstance(value, np.generic):
            return repr(value), ATOM if not isinstance(value, int) or value >= 0 else 8
        if isinstance(value, float) and not isinstance(value, np.generic):
            if math.isfinite(value):
                return repr(value), ATOM if math.copysign(1.0, value) > 0 else 8
            return {"inf": "np.inf", "-inf": "-np.inf", "nan": "np.nan"}[repr(value)], 8
        return self.name_of(value), ATOM

    def name_of(self, value):
        """How emitted code calls a function, a dtype or a constant array."""
        name = getattr(value, "__name__", None)
        if name:
            if getattr(builtins, name, None) is value:
                return name
            for module, prefix in MODULES:
                if getattr(module, name, None) is value:
                    return f"{prefix}.{name}"
        if id(value) not in self.calls:
            new = self.names.fresh(name or "const")
            self.calls[id(value)] = new
            self.globals[new] = value
        return self.calls[id(value)]

    def value(self, s):
        if isinstance(s, Get):
            return f"{self.text(s.arr, ATOM)}[{self.index(s.index)}]", ATOM
        fn, args = s.fn, s.args
        if fn is dim:
            return f"{self.text(args[0], ATOM)}.shape[{args[1].value}]", ATOM
        if fn is astype:
            return f"{self.text(args[0], ATOM)}.astype({self.text(args[1])})", ATOM
        if fn is kept:
            return self.maker(s, np.empty, *args[:2 - (args[1] == Const(np.float64))]), ATOM
        if fn is taken_over:
            return self.expr(args[0])
        if fn is trips:
            return f"len(range({', '.join(self.text(a) for a in args)}))", ATOM
        if fn is operator.getitem:
            return f"{self.text(args[0], ATOM)}[{self.text(args[1])}]", ATOM
        if fn is np.square and args[0] not in self.folded:
            return f"{self.text(args[0], 7)} * {self.text(args[0], 8)}", 7
        if fn is np.transpose and len(args) == 1:
            return f"{self.text(args[0], ATOM)}.T", ATOM
        if fn in INFIX:
            op = INFIX[fn]
            level = LEVEL[op]
            left, right = (level + 1, level) if op == "**" else (level, level + 1)
            if level == 1:
                left = right = 2
            if op == "+" and (less := self.negated(args[1])) is not None:
                return f"{self.text(args[0], left)} - {self.text(less, right)}", level
            return f"{self.text(args[0], left)} {op} {self.text(args[1], right)}", level
        if fn in PREFIX:
            return f"{PREFIX[fn]}{self.text(args[0], 8)}", 8 if fn is not operator.not_ else 0
        if fn in MAKERS and not s.kw:
            return self.maker(s, fn, *args), ATOM
        parts = [self.text(a) for a in args] + [f"{k}={self.text(a)}" for k, a in s.kw]
        return f"{self.name_of(fn)}({', '.join(parts)})", ATOM

    def maker(self, s, fn, *args):
        """A new array that a statement makes."""
        dtype = FLOATS if fn in WITH_DTYPE and len(args) == 1 else ""
        return f"{MAKERS[fn]}{self.name_of(fn)}{HERE * (s in self.staying)}({', '.join(map(self.text, args))}{dtype})"

    def stay(self, program):
        """The statements outside of all loops that make arrays which neither the caller sees nor what may keep them."""
        of, found, block, lost = self.uses.aliases.of, set(), list(program.body), self.uses.theirs | self.uses.kept
        while block:
            s = block.pop()
            if isinstance(s, If):
                block += [*s.then, *s.orelse]
            made = s.stack if isinstance(s, NewStack) else s.out if isinstance(s, Let) and infer.is_array(s.out) else None
            if made is not None and of(made) not in lost:
                found.add(s)
        return found

    def negated(self, atom):
        """x, where the atom is -x and written where it is used."""
        made = self.folded.get(atom) if isinstance(atom, Var) else None
        return made.args[0] if isinstance(made, Let) and made.fn is operator.neg else None

    def index(self, index):
        def one(i):
            if isinstance(i, Span):
                lo, hi = ("" if b == Const(None) else self.text(b) for b in (i.lo, i.hi))
                return f"{lo}:{hi}" + ("" if i.step is None else f":{self.text(i.step)}")
            return self.at(i, self.text(i))
        return ", ".join(map(one, index)) or "()"

    def at(self, atom, text):
        """An index, marked if it is known never to count from the end, and in another way if it hangs on the counter of an outer
        loop that runs down: LLVM would ask before that loop whether arrays overlap that it does not know apart, and take it that
        such ones do."""
        form = self.dependence.form(atom) if isinstance(atom, Var) else None
        if form is None or not self.dependence.counts_from_the_start(form):
            return text
        around = (self.dependence.ranges.get(symbol) for symbol in form)
        down = any(loop is not None and loop.step == Const(-1) and loop is not self.loop for loop in around)
        return (HIDDEN if down else FROM_START).format(text)

    # ---- statements
    def block(self, block):
        for s in block:
            getattr(self, f"s_{type(s).__name__}")(s)

    def indented(self, head, make):
        self(head)
        self.depth += 1
        n = len(self.lines)
        make()
        if len(self.lines) == n:
            self("pass")
        self.depth -= 1

    def s_Let(self, s):
        if s.out in self.folded:
            return
        name = self.names[s.out]
        if s.out in self.rows:
            block, top = self.tape(self.rows[s.out])
            row = f"{block}[{FROM_START.format(top)}]"
            if s.fn in PRODUCTS:            # before it is named: the name may be that of a factor, which ends here
                self(f"{self.name_of(np.dot)}({', '.join(map(self.text, s.args))}, {row})")
            return self(f"{name} = {row}")
        if self.adds_to_itself(s, name):
            less = self.negated(s.args[1]) if s.fn is operator.add else None
            op, right = (INFIX[s.fn], s.args[1]) if less is None else ("-", less)
            return self(f"{name} {op}= {self.text(right)}")
        value = self.value(s)[0]
        if value != name:
            self(f"{name} = {value}")

    def adds_to_itself(self, s, name):
        """Is it x = x + y, for a number x?"""
        first = s.args[0] if isinstance(s, Let) and s.fn in (operator.add, operator.sub, operator.mul) else None
        return (isinstance(first, Var) and first not in self.folded and self.names[first] == name
                and not infer.is_array(s.out) and s.out.type == first.type)

    def s_Note(self, s):
        if self.lines:
            self.lines.append("")
            self(f"# {s.text}")

    s_Get = s_Let

    def s_Set(self, s):
        if infer.gathers(s.index):
            return self.scatter(s)
        target = self.text(s.arr, ATOM)
        if s.index == (Const(Ellipsis),) and s.add and infer.rank_of(s.arr):
            return self(f"{target} += {self.text(s.value)}")
        if infer.rank_of(s.arr) == 0:
            return self(f"{target}[()] {'+' if s.add else ''}= {self.scalar(s.value)}")
        value = self.text(s.value)
        op = "="
        if s.add:
            op = "+="
            if (less := self.negated(s.value)) is not None:
                op, value = "-=", self.text(less)
        return self(f"{COPY * self.is_copy(s)}{target}[{self.index(s.index)}] {op} {value}")

    def is_copy(self, s):
        """Does a statement copy an array to a part of another one, of its dtype and as many axes, that it does not overlap?"""
        if s.add or not infer.is_array(s.value) or infer.scalar(s.arr.type) != infer.scalar(s.value.type):
            return False
        classes = set(map(self.uses.aliases.of, (s.arr, s.value)))
        if len(classes) == 1 or classes <= self.uses.shared:
            return False
        try:
            part = infer.item_type(s.arr, s.index)
        except Refusal:                 # Numba stores by more kinds of indices than it reads by
            return False
        return infer.is_array(part) and part.ndim == s.value.type.ndim

    def scalar(self, atom):
        return f"{self.text(atom, ATOM)}[()]" if infer.is_array(atom) else self.text(atom)

    def scatter(self, s):
        """Add through integer arrays or a mask, position by position, because a position may come twice."""
        at = [k for k, i in enumerate(s.index) if infer.gathers((i,))]
        lead = ":, " * sum(isinstance(i, Span) for i in s.index[:at[0]])
        wheres, slots = [], []
        for k in at:
            wheres.append(self.names.fresh("where"))
            slots.append(self.names.fresh("slot"))
            self(f"{wheres[-1]} = {self.text(s.index[k])}")
        value, ks = self.names.fresh("part"), [self.names.fresh("k") for _ in range(infer.rank_of(s.index[at[0]]))]
        self(f"{value} = {self.text(s.value)}")
        index = ", ".join(slots[at.index(n)] if n in at else self.index((i,)) for n, i in enumerate(s.index))
        add = f"{self.text(s.arr)}[{index}] += {value}[{lead}{', '.join(ks)}]"
        if infer.scalar(infer.type_of(s.index[at[0]])) == infer.types.boolean:
            self(f"{ks[0]} = 0")
            self(f"for {slots[0]} in range({wheres[0]}.shape[0]):")
            self(f"    if {wheres[0]}[{slots[0]}]:")
            self(f"        {add}")
            return self(f"        {ks[0]} += 1")
        for n, k in enumerate(ks):
            self("    " * n + f"for {k} in range({wheres[0]}.shape[{n}]):")
        for slot, where in zip(slots, wheres):
            self("    " * len(ks) + f"{slot} = {where}[{', '.join(ks)}]")
        return self("    " * len(ks) + add)

    def moves(self, pairs):
        """Parallel assignment of atoms to names."""
        pairs = [(v, self.blank(v.type) if a is UNDEFINED else self.text(self.typed(a, v.type))) for v, a in pairs
                 if a is not UNDEFINED or v in self.copied]
        pairs = [(self.names[v], t) for v, t in pairs]
        pairs = [(n, t) for n, t in pairs if n != t]
        if pairs:
            self(f"{', '.join(n for n, _ in pairs)} = {', '.join(t for _, t in pairs)}")

    def blank(self, t):
        """Any value of a type, for a name that is copied before it means anything."""
        dtype = self.name_of(infer.numpy_type(t))
        if infer.is_array(t):
            return f"np.empty({(0,) * t.ndim}, {dtype})" + (".T" if t.layout == "F" else "")
        plain = {infer.types.float64: "0.0", infer.types.intp: "0", infer.types.boolean: "False"}
        return plain.get(t, f"{dtype}(0)")

    def typed(self, atom, t):
        """A constant written so that Numba gives it this type."""
        if isinstance(atom, Const) and isinstance(t, infer.types.Float) and isinstance(atom.value, int):
            return Const(float(atom.value))
        return atom

    def s_For(self, s):
        self.moves([(c.head, c.init) for c in s.carries])
        bounds = (s.lo, s.hi, s.step)
        if s.step == Const(1):
            bounds = (s.hi,) if s.lo == Const(0) else (s.lo, s.hi)
        parallel = not self.in_parallel and self.is_parallel(s)         # loops inside run as a part of its iterations
        self.in_parallel |= parallel
        bounds = ", ".join(map(self.text, bounds))
        heading = f"for {self.names[s.var]} in {self.name_of(numba.prange) if parallel else 'range'}({bounds}):"
        around, self.loop = self.loop, s
        self.indented(heading, lambda: self.body(s))
        self.in_parallel &= not parallel
        self.loop = around
        self.moves([(c.exit, c.head) for c in s.carries])

    def is_parallel(self, s):
        """May the iterations of a loop run side by side for Numba? They may where all that goes from one to the next are sums,
        and where no tape is a stack."""
        if s.parallel is not True or s.brk is not None or s.step != Const(1) or any(map(on_stacks, walk(s.body))):
            return False
        used = Counter(v for t in walk(s.body) for v in reads(t))
        used.update(v for c in s.carries for v in variables(c.end))
        return all(self.is_sum(c, s, used) for c in s.carries)

    def is_sum(self, c, s, used):
        """Does the carry add to itself, once in an iteration, where Numba sees it?"""
        made = next((t for t in s.body if isinstance(t, Let) and t.out is c.end), None)
        return (made is not None and made.fn is operator.add and made.args[0] is c.head and used[c.head] == used[c.end] == 1
                and self.names[c.head] == self.names[c.end] and self.adds_to_itself(made, self.names[c.end]))

    def body(self, s):
        self.block(s.body)
        self.moves([(c.head, c.end) for c in s.carries])
        if s.brk is not None:
            self("break" if s.brk == Const(True) else f"if {self.text(s.brk)}: break")

    def s_While(self, s):
        self.moves([(c.head, c.init) for c in s.carries])

        def inside():
            self.block(s.test)
            if s.cond != Const(True):
                self(f"if not {self.text(s.cond, ATOM)}: break")
            self.body(s)
        self.indented("while True:", inside)
        self.moves([(c.exit, c.head) for c in s.carries])

    def s_If(self, s):
        def side(block, pick):
            self.block(block)
            self.moves([(p.out, pick(p)) for p in s.phis])
        then = lambda: side(s.then, lambda p: p.then)
        orelse = lambda: side(s.orelse, lambda p: p.orelse)
        if not s.then and all(self.same(p.out, p.then) for p in s.phis):
            return self.indented(f"if not {self.text(s.cond, ATOM)}:", orelse)
        self.indented(f"if {self.text(s.cond)}:", then)
        n = len(self.lines)
        self.indented("else:", orelse)
        self.lines[n:] = self.plain_else(self.lines[n:])

    def plain_else(self, lines):
        """The lines of an `else`: none if it does nothing, `elif` if it is only a branch."""
        inner = "    " * (self.depth + 1)
        heads = [line[len(inner):] for line in lines[1:] if not line.startswith(inner + " ")]
        if heads == ["pass"]:
            return []
        if not heads[0].startswith("if ") or not all(h.startswith(("elif ", "else:")) for h in heads[1:]):
            return lines
        outer = "    " * self.depth
        return [f"{outer}el{heads[0]}", *(line[4:] for line in lines[2:])]

    def same(self, v, a):
        if a is UNDEFINED:
            return v not in self.copied
        return isinstance(a, Var) and a not in self.folded and self.names[a] == self.names[v]

    def s_Do(self, s):
        fn, args = (self.name_of(s.fn), s.args) if s.fn is not throw else (f"raise {self.text(s.args[0])}", s.args[1:])
        self(f"{fn}({', '.join(map(self.text, args))})")

    # ---- stacks
    def tape(self, stack):
        if stack not in self.tops:
            self.tops[stack] = (self.names.fresh(stack.hint), self.names.fresh(f"{stack.hint}_top"))
        return self.tops[stack]

    def line(self, stack):
        """The line of the loop that a stack serves, for errors."""
        return stack.place.line if stack.place else 0

    def s_NewStack(self, s):
        name, top = self.tape(s.stack)
        if s.shape != Const(None):
            kind = Const(infer.numpy_type(s.stack.type))
            self(f"{name}, {top} = {self.maker(s, np.empty, Tup((s.count, *s.shape.items)), kind)}, 0")
        elif infer.is_array(s.stack.type):
            if any(isinstance(t, Push) and t.stack is s.stack for t in walk(self.program.body)):
                self(f"{name} = []")
        else:
            kind = () if s.stack.type == infer.types.float64 else (Const(infer.numpy_type(s.stack.type)),)
            self(f"{name}, {top} = {self.maker(s, np.empty, s.count, *kind)}, 0")

    def s_Reserve(self, s):
        name, top = self.tape(s.stack)
        self(f"{name} = {self.name_of(tape.room)}({name}, {top} + {self.text(s.count, 7)}, {self.line(s.stack)})")

    def s_Push(self, s):
        name, top = self.tape(s.stack)
        if infer.is_array(s.stack.type) and s.stack not in self.reserved:
            self(f"{name}.append({self.text(s.value)})")
            return self(f"{self.name_of(tape.one_more)}({name}, {self.line(s.stack)})")
        if s.stack not in self.reserved:
            self(f"{name} = {self.name_of(tape.room)}({name}, {top} + 1, {self.line(s.stack)})")
        if s not in self.rows:
            self(f"{COPY * infer.is_array(s.value)}{name}[{FROM_START.format(top)}] = {self.text(s.value)}")
        return self(f"{top} += 1")

    def s_Pop(self, s):
        name, top = self.tape(s.stack)
        if infer.is_array(s.stack.type) and s.stack not in self.reserved:
            return self(f"{self.names[s.out]} = {name}.pop()")
        self(f"{top} -= 1")
        return self(f"{self.names[s.out]} = {name}[{FROM_START.format(top)}]")


def emit(program, name=None):
    """(source, globals, name) of a program; indices that never count from the end are marked in the source."""
    e = Emitter(program, name)
    return e.source, e.globals, e.name


def shown(source):
    """The source as it is read, and as Python runs it."""
    return source.translate(dict.fromkeys(map(ord, ("\x02", "\x03", "\x10", HERE, FLOATS, COPY, *MAKERS.values()))))


def unsigned(source):
    """The source as Numba compiles it: marked indices are unsigned numbers, so that machine code need not ask whether they count
    from the end, which would keep loops from being vector code; arrays are made by what takes less time, also to compile."""
    source = re.sub(rf"([{''.join(COMPILED)}])[\w.]+", lambda maker: COMPILED[maker[1]], source)
    source = re.sub(rf"{COPY}(.+?)(?:\[\.\.\.\])? = (.+)", r"np_put(\1, \2)", source)     # x[...] is x; Numba does not compile it
    return source.translate({2: "np.uint64(", 16: "np_hidden(", 3: ")", ord(HERE): "_here", ord(FLOATS): ", np.float64"})
