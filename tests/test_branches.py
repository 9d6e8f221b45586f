"""What a branch computed is taken by a later one on the same condition; only where it is the same."""
import math

import numpy as np
import pytest
from laws import check

from toolkit import grad, source

X = np.random.default_rng(0).uniform(0.5, 1.5, 4)


def turned(x, k):
    y = x[0]
    if x[1] > k:
        theta = math.sqrt(x[0] * x[1])
        y = math.cos(theta) * x[2] + math.sin(theta) * x[3]
    else:
        y = np.exp(x[2]) / x[3]
    return y * y


def in_a_loop(x, k):
    s = 0.0
    for i in range(x.size):
        if x[i] > k:
            s += math.sin(x[i]) / x[0]
        else:
            s += x[i] ** 2
    return s


def changed_between(x, k):
    """The same words, other numbers: an array is written between the branches."""
    y = x.copy()
    s = 0.0
    if k < 1.0:
        s += math.cos(y[0])
    y[0] = x[1]
    if k < 1.0:
        s *= math.cos(y[0])
    return s


def other_side(x, k):
    y = 0.0
    if x[0] > k:
        y = math.cos(x[1])
    if x[0] > k:
        y += x[2]
    else:
        y = math.cos(x[1]) * x[3]
    return y


def of_another_condition(x, k):
    """On one side of a branch y is x[1], but not where its cosine is taken."""
    z, y = x[0] * x[1], 0.0
    s = 0.0
    if k > 1.0:
        y = x[2] + x[3]
        s = math.cos(y)
    else:
        y = z
        s = math.sin(y)
    if k > 1.0:
        s *= math.cos(y)
    else:
        s *= math.sin(y)
    if x[0] > 0.1:
        s += math.cos(y)
    if x[0] > 0.1:
        s *= math.cos(z)
    return s


@pytest.mark.parametrize("k", [0.0, 2.0])
@pytest.mark.parametrize("fn", [turned, in_a_loop, changed_between, other_side, of_another_condition])
def test_branches(fn, k):
    check(fn, (X, k), (0,), compile=False, order=2)
    check(fn, (X, k), (0,))


def test_costly_numbers_are_computed_once():
    text = source(grad(turned), X, 0.0)
    for call in ("cos(", "sin(", "sqrt(", "exp("):
        assert text.count(call) == 1, text


def greatest_on_one_side(x, c):
    return c if c > 0.0 else np.max(x) * c


def greatest_in_turn(x, c):
    s = 0.0
    for k in range(3):
        y = np.sin(x) * c
        if k % 2:
            s += np.max(x)
        elif c < 0.0:
            s += np.min(y) * np.max(x[1:])
    return s * np.max(x)


@pytest.mark.parametrize("c", [-0.7, 0.7])
@pytest.mark.parametrize("fn", [greatest_on_one_side, greatest_in_turn])
def test_a_cotangent_that_one_side_alone_has_at_one_place(fn, c):
    x = np.array([0.3, -0.4, 0.9, 0.1])
    check(fn, (x, c), (0, 1), compile=False)
    check(fn, (x, c), (0, 1))


def with_roots(x, k):
    """What a branch made is used behind it, and by its own derivative."""
    s = v = 0.0
    for i in range(x.size):
        v += x[i] - k
        root = math.sqrt(v * x[0]) if v > 0.0 else 0.0
        s += root * x[i]
    return s


@pytest.mark.parametrize("k", [0.2, 1.1])
def test_what_a_branch_made_has_its_name_behind_it(k):
    check(with_roots, (X, k), (0,))
    assert source(grad(with_roots), X, k).count("sqrt(") == 1
