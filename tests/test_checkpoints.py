"""With checkpoints the gradient is the same; what is kept, and what is run again, is what the schedules promise."""
import functools
import math

import numpy as np
import pytest
from numba import njit

from experiments.worker import held_bytes
from toolkit import Refusal, UsageError, grad, hvp, jacobian, value_and_grad, vjp
from toolkit.checkpoints import next_mark, next_square, root_of, slots_within, steps_again

POLICIES = ("sqrt", 200)
STEPS = (0, 1, 2, 3, 10, 41)


def orbit(x, r, n):
    for _ in range(n):
        x = r * x * (1.0 - x)
    return x


def pendulum(q, p, pull, n):
    """Two numbers and a counter that is read, and a sum of what was on the way."""
    total, every = 0.0, 0
    for k in range(n):
        p = p - 0.1 * pull * math.sin(q) * (1.0 + 0.1 * k)
        q = q + 0.1 * p
        every += 2
        total += q * every
    return total + q


def heat(u, rate, n):
    """Two buffers that are swapped."""
    a, b = u.copy(), np.zeros_like(u)
    for _ in range(n):
        for i in range(1, u.size - 1):
            b[i] = a[i] + rate * (a[i - 1] - 2.0 * a[i] + a[i + 1]) * a[i]
        a, b = b, a
    return np.sum(a * a)


def heat_in_place(u, rate, n):
    """An argument that is written, and read again after the loop."""
    for _ in range(n):
        for i in range(1, u.size - 1):
            u[i] += rate * (u[i - 1] * u[i + 1] - u[i])
    return np.sum(u * u) * u[1]


def recurrent(weights, bias, xs):
    """A new array in each step; others are read in each."""
    h = np.zeros(bias.size)
    for t in range(xs.shape[0]):
        h = np.tanh(weights @ h + bias + xs[t])
    return h @ h


def inner_loops(x, n):
    """An iteration has loops, branches and a tape of its own."""
    y = x.copy()
    for k in range(n):
        s = 1.0
        for i in range(y.size):
            s = math.sin(s * y[i]) + 0.3
            if s > 0.5:
                s *= 0.9
        y = y * s + 0.01 * k
    return np.sum(y**2)


def two_loops(x, n):
    y, z = x, x * x
    for _ in range(n):
        y = math.sin(y) * z
    for _ in range(2, n + 2, 1):
        z = math.cos(z + y)
    return y * z


def downwards(x, n):
    total = x
    for k in range(n, 0, -2):
        total = math.sin(total * k) + x
    return total


def single(x, n):
    """float32 stays float32."""
    y = x.copy()
    for _ in range(n):
        y = np.sin(y) * np.float32(1.1)
    return np.sum(y)


def both_written(u, v, n):
    """Two arrays that are written, of which one is read again afterwards, and numbers from before the loop."""
    scale = np.sum(u) * 0.01
    for k in range(n):
        u[k % u.size] = u[k % u.size] * scale + v[0]
        v[0] = np.sin(u[0] + v[0])
    return u[0] * v[0] + np.sum(u)


U, V = np.linspace(0.1, 0.9, 7), np.array([0.3, 0.4])
CASES = {
    "orbit": (orbit, (0.3, 3.1), (0, 1)),
    "pendulum": (pendulum, (0.3, 0.1, 1.2), (0, 1, 2)),
    "heat": (heat, (U, 0.1), (0, 1)),
    "heat_in_place": (heat_in_place, (U, 0.1), (0, 1)),
    "inner_loops": (inner_loops, (U,), (0,)),
    "two_loops": (two_loops, (0.7,), (0,)),
    "downwards": (downwards, (0.7,), (0,)),
    "single": (single, (U.astype(np.float32),), (0,)),
    "both_written": (both_written, (U, V), (0, 1)),
}


@functools.cache
def made(fn, argnums, checkpoints):
    return value_and_grad(fn, argnums, checkpoints=checkpoints)


