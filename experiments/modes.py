"""Which mode is the cheaper for a whole Jacobian, and does `mode="auto"` know?

Of a function from n inputs to m outputs, forward mode finds a column for each input, reverse mode a row for each output. So the
cost of forward mode grows with n, that of reverse mode with m, and somewhere near n = m they cross (Griewank & Walther 2008,
section 3.1). Here is the map, by the clock: a network with 16 hidden nodes, for n and m from 1 on.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from timeit import Timer

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numba import njit
from rich.table import Table

from experiments.measure import duration, interleaved, read_csv, write_csv
from experiments.pictures import BLACK, COTANGENT, GREY, ORANGE, TANGENT, figure, move
from toolkit import cost, jacobian

MAKES = ("modes.png", "modes.gif", "modes.csv")
SCALES = {
    "quick": {"sizes": (1, 4, 16, 64), "rounds": 3, "block_s": 1e-4},
    "default": {"sizes": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512), "rounds": 7, "block_s": 1e-3},
    "full": {"sizes": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048), "rounds": 15, "block_s": 5e-3},
}
HIDDEN = 16


@dataclass(frozen=True)
class Row:
    """A function of n inputs and m outputs: seconds of itself, and of its Jacobian in each mode; which one `auto` took."""

    n: int
    m: int
    function_s: float
    forward_s: float
    reverse_s: float
    auto: str

    @property
    def ratio(self) -> float:
        """Time of forward mode over that of reverse mode."""
        return self.forward_s / self.reverse_s


def network(x, into, out):
    return np.tanh(np.tanh(x @ into) @ out)


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Measure the map, write `modes.csv`, draw `modes.png` and `modes.gif`."""
    sizes, rows = SCALES[scale]["sizes"], []
    modes = {mode: jacobian(network, mode=mode) for mode in ("forward", "reverse", "auto")}
    for n, m in track([(n, m) for n in sizes for m in sizes]):
        rng = np.random.default_rng(0)
        arguments = rng.standard_normal(n), rng.standard_normal((n, HIDDEN)) / n, rng.standard_normal((HIDDEN, m)) / HIDDEN
        rows.append(_measured(n, m, modes, arguments, SCALES[scale]))
    write_csv(folder / "modes.csv", rows, {"question": __doc__.splitlines()[0], "scale": scale})
    rows = read_csv(folder / "modes.csv", Row)
    draw(rows, folder)
    return rows


plain = njit(network)


def _measured(n: int, m: int, modes: dict, arguments: tuple, settings: dict) -> Row:
    found = [jacobian_of(*arguments) for jacobian_of in modes.values()]
    if not all(np.allclose(found[0], other, rtol=1e-9, atol=1e-12) for other in found):
        raise AssertionError(f"the modes disagree at n = {n}, m = {m}")
    # Which mode auto takes hangs on lengths alone, so that what it will read and write says it before it runs.
    moved = {mode: cost(jacobian_of, *arguments).bytes for mode, jacobian_of in modes.items()}
    auto = "forward" if moved["auto"] == moved["forward"] else "reverse"
    clocks = []
    for call in (plain, modes["forward"], modes["reverse"]):
        timer = Timer(functools.partial(call, *arguments))
        calls = max(1, round(settings["block_s"] / max(timer.timeit(1), 1e-7)))
        clocks.append(lambda timer=timer, calls=calls: timer.timeit(calls) / calls)
    return Row(n, m, *map(float, np.median(interleaved(clocks, settings["rounds"]), axis=0)), auto)


# --- what it proves ---------------------------------------------------------------------------------------------------


def crossings(rows: list[Row]) -> list[tuple[int, float]]:
    """(m, the n from which on reverse mode is the cheaper), interpolated in the logarithms, between those that differ by 3 %."""
    found = []
    for m in sorted({r.m for r in rows}):
        line = sorted((r for r in rows if r.m == m), key=lambda r: r.n)
        low = max((r for r in line if r.ratio < 0.97), key=lambda r: r.n, default=None)
        high = min((r for r in line if r.ratio > 1.03 and low and r.n > low.n), key=lambda r: r.n, default=None)
        if high:
            share = np.log(1.0 / low.ratio) / np.log(high.ratio / low.ratio)
            found.append((m, float(low.n * (high.n / low.n) ** share)))
    return found


def regret(rows: list[Row]) -> tuple[float, float, Row]:
    """The share of the functions for which auto took the cheaper mode; what it lost at worst, and where."""
    lost = {r: (r.forward_s if r.auto == "forward" else r.reverse_s) / min(r.forward_s, r.reverse_s) for r in rows}
    worst = max(lost, key=lost.get)
    return sum(v == 1.0 for v in lost.values()) / len(rows), lost[worst], worst


def tables(rows: list[Row]) -> Iterator[Table]:
    table = Table(title="time of the whole Jacobian", title_justify="left")
    for heading in ("inputs n", "outputs m", "function", "forward mode", "reverse mode", "forward / reverse"):
        table.add_column(heading, justify="right")
    table.add_column("auto takes")
    for r in rows:
        if r.n in (1, 16, max(x.n for x in rows)) and r.m in (1, 16, max(x.m for x in rows)):
            times = map(duration, (r.function_s, r.forward_s, r.reverse_s))
            table.add_row(f"{r.n:,}", f"{r.m:,}", *times, f"{r.ratio:.2g}", r.auto)
    yield table


