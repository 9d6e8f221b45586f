"""How does a gradient lead to the least cost, and what is gained by estimating it from a few samples?

On a regression of two weights (diabetes, 442 patients) the whole way can be seen on the surface of the cost; on handwritten
digits a perceptron learns by full-batch descent, by stochastic descent, with momentum and with Adam, each pass compiled as a
whole, and by SciPy's optimisers, fed with the same gradient and with its Hessian-vector product.

The article's first update rule, θ + α ∂J/∂θ, is that of ascent: with it one climbs the log-likelihood, in the same steps as one
descends its negative. Stochastic descent "wanders", as it says, but with a fixed rate it never takes one to the same place: it
stays in a neighbourhood whose size goes with the rate and with the spread of the estimate.
"""

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.ticker import NullFormatter
from numba import njit
from rich.table import Table
from scipy import stats
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes

from experiments.measure import read_csv, write_csv
from experiments.perceptron import CLASSES, split
from experiments.pictures import BLACK, COTANGENT, GREY, OLIVE, ORANGE, PINK, SKY, WINE, figure, move
from toolkit import grad, hvp, value_and_grad
from toolkit.losses import mean_squared_error, softmax_cross_entropy
from toolkit.optim import SGD, Adam, GradientDescent, Momentum, start, step

MAKES = ("descent.png", "descent.gif", "descent.csv")
SCALES = {
    "quick": {"passes": 3, "steps": 10, "draws": 20, "width": 16, "frames": 6, "scipy": 3},
    "default": {"passes": 60, "steps": 60, "draws": 300, "width": 64, "frames": 60, "scipy": 60},
    "full": {"passes": 300, "steps": 200, "draws": 3000, "width": 64, "frames": 60, "scipy": 200},
}
BATCH = 32
FULL, STOCHASTIC, ASCENT = "full batch", f"stochastic, batches of {BATCH}", "ascent of the log-likelihood"
METHODS = {  # on the digits: (rule, samples a step; None: all)
    FULL: (GradientDescent(0.8), None),
    STOCHASTIC: (SGD(0.3), BATCH),
    "momentum": (Momentum(0.05, 0.9), BATCH),
    "Adam": (Adam(3e-3), BATCH),
}
QUASI, NEWTON = "SciPy, L-BFGS-B", "SciPy, trust-ncg with hvp"
COLOURS = {FULL: BLACK, STOCHASTIC: PINK, "momentum": ORANGE, "Adam": SKY, QUASI: OLIVE, NEWTON: WINE}


@dataclass(frozen=True)
class Row:
    """A point of a path ("surface": weights x, y), of a training ("digits"), or of the estimates ("spread": x samples)."""

    study: str
    method: str
    passes: float  # over the data, so far
    seconds: float
    loss: float
    right: float  # share of the held-out digits; of "spread": relative error of the gradient, root mean square
    x: float = 0.0
    y: float = 0.0


# --- the two problems -------------------------------------------------------------------------------------------------


@njit
def regression(weights, x, targets):
    """Mean squared error of a linear prediction."""
    return mean_squared_error(x @ weights, targets)


@njit
def log_likelihood(weights, x, targets):
    """Of Gaussian targets of width √½, but for a constant."""
    return -mean_squared_error(x @ weights, targets)


def patients() -> tuple[np.ndarray, np.ndarray]:
    """(442, 2) body-mass index and blood pressure, and the progress of the disease: all of mean 0 and variance 1."""
    data = load_diabetes()
    x, targets = data.data[:, 2:4], data.target
    scaled = lambda a: np.ascontiguousarray((a - a.mean(0)) / a.std(0))
    return scaled(x), scaled(targets)


@njit
def cost(parameters, x, labels):
    """Mean cross-entropy of a perceptron with one hidden layer."""
    w1, b1, w2, b2 = parameters
    return softmax_cross_entropy(np.tanh(x @ w1 + b1) @ w2 + b2, labels)


@njit
def predicted(parameters, x):
    w1, b1, w2, b2 = parameters
    return np.tanh(x @ w1 + b1) @ w2 + b2


gradient = value_and_grad(cost)


