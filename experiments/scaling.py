"""Does the time of a gradient grow in proportion to the function's, and was its constant known before it ran?

Six programs, each grown in the number of alike things that it goes through (points, paths, rows, steps, sweeps), from
microseconds on: together over five decades. `toolkit.cost` says beforehand what the function and its gradient do; what a machine
takes for a unit of each kind of work is measured on other programs (`kernels.py`), never on these. So each constant, gradient
over forward pass, stands beside the classical bound (Griewank & Walther 2008, ch. 4: at most 4 to 5, in operations) and beside
what was foretold.

Where the memory is what is waited for (Rosenbrock's function reads its x once, and its gradient writes as much again), the ratio
follows the caches that the arrays have left, of which neither the theorem nor the rates speak. The six were chosen, of the 25 of
`peers`, and the ways in which they grow, so that this is not what is measured; the largest leave the second cache even so.

Times are the processor's, of one thread, the least of interleaved rounds: noise only ever adds.
"""

import functools
import math
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from timeit import Timer

import numpy as np
import threadpoolctl
from matplotlib.ticker import EngFormatter, FuncFormatter, NullLocator
from numba import njit
from rich.table import Table
from scipy import optimize, stats

from experiments import kernels, problems
from experiments.measure import duration, interleaved, read_csv, write_csv
from experiments.pictures import GREY, figure
from toolkit import cost, value_and_grad

SIZES = {
    "gmm_loops": [{"n": n, "d": 10, "k": 5} for n in (10, 100, 1_000, 10_000, 100_000, 1_000_000)],
    "heston": [{"paths": paths, "steps": 50} for paths in (10, 100, 1_000, 10_000, 100_000)],
    "logistic": [{"rows": rows} for rows in (160, 1_600, 16_000, 160_000)],
    "lstm": [{"steps": steps, "width": 16} for steps in (10, 100, 1_000, 10_000)],
    "gauss_seidel": [{"n": 40, "sweeps": sweeps} for sweeps in (1, 10, 100, 1_000, 10_000)],
    "oscillators": [{"n": 30, "steps": steps} for steps in (10, 100, 1_000, 10_000)],
}
SCALES = {
    "quick": {
        "kernels": kernels.LOOPS, "programs": ("heston", "gauss_seidel"), "sizes": 4, "rounds": 5, "case_s": 0.1,
    },
    "default": {"kernels": kernels.ALL, "programs": tuple(SIZES), "sizes": 6, "rounds": 15, "case_s": 1.0},
    "full": {"kernels": kernels.ALL, "programs": tuple(SIZES), "sizes": 6, "rounds": 51, "case_s": 10.0},
}
BLOCK_S = 1e-3
KERNEL_ROUNDS = 15
CALLS = ("calls", "returned", "made", "kept", "products", "loops", "iterations", "branches")  # rates besides those of flops
KINDS = ("lanes", "chain", "scalar", "array", "strided", "library", "elementary", "product", "bytes", *CALLS)


@dataclass(frozen=True)
class Case:
    """A program at one size: seconds that were measured and foretold, and what was counted beforehand."""

    program: str
    size: str
    parameters: int
    forward_s: float
    gradient_s: float
    foretold_forward_s: float
    foretold_gradient_s: float
    forward_flops: float
    gradient_flops: float
    gradient_bytes: float
    tape_bytes: float
    assumed: str
    rounds: int


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Case]:
    """Calibrate, foretell, and only then measure; write `folder/scaling.csv`, and draw `folder/scaling.png` from it."""
    settings = SCALES[scale]
    work = [(name, size) for name in settings["programs"] for size in SIZES[name][: settings["sizes"]]]
    with threadpoolctl.threadpool_limits(1):  # BLAS's
        rates = calibrated(settings["kernels"])
        rows = [case(name, size, rates, settings) for name, size in track(work)]
    notes = {
        "question": __doc__.splitlines()[0],
        "scale": scale,
        "times": "processor seconds a call from Python, one thread, the least of interleaved rounds",
        "rates": "; ".join(f"{kind} {1e9 * rate:.3g} ns" for kind, rate in rates.items() if rate),
    }
    write_csv(folder / "scaling.csv", rows, notes)
    rows = read_csv(folder / "scaling.csv", Case)
    draw(rows, folder / "scaling.png")
    return rows


