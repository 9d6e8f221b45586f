"""Direct: an entry of a view is read and written as the entry of the array that it is, so that the view need not be made.

Program -> Program, the same function. `x[i][j]` becomes `x[i, j]`, and `x[3:6][1]` becomes `x[4]`: a view costs more than
arithmetic, since compiled code clips its ends and counts who refers to it.
"""
from dataclasses import replace

from . import infer
from .activity import is_view
from .builder import dim
from .program import Const, Get, Let, Set, Span, reads, rebuilt, variables, walk

NONE = (None, Const(None))
ALL = Span(None, None, None)


def without_views(program):
    """The program without the views of which only entries and lengths are taken."""
    views = {s.out: s for s in walk(program.body) if isinstance(s, Get) and is_view(s) and (
        infer.is_array(s.arr)) and is_plain(s.index)}
    users = {v: [] for v in views}
    for s in walk(program.body):
        for v in reads(s):
            if v in users:
                users[v].append(s)
    for v in variables(program.result):
        views.pop(v, None)
    before = None
    while before != len(views):
        before = len(views)
        views = {v: s for v, s in views.items() if all(is_served(t, v, views) for t in users[v])}
    return replace(program, body=Direct(views).block(program.body)) if views else program


def is_plain(index):
    """Is an index made of integers, and of slices by ones that begin at a constant?"""
    return all(i.step in (*NONE, Const(1)) and start(i) is not None if isinstance(i, Span) else infer.rank_of(i) == 0
               for i in index)


def start(i):
    """Where a slice begins, if that is a constant counted from the front."""
    lo = 0 if i.lo in NONE else getattr(i.lo, "value", None)
    return lo if type(lo) is int and lo >= 0 else None


def is_all(i):
    return start(i) == 0 and i.hi in NONE


def is_served(t, v, views):
    """Is what a statement does with a view done as well with the array itself?"""
    if isinstance(t, Let):
        return t.fn is dim and axis_of(views[v], t.args[1].value) is not None
    if not isinstance(t, Get | Set) or reads(t).count(v) != 1 or t.arr is not v:
        return False
    return t.out in views if isinstance(t, Get) and infer.is_array(t.out) else entry_of(views[v], t.index) is not None


def spelled(s):
    """The index of a view with a slice for each axis that it leaves out."""
    return (*s.index, *[ALL] * (infer.rank_of(s.arr) - len(s.index)))


def axis_of(s, k):
    """The axis of the array that is the k-th of its view; None if it is but a part of it."""
    n, i = [(n, i) for n, i in enumerate(spelled(s)) if isinstance(i, Span)][k]
    return n if is_all(i) else None


def entry_of(s, index):
    """Where in the array the entry of its view is; None where that is not an entry, or may count from the end of the view."""
    left, out = list(index), []
    if not all(not isinstance(i, Span) and infer.rank_of(i) == 0 for i in left) or len(left) != infer.rank_of(s.out):
        return None
    for i in spelled(s):
        if not isinstance(i, Span):
            out.append(i)
            continue
        k = left.pop(0)
        if not is_all(i):
            k = k.value if isinstance(k, Const) else -1
            if k < 0 or not (i.hi in NONE or (isinstance(i.hi, Const) and start(i) + k < i.hi.value)):
                return None
            k = Const(start(i) + k)
        out.append(k)
    return tuple(out)


class Direct:
    """Takes the place of views."""

    def __init__(self, views):
        self.views = views

    def block(self, block):
        return [self.statement(s) for s in block if not (isinstance(s, Get) and s.out in self.views)]

    def statement(self, s):
        if isinstance(s, Let) and s.fn is dim:
            while (view := self.views.get(s.args[0])) is not None:
                s = replace(s, args=(view.arr, Const(axis_of(view, s.args[1].value))))
        if isinstance(s, Get | Set):
            while (view := self.views.get(s.arr)) is not None:
                s = replace(s, arr=view.arr, index=entry_of(view, s.index))
        return rebuilt(s, self.block) if not hasattr(s, "test") else replace(s, test=self.block(s.test), body=self.block(s.body))
