"""What the rows of `experiments peers` prove: a sentence, the bars, the tables, the picture. It reads data, and times nothing."""

import math
import statistics
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import EngFormatter, FuncFormatter
from rich.table import Table

from experiments.measure import duration
from experiments.pictures import BLACK, COTANGENT, GREY, OLIVE, ORANGE, PINK, SKY, TANGENT, figure

NAMES = {
    "plain": "forward pass",
    "by_hand": "by hand",
    "ours": "dualtape",
    "jvp": "one jvp",
    "jax": "JAX",
    "torch": "PyTorch",
    "autograd": "autograd",
    "dace": "DaCe",
}
PEERS = ("jax", "torch", "autograd", "dace")
GRADIENTS = "gradient"
COLD, CACHED = "first derivative, cold", "first derivative, from the disk cache"
OUTSIDE, INSIDE = "a call from Python", "a call inside @njit"


@dataclass(frozen=True)
class Row:
    """One line of the data: a system on a problem of one size. `note` says why there are no times.

    `*_s` are seconds; `passes*`, `by_hand*` and `ours*` are the time over that of the forward pass, of the gradient written by
    hand, and of the toolkit's, within a round.
    """

    study: str
    problem: str
    size: str
    parameters: int
    system: str
    note: str = ""
    first_s: float = math.nan
    median_s: float = math.nan
    q25_s: float = math.nan
    q75_s: float = math.nan
    passes: float = math.nan
    passes_q25: float = math.nan
    passes_q75: float = math.nan
    by_hand: float = math.nan
    by_hand_q25: float = math.nan
    by_hand_q75: float = math.nan
    ours: float = math.nan
    ours_q25: float = math.nan
    ours_q75: float = math.nan
    import_s: float = math.nan
    peak_bytes: int = 0
    held_bytes: float = math.nan
    rounds: int = 0


def _ratios(rows: Iterable[Row], system: str, against: str) -> dict[Row, float]:
    """A system's time in every case that it has, against "passes", "by_hand" or "ours"."""
    found = {row: getattr(row, against) for row in rows if row.study == GRADIENTS and row.system == system}
    return {row: ratio for row, ratio in found.items() if not math.isnan(ratio)}


def mean(rows: Iterable[Row], system: str, against: str) -> float:
    """The geometric mean over problems and sizes."""
    ratios = _ratios(rows, system, against).values()
    return statistics.geometric_mean(ratios) if ratios else math.nan


@dataclass(frozen=True)
class Bar:
    """What a run must reach: the figure, what was measured, and in how many of how many cases it is met."""

    what: str
    bar: str
    measured: str
    met: int
    of: int


def bars(rows: list[Row]) -> list[Bar]:
    """The bars, held against the rows; one that nothing was measured for is left out."""
    found = [
        *_at_most("gradient / by hand", _ratios(rows, "ours", "by_hand"), 1.25, 1.0),
        *_at_most("gradient / forward pass", _ratios(rows, "ours", "passes"), 3.0, 2.0),
        *_at_most(
            "gradient / forward pass, where exp, log and tanh dominate",
            {row: ratio for row, ratio in _ratios(rows, "ours", "passes").items() if row.problem in ELEMENTARY}, 1.5,
        ),
        *_at_most("jvp / forward pass", _ratios(rows, "jvp", "passes"), 2.0, 1.4),
        *_at_least("fastest peer / gradient", _fastest_peers(rows), 1.0),
        *(_bar(f"{NAMES[peer]} / gradient, geometric mean", mean(rows, peer, "ours"), least) for peer, least in MEANS.items()),
        *_tiny_bars(rows),
        *_at_most("bytes held / by hand", _held(rows), 1.1),
        *_start_bars(rows),
    ]  # fmt: skip
    return [bar for bar in found if bar.of]


ELEMENTARY = ("logsumexp", "logistic regression", "LSTM")
MEANS = {"jax": 5.0, "torch": 20.0, "dace": 2.0}
PAGE = 4096  # bytes: what is held is compared to a page


