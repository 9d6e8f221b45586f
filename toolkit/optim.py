"""Optimisers: rules that move parameters along their gradient, for any structure of parameters, in Python and in `@njit` code.

    rule = Adam(rate=1e-3)
    state = start(rule, parameters)
    for ...:
        loss, gradient = value_and_grad(f)(parameters, ...)
        parameters, state = step(rule, parameters, gradient, state)

Parameters are arrays or numbers, or tuples and named tuples of parameters (outside compiled code lists and dictionaries, too);
a gradient has their structure. Nothing is written to: a step returns new arrays, of the dtypes of the old. A rule is a named
tuple of numbers, so `rule._replace(rate=...)` makes a schedule. To climb, give it a negative rate.
"""
import functools
from typing import NamedTuple

import numba
import numpy as np
from numba import njit, types
from numba.extending import overload

from .build import load
from .errors import UsageError
from .runtime import cast


class GradientDescent(NamedTuple):
    """θ ← θ - rate · g. Where g is the gradient of a batch, that is stochastic gradient descent (Robbins & Monro 1951)."""
    rate: float


class Momentum(NamedTuple):
    """v ← decay · v + g;  θ ← θ - rate · v; v is 0 before the first step. Polyak (1964)."""
    rate: float
    decay: float = 0.9


class Adam(NamedTuple):
    """m ← β₁ m + (1 - β₁) g;  s ← β₂ s + (1 - β₂) g²;  θ ← θ - rate · m̂ / (√ŝ + ε), with m̂ = m / (1 - β₁ᵗ), ŝ = s / (1 - β₂ᵗ).

    Kingma & Ba (2015), algorithm 1."""
    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


SGD = GradientDescent


# ---- one array, or one number: what becomes of it, and of what is kept beside it ------------------------------------

@njit
def _descended(rule, t, p, g, kept):
    return p - cast(rule.rate, p) * g, ()


@njit
def _rolled(rule, t, p, g, kept):
    v = cast(rule.decay, p) * kept[0] + g
    return p - cast(rule.rate, p) * v, (v,)


@njit
def _adapted(rule, t, p, g, kept):
    m = cast(rule.beta1, p) * kept[0] + cast(1.0 - rule.beta1, p) * g
    s = cast(rule.beta2, p) * kept[1] + cast(1.0 - rule.beta2, p) * g * g
    rate, share = cast(rule.rate / (1.0 - rule.beta1**t), p), cast(1.0 / (1.0 - rule.beta2**t), p)
    return p - rate * m / (np.sqrt(share * s) + cast(rule.epsilon, p)), (m, s)


RULES = {GradientDescent: (_descended, 0), Momentum: (_rolled, 1), Adam: (_adapted, 2)}     # and how many it keeps


# ---- structures ------------------------------------------------------------------------------------------------------

def start(rule, parameters):
    """The state before the first step: (steps done, what the rule keeps beside each array or number)."""
    return 0, _nothing(rule, parameters)


def step(rule, parameters, gradient, state):
    """One step: (parameters, state). Raises UsageError where the gradient has another structure than the parameters."""
    moved, kept = _moved(rule, state[0] + 1, parameters, gradient, state[1])
    return moved, (state[0] + 1, kept)


def _nothing(rule, p):
    if isinstance(p, dict):
        return {name: _nothing(rule, x) for name, x in p.items()}
    if isinstance(p, tuple | list):
        return tuple(_nothing(rule, x) for x in p)
    return (np.zeros_like(p) if np.ndim(p) else np.float64(0.0),) * _of(type(rule))[1]


def _moved(rule, t, p, g, kept):
    if isinstance(p, dict):
        if not isinstance(g, dict) or p.keys() != g.keys():
            raise UsageError(_mismatch(f"a dictionary of {', '.join(map(str, p))}", type(g).__name__))
        pairs = [_moved(rule, t, p[name], g[name], kept[name]) for name in p]
        return ({name: x for name, (x, _) in zip(p, pairs)}, {name: k for name, (_, k) in zip(p, pairs)})
    if isinstance(p, tuple | list):
        if not isinstance(g, tuple | list) or len(p) != len(g):
            raise UsageError(_mismatch(f"{len(p)} parameters", f"{len(g)}" if isinstance(g, tuple | list) else type(g).__name__))
        pairs = [_moved(rule, t, *items) for items in zip(p, g, kept)]
        moved = [x for x, _ in pairs]
        return _like(p, moved), tuple(k for _, k in pairs)
    if np.ndim(p) < 2:
        return _of(type(rule))[0](rule, t, p, g, kept)
    moved, kept = _of(type(rule))[0](rule, t, p.ravel(), g.ravel(), tuple(k.ravel() for k in kept))
    return moved.reshape(p.shape), tuple(k.reshape(p.shape) for k in kept)


