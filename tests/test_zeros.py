"""Buffers begin as what is added to them first, and entries that are read for the last time are not set to zero; no others."""
import operator
import re

import numba
import numpy as np
import pytest
from laws import check
from numba import types

from toolkit import grad, jvp, source, value_and_grad, vjp
from toolkit.blas import add_product_of_rows
from toolkit.builder import dim
from toolkit.program import LOOSE, Const, Do, For, Get, Let, Program, Set, Tup, Var
from toolkit.zeros import without_buffers_of_sums

X = np.linspace(0.5, 1.5, 12).reshape(4, 3)
V = np.linspace(-0.7, 0.9, 7)


def zeros(text):
    return len(re.findall(r"np\.zeros", text))


def cleared(text):
    return len(re.findall(r"\] = 0\.0$", text, re.MULTILINE))


def its_own_product(x):
    c = x - np.sum(x, axis=0) / x.shape[0]
    return np.sum(np.sin(c.T @ c))


def filled(v):
    """One step of a chain: the array is filled by a loop, and read by operations on the whole."""
    a = np.empty(v.size)
    for i in range(v.size):
        a[i] = np.sin(v[i]) * v[0]
    return np.sum(np.exp(a) * a)


def filled_twice(v):
    """The same cotangent arrives at two buffers."""
    a, b = np.empty(v.size), np.empty(v.size)
    for i in range(v.size):
        a[i] = np.sin(v[i])
        b[i] = v[i] * v[i]
    return np.sum(np.exp(a + b))


@pytest.mark.parametrize(("fn", "args", "left"), [(its_own_product, (X,), 1), (filled, (V,), 0), (filled_twice, (V,), 0)])
def test_no_zeros_are_made(fn, args, left):
    """What is left are the sums of columns: those of the reverse sweep lie where those of the function did."""
    check(fn, args, (0,), order=2)
    text = source(grad(fn), *args)
    assert zeros(text) == left, text
    assert cleared(text) == left, text


def overwritten(v):
    """Each entry is written twice, so that the cotangent of what was there first is zero."""
    a = np.sin(v)
    for i in range(v.size):
        a[i] = a[i] * v[i]
    for i in range(v.size - 1):
        a[i] = a[i] * a[i + 1]
    return np.sum(a * a)


def read_by_the_next(v):
    """An entry is read again by the iteration after the one that has overwritten it."""
    a = np.empty(v.size + 1)
    a[0] = v[0]
    for i in range(v.size):
        a[i + 1] = a[i] * np.cos(v[i])
        a[i] = v[i]
    return np.sum(a * a) + a[-1]


def read_once_more(v):
    """The buffer serves a sum after the loop that has filled it, and another loop."""
    a = np.empty(v.size)
    for i in range(v.size):
        a[i] = v[i] * v[i]
    s = np.sum(a * v)
    for i in range(v.size):
        s += a[i] * np.sin(v[i])
        a[i] = s
    return s + np.sum(a)


def in_rows(x):
    """The buffer is indexed by one of two counters."""
    row, s = np.empty(x.shape[1]), 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            row[j] = x[i, j] * x[i, 0]
        for j in range(x.shape[1]):
            s += np.sin(row[j]) * row[0]
    return s


def through_a_view(x):
    """A part of the buffer has a name of its own when the whole is added to it."""
    a = x * x
    top = a[0]
    top[:] = np.sin(top) * a[1]
    return np.sum(a * x) + np.sum(top)


def broadcast(x):
    """What is added first has the length 1 along an axis."""
    a = np.empty((4, 3))
    a[:] = x[:1] * np.sum(x)
    return np.sum(a * x) + np.sum(a)


@pytest.mark.parametrize(("fn", "args"), [(overwritten, (V,)), (read_by_the_next, (V,)), (read_once_more, (V,)),
                                              (in_rows, (X,)), (through_a_view, (X,)), (broadcast, (X,))])
def test_zeros_that_are_needed_stay(fn, args):
    check(fn, args, (0,), order=2)