def _at_most(what: str, ratios: dict[Row, float], bar: float, of_mean: float | None = None) -> Iterator[Bar]:
    if not ratios:
        return
    worst = max(ratios, key=ratios.get)
    met = sum(ratio <= bar for ratio in ratios.values())
    yield Bar(what, f"≤ {bar:g}", f"{_number(ratios[worst])} at worst, {worst.problem} ({worst.size})", met, len(ratios))
    if of_mean and (middle := statistics.geometric_mean(ratios.values())):
        yield Bar(f"{what}, geometric mean", f"≤ {of_mean:g}", f"{middle:.2f}", int(middle <= of_mean), 1)


def _at_least(what: str, ratios: dict[Row, float], bar: float) -> Iterator[Bar]:
    if ratios:
        worst = min(ratios, key=ratios.get)
        met = sum(ratio >= bar for ratio in ratios.values())
        shown = f"{_number(ratios[worst])} at worst, {NAMES[worst.system]} on {worst.problem} ({worst.size})"
        yield Bar(what, f"≥ {bar:g}", shown, met, len(ratios))


def _bar(what: str, ratio: float, least: float) -> Bar:
    return Bar(what, f"≥ {least:g}", _number(ratio), int(ratio >= least), int(not math.isnan(ratio)))


def _fastest_peers(rows: list[Row]) -> dict[Row, float]:
    found = {}
    for systems in cases(rows).values():
        peers = [systems[peer] for peer in PEERS if peer in systems and not math.isnan(systems[peer].ours)]
        if peers:
            fastest = min(peers, key=lambda row: row.ours)
            found[fastest] = fastest.ours
    return found


def _held(rows: list[Row]) -> dict[Row, float]:
    """What a gradient holds on tapes, in shadows and in work arrays, over what one written by hand does; up to a page is none."""
    found = {}
    for systems in cases(rows).values():
        ours, by_hand = systems.get("ours"), systems.get("by_hand")
        if ours and by_hand and not math.isnan(ours.held_bytes + by_hand.held_bytes):
            found[ours] = max(ours.held_bytes, PAGE) / max(by_hand.held_bytes, PAGE)
    return found


def _tiny_bars(rows: list[Row]) -> Iterator[Bar]:
    for study, reference, slack, slack_s, bar in (
        (OUTSIDE, "plain", 0.0, 0.5e-6, "≤ plain call + 0.5 µs"),
        (INSIDE, "by_hand", 0.05, 2e-9, "≤ by hand + 5 % + 2 ns"),  # what the clock can tell apart
    ):
        for row in rows:
            if row.study == study and row.system == "ours" and not row.note:
                like = next(r for r in rows if (r.study, r.problem, r.system) == (study, row.problem, reference))
                shown = f"{duration(row.median_s)}, not {duration(like.median_s)}"
                limit = (1.0 + slack) * like.median_s + slack_s
                yield Bar(f"{study}, {row.problem}", bar, shown, int(row.median_s <= limit), 1)


def _start_bars(rows: list[Row]) -> Iterator[Bar]:
    at = {(row.study, row.problem, row.system): row for row in rows if row.study in (COLD, CACHED) and not row.note}
    for (study, problem, system), row in at.items():
        if system != "ours":
            continue
        if study == CACHED:
            bar, limit = "≤ imports + 0.3 s", row.import_s + 0.3
        elif plain := at.get((COLD, problem, "plain")):
            bar, limit = "≤ 2 × plain compilation + 1 s", 2.0 * plain.first_s + 1.0
        else:
            continue
        beside = [other for name in ("plain", "jax") if (other := at.get((study, problem, name)))]
        shown = f"{row.median_s:.2f} s ({row.import_s:.2f} s of it imports), not {limit:.2f} s"
        shown += "".join(f"; {NAMES[other.system]} {other.median_s:.2f} s" for other in beside)
        yield Bar(f"{study}, {problem}", bar, shown, int(row.median_s <= limit), 1)


