"""Error function and gamma function (scalars, as Numba has them in `math`)."""
import math

import numpy as np

from ..domain import Interval, positive, real
from ..kernels import polygamma
from ..primitive import primitive
from ..domain import fixed

SLOPE = 2.0 / math.sqrt(math.pi)


@primitive(math.erf, domain=(real,), flops=30)
def erf(x):
    return math.erf(x)

@erf.differential
def _(x, x_dot):
    return SLOPE * np.exp(-x * x) * x_dot


@primitive(math.erfc, domain=(real,), flops=30)
def erfc(x):
    return math.erfc(x)

@erfc.differential
def _(x, x_dot):
    return -(SLOPE * np.exp(-x * x)) * x_dot


@primitive(math.gamma, domain=(Interval(0.5, 4.0),), flops=60)
def gamma(x):
    return math.gamma(x)

@gamma.differential
def _(x, out, x_dot):
    return out * polygamma(0, x) * x_dot


@primitive(math.lgamma, domain=(positive,), flops=60)
def lgamma(x):
    return math.lgamma(x)

@lgamma.differential
def _(x, x_dot):
    return polygamma(0, x) * x_dot


@primitive(polygamma, domain=(fixed(0, 1, 2), positive), flops=100, ranks=(None, 0))
def polygamma_(n, x):
    return polygamma(n, x)

@polygamma_.differential
def _(n, x, x_dot):
    return polygamma(n + 1, x) * x_dot
