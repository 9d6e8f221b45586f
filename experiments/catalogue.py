"""What does each primitive's jvp and vjp cost, over its value, and did its card know?

A primitive is differentiated once, on its card, and both modes are made of that. Here every card is run at a point of its domain
(numbers as arrays of 4096, matrices of about 32 rows), alone, and with its jvp or its vjp, and the ratio is held against what the
cards foretold: their flops and the numbers that are read and written, one for one. Either includes the value itself.
"""

import functools
import multiprocessing
import os
import statistics
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from timeit import Timer

import numpy as np
from matplotlib.ticker import NullFormatter
from rich.table import Table

from experiments.measure import duration, interleaved, read_csv, write_csv
from experiments.pictures import COTANGENT, GREY, PRIMAL, TANGENT, figure, move
from toolkit import cost, jvp, vjp
from toolkit.domain import Fixed
from toolkit.errors import DualtapeError
from toolkit.points import CARDS, points
from toolkit.transform import Primal

MAKES = ("catalogue.png", "catalogue.gif", "catalogue.csv")
SCALES = {
    "quick": {"every": 45, "rounds": 3, "block_s": 1e-4},
    "default": {"every": 1, "rounds": 9, "block_s": 1e-3},
    "full": {"every": 1, "rounds": 31, "block_s": 5e-3},
}
NUMBERS, LENGTHS = 4096, (("n", 32), ("m", 24), ("k", 40))
WORST = 5


