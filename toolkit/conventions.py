"""What a derivative is where there is none: at kinks, ties, zeros and infinities; `python -m toolkit.conventions` prints it.

`ENTRIES` are programs at such points, beside what JAX and PyTorch return there; the toolkit's own answers are computed, and
`tests/test_conventions.py` holds both modes, numbers and arrays to one another. The cards declare the rest (`kinks`).
"""
from dataclasses import dataclass

import numpy as np

from . import infer, runtime
from .build import load
from .primitive import CATALOGUE
from .transform import vjp

JAX, TORCH = "JAX 0.10.2", "PyTorch 2.13.0"     # both were run, in float64 on a CPU
INF, NAN, UNSAID = np.inf, np.nan, None


@dataclass(frozen=True)
class Entry:
    """A program of `x`, `y`, `z` at a point; its derivatives in JAX and in PyTorch; why ours are what they are.

    `forward` are the derivatives in forward mode, where they differ from those in reverse mode."""
    program: str
    at: tuple
    jax: tuple
    torch: tuple
    why: str = ""
    forward: tuple = None

    def function(self):
        """The program as a function of as many arguments as there are."""
        names = ", ".join("xyz"[:len(self.at)])
        return load(f"def program({names}):\n    return {self.program}\n", {"np": np, **HELPERS}, "program")

    def arguments(self, lift=np.float64):
        """Numbers are NumPy's, which divide by zero in plain Python too."""
        return tuple(np.array(a) if isinstance(a, tuple) else lift(a) for a in self.at)

    def derivatives(self):
        """The derivative in each argument, by reverse mode, as Python runs the emitted code."""
        with np.errstate(all="ignore"):
            return tuple(vjp(self.function()).py_func(self.arguments(), 1.0)[1])


HELPERS = {f.__name__: f for f in (runtime.relu, runtime.softplus, runtime.logsumexp, runtime.softmax)}
FIRST = "one subgradient among many: that of `x[np.argmax(x)]`, which costs one store and rounds nothing"
CHOSEN = "the first argument, as in a branch: one side's derivative, not a mean of both"

