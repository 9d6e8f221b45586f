"""Golden copies of emitted source: what a reader sees of a derivative changes only on purpose.

Each program below stands for one thing that the emitter must write well; `tests/golden/NAME.py` holds the text of its
derivative. The test compares them exactly, and shows the difference. `python tests/test_golden.py` writes the files anew:
look at what `git diff` then says, as a reader would.
"""
import difflib
import math
from pathlib import Path

import numpy as np
import pytest
from laws import check
from numba import njit

from toolkit import grad, hvp, jvp, source, value_and_grad, vjp

HERE = Path(__file__).resolve().parent / "golden"
V, M = np.linspace(0.5, 1.5, 5), np.ones((3, 4))
CASES = {}


def golden(make, *args):
    """Register a program, under its own name and that of what is made of it."""
    def register(fn):
        CASES[f"{fn.__name__}_{make.__name__}"] = make, fn, args
        return fn
    return register


@golden(jvp, 1.0, 2.0)
@golden(vjp, 1.0, 2.0)
@golden(value_and_grad, 1.0, 2.0)
def straight(x, y):
    """A number: each step once, each cotangent once."""
    r = math.sqrt(x * x + y * y)
    return math.exp(-r) * x / r


@golden(vjp, M, np.ones((4, 2)), np.ones(2))
@golden(jvp, M, np.ones((4, 2)), np.ones(2))
def layer(x, w, b):
    """Array code: BLAS for the product, and a bias that is broadcast."""
    h = np.tanh(x @ w + b)
    return np.sum(h * h)


@golden(grad, 1.0, 10)
@golden(jvp, 1.0, 10)
def logistic(r, n):
    """A loop over numbers, of which one must be kept in each iteration."""
    x = 0.5
    for _ in range(n):
        x = r * x * (1.0 - x)
    return x


@golden(vjp, V)
@golden(jvp, V)
def smoothed(x):
    """Stores in place: contents that are read before they are overwritten."""
    y = x.copy()
    for i in range(1, y.size - 1):
        y[i] = math.sin(y[i - 1]) * y[i + 1]
    return y


@golden(vjp, 1.0)
@golden(jvp, 1.0)
def huber(x):
    """A branch."""
    if abs(x) < 1.0:  # noqa: SIM108  (the statement is what is shown)
        y = 0.5 * x * x
    else:
        y = abs(x) - 0.5
    return 3.0 * y


@golden(grad, 2.0)
def root(a):
    """A loop whose trip count is not known, and that is left early."""
    x = a
    while True:
        new = 0.5 * (x + a / x)
        if abs(new - x) < 1e-12:
            break
        x = new
    return x


@golden(vjp, np.ones((4, 4)))
def stencil(u):
    """Slices and a view."""
    inner = u[1:-1, 1:-1]
    return 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1]) - inner * inner


@golden(grad, M, np.ones(4))
@golden(jvp, M, np.ones(4))
def projected(a, x):
    """A nested loop that sums."""
    total = 0.0
    for i in range(a.shape[0]):
        s = 0.0
        for j in range(a.shape[1]):
            s += a[i, j] * x[j]
        total += s * s
    return total


@njit
def scale_row(a, i, factor):
    for j in range(a.shape[1]):
        a[i, j] *= factor


@golden(vjp, M)
def scaled(a):
    """A call of a function that writes to its argument."""
    b = a.copy()
    for i in range(b.shape[0]):
        scale_row(b, i, b[i, 0])
    return b


@golden(grad, 1.0)
@golden(hvp, 1.0)
def cubic(x):
    """Second order of something tiny."""
    return x * x * x


def text(name):
    """The source of one derivative."""
    make, fn, args = CASES[name]
    if make is hvp:
        args = (*args, args[0])
    return source(make(fn), *args)


@pytest.mark.parametrize("name", CASES)
def test_the_emitted_source_is_the_golden_one(name):
    file = HERE / f"{name}.py"
    assert file.exists(), "python tests/test_golden.py writes it"
    wanted, have = file.read_text(encoding="utf-8"), text(name)
    difference = difflib.unified_diff(wanted.splitlines(), have.splitlines(), f"tests/golden/{name}.py", "emitted", lineterm="")
    assert wanted == have, "\n".join(difference)


def test_no_golden_file_is_left_over():
    assert {f.stem for f in HERE.glob("*.py")} == set(CASES)


def test_the_emitted_source_does_not_depend_on_what_was_emitted_before():
    assert [text(name) for name in CASES] == [text(name) for name in reversed(CASES)][::-1]


@pytest.mark.parametrize("name", {fn.__name__: name for name, (_, fn, _) in CASES.items()}.values())
def test_what_is_shown_is_right(name):
    _, fn, args = CASES[name]
    check(fn, args, tuple(k for k, a in enumerate(args) if not isinstance(a, int)), compile=False)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for stale in HERE.glob("*.py"):
        stale.unlink()
    for name in CASES:
        (HERE / f"{name}.py").write_text(text(name), encoding="utf-8")
    print(f"{len(CASES)} files in {HERE}")
