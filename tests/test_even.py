"""Lengths that are taken to be equal: required at the entry, and right where they are not."""
import re

import numpy as np
import pytest
from laws import check
from numba import njit

from toolkit import grad, jvp, source, value_and_grad, vjp


def draw(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def layer(x, w, b):
    return np.sum(np.tanh(x @ w + b) * b)


def recurrent(w, u, b, rows):
    n = u.shape[1]
    state, cell, total = np.zeros(n), np.zeros(n), 0.0
    for t in range(rows.shape[0]):
        z = w @ rows[t] + u @ state + b
        cell = np.tanh(z[:n]) * cell + z[n:]
        state = np.sin(cell)
        total += np.sum(state * b[:n])
    return total


def rebound(x, y, n):
    z = x * 2.0
    for k in range(n):
        z = z * y                                       # the first round may broadcast: from then on it is longer
        if k == 1:
            z = np.sin(z) + x
    return np.sum(z * z)


def shrinks(x, n):
    z = x * x
    for _ in range(n):
        z = z[1:] * z[:-1]
    return np.sum(z)


def grows(x, n):
    z = x[:1] * 2.0
    for _ in range(n):
        z = np.concatenate((z, x * z[0]))
    return np.sum(z * z)


def one_of_two(x, y, long):
    z = x * 3.0 if long else x[1:] * y[1:]
    return np.sum(z * z)


def slices(x, n, m):
    y = np.zeros(x.size)
    y[n:m] = x[n:m] * x[0]
    return np.sum(y[:m] * x[:m]) + np.sum(np.exp(x[n:]))


@pytest.mark.parametrize("b", [(5,), (1,)])
@pytest.mark.parametrize("m", [1, 5])
def test_a_layer(b, m):
    check(layer, (draw(3, 2), draw(2, m), draw(*b)), (0, 1, 2))


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("n", [1, 3])
def test_a_recurrence(steps, n):
    check(recurrent, (draw(2 * n, 2), draw(2 * n, n), draw(2 * n), draw(steps, 2)), (0, 1, 2, 3), compile=n > 1 and steps > 1)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize(("x", "y"), [((4,), (4,)), ((1,), (4,)), ((4,), (1,)), ((1,), (1,)), ((0,), (1,)), ((1,), (0,))])
def test_an_array_that_is_rebound_to_another_shape_in_a_loop(x, y, n):
    check(rebound, (draw(*x), draw(*y), n), (0, 1), compile=False)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_an_array_that_shrinks_or_grows_in_a_loop(n):
    check(shrinks, (draw(5), n), (0,), compile=False)
    check(grows, (draw(3), n), (0,), compile=False)


@pytest.mark.parametrize("long", [False, True])
def test_an_array_of_another_shape_on_each_side(long):
    for x, y in (((4,), (4,)), ((4,), (2,))):
        check(one_of_two, (draw(*x), draw(*y), long), (0, 1), compile=False)


@pytest.mark.parametrize(("n", "m"), [(0, 4), (1, 3), (2, 2), (3, 9), (-2, 4), (3, 1), (0, -1), (7, 9)])
def test_slices_whose_ends_lie_in_the_array_and_do_not(n, m):
    check(slices, (draw(5), n, m), (0,), compile=False)


def test_what_is_required_is_written_down_once():
    text = source(value_and_grad(layer), draw(3, 2), draw(2, 5), draw(5))
    assert text.count("even(") == 2
    assert not re.search(r"joined|step|unbroadcast", text)


def test_after_lengths_that_are_not_equal_the_derivative_for_either_is_called():
    gradient = grad(layer, argnums=2)
    x, w = draw(3, 2), draw(2, 5)
    even, uneven = gradient(x, w, draw(5)), gradient(x, w, draw(1))
    assert gradient.uneven
    assert even.shape == (5,)
    assert uneven.shape == (1,)
    assert np.array_equal(gradient(x, w, draw(1)), uneven)
    assert np.allclose(gradient(x, w, draw(5)), even)
    assert np.allclose(gradient.py_func(x, w, draw(1)), uneven)


def test_inside_compiled_code_lengths_may_differ():
    gradient = grad(layer, argnums=2)
    call = njit(lambda x, w, b: gradient(x, w, b))
    for b in (draw(5), draw(1)):
        assert np.allclose(call(draw(3, 2), draw(2, 5), b), gradient.py_func(draw(3, 2), draw(2, 5), b))


def test_shapes_that_do_not_fit_are_an_error():
    for derivative in (grad(layer), grad(layer).py_func):
        with pytest.raises(ValueError, match=r"broadcast|shape|size"):
            derivative(draw(3, 2), draw(2, 5), draw(4))
    with pytest.raises(ValueError, match=r"incompatible|size|shape|match"):
        grad(layer)(draw(3, 2), draw(3, 5), draw(5))


def writes_first(x, y):
    x[:] = x * 2.0
    return np.sum(x * y)


def test_nothing_is_written_before_lengths_are_compared():
    x, y = draw(4), draw(1)
    value, (x_bar, y_bar) = vjp(writes_first)((x.copy(), y), 1.0)
    assert value == pytest.approx(np.sum(2.0 * x * y))
    assert np.allclose(x_bar, 2.0 * y)
    assert np.allclose(y_bar, np.sum(2.0 * x))
    assert jvp(writes_first)((x.copy(), y), (x, y))[0] == pytest.approx(value)


def scaled(x, y):
    return np.sum(np.sin(x * y))


def writes_then_differentiates(x, y):
    x[:] = x * 2.0
    return np.sum(grad(scaled)(x, y) ** 2)


def test_what_is_called_after_a_write_takes_nothing_for_granted():
    """It would be found wanting when x has been written, and what is called then would write it again."""
    x, y = draw(4), draw(1)
    value, x_bar = value_and_grad(writes_then_differentiates)(x.copy(), y)
    assert value == pytest.approx(np.sum((np.cos(2.0 * x * y) * y) ** 2))
    np.testing.assert_allclose(x_bar, -4.0 * y ** 3 * np.cos(2.0 * x * y) * np.sin(2.0 * x * y), rtol=1e-12)
