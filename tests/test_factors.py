"""Systems with Cholesky's factor are solved by substitution, and only those."""
import numba
import numpy as np
import pytest
from laws import check

from toolkit import grad, jvp, source, value_and_grad

RNG = np.random.default_rng(0)
A = np.cov(RNG.standard_normal((5, 40))) + np.eye(5)
Y, Z = RNG.standard_normal(5), RNG.standard_normal((5, 2))


def likelihood(a, y):
    root = np.linalg.cholesky(a)
    alpha = np.linalg.solve(root.T, np.linalg.solve(root, y))
    return -0.5 * np.sum(y * alpha) - np.sum(np.log(np.diag(root)))


def of_a_callee(a, y):
    return whitened(np.linalg.cholesky(a), y) ** 2


def whitened(root, y):
    return np.linalg.solve(root, y)


def in_a_loop(a, y):
    total = 0.0
    for k in range(1, 3):
        root = np.linalg.cholesky(a + k * np.eye(a.shape[0]))
        y = np.linalg.solve(np.transpose(root), y)
        total += np.sum(y * y)
    return total


def written(a, y):
    """The upper triangle is no longer zero."""
    root = np.linalg.cholesky(a)
    root[0, 1] = 0.3
    return np.linalg.solve(root, y)


def written_as_a_view(a, y):
    root = np.linalg.cholesky(a)
    root.T[1, 0] = 0.3
    return np.linalg.solve(root, y)


def of_another_matrix(a, y):
    """It is the factor in the first iteration only."""
    root = np.linalg.cholesky(a)
    for _ in range(2):
        y = np.linalg.solve(root, y)
        root = root + a
    return y


SUBSTITUTED = [likelihood, of_a_callee, in_a_loop]
SOLVED = [written, written_as_a_view, of_another_matrix]


@pytest.mark.parametrize("fn", SUBSTITUTED + SOLVED)
@pytest.mark.parametrize("y", [Y, Z], ids=["vector", "matrix"])
def test_the_laws_hold(fn, y):
    check(fn, (A, y), (0, 1))
    check(fn, (A, y), (0, 1), compile=False, order=2)


@pytest.mark.parametrize("fn", SUBSTITUTED)
def test_by_substitution(fn):
    for text in (source(grad(scalar(fn)), A, Y), source(jvp(fn), (A, Y), (A, Y))):
        assert "_substituted(" in text, text
        assert "linalg.solve" not in text, text


@pytest.mark.parametrize("fn", SOLVED)
def test_not_what_may_be_another_matrix(fn):
    text = source(jvp(fn), (A, Y), (A, Y))
    assert "_substituted(" not in text, text


def scalar(fn):
    return lambda a, y: np.sum(fn(a, y))


def test_the_values_of_numba_to_the_last_bit(monkeypatch):
    monkeypatch.setenv("DUALTAPE_ELEMENTARY", "off")
    value, _ = value_and_grad(likelihood, argnums=(0, 1))(A, Y)
    assert value == numba.njit(likelihood)(A, Y)


def test_the_longer_vector_is_refused_as_numba_refuses_it():
    with pytest.raises(np.linalg.LinAlgError, match="Incompatible array sizes"):
        grad(likelihood)(A, np.ones(6))
