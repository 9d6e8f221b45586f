"""Generated programs through the laws: what no person would think of writing is differentiated rightly too.

For every program that `programs` draws, both modes return the program's value; forward mode agrees with differences, reverse
mode with forward mode to rounding, the record with reverse mode, the tangent of the pullback with differences of it, and the
modes with each other when they are applied to one another. Nothing else is raised. A program is set aside where its own
differences with two steps disagree (there it has a kink or a jump, and differences say nothing), and where it is refused because
an operation in place reads what it has written, which NumPy and Numba do differently.
"""
import warnings
from contextlib import contextmanager

import numba
import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from laws import check, flat, floats, fresh, inner, interpreted, like, moved
from programs import programs

from toolkit import jvp, record, vjp
from toolkit.check import agree, size


def examples(n):
    """So many programs, the same in every run; one that fails is shrunk and printed."""
    return settings(max_examples=n, derandomize=True, database=None, deadline=None, report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck))


def slopes(p, h):
    """The value, its derivative along the directions that the laws take by differences of fourth order, and the laws' seed."""
    rng, value = np.random.default_rng(0), p.fn(*fresh(p.args))
    dots, bars = like(tuple(p.args[k] for k in p.argnums), rng), like(value, rng)

    def at(step):
        new = list(fresh(p.args))
        for k, d in zip(p.argnums, dots):
            new[k] = moved(p.args[k], d, step)
        return flat(p.fn(*new))
    slope = [(8 * (a - b) - (c - d)) / (12 * h) for a, b, c, d in zip(at(h), at(-h), at(2 * h), at(-2 * h))]
    return value, tuple(slope), tuple(flat(bars))


def tame(p):
    """Are the program's values bounded, and do its differences with two steps agree?"""
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            (value, slope, bars), (_, other, _) = slopes(p, 1e-4), slopes(p, 0.4e-4)
    except ArithmeticError:
        return False
    change = tuple(a - b for a, b in zip(slope, other))
    return (all(np.all(np.abs(v) < 1e4) for v in flat(value))
            and abs(inner(bars, change)) <= 2e-7 * max(abs(inner(bars, slope)), size(slope), 1e-2)
            and size(change) <= 1e-5 * max(size(slope), 1e-2))


@contextmanager
def one_meaning():
    """Set a program aside that is refused when it runs: an operation in place that NumPy and Numba do differently."""
    try:
        yield
    except ValueError as e:
        assume("an operation in place reads" not in str(e))
        raise


@examples(120)
@given(programs())
def test_laws_as_python_runs_the_emitted_code(p):
    assume(tame(p))
    with one_meaning():
        check(p.fn, p.args, p.argnums, compile=False)


@examples(5)
@given(programs(room=5))
def test_laws_compiled(p):
    assume(tame(p))
    value = p.fn(*fresh(p.args))
    with warnings.catch_warnings(), one_meaning():
        warnings.simplefilter("ignore", numba.NumbaPerformanceWarning)
        check(p.fn, p.args, p.argnums)
        agree(numba.njit(p.fn)(*fresh(p.args)), value, 1e-9, "value under Numba")


@examples(15)
@given(programs(room=7))
def test_second_derivatives(p):
    assume(tame(p))
    with one_meaning():
        check(p.fn, p.args, p.argnums, compile=False, order=2)


@examples(30)
@given(programs())
def test_record_agrees_with_reverse_mode(p):
    with one_meaning():
        recorded(p)


def recorded(p):
    """Hold the record of a program against reverse mode."""
    tape = record(p.fn, *fresh(p.args))
    agree(tape.value, p.fn(*fresh(p.args)), 1e-9, "value")
    seed = like(tape.value, np.random.default_rng(1))
    tape.backward(seed)
    call = (p.args, seed)
    _, cts = interpreted(vjp(p.fn, p.argnums), call)(*fresh(call))
    for ct, k in zip(cts, p.argnums, strict=True):
        np.testing.assert_allclose(tape.bars[k], ct, rtol=1e-9, atol=1e-9 * max(1.0, size(ct)))


def paired(a, b):
    """The inner product of cotangents with tangents; integers have none."""
    return sum(paired(x, y) for x, y in zip(a, b)) if isinstance(b, tuple) else inner(a, b) if floats(b) else 0.0


@examples(10)
@given(programs(room=6))
def test_transforms_of_transforms_are_adjoint_to_one_another(p):
    assume(tame(p))
    with one_meaning():
        adjoint_to_one_another(p)


def adjoint_to_one_another(p):
    """Hold jvp and vjp of the pushforward, and of the pullback, against each other."""
    rng, value = np.random.default_rng(2), p.fn(*fresh(p.args))
    for transform, second in ((vjp, value), (jvp, tuple(p.args[k] for k in p.argnums))):
        once, call = transform(p.fn, p.argnums), (p.args, like(second, rng))
        value = interpreted(once, call)(*fresh(call))
        dots, bars = like(call, rng), like(value, rng)
        pushed, pulled = (fresh(call), fresh(dots)), (fresh(call), fresh(bars))
        forward, value_dot = interpreted(jvp(once, (0, 1)), pushed)(*pushed)
        reverse, cts = interpreted(vjp(once, (0, 1)), pulled)(*pulled)
        agree(forward, value, 1e-9, "value in forward mode")
        agree(reverse, value, 1e-9, "value in reverse mode")
        left, right = inner(bars, value_dot), paired(cts, dots)
        assert abs(left - right) <= 1e-9 * max(size(value_dot), abs(left), 1.0), (transform.__name__, left, right)
