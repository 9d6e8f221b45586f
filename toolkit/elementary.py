"""Elementary functions that LLVM makes vector code of: no branches, no calls, no tables.

    exp expm1 log log1p pow   sinh cosh tanh sigmoid softplus   sin cos tan atan   erf

Each is a function of numbers, to be called from Python and inside compiled code: float32 gives float32, all else float64. It is
compiled into the loop that calls it; there LLVM's vectoriser takes it for additions, multiplications and bits like any others.

What is promised:
- The error is at most 2 units in the last place in float64, and 0.51 in float32 (which is computed in float64 and rounded once).
  Each function's docstring says what was measured.
- Special values are those of C's Annex F: the signs of zeros, infinities, NaN, subnormal arguments and results, overflow to
  infinity, underflow to 0. No flags of the processor are kept clean, and none are set on purpose.
- The same bits from every processor, from scalar code and from vector code: every operation is one of IEEE 754's, and none is
  contracted into a multiply-add. The caller's `fastmath` does not reach in here; it would undo the roundings on which all rests.
- sin, cos and tan of |x| > 2^28 need more of pi than lanes can carry. There these call `math`, behind a branch for whose sake a
  loop stays scalar. `sin_near`, `cos_near`, `tan_near` have no branch, and return NaN there.

The coefficients are minimax polynomials, derived by `python -m tests.minimax`. The reductions are those of fdlibm (S. Moshier's
Cephes and N. Shibata's SLEEF for what fdlibm does by branches), as each function says.
"""
import functools
import math

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload

# `fastmath` is said to be off, since Numba would else take it from the caller; division without a test for 0; always inlined,
# since a call that is left would keep the loop scalar.
OPTIONS = {"fastmath": False, "error_model": "numpy", "forceinline": True}
REAL = (types.Float, types.Integer, types.Boolean)

compiled = numba.njit(**OPTIONS)


def elementary(body):
    """A function of numbers, from one of float64s."""
    kernel = compiled(body)

    @functools.wraps(body)
    def function(*args):
        out = kernel(*map(float, args))
        return np.float32(out) if all(isinstance(a, np.float32) for a in args) else out

    def typed(*args):
        if not all(isinstance(a, REAL) for a in args):
            return None
        if all(a == types.float64 for a in args):
            return body
        rounded = single if all(a == types.float32 for a in args) else double
        if len(args) == 1:
            return lambda x: rounded(kernel(double(x)))
        return lambda x, y: rounded(kernel(double(x), double(y)))

    overload(function, jit_options=OPTIONS, strict=False)(typed)
    return function


# ---- instructions ----------------------------------------------------------------------------------------------------
# Written for LLVM, because Numba would compile each function of Python in 20 ms, and make branches of `a if c else b`.

@intrinsic
def double(_, x):
    """The number as a float64."""
    return types.float64(x), lambda context, builder, sig, args: context.cast(builder, args[0], x, types.float64)


@intrinsic
def single(_, x):
    """The number as a float32."""
    return types.float32(x), lambda context, builder, sig, args: context.cast(builder, args[0], x, types.float32)


@intrinsic
def bits(_, x):
    """A float64's bits, as an int64."""
    return types.int64(types.float64), lambda context, builder, sig, args: builder.bitcast(args[0], _llvm(context, types.int64))


@intrinsic
def number(_, i):
    """The float64 of these bits."""
    return types.float64(types.int64), lambda context, builder, sig, args: builder.bitcast(args[0], _llvm(context, types.float64))


def _llvm(context, kind):
    return context.get_value_type(kind)


@intrinsic
def select(_, condition, x, y):
    """x where the condition holds, else y: both are computed."""
    return (types.float64(types.boolean, types.float64, types.float64),
            lambda context, builder, sig, args: builder.select(*args))


@intrinsic
def polynomial(_, t, coefficients):
    """Σ coefficients[k] t^k by Estrin's scheme: the sums of pairs are a polynomial in t^2, of half the length."""
    def emit(context, builder, sig, args):
        t, terms = args[0], [builder.extract_value(args[1], k) for k in range(coefficients.count)]
        while len(terms) > 1:
            pairs = [builder.fadd(low, builder.fmul(high, t)) for low, high in zip(terms[::2], terms[1::2])]
            terms, t = pairs + terms[2 * len(pairs):], builder.fmul(t, t)
        return terms[0]
    return types.float64(types.float64, coefficients), emit


