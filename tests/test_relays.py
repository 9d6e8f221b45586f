"""What is collected for a nest that would move it on goes at once to where it is moved; only where that is the same."""
import random

import numpy as np
import pytest
from laws import check, from_text

from toolkit import fusion, grad, relays, source

RANDOM = np.random.default_rng(0)


def slices(a):
    a, b = a.copy(), a.copy()
    for _ in range(2):
        b[1:-1, 1:-1] = 0.2 * (a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2] - a[1:-1, 1:-1])
        a[1:-1, 1:-1] = 0.2 * (b[2:, 1:-1] + b[:-2, 1:-1] + b[1:-1, 2:] + b[1:-1, :-2] + b[1:-1, 1:-1])
    return np.sum(a * a * a)


def loops(a, steps):
    a, b = a.copy(), a.copy()
    for _ in range(steps):
        for i in range(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                b[i, j] = 0.2 * (a[i + 1, j] + a[i - 1, j] + a[i, j + 1] + a[i, j - 1]) - 0.3 * a[i, j]
        for i in range(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                a[i, j] = 0.1 * (b[i + 1, j] + b[i - 1, j] + b[i, j + 1] + b[i, j - 1]) + 0.7 * b[i, j]
    return np.sum(a**3)


def moves(fn, *args):
    """In how many nests inside a loop of its derivative's reverse sweep is something moved to a row."""
    inside = source(grad(fn), *args).split("# reverse sweep")[1].split("    for _ in range(")[1].split("\n    for ")[0]
    return inside.count("] = 0.0\n")


@pytest.mark.parametrize(("fn", "args"), [(slices, (RANDOM.uniform(size=(6, 7)),)), (loops, (RANDOM.uniform(size=(5, 7)), 3))])
def test_what_is_collected_goes_at_once_to_where_it_is_moved(fn, args, monkeypatch):
    assert moves(fn, *args) == 0
    check(fn, args, (0,))
    monkeypatch.setattr(fusion, "relayed", lambda program: program)
    assert moves(other(fn), *args) == 2


def other(fn):
    """The same function as another object, of which nothing is known yet."""
    return type(fn)(fn.__code__, fn.__globals__, fn.__name__)


@pytest.mark.parametrize(("shape", "steps"), [((0, 3), 2), ((1, 1), 1), ((2, 5), 2), ((5, 2), 1), ((3, 3), 0), ((3, 4), 2)])
def test_boxes_without_an_inside_and_loops_without_an_iteration(shape, steps):
    check(loops, (RANDOM.uniform(size=shape), steps), (0,))


def both_at_the_end(a):
    a, b = a.copy(), a * a
    for _ in range(2):
        b[1:-1, 1:-1] = 0.2 * (a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2] - a[1:-1, 1:-1])
        a[1:-1, 1:-1] = 0.2 * (b[2:, 1:-1] + b[:-2, 1:-1] + b[1:-1, 2:] + b[1:-1, :-2] + b[1:-1, 1:-1])
    return np.sum(a * a * a) + np.sum(b * b)


def seen_on_the_way(a):
    a, b, s = a.copy(), a * a, 0.0
    for k in range(2):
        b[1:-1, 1:-1] = 0.2 * (a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2] - a[1:-1, 1:-1])
        s += b[2, 2] * a[1, k]
        a[1:-1, 1:-1] = 0.2 * (b[2:, 1:-1] + b[:-2, 1:-1] + b[1:-1, 2:] + b[1:-1, :-2] + b[1:-1, 1:-1])
    return np.sum(a * a * a) + s


def of_another_box(a):
    a, b = a.copy(), a * a
    for _ in range(2):
        b[2:-2, 2:-2] = 0.2 * (a[3:-1, 2:-2] + a[1:-3, 2:-2] + a[2:-2, 3:-1] + a[2:-2, 1:-3] - a[2:-2, 2:-2])
        a[1:-1, 1:-1] = 0.2 * (b[2:, 1:-1] + b[:-2, 1:-1] + b[1:-1, 2:] + b[1:-1, :-2] + b[1:-1, 1:-1])
    return np.sum(a * a * a)


def one_alone(a):
    a = a.copy()
    for _ in range(2):
        a[1:-1, 1:-1] = a[2:, 1:-1] + a[:-2, 1:-1] + a[1:-1, 2:] + a[1:-1, :-2]
    return np.sum(a * a * a)


@pytest.mark.parametrize("fn", [both_at_the_end, seen_on_the_way, of_another_box, one_alone])
def test_what_else_has_a_part_in_it(fn):
    check(fn, (RANDOM.uniform(size=(6, 7)),), (0,))


def in_turns(seed):
    """Two buffers in turn, of multiples of neighbours, each over a box of its own, of which something else may be read."""
    r = random.Random(seed)
    names = "ijk"[:r.choice((1, 2, 2, 3))]
    here = ", ".join(names)
    near = lambda array: f"{array}[{', '.join(f'{n} + {r.randint(-1, 1)}' if r.random() < 0.6 else n for n in names)}]"
    lines, tabs = ["u, v, s = x.copy(), y.copy(), 0.0", f"for t in range({r.choice((0, 1, 2, 2))}):"], "    "
    for old, new in (("u", "v"), ("v", "u")):
        box = r.choice(["1, x.shape[{}] - 1"] * 4 + ["2, x.shape[{}] - 2", "1, x.shape[{}] - 2"])
        down = r.random() < 0.25
        value = " + ".join(f"{r.choice((0.25, -0.5, 0.1))} * {near(old)}" for _ in range(r.randint(2, 5)))
        for k, n in enumerate(names):
            low, high = box.format(k).split(", ")
            over = f"{high} - 1, {low} - 1, -1" if down else f"{low}, {high}"
            lines.append(f"{tabs}{'    ' * k}for {n} in range({over}):")
        lines.append(f"{tabs}{'    ' * len(names)}{new}[{here}] {r.choice(('=', '=', '=', '+='))} {value}")
        if r.random() < 0.1:
            lines.append(f"{tabs}s += {new}[{', '.join(['1'] * len(names))}]")
    lines += [r.choice(["return np.sum(u * u) + s"] * 3 + ["return np.sum(u * u) + np.sum(v) + s"])]
    return len(names), "def program(x, y):\n" + "".join(f"    {line}\n" for line in lines)


def test_random_programs_of_two_buffers_in_turn(monkeypatch):
    """They have the gradients that they have where everything is moved, and many of them are relayed."""
    found, without = [], relays.Relays.without

    def counted(self, loop, *more):
        out = without(self, loop, *more)
        found.append(out is not loop)
        return out
    monkeypatch.setattr(relays.Relays, "without", counted)
    for seed in range(64):
        rank, text = in_turns(seed)
        x = np.random.default_rng(seed).uniform(-1.0, 1.0, (6, 5, 7)[:rank] if seed % 4 else (3, 2, 4)[:rank])
        bars = grad(from_text(text, "program"), (0, 1)).py_func(x.copy(), np.sin(3.0 * x))
        with monkeypatch.context() as m:
            m.setattr(fusion, "relayed", lambda program: program)
            wants = grad(from_text(text, "program"), (0, 1)).py_func(x.copy(), np.sin(3.0 * x))
        for bar, want in zip(bars, wants, strict=True):
            np.testing.assert_allclose(bar, want, rtol=1e-11, atol=1e-11, err_msg=text)
    assert sum(found) >= 12, found
    assert found.count(False) >= 12, found
