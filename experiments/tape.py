"""What does reverse mode remember, and what does it cost to remember less?

A recurrent network is unrolled over more and more steps, and three things are counted: every value, as a naive tape keeps them;
what the derivative reads again before it is overwritten, which is what the toolkit keeps (Hascoët, Naumann & Pascual 2005); and
what is kept with checkpoints: every √n-th state, or as many states as a number of bytes holds, by Revolve's binomial schedule
(Griewank & Walther 2000). What is not kept is computed again, so bytes are paid for in time; the frontier shows at which rate.
"""

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from timeit import Timer

import numba
import numpy as np
from matplotlib.ticker import EngFormatter
from numba import njit
from rich.table import Table

from experiments.measure import duration, interleaved, read_csv, write_csv
from experiments.pictures import BLACK, COTANGENT, GREY, ORANGE, PALE, PINK, PRIMAL, figure, move
from experiments.worker import held_bytes
from toolkit import record, value_and_grad
from toolkit.checkpoints import next_mark, steps_again
from toolkit.program import Let, Push, walk
from toolkit.record import Interpreter
from toolkit.transform import matched

MAKES = ("tape.png", "tape.gif", "tape.csv")
SCALES = {
    "quick": {"depths": (4, 16, 64), "width": 32, "long": 200, "states": (2, 8, 32), "rounds": 2},
    "default": {
        "depths": (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096), "width": 64, "long": 4096,
        "states": (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024, 2048), "rounds": 5,
    },
    "full": {
        "depths": tuple(4 * 2**k for k in range(14)), "width": 64, "long": 32768,
        "states": tuple(2**k for k in range(1, 15)), "rounds": 9,
    },
}  # fmt: skip
EVERYTHING, RECORDED, SQRT, REVOLVE = "every value", "what is to be recorded", "every √n-th state", "Revolve"
LOOKS = {EVERYTHING: (GREY, "s"), RECORDED: (COTANGENT, "o"), SQRT: (ORANGE, "D"), REVOLVE: (PINK, "^")}
STATES = 8  # of Revolve, where the depth grows


@dataclass(frozen=True)
class Row:
    """Bytes kept: of a primitive's values ("primitive"), at a depth ("depth"), or of a policy at one depth ("frontier")."""

    study: str
    name: str
    depth: int
    states: int
    bytes: int
    seconds: float = float("nan")
    passes: float = float("nan")  # in forward passes


def network(weights, bias, x, depth):
    h = x
    for _ in range(depth):
        h = np.tanh(weights @ h + bias)
    return h @ h


plain = njit(network)


@functools.cache
def derivative(checkpoints):
    return value_and_grad(network, argnums=(0, 1, 2), checkpoints=checkpoints)


def arguments(width: int, depth: int) -> tuple:
    draw = np.random.default_rng(0).standard_normal
    return draw((width, width)) / np.sqrt(width), 0.1 * draw(width), draw(width), depth


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Count and measure, write `tape.csv`, draw `tape.png` and `tape.gif`."""
    settings, rows = SCALES[scale], []
    width = settings["width"]
    for study in track([of_primitives, of_depth, of_frontier]):
        rows += study(width, settings)
    write_csv(folder / "tape.csv", rows, {"question": __doc__.splitlines()[0], "scale": scale, "width": width})
    rows = read_csv(folder / "tape.csv", Row)
    draw(rows, folder, settings)
    return rows


# --- what is counted --------------------------------------------------------------------------------------------------


class Counting(Interpreter):
    """Runs a derivative's program, and counts what goes onto its tapes, by the primitive that made it."""

    def __init__(self, program, args):
        super().__init__((v, x) for (_, p), a in zip(program.params, args, strict=True) for v, x in matched(p, a))
        self.makers = {s.out: s.fn.__name__.rstrip("_") for s in walk(program.body) if isinstance(s, Let)}
        self.kept = Counter()
        self.run(program.body)

    def run(self, block: list) -> None:
        for s in block:
            if isinstance(s, Push):
                self.kept[self.makers.get(s.value, f"carried {s.value.hint}")] += np.asarray(self.plain(s.value)).nbytes
            super().run([s])


def of_primitives(width: int, settings: dict) -> list[Row]:
    """At one depth: every value by the primitive that made it, and what of these the tape holds."""
    args = arguments(width, 16)
    every = Counter()
    for e in record(network, *args).entries:
        every[getattr(e.fn, "__name__", str(e.fn)).rstrip("_")] += np.asarray(e.value).nbytes
    program = derivative(None).program(tuple(map(numba.typeof, args)))
    kept = Counting(program, args).kept
    rows = [Row("primitive", f"{name}: {EVERYTHING}", 16, 0, n) for name, n in every.items()]
    return rows + [Row("primitive", f"{name}: {RECORDED}", 16, 0, n) for name, n in kept.items()]


def state_bytes(width: int) -> int:
    return 8 * width