def summary(rows: list[Row]) -> str:
    """The sentence that the measurements prove, in numbers taken from them."""
    ours = [row for row in rows if row.study == GRADIENTS and row.system == "ours"]
    kept = [row for row in ours if not math.isnan(row.by_hand)]
    close = sum(row.by_hand <= 1.25 for row in kept)
    worst = max(kept, key=lambda row: row.by_hand, default=None)
    told = (
        f"Over {len(kept)} cases of {len({row.problem for row in kept})} problems, a gradient costs "
        f"{mean(rows, 'ours', 'passes'):.2f} forward passes, and {mean(rows, 'ours', 'by_hand'):.2f} times what one written by "
        f"hand does (geometric means); {close} cases are within 1.25 of it"
    )
    if worst:
        told += f", and the furthest is {worst.problem} ({worst.size}) with {worst.by_hand:.1f}"
    told += f". One jvp costs {mean(rows, 'jvp', 'passes'):.2f}." if not math.isnan(mean(rows, "jvp", "passes")) else "."
    peers = [f"{NAMES[peer]} {_number(mean(rows, peer, 'ours'))}" for peer in PEERS if _ratios(rows, peer, "ours")]
    if peers:
        told += f" The time of others over the toolkit's, where they have the problem: {', '.join(peers)}."
    if refused := [row for row in ours if row.note]:
        told += f" It has no derivative of {len(refused)} cases."
    return told


def finding(rows: list[Row]) -> str:
    """The sentence, and every bar with what was measured."""
    met = lambda bar: ("met" if bar.met else "MISSED") if bar.of == 1 else f"{bar.met} of {bar.of}"
    lines = [f"{met(bar):>8}  {bar.what} {bar.bar}: {bar.measured}" for bar in bars(rows)]
    return "\n".join((summary(rows), "", *lines))


def cases(rows: list[Row]) -> dict[tuple[str, str], dict[str, Row]]:
    """The rows of gradients, by problem and size, by system."""
    found = {}
    for row in rows:
        if row.study == GRADIENTS:
            found.setdefault((row.problem, row.size), {})[row.system] = row
    return found


def _number(ratio: float) -> str:
    """Three figures are more than the clock has."""
    return "—" if math.isnan(ratio) else f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def _cell(row: Row | None) -> str:
    """A time in forward passes; a dash if there is none, a cross if it was wrong."""
    return "—" if row is None else "✗" if " off by " in row.note or "slope is" in row.note else _number(row.passes)


COLUMNS = ("by_hand", "ours", "jvp", *PEERS)
COMPARED = (("ours", "by_hand"), ("ours", "passes"), ("jvp", "passes"), *((peer, "ours") for peer in PEERS))
MEANINGS = {"by_hand": "by hand", "passes": "forward pass", "ours": "dualtape"}
HEADINGS = ("problem", "size", "forward pass", *(NAMES[system] for system in COLUMNS), "dualtape / by hand")


def _lines(rows: list[Row]) -> Iterator[tuple[str, ...]]:
    for (problem, size), systems in cases(rows).items():
        forward = systems.get("plain")
        ours = systems.get("ours")
        yield (
            problem, size, duration(forward.median_s) if forward and not forward.note else "—",
            *(_cell(systems.get(system)) for system in COLUMNS), _number(ours.by_hand) if ours else "—",
        )  # fmt: skip


