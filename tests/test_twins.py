"""A loop and its reverse as one, with work arrays from outside that every iteration overwrites."""
import random
import re

import numpy as np
import pytest
from laws import check, from_text

from toolkit import fusion, grad, source
from toolkit.dependence import Dependence

A = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 5))


def mixture(a, x):
    total, moved, terms = 0.0, np.empty(x.size), np.empty(a.shape[0])
    for i in range(a.shape[0]):
        for c in range(a.shape[0]):
            for j in range(x.size):
                moved[j] = a[i, j] - x[j] * a[c, j]
            square = 0.0
            for j in range(x.size):
                square += moved[j] ** 2
            terms[c] = x[c] - 0.5 * square
        sum_exp = 0.0
        for c in range(a.shape[0]):
            sum_exp += np.exp(terms[c])
        total += np.log(sum_exp)
    return total


def in_a_matrix(a, x):
    total, work = 0.0, np.zeros((5, 5))
    for i in range(a.shape[0]):
        for j in range(5):
            for k in range(5):
                work[k, j] = a[i, j] * x[k]
        total += work[1, 2] * work[i, i] ** 2
    return total


def in_its_argument(work, a, x):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(x.size):
            work[j] = a[i, j] * x[j]
        total += work[1] * work[i] ** 2
    return total


@pytest.mark.parametrize("fn", [mixture, in_a_matrix])
def test_work_arrays_that_each_iteration_overwrites_are_no_hindrance(fn):
    text = source(grad(fn, (0, 1)), A, A[0])
    assert not re.search(r"^    for \w+ in range\(.*, -1\):", text, re.MULTILINE)
    check(fn, (A, A[0]), (0, 1), compile=False)


def test_the_tapes_of_a_joined_loop_have_room_for_one_iteration():
    text = source(grad(mixture, (0, 1)), A, A[0])
    rooms = re.findall(r"room = (.*)", text)
    assert rooms
    assert all(room.count("*") == 1 for room in rooms)      # of the three loops around the innermost tapes


def not_all_of_it(a, x):
    total, work = 0.0, np.ones(5)
    for i in range(5):
        for j in range(4):
            work[j] = a[i, j] * x[j] * work[4]
        total += work[1] * work[3] ** 2
        work[4] *= x[i]
    return total


def read_before_it_is_written(a, x):
    total, work = 0.0, np.ones(5)
    for i in range(5):
        total += work[i] * x[i]
        for j in range(5):
            work[j] = a[i, j] * x[j]
    return total


def read_afterwards(a, x):
    total, work = 0.0, np.ones(5)
    for i in range(5):
        for j in range(5):
            work[j] = a[i, j] * x[j]
        total += work[1] * work[3]
    return total + work[2] * 2.0


def not_in_each_iteration(a, x):
    total, work = 0.0, np.ones(5)
    for i in range(5):
        if x[i] > 0.0:
            for j in range(5):
                work[j] = a[i, j] * x[j]
        total += work[1] * work[3]
    return total


def from_place_to_place(a, x):
    total, work = 0.0, np.ones(5)
    for i in range(5):
        for j in range(5):
            work[j] = a[i, j] * x[j] * work[4 - j]
        total += work[1] * work[3]
    return total


@pytest.mark.parametrize("fn", [not_all_of_it, read_before_it_is_written, read_afterwards, not_in_each_iteration,
                                from_place_to_place])
def test_work_arrays_that_carry_something_are_reversed_afterwards(fn):
    text = source(grad(fn, (0, 1)), A, A[0])
    assert re.search(r"^    for \w+ in range\(.*, -1\):", text, re.MULTILINE)
    check(fn, (A, A[0]), (0, 1), compile=False)


def test_a_work_array_of_the_caller_holds_what_it_did():
    work, other = np.ones(5), np.ones(5)
    in_its_argument(work, A, A[0])
    grad(in_its_argument, 1).py_func(other, A, A[0])
    np.testing.assert_array_equal(work, other)
    check(in_its_argument, (np.ones(5), A, A[0]), (0, 1, 2), compile=False)


