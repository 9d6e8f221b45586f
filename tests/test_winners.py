"""Of a loop that keeps the least or greatest, the iteration that won is differentiated; only where that is the same."""
import math
import re

import numpy as np
import pytest
from laws import check

from toolkit import grad, hvp, jvp, source, value_and_grad

X = np.random.default_rng(0).uniform(0.5, 1.5, (4, 3))
C = np.array([0.4, 1.0, 1.3, 0.7])


def nearest(x, c):
    s = 0.0
    for i in range(x.shape[0]):
        best = np.inf
        for k in range(c.size):
            d = 0.0
            for j in range(x.shape[1]):
                d += (x[i, j] - c[k]) ** 2
            best = min(best, d)
        s += best ** 2
    return s


def farthest_backwards(x, c):
    best = -1.0
    for k in range(c.size - 1, -1, -1):
        best = max(np.sum((x[:, 0] - c[k]) ** 2), best)
    return np.sin(best)


def by_branch(x, c):
    """What wins, where, and what else comes with it."""
    best, weight, at = c[0] * 9.0, c[1], -1
    for k in range(0, x.shape[0], 2):
        d = math.exp(x[k, 0]) * c[k]
        if d < best:
            best, at = d, k
            weight = x[k, 1] * d
    return best * weight + x[at, 2]


def what_has_not_lost(x, c):
    best = x[0, 0] * 0.1
    for k in range(c.size):
        d = c[k] * x[k, 1]
        if best >= d:
            pass
        else:
            best = d
    return best * best


def of_no_iterations(x, c):
    best = x[0, 0]
    for k in range(c.size - 4):
        best = min(best, c[k])
    return best * c[0]


def nearest_of_all(x, c):
    """Two loops hand one minimum on."""
    best = 100.0
    for i in range(x.shape[0]):
        for k in range(c.size):
            best = min(best, (x[i, 0] - c[k]) ** 2 + x[i, 1])
    return best


def with_a_branch_inside(x, c):
    best = np.inf
    for k in range(c.size):
        d = 0.0
        if c[k] > 0.9:
            d = np.sin(x[k, 0]) * c[k]
        elif c[k] > 0.6:
            d = x[k, 1] ** 3
        best = min(best, d)
    return best


SINGLED_OUT = [nearest, farthest_backwards, by_branch, what_has_not_lost, of_no_iterations, nearest_of_all, with_a_branch_inside]


@pytest.mark.parametrize("fn", SINGLED_OUT)
def test_winners(fn):
    for scale in (0.3, 2.0):
        check(fn, (scale * X, C), (0, 1), compile=False, order=2)
    check(fn, (X, C), (0, 1))
    assert "chosen" in source(grad(fn), X, C)
    assert {*re.findall(r"(\w+)_tape =", source(grad(fn, (0, 1)), X, C))} <= {"chosen"}
    value = fn(X, C)
    assert value_and_grad(fn).py_func(X, C)[0] == jvp(fn).py_func((X, C), (X, C))[0] == value


def second_best(x, c):
    """What lost goes on elsewhere."""
    best, second = np.inf, np.inf
    for k in range(c.size):
        d = c[k] * x[k, 0]
        if d < best:
            second = best
            best = d
        elif d < second:
            second = d
    return best * second


def summed_besides(x, c):
    best, s = np.inf, 0.0
    for k in range(c.size):
        d = (x[k, 0] - c[k]) ** 2
        best = min(best, d)
        s += d
    return best + s


def all_that_led(x, c):
    """The record so far is summed in the loop."""
    best, s = np.inf, 0.0
    for k in range(c.size):
        best = min(best, c[k] * x[k, 1])
        s += best
    return best * s


def made_of_the_one_before(x, c):
    best, v = np.inf, 1.0
    for k in range(c.size):
        v = v * x[k, 0] - c[k] * 0.3
        best = min(best, v)
    return best


def written_meanwhile(x, c):
    y = c.copy()
    best = np.inf
    for k in range(1, c.size):
        y[k] = y[k - 1] * x[k, 0]
        best = min(best, y[k])
    return best


def in_an_array_of_its_own(x, c):
    best = np.inf
    for k in range(c.size):
        r = np.empty(3)
        for j in range(3):
            r[j] = x[k, j] - c[k]
        best = min(best, r[0] ** 2 + r[1] * r[2])
    return best


def until_it_is_found(x, c):
    best = np.inf
    for k in range(c.size):
        best = min(best, c[k] * x[k, 0])
        if best < 0.5:
            break
    return best


@pytest.mark.parametrize("fn", [second_best, summed_besides, all_that_led, made_of_the_one_before, written_meanwhile,
                                in_an_array_of_its_own, until_it_is_found])
def test_loops_of_which_more_counts_are_left(fn):
    check(fn, (X, C), (0, 1), compile=False, order=2)
    assert "chosen" not in source(grad(fn), X, C)


def least(x, first):
    best = first
    for k in range(x.size):
        best = min(best, x[k])
    return best


def least_last(x, first):
    best = first
    for k in range(x.size):
        best = min(x[k], best)
    return best


@pytest.mark.parametrize(("fn", "x", "first", "expected"), [
    (least, [2.0, 1.0, 1.0], np.inf, ([0.0, 1.0, 0.0], 0.0)),               # a tie: the first argument of min
    (least_last, [2.0, 1.0, 1.0], np.inf, ([0.0, 0.0, 1.0], 0.0)),
    (least, [2.0, np.nan, 1.0], np.inf, ([0.0, 0.0, 1.0], 0.0)),            # not a number: as min takes it
    (least_last, [2.0, 1.0, np.nan], np.inf, ([0.0, 0.0, 1.0], 0.0)),
    (least, [2.0, 3.0], 1.0, ([0.0, 0.0], 1.0)),                            # what it was at first
    (least, [], 1.0, ([], 1.0))])
def test_ties_and_what_is_no_number(fn, x, first, expected):
    x = np.array(x)
    for g in (grad(fn, (0, 1)), grad(fn, (0, 1)).py_func):
        np.testing.assert_array_equal(g(x, first)[0], expected[0])
        assert g(x, first)[1] == expected[1]
    for j in (jvp(fn), jvp(fn).py_func):
        for k in range(x.size):
            assert j((x, first), (np.eye(x.size)[k], 0.0))[1] == expected[0][k]
        assert j((x, first), (np.zeros(x.size), 1.0))[1] == expected[1]


def test_singles_stay_single():
    x = X.astype(np.float32)
    out = value_and_grad(nearest)(x, C.astype(np.float32))
    assert out[1].dtype == np.float32


def test_the_product_with_the_hessian():
    v = np.ones_like(C)
    np.testing.assert_allclose(hvp(nearest, 1)(X, C, v), (grad(nearest, 1)(X, C + 1e-6) - grad(nearest, 1)(X, C - 1e-6)) / 2e-6,
                               rtol=1e-6, atol=1e-6)
