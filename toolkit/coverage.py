"""What Numba compiles of `math`, NumPy and its arrays for real numbers, and what the toolkit does with each: `python -m
toolkit.catalogue` prints the table.

The list is Numba's own, of the release that is installed; what becomes of a name is read off the catalogue. Every row carries a
`probe`, an expression that uses it: a function with "both modes" obeys the laws there, one with "no derivative" hands on none,
and a "refused" one raises a Refusal with a place.
"""
import math
from collections import Counter
from dataclasses import dataclass

import numba
import numpy as np

from . import host, infer
from .lower import METHODS
from .primitive import CATALOGUE, DRAWS, FLAT, VIEWS
from .rewrites import METHOD_REWRITES, REWRITES

BOTH, NONE, REFUSED = "both modes", "no derivative", "refused"


@dataclass(frozen=True)
class Row:
    """One name: what the toolkit does with it, a reason or a limit, and an expression in `SAMPLES` that uses it."""
    name: str
    what: str
    note: str
    probe: str


# ---- what is not read off the catalogue ------------------------------------------------------------------------------

FOREIGN = {"np.isnat", "np.row_stack"}                  # of dates; a name that NumPy gives up
READS = "reads the memory of an array as bytes or as another type"
LOOPED = {"np.ndindex", "np.ndenumerate", ".flat"}       # what a `for` runs over
REASONS = {
    "np.frombuffer": READS, ".view": READS, ".tobytes": READS, ".ctypes": READS,
    "np.lib.stride_tricks.as_strided": READS,
    "np.lib.stride_tricks.sliding_window_view": "its entries share memory with one another: slice instead",
    "np.nditer": "loop over the array, or over its `.flat`",
    "np.random.shuffle": "writes to its argument: index with np.random.permutation(n)",
    "np.intersect1d": "has no derivative where it has entries: they exist by coincidence of values",
    "np.float16": "half precision is not compiled for the CPU",
    **dict.fromkeys((".flags", ".itemsize", ".nbytes", ".strides", ".imag"), "an attribute without a derivative, not taken yet"),
}
INTEGERS = """np.shape np.size np.nonzero np.broadcast_shapes np.tril_indices np.triu_indices np.tril_indices_from
              np.triu_indices_from .shape .size .ndim"""
NO_DERIVATIVE = {**dict.fromkeys(INTEGERS.split(), "an integer"), "np.dtype": "a type", "np.finfo": "a constant",
                 "np.iinfo": "a constant", ".dtype": "a type"}
ATTRIBUTES = {".T": "a view", ".real": "the array itself"}
NOTES = {
    "np.linalg.eig": "of real eigenvalues", "np.linalg.eigvals": "of real eigenvalues", "np.roots": "of real roots",
    "np.linalg.lstsq": "solution, residuals and singular values",
    "np.linalg.svd": "of full factors, the singular values only",
    "np.linalg.norm": "orders 1, 2, inf, their negatives; of vectors any number",
    "np.linalg.matrix_power": "the power is a literal",
    "np.average": "over the whole array", "np.cov": "of a matrix, or of two vectors",
    "np.corrcoef": "of a matrix, or of two vectors",
    "np.histogram": "the ends of the bins; the counts are integers", "np.where": "of a condition alone: integers",
    "np.reshape": "of an array in C order", ".reshape": "of an array in C order",
    "np.array_split": "places to split at are written out", "np.split": "places to split at are written out",
    "np.float32": "of numbers", "np.float64": "of numbers", "np.divmod": "the quotient is an integer",
    "math.frexp": "the exponent is an integer", "np.concatenate": "the arrays are written as a tuple",
    "np.linalg.slogdet": "the sign is piecewise constant",
    "np.broadcast_to": "of an array that is not written afterwards",
}

