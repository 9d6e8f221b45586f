"""Views, copies, broadcasting and its transpose, and functions that move entries about."""
import numpy as np

from ..domain import array, distinct, fixed, like, number
from ..matrices import scaled_eye, undiag
from ..primitive import flat, primitive, view
from ..runtime import (
    cast,
    count,
    distinct_places,
    fill,
    flatten,
    insertion,
    joined,
    order,
    partition_places,
    pick,
    place,
    places_along,
    repeated,
    scatter,
    scatter_along,
    shaped,
    spread,
    spread_like,
    tally,
    tally_within,
    unbroadcast,
    undiff,
    unwrapped,
    vander_slope,
    zeros_ahead,
)

view(np.transpose, np.reshape, np.ravel, np.expand_dims, np.flip, np.fliplr, np.flipud, np.swapaxes, np.moveaxis,
     np.rot90)

flat(np.zeros, np.ones, np.empty, np.eye, np.identity, np.tri, np.arange, np.zeros_like, np.ones_like, np.empty_like,
     np.indices, np.bartlett, np.blackman, np.hamming, np.hanning, why="does not depend on values")
flat(joined, np.shape, np.size, np.ndim, np.argsort, np.argpartition, np.argwhere, np.nonzero, np.flatnonzero, np.searchsorted,
     np.digitize, np.broadcast_shapes, np.tril_indices, np.triu_indices, np.tril_indices_from,
     np.triu_indices_from, repeated, order, distinct_places, partition_places, places_along, insertion, zeros_ahead, tally,
     tally_within, why="an integer")


# ---- broadcasting and casts ------------------------------------------------------------------------------------------

@primitive(fill, domain=(array(""), fixed((4,), (3, 4))), ranks=(None, None))
def fill_(v, shape):
    return fill(v, shape)

@fill_.transpose("v")
def _(out_bar):
    return np.sum(out_bar)


@primitive(spread, domain=(array("n"), fixed((4, 4)), fixed(0, 1, (-1,))), ranks=(None, None, None))
def spread_(y, shape, axis):
    return spread(y, shape, axis)

@spread_.transpose("y")
def _(axis, out_bar):
    return np.sum(out_bar, axis)


@primitive(spread_like, domain=(array("n"), like(np.ones((3, 4)))), ranks=(None, None))
def spread_like_(v, like):
    return spread_like(v, like)

@spread_like_.transpose("v")
def _(v, out_bar):
    return unbroadcast(out_bar, v)


@primitive(unbroadcast, domain=(array("m n"), like(np.ones(4), np.ones((3, 1)), (4,), (3, 1))), ranks=(None, None),
           flops=lambda m, n: m * n)
def unbroadcast_(ct, like):
    return unbroadcast(ct, like)

@unbroadcast_.transpose("ct")
def _(ct, out_bar):
    return spread_like(out_bar, ct)


@primitive(np.broadcast_to, domain=(array("n"), fixed((3, 4))), ranks=(None, None), flops=0)
def broadcast_to(x, shape):
    return np.broadcast_to(x, shape)

@broadcast_to.transpose("x")
def _(x, out_bar):
    return unbroadcast(out_bar, x)


@primitive(cast, domain=(array("n"), like(np.ones(1))), ranks=(None, None), flops=0)
def cast_(x, like):
    return cast(x, like)

@cast_.transpose("x")
def _(x, out_bar):
    return cast(out_bar, x)


@primitive(np.linspace, domain=(array(""), array(""), fixed(5)), ranks=(0, 0, None), flops=lambda: 10)
def linspace(start, stop, num=50):
    return np.linspace(start, stop, num)

@linspace.differential
def _(num, out, start_dot, stop_dot):
    # NumPy keeps float32 here, Numba does not
    return cast(fill(start_dot, (num,)) * np.linspace(1.0, 0.0, num)
                + fill(stop_dot, (num,)) * np.linspace(0.0, 1.0, num), out)


