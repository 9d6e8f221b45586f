"""What happens in the reverse sweep, node by node?

The last node has the cotangent 1. Then, in reverse order, every node's is complete, v̄ᵢ = Σⱼ v̄ⱼ ∂vⱼ/∂vᵢ over the children j that
read it, and it sends its own share to its parents (the article's Appendix E). The table and the film are of its network, from
`toolkit.record`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from experiments.measure import read_csv, write_csv
from experiments.network import arguments, network
from experiments.pictures import COTANGENT, GREY, PALE, PRIMAL, Drawing, figure, move
from experiments.primitives import size_of
from experiments.tapes import boxes, edges, local_jacobian, shape
from toolkit import grad, record
from toolkit.record import Entry, Tape

MAKES = ("reverse_sweep.png", "reverse_sweep.gif", "reverse_sweep.csv")


@dataclass(frozen=True)
class Row:
    """A node, in reverse order: its value, its cotangent, and what each of its children contributed to that (norms)."""

    name: str
    text: str
    shape: str
    value: float
    cotangent: float
    sum: str
    parts: str
    off: float  # at a parameter: how far it is from what `grad` says, relative; elsewhere 0


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Sweep, write `reverse_sweep.csv`, draw `reverse_sweep.png` and `reverse_sweep.gif`."""
    tape = record(network, *arguments()).backward()
    bars = {e: np.copy(e.bar) for e in (*tape.params, *tape.entries)}
    nodes = [*reversed(tape.entries), *tape.params]
    children = {node: [child for parent, child in edges(tape) if parent is node] for node in nodes}
    gradients = dict(zip(tape.params, grad(network, argnums=tuple(range(len(tape.params))))(*arguments()), strict=True))
    rows = [_row(tape, node, children[node], bars, gradients) for node in track(nodes)]
    write_csv(folder / "reverse_sweep.csv", rows, {"question": __doc__.splitlines()[0], "scale": scale})
    draw(tape, bars, folder, 6 if scale == "quick" else None)
    return read_csv(folder / "reverse_sweep.csv", Row)


def _row(tape: Tape, node: Entry, children: list[Entry], bars: dict, gradients: dict) -> Row:
    """The sum over the children, each part by the child's local Jacobian; that it is the cotangent is checked."""
    parts = [np.ravel(bars[child]) @ local_jacobian(tape, child, node) for child in children]
    total = np.sum(parts, axis=0) if parts else np.ones(1)
    if not np.allclose(total, np.ravel(bars[node]), rtol=1e-12, atol=1e-12):
        raise AssertionError(f"the cotangent of {node.name} is not the sum over its children")
    terms = " + ".join(f"{child.name}_bar ∂{child.name}/∂{node.name}" for child in children) or "1"
    norms = " + ".join(f"{np.linalg.norm(part):.3g}" for part in parts)
    size = float(np.linalg.norm(bars[node]))
    off = float(np.linalg.norm(bars[node] - gradients[node])) / size if node in gradients else 0.0
    return Row(node.name, node.text, shape(node), float(np.linalg.norm(node.value)), size, terms, norms, off)


# --- what it proves ---------------------------------------------------------------------------------------------------


def tables(rows: list[Row]) -> Iterator[Table]:
    table = Table(title="the reverse sweep: every node's cotangent, a sum over its children", title_justify="left")
    for heading in ("node", "made by"):
        table.add_column(heading)
    table.add_column("norm of the value", justify="right")
    table.add_column("cotangent is")
    for heading in ("norms of the parts", "norm of the cotangent"):
        table.add_column(heading, justify="right")
    for r in rows:
        made = r.text.removeprefix(f"{r.name} = ") if r.text != r.name else ""
        table.add_row(r.name, made, f"{r.value:.3g}", r.sum, r.parts, f"{r.cotangent:.4g}")
    yield table


def finding(rows: list[Row]) -> str:
    several = [r for r in rows if "+" in r.sum]
    return (
        f"In one sweep over {len(rows)} nodes each is visited once, after all that read it. {len(several)} of them have several "
        f"children ({', '.join(r.name for r in several)}), and add up what comes. At the parameters the cotangents are the "
        f"gradient: `grad` says the same, to {max(r.off for r in rows):.0e}."
    )


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(tape: Tape, bars: dict, folder: Path, frames: int | None) -> None:
    with figure(folder / "reverse_sweep.png", 1, 1, size_of(tape)) as (_, axes):
        drawing = Drawing(axes, boxes(tape), edges(tape), fontsize=12)
        for node in (*reversed(tape.entries), *tape.params):
            _sent(drawing, tape, node, bars)
        axes.set_title("The reverse sweep: in each box the norm of its cotangent; arrows go to the parents")
    with figure(folder / "reverse_sweep.tmp.png", 1, 1, size_of(tape)) as (made, axes):
        drawing = Drawing(axes, boxes(tape), edges(tape), fontsize=12)
        for entry in tape.entries:
            drawing.box(entry, edge=PALE)
            drawing.texts[entry].set_color(GREY)
        order = [(False, e) for e in tape.entries] + [(True, e) for e in (*reversed(tape.entries), *tape.params)]

        def update(k: int) -> None:
            backward, node = order[k]
            if backward:
                _sent(drawing, tape, node, bars)
            else:
                _made(drawing, tape, node)
            ways = "forward pass: values go to the children", "reverse sweep: cotangents go to the parents"
            axes.set_title(ways[backward])

        move(made, update, min(frames or len(order), len(order)), folder / "reverse_sweep.gif", per_second=2.5)
    (folder / "reverse_sweep.tmp.png").unlink()


def _made(drawing: Drawing, tape: Tape, node: Entry) -> None:
    """A node has its value."""
    drawing.box(node, edge=PRIMAL, fill="#E3F0F8")
    drawing.texts[node].set_color("black")
    for parent, child in edges(tape):
        if child is node:
            drawing.arrow(parent, child, PRIMAL, width=1.6)


def _sent(drawing: Drawing, tape: Tape, node: Entry, bars: dict) -> None:
    """A node has its cotangent, and sends to its parents."""
    lines = drawing.texts[node].get_text().splitlines()
    drawing.box(node, text="\n".join([*lines[:-1], f"{np.linalg.norm(bars[node]):.2g}"]), edge=COTANGENT, fill="#FBEADF")
    for parent, child in edges(tape):
        if child is node:
            drawing.arrow(parent, child, COTANGENT, width=1.6, backward=True)
