"""Zeros that nobody needs: a buffer to which a whole array is added first begins as that array.

    a = zeros_like(x); ...; a += v      is      a = v, or a copy of v where v serves anything else,

an entry that is read for the last time is not set to zero, and where a loop adds to one entry after the other, from the first on,
what it adds is stored, and zeros behind it. Where products are added up, to be added to another array as a whole, they are added
to that one. Program -> Program, the same function but for the sign of a zero and the order of sums, and so for tangents and
cotangents alone. What is then written to no more is no buffer, and need not be made at all where loops fuse.
"""
import operator
from collections import Counter
from dataclasses import replace

import numpy as np
from numba import types

from . import infer
from .blas import add_product_of_rows
from .builder import Builder
from .program import (
    LOOSE,
    Const,
    Do,
    For,
    Get,
    Let,
    Set,
    Var,
    binds,
    filtered,
    inner,
    mapped,
    reads,
    rebuilt,
    substituted,
    variables,
    walk,
)
from .reuse import MAKERS
from .shapes import as_length, plus
from .uses import Uses, nested

WHOLE = (Const(Ellipsis),)
EMPTY = {np.zeros: np.empty, np.zeros_like: np.empty_like}


def without_zeros(program):
    """The program whose buffers begin as what is added to them first."""
    z = Zeros(program)
    return replace(program, body=z.block(program.body))


def without_clearing(program):
    """The program that sets no entry to zero which nothing reads any more."""
    z = Zeros(program)
    return replace(program, body=z.uncleared(program.body))


def without_first_sums(program):
    """The program whose loops store what they would add to zeros, one entry after the other."""
    z = Zeros(program)
    return replace(program, body=z.stored(program.body))


def without_copies(program):
    """The program that copies no array of its own that serves nothing else."""
    z = Zeros(program)
    body = z.uncopied(program.body)
    use = lambda v: z.copied.get(v, v)
    return replace(program, body=substituted(body, use), result=mapped(program.result, use)) if z.copied else program


def without_buffers_of_sums(program):
    """The program whose products are added up where their sum would be added as a whole."""
    z = Zeros(program)
    return replace(program, body=z.added(program.body))