SAMPLES = {"u": 0.6, "v": 1.7, "w": np.float32(0.6), "x": np.array([0.2, 0.55, 0.35, 0.8]), "y": np.array([0.3, 0.45, 0.7, 0.9]),
           "a": np.array([[0.3, 0.7, 0.45, 0.8], [0.85, 0.2, 0.6, 0.55], [0.4, 0.9, 0.25, 0.65]]),
           "s": np.array([[3.0, 0.4, 0.2], [0.4, 2.0, 0.3], [0.2, 0.3, 1.0]]),
           "i": np.array([2, 0, 1]), "j": np.array([4, 3, 5]), "c": np.array([True, False, True, True])}
USES = {                                                # arguments -> the functions that are called with them
    "(u, v)": "math.atan2 math.copysign math.hypot math.nextafter math.pow",
    "(i)": "np.bincount np.invert np.iscomplex",
    "(i, j)": "np.bitwise_and np.bitwise_or np.bitwise_xor np.left_shift np.right_shift np.gcd np.lcm",
    "(u)": (
        "np.float16 np.float64 np.int8 np.int16 np.int32 np.int64 np.uint8 np.uint16 np.uint32 np.uint64 np.longlong "
        "np.ulonglong np.bool np.isscalar"),
    "(3)": (
        "np.bartlett np.blackman np.hamming np.hanning np.zeros np.ones np.empty np.identity np.arange np.eye np.tri "
        "np.tril_indices np.triu_indices"),
    "(u, v, 5)": "np.geomspace np.linspace np.logspace",
    "(a, u)": "np.full_like np.percentile np.nanpercentile np.quantile np.nanquantile np.isclose np.allclose",
    "(x, y)": (
        "np.allclose np.append np.array_equal np.broadcast_arrays np.convolve np.correlate np.corrcoef np.cov np.dot np.kron "
        "np.outer np.vdot np.union1d np.setdiff1d np.setxor1d np.isin np.intersect1d np.digitize np.trapezoid"),
    "((x, y))": "np.column_stack np.concatenate np.dstack np.hstack np.stack np.vstack",
    "(x)": "np.argsort np.diagflat np.ediff1d np.trim_zeros np.unwrap np.vander np.frombuffer",
    "(x, 2)": "np.partition np.argpartition np.delete np.lib.stride_tricks.sliding_window_view np.repeat np.roll",
    "(a, (4, 3))": "np.reshape np.resize",
    "(a, 0, 1)": "np.moveaxis np.swapaxes",
}
DRAWN = {                                               # the parameters of distributions that need some
    "beta": "2.0, 3.0", "binomial": "5, 0.3", "chisquare": "2.0", "choice": "i", "dirichlet": "np.ones(3)", "f": "2.0, 3.0",
    "gamma": "2.0", "geometric": "0.3", "gumbel": "0.0, 1.0", "hypergeometric": "5, 4, 3",
    "logseries": "0.5", "multinomial": "5, np.full(2, 0.5)",
    "negative_binomial": "3, 0.4", "noncentral_chisquare": "3.0, 1.0", "pareto": "2.0", "permutation": "4", "power": "2.0",
    "randint": "0, 5", "standard_gamma": "2.0", "standard_t": "3.0", "triangular": "0.0, 0.5, 1.0", "vonmises": "0.0, 1.0",
    "wald": "1.0, 1.0", "weibull": "2.0", "zipf": "2.0"}
