"""Small arrays that are a derivative's alone are on the stack; what the caller gets is not, whatever way it comes."""
import numba
import numpy as np
import pytest
from laws import check

from toolkit import grad, jacobian, jvp, value_and_grad, vjp
from toolkit.emit import emit, unsigned

V = np.linspace(0.5, 1.5, 6)


@numba.njit
def filled(v):
    a = np.empty(v.size)
    for i in range(v.size):
        a[i] = np.sin(v[i]) * v[0]
    return a


@numba.njit
def swapped(v):
    a, b = np.zeros(v.size), np.empty_like(v)
    for k in range(3):
        for i in range(v.size):
            b[i] = a[i] * v[i] + k
        a, b = b, a
    return a


@numba.njit
def one_of_two(v):
    a, b = filled(v), filled(v * v)
    return a if v[0] > 0.0 else b


RETURNED = [
    filled, swapped, one_of_two,
    lambda v: filled(v)[1:],
    lambda v: filled(v).reshape(2, 3),
    lambda v: np.reshape(filled(v), (3, 2)).T,
    lambda v: filled(v).ravel(),
    lambda v: np.ascontiguousarray(filled(v)),
    lambda v: np.asarray(filled(v)),
    lambda v: np.atleast_1d(filled(v)),
    lambda v: np.atleast_2d(filled(v)),
    lambda v: np.expand_dims(filled(v), 0),
    lambda v: (filled(v), filled(v)[::2]),
    lambda v: filled(v).reshape(2, 3)[1],
    lambda v: [filled(v), swapped(v)][1],
]


def flat(results):
    """All the arrays of a structure."""
    if isinstance(results, tuple | list):
        return [a for r in results for a in flat(r)]
    return [np.asarray(results)]


def overwritten():
    """Use the stack for something else."""
    for n in (3, 6, 60):
        value_and_grad(lambda x: np.sum(filled(x) * swapped(x)))(np.full(n, 1e300))


@pytest.mark.parametrize("k", range(len(RETURNED)))
def test_what_is_returned_is_there_when_the_stack_is_used_again(k):
    fn = RETURNED[k]
    out, out_dot = jvp(fn)((V,), (np.cos(V),))
    outs = flat((out, out_dot))
    kept = [a.copy() for a in outs]
    value, bars = vjp(fn)((V,), jvp(fn)((V,), (np.cos(V),))[1])
    more = flat((value, bars))
    kept_more = [a.copy() for a in more]
    overwritten()
    for have, want in zip(outs + more, kept + kept_more, strict=True):
        np.testing.assert_array_equal(have, want)
    plain = numba.njit(fn) if not hasattr(fn, "py_func") else fn
    for have, want in zip(flat(out), flat(plain(V)), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-14)


@pytest.mark.parametrize("n", [1, 8, 63, 64, 65, 66, 1000])
def test_small_and_larger_arrays_serve_alike(n):
    x = np.linspace(0.5, 1.5, n)

    def f(x):
        return np.sum(filled(x) * swapped(x)) + np.sum(one_of_two(x))
    g = grad(f)
    np.testing.assert_allclose(g(x), g.py_func(x), rtol=1e-13)


def test_the_jacobians_rows_are_kept():
    out = jacobian(filled)(V)
    kept = out.copy()
    overwritten()
    np.testing.assert_array_equal(out, kept)


def test_only_what_stays_is_on_the_stack():
    def f(v):
        a = np.empty(v.size)
        for i in range(v.size):
            a[i] = v[i] * v[0]
        for i in range(1, v.size):
            a[i] *= a[i - 1]
        return a
    text = unsigned(emit(vjp(f).final((numba.types.UniTuple(numba.typeof(V), 1), numba.typeof(V))))[0])
    assert text.count("_here(") >= 1, text
    returned = text.split("return ")[-1]
    names = [name for name in ("a", "v_bar") if name in returned]
    for line in text.splitlines():
        if any(line.strip().startswith(f"{name} = np_") for name in names):
            assert "_here(" not in line, text


@numba.njit
def tail(a):
    return a[1:]


def into_itself(v):
    """A part of an array is copied to another part of it, which a function tells apart from it."""
    a = v * 1.0
    a[:-1] = tail(a)
    a[1:] = a[:-1]
    return np.sum(a * v)


def into_another(v):
    a, b = np.zeros((3, v.size)), v * v
    a[1] = b
    a[:, 1:3] = v[:2]
    a[:, 3:4] = v[:1]
    a[::2, 4:] = np.sin(a[1:, 3:5])
    c = np.empty(v.size)
    c[...] = np.cumsum(v)
    return np.sum(a * np.cos(a)) + np.sum(c * c)


@pytest.mark.parametrize("fn", [into_itself, into_another])
def test_copies_to_parts_of_arrays(fn):
    check(fn, (V,), (0,))


def test_parts_of_other_arrays_are_copied_without_numbas_assignment():
    def f(v):
        a = np.zeros((3, v.size))
        a[1, int(v[0]):] = np.cumsum(v)
        return np.sum(a * a)
    assert "np_put(" in unsigned(emit(grad(f).final((numba.typeof(V),)))[0])
