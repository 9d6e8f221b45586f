"""Elementary functions that LLVM makes vector code of, where `math`'s are calls: 1 to 2 ns a number instead of 4 to 18.

    exp expm1 log log1p pow   sinh cosh tanh sigmoid softplus logaddexp   sin cos tan atan   erf

Each is a function of numbers, to be called from Python and inside compiled code: float32 gives float32, all else float64. In
compiled code it becomes a part of the loop that calls it, without branches, calls or tables: additions, multiplications and bits,
which LLVM's vectoriser takes like any others.

What is promised:
- The error is at most 2 units in the last place in float64, and 0.51 in float32 (which is computed in float64 and rounded once);
  but for `logaddexp`, a sum of two terms that may cancel.
  Each docstring says where the error comes from, and the greatest that was found in millions of points (`python -m tests.ulp`).
- Special values are those of C's Annex F: the signs of zeros, infinities, NaN, subnormal arguments and results, overflow to
  infinity, underflow to 0. Nothing is promised of the processor's flags.
- Scalar code and vector code give the same bits, and so do all processors that multiply and add in one step; the others' last
  bit may be another. The caller's `fastmath` does not reach in here: it would undo the roundings on which all rests.
- sin, cos and tan of |x| > 2^28 need more of pi than is worth carrying along, and are the C library's: LLVM is told of a function
  of vectors that calls it for the lanes that need it, and returns at once where none does.

The coefficients are minimax polynomials, as `python -m tests.minimax` derives them. The reductions are fdlibm's and Cephes', as
each function says.
"""
import functools
import math

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

# `fastmath` is said to be off, since Numba would else take it from the caller; division without a test for 0; always inlined,
# since a call that is left would keep the loop scalar.
OPTIONS = {"fastmath": False, "error_model": "numpy", "forceinline": True}
REAL = (types.Float, types.Integer, types.Boolean)

compiled = numba.njit(**OPTIONS, no_cpython_wrapper=True, no_cfunc_wrapper=True)       # of what only compiled code calls


def elementary(body):
    """A function of numbers, from one of float64s."""
    kernel = numba.njit(**OPTIONS)(body)

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

I64, F64 = ir.IntType(64), ir.DoubleType()


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
    return types.int64(types.float64), lambda context, builder, sig, args: builder.bitcast(args[0], I64)


@intrinsic
def number(_, i):
    """The float64 of these bits."""
    return types.float64(types.int64), lambda context, builder, sig, args: builder.bitcast(args[0], F64)


@intrinsic
def select(_, condition, x, y):
    """x where the condition holds, else y: both are computed."""
    return (types.float64(types.boolean, types.float64, types.float64),
            lambda context, builder, sig, args: builder.select(*args))


@intrinsic
def muladd(_, x, y, z):
    """x y + z, rounded once where the processor has an instruction for it, else twice: used where either will do."""
    return (types.float64(types.float64, types.float64, types.float64),
            lambda context, builder, sig, args: _muladd(builder, *args))


@intrinsic
def polynomial(_, t, coefficients):
    """Σ coefficients[k] t^k by Estrin's scheme: the sums of pairs are a polynomial in t^2, of half the length."""
    def emit(context, builder, sig, args):
        t, terms = args[0], [builder.extract_value(args[1], k) for k in range(coefficients.count)]
        while len(terms) > 1:
            pairs = [_muladd(builder, high, t, low) for low, high in zip(terms[::2], terms[1::2])]
            terms, t = pairs + terms[2 * len(pairs):], builder.fmul(t, t)
        return terms[0]
    return types.float64(types.float64, coefficients), emit


def _muladd(builder, x, y, z):
    return builder.call(builder.module.declare_intrinsic("llvm.fmuladd", [F64], ir.FunctionType(F64, [F64] * 3)), (x, y, z))