@primitive(np.logspace, domain=(number(-0.5, 0.0), number(0.2, 0.5), fixed(5)), ranks=(0, 0, None), flops=lambda: 300)
def logspace(start, stop, num=50):
    return np.logspace(start, stop, num)

@logspace.differential
def _(num, out, start_dot, stop_dot):
    return 2.302585092994046 * out * (fill(start_dot, (num,)) * np.linspace(1.0, 0.0, num)
                                      + fill(stop_dot, (num,)) * np.linspace(0.0, 1.0, num))


@primitive(np.geomspace, domain=(number(0.5, 1.0), number(2.0, 3.0), fixed(5)), ranks=(0, 0, None), flops=lambda: 300)
def geomspace(start, stop, num=50):
    return np.geomspace(start, stop, num)

@geomspace.differential
def _(start, stop, num, out, start_dot, stop_dot):
    return out * (fill(start_dot / start, (num,)) * np.linspace(1.0, 0.0, num)
                  + fill(stop_dot / stop, (num,)) * np.linspace(0.0, 1.0, num))


@primitive(np.vander, domain=(array("n"), fixed(3, 4), fixed(False, True)), ranks=(1, None, None), flops=lambda n: n * n)
def vander(x, N=None, increasing=False):
    return np.vander(x, N, increasing)

@vander.differential
def _(x, increasing, out, x_dot):
    return vander_slope(1, x, out.shape[1], increasing) * spread(x_dot, out.shape, 1)


@primitive(vander_slope, domain=(fixed(1, 2), array("n"), fixed(4), fixed(False, True)), ranks=(None, 1, None, None),
           flops=lambda n: 20 * n * n)
def vander_slope_(order, x, n, increasing):
    return vander_slope(order, x, n, increasing)

@vander_slope_.differential
def _(order, x, n, increasing, out, x_dot):
    return vander_slope(order + 1, x, n, increasing) * spread(x_dot, out.shape, 1)


# ---- copies and rearrangements ---------------------------------------------------------------------------------------

@primitive(np.copy, domain=(array("m n"),), ranks=(None,), flops=0)
def copy(x):
    return np.copy(x)

@copy.transpose("x")
def _(out_bar):
    return out_bar


@primitive(flatten, domain=(array("m n"),), ranks=(None,), flops=0)
def flatten_(x):
    return flatten(x)

@flatten_.transpose("x")
def _(x, out_bar):
    return shaped(out_bar, x.shape)


@primitive(shaped, domain=(array("n"), fixed((2, 2))), ranks=(None, None), flops=0)
def shaped_(v, shape):
    return shaped(v, shape)

@shaped_.transpose("v")
def _(v, out_bar):
    return shaped(out_bar, v.shape)


@primitive(np.roll, domain=(array("m n"), fixed(1, -2)), ranks=(None, None), flops=0)
def roll(a, shift):
    return np.roll(a, shift)

@roll.transpose("a")
def _(shift, out_bar):
    return np.roll(out_bar, -shift)


@primitive(np.take, domain=(array("m n"), fixed(0, -2)), ranks=(None, 0), flops=0)
def take_one(a, indices):
    return np.take(a, indices)

@take_one.transpose("a")
def _(a, indices, out_bar):
    return place(out_bar, indices, a.shape)


@primitive(np.take, domain=(array("m n"), fixed(np.array([5, 0, 5]), np.array([[1, 2], [3, 1]]))), ranks=(None, None),
           flops=0)
def take(a, indices):
    return np.take(a, indices)

@take.transpose("a")
def _(a, indices, out_bar):
    return scatter(out_bar, indices, a.shape)


@primitive(np.take, domain=(array("m n"), fixed(np.array([2, 0, 2])), fixed(0, 1, -1)), ranks=(None, 1, None), flops=0)
def take_along(a, indices, axis):
    return np.take(a, indices, axis)

@take_along.transpose("a")
def _(a, indices, axis, out_bar):
    return scatter_along(out_bar, indices, axis, a.shape)


@primitive(scatter_along, domain=(array("m m"), fixed(np.array([2, 0, 2])), fixed(0), fixed((4, 3))),
           ranks=(None, None, None, None), flops=lambda m: m * m)
