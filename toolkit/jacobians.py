"""Whole Jacobians: Program -> the program of a matrix of derivatives, by columns (forward mode) or by rows (reverse mode).

Either mode carries LANES unit vectors at a time: they share the function's values, and what its derivatives have in common. A
result of no more numbers than that, as its program says, takes one run of reverse mode. Each run starts from the arguments as
they were given, whatever the run before wrote to them.
Reference: Griewank & Walther, Evaluating Derivatives (2008), section 3.1 (vector modes).
"""
import functools
import math
import operator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numba import types

from . import infer
from .activity import Aliases
from .builder import Builder, draws, tangent_type
from .errors import UsageError
from .forward import forward
from .lanes import several
from .program import (
    LOOSE,
    Const,
    For,
    If,
    Let,
    Pop,
    Program,
    Push,
    Set,
    Span,
    Tup,
    Var,
    filtered,
    instance,
    mapped,
    pruned,
    reads,
    variables,
    walk,
)
from .reverse import reverse
from .rewrites import ravel
from .shapes import Shapes
from .twins import names_alone

MODES = ("forward", "reverse", "auto")
LANES = 4       # take half the time that one takes; eight take as long as four, and twice as long to compile
ALL, ZERO, ONE = Span(Const(None), Const(None), None), Const(0), Const(1)


def jacobian(f, argnums, mode, aux=None):
    """The program of the derivatives of f's result by the parameters at `argnums`, arrays of shape out.shape + x.shape, and of
    what f computes besides, if that is asked for."""
    made = Jacobian(f, argnums, aux)
    made.fill(mode)
    blocks = Tup(tuple(map(made.block, range(len(argnums)))))
    return Program(f"{f.name}_jacobian", f.params, made.b.block, Tup((blocks, made.besides())))


def lengths(f):
    """The program of the lengths of f's result: of f, what they hang on."""
    b = Builder()
    shape = b.shape(f.result) if infer.rank_of(f.result) else Tup(())
    program, size = Program(f.name, f.params, [*f.body, *b.block], shape), None
    while size != (size := len(list(walk(program.body)))):
        program = pruned(observed(program))
    return program


def observed(program):
    """A program without the stores to arrays, and the tapes, that nothing reads."""
    aliases, statements = Aliases(program), list(walk(program.body))
    read = {v for s in statements for v in reads(s)}
    popped = {s.stack for s in statements if isinstance(s, Pop) and s.out in read}
    seen = {aliases.of(v) for s in statements if not names_alone(s) for v in reads(s)
            if infer.is_array(v) and not (isinstance(s, Set) and v is s.arr)} | aliases.carried
    return replace(program, body=filtered(program.body, lambda s: not (
        (isinstance(s, Set) and aliases.of(s.arr) not in seen) or (isinstance(s, Push | Pop) and s.stack not in popped))))


