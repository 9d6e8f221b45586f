"""Sums of the reverse sweep in registers: what is summed there, what must not be, and that it changes nothing else."""
import re
import subprocess
import sys

import numpy as np
import pytest
from laws import check
from numba import njit
from test_dependence import same_gradient_without

from experiments.problems import lu_loops
from toolkit import fusion, grad, jvp, source, value_and_grad
from toolkit.check import agree

M = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 5))
SUMMED = re.compile(r"= plus\(")


def weights_of_rows(w, x):
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            total += np.sin(w[i] * x[i, j])
    return total * total


def near_the_diagonal(a):
    y = a.copy()
    for i in range(1, a.shape[0]):
        for j in range(i):
            y[i, j] = y[i, i] * y[j, i] ** 2
    return np.sum(y)


@pytest.mark.parametrize(("fn", "args"), [(lu_loops.loss, (M + 5.0 * np.eye(5),)), (weights_of_rows, (M[0], M)),
                                          (near_the_diagonal, (M,))])
def test_what_goes_to_one_entry_is_summed_first(fn, args):
    assert SUMMED.search(source(grad(fn, tuple(range(len(args)))), *args))
    check(fn, args, tuple(range(len(args))))


def reads_what_it_adds_to(y):
    y = y.copy()
    for i in range(y.size):
        y[i] = y[i] * y[2] + y[0]               # what is added to the cotangents of y[2] and y[0] is read there in the loop
    return np.sum(y)


def through_an_index(y, at):
    y = y.copy()
    for i in range(y.size):
        y[at[i]] *= y[0] * y[1]
    return np.sum(y)


@pytest.mark.parametrize(("fn", "args"), [
    (reads_what_it_adds_to, (M[0],)), (through_an_index, (M[0], np.array([3, 0, 2, 1, 3])))])
def test_what_is_read_meanwhile_is_added_at_once(fn, args):
    assert "_sum" not in source(grad(fn), *args)
    check(fn, args, (0,))


def last_of_a_row(x, n, k):
    s = 0.0
    for _ in range(n):
        s += np.sin(x[k] * x[0])
    return s


def test_an_entry_that_is_not_there_is_not_touched():
    """Where the loop does not run, its index need not be one."""
    gradient = grad(last_of_a_row)
    assert re.search(r"if -1 < \w+:\n.*\n +x_bar\[k\] \+= ", source(gradient, M[0], 0, 7))
    for g in (gradient, gradient.py_func):
        np.testing.assert_array_equal(g(M[0], 0, 10**9), np.zeros(5))


def test_sums_of_singles_are_single():
    x = M.astype(np.float32)
    out = grad(weights_of_rows, (0, 1))(x[0], x)
    assert {bar.dtype for bar in out} == {np.dtype(np.float32)}
    for bar, want in zip(out, grad(weights_of_rows, (0, 1))(M[0], M), strict=True):
        agree(bar, want, 1e-5, "gradient")


SUM_IN_ANY_ORDER = """
import numpy as np
from numba import njit
from toolkit import runtime

@njit
def total(x):
    s = 0.0
    for k in range(x.size):
        s = runtime.plus(s, x[k])
    return s

assert total(np.arange(1000.0)) == 499500.0
print(*total.inspect_llvm().values())
"""


def test_a_sum_in_any_order_is_vector_code(tmp_path):
    """In a process of its own: other tests compile without optimisation."""
    program = tmp_path / "total.py"
    program.write_text(SUM_IN_ANY_ORDER)
    env = {"PYTHONPATH": ":".join(sys.path), "DUALTAPE_CACHE_DIR": "off"}
    code = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True, env=env).stdout
    assert re.search(r"fadd reassoc <\d+ x double>", code)


@pytest.mark.parametrize("seed", range(20, 60))
def test_random_nests_have_the_gradient_that_they_have_without(seed, monkeypatch):
    same_gradient_without(seed, monkeypatch, fusion, "in_registers", lambda program: program)


def rows_in_place(a, x):
    """Each entry is added to in a loop that reads the array elsewhere; one is divided, and rows end where they began."""
    y = a.copy()
    for i in range(y.shape[0]):
        for j in range(i):
            for k in range(j):
                y[i, j] -= y[i, k] * y[j, k]
            y[i, j] /= 3.0 + y[j, j]
        for k in range(i):
            y[i, i] += x[k] * y[i, k] ** 2
    return np.sum(y)


def meets_what_it_adds_to(a, x):
    """The entry is read in the loop, under another index, through a view, or added to in two ways."""
    y, v = a.copy(), x.copy()
    row = y[1]
    for k in range(v.size):
        y[1, 2] += row[k] * x[k]
        v[0] += v[k] * x[1]
        v[2] += x[k]
        v[2] -= v[2] * 0.25
    return np.sum(y) + np.sum(v)


def sum_read_by_a_sum(a, x):
    """One sum is a term of the other, so that they stay in one loop."""
    s, t = 0.0, 0.0
    for k in range(x.size):
        s += x[k] * a[0, k]
        t += s * x[k]
    return t * s


@pytest.mark.parametrize("fn", [rows_in_place, meets_what_it_adds_to, sum_read_by_a_sum])
def test_sums_of_the_function_keep_their_order(fn):
    check(fn, (M, M[0]), (0, 1), order=2)
    for t in (jvp(fn), jvp(fn).py_func):
        assert t((M, M[0]), (M, M[0]))[0] == njit(fn)(M, M[0])
    for t in (value_and_grad(fn), value_and_grad(fn).py_func):
        assert t(M, M[0])[0] == njit(fn)(M, M[0])


def test_sums_whose_order_is_open_are_apart():
    text = source(jvp(rows_in_place), (M, M[0]), (M, M[0]))
    assert len(re.findall(r"for k in range", text)) == 4, text
    assert re.search(r"y_sum = y\[i, j\]\n.*\n +y_sum -= ", text), text
    text = source(jvp(sum_read_by_a_sum), (M, M[0]), (M, M[0]))
    assert len(re.findall(r"for k in range", text)) == 1, text


def fills_at(x, n, k):
    y = x.copy()
    for _ in range(n):
        y[k] += x[0] * x[1]
    return y


def test_a_place_that_is_not_there_is_not_loaded():
    push = jvp(fills_at)
    for f in (push, push.py_func):
        np.testing.assert_array_equal(f((M[0], 0, 10**9), (M[1],))[0], M[0])
    check(fills_at, (M[0], 3, 2), (0,))