def from_library(name):
    """The C library's function, for arguments that are rare in a loop. LLVM leaves a loop scalar that calls a function, unless
    the function says that it has forms for vectors, with a mask: what stands for a call that a branch goes around."""
    @intrinsic
    def call(_, x):
        return (types.float64(types.float64),
                lambda context, builder, sig, args: builder.call(_library(builder.module, name), args))
    return call


def _library(module, name):
    own = f"dualtape_{name}"
    if own in module.globals:
        return module.get_global(own)
    scalar = _function(module, own, F64, [F64])
    forms = ",".join(f"_ZGV_LLVM_M{lanes}v_{own}({_lanes(module, scalar, lanes).name})" for lanes in (2, 4, 8))
    # llvmlite's own `add` knows no attributes that have a value
    set.add(scalar.attributes, f'"vector-function-abi-variant"="{forms}"')
    builder = ir.IRBuilder(scalar.append_basic_block())
    builder.ret(builder.call(module.declare_intrinsic(f"llvm.{name}", [F64]), scalar.args))
    return scalar


def _lanes(module, scalar, lanes):
    """The form for vectors: (x, which lanes are asked for); mostly none is."""
    vector, mask = ir.VectorType(F64, lanes), ir.VectorType(ir.IntType(1), lanes)
    function = _function(module, f"{scalar.name}_{lanes}", vector, [vector, mask])
    out, wanted = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    none = builder.icmp_unsigned("==", builder.bitcast(wanted, ir.IntType(lanes)), ir.IntType(lanes)(0))
    with builder.if_then(none, likely=True):
        builder.ret(out)
    for k in map(ir.IntType(32), range(lanes)):
        x = builder.select(builder.extract_element(wanted, k), builder.extract_element(out, k), F64(0.0))
        out = builder.insert_element(out, builder.call(scalar, [x]), k)
    builder.ret(out)
    return function


def _function(module, name, result, args):
    """A function to be defined: kept where nobody calls it yet, and one where several modules have it."""
    function = ir.Function(module, ir.FunctionType(result, args), name)
    function.linkage = "weak_odr"
    for attribute in ("noinline", "nounwind", "readnone"):
        function.attributes.add(attribute)
    return function


@intrinsic
def power_of_two(_, m):
    """2^n from m = n + ROUND, for -1022 <= n <= 1023: the last bits of m are n."""
    def emit(context, builder, sig, args):
        field = builder.shl(builder.bitcast(args[0], I64), I64(52))
        return builder.bitcast(builder.add(field, I64(ONE)), F64)
    return types.float64(types.float64), emit


@intrinsic
def exponent(_, i):
    """The exponent, as a float64, in the bits of a number > 0: put behind the bits of 2^52, since AVX2 converts no int64."""
    def emit(context, builder, sig, args):
        behind = builder.or_(builder.lshr(args[0], I64(52)), I64((1023 + 52) << 52))
        return builder.fsub(builder.bitcast(behind, F64), F64(2.0**52 + 1023))
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
EXP = (0.5, 0.16666666666666677, 0.04166666666666651, 0.008333333333321693, 0.0013888888888962403, 0.0001984126988596142,
       2.4801587172452e-05, 2.75572443791657e-06, 2.7557402732139847e-07, 2.5108977044972588e-08, 2.087529827159489e-09)


@compiled
def _exp(x):
    """r, tail, u, v: exp(x) = (1 + r + tail) u v, with |r| <= ln(2) / 2 and u, v powers of two, which alone may not hold 2^n."""
    x = select(x > 710.0, 710.0, x)
    x = select(x < -746.0, -746.0, x)
    m = muladd(x, LOG2_E, ROUND)
    n = m - ROUND
    above, below = muladd(n, -LN2_HIGH, x), n * LN2_LOW
    r = above - below
    half = muladd(n, 0.5, ROUND)
    return r, muladd(r * r, polynomial(r, EXP), (above - r) - below), power_of_two(half), power_of_two(m - (half - ROUND))


