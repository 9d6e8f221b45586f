"""What does a derivative cost, counted in runs of the function itself?

Theory (Griewank & Walther 2008, chapters 3 and 4): one jvp costs at most 2.5 forward passes, and one gradient in
reverse mode at most 4 to 5, *whatever the number of parameters*; forward mode and differences pay for each parameter.
Here both claims meet a clock: on perceptrons of growing width, batch and depth, on a mixture density in scalar loops,
and on a function so small that only the call itself is left to pay for. Six programs more, over five decades of size, and
what `toolkit.cost` said of them beforehand: `scaling.py`.
"""

import functools
import math
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from matplotlib.ticker import EngFormatter
from numba import njit
from rich.table import Table
from scipy import stats

from experiments import scaling
from experiments.measure import Contender, Problem, Row, duration, first_call, measure, read_csv, write_csv
from experiments.mixture import mixture
from experiments.perceptron import deep, shallow
from experiments.pictures import COTANGENT, GREY, PINK, TANGENT, figure, move
from toolkit import grad, jvp, vjp

MAKES = ("cost.png", "cost.gif", "cost.csv", "scaling.png", "scaling.csv")
COLUMNS = 32  # parameters that forward mode and differences are timed on; the rest of the gradient is extrapolated
STEP = 1e-5  # of the central differences
FORWARD, JVP, VJP = "forward pass", "one jvp", "one vjp"
REVERSE, COLUMNWISE, DIFFERENCES = "gradient, reverse", "gradient, forward", "gradient, differences"
SCALES = {
    "quick": {
        "rounds": 3,
        "block_s": 1e-3,
        "widths": (1, 16, 256),
        "grid": ((16, 256), (16, 64), (1, 3)),
        "points": 200,
    },
    "default": {
        "rounds": 9,
        "block_s": 5e-3,
        "widths": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
        "grid": ((16, 128, 1024), (16, 64, 256), (1, 3, 9)),
        "points": 1797,
    },
    "full": {
        "rounds": 31,
        "block_s": 20e-3,
        "widths": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096),
        "grid": ((8, 32, 128, 512, 1797), (8, 16, 32, 64, 128, 256), (1, 2, 4, 8, 16)),
        "points": 1797,
    },
}


def rosenbrock(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def studies(scale: str) -> list[tuple[str, Problem, tuple[str, ...]]]:
    """Everything that is measured: (study, problem, contenders)."""
    batches, widths, depths = SCALES[scale]["grid"]
    everything = (FORWARD, JVP, VJP, REVERSE, COLUMNWISE, DIFFERENCES)
    modes = (FORWARD, JVP, VJP, REVERSE)
    ten = Problem("Rosenbrock", rosenbrock, (np.linspace(-1.0, 1.0, 10),), (0,), {})
    return [
        *(("parameters", shallow(256, width), everything) for width in SCALES[scale]["widths"]),
        *(("size", deep(b, w, d), (FORWARD, JVP, REVERSE)) for b in batches for w in widths for d in depths),
        ("loops", mixture(SCALES[scale]["points"]), modes),
        ("call", ten, modes),
    ]


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row | scaling.Case]:
    """Measure all studies, write `folder/cost.csv`, and draw `folder/cost.png` from it; the same of `scaling`."""
    data, rows = folder / "cost.csv", []
    settings = {name: SCALES[scale][name] for name in ("rounds", "block_s")}
    for study, problem, names in track(studies(scale)):
        competitors = contenders(problem, names)
        check(problem)
        rows += measure(study, problem, competitors, **settings)
    notes = {
        "question": __doc__.splitlines()[0],
        "scale": scale,
        "times": "seconds a call from Python, median and quartiles of interleaved rounds; compile_s is the first call",
        "passes": "the same in forward passes, as ratios within a round",
        "measured_share": f"below 1: {COLUMNS} parameters are timed and the rest of the gradient is extrapolated",
    }
    write_csv(data, rows, notes)
    rows = read_csv(data)
    draw(rows, folder / "cost.png")
    animate(rows, folder / "cost.gif")
    return rows + scaling.run(folder, scale, track)


# --- contenders -------------------------------------------------------------------------------------------------------


@functools.cache
def derivatives(function: Callable, argnums: tuple[int, ...]) -> dict[str, Callable]:
    """The compiled functions of a problem; one set serves all its sizes."""
    return {
        FORWARD: njit(function),
        JVP: jvp(function, argnums=argnums),
        VJP: vjp(function, argnums=argnums),
        REVERSE: grad(function, argnums=argnums),
    }


@functools.cache
def compile_seconds(function: Callable, name: str) -> list[float]:
    """Filled by the first call of a derivative, which compiles it."""
    return []


