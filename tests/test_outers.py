"""Outer products of many iterations are one product of matrices; small ones, and those of few iterations, are added at once."""
import numpy as np
import pytest
from laws import check

from toolkit import cost, grad, outers, source, value_and_grad
from toolkit.program import Const

RNG = np.random.default_rng(0)


def recurrent(w, v, rows):
    """Two products in each step; the state goes from one step to the next."""
    h, s = np.zeros(w.shape[0]), 0.0
    for t in range(rows.shape[0]):
        h = np.tanh(w @ h + v @ rows[t])
        s += np.sum(h * h)
    return s


def backwards(w, v, rows):
    h, s = np.zeros(w.shape[0]), 0.0
    for t in range(rows.shape[0] - 1, -1, -1):
        h = np.tanh(w @ h + v @ rows[t])
        s += h[0]
    return s


def until(w, v, rows):
    """A while loop, whose steps are counted as it runs, and one matrix twice in each."""
    h, k = v @ rows[0], 0
    while np.sum(h * h) > 1e-3 and k < rows.shape[0]:
        h = 0.5 * np.tanh(w @ np.sin(w @ h))
        k += 1
    return np.sum(h * h) + np.sum(w[0])


def read_as_well(w, v, rows):
    """The matrix is scaled in every step: its cotangent is not only added to."""
    h, w = np.zeros(w.shape[0]), w.copy()
    for t in range(rows.shape[0]):
        h = np.tanh(w @ h + v @ rows[t])
        w *= 0.9
    return np.sum(h)


def overwritten(w, v, rows):
    """The vector is written again after it was multiplied."""
    h, s = np.zeros(w.shape[0]), 0.0
    for t in range(rows.shape[0]):
        z = w @ h
        h = np.tanh(z + v @ rows[t])
        h[0] *= 0.5
        s += np.sum(h * z)
        h[1:] = h[:-1] * h[1:]
    return s


@pytest.fixture
def worthwhile(monkeypatch):
    """Small matrices, short strips: 13 steps are three strips and one step."""
    monkeypatch.setattr(outers, "LEAST", (Const(1), Const(2)))
    monkeypatch.setattr(outers, "STRIP", Const(4))


PROGRAMS = (recurrent, backwards, until, read_as_well, overwritten)


def arguments(n, m, steps):
    return RNG.normal(size=(n, n)) / n**0.5, RNG.normal(size=(n, m)) / m**0.5, RNG.normal(size=(steps, m))


@pytest.mark.parametrize("fn", PROGRAMS)
@pytest.mark.parametrize("steps", [1, 12, 13])
def test_kept(fn, steps, worthwhile):
    check(fn, arguments(4, 3, steps), (0, 1, 2), compile=steps == 13)


@pytest.mark.parametrize("fn", PROGRAMS)
def test_as_it_is(fn, monkeypatch):
    """Matrices large enough, and steps for more than two strips; those of a loop whose matrix is scaled are added at once."""
    args = arguments(36, 5, 70)
    g = value_and_grad(fn, argnums=(0, 1, 2))
    text = source(g, *args)
    assert ("if kept:" in text), text
    value, bars = g(*args)
    monkeypatch.setattr(outers, "LEAST", (Const(10**9), Const(10**9)))
    plain = value_and_grad(fn, argnums=(0, 1, 2)).py_func(*args)
    assert value == pytest.approx(plain[0], rel=1e-12)
    for a, b in zip(bars, plain[1]):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12 * np.abs(b).max())


def test_what_is_kept_costs_the_same_flops_and_less_memory(monkeypatch):
    args = arguments(36, 5, 256)
    kept = cost(grad(recurrent, argnums=(0, 1)), *args)
    monkeypatch.setattr(outers, "LEAST", (Const(10**9), Const(10**9)))
    plain = cost(grad(recurrent, argnums=(0, 1)), *args)
    assert kept.flops == plain.flops
    assert kept.read < 0.6 * plain.read
    assert kept.written < 0.5 * plain.written
    assert not kept.assumed


def test_no_rows_are_kept_of_what_a_branch_multiplies():
    def fn(w, rows):
        h = np.ones(w.shape[0])
        for t in range(rows.shape[0]):
            if rows[t, 0] > 0.0:
                h = np.tanh(w @ h)
        return np.sum(h)
    w, _, rows = arguments(4, 3, 9)
    check(fn, (w, rows), (0,), compile=False)
    assert "kept" not in source(grad(fn), w, rows)
