"""Optimisers follow their papers, on any structure of parameters, and do the same compiled and not."""
from typing import NamedTuple

import numpy as np
import pytest
from numba import TypingError, njit

from toolkit import UsageError, optim, value_and_grad
from toolkit.optim import SGD, Adam, GradientDescent, Momentum, batches, start, step

RULES = (GradientDescent(0.1), Momentum(0.05, 0.8), Adam(0.03, 0.8, 0.95, 1e-6))


class Line(NamedTuple):
    slope: np.ndarray
    offset: float


def by_the_book(rule, p, gradients):
    """The papers' formulas, a number at a time; Adam's with the corrected moments written out."""
    v = m = s = 0.0
    for t, g in enumerate(gradients, 1):
        if isinstance(rule, GradientDescent):
            p = p - rule.rate * g
        elif isinstance(rule, Momentum):
            v = rule.decay * v + g
            p = p - rule.rate * v
        else:
            m = rule.beta1 * m + (1 - rule.beta1) * g
            s = rule.beta2 * s + (1 - rule.beta2) * g**2
            p = p - rule.rate * (m / (1 - rule.beta1**t)) / (np.sqrt(s / (1 - rule.beta2**t)) + rule.epsilon)
    return p


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 3, 2)])
def test_steps_are_the_papers(rule, shape):
    rng = np.random.default_rng(0)
    p, gradients = rng.normal(size=shape)[()], [rng.normal(size=shape)[()] for _ in range(5)]
    moved, state = p, start(rule, p)
    for g in gradients:
        moved, state = step(rule, moved, g, state)
    assert np.shape(moved) == shape
    assert np.allclose(moved, by_the_book(rule, p, gradients), rtol=1e-13)
    assert state[0] == 5


def fits(params, x, y):
    residuals = x @ params[0].slope + params[0].offset - y
    return np.mean(residuals**2) + params[1] ** 2


X = np.random.default_rng(1).normal(size=(50, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.7
slopes = value_and_grad(fits)
FIRST = (Line(np.zeros(3), 0.0), 1.5)


@njit
def descended(rule, params, x, y, steps):
    state = optim.start(rule, params)
    for _ in range(steps):
        _, g = slopes(params, x, y)
        params, state = optim.step(rule, params, g, state)
    return params, state


@pytest.mark.parametrize("rule", RULES)
def test_compiled_steps_are_the_same_and_arrive(rule):
    params, state = FIRST, start(rule, FIRST)
    for _ in range(40):
        _, g = slopes(params, X, Y)
        params, state = step(rule, params, g, state)
    compiled, kept = descended(rule, FIRST, X, Y, 40)
    assert isinstance(compiled[0], Line)
    assert isinstance(params[0], Line)
    assert np.allclose(params[0].slope, compiled[0].slope, rtol=1e-12)
    assert np.isclose(params[1], compiled[1], rtol=1e-12)
    assert kept[0] == state[0] == 40
    far, _ = descended(rule, FIRST, X, Y, 2000)
    assert np.allclose(far[0].slope, [1.0, -2.0, 0.5], atol=5e-3)      # with a fixed rate Adam stays about there
    assert abs(far[0].offset - 0.7) < 5e-3
    assert np.array_equal(FIRST[0].slope, np.zeros(3))       # nothing was written to


@pytest.mark.parametrize("rule", RULES)
def test_lists_dictionaries_and_float32(rule):
    params = {"w": np.ones((2, 2), np.float32), "rest": [np.ones(2), (1.0,)]}
    moved, state = step(rule, params, params, start(rule, params))
    moved, state = step(rule, moved, params, state)
    assert moved["w"].dtype == np.float32
    assert isinstance(moved["rest"], list)
    assert isinstance(moved["rest"][1], tuple)
    for leaf in (moved["w"], moved["rest"][0], moved["rest"][1][0]):
        assert np.allclose(leaf, by_the_book(rule, 1.0, [1.0, 1.0]), rtol=1e-6)


def test_a_negative_rate_climbs():
    up, _ = step(GradientDescent(-0.1), 2.0, 3.0, start(GradientDescent(-0.1), 2.0))
    assert up == 2.3
    assert SGD is GradientDescent


def test_a_pass_takes_every_sample_once():
    for draw in (batches, batches.py_func):
        parts = list(draw(np.random.default_rng(3), 10, 4))
        assert [p.size for p in parts] == [4, 4, 2]
        assert sorted(np.concatenate(parts)) == list(range(10))
    order = np.concatenate(list(batches(np.random.default_rng(3), 1000, 7)))
    assert not np.array_equal(order, np.sort(order))


@pytest.mark.parametrize(("params", "gradient"), [
    ((1.0, 2.0), (1.0,)), ((1.0, 2.0), 1.0), ({"a": 1.0}, {"b": 1.0}), ({"a": 1.0}, 1.0)])
def test_another_structure_is_refused(params, gradient):
    rule = Adam()
    with pytest.raises(UsageError, match="does not have the parameters' structure: expected"):
        step(rule, params, gradient, start(rule, params))


def test_another_structure_is_refused_in_compiled_code():
    @njit
    def wrong(rule):
        return optim.step(rule, (1.0, 2.0), (1.0,), optim.start(rule, (1.0, 2.0)))
    with pytest.raises(TypingError, match="expected 2 parameters, got 1"):
        wrong(Adam())


def test_what_is_no_rule_is_refused():
    with pytest.raises(UsageError, match="float is no rule: expected one of GradientDescent, Momentum, Adam"):
        start(0.1, (1.0,))
