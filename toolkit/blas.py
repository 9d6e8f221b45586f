"""Products of matrices that are added to what is there: BLAS's own, on parts of matrices, so that nothing is made for them.

    add_product(factor, out, a, b, sizes)       out += factor A B       of parts; for compiled code
    add_product_of_rows(out, x, y, n)           out += Xᵀ Y             of the first n rows: a sum of n outer products, or of n
                                                                        rows of x, weighed, where y is a vector
    rows_together(n, width)                     over so many of n rows products, and the loops beside them, go at one time
    rows_left(n, start, strip)                  so many they are at the end
"""
from numba.extending import overload, register_jitable

from .host import gemm, gemv

ENTRIES = 16384         # of a matrix that stay in the caches with what is made of them: 128 KB
MANY = 16               # strips of a matrix that do not stay in the caches until it is read again: 2 MB
LEAST = 4               # rows for each of a matrix's columns, which make up for packing the other factor


@register_jitable
def add_product(factor, out, a, b, sizes, turned_a=False, turned_b=False):
    """out += factor op(a) op(b), in place, of parts of matrices: (matrix, the row and the column where it begins). `sizes`: the
    rows of the result, what is summed over, the columns; op turns a matrix over where it is told to."""
    m, k, n = sizes
    number = out[0].dtype.type
    if m and n and k:       # BLAS goes by columns, and sees all three turned over
        gemm(turned_b, turned_a, n, m, k, number(factor), b[0], place(b), b[0].shape[1], a[0], place(a), a[0].shape[1],
             number(1), out[0], place(out), out[0].shape[1])


@register_jitable
def place(part):
    """Where a part begins, in entries."""
    return part[1] * part[0].shape[1] + part[2]


@register_jitable
def rows_together(n, width, packed=True):
    """How many of n rows of so many entries make a strip: all, where they are less than two. `packed`: are there products with
    matrices, which BLAS packs for each strip, or with vectors alone? Strips of these save no more than reading a matrix."""
    rows, strips = max(ENTRIES // max(width, 1), 1), MANY
    if packed:
        rows, strips = max(rows, LEAST * width), 2
    return rows if n > strips * rows else max(n, 1)


@register_jitable
def rows_left(n, start, strip):
    """How many of n rows the strip that begins at `start` has: `strip` at most."""
    return min(strip, n - start)


def add_product_of_rows(out, x, y, n):
    """out += x[:n].T @ y[:n], for a matrix x that is stored by rows, and a matrix y that is, or a vector."""
    out += x[:n].T @ y[:n]


@overload(add_product_of_rows)
def _add_product_of_rows(out, x, y, n):
    def of_matrices(out, x, y, n):
        add_product(1, (out, 0, 0), (x, 0, 0), (y, 0, 0), (x.shape[1], n, y.shape[1]), turned_a=True)

    def of_vector(out, x, y, n):
        if n and x.shape[1]:
            one = out.dtype.type(1)
            gemv(False, x.shape[1], n, one, x, 0, x.shape[1], y, 0, one, out, 0)
    return of_matrices if y.ndim == 2 else of_vector