@elementary
def exp(x):
    """e^x. Reduction: fdlibm's e_exp.c. Error: 1/2 from the last sum, 1/4 from r + tail, 1/8 from the tail: 0.9 ulp found."""
    r, tail, u, v = _exp(x)
    return (1.0 + (r + tail)) * u * v


@compiled
def _expm1(x):
    """exp(x) - 1 as a sum, in which x = -40 stands for all that are less."""
    x = select(x > 710.0, 710.0, x)
    x = select(x < -40.0, -40.0, x)
    m = muladd(x, LOG2_E, ROUND)
    n = m - ROUND
    above, below = muladd(n, -LN2_HIGH, x), n * LN2_LOW
    r = above - below
    u = power_of_two(m - 1.0)           # half of 2^n, which may be 2^1024
    v, w = u - 0.5, u * r
    high = v + w                        # |v| >= |w|, or v = 0
    tail = muladd(u, muladd(r * r, polynomial(r, EXP), (above - r) - below), w - (high - v))
    return 2.0 * high, 2.0 * tail


@elementary
def expm1(x):
    """e^x - 1. Reduction: fdlibm's s_expm1.c. Error: 1/2 from the last sum, 3/4 from the tail near ln(2) / 2: 1.3 ulp found."""
    high, low = _expm1(x)
    return select(abs(x) < TINY, x, high + low)


# ---- logarithms ------------------------------------------------------------------------------------------------------

ROOT_HALF = 0x3fe6a09e667f3bcd          # the bits of √½
LOG = (0.6666666666666734, 0.399999999994143, 0.28571428742484367, 0.22222198562341217, 0.18183564928261448, 0.15314034277267521,
       0.1479612051421637)
LOG_HALF = (0.666666666666666, 0.40000000000055974, 0.2857142855599865, 0.22222224277192687, 0.1818166702811592,
            0.15391074423497342, 0.1317422808165739, 0.1383879629059449)


@compiled
def _split(x):
    """k, m: x = 2^k m for normal and subnormal x > 0, with √½ <= m < √2."""
    small = x < NORMAL
    i = bits(select(small, x * 2.0**54, x)) + (ONE - ROOT_HALF)
    return exponent(i) - select(small, 54.0, 0.0), number((i & FRACTION) + ROOT_HALF)


@elementary
def log(x):
    """The natural logarithm. fdlibm's e_log.c: f - (f^2 / 2 - s (f^2 / 2 + R)), s = f / (2 + f).
    Error: 1/2 from the last sum, 1/4 from the one before, the rest from f^2 / 2: 0.9 ulp found."""
    k, m = _split(x)
    f = m - 1.0
    s = f / (2.0 + f)
    z, h = s * s, 0.5 * f * f
    low = muladd(s, muladd(z, polynomial(z, LOG), h), k * LN2_LOW)
    out = select(x < math.inf, muladd(k, LN2_HIGH, f - (h - low)), x)
    return select(x <= 0.0, select(x == 0.0, -math.inf, math.nan), out)


@elementary
def log1p(x):
    """log(1 + x). FreeBSD's s_log1p.c: what 1 + x is rounded by is added to the result. Error: as log's, 0.9 ulp found."""
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
    low = muladd(k, LN2_LOW, rest * (1.0 - s) * (1.0 - s))                  # (1 - s)^2 ≈ 1 / (1 + f)
    low = muladd(s, muladd(z, polynomial(z, LOG), h), low)
    out = select((x < math.inf) & (abs(x) >= TINY), muladd(k, LN2_HIGH, f - (h - low)), x)
    return select(x <= -1.0, select(x == -1.0, -math.inf, math.nan), out)


# ---- powers ----------------------------------------------------------------------------------------------------------

