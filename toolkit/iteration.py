"""What a `for` runs over: for each source its bounds as a range, and the value at a position of it."""
import ast
import operator

import numba
import numpy as np
from numba import types

from . import infer
from .builder import is_data
from .lists import Lists, growing, of_arrays
from .lower import Method
from .program import Const, Tup


class Iteration(Lists):
    """Lowers the sources of loops: ranges, arrays, tuples, and what counts, joins or walks these."""

    def iterated(self, node):
        """((lo, hi, step), the value at position k) of what is looped over; (Tup, None) where it is written out."""
        saved = self.b.place
        self.at(node)
        found = self.source(node)
        self.b.place = saved
        return found

    def named(self, node):
        """The function that a name, or a name of a module, stands for; None for what has to be computed."""
        names = [n for n in ast.walk(node) if not isinstance(n, ast.expr_context)]
        if not all(isinstance(n, ast.Name | ast.Attribute) for n in names):
            return None
        fn = self.callee(node)
        return None if isinstance(fn, Method) else fn

    def source(self, node):
        if isinstance(node, ast.Call) and (fn := self.named(node.func)) is not None:
            parts = {range: self.over_range, numba.prange: self.over_range, enumerate: self.over_enumerate, zip: self.over_zip,
                     np.ndindex: self.over_ndindex, np.ndenumerate: self.over_ndenumerate}
            try:
                if fn in parts:
                    return parts[fn](node)
            except TypeError:       # not hashable: no function, and the call says so
                pass
        if isinstance(node, ast.Attribute) and node.attr == "flat":
            return self.over_flat(node)
        value = self.expr(node)
        if growing(value) and of_arrays(held := self.held(value.value)):
            return (Const(0), self.length(value.value), Const(1)), lambda k: self.element(held, k)
        value = self.as_array(value)
        if isinstance(value, Tup):
            return value, None
        if not (is_data(value) and infer.is_array(value) and infer.rank_of(value)):
            self.refuse("this cannot be looped over", "Loop over range, an array, enumerate or zip.")
        return (Const(0), self.b.dim(value, 0), Const(1)), lambda k: self.b.get(value, (k,))

    def over_range(self, node):
        args = [self.whole(self.expr(a)) for a in node.args]
        if not 1 <= len(args) <= 3 or node.keywords:
            self.refuse(f"range takes one to three integers, not {len(args)}", "Write range(stop), or range(start, stop, step).")
        lo, hi, step = {1: [Const(0), *args, Const(1)], 2: [*args, Const(1)]}.get(len(args), args)
        return (lo, hi, step), lambda k: k

    def over_enumerate(self, node):
        starts = [*node.args[1:], *(k.value for k in node.keywords if k.arg == "start")]
        if not node.args or len(starts) > 1 or any(k.arg != "start" for k in node.keywords):
            self.refuse("enumerate takes what to loop over, and a start", "Write enumerate(x) or enumerate(x, start).")
        start = self.whole(self.expr(starts[0])) if starts else Const(0)
        source, value_at = self.iterated(node.args[0])
        if isinstance(source, Tup):
            return Tup(tuple(Tup((self.sum(start, Const(k)), v)) for k, v in enumerate(source.items))), None

        def value(k):
            lo, _, step = source
            count = k if lo == Const(0) and step == Const(1) else self.b.let(
                operator.floordiv, self.b.let(operator.sub, k, lo), step)
            return Tup((self.sum(start, count), value_at(k)))
        return source, value

    def sum(self, a, b):
        return b if a == Const(0) else self.b.let(operator.add, a, b)

    def over_zip(self, node):
        parts = [self.iterated(a) for a in node.args]
        if not parts or node.keywords:
            self.refuse("zip takes what to loop over, and no keywords", "Write zip(x, y).")
        if all(isinstance(s, Tup) for s, _ in parts):
            return Tup(tuple(Tup(v) for v in zip(*(s.items for s, _ in parts)))), None
        if any(isinstance(s, Tup) or s[0] != Const(0) or s[2] != Const(1) for s, _ in parts):
            self.refuse("zip takes arrays and range(n) here", "Loop over an index.")
        n = parts[0][0][1]
        for (_, m, _), _ in parts[1:]:
            n = self.b.let(min, n, m, hint="n")
        return (Const(0), n, Const(1)), lambda k: Tup(tuple(value_at(k) for _, value_at in parts))

    def whole(self, bound):
        if is_data(bound) and isinstance(infer.type_of(bound), types.Integer):
            return bound
        return self.refuse("range takes integers", "Convert with int(...).")

    def over_ndindex(self, node):
        args = [self.expr(a) for a in node.args]
        dims = args[0].items if len(args) == 1 and isinstance(args[0], Tup) else args
        return self.over_dims([self.whole(n) for n in dims], lambda index: index)

    def over_ndenumerate(self, node):
        arr = self.expr(node.args[0])
        if not is_data(arr) or not infer.is_array(arr):
            self.refuse(f"np.ndenumerate takes an array, not {infer.shown(arr)}", "Loop over its items.")
        return self.over_dims(self.b.shape(arr).items, lambda index: Tup((index, self.b.get(arr, index.items))))

    def over_flat(self, node):
        arr = self.expr(node.value)
        if not is_data(arr) or not infer.is_array(arr):
            self.refuse(f"`.flat` takes an array, not {infer.shown(arr)}", "Loop over its items.")
        return self.over_dims(self.b.shape(arr).items, lambda index: self.b.get(arr, index.items))

    def over_dims(self, dims, value):
        """All indices of an array of these dimensions, the last one running fastest."""
        rooms = [Const(1)]          # how many entries the dimensions behind hold
        for n in reversed(dims):
            rooms.append(n if rooms[-1] == Const(1) else self.b.let(operator.mul, n, rooms[-1]))

        def index(k):
            inner = list(reversed(rooms[:-1]))
            parts = [k if room == Const(1) else self.b.let(operator.floordiv, k, room) for room in inner]
            return Tup(tuple(p if d == 0 else self.b.let(operator.mod, p, n) for d, (p, n) in enumerate(zip(parts, dims))))
        return (Const(0), rooms[-1], Const(1)), lambda k: value(index(k))
