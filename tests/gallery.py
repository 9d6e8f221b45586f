"""Gallery of small programs, written the way a Numba user writes them, to try the autodiff toolkit on.

Every entry of `CASES` is a `Case(name, fn, make_args, argnums)`:

* `fn` is a plain Python function which `numba.njit` compiles; it returns a float, an array, or a tuple of those;
* `make_args(rng)` draws a fresh argument tuple, in a region where `fn` is smooth (no ties or kinks nearby);
* `argnums` are the positions of the active (differentiated) arguments; an active tuple may hold integers or
  integer arrays, which stay inactive.

No program writes to its arguments, except those whose name starts with `mutates_`: give these fresh arguments
(or copies) at every call.
"""
import functools
import math
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import register_jitable
from numba.typed import Dict, List


@dataclass(frozen=True)
class Case:
    name: str
    fn: Callable
    make_args: Callable
    argnums: tuple = (0,)


CASES = []


def case(make_args, argnums=(0,), id=None, cases=CASES):
    """Register the decorated function with one way of drawing its arguments; decorators may be stacked."""
    def register(fn):
        name = id or fn.__name__
        assert all(c.name != name for c in cases), f'duplicate case {name}'
        cases.append(Case(name, fn, make_args, argnums))
        return fn
    return register


# ---------------------------------------------------------------- argument makers

def rates():
    """A typed dictionary."""
    d = Dict.empty(types.unicode_type, types.float64)
    d["growth"], d["decay"] = 1.5, -0.5
    return d


def nrm(rng, *shape):
    """Standard normal draws."""
    return rng.standard_normal(shape)


def pos(rng, *shape):
    """Positive draws, well away from zero."""
    return rng.uniform(0.5, 1.5, shape)


def away(rng, *shape):
    """Draws of both signs, away from zero."""
    return rng.uniform(0.3, 1.5, shape) * rng.choice(np.array([-1.0, 1.0]), shape)