class Zeros(Uses):
    """The buffers of one program."""

    def __init__(self, program):
        super().__init__(program)
        self.b, self.copied = Builder(), {}     # copied: a copy -> what it is one of, if that serves nothing else

    def block(self, block):
        block = [rebuilt(s, self.block) for s in block]
        for at, first, touched in self.buffers(block):
            if self.fills(block[first], block[at].out):
                self.begin(block, at, first, touched)
        return [s for s in block if s is not None]

    def buffers(self, block):
        """(where it is made, where touched first, what each statement touches) of the buffers that a block makes of zeros."""
        made = [k for k, s in enumerate(block) if isinstance(s, Let) and s.fn in EMPTY and not s.kw]
        touched = self.all_touched(block) if made else []
        for at in made:
            c = self.aliases.of(block[at].out)
            first = next((k for k in range(at + 1, len(block)) if c in touched[k]), None)
            if first is not None:
                yield at, first, touched

    def fills(self, s, buffer):
        """Does a statement add to each entry of a buffer that of another array of its kind?"""
        return isinstance(s, Set) and s.add == LOOSE and s.arr is buffer and s.index == WHOLE and infer.is_array(s.value) and (
            s.value.type == buffer.type and self.shapes.same(s.value, buffer))

    def begin(self, block, at, first, touched):
        """Let a buffer begin as what is added to it."""
        buffer, value = block[at].out, block[first].value
        made = next((k for k, s in enumerate(block[:first]) if isinstance(s, Let) and s.out is value), None)
        if made is not None and self.serves_alone(block[made], touched[made:first + 1], written=False):
            named = {value: buffer}
            block[made:first] = [s and substituted([s], lambda v: named.get(v, v))[0] for s in block[made:first]]
            block[made] = replace(block[made], out=buffer)
            block[first] = None
        else:
            block[first] = Let(buffer, np.copy, (value,), (), block[first].place)
        block[at] = None

    def serves_alone(self, made, touched, written):
        """Is an array made by a statement, written to or not, and all that is done with it done by some that touch this?"""
        c = self.aliases.of(made.out)
        return c not in self.lost and (c in self.aliases.written) == written and (
            (made.fn in MAKERS or self.shapes.elementwise(made)) and sum(t[c] for t in touched) == self.users[c])

    # ---- copies
    def uncopied(self, block):
        made, touched = [], Counter()
        for s in block:
            touched.update(c for t in walk([s]) for c in self.touched(t))
            s = rebuilt(s, self.uncopied)
            if isinstance(s, Let) and s.fn is np.copy and (old := self.copied.get(s.args[0], s.args[0])).type == s.out.type and (
                    (c := self.aliases.of(s.args[0])) not in self.theirs | self.kept) and touched[c] == self.users[c]:
                self.copied[s.out] = old
            else:
                made.append(s)
        return made

    # ---- what is set to zero for the last time
    def uncleared(self, block):
        block = [rebuilt(s, self.uncleared) for s in block]
        loops = any(isinstance(s, For) for s in block)
        touched = self.all_touched(block) if loops else []
        for made in [s for s in block if loops and isinstance(s, Let) and self.serves_alone(s, touched, written=True)]:
            c = self.aliases.of(made.out)
            at = max(k for k, own in enumerate(touched) if own[c])
            if isinstance(block[at], For) and (clearing := self.last_of(block[at], made.out, ())):
                block[at], = filtered([block[at]], lambda s, clearing=clearing: s is not clearing)
        return block

    def last_of(self, loop, array, counters):
        """The statement that sets to zero what the same iteration of a nest of loops has read, and no other iteration touches."""
        counters, c = (*counters, loop.var), self.aliases.of(array)
        using = [s for s in loop.body if any(c in self.touched(t) for t in walk([s]))]
        if len(using) == 1 and isinstance(using[0], For):
            return self.last_of(using[0], array, counters)
        own = all(isinstance(s, Get | Set) and s.arr is array and s.index == counters and reads(s).count(array) == 1
                  for s in using)
        s = using[-1]
        return s if own and isinstance(s, Set) and s.value == Const(0.0) and not s.add else None

    # ---- what a loop adds to zeros, one entry after the other
    def stored(self, block):
        block = [rebuilt(s, self.stored) for s in block]
        behind = {}                                 # position -> the loops that follow
        for at, first, touched in self.buffers(block):
            buffer, loop = block[at].out, block[first]
            alone = infer.rank_of(buffer) == 1 and touched[first][self.aliases.of(buffer)] == 1
            if alone and (sum := self.first_sum(loop, buffer)):
                with self.b.into(behind.setdefault(first, [])):
                    self.rest(loop, buffer)
                block[first] = replace(loop, body=[replace(t, add=False) if t is sum else t for t in loop.body])
                block[at] = replace(block[at], fn=EMPTY[block[at].fn])
        return [t for k, s in enumerate(block) for t in (s, *behind.get(k, ()))]

    def first_sum(self, loop, buffer):
        """The statement of a loop that adds to the entries of a buffer, from the first on or down to it; None if none does."""
        if not isinstance(loop, For) or loop.brk is not None or loop.parallel:
            return None
        if (loop.lo, loop.step) != (Const(0), Const(1)) and (loop.hi, loop.step) != (Const(-1), Const(-1)):
            return None
        sums = (s for s in loop.body if isinstance(s, Set) and s.add == LOOSE and s.arr is buffer and s.index == (loop.var,))
        return next(sums, None)

    def rest(self, loop, buffer):
        """Add the loop that sets to zero what is behind the entries that a loop has stored, if there is any."""
        up = loop.step == Const(1)
        form = plus(self.shapes.affine(loop.hi if up else loop.lo) or {}, {} if up else {1: 1})
        if self.shapes.of(buffer)[0] != {as_length(form)}:
            end = loop.hi if up else self.b.let(operator.add, loop.lo, Const(1))
            k, n = Var("k", types.intp), self.b.dim(buffer, 0)
            self.b.add(For(k, self.b.let(max, end, Const(0)), n, Const(1), [Set(buffer, (k,), Const(0.0))]))

    # ---- what is added up to be added
    def added(self, block):
        block = [rebuilt(s, self.added) for s in block]
        for at, _, touched in self.buffers(block):
            c = self.aliases.of(block[at].out)
            last = max(k for k, own in enumerate(touched) if own[c])
            if c not in self.lost | self.kept and (place := self.place_of_sum(block, at, last, touched)) is not None:
                block[at], block[last] = place, None
        return [s for s in block if s is not None]

    def place_of_sum(self, block, at, last, touched):
        """The statement that takes the part of an array to which a nest adds all of a buffer; None if it does something else, if
        the buffer is not one of products alone, or if the array, or which part it is, is not the same where that is made."""
        buffer, between = block[at].out, block[at + 1:last]
        nest, entry = nested(block[last])
        if len(entry) != 2 or not isinstance(entry[0], Get) or not isinstance(entry[1], Set) or entry[1].add != LOOSE:
            return None
        (get, total), counters = entry, tuple(s.var for s in nest)
        own, part = total.index[-len(nest):], total.index[:-len(nest)]
        axes = tuple(self.shapes.length(s.hi) for s in nest)
        whole = axes == self.shapes.of(buffer) == self.shapes.of(total.arr)[len(part):] and all(
            (s.lo, s.step) == (Const(0), Const(1)) for s in nest)
        if not (get.arr is buffer and get.index == own == counters and total.value is get.out and whole):
            return None
        if any(self.aliases.of(buffer) in self.touched(s) and not adds_product(s, buffer) for s in walk(between)):
            return None
        bound = {v for s in walk(between) for v in (*binds(s), *inner(s))} | set(counters)
        there = bound.isdisjoint((total.arr, *variables(*part))) and not any(
            own[self.aliases.of(total.arr)] for own in touched[at + 1:last])
        in_rows = part and not any(map(infer.rank_of, part)) and buffer.type.layout == total.arr.type.layout == "C"
        return Get(buffer, total.arr, part, block[at].place) if in_rows and there else None


def adds_product(s, buffer):
    """Does a statement add a product of matrices to a buffer?"""
    return isinstance(s, Do) and s.fn is add_product_of_rows and s.args[0] is buffer and buffer not in s.args[1:]
