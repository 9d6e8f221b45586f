"""Where is a cost least, and what does its gradient do there?

A cost is the negative logarithm of a likelihood: of the label under a softmax (cross-entropy), of a number under a Gaussian of
fixed width (squared error) or of a width that is learnt. Each is drawn with its gradient, by `toolkit.losses`, which stays exact
where logits are in the thousands.

The article takes the entropy -P ln P of the label as the cost. That is 0 where P is 1, but also where P is 0, so descent from a
prediction that is very wrong makes it worse; what is meant is -ln P, the cross-entropy between the label and the prediction. Its
Gaussian "entropy" has the same flaw: the factor in front makes it fall again far from the target.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from rich.table import Table
from scipy.optimize import brentq

from experiments.measure import read_csv, write_csv
from experiments.pictures import COTANGENT, GREY, ORANGE, PINK, PRIMAL, figure, move
from toolkit import grad, value_and_grad
from toolkit.losses import entropy, gaussian_nll, softmax_cross_entropy

MAKES = ("costs.png", "costs.gif", "costs.csv")
SCALES = {"quick": {"grid": 31, "frames": 6}, "default": {"grid": 61, "frames": 60}, "full": {"grid": 401, "frames": 60}}
LABEL = np.array([0])
TARGETS = np.array([-1.2, -0.4, 0.1, 0.3, 0.9, 1.5, 2.2])  # what the Gaussian is to describe
RATE = 1.5  # of the descent that moves


@dataclass(frozen=True)
class Row:
    """A cost at a point: its value, and its derivative in each coordinate (y is 0 where there is but one)."""

    cost: str
    x: float
    y: float
    value: float
    slope_x: float
    slope_y: float


# --- the costs, as functions of one or two numbers ------------------------------------------------------------------


@njit
def entropy_of_two(p, y):
    return entropy(np.array([p, 1.0 - p]))


@njit
def cross_entropy(x, y):
    """Of three classes, as a function of the other two's logits; the label's is 0."""
    return softmax_cross_entropy(np.array([[0.0, x, y]]), LABEL)


@njit
def of_margin(x, y):
    """-ln P of two classes, by how far the label's logit is ahead."""
    return softmax_cross_entropy(np.array([[x, 0.0]]), LABEL)


@njit
def of_margin_loosely(x, y):
    """-P ln P, the article's."""
    cost = of_margin(x, y)
    return np.exp(-cost) * cost


@njit
def squared_error(x, y):
    """Of a Gaussian of width 1, but for a constant, by the distance of its mean from the target."""
    return 0.5 * x**2


@njit
def squared_error_loosely(x, y):
    """The article's: the density times the squared error."""
    return np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi) * 0.5 * x**2


@njit
def gaussian(x, y):
    """Of a mean and the logarithm of a width, for several targets."""
    return gaussian_nll(np.full(TARGETS.size, x), y, TARGETS)


