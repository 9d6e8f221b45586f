"""Where a primitive may be sampled: each argument of a card declares one of these.

Scalar domains (`Interval`) say that the primitive works elementwise, by NumPy's broadcasting, on any rank.
Array domains (`Block`) name their dimensions, so that `array("m k"), array("k n")` agree on k.
`Fixed` arguments carry no derivative and take one of a few values.
"""
from dataclasses import dataclass

import numpy as np

SIZES = {"n": 4, "m": 3, "k": 5}


@dataclass(frozen=True)
class Interval:
    """Numbers between `low` and `high`; elementwise."""
    low: float
    high: float
    rank = None

    def sample(self, rng, shape=(), dtype=np.float64):
        return rng.uniform(self.low, self.high, shape).astype(dtype)


@dataclass(frozen=True)
class Block:
    """An array whose dimensions are named; `make` draws one of the right shape."""
    dims: tuple
    make: object

    @property
    def rank(self):
        return len(self.dims)

    def sample(self, rng, sizes=SIZES, dtype=np.float64):
        return np.asarray(self.make(rng, tuple(sizes[d] for d in self.dims)), dtype)


@dataclass(frozen=True)
class Fixed:
    """An argument without derivative: one of `values`."""
    values: tuple
    rank = None


def _spd(rng, shape):
    a = rng.normal(size=shape)
    return a @ a.T + len(a) * np.eye(len(a))


def _spaced(rng, shape):
    """Distinct entries, far enough apart that differences change no ordering."""
    size = int(np.prod(shape))
    return rng.permutation(np.linspace(-2.0, 2.0, size)).reshape(shape)


real = Interval(-2.0, 2.0)
positive = Interval(0.3, 3.0)
unit = Interval(-0.9, 0.9)


def array(dims):
    """Any array of the named dimensions, as `array("m k")`."""
    return Block(tuple(dims.split()), lambda rng, shape: rng.normal(size=shape))


def positive_array(dims):
    """An array of positive numbers."""
    return Block(tuple(dims.split()), lambda rng, shape: rng.uniform(0.3, 3.0, shape))


def number(low, high):
    """A number between `low` and `high`, of a primitive that is not elementwise."""
    return Block((), lambda rng, shape: rng.uniform(low, high, shape))


def increasing(dims):
    """A vector of increasing numbers."""
    return Block(tuple(dims.split()), lambda rng, shape: np.cumsum(rng.uniform(0.5, 1.0, shape)) - 2.0)


def quantiles(dims, scale=1.0):
    """Fractions of `scale`, such that few data have no quantile at an entry."""
    return Block(tuple(dims.split()), lambda rng, shape: scale * (0.05 + 0.8 * np.linspace(0.0, 1.0, shape[0])))


def distinct(dims):
    """An array whose entries differ from one another (for order statistics)."""
    return Block(tuple(dims.split()), _spaced)


def regular(dims):
    """A well-conditioned square matrix."""
    return Block(tuple(dims.split()), lambda rng, shape: rng.normal(size=shape) + 4.0 * np.eye(shape[0]))


def _dominant(rng, shape):
    return np.diag(2.0 ** np.arange(shape[0], 0, -1)) + rng.uniform(0.1, 0.4, shape)


def real_spectrum(dims):
    """A matrix whose eigenvalues are real and differ from one another."""
    return Block(tuple(dims.split()), _dominant)


def polynomial(dims):
    """The coefficients of a polynomial, highest power first, whose roots are real and differ from one another."""
    return Block(tuple(dims.split()), lambda rng, shape: np.poly(rng.uniform(0.0, 0.3, shape[0] - 1) + np.arange(1, shape[0])))


def spd(dims):
    """A symmetric positive definite matrix."""
    return Block(tuple(dims.split()), _spd)


class Like(Fixed):
    """An array of which only the shape and the dtype are read, so that its derivative, if it has one, does not matter."""


def fixed(*values):
    """An argument that carries no derivative."""
    return Fixed(values)


def like(*values):
    """An array that is read for its shape and dtype."""
    return Like(values)
