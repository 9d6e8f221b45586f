"""Every error that the toolkit raises on purpose, one by one.

Guaranteed of a `Refusal`: it is raised in both modes when the derivative is asked for, before anything runs (arguments and
seeds stay as they are); it shows one sentence, the user's file, line and column, the line itself with a caret under the start
of the offending expression, and one sentence on what to write instead. The same text is shown where the derivative is called
inside `@njit` code. Guaranteed of a `UsageError`: it says what was expected. A sentence of the toolkit that no case here
provokes makes `test_every_sentence_is_provoked` fail.

`…` in an expected sentence stands for any text.
"""
# The functions below are wrong on purpose: names that are unused or undefined, and styles that are bad, are what is refused.
# ruff: noqa: B007, E702, E711, F401, F821, F841, NPY002, PERF401, RUF059, SIM108
import ast
import functools
import inspect
import math
import re
import runpy
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import njit
from numba.typed import List

import toolkit
from toolkit import (
    Dual,
    Refusal,
    UsageError,
    check_grads,
    cost,
    custom,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    optim,
    record,
    source,
    value_and_grad,
    vjp,
)
from toolkit.check import flat, floats, fresh, like
from toolkit.modules import Graph, Input, Sequential, Tanh

X, M = np.linspace(0.5, 1.5, 5), np.arange(12.0).reshape(3, 4) + 1.0
PICK, TABLE, LIST, DICT = np.array([0, 2, 1]), np.ones(5), [1.0, 2.0], {"a": 2.0}
MODES = {"forward": lambda f, args, dots: jvp(f)(args, dots), "reverse": lambda f, args, dots: vjp(f)(args, 1.0)}


@dataclass(frozen=True)
class Case:
    fn: object
    args: tuple
    says: str               # the sentence
    at: str                 # the source at whose start the caret stands
    inside: object          # the function whose line is shown
    modes: tuple            # in which it is refused


CASES = []


def refused(*args, says, at, inside=None, modes=("forward", "reverse")):
    """Register a function that is refused."""
    def register(fn):
        CASES.append(pytest.param(Case(fn, args, says, at, inside or fn, modes), id=fn.__name__))
        return fn
    return register


def pattern(says):
    return ".*".join(map(re.escape, says.split("…")))


def place(case):
    """(file, line number, column, line) at which the caret must stand."""
    plain = getattr(case.inside, "py_func", case.inside)
    lines, first = inspect.getsourcelines(plain)
    head = next(k for k, line in enumerate(lines) if line.lstrip().startswith("def "))
    head += not case.at.startswith("def ")
    hits = [(first + k, line) for k, line in enumerate(lines) if k >= head and case.at in line]
    assert len(hits) == 1, f"{case.at!r} stands in {len(hits)} lines"
    number, line = hits[0]
    return inspect.getsourcefile(plain), number, line.index(case.at), line.strip()


def require_text(case, text):
    """Sentence, place, line, caret, and what to write instead."""
    sentence, where, line, caret, instead = text.splitlines()
    file, number, column, wanted = place(case)
    assert re.fullmatch(pattern(case.says), sentence)
    assert line.strip() == wanted
    assert where.strip() == f"{file}:{number}:{column + 1}"
    assert caret.strip() == "^"
    assert caret.index("^") - line.index(wanted) == wanted.index(case.at)
    assert re.fullmatch(r"  [A-Z].*\.", instead)


# ---- statements ------------------------------------------------------------------------------------------------------

@refused(X, says="`raise` without an error, or `from` another, is not supported", at="raise")
def raises_again(x):
    if x[0] < 0.0:
        raise
    return x[0]


@refused(X, says="only an exception class with positional arguments can be raised", at="raise")
def raises_a_number(x):
    if x[0] < 0.0:
        raise math.sqrt(2.0)
    return x[0]


@refused(X, says="the statement `try` is not supported", at="try:")
def tries(x):
    try:
        return x[0]
    finally:
        pass


@refused(X, says="the statement `with` is not supported", at="with")
def leaves_compiled_code(x):
    with numba.objmode():
        pass
    return x[0]


@refused(X, says="the statement `del…` is not supported", at="del ")
def deletes(x):
    y = x[0]
    del y
    return x[0]


@refused(X, says="the statement `import…` is not supported", at="import")
def imports(x):
    import time
    return x[0]


@refused(X, says="the statement `global` is not supported", at="global")
def rebinds_a_global(x):
    global TABLE
    TABLE = x
    return x[0]


@refused(X, says="the statement `nonlocal` is not supported", at="nonlocal")
def rebinds_an_outer_name(x):
    total = 0.0
    def add(v):
        nonlocal total
        total = total + v
    add(x[0])
    return total


@refused(X, says="the statement `class…` is not supported", at="class")
def defines_a_class(x):
    class Local:
        pass
    return x[0]


@refused(X, 1, says="the statement `match` is not supported", at="match")
def matches(x, n):
    match n:
        case 1:
            return x[0]
    return x[1]


# ---- expressions -----------------------------------------------------------------------------------------------------

@refused(X, says="an f-string is not supported here", at='f"')
def formats(x):
    label = f"{x[0]}"
    return x[0]


@refused(X, says="`:=` is not supported here", at="y := x[0]")
def walrus(x):
    if (y := x[0]) > 1.0:
        return y
    return x[1]


@refused(X, says="a generator expression is not supported here", at="(v * v")
def generator_expression(x):
    return sum(v * v for v in x)


@refused(X, says="a dict is not supported here", at="{")
def dict_display(x):
    table = {"a": x[0]}
    return table["a"]


@refused(X, says="a set is not supported here", at="{")
def set_display(x):
    table = {1.0, 2.0}
    return x[0]


@refused(X, says="`yield` is not supported here", at="yield")
def generator(x):
    yield x[0]


@refused(X, says="complex numbers are not supported", at="1j")
def complex_constant(x):
    return abs(x[0] * 1j)


@refused(X, says="this integer does not fit 64 bits", at="100000000000000000000")
def long_integer(x):
    return x[0] * 100000000000000000000


@refused(X, says="`nowhere` is not defined", at="nowhere")
def undefined(x):
    return x[0] * nowhere


@refused(X, says="`before` may be read before it is assigned", at="before * x[i]")
def reads_before(x):
    for i in range(x.shape[0]):
        before = before * x[i]
    return before


@refused(X, says="`in` is not supported", at="x[0] in")
def membership(x):
    return x[1] if x[0] in (1.0, 2.0) else x[2]


