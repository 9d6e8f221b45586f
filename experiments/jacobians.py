"""How large are the Jacobians that backpropagation never forms?

The sizes of those that the gradient of W1 would take in the article's network (its Appendix D) are read off the recorded graph.
Then the network is widened, its Jacobians are formed and multiplied, from the parameter on (forward order), from the cost on
(reverse order), and in the order that takes the fewest multiplications; all that is held against vector-Jacobian products, which
form none, until the explicit way needs more memory than it is given.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from timeit import Timer

import numpy as np
from matplotlib.ticker import EngFormatter
from rich.table import Table

from experiments.measure import duration, read_csv, write_csv
from experiments.network import arguments, network
from experiments.pictures import COTANGENT, GREY, OLIVE, ORANGE, PINK, figure, move
from experiments.tapes import Contracted, factor
from experiments.worker import held_bytes
from toolkit import grad, jacobian, record, relu

MAKES = ("jacobians.png", "jacobians.gif", "jacobians.csv")
SCALES = {
    "quick": {"budget": 2**24, "seconds": 0.2, "rounds": 2},
    "default": {"budget": 2**30, "seconds": 60.0, "rounds": 3},
    "full": {"budget": 2**32, "seconds": 600.0, "rounds": 5},
}
SAMPLES = 10
FORWARD, REVERSE, BEST, NEVER = "forward order", "reverse order", "best order", "vector-Jacobian products"
ORDERS = {FORWARD: PINK, REVERSE: OLIVE, BEST: ORANGE, NEVER: COTANGENT}


@dataclass(frozen=True)
class Row:
    """A Jacobian of the article's network (kind "size"), or a way to the gradient of W1 at a width ("way")."""

    kind: str
    name: str
    width: int
    numbers: int  # in the Jacobian; in all that the way forms
    products: int  # multiplications of the way
    seconds: float = float("nan")
    bytes: int = 0  # held at most, besides the result


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Count, measure, write `jacobians.csv`, draw `jacobians.png` and `jacobians.gif`."""
    settings, found = SCALES[scale], []
    for width in track([5 * 2**k for k in range(12)]):
        here = ways(width, settings)
        found += here
        if not any(r.name != NEVER for r, _ in here):
            break
    # Memory last: to count it, Numba's goes through Python's allocator, which takes time.
    rows = sizes() + [replace(r, bytes=int(held_bytes(call))) for r, call in found]
    notes = {"question": __doc__.splitlines()[0], "scale": scale, "budget": f"{settings['budget']} bytes of Jacobians"}
    write_csv(folder / "jacobians.csv", rows, notes)
    rows = read_csv(folder / "jacobians.csv", Row)
    draw(rows, folder, settings)
    return rows


# --- Appendix D -------------------------------------------------------------------------------------------------------


def sizes() -> list[Row]:
    """Every Jacobian on the paths from W1 to the cost, once, in the article's order."""
    tape = record(network, *arguments())
    graph = Contracted(tape)
    (w1,) = (e for e in tape.params if e.name == "W1")
    pairs = dict.fromkeys(pair for path in graph.paths(w1) for pair in path.factors)
    numbers = {pair: np.size(pair[0].value) * np.size(pair[1].value) for pair in pairs}
    return [Row("size", factor(pair), 5, numbers[pair], 0) for pair in pairs]


# --- the network, widened ---------------------------------------------------------------------------------------------


def node(x, w, b):
    return relu(x @ w + b)


def output(z1, z2, w, b):
    width = z1.shape[1]
    return relu(z1 @ w[:width] + z2 @ w[width:] + b)


def cost(z5, y):
    return np.sum((z5 - y) ** 2)


of_node, of_output, of_cost = jacobian(node, argnums=1), jacobian(output), grad(cost)
whole = grad(network, argnums=1)


def widened(width: int) -> tuple[np.ndarray, ...]:
    """Arguments of the network, of nodes of that width."""
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape) / np.sqrt(shape[0])
    hidden, last = lambda: (draw(10, width), 0.1 * draw(width)), lambda: (draw(2 * width, 1), np.array([0.5]))
    return draw(SAMPLES, 10), *hidden(), *hidden(), *last(), *last(), draw(SAMPLES, 1)


def chains(width: int) -> list[tuple[int, ...]]:
    """The dimensions along both paths, from the parameter to the cost: each neighbouring pair is a Jacobian."""
    return [(10 * width, SAMPLES * width, SAMPLES, SAMPLES, 1)] * 2