@dataclass(frozen=True)
class Row:
    """One card: seconds of its value; its jvp and its vjp, measured and foretold, in units of that."""

    family: str
    card: str
    value_s: float
    jvp: float
    vjp: float
    jvp_foretold: float
    vjp_foretold: float

    @property
    def name(self) -> str:
        return f"{self.card} ({self.family})"


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Measure every card, write `catalogue.csv`, draw `catalogue.png` and `catalogue.gif`."""
    settings = SCALES[scale]
    chosen = [k for k, card in enumerate(CARDS) if card.declared][:: settings["every"]]
    # Nearly all of the time is compilation, so cards are measured in as many processes as there are cores.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        waiting = [pool.submit(measured, k, settings) for k in chosen]
        rows = [row for future in track(waiting) for row in future.result()]
    write_csv(folder / "catalogue.csv", rows, {"question": __doc__.splitlines()[0], "scale": scale})
    rows = read_csv(folder / "catalogue.csv", Row)
    draw(rows, folder)
    return rows


def measured(k: int, settings: dict) -> list[Row]:
    """The row of a card at the first point where both modes take it; none if there is none.

    Some domains (polynomials with real roots, matrices with a real spectrum) have no large members, and where indices or shapes
    are fixed the other arguments are made for these: then it is a small one."""
    card = CARDS[k]
    bound = any(np.ndim(value) for d in card.domain if isinstance(d, Fixed) for value in d.values)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for lengths in (None,) if bound else (LENGTHS, None):
            for point in points(card, shapes=((NUMBERS,),), lengths=lengths):
                try:
                    return [_row(card, point, settings)]
                except (DualtapeError, ValueError):
                    continue
    return []


def _row(card, point, settings: dict) -> Row:
    value, push, pull = Primal(point.fn), jvp(point.fn, point.argnums), vjp(point.fn, point.argnums)
    dots = tuple(np.ones_like(point.args[k]) if np.ndim(point.args[k]) else 1.0 for k in point.argnums)
    out = value(*point.args)
    ones = lambda x: tuple(map(ones, x)) if isinstance(x, tuple) else np.ones_like(x) if np.ndim(x) else 1.0
    out_bar = ones(out)
    calls = {
        value: functools.partial(value, *point.args),
        push: functools.partial(push, point.args, dots),
        pull: functools.partial(pull, point.args, out_bar),
    }
    arguments = {value: point.args, push: (point.args, dots), pull: (point.args, out_bar)}
    work = [foretold(made, *arguments[made]) for made in calls]
    clocks = []
    for call in calls.values():
        timer = Timer(call)
        timer.timeit(1)
        times = max(1, round(settings["block_s"] / max(timer.timeit(1), 1e-7)))
        clocks.append(lambda timer=timer, times=times: timer.timeit(times) / times)
    seconds = interleaved(clocks, settings["rounds"])
    ratios = np.median(seconds / seconds[:, :1], axis=0)
    family = card.value.__module__.rsplit(".", 1)[-1]
    return Row(family, card.name, float(np.median(seconds[:, 0])), *map(float, ratios[1:]), *(w / work[0] for w in work[1:]))


def foretold(made, *args) -> float:
    """Flops and numbers moved, one for one; at least one, since a view does nothing at all."""
    work = cost(made, *args)
    return max(1.0, work.flops + work.bytes / 8)


# --- what it proves ---------------------------------------------------------------------------------------------------


def worst(rows: list[Row], mode: str) -> list[Row]:
    """The cards whose derivative is the dearest, over their value."""
    return sorted(rows, key=lambda r: -getattr(r, mode))[:WORST]


def error(rows: list[Row], mode: str) -> tuple[float, float]:
    """Foretold over measured: geometric mean, and the factor within which two thirds of the cards lie."""
    ratios = np.log([getattr(r, f"{mode}_foretold") / getattr(r, mode) for r in rows])
    return float(np.exp(ratios.mean())), float(np.exp(np.quantile(np.abs(ratios), 2 / 3)))


def tables(rows: list[Row]) -> Iterator[Table]:
    table = Table(title="every card: its derivative over its value, measured and (foretold)", title_justify="left")
    for heading in ("family", "primitive"):
        table.add_column(heading)
    for heading in ("value", "value and jvp", "foretold", "value and vjp", "foretold"):
        table.add_column(heading, justify="right")
    for r in rows:
        numbers = (f"{x:.2f}" for x in (r.jvp, r.jvp_foretold, r.vjp, r.vjp_foretold))
        table.add_row(r.family, r.card, duration(r.value_s), *numbers)
    yield table


def finding(rows: list[Row]) -> str:
    mean = {mode: statistics.geometric_mean(getattr(r, mode) for r in rows) for mode in ("jvp", "vjp")}
    named = {mode: ", ".join(f"{r.card} {getattr(r, mode):.1f}" for r in worst(rows, mode)) for mode in mean}
    off = {mode: error(rows, mode) for mode in mean}
    within = sum(r.jvp <= 2.5 for r in rows), sum(r.vjp <= 4.0 for r in rows)
    return (
        f"Of {len(rows)} primitives, the value with its jvp takes {mean['jvp']:.2f} times the value alone (geometric mean), with "
        f"its vjp {mean['vjp']:.2f} times; {within[0]} are within the bound of 2.5 for a jvp, {within[1]} within that of 4 for a "
        f"vjp. The dearest jvps: {named['jvp']}. The dearest vjps: {named['vjp']}. Cards foretold {off['jvp'][0]:.2f} and "
        f"{off['vjp'][0]:.2f} of what was measured, two thirds of them within factors of {off['jvp'][1]:.2f} and "
        f"{off['vjp'][1]:.2f}."
    )


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(rows: list[Row], folder: Path) -> None:
    with figure(folder / "catalogue.png", 2, 1, (14, 11), sharex=True) as (_, panels):
        for axes, mode, colour in zip(panels, ("jvp", "vjp"), (TANGENT, COTANGENT), strict=True):
            _bars(axes, rows, mode, colour)
    with figure(folder / "catalogue.tmp.png", 1, 1, (12, 5.6)) as (made, axes):
        bars = _bars(axes, rows, "vjp", COTANGENT)
        steps = min(30, len(rows))

        def update(k: int) -> None:
            for i, bar in enumerate(bars):
                bar.set_visible(i < (k + 1) * len(bars) / steps)

        move(made, update, steps, folder / "catalogue.gif", per_second=8.0)
    (folder / "catalogue.tmp.png").unlink()


def _bars(axes, rows: list[Row], mode: str, colour: str):
    """A bar a card, from the cheapest on, a tick where the card foretold it, and the dearest named."""
    rows = sorted(rows, key=lambda r: getattr(r, mode))
    measured = np.array([getattr(r, mode) for r in rows])
    bars = axes.bar(range(len(rows)), measured, width=0.9, color=colour, alpha=0.75)
    axes.plot([getattr(r, f"{mode}_foretold") for r in rows], "_", color="black", markersize=5, label="foretold by the cards")
    axes.axhline(1.0, color=PRIMAL, linewidth=1.8, label="the value alone")
    bound = {"jvp": 2.5, "vjp": 4.0}[mode]
    axes.axhline(bound, color=GREY, linestyle=":", linewidth=1.8, label=f"classical bound, {bound:g}")
    axes.set(yscale="log", ylabel="times the value alone", title=f"Value and {mode}, over the value: {len(rows)} primitives")
    axes.set(xticks=[], xlim=(-1, len(rows)), ylim=(min(0.4, measured.min() * 0.8), measured.max() * 1.6))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(ticks := [t for t in (0.5, 1, 2, 4, 8, 16, 32, 64) if t < measured.max() * 1.5], [f"{t:g}" for t in ticks])
    note = {"transform": axes.transAxes, "va": "top", "fontsize": 13, "bbox": {"color": "white", "alpha": 0.85, "pad": 4}}
    text = "\n".join(f"{getattr(r, mode):.1f}  {r.name}" for r in worst(rows, mode))
    axes.text(0.55, 0.95, f"the dearest, from the right:\n{text}", **note)
    axes.legend(loc="upper left", fontsize=13, frameon=True, framealpha=0.85, edgecolor="white")
    return bars
