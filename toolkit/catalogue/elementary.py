"""The elementary functions of `math` and NumPy, elementwise on every rank."""
import math

import numpy as np

from ..domain import Interval, positive, real, unit
from ..primitive import primitive
from ..runtime import select

# ---- roots, exponentials, logarithms ---------------------------------------------------------------------------------

@primitive(np.sqrt, math.sqrt, domain=(positive,), flops=6,
           kinks={"x = 0: derivative is inf": ((0.0,), (np.inf,))})
def sqrt(x):
    return np.sqrt(x)

@sqrt.differential
def _(out, x_dot):
    return 0.5 * x_dot / out


@primitive(np.cbrt, domain=(positive,), flops=25,
           kinks={"x = 0: derivative is inf": ((0.0,), (np.inf,))})
def cbrt(x):
    return np.cbrt(x)

@cbrt.differential
def _(out, x_dot):
    return x_dot / (3.0 * out * out)


@primitive(np.hypot, math.hypot, domain=(real, real), flops=15,
           kinks={"x = y = 0: derivatives are 0": ((0.0, 0.0), (0.0, 0.0))})
def hypot(x, y):
    return np.hypot(x, y)

@hypot.differential
def _(x, y, out, x_dot, y_dot):
    return (x * x_dot + y * y_dot) / select(out == 0, 1.0, out)


@primitive(np.exp, math.exp, domain=(real,), flops=20)
def exp(x):
    return np.exp(x)

@exp.differential
def _(out, x_dot):
    return out * x_dot


@primitive(np.exp2, *([math.exp2] if hasattr(math, "exp2") else []), domain=(real,), flops=20)
def exp2(x):
    return np.exp2(x)

@exp2.differential
def _(out, x_dot):
    return 0.6931471805599453 * out * x_dot


@primitive(np.expm1, math.expm1, domain=(real,), flops=25)
def expm1(x):
    return np.expm1(x)

@expm1.differential
def _(x, x_dot):
    return np.exp(x) * x_dot


@primitive(np.log, math.log, domain=(positive,), flops=20)
def log(x):
    return np.log(x)

@log.differential
def _(x, x_dot):
    return x_dot / x


@primitive(np.log1p, math.log1p, domain=(Interval(-0.5, 2.0),), flops=25)
def log1p(x):
    return np.log1p(x)

@log1p.differential
def _(x, x_dot):
    return x_dot / (1.0 + x)


@primitive(np.log2, math.log2, domain=(positive,), flops=20)
def log2(x):
    return np.log2(x)

@log2.differential
def _(x, x_dot):
    return x_dot / (0.6931471805599453 * x)


@primitive(np.log10, math.log10, domain=(positive,), flops=20)
def log10(x):
    return np.log10(x)

@log10.differential
def _(x, x_dot):
    return x_dot / (2.302585092994046 * x)


@primitive(np.logaddexp, domain=(real, real), flops=45,
           kinks={"x = y = -inf: not a number": ((-np.inf, -np.inf), (np.nan, np.nan))})
def logaddexp(x, y):
    return np.logaddexp(x, y)

@logaddexp.differential
def _(x, y, out, x_dot, y_dot):
    return np.exp(x - out) * x_dot + np.exp(y - out) * y_dot


@primitive(np.logaddexp2, domain=(real, real), flops=45,
           kinks={"x = y = -inf: not a number": ((-np.inf, -np.inf), (np.nan, np.nan))})
def logaddexp2(x, y):
    return np.logaddexp2(x, y)

@logaddexp2.differential
def _(x, y, out, x_dot, y_dot):
    return np.exp2(x - out) * x_dot + np.exp2(y - out) * y_dot


# ---- circular --------------------------------------------------------------------------------------------------------

@primitive(np.sin, math.sin, domain=(real,), flops=20)
def sin(x):
    return np.sin(x)

@sin.differential
def _(x, x_dot):
    return np.cos(x) * x_dot


@primitive(np.cos, math.cos, domain=(real,), flops=20)
def cos(x):
    return np.cos(x)