SECTIONS = {
    "Kinks": (
        Entry("np.abs(x)", (0.0,), (1.0,), (0.0,), "the mean of both sides, which is `np.sign(0)`"),
        Entry("relu(x)", (0.0,), (0.0,), (0.0,)),
        Entry("np.sign(x)", (0.0,), (0.0,), (0.0,)),
        Entry("np.floor(x)", (1.0,), (0.0,), (0.0,)),
        Entry("np.mod(x, y)", (2.0, 1.0), (1.0, -2.0), (1.0, -2.0)),
        Entry("np.clip(x, y, z)[0]", ((0.0,), 0.0, 1.0), ((0.5,), 0.5, 0.0), ((1.0,), 0.0, 0.0),
              "at a bound x itself is the value"),
        Entry("np.clip(x, y, z)[0]", ((1.0,), 0.0, 1.0), ((0.5,), 0.0, 0.5), ((1.0,), 0.0, 0.0), "the same"),
        Entry("np.clip(x, y, z)[0]", ((1.0,), 1.0, 1.0), ((0.25,), 0.25, 0.5), ((1.0,), 0.0, 0.0), "the same"),
        Entry("np.copysign(x, y)", (0.0, -1.0), (-1.0, 0.0), (0.0, 0.0), "the sign bit of x says on which side of 0 it is"),
        Entry("np.interp(x, np.array((0.0, 1.0, 2.0)), np.array((0.0, 1.0, 3.0)))", (1.0,), (2.0,), UNSAID,
              "at a knot the interval to the right"),
    ),
    "Roots, norms and powers": (
        Entry("np.sqrt(x)", (0.0,), (INF,), (INF,)),
        Entry("np.sqrt(x) * 0.0", (0.0,), (NAN,), (NAN,), "0 times the infinite slope: write `if x > 0`"),
        Entry("np.linalg.norm(x)", ((0.0, 0.0),), ((NAN, NAN),), ((0.0, 0.0),),
              "the subgradient of least length: a NaN here would poison every weight beside it"),
        Entry("np.sqrt(np.sum(x * x))", ((0.0, 0.0),), ((NAN, NAN),), ((NAN, NAN),),
              "0 times the infinite slope: write `np.linalg.norm(x)`"),
        Entry("np.hypot(x, y)", (0.0, 0.0), (0.5, 0.5), (NAN, NAN), "as the norm"),
        Entry("x ** y", (2.0, 0.0), (0.0, np.log(2.0)), (0.0, np.log(2.0))),
        Entry("x ** y", (0.0, 0.0), (NAN, 0.0), (0.0, 0.0), "`x ** 0` is 1 for every x, also at 0"),
        Entry("x ** 0", (0.0,), (0.0,), (0.0,)),
        Entry("x ** y", (0.0, 0.5), (INF, 0.0), (INF, 0.0), forward=(INF, NAN)),
        Entry("x ** y", (0.0, 1.0), (1.0, 0.0), (1.0, 0.0)),
        Entry("x ** y", (0.0, 2.0), (0.0, 0.0), (0.0, 0.0)),
        Entry("x ** y", (0.0, -1.0), (-INF, NAN), (-INF, -INF), "infinite at every y beside it: inf - inf", forward=(NAN, NAN)),
        Entry("x ** y", (-2.0, 2.0), (-4.0, NAN), (-4.0, NAN),
              "beside it there is no real power: y is an integer there, and counts as a constant"),
        Entry("np.std(x)", ((1.0, 1.0),), ((NAN, NAN),), ((0.0, 0.0),),
              "0 / 0, or one rounding error over another: add a small number to the variance"),
        Entry("np.arctan2(x, y)", (0.0, 0.0), (NAN, NAN), (0.0, 0.0), "beside it the derivative has no bound, in any direction"),
        Entry("np.prod(x)", ((0.0, 2.0, 3.0),), ((6.0, 0.0, 0.0),), ((6.0, 0.0, 0.0),)),
        Entry("np.prod(x)", ((0.0, 0.0, 3.0),), ((0.0, 0.0, 0.0),), ((0.0, 0.0, 0.0),)),
    ),
    "Ties": (
        Entry("np.max(x)", ((1.0, 1.0, 0.0),), ((0.5, 0.5, 0.0),), ((0.5, 0.5, 0.0),), FIRST),
        Entry("np.min(x)", ((2.0, 1.0, 1.0),), ((0.0, 0.5, 0.5),), ((0.0, 0.5, 0.5),), "the same"),
        Entry("np.maximum(x, y)", (1.0, 1.0), (0.5, 0.5), (0.5, 0.5), CHOSEN),
        Entry("np.minimum(x, y)", (1.0, 1.0), (0.5, 0.5), (0.5, 0.5), CHOSEN),
        Entry("np.maximum(x, 0.0)", (0.0,), (0.5,), (0.5,), "the same; `relu(x)` has 0 there"),
        Entry("np.fmax(x, y)", (1.0, 1.0), (0.0, 1.0), (1.0, 0.0), "the same"),
        Entry("max(x, y)", (1.0, 1.0), (1.0, 0.0), (1.0, 0.0), "as `np.maximum`"),
        Entry("x if x > y else y", (1.0, 1.0), (0.0, 1.0), (0.0, 1.0), "the branch that is taken: here that of y"),
        Entry("np.ptp(x)", ((1.0, 1.0),), ((0.0, 0.0),), ((0.0, 0.0),)),
        Entry("np.sum(np.sort(x) * np.array((1.0, 2.0, 3.0)))", ((1.0, 1.0, 0.0),), ((2.0, 3.0, 1.0),), ((2.0, 3.0, 1.0),),
              "equal entries in the order of `np.argsort`, which is stable for few entries only"),
        Entry("np.median(x)", ((1.0, 1.0, 1.0),), ((0.0, 1.0, 0.0),), ((1 / 3, 1 / 3, 1 / 3),),
              "that which sorting puts in the middle, as in `torch.quantile(x, 0.5)`"),
    ),
    "What is not a number": (
        Entry("np.sum(np.where(x > 0, np.sqrt(x), 0.0))", ((-1.0,),), ((NAN,),), ((NAN,),),
              "both values are computed, and in reverse mode 0 times NaN is NaN. A branch has no such trap: see the next lines",
              forward=((0.0,),)),
        Entry("np.sqrt(x) if x > 0 else 0.0", (-1.0,), (0.0,), (0.0,), "what is not computed has no derivative"),
        Entry("np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0))", ((-1.0,),), ((0.0,),), ((0.0,),),
              "both values have a derivative"),
        Entry("np.sum(np.where(x > 0, x, y))", ((1.0,), (NAN,)), ((1.0,), (0.0,)), ((1.0,), (0.0,)),
              "a NaN that is not taken does no harm; one in its derivative does"),
        Entry("np.abs(x)", (NAN,), (-1.0,), (0.0,), "NaN stays NaN"),
        Entry("x * x", (NAN,), (NAN,), (NAN,)),
        Entry("x ** y", (NAN, 0.0), (NAN, NAN), (0.0, NAN), "`x ** 0` is 1 for every x; y counts as a constant unless x > 0"),
        Entry("np.log(x)", (-1.0,), (-1.0,), (-1.0,), "the rule is 1 / x; the value is NaN"),
        Entry("relu(x)", (NAN,), (0.0,), (1.0,), "`x > 0` is false"),
        Entry("np.maximum(x, y)", (NAN, 1.0), (0.0, 0.0), (1.0, 1.0), "neither is the greater; the value is NaN"),
        Entry("np.fmax(x, y)", (NAN, 1.0), (0.0, 1.0), (0.0, 1.0), "NaN is left out: the value is y"),
        Entry("max(x, y)", (1.0, NAN), (1.0, 0.0), (1.0, 0.0), "Python's `max` keeps the first where the second is not greater"),
        Entry("np.clip(x, y, z)[0]", ((NAN,), 0.0, 1.0), ((0.0,), 0.0, 0.0), ((0.0,), 0.0, 0.0), "the value is NaN"),
        Entry("np.max(x)", ((1.0, NAN),), ((NAN, NAN),), ((NAN, NAN),), "the entry that is the value, as in `torch.max(x)`"),
        Entry("np.sum(x)", ((1.0, NAN),), ((1.0, 1.0),), ((1.0, 1.0),)),
        Entry("np.nansum(x)", ((1.0, NAN),), ((1.0, 0.0),), ((1.0, 0.0),)),
        Entry("np.nan_to_num(x)", (NAN,), (0.0,), (0.0,)),
        Entry("np.nan_to_num(x)", (INF,), (0.0,), (0.0,)),
    ),
    "Infinities": (
        Entry("np.log(x)", (0.0,), (INF,), (INF,)),
        Entry("1.0 / x", (0.0,), (-INF,), (-INF,)),
        Entry("x - x", (INF,), (0.0,), (0.0,)),
        Entry("x * y", (INF, 0.0), (0.0, INF), (0.0, INF), forward=(NAN, INF)),
        Entry("np.prod(x)", ((2.0, INF),), ((INF, 2.0),), ((INF, NAN),), "the product of the others", forward=((INF, NAN),)),
        Entry("np.linalg.norm(x)", ((INF, 1.0),), ((NAN, 0.0),), ((NAN, 0.0),), "inf / inf", forward=((NAN, NAN),)),
        Entry("np.log(x)", (INF,), (0.0,), (0.0,)),
        Entry("np.exp(x)", (-INF,), (0.0,), (0.0,)),
        Entry("np.tanh(x)", (INF,), (0.0,), (0.0,)),
        Entry("softplus(x)", (INF,), (1.0,), (1.0,)),
        Entry("np.arcsin(x)", (1.0,), (INF,), (INF,)),
        Entry("logsumexp(x)", ((-INF, 0.0, 0.0),), ((0.0, 0.5, 0.5),), ((0.0, 0.5, 0.5),)),
        Entry("logsumexp(x)", ((-INF, -INF),), ((NAN, NAN),), ((NAN, NAN),), "no term is there to share what comes"),
        Entry("np.logaddexp(x, y)", (-INF, -INF), (NAN, NAN), (NAN, NAN), "the same"),
        Entry("logsumexp(x)", ((INF, 0.0),), ((NAN, 0.0),), ((NAN, 0.0),), "the share of an infinite term is exp(inf - inf)",
              forward=((NAN, NAN),)),
        Entry("np.logaddexp(x, y)", (INF, 0.0), (1.0, 1.0), (1.0, 0.0), "the same", forward=(NAN, NAN)),
        Entry("softmax(x)[1]", ((-INF, 0.0, 0.0),), ((0.0, 0.25, -0.25),), ((0.0, 0.25, -0.25),)),
    ),
    "No entries": (
        Entry("np.sum(x)", ((),), ((),), ((),)),
        Entry("np.prod(x)", ((),), ((),), ((),)),
        Entry("np.mean(x)", ((),), ((),), ((),), "the value is NaN, the gradient has no entries"),
        Entry("np.linalg.norm(x)", ((),), ((),), ((),)),
        Entry("np.dot(x, y)", ((), ()), ((), ()), ((), ())),
        Entry("np.sum(np.sort(x))", ((),), ((),), ((),)),
    ),
}
ENTRIES = tuple(e for section in SECTIONS.values() for e in section)