def markdown(rows: list[Row]) -> str:
    """The tables for a page: gradients in forward passes, their means, the bars, calls, and how long the first one takes."""
    text = _table(HEADINGS, 2)
    before = ""
    for problem, *rest in _lines(rows):
        text.append(_cells("" if problem == before else problem, *rest))
        before = problem
    text += ["", *_means(rows), "", *_table(("bar", "", "measured", "met"), 3)]
    text += [_cells(bar.what, bar.bar, bar.measured, f"{bar.met} of {bar.of}") for bar in bars(rows)]
    started = {}
    for row in rows:
        if row.study in (COLD, CACHED):
            started.setdefault((row.problem, row.system), {})[row.study] = "—" if row.note else duration(row.median_s)
    if started:
        text += ["", *_table(("time to the first derivative in a fresh process", "system", "cold", "from the disk cache"), 2)]
    text += [_cells(problem, NAMES[system], at[COLD], at.get(CACHED, "—")) for (problem, system), at in started.items()]
    calls = [row for row in rows if row.study in (OUTSIDE, INSIDE) and not row.note]
    if calls:
        text += ["", *_table(("time of a call", "function", "system", "time"), 3)]
    text += [_cells(row.study, f"{row.problem}, {row.size}", NAMES[row.system], duration(row.median_s)) for row in calls]
    return "\n".join(text) + "\n"


