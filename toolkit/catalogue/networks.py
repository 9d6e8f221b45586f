"""The functions of neural networks and of statistics on the log scale, in stable forms."""
import numpy as np

from ..domain import array, fixed, real
from ..primitive import flat, primitive
from ..runtime import keep, logsumexp, relu, sigmoid, softmax, softplus, spread, stop_gradient


@primitive(relu, domain=(real,),
           kinks={"x = 0: derivative is 0": ((0.0,), (0.0,))})
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
    return out * (1.0 - out) * x_dot


@primitive(softplus, domain=(real,), flops=45)
def softplus_(x):
    return softplus(x)

@softplus_.differential
def _(x, x_dot):
    return sigmoid(x) * x_dot


@primitive(logsumexp, domain=(array("m n"),), ranks=(None,), flops=lambda m, n: 25 * m * n)
def logsumexp_(x):
    return logsumexp(x)

@logsumexp_.differential
def _(x, out, x_dot):
    return np.sum(np.exp(x - out) * x_dot)


@primitive(logsumexp, domain=(array("m n"), fixed(0, 1, -1, None)), ranks=(None, None), flops=lambda m, n: 25 * m * n)
def logsumexp_axis(x, axis):
    return logsumexp(x, axis)

@logsumexp_axis.differential
def _(x, axis, out, x_dot):
    return np.sum(np.exp(x - spread(out, x.shape, axis)) * x_dot, axis)


@primitive(softmax, domain=(array("m n"), fixed(-1, 0, 1)), ranks=(None, None), flops=lambda m, n: 25 * m * n)
def softmax_(x, axis=-1):
    return softmax(x, axis)

@softmax_.differential
def _(x, axis, out, x_dot):
    return out * (x_dot - spread(np.sum(out * x_dot, axis), x.shape, axis))


flat(stop_gradient, why="held fixed")
