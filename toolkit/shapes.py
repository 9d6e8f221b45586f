"""Symbolic lengths: which axes of a Program's arrays are known, before it runs, to be of one length.

A *length* is an int, `("dim", array, axis)`, `("cut", length, k)` for max(length - k, 0), an integer Var, or a sum of multiples
of these, `("form", items)`. An axis that comes of broadcasting has as many lengths as may differ from 1 there: they are one set,
and the axis is as long as whichever of them is not 1. Axes with equal sets are equally long; that of an axis that is 1 is empty.

What goes round a loop has the shape that it began with where that is the shape with which each iteration ends, if each begins
with it. What a program requires at its entry (`even.py`) is used: equations of lengths, and which are not less than others.
"""
import operator

import numpy as np
from numba import types

from . import infer, matrices, runtime, tape, triangular
from .builder import astype, dim, kept
from .primitive import FLAT, lookup
from .program import UNDEFINED, Const, Do, For, Get, If, Let, Pop, Push, Span, Tup, Var, While, binds, inner, variables, walk

ALIKE = {np.copy, np.zeros_like, np.empty_like, np.ones_like, np.sort, np.cumsum, np.cumprod, astype, runtime.stop_gradient,
         np.linalg.cholesky, np.linalg.inv, matrices.fold, matrices.mirror, np.tril, np.triu,
         triangular.cholesky_tangent, triangular.cholesky_cotangent}
SOLVERS = {np.linalg.solve, triangular.forward_substituted, triangular.back_substituted}
MADE = {np.empty: 0, np.zeros: 0, kept: 0, np.ones: 0, np.full: 0, runtime.fill: 1, runtime.spread: 1, np.broadcast_to: 1,
        matrices.undiag: 2}
LIKE = {runtime.unbroadcast: 1, runtime.spread_like: 1}
PRODUCTS = {operator.matmul, np.dot}
COMPARISONS = {operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, operator.and_, operator.or_}


