"""Derivatives of parallel functions, and derivatives that are called in parallel: the same answers whatever the threads."""
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import gallery
import numba
import numpy as np
import pytest
from laws import check, fresh, like
from numba import njit, prange

from toolkit import grad, hvp, jvp, source, vjp
from toolkit.build import made
from toolkit.builder import acts
from toolkit.check import agree
from toolkit.emit import emit
from toolkit.fusion import fused
from toolkit.program import IF_PROVEN, For, pruned, rebuilt, walk
from toolkit.threads import side_by_side
from toolkit.transform import VJP, returning, types_of

X, W = np.linspace(0.2, 1.2, 64), np.array([1.3, 0.7])


@njit(parallel=True)
def nested(x, w):
    """Sums, an array that is filled, and a tape that a loop inside the parallel one pushes to."""
    s, out = 0.0, np.empty(x.size)
    for i in prange(1, x.size):
        y = math.sin(x[i] * w[0])
        for _ in range(3):
            y = math.exp(-y) * w[1] * x[i - 1]
        out[i] = y
        s += y * y
    out[0] = s
    return s + np.sum(out * x)


@njit(parallel=True)
def twice_parallel(x, w):
    """A parallel loop in a parallel loop, both of which leave values on tapes."""
    out = np.empty((x.size, 3))
    for i in prange(x.size):
        t = math.exp(x[i] * w[0])
        for j in prange(3):
            u = math.sin(t * w[1] + j)
            out[i, j] = u * u * t
    return out