def spread(rng, *shape):
    """Draws of both signs, distinct by at least 0.2, and away from zero."""
    n = int(np.prod(shape))
    return ((rng.permutation(n) - n // 2) * 0.5 + rng.uniform(0.1, 0.4, n)).reshape(shape)


def spd(rng, n):
    """A symmetric positive definite matrix."""
    a = rng.standard_normal((n, n))
    return a @ a.T + n * np.eye(n)


def dominant(rng, n):
    """A diagonally dominant matrix."""
    return rng.uniform(-1.0, 1.0, (n, n)) + (n + 1.0) * np.eye(n)


def num(rng, lo=0.5, hi=1.5):
    """A Python float."""
    return float(rng.uniform(lo, hi))


def fortran(a):
    return np.asfortranarray(a)


def f32(a):
    return a.astype(np.float32)


# ---------------------------------------------------------------- module-level constants and callees

K_FLOAT = 0.75
K_INT = 3
K_ARRAY = np.array([0.5, -1.0, 2.0, 0.25])
K_TUPLE = (0.5, 1.5, -2.0)


@njit
def jit_fill_squares(out, x):
    for i in range(x.shape[0]):
        out[i] = x[i] * x[i]


@register_jitable
def py_accumulate(out, x, scale=2.0):
    for i in range(len(x)):
        out[i] += scale * np.sin(x[i])


@njit
def jit_several_returns(x):
    if x > 1.0:
        return x * x
    if x > 0.0:
        return np.sin(x)
    return 3.0 * x


@njit
def jit_swish(x, beta=1.5, shift=0.0):
    return x / (1.0 + math.exp(-beta * (x - shift)))


@njit
def jit_minmax(x):
    return x.min(), x.max()


@njit
def jit_row_scale(row, s):
    row *= s


@njit
def jit_first_above(x, t):
    for i in range(x.size):
        if x[i] > t:
            return x[i] ** 2
    return x[0]


@njit
def jit_view(x, k):
    return x[k:]


@njit
def jit_power(x, n):
    if n == 0:
        return 1.0
    return x * jit_power(x, n - 1)


@register_jitable
def py_quadratic(a, b, c, x):
    return (a * x + b) * x + c


# ---------------------------------------------------------------- arguments: kinds, ranks, layouts

@case(lambda rng: (num(rng),), id='scalar_f64')
@case(lambda rng: (np.float32(num(rng)),), id='scalar_f32')
@case(lambda rng: (np.float64(num(rng)),), id='scalar_npf64')
def scalar_poly(x):
    return 3.0 * x * x - 2.0 * x + 1.0 / x


@case(lambda rng: (np.float32(num(rng)), num(rng)), argnums=(0, 1))
def mixed_precision(x, y):
    z = x * y
    return z + np.float32(y) * x


@case(lambda rng: (np.array(num(rng)),), id='array_0d_f64')
@case(lambda rng: (np.array(num(rng), dtype=np.float32),), id='array_0d_f32')
def array_0d(a):
    return a[()] * np.sin(a[()])


@case(lambda rng: (nrm(rng, 5),), id='rank1_c')
@case(lambda rng: (f32(nrm(rng, 5)),), id='rank1_f32')
@case(lambda rng: (nrm(rng, 10)[::2],), id='rank1_strided')
@case(lambda rng: (nrm(rng, 5)[::-1],), id='rank1_negative_stride')
@case(lambda rng: (nrm(rng, 5, 3)[:, 1],), id='rank1_column')
@case(lambda rng: (nrm(rng, 1),), id='rank1_one_element')
@case(lambda rng: (nrm(rng, 0),), id='rank1_empty')
def rank1_loop(x):
    s = 1.0
    for i in range(x.shape[0]):
        s += (i + 1) * x[i] * x[i]
    return s


@case(lambda rng: (nrm(rng, 3, 4),), id='rank2_c')
@case(lambda rng: (fortran(nrm(rng, 3, 4)),), id='rank2_fortran')
@case(lambda rng: (nrm(rng, 6, 8)[::2, 1::2],), id='rank2_strided')
@case(lambda rng: (nrm(rng, 3, 4)[::-1, ::-1],), id='rank2_negative_stride')
@case(lambda rng: (nrm(rng, 4, 3).T,), id='rank2_transposed')
@case(lambda rng: (fortran(f32(nrm(rng, 3, 4))),), id='rank2_fortran_f32')
def rank2_loop(a):
    m, n = a.shape
    s = 0.0
    for i in range(m):
        for j in range(n):
            s += (i + 2 * j) * math.sin(a[i, j])
    return s


@case(lambda rng: (fortran(nrm(rng, 3, 4)),), id='elementwise_fortran')
@case(lambda rng: (nrm(rng, 6, 4)[::-2],), id='elementwise_strided')
@case(lambda rng: (f32(nrm(rng, 3, 4)),), id='elementwise_f32')
@case(lambda rng: (nrm(rng, 2, 3, 2),), id='elementwise_rank3')
@case(lambda rng: (nrm(rng, 2, 2, 3, 2),), id='elementwise_rank4')
def elementwise(a):
    return np.sin(a) * a + 2.0 * a


@case(lambda rng: (nrm(rng, 2, 3, 4),), id='rank3_c')
@case(lambda rng: (fortran(nrm(rng, 2, 3, 4)),), id='rank3_fortran')
@case(lambda rng: (nrm(rng, 4, 3, 4)[::-2, :, ::-1],), id='rank3_strided')
def rank3_loop(a):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(a.shape[2]):
                s += a[i, j, k] ** 2 * (i + j + k)
    return s


@case(lambda rng: (nrm(rng, 2, 3, 2, 2),), id='rank4_c')
@case(lambda rng: (nrm(rng, 2, 3, 4, 2)[:, ::-1, ::2],), id='rank4_strided')
def rank4_index(a):
    out = np.zeros((2, 3))
    for i, j, k, m in np.ndindex(a.shape):
        out[i, j] += a[i, j, k, m] * a[0, 0, k, m]
    return out


@case(lambda rng: (nrm(rng, 4), nrm(rng, 4), 2, True), argnums=(0, 1), id='int_and_bool_args_true')
@case(lambda rng: (nrm(rng, 4), nrm(rng, 4), 2, False), argnums=(0, 1), id='int_and_bool_args_false')
@case(lambda rng: (nrm(rng, 4), nrm(rng, 4), 3, True), argnums=(1,), id='int_and_bool_args_second_only')
def int_and_bool_args(x, y, n, flag):
    s = 0.0
    for i in range(n):
        if flag:
            s += x[i] * y[i]
        else:
            s += x[i] ** n - y[i]
    return s


@case(lambda rng: (nrm(rng, 6), rng.integers(0, 6, 8)), id='int_array_arg_i64')
@case(lambda rng: (nrm(rng, 6), rng.integers(0, 6, 8).astype(np.int32)), id='int_array_arg_i32')
def int_array_arg(x, idx):
    s = 0.0
    for k in range(idx.shape[0]):
        s += x[idx[k]] * x[k % x.size]
    return s


@case(lambda rng: ((num(rng), num(rng)),), id='tuple_of_floats')
def tuple_of_floats(p):
    a, b = p
    return a * b + p[0] / p[1]


@case(lambda rng: ((nrm(rng, 3), nrm(rng, 3)), num(rng)), argnums=(0, 1))
def tuple_of_arrays(xs, c):
    s = 0.0
    for i in range(3):
        s += xs[0][i] * xs[1][i] * c
    return s


@case(lambda rng: ((num(rng), nrm(rng, 2, 3), 2, np.array([0, 2, 1])), nrm(rng, 3)), argnums=(0, 1))
def tuple_mixed(params, x):
    c, w, n, perm = params
    return c * np.dot(w, x[perm]) * n


@case(lambda rng: (((num(rng), nrm(rng, 3)), (nrm(rng, 2, 3),)),))
def tuple_nested(p):
    (c, b), (w,) = p
    return w * b + c


@case(lambda rng: (np.float32(num(rng)), f32(nrm(rng, 4))), argnums=(0, 1))
def f32_axpy(a, x):
    y = np.empty_like(x)
    for i in range(x.size):
        y[i] = a * x[i] + x[i] * x[i]
    return y


# ---------------------------------------------------------------- returns

@case(lambda rng: (nrm(rng, 4),))
def returns_argument(x):
    return x


@case(lambda rng: (nrm(rng, 4), num(rng)), argnums=(0, 1))
def returns_tuple(x, c):
    return c * x.sum(), x * x, c


@case(lambda rng: (nrm(rng, 3, 4),))
def returns_view(a):
    b = a * 2.0
    return b[1:, ::-1], b.T


@case(lambda rng: (nrm(rng, 4),))
def returns_array_and_constant(x):
    y = np.exp(x)
    return y, float(x.size)


@case(lambda rng: (num(rng),))
def returns_constant(x):
    y = x * 2.0
    y = 1.5
    return y


@case(lambda rng: (num(rng),))
def returns_same_twice(x):
    y = x * x
    return y, y


# ---------------------------------------------------------------- assignment and expressions

@case(lambda rng: (num(rng), num(rng)), argnums=(0, 1))
def assignment_chain(x, y):
    a = b = x * y
    a = a + x
    b = a * b
    return a - b


@case(lambda rng: (num(rng), num(rng)), argnums=(0, 1))
def augmented_scalar(x, y):
    s = x
    s += y
    s *= x
    s -= 2.0 * y
    s /= x + y
    s **= 2
    return s


@case(lambda rng: (nrm(rng, 4), pos(rng, 4)), argnums=(0, 1))
def augmented_array(x, y):
    s = x.copy()
    s += y
    s *= x
    s -= 0.5
    s /= y
    return s


@case(lambda rng: (num(rng), num(rng)), argnums=(0, 1))
def tuple_swap(x, y):
    a, b = x * x, y
    a, b = b, a
    a, b = a + b, a * b
    return a - 2.0 * b


@case(lambda rng: (num(rng), num(rng, 2.0, 3.0)), argnums=(0, 1), id='conditional_expression_less')
@case(lambda rng: (num(rng, 2.0, 3.0), num(rng)), argnums=(0, 1), id='conditional_expression_more')
def conditional_expression(x, y):
    z = x * y if x < y else x / y
    return z + (x if z > 100.0 else 3.0 * y)


@case(lambda rng: (num(rng, 0.1, 0.9),), id='chained_comparison_in')
@case(lambda rng: (num(rng, 1.1, 1.9),), id='chained_comparison_out')
def chained_comparison(x):
    if 0.0 < x < 1.0:
        return x ** 3
    return 1.0 / x


@case(lambda rng: (spread(rng, 6), 1))
def and_or_not(x, k):
    s = 0.0
    for i in range(x.size):
        if (x[i] > 0.0 and i > k) or not x[i] < 1.0:
            s += x[i] ** 2
        elif not (i == 0 or x[i] > 0.0):
            s += 0.5 * x[i]
    return s


@case(lambda rng: (num(rng, -2.0, -1.2),), id='if_elif_else_1')
@case(lambda rng: (num(rng, -0.8, -0.2),), id='if_elif_else_2')
@case(lambda rng: (num(rng, 0.2, 0.8),), id='if_elif_else_3')
@case(lambda rng: (num(rng, 1.2, 2.0),), id='if_elif_else_4')
def if_elif_else(x):
    if x < -1.0:
        y = -x
    elif x < 0.0:
        y = x * x
    elif x < 1.0:
        y = math.sin(x)
    else:
        y = math.exp(-x)
    return 2.0 * y + x


@case(lambda rng: (num(rng), 7, 3), argnums=(0,))
def int_arithmetic(x, n, m):
    q, r = n // m, n % m
    k = (q << 1) + (r ^ 1) - abs(-n)
    return x ** q * k + n / m * x


@case(lambda rng: (num(rng, 2.2, 2.8),))
def float_to_int(x):
    n = int(x)
    y = 0.0
    for i in range(n + 1):
        y += (x - n) * i
    return y + math.floor(x) * x + round(x)


@case(lambda rng: (num(rng), 3), id='powers_int_3')
@case(lambda rng: (num(rng), 0), id='powers_int_0')
@case(lambda rng: (num(rng), -2), id='powers_int_negative')
def powers(x, n):
    return x ** n + x ** 2.5 + 2.0 ** x + x ** x - x ** -1


@case(lambda rng: (num(rng, 5.1, 5.9), num(rng, 1.6, 1.9)), argnums=(0, 1))
def float_mod_floordiv(x, y):
    return x % y + (x // y) * x - -x + (+y)


@case(lambda rng: (spread(rng, 5), num(rng, 6.0, 7.0)), argnums=(0, 1))
def builtin_min_max_abs(x, big):
    s = 0.0
    for i in range(1, x.size):
        s += max(x[i], x[i - 1]) * 2.0 + min(x[i], 0.0, x[i - 1]) + abs(x[i])
    return s + max(x[0], big, 1)


# ---------------------------------------------------------------- loops

@case(lambda rng: (num(rng), 5), id='range_one_arg_5')
@case(lambda rng: (num(rng), 0), id='range_zero_trips')
def range_one_arg(x, n):
    y = x
    for i in range(n):
        y = y * x + i
    return y


@case(lambda rng: (nrm(rng, 8),))
def range_two_three_args(x):
    s = 0.0
    for i in range(2, 6):
        s += x[i] * i
    for i in range(1, 8, 3):
        s += x[i] * x[i - 1]
    return s


@case(lambda rng: (nrm(rng, 6),))
def range_negative_step(x):
    h = 0.5
    for i in range(x.size - 1, -1, -1):
        h = h * x[i] + 1.0
    for i in range(4, 0, -2):
        h -= x[i] * h
    return h


@case(lambda rng: (nrm(rng, 4), 5, 2))
def range_empty_bounds(x, lo, hi):
    s = x[0]
    for i in range(lo, hi):
        s = s * x[i]
    for i in range(hi, lo, -1):
        s = s * 100.0
    return s * s


@case(lambda rng: (nrm(rng, 5),), id='for_over_array_c')
@case(lambda rng: (nrm(rng, 10)[::-2],), id='for_over_array_strided')
def for_over_array(x):
    s = 1.0
    for v in x:
        s = s * 0.5 + v * v
    return s


@case(lambda rng: (nrm(rng, 3, 4),), id='for_over_rows_c')
@case(lambda rng: (fortran(nrm(rng, 3, 4)),), id='for_over_rows_fortran')
def for_over_rows(a):
    s = 0.0
    for row in a:
        s += row[0] * row[-1] + row.sum()
    return s


@case(lambda rng: (nrm(rng, 5),))
def for_enumerate(x):
    s = 0.0
    for i, v in enumerate(x):
        s += i * v * v
    return s


@case(lambda rng: (nrm(rng, 5), nrm(rng, 4)), argnums=(0, 1))
def for_zip(x, y):
    s = 0.0
    for a, b in zip(x, y):
        s += a * math.sin(b)
    return s


@case(lambda rng: (nrm(rng, 3, 2), nrm(rng, 3)), argnums=(0, 1))
def for_enumerate_zip(a, w):
    out = np.zeros(2)
    for i, (row, c) in enumerate(zip(a, w)):
        out += (i + 1) * c * row
    return out


@case(lambda rng: (nrm(rng, 2, 3),))
def for_ndenumerate(a):
    s = 0.0
    for (i, j), v in np.ndenumerate(a):
        s += (i - j) * v * v
    for v in a.flat:
        s += v
    return s


@case(lambda rng: (num(rng, 1.1, 1.2),))
def while_counter(x):
    n = 0
    y = x
    while n < 6:
        y = y * x + math.cos(y)
        n += 1
    return y


@case(lambda rng: (num(rng, 1.51, 1.55),))
def while_value(x):
    y = x
    while y < 50.0:
        y = y * x
    return y


@case(lambda rng: (num(rng, 1.51, 1.55),))
def while_true_break(x):
    y = x
    k = 0
    while True:
        y = y * x + 1.0
        k += 1
        if y > 20.0:
            break
    return y * k


@case(lambda rng: (spread(rng, 6),))
def loop_break(x):
    s = 0.0
    for i in range(x.size):
        if x[i] > 0.8:
            break
        s += x[i] * x[i]
    return s + 2.0 * x[i]


@case(lambda rng: (spread(rng, 7),))
def loop_continue(x):
    s = 0.0
    for i in range(x.size):
        if i % 3 == 1 or x[i] < 0.0:
            continue
        s += x[i] ** 2
    return s


@case(lambda rng: (spread(rng, 3, 4),))
def nested_break_continue(a):
    s = 0.0
    for i in range(3):
        for j in range(4):
            if a[i, j] > 2.0:
                break
            if a[i, j] < -1.0:
                continue
            s += a[i, j] * s + i * j + a[i, 0]
        s *= 0.5
    return s


@case(lambda rng: (np.array([[0.3, 0.4, 0.2], [0.1, 1.7, 0.3], [0.2, 0.3, 0.1]]) * num(rng, 0.9, 1.1),),
      id='return_from_nested_loop_hit')
@case(lambda rng: (rng.uniform(0.1, 0.4, (3, 3)),), id='return_from_nested_loop_miss')
def return_from_nested_loop(a):
    s = 0.0
    for i in range(3):
        for j in range(3):
            s += a[i, j]
            if a[i, j] > 1.0:
                return s * a[i, j]
    return -s * s


@case(lambda rng: (nrm(rng, 4),))
def loop_else(x):
    s = 0.0
    for i in range(x.size):
        if i > 10:
            break
        s += x[i] ** 2
    else:
        s *= 3.0
    return s


@case(lambda rng: (num(rng), True), id='defined_in_branch_true')
@case(lambda rng: (num(rng), False), id='defined_in_branch_false')
def defined_in_branch(x, flag):
    if flag:
        y = x * x
        z = y + 1.0
    else:
        z = math.exp(x)
    return z * x


@case(lambda rng: (nrm(rng, 5),))
def defined_in_loop(x):
    for i in range(x.size):
        last = x[i] * x[i - 1]
        if i == 2:
            mid = last + x[i]
    return last * mid + i


@case(lambda rng: (nrm(rng, 5),))
def int_becomes_float(x):
    s = 0
    p = 1
    for i in range(x.size):
        s += x[i]
        p = p * x[i]
    return s + p


@case(lambda rng: (nrm(rng, 4, 4),))
def running_index(a):
    out = np.zeros(6)
    p = 0
    for i in range(4):
        for j in range(i):
            out[p] = a[i, j] * a[j, i]
            p += 1
    return out


@case(lambda rng: (num(rng), 6))
def loop_parity_branch(x, n):
    y = x
    for i in range(n):
        y = math.sin(y) if i % 2 == 0 else y * y + x
    return y


@case(lambda rng: (nrm(rng, 5),))
def loop_carried_two(x):
    a, b = 0.5, 1.0
    for v in x:
        a, b = b * 0.5 + v, a * v
    return a * b


@case(lambda rng: (spread(rng, 6),))
def running_maximum(x):
    best = x[0]
    where = 0
    for i in range(1, x.size):
        if x[i] > best:
            best = x[i]
            where = i
    return best * best + where


@case(lambda rng: (nrm(rng, 4), True), id='layout_changes_in_branch_true')
@case(lambda rng: (nrm(rng, 4), False), id='layout_changes_in_branch_false')
def layout_changes_in_branch(x, flag):
    v = x * 2.0
    if flag:
        v = v[::-1]
    return v * np.arange(4)


# ---------------------------------------------------------------- indexing

@case(lambda rng: (nrm(rng, 4, 3), nrm(rng, 5)), argnums=(0, 1))
def negative_indices(a, x):
    i = -2
    return a[-1, -2] * x[-1] + x[i] * a[i, 0] + a[-3][-1]


@case(lambda rng: (nrm(rng, 8),))
def slices_read(x):
    return x[1:4] * x[-3:] + x[:3] - x[::3] + x[6:3:-1]


@case(lambda rng: (nrm(rng, 8),))
def slices_write(x):
    a = np.zeros(8)
    a[2:5] = x[:3] ** 2
    a[::-3] += x[1:4]
    a[-2:] = 1.5 * x[0]
    return a * x


@case(lambda rng: (nrm(rng, 8),))
def steps_write(x):
    y = x.copy()
    y[::2] = x[1::2] * x[::2]
    y[1::2] *= 3.0
    y[::-1][:2] += x[:2]
    return y


@case(lambda rng: (nrm(rng, 3), nrm(rng, 4)), argnums=(0, 1))
def newaxis_outer(x, y):
    return x[:, np.newaxis] * y[None, :] + x[:, None]


@case(lambda rng: (nrm(rng, 2, 3, 4),))
def ellipsis_index(a):
    b = np.zeros_like(a)
    b[..., 1] = a[..., 0] * a[..., -1]
    b[0, ...] += a[1, ...]
    return b


@case(lambda rng: (nrm(rng, 6), np.array([0, 5, 2, 2, -1])))
def int_array_read(x, idx):
    return x[idx] * x[idx[::-1]]


@case(lambda rng: (nrm(rng, 4, 3), np.array([3, 0, 3])))
def int_array_read_rows(a, rows):
    return a[rows] * 2.0 + a[rows, 1].sum() + a[:, rows[:2] - 1].sum()


@case(lambda rng: (spread(rng, 7),))
def mask_read(x):
    return (x[x > 0.0] ** 2).sum() - x[x < -0.9].sum()


@case(lambda rng: (nrm(rng, 5), np.array([True, False, True, True, False])))
def mask_arg_read(x, keep):
    y = x[keep]
    return y * y[0]


@case(lambda rng: (spread(rng, 6),))
def mask_write(x):
    y = x * x
    y[x < 0.0] = 0.0
    return y + x


@case(lambda rng: (nrm(rng, 5), nrm(rng, 3), np.array([0, 2, 4])), argnums=(0, 1))
def int_array_write(x, v, idx):
    y = x * x
    y[idx] = v
    return y * x


# ---------------------------------------------------------------- what has an effect is done once

@register_jitable
def bumped(y, by):
    y[0] += by
    y *= 1.5
    return y, by * y[0]


@case(lambda rng: (nrm(rng, 4), num(rng)), argnums=(0, 1))
def effects_once(x, s):
    y = x.copy()
    t = bumped(y, s)[1] + bumped(y, s)[0][1]
    for v in bumped(y, s)[0].copy():
        t += v * v
    for k, v in enumerate(bumped(y, s)[0]):
        t += k * v
    t += bumped(y, s)[0][1:][bumped(y, 0.5 * s)[0].size - 4]
    t *= len(bumped(y, s)[0])
    y[int(bumped(y, s)[0].size) - 1] += t
    return y


@case(lambda rng: (nrm(rng, 3), 4))
def draws_once(x, n):
    np.random.seed(3)
    s = 0.0
    for _ in range(n):
        z, u = np.random.normal(), np.random.random()
        np.random.uniform(0.0, 2.0)
        s += u * np.exp(x[0] + x[1] * z) - z * x[1]
    a = np.random.rand()
    b = np.random.rand()
    return s / n + (b - a) * x[2], x * np.random.standard_normal(3)


@case(lambda rng: (nrm(rng, 3, 3), nrm(rng, 3)))
def products_into_arrays(a, v):
    b, c = np.zeros((3, 3)), np.empty(3)
    np.dot(a, a, b)
    np.dot(b, v, out=c)
    d = np.outer(c, a[0], out=b)
    return b * d, c


@case(lambda rng: (nrm(rng, 4),))
def elementwise_into_arrays(x):
    y, z, flags = np.zeros(4), np.zeros(4), np.zeros(4, np.bool_)
    np.clip(x, -0.5, 0.5, y)
    np.round(10.0 * x, 1, z)
    np.isposinf(x, flags)
    x.clip(-1.5, 1.5, out=z[::-1]) if flags[0] else np.exp(y, z)
    return y * x, z, 1.0 * flags


# ---------------------------------------------------------------- lists that grow

@case(lambda rng: (nrm(rng, 12),))
def appends_some(x):
    out = []
    for i in range(x.size):
        if x[i] > 0.0:
            out.append(x[i] ** 2)
    s = 0.0
    for v in out:
        s += v * v
    return s + len(out)


@case(lambda rng: (nrm(rng, 5),))
def comprehensions(x):
    y = np.array([v * v for v in x])
    z = [a * b for a, b in zip(x, y) if a * b > 0.0]
    return np.sum(y * x) + sum([u * u for u in z]) + sum([x[i] * x[j] for i in range(3) for j in range(i, 4)])


@case(lambda rng: (nrm(rng, 5),))
def comprehensions_in_conditions(x):
    s = sum([v * v for v in x]) if x[0] > 0.0 else 2.0 * sum([v for v in x if v < 0.0])
    return s * s


@case(lambda rng: (nrm(rng, 5),))
def list_of_known_length(x):
    ys = [0.0] * x.size
    for i in range(x.size):
        ys[i] = x[i] * x[i - 1]
    ys[-1] *= 2.0
    ys[1] += ys[0]
    return sum(ys) * max(ys)


@case(lambda rng: (nrm(rng, 9),))
def stack_of_numbers(x):
    waiting = [x[0]]
    total, k = 0.0, 0
    while len(waiting) > 0:
        v = waiting.pop()
        total += v * v
        k += 1
        if k < x.size:
            waiting.append(x[k] * v)
            waiting.append(x[k])
        if k > 20:
            break
    return total


@register_jitable
def push_doubled(out, v):
    out.append(v * 2.0)


@case(lambda rng: (nrm(rng, 5),))
def lists_of_numba(x):
    out = List.empty_list(types.float64)
    for v in x:
        push_doubled(out, np.sin(v))
    more = [q * q for q in out if q > 0.1]
    more.extend(out)
    more += (1.0, x[0])
    return np.array(more).sum() + (more[0] if more else 0.0)


@case(lambda rng: (nrm(rng, 5),))
def two_names_of_a_list(x):
    a = List.empty_list(types.float64)
    b = a
    for i in range(3):
        b.append(x[i])
        a.append(x[i] * x[i + 1])
    return a[1] * b[4] + a[-1]


@case(lambda rng: (nrm(rng, 5),))
def one_list_of_two_targets(x):
    a = b = [x[0]]
    b.append(x[1])
    c, d = [x[2]], [1.0]
    c[0] *= x[3]
    return a[1] * a[0] + c[0] * d[0]


@case(lambda rng: (nrm(rng, 5),))
def lists_made_in_a_loop(x):
    last, every = [1.0], []
    for i in range(4):
        row = []
        for j in range(3):
            row.append(last[-1] * x[j])
        last.append(sum(row))
        every.clear()
        for j in range(i + 2):
            every.append(x[j] * x[i])
    return np.array(last), np.sum(np.array(every) ** 2)


@case(lambda rng: (nrm(rng, 4), 3))
def list_of_states(x, n):
    states = [x]
    for t in range(n):
        states.append(states[-1] * 0.9 + np.sin(states[t]))
    s = 0.0
    for k, y in enumerate(states):
        s += np.sum(y) * k
    return s, states[2]


@case(lambda rng: (List([nrm(rng, 4, 3), nrm(rng, 2, 4)]), List([nrm(rng, 4), nrm(rng, 2)]), nrm(rng, 3)), argnums=(0, 1, 2))
def lists_of_weights(ws, bs, x):
    h = x
    for k in range(len(ws)):
        h = np.tanh(ws[k] @ h + bs[k])
    for w, b in zip(ws, bs):
        h = h * np.sum(w) + b[0]
    return h


@case(lambda rng: ([1.5, 2.0, 0.5], nrm(rng, 3)), argnums=(0, 1), id="list_of_python")
@case(lambda rng: (List([1.5, 2.0, 0.5]), nrm(rng, 3)), argnums=(0, 1))
def list_of_rates(rates, x):
    more = [v for v in rates]
    for k, v in enumerate(rates):
        more.append(v * x[k] * rates[-1])
    return np.array(more), sum(rates)


@case(lambda rng: (nrm(rng, 4),))
def list_of_ragged_rows(x):
    rows = [x[i] * np.ones(i + 1) for i in range(3)]
    first = rows[1]
    rows[1] = np.exp(rows[2])
    last = rows.pop()
    rows.append(2.0 * last[:1])
    return first, last * rows[1], len(rows) * np.sum(rows[-1])


@case(lambda rng: (nrm(rng, 4),))
def list_of_matrices(x):
    mats = List()
    for i in range(3):
        m = np.empty((2, i + 1))
        m[:] = x[i]
        m[0, 0] *= x[3]
        mats.append(m)
    out = np.zeros((2, 2))
    for m in mats:
        if m.shape[1] > 1:
            out += m @ m.T
    return out


@case(lambda rng: (nrm(rng, 4),))
def stack_of_arrays(x):
    waiting, s = [x], 0.0
    if x[0] > 0.0:
        waiting.append(x * x)
    else:
        waiting.clear()
        waiting.append(2.0 * x)
    every = List.empty_list(types.float64[::1])
    every.extend(waiting)
    while waiting:
        v = waiting.pop()
        s += np.sum(v ** 2)
        if v.size > 1:
            waiting.append(v[1:])
            waiting.append(v[:1] * 2.0)
    return s + np.sum(every[-1])


@case(lambda rng: (nrm(rng, 5), rates()))
def reads_a_dict(x, rates):
    s = 0.0
    for i in range(x.size):
        s += rates["growth"] * x[i] ** 2 if x[i] > 0.0 else rates["decay"] * x[i]
    return s


# ---------------------------------------------------------------- named tuples

class Spring(NamedTuple):
    stiffness: float
    rest: object
    steps: int = 3


Pair = namedtuple("Pair", "left right")
DEFAULT = Pair(2.0, 3.0)


@case(lambda rng: (Spring(1.5, nrm(rng, 2)), num(rng)), argnums=(0, 1))
def named_tuples(p, s):
    q = Pair(p.rest * s, right=p.stiffness * DEFAULT.left)
    for i in range(p.steps):
        q = Pair(q.left * p.stiffness, q.right + 1.0) if i % 2 else q
    a, b = q
    return Spring(np.sum(a), p.rest * b), Pair(*q[:1], DEFAULT[1])


# ---------------------------------------------------------------- what writes its arguments, and returns nothing

@case(lambda rng: (nrm(rng, 6), nrm(rng, 6)), argnums=(0, 1))
def mutates_relaxation(u, f):
    for i in range(1, u.size - 1):
        u[i] = (u[i - 1] + u[i + 1] * u[i + 1] + f[i]) / 2.0


@case(lambda rng: (nrm(rng, 3, 4), (nrm(rng, 4), nrm(rng, 3)), np.zeros(2), np.zeros(3, np.int64), 2), argnums=(0, 1, 2))
def mutates_several(a, pair, sums, counts, n):
    row, column = pair
    for _ in range(n):
        row *= a[0]
        a[:, 1] = np.sin(column) + row[:3]
    sums[0] += np.sum(a * a)
    sums[1] = row @ row
    counts[:] = 7


@case(lambda rng: (nrm(rng, 5), num(rng)), argnums=(0, 1))
def mutates_through_a_callee(x, s):
    y = np.sin(x) * s
    mutates_relaxation(x, y)
    mutates_relaxation(y, x)
    x[1:3] *= y[2:4]


@case(lambda rng: (nrm(rng, 4, 3), nrm(rng, 5, 2), np.array([[0, 2], [1, 2], [0, 0], [3, 1], [2, 2]])), argnums=(0, 1))
def scatter_writes(x, v, idx):
    y = x * x
    flat = np.zeros(4)
    flat[idx] = v                               # an integer array of two dimensions; the last of those that coincide stays
    flat[idx[:, 0]] += v[:, 1]                  # and so here: nothing is accumulated
    y[:, idx[0]] = v[:4] * x[:, :2]
    y[idx[1, 0], idx[0]] *= v[0]
    y[flat > 0.0] = x[0]
    y[idx[:2, 1]] = y[1:3]
    y[1, y[1] > 0.5] *= 2.0
    return np.sum(y * y[::-1]) + flat


@case(lambda rng: (nrm(rng, 6), nrm(rng, 3, 2)), argnums=(0, 1))
def sorted_in_place(x, a):
    y = x * 2.0
    y.sort()
    s = 0.0
    for k, v in enumerate(a.flat):
        s += v * y[k]
    for i, j in np.ndindex(3, 2):
        if a[i, j] > 1e3:
            break
        s += a[i, j] ** 2 * y[i + j]
    else:
        s *= y[0]
    for v in (1.0, 2.0):
        s += v * s
    else:
        s *= 0.1
    return s


@case(lambda rng: (nrm(rng, 6),))
def else_of_loops(x):
    s, k = 0.0, 0
    while k < x.size:
        for j in range(k, x.size):
            if x[j] > 0.8:
                s += x[j] * x[k]
                break
            if j > 100:
                return s
        else:
            s -= x[k]
        k += 1
    else:
        s *= x[1]
    return s


@case(lambda rng: (nrm(rng, 8), np.array([0, 1, 0, 2, 2, 1, 0, 2])))
def element_add(x, bins):
    h = np.zeros(3)
    for i in range(x.size):
        h[bins[i]] += x[i] * x[i]
    return h * h


@case(lambda rng: (nrm(rng, 4),))
def element_self_update(x):
    y = x.copy()
    for i in range(1, 4):
        y[i] *= y[i - 1]
        y[i] -= x[i]
        y[0] += y[i] * y[0]
    return y


@case(lambda rng: (nrm(rng, 3), nrm(rng, 3)), argnums=(0, 1))
def row_and_column_write(x, y):
    a = np.empty((3, 3))
    for i in range(3):
        a[i, :] = x * y[i]
    a[:, 1] = y
    a[2] = a[0] * a[1]
    return a


@case(lambda rng: (nrm(rng, 6), nrm(rng, 6)), argnums=(0, 1))
def shifted_slices(b, c):
    a = np.zeros(6)
    a[1:-1] = b[:-2] + c[2:]
    a[0] = b[0] * c[-1]
    return a * a


@case(lambda rng: (nrm(rng, 4),))
def overwrite_with_zero(x):
    a = x * x
    s = a.sum()
    a[:] = 0
    a[1] = x[2] * s
    return a


@case(lambda rng: (nrm(rng, 5),))
def view_while_base_changes(x):
    a = x.copy()
    v = a[1:4]
    s = v[0] * v[1]
    a[2] = x[0] ** 2
    s += v[1] * v[2]
    v[2] = 3.0 * s
    return s + a[3] * a[2]


@case(lambda rng: (nrm(rng, 3, 4),))
def row_view_written(x):
    a = x.copy()
    for i in range(3):
        row = a[i]
        row[1] = row[0] * row[2]
        row[2:] *= 2.0
    return a


@case(lambda rng: (nrm(rng, 3, 4),))
def rows_loop_written(x):
    a = x * 1.0
    for row in a:
        row -= row.mean()
        row[0] = row[1] * row[2]
    return a


@case(lambda rng: (nrm(rng, 3, 4),))
def transposed_view_written(x):
    a = x.copy()
    b = a.T
    b[0, 1] = x[0, 0] ** 2
    c = a.reshape(12)
    c[-1] = a[1, 0] * 2.0
    return a * a


@case(lambda rng: (nrm(rng, 5),))
def overlapping_slices(x):
    a = x.copy()
    a[1:] = a[:-1] * 2
    a[:-1] = a[1:]
    a[::-1] = a.copy() * x
    return a


@case(lambda rng: (nrm(rng, 6), 5))
def buffer_swap(u0, steps):
    u = u0.copy()
    v = np.zeros_like(u0)
    for t in range(steps):
        for i in range(1, 5):
            v[i] = u[i] + 0.2 * (u[i - 1] * u[i] - u[i + 1])
        u, v = v, u
    return u


@case(lambda rng: (nrm(rng, 6), 5))
@case(lambda rng: (nrm(rng, 6), 0), id='three_buffers_rotate_never')
def three_buffers_rotate(u0, steps):
    u, v, w = u0.copy(), np.zeros_like(u0), np.ones(6)
    for _ in range(steps):
        for i in range(1, 5):
            w[i] = u[i] - 0.3 * v[i] * w[i] + 0.2 * (u[i - 1] * u[i + 1])
        u, v, w = w, u, v
    return u * v + w


@case(lambda rng: (nrm(rng, 6),))
def swapped_until_it_is_large(u0):
    u, v, s = u0.copy(), np.zeros(6), 0.0
    for t in range(9):
        for i in range(1, 5):
            v[i] = u[i] + 0.3 * (u[i - 1] - u[i + 1]) ** 2
        u, v = v, u
        s += u[2] * v[3]
        if s > 1.0:
            break
    return s + u[1] * v[1]


@case(lambda rng: (nrm(rng, 4, 5),))
def swapped_in_a_while_in_a_loop(a):
    u, v, s = a.copy(), np.zeros((4, 5)), 0.0
    for k in range(2):
        t = 0
        while t < 3 + k:
            for i in range(1, 3):
                for j in range(1, 4):
                    v[i, j] = np.sin(u[i - 1, j] + u[i, j + 1]) * u[i, j - 1]
            u, v = v, u
            t += 1
        s += u[1, 1] * v[2, 2]
    return s


@case(lambda rng: (nrm(rng, 6),))
def swaps_one_array_under_two_names(x):
    u = x.copy()
    v = u
    for _ in range(3):
        for i in range(1, 5):
            v[i] = v[i] * u[i - 1] + u[i + 1]
        u, v = v, u
    return np.sum(u * v)


@case(lambda rng: (nrm(rng, 6), 3))
def swaps_only_sometimes(x, n):
    u, v = x.copy(), np.exp(x)
    for t in range(n):
        for i in range(1, 5):
            v[i] += 0.2 * u[i - 1] * u[i + 1]
        if t % 2 == 0:
            u, v = v, u
    return np.sum(u * v * v)


@case(lambda rng: (nrm(rng, 3),))
def arrays_allocated_in_loop(x):
    s = 0.0
    for k in range(4):
        t = np.zeros(3)
        for i in range(3):
            t[i] = x[i] * k + s
        s += t.sum() * 0.1
    return s


@case(lambda rng: (nrm(rng, 2, 3), num(rng)), argnums=(0, 1))
def allocators(x, c):
    a = np.ones((2, 3)) + x
    b = np.full((2, 3), c)
    d = np.empty_like(x)
    d[:] = a * b
    e = np.ones_like(x) * c + np.full_like(x, 2.0)
    f = np.zeros(3)
    f[0] = c
    g = np.array([c, c * c, 1.0])
    return d * e + f + g + np.eye(3)[:2] * c


@case(lambda rng: (num(rng), num(rng)), argnums=(0, 1))
def array_literal(x, y):
    a = np.array([[x, y], [y * y, 2.0]])
    return a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]


@case(lambda rng: (f32(nrm(rng, 4)),))
def astype_dtype(x):
    y = x.astype(np.float64) * 2.0
    z = np.zeros(4, dtype=np.float32)
    z[:] = x * x
    return y + z


@case(lambda rng: (nrm(rng, 2, 3, 4),))
def partial_index(a):
    b = a[1]
    c = b[2]
    return a[0, 1] * c + b[0, ::-1] * a[1, 2, 0]


@case(lambda rng: (nrm(rng, 3),))
def aliased_names(x):
    a = x * 2.0
    b = a
    b[0] = x[1] * x[2]
    a[1] *= b[0]
    return a + b


@case(lambda rng: (nrm(rng, 4),))
def mutates_argument_elements(x):
    for i in range(1, x.size):
        x[i] = x[i] * x[i - 1]
    return x.sum()


@case(lambda rng: (np.zeros(4), nrm(rng, 4)), argnums=(0, 1))
def mutates_output_argument(out, x):
    out[:] = x * x + out
    out[1] += x[0]
    return out[0] * out[1] + out[2] * out[3]


# ---------------------------------------------------------------- calls, closures, constants

@case(lambda rng: (nrm(rng, 4),))
def callee_jit_writes(x):
    y = np.empty(4)
    jit_fill_squares(y, x)
    return y * x


@case(lambda rng: (nrm(rng, 4),))
def callee_python_writes(x):
    y = x.copy()
    py_accumulate(y, x)
    py_accumulate(y, y.copy(), scale=0.5)
    return y


@case(lambda rng: (nrm(rng, 5), num(rng)), argnums=(0, 1))
def callee_inner_writes(x, c):
    def put(buf, i, v):
        buf[i] = v * c

    y = np.zeros(5)
    for i in range(5):
        put(y, i, x[i] * x[i - 1])
    return y


@case(lambda rng: (nrm(rng, 3, 4), nrm(rng, 3)), argnums=(0, 1))
def callee_writes_row(a, s):
    b = a.copy()
    for i in range(3):
        jit_row_scale(b[i], s[i])
    return b


@case(lambda rng: (nrm(rng, 5),))
def callee_returns_view(x):
    a = x.copy()
    v = jit_view(a, 2)
    v[0] = x[0] * x[1]
    return a * a


@case(lambda rng: (np.array([1.5, 0.4, -0.7]) * num(rng, 0.9, 1.1),))
def callee_several_returns(x):
    s = 0.0
    for i in range(x.size):
        s += jit_several_returns(x[i]) * (i + 1)
    return s


@case(lambda rng: (spread(rng, 6),))
def callee_return_in_loop(x):
    return jit_first_above(x, 0.5) * x[1]


@case(lambda rng: (num(rng),))
def calls_nested(x):
    return jit_swish(jit_several_returns(jit_swish(x) + x)) * jit_several_returns(-x)


@case(lambda rng: (num(rng), num(rng)), argnums=(0, 1))
def calls_default_and_keyword(x, b):
    return jit_swish(x) + jit_swish(x, b) + jit_swish(x, shift=b) + jit_swish(shift=x, beta=b, x=1.0)


@case(lambda rng: (num(rng),), id='own_default_left_out')
@case(lambda rng: (num(rng), num(rng)), argnums=(0, 1), id='own_default_given')
def own_default(x, scale=2.0):
    return math.sin(x) * scale


@case(lambda rng: (spread(rng, 5),))
def callee_returns_tuple(x):
    lo, hi = jit_minmax(x)
    return (x - lo) / (hi - lo)


@case(lambda rng: (num(rng), 4))
def callee_recursive(x, n):
    return py_quadratic(1.0, x, 2.0, x) * jit_power(x, 3) + n


@case(lambda rng: (nrm(rng, 4),))
def lambda_inside(x):
    f = lambda v: v * v + 1.0
    s = 0.0
    for i in range(4):
        s += f(x[i]) * f(f(x[i]))
    return s


@case(lambda rng: (jit_swish, num(rng)), argnums=(1,))
def function_argument(f, x):
    return f(x) * x + f(x * x)


def make_closure_floats(a, b):
    def closure_floats(x):
        return a * x * x + b * math.sin(x)
    return closure_floats


def make_closure_array(w):
    def closure_array(x):
        s = 0.0
        for i in range(x.size):
            s += w[i] * x[i] ** 2
        return s * w.sum()
    return closure_array


def make_closure_function(f):
    def closure_function(x):
        return f(x) + f(2.0 * x) * x
    return closure_function


case(lambda rng: (num(rng),))(make_closure_floats(1.5, -0.5))
case(lambda rng: (nrm(rng, 3),))(make_closure_array(np.array([0.5, 2.0, -1.0])))
case(lambda rng: (num(rng),))(make_closure_function(jit_swish))
case(lambda rng: (num(rng),), id='jitted_already')(njit(make_closure_floats(0.5, 2.0)))


@case(lambda rng: (nrm(rng, 4),))
def constants_module(x):
    s = K_FLOAT * x[K_INT]
    for i in range(K_INT):
        s += K_ARRAY[i] * x[i] ** 2
    return s + K_TUPLE[2] * x[0] * K_TUPLE[0]


@case(lambda rng: (nrm(rng, 4),))
def constants_array_code(x):
    a, b, c = K_TUPLE
    return a * K_ARRAY * x + np.dot(K_ARRAY, x) * b + np.pi * c


# ---------------------------------------------------------------- array code: broadcasting and ufuncs

@case(lambda rng: (num(rng), pos(rng, 3)), argnums=(0, 1), id='broadcast_scalar')
@case(lambda rng: (num(rng), pos(rng, 2, 3)), argnums=(0,), id='broadcast_scalar_rank2_scalar_active')
def broadcast_scalar(c, x):
    return c * x + x / c - c ** 2 / x


@case(lambda rng: (nrm(rng, 3, 1), nrm(rng, 4)), argnums=(0, 1))
def broadcast_column_row(x, y):
    return x * y + (x - y) ** 2


@case(lambda rng: (nrm(rng, 3, 4), nrm(rng, 4)), argnums=(0, 1), id='broadcast_matrix_row')
@case(lambda rng: (nrm(rng, 3, 4), nrm(rng, 1, 1)), argnums=(0, 1), id='broadcast_matrix_one')
@case(lambda rng: (nrm(rng, 3, 4), nrm(rng, 2, 1, 4)), argnums=(0, 1), id='broadcast_matrix_rank3')
@case(lambda rng: (fortran(nrm(rng, 3, 4)), f32(nrm(rng, 4))), argnums=(0, 1), id='broadcast_fortran_f32')
def broadcast_matrix(a, b):
    return (a + b) * np.sin(b) - b


@case(lambda rng: (nrm(rng, 3, 4), nrm(rng, 4)), argnums=(0, 1))
def broadcast_in_place(a, b):
    c = a.copy()
    c += b
    c[:, 1:] *= b[1:]
    c[1:] = b * b
    return c


@case(lambda rng: (nrm(rng, 4), np.arange(4)), id='mixes_int_array')
def mixes_int_array(x, k):
    return x * k + x ** k + k / (1.0 + x * x)


@case(lambda rng: (pos(rng, 4),))
def ufunc_chain(x):
    return np.tanh(np.log(1.0 + np.exp(np.sin(x) * np.sqrt(x)))) / (1.0 + np.abs(x))


@case(lambda rng: (rng.uniform(0.2, 0.8, 4),))
def ufuncs_trig(x):
    return (np.sin(x) + np.cos(x) * np.tan(x) + np.arcsin(x) + np.arccos(x) * np.arctan(x) + np.sinh(x)
            + np.cosh(x) * np.tanh(x) + np.arcsinh(x) + np.arccosh(1.5 + x) * np.arctanh(x))


@case(lambda rng: (pos(rng, 4),))
def ufuncs_exp_log(x):
    return (np.exp(x) + np.exp2(x) + np.expm1(x) * np.log(x) + np.log2(x) + np.log10(x) + np.log1p(x)
            + np.sqrt(x) * np.cbrt(x) + np.square(x) + np.reciprocal(x) + np.negative(x) + np.deg2rad(x))


@case(lambda rng: (pos(rng, 4), pos(rng, 4) + 2.0), argnums=(0, 1))
def ufuncs_binary(x, y):
    return (np.add(x, y) * np.subtract(x, y) + np.multiply(x, y) / np.divide(x, y) + np.power(x, y)
            + np.arctan2(x, y) + np.hypot(x, y) + np.logaddexp(x, y) + np.maximum(x, y) * np.minimum(x, y)
            + np.fmax(x, y) + np.copysign(x, -y))


@case(lambda rng: (spread(rng, 6), 0.05))
def ufuncs_piecewise(x, t):
    return np.abs(x) + np.maximum(x, t) * x + np.sign(x) * x + np.minimum(0.02, x) + np.floor(t) * x


@case(lambda rng: (spread(rng, 6), nrm(rng, 6)), argnums=(0, 1))
def where_arrays(x, y):
    return np.where(x > 0.0, x * y, np.exp(x)) + np.where(y > x, 2.0, x)


@case(lambda rng: (spread(rng, 6),))
def clip_array(x):
    return np.clip(x, -1.0, 1.0) * x


@case(lambda rng: (nrm(rng, 3), nrm(rng, 3)), argnums=(0, 1))
def ufunc_out(x, y):
    out = np.empty(3)
    np.multiply(x, y, out)
    np.sin(out, out)
    return out * x


# ---------------------------------------------------------------- array code: linear algebra

@case(lambda rng: (nrm(rng, 4), nrm(rng, 4)), argnums=(0, 1), id='dot_vv')
@case(lambda rng: (nrm(rng, 3, 4), nrm(rng, 4)), argnums=(0, 1), id='dot_mv')
@case(lambda rng: (nrm(rng, 3), nrm(rng, 3, 4)), argnums=(0, 1), id='dot_vm')
@case(lambda rng: (nrm(rng, 2, 3), nrm(rng, 3, 4)), argnums=(0, 1), id='dot_mm')
@case(lambda rng: (fortran(nrm(rng, 2, 3)), nrm(rng, 3, 4)), argnums=(0, 1), id='dot_mm_fortran')
@case(lambda rng: (f32(nrm(rng, 2, 3)), f32(nrm(rng, 3))), argnums=(0, 1), id='dot_mv_f32')
def dot_ranks(a, b):
    return np.dot(a, b) * 2.0


@case(lambda rng: (nrm(rng, 4), nrm(rng, 4)), argnums=(0, 1), id='matmul_vv')
@case(lambda rng: (nrm(rng, 3, 4), nrm(rng, 4)), argnums=(0, 1), id='matmul_mv')
@case(lambda rng: (nrm(rng, 3), nrm(rng, 3, 4)), argnums=(0, 1), id='matmul_vm')
@case(lambda rng: (nrm(rng, 2, 3), nrm(rng, 3, 4)), argnums=(0, 1), id='matmul_mm')
@case(lambda rng: (nrm(rng, 3, 2).T, fortran(nrm(rng, 3, 4))), argnums=(0, 1), id='matmul_mm_transposed')
def matmul_ranks(a, b):
    return np.sin(a @ b)


@case(lambda rng: (nrm(rng, 3, 4), nrm(rng, 4)), argnums=(0, 1))
def quadratic_form(a, x):
    y = a @ x
    return y @ (a @ x) + (a.T @ a).sum() + x.dot(x)


@case(lambda rng: (nrm(rng, 3), nrm(rng, 4)), argnums=(0, 1))
def outer_vdot(x, y):
    return np.outer(x, y) * np.vdot(y, y * y)


@case(lambda rng: (nrm(rng, 2, 3), nrm(rng, 2, 2)), argnums=(0, 1))
def kron_product(a, b):
    return np.kron(a, b)


@case(lambda rng: (nrm(rng, 3), nrm(rng, 3)), argnums=(0, 1))
def cross_product(x, y):
    return np.cross(x, y) * x


@case(lambda rng: (dominant(rng, 4), nrm(rng, 4)), argnums=(0, 1), id='linalg_solve_vector')
@case(lambda rng: (dominant(rng, 4), nrm(rng, 4, 2)), argnums=(0, 1), id='linalg_solve_matrix')
@case(lambda rng: (fortran(dominant(rng, 4)), nrm(rng, 4)), argnums=(0, 1), id='linalg_solve_fortran')
def linalg_solve(a, b):
    return np.linalg.solve(a, b) * b


@case(lambda rng: (dominant(rng, 3),))
def linalg_inv(a):
    return np.linalg.inv(a) * a.T


@case(lambda rng: (dominant(rng, 3),))
def linalg_det(a):
    return np.linalg.det(a) + a[0, 0]


@case(lambda rng: (dominant(rng, 3),))
def linalg_slogdet(a):
    sign, logdet = np.linalg.slogdet(a)
    return sign * logdet


@case(lambda rng: (spd(rng, 3),))
def linalg_cholesky(a):
    c = np.linalg.cholesky(a @ a.T)
    return c * c


@case(lambda rng: (nrm(rng, 4),), id='linalg_norm_vector')
@case(lambda rng: (nrm(rng, 3, 2),), id='linalg_norm_matrix')
def linalg_norm(x):
    return x / np.linalg.norm(x)


@case(lambda rng: (spd(rng, 4), nrm(rng, 4)), argnums=(0, 1))
def gaussian_logpdf(cov, x):
    s = 0.5 * (cov + cov.T)
    sign, logdet = np.linalg.slogdet(s)
    return -0.5 * (x @ np.linalg.solve(s, x) + logdet + x.size * math.log(2.0 * math.pi))


# ---------------------------------------------------------------- array code: reductions

@case(lambda rng: (nrm(rng, 5),), id='sum_all_rank1')
@case(lambda rng: (nrm(rng, 3, 4),), id='sum_all_rank2')
@case(lambda rng: (f32(nrm(rng, 2, 3, 2)),), id='sum_all_rank3_f32')
@case(lambda rng: (fortran(nrm(rng, 3, 4)),), id='sum_all_fortran')
def sum_all(x):
    return np.sum(x * x) + x.sum() * np.sum(x)


@case(lambda rng: (nrm(rng, 3, 4),))
def sum_axis_rank2(a):
    return np.sum(a * a, axis=0), np.sum(a, 1) * a[:, 0], a.sum(axis=1), a.sum(0)


@case(lambda rng: (nrm(rng, 2, 3, 4),))
def sum_axis_rank3(a):
    return np.sum(a * a, axis=1), a.sum(axis=2), np.sum(a, 0), np.sum(a, axis=-1) ** 2


@case(lambda rng: (nrm(rng, 5),), id='mean_var_std_rank1')
@case(lambda rng: (nrm(rng, 3, 4),), id='mean_var_std_rank2')
@case(lambda rng: (nrm(rng, 6, 4)[::-2],), id='mean_var_std_strided')
def mean_var_std(x):
    return np.mean(x) * x.mean() + np.var(x) + 2.0 * np.std(x) + x.std() * x.var()


@case(lambda rng: (away(rng, 4),), id='prod_rank1')
@case(lambda rng: (away(rng, 2, 3),), id='prod_rank2')
@case(lambda rng: (np.array([0.0, 1.5, -0.7]) * num(rng),), id='prod_with_zero')
def prod_all(x):
    return np.prod(x) + 2.0 * x.prod()


@case(lambda rng: (spread(rng, 6),), id='min_max_rank1')
@case(lambda rng: (spread(rng, 2, 3),), id='min_max_rank2')
def min_max(x):
    return np.min(x) * np.max(x) + x.min() ** 2 + x.max()


@case(lambda rng: (spread(rng, 6),))
def argmin_argmax(x):
    return x[np.argmax(x)] * x[x.argmin()] + np.argmin(x)


@case(lambda rng: (away(rng, 5),), id='cumulative_rank1')
@case(lambda rng: (away(rng, 2, 3),), id='cumulative_rank2')
def cumulative(x):
    return np.cumsum(x) * np.cumprod(x), x.cumsum(), x.cumprod() ** 2


@case(lambda rng: (spread(rng, 5),))
def median_ptp(x):
    return np.median(x) * np.ptp(x) + x[0]


@case(lambda rng: (nrm(rng, 3, 4),))
def softmax_rows(a):
    e = np.exp(a)
    return e / np.sum(e, axis=1).reshape(3, 1)


@case(lambda rng: (nrm(rng, 5, 3), pos(rng, 3), nrm(rng, 3)), argnums=(0, 1, 2))
def batch_norm(x, gamma, beta):
    mu = x.sum(axis=0) / x.shape[0]
    d = x - mu
    v = (d * d).sum(axis=0) / x.shape[0]
    return gamma * d / np.sqrt(v + 1e-3) + beta


# ---------------------------------------------------------------- array code: shapes and rearrangement

@case(lambda rng: (nrm(rng, 2, 6),))
def reshape_ravel(a):
    b = np.reshape(a, (3, 4)) * 2.0
    c = a.reshape(4, -1)
    return b.ravel() * c.reshape(-1) + np.ravel(a) * a.flatten()


@case(lambda rng: (nrm(rng, 2, 3),))
def transposes(a):
    return a.T * np.transpose(a) + a.transpose() + np.transpose(a.T, (1, 0))[0, 0]


@case(lambda rng: (nrm(rng, 2, 3, 4),))
def transposes_rank3(a):
    return np.transpose(a, (2, 0, 1)) ** 2, np.swapaxes(a, 0, 2) * 2.0, a.T


@case(lambda rng: (nrm(rng, 3), nrm(rng, 2)), argnums=(0, 1))
def concatenate_rank1(x, y):
    return np.concatenate((x, y * y, x[::-1])) * 2.0


@case(lambda rng: (nrm(rng, 2, 3), nrm(rng, 2, 3)), argnums=(0, 1))
def concatenate_rank2(a, b):
    return np.concatenate((a, b)), np.concatenate((a * b, a), axis=1)


@case(lambda rng: (nrm(rng, 3), nrm(rng, 3)), argnums=(0, 1))
def stacks(x, y):
    return (np.hstack((x, y)) ** 2, np.vstack((x, y)) * x, np.stack((x, y)) * y, np.stack((x, y), axis=1),
            np.column_stack((x, y * x)))


@case(lambda rng: (nrm(rng, 3), num(rng)), argnums=(0, 1))
def append_repeat(x, c):
    return np.append(x, c) ** 2, np.repeat(x, 2) * c


@case(lambda rng: (nrm(rng, 3), nrm(rng, 2, 3)), argnums=(0, 1))
def expand_and_broadcast(x, a):
    return np.expand_dims(x, 1) * np.expand_dims(x, 0), np.broadcast_to(x, (2, 3)) * a


@case(lambda rng: (nrm(rng, 3), nrm(rng, 3, 3)), argnums=(0, 1))
def diag_trace(x, a):
    return np.diag(x) * a, np.diag(a) * x, np.trace(a) * x[0]


@case(lambda rng: (nrm(rng, 3, 3),))
def triangles(a):
    return np.triu(a) * a, np.tril(a, -1) + np.triu(a, 1)


@case(lambda rng: (nrm(rng, 4), nrm(rng, 2, 3)), argnums=(0, 1))
def flip_roll(x, a):
    return np.flip(x) * x, np.roll(x, 1) * x, np.fliplr(a) * a, np.flipud(a) - np.roll(a, -2)


@case(lambda rng: (spread(rng, 6),))
def sort_argsort(x):
    y = np.sort(x)
    return y * np.arange(6.0), x[np.argsort(x)] * x


@case(lambda rng: (nrm(rng, 6), np.array([4, 0, 0, 2])))
def take_diff(x, idx):
    return np.take(x, idx) ** 2, np.diff(x) * x[1:], np.diff(x, 2)


@case(lambda rng: (nrm(rng, 6), nrm(rng, 3)), argnums=(0, 1))
def convolve_arrays(x, k):
    return np.convolve(x, k)


@case(lambda rng: (num(rng, 0.3, 0.7) + 2.0, spread(rng, 6)), argnums=(0, 1))
def interp_table(t, y):
    xs = np.arange(6.0)
    return np.interp(t, xs, y) * t


@case(lambda rng: (num(rng), num(rng, 2.0, 3.0)), argnums=(0, 1))
def linspace_quadrature(a, b):
    x = np.linspace(a, b, 6)
    y = np.sin(x) * x
    return (b - a) / 5.0 * (y.sum() - 0.5 * (y[0] + y[-1]))


@case(lambda rng: (spread(rng, 3, 4), nrm(rng, 4)), argnums=(0, 1))
def array_methods(a, x):
    b = a.copy()
    return b.T.sum() * x.mean() + b.reshape(12).max() + a.dot(x).sum() + b.ravel().dot(b.ravel())


@case(lambda rng: (nrm(rng, 3, 4),))
def array_attributes(a):
    return a * a.shape[0] + a.size / len(a) + a.ndim * a[0] * a.shape[-1]


# ---------------------------------------------------------------- elementary functions on scalars

@case(lambda rng: (num(rng, 0.2, 0.8),))
def math_trig(x):
    return (math.sin(x) * math.cos(x) + math.tan(x) + math.asin(x) * math.acos(x) + math.atan(x)
            + math.sinh(x) * math.cosh(x) + math.tanh(x) + math.asinh(x) + math.acosh(1.5 + x) + math.atanh(x))


@case(lambda rng: (num(rng), num(rng)), argnums=(0, 1))
def math_exp_log(x, y):
    return (math.exp(x) * math.expm1(y) + math.log(x) + math.log1p(y) + math.log2(x) * math.log10(1.0 + y)
            + math.sqrt(x) + math.pow(x, y))


@case(lambda rng: (num(rng), num(rng, -1.5, -0.5)), argnums=(0, 1))
def math_two_args(x, y):
    return (math.hypot(x, y) + math.atan2(y, x) + math.copysign(x, y) + math.fabs(y) * x + math.degrees(x)
            + math.radians(y) * y + math.ldexp(x, 2))


@case(lambda rng: (num(rng, 1.2, 1.8),))
def math_special(x):
    return math.erf(x) + math.erfc(x) * x + math.gamma(x) + math.lgamma(x + 2.0)


@case(lambda rng: (num(rng, 1.2, 1.8),))
def math_rounding(x):
    return (math.floor(x) + math.ceil(x) * x + math.trunc(x) * x * x) * (x - math.floor(x))


@case(lambda rng: (num(rng, 0.2, 0.8),), id='np_scalar_unary_f64')
@case(lambda rng: (np.float32(num(rng, 0.2, 0.8)),), id='np_scalar_unary_f32')
def np_scalar_unary(x):
    return (np.sin(x) * np.cos(x) + np.tan(x) + np.arcsin(x) + np.arctan(x) * np.sinh(x) + np.tanh(x)
            + np.exp(x) * np.log(x) + np.sqrt(x) + np.log1p(x) + np.cbrt(x) + np.square(x) + np.abs(x))


@case(lambda rng: (num(rng), num(rng, 2.0, 3.0)), argnums=(0, 1))
def np_scalar_binary(x, y):
    return np.maximum(x, y) * np.minimum(x, y) + np.arctan2(x, y) + np.hypot(x, y) + np.power(x, y) + np.logaddexp(x, y)


# ---------------------------------------------------------------- numerical classics

@case(lambda rng: (nrm(rng, 6),))
def rosenbrock_loop(x):
    s = 0.0
    for i in range(x.size - 1):
        s += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return s


@case(lambda rng: (nrm(rng, 6),))
def rosenbrock_slices(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@case(lambda rng: (spread(rng, 5),), id='logsumexp_small')
@case(lambda rng: (spread(rng, 5) + 1000.0,), id='logsumexp_large')
def logsumexp(x):
    m = x.max()
    s = 0.0
    for v in x:
        s += math.exp(v - m)
    return m + math.log(s)


@case(lambda rng: (nrm(rng, 6, 2), nrm(rng, 3), nrm(rng, 3, 2), pos(rng, 3, 2)), argnums=(0, 1, 2, 3))
def gaussian_mixture(x, alpha, mu, sigma):
    total = 0.0
    terms = np.empty(alpha.size)
    for i in range(x.shape[0]):
        for k in range(alpha.size):
            terms[k] = alpha[k]
            for d in range(x.shape[1]):
                z = (x[i, d] - mu[k, d]) / sigma[k, d]
                terms[k] -= 0.5 * z * z + math.log(sigma[k, d])
        m = np.max(terms)
        total += m + np.log(np.sum(np.exp(terms - m)))
    return total - x.shape[0] * np.log(np.sum(np.exp(alpha)))


@case(lambda rng: (nrm(rng, 5, 5), 4), id='jacobi_loops')
@case(lambda rng: (fortran(nrm(rng, 5, 5)), 3), id='jacobi_loops_fortran')
def jacobi_loops(u0, steps):
    u = u0.copy()
    v = u0.copy()
    for t in range(steps):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                v[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
        u, v = v, u
    return np.sum(u * u)


@case(lambda rng: (nrm(rng, 5, 6), 4))
def jacobi_slices(u0, steps):
    u = u0.copy()
    for t in range(steps):
        u[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
    return u


@case(lambda rng: (nrm(rng, 8), 0.05, 0.02, 5), argnums=(0, 1, 2))
def burgers_slices(u0, dt, nu, steps):
    u = u0.copy()
    for t in range(steps):
        un = u.copy()
        u[1:-1] = un[1:-1] - dt * un[1:-1] * (un[1:-1] - un[:-2]) + nu * (un[2:] - 2.0 * un[1:-1] + un[:-2])
        u[0] = 0.5 * u[1]
    return u


@case(lambda rng: (nrm(rng, 5), nrm(rng, 5) + 8.0, nrm(rng, 5), nrm(rng, 5)), argnums=(0, 1, 2, 3))
def thomas_solve(a, b, c, d):
    n = d.size
    cp = np.zeros(n)
    x = np.zeros(n)
    cp[0], x[0] = c[0] / b[0], d[0] / b[0]
    for i in range(1, n):
        w = 1.0 / (b[i] - a[i] * cp[i - 1])
        cp[i] = c[i] * w
        x[i] = (d[i] - a[i] * x[i - 1]) * w
    for i in range(n - 2, -1, -1):
        x[i] -= cp[i] * x[i + 1]
    return x


@case(lambda rng: (spd(rng, 4),))
def cholesky_in_place(a):
    c = a.copy()
    n = c.shape[0]
    for j in range(n):
        for k in range(j):
            c[j, j] -= c[j, k] * c[j, k]
        c[j, j] = math.sqrt(c[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                c[i, j] -= c[i, k] * c[j, k]
            c[i, j] /= c[j, j]
            c[j, i] = 0.0
    return c


@case(lambda rng: (dominant(rng, 4), nrm(rng, 4)), argnums=(0, 1))
def lu_in_place(a, b):
    lu, x = a.copy(), b.copy()
    n = x.size
    for k in range(n):
        for i in range(k + 1, n):
            lu[i, k] /= lu[k, k]
            lu[i, k + 1:] -= lu[i, k] * lu[k, k + 1:]
            x[i] -= lu[i, k] * x[k]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            x[i] -= lu[i, j] * x[j]
        x[i] /= lu[i, i]
    return x


@case(lambda rng: (nrm(rng, 4, 4), nrm(rng, 4)), argnums=(0, 1))
def elimination_with_pivoting(a0, b0):
    a, b = a0.copy(), b0.copy()
    n = b.size
    for k in range(n):
        p = k + np.argmax(np.abs(a[k:, k]))
        if p != k:
            for j in range(n):
                a[k, j], a[p, j] = a[p, j], a[k, j]
            b[k], b[p] = b[p], b[k]
        for i in range(k + 1, n):
            m = a[i, k] / a[k, k]
            a[i, k:] -= m * a[k, k:]
            b[i] -= m * b[k]
    logdet = 0.0
    for k in range(n):
        logdet += math.log(abs(a[k, k]))
    return logdet + b[0] * b[n - 1]


@case(lambda rng: (num(rng, 2.0, 5.0),))
def newton_while(a):
    x = a
    err = 1.0
    while err > 1e-10:
        step = (x ** 3 - a) / (3.0 * x * x)
        x -= step
        err = abs(step)
    return x


@case(lambda rng: (num(rng, 0.1, 0.3), num(rng)), argnums=(0, 1))
def kepler_fixed_point(e, m):
    x = m
    for k in range(60):
        new = m + e * math.sin(x)
        if abs(new - x) < 1e-14:
            x = new
            break
        x = new
    return x


@case(lambda rng: (nrm(rng, 2), num(rng), 6), argnums=(0, 1))
def rk4_oscillator(y0, mu, steps):
    def rhs(y):
        return np.array([y[1], mu * (1.0 - y[0] * y[0]) * y[1] - y[0]])

    h = 0.1
    y = y0.copy()
    for t in range(steps):
        k1 = rhs(y)
        k2 = rhs(y + 0.5 * h * k1)
        k3 = rhs(y + 0.5 * h * k2)
        k4 = rhs(y + h * k3)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return y


@case(lambda rng: (nrm(rng, 3, 3), nrm(rng, 3, 2), nrm(rng, 5, 2)), argnums=(0, 1, 2))
def recurrent_net(w, u, xs):
    h = np.zeros(3)
    loss = 0.0
    for t in range(xs.shape[0]):
        h = np.tanh(w @ h + u @ xs[t])
        loss += np.sum(h * h)
    return loss


@case(lambda rng: (spd(rng, 3), 6))
def power_iteration(a, steps):
    v = np.array([1.0, 0.5, -0.3])
    for k in range(steps):
        v = a @ v
        v = v / np.sqrt(np.sum(v * v))
    return v @ (a @ v)


@case(lambda rng: (nrm(rng, 5), num(rng)), argnums=(0, 1))
def horner(coef, x):
    y = 0.0
    for c in coef[::-1]:
        y = y * x + c
    return y


@case(lambda rng: (nrm(rng, 6, 3), nrm(rng, 3, 4), nrm(rng, 4), nrm(rng, 4, 3), nrm(rng, 3), rng.integers(0, 3, 6)),
      argnums=(0, 1, 2, 3, 4))
def mlp_cross_entropy(x, w1, b1, w2, b2, labels):
    h = np.tanh(x @ w1 + b1)
    z = h @ w2 + b2
    loss = 0.0
    for i in range(labels.size):
        m = z[i].max()
        loss += m + np.log(np.sum(np.exp(z[i] - m))) - z[i, labels[i]]
    return loss / labels.size


@case(lambda rng: (np.array([-1.0, 0.0, 1.0, 3.0, 4.0])[:, None] + 0.2 * nrm(rng, 5, 2),
                   np.array([[0.0, 0.0], [3.5, 3.5]]) + 0.1 * nrm(rng, 2, 2)), argnums=(0, 1))
def kmeans_distances(x, centers):
    total = 0.0
    for i in range(x.shape[0]):
        best = np.inf
        for k in range(centers.shape[0]):
            d = 0.0
            for j in range(x.shape[1]):
                d += (x[i, j] - centers[k, j]) ** 2
            if d < best:
                best = d
        total += best
    return total


@case(lambda rng: (spread(rng, 4, 5) ** 2,))
def shortest_path_min(cost):
    m, n = cost.shape
    d = np.full((m, n), 1e9)
    d[0, 0] = cost[0, 0]
    for i in range(m):
        for j in range(n):
            if i > 0:
                d[i, j] = min(d[i, j], d[i - 1, j] + cost[i, j])
            if j > 0:
                d[i, j] = min(d[i, j], d[i, j - 1] + cost[i, j])
    return d[-1, -1]


@case(lambda rng: (spread(rng, 5), spread(rng, 4) * 1.1 + 0.07), argnums=(0, 1))
def dynamic_time_warping(x, y):
    d = np.full((x.size + 1, y.size + 1), np.inf)
    d[0, 0] = 0.0
    for i in range(1, x.size + 1):
        for j in range(1, y.size + 1):
            d[i, j] = (x[i - 1] - y[j - 1]) ** 2 + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
    return d[x.size, y.size]


@case(lambda rng: (dominant(rng, 4), nrm(rng, 4), 5), argnums=(0, 1))
def gauss_seidel(a, b, sweeps):
    x = np.zeros_like(b)
    for k in range(sweeps):
        for i in range(b.size):
            r = b[i]
            for j in range(b.size):
                if j == i:
                    continue
                r -= a[i, j] * x[j]
            x[i] = r / a[i, i]
    return x


@case(lambda rng: (spread(rng, 6),))
def bubble_sort(x):
    y = x.copy()
    for i in range(y.size):
        for j in range(y.size - 1 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    return y * np.arange(1, 7)


@case(lambda rng: (nrm(rng, 5, 6), nrm(rng, 3, 2)), argnums=(0, 1), id='convolution_loops')
@case(lambda rng: (f32(nrm(rng, 5, 6)), f32(nrm(rng, 3, 2))), argnums=(0, 1), id='convolution_loops_f32')
def convolution_loops(img, ker):
    kh, kw = ker.shape
    out = np.zeros((img.shape[0] - kh + 1, img.shape[1] - kw + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            acc = 0.0
            for p in range(kh):
                for q in range(kw):
                    acc += img[i + p, j + q] * ker[p, q]
            out[i, j] = acc
    return out


@case(lambda rng: (nrm(rng, 7),))
def prefix_sums(x):
    s = np.zeros(x.size + 1)
    for i in range(x.size):
        s[i + 1] = s[i] + x[i]
    return (s[3:] - s[:-3]) ** 2


@case(lambda rng: (nrm(rng, 3, 4), nrm(rng, 4)), argnums=(0, 1), id='matvec_loops_c')
@case(lambda rng: (nrm(rng, 4, 6).T[::2], nrm(rng, 8)[::-2]), argnums=(0, 1), id='matvec_loops_strided')
def matvec_loops(a, x):
    y = np.zeros(a.shape[0])
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            y[i] += a[i, j] * x[j]
    return y


@case(lambda rng: (nrm(rng, 6), np.array([0, 2, 1, 3, 0, 2]), np.array([0, 2, 2, 4, 6]), nrm(rng, 4)), argnums=(0, 3))
def csr_matvec(data, indices, indptr, x):
    y = np.zeros(indptr.size - 1)
    for i in range(indptr.size - 1):
        for k in range(indptr[i], indptr[i + 1]):
            y[i] += data[k] * x[indices[k]]
    return y


@case(lambda rng: (spread(rng, 3, 2), nrm(rng, 3, 2), pos(rng, 3), 4),
      argnums=(0, 1, 2))
def leapfrog_bodies(q0, p0, mass, steps):
    q, p = q0.copy(), p0.copy()
    dt = 0.05
    for t in range(steps):
        q += 0.5 * dt * p
        for i in range(3):
            for j in range(3):
                if i != j:
                    d = q[j] - q[i]
                    r = np.sqrt(np.sum(d * d) + 0.1)
                    p[i] += dt * mass[j] * d / r ** 3
        q += 0.5 * dt * p
    return q, p


@case(lambda rng: (nrm(rng, 3, 2), num(rng)), argnums=(0, 1))
def pair_energy(x, eps):
    e = 0.0
    for i in range(x.shape[0]):
        for j in range(i):
            r2 = 0.5
            for d in range(x.shape[1]):
                r2 += (x[i, d] - x[j, d]) ** 2
            s6 = (1.0 / r2) ** 3
            e += 4.0 * eps * (s6 * s6 - s6)
    return e


@case(lambda rng: (num(rng, 90.0, 110.0), num(rng, 0.1, 0.4), num(rng, 0.01, 0.05)), argnums=(0, 1, 2))
def black_scholes(spot, vol, rate):
    strike, t = 95.0, 0.5
    d1 = (math.log(spot / strike) + (rate + 0.5 * vol * vol) * t) / (vol * math.sqrt(t))
    d2 = d1 - vol * math.sqrt(t)
    cdf1 = 0.5 * math.erfc(-d1 / math.sqrt(2.0))
    cdf2 = 0.5 * math.erfc(-d2 / math.sqrt(2.0))
    return spot * cdf1 - strike * math.exp(-rate * t) * cdf2


@case(lambda rng: (nrm(rng, 3), pos(rng, 3, 3), pos(rng, 3, 2), np.array([0, 1, 1, 0, 1])), argnums=(0, 1, 2))
def hidden_markov_forward(logp, trans, emit, obs):
    alpha = np.exp(logp) * emit[:, obs[0]]
    ll = 0.0
    for t in range(1, obs.size):
        c = alpha.sum()
        ll += math.log(c)
        alpha = ((alpha / c) @ trans) * emit[:, obs[t]]
    return ll + math.log(alpha.sum())


@case(lambda rng: (nrm(rng, 6), nrm(rng, 6), 0.1, 8), argnums=(0, 1, 2))
def gradient_descent_loop(x, y, lr, steps):
    a, b = 0.0, 0.0
    for k in range(steps):
        ga = gb = 0.0
        for i in range(x.size):
            r = a * x[i] + b - y[i]
            ga += r * x[i]
            gb += r
        a, b = a - lr * ga / x.size, b - lr * gb / x.size
    return a, b


# ---------------------------------------------------------------- errors and prints

@case(lambda rng: (pos(rng, 5), 7))
def asserts_and_raises(x, n):
    assert x.size > 0, "empty"
    s = 0.0
    for i in range(x.size):
        if x[i] < 0.0:
            raise ValueError("negative")
        if i == n:
            continue
        elif i > 100:
            raise IndexError
        s += np.sqrt(x[i])
    if s > 1e6:
        raise OverflowError("large", n)
    elif n > 5:
        return 2.0 * s
    else:
        assert s < 1e7
        return s


@case(lambda rng: (1.3,))
def assigns_or_raises(x):
    if x > 0.0:
        y = x * x
    else:
        raise ValueError("x")
    return y


@case(lambda rng: (pos(rng, 3),))
def raises_in_a_loop(x):
    s = 1.0
    for v in x:
        if v > 0.0:
            t = np.log(v) * s
        else:
            raise ValueError("not positive")
        s += t * t
    return s


@case(lambda rng: (nrm(rng, 3),))
def prints(x):
    s = 0.0
    for i in range(x.size):
        print("step", i, x[i])
        s += x[i] * x[i]
    return s


# ---------------------------------------------------------------- what was once wrong

TABLE = np.array([0, 2, 1, 1])


@case(lambda rng: (nrm(rng, 4, 5),))
def constant_index_array(x):
    return x[TABLE] * x[1, TABLE][0]


@case(lambda rng: (nrm(rng, 4, 5), np.array([[0, 2], [1, 1]])))
def index_array_of_rank_2(x, where):
    return x[where, where] + x[where][0, 1, 2]


def doubled(fn):
    @functools.wraps(fn)
    def wrapper(x):
        return 2.0 * fn(x)
    return wrapper


@doubled
def squared(x):
    return x * x


@case(lambda rng: (nrm(rng, 3),))
def decorated_callee(x):
    return squared(x[0]) + x[1]


@case(lambda rng: (1.3,))
def defaults_of_inner_functions(x):
    y = x * x
    scaled = lambda a, b=y: a * b
    y = 5.0 * x
    return scaled(x) + y


@case(lambda rng: (nrm(rng, 4),))
def enumerate_from_one(x):
    s = 0.0
    for k, v in enumerate(x, start=1):
        s += k * v * v
    return s


@case(lambda rng: (nrm(rng, 4),))
def enumerate_as_pairs(x):
    s = 0.0
    for pair in enumerate(x):
        s += pair[0] * pair[1] * pair[1]
    return s


@case(lambda rng: (nrm(rng, 5),))
def value_of_the_iteration_before(x):
    s = 0.0
    for i in range(x.size):
        if i > 0:
            s += before * x[i]
        before = x[i] * x[i]
    return s


@case(lambda rng: (np.array([0.3, 0.4]),))
def arange_of_floats(x):
    return np.sum(np.arange(x[0], x[0] + 3.0, x[1]) ** 2)


@case(lambda rng: (nrm(rng, 4),))
def loop_reads_what_a_loop_made(x):
    y = x
    for _ in range(3):
        y = np.sin(y)
    s = 0.0
    for i in range(2):
        s += np.sum(y) * i
    return s


@case(lambda rng: (nrm(rng, 4), 3), id="loop_reads_what_a_branch_made_then")
@case(lambda rng: (nrm(rng, 4), 1), id="loop_reads_what_a_branch_made_else")
def loop_reads_what_a_branch_made(x, n):
    if n > 1:
        y = np.sin(x)
    else:
        y = x * 2.0
    s = 0.0
    for _ in range(2):
        s += np.sum(y)
    return s


@case(lambda rng: (nrm(rng, 4),))
def inner_loop_reads_the_outer_head(x):
    y = x
    for _ in range(2):
        s = 0.0
        for _ in range(2):
            s += np.sum(y)
        y = np.sin(y) * s
    return np.sum(y)


@case(lambda rng: (nrm(rng, 4), 3), id="early_return_from_one_of_two_loops")
@case(lambda rng: (nrm(rng, 4), 0), id="early_return_from_neither_loop")
def early_return_from_two_loops(x, n):
    for _ in range(3):
        if n > 1:
            return x
    for _ in range(2):
        x = x * 2.0
    return x


@case(lambda rng: (nrm(rng, 4), 2))
def array_bound_in_an_inner_loop(x, n):
    for _ in range(n):
        for _ in range(2):
            y = x
    return y


@case(lambda rng: (nrm(rng, 4), 3))
def outer_array_bound_in_a_loop(x, n):
    for _ in range(n):
        u = x
    return u


@case(lambda rng: (nrm(rng, 4), nrm(rng, 3, 4), 3), argnums=(0, 1), id="layouts_of_two_branches_strided")
@case(lambda rng: (nrm(rng, 4), nrm(rng, 3, 4), 2), argnums=(0, 1), id="layouts_of_two_branches_returned")
def layouts_of_two_branches(x, m, n):
    if n > 2:
        a = m[:3, n]
    else:
        for _ in range(2):
            return x
        a = m[n, 1:4]
    return a


@case(lambda rng: (nrm(rng, 4),))
def while_that_indexes_with_its_counter(x):
    k, s = 0, 0.0
    while k < 3:
        s += x[k] * x[k]
        k += 1
    return s


@case(lambda rng: (nrm(rng, 3), 0.7, 3), argnums=(1,))
def early_return_before_a_loop(x, c, n):
    k = 0
    while k < 2:
        if n == 0:
            return c
        k += 1
    for _ in range(3):
        s = x.mean()
    return c * s


@case(lambda rng: (nrm(rng, 5),))
def sum_of_running_sums(x):
    v, w = 0.0, 0.0
    for i in range(x.size):
        v = v + x[i]
        w = w + v
    return w


@case(lambda rng: (nrm(rng, 5),))
def sum_of_squared_running_sums(x):
    v, w = 0.0, 0.0
    for i in range(x.size):
        v = v + np.sin(x[i])
        w = w + v * v
    return w


@case(lambda rng: (nrm(rng, 4, 3), nrm(rng, 4)), argnums=(0, 1))
def running_sums_from_inner_loops_and_branches(x, c):
    v, w = 0.0, 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if x[i, j] > 0.0:
                v += x[i, j] * c[i]
        w += v
        v -= c[i]
    return v + w


@case(lambda rng: (nrm(rng, 4, 3), nrm(rng, 4)), argnums=(0, 1))
def running_sums_of_arrays(x, c):
    v, w = np.zeros(3), 0.0
    for i in range(x.shape[0]):
        v = v + x[i] * c[i]
        w += v[0]
    return w


@case(lambda rng: (nrm(rng, 5),))
def running_sums_of_running_sums(x):
    u, v, w = 0.0, 0.0, 0.0
    for i in range(x.size):
        w += v
        v += u
        u += x[i]
    return w


@case(lambda rng: (nrm(rng, 4), nrm(rng, 3, 4)), argnums=(0, 1))
def lengths_of_sums_in_a_loop(x, m):
    a = x[0:3]
    for _ in range(2):
        b = 1.0 * ((m + m[0:3]) + x[1:][:, None])
        a = b[0:3, 0].copy()
    return np.sum(a)


@case(lambda rng: (nrm(rng, 5, 3), 2.0), argnums=(0, 1))
def cut_off_of_a_sum(x, cutoff):
    energy = 0.0
    for i in range(x.shape[0]):
        for j in range(i):
            r2 = 0.0
            for k in range(3):
                r2 += (x[i, k] - x[j, k]) ** 2
            if r2 < cutoff:
                energy += np.exp(-r2) * cutoff
    return energy


@case(lambda rng: (nrm(rng, 5, 3), 0.0), argnums=(0, 1))
def cut_off_of_a_product(x, c):
    total = 0.0
    for i in range(x.shape[0]):
        s = 1.0 + c
        for k in range(3):
            s = s * x[i, k]
        if s > c:
            pass
        else:
            total += np.sin(s)
    return total


@case(lambda rng: (nrm(rng, 5, 3), 1.0), argnums=(0, 1))
def cut_off_of_what_is_used_elsewhere(x, c):
    total = 0.0
    for i in range(x.shape[0]):
        s, t = 0.0, c
        for k in range(3):
            s += x[i, k] ** 2
            t += x[i, k] * c
        if s > c:
            total += s * t
        total += t
    return total


@case(lambda rng: (nrm(rng, 5, 3), 1.0), argnums=(0, 1))
def cut_off_of_loops_in_a_row(x, c):
    total = 0.0
    for i in range(x.shape[0]):
        mean = 0.0
        for k in range(3):
            mean += x[i, k] / 3.0
        spread, k = 0.0, 0
        while k < 3:
            spread += (x[i, k] - mean) ** 2 * c
            k += 1
        if spread > 0.5:
            total += np.sqrt(spread)
        elif spread > 0.25:
            total -= spread
    return total


@case(lambda rng: (nrm(rng, 5), 0.5), argnums=(0, 1))
def cut_off_of_what_a_loop_stores(x, c):
    y = np.zeros(5)
    s = 0.0
    for k in range(5):
        y[k] = x[k] * c
        s += y[k] ** 2
    if s > 1e9:
        return s
    return y[1] * y[2]


@case(lambda rng: (nrm(rng, 4), 0.7), argnums=(0, 1))
def cut_off_of_a_loop_whose_array_is_used_elsewhere(x, c):
    u, s, t = x * 1.0, 0.0, 0.0
    for _ in range(3):
        u = 0.5 * u + x
        s += np.sum(u) * c
    for _ in range(2):
        t += np.sum(u * c)
    if s > 1e9:
        t += s
    return t


@case(lambda rng: (nrm(rng, 7), nrm(rng, 10)), argnums=(0, 1))
def stencils_of_two_reaches(x, y):
    s = 0.0
    for i in range(1, x.size - 1):
        r = np.sin(s)
        s += (x[i - 1] + x[i + 1]) * c_of(x[i]) + y[i - 1] * y[i + 3] - r
    return s


def c_of(x):
    return x * 0.5 + 1.0


@case(lambda rng: (nrm(rng, 7), nrm(rng, 10)), argnums=(0, 1))
def sums_of_two_reaches(x, y):
    s = 0.0
    for i in range(1, x.size - 1):
        s += np.sin(x[i - 1] + x[i + 1] + y[i - 1] + y[i + 3])
    return s