@intrinsic
def power_of_two(_, m):
    """2^n from m = n + ROUND, for -1022 <= n <= 1023: the last bits of m are n."""
    def emit(context, builder, sig, args):
        i64 = _llvm(context, types.int64)
        field = builder.shl(builder.bitcast(args[0], i64), i64(52))
        return builder.bitcast(builder.add(field, i64(ONE)), _llvm(context, types.float64))
    return types.float64(types.float64), emit


@intrinsic
def exponent(_, i):
    """The exponent, as a float64, in the bits of a number > 0: put behind the bits of 2^52, since AVX2 converts no int64."""
    def emit(context, builder, sig, args):
        i64, f64 = _llvm(context, types.int64), _llvm(context, types.float64)
        behind = builder.or_(builder.lshr(args[0], i64(52)), i64((1023 + 52) << 52))
        return builder.fsub(builder.bitcast(behind, f64), f64(2.0**52 + 1023))
    return types.float64(types.int64), emit


ROUND = 1.5 * 2.0**52                   # x + ROUND - ROUND is x rounded to a whole number, for |x| < 2^51
ONE = 1023 << 52                        # the bits of 1.0
FRACTION = 2**52 - 1                    # the bits of a number's fraction
EXPONENT = 2047 << 52
SIGN = -2**63
NORMAL = 2.0**-1022                     # the smallest number that is not subnormal
TINY = 2.0**-54                         # where f(x) = x + O(x^2) is x


# ---- exponentials ----------------------------------------------------------------------------------------------------

LOG2_E = 1.4426950408889634
LN2 = 0.6931471805599453
LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")  # n LN2_HIGH is exact
EXP = (0.5, 0.16666666666666677, 0.04166666666666651, 0.00833333333332169, 0.0013888888888962238, 0.00019841269885968353,
       2.480158717275151e-05, 2.7557244372011692e-06, 2.755740248800815e-07, 2.510897956237924e-08, 2.087537179522276e-09)


@compiled
def _exp(x):
    """r, tail, u, v: exp(x) = (1 + r + tail) u v, with |r| <= ln(2) / 2 and u, v powers of two, which alone may not hold 2^n."""
    x = select(x > 710.0, 710.0, x)
    x = select(x < -746.0, -746.0, x)
    m = x * LOG2_E + ROUND
    n = m - ROUND
    above, below = x - n * LN2_HIGH, n * LN2_LOW
    r = above - below
    half = n * 0.5 + ROUND
    return r, r * r * polynomial(r, EXP) + ((above - r) - below), power_of_two(half), power_of_two(m - (half - ROUND))


@elementary
def exp(x):
    """e^x. Reduction: fdlibm's e_exp.c. Error: 1/2 the last sum, 1/4 + 1/8 the sum before it: 0.88 ulp measured."""
    r, tail, u, v = _exp(x)
    return (1.0 + (r + tail)) * u * v


@compiled
def _expm1(x):
    """exp(x) - 1 as a sum, in which x = -40 stands for all that are less."""
    x = select(x > 710.0, 710.0, x)
    x = select(x < -40.0, -40.0, x)
    m = x * LOG2_E + ROUND
    n = m - ROUND
    above, below = x - n * LN2_HIGH, n * LN2_LOW
    r = above - below
    u = power_of_two(m - 1.0)           # half of 2^n, which may be 2^1024
    v, w = u - 0.5, u * r
    high = v + w                        # |v| >= |w|, or v = 0
    tail = (w - (high - v)) + u * (r * r * polynomial(r, EXP) + ((above - r) - below))
    return 2.0 * high, 2.0 * tail


@elementary
def expm1(x):
    """e^x - 1. Reduction: fdlibm's s_expm1.c. Error: 1.2 ulp measured."""
    high, low = _expm1(x)
    return select(abs(x) < TINY, x, high + low)


# ---- logarithms ------------------------------------------------------------------------------------------------------

ROOT_HALF = 0x3fe6a09e667f3bcd          # the bits of √½
LOG = (0.6666666666666734, 0.39999999999414343, 0.28571428742472577, 0.22222198563607629, 0.18183564864063229,
       0.15314035839515353, 0.14796105801962697)
