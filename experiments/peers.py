"""How close does a derived gradient come to one written by hand, and to those of JAX, PyTorch, autograd and DaCe?

Every system runs in a process of its own, on the same number of threads and pinned to the same cores, so that the clocks can
be interleaved: in each round the processes are asked one after the other, in random order, to time their call, and all others
sleep. What is compared are ratios within a round. Every gradient is first held against the one written by hand. A system that
is not installed (`pip install -e '.[peers]'` installs all) is left out, and the data say so.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import EngFormatter, FuncFormatter
from rich.table import Table

from experiments import problems
from experiments.measure import duration, installed, interleaved, quartiles, read_csv, write_csv
from experiments.worker import SYSTEMS

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
STARTED = ("rosenbrock", "gmm_loops", "heat_2d_slices")  # whose first derivative in a fresh process is timed
PATIENCE_S = {"torch": 30, "autograd": 30, "dace": 60}  # what takes longer is not worth the wait; DaCe calls a C++ compiler
SCALES = {
    "quick": {
        "problems": ("gmm_loops", "logsumexp", "rosenbrock"),
        "sizes": 1,
        "systems": ("by_hand", "plain", "ours"),
        "rounds": 3,
        "block_s": 1e-3,
        "case_s": 2.0,
        "starts": 0,
    },
    "default": {
        "problems": None,
        "sizes": None,
        "systems": tuple(SYSTEMS),
        "rounds": 9,
        "block_s": 20e-3,
        "case_s": 8.0,
        "starts": 3,
    },
    "full": {
        "problems": None,
        "sizes": None,
        "systems": tuple(SYSTEMS),
        "rounds": 31,
        "block_s": 50e-3,
        "case_s": 60.0,
        "starts": 9,
    },
}


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
    peak_bytes: int = 0
    rounds: int = 0


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Measure all problems, write `folder/peers.csv`, and draw `folder/peers.png` and `folder/peers.md` from it."""
    settings = SCALES[scale]
    only = os.environ.get("EXPERIMENTS_ONLY")
    chosen = only.split(",") if only else settings["problems"] or problems.names()
    if unknown := set(chosen) - set(problems.names()):
        raise SystemExit(f"no such problem: {', '.join(sorted(unknown))} (there is: {', '.join(problems.names())})")
    rows = []
    for name in track(chosen):
        rows += gradients(name, settings)
        if settings["starts"] and name in STARTED:
            rows += first_derivatives(name, settings["starts"])
    notes = {
        "question": __doc__.splitlines()[0],
        "scale": scale,
        "threads of every system": str(_threads()),
        "times": "seconds a call from Python, median and quartiles of interleaved rounds",
        "first_s": "the first call of this size in its process: the first of all compiles, and JAX compiles for every size",
        "passes, by_hand, ours": "the same in forward passes, in gradients by hand, in the toolkit's: ratios within a round",
        "peak_bytes": "what one call holds at most, beyond what its process held before it",
        "note": "why there are no times",
        **installed("jax", "jaxlib", "torch", "autograd", "dace"),
    }
    data = folder / "peers.csv"
    write_csv(data, rows, notes)
    rows = read_csv(data, Row)
    (folder / "peers.md").write_text(markdown(rows), encoding="utf-8")
    draw(rows, folder / "peers.png")
    return rows


# --- processes --------------------------------------------------------------------------------------------------------


def _threads() -> int:
    return int(os.environ.get("EXPERIMENTS_THREADS", "1"))


def _surroundings(**more: str) -> dict[str, str]:
    """The environment of every worker: so many threads, whoever makes them."""
    n = str(_threads())
    pools = ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM")
    xla = f"--xla_cpu_multi_thread_eigen={'false' if n == '1' else 'true'} intra_op_parallelism_threads={n}"
    threads = {**{f"{pool}_NUM_THREADS": n for pool in pools}, "XLA_FLAGS": xla, "JAX_PLATFORMS": "cpu"}
    return {**os.environ, **threads, "DUALTAPE_CACHE_DIR": "off", **more}


