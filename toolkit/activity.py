"""What the modes must know of a Program before they differentiate it.

`Aliases`: which array names may ever hold the same buffer (one relation, over all moments), and where each such class is
written. `active`: which values are *varied* (depend on an active parameter) and *useful* (reach the result): Hascoët,
Naumann, Pascual, "To be recorded" analysis in reverse-mode automatic differentiation (2005).
"""
import numpy as np

from . import infer, tape
from .builder import kept, same_as
from .errors import Refusal
from .primitive import DRAWS, FLAT, VIEWS
from .program import (
    Do,
    For,
    Get,
    If,
    Let,
    Pop,
    Push,
    Set,
    Stack,
    Var,
    While,
    binds,
    blocks,
    inner,
    leaves,
    lists,
    variables,
    walk,
)

MAKERS = {kept, np.copy, np.empty, np.empty_like, np.full, np.full_like, np.ones, np.ones_like, np.zeros, np.zeros_like}


class Aliases:
    """Classes of names that may share a buffer; a class stands for its buffers."""

    def __init__(self, program):
        self.parent = {}
        self.written = {}       # class -> [(position, enclosing loops)] of its Sets
        self.viewed = set()     # classes of which an element or a view is taken
        self.shared = set()     # ... a view
        self.carried = set()    # classes that pass through a loop, a branch or a stack
        self.position, self.loops, self.names, self.where = {}, {}, {}, {}
        self.base, self.fresh = {}, set()       # view -> what it is one of; the arrays that are made
        self.swapped = {}       # name -> the names, it among them, that are of different buffers at one moment
        params = [v for _, p in program.params for v in variables(p)]
        for v in params:
            self.names.setdefault(self.of(v), [])
        self.external = {v for v in params}
        self._scan(program.body, ())
        sets = self.written
        self.written = {}
        for v, places in sets.items():
            self.written.setdefault(self.of(v), []).extend(places)
        self.viewed = {self.of(v) for v in self.viewed}
        self.shared = {self.of(v) for v in self.shared}
        self.carried = {self.of(v) for v in self.carried}
        self.external = {self.of(v) for v in self.external}

    def of(self, v):
        """The class of an array name (or stack)."""
        while (p := self.parent.get(v, v)) is not v:
            self.parent[v] = self.parent.get(p, p)
            v = p
        return v

    def join(self, a, b):
        if isinstance(b, (Var, Stack)) and isinstance(a, (Var, Stack)):
            a, b = self.of(a), self.of(b)
            if a is not b:
                self.parent[b] = a

    def whole(self, v):
        """The array that a name is a view of; itself if it is none."""
        while v in self.base:
            v = self.base[v]
        return v

    def apart_in(self, loop, a, b):
        """Are two arrays surely of different buffers in all iterations of a loop: of buffers that a loop around it swaps?"""
        a, b = self.whole(a), self.whole(b)
        others = self.swapped.get(a, ())
        return b in others and others.isdisjoint(v for s in walk([loop]) for v in (*binds(s), *inner(s)))

    def _swaps(self, loop):
        """Take note of buffers that are different ones before a loop, and that it but swaps."""
        carries = swaps(loop)
        inits = [c.init for c in carries]
        if len(set(inits)) == len(inits) and (all(a in self.fresh for a in inits) or (
                inits and set(inits) <= self.swapped.get(inits[0], set()))):
            for names in ({c.head for c in carries}, {c.exit for c in carries}):
                self.swapped |= dict.fromkeys(names, names)

    def _scan(self, block, loops):
        for s in block:
            self.position[s] = len(self.position)
            self.loops[s] = loops
            inside = (*loops, s) if isinstance(s, (For, While)) else loops
            for b in blocks(s):
                self._scan(b, inside)
            match s:
                case Let(out, fn, args) if infer.is_array(out):
                    self.where[out] = loops
                    if fn in VIEWS:
                        self.join(args[0], out)
                        self.viewed.add(out)
                        self.shared.add(out)
                        self.base[out] = args[0]
                    elif fn in MAKERS:
                        self.fresh.add(out)
                case Get(out, arr):
                    if infer.is_array(out):
                        self.where[out] = loops
                        if is_view(s):
                            self.join(arr, out)
                            self.shared.add(out)
                            self.base[out] = arr
                    if isinstance(arr, Var):
                        self.viewed.add(arr)
                case Set(arr):
                    self.written.setdefault(arr, []).append(s)
                case For() | While():
                    for c in s.carries:
                        if infer.is_array(c.head):
                            for x in (c.init, c.end, c.exit):
                                self.join(c.head, x)
                            self.carried.add(c.head)
                    self._swaps(s)
                case If():
                    for p in s.phis:
                        if infer.is_array(p.out):
                            for x in (p.then, p.orelse):
                                self.join(p.out, x)
                            self.carried.add(p.out)
                case Push(stack, value):
                    self.where.setdefault(stack, loops)
                    if isinstance(value, Var) and infer.is_array(value):
                        self.join(value, stack)
                        self.carried.add(value)
                case Pop(out, stack):
                    if infer.is_array(out):
                        self.join(stack, out)
                        self.carried.add(out)

    def mutable(self, v):
        """Is a buffer of this class ever written?"""
        return self.of(v) in self.written

    def unwritten(self, arrays, statements):
        """Do statements, and those inside them, leave the contents of some arrays as they are?"""
        those = set(map(self.of, arrays))
        return not any(isinstance(s, Set) and self.of(s.arr) in those for s in walk(statements))

    def changes_after(self, v, s):
        """May a buffer of v's class be written after statement s has run, while it matters?"""
        writes = self.written.get(self.of(v), ())
        life = self.where.get(self.of(v), ()) if self.of(v) not in self.carried and self.of(v) not in self.external else ()
        if self.of(v) not in self.carried and self.of(v) not in self.external:
            life = min((self.where[u] for u in self.where if self.of(u) is self.of(v)), key=len, default=())
        here = self.loops[s]
        for w in writes:
            if self.position[w] > self.position[s]:
                return True
            common = [a for a, b in zip(here, self.loops[w]) if a is b]
            if any(loop not in life for loop in common):
                return True
        return False


