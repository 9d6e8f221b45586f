"""Tapes with places: what a loop leaves to its reverse lies where the loop's counters say, and is what a stack would give."""
import math

import numpy as np
import pytest
from laws import check
from test_dependence import same_gradient_without

from toolkit import fusion, grad, source

X = np.linspace(0.3, 1.1, 6)


def chain(x):
    y = 1.0
    for i in range(1, x.size):
        y = math.sin(y * x[i]) + x[i - 1]
    return y


def nest(x):
    s = 0.1
    for i in range(x.size - 1, 0, -1):              # down, and only over a part
        for j in range(2, x.size):
            s = math.exp(-s * x[i]) * x[j]
    return s


def followed_by_its_reverse(x):
    s = 0.0
    for i in range(x.size):
        v = x[i]
        for _ in range(3):
            v = math.tanh(v * v + x[0])
        s += v
    return s


@pytest.mark.parametrize(("fn", "axes"), [(chain, 1), (nest, 2), (followed_by_its_reverse, 1)])
@pytest.mark.parametrize("n", [0, 1, 2, 6])
def test_counters_say_where_a_value_lies(fn, axes, n):
    text = source(grad(fn), X)
    assert "_top" not in text
    assert f"np.empty({'(' * (axes > 1)}" in text
    check(fn, (X[:n],), (0,), compile=False)


def triangle(x):
    s = 0.1
    for i in range(x.size):
        for j in range(i):
            s = math.sin(s * x[i]) + x[j]
    return s


def until(x):
    s, i = 0.1, 0
    while s < 1.0:
        s = s + math.sin(s) * x[i % x.size]
        i += 1
    return s


def strides(x):
    s = 0.1
    for i in range(0, x.size, 2):
        s = math.sin(s * x[i])
    return s


@pytest.mark.parametrize("fn", [triangle, until, strides])
def test_other_tapes_are_stacks(fn):
    assert "_top" in source(grad(fn), X)
    check(fn, (X,), (0,), compile=False)


@pytest.mark.parametrize("seed", range(100, 140))
def test_random_nests_have_the_gradient_that_they_have_with_stacks(seed, monkeypatch):
    same_gradient_without(seed, monkeypatch, fusion, "placed", lambda program: program)
