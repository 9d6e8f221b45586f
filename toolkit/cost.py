"""What a Program costs, before it runs: flops, bytes and tape, from the cards.

`cost(fn, *args)` interprets the integer part of a Program alone (`ahead.py`): lengths, trip counts, and the conditions that hang
on them. A loop is not run, so that a billion iterations take no longer than a hundred: some of them say what all cost, exactly
where that is a polynomial of degree three or less in their number, or several, one behind the other. What only a few iterations
in the middle of many do (`if i == 5000`) may be missed.

What no length decides is assumed, and `Cost.assumed` says where: a branch on data costs the mean of its sides; a loop that ends
by data runs `trips` times, and none is left early; a mask holds for every other entry.
Reference: Griewank & Walther, Evaluating Derivatives (2008), chapters 3 (a cost is a vector of moves, sums, products and
functions) and 4 (both modes are bounded by a multiple of it).
"""
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from . import infer, tape
from .ahead import Ahead, abstract
from .program import Var, leaves
from .transform import Transform, matched, program_of, types_of
from .work import FLOPS


@dataclass(frozen=True)
class Cost:
    """What one call costs. `flops` are weighed by the cards; `read`, `written` and `tape` are bytes; `amounts` count by kind (see
    work.py; besides, arrays that are `made`, their bytes, `fresh`, those `kept` on the tape and those `returned`; `loops` that
    are entered, their `iterations`, `branches` on data, `products`, `calls`); `assumed` says what is not known before the call.
    The tape is what its stacks hold at most, or have reserved; one whose length is not known when it is made takes up to twice
    as much as it grows."""
    flops: float
    read: float
    written: float
    tape: float
    amounts: Mapping = field(repr=False)
    assumed: tuple = ()

    @property
    def bytes(self):
        """Bytes read and written."""
        return self.read + self.written

    def seconds(self, rates):
        """The time that it takes where a unit of each kind takes `rates[kind]` seconds."""
        return sum(rates.get(kind, 0.0) * n for kind, n in self.amounts.items())


def cost(fn, *args, trips=10):
    """The Cost of `fn(*args)`, a function's or a transform's: `cost(grad(f), x).flops / cost(f, x).flops` is at most 4 to 5.

    Of a transform the program that is emitted is counted, with its loops fused; of a function, its text. `trips` is how often
    a loop runs that data ends. Flops are the cards' (an addition 1, a division 4, exp 20), of floats alone. Raises UsageError,
    Refusal. Griewank & Walther 2008, sections 3.1 and 4.
    """
    kinds = types_of("cost", args)
    if not isinstance(fn, Transform):
        return foretold(program_of(fn, kinds), args, trips)
    try:
        return foretold(fn.final(kinds, not fn.uneven), args, trips)
    except tape.Uneven:
        return foretold(fn.final(kinds), args, trips)


def foretold(program, args, trips=10):
    """The Cost of a program for some arguments."""
    ahead = Ahead(program, trips)
    ahead.env |= {v: abstract(x) for (_, p), a in zip(program.params, args) for v, x in matched(p, a) if isinstance(v, Var)}
    bill = ahead.block(program.body)
    bill.add(calls=1, returned=sum(isinstance(v, Var) and infer.is_array(v) for v in leaves(program.result)))
    plain = lambda n: int(n) if n == int(n) else float(n)
    amounts = {kind: plain(n) for kind, n in bill.amounts.items() if isinstance(kind, str)}
    tape = sum(max(n, ahead.rooms.get(stack, 0)) for stack, n in (dict.fromkeys(ahead.rooms, 0) | bill.peaks).items())
    return Cost(sum(amounts.get(k, 0) for k in FLOPS), amounts.get("read", 0), amounts.get("written", 0), plain(tape),
                MappingProxyType(amounts), tuple(dict.fromkeys(ahead.assumed)))