# --- before: rates, and what they foretell ----------------------------------------------------------------------------


@functools.cache
def compiled(function: Callable, argnums: tuple[int, ...]) -> tuple[Callable, Callable]:
    """The function as Numba compiles it, and its value with the gradient."""
    return njit(function), value_and_grad(function, argnums=argnums)


def amounts(told) -> np.ndarray:
    """What a cost holds of each kind."""
    return np.array([told.bytes if kind == "bytes" else told.amounts.get(kind, 0) for kind in KINDS], float)


def calibrated(functions: tuple[Callable, ...]) -> dict[str, float]:
    """Seconds for a unit of each kind of work: non-negative, and such that the kernels' times come out best (least squares of
    relative errors; Lawson & Hanson 1974)."""
    lines = []
    for function in functions:
        forward, gradient = compiled(function, (0, 1))
        for n in kernels.SIZES:
            arguments = kernels.arguments(n)
            _, seconds = least([forward, gradient], arguments, KERNEL_ROUNDS, 1.0)
            lines += [amounts(cost(f, *arguments)) / s for f, s in zip((function, gradient), seconds, strict=True)]
    rates, _ = optimize.nnls(np.array(lines), np.ones(len(lines)))
    return dict(zip(KINDS, rates.tolist(), strict=True))


def given(problem, size: dict) -> tuple:
    """The arguments of a size; `sweeps` is the last of them."""
    arguments = problem.arguments(**{key: n for key, n in size.items() if key != "sweeps"})
    return (*arguments[:-1], size["sweeps"]) if "sweeps" in size else arguments


def case(name: str, size: dict, rates: dict[str, float], settings: dict) -> Case:
    problem = problems.load(name)
    arguments = given(problem, size)
    forward, gradient = compiled(problem.loss, problem.ARGNUMS)
    told = cost(problem.loss, *arguments), cost(gradient, *arguments)
    foretold = [float(amounts(one) @ np.array(list(rates.values()))) for one in told]
    if size == SIZES[name][0]:
        check(problem, arguments)
    rounds, seconds = least([forward, gradient], arguments, settings["rounds"], settings["case_s"])
    return Case(
        problem.TITLE, problems.describe(size), sum(np.size(arguments[i]) for i in problem.ARGNUMS), *seconds, *foretold,
        *(one.flops for one in told), told[1].bytes, told[1].tape, "; ".join(told[1].assumed), rounds,
    )  # fmt: skip


def check(problem, arguments: tuple) -> None:
    """A fast wrong answer is no answer: it must be that of the adjoint written by hand."""
    found, expected = compiled(problem.loss, problem.ARGNUMS)[1](*arguments), problem.by_hand(*arguments)
    pairs = zip((found[0], *found[1]), (expected[0], *expected[1]), strict=True)
    if not all(problems.relative_error(*pair) < 1e-9 for pair in pairs):
        raise ArithmeticError(f"the gradient of {problem.TITLE} is not that of the adjoint written by hand")


# --- then: the clock --------------------------------------------------------------------------------------------------


def least(calls: list[Callable], arguments: tuple, rounds: int, case_s: float) -> tuple[int, list[float]]:
    """How many rounds there were (three or more, in about `case_s` seconds), and the least seconds of each call."""
    timers = [Timer(functools.partial(call, *arguments), timer=time.thread_time) for call in calls]
    for timer in timers:
        timer.timeit(1)  # compiled, and caches and memory pages warm from here on
    once = [timer.timeit(1) for timer in timers]
    counts = [max(1, round(BLOCK_S / max(seconds, 1e-7))) for seconds in once]
    rounds = max(3, min(rounds, int(case_s / max(sum(once), 2 * BLOCK_S))))
    clocks = [lambda t=timer, n=n: t.timeit(n) / n for timer, n in zip(timers, counts, strict=True)]
    return rounds, interleaved(clocks, rounds).min(axis=0).tolist()


