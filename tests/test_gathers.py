"""What is scattered to neighbours is collected by a loop of its own; only where that is the same."""
import random
import re

import numpy as np
import pytest
from laws import check, from_text

from toolkit import fusion, gathers, grad, source
from toolkit.program import Const

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


def five_points(a):
    a = a * a
    for _ in range(3):
        a[1:-1, 1:-1] += 0.1 * (a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2] - 4.0 * a[1:-1, 1:-1])
    return np.sum(a * a)


def along_the_first_axis(a):
    s = 0.0
    for i in range(2, a.shape[0]):
        for j in range(a.shape[1]):
            s += np.sin(a[i, j] * a[i - 2, j])
    return s


def in_a_plane_of_three(a):
    b, s = np.exp(-a), 0.0
    for k in range(2):
        for i in range(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                s += np.sin(b[i - 1, j] + b[i + 1, j] + b[i, j - 1] * b[i, j + 1]) * b[k, k]
    return s


def in_two_buffers(a):
    u, v = a.copy(), a.copy()
    for _ in range(4):
        for i in range(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                v[i, j] = u[i, j] + 0.1 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] * u[i, j + 1])
        u, v = v, u
    return np.sum(u * u)


PLANES = [X.reshape(3, 3), np.arange(20.0).reshape(4, 5) / 10.0, np.linspace(0.0, 1.0, 42).reshape(7, 6)]


@pytest.mark.parametrize(("fn", "x"), [(three_points, X), (weighed, X), (slices, X), *((rows, a) for a in PLANES),
                                       *((five_points, a) for a in PLANES), *((in_two_buffers, a) for a in PLANES)])
def test_neighbours_are_gathered(fn, x):
    text = source(grad(fn), x)
    assert ("padded(" if x.ndim > 1 else "carried") in text
    check(fn, (x,), (0,))


def far(x):
    s = 0.0
    for i in range(x.size - 7):
        s += np.sin(x[i] * x[i + 7])
    return s


def test_neighbours_that_are_far_are_gathered_from_a_row():
    assert "padded(" in source(grad(far), X)
    check(far, (X,), (0,))


def downwards(x):
    s = 1.0
    for i in range(x.size - 2, 0, -1):
        s += x[i - 1] * np.exp(x[i + 1] * x[i]) * i
    return s


@pytest.mark.parametrize("fn", [three_points, downwards])
def test_of_near_neighbours_each_entry_is_added_to_once(fn):
    """The loop adds to one entry, and what it still carries when it ends goes to those behind."""
    text = source(grad(fn), X)
    assert "padded(" not in text
    assert text.count("x_bar[") == 3
    assert text.rsplit("if ", 1)[1].count("x_bar[") == 2


@pytest.mark.parametrize("n", range(6))
def test_what_a_loop_carries_when_it_ends(n):
    for fn in (three_points, downwards):
        check(fn, (X[:n],), (0,), compile=n == 5)


def test_neighbours_along_several_axes_are_gathered_by_one_nest():
    text = source(grad(five_points), PLANES[1])
    assert text.count("padded((") == 1
    assert "for q in range" in text
    assert text.index("padded(") < text.index("for _ in range(2, -1, -1)")      # made before the steps in time


def test_buffers_that_are_swapped_are_swapped_back():
    text = source(grad(in_two_buffers), PLANES[1])
    assert "append(" not in text                                    # of no tape of arrays
    assert re.search(r"u_bar, v_bar = v_bar, u_bar|v_bar, u_bar = u_bar, v_bar", text.split("# reverse sweep")[1])


@pytest.mark.parametrize("shape", [(n, m) for n in range(5) for m in range(5)])
@pytest.mark.parametrize("fn", [rows, five_points, along_the_first_axis, in_a_plane_of_three, in_two_buffers])
def test_short_planes(fn, shape):
    if fn is in_a_plane_of_three and min(shape) < 2:
        pytest.skip("reads entries that are not there")
    a = np.random.default_rng(1).uniform(-1.0, 1.0, shape)
    check(fn, (a,), (0,), compile=False)


