"""Making, copying and rearranging arrays. What shares memory is a view, which the modes mirror."""
import numpy as np

from ..domain import array, distinct, fixed, real
from ..kernels import diagonal, gather, on_diagonal, repeated_sum, scatter
from ..primitive import flat, primitive, view
from ..runtime import fill, spread, spread_like, unbroadcast

view(np.transpose, np.reshape, np.ravel, np.expand_dims, np.swapaxes, np.moveaxis, np.flip, np.fliplr, np.flipud, np.rot90)
flat(np.zeros, np.ones, np.empty, np.eye, np.identity, np.arange, np.zeros_like, np.ones_like, np.empty_like, np.shape, np.ndim,
     np.tri, why="a new array of constants")


@primitive(np.copy, domain=(array("m k"),), ranks=(None,))
def copy(x):
    return np.copy(x)

@copy.transpose("x")
def _(out_bar):
    return out_bar


@primitive(np.transpose, domain=(array("m k"),))
def transpose(a):
    return np.transpose(a)

@transpose.transpose("a")
def _(out_bar):
    return np.transpose(out_bar)


@primitive(np.broadcast_to, domain=(array("k"), fixed((3, 5))), ranks=(None, None))
def broadcast_to(x, shape):
    return np.broadcast_to(x, shape)

@broadcast_to.transpose("x")
def _(x, out_bar):
    return unbroadcast(out_bar, x)


@primitive(fill, domain=(real, fixed((3,), (2, 3))), ranks=(0, None))
def fill_(v, shape):
    return fill(v, shape)

@fill_.transpose("v")
def _(out_bar):
    return np.sum(out_bar)


@primitive(spread, domain=(array("k"), fixed((3, 5)), fixed(0)), ranks=(None, None, None))
def spread_(y, shape, axis):
    return spread(y, shape, axis)

@spread_.transpose("y")
def _(axis, out_bar):
    return np.sum(out_bar, axis)


@primitive(unbroadcast, domain=(array("m k"), array("k")), ranks=(None, None))
def unbroadcast_(ct, like):
    return unbroadcast(ct, like)

@unbroadcast_.transpose("ct")
def _(ct, out_bar):
    return spread_like(out_bar, ct)


@primitive(spread_like, domain=(array("k"), array("m k")), ranks=(None, None))
def spread_like_(v, like):
    return spread_like(v, like)

@spread_like_.transpose("v")
def _(v, out_bar):
    return unbroadcast(out_bar, v)


@primitive(np.repeat, domain=(array("m k"), fixed(3)), ranks=(None, None))
def repeat(x, n):
    return np.repeat(x, n)

@repeat.transpose("x")
def _(x, n, out_bar):
    return repeated_sum(out_bar, n, x.shape)


@primitive(repeated_sum, domain=(array("m"), fixed(3), fixed((1,))), ranks=(None, None, None))
def repeated_sum_(bar, n, shape):
    return repeated_sum(bar, n, shape)

@repeated_sum_.transpose("bar")
def _(n, out_bar):
    return np.repeat(out_bar, n)


@primitive(diagonal, domain=(array("m k"), fixed(0, 1, -1)))
def diagonal_(a, k):
    return diagonal(a, k)

@diagonal_.transpose("a")
def _(a, k, out_bar):
    return on_diagonal(out_bar, k, a.shape)


@primitive(on_diagonal, domain=(array("m"), fixed(0), fixed((3, 3))), ranks=(1, None, None))
def on_diagonal_(v, k, shape):
    return on_diagonal(v, k, shape)

@on_diagonal_.transpose("v")
def _(k, out_bar):
    return diagonal(out_bar, k)


@primitive(np.triu, domain=(array("n n"), fixed(0, 1, -1)))
def triu(a, k=0):
    return np.triu(a, k)

@triu.transpose("a")
def _(k, out_bar):
    return np.triu(out_bar, k)


@primitive(np.tril, domain=(array("n n"), fixed(0, 1, -1)))
def tril(a, k=0):
    return np.tril(a, k)

@tril.transpose("a")
def _(k, out_bar):
    return np.tril(out_bar, k)


@primitive(np.roll, domain=(array("n"), fixed(2, -1)), ranks=(None, None))
def roll(x, shift):
    return np.roll(x, shift)

@roll.transpose("x")
def _(shift, out_bar):
    return np.roll(out_bar, -shift)


@primitive(np.trace, domain=(array("n n"),))
def trace(a):
    return np.trace(a)

@trace.transpose("a")
def _(a, out_bar):
    return out_bar * np.eye(a.shape[0])


@primitive(gather, np.take, domain=(array("m k"), fixed(np.array([1, 0, 2, 2]))), ranks=(None, 1))
def gather_(x, index):
    return gather(x, index)

@gather_.transpose("x")
def _(x, index, out_bar):
    return scatter(out_bar, index, x.shape)


@primitive(scatter, domain=(array("n"), fixed(np.array([1, 0, 2, 2])), fixed((3,))), ranks=(1, 1, None))
def scatter_(v, index, shape):
    return scatter(v, index, shape)

@scatter_.transpose("v")
def _(index, out_bar):
    return gather(out_bar, index)


@primitive(np.sort, domain=(distinct("n"),), kinks=("ties: as np.argsort orders them",))
def sort(x):
    return np.sort(x)

@sort.differential
def _(x, x_dot):
    return gather(x_dot, np.argsort(x))