def swaps(loop):
    """What a loop carries of arrays that change places, and nothing else, from one iteration to the next."""
    found = {c.head: c for c in loop.carries if infer.is_array(c.head)}
    while not {c.end for c in found.values()} <= found.keys():
        found = {head: c for head, c in found.items() if c.end in found}
    ends = [c.end for c in found.values()]
    return list(found.values()) if len(set(ends)) == len(ends) and ends != list(found) else []


def guard(builder, program, aliases, pairs):
    """Check at entry what the derivative relies on: tangents have the shapes of their primals, and an array argument that is
    written shares no memory with another; refuse a view that NumPy makes read-only of an array that is written."""
    for v, d in pairs:
        builder.add(Do(tape.same_shape, (v, d)))
    arrays = [v for v in dict.fromkeys(v for _, p in program.params for v in variables(p)) if infer.is_array(v)]
    for k, a in enumerate(arrays):
        for b in arrays[k + 1:]:
            if (aliases.mutable(a) or aliases.mutable(b)) and infer.scalar(a.type) == infer.scalar(b.type):
                builder.add(Do(tape.apart, (a, b)))
    for p in lists(*(p for _, p in program.params)):
        for a in arrays:
            if len(p.items) > 2 and aliases.mutable(a) and infer.scalar(a.type) == infer.scalar(p.items[1].type):
                builder.add(Do(tape.apart_from_items, (a, p.items[0])))
    for s in walk(program.body):
        if isinstance(s, Let) and s.fn is np.broadcast_to and isinstance(s.args[0], Var) and infer.is_array(s.args[0]) and (
                aliases.mutable(s.args[0])):
            raise Refusal("np.broadcast_to is taken of an array that is written", "Broadcast a copy of it.", s.place)


def views(program, arrays):
    """The names that may hold one of these arrays, or a view of one."""
    found, before = set(arrays), None
    while found and before != len(found):
        before = len(found)
        for s in walk(program.body):
            match s:
                case Let(out, fn, args) if fn in VIEWS and args[0] in found:
                    found.add(out)
                case Get(out, arr) if arr in found and is_view(s):
                    found.add(out)
                case For() | While():
                    found.update(x for c in s.carries if c.init in found or c.end in found for x in (c.head, c.exit))
                case If():
                    found.update(p.out for p in s.phis if p.then in found or p.orelse in found)
    return found


def same_lists(builder, primals, given):
    """Check at entry that lists of tangents or cotangents hold arrays of the shapes of their primals'."""
    for p, d in zip(lists(*primals), lists(*given)):
        for x, y in zip(p.items[2:], d.items[2:]):
            builder.add(Do(tape.same_items, (x, y)))


def is_view(s):
    """Does a Get make a view (and not a copy, as integer arrays and masks do)?"""
    return infer.is_array(s.out) and not infer.gathers(s.index)


def active(program, aliases, roots):
    """`on(a)`: is this Var, array or stack varied from `roots` and useful to the result, so that it carries a derivative?"""
    edges = []

    def node(a):
        if isinstance(a, Stack):
            return aliases.of(a)
        if isinstance(a, Var) and infer.is_float(a):
            return aliases.of(a) if infer.is_array(a) else a
        return None

    def edge(a, b):
        a, b = node(a), node(b)
        if a is not None and b is not None:
            edges.append((a, b))

    for s in walk(program.body):
        match s:
            case Let(out, fn, args) if fn not in FLAT:
                for a in (x for arg in (args[1:] if fn is same_as else args) for x in leaves(arg)):
                    edge(a, out)
            case Get(out, arr):
                edge(arr, out)
            case Set(arr, _, value):
                edge(value, arr)
            case For() | While():
                for c in s.carries:
                    edge(c.init, c.head), edge(c.end, c.head), edge(c.head, c.exit), edge(c.end, c.exit)
            case If():
                for p in s.phis:
                    edge(p.then, p.out), edge(p.orelse, p.out)
            case Push(stack, value):
                edge(value, stack)
            case Pop(out, stack):
                edge(stack, out)

    varied = _reach([node(v) for v in roots], edges)
    for s in walk(program.body):
        if isinstance(s, Let) and s.fn in DRAWS and any(node(a) in varied for arg in s.args for a in leaves(arg)):
            raise Refusal(f"{infer.name_of(s.fn)} draws from a distribution that depends on what is differentiated",
                          "Draw from a fixed one, and shift and scale what was drawn.", s.place)
    useful = _reach([n for v in variables(program.result) if (n := node(v)) is not None], [(b, a) for a, b in edges])
    both = varied & useful
    return lambda a: node(a) in both


def _reach(seeds, edges):
    after = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
    seen, todo = set(), [s for s in seeds if s is not None]
    while todo:
        n = todo.pop()
        if n not in seen:
            seen.add(n)
            todo += after.get(n, ())
    return seen