CURVES = {  # name: (function, from, to)
    "entropy": (entropy_of_two, 1e-6, 1.0 - 1e-6),
    "-ln P": (of_margin, -8.0, 8.0),
    "-P ln P": (of_margin_loosely, -8.0, 8.0),
    "squared error": (squared_error, -4.0, 4.0),
    "density times squared error": (squared_error_loosely, -4.0, 4.0),
}
SURFACES = {  # name: (function, x from, to, y from, to)
    "cross-entropy of three": (cross_entropy, -6.0, 6.0, -6.0, 6.0),
    "Gaussian, mean and width": (gaussian, -2.0, 3.0, -1.2, 1.6),
}


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Evaluate the costs and their gradients, write `costs.csv`, draw `costs.png` and `costs.gif`."""
    n, rows = SCALES[scale]["grid"], []
    for name in track([*CURVES, *SURFACES]):
        if name in CURVES:
            function, low, high = CURVES[name]
            points = [(x, 0.0) for x in np.linspace(low, high, 2 * n + 1)]
        else:
            function, *ends = SURFACES[name]
            points = [(x, y) for x in np.linspace(*ends[:2], n) for y in np.linspace(*ends[2:], n)]
        slopes = value_and_grad(function, argnums=(0, 1))
        rows += [Row(name, x, y, value, *slope) for x, y in points for value, slope in [slopes(x, y)]]
    write_csv(folder / "costs.csv", rows, {"question": __doc__.splitlines()[0], "scale": scale})
    rows = read_csv(folder / "costs.csv", Row)
    draw(rows, folder, SCALES[scale]["frames"])
    return rows


# --- what it proves ---------------------------------------------------------------------------------------------------


def least(rows: list[Row], name: str, worst: bool = False) -> Row:
    """The row of a cost where it is least (or greatest)."""
    return (max if worst else min)((r for r in rows if r.cost == name), key=lambda r: r.value)


def turning_point() -> float:
    """The probability of the label at which the descent of -P ln P changes its direction."""
    margin = brentq(lambda x: grad(of_margin_loosely)(x, 0.0), -3.0, 1.0)
    return float(np.exp(-of_margin(margin, 0.0)))


def tables(rows: list[Row]) -> Iterator[Table]:
    table = Table(title="where each cost is least, of the points that were looked at", title_justify="left")
    table.add_column("cost")
    for heading in ("at", "value", "slopes there", "greatest slope"):
        table.add_column(heading, justify="right")
    for name in [*CURVES, *SURFACES]:
        low, two = least(rows, name), name in SURFACES
        steepest = max(np.hypot(r.slope_x, r.slope_y) for r in rows if r.cost == name)
        at = f"{low.x:.3g}, {low.y:.3g}" if two else f"{low.x:.3g}"
        slopes = f"{low.slope_x:.1e}, {low.slope_y:.1e}" if two else f"{low.slope_x:.1e}"
        table.add_row(name, at, f"{low.value:.3g}", slopes, f"{steepest:.3g}")
    yield table


def finding(rows: list[Row]) -> str:
    top, right = least(rows, "entropy", worst=True), value_and_grad(softmax_cross_entropy)
    best = least(rows, "Gaussian, mean and width")
    sure, wrong = (right(np.array([[z, 0.0]]), LABEL) for z in (40.0, -2000.0))
    return (
        f"Entropy is greatest, {top.value:.4f} = ln 2 nats, at p = {top.x:.2f}, where its slope is {abs(top.slope_x):.0e}, and "
        f"falls to 0 where the outcome is sure. Cross-entropy is nowhere least: it falls for ever as the label's logit grows, by "
        f"the gradient softmax - label, so that no mistake is too large to learn from (2000 behind: cost {wrong[0]:.0f}, "
        f"slope {wrong[1][0, 0]:.0f}) and none too small to be seen (40 ahead: cost {sure[0]:.1e}). A Gaussian's is least at the "
        f"targets' mean and spread ({best.x:.2f} and {np.exp(best.y):.2f}, where NumPy says {TARGETS.mean():.2f} and "
        f"{TARGETS.std():.2f}); of fixed width it is half the squared error.\n\n"
        f"-P ln P, in its stead, turns where P = {turning_point():.4f} = 1/e: from a worse prediction its descent leads to P = 0."
    )


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(rows: list[Row], folder: Path, frames: int) -> None:
    with figure(folder / "costs.png", 2, 3, (20, 12.5)) as (_, axes):
        _entropy(axes[0, 0], rows)
        _margins(axes[0, 1], rows)
        _squares(axes[0, 2], rows)
        _widths(axes[1, 2])
        surface(axes[1, 0], rows, "cross-entropy of three")
        axes[1, 0].set(title="Cross-entropy of three classes", xlabel="logit of class 1", ylabel="logit of class 2")
        note = {"fontsize": 13, "color": GREY, "bbox": {"color": "white", "alpha": 0.85, "pad": 3}}
        axes[1, 0].annotate("the label's logit is 0:\ndownhill is away from the others", (-5.6, -5.4), **note)
        surface(axes[1, 1], rows, "Gaussian, mean and width")
        axes[1, 1].set(title="A Gaussian's cost for seven targets", xlabel="mean", ylabel="log of the width")
        axes[1, 1].plot(TARGETS, np.full(TARGETS.size, -1.15), "|", color=GREY, markersize=14)
        axes[1, 1].plot(TARGETS.mean(), np.log(TARGETS.std()), "*", color="black", markersize=15)
        axes[1, 1].annotate("least at the mean and the spread\nof the targets (ticks below)", (-1.85, 1.25), **note)
    with figure(folder / "costs.tmp.png", 1, 2, (14, 6.2), sharey=False) as (made, axes):
        move(made, _descents(axes, rows), frames, folder / "costs.gif", per_second=12.0)
    (folder / "costs.tmp.png").unlink()


def _of(rows: list[Row], name: str) -> np.ndarray:
    """x, value and slope of a curve, as columns."""
    return np.array([(r.x, r.value, r.slope_x) for r in rows if r.cost == name]).T


def _entropy(axes, rows: list[Row]) -> None:
    p, value, slope = _of(rows, "entropy")
    axes.plot(p, value, color=PRIMAL)
    axes.plot(p, np.clip(slope, -2.2, 2.2), color=COTANGENT)
    axes.axhline(0.0, color=GREY, linewidth=1)
    axes.plot(0.5, np.log(2.0), "o", color=PRIMAL)
    axes.set(title="Entropy of two outcomes", xlabel="probability p of the first", ylabel="nats", ylim=(-2, 2))
    axes.annotate("entropy", (0.68, 0.72), color=PRIMAL)
    axes.annotate("its gradient: 0 where\nentropy is greatest", (0.27, 1.35), color=COTANGENT)


def _margins(axes, rows: list[Row]) -> None:
    x, value, slope = _of(rows, "-ln P")
    axes.plot(x, value, color=PRIMAL)
    axes.plot(x, slope, color=COTANGENT)
    x, value, slope = _of(rows, "-P ln P")
    axes.plot(x, value, "--", color=PRIMAL)
    axes.plot(x, slope, "--", color=COTANGENT)
    axes.axhline(0.0, color=GREY, linewidth=1)
    axes.set(title="Two ways to cost a label", xlabel="how far the label's logit is ahead", ylabel="nats", ylim=(-1.4, 4.2))
    axes.annotate("-ln P", (-3.6, 3.75), color=PRIMAL)
    axes.annotate("-P ln P (dashed) is 0\nat both ends", (0.6, 0.62), color=PRIMAL)
    axes.annotate("gradient of -ln P: always\nto the right, downhill", (1.1, -0.45), color=COTANGENT, va="top")


def _squares(axes, rows: list[Row]) -> None:
    """Squared error, and what becomes of it where the density stands in front."""
    for name, line in (("squared error", "-"), ("density times squared error", "--")):
        x, value, slope = _of(rows, name)
        axes.plot(x, value, line, color=PRIMAL)
        axes.plot(x, slope, line, color=COTANGENT)
    axes.plot(0.0, 0.0, "o", color=PRIMAL)
    axes.axhline(0.0, color=GREY, linewidth=1)
    axes.set(title="Two ways to cost a number", xlabel="prediction - target, in widths", ylabel="nats", ylim=(-3, 5))
    axes.annotate("half the squared\nerror: least at 0", (-0.75, 2.6), color=PRIMAL)
    axes.annotate("its gradient", (-3.9, -1.7), color=COTANGENT)
    axes.annotate("dashed: with the density in front\nboth fade far from the target", (-0.6, -2.5), color=GREY, fontsize=13)


def _widths(axes) -> None:
    """Slices through the Gaussian's surface."""
    means = np.linspace(*SURFACES["Gaussian, mean and width"][1:3], 121)
    slope = grad(gaussian)
    for width, line in ((0.5, ":"), (TARGETS.std(), "-"), (2.5, "--")):
        axes.plot(means, [gaussian(m, np.log(width)) for m in means], line, color=PRIMAL, label=f"width {width:.2g}")
        axes.plot(means, [slope(m, np.log(width)) for m in means], line, color=COTANGENT)
    axes.axvline(TARGETS.mean(), color=GREY, linewidth=1)
    axes.set(title="Slices of it, and their gradients", xlabel="mean", ylabel="nats", ylim=(-4, 8))
    axes.annotate("all least at the\nmean of the targets", (TARGETS.mean(), -3.4), (8, 0), textcoords="offset points", color=GREY)
    axes.legend(loc="upper center", fontsize=13, frameon=True, framealpha=0.85, edgecolor="white")


