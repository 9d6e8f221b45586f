"""Reverse loops that run forwards, and those that must not."""
import re

import numpy as np
import pytest
from laws import check
from test_dependence import same_gradient_without

from toolkit import fusion, grad, source, value_and_grad

M = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 5))
BACKWARDS = re.compile(r"for \w+ in range\(.*, -1\):")


def products(a, x):
    y = np.zeros(5)
    for i in range(5):
        for j in range(5):
            y[i] += a[i, j] * x[j]
    return np.sum(y * y)


def shifted(a, x):
    y = np.zeros(6)
    for i in range(5):
        y[i + 1] = x[i] ** 2 * a[0, i]
    return np.sum(y) ** 2


def by_tens(x, at):
    h = np.zeros(3)
    for i in range(x.size):
        h[at[i]] += x[i] ** 2
    return np.sum(h * h)


@pytest.mark.parametrize(("fn", "args"), [
    (products, (M, M[0])), (shifted, (M, M[0])), (by_tens, (M[0], np.array([2, 0, 1, 1, 0])))])
def test_what_only_accumulates_runs_forwards(fn, args):
    *_, innermost = (line for line in source(grad(fn), *args).splitlines() if " for " in line)
    assert not BACKWARDS.search(innermost)
    check(fn, args, (0,))


def recursive(x):
    y = x.copy()
    for i in range(1, 5):
        y[i] += 0.5 * y[i - 1]
    return np.sum(y * y)


def carried(x):
    s = 1.0
    for i in range(5):
        s = 0.5 * s + x[i]
    return s * s


def overwritten(x, at):
    y = np.zeros(3)
    for i in range(5):
        y[at[i]] = x[i]                 # of two that go to one place the later one stays
    return np.sum(y * y)


@pytest.mark.parametrize(("fn", "args"), [
    (recursive, (M[0],)), (carried, (M[0],)), (overwritten, (M[0], np.array([2, 0, 1, 1, 0])))])
def test_iterations_that_hang_together_stay_in_order(fn, args):
    assert BACKWARDS.search(source(grad(fn), *args))
    check(fn, args, (0,))


def test_the_users_own_sums_keep_their_order():
    def backwards(x, at):
        h = np.zeros(2)
        for i in range(x.size - 1, -1, -1):
            h[at[i]] += x[i]
        return h[0] * h[1]

    x, at = np.array([1e16, 1.0, 1.0, -1e16, 3.0, 4.0]), np.array([0, 0, 0, 0, 1, 1])
    assert value_and_grad(backwards)(x, at)[0] == backwards(x, at)


@pytest.mark.parametrize("seed", range(60, 100))
def test_random_nests_have_the_gradient_that_they_have_backwards(seed, monkeypatch):
    same_gradient_without(seed, monkeypatch, fusion, "forwards", lambda program: program)