def scatter_along_(v, indices, axis, shape):
    return scatter_along(v, indices, axis, shape)

@scatter_along_.transpose("v")
def _(indices, axis, out_bar):
    return np.take(out_bar, indices, axis)


@primitive(np.extract, domain=(fixed(np.array([True, False, True, True])), array("n")), ranks=(None, None), flops=0)
def extract(condition, arr):
    return np.extract(condition, arr)

@extract.transpose("arr")
def _(condition, arr, out_bar):
    return scatter(out_bar, np.flatnonzero(condition), arr.shape)


@primitive(np.delete, domain=(array("m n"), fixed(1, np.array([0, 3]))), ranks=(None, None), flops=0)
def delete(arr, obj):
    return np.delete(arr, obj)

@delete.transpose("arr")
def _(arr, obj, out_bar):
    return scatter(out_bar, np.delete(np.arange(count(arr.shape)), obj), arr.shape)


@primitive(np.resize, domain=(array("m n"), fixed((2, 7), (3,))), ranks=(None, None), flops=0)
def resize(a, new_shape):
    return np.resize(a, new_shape)

@resize.transpose("a")
def _(a, new_shape, out_bar):
    return scatter(out_bar, np.resize(np.arange(count(a.shape)), new_shape), a.shape)


@primitive(np.bincount, domain=(fixed(np.array([1, 0, 1, 5])), array("n"), fixed(0, 9)), ranks=(None, None, None),
           flops=lambda n: n)
def bincount(x, weights, minlength=0):
    return np.bincount(x, weights, minlength)

@bincount.transpose("weights")
def _(x, out_bar):
    return np.take(out_bar, x)


@primitive(scatter, domain=(array("m"), fixed(np.array([5, 0, 5])), fixed((2, 3))), ranks=(None, None, None),
           flops=lambda m: m)
def scatter_(v, indices, shape):
    return scatter(v, indices, shape)

@scatter_.transpose("v")
def _(indices, out_bar):
    return np.take(out_bar, indices)


@primitive(pick, domain=(array("m n"), fixed(0, 5)), ranks=(None, None), flops=0)
def pick_(x, i):
    return pick(x, i)

@pick_.transpose("x")
def _(x, i, out_bar):
    return place(out_bar, i, x.shape)


@primitive(place, domain=(array(""), fixed(0, 5), fixed((3, 4))), ranks=(None, None, None), flops=0)
def place_(v, i, shape):
    return place(v, i, shape)

@place_.transpose("v")
def _(i, out_bar):
    return pick(out_bar, i)


@primitive(np.repeat, domain=(number(-2.0, 2.0), fixed(3)), ranks=(0, None), flops=0)
def repeat_number(a, repeats):
    return np.repeat(a, repeats)

@repeat_number.transpose("a")
def _(out_bar):
    return np.sum(out_bar)


@primitive(np.repeat, domain=(array("m n"), fixed(2)), ranks=(None, None), flops=0)
def repeat(a, repeats):
    return np.repeat(a, repeats)

@repeat.transpose("a")
def _(a, repeats, out_bar):
    return scatter(out_bar, repeated(repeats, count(a.shape)), a.shape)


@primitive(np.ediff1d, domain=(array("m n"),), ranks=(None,), flops=lambda m, n: m * n)
def ediff1d(ary):
    return np.ediff1d(ary)

@ediff1d.transpose("ary")
def _(ary, out_bar):
    return shaped(undiff(out_bar, 1), ary.shape)


@primitive(np.unwrap, domain=(array("m n"),), ranks=(None,), flops=lambda m, n: 8 * m * n,
           kinks={"a difference of half a period: that of p": ((np.array([0.0, np.pi]),), ([1, 2],))})
def unwrap(p):
    return np.unwrap(p)

@unwrap.differential
def _(p_dot):
    return p_dot


