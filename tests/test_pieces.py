"""Loops are cut where their branches compare the counter, and do the same; all other loops stay whole."""
import numba
import numpy as np
import pytest
from laws import check, from_text

from toolkit import grad, source, value_and_grad
from toolkit.emit import emit

X = np.random.default_rng(0).uniform(-1.0, 1.0, 6)
CONDITIONS = ["i + 1 < n", "i > 0", "i >= m", "i <= m", "i == n - 1", "i != m", "m - i > 1", "m == 2 - i", "3 >= i - m"]
RANGES = ["n", "1, n - 1", "n - 1, -1, -1", "n - 2, 0, -1", "m, n", "n, m", "n, m, -1"]


def in_a_range(condition, bounds):
    return from_text(f"""
def f(x, m):
    n = x.size
    s, last = 0.0, 0.5
    for i in range({bounds}):
        if {condition}:
            t = np.sin(x[i % n] * last)
        else:
            t = x[i % n] ** 2 - last
        s += t * t * (i + 20)
        last = t
    return s + last
""", "f")


def has_branch(text):
    return any(line.strip().startswith("if ") and "fits" not in line for line in text.splitlines())


@pytest.mark.parametrize("bounds", RANGES)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_pieces_are_the_same(condition, bounds):
    f = in_a_range(condition, bounds)
    gradient = value_and_grad(f)
    assert not has_branch(source(gradient, X, 1))
    for n in (1, 2, 6):
        for m in (-2, 0, 1, 3, 9):
            x = X[:n]
            value, bar = gradient.py_func(x, m)
            np.testing.assert_allclose(value, f(x, m), rtol=1e-12)
            steps = 1e-6 * np.eye(n)
            wanted = [(f(x + e, m) - f(x - e, m)) / 2e-6 for e in steps]
            np.testing.assert_allclose(bar, wanted, rtol=1e-5, atol=1e-5)


def neighbours(x):
    n, s = x.size, 0.0
    for k in range(n):
        d = (x[k + 1] if k + 1 < n else 0.0) - (x[k - 1] if k > 0 else 0.0)
        s += d**3
    return s


def of_a_value(x):
    s = 0.0
    for k in range(x.size):
        s += np.sin(x[k]) if x[k] > 0.1 else x[k] ** 2
    return s


def of_what_changes(x):
    m, s = 2, 0.0
    for k in range(x.size):
        if k < m:
            s += np.sin(x[k])
            m = m + k % 2
        else:
            s += x[k] ** 2
    return s


def left(x):
    s = 0.0
    for k in range(x.size):
        if k > 2:
            s += np.sin(x[k])
        if s > 3.0:
            break
    return s


def test_two_places_make_pieces_none_of_which_branches():
    text = source(grad(neighbours), X)
    assert text.count("** 2") == 3      # to a mass between the ends, to the first, to the last; one alone feels nothing
    assert text.count("if ") == text.count("if middle2 < middle:") == 1         # around what is collected
    for n in (0, 1, 2, 6):
        check(neighbours, (X[:n],), (0,))


@pytest.mark.parametrize("fn", [of_a_value, of_what_changes, left])
def test_other_loops_stay_whole(fn):
    assert has_branch(source(grad(fn), X))
    check(fn, (X,), (0,))


def rotated(x, steps):
    q = x * 1.0
    for t in range(steps):
        new = np.empty(q.size)
        for k in range(q.size):
            new[k] = np.sin(q[k]) + q[k - 1]
        q = q + 0.1 * new if t % 2 == 0 else q * new[0] + q[t % q.size]
    return np.sum(q * q) + q[0]


def one_side(x, steps):
    q, r = x * 2.0, x * x
    for t in range(steps):
        if t > 1:
            q = r * q[1]
        else:
            r = q + r[0]
    return q[0] * np.sum(r)


def parameter(x, steps):
    q = x
    for _ in range(steps):
        q = np.cos(q) * q[2] + x[0]
    return np.sum(q) + x[1]


@pytest.mark.parametrize("fn", [rotated, one_side, parameter])
def test_no_tape_keeps_the_cotangents_of_carried_arrays(fn):
    assert "bar_tape" not in source(grad(fn), X, 3)
    for steps in (0, 1, 2, 5):
        check(fn, (X, steps), (0,))
        check(fn, (X, steps), (0,), compile=False)


def running(x, steps):
    s, kept = 0.0, np.zeros((steps, x.size))
    for t in range(1, steps):
        for k in range(x.size):
            kept[t, k] = np.sin(kept[t - 1, k] * x[k])
            s += kept[t, k]
    return s


def test_the_counter_of_an_outer_loop_that_runs_down_is_signed():
    t = grad(running)
    text, _, _ = emit(t.final((numba.typeof(X), numba.typeof(3)), True), t.__name__)
    back = text[text.index("reverse sweep"):]
    assert "\x02t\x03" not in back
    assert "\x02k\x03" in back
    check(running, (X, 3), (0,))
