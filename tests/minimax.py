"""The coefficients of `toolkit.elementary`, derived by Remez's exchange in 60 digits: `python -m tests.minimax [NAME ...]`.

Each is the polynomial P(t) of the least maximum of |weight(t) (target(t) - P(t))|, which is printed as a power of two.
"""
import functools
import sys

from mpmath import mp, mpf

mp.dps = 60
ROUNDS = 30
LEVEL = mpf("1.001")                    # the errors' extrema agree to this: the polynomial is as good as the best
LN2 = mp.log(2)
WIDER = mpf("1.0001")                   # a reduced argument may be rounded beyond the end of its interval


def minimax(target, weight, low, high, terms):
    """The coefficients, lowest first, and the greatest weighted error."""
    nodes = chebyshev(low, high, terms + 1)
    values = [(t, target(t), weight(t)) for t in chebyshev(low, high, 30 * terms)]
    for _ in range(ROUNDS):
        rows = [[weight(t) * t**k for k in range(terms)] + [(-1)**i] for i, t in enumerate(nodes)]
        solution = list(mp.lu_solve(mp.matrix(rows), mp.matrix([weight(t) * target(t) for t in nodes])))
        level = abs(solution.pop())
        errors = [(w * (g - evaluated(solution, t)), t) for t, g, w in values]
        worst = max(abs(error) for error, _ in errors)
        if worst < level * LEVEL:
            return [float(c) for c in solution], worst
        nodes = alternation(errors, terms + 1)
    raise ArithmeticError("no convergence")


def evaluated(coefficients, t):
    return functools.reduce(lambda out, c: out * t + c, reversed(coefficients))


def chebyshev(low, high, count):
    """Points that are denser towards the ends; none is 0, where a target may be 0 / 0."""
    low, high = mpf(low), mpf(high)
    points = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    return [t if abs(t) > mpf(10)**-12 else mpf(10)**-12 for t in points]


def alternation(errors, count):
    """The `count` points where the error is greatest, of alternating sign."""
    runs = [[errors[0]]]
    for error in errors[1:]:
        if error[0] * runs[-1][0][0] < 0:
            runs.append([])
        runs[-1].append(error)
    peaks = [max(run, key=lambda e: abs(e[0])) for run in runs]
    while len(peaks) > count:
        peaks.pop(0 if abs(peaks[0][0]) < abs(peaks[-1][0]) else -1)
    return [t for _, t in peaks]


def in_square(f):
    """The function of t = r^2 that is f(r)."""
    return lambda t: f(mp.sqrt(t))


def even(target, weight, high, terms):
    """The problem in t = r^2 for |r| <= high."""
    return in_square(target), in_square(weight), 0, high**2 * WIDER, terms


def erfcx(x):
    return mp.erfc(x) * mp.exp(x * x)


PROBLEMS = {
    # exp(r) = 1 + r + r^2 P(r), as exactly as exp(r) - 1 is wanted
    "EXP": (lambda r: (mp.expm1(r) - r) / r**2, lambda r: r**2 / abs(mp.expm1(r)), -LN2 / 2 * WIDER, LN2 / 2 * WIDER, 11),
    # log((1 + s) / (1 - s)) = 2 s + s t P(t), t = s^2: for 1 + f = (1 + s) / (1 - s) between √½ and √2; from 3/4 to 3/2
    "LOG": even(lambda s: (2 * mp.atanh(s) - 2 * s) / s**3, lambda s: s**2, 3 - mp.sqrt(8), 7),
    "LOG_HALF": even(lambda s: (2 * mp.atanh(s) - 2 * s) / s**3, lambda s: s**2, mpf("0.2"), 8),
    # log((1 + s) / (1 - s)) = 2/3 s (3 + t + t^2 P(t)), t = s^2
    "LOG_LONG": even(lambda s: (3 * mp.atanh(s) - 3 * s - s**3) / s**5, lambda s: s**4, 3 - mp.sqrt(8), 7),
    # sinh(r) = r + r t P(t), cosh(r) = 1 + t / 2 + t^2 P(t), t = r^2
    "SINH": even(lambda r: (mp.sinh(r) - r) / r**3, lambda r: r**2, LN2 / 2, 5),
    "COSH": even(lambda r: (mp.cosh(r) - 1 - r**2 / 2) / r**4, lambda r: r**4, LN2 / 2, 4),
    # sin(r) = r + r t P(t), cos(r) = 1 - t / 2 + t^2 P(t), tan(r) = r + r t P(t), t = r^2
    "SIN": even(lambda r: (mp.sin(r) - r) / r**3, lambda r: r**3 / mp.sin(r), mp.pi / 4, 6),
    "COS": even(lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4, lambda r: r**4 / mp.cos(r), mp.pi / 4, 6),
    "TAN": even(lambda r: (mp.tan(r) - r) / r**3, lambda r: r**3 / mp.tan(r), mp.pi / 4, 15),
    # atan(r) = r + r t P(t), t = r^2
    "ATAN": even(lambda r: (mp.atan(r) - r) / r**3, lambda r: r**3 / mp.atan(r), mpf("0.5"), 13),
    # erf(x) = x + x P(t), t = x^2, for x <= 1
    "ERF": even(lambda x: mp.erf(x) / x - 1, lambda x: x / mp.erf(x), mpf(1), 13),
    # erf(x) = 1 - exp(-x^2) P(t), t = 1 / (1 + x / 2), from 1 to 6
    "ERFC": (lambda t: erfcx(2 / t - 2), lambda t: mp.exp(-(2 / t - 2)**2), mpf("0.25"), mpf(2) / 3, 12),
}


def main(names):
    for name in names or PROBLEMS:
        coefficients, worst = minimax(*PROBLEMS[name])
        print(f"{name} = {tuple(coefficients)}  # 2^{float(mp.log(worst, 2)):.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