class Shapes:
    """The lengths of the axes of each array of a program."""

    def __init__(self, program, hopeful=False):
        self.made, self.guarded, self.known, self.alike, self.popped = {}, {}, {}, {}, {}
        self.equal, self.facts = {}, set()      # a length -> what it is, as a form; forms that are not negative
        self.asks = set()                       # the integers that tell whether that is so
        self.position = {v: k for k, v in enumerate(every(program))}
        self.lasting = {v for s in program.body for v in binds(s)} | set(variables(*(p for _, p in program.params)))
        pushed, joins = {}, []
        for s in walk(program.body):
            match s:
                case Let() | Get():
                    self.made[s.out] = s
                case Do(tape.same_shape, (Var(), Var())):
                    self.guarded[s.args[1]] = s
                case Do(tape.even | tape.least):
                    self.require(s)
                case Push(stack, value):
                    pushed.setdefault(stack, []).append(value)
                case Pop(out, stack):
                    self.popped[out] = pushed.setdefault(stack, [])
                case For() | While():
                    joins += [(c.init, c.end, (c.head, c.exit)) for c in s.carries]
                case If():
                    joins += [(p.then, p.orelse, (p.out,)) for p in s.phis]
        self.joins = [j for j in joins if infer.is_array(j[2][0])]
        self.steady(hopeful)

    def steady(self, hopeful):
        """Find what has one shape wherever it comes from: assume it of all that is joined, and drop what contradicts, unless
        `hopeful`, to find what would have to hold."""
        steady = [j for j in self.joins if UNDEFINED not in j[:2]]
        while True:
            self.alike, self.known = {v: first for first, _, names in steady for v in names}, {}
            still = [j for j in steady if self.of(j[0]) == self.of(j[1])]
            if hopeful or len(still) == len(steady):
                return
            steady = still

    def of(self, v):
        """A set of lengths for each axis."""
        if not infer.is_array(v):
            return ()
        key = v if isinstance(v, Var) else id(v.value)
        if key not in self.known:
            self.known[key] = tuple(frozenset([("dim", v, k)]) for k in range(infer.rank_of(v)))       # while it is asked for
            self.known[key] = tuple(map(self.settled, self.asked(v)))
        return self.known[key]

    def asked(self, v):
        if isinstance(v, Const):
            return tuple(frozenset([n] if n != 1 else []) for n in v.value.shape)
        if v in self.alike:
            return self.of(self.alike[v])
        if v in self.popped:
            shapes = {self.of(x) for x in self.popped[v]}
            if len(shapes) == 1 and all(self.stays(n) for axis in (*shapes,)[0] for n in axis):
                return shapes.pop()
        if v in self.guarded and v not in self.made and self.guarded[v].args[0] is not v:
            return self.of(self.guarded[v].args[0])
        s = self.made.get(v)
        found = self.of_get(s) if isinstance(s, Get) else self.of_let(s) if isinstance(s, Let) else None
        return found if found is not None else tuple(frozenset([("dim", v, k)]) for k in range(infer.rank_of(v)))

    def of_let(self, s):
        fn, args = s.fn, s.args
        if fn in ALIKE and not s.kw and len(args) <= 2 and infer.rank_of(args[0]) == infer.rank_of(s.out):
            return self.of(args[0])
        if fn in LIKE or fn in MADE:
            like = args[LIKE.get(fn, MADE.get(fn))]
            return self.of(like) if infer.is_array(like) else self.of_lengths(like, infer.rank_of(s.out))
        if fn is np.transpose and len(args) == 1:
            return self.of(args[0])[::-1]
        if fn is np.sum and len(args) == 2 and isinstance(args[1], Const) and type(args[1].value) is int:
            left = list(self.of(args[0]))
            left.pop(args[1].value)
            return tuple(left)
        if fn in SOLVERS:
            return self.of(args[1])
        if fn is np.outer and [infer.rank_of(a) for a in args] == [1, 1]:
            return self.of(args[0]) + self.of(args[1])
        if fn is np.reshape and isinstance(args[1], Tup) and all(map(self.counts, args[1].items)):
            return self.of_lengths(args[1], infer.rank_of(s.out))
        if fn is np.eye and len(args) == 1:
            return self.of_lengths(Tup(args * 2), 2)
        if fn is np.diag and len(args) == 1:
            axes = self.of(args[0])
            return axes * 2 if len(axes) == 1 else axes[:1] if axes[0] == axes[1] else None
        if fn in PRODUCTS and [infer.rank_of(a) for a in args] in ([2, 2], [2, 1], [1, 2]):
            return (*self.of(args[0])[:-1], *(self.of(args[1])[1:]))
        if self.elementwise(s):
            return self.broadcast(args)
        return None

    def elementwise(self, s):
        """Is it an elementwise operation on arrays (or numbers and arrays)?"""
        if not isinstance(s, Let) or s.kw or not infer.is_array(s.out) or any(infer.rank_of(a) is None for a in s.args):
            return False
        if s.fn in COMPARISONS:
            return True
        if isinstance(s.fn, np.ufunc):
            return len(s.args) == s.fn.nin
        if hasattr(s.fn, "card"):                   # a user's own, which may do anything with its arrays
            return False
        card = lookup(s.fn, tuple(map(infer.rank_of, s.args)))
        return card is not None and card.elementwise and s.fn not in FLAT

    def broadcast(self, atoms):
        """The axes of what is broadcast from some atoms."""
        shapes = [self.of(a) for a in atoms]
        rank = max(map(len, shapes))
        return tuple(frozenset().union(*(shape[k - rank + len(shape)] for shape in shapes if k - rank + len(shape) >= 0))
                     for k in range(rank))

    def of_lengths(self, shape, rank):
        """The axes of an array that is made of this shape; None where it is a tuple that is not written out."""
        items = shape.items if isinstance(shape, Tup) else (shape,)
        return tuple(map(self.length, items)) if len(items) == rank and all(infer.rank_of(n) == 0 for n in items) else None

    # ---- forms
    def require(self, s):
        """Use what is required at the entry: of two integers, that they are equal, or that the first is not the larger."""
        todo = list(s.args)
        while todo:
            self.asks.add(v := todo.pop())
            todo += [a for a in getattr(self.made.get(v), "args", ()) if isinstance(a, Var) and not infer.is_array(a)]
        difference = plus(*map(self.affine, s.args[::-1]), -1)
        if s.fn is tape.least:
            self.facts.add(frozenset(difference.items()))
            return
        least = lambda n: (isinstance(n, tuple) and n[0] == "dim", self.rank(n))
        plain = [n for n, factor in difference.items() if n != 1 and abs(factor) == 1]
        if plain:
            n = max(plain, key=least)
            factor = difference.pop(n)
            self.equal = {m: replaced(f, n, difference, -factor) for m, f in self.equal.items()}
            self.equal[n] = {m: -factor * x for m, x in difference.items()}
            self.facts = {frozenset(self.reduced(dict(f)).items()) for f in self.facts}

    def affine(self, atom):
        """An integer as a form {length: factor}, whose length 1 stands for the constant; None if it is not one."""
        if isinstance(atom, Const):
            return ({1: atom.value} if atom.value else {}) if type(atom.value) is int else None
        s = self.made.get(atom)
        if isinstance(s, Let) and s.fn is dim:
            axis = self.of(s.args[0])[s.args[1].value]
            return self.form(*axis) if len(axis) == 1 else {1: 1} if not axis else {atom: 1}
        if isinstance(s, Let) and s.fn in (operator.add, operator.sub, operator.mul) and len(s.args) == 2:
            x, y = map(self.affine, s.args)
            if x is not None and y is not None:
                if s.fn is not operator.mul:
                    return plus(x, y, 1 if s.fn is operator.add else -1)
                for a, b in ((x, y), (y, x)):
                    if set(a) <= {1}:
                        return {n: a[1] * factor for n, factor in b.items()} if a else {}
        return self.reduced({atom: 1}) if isinstance(atom, Var) and isinstance(atom.type, types.Integer) else None

    def form(self, n):
        """A length as a form, in terms of those that are not known to be others."""
        match n:
            case int():
                return {1: n} if n else {}
            case ("form", items):
                return self.reduced(dict(items))
            case ("cut", inner, k):
                return self.reduced({("cut", as_length(self.form(inner)), k): 1})
        return self.reduced({n: 1})

    def reduced(self, form):
        for n in [n for n in form if n in self.equal]:
            form = replaced(form, n, self.equal[n], 1)
        return form

    def settled(self, axis):
        """An axis in terms of lengths that are not known to be others."""
        if not self.equal or not axis:
            return axis
        return frozenset(as_length(self.form(n)) for n in axis) - {1}

    def least(self, form):
        """Is a form surely not negative?"""
        return frozenset(form.items()) in self.facts or all(
            factor >= 0 and not isinstance(n, Var) for n, factor in form.items())

    def stays(self, length):
        """Is a length there, and the same, wherever it is asked for?"""
        match length:
            case ("dim", v, _):
                return v in self.lasting
            case ("cut", n, _):
                return self.stays(n)
            case ("form", items):
                return all(n == 1 or self.stays(n) for n, _ in items)
        return not isinstance(length, Var) or length in self.lasting

    def length(self, atom):
        """The set of a length that stands as an integer."""
        if isinstance(atom, Const):
            return frozenset() if atom.value == 1 else frozenset([atom.value])
        form = self.affine(atom) if self.equal or self.facts else None
        if form and form != {atom: 1}:
            return frozenset([as_length(form)]) - {1}
        s = self.made.get(atom)
        if isinstance(s, Let) and s.fn is dim:
            return self.of(s.args[0])[s.args[1].value]
        if isinstance(s, Let) and s.fn is runtime.joined:
            return self.length(s.args[0]) | self.length(s.args[1])
        return frozenset([atom])

    def counts(self, atom):
        """Is an integer a length, and not the -1 that leaves one open?"""
        if isinstance(atom, Const):
            return atom.value >= 0
        s = self.made.get(atom)
        return isinstance(s, Let) and s.fn in (dim, runtime.joined)

    def of_get(self, s):
        if not infer.is_array(s.arr) or infer.gathers(s.index):         # of a tuple of arrays, or a copy
            return None
        axes, left = [], list(self.of(s.arr))
        for i in spelled(s.index, len(left)):
            if i == Const(None):
                axes.append(frozenset())
            elif isinstance(i, Span):
                axes.append(self.cut(left.pop(0), i))
            else:
                left.pop(0)
        return tuple(a if a is not None else frozenset([("dim", s.out, k)]) for k, a in enumerate(axes))

    def of_part(self, arr, index):
        """The axes of the part of an array that is written; None where their lengths are not known."""
        axes, left = [], list(self.of(arr))
        if infer.gathers(index):
            return None
        for i in spelled(index, len(left)):
            if isinstance(i, Span):
                axes.append(self.cut(left.pop(0), i))
            elif isinstance(i, (Var, Const)) and i != Const(None):
                left.pop(0)
            else:
                return None
        return None if None in axes else tuple(axes)

    def cut(self, lengths, span):
        """The set of a slice of an axis; None where it is not known."""
        lo, hi = trims(span)
        if lo is None or hi is None:
            return self.part(lengths, span)
        if lo + hi == 0:
            return lengths
        if len(lengths) != 1:
            return None
        n, = lengths
        if isinstance(n, int):
            left = max(n - lo - hi, 0)
            return frozenset() if left == 1 else frozenset([left])
        if isinstance(n, tuple) and n[0] == "cut":
            n, more = n[1:]
            return frozenset([("cut", n, lo + hi + more)])
        return frozenset([("cut", n, lo + hi)])

    def part(self, lengths, span):
        """The set of a slice of an axis whose ends are known to lie in it, in their order; None where they are not."""
        form, *more = self.ends(lengths, span)
        return frozenset([as_length(form)]) - {1} if form is not None and all(map(self.least, more)) else None

    def ends(self, lengths, span):
        """The length of a slice as a form, and the forms that must not be negative for it to be that; (None,) if it is none."""
        if span.step not in (None, Const(None), Const(1)) or len(lengths) != 1:
            return (None,)
        whole = self.form(*lengths)
        lo, hi = (self.affine(a) if a not in (None, Const(None)) else absent for a, absent in ((span.lo, {}), (span.hi, whole)))
        if lo is None or hi is None:
            return (None,)
        return plus(hi, lo, -1), lo, plus(hi, lo, -1), plus(whole, hi, -1)

    def same(self, a, b):
        """Are two arrays known to be of one shape?"""
        return infer.is_array(a) and infer.is_array(b) and self.of(a) == self.of(b)

    def longest(self, b, axis):
        """How long an axis is, as an atom."""
        found = None
        for n in sorted(axis, key=self.rank):
            atom = self.emitted(b, n)
            found = atom if found is None else b.let(runtime.joined, found, atom, hint="n")
        return found if found is not None else Const(1)

    def rank(self, length):
        """What lengths are put in order by: as they come in the program."""
        match length:
            case ("dim", v, k):
                return 0, self.position.get(v, -1), k
            case ("cut", n, k):
                return 1, self.rank(n), k
            case Var():
                return 2, self.position.get(length, -1)
            case ("form", items):
                return 3, max(self.rank(n) for n, _ in items)
        return 4, length

    def emitted(self, b, length):
        """A length as an atom."""
        if isinstance(length, int):
            return Const(length)
        if isinstance(length, Var):
            return length
        if length[0] == "dim":
            return b.dim(*length[1:])
        if length[0] == "form":
            return self.summed(b, dict(length[1]))
        return b.let(max, b.let(operator.sub, self.emitted(b, length[1]), Const(length[2])), Const(0))

    def summed(self, b, form):
        """A form as an atom."""
        total = None
        for n, factor in sorted(form.items(), key=lambda item: (item[0] == 1, item[1] < 0, self.rank(item[0]))):
            sign = operator.sub if total is not None and factor < 0 else operator.add
            times = abs(factor) if total is not None else factor
            term = Const(times) if n == 1 else self.emitted(b, n)
            if n != 1 and times != 1:
                term = b.let(operator.mul, Const(times), term, hint="n")
            total = term if total is None else b.let(sign, total, term, hint="n")
        return Const(0) if total is None else total


