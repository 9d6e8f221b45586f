"""Products of arrays: bilinear, so each card is its own derivative and declares two transposes."""
import operator

import numpy as np

from ..domain import array
from ..primitive import primitive
from ..runtime import kron_left, kron_right


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
    return np.kron(out_bar, b), kron_right(c, out_bar)


@primitive(kron_right, domain=(array("m n"), array("m n")), flops=lambda m, n: 2 * m * n)
def kron_right_(c, a):
    return kron_right(c, a)

@kron_right_.transpose("c", "a")
def _(c, a, out_bar):
    return np.kron(a, out_bar), kron_left(c, out_bar)


@primitive(np.convolve, domain=(array("k"), array("m")), flops=lambda k, m: 2 * k * m)
def convolve(x, y):
    return np.convolve(x, y)

@convolve.transpose("x", "y")
def _(x, y, out_bar):
    return np.correlate(out_bar, y), np.correlate(out_bar, x)


@primitive(np.correlate, domain=(array("k"), array("m")), flops=lambda k, m: 2 * k * m)
def correlate(x, y):
    return np.correlate(x, y)

@correlate.transpose("x", "y")
def _(x, y, out_bar):
    return np.convolve(out_bar, y), np.correlate(x, out_bar)