def check(problem: Problem) -> None:
    """A fast wrong answer is no answer: along a random unit direction both modes must agree, and with differences."""
    functions = derivatives(problem.function, problem.argnums)
    rng = np.random.default_rng(1)
    direction = [rng.standard_normal(problem.arguments[i].shape) for i in problem.argnums]
    length = np.sqrt(sum(np.vdot(d, d) for d in direction))
    direction = tuple(d / length for d in direction)
    gradient = functions[REVERSE](*problem.arguments)
    out, out_dot = functions[JVP](problem.arguments, direction)
    reverse = sum(np.vdot(g, d) for g, d in zip(gradient, direction, strict=True))
    up, down = (functions[FORWARD](*_moved(problem, direction, step)) for step in (STEP, -STEP))
    difference = (up - down) / (2 * STEP)
    norm = np.sqrt(sum(np.vdot(g, g) for g in gradient))
    rounding = 10 * np.finfo(float).eps * abs(out) / STEP
    close = abs(difference - reverse) <= 1e-5 * norm / np.sqrt(problem.parameters) + rounding
    if not (close and abs(out_dot - reverse) <= 1e-11 * norm):
        found = f"reverse {reverse:.12g}, forward {out_dot:.12g}, differences {difference:.9g}"
        raise ArithmeticError(f"the derivatives of {problem.name} {problem.sizes} disagree: {found}")


def _moved(problem: Problem, direction: tuple, step: float) -> list:
    """The arguments, with the parameters `step` further along `direction`."""
    arguments = list(problem.arguments)
    for i, d in zip(problem.argnums, direction, strict=True):
        arguments[i] = arguments[i] + step * d
    return arguments


def contenders(problem: Problem, names: tuple[str, ...]) -> list[Contender]:
    functions = derivatives(problem.function, problem.argnums)
    arguments, forward, push = problem.arguments, functions[FORWARD], functions[JVP]
    tangents = tuple(np.zeros_like(arguments[i]) for i in problem.argnums)
    parameters = tuple(arguments[i].copy() for i in problem.argnums)
    shifted = list(arguments)
    for i, parameter in zip(problem.argnums, parameters, strict=True):
        shifted[i] = parameter
    direction = tuple(np.ones_like(t) for t in tangents)
    columns = _columns(problem)

    def columnwise():
        """A unit tangent a parameter."""
        for k, index in columns:
            tangents[k].flat[index] = 1.0
            push(arguments, tangents)
            tangents[k].flat[index] = 0.0

    def differences():
        """(f(x + h eᵢ) − f(x − h eᵢ)) / 2h."""
        for k, index in columns:
            array = parameters[k]
            here = array.flat[index]
            array.flat[index] = here + STEP
            up = forward(*shifted)
            array.flat[index] = here - STEP
            down = forward(*shifted)
            array.flat[index] = here
            (up - down) / (2 * STEP)

    calls = {
        FORWARD: functools.partial(forward, *arguments),
        JVP: functools.partial(push, arguments, direction),
        VJP: functools.partial(functions[VJP], arguments, 1.0),
        REVERSE: functools.partial(functions[REVERSE], *arguments),
        COLUMNWISE: columnwise,
        DIFFERENCES: differences,
    }
    share = len(columns) / problem.parameters
    shares = {COLUMNWISE: share, DIFFERENCES: share}
    result = []
    for name in names:
        seconds = compile_seconds(problem.function, name)
        if not seconds:
            seconds.append(first_call(calls[name]) if name in functions else 0.0)
        result.append(Contender(name, calls[name], shares.get(name, 1.0), seconds[0]))
    return result


def _columns(problem: Problem) -> list[tuple[int, int]]:
    """Up to COLUMNS parameters, evenly spread: (which parameter array, flat index in it)."""
    sizes = [problem.arguments[i].size for i in problem.argnums]
    starts = np.cumsum([0, *sizes])
    chosen = np.unique(np.linspace(0, starts[-1] - 1, min(COLUMNS, starts[-1])).astype(int))
    arrays = np.searchsorted(starts, chosen, side="right") - 1
    return [(int(k), int(index - starts[k])) for k, index in zip(arrays, chosen, strict=True)]


# --- what it proves ---------------------------------------------------------------------------------------------------


def apart(rows: list[Row | scaling.Case]) -> tuple[list[Row], list[scaling.Case]]:
    """The rows of these studies, and those of `scaling`."""
    return [r for r in rows if isinstance(r, Row)], [r for r in rows if isinstance(r, scaling.Case)]