@njit(parallel=True)
def array_sum(x):
    """Numba gives every thread an array of its own, and adds them."""
    total = np.ones(3)
    for i in prange(x.size // 4):
        total += x[i:i + 3] * x[i]
    return total


@njit(parallel=True)
def array_product(x):
    """The same for products, whose derivative is no product."""
    total = np.ones(3)
    for i in prange(x.size // 4):
        total *= 1.0 + 0.1 * x[i:i + 3]
    return total


@njit(parallel=True)
def product(x):
    """A product is no sum: its derivative is taken one iteration after another."""
    p = 1.0
    for i in prange(x.size):
        p *= 1.0 + 0.1 * x[i]
    return p


@njit(parallel=True)
def branching(x):
    """What is kept only sometimes has no place that the iteration's number says."""
    s = 0.0
    for i in prange(x.size):
        if x[i] > 0.5:
            t = math.tanh(x[i])
            s += t * t * x[0]
    return s


@njit(parallel=True)
def paths(x, w):
    """Each iteration is followed by its reverse, and has a tape of its own."""
    s = 0.0
    for i in prange(x.size):
        v = x[i]
        for j in range(5):
            v += w[0] * math.sin(v) * x[j]
        s += v * v
    return s


@njit(parallel=True)
def into_one_place(x, w):
    """Every iteration reads w[0]: the reverse of all of them adds to one place."""
    y = np.empty(x.size)
    for i in prange(x.size):
        y[i] = w[0] * x[i] ** 2
    return y


@pytest.mark.parametrize(("f", "args", "argnums"), [(nested, (X, W), (0, 1)), (twice_parallel, (X, W), (0, 1)),
                                                    (array_sum, (X,), (0,)), (array_product, (X,), (0,)),
                                                    (product, (X[:9],), (0,)), (branching, (X,), (0,)),
                                                    (into_one_place, (X, W), (0, 1)), (paths, (X, W), (0, 1))])
def test_the_answer_is_that_of_the_serial_function(f, args, argnums):
    serial, dots = f.py_func, tuple(np.ones_like(args[k]) for k in argnums)
    want_out, want_dot = jvp(serial, argnums)(args, dots)
    seed = np.ones_like(want_out) if np.ndim(want_out) else 1.0
    _, want = vjp(serial, argnums)(args, seed)
    push, pull = jvp(f, argnums), vjp(f, argnums)
    for threads in (1, 2):
        numba.set_num_threads(threads)
        for _ in range(3):
            out, dot = push(args, dots)
            np.testing.assert_allclose(out, want_out, rtol=1e-12)
            np.testing.assert_allclose(dot, want_dot, rtol=1e-12)
            for a, b in zip(pull(args, seed)[1], want, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12)
    check(f, args, argnums, compile=False)


def test_the_forward_pass_stays_parallel_where_that_is_right():
    assert "prange(" in source(jvp(nested), X, W)
    assert "prange(" in source(vjp(nested), X, W)
    assert "prange(" in source(vjp(into_one_place), X, W)
    assert "prange(" in source(jvp(array_sum), X)
    assert "prange(" not in source(jvp(array_product), X)
    assert "prange(" not in source(jvp(product), X)
    assert "prange(" not in source(vjp(branching), X)
    gradient = grad(nested)
    gradient(X, W)
    (made,) = gradient.entry.get_metadata().values()
    assert made["parfor_diagnostics"].count_parfors() > 0


def test_the_reverse_sweep_keeps_its_threads_where_that_is_right():
    for f, args in ((nested, (X, W)), (twice_parallel, (X, W)), (into_one_place, (X, W)), (array_sum, (X,)), (paths, (X, W))):
        reverse_sweep = source(vjp(f), *args).split("# reverse sweep")[1]
        assert "for part in prange(parts):" in reverse_sweep
    for f in (array_product, product, branching):
        assert "prange(" not in source(vjp(f), X)
    assert source(vjp(paths), X, W).count("prange(") == 1               # a loop and its reverse are one
    assert "x_bar_parts" in source(vjp(array_sum), X)                   # iterations add to what they share
    assert "x_bar_parts" not in source(vjp(into_one_place), X, W)       # x[i] is the iteration's own


def in_parts(case, args):
    """(pullback, count) of a program in which every loop that may is divided among three threads, as Python runs it, the parts in
    a random order; how many loops that are."""
    program = VJP(case.fn, case.argnums).program(types_of(case.name, args))

    def marked(block):
        return [replace(t, parallel=IF_PROVEN) if isinstance(t := rebuilt(s, marked), For) else t for s in block]
    program = pruned(side_by_side(fused(replace(program, body=marked(program.body)))), acts)
    function = made(*emit(program, "vjp")).function
    rng = np.random.default_rng(0)
    function.__globals__.update(prange=rng.permutation, get_num_threads=lambda: 3)
    return function, sum(isinstance(s, For) and s.parallel is True for s in walk(program.body))


def test_parts_of_loops_may_be_done_in_any_order():
    """What is taken to be independent is that: also of programs that were not written to be."""
    divided = 0
    for case in gallery.CASES[::3]:
        args = tuple(case.make_args(np.random.default_rng(3)))
        seed = like(returning(case.fn)(*fresh(args)), np.random.default_rng(4))
        given = (args, seed)
        pull, count = in_parts(case, given)
        if count:
            agree(pull(*fresh(given)), vjp(case.fn, case.argnums).py_func(*fresh(given)), 1e-9, case.name)
            divided += count
    assert divided > 20


@njit(nogil=True)
def shared(x):
    s = 0.0
    for i in range(x.size):
        s += math.sin(x[i]) * x[i - 1]
    return s


def test_many_threads_get_the_same_answers_and_compile_once():
    gradient, product_ = grad(shared), hvp(shared)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: (gradient(X + k), product_(X + k, X)), range(32)))
    for k, (g, p) in enumerate(found):
        np.testing.assert_array_equal(g, gradient(X + k))
        np.testing.assert_array_equal(p, product_(X + k, X))
    assert len(gradient.entry.overloads) == len(product_.entry.overloads) == 1


def test_many_threads_may_make_derivatives():
    functions = [lambda x: x * x, lambda x: math.sin(x) * x]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda f: grad(f)(0.3), functions * 4))
    assert found == [0.6, math.cos(0.3) * 0.3 + math.sin(0.3)] * 4