@refused(X, X, says="`is` compares objects, which compiled code does not have", at="x is")
def identity(x, y):
    return x[0] if x is y else x[1]


@refused(X, says="'a' and 1 cannot be compared", at='"a" < 1')
def compares_unlike_constants(x):
    return x[0] if "a" < 1 else x[1]


@refused(X, says="only numbers, arrays and tuples can be compared", at="x[0] == None")
def compares_with_none(x):
    return x[0] if x[0] == None else x[1]


@refused(X, says="the truth of an array is not defined", at="if x >")
def truth_in_if(x):
    if x > 1.0:
        return x[0]
    return x[1]


@refused(X, says="the truth of an array is not defined", at="x[0] if")
def truth_in_expression(x):
    return x[0] if x > 1.0 else x[1]


@refused(X, says="the truth of an array is not defined", at="x > 0.0 and")
def truth_in_and(x):
    return x[0] if x > 0.0 and x[0] > 1.0 else x[1]


@refused(X, says="the truth of an array is not defined", at="while x:")
def truth_in_while(x):
    while x:
        x = x[1:]
    return 1.0


@refused(X, says="Numba does not compile mul(…)", at="(x[0],) * 3")
def repeats_a_tuple(x):
    t = (x[0],) * 3
    return t[0]


@refused(X, says="Numba does not compile invert(array(float64, 1d, C))", at="~x")
def unknown_operation(x):
    y = ~x
    return y[0]


@refused(X, says="math.log(float64, float64) has no derivative in the catalogue", at="math.log(")
def unknown_signature(x):
    return 1.0 + math.log(x[0], 2.0)


@refused(M, says="np.mean(array(float64, 2d, C), int64) has no derivative in the catalogue", at="np.mean(")
def mean_of_an_axis(x):
    y = np.mean(x, axis=0)
    return y[0]


# ---- attributes and elements -----------------------------------------------------------------------------------------

@refused(X, says="the attribute `.strides` of array(float64, 1d, C) is not supported", at="x.strides")
def attribute(x):
    return x[0] * x.strides[0]


@refused(X, says="the attribute `.shape` of float64 is not supported", at="x[0].shape")
def attribute_of_a_number(x):
    return x[1] * x[0].shape[0]


@refused(X, says="… has no attribute `nothing`", at="np.nothing")
def no_such_name(x):
    return 2.0 * np.nothing(x[0])


@refused(X, says="the method `.tolist` is not supported", at="x.tolist()")
def method(x):
    y = x.tolist()
    return y[0]


@refused(X, says="Numba does not compile this index of array(float64, 1d, C)", at="x[0, 1]")
def too_many_indices(x):
    return 2.0 * x[0, 1]


@refused(X, says="Numba does not compile this index of float64", at="y[0]")
def index_of_a_number(x):
    y = x[0]
    return 2.0 * y[0]


@refused(X, says="dict objects from outside the function cannot be indexed", at="DICT[")
def global_dict(x):
    return x[0] * DICT["a"]


@refused(X, says="list objects from outside the function cannot be indexed", at="LIST[")
def global_list(x):
    return x[0] * LIST[1]


@refused(M, says="np.ndenumerate takes an array, not float64", at="np.ndenumerate(")
def ndenumerates_a_number(x):
    s = 0.0
    for _, v in np.ndenumerate(x[0, 0]):
        s += v
    return s


@refused(M, says="`.flat` takes an array, not float64", at="x[0, 0].flat")
def flattens_a_number(x):
    s = 0.0
    for v in x[0, 0].flat:
        s += v
    return s


@refused(M, says="this index with several arrays, or a mask of several dimensions, is not supported", at="x[x > 2.0]")
def mask_of_a_matrix(x):
    y = x[x > 2.0]
    return y[0]


@refused(M, says="an index that mixes an array with `None`, `...` or an integer beyond a slice is not supported",
         at="x[None, PICK]")
def mixed_index(x):
    y = x[None, PICK]
    return y[0, 0, 0]


@refused(X, says="an array cannot be indexed with a list", at="x[[0, 1]]")
def list_index(x):
    y = x[[0, 1]]
    return y[0]


@refused(X, says="a tuple of 2 has no item 2", at="t[2]")
def tuple_out_of_range(x):
    t = (x[0], x[1])
    return 1.0 + t[2]


@refused(X, says="a tuple that holds arrays of floats is indexed by a variable", at="parts[k]")
def tuple_by_variable(x):
    parts = (x[:2], x[2:4])
    total = 0.0
    for k in range(2):
        total += parts[k][0]
    return total


@refused(X, 1, says="this must be a constant", at="t[:k]")
def tuple_slice_by_variable(x, k):
    t = (x[0], x[1], x[2])
    return t[:k][0]


@refused(X, says="a slice is bounded by integers, not by float64", at="x[:x[0]]")
def slice_by_a_float(x):
    y = x[:x[0]]
    return y[0]


# ---- stores and assignments ------------------------------------------------------------------------------------------

@refused(X, says="only arrays can be written to", at="t[0] =")
def writes_to_a_tuple(x):
    t = (x[0], x[1])
    t[0] = 1.0
    return t[1]


@refused(X, says="an array that is read-only, or from outside the function, is written", at="TABLE[0] =")
def writes_to_a_global(x):
    TABLE[0] = x[0]
    return TABLE[0]


@refused(X, says="an array that is read-only, or from outside the function, is written", at="y[0] =")
def writes_to_a_view_of_a_global(x):
    y = TABLE[1:]
    y[0] = x[0]
    return y[0]


@refused(X, says="an array that is read-only, or from outside the function, is written", at="TABLE.fill(")
def fills_a_global(x):
    TABLE.fill(x[0])
    return TABLE[0]


@refused(X, says="an array that is read-only, or from outside the function, is written", at="y[0] =")
def writes_to_what_may_be_global(x):
    y = TABLE if x[0] > 0.0 else x.copy()
    y[0] = x[0]
    return y[0]


@refused(X, says="the shape of an array cannot be assigned", at="y.shape =")
def assigns_the_shape(x):
    y = x.copy()
    y.shape = (5, 1)
    return y[0, 0]


@refused(X, says="this cannot be assigned to", at="x.name =")
def assigns_an_attribute(x):
    x.name = 1.0
    return x[0]


@refused(X, says="this cannot be assigned to", at="x.name +=")
def augments_an_attribute(x):
    x.name += 1.0
    return x[0]


@refused(M, says="`@=` is not supported", at="y @= ")
def augments_by_a_product(x):
    y = x.copy()
    y @= y
    return y[0, 0]


