"""What is scattered to neighbours is collected by a loop of its own; only where that is the same."""
import random

import numpy as np
import pytest
from laws import check, from_text

from toolkit import fusion, grad, source

X = np.random.default_rng(0).uniform(-1.0, 1.0, 9)


def three_points(x):
    s = 0.0
    for i in range(1, x.size - 1):
        s += (x[i - 1] - 2.0 * x[i] + x[i + 1]) ** 2
    return s


def weighed(x):
    s = 0.0
    for i in range(x.size - 3):
        s += np.sin(x[i] * x[i + 3]) + x[i + 1]
    return s


def slices(x):
    y = np.tanh(x[:-2] + x[1:-1] * x[2:])
    return np.sum(y * y)


def rows(a):
    s = 0.0
    for i in range(1, a.shape[0]):
        for j in range(1, a.shape[1] - 1):
            s += np.sin(a[i, j - 1] + a[i, j + 1] - a[i - 1, j])
    return s


@pytest.mark.parametrize(("fn", "x"), [(three_points, X), (weighed, X), (slices, X), (rows, X.reshape(3, 3)),
                                       (rows, np.arange(20.0).reshape(4, 5))])
def test_neighbours_are_gathered(fn, x):
    assert "padded(" in source(grad(fn), x)
    check(fn, (x,), (0,))


@pytest.mark.parametrize("n", range(5))
@pytest.mark.parametrize("fn", [three_points, weighed])
def test_short_rows(fn, n):
    np.testing.assert_allclose(grad(fn)(X[:n]), grad(fn).py_func(X[:n]), rtol=1e-14)
    check(fn, (X[:n],), (0,), compile=False)


def itself(x):
    x = x.copy()
    for i in range(1, x.size - 1):
        x[i] = x[i - 1] * x[i + 1]              # the cotangents of these are read, too
    return np.sum(x)


def triangle(a):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(1, i):
            s += np.sin(a[i, j - 1] * a[i, j + 1])
    return s


@pytest.mark.parametrize(("fn", "x"), [(itself, X), (triangle, np.arange(16.0).reshape(4, 4))])
def test_what_must_stay_is_added_at_once(fn, x):
    assert "padded(" not in source(grad(fn), x)
    check(fn, (x,), (0,), compile=False)


def stencil(seed):
    """A function that reads neighbours at random distances."""
    r = random.Random(seed)
    reach = r.randint(1, 3)
    at = lambda: f"x[i {r.choice('+-')} {r.randint(0, reach)}]"
    other = lambda: f"y[i {r.choice('+-')} {r.randint(0, reach)}]"
    term = lambda: r.choice([at(), other(), f"np.sin({other()})", f"{at()} * {at()}", f"np.sin({at()})", f"0.5 * {at()}",
                             f"y[i] * {at()}", f"{at()} ** 2"])
    ahead = r.choice([f"range({reach}, x.size - {reach})", f"range(x.size - {reach + 1}, {reach - 1}, -1)"])
    value = " + ".join(term() for _ in range(r.randint(2, 4)))
    lines = ["s = 0.0", f"for i in {ahead}:", f"    s += {value}" if r.random() < 0.5 else f"    y[i] = {value}",
             "return s + np.sum(y * y)"]
    if r.random() < 0.4:
        lines[1:-1] = ["for _ in range(2):", *(f"    {line}" for line in lines[1:-1])]
    return "def program(x, y):\n    y = y.copy()\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("seed", range(30))
def test_random_stencils_have_the_gradient_that_they_have_in_one_loop(seed, monkeypatch):
    text = stencil(seed)
    gradient = lambda: grad(from_text(text, "program"), (0, 1)).py_func(X.copy(), X[::-1].copy())
    bars = gradient()
    monkeypatch.setattr(fusion, "gathered", lambda program: program)
    for bar, want in zip(bars, gradient(), strict=True):
        np.testing.assert_allclose(bar, want, rtol=1e-11, atol=1e-11, err_msg=text)