LOG_HALF = (0.666666666666666, 0.4000000000005598, 0.28571428555998424, 0.2222222427721105, 0.18181667027604975,
            0.15391074422267173, 0.1317422834539665, 0.13838793289995796)


@compiled
def _split(x):
    """k, m: x = 2^k m for normal and subnormal x > 0, with √½ <= m < √2."""
    small = x < NORMAL
    i = bits(select(small, x * 2.0**54, x)) + (ONE - ROOT_HALF)
    return exponent(i) - select(small, 54.0, 0.0), number((i & FRACTION) + ROOT_HALF)


@elementary
def log(x):
    """The natural logarithm. fdlibm's e_log.c: f - (f^2 / 2 - s (f^2 / 2 + R)), s = f / (2 + f). Error: 0.9 ulp measured."""
    k, m = _split(x)
    f = m - 1.0
    s = f / (2.0 + f)
    z, h = s * s, 0.5 * f * f
    out = k * LN2_HIGH - ((h - (s * (h + z * polynomial(z, LOG)) + k * LN2_LOW)) - f)
    out = select(x < math.inf, out, x)
    return select(x <= 0.0, select(x == 0.0, -math.inf, math.nan), out)


@elementary
def log1p(x):
    """log(1 + x). FreeBSD's s_log1p.c: what 1 + x is rounded by is added to the result. Error: 0.9 ulp measured."""
    u = 1.0 + x
    x_of_u = u - 1.0
    rest = (1.0 - (u - x_of_u)) + (x - x_of_u)
    i = bits(u) + (ONE - ROOT_HALF)
    k = exponent(i)
    near = k == 0.0                     # then f is x itself, and nothing is to be added; nor is it to a great number
    f = select(near, x, number((i & FRACTION) + ROOT_HALF) - 1.0)
    rest = select(near | (k > 64.0), 0.0, rest * number(2 * ONE - (i & EXPONENT)))
    s = f / (2.0 + f)
    z, h = s * s, 0.5 * f * f
    low = k * LN2_LOW + rest * (1.0 - s) * (1.0 - s)                        # (1 - s)^2 ≈ 1 / (1 + f)
    out = k * LN2_HIGH - ((h - (s * (h + z * polynomial(z, LOG)) + low)) - f)
    out = select((x < math.inf) & (abs(x) >= TINY), out, x)
    return select(x <= -1.0, select(x == -1.0, -math.inf, math.nan), out)


# ---- powers ----------------------------------------------------------------------------------------------------------

UPPER = -2**27                          # the bits of a number but the last 27: products of two such numbers are exact
SCALE = 0.9617966939259756              # 2 / (3 ln 2)
SCALE_HIGH, SCALE_LOW = float.fromhex("0x1.ec709d8000000p-1"), float.fromhex("0x1.0e80ff5d27f05p-27")
LN2_UPPER, LN2_REST = float.fromhex("0x1.62e42f8000000p-1"), float.fromhex("0x1.be8e7bcd5e4f2p-27")
LOG_LONG = (0.6000000000000338, 0.42857142855148944, 0.3333333377995398, 0.2727267654497683, 0.23080136245421567,
            0.1988522110157974, 0.19794542244289448)


@compiled
def _upper(x):
    return number(bits(x) & UPPER)


@compiled
def _log2(x):
    """log2(x) as a sum whose first part has 26 bits, to 2^-65 of it: log((1 + s) / (1 - s)) = 2/3 s (3 + s^2 + ...)."""
    k, m = _split(x)
    f, d = m - 1.0, m + 1.0
    q = 1.0 / d
    s = f * q
    s_up, d_up = _upper(s), _upper(d)
    s_rest = q * ((f - s_up * d_up) - s_up * (m - (d_up - 1.0)))            # s_up + s_rest = f / (1 + m)
    z, z_up = s * s, s_up * s_up
    rest = s_rest * (s_up + s) + z * z * polynomial(z, LOG_LONG)
    t_up = _upper(3.0 + z_up + rest)
    t_rest = rest - ((t_up - 3.0) - z_up)
    exact, rest = s_up * t_up, s_rest * t_up + s * t_rest
    p_up = _upper(exact + rest)
    p_rest = rest - (p_up - exact)
    high, low = SCALE_HIGH * p_up, SCALE_LOW * p_up + SCALE * p_rest
    out = _upper((high + low) + k)
    return out, low - ((out - k) - high)


