"""Along which paths does a parameter act on the cost, and what does it take to go along each of them?

The chain rule is a sum over all paths, of products of local derivatives (the article's Appendix C). Here the paths, the products
and their text are read off the recorded graph of its network, and their sum is held against `grad`. Most factors stand in several
products; and with every layer of two nodes that is added the paths double, while the reverse sweep visits one more layer.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from rich.table import Table

from experiments.measure import duration, read_csv, write_csv
from experiments.network import PARAMETERS, arguments, network
from experiments.pictures import COTANGENT, GREY, PINK, Box, Drawing, figure, move
from experiments.tapes import Contracted, factor, named, shape
from experiments.tapes import Path as Way
from toolkit import grad, record

MAKES = ("paths.png", "paths.gif", "paths.csv")
BUDGETS_S = {"quick": 0.2, "default": 60.0, "full": 300.0}  # what the naive way may take at the largest depth


@dataclass(frozen=True)
class Row:
    """A path of the network (kind "path"), a factor and how often it stands in them ("factor"), or a depth ("depth": paths and
    multiplications of the naive way, edges of the reverse sweep, seconds of each)."""

    kind: str
    name: str
    parameter: str = ""
    value: float = 0.0  # norm of the path's product; times that the factor occurs; seconds of the naive way
    layers: int = 0
    paths: int = 0
    products: int = 0
    swept: int = 0  # multiplications of the reverse sweep
    sweep_s: float = 0.0


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Walk the paths, grow the network, write `paths.csv`, draw `paths.png` and `paths.gif`."""
    tape = record(network, *arguments())
    graph, rows = Contracted(tape), []
    parameters = {e.name: e for e in tape.params if e.name in PARAMETERS}
    gradients = dict(zip(PARAMETERS, grad(network, argnums=tuple(range(1, 9)))(*arguments()), strict=True))
    ways = {name: list(graph.paths(e)) for name, e in parameters.items()}
    for name, some in track(list(ways.items())):
        products = [graph.product(way) for way in some]
        if not np.allclose(np.sum(products, axis=0).ravel(), gradients[name].ravel(), rtol=1e-12, atol=1e-12):
            raise AssertionError(f"the sum over the paths of {name} is not its gradient")
        rows += [Row("path", str(way), name, float(np.linalg.norm(p))) for way, p in zip(some, products, strict=True)]
    counts = Counter(factor(pair) for some in ways.values() for way in some for pair in way.factors)
    rows += [Row("factor", name, value=float(n)) for name, n in counts.most_common()]
    rows += depths(BUDGETS_S[scale], track)
    write_csv(folder / "paths.csv", rows, {"question": __doc__.splitlines()[0], "scale": scale})
    rows = read_csv(folder / "paths.csv", Row)
    draw(graph, ways["W1"], rows, folder)
    return rows


# --- deeper and deeper ------------------------------------------------------------------------------------------------


@njit
def deep(weights, x):
    """Layers of two nodes, each of which reads both below: weights (layers, 2, 2); the cost is the sum of the last."""
    a, b = x[0], x[1]
    for layer in range(weights.shape[0]):
        w = weights[layer]
        a, b = np.tanh(w[0, 0] * a + w[0, 1] * b), np.tanh(w[1, 0] * a + w[1, 1] * b)
    return a + b


@njit
def by_paths(weights, x):
    """∂cost/∂x[0], path by path: a path chooses a node in every layer, its product has a local derivative for each."""
    layers = weights.shape[0]
    local, a, b = np.empty((layers, 2, 2)), x[0], x[1]
    for layer in range(layers):
        w = weights[layer]
        a, b = np.tanh(w[0, 0] * a + w[0, 1] * b), np.tanh(w[1, 0] * a + w[1, 1] * b)
        local[layer, 0] = (1.0 - a * a) * w[0]
        local[layer, 1] = (1.0 - b * b) * w[1]
    total = 0.0
    for path in range(2**layers):
        product, node = 1.0, 0
        for layer in range(layers):
            onward = (path >> layer) & 1
            product *= local[layer, onward, node]
            node = onward
        total += product
    return total


swept = grad(deep, argnums=1)


def depths(budget: float, track: Callable) -> list[Row]:
    """Layer by layer, until the naive way takes as long as it may. Four products a layer are all that the reverse sweep needs."""
    rows, rng = [], np.random.default_rng(0)
    by_paths(np.ones((1, 2, 2)), np.ones(2)), swept(np.ones((1, 2, 2)), np.ones(2))  # compile
    for layers in track(range(1, 64)):
        weights, x = rng.standard_normal((layers, 2, 2)), np.array([0.3, -0.2])
        begun = time.perf_counter()
        naive = by_paths(weights, x)
        seconds = time.perf_counter() - begun
        begun = time.perf_counter()
        for _ in range(100):
            gradient = swept(weights, x)
        sweep_s = (time.perf_counter() - begun) / 100
        if not np.isclose(naive, gradient[0], rtol=1e-7, atol=1e-12):
            raise AssertionError(f"{layers} layers: {naive} along the paths, {gradient[0]} by the reverse sweep")
        rows.append(Row("depth", f"{layers}", "x[0]", seconds, layers, 2**layers, 2**layers * layers, 4 * layers, sweep_s))
        if seconds >= budget:
            break
    return rows