def fresh(args):
    return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)


@pytest.mark.parametrize("checkpoints", POLICIES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_gradient_is_the_same(case, checkpoints):
    fn, args, argnums = case
    for n in STEPS:
        plain, mine = fresh(args), fresh(args)
        value, bars = made(fn, argnums, None)(*plain, n)
        same, found = made(fn, argnums, checkpoints)(*mine, n)
        assert same == value
        for a, b, x, y in zip(bars, found, plain, mine):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            assert np.allclose(a, b, rtol=1e-5 if np.asarray(a).dtype == np.float32 else 1e-12, atol=1e-12)
            assert np.array_equal(x, y)                                     # what it writes, it has written once


@pytest.mark.parametrize("checkpoints", POLICIES)
def test_a_recurrent_network(checkpoints):
    rng = np.random.default_rng(0)
    for steps in STEPS:
        args = 0.5 * rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=(steps, 4))
        plain, mine = (made(recurrent, (0, 1, 2), c)(*args)[1] for c in (None, checkpoints))
        assert all(np.allclose(a, b, rtol=1e-12, atol=1e-14) for a, b in zip(plain, mine, strict=True))


@pytest.mark.parametrize("checkpoints", ["sqrt", 200])
def test_pullbacks_of_what_a_function_writes(checkpoints):
    def relax(u, f, n):
        for _ in range(n):
            for i in range(1, u.size - 1):
                u[i] = math.sin(u[i - 1] + u[i + 1] + f[i])

    u, f, bar = np.linspace(0.0, 1.0, 6), np.ones(6), np.arange(6.0)
    for n in (0, 1, 5, 12):
        first, (u_bar, f_bar) = vjp(relax, (0, 1))((u.copy(), f, n), bar)
        second, (u_bar2, f_bar2) = vjp(relax, (0, 1), checkpoints=checkpoints)((u.copy(), f, n), bar)
        assert np.array_equal(first, second)
        assert np.allclose(u_bar, u_bar2, rtol=1e-12)
        assert np.allclose(f_bar, f_bar2, rtol=1e-12)


def test_inside_compiled_code_and_nested():
    slope = grad(orbit, checkpoints="sqrt")

    @njit
    def along(x, n):
        return slope(x, 3.1, n)
    assert np.isclose(along(0.3, 20), grad(orbit)(0.3, 3.1, 20), rtol=1e-12)
    second = lambda x: slope(x, 3.1, 20)
    assert np.isclose(grad(second)(0.3), hvp(lambda x: orbit(x, 3.1, 20))(0.3, 1.0), rtol=1e-9)
    assert np.allclose(jacobian(second)(0.3), grad(second)(0.3))


def test_python_steps_through_it():
    assert np.isclose(grad(orbit, checkpoints=16).py_func(0.3, 3.1, 9), grad(orbit)(0.3, 3.1, 9), rtol=1e-12)


# ---- schedules -------------------------------------------------------------------------------------------------------

def walked(n, slots, mark):
    """(iterations run again, the most states kept) when n iterations are reversed: as the emitted code goes about it."""
    kept, runs, most = [0], 0, 1
    k = mark(0, n, slots - 1)
    while k < n:
        kept.append(k)
        k = mark(k, n, slots - len(kept))
    most = len(kept)
    for i in reversed(range(n)):
        lo = kept[-1]
        while lo < i:
            to = min(mark(lo, i + 1, slots - len(kept)), i)
            runs += (to - lo) if i < n - 1 else 0           # the first time the forward sweep runs them
            if to < i:
                kept.append(to)
                most = max(most, len(kept))
            lo = to
        if kept[-1] == i:
            kept.pop()
    return runs + n - 1, most


