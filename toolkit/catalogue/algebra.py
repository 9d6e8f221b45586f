"""Linear algebra: solving, least squares, inverses, determinants, factors, eigenvalues and singular values of matrices, roots
of polynomials (Giles 2008; Golub & Pereyra 1973 for the pseudo-inverse and least squares; Murray 2016 for Cholesky's factor;
Townsend 2016 for the singular vectors)."""
import numpy as np

from ..domain import array, distinct, fixed, polynomial, real_spectrum, regular, spd
from ..matrices import (
    columns,
    eigenbasis,
    eigenvalues,
    eigenvectors,
    fold,
    gaps,
    gram,
    left_vectors,
    logabsdet,
    mirror,
    misfit,
    orthogonal,
    pinched,
    right_vectors,
    singular_values,
    skew,
    slogdet_sign,
    solution,
    solution_rank,
    transposed,
    triangular,
)
from ..primitive import flat, primitive
from ..runtime import cast, fill, select, spread, vander_slope
from ..triangular import back_substituted, cholesky_cotangent, cholesky_tangent, forward_substituted


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


@primitive(np.linalg.pinv, domain=(array("m n"),), flops=lambda m, n: 20 * m * n * n,
           kinks={"the rank changes: taken as if it did not": ((np.zeros((2, 2)),), (np.zeros((2, 2)),))})
def pinv(a):
    return np.linalg.pinv(a)

@pinv.differential
def _(a, out, a_dot):
    # P' = -P A' P + P P^T A'^T (I - A P) + (I - P A) A'^T P^T P (Golub & Pereyra 1973, eq. 4.12)
    return (gram(out, out) @ (transposed(a_dot) - transposed(a_dot) @ (a @ out))
            + (transposed(a_dot) - out @ (a @ transposed(a_dot))) @ (out.T @ out) - out @ a_dot @ out)


@primitive(solution, domain=(array("k n"), array("k")), flops=lambda k, n: 20 * k * n * n)
def solution_(a, b):
    return solution(a, b)

@solution_.differential
def _(a, b, out, a_dot, b_dot):
    # P' b + P b', of the pseudo-inverse P and its derivative
    return (np.linalg.pinv(a) @ (b_dot - a_dot @ out)
            + gram(np.linalg.pinv(a), np.linalg.pinv(a)) @ (transposed(a_dot) @ (b - a @ out))
            + transposed(a_dot) @ (np.linalg.pinv(a).T @ out)
            - np.linalg.pinv(a) @ (a @ (transposed(a_dot) @ (np.linalg.pinv(a).T @ out))))


@primitive(solution, domain=(array("k n"), array("k m")), flops=lambda k, n, m: 20 * k * n * (n + m))
def solutions(a, b):
    return solution(a, b)

@solutions.differential
def _(a, b, out, a_dot, b_dot):
    return (np.linalg.pinv(a) @ (b_dot - a_dot @ out)
            + gram(np.linalg.pinv(a), np.linalg.pinv(a)) @ (transposed(a_dot) @ (b - a @ out))
            + transposed(a_dot) @ (np.linalg.pinv(a).T @ out)
            - np.linalg.pinv(a) @ (a @ (transposed(a_dot) @ (np.linalg.pinv(a).T @ out))))


@primitive(misfit, domain=(array("k m"), array("k")), flops=lambda k, m: 20 * k * m * m)
def misfit_(a, b):
    return misfit(a, b)

@misfit_.differential
def _(a, b, out, a_dot, b_dot):
    # that of x drops out: the misfit is least there
    return fill(2.0 * (np.sum((b - a @ solution(a, b)) * b_dot)
                       - np.sum(np.outer(b - a @ solution(a, b), solution(a, b)) * a_dot)), out.shape)


@primitive(misfit, domain=(array("k m"), array("k n")), flops=lambda k, m, n: 20 * k * m * (n + m))
def misfits(a, b):
    return misfit(a, b)

