"""Sums of the reverse sweep in registers: what is summed there, what must not be, and that it changes nothing else."""
import re
import subprocess
import sys

import numpy as np
import pytest
from laws import check
from test_dependence import same_gradient_without

from experiments.problems import lu_loops
from toolkit import fusion, grad, source
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
