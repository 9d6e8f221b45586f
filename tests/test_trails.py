"""What goes round a loop and is kept is made in the rows of its tape."""
import re

import numpy as np
import pytest
from laws import check

from toolkit import source, value_and_grad

M = np.cos(np.arange(16.0)).reshape(4, 4)
V = np.linspace(-0.7, 0.9, 4)


def network(w, x):
    hidden = np.tanh(x)
    for k in range(w.shape[0]):
        hidden = np.tanh(hidden @ w[k])
    return np.sum(hidden * hidden)


def recurrent(w, v):
    h, c = np.zeros(v.size), np.zeros(v.size)
    for k in range(w.shape[0]):
        c = np.tanh(c * v) + w[k]
        h = np.sin(c) * h + v
    return np.sum(h * c)


def from_an_argument(w, v):
    for k in range(1, w.shape[0]):
        v = np.sin(v * w[k] * w[k - 1])
    return np.sum(v)


def a_product(w, v):
    total = 0.0
    for _ in range(3):
        total += np.sum(v ** 3)
        v = w @ v
    return total


def shifted(w, v):
    before, now = np.zeros(v.size), v * v
    for k in range(w.shape[0]):
        before, now = now, np.sin(now) * before + w[k]
    return np.sum(now * before ** 2)


def written_later(w, v):
    h = v * v
    for k in range(w.shape[0]):
        h = np.sin(h) * w[k]
        h[0] = h[1] * h[2]
    return np.sum(h ** 2)


def first_used_again(w, v):
    first = np.exp(v)
    h = first
    for k in range(w.shape[0]):
        h = np.sin(h * w[k])
    return np.sum(h * first ** 2)


def begins_twice(w, v):
    first = np.exp(v)
    a, b = first, first
    for k in range(w.shape[0]):
        a = np.sin(a * w[k])
        b = np.cos(b * a)
    return np.sum(a * b)


def one_becomes_both(w, v):
    a, b = np.exp(v), v * v
    for k in range(w.shape[0]):
        a = np.sin(a * b) * w[k]
        b = a
    return np.sum(a * b)


def kept_as_it_was(w, v):
    """The reverse sweep has what comes of an iteration from the one behind it."""
    h = np.exp(v)
    for k in range(w.shape[0]):
        h = np.tanh(h * h * w[k])
    return np.sum(h)


def in_a_loop(w, v):
    total = 0.0
    for i in range(2):
        h = v * w[i]
        for k in range(w.shape[0]):
            h = np.sin(h * w[k])
        total += np.sum(h ** 2)
    return total


def returned(w, v):
    h = v * v
    for k in range(w.shape[0]):
        h = np.sin(h * w[k])
    return np.sum(h), h


PROGRAMS = [(network, (np.array([M, M.T, -M]), M)), (recurrent, (M, V)), (from_an_argument, (M, V)), (a_product, (M, V)),
            (shifted, (M, V)), (written_later, (M, V)), (first_used_again, (M, V)), (begins_twice, (M, V)), (in_a_loop, (M, V)),
            (one_becomes_both, (M, V)), (kept_as_it_was, (M, V)),
            (recurrent, (M[:0], V)), (from_an_argument, (M[:1], V))]
NAMES = [f"{fn.__name__} {args[0].shape}" for fn, args in PROGRAMS]


@pytest.mark.parametrize(("fn", "args"), PROGRAMS, ids=NAMES)
def test_derivatives_hold_to_the_laws(fn, args):
    check(fn, args, (0, 1))


@pytest.mark.parametrize(("fn", "args"), PROGRAMS, ids=NAMES)
def test_no_row_is_read_before_it_is_made(fn, args, monkeypatch):
    derived = value_and_grad(fn, argnums=(0, 1)).py_func
    want, wanted = derived(*args)
    nothing = lambda shape, dtype=float: np.zeros(shape, dtype) if dtype is np.int64 else np.full(shape, np.nan)
    monkeypatch.setattr(np, "empty", nothing)
    value, bars = derived(*args)
    assert value == want
    np.testing.assert_equal(bars, wanted)


def copies(fn, *args):
    """The tapes to whose rows the loops of a gradient copy arrays."""
    return re.findall(r"^ {8,}(\w+_tape\w*)\[\w+\] = \w+$", source(value_and_grad(fn), *args), re.MULTILINE)


@pytest.mark.parametrize(("fn", "args"), PROGRAMS[:3], ids=NAMES[:3])
def test_nothing_is_copied_to_the_tape_in_the_loop(fn, args):
    assert not copies(fn, *args)


def test_the_first_row_is_made_in_place_where_that_may_be():
    text = source(value_and_grad(network), *PROGRAMS[0][1])
    assert re.search(r"hidden = hidden_tape\[0\]", text)
    assert not re.search(r"hidden_tape\[0\] = ", text)
    assert re.search(r"v_tape\[0\] = v", source(value_and_grad(from_an_argument), M, V))      # the caller's stays where it is


def test_what_begins_as_zeros_begins_as_zeros():
    text = source(value_and_grad(recurrent), M, V)
    first = re.search(r"(\w+) = \w+_tape\[0\]", text)[1]
    assert f"{first}[...] = 0.0" in text


def test_what_is_returned_holds_no_tape():
    assert not re.search(r"^    \w+ = h_tape\[", source(value_and_grad(returned, has_aux=True), M, V), re.MULTILINE)


def test_memory_that_is_wanting_is_said_before():
    huge = np.broadcast_to(np.float64(0.1), (3,)).copy()

    def many(v, n):
        h = v * v
        for _ in range(n):
            h = np.sin(h) * v
        return np.sum(h)
    with pytest.raises(MemoryError, match=r"the tape of the loop at test_trails.py:\d+ needs"):
        value_and_grad(many, argnums=0)(huge, 2**50)