def finding(rows: list[Row]) -> str:
    ratios = [n / m for m, n in crossings(rows)]
    most, few = max(rows, key=lambda r: r.ratio), min(rows, key=lambda r: r.ratio)
    right, lost, worst = regret(rows)
    spread = f"{np.median(ratios):.1f} m in the median ({min(ratios):.1f} to {max(ratios):.1f})" if ratios else "none of these"
    plural = lambda n, what: f"{n} {what}{'s' * (n > 1)}"
    return (
        f"For {plural(most.n, 'input')} and {plural(most.m, 'output')} reverse mode is {most.ratio:,.0f} times as fast as "
        f"forward mode, for {plural(few.n, 'input')} and {plural(few.m, 'output')} forward mode {1 / few.ratio:,.0f} times. They "
        f"cross at n = {spread}. `auto`, which counts runs, takes the faster one for {right:.0%} of {len(rows)} functions, and "
        f"loses a factor of {lost:.2f} at worst (n = {worst.n}, m = {worst.m})."
    )


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(rows: list[Row], folder: Path) -> None:
    sizes = sorted({r.n for r in rows})
    ratios = np.array([[next(r.ratio for r in rows if (r.n, r.m) == (n, m)) for n in sizes] for m in sizes])
    with figure(folder / "modes.png", 1, 2, (14, 7.2), width_ratios=(1.1, 1)) as (made, (left, right)):
        mesh = _map(left, sizes, ratios)
        _lines(left, sizes, rows)
        bar = made.colorbar(mesh, ax=left, shrink=0.85, label="time of forward mode / time of reverse mode")
        _labelled(bar, ratios)
        _slice(right, rows, sizes)
    with figure(folder / "modes.tmp.png", 1, 1, (8, 7)) as (made, axes):
        seen = np.full_like(ratios, np.nan)
        mesh = _map(axes, sizes, ratios)
        order = sorted(np.ndindex(*ratios.shape), key=lambda at: (max(at), at))  # from small functions to large ones
        step = max(1, len(order) // 50)

        def update(k: int) -> None:
            for at in order[: (k + 1) * step]:
                seen[at] = np.log2(ratios[at])
            mesh.set_array(seen)
            if (k + 1) * step >= len(order):
                _lines(axes, sizes, rows)

        move(made, update, -(-len(order) // step), folder / "modes.gif", per_second=8.0)
    (folder / "modes.tmp.png").unlink()


def _map(axes, sizes: list[int], ratios: np.ndarray):
    """Green where forward mode is the cheaper, vermilion where reverse mode is."""
    colours = LinearSegmentedColormap.from_list("modes", [TANGENT, "white", COTANGENT])
    most = np.abs(np.log2(ratios)).max()
    places = np.arange(len(sizes))
    mesh = axes.pcolormesh(places, places, np.log2(ratios), cmap=colours, vmin=-most, vmax=most)
    axes.set(xticks=places[::2], yticks=places[::2], xlabel="inputs n", ylabel="outputs m", title="Whole Jacobians: which mode?")
    axes.set_xticklabels([f"{n:,}" for n in sizes[::2]])
    axes.set_yticklabels([f"{n:,}" for n in sizes[::2]])
    axes.grid(False)
    return mesh


def _lines(axes, sizes: list[int], rows: list[Row]) -> None:
    """Where the modes cross, and the border between auto's choices."""
    place = lambda n: float(np.interp(np.log2(n), np.log2(sizes), np.arange(len(sizes))))
    if found := crossings(rows):
        axes.plot([place(n) for _, n in found], [place(m) for m, _ in found], "o-", color=BLACK, label="measured: they cross")
    border = [(max((r.n for r in rows if r.m == m and r.auto == "forward"), default=None), m) for m in sizes]
    border = [(sizes.index(n) + 0.5, sizes.index(m)) for n, m in border if n is not None]
    axes.step(*zip(*border), where="mid", color=ORANGE, linewidth=3, label='`mode="auto"`: forward to the left')
    axes.legend(loc="upper left", fontsize=12, frameon=True, framealpha=0.9, edgecolor="white")


def _labelled(bar, ratios: np.ndarray) -> None:
    """The logarithms as factors."""
    most = int(np.abs(np.log2(ratios)).max())
    ticks = np.arange(-most, most + 1, max(1, most // 3))
    bar.set_ticks(ticks, labels=[f"{2.0**t:g}" if t >= 0 else f"1/{2 ** -int(t)}" for t in ticks])


def _slice(axes, rows: list[Row], sizes: list[int]) -> None:
    """One row of the map, in runs of the function."""
    m = sizes[len(sizes) // 2]
    line = sorted((r for r in rows if r.m == m), key=lambda r: r.n)
    n = [r.n for r in line]
    for name, colour, marker in (("forward", TANGENT, "s"), ("reverse", COTANGENT, "o")):
        axes.plot(n, [getattr(r, f"{name}_s") / r.function_s for r in line], color=colour, marker=marker, label=f"{name} mode")
    axes.axvline(m, color=GREY, linestyle=":", linewidth=1.8)
    axes.annotate("n = m", (m, axes.get_ylim()[0]), xytext=(6, 8), textcoords="offset points", color=GREY)
    axes.set(xscale="log", yscale="log", title=f"A row of the map: {m} outputs", xlabel="inputs n", ylabel="runs of the function")
    axes.legend(loc="upper left")
