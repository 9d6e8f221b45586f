"""Triangular matrices: substitution, and how Cholesky's factor moves with its matrix, in Python and inside compiled code alike.

    forward_substituted(low, b)         L⁻¹ b              n² operations, where np.linalg.solve takes ⅔ n³: it knows of no zeros
    back_substituted(low, b)            L⁻ᵀ b
    cholesky_tangent(low, a_dot)        L Φ(L⁻¹ A' L⁻ᵀ)    where A = L Lᵀ, and Φ halves the diagonal of the lower triangle
    cholesky_cotangent(low, low_bar)    L⁻ᵀ Φ(Lᵀ L̄) L⁻¹    folded into the lower triangle: the transpose of the tangent

Of `low`, of `a_dot` and of `low_bar` the lower triangles are read and no more, and the last two return one, with zeros above it.

`into_cholesky_tangent` and `into_cholesky_cotangent` leave it in the place of the second argument.

In plain Python they are these formulas. Compiled, they go by blocks, and most of their work is products of matrices: the last
two take twice the operations of Cholesky's own factorisation, ⅔ n³, where the formulas take 3 n³ and more (Murray 2016).
"""
import numpy as np
from numba.extending import overload, register_jitable

from .blas import add_product
from .runtime import plus


def forward_substituted(low, b):
    """The solution x of L x = b, for the lower triangle of low; b: a vector, or a matrix of columns."""
    return np.linalg.solve(np.tril(low), b)


def back_substituted(low, b):
    """The solution x of Lᵀ x = b, for the lower triangle of low; b: a vector, or a matrix of columns."""
    return np.linalg.solve(np.tril(low).T, b)


def cholesky_tangent(low, a_dot):
    """How the factor low of a matrix moves when the matrix moves by a_dot, which is known by its lower triangle."""
    a_dot = np.tril(a_dot) + np.tril(a_dot, -1).T
    return np.tril(low) @ half_lower(forward_substituted(low, forward_substituted(low, a_dot).T))


def cholesky_cotangent(low, low_bar):
    """The cotangent of a matrix, known by its lower triangle, from that of its factor low."""
    c = back_substituted(low, back_substituted(low, half_lower(np.tril(low).T @ np.tril(low_bar))).T)
    return np.tril(c) + np.tril(c.T, -1)


def into_cholesky_tangent(low, low_dot):
    """The tangent of the factor low in the place of the matrix's, which low_dot holds at first."""
    low_dot[...] = cholesky_tangent(low, low_dot)


def into_cholesky_cotangent(low, a_bar):
    """The cotangent of the matrix in the place of its factor's, which a_bar holds at first."""
    a_bar[...] = cholesky_cotangent(low, a_bar)


IN_PLACE = {cholesky_tangent: into_cholesky_tangent, cholesky_cotangent: into_cholesky_cotangent}


def half_lower(a):
    """The lower triangle of a, its diagonal halved: Φ."""
    return np.tril(a) - 0.5 * np.diag(np.diag(a))


# ---- compiled --------------------------------------------------------------------------------------------------------

@register_jitable
def rows_of_a_block(n):
    """How many rows go together: large products are the faster for it, what remains to be done within a block the slower."""
    return 16 if n < 512 else 48


@register_jitable
def taken(part, m, n):
    """A copy of m rows and n columns, in whose place there are zeros from now on."""
    matrix, i, j = part
    out = np.empty((m, n), matrix.dtype)
    for p in range(m):
        for q in range(n):
            out[p, q] = matrix[i + p, j + q]
            matrix[i + p, j + q] = 0.0
    return out


@register_jitable
def lower(a):
    """np.tril(a), by rows; Numba's own takes a second to compile."""
    out = np.zeros(a.shape, a.dtype)
    for i in range(a.shape[0]):
        for j in range(i + 1):
            out[i, j] = a[i, j]
    return out


@register_jitable
def clear_above(a):
    """Zeros above the diagonal of a matrix."""
    for i in range(a.shape[0]):
        for j in range(i + 1, a.shape[1]):
            a[i, j] = 0.0


@register_jitable
def inverse(low, lo, hi):
    """The inverse of a block on the diagonal."""
    n = hi - lo
    out = np.zeros((n, n), low.dtype)
    for i in range(n):
        for k in range(i):
            v = low[lo + i, lo + k]
            for j in range(k + 1):
                out[i, j] -= v * out[k, j]
        for j in range(i):
            out[i, j] /= low[lo + i, lo + i]
        out[i, i] = 1.0 / low[lo + i, lo + i]
    return out


@register_jitable
def require_system(low, b):
    """Require of b what np.linalg.solve requires."""
    if low.shape[0] != b.shape[0]:
        raise np.linalg.LinAlgError("Incompatible array sizes, system is not dimensionally valid.")
    for v in b.flat:
        if not np.isfinite(v):
            raise np.linalg.LinAlgError("Array must not contain infs or NaNs.")


@overload(forward_substituted)
def _forward_substituted(low, b):
    def vector(low, b):
        require_system(low, b)
        low, x = np.ascontiguousarray(low), b.copy()
        for i in range(x.size):
            total = x[i] - x[i]
            for k in range(i):
                total = plus(total, low[i, k] * x[k])
            x[i] = (x[i] - total) / low[i, i]
        return x

    def matrix(low, b):
        require_system(low, b)
        low, x = np.ascontiguousarray(low), b.copy()
        n, m = x.shape
        rows = rows_of_a_block(n)
        for lo in range(0, n, rows):
            hi = min(lo + rows, n)
            add_product(-1, (x, lo, 0), (low, lo, 0), (x, 0, 0), (hi - lo, lo, m))
            block, part = (inverse(low, lo, hi), 0, 0), (taken((x, lo, 0), hi - lo, m), 0, 0)
            add_product(1, (x, lo, 0), block, part, (hi - lo, hi - lo, m))
        return x
    return vector if b.ndim == 1 else matrix


