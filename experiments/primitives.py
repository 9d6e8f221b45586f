"""Of what primitives is a function made, and which reads which?

The article breaks a node into t1 = I @ W1, t2 = t1 + b1, z1 = relu(t2). `toolkit.record` does that to any function that Numba
compiles: it runs the function's program step by step and keeps each. Here is the article's network; for a function of your own,

    from experiments.primitives import show
    show(my_function, x, w, path="mine.png")

prints the table and draws the graph, in a script or in a notebook.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.measure import read_csv, write_csv
from experiments.network import PARAMETERS, arguments, network
from experiments.pictures import GREY, PALE, PRIMAL, Drawing, figure, move
from experiments.tapes import boxes, edges, shape
from toolkit import record
from toolkit.record import Tape

MAKES = ("primitives.png", "primitives.gif", "primitives.csv")


@dataclass(frozen=True)
class Row:
    """A parameter, or one primitive that was executed: its name, its text, its parents, its shape, the norm of its value."""

    name: str
    primitive: str
    text: str
    parents: str
    shape: str
    numbers: int
    norm: float


def show(f: Callable, *args, path: str | Path = "primitives.png") -> Tape:
    """Print the primitives of f(*args), draw their graph to `path`, and return the tape. Raises UsageError, Refusal."""
    tape = record(f, *args)
    for table in tables(rows_of(tape)):
        Console().print(table)
    draw(tape, Path(path), f"{tape.name}: {len(tape)} primitives")
    return tape


def rows_of(tape: Tape) -> list[Row]:
    """The table of a tape."""
    parents = {}
    for parent, child in edges(tape):
        parents.setdefault(child, []).append(parent.name)
    return [
        Row(
            e.name, "parameter" if e.index < 0 else getattr(e.fn, "__name__", str(e.fn)).rstrip("_"), e.text,
            ", ".join(parents.get(e, [])), shape(e), int(np.size(e.value)), float(np.linalg.norm(e.value)),
        )
        for e in (*tape.params, *tape.entries)
    ]  # fmt: skip


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Record the article's network, write `primitives.csv`, draw `primitives.png` and `primitives.gif`."""
    for function, args in track([(network, arguments())]):
        tape = record(function, *args)
        write_csv(folder / "primitives.csv", rows_of(tape), {"question": __doc__.splitlines()[0], "scale": scale})
        draw(tape, folder / "primitives.png", "The article's network, in primitives: values go to the right")
        _animate(tape, folder / "primitives.gif", 6 if scale == "quick" else None)
    return read_csv(folder / "primitives.csv", Row)


# --- what it proves ---------------------------------------------------------------------------------------------------


def tables(rows: list[Row]) -> Iterator[Table]:
    table = Table(title="parameters and primitives, in the order of execution", title_justify="left")
    for heading in ("name", "operation", "reads"):
        table.add_column(heading)
    for heading in ("shape", "norm of the value"):
        table.add_column(heading, justify="right")
    for r in rows:
        operation = "" if r.primitive == "parameter" else r.text.removeprefix(f"{r.name} ").removeprefix("= ")
        table.add_row(r.name, operation, r.parents, r.shape, f"{r.norm:.4g}")
    yield table


def finding(rows: list[Row]) -> str:
    steps = [r for r in rows if r.primitive != "parameter"]
    kinds = {}
    for r in steps:
        kinds[r.primitive] = kinds.get(r.primitive, 0) + 1
    counted = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items(), key=lambda pair: -pair[1]))
    node = [r for r in steps if r.name in ("t1", "t2", "z1")]
    return (
        f"The network of {len(PARAMETERS)} parameters is {len(steps)} primitives ({counted}). Its first node is "
        f"{'; '.join(r.text for r in node)}. All values together are {sum(r.numbers for r in steps):,} numbers: that is what "
        f"there is to keep for the way back, at most."
    )


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(tape: Tape, path: Path, title: str) -> None:
    """The graph of a tape; the more there is in it, the larger the picture."""
    with figure(path, 1, 1, size_of(tape)) as (_, axes):
        drawing = Drawing(axes, boxes(tape), edges(tape), fontsize=12)
        for parent, child in edges(tape):
            drawing.arrow(parent, child, PRIMAL, width=1.5)
        axes.set_title(title)


def size_of(tape: Tape) -> tuple[float, float]:
    """Inches for a drawing of so many entries."""
    return max(14.0, 0.6 * len(tape.entries)), max(7.8, 0.33 * len(tape.entries))


def _animate(tape: Tape, path: Path, frames: int | None) -> None:
    """The forward pass: each primitive when its parents are there."""
    with figure(path.with_suffix(".tmp.png"), 1, 1, size_of(tape)) as (made, axes):
        drawing = Drawing(axes, boxes(tape), edges(tape), fontsize=12)
        axes.set_title("The forward pass, a primitive at a time")
        for entry in tape.entries:
            drawing.box(entry, edge=PALE)
            drawing.texts[entry].set_color(GREY)

        def update(k: int) -> None:
            entry = tape.entries[k]
            drawing.box(entry, edge=PRIMAL, fill="#E3F0F8")
            drawing.texts[entry].set_color("black")
            for parent, child in edges(tape):
                if child is entry:
                    drawing.arrow(parent, child, PRIMAL)

        move(made, update, min(frames or len(tape), len(tape)), path, per_second=2.5)
    path.with_suffix(".tmp.png").unlink()
