"""Arithmetic, comparison and choice: the operators of Python and their NumPy names, elementwise on every rank."""
import builtins
import math
import operator

import numpy as np

from ..domain import Interval, fixed, positive, real
from ..primitive import flat, primitive
from ..runtime import exponent, keep, select


@primitive(operator.add, np.add, domain=(real, real))
def add(x, y):
    return x + y

@add.differential
def _(x_dot, y_dot):
    return x_dot + y_dot


@primitive(operator.sub, np.subtract, domain=(real, real))
def sub(x, y):
    return x - y

@sub.differential
def _(x_dot, y_dot):
    return x_dot - y_dot


@primitive(operator.mul, np.multiply, domain=(real, real))
def mul(x, y):
    return x * y

@mul.differential
def _(x, y, x_dot, y_dot):
    return x_dot * y + x * y_dot


@primitive(operator.truediv, np.divide, domain=(real, positive), flops=4)
def div(x, y):
    return x / y

@div.differential
def _(y, out, x_dot, y_dot):
    return (x_dot - out * y_dot) / y


@primitive(operator.neg, np.negative, domain=(real,))
def neg(x):
    return -x

@neg.differential
def _(x_dot):
    return -x_dot


@primitive(operator.pos, np.positive, np.conjugate, domain=(real,), flops=0)
def pos(x):
    return +x

@pos.differential
def _(x_dot):
    return x_dot


@primitive(np.sum, np.mean, np.prod, np.max, np.min, np.amax, np.amin, np.average, domain=(real,), ranks=(0,), flops=0)
def alone(x):
    """A number is its own sum, mean and extreme."""
    return +x

@alone.differential
def _(x_dot):
    return x_dot


@primitive(operator.pow, np.power, math.pow, builtins.pow, np.float_power, domain=(positive, real), flops=40,
           kinks={"x = 0: derivative in y is 0": ((0.0, 2.0), (0.0, 0.0)),
                  "y = 0: derivative in x is 0, also at x = 0": ((0.0, 0.0), (0.0, 0.0))})
def power(x, y):
    return x ** y

@power.differential
def _(x, y, out, x_dot, y_dot):
    # y - (y != 0) is the exponent y - 1, but 0 where y is 0: x**0 is flat even at x = 0
    return y * x ** (y - (y != 0)) * x_dot + out * np.log(select(x > 0, x, 1.0)) * y_dot


@primitive(operator.mod, np.mod, np.remainder, domain=(real, positive), flops=8,
           kinks={"x a multiple of y: the branch above": ((2.0, 1.0), (1.0, -2.0))})
def mod(x, y):
    return x % y

@mod.differential
def _(x, y, x_dot, y_dot):
    return x_dot - np.floor(x / y) * y_dot


@primitive(np.fmod, math.fmod, domain=(real, positive), flops=8,
           kinks={"x a multiple of y: the branch away from 0": ((2.0, 1.0), (1.0, -2.0))})
def fmod(x, y):
    return np.fmod(x, y)

@fmod.differential
def _(x, y, x_dot, y_dot):
    return x_dot - np.trunc(x / y) * y_dot


@primitive(np.reciprocal, domain=(positive,), flops=4)
def reciprocal(x):
    return 1.0 / x

@reciprocal.differential
def _(out, x_dot):
    return -(out * out * x_dot)


@primitive(np.square, domain=(real,))
def square(x):
    return x * x

@square.differential
def _(x, x_dot):
    return 2.0 * x * x_dot


@primitive(builtins.abs, operator.abs, np.abs, np.fabs, math.fabs, domain=(real,),
           kinks={"x = 0: derivative is 0": ((0.0,), (0.0,))})
def absolute(x):
    return np.abs(x)

@absolute.differential
def _(x, x_dot):
    return np.sign(x) * x_dot


@primitive(np.copysign, math.copysign, domain=(positive, real),
           kinks={"x = 0: the sign bit of x decides": ((0.0, -1.0), (-1.0, 0.0))})
def copysign(x, y):
    return np.copysign(x, y)

@copysign.differential
def _(x, y, x_dot):
    return np.copysign(1.0, x) * np.copysign(1.0, y) * x_dot


@primitive(np.nextafter, math.nextafter, domain=(real, real))
def nextafter(x, y):
    return np.nextafter(x, y)

@nextafter.differential
def _(y, x_dot):
    return keep(y == y, x_dot)          # in the shape that x and y have together


@primitive(np.ldexp, math.ldexp, domain=(real, fixed(2, -1)))
def ldexp(x, i):
    return np.ldexp(x, i)

@ldexp.transpose("x")
def _(i, out_bar):
    return np.ldexp(out_bar, i)


@primitive(np.nan_to_num, domain=(real,),
           kinks={"x not finite: derivative is 0": ((np.inf,), (0.0,))})
def nan_to_num(x):
    return np.nan_to_num(x)

@nan_to_num.differential
def _(x, x_dot):
    return keep(np.isfinite(x), x_dot)


@primitive(float, np.float64, domain=(real,), ranks=(0,), flops=0)
def double(x):
    return np.float64(x)

@double.differential
def _(x_dot):
    return x_dot


@primitive(np.float32, domain=(real,), ranks=(0,), flops=0)
def single(x):
    return np.float32(x)

@single.differential
def _(x_dot):
    return x_dot


# ---- choice ----------------------------------------------------------------------------------------------------------

