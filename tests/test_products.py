"""Products of matrices of which the derivatives need fewer than the rules ask for."""
import numpy as np
import pytest

from toolkit import check_grads, jvp, source

A = np.linspace(-1.0, 2.0, 12).reshape(4, 3) ** 3


def of_columns(a):
    return a.T @ a


def of_rows(a):
    return np.dot(a, a.T)


def of_what_is_centred(a):
    b = a - np.sum(a, axis=0) / a.shape[0]
    turned = b.T
    return np.sum(np.sin(turned @ b))


def of_what_is_written_later(a):
    b = a * 1.0
    turned = b.T
    s = np.sum((turned @ b) ** 2)
    b[0] = b[1] * b[-1]
    return s + np.sum((turned @ b) ** 2)


def of_vectors(a):
    return np.dot(a[0], a[0]) * (a[1] @ a[1])


@pytest.mark.parametrize(("fn", "most"), [(of_columns, 2), (of_rows, 2), (of_what_is_centred, 2), (of_what_is_written_later, 4)])
def test_the_tangent_of_a_gram_matrix_is_one_product(fn, most):
    """d (aᵀ a) = daᵀ a + (daᵀ a)ᵀ."""
    text = source(jvp(fn), (A,), (A,))
    assert sum(map(text.count, (" @ ", "np.dot(", "add_product_of_rows("))) == most, text


@pytest.mark.parametrize("fn", [of_columns, of_rows, of_what_is_centred, of_what_is_written_later, of_vectors])
def test_products_with_ones_own_transpose(fn):
    for a in (A, np.asfortranarray(A), A[::2], A[:, ::-1]):
        check_grads(fn, (a,))


def test_a_product_with_anothers_transpose_has_both_terms():
    text = source(jvp(lambda a, b: a.T @ b), (A, A + 1.0), (A, A))
    assert text.count(" @ ") == 3, text
