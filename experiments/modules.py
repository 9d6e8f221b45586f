"""Can a gradient be found by modules that know nothing but their own function, and send messages to their neighbours?

A module has three methods: `forward`, which makes an output of its inputs; `backward`, which makes messages to its parents of the
messages from its children, summed; and `parameter_gradients`. Here twenty of them, drawn at random, are joined to a graph that
nobody would design, and what they send one another is held against the gradient of the same function in one piece. Then a small
convolutional network is made of modules, and trained.

The article writes that a message is multiplied by ∂z_in/∂z_in of two modules; what each module multiplies by is the derivative of
its own output by its own inputs, and its children need to know nothing of it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from timeit import Timer

import numpy as np
from numba import njit
from rich.table import Table

from experiments.measure import duration, interleaved, read_csv, write_csv
from experiments.perceptron import split
from experiments.pictures import COTANGENT, GREY, PALE, PRIMAL, Box, Drawing, figure, move
from toolkit import value_and_grad
from toolkit.losses import mean_squared_error, softmax_cross_entropy
from toolkit.modules import (
    Add,
    BatchNorm,
    Concatenate,
    Conv2d,
    Dropout,
    Flatten,
    Graph,
    Input,
    Linear,
    MaxPool,
    Module,
    Node,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
)
from toolkit.optim import Adam, batches, start, step

MAKES = ("modules.png", "modules.gif", "modules.csv")
MODULES, WIDTH, SAMPLES = 20, 6, 4
SCALES = {
    "quick": {"rounds": 3, "epochs": 1, "pictures": 500, "frames": 6},
    "default": {"rounds": 9, "epochs": 15, "pictures": 1500, "frames": None},
    "full": {"rounds": 31, "epochs": 40, "pictures": 1500, "frames": None},
}


@dataclass(frozen=True)
class Row:
    """A node of the graph (kind "node"), a way to its gradient ("time") or a pass of the training ("training")."""

    kind: str
    name: str
    parents: str = ""
    children: int = 0
    value: float = float("nan")  # norm of the output; seconds of a gradient; loss
    message: float = float("nan")  # norm of the sum of what its children sent; largest difference; share that is right
    seconds: float = float("nan")


def scaled(gain, x):
    """A module of one's own takes a function: this one."""
    return gain * x


def whacky(seed: int = 4) -> Graph:
    """Twenty modules of parents drawn at random, two where there can be; the last adds up what nobody has read."""
    rng = np.random.default_rng(seed)
    of_one = (
        lambda: Linear(WIDTH, WIDTH, rng), Tanh, ReLU, Sigmoid, lambda: Module(scaled, 1.0 + 0.5 * rng.random(WIDTH)),
    )  # fmt: skip
    nodes, read, made = [Input()], set(), 0
    draw = lambda some, n: [some[k] for k in rng.choice(len(some), n, replace=False)]
    while made < MODULES - 1:
        near = nodes[-6:]
        parents = [nodes[max(0, len(nodes) - 4)]]  # so that the graph is four wide, and deep besides
        if len(near) > 3 and rng.random() < 0.5 and made < MODULES - 2:
            parents += draw([n for n in near if n not in parents], 1)
            node = (Add() if rng.random() < 0.5 else Concatenate())(*parents)
            if repr(node.module) == "Concatenate":
                node, made = Linear(2 * WIDTH, WIDTH, rng)(node), made + 1
        else:
            node = draw(of_one, 1)[0]()(*parents)
        read.update(parents)
        nodes.append(node)
        made += 1
    unread = [n for n in nodes if n not in read]
    return Graph(nodes[0], Add()(*unread, *draw([n for n in nodes[-6:] if n in read], max(0, 2 - len(unread)))))