def explicit(x, w1, b1, w2, b2, w3, b3, w4, b4, y, order: Callable) -> np.ndarray:
    """∂cost/∂W1 along both paths, every Jacobian formed."""
    z1, z2 = np.maximum(x @ w1 + b1, 0.0), np.maximum(x @ w2 + b2, 0.0)
    last = [np.maximum(z1 @ w[: w1.shape[1]] + z2 @ w[w1.shape[1] :] + b, 0.0) for w, b in ((w3, b3), (w4, b4))]
    first = of_node(x, w1, b1).reshape(z1.size, w1.size)
    z5_bar, same = of_cost(last[0] + last[1], y).reshape(1, -1), np.eye(SAMPLES)
    total = 0.0
    for w, b in ((w3, b3), (w4, b4)):
        total = total + order([first, of_output(z1, z2, w, b).reshape(SAMPLES, z1.size), same, z5_bar])
    return total.reshape(w1.shape)


def from_parameter(factors: list[np.ndarray]) -> np.ndarray:
    return functools.reduce(lambda done, onward: onward @ done, factors)


def from_cost(factors: list[np.ndarray]) -> np.ndarray:
    return functools.reduce(np.matmul, reversed(factors))


def best(factors: list[np.ndarray]) -> np.ndarray:
    return np.linalg.multi_dot(factors[::-1])


def multiplications(dims: tuple[int, ...], way: str) -> int:
    """Of the product of a chain of matrices, dims[k + 1] × dims[k] each, in one order, or in the best (dynamic programming)."""
    n = len(dims) - 1
    if way == FORWARD:
        return sum(dims[k + 1] * dims[k] * dims[0] for k in range(1, n))
    if way == REVERSE:
        return sum(dims[n] * dims[k + 1] * dims[k] for k in range(n - 1))
    fewest = functools.cache(
        lambda i, j: 0 if j - i == 1 else min(fewest(i, k) + fewest(k, j) + dims[i] * dims[k] * dims[j] for k in range(i + 1, j))
    )
    return fewest(0, n)


def ways(width: int, settings: dict) -> list[tuple[Row, Callable]]:
    """What each way takes at a width; the explicit ones only where their Jacobians fit into the budget, and the time."""
    args, rows = widened(width), []
    numbers = sum(a * b for dims in chains(width) for a, b in itertools.pairwise(dims)) - 10 * width * SAMPLES * width - SAMPLES
    wanted = whole(*args)
    for way, order in ((FORWARD, from_parameter), (REVERSE, from_cost), (BEST, best)):
        products = sum(multiplications(dims, way) for dims in chains(width))
        kept = 8 * numbers + (8 * 2 * SAMPLES * 10 * width if way == FORWARD else 0)
        if kept > settings["budget"] or 1e-10 * products > settings["seconds"]:
            continue
        call = functools.partial(explicit, *args, order=order)
        rows.append((_measured(way, width, numbers, products, call, wanted, settings["rounds"]), call))
    swept, call = 2 * SAMPLES * width * (10 + 2) + 4 * SAMPLES, functools.partial(whole, *args)
    return [*rows, (_measured(NEVER, width, 0, swept, call, wanted, settings["rounds"]), call)]


def _measured(way: str, width: int, numbers: int, products: int, call: Callable, wanted: np.ndarray, rounds: int) -> Row:
    if not np.allclose(call(), wanted, rtol=1e-9, atol=1e-12):
        raise AssertionError(f"{way}, width {width}: another gradient")
    timer = Timer(call)
    times = max(1, round(0.01 / max(timer.timeit(1), 1e-7)))
    return Row("way", way, width, numbers, products, min(timer.repeat(rounds, times)) / times)


# --- what it proves ---------------------------------------------------------------------------------------------------


def at(rows: list[Row], way: str) -> list[Row]:
    return [r for r in rows if r.kind == "way" and r.name == way]


def tables(rows: list[Row]) -> Iterator[Table]:
    table = Table(title="Appendix D: the Jacobians for the gradient of W1", title_justify="left")
    table.add_column("Jacobian")
    table.add_column("numbers", justify="right")
    counted = [r for r in rows if r.kind == "size"]
    for r in counted:
        table.add_row(r.name, f"{r.numbers:,}")
    table.add_row("together", f"{sum(r.numbers for r in counted):,}")
    yield table
    table = Table(title="the gradient of W1, as the nodes grow", title_justify="left")
    table.add_column("width", justify="right")
    table.add_column("way")
    for heading in ("numbers in Jacobians", "multiplications", "time", "bytes held"):
        table.add_column(heading, justify="right")
    for r in rows:
        if r.kind == "way":
            table.add_row(f"{r.width:,}", r.name, f"{r.numbers:,}", f"{r.products:,}", duration(r.seconds), f"{r.bytes:,}")
    yield table


