"""A loop that passes on what a mask stopped is skipped; only where it would do nothing."""
import numpy as np
import pytest
from laws import check

from toolkit import grad, hvp, jvp, source, value_and_grad

X = np.random.default_rng(0).uniform(0.5, 1.5, (4, 3))
C = np.array([0.4, 1.0, 1.3])


def nearest(x, c):
    s = 0.0
    for i in range(x.shape[0]):
        best = np.inf
        for k in range(c.size):
            d = 0.0
            for j in range(x.shape[1]):
                d += (x[i, j] - c[k]) ** 2
            best = np.minimum(best, d)
        s += best
    return s


def clipped(x, c):
    """The sum is passed on by a product; the loop carries a cotangent besides its sums."""
    d, v = 0.0, c[0]
    for j in range(x.shape[0]):
        v = v * x[j, 0]
        d += np.sin(v)
    return 3.0 * max(d, 0.75) + v


def both_ways(x, c):
    """What the loop carries comes to the result by another way, too."""
    d = 0.0
    for j in range(x.shape[0]):
        d += x[j, 0] ** 2
    return min(d, 0.5) + d * c[0]


@pytest.mark.parametrize("fn", [nearest, clipped, both_ways])
def test_masked_loops(fn):
    for scale in (0.3, 1.0, 2.0):               # on both sides of the masks
        check(fn, (scale * X, C), (0, 1))


def test_masked_loops_are_skipped():
    text = source(value_and_grad(nearest), X, C)
    assert "            if test:\n                for j in range(" in text, text


def test_loops_that_pass_on_more_are_not():
    for fn in (clipped, both_ways):
        text = source(grad(fn), X, C)
        assert "    if test:" not in text, text


def root(x, least):
    s = 0.0
    for i in range(x.size):
        s += np.sqrt(x[i])
    return max(s, least)


def test_zero_times_infinity_does_not_arrive():
    """Was NaN: the mask had stopped the cotangent of a sum whose terms have infinite slopes."""
    x = np.array([0.0, 1.0])
    np.testing.assert_array_equal(grad(root)(x, 2.0), [0.0, 0.0])
    np.testing.assert_array_equal(grad(root)(x, 0.5), [np.inf, 0.5])
    assert jvp(root, 0)((x, 2.0), (np.ones(2),))[1] == 0.0


def test_forward_over_reverse_joins_a_loop_with_its_reverse():
    text = source(hvp(nearest), X, C, np.ones_like(X))
    assert text.count("for i in range(") == 1, text
    h = hvp(nearest)(X, C, np.ones_like(X))
    step = 1e-6 * np.ones_like(X)
    np.testing.assert_allclose(h, (grad(nearest)(X + step, C) - grad(nearest)(X - step, C)) / 2e-6, rtol=1e-7)