def excerpt(rows: list[Row]) -> str:
    """The table for README: one size of every problem, the middle one, and the geometric means over all."""
    sizes = {}
    for problem, *rest in _lines(rows):
        sizes.setdefault(problem, []).append(rest)
    text = _table(HEADINGS[:-1], 2)
    text += [_cells(problem, *lines[(len(lines) - 1) // 2][:-1]) for problem, lines in sizes.items()]
    return "\n".join((*text, "", *_means(rows))) + "\n"


def _means(rows: list[Row]) -> list[str]:
    means = [(f"{NAMES[system]} / {MEANINGS[against]}", mean(rows, system, against)) for system, against in COMPARED]
    means = [(what, ratio) for what, ratio in means if not math.isnan(ratio)]
    if not means:
        return []
    return [*_table(("geometric mean of", *(what for what, _ in means)), 1), _cells("", *(_number(ratio) for _, ratio in means))]


def _table(headings: tuple[str, ...], texts: int) -> list[str]:
    """The head of a table, whose first columns are texts and whose others are numbers."""
    return [_cells(*headings), "|" + "---|" * texts + "--:|" * (len(headings) - texts)]


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


LEGEND = """\
Time of a gradient, and of one jvp, over the time of the function itself, compiled by Numba: one machine, one thread, a size of
each problem ([all sizes](plots/peers.md)). `—`: cannot be expressed, or takes too long; `✗`: the gradient is wrong."""
PICTURE = "![Time of a gradient in forward passes: a panel a problem, a line a system](plots/peers.png)"
FROM, TO = "<!-- written by `python -m experiments peers` -->\n", "<!-- until here -->"


def write_readme(path: Path, rows: list[Row]) -> None:
    """Put the excerpt and the picture where the page has room for them."""
    page = path.read_text(encoding="utf-8")
    head, begins, rest = page.partition(FROM)
    _, ends, tail = rest.partition(TO)
    if not begins or not ends:
        raise SystemExit(f"{path} has no place for the table: {FROM.strip()} … {TO}")
    path.write_text(f"{head}{FROM}\n{LEGEND}\n\n{excerpt(rows)}\n{PICTURE}\n\n{TO}{tail}", encoding="utf-8")


def tables(rows: list[Row]) -> Iterator[Table]:
    """The rows as they are printed."""
    table = Table(title="gradients, in forward passes", title_justify="left")
    for k, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if k < 2 else "right")
    before = None
    for problem, *rest in _lines(rows):
        if before not in (None, problem):
            table.add_section()
        table.add_row("" if problem == before else problem, *rest)
        before = problem
    yield table
    if notes := _notes(rows):
        table = Table("system", "why", "problems", title="without times", title_justify="left")
        for (system, note), where in notes.items():
            table.add_row(NAMES[system], note, ", ".join(where))
        yield table


def _notes(rows: list[Row]) -> dict[tuple[str, str], list[str]]:
    """Where a system has no times, by the reason; the sizes are named where it is not all of a problem's."""
    places = {}
    for row in rows:
        if row.note:
            places.setdefault((row.system, row.note), {}).setdefault(row.problem, set()).add(row.size)
    found = cases(rows)
    whole = lambda problem, sizes: all(size in sizes for name, size in found if name == problem)
    say = lambda problem, sizes: problem if whole(problem, sizes) else f"{problem} ({'; '.join(sorted(sizes))})"
    return {key: [say(*place) for place in where.items()] for key, where in places.items()}


# --- the picture ------------------------------------------------------------------------------------------------------

# Okabe & Ito's colours; a marker each as well, for those who see none.
LOOKS = {
    "by_hand": (BLACK, "s"),
    "ours": (COTANGENT, "o"),
    "jvp": (TANGENT, "D"),
    "jax": (SKY, "^"),
    "torch": (PINK, "v"),
    "autograd": (OLIVE, "P"),
    "dace": (ORANGE, "X"),
}


def draw(rows: list[Row], path: Path) -> None:
    """A panel a problem: a gradient's time in forward passes over the forward pass's own, a line a system."""
    panels = {}
    for (problem, _), systems in cases(rows).items():
        panels.setdefault(problem, []).append(systems)
    columns = min(len(panels), 3 if len(panels) <= 9 else 4 if len(panels) <= 16 else 5)
    height = math.ceil(len(panels) / columns)
    size = (max(9.0, (4.2 if columns < 5 else 3.6) * columns), 2.9 * height + 2.2)
    # README shows it, and 25 panels are many pixels.
    with figure(path, height, columns, size, dpi=90, sharex=True, sharey=True, squeeze=False) as (made, grid):
        for axes, (problem, sizes) in zip(grid.flat, panels.items(), strict=False):
            _draw_panel(axes, problem, sizes)
        for k, axes in enumerate(grid.flat):
            if k >= len(panels):
                axes.set_visible(False)
            elif k + columns >= len(panels):  # the lowest of its column
                axes.tick_params(labelbottom=True)
                axes.set_xlabel("time of the forward pass")
        for axes in grid[:, 0]:
            axes.set_ylabel("gradient,\nin forward passes")
        handles = [plt.Line2D([], [], color=c, marker=m, label=NAMES[s]) for s, (c, m) in LOOKS.items() if _seen(rows, s)]
        text = textwrap.fill(summary(rows), int(9.8 * size[0]))
        made.legend(handles=handles, loc="outside upper left", ncols=len(handles), columnspacing=1.4, handletextpad=0.4)
        edge = (0.27 * (text.count("\n") + 1) + 0.15) / size[1]
        made.get_layout_engine().set(rect=(0.0, edge, 1.0, 1.0 - edge), w_pad=0.12)
        made.text(0.02, edge - 0.08 / size[1], text, va="top", fontsize=13, linespacing=1.4)


def _seen(rows: list[Row], system: str) -> bool:
    return any(row.system == system and not math.isnan(row.passes) for row in rows)


def _draw_panel(axes, problem: str, sizes: list[dict[str, Row]]) -> None:
    axes.set(xscale="log", yscale="log")
    axes.set_title(problem, fontsize=13)
    axes.axhline(1.0, color=GREY, linestyle=":", linewidth=1.5)
    axes.xaxis.set_major_formatter(EngFormatter("s", sep=" "))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    for system, (colour, marker) in reversed(LOOKS.items()):  # by hand and the toolkit lie above the others
        pairs = [(of["plain"], of[system]) for of in sizes if {"plain", system} <= of.keys()]
        pairs = [(forward, row) for forward, row in pairs if not math.isnan(row.passes)]
        if not pairs:
            continue
        ratios = np.array([row.passes for _, row in pairs])
        spread = np.abs(np.array([[row.passes_q25 for _, row in pairs], [row.passes_q75 for _, row in pairs]]) - ratios)
        times = [forward.median_s for forward, _ in pairs]
        axes.errorbar(times, ratios, spread, color=colour, marker=marker, markersize=7, linewidth=1.8)