SPELT = {                                               # the other probes, expressions or statements
    "np.ndindex": "for k in np.ndindex(3, 4): u = u * a[k]\nreturn u", ".sort": "z = 2.0 * x; z.sort(); return z",
    "np.ndenumerate": "for k, z in np.ndenumerate(a): u = u + k[1] * z * z\nreturn u",
    ".flat": "for z in a.flat: u = u + z * z\nreturn u", ".fill": "z = 2.0 * x; z.fill(u); return z",
    "np.fill_diagonal": "z = 2.0 * a; np.fill_diagonal(z, u); return z",
    ".argsort": "x.argsort()", ".astype": "a.astype(np.float64)", ".clip": "a.clip(0.35, 0.75)", ".dot": "a.dot(x)",
    ".dtype": "np.zeros(2, a.dtype)", ".item": "a[0, :1].item()", ".repeat": "a.repeat(2)",
    ".reshape": "a.reshape(4, 3)", ".take": "a.take(i)", ".view": "a.view(np.int64)", "math.acosh": "math.acosh(1.0 + u)",
    "math.gcd": "math.gcd(4, 6)", "math.ldexp": "math.ldexp(u, 2)", "np.arccosh": "np.arccosh(1.0 + x)",
    "np.array": "np.array((u, v))", "np.array_split": "np.array_split(x, 3)[0]", "np.bincount": "np.bincount(i, x[:3])",
    "np.broadcast_shapes": "np.zeros(np.broadcast_shapes((1, 3), (2, 1)))", "np.broadcast_to": "np.broadcast_to(u, (2, 3))",
    "np.clip": "np.clip(x, 0.3, v)", "np.cross": "np.cross(x[:3], y[1:])", "np.dsplit": "np.dsplit(np.atleast_3d(a), 1)[0]",
    "np.dtype": "np.zeros(2, np.dtype(np.float32))", "np.empty": "np.empty(3).size", "np.empty_like": "np.empty_like(a).size",
    "np.expand_dims": "np.expand_dims(a, 0)", "np.extract": "np.extract(c, x)", "np.finfo": "np.finfo(np.float64).eps",
    "np.float32": "np.float32(w)", "np.full": "np.full((2, 3), u)", "np.hsplit": "np.hsplit(a, 2)[1]",
    "np.iinfo": "np.iinfo(np.int64).max", "np.indices": "np.indices((2, 3))", "np.insert": "np.insert(x, 1, u)",
    "np.interp": "np.interp(x, y, x)", "np.kaiser": "np.kaiser(5, u)", "np.ldexp": "np.ldexp(x, i[0])",
    "np.lib.stride_tricks.as_strided": "np.lib.stride_tricks.as_strided(x, (2, 2))",
    "np.linalg.lstsq": "np.linalg.lstsq(s[:, :2].copy(), x[:3])", "np.linalg.matrix_power": "np.linalg.matrix_power(s, 3)",
    "np.linalg.solve": "np.linalg.solve(s, x[:3])", "np.linalg.svd": "np.linalg.svd(s[:, :2].copy(), False)",
    "np.random.seed": "np.random.seed(1); return 3.0",
    "np.random.shuffle": "z = 2.0 * x; np.random.shuffle(z); return z",
    "np.roots": "np.roots(np.array((u, -3.0, 2.0)))",
    "np.searchsorted": "np.searchsorted(y, x)", "np.select": "np.select((x > 0.6, x > 0.3), (x, 2.0 * x))",
    "np.split": "np.split(x, 2)[1]", "np.take": "np.take(a, i)",
    "np.take_along_axis": "np.take_along_axis(a, np.argsort(x).reshape(1, 4) % 3, 0)", "np.vsplit": "np.vsplit(a, 3)[1]",
    "np.where": "np.where(a > 0.62, a, 2.0 * a)",
}


# ---- the rows --------------------------------------------------------------------------------------------------------

def rows():
    """Every row of the table, in the order of the names."""
    found = [of_function(name, fn) for name, fn in host.functions().items() if name not in FOREIGN]
    return found + [of_attribute(f".{name}", method) for name, method in host.attributes().items()]


def of_function(name, fn):
    """The row of a function."""
    probe = SPELT.get(name) or name + next((k for k, names in USES.items() if name in names.split()), usual(name, fn))
    if fn in DRAWS:
        return Row(name, NONE, "a random draw, made once", SPELT.get(name) or f"{name}({DRAWN.get(fn.__name__, '')}) * 0.0")
    if name in NO_DERIVATIVE or fn in FLAT:
        return Row(name, NONE, NO_DERIVATIVE.get(name) or FLAT[fn], probe)
    if name in LOOPED:
        return Row(name, BOTH, "in the head of a `for`", probe)
    if fn in VIEWS and fn not in REWRITES:
        return Row(name, BOTH, limits(name, fn, "a view"), probe)
    if fn in REWRITES or fn in CATALOGUE:
        return Row(name, BOTH, limits(name, fn), probe)
    return Row(name, REFUSED, REASONS.get(name, ""), probe)


