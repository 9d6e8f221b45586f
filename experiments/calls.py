"""What does a call cost where the function is tiny? Its gradient from Python, and in a loop of compiled code, beside its like.

Two functions: Rosenbrock's valley of ten variables, and a function of two numbers. The loop moves an argument a little before
every call, so that no call may be left out.
"""

import math
from collections.abc import Callable
from functools import partial
from timeit import Timer

import numpy as np
from numba import njit

from experiments.measure import interleaved
from experiments.problems import rosenbrock
from toolkit import value_and_grad

INSIDE = 1000  # calls that the compiled loop makes


def swirl(a, b):
    return math.sin(a) * b + a * b * b


@njit
def swirl_by_hand(a, b):
    sine = math.sin(a)
    return sine * b + a * b * b, (math.cos(a) * b + b * b, sine + 2.0 * a * b)


def vectors(function: Callable, gradient: bool) -> Callable:
    """Calls of a function of an array, one after the other."""

    @njit
    def loop(x, calls):
        total = 0.0
        for k in range(calls):
            x[k % x.size] += 1e-9
            if gradient:
                value, (x_bar,) = function(x)
                total += value + x_bar[0]
            else:
                total += function(x)
        return total

    return loop


def numbers(function: Callable, gradient: bool) -> Callable:
    @njit
    def loop(a, b, calls):
        total = 0.0
        for _ in range(calls):
            a += 1e-9
            if gradient:
                value, (a_bar, b_bar) = function(a, b)
                total += value + a_bar + b_bar
            else:
                total += function(a, b)
        return total

    return loop


CASES = (
    ("Rosenbrock", "n=10", 10, rosenbrock.loss, rosenbrock.by_hand, (0,), vectors, rosenbrock.arguments(10)),
    ("sin(a) b + a b²", "two numbers", 2, swirl, swirl_by_hand, (0, 1), numbers, (0.3, 0.7)),
)


def measure(rounds: int, block_s: float) -> list[dict]:
    """Seconds a call, round by round, of each system: {"problem", "size", "parameters", "inside", "seconds": {system: [...]}}."""
    found = []
    for title, size, parameters, loss, by_hand, argnums, loop, arguments in CASES:
        functions = {"plain": njit(loss), "by_hand": by_hand, "ours": value_and_grad(loss, argnums=argnums)}
        about = {"problem": title, "size": size, "parameters": parameters}
        outside = {system: partial(function, *arguments) for system, function in functions.items()}
        copies = [np.array(argument) if np.ndim(argument) else argument for argument in arguments]
        inside = {system: partial(loop(f, system != "plain"), *copies, INSIDE) for system, f in functions.items()}
        for within, calls, share in ((False, outside, 1), (True, inside, INSIDE)):
            found.append({**about, "inside": within, "seconds": _seconds(calls, share, rounds, block_s)})
    return found


def _seconds(calls: dict[str, Callable], share: int, rounds: int, block_s: float) -> dict[str, list[float]]:
    timers = [Timer(call) for call in calls.values()]
    counts = []
    for timer in timers:
        timer.timeit(1)
        counts.append(max(1, round(block_s / timer.timeit(3) * 3)))
    clocks = [lambda k=k: timers[k].timeit(counts[k]) / counts[k] / share for k in range(len(timers))]
    return {system: list(times) for system, times in zip(calls, interleaved(clocks, rounds).T, strict=True)}
