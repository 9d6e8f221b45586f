"""What is made twice of the same arrays is made once; only where nothing writes to them."""
import numpy as np
import pytest
from laws import check

from toolkit import grad, jvp, source

A = np.random.default_rng(0).uniform(-1.0, 1.0, (4, 4)) + 4.0 * np.eye(4)
SPD = A @ A.T


def by_a_rule_and_by_hand(a):
    return np.linalg.det(a) * np.sum(np.linalg.inv(a))


def twice(a):
    return np.sum((a @ a) * np.linalg.inv(a)) + np.sum(np.linalg.inv(a) @ (a @ a))


def in_a_loop(a):
    s = np.trace(np.linalg.inv(a))
    for _ in range(2):
        s = s * np.trace(np.linalg.inv(a))
    return s


@pytest.mark.parametrize("fn", [by_a_rule_and_by_hand, twice, in_a_loop])
def test_made_once(fn):
    check(fn, (SPD,), (0,), compile=False, order=2)
    check(fn, (SPD,), (0,))
    assert (text := source(jvp(fn), (SPD,), (SPD,))).count("np.linalg.inv(") == 1, text
    if fn is not in_a_loop:                     # there the inverse goes on a tape of arrays
        assert (text := source(grad(fn), SPD)).count("np.linalg.inv(") == 1, text


def written_between(a):
    b = a.copy()
    s = np.sum(np.linalg.inv(b))
    b[0, 0] *= 2.0
    return s * np.sum(np.linalg.inv(b))


def what_is_made_is_written(a):
    x = np.linalg.inv(a)
    y = np.linalg.inv(a)
    x[0, 1] = 0.0
    return np.sum(x * y)


def both_returned(a):
    return a @ a, a @ a


@pytest.mark.parametrize("fn", [written_between, what_is_made_is_written, both_returned])
def test_made_twice(fn):
    check(fn, (SPD,), (0,), compile=False)
    check(fn, (SPD,), (0,))
    (x, y), _ = jvp(both_returned)((SPD,), (SPD,))
    assert x is not y
    assert not np.shares_memory(x, y)
