"""Linear interpolation in a table, and the trapezoidal rule.

With S the slopes of the interpolant P(x, xp) fp, whose derivatives are closed under differentiation:
    d P f = S f (dx - P dxp),    d S f = -(S f) (S dxp)
"""
import numpy as np

from ..domain import array, increasing, real
from ..primitive import primitive
from ..runtime import fill, interp_back, interp_slope, middles, slope_back, undiff, unmiddles


@primitive(np.interp, domain=(real, increasing("k"), array("k")), ranks=(None, 1, 1), flops=lambda k: 10 * k,
           kinks={"x at a knot: the interval to the right": ((1.0, np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 3.0])),
                                                             (2.0, [0, -2, 0], [0, 1, 0])),
                  "x outside the knots: derivative in x is 0": ((9.0, np.array([0.0, 1.0]), np.array([0.0, 1.0])),
                                                                (0.0, [0, 0], [0, 1]))})
def interp(x, xp, fp):
    return np.interp(x, xp, fp)

@interp.differential
def _(x, xp, fp, x_dot, xp_dot, fp_dot):
    return np.interp(x, xp, fp_dot) + interp_slope(x, xp, fp) * (x_dot - np.interp(x, xp, xp_dot))

@interp.transpose("fp")
def _(x, xp, out_bar):
    return interp_back(out_bar, x, xp)


@primitive(interp_slope, domain=(real, increasing("k"), array("k")), ranks=(None, 1, 1), flops=lambda k: 10 * k)
def interp_slope_(x, xp, fp):
    return interp_slope(x, xp, fp)

@interp_slope_.differential
def _(x, xp, out, xp_dot, fp_dot):
    return interp_slope(x, xp, fp_dot) - out * interp_slope(x, xp, xp_dot)

@interp_slope_.transpose("fp")
def _(x, xp, out_bar):
    return slope_back(out_bar, x, xp)


@primitive(interp_back, domain=(array("n"), array("n"), increasing("k")), ranks=(None, None, 1), flops=lambda n, k: 10 * n * k)
def interp_back_(c, x, xp):
    return interp_back(c, x, xp)

@interp_back_.differential
def _(c, x, xp, c_dot, x_dot, xp_dot):
    return interp_back(c_dot, x, xp) + slope_back(c * (x_dot - np.interp(x, xp, xp_dot)), x, xp)

@interp_back_.transpose("c")
def _(x, xp, out_bar):
    return np.interp(x, xp, out_bar)


@primitive(slope_back, domain=(array("n"), array("n"), increasing("k")), ranks=(None, None, 1), flops=lambda n, k: 10 * n * k)
def slope_back_(c, x, xp):
    return slope_back(c, x, xp)

@slope_back_.differential
def _(c, x, xp, c_dot, xp_dot):
    return slope_back(c_dot - c * interp_slope(x, xp, xp_dot), x, xp)

@slope_back_.transpose("c")
def _(x, xp, out_bar):
    return interp_slope(x, xp, out_bar)


# ---- the trapezoidal rule --------------------------------------------------------------------------------------------

@primitive(np.trapezoid, domain=(array("n"),), flops=lambda n: 2 * n)
def trapezoid(y):
    return np.trapezoid(y)

@trapezoid.transpose("y")
def _(y, out_bar):
    return unmiddles(fill(out_bar, (y.shape[0] - 1,)))


@primitive(np.trapezoid, domain=(array("n"), array("n")), flops=lambda n: 4 * n)
def trapezoid_at(y, x):
    return np.trapezoid(y, x)

@trapezoid_at.transpose("y", "x")
def _(y, x, out_bar):
    return unmiddles(out_bar * np.diff(x)), undiff(out_bar * middles(y), 1)


@primitive(middles, domain=(array("n"),), flops=lambda n: 2 * n)
def middles_(y):
    return middles(y)

@middles_.transpose("y")
def _(out_bar):
    return unmiddles(out_bar)


@primitive(unmiddles, domain=(array("n"),), flops=lambda n: 2 * n)
def unmiddles_(v):
    return unmiddles(v)

@unmiddles_.transpose("v")
def _(out_bar):
    return middles(out_bar)