UPPER = -2**27                          # the bits of a number but the last 27: products of two such numbers are exact
SCALE = 0.9617966939259756              # 2 / (3 ln 2)
SCALE_HIGH, SCALE_LOW = float.fromhex("0x1.ec709d8000000p-1"), float.fromhex("0x1.0e80ff5d27f05p-27")
LN2_UPPER, LN2_REST = float.fromhex("0x1.62e42f8000000p-1"), float.fromhex("0x1.be8e7bcd5e4f2p-27")
LOG_LONG = (0.6000000000000338, 0.4285714285514907, 0.33333333779931784, 0.2727267654684689, 0.23080136159544032,
            0.19885223146299208, 0.19794522549194357)


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
    rest = muladd(z * z, polynomial(z, LOG_LONG), s_rest * (s_up + s))
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
    """x^y. fdlibm's e_pow.c: 2^(y log2(x)), the exponent as a sum of two.
    Error: 1/2 from the last sum, 3/4 from the logarithm's 2^-65 where y log2(x) is near 1000: 1.4 ulp found."""
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
    half = muladd(n, 0.5, ROUND)
    out = s + ((exact - (s - 1.0)) + muladd(r * r, polynomial(r, EXP), rest))
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

SINH = (0.16666666666666677, 0.008333333333321622, 0.00019841269886142207, 2.755724420003677e-06, 2.5109038029224128e-08)
COSH = (0.041666666666602896, 0.0013888888927223633, 2.4801508153273774e-05, 2.7625393379470153e-07)


@compiled
def _hyperbolic(a):
    """u, v, r, sinh(r) - r, cosh(r) - 1 for a >= 0, where exp(±a) = 4 u exp(r), v exp(-r)."""
    a = select(a > 710.5, 710.5, a)
    m = muladd(a, LOG2_E, ROUND)
    n = m - ROUND
    above, below = muladd(n, -LN2_HIGH, a), n * LN2_LOW
    r = above - below
    z = r * r
    return (power_of_two(m - 2.0), select(n > 64.0, 0.0, power_of_two(ROUND - n)),
            r, muladd(z * r, polynomial(z, SINH), (above - r) - below), z * muladd(z, polynomial(z, COSH), 0.5))


@elementary
def sinh(x):
    """(2^n - 2^-n) / 2 cosh(r) + (2^n + 2^-n) / 2 sinh(r), x = n ln(2) + r.
    Error: 1/2 from the last sum, 3/4 from (2^n + 2^-n) r near ln(2) / 2: 1.4 ulp found."""
    a = abs(x)
    u, v, r, sine, cosine = _hyperbolic(a)
    less, more = u - 0.25 * v, u + 0.25 * v
    w = more * r
    high = less + w                     # as in _expm1
    out = high + ((w - (high - less)) + muladd(less, cosine, more * sine))
    return math.copysign(select(a < 2.0**-28, a, 2.0 * out), x)


@elementary
def cosh(x):
    """As sinh. Error: 1/2 from the last sum, 1/2 from the one before, 1/4 from 2^n + 2^-n: 1.5 ulp found."""
    u, v, r, sine, cosine = _hyperbolic(abs(x))
    less, more = u - 0.25 * v, u + 0.25 * v
    return 2.0 * (more + muladd(less, r, muladd(less, sine, more * cosine)))


