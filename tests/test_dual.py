"""Dual numbers equal forward mode on every elementwise card, in plain Python and in compiled code."""
import functools
import math
import pickle

import numba
import numpy as np
import pytest

from tests.laws import derivative
from toolkit import jvp
from toolkit.domain import Fixed
from toolkit.dual import BINARY, COMPARISONS, UNARY, Dual, of_numbers
from toolkit.errors import Refusal
from toolkit.infer import name_of, result_type
from toolkit.linear import differential
from toolkit.points import CALLS
from toolkit.program import Const

NATIVE = {*UNARY, *BINARY, *COMPARISONS, abs, pow, max, min}    # what Python hands to a number's methods
KEPT = {np.float64, np.float32}                                 # Numba lets nobody teach these a new type
CALLS = [(card, call) for card, call in CALLS if of_numbers(card)]


def written(card, call):
    """`call` as a function with the card's parameters."""
    params = ", ".join(card.params)
    space = {"call": call}
    exec(f"def f({params}):\n    return call({params})\n", space)
    return space["f"]


def in_python(call):
    """May the call be given a Dual in plain Python?"""
    module = getattr(call, "__module__", None) or ""
    return call in NATIVE or (module.startswith("numpy") and not isinstance(call, type))


def close(dual, pair):
    """A Dual, or a number (which has no tangent), against forward mode's (value, tangent)."""
    dual = dual if isinstance(dual, Dual) else Dual(dual, 0.0)
    np.testing.assert_allclose((dual.value, dual.tangent), pair, rtol=1e-13, atol=1e-13)


def patterns(active):
    """Every nonempty set of arguments that carry a tangent."""
    return [tuple(p for k, p in enumerate(active) if bits >> k & 1) for bits in range(1, 2 ** len(active))]


@functools.cache
def forward(card, live):
    """A point, tangents, and the card's value and tangent there by forward mode, with tangents in `live` alone."""
    rng = np.random.default_rng(0)
    points = tuple(d.values[0] if isinstance(d, Fixed) else float(d.sample(rng)) for d in card.domain)
    dots = tuple(rng.normal(size=len(points)).tolist())
    where = tuple(card.params.index(p) for p in live)
    args = points, tuple(dots[k] for k in where)
    if not differential(card, live):
        return points, dots, (card.value(*points), 0.0)
    return points, dots, derivative(jvp(card.value, where), args, compile=False)(*args)


def compiles(call, points):
    """Does Numba know the call on floats?"""
    try:
        return result_type(call, tuple(map(Const, points))) is not None
    except Refusal:
        return False


@pytest.mark.parametrize(("card", "call"), CALLS, ids=[f"{card.name}-{name_of(call)}" for card, call in CALLS])
def test_every_card_equals_forward_mode(card, call):
    f = written(card, call)
    fast = numba.njit(f)
    for live in patterns(card.active):
        points, dots, expected = forward(card, live)
        given = [Dual(x, t) if p in live else x for p, x, t in zip(card.params, points, dots, strict=True)]
        if in_python(call):
            close(f(*given), expected)
        if call not in KEPT and compiles(call, points):
            close(fast(*given), expected)


# ---- functions that were written for floats --------------------------------------------------------------------------

def series(x, n):
    """Loops, branches, integers, a number that becomes a Dual on the way."""
    total, sign = 0, 1.0
    for k in range(n):
        if k % 2 == 0 and not x < 0.5:
            total += sign * x ** k / (k + 1)
        elif 0 < x <= 3 or k == n:
            total -= np.sin(k * x) if x > 1 else abs(x - 2) * max(x, 1)
        sign = -sign
    while total > 4.0:
        total = total / 2 + 1 - np.minimum(0.25, x)
    return 2 - total


def root(a):
    """Newton's method, which stops by comparing."""
    x = a
    while abs(x * x - a) > 1e-14 * a:
        x = 0.5 * (x + a / x)
    return x


def with_math(x):
    return math.exp(-x) * math.pow(x, 2) + math.atan2(x, 2.0) + float(x) + math.floor(x)


def curve(x):
    return np.minimum(x, 5.0) ** 3 * np.exp(-x) + (np.hypot(x, 1.0) if x > 1 else 0.0)


jvp_curve = jvp(curve)


def slope_of_curve(x):
    return jvp_curve((x,), (1.0,))[1]


@pytest.mark.parametrize("x", [0.3, 0.7, 1.4, 2.6])
def test_loops_and_branches(x):
    expected = jvp(series, (0,))((x, 6), (1.5,))
    close(series(Dual(x, 1.5), 6), expected)
    close(numba.njit(series)(Dual(x, 1.5), 6), expected)