@refused(X, says="`*` in an assignment is not supported", at="a, *b = ")
def star_assignment(x):
    a, *b = (x[0], x[1], x[2])
    return a


@refused(X, says="3 values for 2 names", at="a, b = ")
def unpacks_too_many(x):
    a, b = (x[0], x[1], x[2])
    return a


@refused(X, says="only tuples and arrays can be unpacked", at="a, b = ")
def unpacks_a_number(x):
    a, b = x[0]
    return a


@refused(X, says="only a tuple can be unpacked with `*`", at="(*x,")
def unpacks_an_array_with_a_star(x):
    t = (*x, 1.0)
    return t[0]


@refused(X, says="np.broadcast_to is taken of an array that is written", at="np.broadcast_to(")
def broadcasts_what_it_writes(x):
    y = x.copy()
    z = np.broadcast_to(y, (2, 5))
    y[0] = 3.0
    return z[0, 0]


# ---- branches and loops ----------------------------------------------------------------------------------------------

@refused(X, says="`y` is a different kind of thing in each branch", at="if x[0]")
def two_kinds(x):
    if x[0] > 0.0:
        y = (x[0], x[1])
    else:
        y = x[0]
    return x[0]


@refused(X, says="`y` is array(float64, 1d, C) in one branch and float64 in the other", at="if x[0]")
def two_types(x):
    if x[0] > 0.0:
        y = x
    else:
        y = x[0]
    return x[0]


@refused(X, says="`y` changes its kind in the loop", at="for i")
def kind_changes(x):
    y = 1.0
    for i in range(3):
        y = (x[0], x[1])
    return x[0]


@refused(X, says="`y` is float64 before the loop and array(float64, 1d, C) in it", at="for i")
def type_changes(x):
    y = x[0]
    for i in range(3):
        y = x
    return x[0]


@refused(X, says="the types of this loop's variables do not settle", at="for i")
def types_do_not_settle(x):
    a = b = c = d = e = f = g = h = j = k = 0
    for i in range(12):
        a, b, c, d, e, f, g, h, j = b, c, d, e, f, g, h, j, k
        k = x[0]
    return a * x[0]


@njit
def bump(y):
    y[0] += 1.0
    return y[0]


@refused(X, says="the condition of this `while` writes to an array", at="while bump(y)")
def condition_writes(x):
    y = x.copy()
    while bump(y) < 3.0:
        y[1] *= 2.0
    return y[1]


@refused(X, says="range takes integers", at="range(x[0])")
def range_of_floats(x):
    total = 0.0
    for i in range(x[0]):
        total += x[i]
    return total


@refused(X, says="range takes one to three integers, not 4", at="range(0, 3, 1, 1)")
def range_of_four(x):
    total = 0.0
    for i in range(0, 3, 1, 1):
        total += x[i]
    return total


@refused(X, says="enumerate takes what to loop over, and a start", at="enumerate(x, 1, 2)")
def enumerate_of_nothing(x):
    total = 0.0
    for i, v in enumerate(x, 1, 2):
        total += v
    return total


@refused(X, says="zip takes what to loop over, and no keywords", at="zip(x, x, strict")
def zip_with_keyword(x):
    total = 0.0
    for a, b in zip(x, x, strict=True):
        total += a * b
    return total


@refused(X, says="zip takes arrays and range(n) here", at="zip(x, (1.0")
def zip_of_a_tuple(x):
    total = 0.0
    for a, b in zip(x, (1.0, 2.0)):
        total += a * b
    return total


@refused(X, says="this cannot be looped over", at="x[0]:")
def loops_over_a_number(x):
    total = 0.0
    for v in x[0]:
        total += v
    return total


# ---- calls -----------------------------------------------------------------------------------------------------------

@refused(X, says="print is not supported", at="print(")
def prints_without_a_line_end(x):
    print(x, end="")
    return x[0]


@refused(X, says="Numba does not compile isinstance(array(float64, 1d, C), ndarray)", at="isinstance(")
def asks_for_the_type(x):
    if isinstance(x, np.ndarray):
        return x[0]
    return x[1]


@refused(M, says="np.fill_diagonal takes a matrix and a number here", at="np.fill_diagonal(")
def diagonal_of_a_vector(x):
    y = x.copy()
    np.fill_diagonal(y, x[0])
    return y[0, 0]


@refused(X, says="np.nan_to_num in place is not supported", at="np.nan_to_num(")
def replaced_in_place(x):
    return np.nan_to_num(x, False)[0]


@refused(M, says="np.linalg.norm with ord='nuc' is not supported", at="np.linalg.norm(")
def nuclear_norm(x):
    return np.linalg.norm(x, "nuc")


@refused(M, says="np.intersect1d has no derivative in the catalogue", at="np.intersect1d(")
def no_card(x):
    return 2.0 * np.intersect1d(x, x)[0]


@refused(M, says="the full factors of np.linalg.svd have no derivative", at="np.linalg.svd(x)")
def full_factors(x):
    return np.linalg.svd(x)[0][0, 0]


@refused(X, says="np.random.normal draws from a distribution that depends on what is differentiated", at="np.random.normal(")
def draws_around_a_mean(x):
    return x[0] * np.random.normal(x[1], 1.0)


@refused(X, says="np.fft.fft has no derivative in the catalogue", at="np.fft.fft(")
def transforms(x):
    y = np.fft.fft(x)
    return x[0]


@refused(M, says="np.diag(array(float64, 2d, C), int64, int64) has no derivative in the catalogue", at="np.diag(")
def no_card_for_these_arguments(x):
    return 2.0 * np.diag(x, 1, 1)


@refused(M, says="np.linalg.norm of a matrix with ord=3 is not supported", at="np.linalg.norm(")
def norm_of_an_odd_order(x):
    return 2.0 * np.linalg.norm(x, 3)


@refused(M, says="np.average along an axis is not supported", at="np.average(")
def average_along_an_axis(x):
    return 2.0 * np.average(x, 0)[0]


@refused(X, says="the keyword 'ddof' of np.var is not supported", at="np.var(")
def keyword(x):
    return 1.0 + np.var(x, ddof=1)


@refused(M, says="np.outer is to write to float64", at="np.outer(")
def writes_to_a_number(x):
    return np.outer(x[0], x[1], x[0, 0])


@refused(X, says="these arguments of np.array are not supported", at="np.array(")
def array_with_order(x):
    y = np.array(x, order="F")
    return y[0]


