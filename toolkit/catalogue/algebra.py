"""Linear algebra: solving, inverses, determinants, factors and eigenvalues of matrices (Giles 2008; Murray 2016)."""
import numpy as np

from ..domain import array, distinct, regular, spd
from ..primitive import flat, primitive
from ..runtime import eigenvectors, fold, gaps, half_lower, logabsdet, mirror, select, slogdet_sign, spread


@primitive(np.linalg.solve, domain=(regular("n n"), array("n")), flops=lambda n: 2 * n**3 // 3)
def solve(a, b):
    return np.linalg.solve(a, b)

@solve.differential
def _(a, out, a_dot, b_dot):
    return np.linalg.solve(a, b_dot - a_dot @ out)

@solve.transpose("b")
def _(a, out_bar):
    return np.linalg.solve(a.T, out_bar)


@primitive(np.linalg.solve, domain=(regular("n n"), array("n m")), flops=lambda n, m: 2 * n**3 // 3 + 2 * n * n * m)
def solve_many(a, b):
    return np.linalg.solve(a, b)

@solve_many.differential
def _(a, out, a_dot, b_dot):
    return np.linalg.solve(a, b_dot - a_dot @ out)

@solve_many.transpose("b")
def _(a, out_bar):
    return np.linalg.solve(a.T, out_bar)


@primitive(np.linalg.inv, domain=(regular("n n"),), flops=lambda n: 2 * n**3)
def inv(a):
    return np.linalg.inv(a)

@inv.differential
def _(out, a_dot):
    return -(out @ a_dot @ out)


@primitive(np.linalg.det, domain=(regular("n n"),), flops=lambda n: 2 * n**3 // 3,
           kinks=("singular: refused by np.linalg.inv",))
def det(a):
    return np.linalg.det(a)

@det.differential
def _(a, out, a_dot):
    return out * np.sum(np.linalg.inv(a).T * a_dot)


@primitive(logabsdet, domain=(regular("n n"),), flops=lambda n: 2 * n**3 // 3,
           kinks=("singular: refused by np.linalg.inv",))
def logabsdet_(a):
    return logabsdet(a)

@logabsdet_.differential
def _(a, a_dot):
    return np.sum(np.linalg.inv(a).T * a_dot)


@primitive(np.linalg.norm, domain=(array("m n"),), ranks=(None,), flops=lambda m, n: 2 * m * n,
           kinks=("x = 0: derivative is 0",))
def norm(x):
    return np.linalg.norm(x)

@norm.differential
def _(x, out, x_dot):
    return np.sum(x * x_dot) / select(out == 0, 1.0, out)


@primitive(np.linalg.cholesky, domain=(spd("n n"),), flops=lambda n: n**3 // 3)
def cholesky(a):
    return np.linalg.cholesky(a)

@cholesky.differential
def _(out, a_dot):
    # L' = L Phi(inv(L) A' inv(L).T), where A is known by its lower triangle (Murray 2016, eq. 9)
    return out @ half_lower(np.linalg.solve(out, mirror(a_dot)) @ np.linalg.inv(out).T)


@primitive(np.linalg.eigvalsh, domain=(spd("n n"),), flops=lambda n: 4 * n**3 // 3,
           kinks=("equal eigenvalues: LAPACK's basis",))
def eigvalsh(a):
    return np.linalg.eigvalsh(a)

@eigvalsh.differential
def _(a, a_dot):
    return np.diag(eigenvectors(a).T @ mirror(a_dot) @ eigenvectors(a), 0)


@primitive(eigenvectors, domain=(spd("n n"),), flops=lambda n: 9 * n**3, kinks=("equal eigenvalues: taken as unsplit",))
def eigenvectors_(a):
    return eigenvectors(a)

@eigenvectors_.differential
def _(a, out, a_dot):
    return out @ (gaps(np.linalg.eigvalsh(a)) * (out.T @ mirror(a_dot) @ out))


@primitive(gaps, domain=(distinct("n"),), flops=lambda n: 5 * n * n)
def gaps_(w):
    return gaps(w)

@gaps_.differential
def _(out, w_dot):
    return out * out * (spread(w_dot, out.shape, 1) - spread(w_dot, out.shape, 0))


@primitive(mirror, domain=(array("n n"),), ranks=(None,), flops=0)
def mirror_(a):
    return mirror(a)

@mirror_.transpose("a")
def _(out_bar):
    return fold(out_bar)


@primitive(fold, domain=(array("n n"),), ranks=(None,), flops=lambda n: n * n)
def fold_(c):
    return fold(c)

@fold_.transpose("c")
def _(out_bar):
    return mirror(out_bar)


@primitive(half_lower, domain=(array("n n"),), ranks=(None,), flops=lambda n: n)
def half_lower_(a):
    return half_lower(a)

@half_lower_.transpose("a")
def _(out_bar):
    return half_lower(out_bar)


flat(slogdet_sign, np.linalg.matrix_rank)
