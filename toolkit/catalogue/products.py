"""Products of vectors and matrices, one card per rank signature."""
import operator

import numpy as np

from ..domain import array
from ..kernels import kron_left, kron_right
from ..primitive import primitive


@primitive(operator.matmul, np.dot, domain=(array("m k"), array("k n")), flops=lambda m, k, n: 2 * m * k * n)
def matmul(a, b):
    return np.dot(a, b)

@matmul.transpose("a", "b")
def _(a, b, out_bar):
    return np.dot(out_bar, b.T), np.dot(a.T, out_bar)


@primitive(operator.matmul, np.dot, domain=(array("m k"), array("k")), flops=lambda m, k: 2 * m * k)
def matvec(a, x):
    return np.dot(a, x)

@matvec.transpose("a", "x")
def _(a, x, out_bar):
    return np.outer(out_bar, x), np.dot(a.T, out_bar)


@primitive(operator.matmul, np.dot, domain=(array("m"), array("m k")), flops=lambda m, k: 2 * m * k)
def vecmat(x, a):
    return np.dot(x, a)

@vecmat.transpose("x", "a")
def _(x, a, out_bar):
    return np.dot(a, out_bar), np.outer(x, out_bar)


@primitive(operator.matmul, np.dot, np.vdot, domain=(array("n"), array("n")), flops=lambda n: 2 * n)
def dot(x, y):
    return np.dot(x, y)

@dot.transpose("x", "y")
def _(x, y, out_bar):
    return out_bar * y, out_bar * x


@primitive(np.outer, domain=(array("m"), array("k")), flops=lambda m, k: m * k)
def outer(x, y):
    return np.outer(x, y)

@outer.transpose("x", "y")
def _(x, y, out_bar):
    return np.dot(out_bar, y), np.dot(out_bar.T, x)


@primitive(np.kron, domain=(array("m k"), array("k n")), flops=lambda m, k, n: m * k * k * n)
def kron(a, b):
    return np.kron(a, b)

@kron.transpose("a", "b")
def _(a, b, out_bar):
    return kron_left(out_bar, b), kron_right(out_bar, a)


@primitive(np.kron, domain=(array("m"), array("k")), flops=lambda m, k: m * k)
def kron_vectors(x, y):
    return np.kron(x, y)

@kron_vectors.transpose("x", "y")
def _(x, y, out_bar):
    return (np.dot(np.reshape(out_bar, (len(x), len(y))), y),
            np.dot(np.reshape(out_bar, (len(x), len(y))).T, x))


@primitive(kron_left, domain=(array("n n"), array("n n")))
def kron_left_(bar, b):
    return kron_left(bar, b)

@kron_left_.transpose("bar", "b")
def _(bar, b, out_bar):
    return np.kron(out_bar, b), kron_right(bar, out_bar)


@primitive(kron_right, domain=(array("n n"), array("n n")))
def kron_right_(bar, a):
    return kron_right(bar, a)

@kron_right_.transpose("bar", "a")
def _(bar, a, out_bar):
    return np.kron(a, out_bar), kron_left(bar, out_bar)