def of_attribute(name, method):
    """The row of an attribute of an array, or of a method."""
    short, probe = name[1:], SPELT.get(name) or f"a{name}" + ("()" if method else "")
    if name in REASONS:
        return Row(name, REFUSED, REASONS[name], probe)
    if name in LOOPED:
        return Row(name, BOTH, "in the head of a `for`", probe)
    if name in ATTRIBUTES:
        return Row(name, BOTH, ATTRIBUTES[name], probe)
    if name in NO_DERIVATIVE or METHODS.get(short) in FLAT:
        return Row(name, NONE, NO_DERIVATIVE.get(name) or FLAT[METHODS[short]], probe)
    if short in METHOD_REWRITES:
        return Row(name, BOTH, NOTES.get(name, ""), probe)
    if short not in METHODS:
        return Row(name, REFUSED, "", probe)
    row = of_function(infer.name_of(METHODS[short]), METHODS[short])
    return Row(name, row.what, row.note, probe)


def usual(name, fn):
    """The arguments of a call, where none are named above."""
    if isinstance(fn, np.ufunc):
        return "(x)" if fn.nin == 1 else "(x, y)"
    return "(s)" if name.startswith("np.linalg.") else "(u)" if fn is getattr(math, fn.__name__, None) else "(a)"


def limits(name, fn, *more):
    """What is particular: which arguments carry no derivative, and what Numba takes that the toolkit does not."""
    taken = max((len(c.params) for c in CATALOGUE.get(fn, ())), default=None)
    if fn in REWRITES:
        code = REWRITES[fn].__code__
        taken = None if code.co_flags & 0x04 else code.co_argcount - 1           # 0x04: takes `*args`
    left = () if taken is None or isinstance(fn, np.ufunc) else host.parameters(fn)[taken:]
    fixed = dict.fromkeys(p for c in CATALOGUE.get(fn, ()) for p in c.params if p not in c.active)
    return "; ".join([*more, *([NOTES[name]] if name in NOTES else []), *([f"fixed: {', '.join(fixed)}"] if fixed else []),
                      *([f"without {', '.join(left)}"] if left else [])])


def shown(probe):
    """A probe in a cell of the table: of a loop, the loop."""
    return probe.split("\n")[0].replace("|", "\\|")


def release():
    """What the table is of: the releases of Numba and NumPy, without their last figures."""
    return " and ".join(f"{m.__name__.capitalize() if m is numba else 'NumPy'} {'.'.join(m.__version__.split('.')[:2])}"
                        for m in (numba, np))


def markdown():
    """The table as a page."""
    table = rows()
    counts = Counter(r.what for r in table)
    lines = ["# What is differentiated", "",
             f"All that {release()} compile of `math`, NumPy and its arrays for real numbers:",
             f"{counts[BOTH]} names with a derivative in both modes, {counts[NONE]} that have none by nature, and",
             f"{counts[REFUSED]} that are refused. `python -m toolkit.catalogue` prints this page,",
             "`tests/test_coverage.py` runs a probe of every row. *Fixed* arguments carry no derivative; *without* names what",
             "Numba takes there and the toolkit does not.", ""]
    for what in (BOTH, NONE, REFUSED):
        lines += [f"## {what.capitalize()}", "", "| Name | Note | Probe |", "|---|---|---|"]
        lines += [f"| `{r.name}` | {r.note} | `{shown(r.probe)}` |" for r in table if r.what == what]
        lines.append("")
    return "\n".join(lines)