@compiled
def _whole(x):
    """Is a number >= 0 a whole one?"""
    return (x >= 2.0**52) | ((x + 2.0**52) - 2.0**52 == x)


@elementary
def pow(x, y):
    """x^y. fdlibm's e_pow.c: 2^(y log2(x)), the exponent as a sum of two. Error: 1.4 ulp measured."""
    a, b = abs(x), abs(y)
    high, low = _log2(a)
    t = select(b > 2.0**65, math.copysign(2.0**65, y), y)                  # as much as any exponent needs, and no infinity
    t_up = _upper(t)
    high, low = t_up * high, (t - t_up) * high + t * low
    far = abs(high) > 1100.0
    high, low = select(far, math.copysign(1100.0, high), high), select(far, 0.0, low)
    m = (high + low) + ROUND
    n = m - ROUND
    part = _upper((high - n) + low)
    exact, rest = part * LN2_UPPER, (low - (part - (high - n))) * LN2 + part * LN2_REST
    r, s = exact + rest, 1.0 + exact
    half = n * 0.5 + ROUND
    out = s + ((exact - (s - 1.0)) + (rest + r * r * polynomial(r, EXP)))
    out = out * power_of_two(half) * power_of_two(m - (half - ROUND))
    return _power_at_edges(x, y, a, b, out)


@compiled
def _power_at_edges(x, y, a, b, out):
    """C's Annex F: zeros, infinities, NaN and negative bases, for out = a^b's sign-free value."""
    whole = _whole(b)
    edge = select((a > 1.0) == (y > 0.0), math.inf, 0.0)
    out = select((a == 0.0) | (a == math.inf) | (b == math.inf), edge, out)
    out = select((x < 0.0) & (a < math.inf) & (not whole), math.nan, out)
    out = select(whole & (not _whole(0.5 * b)), math.copysign(out, x), out)
    out = select((x != x) | (y != y), math.nan, out)
    return select((x == 1.0) | (y == 0.0) | ((a == 1.0) & (b == math.inf)), 1.0, out)


# ---- hyperbolic functions, and those of neural networks --------------------------------------------------------------

SINH = (0.16666666666666677, 0.00833333333332162, 0.00019841269886146368, 2.7557244195379035e-06, 2.5109039774201292e-08)
COSH = (0.041666666666602875, 0.001388888892723157, 2.480150814359951e-05, 2.7625397180248283e-07)


@compiled
def _hyperbolic(a):
    """u, v, r, sinh(r) - r, cosh(r) - 1 for a >= 0, where exp(±a) = 4 u exp(r), v exp(-r)."""
    a = select(a > 710.5, 710.5, a)
    m = a * LOG2_E + ROUND
    n = m - ROUND
    above, below = a - n * LN2_HIGH, n * LN2_LOW
    r = above - below
    z = r * r
    return (power_of_two(m - 2.0), select(n > 64.0, 0.0, power_of_two(ROUND - n)),
            r, ((above - r) - below) + z * r * polynomial(z, SINH), 0.5 * z + z * z * polynomial(z, COSH))


@elementary
def sinh(x):
    """(2^n - 2^-n) / 2 cosh(r) + (2^n + 2^-n) / 2 sinh(r), x = n ln(2) + r. Error: 1.4 ulp measured."""
    a = abs(x)
    u, v, r, sine, cosine = _hyperbolic(a)
    less, more = u - 0.25 * v, u + 0.25 * v
    w = more * r
    high = less + w                     # as in _expm1
    out = high + ((w - (high - less)) + (less * cosine + more * sine))
    return math.copysign(select(a < 2.0**-28, a, 2.0 * out), x)


@elementary
def cosh(x):
    """As sinh. Error: 1.6 ulp measured."""
    u, v, r, sine, cosine = _hyperbolic(abs(x))
    less, more = u - 0.25 * v, u + 0.25 * v
    return 2.0 * (more + (less * r + (less * sine + more * cosine)))