def _like(p, items):
    """Items in a tuple or list of the kind of p."""
    return type(p)(*items) if hasattr(p, "_fields") else type(p)(items)


def _of(kind):
    if kind not in RULES:
        raise UsageError(f"{getattr(kind, '__name__', kind)} is no rule: expected one of {', '.join(r.__name__ for r in RULES)}")
    return RULES[kind]


def _mismatch(wanted, got):
    return f"the gradient does not have the parameters' structure: expected {wanted}, got {got}"


# ---- the same in compiled code ---------------------------------------------------------------------------------------

@overload(start)
def _start(rule, parameters):
    _of(getattr(rule, "instance_class", rule))
    return lambda rule, parameters: (0, _nothing(rule, parameters))


@overload(step)
def _step(rule, parameters, gradient, state):
    def stepped(rule, parameters, gradient, state):
        moved, kept = _moved(rule, state[0] + 1, parameters, gradient, state[1])
        return moved, (state[0] + 1, kept)
    return stepped


@overload(_nothing)
def _nothing_typed(rule, p):
    if isinstance(p, types.BaseTuple):
        return _written("nothing(rule, p)", _tuple(f"_nothing(rule, p[{i}])" for i in range(len(p))), {"_nothing": _nothing})
    zero = "np.zeros_like(p)" if isinstance(p, types.Array) else "0.0"
    return _written("nothing(rule, p)", _tuple([zero] * _of(rule.instance_class)[1]), {})


@overload(_moved)
def _moved_typed(rule, t, p, g, kept):
    if not isinstance(p, types.BaseTuple):
        moved, slots = _of(rule.instance_class)
        return _moved_array(moved, slots) if isinstance(p, types.Array) and p.ndim > 1 else moved.py_func
    if not isinstance(g, types.BaseTuple) or len(p) != len(g):
        raise numba.TypingError(_mismatch(f"{len(p)} parameters", f"{len(g)}" if isinstance(g, types.BaseTuple) else f"{g}"))
    steps = "".join(f"    p{i}, k{i} = _moved(rule, t, p[{i}], g[{i}], kept[{i}])\n" for i in range(len(p)))
    items = [f"p{i}" for i in range(len(p))]
    moved = f"like({', '.join(items)})" if isinstance(p, types.BaseNamedTuple) else _tuple(items)
    space = {"_moved": _moved, "like": getattr(p, "instance_class", None)}
    return _written("moved(rule, t, p, g, kept)", f"{moved}, {_tuple(f'k{i}' for i in range(len(p)))}", space, steps)


@functools.cache
def _moved_array(rule, slots):
    """A rule on arrays of several axes: as on one, since Numba takes seconds to compile an expression of four."""
    kept, moved = (_tuple(f"{k}[{i}].{how}" for i in range(slots)) for k, how in (("kept", "ravel()"), ("k", "reshape(p.shape)")))
    body = f"    q, k = rule_of(rule, t, p.ravel(), g.ravel(), {kept})\n"
    return _written("moved(rule, t, p, g, kept)", f"q.reshape(p.shape), {moved}", {"rule_of": rule}, body)


def _written(heading, result, space, body=""):
    """A function that is written out, an item of a tuple at a time: Numba has no loop over items of different types."""
    return load(f"def {heading}:\n{body}    return {result}\n", space, heading.partition("(")[0])


def _tuple(items):
    return f"({''.join(f'{item}, ' for item in items)})"


# ---- batches ---------------------------------------------------------------------------------------------------------

@njit
def batches(rng, n, size):
    """Yield the places 0 ... n - 1 in a random order, `size` at a time (the last may be fewer): one pass over n samples.

    `rng` is a np.random.Generator; in compiled code as well.
    """
    order = rng.permutation(n)
    for first in range(0, n, size):
        yield order[first:first + size]