@refused(X, says="np.array takes numbers here, as many in every row", at="np.array(")
def ragged_array(x):
    y = np.array([[x[0], x[1]], [x[2]]])
    return y[0, 0]


@refused(X, says="the dtype … is not supported", at="x.astype(")
def complex_dtype(x):
    y = x.astype(np.complex128)
    return x[0]


@refused(X, says="the arrays to join must be written as a tuple", at="np.concatenate(")
def joins_an_array(x):
    y = np.concatenate(x)
    return y[0]


@refused(X, 0, says="this must be a constant", at="np.concatenate(")
def joins_along_a_variable(x, k):
    y = np.concatenate((x, x), k)
    return y[0]


@refused(X, says="axis=1: expected an integer from -1 to 0", at="np.concatenate(")
def joins_along_no_axis(x):
    y = np.concatenate((x, x), 1)
    return y[0]


@refused(M, says="only an array that is contiguous in C order can be reshaped", at="x.T.reshape(")
def reshapes_a_transpose(x):
    y = x.T.reshape(12)
    return y[0]


@refused(X, says="float64 has no length", at="len(")
def length_of_a_number(x):
    return x[0] * len(x[0])


@refused(X, says="np.arange takes one to three numbers here", at="np.arange(")
def arange_of_nothing(x):
    y = np.arange()
    return y[0] * x[0]


@refused(M, says="max takes numbers, or one tuple or vector of them", at="max(")
def max_of_a_matrix(x):
    return 1.0 + max(x)


@refused(X, says="only functions that are known when the derivative is taken can be called", at="y(2.0)")
def calls_a_number(x):
    y = x[0]
    return 1.0 + y(2.0)


@refused(X, says="{'a': 2.0} is not a function", at="DICT(")
def calls_a_dict(x):
    return 1.0 + DICT(x[0])


def shifted(x, by=1.0):
    return x + by


@refused(X, says="shifted: too many positional arguments", at="shifted(x[0]")
def calls_with_too_many(x):
    return 2.0 * shifted(x[0], 1.0, 2.0)


@refused(X, says="shifted: got an unexpected keyword argument 'up'", at="shifted(x[0]")
def calls_with_unknown_keyword(x):
    return 2.0 * shifted(x[0], up=2.0)


@refused(X, says="`**` in a call is not supported", at="shifted(x[0]")
def calls_with_two_stars(x):
    return 2.0 * shifted(x[0], **DICT)


def with_options(x, **options):
    return x


@refused(X, says="`**` parameters are not supported", at="with_options(x[0]")
def two_star_parameters(x):
    return 2.0 * with_options(x[0], by=1.0)


@refused(X, says="…missing a required argument: 'b'", at="times(x[0])")
def inner_argument_is_missing(x):
    def times(a, b):
        return a * b
    return 1.0 + times(x[0])


@refused(X, says="…too many positional arguments", at="times(x[0], ")
def inner_argument_too_many(x):
    def times(a):
        return a * 2.0
    return 1.0 + times(x[0], 3.0)


@refused(X, says="`*` and `**` parameters of inner functions are not supported", at="def times")
def inner_star(x):
    def times(*a):
        return a[0]
    return 1.0 + times(x[0])


@refused(X, 3, says="power_of calls itself too deeply", at="power_of(x, n - 1)")
def power_of(x, n):
    if n == 0:
        return 1.0
    return x[0] * power_of(x, n - 1)


@refused(X, 3, says="this function calls itself too deeply", at="go(m - 1)")
def inner_recursion(x, n):
    def go(m):
        if m == 0:
            return 1.0
        return x[0] * go(m - 1)
    return go(n)


def unhelpful(y):
    z = 2.0 * y
    return np.intersect1d(z, z)[0]


@refused(M, says="np.intersect1d has no derivative in the catalogue", at="np.intersect1d(", inside=unhelpful)
def in_a_callee(x):
    return 2.0 * unhelpful(x)


@njit
def unhelpful_dispatcher(y):
    return np.intersect1d(y, y)[0]


@refused(M, says="np.intersect1d has no derivative in the catalogue", at="np.intersect1d(", inside=unhelpful_dispatcher)
def in_a_compiled_callee(x):
    return 2.0 * unhelpful_dispatcher(x)


# ---- results and derivatives -----------------------------------------------------------------------------------------

@refused(X, says="returns_a_list returns a list", at="def returns_a_list")
def returns_a_list(x):
    return [x[0], x[1]]


@refused(X, says="returns_a_string returns …, which is neither a number nor an array", at="def returns_a_string")
def returns_a_string(x):
    return "abc"


@refused(X, says="the function that is differentiated here is not known beforehand", at="grad(")
def derivative_of_an_inner_function(x):
    def square(y):
        return y * y
    return 1.0 + grad(square)(x[0])


def square(y):
    return y * y


@refused(X, says="keywords in the call of a derivative are not supported", at="grad(square)(")
def derivative_with_keywords(x):
    return 1.0 + grad(square)(y=x[0])


def unhelpful_inside(y):
    return np.intersect1d(y, y)[0]


@refused(M, says="np.intersect1d has no derivative in the catalogue", at="np.intersect1d(", inside=unhelpful_inside)
def derivative_of_what_is_refused(x):
    g = grad(unhelpful_inside)(x)
    return g[0, 0]


# ---- where the caret stands ------------------------------------------------------------------------------------------

@refused(M, says="np.intersect1d has no derivative in the catalogue", at="np.intersect1d(")
def behind_other_alphabets(x):
    θ = 2.0 * x; Σ = θ[0, 0] * np.intersect1d(θ, θ)[0]; return Σ


@refused(M, says="np.intersect1d has no derivative in the catalogue", at="np.intersect1d(")
def on_a_later_line_of_an_expression(x):
    return (x[0, 0]
            + 2.0 * np.intersect1d(
                x)[1][0])


def outer():
    @refused(M, says="np.intersect1d has no derivative in the catalogue", at="np.intersect1d(")
    def inside_another_function(x):
        """Text at the left margin
does not shift the place."""
# and neither does a comment
        return 2.0 * np.intersect1d(x, x)[0]


outer()


@refused(M, says="np.intersect1d has no derivative in the catalogue", at="np.intersect1d(")
@njit(error_model="numpy",
      fastmath=True)
def under_a_long_decorator(x):
    return 2.0 * np.intersect1d(x, x)[0]


# ---- lists

def appends_to(items, v):
    items.append(v)


@refused(X, says="the method `.append` of UniTuple(float64 x 1) is not supported", at="items.append", inside=appends_to)
def list_of_an_outer_function(x):
    y = [x[0]]
    appends_to(y, 2.0)
    return y[0]


