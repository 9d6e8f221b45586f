"""Linear algebra: Giles, An extended collection of matrix derivative results (2008); Murray, Differentiation of the Cholesky
decomposition (2016)."""
import numpy as np

from ..domain import array, regular, spd
from ..kernels import folded, half_lower, logabsdet, mirrored, slogdet_sign
from ..primitive import flat, primitive


@primitive(np.linalg.solve, domain=(regular("n n"), array("n")), flops=lambda n: 2 * n**3 // 3)
def solve(a, b):
    return np.linalg.solve(a, b)

@solve.differential
def _(a, out, a_dot, b_dot):
    return np.linalg.solve(a, b_dot - np.dot(a_dot, out))

@solve.transpose("b")
def _(a, out_bar):
    return np.linalg.solve(a.T, out_bar)


@primitive(np.linalg.solve, domain=(regular("n n"), array("n k")), flops=lambda n, k: 2 * n**3 // 3 + 2 * n * n * k)
def solve_matrix(a, b):
    return np.linalg.solve(a, b)

@solve_matrix.differential
def _(a, out, a_dot, b_dot):
    return np.linalg.solve(a, b_dot - np.dot(a_dot, out))

@solve_matrix.transpose("b")
def _(a, out_bar):
    return np.linalg.solve(a.T, out_bar)


@primitive(np.linalg.inv, domain=(regular("n n"),), flops=lambda n: 2 * n**3)
def inv(a):
    return np.linalg.inv(a)

@inv.differential
def _(out, a_dot):
    return -np.dot(np.dot(out, a_dot), out)


@primitive(np.linalg.det, domain=(regular("n n"),), flops=lambda n: 2 * n**3 // 3, kinks=("singular a: not supported (solve fails)",))
def det(a):
    return np.linalg.det(a)

@det.differential
def _(a, out, a_dot):
    return out * np.trace(np.linalg.solve(a, a_dot))


@primitive(logabsdet, domain=(regular("n n"),), flops=lambda n: 2 * n**3 // 3)
def logabsdet_(a):
    return logabsdet(a)

@logabsdet_.differential
def _(a, a_dot):
    return np.trace(np.linalg.solve(a, a_dot))


@primitive(np.linalg.cholesky, domain=(spd("n n"),), flops=lambda n: n**3 // 3)
def cholesky(a):
    return np.linalg.cholesky(a)

@cholesky.differential
def _(out, a_dot):
    return np.dot(out, half_lower(np.linalg.solve(out, np.transpose(np.linalg.solve(out, mirrored(a_dot))))))


@primitive(mirrored, domain=(array("n n"),))
def mirrored_(a):
    return mirrored(a)

@mirrored_.transpose("a")
def _(out_bar):
    return folded(out_bar)


@primitive(folded, domain=(array("n n"),))
def folded_(a):
    return folded(a)

@folded_.transpose("a")
def _(out_bar):
    return mirrored(out_bar)


@primitive(half_lower, domain=(array("n n"),))
def half_lower_(a):
    return half_lower(a)

@half_lower_.transpose("a")
def _(out_bar):
    return half_lower(out_bar)


@primitive(np.linalg.norm, domain=(array("n"),), flops=lambda n: 2 * n, kinks=("x = 0: derivative is nan",))
def norm(x):
    return np.linalg.norm(x)

@norm.differential
def _(x, out, x_dot):
    return np.dot(x, x_dot) / out


@primitive(np.linalg.norm, domain=(array("m k"),), flops=lambda m, k: 2 * m * k, kinks=("x = 0: derivative is nan",))
def norm_matrix(x):
    return np.linalg.norm(x)

@norm_matrix.differential
def _(x, out, x_dot):
    return np.sum(x * x_dot) / out


flat(slogdet_sign)