@elementary
def tanh(x):
    """t / (t + 2) or 1 - 2 / (t + 2), t = exp(2 |x|) - 1, as fdlibm's s_tanh.c; what t and t + 2 are rounded by is added to the
    quotient where that is the result. Error: 1/2 from the last sum, 1/2 from the quotient, 1/2 from t + 2: 1.5 ulp found."""
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
    Error: 1/2 from the quotient, 1/2 from the last sum: 1.2 ulp found."""
    r, tail, u, v = _exp(-abs(x))
    s = 1.0 + r
    tail = (r - (s - 1.0)) + tail
    high = s + tail
    e, low = high * u * v, (tail - (high - s)) * u * v
    d = 1.0 + e
    right = x >= 0.0
    q = select(right, 1.0, e) / d
    return q + (select(right, 0.0, low) - q * ((e - (d - 1.0)) + low)) * select(right, q, 1.0 - q)


@compiled
def _beside(x):
    """log(1 + e), e = exp(-|x|): the logarithm as in log, of 1 + e or of its half."""
    e = exp(-abs(x))
    far = e > 0.5
    f = select(far, 0.5 * e - 0.5, e)
    s = f / (2.0 + f)
    z, h = s * s, 0.5 * f * f
    low = muladd(s, muladd(z, polynomial(z, LOG_HALF), h), select(far, LN2_LOW, 0.0))
    return select(far, LN2_HIGH, 0.0) + (f - (h - low))


@elementary
def softplus(x):
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)). Error: 0.9 from exp, 0.8 from the logarithm: 1.6 ulp found."""
    out = _beside(x)
    return select(x < 0.0, out, x + out)


@elementary
def logaddexp(x, y):
    """log(exp(x) + exp(y)) = max(x, y) + log(1 + exp(-|x - y|)), as NumPy computes it. Error: 2 ulp of the larger of the two
    terms; where they cancel, the sum has no more digits than they."""
    larger = select(x > y, x, y)
    return larger + _beside(select(x == y, 0.0, x - y))


# ---- circular functions ----------------------------------------------------------------------------------------------

NEAR = 2.0**28
# π/2 in parts of 25 bits (the last: of 53), so that their products with n < 2^28 are exact.
HALF_PI = tuple(map(float.fromhex, ("0x1.921fb50000000p+0", "0x1.110b460000000p-26", "0x1.1a62600000000p-54",
                                    "0x1.98a2e00000000p-77", "0x1.b839a252049c1p-104")))
SIN = (-0.1666666666666663, 0.008333333333322115, -0.00019841269829585787, 2.75573136200114e-06, -2.5050747538738977e-08,
       1.589621672461334e-10)
COS = (0.041666666666666595, -0.001388888888887305, 2.480158728884698e-05, -2.7557314177857017e-07, 2.0875700637901526e-09,
       -1.1358525599853082e-11)
TAN = (0.33333333333333376, 0.13333333333325806, 0.05396825397264907, 0.021869488406325643, 0.008863237808063798,
       0.003592102084743464, 0.0014560369293735976, 0.0005889078566594684, 0.00024359612622420083, 8.395677456790663e-05,
       6.649484035604163e-05, -2.4710899704591003e-05, 4.786277428655113e-05, -2.388963123059056e-05, 9.713231629617118e-06)
ATAN = (-0.33333333333333315, 0.19999999999993262, -0.14285714284960363, 0.11111111068532757, -0.09090907668815901,
        0.07692277062267075, -0.06666218782902832, 0.05877769500040096, -0.05229809154962449, 0.045887071200791184,
        -0.03710139997023147, 0.02363143340214906, -0.00835150268375564)


@compiled
def _quadrant(x):
    """n's last bits, r, low: x = n π/2 + r + low, |r| <= π/4. Cody and Waite's reduction, as in fdlibm's e_rem_pio2.c."""
    m = muladd(x, 0.6366197723675814, ROUND)
    n = m - ROUND
    a = muladd(n, -HALF_PI[1], muladd(n, -HALF_PI[0], x))                   # exact: a multiple of 2^-53
    b = muladd(n, -HALF_PI[2], a)
    c = muladd(n, -HALF_PI[3], b)
    low = muladd(n, -HALF_PI[2], a - b) + muladd(n, -HALF_PI[3], b - c)     # what b and c are rounded by
    low = muladd(n, -HALF_PI[4], low)
    r = c + low
    return bits(m), r, (c - r) + low


@compiled
def _waves(r, low):
    """sin(r + low), cos(r + low): fdlibm's k_sin.c and k_cos.c."""
    z = r * r
    h = 0.5 * z
    w = 1.0 - h
    sine = r + muladd(z * r, polynomial(z, SIN), low * w)
    return sine, w + (((1.0 - w) - h) + muladd(z * z, polynomial(z, COS), -r * low))


