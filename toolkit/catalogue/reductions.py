"""Sums, means, products, extremes and running sums; on arrays of any rank unless said otherwise."""
import builtins

import numpy as np

from ..domain import array, distinct, fixed, number, positive_array, quantiles
from ..matrices import centred, gram
from ..primitive import flat, primitive
from ..runtime import (
    advance,
    after,
    before,
    cast,
    count,
    delay,
    fill,
    flatten,
    keep,
    pick,
    position,
    quantile_slopes,
    quantile_weights,
    recur,
    recur_back,
    select,
    shaped,
    spread,
    suffix_sum,
    suffix_sum_along,
)


@primitive(np.sum, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def total(x):
    return np.sum(x)

@total.transpose("x")
def _(x, out_bar):
    return fill(out_bar, x.shape)


@primitive(np.sum, domain=(array("n m"), fixed(0, 1, None, (0, 1))), ranks=(None, None), flops=lambda n, m: n * m)
def sum_axis(x, axis):
    return np.sum(x, axis)

@sum_axis.transpose("x")
def _(x, axis, out_bar):
    return spread(out_bar, x.shape, axis)


@primitive(builtins.sum, domain=(array("n"),), flops=lambda n: n)
def sum_vector(x):
    return np.sum(x)

@sum_vector.transpose("x")
def _(x, out_bar):
    return fill(out_bar, x.shape)


@primitive(np.nansum, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def nansum(x):
    return np.nansum(x)

@nansum.differential
def _(x, x_dot):
    return np.sum(keep(np.logical_not(np.isnan(x)), x_dot))


@primitive(np.mean, np.average, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def mean(x):
    return np.mean(x)

@mean.transpose("x")
def _(x, out_bar):
    return fill(out_bar / max(count(x.shape), 1), x.shape)


@primitive(np.nanmean, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def nanmean(x):
    return np.nanmean(x)

@nanmean.differential
def _(x, x_dot):
    return np.sum(keep(np.logical_not(np.isnan(x)), x_dot)) / np.sum(np.logical_not(np.isnan(x)))


@primitive(np.average, domain=(array("n m"), fixed(None), positive_array("n m")), ranks=(None, None, None),
           flops=lambda n, m: 3 * n * m)
def average(a, axis, weights):
    return np.average(a, axis, weights)

@average.differential
def _(a, weights, out, a_dot, weights_dot):
    return (np.sum(weights * a_dot) + np.sum((a - out) * weights_dot)) / np.sum(weights)


@primitive(np.var, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: 4 * n * m)
def var(x):
    return np.var(x)

@var.differential
def _(x, x_dot):
    return 2.0 * np.mean((x - np.mean(x)) * x_dot)


@primitive(np.std, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: 4 * n * m,
           kinks={"all entries equal: not a number": ((np.ones(2),), ([np.nan, np.nan],))})
def std(x):
    return np.std(x)

@std.differential
def _(x, out, x_dot):
    return np.mean((x - np.mean(x)) * x_dot) / out


@primitive(np.nanvar, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: 4 * n * m)
def nanvar(x):
    return np.nanvar(x)

@nanvar.differential
def _(x, x_dot):
    return 2.0 * np.sum(keep(np.logical_not(np.isnan(x)), x - np.nanmean(x)) * x_dot) / np.sum(np.logical_not(np.isnan(x)))


@primitive(np.nanstd, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: 4 * n * m,
           kinks={"all entries equal: not a number": ((np.ones(2),), ([np.nan, np.nan],))})
def nanstd(x):
    return np.nanstd(x)

@nanstd.differential
def _(x, out, x_dot):
    return (np.sum(keep(np.logical_not(np.isnan(x)), x - np.nanmean(x)) * x_dot)
            / (out * np.sum(np.logical_not(np.isnan(x)))))


@primitive(np.prod, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def prod(x):
    return np.prod(x)

@prod.differential
def _(x, x_dot):
    return np.sum(shaped(before(flatten(x)) * after(flatten(x)), x.shape) * x_dot)


@primitive(np.nanprod, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def nanprod(x):
    return np.nanprod(x)

@nanprod.differential
def _(x, x_dot):
    return np.sum(keep(np.logical_not(np.isnan(x)), shaped(before(flatten(select(np.isnan(x), 1.0, x)))
                                                           * after(flatten(select(np.isnan(x), 1.0, x))), x.shape)) * x_dot)


@primitive(np.cov, domain=(array("m n"),), flops=lambda m, n: 2 * m * m * n)
def cov(m):
    return np.cov(m)

@cov.differential
def _(m, m_dot):
    # the rows of centred(m) sum to zero, so that the means of the tangent's rows drop out
    return (gram(m_dot, centred(m)) + gram(centred(m), m_dot)) / (m.shape[1] - 1)


@primitive(centred, domain=(array("m n"),), flops=lambda m, n: 2 * m * n)
def centred_(x):
    return centred(x)

@centred_.transpose("x")
def _(out_bar):
    return centred(out_bar)


# ---- extremes and other order statistics -------------------------------------------------------------------------------

@primitive(np.max, np.amax, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: n * m,
           kinks={"ties: the first is chosen": ((np.ones(2),), ([1, 0],))})
def largest(x):
    return np.max(x)

@largest.differential
def _(x, out, x_dot):
    return pick(x_dot, position(x, out))


@primitive(np.min, np.amin, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: n * m,
           kinks={"ties: the first is chosen": ((np.ones(2),), ([1, 0],))})
def smallest(x):
    return np.min(x)

@smallest.differential
def _(x, out, x_dot):
    return pick(x_dot, position(x, out))


@primitive(np.ptp, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: 2 * n * m,
           kinks={"all entries equal: derivative is 0": ((np.ones(2),), ([0, 0],))})
def ptp(x):
    return np.ptp(x)

@ptp.differential
def _(x, x_dot):
    return pick(x_dot, np.argmax(x)) - pick(x_dot, np.argmin(x))


@primitive(np.nanmax, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: n * m,
           kinks={"ties: the first is chosen": ((np.ones(2),), ([1, 0],))})
def nanmax(x):
    return np.nanmax(x)

@nanmax.differential
def _(x, x_dot):
    return pick(x_dot, np.nanargmax(x))


@primitive(np.nanmin, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: n * m,
           kinks={"ties: the first is chosen": ((np.ones(2),), ([1, 0],))})
def nanmin(x):
    return np.nanmin(x)

@nanmin.differential
def _(x, x_dot):
    return pick(x_dot, np.nanargmin(x))


@primitive(np.median, np.nanmedian, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: 10 * n * m,
           kinks={"ties: that which sorting puts in the middle": ((np.ones(3),), ([0, 1, 0],))})
def median(x):
    return np.median(x)

@median.differential
def _(x, x_dot):
    return np.sum(quantile_weights(x, 0.5) * x_dot)


@primitive(np.quantile, np.nanquantile, domain=(distinct("n m"), number(0.11, 0.17)), ranks=(None, 0),
           flops=lambda n, m: 10 * n * m,
           kinks={"q at an entry: the interval above": ((np.array([0.0, 1.0, 3.0]), 0.5), ([0, 1, 0], 4.0))})
def quantile(a, q):
    return np.quantile(a, q)

@quantile.differential
def _(a, q, a_dot, q_dot):
    return np.sum(quantile_weights(a, q) * a_dot) + np.sum(quantile_slopes(a, q) * a) * q_dot


@primitive(np.quantile, np.nanquantile, domain=(distinct("n m"), quantiles("k")), ranks=(None, 1),
           flops=lambda n, m, k: 10 * n * m * k,
           kinks={"q at an entry: the interval above": ((np.array([0.0, 1.0, 3.0]), np.array([0.5])), ([0, 1, 0], [4.0]))})
def quantiles_(a, q):
    return np.quantile(a, q)

@quantiles_.differential
def _(a, q, out, a_dot, q_dot):
    return quantile_weights(a, q) @ flatten(cast(a_dot, out)) + quantile_slopes(a, q) @ flatten(cast(a, out)) * q_dot


@primitive(np.percentile, np.nanpercentile, domain=(distinct("n m"), number(11.0, 17.0)), ranks=(None, 0),
           flops=lambda n, m: 10 * n * m,
           kinks={"q at an entry: the interval above": ((np.array([0.0, 1.0, 3.0]), 50.0), ([0, 1, 0], 0.04))})
def percentile(a, q):
    return np.percentile(a, q)

@percentile.differential
def _(a, q, a_dot, q_dot):
    return np.sum(quantile_weights(a, 0.01 * q) * a_dot) + 0.01 * np.sum(quantile_slopes(a, 0.01 * q) * a) * q_dot


@primitive(np.percentile, np.nanpercentile, domain=(distinct("n m"), quantiles("k", 100.0)), ranks=(None, 1),
           flops=lambda n, m, k: 10 * n * m * k,
           kinks={"q at an entry: the interval above": ((np.array([0.0, 1.0, 3.0]), np.array([50.0])), ([0, 1, 0], [0.04]))})
def percentiles(a, q):
    return np.percentile(a, q)

@percentiles.differential
def _(a, q, out, a_dot, q_dot):
    return (quantile_weights(a, 0.01 * q) @ flatten(cast(a_dot, out))
            + 0.01 * (quantile_slopes(a, 0.01 * q) @ flatten(cast(a, out))) * q_dot)


@primitive(quantile_weights, domain=(distinct("n m"), number(0.11, 0.17)), ranks=(None, 0), flops=lambda n, m: 10 * n * m)
def quantile_weights_(x, q):
    return quantile_weights(x, q)

@quantile_weights_.differential
def _(x, q, q_dot):
    return quantile_slopes(x, q) * q_dot


@primitive(quantile_weights, domain=(distinct("n m"), quantiles("k")), ranks=(None, 1), flops=lambda n, m, k: 10 * n * m * k)
def quantiles_weights(x, q):
    return quantile_weights(x, q)

@quantiles_weights.differential
def _(x, q, out, q_dot):
    return quantile_slopes(x, q) * spread(q_dot, out.shape, 1)


# ---- running sums and products ---------------------------------------------------------------------------------------

@primitive(np.cumsum, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def cumsum(x):
    return np.cumsum(x)

@cumsum.transpose("x")
def _(x, out_bar):
    return shaped(suffix_sum(out_bar), x.shape)


@primitive(np.cumsum, domain=(array("n m"), fixed(0, 1, -1)), ranks=(None, None), flops=lambda n, m: n * m)
def cumsum_along(x, axis):
    return np.cumsum(x, axis)

@cumsum_along.transpose("x")
def _(axis, out_bar):
    return suffix_sum_along(out_bar, axis)


@primitive(suffix_sum_along, domain=(array("n m"), fixed(0, 1)), ranks=(None, None), flops=lambda n, m: n * m)
def suffix_sum_along_(v, axis):
    return suffix_sum_along(v, axis)

@suffix_sum_along_.transpose("v")
def _(axis, out_bar):
    return np.cumsum(out_bar, axis)


@primitive(np.nancumsum, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def nancumsum(x):
    return np.nancumsum(x)

@nancumsum.differential
def _(x, x_dot):
    return np.cumsum(keep(np.logical_not(np.isnan(x)), x_dot))


@primitive(suffix_sum, domain=(array("n"),), ranks=(None,), flops=lambda n: n)
def suffix_sum_(v):
    return suffix_sum(v)

@suffix_sum_.transpose("v")
def _(out_bar):
    return np.cumsum(out_bar)


@primitive(np.cumprod, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def cumprod(x):
    return np.cumprod(x)

@cumprod.differential
def _(x, x_dot):
    return recur(flatten(x), before(flatten(x)) * flatten(x_dot))


@primitive(np.nancumprod, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def nancumprod(x):
    return np.nancumprod(x)

@nancumprod.differential
def _(x, x_dot):
    return recur(flatten(select(np.isnan(x), 1.0, x)), before(flatten(select(np.isnan(x), 1.0, x)))
                 * flatten(keep(np.logical_not(np.isnan(x)), x_dot)))


@primitive(before, domain=(array("n"),), flops=lambda n: n)
def before_(x):
    return before(x)

@before_.differential
def _(x, out, x_dot):
    return delay(recur(x, x_dot * out))


@primitive(after, domain=(array("n"),), flops=lambda n: n)
def after_(x):
    return after(x)

@after_.differential
def _(x, out, x_dot):
    return recur_back(x, advance(x_dot * out))


@primitive(recur, domain=(array("n"), array("n")), ranks=(None, None), flops=lambda n: 2 * n)
def recur_(a, b):
    return recur(a, b)

@recur_.differential
def _(a, out, a_dot, b_dot):
    return recur(a, b_dot + a_dot * delay(out))

@recur_.transpose("b")
def _(a, out_bar):
    return recur_back(a, out_bar)


@primitive(recur_back, domain=(array("n"), array("n")), ranks=(None, None), flops=lambda n: 2 * n)
def recur_back_(a, b):
    return recur_back(a, b)

@recur_back_.differential
def _(a, out, a_dot, b_dot):
    return recur_back(a, b_dot + advance(a_dot * out))

@recur_back_.transpose("b")
def _(a, out_bar):
    return recur(a, out_bar)


@primitive(delay, domain=(array("n"),), ranks=(None,), flops=0)
def delay_(v):
    return delay(v)

@delay_.transpose("v")
def _(out_bar):
    return advance(out_bar)


@primitive(advance, domain=(array("n"),), ranks=(None,), flops=0)
def advance_(v):
    return advance(v)

@advance_.transpose("v")
def _(out_bar):
    return delay(out_bar)


flat(position, np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.count_nonzero, count, why="an integer")
flat(quantile_slopes)
