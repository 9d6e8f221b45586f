"""How far `toolkit.elementary` is from the truth, in units in the last place. `python -m tests.ulp [--points N] [NAME ...]`

The truth is NumPy's longdouble with 64 bits or more; without them (`EXACT` is false) nothing can be judged.
"""
import argparse
import math

import numpy as np
from numba import njit

from toolkit import elementary

EXACT = np.finfo(np.longdouble).nmant >= 63
PI = np.longdouble(math.pi) + np.longdouble(1.2246467991473532e-16)
EDGES = [0.0, 1.0, 0.25, 0.5, 2.0, math.sqrt(0.5), math.sqrt(2.0), math.log(2.0) / 2, math.log(2.0), 1.5, 6.0, 20.0, 40.0, 64.0,
         709.782712893384, 710.4758600739439, 745.1332191019412, 746.0, 2.0**-54, 2.0**-28, 2.0**28, 2.0**52, 2.0**53, 2.0**-1022,
         5e-324, 1.7976931348623157e308, math.inf]


# ---- the truth -------------------------------------------------------------------------------------------------------

def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.where(x > 100, x, np.log1p(np.exp(np.minimum(x, 100))))


def erf(x):
    """2 / √π exp(-x^2) Σ 2^n x^(2n+1) / (1 3 5 ... (2n+1)): nothing cancels."""
    a = np.minimum(np.abs(x), 7)
    term, total = a.copy(), a.copy()
    for n in range(1, 250):
        term = term * (2 * a * a / (2 * n + 1))
        total += term
    return np.copysign(2 / np.sqrt(PI) * np.exp(-a * a) * total, x)


TRUTH = {"exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "pow": np.power, "sinh": np.sinh, "cosh": np.cosh,
         "tanh": np.tanh, "sigmoid": sigmoid, "softplus": softplus, "sin": np.sin, "cos": np.cos, "tan": np.tan,
         "atan": np.arctan, "erf": erf}


# ---- where it is judged ----------------------------------------------------------------------------------------------

def sample(name, count, dtype=np.float64, seed=0):
    """The arguments, `count` numbers or more each, as a tuple."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        args = pairs(rng, count) if name == "pow" else (numbers(rng, count),)
        return tuple(a.astype(dtype) for a in args)


def numbers(rng, count):
    """All exponents, the common ranges, both sides of what the functions decide on, and multiples of π/2."""
    n = count // 7 + 1
    edges = np.array(EDGES)
    close = edges * (1 + np.arange(-4, 5)[:, None] * 2.0**-53)
    turns = np.concatenate([np.arange(64), rng.integers(0, 2**28, n // 2)]) * (math.pi / 2)
    positive = np.concatenate([
        *(np.exp2(rng.uniform(*range_, n)) for range_ in ((-1074, 1024), (-30, 11))),
        *(rng.uniform(0, top, n) for top in (1, 5, 50, 760)),
        1 + np.exp2(rng.uniform(-52, 0, n // 4)), 1 - np.exp2(rng.uniform(-53, -1, n // 4)), close.ravel(), edges,
        turns, np.nextafter(turns, 0), [math.nan]])
    return np.concatenate([positive, -positive])


def pairs(rng, count):
    """Bases of all kinds, with exponents up to where the power overflows or vanishes; and special values with one another."""
    n = count // 5 + 1
    x = np.concatenate([np.exp2(rng.uniform(-1074, 1024, n)), np.exp2(rng.uniform(-3, 3, n)), 1 + rng.uniform(-1e-3, 1e-3, n),
                        1 + np.exp2(rng.uniform(-52, -2, n)), 1 - np.exp2(rng.uniform(-53, -2, n))])
    y = rng.uniform(-1, 1, x.size) * np.minimum(750 / np.abs(np.log(x)), 1e300)
    whole = rng.integers(-60, 60, n).astype(float)
    special = np.array([0.0, 1.0, 0.5, 2.0, 3.0, 1.5, 2.0**52 + 1, 2.0**53 + 2, 5e-324, 1e-310, 1e300, math.inf, math.nan])
    special = np.concatenate([special, -special])
    grid = np.meshgrid(special, special)
    return (np.concatenate([x, -np.exp(rng.uniform(-5, 5, n)), grid[0].ravel()]),
            np.concatenate([y, whole, grid[1].ravel()]))


# ---- the judgement ---------------------------------------------------------------------------------------------------

def looped(name, **options):
    """A compiled function that calls this one for each element: (arguments, results)."""
    function = getattr(elementary, name)
    if name == "pow":
        def loop(args, out):
            for i in range(out.size):
                out[i] = function(args[0][i], args[1][i])
    else:
        def loop(args, out):
            for i in range(out.size):
                out[i] = function(args[0][i])
    return njit(**options)(loop)


def errors(name, args, loop=None):
    """The error of each result in units in the last place; infinite where a NaN, an infinity or a zero's sign is wrong."""
    out = np.empty_like(args[0])
    (loop or looped(name))(args, out)
    with np.errstate(all="ignore"):
        exact = TRUTH[name](*(a.astype(np.longdouble) for a in args))
        rounded = exact.astype(out.dtype)
        distance = (np.abs(out.astype(np.longdouble) - exact) / np.abs(np.spacing(rounded)).astype(np.longdouble)).astype(float)
    same = np.where(np.isnan(rounded), np.isnan(out), (out == rounded) & (np.signbit(out) == np.signbit(rounded)))
    special = ~np.isfinite(rounded) | ~np.isfinite(out) | (rounded == 0)
    return np.where(special, np.where(same, 0.0, overflow(out, exact)), distance)


def overflow(out, exact):
    """Units in the last place between the greatest number and infinity, between the least and 0, where just one is rounded so."""
    info = np.finfo(out.dtype)
    with np.errstate(all="ignore"):
        near_top = np.minimum(np.abs(out.astype(np.longdouble)), np.abs(exact)) >= np.longdouble(info.max)
        near_zero = np.maximum(np.abs(out.astype(np.longdouble)), np.abs(exact)) <= np.longdouble(info.smallest_subnormal)
    agree = (np.signbit(out) == np.signbit(exact)) & (near_top | near_zero)
    return np.where(agree, 1.0, math.inf)


def worst(name, args):
    """The greatest error, and the arguments at which it is made."""
    found = errors(name, args)
    at = np.argmax(found)
    return found[at], tuple(float(a[at]) for a in args)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(TRUTH), metavar="NAME")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for name in options.names:
        for dtype in (np.float64, np.float32):
            args = sample(name, options.points, dtype, options.seed)
            error, at = worst(name, args)
            where = ", ".join(map(repr, at))
            print(f"{name:9} {dtype.__name__}  {error:6.3f} ulp in {args[0].size:9,} points, at {where}", flush=True)


if __name__ == "__main__":
    main()