# --- what it proves ---------------------------------------------------------------------------------------------------


def by_program(rows: list[Case]) -> dict[str, list[Case]]:
    return {name: [row for row in rows if row.program == name] for name in dict.fromkeys(row.program for row in rows)}


def slope(groups: list[list[Case]]) -> tuple[float, float]:
    """The slope of log gradient over log forward pass that groups of cases have in common, and half its 95 % interval.

    An analysis of covariance: log gradient = a_program + slope * log forward. Each program has an intercept of its own, its
    constant, because constants differ; with one for all, a program that is dearer than the others and was run at greater sizes
    would tilt the line though its own cost grows in proportion. So each group is compared with itself alone: the slope is that of
    the deviations from the group's means, with n - groups - 1 degrees of freedom. Of one group it is the usual regression.
    """
    x, y = (np.concatenate([logs - logs.mean() for logs in (np.log([getattr(c, what) for c in g]) for g in groups)])
            for what in ("forward_s", "gradient_s"))  # fmt: skip
    found = float(x @ y / (x @ x))
    freedom = x.size - len(groups) - 1
    error = math.sqrt(float(np.sum((y - found * x) ** 2)) / freedom / float(x @ x))
    return found, float(stats.t.ppf(0.975, freedom)) * error


def mean(ratios) -> float:
    """The geometric mean."""
    return float(np.exp(np.mean(np.log(list(ratios)))))


def constants(group: list[Case]) -> tuple[float, float, float]:
    """Gradient over forward pass of one program, over its sizes: measured, foretold, and in flops."""
    return (
        mean(c.gradient_s / c.forward_s for c in group),
        mean(c.foretold_gradient_s / c.foretold_forward_s for c in group),
        mean(c.gradient_flops / c.forward_flops for c in group),
    )


def tables(rows: list[Case]) -> Iterator[Table]:
    """The rows as they are printed."""
    table = Table(title="scaling: a gradient by the time of the function; what toolkit.cost foretold", title_justify="left")
    table.add_column("program")
    table.add_column("size", no_wrap=True)
    for heading in ("forward pass", "gradient", "passes", "foretold", "in flops", "tape"):
        table.add_column(heading, justify="right")
    in_bytes = EngFormatter("B", places=1)
    for name, group in by_program(rows).items():
        for k, c in enumerate(group):
            table.add_row(
                "" if k else name, c.size, duration(c.forward_s), duration(c.gradient_s), f"{c.gradient_s / c.forward_s:.2f}",
                f"{c.foretold_gradient_s / c.foretold_forward_s:.2f}", f"{c.gradient_flops / c.forward_flops:.2f}",
                in_bytes(c.tape_bytes),
            )  # fmt: skip
        (found, margin), (measured, foretold, flops) = slope([group]), constants(group)
        table.add_row(
            "", f"slope {found:.3f} ± {margin:.3f}", "", "", f"{measured:.2f}", f"{foretold:.2f}", f"{flops:.2f}", "",
            style="bold", end_section=True,
        )  # fmt: skip
    yield table