def surface(axes, rows: list[Row], name: str) -> None:
    """Level lines of a cost, and arrows downhill."""
    chosen = [r for r in rows if r.cost == name]
    n = round(len(chosen) ** 0.5)
    fields = ("x", "y", "value", "slope_x", "slope_y")
    x, y, value, slope_x, slope_y = (np.array([getattr(r, field) for r in chosen]).reshape(n, n) for field in fields)
    levels = np.quantile(value, np.linspace(0.02, 0.98, 14))
    axes.contourf(x, y, value, levels=levels, cmap="Blues", alpha=0.55, extend="both")
    axes.contour(x, y, value, levels=levels, colors=PRIMAL, linewidths=0.8)
    some = slice(n // 20, None, max(1, n // 10))
    length = np.hypot(slope_x, slope_y)[some, some] ** 0.5 + 1e-12  # so that short ones are seen beside long ones
    arrows = (-slope_x[some, some] / length, -slope_y[some, some] / length)
    axes.quiver(x[some, some], y[some, some], *arrows, color=COTANGENT, width=0.005, headwidth=4)


def _descents(axes, rows: list[Row]) -> Callable[[int], None]:
    """Two costs of the same wrong prediction go downhill: where do they end?"""
    balls, starts, colours = [], (-3.5, -1.5, 0.5), (ORANGE, PINK, GREY)
    titles = "-ln P: the cross-entropy", "-P ln P: the article's"
    for panel, name, title in zip(axes, ("-ln P", "-P ln P"), titles, strict=True):
        x, value, _ = _of(rows, name)
        panel.plot(x, value, color=PRIMAL)
        panel.set(title=title, xlabel="how far the label's logit is ahead", ylabel="nats")
        cost, dots = CURVES[name][0], [panel.plot([], [], "o", color=colour, markersize=13)[0] for colour in colours]
        balls.append((grad(cost), cost, dots, list(starts)))

    def update(k: int) -> None:
        for slope, cost, dots, places in balls:
            for j, dot in enumerate(dots):
                places[j] -= RATE * slope(places[j], 0.0) * (k > 0)
                dot.set_data([places[j]], [cost(places[j], 0.0)])

    return update