@primitive(unwrapped, domain=(array("m n"), fixed(1.5, 2.0), fixed(3.0)), ranks=(None, None, None), flops=lambda m, n: 8 * m * n)
def unwrapped_(p, discont, period):
    return unwrapped(p, discont, period)

@unwrapped_.differential
def _(p_dot):
    return p_dot


@primitive(np.diff, domain=(array("m n"), fixed(1, 2)), ranks=(None, None), flops=lambda m, n: m * n)
def diff(a, n=1):
    return np.diff(a, n)

@diff.transpose("a")
def _(n, out_bar):
    return undiff(out_bar, n)


@primitive(undiff, domain=(array("m n"), fixed(1, 2)), ranks=(None, None), flops=lambda m, n: 2 * m * n)
def undiff_(v, n):
    return undiff(v, n)

@undiff_.transpose("v")
def _(n, out_bar):
    return np.diff(out_bar, n)


@primitive(np.sort, domain=(distinct("m n"),), ranks=(None,), flops=lambda m, n: 10 * m * n,
           kinks={"ties: in the order of np.argsort": ((np.ones(2),), ([1, 2],))})
def sort(x):
    return np.sort(x)

@sort.differential
def _(x, x_dot):
    return np.take(x_dot, order(x))


@primitive(np.unique, domain=(distinct("m n"),), ranks=(None,), flops=lambda m, n: 10 * m * n,
           kinks={"equal entries: that of the first": ((np.ones(2),), ([1, 0],))})
def unique(x):
    return np.unique(x)

@unique.differential
def _(x, x_dot):
    return np.take(x_dot, distinct_places(x))


# ---- diagonals and triangles -----------------------------------------------------------------------------------------

@primitive(np.diag, domain=(array("n"), fixed(0, 1, -2)), ranks=(1, None), flops=0)
def diag_matrix(v, k=0):
    return np.diag(v, k)

@diag_matrix.transpose("v")
def _(k, out_bar):
    return np.diag(out_bar, k)


@primitive(np.diag, domain=(array("m n"), fixed(0, 1, -2)), ranks=(2, None), flops=0)
def diagonal(v, k=0):
    return np.diag(v, k)

@diagonal.transpose("v")
def _(v, k, out_bar):
    return undiag(out_bar, k, v.shape)


@primitive(np.diagflat, domain=(array("m n"), fixed(0, 1, -2)), ranks=(None, None), flops=0)
def diagflat(v, k=0):
    return np.diagflat(v, k)

@diagflat.transpose("v")
def _(v, k, out_bar):
    return shaped(np.diag(out_bar, k), v.shape)


@primitive(undiag, domain=(array("m"), fixed(0), fixed((3, 4))), ranks=(None, None, None), flops=0)
def undiag_(v, k, shape):
    return undiag(v, k, shape)

@undiag_.transpose("v")
def _(k, out_bar):
    return np.diag(out_bar, k)


@primitive(np.triu, domain=(array("m n"), fixed(0, 1, -1)), ranks=(2, None), flops=0)
def triu(m, k=0):
    return np.triu(m, k)

@triu.transpose("m")
def _(k, out_bar):
    return np.triu(out_bar, k)


@primitive(np.tril, domain=(array("m n"), fixed(0, 1, -1)), ranks=(2, None), flops=0)
def tril(m, k=0):
    return np.tril(m, k)

@tril.transpose("m")
def _(k, out_bar):
    return np.tril(out_bar, k)


@primitive(np.trace, domain=(array("m n"), fixed(0, 1, -2)), ranks=(2, None), flops=lambda m, n: n)
def trace(a, offset=0):
    return np.trace(a, offset)

@trace.transpose("a")
def _(a, offset, out_bar):
    return scaled_eye(out_bar, offset, a.shape)


@primitive(scaled_eye, domain=(array(""), fixed(0, 1, -2), fixed((3, 4))), ranks=(None, None, None), flops=0)
def scaled_eye_(v, k, shape):
    return scaled_eye(v, k, shape)

@scaled_eye_.transpose("v")
def _(k, out_bar):
    return np.trace(out_bar, k)
