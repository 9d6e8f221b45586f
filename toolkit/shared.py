"""Shared: what a function of linear algebra made of the same arrays is made once.

Program -> Program, the same function. Two statements of one block, or of a block inside it, that apply one function of the
catalogue to the same arrays (an inverse that a derivative takes from both sides, a product that both sweeps take) are one where
nothing writes to these arrays or to what is made. Elementwise operations are left: loops over them are fused instead.
"""
from dataclasses import replace

from . import infer
from .activity import Aliases
from .primitive import DRAWS, FLAT, VIEWS, lookup
from .program import Let, blocks, filtered, substituted, variables


def made_once(program):
    """The program with what is made twice made once."""
    aliases, same = Aliases(program), {}
    results = set(variables(program.result))

    def key(s):
        """What makes two statements the same; None if they need not be."""
        if not isinstance(s, Let) or not infer.is_array(s.out) or s.kw or s.out in results or any(
                infer.rank_of(a) is None for a in s.args):
            return None
        view = s.fn in VIEWS
        card = lookup(s.fn, tuple(map(infer.rank_of, s.args)))
        if not view and (card is None or card.elementwise or s.fn in FLAT or s.fn in DRAWS):
            return None
        if any(aliases.mutable(v) or aliases.of(v) in aliases.carried for v in (s.out, *variables(*s.args)) if infer.is_array(v)):
            return None
        return (s.fn, *(same.get(a, a) for a in s.args))

    def scan(block, known):
        known = dict(known)
        for s in block:
            if (k := key(s)) is not None:
                if k in known:
                    same[s.out] = known[k]
                else:
                    known[k] = s.out
            for inner in blocks(s):
                scan(inner, known)

    scan(program.body, {})
    if not same:
        return program
    body = filtered(program.body, lambda s: not (isinstance(s, Let) and s.out in same))
    return replace(program, body=substituted(body, lambda v: same.get(v, v)))
