"""Entries of views are those of the arrays: which views vanish, which must not, and that numbers stay the same."""
import re

import numpy as np
import pytest
from laws import check

from toolkit import grad, jvp, source

X = np.random.default_rng(0).uniform(0.5, 1.5, (4, 3))
V = X.ravel().copy()
SLICE = re.compile(r"\[[^]]*:[^]]*\]")


def parts(v):
    a, b = v[:3], v[3:6]
    c = v[6:]
    return a[0] * b[1] - b[2] * a[1] + c[0] * c[-1] * c.shape[0]


def rows(x):
    s = 0.0
    for i in range(x.shape[0]):
        row = x[i]
        for j in range(row.size):
            s += row[j] * row[-1] * x.T[j].size
    return s


def written(x):
    y = x.copy()
    for i in range(1, y.shape[0]):
        row = y[i]
        for j in range(row.shape[0]):
            row[j] = row[j] * y[i - 1, j]
            row[0] += 0.1
    return np.sum(y)


def views_of_views(x):
    y = x[1:][0]
    z = x[:, 1:][2]
    return y[0] * z[1] + y[2] * x[3][1:][1]


@pytest.mark.parametrize("fn", [parts, rows, written, views_of_views])
def test_entries_of_views(fn):
    x = V if fn is parts else X
    check(fn, (x,), (0,), compile=False, order=2)
    check(fn, (x,), (0,))


def test_views_of_entries_vanish():
    assert not re.search(r"row(_bar)? = ", source(grad(rows), X))
    assert not re.search(r"row(_dot)? = ", source(jvp(written), (X,), (X,)))
    assert [len(SLICE.findall(source(t, *a))) for t, a in ((grad(parts), (V,)), (jvp(parts), ((V,), (V,))))] == [2, 2]   # c alone


def from_its_end(v):
    return v[1:4][-1] * v[2:][-2]


def steps(v):
    return v[::2][1] * v[::-1][0] * v[-3:][1]


def chosen(x, k):
    """Which of two views is read is not known."""
    row = x[0] if k > 0 else x[1]
    return row[0] * row[1]


def beyond(v, n):
    """Where the slice ends is not known."""
    w = v[1:n]
    return w[0] * w[1] * w.size


@pytest.mark.parametrize(("fn", "args"), [(from_its_end, (V,)), (steps, (V,)), (chosen, (X, 0)), (beyond, (V, 5))])
def test_views_that_count_from_their_own_ends_stay(fn, args):
    check(fn, args, (0,), compile=False, order=2)
    check(fn, args, (0,))
    text = source(grad(fn), *args)
    assert SLICE.search(text) or "row = " in text, text