def finding(rows: list[Row]) -> str:
    counted = [r for r in rows if r.kind == "size"]
    last = at(rows, REVERSE)[-1]
    never, forward = (next((r for r in at(rows, way) if r.width == last.width), None) for way in (NEVER, FORWARD))
    beyond = [r for r in at(rows, NEVER) if r.width > last.width]
    text = (
        f"The gradient of W1, 50 numbers, takes {len(counted)} Jacobians: {', '.join(f'{r.numbers:,}' for r in counted)}, "
        f"together {sum(r.numbers for r in counted):,}. At width {last.width} they are {last.numbers:,} numbers "
        f"({last.bytes / 1e9:.2g} GB held): {duration(last.seconds)} in reverse order"
        + (f", {duration(forward.seconds)} in forward order" if forward else "")
        + f", {duration(never.seconds)} by vector-Jacobian products, which form none ({never.bytes:,} bytes held). "
    )
    if beyond:
        text += (
            f"At width {beyond[0].width} they no longer fit, and the products take {duration(beyond[0].seconds)}. "
        )
    same = all(a.products == b.products for a, b in zip(at(rows, REVERSE), at(rows, BEST), strict=False))
    return text + (
        "Since a cost is one number, the reverse order is the best of all orders here." if same else
        "The best order takes fewer multiplications than the reverse one."
    )  # fmt: skip


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(rows: list[Row], folder: Path, settings: dict) -> None:
    with figure(folder / "jacobians.png", 1, 2, (14, 6.8)) as (_, (left, right)):
        _numbers(left, rows, settings)
        _times(right, rows)
    with figure(folder / "jacobians.tmp.png", 1, 1, (9, 6.5)) as (made, axes):
        widths = sorted({r.width for r in rows if r.kind == "way"})

        def update(k: int) -> None:
            axes.clear()
            _times(axes, rows, widths[k])

        move(made, update, len(widths), folder / "jacobians.gif", per_second=1.5)
    (folder / "jacobians.tmp.png").unlink()


def _numbers(axes, rows: list[Row], settings: dict) -> None:
    explicit_ways = at(rows, REVERSE)
    for way, marker in ((REVERSE, "s"), (NEVER, "o")):
        line = at(rows, way)
        axes.plot([r.width for r in line], [r.bytes for r in line], color=ORDERS[way], marker=marker)
    last = line[-1]
    axes.axhline(settings["budget"], color=GREY, linestyle=":", linewidth=1.8)
    axes.set(xscale="log", yscale="log", xlabel="width of the hidden nodes", ylabel="held at most, besides the result")
    axes.set_title("Memory")
    axes.yaxis.set_major_formatter(EngFormatter("B"))
    limit = (explicit_ways[0].width, settings["budget"])
    axes.annotate("what the Jacobians may take", limit, (0, 7), textcoords="offset points", color=GREY)
    middle, say = explicit_ways[len(explicit_ways) // 2], functools.partial(axes.annotate, textcoords="offset points", ha="right")
    say("with all Jacobians", (middle.width, middle.bytes), (-12, 6), color=OLIVE)
    say("vector-Jacobian products", (last.width, last.bytes), (0, -110), color=COTANGENT)


def _times(axes, rows: list[Row], upto: int | None = None) -> None:
    for (way, colour), marker in zip(ORDERS.items(), "^sDo", strict=True):
        line = [r for r in at(rows, way) if upto is None or r.width <= upto]
        axes.plot([r.width for r in line], [r.seconds for r in line], color=colour, marker=marker, label=way)
    every = [r for r in rows if r.kind == "way"]
    axes.set(xscale="log", yscale="log", xlabel="width of the hidden nodes", title="Time of the gradient of W1")
    seconds = [r.seconds for r in every]
    axes.set(xlim=(4, 1.3 * max(r.width for r in every)), ylim=(0.5 * min(seconds), 3 * max(seconds)))
    axes.yaxis.set_major_formatter(EngFormatter("s"))
    axes.legend(loc="upper left", fontsize=13)