@refused(X, says="`z` is another name of the list `y`, and changes it", at="z = y")
def two_names(x):
    y = [x[0]]
    z = y
    z.append(x[1])
    return z[0] + y[0]


@refused(X, says="`previous` still holds the list that was made here before", at="current = []")
def keeps_a_list_of_the_last_iteration(x):
    total = 0.0
    for i in range(3):
        if i > 0:
            previous = current
        current = []
        current.append(x[i])
    return previous[0] * total


@refused(X, says="this list was made in a loop, or by a function, that has ended", at="row[0]")
def reads_a_list_of_a_loop(x):
    for i in range(3):
        row = []
        row.append(x[i])
    return row[0]


@refused(X, says="an empty list is read", at="y[0]")
def reads_an_empty_list(x):
    y = list()
    return x[0] * y[0]


@refused(X, says="a list of other items gets array(float64, 1d, C)", at="y.append(x)")
def list_of_numbers_and_arrays(x):
    y = [x[0]]
    y.append(x)
    return y[0]


@refused(X, says="a list of other items gets array(float64, 2d, C)", at="y[0] = ")
def list_of_vectors_and_matrices(x):
    y = [x * v for v in x]
    y[0] = np.outer(x, x)
    return y[1]


@refused(X, says="a list of UniTuple(float64 x 2) that changes is not supported", at="y.append(")
def list_of_pairs(x):
    y = []
    y.append((x[0], x[1]))
    return y[0][0]


@refused(X, says="an array that is kept in a list is written afterwards", at="y.append(z)")
def writes_what_a_list_keeps_under_its_old_name(x):
    y, z = [], np.zeros_like(x)
    for i in range(3):
        z = z
        y.append(z)
        z[i] = x[i]
    return y[0]


@refused(X, says="an array that is kept in a list is written afterwards", at="y.append(v)")
def writes_what_a_list_keeps_unless_it_came_from_it(x):
    y, z = [2.0 * x], np.zeros_like(x)
    v = y[0] if x[0] > 9.0 else z
    y.append(v)
    z[0] = x[0]
    return y[1]


@refused([1.0, 2.0], says="a list that is an argument is changed", at="y[0] = ")
def writes_to_a_list(y):
    y[0] = 2.0 * y[1]
    return y[0]


@refused(List([X, X]), says="a list that is an argument is changed", at="y.append(")
def appends_to_a_list(y):
    y.append(2.0 * y[1])
    return y[0]


@refused(List([X, X]), says="an array that a list holds is written", at="v[0] = ")
def writes_to_what_an_argument_holds(y):
    for v in y:
        v[0] = 1.0
    return y[0]


@refused(X, says="a list cannot be used here", at="np.exp(y)")
def list_for_an_array(x):
    y = [v for v in x]
    return np.exp(y)


@refused(X, says="an array that is kept in a list is written afterwards", at="y.append(z)")
def writes_what_a_list_keeps(x):
    y, z = [], np.zeros_like(x)
    for i in range(3):
        z[i] = x[i]
        y.append(z)
    return y[0]


@refused(X, says="an array that a list holds is written", at="row[0] = ")
def writes_what_a_list_lends(x):
    y = [x * v for v in x]
    for row in y:
        row[0] = 1.0
    return y[0]


@refused(X, says="an array that a list holds is written", at="y[0] += ")
def adds_to_what_a_list_holds(x):
    y = [x * v for v in x]
    y[0] += x
    return y[0]


@refused(X, says="a list of arrays is read as one", at="sum(y)")
def sums_a_list_of_arrays(x):
    y = [x * v for v in x]
    return sum(y)


@refused(X, says="a list of int64 gets a float64", at="y.append(x[0])")
def list_of_two_types(x):
    y = [1]
    y.append(x[0])
    return y[1]


@refused(X, says="a list is indexed with one integer here", at="y[1:]")
def slices_a_list(x):
    y = []
    y.append(x[0])
    return y[1:][0]


@refused(X, says="the method `.insert` of a list is not supported", at="y.insert(0, x[0])")
def inserts(x):
    y = [x[0]] * 2
    y.insert(0, x[0])
    return y[0]


@refused(X, says="a list is extended by a tuple, a vector or a list here", at="y.extend(x[0])")
def extends_by_a_number(x):
    y = [x[0]]
    y.extend(x[0])
    return y[0]


@refused(X, says="a list is printed", at="print(y)")
def prints_a_list(x):
    y = [v for v in x]
    print(y)
    return y[0]


@refused(X, says="a list is changed while it is looped over", at="for v in y")
def grows_while_it_is_looped_over(x):
    y = [x[0]]
    for v in y:
        if v > 1.0:
            y.append(v * 0.5)
    return y[0]


@refused(X, says="a list is changed", at="items += ", inside=None)
def grows_a_display_of_an_outer_function(x):
    def grow(items):
        items += [2.0]
        return items[0]
    return grow([x[0]])


@refused(X, says="a list is changed in a conditional expression", at="y.pop() if")
def pops_sometimes(x):
    y = [x[0], x[1]]
    z = y.pop() if x[2] > 0.0 else 0.0
    return z + y[0]


@refused(X, says="a list is changed in a conditional expression", at="x[1] > 0.0 and")
def appends_in_an_and(x):
    y = [x[0]] * 1
    if x[1] > 0.0 and appends_and_tells(y, x[1]):
        return y[0]
    return y[0] * 2.0


def appends_and_tells(y, v):
    y.append(v)
    return True


@refused(X, says="the condition of this `while` changes a list", at="while y.pop()")
def pops_in_a_condition(x):
    y = [v for v in x]
    while y.pop() > 0.7:
        pass
    return sum(y)


@refused(X, says="a function returns a list", at="squares(x)")
def list_of_a_callee(x):
    def squares(v):
        return [a * a for a in v]
    return squares(x)[0]


# ---- a user's own primitives

@custom
def cube(x, k):
    return k * x ** 3


@cube.vjp("x")
def _(x, k, out_bar):
    return out_bar * 3.0 * k * x ** 2


@custom
def fourth(x, k):
    return k * x ** 4


@fourth.jvp
def _(x, k, x_dot):
    return np.ones(3) if k > 1 else np.ones(2)


@custom
def pair(x, k):
    return x, k


@pair.differential
def _(x_dot):
    return x_dot


@custom
def fifth(x, k):
    return x ** 5


