"""A user's own primitives: their rules serve both modes, nested and compiled, and what is wrong with one is noticed."""
import numpy as np
import pytest
from laws import check
from numba import njit

from toolkit import Dual, LawBroken, Refusal, UsageError, custom, grad, hessian, jvp, record, stop_gradient, value_and_grad, vjp
from toolkit.linear import require_linear, scope_of
from toolkit.points import CARDS
from toolkit.primitive import returned

X = np.linspace(-1.0, 1.0, 4)


@custom
def soft(x, k):
    return np.log1p(np.exp(k * x)) / k


@soft.differential
def _(x, k, x_dot):
    return x_dot / (1.0 + np.exp(-k * x))


@custom
@njit
def root(a, tol=1e-14):
    """The real root of r³ - r = a, for a > 1, by Newton's method: differentiated through the equation, not the iteration."""
    r = a
    while abs(r ** 3 - r - a) > tol * abs(a):
        r -= (r ** 3 - r - a) / (3.0 * r * r - 1.0)
    return r


@root.jvp
def _(out, a_dot):
    slope = 3.0 * out ** 2 - 1.0
    return a_dot / slope


@root.vjp("a")
def _(out, out_bar):
    slope = 3.0 * out ** 2 - 1.0
    return out_bar / slope


@custom
def product(a, b):
    return a @ b


@product.vjp("b", "a")
def _(a, b, out_bar):
    return a.T @ out_bar, out_bar @ b.T


def softs(x):
    return np.sum(soft(x, 2.0) ** 2) + soft(x[0], 1.0)


def roots(a):
    total = 0.0
    for i in range(a.size):
        total += root(a[i]) * a[i]
    return total


@pytest.mark.parametrize(("f", "args"), [(softs, (X,)), (roots, (X + 3.0,))])
def test_rules_serve_both_modes_and_their_derivatives(f, args):
    check(f, args, (0,), compile=False, order=2)
    check(f, args, (0,))
    tape = record(f, *args).backward()
    np.testing.assert_allclose(tape.bars[0], grad(f)(*args), rtol=1e-12)


def test_a_rule_replaces_the_derivative_of_the_body():
    @custom
    def straight(x):
        return np.floor(x) * 1.0

    @straight.differential
    def _(x_dot):
        return 2.0 * x_dot
    assert grad(straight)(0.3) == 2.0
    assert jvp(straight)((0.3,), (1.0,)) == (0.0, 2.0)


def test_a_rule_sees_the_names_around_it():
    slope = 3.0

    @custom
    def scaled(x):
        return x * 1.0

    @scaled.differential
    def _(x_dot):
        return slope * x_dot
    assert grad(scaled)(1.0) == 3.0


def test_called_from_compiled_code_and_from_python():
    @njit
    def both(a):
        return root(a), grad(root)(a), grad(grad(root))(a)
    r = root(2.0)
    assert r ** 3 - r == pytest.approx(2.0, rel=1e-12)
    assert both(2.0) == (r, grad(root)(2.0), grad(grad(root))(2.0))
    assert grad(root)(2.0) == pytest.approx(1.0 / (3.0 * r * r - 1.0))
    assert hessian(roots)(X + 3.0).shape == (4, 4)


def test_cotangents_come_in_the_order_that_is_named():
    a, b, out_bar = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4), np.ones((2, 4))
    _, (a_bar, b_bar) = vjp(product)((a, b), out_bar)
    np.testing.assert_array_equal(a_bar, out_bar @ b.T)
    np.testing.assert_array_equal(b_bar, a.T @ out_bar)


def test_check_holds_the_rules_against_the_laws():
    soft.check(X, 2.0)
    root.check(3.0)

    @custom
    def wrong(x):
        return np.sin(x)

    @wrong.differential
    def _(x, x_dot):
        return 1.001 * np.cos(x) * x_dot

    @custom
    def careless(x):
        x[0] = 1.0
        return np.sum(x)

    @careless.differential
    def _(x, x_dot):
        return np.sum(x_dot)
    with pytest.raises(LawBroken, match="differences"):
        wrong.check(0.3)
    with pytest.raises(LawBroken, match="writes to its arguments"):
        careless.check(X)


def test_a_function_of_whole_arrays_is_called_with_whole_arrays():
    @custom
    def centred(x):
        return x - np.mean(x)

    @centred.vjp("x")
    def _(out_bar):
        return out_bar - np.mean(out_bar)
    value, gradient = value_and_grad(lambda x: np.sum(centred(x * 2.0) ** 2 + x))(X)
    assert value == pytest.approx(np.sum((2.0 * (X - X.mean())) ** 2 + X))
    np.testing.assert_allclose(gradient, 8.0 * (X - X.mean()) + 1.0)


def test_what_shares_memory_with_an_argument_is_refused():
    @custom
    def same(x):
        return x

    @same.differential
    def _(x_dot):
        return x_dot
    with pytest.raises(ValueError, match="return a copy"):
        grad(lambda x: np.sum(same(x)))(X)


def test_a_cotangent_of_another_shape_is_refused():
    @custom
    def half(x):
        return x / 2.0

    @half.vjp("x")
    def _(out_bar):
        return out_bar[1:]
    with pytest.raises(ValueError, match="another shape"):
        vjp(half)((X,), X)


def test_duals_do_not_bypass_the_rule():
    with pytest.raises(UsageError, match="which Duals would bypass"):
        soft(Dual(1.0, 1.0), 2.0)


def test_an_argument_without_a_rule_is_not_taken_as_fixed():
    with pytest.raises(Refusal, match="soft has no derivative in `k`"):
        grad(lambda k: soft(1.0, k))(2.0)
    assert grad(lambda k: soft(1.0, stop_gradient(k)) * k)(2.0) == soft(1.0, 2.0)


def test_every_differential_of_the_catalogue_is_of_the_grammar():
    cards = [card for card in CARDS if card.form is not None]
    assert len(cards) > 50
    for card in cards:
        require_linear(returned(card.form), scope_of(card.form), card.name)


def test_stop_gradient():
    def held(x):
        y = stop_gradient(x)
        y[0] = 5.0                                      # a copy: x stays
        return np.sum(y * x)
    np.testing.assert_array_equal(grad(held)(X), [5.0, *X[1:]])
    np.testing.assert_array_equal(jvp(held)((X,), (np.ones(4),))[1], 5.0 + np.sum(X[1:]))
    assert stop_gradient(Dual(1.0, 2.0)) == 1.0
    twice = njit(lambda d: stop_gradient(d) * d)(Dual(3.0, 1.0))
    assert (twice.value, twice.tangent) == (9.0, 3.0)
