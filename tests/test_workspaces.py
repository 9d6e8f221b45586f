"""Arrays that each iteration makes are made once before the loop, where that changes nothing."""
import re

import numba
import numpy as np
import pytest
from laws import check

from toolkit import grad, jvp, source, transform

V = np.linspace(-0.7, 0.9, 7)
M = np.cos(np.arange(49.0)).reshape(7, 7)


@numba.njit
def running(v):
    a, total = np.empty(v.size), 0.0
    for i in range(v.size):
        total = np.sin(total) + v[i]
        a[i] = total
    return a


def one_after_another(v, steps):
    s = 0.0
    for _ in range(steps):
        a = running(v)
        s += a[-1] * a[0]
        b = running(v * s)
        s += b[-1]
    return s


def together(v, steps):
    s = 0.0
    for _ in range(steps):
        a, b = running(v), running(v * v)
        s += np.sum(a * b)
    return s


def products(m, v, steps):
    for _ in range(steps):
        v = np.sin(m @ v + m.T @ (m @ v))
    return np.sum(v)


def filled_with_zeros(v, steps):
    s = 0.0
    for k in range(steps):
        a = np.zeros(v.size)
        for i in range(k, v.size):
            a[i] += v[i] * v[i - k]
        s += np.sum(a * a)
    return s


def inside(text):
    """The arrays that loops make."""
    return re.findall(r"^        +.*(?:np\.empty|np\.zeros|@)", text, re.MULTILINE)


def before(text):
    return re.findall(r"^    work\d* = ", text, re.MULTILINE)


@pytest.mark.parametrize(("fn", "args", "spaces", "own"), [
    (one_after_another, (V, 3), 3, 0), (together, (V, 3), 3, 0), (filled_with_zeros, (V, 3), 1, 0), (products, (M, V, 3), 6, 2)])
def test_arrays_that_do_not_live_together_share_one(fn, args, spaces, own):
    """Each sweep has its own; what a loop carries is made in it."""
    check(fn, args, tuple(k for k, a in enumerate(args) if isinstance(a, np.ndarray)))
    text = source(grad(fn), *args)
    assert len(before(text)) == spaces, text
    assert len(inside(text)) == own, text
    check(fn, (*args[:-1], 0), (0,))


def carried(v, steps):
    a = v
    for _ in range(steps):
        a = running(a * v)
    return np.sum(a * a)


def of_changing_length(v, steps):
    s = 0.0
    for k in range(steps):
        a = running(v[k:])
        s += np.sum(a * a)
    return s


def on_one_side(v, steps):
    s = 0.0
    for _ in range(steps):
        if s < 0.5:
            a = running(v)
            s += np.sum(a * a)
        else:
            s *= v[0]
    return s


def listed(v, steps):
    found, s = [], 0.0
    for k in range(steps):
        a = running(v * (1.0 + k))
        found.append(a)
    for a in found:
        s += a[-1] * a[0]
    return s


def returned(v, steps):
    a = v.copy()
    for _ in range(steps):
        a = running(v)
        a[0] *= v[1]
    return a


@pytest.mark.parametrize("fn", [carried, of_changing_length, on_one_side, listed, returned])
def test_what_lives_on_has_an_array_of_its_own(fn):
    check(fn, (V, 3), (0,))
    check(fn, (V, 0), (0,))


def of_less_than_nothing(v, steps):
    s = 0.0
    for _ in range(steps):
        a = np.empty(v.size - 2)
        for i in range(v.size - 2):
            a[i] = v[i] * v[i + 2]
        s += np.sum(a * a)
    return s


def test_a_loop_that_does_not_run_makes_no_array_of_a_negative_length():
    for n in (0, 1, 2, 5):
        check(of_less_than_nothing, (V[:n].copy(), 0), (0,))
    check(of_less_than_nothing, (V, 2), (0,))


def test_products_of_nothing_are_zeros():
    @numba.njit
    def f(m, v, steps):
        s = 0.0
        for _ in range(steps):
            w = m @ v
            for i in range(w.size):
                s += np.sin(w[i] + 1.0)
        return s
    assert "np.dot" in source(grad(f, (0, 1)), M, V, 2)
    for m, n in ((3, 0), (0, 3), (0, 0), (3, 2)):
        check(f, (M[:m, :n].copy(), V[:n].copy(), 2), (0, 1))


@pytest.mark.parametrize("fn", [
    one_after_another, together, products, filled_with_zeros, carried, of_changing_length, on_one_side])
def test_results_are_those_of_arrays_of_their_own_to_the_last_bit(fn, monkeypatch):
    args = (M, V, 3) if fn is products else (V, 3)
    value = grad(fn).py_func(*args)
    monkeypatch.setattr(transform, "in_workspaces", lambda program: program)
    other = type(fn)(fn.__code__, fn.__globals__, fn.__name__)
    np.testing.assert_array_equal(value, grad(other).py_func(*args))


@numba.njit(parallel=True)
def side_by_side(m):
    s = 0.0
    for k in numba.prange(m.shape[0]):
        a = np.empty(m.shape[1])
        for j in range(m.shape[1]):
            a[j] = m[k, j] * m[k, 0]
        for j in range(1, m.shape[1]):
            a[j] *= a[j - 1]
        s += np.sum(a * a)
    return s


def test_iterations_side_by_side_keep_their_own():
    """And no loop inside counts with the counter of the prange, which Numba refuses."""
    check(side_by_side, (M,), (0,))
    for derivative, args in ((grad(side_by_side), (M,)), (jvp(side_by_side), ((M,), (M,)))):
        text = source(derivative, *args)
        assert "prange" in text
        assert not before(text), text