@fifth.vjp("x", "k")
def _(x, out_bar):
    return out_bar * x ** 4


@refused(X, 2.0, says="cube has no derivative in `k` in the catalogue", at="cube(x[0], k)", modes=("reverse",))
def own_without_a_rule_for_an_argument(x, k):
    return 2.0 * cube(x[0], k)


@refused(X, says="cube has no jvp of its own", at="cube(x[0], 2.0)", modes=("forward",))
def own_without_jvp(x):
    return cube(x[0], 2.0)


@refused(X, says="fourth has no vjp of its own", at="fourth(x[0], 2.0)", modes=("reverse",))
def own_without_vjp(x):
    return fourth(x[0], 2.0)


@refused(X, says="the jvp of fourth returns array(float64, 1d, C), and not float64", at="fourth(x[0], 2.0)", modes=("forward",))
def own_of_another_kind(x):
    return fourth(x[0], 2.0)


@refused(X, says="the vjp of fifth returns 1 cotangents for x, k", at="fifth(x[0], x[1])", modes=("reverse",))
def own_with_too_few_cotangents(x):
    return fifth(x[0], x[1])


@refused(X, says="pair has a derivative of its own and returns UniTuple(float64 x 2)", at="pair(x[0], x[1])")
def own_of_two_results(x):
    return pair(x[0], x[1])[0]


def squares_the_tangent(x_dot):
    return x_dot * x_dot


def bends_the_tangent(x_dot):
    return np.sin(x_dot)


def adds_a_constant(x_dot):
    return x_dot + 1.0


def divides_by_the_tangent(x, x_dot):
    return x / x_dot


def forgets_the_tangent(x, x_dot):
    return x


def takes_two_statements(x, x_dot):
    y = 2.0 * x
    return y * x_dot


def asks_for_z(z, x_dot):
    return z * x_dot


LINEAR = "the differential of cube is not a linear form in the tangents: "

tabs = {}
exec("def in_no_file(x):\n    return x", tabs)
PAIR = (lambda x: 2.0 * x[0]), (lambda x: np.intersect1d(x, x)[0])


def test_two_lambdas_on_a_line_are_told_apart():
    assert jvp(PAIR[0])((X,), (X,)) == (1.0, 1.0)
    with pytest.raises(Refusal) as e:
        grad(PAIR[1])(M)
    assert "PAIR = " in str(e.value)


@pytest.mark.parametrize(("case", "mode"), [pytest.param(p.values[0], mode, id=f"{p.id}-{mode}")
                                            for p in CASES for mode in p.values[0].modes])
