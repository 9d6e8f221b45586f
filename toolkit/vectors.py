"""Which calls of exp, log, sin and their like are ours, of which LLVM makes vector code: those in innermost loops whose arguments
do not hang on the iteration before. In a chain of iterations Numba's own are faster, since it waits for each call.

`DUALTAPE_ELEMENTARY=off` leaves Numba's everywhere, and with them the function's values to the last bit.
"""
import math
import operator
import os
from collections import Counter
from dataclasses import replace

import numpy as np

from . import elementary, infer, runtime
from .activity import Aliases
from .program import For, Get, If, Let, Set, While, reads, variables, walk

OURS = {np.exp: elementary.exp, np.expm1: elementary.expm1, np.log: elementary.log, np.log1p: elementary.log1p,
        np.sinh: elementary.sinh, np.cosh: elementary.cosh, np.tanh: elementary.tanh, np.sin: elementary.sin,
        np.cos: elementary.cos, np.tan: elementary.tan, np.arctan: elementary.atan, np.power: elementary.pow,
        runtime.sigmoid: elementary.sigmoid, runtime.softplus: elementary.softplus}
OURS |= {getattr(math, f.__name__): ours for f, ours in OURS.items() if hasattr(math, f.__name__)}
OURS |= {math.atan: elementary.atan, math.erf: elementary.erf}
SUMS = (operator.add, operator.sub, runtime.plus, runtime.minus)


def vectorised(program):
    """The program with our functions where they are the faster ones."""
    if os.environ.get("DUALTAPE_ELEMENTARY") == "off":
        return program
    aliases = Aliases(program)

    def block(statements):
        return [rebuilt(s) for s in statements]

    def rebuilt(s):
        match s:
            case For() if not any(isinstance(t, (For, While, If)) for t in walk(s.body)):
                return replace(s, body=with_ours(s, aliases))
            case For() | While():
                return replace(s, body=block(s.body))
            case If():
                return replace(s, then=block(s.then), orelse=block(s.orelse))
        return s
    return replace(program, body=block(program.body))


def with_ours(loop, aliases):
    """The body of an innermost loop."""
    used = Counter(v for s in loop.body for v in reads(s))
    used.update(v for c in loop.carries for v in variables(c.end))
    chained = {c.head for c in loop.carries if not is_sum(c, loop, used)}
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


def is_sum(c, loop, used):
    """Is all that a value takes from the iteration before what has been summed?"""
    made = next((s for s in loop.body if isinstance(s, Let) and s.out is c.end), None)
    return made is not None and made.fn in SUMS and made.args[0] is c.head and used[c.head] == 1


def quick(s):
    """Is it a power that LLVM makes products of?"""
    return s.fn is np.power and not variables(s.args[1])