def tables(rows: list[Row | scaling.Case]) -> Iterator[Table | str]:
    """The rows as they are printed, a table a study."""
    rows, cases = apart(rows)
    for study in dict.fromkeys(row.study for row in rows):
        chosen = [row for row in rows if row.study == study]
        table = Table(title=f"{study}: {', '.join(dict.fromkeys(row.problem for row in chosen))}", title_justify="left")
        for heading in ("batch", "width", "depth", "parameters"):
            table.add_column(heading, justify="right")
        table.add_column("contender")
        for heading in ("compile", "time", "quartiles", "forward passes"):
            table.add_column(heading, justify="right")
        before = None
        for row in chosen:
            sizes = (row.batch, row.width, row.depth, row.parameters)
            if before not in (None, sizes):
                table.add_section()
            table.add_row(
                *("" if sizes == before or not size else f"{size:,}" for size in sizes),
                row.contender + (" *" if row.measured_share < 1 else ""),
                f"{row.compile_s:.1f} s" if row.compile_s else "",
                duration(row.median_s),
                f"{duration(row.q25_s)} – {duration(row.q75_s)}",
                f"{row.passes:,.2f}",
            )
            before = sizes
        yield table
        if any(row.measured_share < 1 for row in chosen):
            yield "* extrapolated to all parameters from those measured: see measured_share in the data"
    yield from scaling.tables(cases)


def fit(x: list[float], y: list[float]) -> tuple[float, float, float, float]:
    """Slope of log y over log x, half its 95 % confidence interval, the intercept, and R²."""
    line = stats.linregress(np.log10(x), np.log10(y))
    half = stats.t.ppf(0.975, len(x) - 2) * line.stderr
    return line.slope, half, line.intercept, line.rvalue**2


def finding(rows: list[Row | scaling.Case]) -> str:
    """The sentences that the measurements prove, in numbers taken from them."""
    rows, cases = apart(rows)
    reverse = [r for r in rows if r.study == "parameters" and r.contender == REVERSE]
    drift, drift_margin, _, _ = fit([r.parameters for r in reverse], [r.passes for r in reverse])
    passes = [r.passes for r in reverse]
    columnwise = next(r for r in rows if r.contender == COLUMNWISE and r.parameters == reverse[-1].parameters)
    forward, gradient = _paired(rows)
    slope, margin, _, r2 = fit(forward, gradient)
    loops, small = (next(r for r in rows if r.study == study and r.contender == REVERSE) for study in ("loops", "call"))
    alone = next(r for r in rows if r.study == "call" and r.contender == FORWARD)
    growth = "in proportion to" if abs(slope - 1) <= margin else "more slowly than" if slope < 1 else "faster than"
    return (
        f"From {reverse[0].parameters:,} to {reverse[-1].parameters:,} parameters, a gradient in reverse mode costs "
        f"{min(passes):.1f} to {max(passes):.1f} forward passes ({'within' if max(passes) <= 5 else 'beyond'} the "
        f"classical bound of 5; cost ∝ parameters^({drift:.2f} ± {drift_margin:.2f})), where forward mode would need "
        f"{columnwise.passes:,.0f}. Over {np.log10(max(forward) / min(forward)):.1f} decades of forward-pass time its "
        f"time grows {growth} the function's: gradient ∝ forward^({slope:.3f} ± {margin:.3f}), R² = {r2:.4f}, "
        f"{np.median(np.divide(gradient, forward)):.1f} forward passes in the median. In scalar loops (a Gaussian "
        f"mixture) it costs {loops.passes:.1f}; of ten variables, called from Python, {1e6 * small.median_s:.1f} µs, "
        f"where the function alone takes {1e6 * alone.median_s:.1f}." + ("\n\n" + scaling.finding(cases) if cases else "")
    )


def _paired(rows: list[Row]) -> tuple[list[float], list[float]]:
    """Forward-pass and gradient seconds, problem by problem, of the study of sizes."""
    seconds = {(r.study, r.batch, r.width, r.depth, r.contender): r.median_s for r in rows}
    keys = [key for key in seconds if key[0] == "size" and key[-1] == FORWARD]
    return [seconds[key] for key in keys], [seconds[(*key[:-1], REVERSE)] for key in keys]


# --- the picture ------------------------------------------------------------------------------------------------------

def draw(rows: list[Row], path: Path) -> None:
    with figure(path, 1, 2) as (made, (left, right)):
        made.get_layout_engine().set(rect=(0.01, 0.22, 0.98, 0.77), wspace=0.06)
        _draw_parameters(left, [r for r in rows if r.study == "parameters"])
        _draw_times(right, rows)
        made.text(0.02, 0.2, textwrap.fill(finding(rows), 127), va="top", fontsize=14.5, linespacing=1.45)


def animate(rows: list[Row], path: Path) -> None:
    """The left panel, as the perceptron is widened."""
    rows = [r for r in rows if r.study == "parameters"]
    grown = sorted({r.parameters for r in rows})
    with figure(path.with_suffix(".tmp.png"), 1, 1, (8.5, 7)) as (made, axes):

        def update(k: int) -> None:
            axes.clear()
            _draw_parameters(axes, rows, upto=grown[k])

        move(made, update, len(grown), path, per_second=1.5)
    path.with_suffix(".tmp.png").unlink()