class Jacobian:
    """The matrices of derivatives, with a row for each entry of the result and a column for each of a parameter."""

    def __init__(self, f, argnums, aux):
        self.f, self.argnums, self.b = f, argnums, Builder()
        self.aux, self.seen = Const(None) if aux is None else aux, None
        self.xs = [f.params[k][1] for k in argnums]
        if not all(isinstance(a, (Var, Const)) and infer.rank_of(a) is not None for a in (f.result, *self.xs)):
            raise UsageError("jacobian takes functions of numbers and arrays that return a number or an array")
        if any(map(draws, walk(f.body))):
            raise UsageError(f"jacobian runs {f.name} several times, and it draws random numbers: pass them to it instead")
        aliases = Aliases(f)
        self.written = {v for _, p in f.params for v in variables(p) if infer.is_array(v) and aliases.mutable(v)}
        self.out = f.result
        kind = infer.scalar(infer.type_of(self.out)) if infer.is_float(self.out) else types.float64
        self.shapes = [self.run(lengths(f)).items, *(self.b.shape(x).items if infer.rank_of(x) else () for x in self.xs)]
        self.m, *self.ns = map(self.size, self.shapes)
        self.lengths = tuple(static(axis) for axis in Shapes(f).of(self.out)) if isinstance(self.out, Var) else ()
        self.matrices = [self.b.let(np.zeros, Tup((self.m, n)), Const(infer.numpy_type(kind)), hint="jacobian") for n in self.ns]

    def fill(self, mode):
        """Fill the matrices in one mode; `auto` takes the one that needs the fewer runs."""
        n = functools.reduce(lambda a, b: self.b.let(operator.add, a, b), self.ns)
        if mode != "auto":
            forth = Const(mode == "forward")
        elif self.few or not any(map(infer.rank_of, self.xs)):          # one run is the fewest
            forth = Const(infer.rank_of(self.out) > 0 and not any(map(infer.rank_of, self.xs)))
        else:
            forth = self.b.let(operator.le, n, self.m)
        self.b.branch(forth, self.columns, self.rows)

    def columns(self):
        """Of each parameter, LANES columns at a time."""
        for k, x, shape, n, matrix in zip(self.argnums, self.xs, self.shapes[1:], self.ns, self.matrices):
            units = [self.b.let(np.zeros, n, hint="unit") for _ in range(LANES if shape else 1)]
            push = forward(self.f, (k,), len(units))
            with self.loop(n, len(units)) as i:
                at = self.places(i, len(units))
                for unit, j in zip(units, at):
                    with self.within(j, n, len(units)):
                        self.b.set(unit, (j,), Const(1.0))
                _, *tangents = self.run(push, *(Tup((self.shaped(unit, shape, x),)) for unit in units)).items
                for unit, j, tangent in zip(units, at, tangents):
                    with self.within(j, n, len(units)):
                        self.store(matrix, (ALL, j), tangent)
                        self.b.set(unit, (j,), Const(0.0))

    @property
    def few(self):
        """How many numbers the result has, if they are known to be few; else 0."""
        n = None if None in self.lengths else math.prod(self.lengths)
        return n if n is not None and n <= LANES else 0

    def rows(self):
        """Of all parameters, some rows at a time: all, or LANES."""
        seed = Var("out_bar", tangent_type(infer.type_of(self.out)))
        body, bars = reverse(self.f, self.argnums, seed)
        params = [("args", Tup(tuple(p for _, p in self.f.params))), ("out_bar", seed)]
        pull = Program(f"{self.f.name}_vjp", params, body, Tup((Tup(tuple(bars)), self.aux)))
        if self.few and (lanes := several(pull, self.few)) is not None:
            return self.few_rows(lanes, self.few)
        n = LANES if self.few != 1 else 1
        lanes = several(pull, n)
        n, lanes = (n, lanes) if lanes is not None else (1, replace(pull, result=Tup((pull.result,))))
        units = [self.b.let(np.zeros, self.m, hint="unit") for _ in range(n)]
        with self.loop(self.m, n) as i:
            at = self.places(i, n)
            for unit, j in zip(units, at):
                with self.within(j, self.m, n):
                    self.b.set(unit, (j,), Const(1.0))
            found = self.run(lanes, *(self.shaped(unit, self.shapes[0], self.out) for unit in units)).items
            for unit, j, lane in zip(units, at, found):
                with self.within(j, self.m, n):
                    for matrix, bar in zip(self.matrices, lane.items[0].items):
                        self.store(matrix, (j, ALL), bar)
                    self.b.set(unit, (j,), Const(0.0))
        return None

    def few_rows(self, lanes, n):
        """All rows in one run, which gathers cotangents where they are to be."""
        seeds = [self.b.cast(Const(1.0), infer.type_of(self.out))] if not self.lengths else []
        for k in range(n if self.lengths else 0):
            unit = self.b.let(np.zeros, Tup(tuple(map(Const, self.lengths))), hint="unit")
            self.b.set(unit, tuple(Const(int(i)) for i in np.unravel_index(k, self.lengths)), Const(1.0), add=LOOSE)
            seeds.append(self.b.fitted(unit, tangent_type(infer.type_of(self.out))))
        start = len(self.b.block)
        found = self.run(lanes, *seeds).items
        self.seen = found[0].items[1]
        for k, lane in enumerate(found):
            for matrix, bar, shape in zip(self.matrices, lane.items[0].items, self.shapes[1:]):
                if not self.made_there(matrix, k, bar, shape, start):
                    self.store(matrix, (Const(k), ALL), bar)

    def made_there(self, matrix, k, bar, shape, start):
        """Let a row of the matrix be the zeros in which a run gathers a cotangent. Could that be done?"""
        at = next((i for i, s in enumerate(self.b.block[start:], start) if isinstance(s, Let) and s.out is bar), None)
        if at is None or self.b.block[at].fn is not np.zeros_like:
            return False
        with self.b.into([]) as made:
            row = self.b.get(matrix, (Const(k),), bar.hint)
            row = row if len(shape) == 1 else self.b.let(np.reshape, row, Tup(tuple(shape)), hint=bar.hint)
        if row.type != bar.type:
            return False
        made[-1] = replace(made[-1], out=bar)
        self.b.block[at:at + 1] = made
        return True

    def besides(self):
        """What the function computes besides."""
        if self.seen is None:
            self.seen = self.run(replace(self.f, result=self.aux))
        return self.seen

    def block(self, k):
        """The derivative by one parameter, in its shape."""
        shape = (*self.shapes[0], *self.shapes[k + 1])
        matrix = self.matrices[k]
        if len(self.shapes[0]) == len(self.shapes[k + 1]) == 1:
            return matrix
        return self.b.let(np.reshape, matrix, Tup(shape)) if shape else self.b.get(matrix, (ZERO, ZERO))

    # ---- statements
    def run(self, program, *more):
        """The result of a program for the arguments and what else it takes; they stay as they are."""
        given = [mapped(p, lambda v: self.b.copy(v) if v in self.written else v) for _, p in self.f.params]
        body, result = instance(program, [Tup(tuple(given)), *more] if more else given)
        self.b.block += body
        return result

    def size(self, shape):
        return functools.reduce(lambda m, n: self.b.let(operator.mul, m, n), shape) if shape else ONE

    def shaped(self, unit, shape, like):
        """A vector as a (co)tangent of a value."""
        if not shape:
            return self.b.cast(self.b.get(unit, (ZERO,)), infer.type_of(like))
        shaped = unit if len(shape) == 1 else self.b.let(np.reshape, unit, Tup(shape))
        return self.b.fitted(shaped, tangent_type(infer.type_of(like)))

    def store(self, matrix, index, value):
        """Store a (co)tangent as a column or row."""
        if infer.rank_of(value) == 0:
            index = tuple(ZERO if i is ALL else i for i in index)
        self.b.set(matrix, index, ravel(self.b, value) if infer.rank_of(value) > 1 else value)

    @contextmanager
    def loop(self, n, step):
        """for i in range(0, n, step)"""
        i = Var("i", types.intp)
        with self.b.into([]) as body:
            yield i
        self.b.add(For(i, ZERO, n, Const(step), body))

    def places(self, i, n):
        """i, i + 1, .. of n lanes."""
        return [self.b.let(operator.add, i, Const(lane)) if lane else i for lane in range(n)]

    @contextmanager
    def within(self, j, n, lanes):
        """if j < n, of which one lane is sure."""
        if lanes == 1:
            yield
            return
        with self.b.into([]) as block:
            yield
        self.b.add(If(self.b.let(operator.lt, j, n), block, []))


def static(axis):
    """The length of an axis, if it is known before the program runs."""
    if not axis:
        return 1
    n = next(iter(axis))
    return n if len(axis) == 1 and isinstance(n, int) else None
