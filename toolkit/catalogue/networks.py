"""Functions of the toolkit for networks and likelihoods, usable inside `@njit` and from Python."""
import numpy as np

from ..domain import array, fixed, real
from ..kernels import logsumexp, relu, sigmoid, softmax, softplus
from ..primitive import primitive
from ..runtime import keep, spread

@primitive(relu, domain=(real,), kinks=("x = 0: derivative is 0",))
def relu_(x):
    return relu(x)

@relu_.differential
def _(x, x_dot):
    return keep(x > 0, x_dot)


@primitive(sigmoid, domain=(real,), flops=25)
def sigmoid_(x):
    return sigmoid(x)

@sigmoid_.differential
def _(out, x_dot):
    return out * (1 - out) * x_dot


@primitive(softplus, domain=(real,), flops=40)
def softplus_(x):
    return softplus(x)

@softplus_.differential
def _(x, x_dot):
    return sigmoid(x) * x_dot


@primitive(logsumexp, domain=(array("m k"),), ranks=(None,), flops=20)
def logsumexp_(x):
    return logsumexp(x)

@logsumexp_.differential
def _(x, x_dot):
    return np.sum(softmax(x) * x_dot)


@primitive(logsumexp, domain=(array("m k"), fixed(0, 1, -1)), flops=20)
def logsumexp_along(x, axis):
    return logsumexp(x, axis)

@logsumexp_along.differential
def _(x, axis, x_dot):
    return np.sum(softmax(x, axis) * x_dot, axis)


@primitive(softmax, domain=(array("m k"),), ranks=(None,), flops=20)
def softmax_(x):
    return softmax(x)

@softmax_.differential
def _(out, x_dot):
    return out * (x_dot - np.sum(out * x_dot))


@primitive(softmax, domain=(array("m k"), fixed(0, 1, -1)), flops=20)
def softmax_along(x, axis):
    return softmax(x, axis)

@softmax_along.differential
def _(x, axis, out, x_dot):
    return out * (x_dot - spread(np.sum(out * x_dot, axis), x.shape, axis))
