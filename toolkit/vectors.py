"""Which calls of exp, log, sin and their like are ours, of which LLVM makes vector code: those in innermost loops whose arguments
do not hang on the iteration before. In a chain of iterations Numba's own are faster, since it waits for each call. The largest
and the smallest entry of an array are ours everywhere.

`DUALTAPE_ELEMENTARY=off` leaves Numba's everywhere, and with them the function's values to the last bit.
"""
import math
import operator
import os
from dataclasses import replace

import numpy as np

from . import elementary, infer, runtime
from .activity import Aliases
from .program import For, Get, If, Let, Set, While, reads, rebuilt, variables, walk
from .registers import terms

OURS = {np.exp: elementary.exp, np.expm1: elementary.expm1, np.log: elementary.log, np.log1p: elementary.log1p,
        np.sinh: elementary.sinh, np.cosh: elementary.cosh, np.tanh: elementary.tanh, np.sin: elementary.sin,
        np.cos: elementary.cos, np.tan: elementary.tan, np.arctan: elementary.atan, np.power: elementary.pow,
        np.logaddexp: elementary.logaddexp, runtime.sigmoid: elementary.sigmoid, runtime.softplus: elementary.softplus}
OURS |= {getattr(math, f.__name__): ours for f, ours in OURS.items() if hasattr(math, f.__name__)}
OURS |= {math.atan: elementary.atan, math.erf: elementary.erf}
EXTREMES = {np.max: runtime.maximum, np.amax: runtime.maximum, np.min: runtime.minimum, np.amin: runtime.minimum}
SUMS = (operator.add, operator.sub, runtime.plus, runtime.minus)


def vectorised(program):
    """The program with our functions where they are the faster ones."""
    if os.environ.get("DUALTAPE_ELEMENTARY") == "off":
        return program
    aliases = Aliases(program)

    def block(statements):
        return [rebuilt(replace(s, body=with_ours(s, aliases)) if is_innermost(s) else extreme(s), block) for s in statements]
    return replace(program, body=block(program.body))


def extreme(s):
    """The largest or smallest entry of an array as vector code."""
    whole = isinstance(s, Let) and s.fn in EXTREMES and len(s.args) == 1 and not s.kw
    return replace(s, fn=EXTREMES[s.fn]) if whole else s


def is_innermost(s):
    """Is it a loop without loops or branches?"""
    return isinstance(s, For) and not any(isinstance(t, For | While | If) for t in walk(s.body))


def with_ours(loop, aliases):
    """The body of an innermost loop."""
    chained = {c.head for c in loop.carries if not terms(c, loop, SUMS)}
    written = {aliases.of(s.arr) for s in loop.body if isinstance(s, Set)}
    made = []
    for s in loop.body:
        if isinstance(s, (Let, Get)):
            waits = any(v in chained or (isinstance(s, Get) and infer.is_array(v) and aliases.of(v) in written) for v in reads(s))
            if waits:
                chained.add(s.out)
            elif isinstance(s, Let) and s.fn in OURS and not s.kw and not quick(s) and not infer.is_array(s.out):
                s = replace(s, fn=OURS[s.fn])
        made.append(s)
    return made


def quick(s):
    """Is it a power that LLVM makes products of?"""
    return s.fn is np.power and not variables(s.args[1])