def finding(rows: list[Case]) -> str:
    """The sentence that the measurements prove, in numbers taken from them."""
    groups = list(by_program(rows).values())
    (found, margin), found_each = slope(groups), [slope([group])[0] for group in groups]
    measured, foretold, flops = zip(*map(constants, groups), strict=True)
    forward = [row.forward_s for row in rows]
    off = mean(f / m for f, m in zip(foretold, measured, strict=True))
    return (
        f"Over {np.log10(max(forward) / min(forward)):.1f} decades and {len(groups)} programs, gradient ∝ forward^"
        f"({found:.3f} ± {margin:.3f}), an intercept each; one by one the slopes are {min(found_each):.3f} to "
        f"{max(found_each):.3f}. The constants are {min(measured):.1f} to {max(measured):.1f} forward passes "
        f"({min(flops):.1f} to {max(flops):.1f} in flops; classical bound: 4 to 5), geometric mean {mean(measured):.2f}; "
        f"toolkit.cost foretold {mean(foretold):.2f}, {abs(off - 1):.0%} {'more' if off > 1 else 'less'}, and for each program "
        f"{min(f / m for f, m in zip(foretold, measured)):.2f} to {max(f / m for f, m in zip(foretold, measured)):.2f} of what "
        "was measured."
    )


# --- the picture ------------------------------------------------------------------------------------------------------

MARKERS = "osD^vP"


def draw(rows: list[Case], path: Path) -> None:
    with figure(path, 1, 2, (14, 8.4), width_ratios=(1.15, 1)) as (made, (left, right)):
        made.get_layout_engine().set(rect=(0.01, 0.17, 0.98, 0.82), wspace=0.05)
        left.set(xscale="log", yscale="log", xlabel="time of the forward pass", ylabel="time of the gradient")
        left.set_title("Time of a gradient, as programs grow")
        ratios = [(c.gradient_s / c.forward_s, c.foretold_gradient_s / c.foretold_forward_s) for c in rows]
        bottom = min(0.9, 0.75 * np.min(ratios))  # below all lines is room for what the dashes mean
        right.set(xscale="log", yscale="log", xlabel="time of the forward pass", yticks=(0.5, 1, 2, 3, 4, 5), ylim=(bottom, 7.0))
        right.set_title("The same in forward passes")
        right.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
        right.yaxis.set_minor_locator(NullLocator())
        for axis in (left.xaxis, left.yaxis, right.xaxis):
            axis.set_major_formatter(EngFormatter("s"))
        ends = np.array([min(r.forward_s for r in rows), max(r.forward_s for r in rows)])
        for times in (1, 5):
            left.plot(ends, times * ends, ":", color=GREY, linewidth=1.8)
        left.set_ylim(top=60 * ends[1])  # room for the legend
        right.fill_between(ends, 4, 5, color=GREY, alpha=0.18, linewidth=0)
        for (name, group), marker in zip(by_program(rows).items(), MARKERS, strict=False):
            found, margin = slope([group])
            forward = [c.forward_s for c in group]
            label = f"{name}: {found:.3f} ± {margin:.3f}"
            (line,) = left.plot(forward, [c.gradient_s for c in group], marker=marker, alpha=0.85, label=label)
            right.plot(forward, [c.gradient_s / c.forward_s for c in group], marker=marker, color=line.get_color())
            foretold = [c.foretold_gradient_s / c.foretold_forward_s for c in group]
            right.plot(forward, foretold, "--", color=line.get_color(), linewidth=1.5)
        (found, margin), everything = slope(list(by_program(rows).values())), "all, an intercept each"
        left.plot([], [], " ", label=f"{everything}: {found:.3f} ± {margin:.3f}")
        left.legend(loc="upper left", title="slope of the logarithms, 95 %", alignment="left", fontsize=13, title_fontsize=13)
        say = functools.partial(left.annotate, textcoords="offset points", color=GREY, fontsize=13)
        middle = math.sqrt(ends[0] * ends[1])
        say("5 forward passes", (middle, 5 * middle), (-12, 6), ha="right")
        say("1 forward pass", (middle, middle), (44, -24), va="top")
        say = functools.partial(right.annotate, textcoords="offset points", color=GREY, fontsize=13, ha="right")
        say("classical bound, in operations: 4 to 5", (ends[1], 5.0), (0, 7))
        say("dashed: what toolkit.cost foretold", (ends[1], bottom), (0, 9))
        made.text(0.02, 0.15, textwrap.fill(finding(rows), 127), va="top", fontsize=14.5, linespacing=1.45)
