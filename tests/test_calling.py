"""Calls from Python: by position and by name, with what is wrong said in the function's own names; and what is pickled."""
import pickle

import numpy as np
import pytest

from toolkit import grad, jacobian, jvp

X = np.linspace(0.5, 1.5, 4)


def loss(self, error, more):
    """Its parameters have the names that a call uses itself."""
    return np.sum(np.sin(self) * error) + more


def scaled(x, factor=2.0):
    return np.sum(x * x) * factor


def test_by_position_and_by_name():
    g = grad(loss, argnums=(0, 1))
    want = np.cos(X) * 3.0, np.sum(np.sin(X))
    for have in (g(X, 3.0, 1.0), g(X, more=1.0, error=3.0), g(self=X, error=3.0, more=1.0)):
        np.testing.assert_allclose(have[0], want[0])
        assert have[1] == pytest.approx(want[1])
    np.testing.assert_allclose(jvp(scaled)((X, 1.0), (X, 0.0))[1], 2.0 * X @ X)


def test_defaults_are_the_functions_own():
    np.testing.assert_allclose(grad(scaled)(X), 4.0 * X)
    np.testing.assert_allclose(grad(scaled)(X, factor=1.0), 2.0 * X)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: grad(loss)(X, 1.0), r"grad\(\) missing 1 required positional argument: 'more'"),
    (lambda: grad(loss)(X, 1.0, more=2.0, other=1.0), r"grad\(\) got an unexpected keyword argument 'other'"),
    (lambda: grad(loss)(X, 1.0, 2.0, 3.0), "too many arguments: expected 3, got 4"),
])
def test_wrong_arguments_are_said_in_the_functions_names(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("transform", [grad, jacobian])
def test_pickled(transform):
    """Called before or not: what comes back is compiled anew, or read from the cache, where it is called."""
    t = transform(scaled, argnums=0)
    fresh = pickle.loads(pickle.dumps(t))
    want = t(X, 2.0)
    for revived in (fresh, pickle.loads(pickle.dumps(t)), pickle.loads(pickle.dumps(fresh))):
        assert type(revived).__name__ == type(t).__name__
        np.testing.assert_equal(revived(X, 2.0), want)

