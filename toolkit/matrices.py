"""What rules and emitted code call of matrices, in Python and inside compiled code alike: parts of what np.linalg returns, each
with a card of its own, and the transposes of what NumPy makes of matrices. In plain Python it is plain Python.
"""
import numpy as np
from numba.extending import register_jitable


@register_jitable
def undiag(v, k, shape):
    """Zeros of `shape` with v on the k-th diagonal: the transpose of np.diag of a matrix."""
    out = np.zeros(shape, v.dtype)
    for i in range(v.size):
        out[i + max(-k, 0), i + max(k, 0)] = v[i]
    return out


@register_jitable
def scaled_eye(v, k, shape):
    """Zeros of `shape` with the number v on the whole k-th diagonal: the transpose of np.trace."""
    out = np.full(shape, v * 0)
    for i in range(max(-k, 0), min(shape[0], shape[1] - k)):
        out[i, i + k] = v
    return out


@register_jitable
def kron_left(c, b):
    """The transpose of np.kron(a, b) in a."""
    m, n = c.shape[0] // b.shape[0], c.shape[1] // b.shape[1]
    out = np.zeros((m, n), c.dtype)
    for i in range(m):
        for j in range(n):
            out[i, j] = np.sum(c[i * b.shape[0]:(i + 1) * b.shape[0], j * b.shape[1]:(j + 1) * b.shape[1]] * b)
    return out


@register_jitable
def kron_right(c, a):
    """The transpose of np.kron(a, b) in b."""
    p, q = c.shape[0] // a.shape[0], c.shape[1] // a.shape[1]
    out = np.zeros((p, q), c.dtype)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out += a[i, j] * c[i * p:(i + 1) * p, j * q:(j + 1) * q]
    return out


@register_jitable
def gram(a, b):
    """a b^T."""
    return a @ b.T


@register_jitable
def transposed(a):
    """a^T, as a fresh array."""
    return a.T.copy()


@register_jitable
def pinched(u, a, v):
    """u_k^T a v_k for each column of u and v: the diagonal of u^T a v."""
    return np.sum(u * (a @ v), 0)


@register_jitable
def centred(x):
    """Each row less its mean."""
    out = np.empty_like(x)
    for i in range(len(x)):
        out[i] = x[i] - np.mean(x[i])
    return out


@register_jitable
def mirror(a):
    """The symmetric matrix with the lower triangle of a: all that LAPACK reads of it."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        for j in range(i + 1):
            out[i, j] = out[j, i] = a[i, j]
    return out


@register_jitable
def fold(c):
    """The lower triangle of c plus its upper one turned over: the transpose of mirror."""
    out = np.zeros(c.shape, c.dtype)
    for i in range(c.shape[0]):
        for j in range(i):
            out[i, j] = c[i, j] + c[j, i]
        out[i, i] = c[i, i]
    return out


@register_jitable
def slogdet_sign(a):
    """The sign of det(a)."""
    return np.linalg.slogdet(a)[0]


@register_jitable
def logabsdet(a):
    """log |det(a)|."""
    return np.linalg.slogdet(a)[1]


@register_jitable
def eigenvectors(a):
    """The eigenvectors of a symmetric matrix: np.linalg.eigh(a)[1]."""
    return np.linalg.eigh(a)[1]


@register_jitable
def eigenvalues(a):
    """The eigenvalues of a matrix that has real ones: np.linalg.eig(a)[0]."""
    return np.linalg.eig(a)[0]


@register_jitable
def eigenbasis(a):
    """The eigenvectors of a matrix with real eigenvalues, as columns of length 1: np.linalg.eig(a)[1]."""
    return np.linalg.eig(a)[1]


@register_jitable
def orthogonal(a):
    """The orthogonal factor of a: np.linalg.qr(a)[0]."""
    return np.linalg.qr(a)[0]


@register_jitable
def triangular(a):
    """The triangular factor of a: np.linalg.qr(a)[1]."""
    return np.linalg.qr(a)[1]


@register_jitable
def skew(a):
    """The skew-symmetric matrix with the strict lower triangle of a."""
    low = np.tril(a, -1)
    return low - low.T


@register_jitable
def columns(a, n):
    """The first n columns of a, among zeros where a has fewer: its own transpose."""
    out, k = np.zeros((a.shape[0], n), a.dtype), min(n, a.shape[1])
    out[:, :k] = a[:, :k]
    return out


@register_jitable
def solution(a, b):
    """The least-squares solution of a x = b of least norm: np.linalg.lstsq(a, b)[0]."""
    return np.linalg.lstsq(a, b)[0]


@register_jitable
def misfit(a, b):
    """The squared distances from a x to b where there are more equations than unknowns: np.linalg.lstsq(a, b)[1]."""
    return np.linalg.lstsq(a, b)[1]


@register_jitable
def solution_rank(a, b):
    """The rank of a: np.linalg.lstsq(a, b)[2]."""
    return np.linalg.lstsq(a, b)[2]


@register_jitable
def singular_values(a):
    """The singular values of a: np.linalg.svd(a)[1]."""
    return np.linalg.svd(a, False)[1]


@register_jitable
def left_vectors(a):
    """The left singular vectors of a, thin: np.linalg.svd(a, False)[0]."""
    return np.linalg.svd(a, False)[0]


@register_jitable
def right_vectors(a):
    """The right singular vectors of a, thin and as columns: np.linalg.svd(a, False)[2].T."""
    return np.linalg.svd(a, False)[2].T.copy()


@register_jitable
def full_left_vectors(a):
    """All left singular vectors of a: np.linalg.svd(a)[0]. Those of the null space are not unique: they have no card."""
    return np.linalg.svd(a)[0]


@register_jitable
def full_right_vectors(a):
    """All right singular vectors of a, as rows: np.linalg.svd(a)[2]. As for the left ones."""
    return np.linalg.svd(a)[2]


for _fn in (full_left_vectors, full_right_vectors):
    _fn.called = "the full factors of np.linalg.svd"
    _fn.instead = "Write np.linalg.svd(a, False): beyond its factors the full ones are not unique."


@register_jitable
def gaps(w):
    """out[i, j] = 1 / (w[j] - w[i]), 0 where they are equal."""
    out = np.zeros((w.size, w.size), w.dtype)
    for i in range(w.size):
        for j in range(w.size):
            if w[i] != w[j]:
                out[i, j] = 1 / (w[j] - w[i])
    return out