@primitive(np.maximum, domain=(real, real),
           kinks={"x = y: x is chosen": ((1.0, 1.0), (1.0, 0.0))})
def maximum(x, y):
    return np.maximum(x, y)

@maximum.differential
def _(x, y, x_dot, y_dot):
    return keep(x >= y, x_dot) + keep(x < y, y_dot)


@primitive(np.minimum, domain=(real, real),
           kinks={"x = y: x is chosen": ((1.0, 1.0), (1.0, 0.0))})
def minimum(x, y):
    return np.minimum(x, y)

@minimum.differential
def _(x, y, x_dot, y_dot):
    return keep(x <= y, x_dot) + keep(x > y, y_dot)


@primitive(np.fmax, domain=(real, real),
           kinks={"x = y: x is chosen": ((1.0, 1.0), (1.0, 0.0)), "x not a number: y is chosen": ((np.nan, 1.0), (0.0, 1.0)),
                  "y not a number: x is chosen": ((1.0, np.nan), (1.0, 0.0))})
def fmax(x, y):
    return np.fmax(x, y)

@fmax.differential
def _(x, y, x_dot, y_dot):
    return keep((x >= y) | np.isnan(y), x_dot) + keep((x < y) | np.isnan(x), y_dot)


@primitive(np.fmin, domain=(real, real),
           kinks={"x = y: x is chosen": ((1.0, 1.0), (1.0, 0.0)), "x not a number: y is chosen": ((np.nan, 1.0), (0.0, 1.0)),
                  "y not a number: x is chosen": ((1.0, np.nan), (1.0, 0.0))})
def fmin(x, y):
    return np.fmin(x, y)

@fmin.differential
def _(x, y, x_dot, y_dot):
    return keep((x <= y) | np.isnan(y), x_dot) + keep((x > y) | np.isnan(x), y_dot)


@primitive(builtins.max, domain=(real, real), ranks=(0, 0),
           kinks={"x = y: x is chosen": ((1.0, 1.0), (1.0, 0.0)),
                  "y is not a number: x is chosen": ((1.0, np.nan), (1.0, 0.0)),
                  "x is not a number: x is chosen": ((np.nan, 1.0), (1.0, 0.0))})
def larger(x, y):
    return max(x, y)

@larger.differential
def _(x, y, x_dot, y_dot):
    return keep(np.logical_not(y > x), x_dot) + keep(y > x, y_dot)


@primitive(builtins.min, domain=(real, real), ranks=(0, 0),
           kinks={"x = y: x is chosen": ((1.0, 1.0), (1.0, 0.0)),
                  "y is not a number: x is chosen": ((1.0, np.nan), (1.0, 0.0)),
                  "x is not a number: x is chosen": ((np.nan, 1.0), (1.0, 0.0))})
def smaller(x, y):
    return min(x, y)

@smaller.differential
def _(x, y, x_dot, y_dot):
    return keep(np.logical_not(y < x), x_dot) + keep(y < x, y_dot)


@primitive(np.clip, domain=(real, Interval(-1.0, -0.5), Interval(0.5, 1.0)), flops=2,
           kinks={"x at a bound: x is chosen": ((0.5, -1.0, 0.5), (1.0, 0.0, 0.0)),
                  "x not a number: derivatives are 0": ((np.nan, -1.0, 0.5), (0.0, 0.0, 0.0))})
def clip(x, low, high):
    return np.minimum(np.maximum(x, low), high)

@clip.differential
def _(x, low, high, out, x_dot, low_dot, high_dot):
    return (keep(out == x, x_dot) + keep((out != x) & (out == high), high_dot)
            + keep((out != x) & (out != high) & (out == low), low_dot))


@primitive(select, np.where, domain=(fixed(True, False), real, real))
def where(c, x, y):
    return select(c, x, y)

@where.differential
def _(c, x_dot, y_dot):
    return keep(c, x_dot) + keep(np.logical_not(c), y_dot)


@primitive(keep, domain=(fixed(True, False), real))
def mask(c, x):
    return keep(c, x)

@mask.transpose("x")
def _(c, out_bar):
    return keep(c, out_bar)


# ---- no derivative ---------------------------------------------------------------------------------------------------

flat(operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, operator.is_, operator.is_not,
     operator.not_, operator.truth, operator.contains, np.less, np.less_equal, np.greater, np.greater_equal, np.equal,
     np.not_equal, np.logical_and, np.logical_or, np.logical_xor, np.logical_not, np.isnan, np.isinf, np.isfinite,
     np.signbit, math.isnan, math.isinf, math.isfinite, np.isclose, np.allclose, np.array_equal, np.any, np.all,
     builtins.any, builtins.all, bool, np.bool_, builtins.isinstance, np.isin, np.isposinf, np.isneginf, np.isreal,
     np.iscomplex, np.isrealobj, np.iscomplexobj, np.isscalar, why="a truth value")
flat(operator.floordiv, np.floor_divide, operator.and_, operator.or_, operator.xor, operator.invert, operator.lshift,
     operator.rshift, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift, np.gcd,
     np.lcm, math.gcd, int, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.intp,
     np.longlong, np.ulonglong, len, range, builtins.enumerate, builtins.zip, hash, ord, exponent, why="an integer")
flat(np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.sign, np.heaviside, np.spacing, np.imag, np.angle,
     math.floor, math.ceil, math.trunc, builtins.round)