@functools.cache
def fewest(n, slots):
    """The fewest iterations, by dynamic programming over all schedules (Griewank & Walther 2008, section 12.3)."""
    if n <= 1:
        return 0
    if slots == 1:
        return n * (n - 1) // 2
    return min(m + fewest(m, slots) + fewest(n - m, slots - 1) for m in range(1, n))


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 7, 50])
def test_revolve_runs_the_fewest_iterations(slots):
    for n in range(1, 41):
        runs, most = walked(n, slots, next_mark)
        assert runs == fewest(n, slots) == steps_again(n, slots)
        assert most <= slots


def test_revolve_of_many_steps_is_the_binomial_formula():
    for n, slots in ((1_000, 3), (5_000, 8), (3_000, 100)):
        runs, most = walked(n, slots, next_mark)
        assert runs == steps_again(n, slots)
        assert most == slots


def test_every_square_runs_each_iteration_once_more_at_most():
    for n in (1, 2, 3, 10, 99, 100, 101, 1_000):
        root = root_of(n)
        runs, most = walked(n, 2 * root + 1, lambda lo, hi, free, root=root: next_square(lo, hi, root))
        assert runs <= 2 * n
        assert most <= 2 * root + 1


def test_slots():
    assert slots_within(100, 8, 1000) == 12
    assert slots_within(1, 8, 1000) == 1
    assert slots_within(10**9, 8, 1000) == 1000
    assert root_of(0) == 1
    assert root_of(10) == 4


def test_bytes_held_stay_in_the_budget():
    u, n = np.linspace(0.0, 1.0, 1_000), 400
    state = 2 * u.nbytes
    held = {}
    for c in (None, "sqrt", 5 * state, state):
        call = functools.partial(made(heat, (0, 1), c), u, 0.1, n)
        call()                                                              # compiles
        held[c] = held_bytes(call)
    assert held[None] > n * u.nbytes / 2
    assert held[5 * state] < held["sqrt"] < held[None] / 3
    work = held[state] - state                                              # buffers that do not grow with the states
    assert work < 12 * state
    assert abs(held[5 * state] - held[state] - 4 * state) < 0.1 * state
    assert abs(held["sqrt"] - held[state] - 2 * math.isqrt(n) * state) < 3 * state


# ---- what is refused, or left as it is -------------------------------------------------------------------------------

def drawn(x, n):
    for _ in range(n):
        x = math.sin(x) * np.random.normal()  # noqa: NPY002
    return x


def second_name(u, n):
    a, b = u, np.zeros_like(u)
    for _ in range(n):
        for i in range(u.size):
            b[i] = math.sin(a[i])
        a, b = b, a
    return np.sum(a) + np.sum(u)


@pytest.mark.parametrize(("fn", "x", "why"), [
    (drawn, 0.9, "draws random numbers"), (second_name, U, "has a second name"),
])
def test_what_cannot_be_run_again_is_refused_at_its_line(fn, x, why):
    with pytest.raises(Refusal, match=f"no states of this loop can be kept: .*{why}") as refusal:
        grad(fn, checkpoints="sqrt")(x, 5)
    assert "for _ in range(n)" in str(refusal.value)


def growing(x, n):
    for _ in range(n):
        x = np.concatenate((np.sin(x), x[:1]))
    return np.sum(x)


def test_what_changes_its_shape_is_noticed():
    with pytest.raises(ValueError, match="an array that a loop carries changes its shape"):
        grad(growing, checkpoints="sqrt")(U, 3)


def test_loops_without_a_tape_are_left_alone():
    def squares(x):
        total = 0.0
        for i in range(x.size):
            total += x[i] ** 2
        return total
    from toolkit import source
    assert source(grad(squares, checkpoints="sqrt"), U) == source(grad(squares), U)


@pytest.mark.parametrize("wrong", ["all", 0, -3, True, 2.5])
def test_what_is_no_policy(wrong):
    with pytest.raises(UsageError, match="expected None, 'sqrt', or how many bytes"):
        grad(orbit, checkpoints=wrong)
