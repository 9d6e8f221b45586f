"""Sums, means, products, extremes and running sums; on arrays of any rank unless said otherwise."""
import builtins

import numpy as np

from ..domain import array, distinct, fixed
from ..primitive import flat, primitive
from ..runtime import (
    advance,
    after,
    before,
    count,
    delay,
    fill,
    flatten,
    keep,
    median_weights,
    pick,
    recur,
    recur_back,
    shaped,
    spread,
    suffix_sum,
)


@primitive(np.sum, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def total(x):
    return np.sum(x)

@total.transpose("x")
def _(x, out_bar):
    return fill(out_bar, x.shape)


@primitive(np.sum, domain=(array("n m"), fixed(0, 1)), ranks=(None, None), flops=lambda n, m: n * m)
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
    return fill(out_bar / count(x.shape), x.shape)


@primitive(np.var, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: 4 * n * m)
def var(x):
    return np.var(x)

@var.differential
def _(x, x_dot):
    return 2.0 * np.mean((x - np.mean(x)) * x_dot)


@primitive(np.std, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: 4 * n * m,
           kinks=("all entries equal: not a number",))
def std(x):
    return np.std(x)

@std.differential
def _(x, out, x_dot):
    return np.mean((x - np.mean(x)) * x_dot) / out


@primitive(np.prod, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def prod(x):
    return np.prod(x)

@prod.differential
def _(x, x_dot):
    return np.sum(shaped(before(flatten(x)) * after(flatten(x)), x.shape) * x_dot)


# ---- extremes --------------------------------------------------------------------------------------------------------

@primitive(np.max, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: n * m,
           kinks=("ties: the first is chosen",))
def largest(x):
    return np.max(x)

@largest.differential
def _(x, x_dot):
    return pick(x_dot, np.argmax(x))


@primitive(np.min, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: n * m,
           kinks=("ties: the first is chosen",))
def smallest(x):
    return np.min(x)

@smallest.differential
def _(x, x_dot):
    return pick(x_dot, np.argmin(x))


@primitive(np.ptp, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: 2 * n * m,
           kinks=("ties: the first is chosen",))
def ptp(x):
    return np.ptp(x)

@ptp.differential
def _(x, x_dot):
    return pick(x_dot, np.argmax(x)) - pick(x_dot, np.argmin(x))


@primitive(np.median, domain=(distinct("n m"),), ranks=(None,), flops=lambda n, m: 10 * n * m,
           kinks=("ties: those that sorting puts in the middle",))
def median(x):
    return np.median(x)

@median.differential
def _(x, x_dot):
    return np.sum(median_weights(x) * x_dot)


# ---- running sums and products ---------------------------------------------------------------------------------------

@primitive(np.cumsum, domain=(array("n m"),), ranks=(None,), flops=lambda n, m: n * m)
def cumsum(x):
    return np.cumsum(x)

@cumsum.transpose("x")
def _(x, out_bar):
    return shaped(suffix_sum(out_bar), x.shape)


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


flat(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.count_nonzero, count, why="an integer")
flat(median_weights)
