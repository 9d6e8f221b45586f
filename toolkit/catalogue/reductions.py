"""Sums, means, extremes and cumulations."""
import numpy as np

from ..domain import array, distinct, fixed, positive_array
from ..kernels import cumprod_pull, cumprod_push, entry, middle, others, others_push, place
from ..primitive import flat, primitive
from ..runtime import fill, spread

ANY = (None,)
size = lambda *dims: int(np.prod(dims))


@primitive(np.sum, domain=(array("m k"),), ranks=ANY, flops=size)
def sum_all(x):
    return np.sum(x)

@sum_all.transpose("x")
def _(x, out_bar):
    return fill(out_bar, x.shape)


@primitive(np.sum, domain=(array("m k"), fixed(0, 1, -1)), ranks=(None, None), flops=size)
def sum_axis(x, axis):
    return np.sum(x, axis)

@sum_axis.transpose("x")
def _(x, axis, out_bar):
    return spread(out_bar, x.shape, axis)


@primitive(np.mean, domain=(array("m k"),), ranks=ANY, flops=size)
def mean(x):
    return np.mean(x)

@mean.transpose("x")
def _(x, out_bar):
    return fill(out_bar / x.size, x.shape)


@primitive(np.var, domain=(array("m k"),), ranks=ANY, flops=size)
def var(x):
    return np.var(x)

@var.differential
def _(x, x_dot):
    return 2.0 * np.mean((x - np.mean(x)) * x_dot)


@primitive(np.std, domain=(array("m k"),), ranks=ANY, flops=size, kinks=("all entries equal: not differentiable, nan",))
def std(x):
    return np.std(x)

@std.differential
def _(x, out, x_dot):
    return np.mean((x - np.mean(x)) * x_dot) / out


@primitive(np.prod, domain=(positive_array("m k"),), ranks=ANY, flops=size)
def prod(x):
    return np.prod(x)

@prod.differential
def _(x, x_dot):
    return np.sum(others(x) * x_dot)


@primitive(others, domain=(positive_array("m"),), ranks=ANY)
def others_(x):
    return others(x)

@others_.differential
def _(x, x_dot):
    return others_push(x, x_dot)


@primitive(others_push, domain=(positive_array("m"), array("m")), ranks=(None, None))
def others_push_(x, v):
    return others_push(x, v)

@others_push_.transpose("v")
def _(x, out_bar):
    return others_push(x, out_bar)


@primitive(np.max, np.amax, domain=(distinct("m k"),), ranks=ANY, flops=size, kinks=("ties: the first in C order",))
def max_all(x):
    return np.max(x)

@max_all.differential
def _(x, x_dot):
    return entry(x_dot, np.argmax(x))


@primitive(np.min, np.amin, domain=(distinct("m k"),), ranks=ANY, flops=size, kinks=("ties: the first in C order",))
def min_all(x):
    return np.min(x)

@min_all.differential
def _(x, x_dot):
    return entry(x_dot, np.argmin(x))


@primitive(np.ptp, domain=(distinct("m k"),), ranks=ANY, flops=size, kinks=("ties: the first in C order",))
def ptp(x):
    return np.ptp(x)

@ptp.differential
def _(x, x_dot):
    return entry(x_dot, np.argmax(x)) - entry(x_dot, np.argmin(x))


@primitive(np.median, domain=(distinct("m k"),), ranks=ANY, flops=size)
def median(x):
    return np.median(x)

@median.differential
def _(x, x_dot):
    return 0.5 * entry(x_dot, middle(x, 0)) + 0.5 * entry(x_dot, middle(x, 1))


@primitive(entry, domain=(array("m k"), fixed(0, 3)), ranks=(None, None), flops=1)
def entry_(x, k):
    return entry(x, k)

@entry_.transpose("x")
def _(x, k, out_bar):
    return place(out_bar, k, x.shape)


@primitive(place, domain=(array(""), fixed(0, 3), fixed((3, 5))), ranks=(0, None, None), flops=1)
def place_(v, k, shape):
    return place(v, k, shape)

@place_.transpose("v")
def _(k, out_bar):
    return entry(out_bar, k)


@primitive(np.cumsum, domain=(array("m"),), ranks=ANY, flops=size)
def cumsum(x):
    return np.cumsum(x)

@cumsum.transpose("x")
def _(x, out_bar):
    return np.reshape(np.copy(np.cumsum(out_bar[::-1])[::-1]), x.shape)


@primitive(np.cumprod, domain=(positive_array("m"),), ranks=ANY, flops=size)
def cumprod(x):
    return np.cumprod(x)

@cumprod.differential
def _(x, x_dot):
    return cumprod_push(x, x_dot)


@primitive(cumprod_push, domain=(positive_array("m"), array("m")), ranks=(None, None))
def cumprod_push_(x, v):
    return cumprod_push(x, v)

@cumprod_push_.transpose("v")
def _(x, out_bar):
    return cumprod_pull(x, out_bar)


@primitive(cumprod_pull, domain=(positive_array("m"), array("m")), ranks=(None, None))
def cumprod_pull_(x, bar):
    return cumprod_pull(x, bar)

@cumprod_pull_.transpose("bar")
def _(x, out_bar):
    return cumprod_push(x, out_bar)


flat(np.argmax, np.argmin, np.argsort, np.count_nonzero, np.nonzero, np.flatnonzero, np.searchsorted, np.bincount, middle,
     why="an integer")
