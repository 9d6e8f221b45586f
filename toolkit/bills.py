"""Sums of costs: of parts one after the other, of branches, and of the iterations of a loop without going through them.
"""
import itertools
from collections import Counter
from fractions import Fraction

FEW = 8                         # iterations that are looked at one by one
DEPTH = 6                       # how often a loop whose iterations differ is halved


class Bill:
    """What a part of a program costs: amounts by kind, and under each stack the bytes that it gains; the most bytes that each
    stack holds meanwhile, over what it held before."""

    def __init__(self, amounts=(), peaks=()):
        self.amounts, self.peaks = Counter(amounts), dict(peaks)

    def add(self, **amounts):
        for kind, n in amounts.items():
            self.amounts[kind] += n

    def hold(self, stack, n):
        """A stack gains n bytes."""
        self.then(Bill({stack: n}, {stack: max(n, 0)}))

    def then(self, other):
        """This part, and another behind it."""
        for stack, n in other.peaks.items():
            self.peaks[stack] = max(self.peaks.get(stack, 0), self.amounts[stack] + n)
        for kind, n in other.amounts.items():
            self.amounts[kind] += n


def mixed(parts):
    """The sum of weighted bills: [(weight, bill), ..]; of their peaks the greatest."""
    out = Bill()
    for weight, bill in parts:
        for kind, n in bill.amounts.items():
            out.amounts[kind] += weight * n
        for stack, n in bill.peaks.items():
            out.peaks[stack] = max(out.peaks.get(stack, 0), n)
    return out


def total(at, lo, hi, irregular, depth=0):
    """The bill of the iterations lo to hi - 1 of a loop, at(k) being that of one.

    Two iterations that lie mirrored about the middle c cost together 2 (a + b (k - c)^2) where the cost is a polynomial of degree
    three or less, as it is in nests of loops with linear bounds. Two such pairs give a and b; where a third does not agree, the
    two ends are taken by themselves, and then halves. `irregular()` is told where that does not help.
    """
    n = hi - lo
    if n <= FEW:
        out = Bill()
        for k in range(lo, hi):
            out.then(at(k))
        return out
    half = Fraction(1, 2)
    pair = lambda k: mixed([(half, at(lo + k)), (half, at(hi - 1 - k))])
    square = lambda k: (Fraction(n - 1, 2) - k) ** 2
    first, second, third, (a, b, c) = pair(0), pair(n // 3), pair(n // 6), map(square, (0, n // 3, n // 6))

    def combined(where):
        """The mean over iterations whose squared distance from the middle is `where` in the mean."""
        share = Fraction(where - b, a - b)
        return mixed([(share, first), (1 - share, second)])

    agree = combined(c).amounts
    if all(agree[kind] == third.amounts[kind] for kind in {*agree, *third.amounts}) or depth == DEPTH:
        if depth == DEPTH:
            irregular()
        out = mixed([(n, combined(Fraction(n * n - 1, 12)))])
        last = at(hi - 1)
        for stack, peak in last.peaks.items():
            out.peaks[stack] = max(out.peaks[stack], out.amounts[stack] - last.amounts[stack] + peak)
        return out
    cuts = [lo, lo + 1, hi - 1, hi] if depth == 0 else [lo, (lo + hi) // 2, hi]
    out = Bill()
    for start, end in itertools.pairwise(cuts):
        out.then(total(at, start, end, irregular, depth + 1))
    return out