@elementary
def tanh(x):
    """t / (t + 2) or 1 - 2 / (t + 2), t = exp(2 |x|) - 1, as fdlibm's s_tanh.c; what t and t + 2 are rounded by is added to the
    quotient. Error: 1.5 ulp measured."""
    a = abs(x)
    high, low = _expm1(2.0 * select(a > 20.0, 20.0, a))
    t = high + low
    low = low - (t - high)
    d = t + 2.0
    small = t < 2.0
    q = select(small, t, -2.0) / d
    mended = q + 0.5 * (1.0 - q) * (low - q * ((t - (d - 2.0)) + low))     # (1 - q) / 2 = 1 / d
    out = select(small, mended, 1.0 + q)
    return math.copysign(select(a < TINY, a, out), x)


@elementary
def sigmoid(x):
    """1 / (1 + exp(-x)): 1 / (1 + e) or e / (1 + e), e = exp(-|x|); what e and 1 + e are rounded by is added to the quotient.
    Error: 1.1 ulp measured."""
    r, tail, u, v = _exp(-abs(x))
    s = 1.0 + r
    tail = (r - (s - 1.0)) + tail
    high = s + tail
    e, low = high * u * v, (tail - (high - s)) * u * v
    d = 1.0 + e
    right = x >= 0.0
    q = select(right, 1.0, e) / d
    return q + (select(right, 0.0, low) - q * ((e - (d - 1.0)) + low)) * select(right, q, 1.0 - q)


@elementary
def softplus(x):
    """log(1 + exp(x)) = max(x, 0) + log(1 + e), e = exp(-|x|): the logarithm as in log, of 1 + e or of its half.
    Error: 1.6 ulp measured."""
    e = exp(-abs(x))
    far = e > 0.5
    f = select(far, 0.5 * e - 0.5, e)
    s = f / (2.0 + f)
    z, h = s * s, 0.5 * f * f
    low = s * (h + z * polynomial(z, LOG_HALF)) + select(far, LN2_LOW, 0.0)
    out = select(far, LN2_HIGH, 0.0) - ((h - low) - f)
    return select(x < 0.0, out, x + out)


# ---- circular functions ----------------------------------------------------------------------------------------------

NEAR = 2.0**28
# π/2 in parts of 25 bits (the last: of 53), so that their products with n < 2^28 are exact.
HALF_PI = tuple(map(float.fromhex, ("0x1.921fb50000000p+0", "0x1.110b460000000p-26", "0x1.1a62600000000p-54",
                                    "0x1.98a2e00000000p-77", "0x1.b839a252049c1p-104")))
SIN = (-0.1666666666666663, 0.008333333333322113, -0.00019841269829584752, 2.7557313619693846e-06, -2.5050747491907736e-08,
       1.5896214074496923e-10)
COS = (0.041666666666666595, -0.001388888888887305, 2.480158728884722e-05, -2.7557314177923853e-07, 2.0875700646323966e-09,
       -1.1358525980247204e-11)
TAN = (0.33333333333333376, 0.13333333333325803, 0.05396825397265006, 0.021869488406302463, 0.00886323780838456,
       0.003592102081856438, 0.0014560369472078815, 0.0005889077786607634, 0.00024359637163454275, 8.395621698512897e-05,
       6.649574722627675e-05, -2.4711929576056644e-05, 4.786355011407578e-05, -2.3889979752672968e-05, 9.713302331888557e-06)
ATAN = (-0.33333333333333315, 0.19999999999993262, -0.1428571428496027, 0.11111111068528327, -0.090909076686933,
        0.07692277060106627, -0.06666218757488555, 0.058777692958465196, -0.05229808030034391, 0.04588702939093912,
        -0.03710129975988629, 0.023631293543020702, -0.008351416329439986)


@compiled
def _quadrant(x):
    """n's last bits, r, low: x = n π/2 + r + low, |r| <= π/4. Cody and Waite's reduction, as in fdlibm's e_rem_pio2.c."""
    m = x * 0.6366197723675814 + ROUND
    n = m - ROUND
    a = (x - n * HALF_PI[0]) - n * HALF_PI[1]                               # exact: a multiple of 2^-53
    w = n * HALF_PI[2]
    b = a - w
    v = n * HALF_PI[3]
    c = b - v
    low = (((a - b) - w) + ((b - c) - v)) - n * HALF_PI[4]
    r = c + low
    return bits(m), select(abs(x) <= NEAR, r, math.nan), (c - r) + low