@cos.differential
def _(x, x_dot):
    return -np.sin(x) * x_dot


@primitive(np.tan, math.tan, domain=(Interval(-1.2, 1.2),), flops=30)
def tan(x):
    return np.tan(x)

@tan.differential
def _(out, x_dot):
    return (1.0 + out * out) * x_dot


@primitive(np.arcsin, math.asin, domain=(unit,), flops=25,
           kinks={"x = 1: derivative is inf": ((1.0,), (np.inf,)), "x = -1: derivative is inf": ((-1.0,), (np.inf,))})
def arcsin(x):
    return np.arcsin(x)

@arcsin.differential
def _(x, x_dot):
    return x_dot / np.sqrt((1.0 - x) * (1.0 + x))


@primitive(np.arccos, math.acos, domain=(unit,), flops=25,
           kinks={"x = 1: derivative is -inf": ((1.0,), (-np.inf,)), "x = -1: derivative is -inf": ((-1.0,), (-np.inf,))})
def arccos(x):
    return np.arccos(x)

@arccos.differential
def _(x, x_dot):
    return -x_dot / np.sqrt((1.0 - x) * (1.0 + x))


@primitive(np.arctan, math.atan, domain=(real,), flops=25)
def arctan(x):
    return np.arctan(x)

@arctan.differential
def _(x, x_dot):
    return x_dot / (1.0 + x * x)


@primitive(np.arctan2, math.atan2, domain=(real, positive), flops=30,
           kinks={"x = y = 0: not a number": ((0.0, 0.0), (np.nan, np.nan))})
def arctan2(y, x):
    return np.arctan2(y, x)

@arctan2.differential
def _(y, x, y_dot, x_dot):
    return (x * y_dot - y * x_dot) / (x * x + y * y)


@primitive(np.deg2rad, np.radians, math.radians, domain=(real,))
def deg2rad(x):
    return np.deg2rad(x)

@deg2rad.differential
def _(x_dot):
    return 0.017453292519943295 * x_dot


@primitive(np.rad2deg, np.degrees, math.degrees, domain=(real,))
def rad2deg(x):
    return np.rad2deg(x)

@rad2deg.differential
def _(x_dot):
    return 57.29577951308232 * x_dot


# ---- hyperbolic ------------------------------------------------------------------------------------------------------

@primitive(np.sinh, math.sinh, domain=(real,), flops=30)
def sinh(x):
    return np.sinh(x)

@sinh.differential
def _(x, x_dot):
    return np.cosh(x) * x_dot


@primitive(np.cosh, math.cosh, domain=(real,), flops=30)
def cosh(x):
    return np.cosh(x)

@cosh.differential
def _(x, x_dot):
    return np.sinh(x) * x_dot


@primitive(np.tanh, math.tanh, domain=(real,), flops=25)
def tanh(x):
    return np.tanh(x)

@tanh.differential
def _(out, x_dot):
    return (1.0 - out * out) * x_dot


@primitive(np.arcsinh, math.asinh, domain=(real,), flops=30)
def arcsinh(x):
    return np.arcsinh(x)

@arcsinh.differential
def _(x, x_dot):
    return x_dot / np.hypot(1.0, x)


@primitive(np.arccosh, math.acosh, domain=(Interval(1.2, 3.0),), flops=30,
           kinks={"x = 1: derivative is inf": ((1.0,), (np.inf,))})
def arccosh(x):
    return np.arccosh(x)

@arccosh.differential
def _(x, x_dot):
    return x_dot / np.sqrt((x - 1.0) * (x + 1.0))


@primitive(np.arctanh, math.atanh, domain=(unit,), flops=30,
           kinks={"x = 1: derivative is inf": ((1.0,), (np.inf,)), "x = -1: derivative is inf": ((-1.0,), (np.inf,))})
def arctanh(x):
    return np.arctanh(x)

@arctanh.differential
def _(x, x_dot):
    return x_dot / ((1.0 - x) * (1.0 + x))
