"""Special functions, elementwise: error functions, the gamma function and its logarithmic derivatives, sinc, Kaiser's window."""
import math

import numpy as np

from ..domain import fixed, number, positive, real
from ..primitive import flat, primitive
from ..runtime import bessel, digamma, fill, kaiser_radii, polygamma, sinc_slope


@primitive(math.erf, domain=(real,), ranks=(0,), flops=30)
def erf(x):
    return math.erf(x)

@erf.differential
def _(x, x_dot):
    return 1.1283791670955126 * np.exp(-x * x) * x_dot


@primitive(math.erfc, domain=(real,), ranks=(0,), flops=40)
def erfc(x):
    return math.erfc(x)

@erfc.differential
def _(x, x_dot):
    return -1.1283791670955126 * np.exp(-x * x) * x_dot


@primitive(math.gamma, domain=(positive,), ranks=(0,), flops=60)
def gamma(x):
    return math.gamma(x)

@gamma.differential
def _(x, out, x_dot):
    return out * digamma(x) * x_dot


@primitive(math.lgamma, domain=(positive,), ranks=(0,), flops=60)
def lgamma(x):
    return math.lgamma(x)

@lgamma.differential
def _(x, x_dot):
    return digamma(x) * x_dot


@primitive(digamma, domain=(positive,), flops=60)
def digamma_(x):
    return digamma(x)

@digamma_.differential
def _(x, x_dot):
    return polygamma(1, x) * x_dot


@primitive(polygamma, domain=(fixed(1, 2), positive), flops=100)
def polygamma_(n, x):
    return polygamma(n, x)

@polygamma_.differential
def _(n, x, x_dot):
    return polygamma(n + 1, x) * x_dot


@primitive(np.sinc, domain=(real,), flops=25)
def sinc(x):
    return np.sinc(x)

@sinc.differential
def _(x, x_dot):
    return sinc_slope(1, x) * x_dot


@primitive(sinc_slope, domain=(fixed(1, 2), real), flops=60)
def sinc_slope_(n, x):
    return sinc_slope(n, x)

@sinc_slope_.differential
def _(n, x, x_dot):
    return sinc_slope(n + 1, x) * x_dot


@primitive(bessel, domain=(fixed(0, 1, 2), real), flops=2000)
def bessel_(n, z):
    return bessel(n, z)

@bessel_.differential
def _(n, z, z_dot):
    return bessel(n + 1, z) * z_dot


@primitive(np.kaiser, domain=(fixed(5, 4), number(0.5, 3.0)), ranks=(None, 0), flops=lambda: 500)
def kaiser(M, beta):
    return np.kaiser(M, beta)

@kaiser.differential
def _(M, beta, out, beta_dot):
    # I0(beta r) / I0(beta)
    return ((kaiser_radii(M) * bessel(1, beta * kaiser_radii(M)) - out * bessel(1, beta)) / bessel(0, beta)
            * fill(beta_dot, out.shape))


flat(kaiser_radii, why="does not depend on values")
