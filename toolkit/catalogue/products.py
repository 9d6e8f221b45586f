"""Products of arrays: bilinear, so each card is its own derivative and declares two transposes."""
import operator

import numpy as np

from ..domain import array, fixed
from ..matrices import gram, kron_left, kron_right, pinched, transposed
from ..primitive import primitive
from ..runtime import cast, flatten, narrow, shaped, widen


@primitive(operator.matmul, np.dot, domain=(array("m k"), array("k n")), flops=lambda m, k, n: 2 * m * k * n)
def matmul(a, b):
    return a @ b

@matmul.transpose("a", "b")
def _(a, b, out_bar):
    return out_bar @ b.T, a.T @ out_bar


@primitive(operator.matmul, np.dot, domain=(array("m k"), array("k")), flops=lambda m, k: 2 * m * k)
def matvec(a, x):
    return a @ x

@matvec.transpose("a", "x")
def _(a, x, out_bar):
    return np.outer(out_bar, x), a.T @ out_bar


@primitive(operator.matmul, np.dot, domain=(array("m"), array("m k")), flops=lambda m, k: 2 * m * k)
def vecmat(x, a):
    return x @ a

@vecmat.transpose("x", "a")
def _(x, a, out_bar):
    return a @ out_bar, np.outer(x, out_bar)


@primitive(operator.matmul, np.dot, np.vdot, domain=(array("n"), array("n")), flops=lambda n: 2 * n)
def dot(x, y):
    return np.dot(x, y)

@dot.transpose("x", "y")
def _(x, y, out_bar):
    return out_bar * y, out_bar * x


@primitive(np.outer, domain=(array("m"), array("n")), flops=lambda m, n: m * n)
def outer(x, y):
    return np.outer(x, y)

@outer.transpose("x", "y")
def _(x, y, out_bar):
    return out_bar @ y, x @ out_bar


@primitive(np.outer, domain=(array("m n"), array("k")), ranks=(None, None), flops=lambda m, n, k: m * n * k)
def outer_flat(x, y):
    return np.outer(x, y)

@outer_flat.transpose("x", "y")
def _(x, y, out_bar):
    return shaped(out_bar @ flatten(y), x.shape), shaped(flatten(x) @ out_bar, y.shape)


@primitive(gram, domain=(array("m k"), array("n k")), flops=lambda m, k, n: 2 * m * k * n)
def gram_(a, b):
    return gram(a, b)

@gram_.transpose("a", "b")
def _(a, b, out_bar):
    return cast(out_bar, b) @ b, transposed(cast(out_bar, a)) @ a


@primitive(pinched, domain=(array("m k"), array("m n"), array("n k")), flops=lambda m, n, k: 2 * m * n * k)
def pinched_(u, a, v):
    return pinched(u, a, v)

@pinched_.transpose("u", "a", "v")
def _(u, a, v, out_bar):
    return a @ v * out_bar, gram(u * out_bar, v), transposed(a) @ u * out_bar


@primitive(np.cross, domain=(array("m"), array("m")), flops=9)
def cross(x, y):
    return np.cross(x, y)

@cross.transpose("x", "y")
def _(x, y, out_bar):
    return np.cross(y, out_bar), np.cross(out_bar, x)


@primitive(np.cross, domain=(array("n m"), array("n m")), flops=lambda n, m: 3 * n * m)
def cross_rows(x, y):
    return np.cross(x, y)

@cross_rows.transpose("x", "y")
def _(x, y, out_bar):
    return np.cross(y, out_bar), np.cross(out_bar, x)


@primitive(np.cross, domain=(array("n m"), array("m")), flops=lambda n, m: 3 * n * m)
def cross_row(x, y):
    return np.cross(x, y)

@cross_row.transpose("x", "y")
def _(x, y, out_bar):
    return np.cross(y, out_bar), np.sum(np.cross(out_bar, x), 0)


@primitive(np.cross, domain=(array("m"), array("n m")), flops=lambda n, m: 3 * n * m)
def row_cross(x, y):
    return np.cross(x, y)

@row_cross.transpose("x", "y")
def _(x, y, out_bar):
    return np.sum(np.cross(y, out_bar), 0), np.cross(out_bar, x)


@primitive(np.kron, domain=(array("m"), array("n")), flops=lambda m, n: m * n)
def kron_vectors(a, b):
    return np.kron(a, b)

