"""Whole Jacobians: both modes give the same, from Python and in compiled code, of all shapes, whatever is written or empty."""
import math
import re

import gallery
import numpy as np
import pytest
from laws import interpreted
from numba import njit

from toolkit import UsageError, grad, hessian, infer, jacobian, jacobians, jvp, source
from toolkit.transform import program_of, types_of

RNG = np.random.default_rng(0)
X, M = RNG.uniform(0.5, 1.5, 6), RNG.uniform(0.5, 1.5, (2, 3))


def takes_numbers_and_arrays(case):
    args = case.make_args(np.random.default_rng(1))
    program = program_of(case.fn, types_of(case.name, args))
    from_params = [program.params[k][1] for k in case.argnums]
    plain = not any(hasattr(a, "items") for a in (program.result, *from_params))
    return plain and infer.is_float(program.result) and not any(map(jacobians.draws, jacobians.walk(program.body)))


@pytest.mark.parametrize("case", gallery.CASES[::8], ids=lambda c: c.name)
def test_columns_are_rows(case):
    if not takes_numbers_and_arrays(case):
        pytest.skip("takes or returns other than numbers and arrays")
    args = case.make_args(np.random.default_rng(1))
    both = [jacobian(case.fn, case.argnums, mode=mode) for mode in ("forward", "reverse")]
    for forth, back in zip(*(interpreted(j, args)(*case.make_args(np.random.default_rng(1))) for j in both)):
        single = forth.dtype == np.float32 or any(getattr(a, "dtype", None) == np.float32 for a in args)
        np.testing.assert_allclose(forth, back, rtol=1e-5 if single else 1e-9, atol=1e-6 if single else 1e-12)


def outer(x, m):
    return np.sin(m) * np.sum(x) + x[0] * x[1]


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
def test_shapes(mode):
    by_x, by_m = jacobian(outer, (0, 1), mode)(X, M)
    assert (by_x.shape, by_m.shape) == ((2, 3, 6), (2, 3, 2, 3))
    for k in range(6):
        np.testing.assert_allclose(by_x[:, :, k], jvp(outer, 0)((X, M), (np.eye(6)[k],))[1], rtol=1e-14)
    np.testing.assert_allclose(by_m.reshape(6, 6), np.diag(np.cos(M).ravel() * X.sum()), rtol=1e-14)
    np.testing.assert_allclose(jacobian(outer, 1, mode)(X, np.asfortranarray(M)), by_m)
    assert jacobian(outer, 0, mode)(X, np.empty((0, 3))).shape == (0, 3, 6)


def number(t, a):
    return math.sin(t) * a


def curve(t):
    return np.array([math.cos(t), math.sin(t), t])


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
def test_numbers(mode):
    assert jacobian(number, mode=mode)(0.5, 2.0) == pytest.approx(2.0 * math.cos(0.5))
    assert jacobian(number, (0, 1), mode)(0.5, 2.0) == pytest.approx((2.0 * math.cos(0.5), math.sin(0.5)))
    np.testing.assert_allclose(jacobian(curve, mode=mode)(0.5), [-math.sin(0.5), math.cos(0.5), 1.0])
    np.testing.assert_allclose(jacobian(grad(number), mode=mode)(0.5, 2.0), -2.0 * math.sin(0.5))


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 8, 9])
def test_any_number_of_columns(n):
    """A last group of columns may be shorter than the others."""
    x = np.arange(1.0, n + 1.0)
    cubes = lambda x: x ** 3
    np.testing.assert_allclose(jacobian(cubes, mode="forward")(x), np.diag(3.0 * x ** 2))
    np.testing.assert_allclose(hessian(lambda x: np.sum(x ** 3))(x), np.diag(6.0 * x))


def relax(u, f):
    for i in range(1, u.size - 1):
        u[i] = (u[i - 1] + u[i + 1] + f[i]) / 2


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_what_is_written_is_written_inside(mode):
    u, f = X.copy(), np.ones(6)
    j = jacobian(relax, mode=mode)(u, f)
    np.testing.assert_array_equal(u, X)
    expected = [jvp(relax)((X.copy(), f), (e, np.zeros(6)))[1] for e in np.eye(6)]
    np.testing.assert_allclose(j, np.transpose(expected))


def test_single_precision_stays():
    j = jacobian(lambda x: x * x, mode="forward")(np.arange(3, dtype=np.float32))
    assert j.dtype == np.float32
    np.testing.assert_array_equal(j, np.diag([0.0, 2.0, 4.0]))