def test_refused_with_its_place_before_anything_runs(case, mode):
    args = fresh(case.args)
    dots = tuple(like(a, np.random.default_rng(0)) for a in args if any(map(floats, flat(a))))
    table = TABLE.copy()
    with pytest.raises(Refusal) as e:
        MODES[mode](case.fn, args, dots)
    require_text(case, str(e.value))
    for a, b in zip(args, case.args, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(TABLE, table)


def left_early(x, n):
    for _ in range(n):
        x = math.sin(x) * 1.5
        if x < 0.1:
            break
    return x


@refused(0.9, says="no states of this loop can be kept: the number of its iterations is not known before it runs",
         at="for _ in range(n)", inside=left_early)
def states_of_a_loop_that_is_left_early(x):
    return grad(left_early, checkpoints="sqrt")(x, 5)


BY_NAME = {p.id: p.values[0] for p in CASES}


@pytest.mark.parametrize("name", ["raises_again", "no_card", "in_a_callee", "writes_to_a_number", "two_types"])
@pytest.mark.parametrize("mode", ["grad", "jvp", "vjp", "value_and_grad"])
def test_the_same_text_inside_compiled_code(name, mode):
    case = BY_NAME[name]
    derivative = getattr(toolkit, mode)(case.fn)
    callers = {"grad": lambda x: derivative(x), "value_and_grad": lambda x: derivative(x),
               "jvp": lambda x: derivative((x,), (x,)), "vjp": lambda x: derivative((x,), 1.0)}
    with pytest.raises(Refusal) as e:
        njit(callers[mode])(fresh(case.args[0]))
    require_text(case, str(e.value))


@pytest.mark.parametrize("derived", [lambda f: hvp(f), lambda f: grad(lambda x: grad(f)(x)[0, 0]), lambda f: jacobian(f),
                                     lambda f: hessian(f)], ids=["hvp", "nested", "jacobian", "hessian"])
def test_the_same_text_from_every_transform(derived):
    case = BY_NAME["no_card"]
    args = (M, M) if derived(case.fn).__class__ is hvp(case.fn).__class__ else (M,)
    with pytest.raises(Refusal) as e:
        derived(case.fn)(*args)
    require_text(case, str(e.value))


def test_the_source_and_the_record_refuse_alike():
    case = BY_NAME["no_card"]
    for ask in (lambda: source(grad(case.fn), M), lambda: record(case.fn, M), lambda: check_grads(case.fn, (M,))):
        with pytest.raises(Refusal) as e:
            ask()
        require_text(case, str(e.value))


# ---- wrong use -------------------------------------------------------------------------------------------------------

def norm(x):
    return np.sum(x * x)


def product(x, w):
    return np.sum(x * w)


def twice(x):
    return 2.0 * x


def draws(x):
    return x * np.random.normal()


def both(x):
    return np.sum(x), 2.0 * x


def optional(x, w):
    return np.sum(x) if w is None else np.sum(x * w)


def nothing():
    return 2.0


def any_number(*xs):
    return xs[0]


def any_options(x, **options):
    return x


def only_by_keyword(x, *, w=2.0):
    return x * w


def overwrites(x, y):
    y[0] = x[0]
    return y[0]


class Squares:
    def __call__(self, x):
        return x * x


def first_item(items):
    return items[0]


KINDS = "pass float64 or float32 numbers, integers, booleans, arrays or lists of these, or tuples of them"
SCALAR = "not a number: a gradient needs a scalar. Use vjp with a cotangent, or jacobian"
PYTHON = "grad takes a Python function or an @njit one, and "
SOURCE = "has no source that can be read: define it in a file (or a notebook cell), not by exec or in the interactive prompt"
ORDER = "give it parameters that can be passed in order"
EDITED = "the source of square is not what it was compiled from: has … changed?"
TUPLES = "jvp(f) is called with two tuples: the arguments and their tangents, as jvp(f)((x, w), (x_dot, w_dot))"
USES = [
    # what is not a function, or has no source
    (lambda: grad(3.0), PYTHON + "float is not"),
    (lambda: grad(vjp), "grad takes a function, and vjp makes one: write grad(vjp(f))"),
    (lambda: grad(None), PYTHON + "NoneType is not"),
    (lambda: grad(math.sin)(1.0), PYTHON + "sin is not: wrap it in one, as lambda x: sin(x)"),
    (lambda: grad(Squares())(1.0), PYTHON + "Squares is not: wrap it in one, as lambda x: Squares(x)"),
    (lambda: grad(Squares)(1.0), PYTHON + "Squares is not…"),
    (lambda: grad(functools.lru_cache(norm))(X), PYTHON + "norm is not…"),
    (lambda: grad(numba.vectorize(lambda x: x * x))(X), PYTHON + "…"),
    (lambda: grad(tabs["in_no_file"])(1.0), "in_no_file " + SOURCE),
    (lambda: grad(eval("lambda x: x"))(1.0), "<lambda> " + SOURCE),
    (lambda: grad(any_number)(1.0), "any_number takes *xs: " + ORDER),
    (lambda: grad(any_options)(1.0), "any_options takes **options: " + ORDER),
    (lambda: grad(only_by_keyword)(1.0), "only_by_keyword takes the keyword-only parameter w: " + ORDER),
    # arguments
    (lambda: grad(norm)("abc"), "the argument `x` is unicode_type: " + KINDS),
    (lambda: grad(norm)(["a"]), "the argument `x` is reflected list(unicode_type)…: " + KINDS),
    (lambda: grad(norm)({"a": 1.0}), "the argument `x` is …: " + KINDS),
    (lambda: grad(norm)(List([List([1.0])])), "the argument `x` is ListType[ListType[float64]]: " + KINDS),
    (lambda: jvp(first_item)((List([X]),), (X,)), "first_item: the tangent of `tangents` is array(float64, 1d, C), but …"),
    (lambda: grad(norm)(X.astype(object)), "the argument `x` is …: " + KINDS),
    (lambda: grad(norm)(np.array(["a"])), "the argument `x` is …: " + KINDS),
    (lambda: grad(norm)(X.astype(np.float16)), "…float16…"),
    (lambda: grad(norm)(np.zeros(3, [("a", float)])), "the argument `x` is …: " + KINDS),
    (lambda: grad(norm)(X + 1j), "the argument `x` is array(complex128, 1d, C): carry real and imaginary parts as two floats"),
    (lambda: grad(twice)(3), "twice cannot be differentiated in `x`, which is int64: pass a float"),
    (lambda: grad(twice)(np.arange(3)), "twice cannot be differentiated in `x`, which is array(int64, 1d, C): pass a float"),
    (lambda: grad(optional, argnums=1)(X, None), "optional cannot be differentiated in `w`, which is …: pass a float"),
    (lambda: jvp(twice)((3,), (1.0,)),
     "twice has no argument that holds floats, so no derivative: pass floats where it takes numbers (2.0, not 2)"),
    (lambda: vjp(nothing)((), 1.0), "nothing has no argument that holds floats, so no derivative"),
    (lambda: source(grad(product), X), "product takes 2 arguments, not 1"),
    (lambda: source(grad(norm), X, X), "norm takes 1 arguments, not 2"),
    (lambda: jvp(norm)((X, X), (X,)), "norm takes 1 arguments, not 2"),
    (lambda: vjp(norm)((X, X), 1.0), "norm takes 1 arguments, not 2"),
    (lambda: vjp(product)((X,), 1.0), "product takes 2 arguments, not 1"),
    # argnums
    (lambda: grad(norm, argnums=2)(X), "argnums=2: norm has 1 argument"),
    (lambda: grad(product, argnums=(0, 5))(X, X), "argnums=(0, 5): product has 2 arguments"),
    (lambda: grad(norm, argnums="x")(X), "argnums='x': expected an integer, or a tuple of integers"),
    (lambda: grad(norm, argnums=1.5)(X), "argnums=1.5: expected an integer, or a tuple of integers"),
    (lambda: jvp(norm, argnums=3)((X,), (X,)), "argnums=3: norm has 1 argument"),
    (lambda: hvp(norm, argnums=3)(X, X), "argnums=3: norm has 1 argument"),
    (lambda: jacobian(twice, argnums=3)(X), "argnums=3: twice has 1 argument"),
    (lambda: jacobian(twice, argnums=None), "argnums=None: jacobian takes the position of the argument, or a tuple of positions"),
    # tangents and cotangents
    (lambda: jvp(norm)(X, X), TUPLES),
    (lambda: jvp(norm)((X,), X), TUPLES),
    (lambda: jvp(norm)((X,), ()), "norm: expected 1 tangents in a tuple, got …"),
    (lambda: jvp(product)((X, X), (X,)), "product: expected 2 tangents in a tuple, got …"),
    (lambda: jvp(norm)((X,), (1.0,)), "norm: the tangent of `x` is float64, but its primal is array(float64, 1d, C)"),
    (lambda: jvp(norm)((X,), (M,)),
     "norm: the tangent of `x` is array(float64, 2d, C), but its primal is array(float64, 1d, C)"),
    (lambda: jvp(norm)((X,), ("a",)), "the argument `x_dot` is unicode_type: " + KINDS),
    (lambda: vjp(norm)(X, 1.0),
     "vjp(f) is called with the arguments in a tuple and the cotangent, as vjp(f)((x, w), out_bar)"),
    (lambda: vjp(norm)((X,), X), "norm returns float64, but its cotangent is array(float64, 1d, C)"),
    (lambda: vjp(norm)((X,), (1.0,)), "norm returns float64, but its cotangent is …"),
    (lambda: vjp(twice)((X,), 1.0), "twice returns array(float64, 1d, C), but its cotangent is float64"),
    (lambda: vjp(both)((X,), 1.0), "both: expected 2 cotangents in a tuple, got float64"),
    (lambda: vjp(both)((X,), (X, X)), "both returns float64, but its cotangent is array(float64, 1d, C)"),
    (lambda: hvp(norm)(X, 1.0), "…: the tangent of `…` is float64, but its primal is array(float64, 1d, C)"),
    (lambda: hvp(product, argnums=(0, 1))(X, X, X), "…: expected 2 tangents in a tuple, got array(float64, 1d, C)"),
    # what a gradient needs
    (lambda: grad(twice)(X), "twice returns array(float64, 1d, C), " + SCALAR),
    (lambda: grad(both)(X), "both returns Tuple(…), " + SCALAR),
    (lambda: hessian(twice)(X), "twice returns array(float64, 1d, C), " + SCALAR),
    (lambda: hvp(twice)(X, X), "twice returns array(float64, 1d, C), " + SCALAR),
    (lambda: value_and_grad(norm, has_aux=True)(X), "norm: with has_aux=True the function returns (loss, anything)"),
    # rules of a user's own
    (lambda: cube.differential(squares_the_tangent), LINEAR + "`x_dot * x_dot`"),
    (lambda: cube.differential(bends_the_tangent), LINEAR + "`np.sin(x_dot)`"),
    (lambda: cube.differential(adds_a_constant), LINEAR + "`1.0`"),
    (lambda: cube.differential(divides_by_the_tangent), LINEAR + "`x / x_dot`"),
    (lambda: cube.differential(forgets_the_tangent), LINEAR + "`x`"),
    (lambda: cube.differential(takes_two_statements), "a differential of cube is a function of one statement, a `return`"),
    (lambda: cube.jvp(asks_for_z), "a rule of cube asks for `z`: there are x, k, out, k_dot, x_dot"),
    (lambda: cube.vjp("z"), 'cube.vjp takes the names of the arguments that have a derivative: @cube.vjp("x")'),
    (lambda: cube(Dual(1.0, 1.0), 2.0), "cube has a derivative of its own, which Duals would bypass: use jvp"),
    (lambda: custom(np.sin), "custom takes a Python function or an @njit one, and sin is not…"),
    # the rest
    (lambda: jacobian(twice, mode="sideways"), "mode='sideways': expected 'forward', 'reverse' or 'auto'"),
    (lambda: jacobian(both)(X), "jacobian takes functions of numbers and arrays that return a number or an array"),
    (lambda: jacobian(draws)(X), "jacobian runs draws several times, and it draws random numbers: pass them to it instead"),
    (lambda: source(norm, X), "source takes a transform: source(vjp(f), x, w)"),
    (lambda: check_grads(norm, X), "check_grads(f, args) takes the arguments in a tuple, as check_grads(f, (x, w))"),
    (lambda: cost(norm, X, X), "norm takes 1 arguments, not 2"),
    (lambda: check_grads(norm, (X,), argnums=3), "argnums=3: the call has 1 argument"),
    (lambda: record(norm, {}), "record: …"),
    (lambda: record(X, X), "record takes a Python function or an @njit one, and ndarray is not"),
    (lambda: source(grad(norm), {}), "source: …"),
    (lambda: record(both, X).backward(), "both does not return one float: backward(out_bar) takes a cotangent like its result"),
    (lambda: record(twice, X).backward(X[:2]), "twice returns shapes [(5,)]: out_bar has others"),
    (lambda: record(norm, X).bars, "call backward() first"),
    (lambda: grad(norm, checkpoints="all"), "checkpoints='all': expected None, 'sqrt', or how many bytes the states may take"),
    # modules and optimisers
    (lambda: Tanh()(X), "Tanh is called with nodes, Input() or a module's, which joins them; arrays go to forward"),
    (lambda: Tanh().backward(X), "Tanh.backward comes after forward: there is no output whose cotangent this could be"),
    (lambda: Tanh().parameter_gradients(), "Tanh.parameter_gradients comes after backward: no message has arrived yet"),
    (lambda: Graph(Input(), Tanh()(Input())), "the output hangs on 1 Input() that the graph is not given: list it under inputs"),
    (lambda: Sequential(Tanh()).forward(X, X), "the graph takes 1 inputs, not 2"),
    (lambda: optim.start(0.1, X), "float is no rule: expected one of GradientDescent, Momentum, Adam"),
    (lambda: record(overwrites, X, X), "y is written to and shares memory with another argument: copy it"),
]


@pytest.mark.parametrize(("call", "says"), [pytest.param(*use, id=re.sub(r"\W+", "-", use[1])[:60]) for use in USES])
def test_wrong_use_says_what_was_expected(call, says):
    with pytest.raises(UsageError) as e:
        call()
    assert re.fullmatch(pattern(says), str(e.value), re.DOTALL)
    assert "^" not in str(e.value)


@pytest.mark.parametrize("make", [grad, value_and_grad], ids=["grad", "value_and_grad"])
def test_wrong_use_inside_compiled_code(make):
    derivative = make(twice)
    with pytest.raises(UsageError, match="a gradient needs a scalar"):
        njit(lambda x: derivative(x))(X)


def test_an_unset_name_of_an_outer_function():
    def make():
        def reads(x):
            return x * unset
        if not reads:
            unset = 1.0
        return reads
    with pytest.raises(Refusal, match="`unset` is not defined"):
        grad(make())(2.0)


def test_a_source_that_was_edited_after_it_was_imported(tmp_path):
    file = tmp_path / "edited.py"
    file.write_text("def square(x):\n    return x * x\n")
    space = runpy.run_path(str(file))
    file.write_text("# a line more\ndef square(x):\n    return x * x * x\n")
    with pytest.raises(UsageError) as e:
        grad(space["square"])(2.0)
    assert re.fullmatch(pattern(EDITED), str(e.value))


# ---- nothing is forgotten --------------------------------------------------------------------------------------------

# Sentences that no user can provoke, each with its reason.
UNREACHABLE = {
    "… is not in the catalogue": "only a rule of the catalogue itself calls what has no card",
}


def sentences():
    """(where, sentence with … for what is filled in) of every error that the toolkit raises on purpose."""
    for file in sorted(Path(toolkit.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) and node.args else ""
            if name in ("Refusal", "refuse", "UsageError") or (name == "__init__" and len(node.args) == 3):
                arms = [node.args[0].body, node.args[0].orelse] if isinstance(node.args[0], ast.IfExp) else [node.args[0]]
                for arm in arms:
                    parts = arm.values if isinstance(arm, ast.JoinedStr) else [arm]
                    text = "".join(p.value if isinstance(p, ast.Constant) else "…" for p in parts)
                    if text != "…":           # a sentence that is handed on
                        yield f"{file.name}:{node.lineno}", text


def test_every_sentence_is_provoked():
    provoked = [c.says for c in BY_NAME.values()] + [says for _, says in USES] + [EDITED]
    missing = [f"{where}: {text}" for where, text in sentences() if text not in UNREACHABLE
               and not any(re.fullmatch(pattern(text), says) for says in provoked)]
    assert len(list(sentences())) > 60
    assert not missing, "\n".join(missing)


def test_what_is_unreachable_still_exists():
    assert set(UNREACHABLE) <= {text for _, text in sentences()}