@overload(back_substituted)
def _back_substituted(low, b):
    def vector(low, b):
        require_system(low, b)
        low, x = np.ascontiguousarray(low), b.copy()
        for i in range(x.size - 1, -1, -1):
            x[i] /= low[i, i]
            v = x[i]
            for k in range(i):
                x[k] -= low[i, k] * v
        return x

    def matrix(low, b):
        require_system(low, b)
        low, x = np.ascontiguousarray(low), b.copy()
        n, m = x.shape
        rows = rows_of_a_block(n)
        for lo in range((n - 1) // rows * rows, -1, -rows):
            hi = min(lo + rows, n)
            add_product(-1, (x, lo, 0), (low, hi, lo), (x, hi, 0), (hi - lo, n - hi, m), turned_a=True)
            block, part = (inverse(low, lo, hi), 0, 0), (taken((x, lo, 0), hi - lo, m), 0, 0)
            add_product(1, (x, lo, 0), block, part, (hi - lo, hi - lo, m), turned_a=True)
        return x
    return vector if b.ndim == 1 else matrix


@overload(cholesky_tangent)
def _cholesky_tangent(low, a_dot):
    def impl(low, a_dot):
        low_dot = lower(a_dot)
        into_cholesky_tangent(low, low_dot)
        return low_dot
    return impl


@overload(into_cholesky_tangent)
def _into_cholesky_tangent(low, low_dot):
    def impl(low, low_dot):
        clear_above(low_dot)
        low = np.ascontiguousarray(low)
        n = low.shape[0]
        rows = rows_of_a_block(n)
        for lo in range(0, n, rows):
            hi = min(lo + rows, n)
            # of the columns of the block: what the columns before have left of the matrix, on the diagonal and below it
            out, size = (low_dot, lo, lo), (n - lo, lo, hi - lo)
            add_product(-1, out, (low_dot, lo, 0), (low, lo, 0), size, turned_b=True)
            add_product(-1, out, (low, lo, 0), (low_dot, lo, 0), size, turned_b=True)
            block_tangent(low, low_dot, lo, hi)
            below, size = (low_dot, hi, lo), (n - hi, hi - lo, hi - lo)
            add_product(-1, below, (low, hi, lo), (low_dot, lo, lo), size, turned_b=True)
            add_product(1, below, (taken(below, n - hi, hi - lo), 0, 0), (inverse(low, lo, hi), 0, 0), size, turned_b=True)
    return impl


@register_jitable
def block_tangent(low, low_dot, lo, hi):
    """The tangent of a block of the factor in the place of the matrix's, row by row."""
    for i in range(lo, hi):
        for j in range(lo, i + 1):
            total = low_dot[i, j] - low_dot[i, j]
            for k in range(lo, j):
                total = plus(total, low_dot[i, k] * low[j, k] + low[i, k] * low_dot[j, k])
            if j < i:
                low_dot[i, j] = (low_dot[i, j] - total - low[i, j] * low_dot[j, j]) / low[j, j]
            else:
                low_dot[i, i] = (low_dot[i, i] - total) / (2.0 * low[i, i])
        for j in range(i + 1, hi):
            low_dot[i, j] = 0.0


@overload(cholesky_cotangent)
def _cholesky_cotangent(low, low_bar):
    def impl(low, low_bar):
        a_bar = lower(low_bar)
        into_cholesky_cotangent(low, a_bar)
        return a_bar
    return impl


@overload(into_cholesky_cotangent)
def _into_cholesky_cotangent(low, a_bar):
    def impl(low, a_bar):
        clear_above(a_bar)
        low = np.ascontiguousarray(low)
        n = low.shape[0]
        rows = rows_of_a_block(n)
        for lo in range((n - 1) // rows * rows, -1, -rows):
            hi = min(lo + rows, n)
            below, size = (a_bar, hi, lo), hi - lo
            add_product(1, below, (taken(below, n - hi, size), 0, 0), (inverse(low, lo, hi), 0, 0), (n - hi, size, size))
            add_product(-1, (a_bar, hi, 0), below, (low, lo, 0), (n - hi, size, lo))
            add_product(-1, (a_bar, lo, 0), below, (low, hi, 0), (size, n - hi, hi), turned_a=True)
            block_cotangent(low, a_bar, lo, hi)
            add_product(-1, (a_bar, lo, 0), (a_bar, lo, lo), (low, lo, 0), (size, size, lo))
            add_product(-1, (a_bar, lo, 0), (a_bar, lo, lo), (low, lo, 0), (size, size, lo), turned_a=True)
    return impl


@register_jitable
def block_cotangent(low, low_bar, lo, hi):
    """The cotangent of a block of the matrix in the place of its factor's, from the last row up."""
    for k in range(hi - 1, lo - 1, -1):
        for i in range(k + 1, hi):
            low_bar[k, k] -= low_bar[i, k] * low[i, k] / low[k, k]
            low_bar[i, k] /= low[k, k]
        low_bar[k, k] /= low[k, k]
        v = low_bar[k, k]
        for j in range(lo, k):
            low_bar[k, j] -= v * low[k, j]
        for i in range(k + 1, hi):
            v = low_bar[i, k]
            for j in range(lo, k):
                low_bar[k, j] -= v * low[i, j]
                low_bar[i, j] -= v * low[k, j]
        low_bar[k, k] *= 0.5
        for j in range(k + 1, hi):
            low_bar[k, j] = 0.0
