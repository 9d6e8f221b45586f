"""Losses are what they are said to be, to the last digits, and so are their gradients, however large the logits."""
import mpmath
import numpy as np
import pytest

from toolkit import check_grads, grad, losses, value_and_grad

RNG = np.random.default_rng(0)
LOGITS, LABELS = RNG.normal(size=(7, 5)), RNG.integers(0, 5, 7)
TARGETS = RNG.dirichlet(np.ones(5), 7)
ROWS = ([0.3, -1.2, 2.0], [1e16, 1e16, -1e16], [50.0, 0.0, 1.0], [800.0, -800.0, 799.0], [0.0, 750.0, -3.0], [1e-300, 0.0, 0.0],
        [-745.0, -746.0, -744.0], [1e300, 1e300, 0.0])


def exact(row, label):
    """(-log softmax(row)[label], its gradient), in a thousand digits."""
    with mpmath.workdps(1000):
        z = [mpmath.mpf(x) - mpmath.mpf(row[label]) for x in row]
        top = max(z)
        total = top + mpmath.log(mpmath.fsum(mpmath.exp(x - top) for x in z))
        shares = [mpmath.exp(x - total) for x in z]
        others = mpmath.fsum(s for k, s in enumerate(shares) if k != label)
        return float(total), [float(-others if k == label else s) for k, s in enumerate(shares)]


@pytest.mark.parametrize("loss", [losses.softmax_cross_entropy, losses.soft_cross_entropy])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_cross_entropy_is_exact_at_any_logits(loss, row):
    for label in range(3):
        target = np.array([label]) if loss is losses.softmax_cross_entropy else np.eye(3)[[label]]
        value, gradient = value_and_grad(loss)(np.array([row]), target)
        wanted, slopes = exact(row, label)
        assert np.allclose(value, wanted, rtol=4e-15, atol=0)
        assert np.allclose(gradient[0], slopes, rtol=4e-15, atol=1e-320)


@pytest.mark.parametrize("z", [-1e308, -800.0, -40.0, -0.5, 0.0, 0.5, 40.0, 800.0, 1e308])
@pytest.mark.parametrize("t", [0.0, 1.0, 0.25])
def test_sigmoid_cross_entropy_is_exact_at_any_logit(z, t):
    value, gradient = value_and_grad(losses.sigmoid_cross_entropy)(np.array([z]), np.array([t]))
    with mpmath.workdps(1000):
        share = 1 / (1 + mpmath.exp(-mpmath.mpf(z))) if abs(z) < 1e6 else mpmath.mpf(z > 0)
        small = mpmath.log1p(mpmath.exp(-abs(mpmath.mpf(z)))) if abs(z) < 1e6 else 0
        wanted, slope = max(mpmath.mpf(z), 0) - mpmath.mpf(t) * z + small, share - t
        assert abs(value - wanted) <= 4e-15 * abs(wanted) + 1e-300
        assert abs(gradient[0] - slope) <= 4e-15 * abs(slope) + 1e-300


@pytest.mark.parametrize(("loss", "args"), [
    (losses.entropy, (TARGETS[0],)),
    (losses.softmax_cross_entropy, (LOGITS, LABELS)),
    (losses.soft_cross_entropy, (LOGITS, TARGETS)),
    (losses.sigmoid_cross_entropy, (LOGITS, RNG.random((7, 5)))),
    (losses.mean_squared_error, (LOGITS, TARGETS)),
    (losses.gaussian_nll, (LOGITS, 0.3 * LOGITS, TARGETS)),
    (losses.gaussian_nll, (LOGITS, 0.3, TARGETS)),
], ids=lambda x: getattr(x, "__name__", ""))
def test_losses_obey_the_laws(loss, args):
    check_grads(loss, args)


def test_losses_are_their_formulas():
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    assert np.isclose(losses.softmax_cross_entropy(LOGITS, LABELS), -np.log(p[np.arange(7), LABELS]).mean())
    assert np.isclose(losses.soft_cross_entropy(LOGITS, TARGETS), -(TARGETS * np.log(p)).sum(1).mean())
    assert np.isclose(losses.mean_squared_error(LOGITS, TARGETS), ((LOGITS - TARGETS) ** 2).mean())
    sigma = np.exp(0.3 * LOGITS)
    density = np.exp(-0.5 * ((TARGETS - LOGITS) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    assert np.isclose(losses.gaussian_nll(LOGITS, 0.3 * LOGITS, TARGETS), -np.log(density).mean())
    assert np.isclose(losses.entropy(p[0]), -(p[0] * np.log(p[0])).sum())


def test_the_mean_squared_error_is_least_where_the_likelihood_is_greatest():
    of_error, of_likelihood = grad(losses.mean_squared_error)(LOGITS, TARGETS), grad(losses.gaussian_nll)(LOGITS, 0.0, TARGETS)
    assert np.allclose(of_error, 2 * of_likelihood)


def test_what_has_no_probability_costs_nothing_where_none_is_wanted():
    masked = np.array([[-np.inf, 0.3, 1.0]])
    value, gradient = value_and_grad(losses.soft_cross_entropy)(masked, np.array([[0.0, 0.5, 0.5]]))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert gradient[0, 0] == 0.0
    assert losses.entropy(np.array([0.0, 1.0])) == 0.0