far_sin, far_cos, far_tan = map(from_library, ("sin", "cos", "tan"))


@elementary
def sin(x):
    """sin(x). Error: 1/2 from the last sum, 1/4 from what is added in it: 0.9 ulp found."""
    if abs(x) > NEAR:
        return far_sin(x)
    n, r, low = _quadrant(abs(x))
    sine, cosine = _waves(r, low)
    out = select(n & 1 == 0, sine, cosine)
    return number(bits(out) ^ ((n & 2) << 62) ^ (bits(x) & SIGN))


@elementary
def cos(x):
    """cos(x). Error: as sin's, 0.9 ulp found."""
    if abs(x) > NEAR:
        return far_cos(x)
    n, r, low = _quadrant(x)
    sine, cosine = _waves(r, low)
    out = select(n & 1 == 0, cosine, sine)
    return number(bits(out) ^ (((n + 1) & 2) << 62))


@elementary
def tan(x):
    """tan(x): t = tan(r), or -1 / t. Error: 1/2 from the quotient, 1/2 from what t is rounded by, 1/4 from t: 1.5 ulp found."""
    if abs(x) > NEAR:
        return far_tan(x)
    n, r, low = _quadrant(abs(x))
    z = r * r
    tail = muladd(z * r, polynomial(z, TAN), muladd(low, z, low))
    t = r + tail
    q = 1.0 / t
    out = select(n & 1 == 0, t, q * q * (tail - (t - r)) - q)
    return number(bits(out) ^ (bits(x) & SIGN))


@elementary
def atan(x):
    """Cephes' atan.c: π/2 - atan(1 / x) beyond 2, π/4 + atan((x - 1) / (x + 1)) beyond 1/2.
    Error: 1/2 from the last sum, 1/2 from the one before, 1/4 from the quotient: 1.4 ulp found."""
    a = abs(x)
    far, middle = a > 2.0, a > 0.5
    r = select(far, -1.0, select(middle, a - 1.0, a)) / select(far, a, select(middle, a + 1.0, 1.0))
    z = r * r
    high = select(far, 1.5707963267948966, select(middle, 0.7853981633974483, 0.0))
    low = select(far, 6.123233995736766e-17, select(middle, 3.061616997868383e-17, 0.0))
    return math.copysign(high + (r + muladd(z * r, polynomial(z, ATAN), low)), x)


# ---- the error function ----------------------------------------------------------------------------------------------

ERF = (0.1283791670955126, -0.3761263890318375, 0.11283791670954857, -0.026866170645072844, 0.00522397762478035,
       -0.0008548326978710438, 0.00012055331035668237, -1.4925593475672443e-05, 1.6460972292170223e-06, -1.6350019423777545e-07,
       1.465783938756661e-08, -1.1365504432391198e-09, 5.944980465802709e-11)
ERFC = (2.8562396771633325e-05, 0.2814721262684957, 0.28821784807033757, 0.2111270601569117, 0.3125062683562581,
        -0.2681875138789745, 0.606436287688125, -0.7199372682763453, 0.2857283618966438, 0.07896642819486609,
        -0.1007767215816983, 0.02442084447394272)


@elementary
def erf(x):
    """x + x P(x^2) up to 1; beyond, 1 - exp(-x^2) P(1 / (1 + x / 2)).
    Error: 1/2 from the last sum, 2/3 from exp(-x^2) P just beyond 1: 1.5 ulp found."""
    a = abs(x)
    b = select(a > 6.0, 6.0, a)
    z = b * b
    far = 1.0 - exp(-z) * polynomial(1.0 / (1.0 + 0.5 * b), ERFC)
    near = muladd(a, polynomial(z, ERF), a)
    return math.copysign(select(a > 1.0, far, near), x)