def weighed_rows(a, x):
    y, s = x.copy(), 0.0
    for i in range(y.size):
        for j in range(a.shape[1]):
            s += a[i, j] ** 2 * y[i]
        y[0] = s
        y[1] = s * y[0]
    return s


def test_what_a_loop_does_not_change_is_kept_once():
    text = source(grad(weighed_rows), A, A[0])
    assert re.search(r"^ {8}y_tape\S*\[|^ {8}t_tape\S*\[", text, re.MULTILINE)
    assert not re.search(r"^ {12}\w+_tape\S*\[", text, re.MULTILINE)
    check(weighed_rows, (A, A[0]), (0, 1), compile=False)


# ---- random loops over work arrays

def written(seed):
    """A function that sums over iterations in which an array is used, and mostly overwritten before."""
    r = random.Random(seed)
    term = lambda *more: r.choice(["a[i, 2]", "x[i]", "np.sin(x[i])", "x[2] * a[i, i]", *more])
    inner = lambda: term("a[i, j]", "x[j]", "x[j] * a[j, i]", "np.exp(x[j])", *(["0.5 * w[j]"] if r.random() < 0.2 else []))

    def step():
        return r.choice([
            [f"for j in range({r.choice(['n', 'n', 'n', 'n - 1', '1, n', 'n - 1, -1, -1'])}):",
             f"    w[{r.choice(['j', 'j', 'n - 1 - j'])}] = {inner()}"],
            ["for j in range(n):", f"    w[j] = {inner()}", f"    u[j] = w[j] * {inner()}"],
            ["for j in range(n):", f"    s += {r.choice('wu')}[j] * {inner()}"],
            ["for j in range(1, n):", f"    w[j] += 0.5 * w[j - 1] * {inner()}"],
            [f"s += w[{r.choice(['i', '0', '2'])}] * {term('w[1]', 'u[i]')}"],
            [f"w[{r.choice(['i', '0'])}] {r.choice(['=', '*='])} {term()}"],
            [f"w[:] = x * {term()}"],
            [f"if {term()} > 0.1:", "    for j in range(n):", f"        w[j] = {inner()}"],
            [f"for k in range({r.choice(['n', '2', 'i'])}):", "    for j in range(n):", f"        w[j] = {inner()}",
             "        s += w[j] * x[k]"],
        ])
    first = r.choice([["for j in range(n):", f"    w[j] = {inner()}"], step()])
    body = [line for lines in (first, *(step() for _ in range(r.randint(1, 3)))) for line in lines]
    after = r.choice([[], [], [], ["s += w[2]"], ["s += u[1] * 0.5"]])
    lines = ["n, s = x.size, 0.0", "w, u = np.zeros(n), np.ones(n)", "for i in range(n):", *(f"    {b}" for b in body), *after,
             "return s"]
    return "def program(a, x):\n" + "".join(f"    {line}\n" for line in lines)


def made(seed):
    text = written(seed)
    return from_text(text, "program"), text


def agrees(seed, monkeypatch):
    """Has a random function the gradient that it has where no loops are joined? How many loops were."""
    joined, fn = [], made(seed)[0]
    with monkeypatch.context() as m:
        m.setattr(fusion, "together", lambda *loops, join=fusion.together: joined.append(1) or join(*loops))
        bars = grad(fn, (0, 1)).py_func(A.copy(), A[0].copy())
    with monkeypatch.context() as m:
        m.setattr(fusion, "twins_joined", lambda program: program)
        m.setattr(Dependence, "met_later", lambda *_: True)
        wanted = grad(made(seed)[0], (0, 1)).py_func(A.copy(), A[0].copy())
    for bar, want in zip(bars, wanted, strict=True):
        np.testing.assert_allclose(bar, want, rtol=1e-10, atol=1e-10, err_msg=made(seed)[1])
    return len(joined)


def test_random_loops_over_work_arrays_have_the_gradient_that_they_have_apart(monkeypatch):
    assert sum(agrees(seed, monkeypatch) > 0 for seed in range(60)) > 15