@pytest.mark.parametrize("strip", [1, 2, 3, 8])
@pytest.mark.parametrize("fn", [three_points, weighed, slices])
def test_a_long_row_is_gathered_strip_by_strip(fn, strip, monkeypatch):
    want = grad(fn)(X)
    monkeypatch.setattr(gathers, "NEAR", 0)
    monkeypatch.setattr(gathers, "STRIP", Const(strip))
    text = source(grad(fn), X)
    assert re.search(rf"for start in range\(0, \w+, {strip}\):", text) or strip == 1
    np.testing.assert_allclose(grad(fn)(X), want, rtol=1e-13)
    check(fn, (X,), (0,), compile=False)


@pytest.mark.parametrize("n", range(5))
@pytest.mark.parametrize("fn", [three_points, weighed])
@pytest.mark.parametrize("near", [0, gathers.NEAR])
def test_short_rows(fn, n, near, monkeypatch):
    monkeypatch.setattr(gathers, "NEAR", near)
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


@pytest.mark.parametrize(("fn", "x"), [(itself, X), (triangle, np.arange(16.0).reshape(4, 4)), (along_the_first_axis, PLANES[1])])
def test_what_must_stay_is_added_at_once(fn, x):
    text = source(grad(fn), x)
    assert "padded(" not in text
    assert "carried" not in text
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


def plane_stencil(seed):
    """The same of two or three axes, some of which a loop may go down, or over a part of."""
    r = random.Random(seed)
    rank = r.choice((2, 2, 3))
    names, reach = "ijk"[:rank], r.randint(1, 2)
    at = lambda array: f"{array}[{', '.join(f'{n} {r.choice(chr(43) + chr(45))} {r.randint(0, reach)}' for n in names)}]"
    here = ", ".join(names)
    term = lambda: r.choice([at("x"), at("y"), f"{at('x')} * {at('x')}", f"np.sin({at('y')})", f"0.5 * {at('x')}",
                             f"y[{here}] * {at('x')}", f"{at('x')} ** 2"])
    value = " + ".join(term() for _ in range(r.randint(2, 5)))
    lines, tab = ["s = 0.0"], ""
    if r.random() < 0.4:
        lines, tab = [*lines, "for _ in range(2):"], "    "
    for k, n in enumerate(names):
        ahead = r.choice([f"range({reach}, x.shape[{k}] - {reach})", f"range(x.shape[{k}] - {reach + 1}, {reach - 1}, -1)",
                          f"range({reach}, x.shape[{k}] - {reach})"])
        lines.append(f"{tab}for {n} in {ahead}:")
        tab += "    "
    lines.append(f"{tab}s += {value}" if r.random() < 0.5 else f"{tab}y[{here}] = {value}")
    lines = ["y = y.copy()", *lines, "return s + np.sum(y * y)"]
    return rank, "def program(x, y):\n" + "".join(f"    {line}\n" for line in lines)


def sliced_stencil(seed):
    """The same in slices: what is added to neighbours then comes out of arrays."""
    r = random.Random(seed)
    rank, reach = r.choice((1, 2, 2, 3)), r.randint(1, 2)

    def part(array):
        ends = [(k, 2 * reach - k) for k in (r.choice((reach, r.randint(0, 2 * reach))) for _ in range(rank))]
        return f"{array}[{', '.join(f'{lo}:{-hi if hi else str()}' for lo, hi in ends)}]"
    middle = f"y[{', '.join([f'{reach}:-{reach}'] * rank)}]"
    term = lambda: r.choice([part("x"), part("y"), f"0.5 * {part('y')}", f"np.sin({part('y')})", f"{part('x')} * {part('y')}",
                             f"{part('y')} ** 2"])
    value = " + ".join(term() for _ in range(r.randint(2, 5)))
    lines = [f"{middle} {r.choice(('=', '+='))} {r.choice((middle, '0.1'))} * ({value})"]
    if r.random() < 0.6:
        lines = ["for _ in range(2):", f"    {lines[0]}"]
    lines = ["y = y.copy()", *lines, "return np.sum(y * y)"]
    return rank, "def program(x, y):\n" + "".join(f"    {line}\n" for line in lines)