def test_inside_compiled_code():
    @njit
    def residual(x):
        return np.array([x[0] ** 2 + x[1] ** 2 - 1.0, x[0] - x[1]])

    @njit
    def newton(x):
        for _ in range(20):
            x = x - np.linalg.solve(jacobian(residual)(x), residual(x))
        return x

    @njit
    def curvature(x):
        return np.trace(hessian(energy)(x))

    @njit
    def energy(x):
        return np.sum(x ** 4)

    np.testing.assert_allclose(newton(np.array([1.0, 0.3])), np.full(2, math.sqrt(0.5)), rtol=1e-14)
    assert curvature(X) == pytest.approx(np.sum(12.0 * X ** 2))


def waves(x):
    return np.sin(x) * x[0]


def test_jacobians_have_derivatives():
    def stretch(x):
        j = jacobian(waves)(x)
        return np.sum(j * j)
    g = grad(stretch)(X)
    steps = [(stretch_at(X + e) - stretch_at(X - e)) / 2e-6 for e in 1e-6 * np.eye(6)]
    np.testing.assert_allclose(g, steps, rtol=1e-6)


def stretch_at(x):
    j = np.diag(np.cos(x) * x[0])
    j[:, 0] += np.sin(x)
    return np.sum(j * j)


def test_a_function_that_draws_is_refused():
    with pytest.raises(UsageError, match="draws random numbers"):
        jacobian(lambda x: x * np.random.normal())(X)       # noqa: NPY002 (Numba has this one)


def folded(x, n):
    """Loops, a branch, a tape and arrays of its own."""
    y = x.copy()
    for k in range(n):
        if y[0] > 0.2:
            y[k] = np.sin(y[k]) * y[0]
        else:
            y[k] = y[k] * y[1]
        y[0] += y[k] * 0.1
    return y[1:] * np.sum(y)


def triple(x, w):
    return np.array((x[0] * w[0, 1], math.exp(x[1] * w[1, 0]) + x[0], w[1, 2]))


def square(x, w):
    """A result of two axes."""
    out = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            out[i, j] = x[i] * w[i, j] * w[1, 2]
    return out


@pytest.mark.parametrize(("fn", "args"), [(folded, (X, 5)), (triple, (X, M)), (square, (X, M))])
def test_rows_side_by_side(fn, args):
    argnums = (0,) if fn is folded else (0, 1)
    columns = jacobian(fn, argnums, "forward")
    for mode in ("reverse", "auto"):
        rows = jacobian(fn, argnums, mode)
        for j in (rows, rows.py_func):
            for got, want in zip(j(*args), columns(*args), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)


def test_few_rows_take_one_forward_sweep():
    text = source(jacobian(triple, (0, 1)), X, M)
    assert text.count("exp(") == 1, text
    assert not re.search("unit|out_bar|for ", text), text


def with_what_it_saw(x, w):
    out = triple(x, w)
    return out, (out[0] ** 2, x)


def long_with_what_it_saw(x, n):
    return folded(x, n), n + 1


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
def test_what_a_function_computes_besides(mode):
    j = jacobian(with_what_it_saw, (0, 1), mode, has_aux=True)
    for f in (j, j.py_func, njit(lambda x, w: j(x, w))):
        blocks, (squared, x) = f(X, M)
        assert squared == triple(X, M)[0] ** 2
        np.testing.assert_array_equal(x, X)
        for got, want in zip(blocks, jacobian(triple, (0, 1))(X, M), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-14)
    block, n = jacobian(long_with_what_it_saw, 0, mode, has_aux=True)(X, 5)
    assert n == 6
    np.testing.assert_allclose(block, jacobian(folded)(X, 5), rtol=1e-13)


def test_what_a_function_computes_besides_stands_in_a_pair():
    with pytest.raises(UsageError, match=r"with has_aux=True the function returns \(out, anything\)"):
        jacobian(triple, has_aux=True)(X, M)


def beside_a_pole(x):
    """One error knows nothing of the other's infinite slope."""
    return np.array((x[0] * 2.0, np.sqrt(x[1])))


def test_a_row_has_nothing_of_the_others():
    with np.errstate(divide="ignore", invalid="ignore"):
        np.testing.assert_array_equal(jacobian(beside_a_pole, mode="reverse")(np.array([3.0, 0.0])), [[2.0, 0.0], [0.0, np.inf]])