class System:
    """A worker process, spoken to in lines of JSON. What went wrong with it stays, and is its answer from there on."""

    def __init__(self, name: str, **more: str):
        self.patience = PATIENCE_S.get(name, 300)
        self.folder = tempfile.TemporaryDirectory()  # for what a system builds
        self.process = subprocess.Popen(
            (sys.executable, "-m", "experiments.worker", name),
            cwd=Path(__file__).parents[1], env=_surroundings(TMPDIR=self.folder.name, **more),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        if hasattr(os, "sched_setaffinity"):  # threads that a library makes of its own share these cores
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(self.process.pid, cores[-_threads() :])
        self.greeted, self.gone = False, ""

    def ask(self, **request) -> dict:
        """The reply; {"note": reason} if there is none."""
        if not self.greeted and not self.gone:
            self.greeted, answer = True, self._read()
            self.gone = answer.get("note", "")
        if self.gone:
            return {"note": self.gone}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> dict:
        watchdog = threading.Timer(self.patience, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        in_time = watchdog.is_alive()
        watchdog.cancel()
        if not line:
            self.gone = f"died ({self.process.wait()})" if in_time else f"over {self.patience} s"
            return {"note": self.gone}
        return json.loads(line)

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


# --- measuring --------------------------------------------------------------------------------------------------------


def gradients(name: str, settings: dict) -> list[Row]:
    """All sizes of one problem, in one process a system."""
    systems = {system: System(system) for system in settings["systems"]}
    try:
        count = len(problems.load(name).SIZES[: settings["sizes"]])
        return [row for size in range(count) for row in _case(name, size, systems, settings)]
    finally:
        for system in systems.values():
            system.close()


def _case(name: str, size: int, systems: dict[str, System], settings: dict) -> list[Row]:
    replies = {}
    with tempfile.TemporaryDirectory() as folder:
        for system, process in systems.items():
            reference = str(Path(folder) / "by_hand.npz")
            replies[system] = process.ask(do="prepare", problem=name, size=size, reference=reference)
    timed = [system for system, reply in replies.items() if "note" not in reply]
    rounds = {system: _rounds(replies[system]["call_s"], settings) for system in timed}
    clocks = [_clock(systems[s], replies[s]["call_s"], rounds[s], settings["block_s"]) for s in timed]
    samples = dict(zip(timed, interleaved(clocks, settings["rounds"]).T, strict=True))
    case = _about(name, size)
    return [_row(case, system, replies[system], samples) for system in systems]


def _rounds(call_s: float, settings: dict) -> int:
    """What is slow sits out the later rounds: three are enough for it."""
    share = settings["case_s"] / len(settings["systems"])
    return max(3, min(settings["rounds"], int(share / max(2 * call_s, settings["block_s"]))))


def _clock(system: System, call_s: float, rounds: int, block_s: float) -> Callable[[], float]:
    calls = max(1, round(block_s / max(call_s, 1e-7)))
    left = [rounds]

    def clock() -> float:
        left[0] -= 1
        return system.ask(do="time", calls=calls).get("seconds", math.nan) if left[0] >= 0 else math.nan

    return clock


def _about(name: str, size: int) -> dict:
    problem = problems.load(name)
    arguments = problem.arguments(**problem.SIZES[size])
    parameters = sum(np.size(arguments[i]) for i in problem.ARGNUMS)
    return {"problem": problem.TITLE, "size": problems.describe(problem.SIZES[size]), "parameters": parameters}


def _row(case: dict, system: str, reply: dict, samples: dict[str, np.ndarray]) -> Row:
    if "note" in reply:
        return Row(GRADIENTS, **case, system=system, note=reply["note"])
    times, values = samples[system], {}
    for names, against in (("passes", "plain"), ("by_hand", "by_hand"), ("ours", "ours")):
        ratios = times / samples[against] if against in samples else np.array([math.nan])
        values |= _spread(names, ratios)
    seconds = dict(zip(("median_s", "q25_s", "q75_s"), quartiles(_kept(times)), strict=True))
    return Row(
        GRADIENTS, **case, system=system, first_s=reply["first_s"], **seconds, **values,
        peak_bytes=reply["peak_bytes"], rounds=_kept(times).size,
    )  # fmt: skip


def _spread(name: str, ratios: np.ndarray) -> dict[str, float]:
    return dict(zip((name, f"{name}_q25", f"{name}_q75"), quartiles(_kept(ratios)), strict=True))


def _kept(samples: np.ndarray) -> np.ndarray:
    kept = samples[~np.isnan(samples)]
    return kept if kept.size else np.array([math.nan])


def first_derivatives(name: str, starts: int) -> list[Row]:
    """Seconds from the start of a system's import to its first derivative, in fresh processes, at the smallest size."""
    rows = []
    for system, cache in (("ours", "DUALTAPE_CACHE_DIR"), ("jax", "JAX_COMPILATION_CACHE_DIR")):
        with tempfile.TemporaryDirectory() as folder:
            # JAX keeps only what took it a second, unless it is told to.
            more = {cache: folder, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
            cold = [_start(system, name, {} if i else more) for i in range(starts)]  # the first fills the cache
            cached = [_start(system, name, more) for _ in range(starts)]
        rows += [_start_row(study, name, system, replies) for study, replies in ((COLD, cold), (CACHED, cached))]
    return rows


def _start(system: str, name: str, more: dict[str, str]) -> dict:
    process = System(system, **more)
    try:
        return process.ask(do="prepare", problem=name, size=0, reference="")
    finally:
        process.close()


def _start_row(study: str, name: str, system: str, replies: list[dict]) -> Row:
    case = _about(name, 0)
    if note := next((reply["note"] for reply in replies if "note" in reply), ""):
        return Row(study, **case, system=system, note=note)
    totals = np.array([reply["import_s"] + reply["first_s"] for reply in replies])
    first = statistics.median(reply["first_s"] for reply in replies)
    seconds = dict(zip(("median_s", "q25_s", "q75_s"), quartiles(totals), strict=True))
    return Row(study, **case, system=system, first_s=first, **seconds, rounds=len(replies))


# --- what it proves ---------------------------------------------------------------------------------------------------


def mean(rows: Iterable[Row], system: str, against: str) -> float:
    """The geometric mean over problems and sizes of a system's time, against "passes", "by_hand" or "ours"."""
    ratios = [getattr(row, against) for row in rows if row.study == GRADIENTS and row.system == system]
    ratios = [ratio for ratio in ratios if not math.isnan(ratio)]
    return statistics.geometric_mean(ratios) if ratios else math.nan


def finding(rows: list[Row]) -> str:
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
    peers = [f"{NAMES[peer]} {mean(rows, peer, 'ours'):.1f}" for peer in PEERS if not math.isnan(mean(rows, peer, "ours"))]
    if peers:
        told += f" The time of others over the toolkit's, where they have the problem: {', '.join(peers)}."
    if refused := [row for row in ours if row.note]:
        told += f" It has no derivative of {len(refused)} cases."
    return told


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


def _lines(rows: list[Row]) -> Iterator[tuple[str, ...]]:
    for (problem, size), systems in cases(rows).items():
        forward = systems.get("plain")
        ours = systems.get("ours")
        yield (
            problem, size, duration(forward.median_s) if forward and not forward.note else "—",
            *(_cell(systems.get(system)) for system in COLUMNS), _number(ours.by_hand) if ours else "—",
        )  # fmt: skip


HEADINGS = ("problem", "size", "forward pass", *(NAMES[system] for system in COLUMNS), "dualtape / by hand")


def markdown(rows: list[Row]) -> str:
    """The table for a page: gradients in forward passes, their means, and how long the first one takes."""
    text = ["| " + " | ".join(HEADINGS) + " |", "|---|---|" + "--:|" * (len(HEADINGS) - 2)]
    before = ""
    for problem, *rest in _lines(rows):
        text.append(f"| {'' if problem == before else problem} | " + " | ".join(rest) + " |")
        before = problem
    text += ["", "| geometric mean of | |", "|---|--:|"]
    for system, against in COMPARED:
        if not math.isnan(ratio := mean(rows, system, against)):
            text.append(f"| {NAMES[system]} / {MEANINGS[against]} | {_number(ratio)} |")
    started = [row for row in rows if row.study != GRADIENTS]
    if started:
        text += ["", "| first derivative in a fresh process | system | cold | from the disk cache |", "|---|---|--:|--:|"]
    for cold, cached in zip(started[::2], started[1::2], strict=True):
        times = " | ".join("—" if row.note else duration(row.median_s) for row in (cold, cached))
        text.append(f"| {cold.problem} | {NAMES[cold.system]} | {times} |")
    return "\n".join(text) + "\n"


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
    "by_hand": ("#000000", "s"),
    "ours": ("#0072B2", "o"),
    "jvp": ("#56B4E9", "D"),
    "jax": ("#D55E00", "^"),
    "torch": ("#CC79A7", "v"),
    "autograd": ("#E69F00", "P"),
    "dace": ("#009E73", "X"),
}


def draw(rows: list[Row], path: Path) -> None:
    """A panel a problem: a gradient's time in forward passes over the forward pass's own, a line a system."""
    panels = {}
    for (problem, _), systems in cases(rows).items():
        panels.setdefault(problem, []).append(systems)
    columns = min(len(panels), 3 if len(panels) <= 9 else 4 if len(panels) <= 16 else 5)
    height = math.ceil(len(panels) / columns)
    with plt.style.context(Path(__file__).with_name("style.mplstyle")):
        size = (max(9.0, (4.2 if columns < 5 else 3.6) * columns), 2.9 * height + 2.2)
        figure, grid = plt.subplots(height, columns, figsize=size, layout="constrained", sharex=True, sharey=True, squeeze=False)
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
        text = textwrap.fill(finding(rows), int(9.8 * size[0]))
        figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), columnspacing=1.4, handletextpad=0.4)
        edge = (0.27 * (text.count("\n") + 1) + 0.15) / size[1]
        figure.get_layout_engine().set(rect=(0.0, edge, 1.0, 1.0 - edge))
        figure.text(0.02, edge - 0.08 / size[1], text, va="top", fontsize=13, linespacing=1.4)
        figure.savefig(path)
        plt.close(figure)


def _seen(rows: list[Row], system: str) -> bool:
    return any(row.system == system and not math.isnan(row.passes) for row in rows)


def _draw_panel(axes, problem: str, sizes: list[dict[str, Row]]) -> None:
    axes.set(xscale="log", yscale="log")
    axes.set_title(problem, fontsize=15)
    axes.axhline(1.0, color="#595959", linestyle=":", linewidth=1.5)
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