# --- what it proves ---------------------------------------------------------------------------------------------------


def tables(rows: list[Row]) -> Iterator[Table]:
    ways = Table(title="every path from a parameter to the cost, as a product of local derivatives", title_justify="left")
    for heading in ("∂cost/∂", "is the sum of"):
        ways.add_column(heading)
    ways.add_column("norm", justify="right")
    for r in rows:
        if r.kind == "path":
            ways.add_row(r.parameter, r.name, f"{r.value:.4g}")
    yield ways
    factors = Table(title="how often each factor stands in these products", title_justify="left")
    factors.add_column("factor")
    factors.add_column("times", justify="right")
    for r in rows:
        if r.kind == "factor":
            factors.add_row(r.name, f"{r.value:.0f}")
    yield factors
    grown = Table(title="layers of two nodes: path by path, and by the reverse sweep", title_justify="left")
    for heading in ("layers", "paths", "products", "time", "products of the sweep", "time of the sweep"):
        grown.add_column(heading, justify="right")
    for r in rows:
        if r.kind == "depth":
            grown.add_row(
                str(r.layers), f"{r.paths:,}", f"{r.products:,}", duration(r.value), str(r.swept), duration(r.sweep_s)
            )
    yield grown


def finding(rows: list[Row]) -> str:
    ways, factors = [r for r in rows if r.kind == "path"], [r for r in rows if r.kind == "factor"]
    of_w1 = [r for r in ways if r.parameter == "W1"]
    distinct = {part for r in of_w1 for part in r.name.split(" · ")}
    last = [r for r in rows if r.kind == "depth"][-1]
    return (
        f"∂cost/∂W1 = {' + '.join(r.name for r in of_w1)}: {len(distinct)} Jacobians to keep. The {len(ways)} paths of all "
        f"parameters have {sum(r.value for r in factors):.0f} factors, of which {len(factors)} differ; {factors[0].name} alone "
        f"stands in {factors[0].value:.0f}. At {last.layers} layers there are {last.paths:,} paths of {last.layers} factors, and "
        f"going along each takes {duration(last.value)}; the reverse sweep finds the same derivative with {last.swept} products, "
        f"in {duration(last.sweep_s)}."
    )


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(graph: Contracted, ways: list[Way], rows: list[Row], folder: Path) -> None:
    with figure(folder / "paths.png", 2, 1, (14, 14), height_ratios=(1.3, 1)) as (_, (top, bottom)):
        _paths(top, graph, ways)
        _growth(bottom, rows)
    with figure(folder / "paths.tmp.png", 1, 1, (12, 6)) as (made, axes):
        axes.set_title("∂cost/∂W1, a path at a time")
        drawing = _drawing(axes, graph)
        order = [(k, pair) for k, way in enumerate(ways) for pair in reversed(way.factors)]
        text = axes.text(0.5, -0.02, "", transform=axes.transAxes, ha="center", fontsize=15)

        def update(k: int) -> None:
            n, (child, parent) = order[k]
            drawing.arrow(parent, child, COLOURS[n], width=4.0)
            text.set_text(f"path {n + 1}: {ways[n]}")
            text.set_color(COLOURS[n])

        move(made, update, len(order), folder / "paths.gif", per_second=1.5)
    (folder / "paths.tmp.png").unlink()


COLOURS = (PINK, "#999933")


def _drawing(axes, graph: Contracted) -> Drawing:
    tape = graph.tape
    nodes = [e for e in (*tape.params, *tape.entries) if named(e)]
    boxes = {e: Box(f"{e.name}\n{shape(e)}", GREY if e.index < 0 else "black") for e in nodes}
    return Drawing(axes, boxes, [(a, b) for a in nodes for b in graph.named_children(a)], fontsize=12)


def _paths(axes, graph: Contracted, ways: list[Way]) -> None:
    drawing = _drawing(axes, graph)
    for way, colour in zip(ways, COLOURS, strict=True):
        for child, parent in way.factors:
            drawing.arrow(parent, child, colour, width=3.0)
    shared = set.intersection(*(set(way.factors) for way in ways))
    for child, parent in shared:
        drawing.arrow(parent, child, "black", width=3.0)
    axes.set_title("The paths from W1 to the cost; what both have in common is black")
    for k, (way, colour) in enumerate(zip(ways, COLOURS, strict=True)):
        axes.text(0.0, -0.02 - 0.06 * k, str(way), transform=axes.transAxes, color=colour, fontsize=14)


def _growth(axes, rows: list[Row]) -> None:
    grown = [r for r in rows if r.kind == "depth"]
    layers = [r.layers for r in grown]
    axes.plot(layers, [r.products for r in grown], "s-", color=PINK)
    axes.plot(layers, [r.swept for r in grown], "o-", color=COTANGENT)
    axes.set(yscale="log", xlabel="layers of two nodes", ylabel="multiplications", title="Path by path, and by the reverse sweep")
    last = grown[-1]
    axes.annotate(
        f"every path: {duration(last.value)} at {last.layers} layers", (last.layers, last.products), (-10, 2),
        textcoords="offset points", ha="right", color=PINK,
    )  # fmt: skip
    axes.annotate(
        f"the reverse sweep: {duration(last.sweep_s)}", (last.layers, last.swept), (0, 12), textcoords="offset points",
        ha="right", color=COTANGENT,
    )  # fmt: skip