def convolutional(seed: int = 0) -> Graph:
    """For 8 × 8 pictures of ten classes."""
    rng = np.random.default_rng(seed)
    return Sequential(
        Conv2d(1, 12, 3, rng, padding=1), BatchNorm(12), ReLU(), MaxPool(2), Flatten(), Dropout(0.2, rng), Linear(192, 10, rng)
    )


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Measure, write `modules.csv`, draw `modules.png` and `modules.gif`."""
    settings, rows = SCALES[scale], []
    net = whacky()
    rng = np.random.default_rng(0)
    x, wanted = rng.standard_normal((SAMPLES, WIDTH)), rng.standard_normal((SAMPLES, WIDTH))
    call = net.apply(x)
    for study in track([lambda: of_nodes(call, wanted), lambda: of_times(net, x, wanted, settings["rounds"]),
                        lambda: of_training(settings)]):  # fmt: skip
        rows += study()
    write_csv(folder / "modules.csv", rows, {"question": __doc__.splitlines()[0], "scale": scale})
    rows = read_csv(folder / "modules.csv", Row)
    draw(call, wanted, rows, folder, settings["frames"])
    return rows


# --- the graph --------------------------------------------------------------------------------------------------------


def names(graph: Graph) -> dict[Node, str]:
    """The nodes in the order in which they are computed."""
    return {n: f"{k} {n.module}" if n.module else "x" for k, n in enumerate(graph.nodes)}


def of_nodes(call, wanted: np.ndarray) -> list[Row]:
    """What every node made, and what it was sent."""
    _, out_bar = value_and_grad(mean_squared_error)(call.out, wanted)
    call.pull(out_bar)
    name, nodes = names(call.graph), call.graph.nodes
    return [
        Row(
            "node", name[n], ", ".join(name[p] for p in n.parents), sum(n in m.parents for m in nodes),
            float(np.linalg.norm(call.calls[n].out)), float(np.linalg.norm(call.received[n])),
        )
        for n in nodes
        if n.module
    ]  # fmt: skip


def of_times(net: Graph, x: np.ndarray, wanted: np.ndarray, rounds: int) -> list[Row]:
    """Message by message, and in one piece: the same gradient, and what each takes."""
    call = net.apply(x)
    whole = njit(call.in_one_piece())
    loss = value_and_grad(mean_squared_error)

    def one_piece(parameters, held, x, wanted):
        return mean_squared_error(whole(parameters, held, x), wanted)

    together = value_and_grad(one_piece, argnums=(0, 2))

    def by_messages():
        call = net.apply(x)
        return call.pull(loss(call.out, wanted)[1])

    def at_once():
        _, (parameters_bar, x_bar) = together(net.parameters, call.held, x, wanted)
        return parameters_bar, (x_bar,)

    apart = max(np.max(np.abs(a - b)) for a, b in zip(leaves(by_messages()), leaves(at_once()), strict=True))
    ways = {"message by message": by_messages, "in one piece": at_once}
    seconds = interleaved([lambda f=f: Timer(f).timeit(20) / 20 for f in ways.values()], rounds)
    return [Row("time", way, value=float(np.median(s)), message=float(apart)) for way, s in zip(ways, seconds.T, strict=True)]


def leaves(structure) -> list[np.ndarray]:
    """The arrays of a structure."""
    return [a for s in structure for a in leaves(s)] if isinstance(structure, tuple) else [structure]


# --- the training -----------------------------------------------------------------------------------------------------


def of_training(settings: dict) -> list[Row]:
    """Adam on the digits, a message at a time; 297 pictures are held out."""
    x, labels, x_test, labels_test = split()
    some = slice(settings["pictures"])
    pictures, test, labels = x[some].reshape(-1, 1, 8, 8), x_test.reshape(-1, 1, 8, 8), labels[some]
    net, rule, rng = convolutional(), Adam(rate=3e-3), np.random.default_rng(0)
    loss, state, rows, seconds = value_and_grad(softmax_cross_entropy), start(rule, net.parameters), [], 0.0

    def learn(net: Graph, state, chosen: np.ndarray):
        value, out_bar = loss(net.forward(pictures[chosen]), labels[chosen])
        net.backward(out_bar)
        net.parameters, state = step(rule, net.parameters, net.parameter_gradients(), state)
        return value, state

    learn(convolutional(), state, np.arange(50))  # compiles
    for epoch in range(1, settings["epochs"] + 1):
        begun, losses = time.perf_counter(), []
        for chosen in batches(rng, labels.size, 50):
            value, state = learn(net, state, chosen)
            losses.append(value)
        seconds += time.perf_counter() - begun
        net.training = False
        right = float(np.mean(net.apply(test).out.argmax(1) == labels_test))
        net.training = True
        rows.append(Row("training", f"pass {epoch}", value=float(np.mean(losses)), message=right, seconds=seconds))
    return rows


# --- what it proves ---------------------------------------------------------------------------------------------------


def tables(rows: list[Row]) -> Iterator[Table]:
    nodes = Table(title="twenty modules: what each made of its inputs, and what its children sent", title_justify="left")
    for heading in ("node", "parents"):
        nodes.add_column(heading)
    for heading in ("children", "norm of the output", "norm of the messages' sum"):
        nodes.add_column(heading, justify="right")
    for r in rows:
        if r.kind == "node":
            nodes.add_row(r.name, r.parents, str(r.children), f"{r.value:.3g}", f"{r.message:.3g}")
    yield nodes
    training = Table(title="training, pass by pass over the data", title_justify="left")
    for heading in ("pass", "loss", "right, of those held out", "seconds"):
        training.add_column(heading, justify="right")
    for r in rows:
        if r.kind == "training":
            training.add_row(r.name.removeprefix("pass "), f"{r.value:.4f}", f"{r.message:.1%}", f"{r.seconds:.1f}")
    yield training


def finding(rows: list[Row]) -> str:
    nodes = [r for r in rows if r.kind == "node"]
    messages, whole = (r for r in rows if r.kind == "time")
    training = [r for r in rows if r.kind == "training"]
    best = training[-1]
    several = sum(r.parents.count(",") > 0 for r in nodes), sum(r.children > 1 for r in nodes)
    return (
        f"Yes: {len(nodes)} modules, {several[0]} with several parents and {several[1]} with several children, find by messages "
        f"the gradient of the same function in one piece, to {messages.message:.0e}. Message by message from Python it takes "
        f"{duration(messages.value)}, in one piece, compiled, {duration(whole.value)}. A convolutional network of modules is "
        f"right on {best.message:.1%} of the held-out digits after {len(training)} pass{'es' * (len(training) > 1)} over the "
        f"others, in {best.seconds:.1f} s."
    )


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(call, wanted: np.ndarray, rows: list[Row], folder: Path, frames: int | None) -> None:
    """The messages at their end, and on their way."""
    _, out_bar = value_and_grad(mean_squared_error)(call.out, wanted)
    call.pull(out_bar)
    with figure(folder / "modules.png", 1, 1, (14, 8.6)) as (_, axes):
        drawing = _graph(axes, call)
        for n in call.graph.nodes:
            _value(drawing, call, n)
        for n in reversed(call.graph.nodes):
            _message(drawing, call, n)
        axes.set_title("Twenty modules, joined at random, and the messages that they send their parents")
        caption = "in a box: the norm of the sum of the messages from its children; arrows are thicker where more is sent"
        axes.text(0.5, 0.0, caption, transform=axes.transAxes, ha="center", color=GREY, fontsize=13)
    with figure(folder / "modules.png.tmp.png", 1, 1, (14, 8.6)) as (made, axes):
        drawing = _graph(axes, call)
        order = [(False, n) for n in call.graph.nodes] + [(True, n) for n in reversed(call.graph.nodes)]

        def update(k: int) -> None:
            backward, n = order[k]
            (_message if backward else _value)(drawing, call, n)
            ways = "forward: values go to children", "backward: each sums what its children sent, and sends on"
            axes.set_title(ways[backward])

        move(made, update, min(frames or len(order), len(order)), folder / "modules.gif", per_second=4.0)
    (folder / "modules.png.tmp.png").unlink()


def _graph(axes, call) -> Drawing:
    name = names(call.graph)
    boxes = {n: Box(name[n].replace(" ", "\n", 1) + "\n", GREY) for n in call.graph.nodes}
    return Drawing(axes, boxes, [(p, n) for n in call.graph.nodes for p in n.parents], fontsize=12)


def _value(drawing: Drawing, call, node: Node) -> None:
    """A node has its output."""
    drawing.box(node, edge=PRIMAL)
    for parent in node.parents:
        drawing.arrow(parent, node, PRIMAL, width=1.6)


def _message(drawing: Drawing, call, node: Node) -> None:
    """A node has what its children sent, and sends on."""
    text = drawing.texts[node].get_text().rsplit("\n", 1)[0]
    drawing.box(node, text=f"{text}\n{np.linalg.norm(call.received[node]):.2g}", edge=COTANGENT)
    for k, parent in enumerate(node.parents):
        size = np.linalg.norm(call.messages[node, k])
        drawing.arrow(parent, node, COTANGENT if size else PALE, width=1.0 + 1.2 * np.sqrt(size), backward=True)