def _draw_parameters(axes, rows: list[Row], upto: float = math.inf) -> None:
    """All that is measured up to so many parameters; the frame is that of all rows."""
    axes.set(xscale="log", yscale="log", xlabel="number of parameters", ylabel="cost, in forward passes")
    axes.set_title("Cost by number of parameters")
    n = np.array(sorted({r.parameters for r in rows}))
    axes.fill_between(n, 4, 5, color=COTANGENT, alpha=0.2, linewidth=0)
    axes.plot(n, 2.5 * n, ":", color=GREY, linewidth=1.8, zorder=3)
    axes.plot(n, np.full(n.size, 2.5), ":", color=GREY, linewidth=1.8, zorder=3)
    for name, colour, marker in (
        (DIFFERENCES, PINK, "^"),
        (COLUMNWISE, TANGENT, "s"),
        (JVP, TANGENT, "D"),
        (REVERSE, COTANGENT, "o"),
    ):
        chosen = [r for r in rows if r.contender == name and r.parameters <= upto]
        middle = np.array([r.passes for r in chosen])
        spread = np.abs(np.array([[r.passes_q25 for r in chosen], [r.passes_q75 for r in chosen]]) - middle)
        axes.errorbar([r.parameters for r in chosen], middle, spread, color=colour, marker=marker, markersize=7)
    axes.set_ylim(0.15, 8 * n[-1])
    say = functools.partial(axes.annotate, textcoords="offset points", fontsize=14.5)
    middle, last = n[n.size // 2], n[-1]
    say("bound: 2.5 per parameter", (middle, 2.5 * middle), (-14, 10), ha="right", color=GREY, fontsize=13)
    say("■ forward mode, all parameters", (last, 400), (0, 0), ha="right", color=TANGENT)
    say("▲ central differences", (last, 400), (0, -22), ha="right", color=PINK)
    say(f"both timed on {COLUMNS}, and extrapolated", (last, 400), (0, -43), ha="right", color=GREY, fontsize=13)
    say("bounds: 4 to 5 reverse, 2.5 one jvp", (n[0], 5), (0, 7), color=GREY, fontsize=13)
    say("● gradient, reverse mode", (n[0], 0.2), (0, 4), color=COTANGENT)
    say("◆ one jvp", (last, 0.2), (0, 4), ha="right", color=TANGENT)


def _draw_times(axes, rows: list[Row]) -> None:
    forward, gradient = _paired(rows)
    slope, margin, intercept, r2 = fit(forward, gradient)
    axes.set(xscale="log", yscale="log", xlabel="time of the forward pass", ylabel="time of the gradient")
    axes.set_title("Time of a gradient by time of the function")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(EngFormatter("s"))
    chosen = [r for r in rows if r.study == "size"]
    spread = {name: [r for r in chosen if r.contender == name] for name in (FORWARD, REVERSE)}
    bars = [
        np.abs(np.array([[r.q25_s for r in kept], [r.q75_s for r in kept]]) - [r.median_s for r in kept])
        for kept in (spread[REVERSE], spread[FORWARD])
    ]
    axes.errorbar(forward, gradient, *bars, fmt="o", color=COTANGENT, alpha=0.75)
    ends = np.array([min(forward), max(forward)])
    axes.plot(ends, 10**intercept * ends**slope, color=COTANGENT, linewidth=1.6)
    for times in (1, 5):
        axes.plot(ends, times * ends, ":", color=GREY, linewidth=1.8)
    say = functools.partial(axes.annotate, textcoords="offset points")
    middle = np.sqrt(ends[0] * ends[1])
    say("5 forward passes", (middle, 5 * middle), (-12, 8), ha="right", color=GREY, fontsize=13)
    say("1 forward pass", (middle, middle), (36, -18), va="top", color=GREY, fontsize=13)
    axes.text(
        0.03, 0.95, f"slope {slope:.3f} ± {margin:.3f} (95 %)\nR² = {r2:.4f}", transform=axes.transAxes, va="top",
        color=COTANGENT, fontsize=16,
    )  # fmt: skip
    sizes = {name: [getattr(r, name) for r in chosen] for name in ("batch", "width", "depth")}
    about = [f"{len(forward)} perceptrons on digits:", *(f"{k} {min(v):,}–{max(v):,}" for k, v in sizes.items())]
    axes.text(
        0.98, 0.03, "\n".join(about), transform=axes.transAxes, ha="right", va="bottom", fontsize=13, color=GREY,
    )  # fmt: skip
