"""Substitution and the derivative of Cholesky's factor: by blocks they are the formulas that plain Python runs."""
import numba
import numpy as np
import pytest

from toolkit import triangular
from toolkit.triangular import back_substituted, cholesky_cotangent, cholesky_tangent, forward_substituted

SIZES = (0, 1, 2, 15, 16, 17, 40, 130, 530)     # about the sizes of the blocks, of which there are two


def compiled(fn):
    return numba.njit(eval(f"lambda low, b: triangular.{fn.__name__}(low, b)", {"triangular": triangular}))


def np_solve(low, b):
    return np.linalg.solve(low, b)


SOLVES = [(fn, compiled(fn)) for fn in (forward_substituted, back_substituted)]
INTO = {fn: compiled(into) for fn, into in triangular.IN_PLACE.items()}
FACTORS = [(fn, compiled(fn)) for fn in (cholesky_tangent, cholesky_cotangent)]


def factor(rng, n, dtype=np.float64):
    """Cholesky's factor of a matrix, with something above its diagonal, which is not to be read."""
    a = rng.standard_normal((n, n))
    return (np.linalg.cholesky(a @ a.T + n * np.eye(n)) + np.triu(rng.standard_normal((n, n)), 1)).astype(dtype)


def layouts(b):
    """A matrix as it may lie in memory."""
    wide = np.zeros((b.shape[0], 2 * b.shape[1]), b.dtype)
    wide[:, ::2] = b
    return b, np.asfortranarray(b), wide[:, ::2]


def near(got, want, dtype):
    assert (got.dtype, got.shape) == (dtype, want.shape)
    assert got.flags.c_contiguous
    assert np.max(np.abs(got - want), initial=0.0) <= 2e3 * np.finfo(dtype).eps * np.max(np.abs(want), initial=1.0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_blocks_are_the_formulas(dtype):
    for n in SIZES:
        rng = np.random.default_rng(n)
        low = factor(rng, n, dtype)
        for fn, fast in SOLVES:
            for b in (rng.standard_normal(n).astype(dtype), *layouts(rng.standard_normal((n, 3)).astype(dtype))):
                near(fast(low, b), fn(low, b), dtype)
        for fn, fast in FACTORS:
            for b in layouts(rng.standard_normal((n, n)).astype(dtype)):
                near(fast(low, b), fn(low, b), dtype)
                assert not np.any(np.triu(fast(low, b), 1))
            there = np.array(b, order="C")
            for into in (INTO[fn].py_func, INTO[fn]):
                np.copyto(there, b)
                into(low, there)
                near(there, fn(low, b), dtype)


@pytest.mark.parametrize("n", [12, 100])
def test_residuals_of_ill_conditioned_systems_are_small(n):
    """As those of np.linalg.solve: the solution is that of a system a few roundings away (Higham 2002, section 8.1)."""
    rng = np.random.default_rng(n)
    q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    low = np.linalg.cholesky((q * 10.0 ** np.linspace(0, -12, n)) @ q.T)
    assert np.linalg.cond(low) > 1e5
    b = rng.standard_normal((n, 3))
    for turned, (fn, fast) in zip((low, low.T), SOLVES):
        x = fast(low, b)
        assert np.linalg.norm(turned @ x - b) <= 1e-13 * np.linalg.norm(low) * np.linalg.norm(x), fn


@pytest.mark.parametrize("n", [5, 40])
def test_the_tangent_is_how_the_factor_moves_and_the_cotangent_its_transpose(n):
    rng = np.random.default_rng(n)
    (_, tangent), (_, cotangent) = FACTORS
    a_dot, low_bar, h = rng.standard_normal((n, n)), np.tril(rng.standard_normal((n, n))), 1e-6
    a_dot, low = a_dot + a_dot.T, np.tril(factor(rng, n))
    low_dot = tangent(low, a_dot)
    moved = (np.linalg.cholesky(low @ low.T + h * a_dot) - np.linalg.cholesky(low @ low.T - h * a_dot)) / (2 * h)
    assert np.allclose(low_dot, moved, rtol=1e-6, atol=1e-8)
    assert np.isclose(np.sum(low_dot * low_bar), np.sum(np.tril(a_dot) * cotangent(low, low_bar)), rtol=1e-12)


@pytest.mark.parametrize(("b", "message"), [(np.ones(3), "Incompatible array sizes"), (np.array([1.0, np.nan]), "infs or NaNs"),
                                        (np.array([[np.inf], [1.0]]), "infs or NaNs")])
def test_what_solve_refuses_is_refused_in_its_words(b, message):
    for fast in (numba.njit(np_solve), SOLVES[0][1], SOLVES[1][1]):
        with pytest.raises(np.linalg.LinAlgError, match=message):
            fast(np.eye(2), b)