def of_depth(width: int, settings: dict) -> list[Row]:
    """Bytes against depth. The record is slow, and its growth exactly linear: it is counted at the two least depths."""
    few = [sum(np.asarray(e.value).nbytes for e in record(network, *arguments(width, depth)).entries) for depth in (4, 8)]
    each, rows = (few[1] - few[0]) // 4, []
    for depth in settings["depths"]:
        args = arguments(width, depth)
        rows.append(Row("depth", EVERYTHING, depth, 0, few[0] + each * (depth - 4)))
        for name, checkpoints in ((RECORDED, None), (SQRT, "sqrt"), (REVOLVE, STATES * state_bytes(width))):
            rows.append(Row("depth", name, depth, STATES if name == REVOLVE else 0, held(checkpoints, args)))
    return rows


def held(checkpoints, args: tuple) -> int:
    """The most that a call held of three: what Python itself keeps of the first is not ours."""
    call = functools.partial(derivative(checkpoints), *args)
    call()
    return int(max(held_bytes(call) for _ in range(3)))


def of_frontier(width: int, settings: dict) -> list[Row]:
    """Time against bytes at one depth, where all find the same gradient."""
    args = arguments(width, settings["long"])
    policies = {(RECORDED, 0): None, (SQRT, 0): "sqrt"}
    policies |= {(REVOLVE, n): n * state_bytes(width) for n in settings["states"] if n < settings["long"]}
    wanted = derivative(None)(*args)[1]
    calls = [functools.partial(plain, *args)]
    for checkpoints in policies.values():
        calls.append(functools.partial(derivative(checkpoints), *args))
        if not all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(calls[-1]()[1], wanted, strict=True)):
            raise AssertionError(f"checkpoints={checkpoints}: another gradient")
    calls[0]()
    seconds = interleaved([lambda call=call: Timer(call).timeit(1) for call in calls], settings["rounds"])
    passes = np.median(seconds / seconds[:, :1], axis=0)
    medians = np.median(seconds, axis=0)
    return [
        Row("frontier", name, settings["long"], states, held(checkpoints, args), float(medians[k]), float(passes[k]))
        for k, ((name, states), checkpoints) in enumerate(policies.items(), 1)
    ]  # fmt: skip


# --- what it proves ---------------------------------------------------------------------------------------------------


def at(rows: list[Row], study: str, name: str) -> list[Row]:
    return [r for r in rows if r.study == study and r.name == name]


def tables(rows: list[Row]) -> Iterator[Table]:
    table = Table(title="16 steps: bytes of every value, and of what is to be recorded, by primitive", title_justify="left")
    table.add_column("primitive")
    for heading in (EVERYTHING, RECORDED):
        table.add_column(heading, justify="right")
    found = {r.name: r.bytes for r in rows if r.study == "primitive"}
    for name in dict.fromkeys(name.split(":")[0] for name in found):
        table.add_row(name, *(f"{found.get(f'{name}: {what}', 0):,}" for what in (EVERYTHING, RECORDED)))
    yield table
    table = Table(title="bytes held, by the number of steps", title_justify="left")
    table.add_column("steps", justify="right")
    for name in LOOKS:
        table.add_column(name + (f", {STATES} states" if name == REVOLVE else ""), justify="right")
    for depth in sorted({r.depth for r in rows if r.study == "depth"}):
        table.add_row(f"{depth:,}", *(f"{next(r.bytes for r in at(rows, 'depth', n) if r.depth == depth):,}" for n in LOOKS))
    yield table
    table = Table(title="the frontier: time against memory", title_justify="left")
    table.add_column("kept")
    for heading in ("states", "bytes held", "time", "forward passes", "steps run again, by the formula"):
        table.add_column(heading, justify="right")
    for r in rows:
        if r.study == "frontier":
            again = f"{steps_again(r.depth, r.states):,}" if r.states else "0" if r.name == RECORDED else f"{r.depth:,}"
            table.add_row(
                r.name, str(r.states or ""), f"{r.bytes:,}", duration(r.seconds), f"{r.passes:.2f}", again
            )  # fmt: skip
    yield table


def size(number: float) -> str:
    """4096 as 4.1 kB."""
    return EngFormatter("B", places=1)(number)


