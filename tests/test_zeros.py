"""Buffers begin as what is added to them first, and entries that are read for the last time are not set to zero; no others."""
import re

import numpy as np
import pytest
from laws import check

from toolkit import grad, source

X = np.linspace(0.5, 1.5, 12).reshape(4, 3)
V = np.linspace(-0.7, 0.9, 7)


def zeros(text):
    return len(re.findall(r"np\.zeros", text))


def cleared(text):
    return len(re.findall(r"\] = 0\.0$", text, re.MULTILINE))


def its_own_product(x):
    c = x - np.sum(x, axis=0) / x.shape[0]
    return np.sum(np.sin(c.T @ c))


def filled(v):
    """One step of a chain: the array is filled by a loop, and read by operations on the whole."""
    a = np.empty(v.size)
    for i in range(v.size):
        a[i] = np.sin(v[i]) * v[0]
    return np.sum(np.exp(a) * a)


def filled_twice(v):
    """The same cotangent arrives at two buffers."""
    a, b = np.empty(v.size), np.empty(v.size)
    for i in range(v.size):
        a[i] = np.sin(v[i])
        b[i] = v[i] * v[i]
    return np.sum(np.exp(a + b))


@pytest.mark.parametrize(("fn", "args", "left"), [(its_own_product, (X,), 2), (filled, (V,), 1), (filled_twice, (V,), 1)])
def test_no_zeros_are_made(fn, args, left):
    """What is left are sums of columns, and the buffer to which a loop adds entry by entry."""
    check(fn, args, (0,), order=2)
    text = source(grad(fn), *args)
    assert zeros(text) == left, text
    assert cleared(text) == 0, text


def overwritten(v):
    """Each entry is written twice, so that the cotangent of what was there first is zero."""
    a = np.sin(v)
    for i in range(v.size):
        a[i] = a[i] * v[i]
    for i in range(v.size - 1):
        a[i] = a[i] * a[i + 1]
    return np.sum(a * a)


def read_by_the_next(v):
    """An entry is read again by the iteration after the one that has overwritten it."""
    a = np.empty(v.size + 1)
    a[0] = v[0]
    for i in range(v.size):
        a[i + 1] = a[i] * np.cos(v[i])
        a[i] = v[i]
    return np.sum(a * a) + a[-1]


def read_once_more(v):
    """The buffer serves a sum after the loop that has filled it, and another loop."""
    a = np.empty(v.size)
    for i in range(v.size):
        a[i] = v[i] * v[i]
    s = np.sum(a * v)
    for i in range(v.size):
        s += a[i] * np.sin(v[i])
        a[i] = s
    return s + np.sum(a)


def in_rows(x):
    """The buffer is indexed by one of two counters."""
    row, s = np.empty(x.shape[1]), 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            row[j] = x[i, j] * x[i, 0]
        for j in range(x.shape[1]):
            s += np.sin(row[j]) * row[0]
    return s


def through_a_view(x):
    """A part of the buffer has a name of its own when the whole is added to it."""
    a = x * x
    top = a[0]
    top[:] = np.sin(top) * a[1]
    return np.sum(a * x) + np.sum(top)


def broadcast(x):
    """What is added first has the length 1 along an axis."""
    a = np.empty((4, 3))
    a[:] = x[:1] * np.sum(x)
    return np.sum(a * x) + np.sum(a)


@pytest.mark.parametrize(("fn", "args"), [(overwritten, (V,)), (read_by_the_next, (V,)), (read_once_more, (V,)),
                                              (in_rows, (X,)), (through_a_view, (X,)), (broadcast, (X,))])
def test_zeros_that_are_needed_stay(fn, args):
    check(fn, args, (0,), order=2)