# ---- the page --------------------------------------------------------------------------------------------------------

def shown(x):
    """A number or a tuple of numbers, briefly."""
    if x is UNSAID:
        return "–"
    if np.ndim(x):
        return f"({', '.join(map(shown, np.asarray(x).tolist()))})" if np.ndim(x) == 1 else str(np.asarray(x).tolist())
    return f"{float(x) + 0.0:.4g}"


def listed(xs):
    """Derivatives, one for each argument."""
    return "–" if xs is UNSAID else ", ".join(map(shown, xs))


def of_entry(entry):
    """A line of the table."""
    ours = listed(entry.derivatives())
    ours += f" (forward mode: {listed(entry.forward)})" if entry.forward else ""
    return f"| `{entry.program}` | {listed(entry.at)} | {ours} | {listed(entry.jax)} | {listed(entry.torch)} | {entry.why} |"


def declared():
    """The kinks that the cards declare: a line each."""
    for card in dict.fromkeys(c for cards in CATALOGUE.values() for c in cards):
        call = next(call for call, cards in CATALOGUE.items() if card in cards)
        for what, (at, slope) in card.kinks.items():
            answer = f"raises `{slope.__name__}`" if isinstance(slope, type) else listed(slope)
            yield f"| `{infer.name_of(call)}` | {what} | {listed(at)} | {answer} |"