@compiled
def _waves(r, low):
    """sin(r + low), cos(r + low): fdlibm's k_sin.c and k_cos.c."""
    z = r * r
    h = 0.5 * z
    w = 1.0 - h
    sine = r + (low * w + z * r * polynomial(z, SIN))
    return sine, w + (((1.0 - w) - h) + (z * z * polynomial(z, COS) - r * low))


@elementary
def sin_near(x):
    """sin(x) for |x| <= 2^28, else NaN, without a branch. Error: 0.9 ulp measured."""
    n, r, low = _quadrant(abs(x))
    sine, cosine = _waves(r, low)
    out = select(n & 1 == 0, sine, cosine)
    return number(bits(out) ^ ((n & 2) << 62) ^ (bits(x) & SIGN))


@elementary
def cos_near(x):
    """cos(x) for |x| <= 2^28, else NaN, without a branch. Error: 0.9 ulp measured."""
    n, r, low = _quadrant(x)
    sine, cosine = _waves(r, low)
    out = select(n & 1 == 0, cosine, sine)
    return number(bits(out) ^ (((n + 1) & 2) << 62))


@elementary
def tan_near(x):
    """tan(x) for |x| <= 2^28, else NaN, without a branch: t = tan(r), or -1 / t. Error: 1.3 ulp measured."""
    n, r, low = _quadrant(abs(x))
    z = r * r
    tail = low * (1.0 + z) + z * r * polynomial(z, TAN)
    t = r + tail
    q = 1.0 / t
    out = select(n & 1 == 0, t, q * q * (tail - (t - r)) - q)
    return number(bits(out) ^ (bits(x) & SIGN))


@elementary
def sin(x):
    """sin(x) of every number."""
    return sin_near(x) if abs(x) <= NEAR else math.sin(x)


@elementary
def cos(x):
    """cos(x) of every number."""
    return cos_near(x) if abs(x) <= NEAR else math.cos(x)


@elementary
def tan(x):
    """tan(x) of every number."""
    return tan_near(x) if abs(x) <= NEAR else math.tan(x)


@elementary
def atan(x):
    """Cephes' atan.c: π/2 - atan(1 / x) beyond 2, π/4 + atan((x - 1) / (x + 1)) beyond 1/2. Error: 1.2 ulp measured."""
    a = abs(x)
    far, middle = a > 2.0, a > 0.5
    r = select(far, -1.0, select(middle, a - 1.0, a)) / select(far, a, select(middle, a + 1.0, 1.0))
    z = r * r
    high = select(far, 1.5707963267948966, select(middle, 0.7853981633974483, 0.0))
    low = select(far, 6.123233995736766e-17, select(middle, 3.061616997868383e-17, 0.0))
    return math.copysign(high + (r + (z * r * polynomial(z, ATAN) + low)), x)


# ---- the error function ----------------------------------------------------------------------------------------------

ERF = (0.1283791670955126, -0.3761263890318375, 0.11283791670954857, -0.02686617064507284, 0.005223977624780328,
       -0.0008548326978709759, 0.00012055331035665805, -1.492559347609839e-05, 1.6460972305792322e-06, -1.6350019629998196e-07,
       1.4657841127388222e-08, -1.1365512302629037e-09, 5.944995389536982e-11)
ERFC = (2.8565239116061707e-05, 0.2814720679122067, 0.2882183908529723, 0.21112404095415466, 0.3125174285314805,
        -0.2682162996754951, 0.6064891583315009, -0.7200064205601069, 0.2857914876171357, 0.07892812361723617,
        -0.10076281540958462, 0.02441855609269274)


@elementary
def erf(x):
    """x + x P(x^2) up to 1; beyond, 1 - exp(-x^2) P(1 / (1 + x / 2)). Error: 1 ulp measured."""
    a = abs(x)
    b = select(a > 6.0, 6.0, a)
    z = b * b
    far = 1.0 - exp(-z) * polynomial(1.0 / (1.0 + 0.5 * b), ERFC)
    near = a + a * polynomial(z, ERF)
    return math.copysign(select(a > 1.0, far, near), x)
