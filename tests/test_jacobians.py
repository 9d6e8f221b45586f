"""Whole Jacobians: both modes give the same, from Python and in compiled code, of all shapes, whatever is written or empty."""
import math

import gallery
import numpy as np
import pytest
from laws import interpreted
from numba import njit

from toolkit import UsageError, grad, hessian, infer, jacobian, jacobians, jvp
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