@misfits.differential
def _(a, b, out, a_dot, b_dot):
    # column by column; of none, where nothing is left over
    return (pinched(columns(b - a @ solution(a, b), out.shape[0]), b_dot,
                    cast(2.0 * np.eye(b.shape[1], out.shape[0]), out))
            - pinched(columns(b - a @ solution(a, b), out.shape[0]), a_dot,
                      cast(2.0 * columns(solution(a, b), out.shape[0]), out)))


@primitive(np.linalg.det, domain=(regular("n n"),), flops=lambda n: 2 * n**3 // 3,
           kinks={"singular: refused by np.linalg.inv": ((np.zeros((2, 2)),), np.linalg.LinAlgError)})
def det(a):
    return np.linalg.det(a)

@det.differential
def _(a, out, a_dot):
    return out * np.sum(np.linalg.inv(a).T * a_dot)


@primitive(logabsdet, domain=(regular("n n"),), flops=lambda n: 2 * n**3 // 3,
           kinks={"singular: refused by np.linalg.inv": ((np.zeros((2, 2)),), np.linalg.LinAlgError)})
def logabsdet_(a):
    return logabsdet(a)

@logabsdet_.differential
def _(a, a_dot):
    return np.sum(np.linalg.inv(a).T * a_dot)


@primitive(np.linalg.norm, domain=(array("m n"),), ranks=(None,), flops=lambda m, n: 2 * m * n,
           kinks={"x = 0: derivative is 0": ((np.zeros((2, 2)),), (np.zeros((2, 2)),))})
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
    return cholesky_tangent(out, a_dot)


