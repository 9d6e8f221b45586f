"""Masks: a loop of the reverse sweep that only passes on a cotangent which a mask may have put to zero runs where it did not.

Program -> Program, the same function: all that such a loop adds is a multiple of the cotangent, as is the reverse of the sum
behind `nearest = min(nearest, distance)`. Where the mask stops the cotangent nothing of it may arrive, not even 0 times infinity:
so says forward mode, whose tangent the same mask stops at the end of the way.
"""
import operator
from dataclasses import replace

import numpy as np

from . import infer, runtime
from .builder import draws
from .program import Const, For, Get, If, Let, Phi, Set, Var, rebuilt

ZERO = Const(0.0)
PRODUCTS = (operator.mul, np.multiply)
FACTORS = {operator.neg: 0, np.negative: 0, operator.truediv: 0, np.divide: 0, runtime.keep: 1}  # zero where this argument is
SUMS = (operator.add, runtime.plus)
DIFFERENCES = (operator.sub, runtime.minus)


def skipped(program):
    """The program with loops under the masks of what they pass on."""
    return replace(program, body=under_masks(program.body))


def under_masks(block):
    """A block whose loops stand under masks where they may."""
    stopped, made = {}, []                      # mask -> what values are where it stops the cotangent
    for s in block:
        s = rebuilt(s, under_masks)
        mask = next((m for m, values in stopped.items() if isinstance(s, For) and values.unchanged_by(s)), None)
        made.append(s if mask is None else under(mask, s))
        for values in stopped.values():
            values.after([s])
        if isinstance(s, Let) and s.fn is runtime.keep and isinstance(s.args[0], Var) and not infer.is_array(s.args[0]):
            stopped.setdefault(s.args[0], Values()).known[s.out] = ZERO
    return made


def under(mask, loop):
    """A loop that runs where a mask says so."""
    exits = [Var(c.exit.hint, c.exit.type) for c in loop.carries]
    carries = [replace(c, exit=e) for c, e in zip(loop.carries, exits)]
    return If(mask, [replace(loop, carries=carries)], [], [Phi(c.exit, e, c.init) for c, e in zip(loop.carries, exits)])


class Values:
    """Which values are zero, or the same as others, where some are zero."""

    def __init__(self):
        self.known = {}

    def of(self, atom):
        return ZERO if atom == ZERO else self.known.get(atom, atom)

    def unchanged_by(self, loop):
        """Does a loop nothing, and are the values that it carries the same after it?"""
        return self.after([loop]) and all(self.of(c.exit) == self.of(c.init) for c in loop.carries)

    def after(self, block):
        """Take note of what a block binds. Does it do nothing besides?"""
        return all([self.statement(s) for s in block])

    def statement(self, s):
        match s:
            case Let():
                self.known[s.out] = self.let(s)
                return not draws(s)
            case Get():
                return True
            case Set():
                return bool(s.add) and self.of(s.value) == ZERO
            case If():
                nothing = self.after(s.then) & self.after(s.orelse)
                for p in s.phis:
                    if self.of(p.then) == self.of(p.orelse):
                        self.known[p.out] = self.of(p.then)
                return nothing
            case For():
                return self.loop(s)
        return False

    def let(self, s):
        """What an operation gives: zero, an argument, or what is not known."""
        args = [self.of(a) if isinstance(a, (Var, Const)) else a for a in s.args]
        if infer.is_array(s.out):
            return s.out
        if (s.fn in PRODUCTS and ZERO in args) or (s.fn in FACTORS and args[FACTORS[s.fn]] == ZERO):
            return ZERO
        if s.fn in SUMS and ZERO in args:
            return args[args[0] == ZERO]
        if s.fn in DIFFERENCES and args[1] == ZERO:
            return args[0]
        return s.out

    def loop(self, s):
        """A carry is taken to stay as it was until an iteration is seen to change it."""
        same = list(s.carries)
        while True:
            for c in s.carries:
                self.known[c.head] = self.of(c.init) if c in same else c.head
            nothing = self.after(s.body)
            kept = [c for c in same if self.of(c.end) == self.of(c.init)]
            if kept == same:
                break
            same = kept
        for c in same:
            self.known[c.exit] = self.of(c.init)
        return nothing
