"""Places: a tape becomes an array where the counters of loops say which of its entries an iteration has.

    t_tape[t_tape_top] = t; t_tape_top += 1      becomes      t_tape[i - 1, j - 1] = t

Program -> Program, the same function. The iterations of such loops may then run in any order, or at one time, as far as the tape
is concerned. A value has a place if it is pushed and popped once in each iteration of two nests of loops that go over the same
numbers, one backwards, and whose lengths are known where the tape is made. All other tapes stay stacks.
"""
import operator
from dataclasses import replace

from numba import types

from . import infer
from .activity import Aliases
from .builder import Builder, dim, kept
from .dependence import Dependence, plus
from .loop_order import after
from .program import (
    Const,
    For,
    Get,
    If,
    Let,
    NewStack,
    Pop,
    Push,
    Reserve,
    Set,
    Tup,
    Var,
    binds,
    blocks,
    inner,
    rebuilt,
    variables,
)
from .shapes import Shapes

ONE, BACK = Const(1), Const(-1)


def placed(program):
    """The program with arrays for those of its tapes whose values have places."""
    return replace(program, body=Places(program).block(program.body))


class Tapes:
    """The tapes of a program, and the loops around what uses them."""

    def __init__(self, program):
        self.b, self.dependence = Builder(), Dependence(program, Aliases(program), Shapes(program))
        self.uses, self.at, self.bound = {}, {}, {}     # of stacks; of statements and names: (number, what is around it)
        for v in variables(*(p for _, p in program.params)):
            self.bound[v] = 0, ()
        self.scan(program.body, ())

    def scan(self, block, path):
        for s in block:
            self.at[s] = len(self.at), path
            self.bound |= dict.fromkeys(binds(s), self.at[s]) | dict.fromkeys(inner(s), (len(self.at), (*path, s)))
            if isinstance(s, NewStack | Push | Pop | Reserve):
                self.uses.setdefault(s.stack, []).append(s)
            for b in blocks(s):
                self.scan(b, (*path, s))

    def known(self, v, s):
        """Is a name bound when a statement runs?"""
        (number, path), (now, around) = self.bound[v], self.at[s]
        return (number < now and around[:len(path)] == path) or (not number and not path)

    def mirror(self, s, t):
        """Do two loops go over the same numbers, the one backwards?"""
        if not (isinstance(s, For) and isinstance(t, For)) or s.brk is not None or t.brk is not None:
            return False
        if {s.step, t.step} != {ONE, BACK}:
            return False
        up, down = (s, t) if s.step == ONE else (t, s)
        lo, hi, last, end = map(self.dependence.form, (up.lo, up.hi, down.lo, down.hi))
        return None not in (lo, hi, last, end) and last == plus(hi, {1: -1}) and end == plus(lo, {1: -1})

    def length(self, first, stop):
        """max(stop - first, 0)"""
        made = self.dependence.made.get(stop)
        if first == Const(0) and getattr(made, "fn", None) is dim:
            return stop
        return self.b.let(max, stop if first == Const(0) else self.b.let(operator.sub, stop, first), Const(0))


class Places(Tapes):
    """The tapes that become arrays of their own."""

    def __init__(self, program):
        super().__init__(program)
        self.nests, self.hosts = {}, {}                 # stack -> see `nest`; parallel loop -> stacks of each of its iterations
        for stack in self.uses:
            if (nest := self.nest(stack)) is not None:
                self.nests[stack] = nest
        self.tapes, self.firsts = {}, {}                # stack -> array; ... -> the first number of each counter

    # ---- which tapes
    def nest(self, stack):
        """{statement: the loops whose counters say its place} of a stack; None if they do not."""
        if list(map(type, self.uses[stack])) != [NewStack, Push, Pop] or infer.is_array(stack.type):
            return None
        made, push, pop = self.uses[stack]
        paths = self.at[push][1], self.at[pop][1]
        common = sum(a is b for a, b in zip(*paths))
        there, back = (path[common:] for path in paths)
        if made.count == Const(0) or len(there) != len(back) or not there or not all(map(self.mirror, there, back)):
            return None
        if not all(self.known(v, made) for s in there for v in variables(s.lo, s.hi)):
            return None
        around = [s for s in paths[0][:common] if getattr(s, "parallel", False)]
        if around:
            self.hosts.setdefault(around[-1], []).append(stack)
        return {push: there, pop: back}

    # ---- what becomes of them
    def block(self, block):
        with self.b.into([]) as made:
            for s in block:
                match s:
                    case NewStack(stack) if stack in self.nests:
                        if not any(stack in those for those in self.hosts.values()):
                            self.make(stack)
                    case For() if s in self.hosts:
                        with self.b.into([]) as first:
                            for stack in self.hosts[s]:
                                self.make(stack)
                        self.b.add(replace(s, body=[*first, *self.block(s.body)]))
                    case Push(stack, value) if stack in self.nests:
                        self.b.add(Set(self.tapes[stack], self.place(s), value))
                    case Pop(out, stack) if stack in self.nests:
                        self.b.add(Get(out, self.tapes[stack], self.place(s)))
                    case If() if s.tapes:
                        kept = () if any(t in self.nests for t in s.tapes) else s.tapes
                        made.append(replace(s, then=self.block(s.then), orelse=self.block(s.orelse), tapes=kept))
                    case _:
                        made.append(rebuilt(s, self.block))
        return made

    def make(self, stack):
        """Add the array of a tape, with an axis for each loop."""
        (there, _), shape = self.nests[stack].values(), []
        firsts = self.firsts[stack] = []
        for s in there:
            first, stop = (s.lo, s.hi) if s.step == ONE else (after(self.b, self.dependence.made, a) for a in (s.hi, s.lo))
            firsts.append(first)
            shape.append(self.length(first, stop))
        self.tapes[stack] = out = Var(stack.hint, types.Array(stack.type, len(shape), "C"))
        lengths = Tup(tuple(shape)) if len(shape) > 1 else shape[0]
        self.b.add(Let(out, kept, (lengths, Const(infer.numpy_type(stack.type))), (), self.b.place))

    def place(self, s):
        """The index that the counters say."""
        nest = self.nests[s.stack][s]
        return tuple(loop.var if first == Const(0) else self.b.let(operator.sub, loop.var, first)
                     for loop, first in zip(nest, self.firsts[s.stack]))
