"""What one cheap operation makes of an array that is there anyway is made again by each of its readers."""
import re

import numba
import numpy as np
import pytest
from laws import check

from toolkit import source, value_and_grad

X = np.random.default_rng(7).standard_normal((9, 5))
V = np.linspace(-0.7, 0.9, 5)


def scaled(x):
    centred = x - np.sum(x, axis=0) / x.shape[0]
    unit = centred / np.sqrt(np.sum(centred ** 2, axis=0))
    return np.sum((unit.T @ unit) ** 3)


def of_its_own_sum(x, v):
    moved = x * v
    return np.sum(np.sin(moved) / (1.0 + np.sum(moved ** 2)))


def in_a_chain(x, v):
    moved = x + v
    turned = -moved
    total = np.sum(np.exp(turned)) * np.sum(moved ** 2)
    return np.sum(np.cos(turned) * total) + np.sum(np.tanh(moved) * total)


def in_branches(x, v):
    moved = x - v
    total = np.sum(moved ** 2)
    if total > 1.0:
        total = total * np.sum(np.cos(moved))
    return total


def written_since(x, v):
    base = x * 1.5
    moved = base - v
    total = np.sum(moved ** 2)
    base[0, 0] = total
    return np.sum(np.cos(moved)) * total + np.sum(base)


def written_itself(x, v):
    moved = x - v
    total = np.sum(moved ** 2)
    moved[1, 1] = total
    return np.sum(np.cos(moved)) * total


PROGRAMS = [(scaled, (X,)), (of_its_own_sum, (X, V)), (in_a_chain, (X, V)), (in_branches, (X, V)), (written_since, (X, V)),
            (written_itself, (X, V))]


@pytest.mark.parametrize(("fn", "args"), PROGRAMS, ids=lambda p: getattr(p, "__name__", ""))
def test_derivatives_hold_to_the_laws(fn, args):
    check(fn, args, tuple(range(len(args))))


@pytest.mark.parametrize(("fn", "args"), PROGRAMS, ids=lambda p: getattr(p, "__name__", ""))
def test_values_are_the_same_to_the_last_bit(fn, args, monkeypatch):
    monkeypatch.setenv("DUALTAPE_ELEMENTARY", "off")
    assert value_and_grad(fn)(*args)[0] == numba.njit(fn)(*args)


def matrices(fn, *args):
    """The lines of a gradient that make an array of two axes, besides shadows."""
    return re.findall(r"(\w+) = np\.empty\(\(\w+, \w+\)", source(value_and_grad(fn), *args))


def test_what_is_cheap_is_not_kept():
    made = matrices(scaled, X)
    assert "unit" in made
    assert "centred" not in made
    assert "moved" not in matrices(of_its_own_sum, X, V)


def test_a_chain_is_made_again_in_each_loop():
    assert not {"moved", "turned"} & set(matrices(in_a_chain, X, V))


def test_readers_in_one_loop_share_it():
    assert source(value_and_grad(in_a_chain), X, V).count("x[i, j] + v[j]") == 2        # in the forward sweep, and the reverse