@njit
def one_pass(rule, parameters, state, x, labels, order, size):
    """Every sample once, `size` at a step: nothing in it is Python."""
    for first in range(0, order.size, size):
        rows = order[first : first + size]
        _, g = gradient(parameters, x[rows], labels[rows])
        parameters, state = step(rule, parameters, g, state)
    return parameters, state


def initial(width: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    draw = lambda n, m: rng.standard_normal((n, m)) / np.sqrt(n)
    return draw(64, width), np.zeros(width), draw(width, CLASSES), np.zeros(CLASSES)


# --- the studies ------------------------------------------------------------------------------------------------------


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Descend, write `descent.csv`, draw `descent.png` and `descent.gif`."""
    settings, rows = SCALES[scale], []
    studies = [on_surface, *(lambda s, name=name: on_digits(s, name) for name in METHODS), with_scipy, spread]
    for study in track(studies):
        rows += study(settings)
    write_csv(folder / "descent.csv", rows, {"question": __doc__.splitlines()[0], "scale": scale})
    rows = read_csv(folder / "descent.csv", Row)
    draw(rows, folder, settings["frames"])
    return rows


def on_surface(settings: dict) -> list[Row]:
    """Two weights, from the same corner: all patients a step, or 32 of them; and up the likelihood."""
    x, targets = patients()
    down, up, rows, rng = value_and_grad(regression), value_and_grad(log_likelihood), [], np.random.default_rng(0)
    for method, slopes, rule, size in (
        (FULL, down, GradientDescent(0.08), targets.size), (STOCHASTIC, down, SGD(0.08), BATCH),
        (ASCENT, up, GradientDescent(-0.08), targets.size),
    ):  # fmt: skip
        weights, state = np.array([-0.9, 1.4]), start(rule, np.zeros(2))
        for k in range(settings["steps"] + 1):
            loss = regression(weights, x, targets)
            rows.append(Row("surface", method, k * size / targets.size, 0.0, loss, 0.0, *map(float, weights)))
            some = np.sort(rng.choice(targets.size, size, replace=False))
            weights, state = step(rule, weights, slopes(weights, x[some], targets[some])[1], state)
    return rows


def on_digits(settings: dict, name: str) -> list[Row]:
    """A perceptron learns; the clock runs during the passes alone."""
    x, labels, *_ = split()
    (rule, size), rng = METHODS[name], np.random.default_rng(0)
    parameters = initial(settings["width"])
    state, n, seconds, rows = start(rule, parameters), labels.size, 0.0, []
    size = size or n
    one_pass(rule, parameters, state, x, labels, np.arange(n), n)  # compiles
    for k in range(settings["passes"] + 1):
        rows.append(_digits(name, k, seconds, parameters))
        order, begun = rng.permutation(n), time.perf_counter()
        parameters, state = one_pass(rule, parameters, state, x, labels, order, size)
        seconds += time.perf_counter() - begun
    return rows


def _digits(name: str, passes: float, seconds: float, parameters: tuple) -> Row:
    x, labels, x_test, labels_test = split()
    right = np.mean(predicted(parameters, x_test).argmax(1) == labels_test)
    return Row("digits", name, float(passes), seconds, cost(parameters, x, labels), float(right))


def with_scipy(settings: dict) -> list[Row]:
    """The same cost as a function of one vector. A value with its gradient is counted as a pass, and so is a Hessian product."""
    x, labels, *_ = split()
    start_at, rows = initial(settings["width"]), []
    first = np.concatenate([p.ravel() for p in start_at])
    hidden, (b1, w2, b2) = settings["width"], np.cumsum([p.size for p in start_at])[:3].tolist()

    @njit
    def parts(theta):
        return theta[:b1].reshape(64, hidden), theta[b1:w2], theta[w2:b2].reshape(hidden, CLASSES), theta[b2:]

    @njit
    def of_vector(theta):
        return cost(parts(theta), x, labels)

    slopes, curvature = value_and_grad(of_vector), hvp(of_vector)
    slopes(first), curvature(first, first), _digits("", 0.0, 0.0, parts(first))  # compile
    for name, method in ((QUASI, "L-BFGS-B"), (NEWTON, "trust-ncg")):
        counts, begun = Counter(), time.perf_counter()

        def counted(f, *args, counts=counts):
            counts["passes"] += 1
            return f(*args)

        def note(theta, name=name, counts=counts, begun=begun):
            now = time.perf_counter()
            rows.append(_digits(name, counts["passes"], now - begun - counts["looking"], parts(theta)))
            counts["looking"] += time.perf_counter() - now

        note(first)
        more = {"hessp": functools.partial(counted, curvature)} if method == "trust-ncg" else {}
        options = {"maxiter": settings["scipy"]}
        minimize(functools.partial(counted, slopes), first, jac=True, method=method, callback=note, options=options, **more)
    return rows


def spread(settings: dict) -> list[Row]:
    """How far a batch's gradient is from the whole one, before any step, by the size of the batch."""
    x, labels, *_ = split()
    parameters, rng, rows = initial(settings["width"]), np.random.default_rng(0), []
    flat = lambda structure: np.concatenate([a.ravel() for a in structure])
    whole = flat(gradient(parameters, x, labels)[1])
    for size in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
        drawn = (rng.integers(labels.size, size=size) for _ in range(settings["draws"]))
        errors = [np.linalg.norm(flat(gradient(parameters, x[some], labels[some])[1]) - whole) for some in drawn]
        error = float(np.sqrt(np.mean(np.square(errors))) / np.linalg.norm(whole))
        rows.append(Row("spread", "batches", 0.0, 0.0, 0.0, error, float(size)))
    return rows


# --- what it proves ---------------------------------------------------------------------------------------------------


def of(rows: list[Row], study: str, method: str) -> list[Row]:
    return [r for r in rows if (r.study, r.method) == (study, method)]


def solution() -> np.ndarray:
    """The weights of least squares."""
    x, targets = patients()
    return np.linalg.lstsq(x, targets)[0]


def exponent(rows: list[Row]) -> tuple[float, float]:
    """error ∝ size^exponent, and half its 95 % interval."""
    chosen = [r for r in rows if r.study == "spread"]
    line = stats.linregress(np.log([r.x for r in chosen]), np.log([r.right for r in chosen]))
    return line.slope, line.stderr * stats.t.ppf(0.975, len(chosen) - 2)


def tables(rows: list[Row]) -> Iterator[Table]:
    table = Table(title="digits: a perceptron, 1500 pictures to learn from, 297 held out", title_justify="left")
    table.add_column("method")
    for heading in ("passes", "seconds", "cost", "right, of those held out", "97 % after"):
        table.add_column(heading, justify="right")
    for method in COLOURS:
        if chosen := of(rows, "digits", method):
            last, good = chosen[-1], next((f"{r.seconds:.2f} s" for r in chosen if r.right >= 0.97), "—")
            table.add_row(method, f"{last.passes:.0f}", f"{last.seconds:.2f}", f"{last.loss:.2g}", f"{last.right:.1%}", good)
    yield table


def finding(rows: list[Row]) -> str:
    least = solution()
    away = {m: [np.hypot(r.x - least[0], r.y - least[1]) for r in of(rows, "surface", m)] for m in (FULL, STOCHASTIC)}
    steps = [np.hypot(a.x - b.x, a.y - b.y) for a, b in zip(of(rows, "surface", FULL), of(rows, "surface", ASCENT), strict=True)]
    half = len(away[FULL]) // 2
    slope, margin = exponent(rows)
    methods = [m for m in METHODS if m != FULL]
    good = {m: next((r for r in of(rows, "digits", m) if r.right >= 0.97), None) for m in methods}
    reached = [f"{m.split(',')[0]} after {r.passes:.0f} passes, {r.seconds:.2f} s" for m, r in good.items() if r]
    full, stochastic = (of(rows, "digits", m)[-1] for m in (FULL, STOCHASTIC))
    text = (
        f"On the regression, full-batch descent comes to {away[FULL][-1]:.1e} from the least squares; stochastic descent, a "
        f"step of which costs {BATCH / patients()[1].size:.0%} of that, stays {np.mean(away[STOCHASTIC][half:]):.2f} away; "
        f"ascent of the log-likelihood takes the steps of descent, to {max(steps):.0e}. A batch's gradient errs in proportion to "
        f"its size to the power {slope:.2f} ± {margin:.2f}. On the digits, {full.passes:.0f} passes bring full-batch descent to "
        f"a cost of {full.loss:.2g}, and stochastic descent, which takes {-(-split()[1].size // BATCH)} steps a pass, to "
        f"{stochastic.loss:.2g}."
    )
    return text + (f" 97 % of the held-out digits are right: {'; '.join(reached)}." if reached else "")


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw(rows: list[Row], folder: Path, frames: int) -> None:
    with figure(folder / "descent.png", 2, 2, (14, 12.5)) as (_, axes):
        _surface(axes[0, 0], rows)
        for method in (FULL, STOCHASTIC):
            path = np.array([(r.x, r.y) for r in of(rows, "surface", method)])
            axes[0, 0].plot(*path.T, ".-", color=COLOURS[method], linewidth=1.6, label=method)
        axes[0, 0].legend(loc="upper right", fontsize=13, frameon=True, framealpha=0.9, edgecolor="white")
        _spread(axes[0, 1], rows)
        for panel, unit in zip(axes[1], ("passes", "seconds"), strict=True):
            for method, colour in COLOURS.items():
                chosen = [r for r in of(rows, "digits", method) if r.passes > 0 and r.seconds > 1e-4]
                panel.plot([getattr(r, unit) for r in chosen], [r.loss for r in chosen], color=colour, label=method)
            panel.set(xscale="log", yscale="log", ylabel="cost of the pictures learnt from")
        axes[1, 0].set(title="Digits: cost by passes over the data", xlabel="passes")
        axes[1, 1].set(title="The same by time", xlabel="seconds")
        axes[1, 0].legend(loc="lower left", fontsize=12)
    with figure(folder / "descent.tmp.png", 1, 1, (9, 7.5)) as (made, axes):
        _surface(axes, rows)
        moving = {m: axes.plot([], [], ".-", color=COLOURS[m], linewidth=2, label=m)[0] for m in (FULL, STOCHASTIC)}
        axes.legend(loc="upper right", fontsize=13, frameon=True, framealpha=0.9, edgecolor="white")

        def update(k: int) -> None:
            for method, line in moving.items():
                line.set_data(*np.array([(r.x, r.y) for r in of(rows, "surface", method)[: k + 1]]).T)

        move(made, update, min(frames, len(of(rows, "surface", FULL))), folder / "descent.gif", per_second=8.0)
    (folder / "descent.tmp.png").unlink()


def _surface(axes, rows: list[Row]) -> None:
    """The cost of two weights, its gradient, and where it is least."""
    x, targets = patients()
    u, v = np.meshgrid(np.linspace(-1.1, 1.3, 61), np.linspace(-0.9, 1.7, 61))
    value = np.array([[regression(np.array(w), x, targets) for w in zip(*row)] for row in zip(u, v)])
    axes.contour(u, v, value, levels=np.geomspace(value.min() * 1.01, value.max(), 16), colors=GREY, linewidths=0.7)
    slope, some = grad(regression), slice(5, None, 10)
    arrows = np.array([[-slope(np.array(w), x, targets) for w in zip(*row)] for row in zip(u[some, some], v[some, some])])
    axes.quiver(u[some, some], v[some, some], arrows[..., 0], arrows[..., 1], color=COTANGENT, alpha=0.5, width=0.004)
    axes.plot(*solution(), "*", color="black", markersize=16, zorder=5)
    axes.set(title="Regression: two ways down", xlabel="weight of the body-mass index", ylabel="weight of the blood pressure")


def _spread(axes, rows: list[Row]) -> None:
    chosen = [r for r in rows if r.study == "spread"]
    sizes, errors = np.array([r.x for r in chosen]), np.array([r.right for r in chosen])
    slope, margin = exponent(rows)
    axes.plot(sizes, errors, "o", color=COTANGENT)
    axes.plot(sizes, errors[0] * sizes**-0.5, ":", color=GREY, linewidth=1.8)
    axes.set(xscale="log", yscale="log", title="Error of a batch's gradient")
    axes.set(xlabel="pictures in a batch", ylabel="relative error, root mean square")
    axes.set_yticks([0.3, 1, 3], ["0.3", "1", "3"])
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.annotate("dotted: one over the root of the size", (sizes[0], errors[-1]), color=GREY, fontsize=13)
    axes.annotate(f"slope {slope:.2f} ± {margin:.2f} (95 %)", (sizes[-1], errors[0]), ha="right", color=COTANGENT)