def linear_stencil(seed):
    """Two buffers in turn, of multiples of neighbours: by constants, and by a number that the loops do not change."""
    r = random.Random(seed)
    names, tabs = "ijk"[:r.choice((2, 2, 3))], "    "
    here = ", ".join(names)

    def near(array):
        return f"{array}[{', '.join(f'{n} + {r.randint(-1, 1)}' if r.random() < 0.5 else n for n in names)}]"

    def term(array, depth=0):
        x = near(array) if depth > 1 or r.random() < 0.4 else f"({term(array, depth + 1)})"
        return r.choice([x, f"-{x}", f"0.25 * {x}", f"h * {x}", f"{x} / 3.0", f"{x} / h", f"2.0 * {x} - {near(array)}",
                         f"{array}[{here}] - {x}", f"{array}[{here}] * 0.5 + h * {array}[{here}]"])
    lines = [f"v, h = y.copy(), 1.5 + np.sin(x[{', '.join('0' * len(names))}])", f"for _ in range({r.randint(1, 3)}):"]
    for old, new in (("u", "v"), ("v", "u"))[:r.choice((1, 2))]:
        value = " + ".join(term(old) for _ in range(r.randint(2, 4)))
        for k, n in enumerate(names):
            lines.append(f"{tabs}{'    ' * k}for {n} in range(1, x.shape[{k}] - 1):")
        lines.append(f"{tabs}{'    ' * len(names)}{new}[{here}] {r.choice(('=', '=', '+='))} {value}")
    lines = ["u = x.copy()", *lines, "return np.sum(u * u) + np.sum(v * v)"]
    return len(names), "def program(x, y):\n" + "".join(f"    {line}\n" for line in lines)


def heat(u, step):
    u, v, c = u.copy(), u.copy(), step / 2.0
    for _ in range(2):
        v[1:-1, 1:-1] = u[1:-1, 1:-1] + c * (u[2:, 1:-1] - 2.0 * u[1:-1, 1:-1] + u[:-2, 1:-1] - u[1:-1, :-2])
        u[1:-1, 1:-1] = v[1:-1, 1:-1] + c * (v[2:, 1:-1] - 2.0 * v[1:-1, 1:-1] + v[:-2, 1:-1] - v[1:-1, 2:])
    return np.sum(u * u)


def test_multiples_of_one_number_are_collected_as_such(monkeypatch):
    """The loop that reads a cotangent keeps that, and all that is added comes from there, a factor for each kind of neighbour."""
    monkeypatch.setattr(fusion, "relayed", lambda program: program)
    text = source(grad(heat), PLANES[2], 0.2)
    check(heat, (PLANES[2], 0.2), (0,))
    back = text.split("# reverse sweep")[1]
    assert len(re.findall(r"u_bar\w*\[[^]]*\] \+=|v_bar\w*\[[^]]*\] \+=|t_bar\w*\[[^]]*\] \+=", back)) == 2, text


@pytest.mark.parametrize("seed", range(140))
def test_random_stencils_have_the_gradient_that_they_have_in_one_loop(seed, monkeypatch):
    rank, text = (1, stencil(seed)) if seed < 60 else (
        plane_stencil if seed < 90 else sliced_stencil if seed < 120 else linear_stencil)(seed)
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, (9,) if rank == 1 else (5, 6, 7)[:rank])
    monkeypatch.setattr(gathers, "STRIP", Const(1 + seed % 4))
    monkeypatch.setattr(gathers, "NEAR", gathers.NEAR * (seed % 3 > 0))
    gradient = lambda: grad(from_text(text, "program"), (0, 1)).py_func(x.copy(), np.sin(3.0 * x))
    bars = gradient()
    monkeypatch.setattr(fusion, "gathered", lambda program: program)
    for bar, want in zip(bars, gradient(), strict=True):
        np.testing.assert_allclose(bar, want, rtol=1e-11, atol=1e-11, err_msg=text)