def test_a_loop_that_compares():
    expected = math.sqrt(2.0), 0.5 / math.sqrt(2.0)
    close(root(Dual(2.0, 1.0)), expected)
    close(numba.njit(root)(Dual(2.0, 1.0)), expected)


def test_math_in_compiled_code():
    close(numba.njit(with_math)(Dual(1.3, 2.0)), jvp(with_math)((1.3,), (2.0,)))


@pytest.mark.parametrize("call", [math.exp, math.log, float])
def test_math_in_python_says_what_to_write(call):
    with pytest.raises(TypeError, match=r"drop its tangent.*NumPy.*@njit"):
        call(Dual(2.0, 1.0))


@pytest.mark.parametrize("misuse", [lambda d: d * np.ones(2), lambda d: np.ones(2) * d, lambda d: np.cumsum(d),
                                    lambda d: Dual(np.ones(2), d), lambda d: np.add(d, 1.0, where=True)])
def test_arrays_are_refused(misuse):
    with pytest.raises(TypeError, match=r"jvp for arrays|takes numbers"):
        misuse(Dual(2.0, 1.0))


@pytest.mark.parametrize("call", [np.sum, np.prod, np.mean, np.max, np.min, np.average])
def test_a_number_is_its_own_sum(call):
    def f(x):
        return call(x)
    assert f(Dual(1.5, 2.0)) == numba.njit(f)(Dual(1.5, 2.0)) == Dual(1.5, 2.0)
    close(f(Dual(1.5, 2.0)), (1.5, 2.0))


def test_flat_functions_see_the_value():
    def f(x):
        return (x < 3, x <= 3, x == 2.5, x != 1.0, x // 2, 7 // x, round(x), int(x), bool(x), not x, math.floor(x),
                math.ceil(x), np.floor(x), np.sign(x), np.isnan(x), np.rint(x))
    d, expected = Dual(2.5, 1.0), f(2.5)
    assert f(d) == expected
    assert numba.njit(f)(d) == expected
    assert not any(isinstance(v, Dual) for v in f(d))
    assert (d == None) is False  # noqa: E711  (it is no number: neither equal nor an error)


def test_made_and_read_inside_compiled_code():
    @numba.njit
    def slope(x):
        d = Dual(x, 1)
        return (d * d).tangent, d.value
    assert slope(3.0) == slope(3) == (6.0, 3.0)


def test_a_number_joins_a_dual():
    chosen = numba.njit(lambda x, c: x if c else 7)
    assert repr(chosen(Dual(2.0, 1.0), True)) == "Dual(2.0, 1.0)"
    assert repr(chosen(Dual(2.0, 1.0), False)) == "Dual(7.0, 0.0)"


def test_a_tangent_is_infinite_at_a_kink_and_the_value_fails_as_for_floats():
    for f in (np.sqrt, numba.njit(lambda x: np.sqrt(x))):
        assert repr(f(Dual(0.0, 1.0))) == "Dual(0.0, inf)"
    for f in (lambda x: 1 / x, numba.njit(lambda x: 1 / x)):
        with pytest.raises(ZeroDivisionError):
            f(Dual(0.0, 1.0))


def test_float32_stays():
    d = Dual(np.float32(3), 1) * np.float32(2)
    assert (d.value, d.tangent) == (6, 2)
    assert type(d.value) is type(d.tangent) is np.float32
    assert str(numba.typeof(d)) == "Dual(float32)"


def test_duals_of_duals_carry_second_derivatives():
    nested = Dual(Dual(1.3, 1.0), Dual(1.0, 0.0))
    slope, bend = jvp(slope_of_curve)((1.3,), (1.0,))
    for f in (curve, numba.njit(curve)):
        d = f(nested)
        close(d.value, (curve(1.3), slope))
        close(d.tangent, (slope, bend))


def test_an_outer_dual_is_constant_to_an_inner_one():
    def slope(f, x):
        return f(Dual(x, 1.0)).tangent
    # d/dx [x * d/dy (x y^2) at y = x] = d/dx 2 x^3
    assert slope(lambda x: x * slope(lambda y: x * y * y, x), 3.0) == 54.0


def test_a_copy_is_the_same():
    d = Dual(2.0, 1.0)
    assert repr(pickle.loads(pickle.dumps(d))) == repr(numba.njit(lambda x: x)(d)) == repr(d)