def plus(a, b, times=1):
    """a + times * b, of forms."""
    out = dict(a)
    for symbol, factor in b.items():
        out[symbol] = out.get(symbol, 0) + times * factor
        if not out[symbol]:
            del out[symbol]
    return out


def replaced(form, n, other, times):
    """A form with times * other in place of a length."""
    if n not in form:
        return form
    out = dict(form)
    times *= out.pop(n)
    return plus(out, other, times)


def as_length(form):
    """A form as a length."""
    if not form or set(form) == {1}:
        return form.get(1, 0)
    (n, factor), *more = form.items()
    return n if not more and factor == 1 else ("form", frozenset(form.items()))


def every(program):
    """Each Var that a program binds, in its order."""
    yield from variables(*(p for _, p in program.params))
    for s in walk(program.body):
        yield from (*inner(s), *binds(s))


def spelled(index, rank):
    """An index with one component for each axis: `...` and what is left out written as slices."""
    whole = Span(Const(None), Const(None), None)
    taken = sum(i != Const(None) and i != Const(Ellipsis) for i in index)
    if Const(Ellipsis) not in index:
        index = (*index, Const(Ellipsis))
    return [j for i in index for j in ([whole] * (rank - taken) if i == Const(Ellipsis) else [i])]


def trims(span):
    """How much a slice by ones leaves out at either end, as (at the beginning, at the end); None for an end that is not known."""
    if span.step not in (None, Const(None), Const(1)):
        return None, None
    lo, hi = (a.value if isinstance(a, Const) else a for a in (span.lo, span.hi))
    lo = 0 if lo is None else lo if isinstance(lo, int) and lo >= 0 else None
    hi = 0 if hi is None else -hi if isinstance(hi, int) and hi < 0 else None
    return lo, hi
