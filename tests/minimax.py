"""The coefficients of `toolkit.elementary`, derived: Remez's exchange in 60 digits. `python -m tests.minimax [NAME]` prints them.

Each is a polynomial P(t) of least maximal |weight(t) (target(t) - P(t))|; the error that is left is printed as a power of two.
"""
import sys

from mpmath import mp, mpf

mp.dps = 60
LN2 = mp.log(2)


def remez(target, weight, low, high, terms):
    """Coefficients, lowest first, and the greatest weighted error."""
    low, high = mpf(low), mpf(high)
    nodes = chebyshev(low, high, terms + 1)
    values = [(t, target(t), weight(t)) for t in chebyshev(low, high, 40 * terms)]
    for _ in range(12):
        rows = [[weight(t) * t**k for k in range(terms)] + [(-1)**i] for i, t in enumerate(nodes)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([weight(t) * target(t) for t in nodes]))
        coefficients, level = list(solution[:terms]), abs(solution[terms])
        errors = [(w * (g - mp.polyval(coefficients[::-1], t)), t) for t, g, w in values]
        nodes = extrema(errors)
        worst = max(abs(e) for e, _ in errors)
        if len(nodes) != terms + 1 or worst < level * mpf("1.001"):
            break
    return coefficients, worst


def chebyshev(low, high, count):
    """Points that are denser towards the ends; none is 0, where targets and weights may be 0 / 0."""
    points = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    return [t if abs(t) > mpf(10)**-12 else mpf(10)**-12 for t in points]


def extrema(errors):
    """Where the error is greatest between its changes of sign."""
    runs = [[errors[0]]]
    for error in errors[1:]:
        if error[0] * runs[-1][-1][0] < 0:
            runs.append([])
        runs[-1].append(error)
    return [max(run, key=lambda e: abs(e[0]))[1] for run in runs]


def in_square(f):
    """A function of t = r^2 from one of r."""
    return lambda t: f(mp.sqrt(t))


PROBLEMS = {
    # exp(r) = 1 + r + r^2 P(r), relative to exp(r) - 1
    "EXPM1": (lambda r: (mp.expm1(r) - r) / r**2, lambda r: r**2 / abs(mp.expm1(r)), -LN2 / 2 * mpf("1.0001"), LN2 / 2 * mpf("1.0001"), 11),
    # log((1 + s) / (1 - s)) = 2 s + s t P(t), t = s^2
    "LOG": (in_square(lambda s: (2 * mp.atanh(s) - 2 * s) / s**3), in_square(lambda s: s**2), 0, (3 - mp.sqrt(8))**2 * mpf("1.0001"), 7),
    "LOG_WIDE": (in_square(lambda s: (2 * mp.atanh(s) - 2 * s) / s**3), in_square(lambda s: s**2), 0, mpf("0.0401"), 8),
    # log((1 + s) / (1 - s)) = 2 s + 2/3 s t (1 + t P(t))
    "LOG_LONG": (in_square(lambda s: (3 * mp.atanh(s) - 3 * s - s**3) / s**5), in_square(lambda s: s**4), 0, (3 - mp.sqrt(8))**2 * mpf("1.0001"), 7),
    # sin(r) = r + r t P(t), t = r^2
    "SIN": (in_square(lambda r: (mp.sin(r) - r) / r**3), in_square(lambda r: r**3 / mp.sin(r)), 0, (mp.pi / 4)**2 * mpf("1.0001"), 6),
    # cos(r) = 1 - t / 2 + t^2 P(t), t = r^2
    "COS": (in_square(lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4), in_square(lambda r: r**4 / mp.cos(r)), 0, (mp.pi / 4)**2 * mpf("1.0001"), 6),
    # sinh(r) = r + r t P(t), cosh(r) = 1 + t / 2 + t^2 P(t), t = r^2
    "SINH": (in_square(lambda r: (mp.sinh(r) - r) / r**3), in_square(lambda r: r**2), 0, (LN2 / 2)**2 * mpf("1.0001"), 5),
    "COSH": (in_square(lambda r: (mp.cosh(r) - 1 - r**2 / 2) / r**4), in_square(lambda r: r**4), 0, (LN2 / 2)**2 * mpf("1.0001"), 4),
    # tan(r) = r + r t P(t), t = r^2
    "TAN": (in_square(lambda r: (mp.tan(r) - r) / r**3), in_square(lambda r: r**3 / mp.tan(r)), 0, (mp.pi / 4)**2 * mpf("1.0001"), 15),
    # atan(r) = r + r t P(t), t = r^2
    "ATAN": (in_square(lambda r: (mp.atan(r) - r) / r**3), in_square(lambda r: r**3 / mp.atan(r)), 0, mpf("0.25"), 13),
}


def main(names):
    for name in names or PROBLEMS:
        coefficients, worst = remez(*PROBLEMS[name])
        print(f"{name} = ({', '.join(repr(float(c)) for c in coefficients)})  # 2^{float(mp.log(worst, 2)):.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
