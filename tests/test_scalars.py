"""Small arrays as numbers: which become numbers, which must not, and that the function stays the same to the last bit."""
import numpy as np
import pytest
from laws import check
from numba import njit

from toolkit import grad, jvp, source, value_and_grad, vjp

X = np.random.default_rng(0).uniform(0.5, 1.5, (4, 3))


def cross(x):
    s = 0.0
    for i in range(1, x.shape[0]):
        c = np.array((x[i, 1] * x[i - 1, 2], x[i, 2] * x[i - 1, 0], -x[i, 0] * x[i - 1, 1]))
        d = np.zeros(3)
        d[0] += c[1] * c[2]
        d[1] = c[0]
        d[2] = d[1] * d[0]
        d[2] -= c[2]
        s += d[2] * c[0] + d.shape[0]
    return s


def table(x):
    m = np.empty((2, 2))
    m[0, 0], m[0, 1] = x[0, 0], x[0, 1]
    m[1, 0], m[1, 1] = x[1, 0], x[1, 1]
    n = m.copy()
    n[0, 0] = m[1, 1] * 2.0
    return n[0, 0] * m[0, 0] - n[0, 1] * n[1, 0]


def singles(x):
    v = np.zeros(2, np.float32)
    v[0] = np.float32(x[0, 0])
    v[1] = v[0] * v[0]
    return x[0, 1] * v[1]


@pytest.mark.parametrize("fn", [cross, table, singles])
def test_small_arrays(fn):
    if fn is not singles:
        check(fn, (X,), (0,), compile=False, order=2)
        check(fn, (X,), (0,))
    text = source(jvp(fn), (X,), (X,))
    assert not any(make in text for make in ("np.empty", "np.zeros(", "np.zeros_like", "np.copy")), text
    for t in (value_and_grad(fn), value_and_grad(fn).py_func):
        assert t(X)[0] == njit(fn)(X)


def by_a_variable(x):
    v = np.zeros(3)
    for j in range(3):
        v[j] = x[0, j] ** 2
    return v[0] * v[1] + v[2]


def in_a_branch(x):
    v = np.zeros(2)
    v[0] = x[0, 0]
    if x[0, 1] > 1.0:
        v[1] = x[0, 1] * v[0]
    return v[0] + v[1] ** 2


def carried(x):
    v = np.ones(2)
    for i in range(x.shape[0]):
        w = np.empty(2)
        w[0], w[1] = v[1] * x[i, 0], v[0] + x[i, 1]
        v = w
    return v[0] * v[1]


def through_a_view(x):
    v = np.zeros(4)
    v[0], v[3] = x[0, 0], x[0, 1]
    w = v[::-1]
    w[1] = x[1, 1]
    return v[0] * w[0] * v[2]


def summed(x):
    v = np.empty(2)
    v[0], v[1] = x[0, 0], x[0, 1] ** 2
    return np.sum(v * v)


@pytest.mark.parametrize("fn", [by_a_variable, in_a_branch, carried, through_a_view, summed])
def test_arrays_that_are_arrays(fn):
    check(fn, (X,), (0,), compile=False, order=2)
    check(fn, (X,), (0,))
    assert "np.empty" in (text := source(value_and_grad(fn), X)) or "np.zeros(" in text, text


def pair(x):
    return np.array((x[0, 0] * x[0, 1], np.sqrt(x[1, 1])))


def test_what_escapes_is_an_array():
    out, (x_bar,) = vjp(pair)((X,), np.array((1.0, 0.0)))
    np.testing.assert_array_equal(out, pair(X))
    assert x_bar[0, 0] == X[0, 1]
    y, y_dot = jvp(pair)((X,), (X,))
    np.testing.assert_allclose(y_dot, [2.0 * y[0], 0.5 * y[1]])


def zero_times_infinity(x):
    """A primal zero is a number like others: times infinity it is none."""
    v = np.zeros(2)
    v[1] = x[0, 0]
    return v[0] * (np.inf * x[0, 1]) + v[1]


def test_zeros_of_the_function_are_numbers():
    for t in (value_and_grad(zero_times_infinity), value_and_grad(zero_times_infinity).py_func):
        with np.errstate(invalid="ignore"):
            assert np.isnan(t(X)[0])
            assert t(X)[1][0, 0] == 1.0 == grad(zero_times_infinity)(X)[0, 0]