@primitive(cholesky_tangent, domain=(regular("n n"), array("n n")), flops=lambda n: 2 * n**3 // 3)
def cholesky_tangent_(low, a):
    return cholesky_tangent(low, a)

@cholesky_tangent_.transpose("a")
def _(low, out_bar):
    return cholesky_cotangent(low, out_bar)

@cholesky_tangent_.differential
def _(low, out, low_dot, a_dot):
    # with M = inv(L) A' inv(L).T: L' Phi(M) - L Phi(inv(L) (L' (L M).T + L M L'.T) inv(L).T), where L M = T + L Phi(M).T
    return (cholesky_tangent(low, a_dot) + np.tril(low_dot, 0) @ forward_substituted(low, out)
            - cholesky_tangent(low, np.tril(low_dot, 0) @ (out + np.tril(low) @ forward_substituted(low, out).T).T
                               + (out + np.tril(low) @ forward_substituted(low, out).T) @ transposed(np.tril(low_dot, 0))))


@primitive(cholesky_cotangent, domain=(regular("n n"), array("n n")), flops=lambda n: 2 * n**3 // 3)
def cholesky_cotangent_(low, a):
    return cholesky_cotangent(low, a)

@cholesky_cotangent_.transpose("a")
def _(low, out_bar):
    return cholesky_tangent(low, out_bar)

@cholesky_cotangent_.differential
def _(low, a, out, low_dot, a_dot):
    # of inv(L).T P inv(L), where P = Phi(L.T A): the symmetric part of the whole is (out + out.T) / 2
    return (cholesky_cotangent(low, a_dot)
            + cholesky_cotangent(low, back_substituted(low, transposed(np.tril(low_dot, 0)) @ np.tril(a)))
            - fold(back_substituted(low, transposed(np.tril(low_dot, 0)) @ (out + out.T))))


@primitive(forward_substituted, domain=(regular("n n"), array("n")), flops=lambda n: n * n)
def forward_substituted_(low, b):
    return forward_substituted(low, b)

@forward_substituted_.transpose("b")
def _(low, out_bar):
    return back_substituted(low, out_bar)

@forward_substituted_.differential
def _(low, out, low_dot, b_dot):
    return forward_substituted(low, b_dot - np.tril(low_dot, 0) @ out)


@primitive(forward_substituted, domain=(regular("n n"), array("n m")), flops=lambda n, m: n * n * m)
def forward_substituted_many(low, b):
    return forward_substituted(low, b)

@forward_substituted_many.transpose("b")
def _(low, out_bar):
    return back_substituted(low, out_bar)

@forward_substituted_many.differential
def _(low, out, low_dot, b_dot):
    return forward_substituted(low, b_dot - np.tril(low_dot, 0) @ out)


@primitive(back_substituted, domain=(regular("n n"), array("n")), flops=lambda n: n * n)
def back_substituted_(low, b):
    return back_substituted(low, b)

@back_substituted_.transpose("b")
def _(low, out_bar):
    return forward_substituted(low, out_bar)

@back_substituted_.differential
def _(low, out, low_dot, b_dot):
    return back_substituted(low, b_dot - transposed(np.tril(low_dot, 0)) @ out)


@primitive(back_substituted, domain=(regular("n n"), array("n m")), flops=lambda n, m: n * n * m)
def back_substituted_many(low, b):
    return back_substituted(low, b)

@back_substituted_many.transpose("b")
def _(low, out_bar):
    return forward_substituted(low, out_bar)

@back_substituted_many.differential
def _(low, out, low_dot, b_dot):
    return back_substituted(low, b_dot - transposed(np.tril(low_dot, 0)) @ out)


@primitive(orthogonal, domain=(array("k n"),), flops=lambda k, n: 4 * k * n * n)
def orthogonal_(a):
    return orthogonal(a)

@orthogonal_.differential
def _(a, out, a_dot):
    # with X = Q^T A' inv(R), of as many columns as Q has: Q' = Q skew(X) + (A' - Q Q^T A') inv(R)
    return (out @ skew(out.T @ columns(a_dot, out.shape[1]) @ np.linalg.inv(columns(triangular(a), out.shape[1])))
            + (columns(a_dot, out.shape[1]) - out @ (out.T @ columns(a_dot, out.shape[1])))
            @ np.linalg.inv(columns(triangular(a), out.shape[1])))


@primitive(triangular, domain=(array("k n"),), flops=lambda k, n: 4 * k * n * n)
def triangular_(a):
    return triangular(a)

@triangular_.differential
def _(a, out, a_dot):
    # A' = Q' R + Q R', so that R' = Q^T A' - skew(X) R
    return orthogonal(a).T @ a_dot - skew(
        orthogonal(a).T @ columns(a_dot, out.shape[0]) @ np.linalg.inv(columns(out, out.shape[0]))) @ out


@primitive(skew, domain=(array("n n"),), ranks=(None,), flops=lambda n: n * n)
def skew_(a):
    return skew(a)

@skew_.transpose("a")
def _(out_bar):
    return np.tril(out_bar - transposed(out_bar), -1)


@primitive(columns, domain=(array("m n"), fixed(2, 6)), ranks=(None, None), flops=0)
def columns_(a, n):
    return columns(a, n)

@columns_.transpose("a")
def _(a, out_bar):
    return columns(out_bar, a.shape[1])


@primitive(eigenvalues, domain=(real_spectrum("m m"),), flops=lambda m: 25 * m**3,
           kinks={"equal eigenvalues: in LAPACK's basis": ((np.eye(2),), ([[1, 0], [0, 2]],))})
def eigenvalues_(a):
    return eigenvalues(a)

@eigenvalues_.differential
def _(a, a_dot):
    return pinched(transposed(np.linalg.inv(eigenbasis(a))), a_dot, eigenbasis(a))


@primitive(eigenbasis, domain=(real_spectrum("m m"),), flops=lambda m: 25 * m**3,
           kinks={"equal eigenvalues: taken as unsplit": ((np.eye(2),), (np.zeros((2, 2)),))})
def eigenbasis_(a):
    return eigenbasis(a)

@eigenbasis_.differential
def _(a, out, a_dot):
    # V' = V (F o (inv(V) A' V)), F[i, j] = 1 / (w_j - w_i), less what would change the columns' lengths
    return (out @ (gaps(eigenvalues(a)) * (np.linalg.inv(out) @ a_dot @ out))
            - out * spread(np.sum(out * (out @ (gaps(eigenvalues(a)) * (np.linalg.inv(out) @ a_dot @ out))), 0), out.shape, 0))


@primitive(np.roots, domain=(polynomial("n"),), flops=lambda n: 10 * n**3,
           kinks={"a double root: divided by zero": ((np.array([1.0, 0.0, 0.0, 0.0]),), ([np.nan, np.nan, np.nan, -np.inf],))})
def roots(p):
    return np.roots(p)

@roots.differential
def _(p, out, p_dot):
    # p(r) = 0 and so p'(r) r' = -(the polynomial of the tangent)(r)
    return -(vander_slope(0, out, p.shape[0], False) @ p_dot) / (vander_slope(1, out, p.shape[0], False) @ p)


@primitive(np.linalg.eigvalsh, domain=(spd("n n"),), flops=lambda n: 4 * n**3 // 3,
           kinks={"equal eigenvalues: in LAPACK's basis": ((np.eye(2),), ([[1, 0], [0, 2]],))})
def eigvalsh(a):
    return np.linalg.eigvalsh(a)

@eigvalsh.differential
def _(a, a_dot):
    return pinched(eigenvectors(a), mirror(a_dot), eigenvectors(a))


@primitive(eigenvectors, domain=(spd("n n"),), flops=lambda n: 9 * n**3,
           kinks={"equal eigenvalues: taken as unsplit": ((np.eye(2),), (np.zeros((2, 2)),))})
def eigenvectors_(a):
    return eigenvectors(a)

@eigenvectors_.differential
def _(a, out, a_dot):
    return out @ (gaps(np.linalg.eigvalsh(a)) * (out.T @ mirror(a_dot) @ out))


@primitive(singular_values, domain=(array("m n"),), flops=lambda m, n: 4 * m * n * n,
           kinks={"equal singular values: in LAPACK's basis": ((np.eye(2),), ([[1, 0], [0, 2]],))})
def singular_values_(a):
    return singular_values(a)

@singular_values_.differential
def _(a, a_dot):
    return pinched(left_vectors(a), a_dot, right_vectors(a))


@primitive(left_vectors, domain=(array("m n"),), flops=lambda m, n: 20 * m * n * n,
           kinks={"equal singular values: taken as unsplit": ((np.eye(2),), (np.zeros((2, 2)),))})
def left_vectors_(a):
    return left_vectors(a)

@left_vectors_.differential
def _(a, out, a_dot):
    # with P = U^T A' V and F[i, j] = 1 / (s_j^2 - s_i^2): U' = U (F o (P S + S P^T)) + (I - U U^T) A' V / S (Townsend 2016)
    return (out @ (gaps(singular_values(a) * singular_values(a))
                   * (out.T @ a_dot @ (right_vectors(a) * singular_values(a))
                      + (right_vectors(a) * singular_values(a)).T @ transposed(a_dot) @ out))
            + (a_dot - out @ (out.T @ a_dot)) @ (right_vectors(a) / singular_values(a)))


@primitive(right_vectors, domain=(array("m n"),), flops=lambda m, n: 20 * m * n * n,
           kinks={"equal singular values: taken as unsplit": ((np.eye(2),), (np.zeros((2, 2)),))})
def right_vectors_(a):
    return right_vectors(a)

@right_vectors_.differential
def _(a, out, a_dot):
    # the left ones of A^T
    return (out @ (gaps(singular_values(a) * singular_values(a))
                   * (out.T @ transposed(a_dot) @ (left_vectors(a) * singular_values(a))
                      + (left_vectors(a) * singular_values(a)).T @ a_dot @ out))
            + (transposed(a_dot) - out @ (out.T @ transposed(a_dot))) @ (left_vectors(a) / singular_values(a)))


@primitive(transposed, domain=(array("m n"),), flops=0)
def transposed_(a):
    return transposed(a)

@transposed_.transpose("a")
def _(out_bar):
    return transposed(out_bar)


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


flat(slogdet_sign)
flat(np.linalg.matrix_rank, solution_rank, why="an integer")