@kron_vectors.transpose("a", "b")
def _(a, b, out_bar):
    return shaped(out_bar, (a.shape[0], b.shape[0])) @ b, a @ shaped(out_bar, (a.shape[0], b.shape[0]))


@primitive(np.kron, domain=(array("m n"), array("k")), flops=lambda m, n, k: m * n * k)
def kron_matrix_vector(a, b):
    return np.kron(a, b)

@kron_matrix_vector.transpose("a", "b")
def _(a, b, out_bar):
    return kron_left(out_bar, shaped(b, (1, b.shape[0]))), flatten(kron_right(out_bar, a))


@primitive(np.kron, domain=(array("k"), array("m n")), flops=lambda k, m, n: m * n * k)
def kron_vector_matrix(a, b):
    return np.kron(a, b)

@kron_vector_matrix.transpose("a", "b")
def _(a, b, out_bar):
    return flatten(kron_left(out_bar, b)), kron_right(out_bar, shaped(a, (1, a.shape[0])))


@primitive(np.kron, domain=(array("m n"), array("k m")), flops=lambda m, n, k: m * n * k * m)
def kron(a, b):
    return np.kron(a, b)

@kron.transpose("a", "b")
def _(a, b, out_bar):
    return kron_left(out_bar, b), kron_right(out_bar, a)


@primitive(kron_left, domain=(array("m n"), array("m n")), flops=lambda m, n: 2 * m * n)
def kron_left_(c, b):
    return kron_left(c, b)

@kron_left_.transpose("c", "b")
def _(c, b, out_bar):
    return np.kron(out_bar, np.ascontiguousarray(b)), kron_right(c, out_bar)


@primitive(kron_right, domain=(array("m n"), array("m n")), flops=lambda m, n: 2 * m * n)
def kron_right_(c, a):
    return kron_right(c, a)

@kron_right_.transpose("c", "a")
def _(c, a, out_bar):
    return np.kron(np.ascontiguousarray(a), out_bar), kron_left(c, out_bar)


@primitive(np.convolve, domain=(array("k"), array("m")), flops=lambda k, m: 2 * k * m)
def convolve(x, y):
    return np.convolve(x, y)

@convolve.transpose("x", "y")
def _(x, y, out_bar):
    return np.correlate(out_bar, y), np.correlate(out_bar, x)


@primitive(np.convolve, domain=(array("k"), array("n"), fixed("same", "valid", "full")), ranks=(1, 1, None),
           flops=lambda k, n: 2 * k * n)
def convolve_mode(a, v, mode):
    return np.convolve(a, v, mode)

@convolve_mode.transpose("a", "v")
def _(a, v, mode, out_bar):
    return (np.correlate(widen(out_bar, a.shape[0], v.shape[0], mode, False), v, "valid"),
            np.correlate(widen(out_bar, a.shape[0], v.shape[0], mode, False), a, "valid"))


@primitive(np.correlate, domain=(array("n"), array("k"), fixed("valid", "same", "full")), ranks=(1, 1, None),
           flops=lambda k, n: 2 * k * n)
def correlate(a, v, mode="valid"):
    return np.correlate(a, v, mode)

@correlate.transpose("a", "v")
def _(a, v, mode, out_bar):
    # of a shorter first argument, np.correlate gives the mirror image: so "valid" of (a, longer) runs backwards
    return (np.convolve(widen(out_bar, a.shape[0], v.shape[0], mode, True), v, "valid"),
            np.correlate(a, widen(out_bar, a.shape[0], v.shape[0], mode, True), "valid"))


@primitive(widen, domain=(array("m"), fixed(3), fixed(5), fixed("valid"), fixed(False, True)),
           ranks=(1, None, None, None, None), flops=0)
def widen_(c, n, m, mode, turned):
    return widen(c, n, m, mode, turned)

@widen_.transpose("c")
def _(n, m, mode, turned, out_bar):
    return narrow(out_bar, n, m, mode, turned)


@primitive(narrow, domain=(array("k"), fixed(4), fixed(2), fixed("same", "full"), fixed(False, True)),
           ranks=(1, None, None, None, None), flops=0)
def narrow_(c, n, m, mode, turned):
    return narrow(c, n, m, mode, turned)

@narrow_.transpose("c")
def _(n, m, mode, turned, out_bar):
    return widen(out_bar, n, m, mode, turned)