def markdown():
    """The page."""
    lines = ["# Conventions at the edges", "",
             "Where no derivative exists, both modes return a convention. Each line is a program, a point, and the derivative in",
             f"each argument there, in reverse mode: ours, that of {JAX} and that of {TORCH}, both run (– where the program",
             "cannot be written). In PyTorch every argument is a tensor, `np.max` is `torch.amax`, `np.min` `torch.amin`,",
             "`np.median` `torch.median`, `np.clip` `torch.clamp`; `np.std` has `correction=0` and `np.sort` has `stable=True`.",
             "`python -m toolkit.conventions` prints this page, and `tests/test_conventions.py` holds both modes to it.", "",
             "Where the modes differ, an infinite slope or a NaN meets a 0 in one of them: 0 times either is NaN.", "",
             "Where the function itself divides a number by zero, the derivative raises `ZeroDivisionError` as the function",
             "does, and does not under `@njit(error_model=\"numpy\")`. Rules never raise. Where `np.max` or `np.min` has no",
             "entries, the derivative raises the function's `ValueError`.", ""]
    for title, entries in SECTIONS.items():
        lines += [f"## {title}", "", "| Program | at | ours | JAX | PyTorch | why |", "|---|---|---|---|---|---|",
                  *map(of_entry, entries), ""]
    lines += ["## What the cards declare", "",
              "The derivative along the cotangent 1, 2, 3, … of the result, at a point of each kind.", "",
              "| Function | where | at | derivative |", "|---|---|---|---|", *declared(), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(), end="")