def valley(v):
    s = 0.0
    for i in range(v.size - 1):
        s += 100.0 * (v[i + 1] - v[i] ** 2) ** 2 + (1.0 - v[i]) ** 2
    return s


def down(v):
    s = 1.0
    for i in range(v.size - 1, -1, -1):
        s = np.sin(s) * v[i]
    return s


def all_but_two(v):
    """Entries behind the loop's last, whose cotangents are zero."""
    s = 0.0
    for i in range(v.size - 2):
        s += v[i] ** 3
    return s


def some(v):
    """A branch adds to some entries alone."""
    s = 0.0
    for i in range(v.size):
        if v[i] > 0.0:
            s += v[i] ** 2
    return s


def twice(v):
    s = 0.0
    for i in range(v.size):
        s += v[i] * v[i // 2]
    return s


def once_more(v):
    s = 0.0
    for i in range(v.size):
        s += v[i] ** 2
    for i in range(1, v.size):
        s *= np.cos(v[i - 1])
    return s


@pytest.mark.parametrize("n", range(5))
@pytest.mark.parametrize("fn", [valley, down, all_but_two, some, twice, once_more])
def test_what_is_added_first_is_stored(fn, n):
    check(fn, (V[:n],), (0,), compile=n == 4)


@pytest.mark.parametrize(("fn", "stored"), [(valley, True), (down, True), (all_but_two, True), (some, True), (twice, False)])
def test_where_each_entry_is_added_to_once_no_zeros_are_made(fn, stored):
    text = source(grad(fn), V)
    assert ("np.empty_like" in text) == stored, text


def test_the_functions_own_sums_begin_with_a_zero():
    """0.0 + -0.0 is 0.0, and 1 / 0.0 is not 1 / -0.0."""
    @numba.njit(error_model="numpy")
    def fn(v):
        a, b = np.zeros(v.size), np.zeros_like(v)
        for i in range(v.size):
            a[i] += 0.0 * v[i]
        b += 0.0 * v
        return np.sum(np.arctan(1.0 / a)) + np.sum(np.arctan(1.0 / b))
    assert value_and_grad(fn)(-V[:2])[0] == fn(-V[:2])
    assert jvp(fn)((-V[:2],), (V[:2],))[0] == fn(-V[:2])


def carried(u, v):
    """What the reverse loop carries is handed out when it ends."""
    u, v = u.copy(), v.copy()
    for _ in range(3):
        u, v = np.sin(u) * v[0] + v, v - u * u[1]
    return np.sum(u * v)


@numba.njit
def running(v):
    a, total = np.empty(v.size), 0.0
    for i in range(v.size):
        total = np.sin(total) + v[i]
        a[i] = total
    return a


@numba.njit
def scaled(a, by):
    for i in range(a.size):
        a[i] *= by * a[i]


def copied_once(v):
    b = running(v).copy()
    scaled(b, v[0])
    return np.sum(b)


def copied_twice(v):
    a = running(v)
    b, c = a.copy(), a.copy()
    scaled(b, v[0])
    scaled(c, b[1])
    return np.sum(b * c)


def read_later(v):
    a = running(v)
    b = a.copy()
    scaled(b, v[0])
    return np.sum(b * a)


def read_in_the_next_iteration(v):
    a, s = running(v), 0.0
    for _ in range(2):
        b = a.copy()
        scaled(b, v[0])
        s += np.sum(b * b)
    return s


def read_by_parts(v):
    a = running(v)
    part, b = a[1:], a.copy()
    scaled(b, v[0])
    return np.sum(b) * np.sum(part)


def diagonal_read_later(m):
    """NumPy's np.diag is a view, which Python sees where it runs the derivative; Numba's is not."""
    a = m @ m
    d, b = np.diag(a), a.copy()
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            b[i, j] *= b[i, 0] * m[j, i]
    return np.sum(b) + np.sum(d * d)


def test_a_copy_is_made_of_what_numpy_shows_a_part_of():
    for compile in (True, False):
        check(diagonal_read_later, (X[:3],), (0,), compile=compile)


def copies(text):
    return len(re.findall(r"np\.copy\(", text))


@pytest.mark.parametrize(("fn", "args", "left"), [
    (carried, (V, np.cos(V)), 2), (copied_once, (V,), 0), (copied_twice, (V,), 1), (read_later, (V,), 1),
    (read_in_the_next_iteration, (V,), 1), (read_by_parts, (V,), 1)])
def test_what_serves_nothing_else_is_not_copied(fn, args, left):
    check(fn, args, tuple(range(len(args))), order=2)
    text = source(grad(fn, tuple(range(len(args)))), *args)
    assert copies(text) == left, text


def test_cotangents_are_neither_one_another_nor_what_was_given():
    for fn in (lambda x, y: x + y, lambda x, y: x.copy() + y.copy()):
        seed = np.ones(3)
        _, (x_bar, y_bar) = vjp(fn)((V[:3], V[:3].copy()), seed)
        assert not np.shares_memory(x_bar, y_bar)
        assert not np.shares_memory(x_bar, seed)
        assert not np.shares_memory(y_bar, seed)
    out = value_and_grad(lambda x: np.sum(x.copy() * 2.0))(V)[1]
    assert not np.shares_memory(out, V)


def of_a_sum(between=(), after=(), index=None, n=None):
    """A buffer b of zeros, to which a product is added, before it is added to t[k]; with statements between and after these."""
    matrix, cube = types.Array(types.float64, 2, "C"), types.Array(types.float64, 3, "C")
    b, t, k, i, j = Var("b", matrix), Var("t", cube), Var("k", types.intp), Var("i", types.intp), Var("j", types.intp)
    x, y, v = Var("x", matrix), Var("y", matrix), Var("v", types.float64)
    rows, columns = Var("rows", types.intp), Var("columns", types.intp)
    names = {"b": b, "t": t, "k": k, "x": x, "i": i, "j": j}
    put = lambda statements: [make(**names) for make in statements]
    entry = [Get(v, b, (i, j)), Set(t, index(**names) if index else (k, i, j), v, LOOSE)]
    body = [Let(rows, dim, (t, Const(1))), Let(columns, dim, (t, Const(2))),
            Let(b, np.zeros, (Tup((rows, columns)), Const(np.float64))),
            Do(add_product_of_rows, (b, x, y, Const(4))), *put(between),
            For(i, Const(0), rows, Const(1), [For(j, Const(0), n or columns, Const(1), entry)]), *put(after)]
    return Program("f", [(a.hint, a) for a in (t, x, y, k)], body, Const(0.0))


def test_products_are_added_up_where_their_sum_would_be_added():
    block = without_buffers_of_sums(of_a_sum()).body
    assert [type(s) for s in block] == [Let, Let, Get, Do]
    assert block[2].arr.hint == "t"


@pytest.mark.parametrize("program", [
    of_a_sum([lambda t, k, **_: Set(t, (k, Const(0), Const(0)), Const(0.0))]),                      # where it goes is written
    of_a_sum([lambda t, k, **_: Get(Var("r", types.float64), t, (k, Const(0), Const(0)))]),         # or read
    of_a_sum([lambda b, **_: Get(Var("r", types.float64), b, (Const(0), Const(0)))]),               # the sum so far is read
    of_a_sum([lambda b, **_: Set(b, (Const(0), Const(0)), Const(0.0))]),                            # or begun anew
    of_a_sum([lambda k, **_: Let(k, operator.add, (Const(1), Const(1)))]),                          # where it goes is not known
    of_a_sum(after=[lambda b, **_: Get(Var("r", types.float64), b, (Const(0), Const(0)))]),         # the sum serves once more
    of_a_sum(index=lambda k, i, j, **_: (k, j, i)),                                                 # it is transposed
    of_a_sum(n=Const(2)),                                                                           # or a part of it is added
])
def test_products_have_a_buffer_where_anything_else_is_done(program):
    made = without_buffers_of_sums(program).body
    assert list(map(type, made)) == list(map(type, program.body))
    assert program.body[2] in made