def finding(rows: list[Row]) -> str:
    of = {what: [r for r in rows if r.study == "primitive" and r.name.endswith(what)] for what in (EVERYTHING, RECORDED)}
    share = sum(r.bytes for r in of[RECORDED]) / sum(r.bytes for r in of[EVERYTHING])
    names = ", ".join(r.name.split(":")[0] for r in of[RECORDED])
    (everything,), (square,) = at(rows, "frontier", RECORDED), at(rows, "frontier", SQRT)
    least = min(at(rows, "frontier", REVOLVE), key=lambda r: r.bytes)
    return (
        f"Of all the bytes that a naive tape would keep, {share:.0%} are read again and are kept ({names}). Over "
        f"{everything.depth:,} steps that is {size(everything.bytes)}, for a gradient of {everything.passes:.1f} forward passes. "
        f"With every √n-th state it is {size(square.bytes)}, {everything.bytes / square.bytes:.0f} times less, for "
        f"{square.passes:.1f}; Revolve with {least.states} states holds {size(least.bytes)} and takes {least.passes:.1f} passes."
    )


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(rows: list[Row], folder: Path, settings: dict) -> None:
    with figure(folder / "tape.png", 1, 3, (17, 6.6), width_ratios=(0.8, 1, 1)) as (_, (left, middle, right)):
        _primitives(left, rows)
        _depths(middle, rows)
        _frontier(right, rows)
    with figure(folder / "tape.tmp.png", 1, 1, (10, 4.6)) as (made, axes):
        story = list(revolve(24, 4))
        frames = min(len(story), 8) if settings["long"] < 1000 else len(story)
        move(made, lambda k: _scene(axes, 24, 4, *story[k]), frames, folder / "tape.gif", per_second=6.0)
    (folder / "tape.tmp.png").unlink()


def _primitives(axes, rows: list[Row]) -> None:
    found = {r.name: r.bytes for r in rows if r.study == "primitive"}
    names = list(dict.fromkeys(name.split(":")[0] for name in found))
    for shift, what in ((-0.2, EVERYTHING), (0.2, RECORDED)):
        heights = [found.get(f"{name}: {what}", 0) for name in names]
        axes.bar(np.arange(len(names)) + shift, heights, width=0.38, color=LOOKS[what][0], label=what)
    axes.set_xticks(range(len(names)), names, rotation=20)
    axes.yaxis.set_major_formatter(EngFormatter("B"))
    axes.set(title="16 steps, by primitive", ylabel="bytes kept", ylim=(0, 1.45 * max(found.values())))
    axes.legend(loc="upper left", fontsize=13)


def _depths(axes, rows: list[Row]) -> None:
    for name, (colour, marker) in LOOKS.items():
        line = at(rows, "depth", name)
        label = f"{name}, {STATES} states" if name == REVOLVE else name
        axes.plot([r.depth for r in line], [r.bytes for r in line], color=colour, marker=marker, label=label)
    axes.set(xscale="log", yscale="log", title="Bytes held, by steps", xlabel="steps")
    axes.yaxis.set_major_formatter(EngFormatter("B"))
    axes.legend(loc="upper left", fontsize=12)


def _frontier(axes, rows: list[Row]) -> None:
    line = sorted(at(rows, "frontier", REVOLVE), key=lambda r: r.bytes)
    label = "Revolve, by the states it may keep"
    axes.plot([r.bytes for r in line], [r.passes for r in line], color=PINK, marker="^", label=label)
    for name in (SQRT, RECORDED):
        (row,) = at(rows, "frontier", name)
        axes.plot([row.bytes], [row.passes], color=LOOKS[name][0], marker=LOOKS[name][1], markersize=12, linestyle="", label=name)
    axes.set(xscale="log", title=f"Time against memory, {row.depth:,} steps", xlabel="held at most", ylabel="forward passes")
    axes.set_ylim(0, 1.25 * max(r.passes for r in rows if r.study == "frontier"))
    axes.xaxis.set_major_formatter(EngFormatter("B"))
    axes.legend(loc="upper right", fontsize=12)


def revolve(n: int, slots: int) -> Iterator[tuple[int, list[int], int, str]]:
    """(where, saved, the first that is reversed, what is done), event by event."""
    kept = [0]
    for i in reversed(range(n)):
        here = kept[-1]
        yield here, list(kept), i + 1, "back to the last state that is saved"
        while here < i:
            to = min(next_mark(here, i + 1, slots - len(kept)), i)
            here = to
            if to < i:
                kept.append(to)
            yield here, list(kept), i + 1, "on, and this state is saved" if to < i else "on to the step before those reversed"
        yield here, list(kept), i, "one step with a tape, and back over it"
        if kept[-1] == i:
            kept.pop()


def _scene(axes, n: int, slots: int, here: int, kept: list[int], done: int, text: str) -> None:
    axes.clear()
    axes.bar(range(n), np.ones(n), width=0.9, color=[COTANGENT if i >= done else PALE for i in range(n)])
    axes.plot(kept, np.full(len(kept), 1.35), "^", color=PINK, markersize=13)
    axes.plot([here - 0.5 if here < done else here], [0.5], ">", color=PRIMAL, markersize=18)
    axes.set(title=f"Revolve: {n} steps, {slots} states", xlabel="step", yticks=[], xlim=(-1.2, n), ylim=(0, 2.2))
    axes.text(0.0, 1.95, text, color=BLACK, fontsize=15, va="center")
    axes.text(n - 0.6, 1.95, "triangles: saved; orange-red: reversed", color=GREY, fontsize=13, ha="right", va="center")
    axes.grid(False)
