"""Elementary functions without branches, calls or tables: inlined into a loop of compiled code, LLVM makes vector code of them.
"""
import functools
import math

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload

OPTIONS = {"error_model": "numpy", "fastmath": False, "forceinline": True}


def compiled(body):
    return numba.njit(body, **OPTIONS)


def elementary(body):
    kernel = compiled(body)

    @functools.wraps(body)
    def function(*args):
        out = kernel(*map(float, args))
        return np.float32(out) if any(isinstance(a, np.float32) for a in args) else out

    def typed(*args):
        if all(a == types.float64 for a in args):
            return body
        if len(args) == 1:
            return lambda x: narrow(kernel(wide(x)), x)
        return lambda x, y: narrow(kernel(wide(x), wide(y)), x)

    overload(function, jit_options=OPTIONS, strict=False)(typed)
    return function


# ---- instructions

def instruction(result, emit):
    return lambda typing, *args: (result(*args), lambda context, builder, sig, values: emit(context, builder, sig, *values))


@intrinsic
def bits(typing, x):
    return types.int64(x), lambda context, builder, sig, args: builder.bitcast(args[0], context.get_value_type(types.int64))


@intrinsic
def value(typing, i):
    return types.float64(i), lambda context, builder, sig, args: builder.bitcast(args[0], context.get_value_type(types.float64))


@intrinsic
def wide(typing, x):
    return types.float64(x), lambda context, builder, sig, args: context.cast(builder, args[0], x, types.float64)


@intrinsic
def narrow(typing, out, x):
    single = types.float32 if x == types.float32 else types.float64
    return single(out, x), lambda context, builder, sig, args: context.cast(builder, args[0], out, single)


@intrinsic
def select(typing, condition, x, y):
    return types.float64(types.boolean, types.float64, types.float64), lambda context, builder, sig, args: builder.select(context.cast(builder, args[0], types.boolean, types.boolean), args[1], args[2])


@intrinsic
def polynomial(typing, t, coefficients):
    def emit(context, builder, sig, args):
        t, coefficients = args
        terms = [builder.extract_value(coefficients, k) for k in range(sig.args[1].count)]
        while len(terms) > 1:
            pairs = [builder.fadd(low, builder.fmul(high, t)) for low, high in zip(terms[::2], terms[1::2])]
            terms = pairs + terms[2 * len(pairs):]
            t = builder.fmul(t, t)
        return terms[0]
    return types.float64(t, coefficients), emit


@intrinsic
def two_to(typing, m):
    def emit(context, builder, sig, args):
        i64 = context.get_value_type(types.int64)
        i = builder.shl(builder.bitcast(args[0], i64), i64(52))
        return builder.bitcast(builder.add(i, i64(1023 << 52)), context.get_value_type(types.float64))
    return types.float64(types.float64), emit


@intrinsic
def exponent(typing, i):
    def emit(context, builder, sig, args):
        i64, f64 = context.get_value_type(types.int64), context.get_value_type(types.float64)
        i = builder.or_(builder.lshr(args[0], i64(52)), i64(0x433 << 52))
        return builder.fsub(builder.bitcast(i, f64), f64(2.0**52 + 1023))
    return types.float64(types.int64), emit


# ---- constants
ROUND = 1.5 * 2.0**52
LOG2E = 1.4426950408889634
LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")
SIGN = -2**63
ONE = 1023 << 52

LOG = (0.6666666666666734, 0.39999999999414415, 0.2857142874245679, 0.22222198565314052, 0.18183564767942603, 0.15314038507698335, 0.14796077086082984)  # 2^-58.5
SIN = (-0.1666666666666663, 0.008333333333322113, -0.00019841269829584375, 2.755731361952684e-06, -2.5050747462315323e-08, 1.5896212249744097e-10)  # 2^-57.9
COS = (0.041666666666666595, -0.001388888888887305, 2.4801587288847187e-05, -2.7557314177960445e-07, 2.0875700656119137e-09, -1.1358526682867436e-11)  # 2^-64.0


EXPM1 = (0.5, 0.16666666666666677, 0.04166666666666651, 0.008333333333321691, 0.001388888888896233, 0.00019841269885964094, 2.480158717261558e-05, 2.7557244375915934e-06, 2.755740258487621e-07, 2.5108978315255925e-08, 2.0875345378619963e-09)  # 2^-61.7


@compiled
def raised(x):
    """r, tail, u, v: exp(x) = (1 + r + tail) u v, where u and v are powers of two."""
    x = select(x > 710.0, 710.0, x)
    x = select(x < -746.0, -746.0, x)
    m = x * LOG2E + ROUND
    n = m - ROUND
    a = x - n * LN2_HIGH
    w = n * LN2_LOW
    r = a - w
    half = n * 0.5 + ROUND
    return r, r * r * polynomial(r, EXPM1) + ((a - r) - w), two_to(half), two_to(m - (half - ROUND))


@elementary
def exp(x):
    r, tail, u, v = raised(x)
    return (1.0 + (r + tail)) * u * v


TINY = 2.0**-1022
ROOT_HALF = 0x3fe6a09e667f3bcd


LOG_WIDE = (0.666666666666666, 0.4000000000005696, 0.28571428555766276, 0.22222224302996835, 0.18181665505277286, 0.15391123551205524, 0.13173410486433323, 0.13844284907039708)  # 2^-61.6


@elementary
def log(x):
    small = x < TINY
    i = bits(select(small, x * 2.0**54, x)) + (ONE - ROOT_HALF)
    k = exponent(i) - select(small, 54.0, 0.0)
    f = value((i & (2**52 - 1)) + ROOT_HALF) - 1.0
    s = f / (2.0 + f)
    z = s * s
    h = 0.5 * f * f
    y = k * LN2_HIGH - ((h - (s * (h + z * polynomial(z, LOG)) + k * LN2_LOW)) - f)
    y = select(x < math.inf, y, x)
    return select(x <= 0.0, select(x == 0.0, -math.inf, math.nan), y)


PI_2 = (float.fromhex("0x1.921fb544p+0"), float.fromhex("0x1.0b4611a6p-34"), float.fromhex("0x1.3198a2e0p-69"), float.fromhex("0x1.b839a252049c1p-104"))


@compiled
def reduced(x):
    m = x * 0.6366197723675814 + ROUND
    n = m - ROUND
    a = x - n * PI_2[0]
    w = n * PI_2[1]
    b = a - w
    e = (a - b) - w
    w = n * PI_2[2]
    c = b - w
    e = e + ((b - c) - w) - n * PI_2[3]
    high = c + e
    return bits(m), high, (c - high) + e


@compiled
def waves(r, low):
    z = r * r
    h = 0.5 * z
    w = 1.0 - h
    sine = r + (low * w + z * r * polynomial(z, SIN))
    return sine, w + (((1.0 - w) - h) + (z * z * polynomial(z, COS) - r * low))


@elementary
def sin(x):
    q, r, low = reduced(abs(x))
    s, c = waves(r, low)
    y = select((q & 1) == 0, s, c)
    return value(bits(y) ^ ((q & 2) << 62) ^ (bits(x) & SIGN))


@elementary
def cos(x):
    q, r, low = reduced(x)
    s, c = waves(r, low)
    y = select((q & 1) == 0, c, s)
    return value(bits(y) ^ (((q + 1) & 2) << 62))




@compiled
def grown(x):
    x = select(x > 710.0, 710.0, x)
    x = select(x < -40.0, -40.0, x)
    m = x * LOG2E + ROUND
    n = m - ROUND
    a = x - n * LN2_HIGH
    w = n * LN2_LOW
    r = a - w
    u = two_to(m - 1.0)
    v = u - 0.5
    s = v + u * r
    return 2.0 * s, 2.0 * ((u * r - (s - v)) + u * (r * r * polynomial(r, EXPM1) + ((a - r) - w)))


@elementary
def expm1(x):
    high, low = grown(x)
    return select(abs(x) < 2.0**-54, x, high + low)


@elementary
def log1p(x):
    u = 1.0 + x
    b = u - 1.0
    c = (1.0 - (u - b)) + (x - b)
    i = bits(u) + (ONE - ROOT_HALF)
    k = exponent(i)
    near = k == 0.0
    f = select(near, x, value((i & (2**52 - 1)) + ROOT_HALF) - 1.0)
    c = select(near | (k > 64.0), 0.0, c * value((2046 << 52) - (i & (2047 << 52))))
    s = f / (2.0 + f)
    z = s * s
    h = 0.5 * f * f
    y = k * LN2_HIGH - ((h - (s * (h + z * polynomial(z, LOG)) + (k * LN2_LOW + c * (1.0 - s) * (1.0 - s)))) - f)
    y = select((x < math.inf) & (abs(x) >= 2.0**-54), y, x)
    return select(x <= -1.0, select(x == -1.0, -math.inf, math.nan), y)


@elementary
def tanh(x):
    a = abs(x)
    high, low = grown(2.0 * select(a > 20.0, 20.0, a))
    t = high + low
    low = low - (t - high)
    d = t + 2.0
    small = t < 2.0
    q = select(small, t, -2.0) / d
    y = select(small, q + 0.5 * (1.0 - q) * (low - q * ((t - (d - 2.0)) + low)), 1.0 + q)
    y = select(a < 2.0**-54, a, y)
    return value(bits(y) | (bits(x) & SIGN))


@elementary
def sigmoid(x):
    r, tail, u, v = raised(-abs(x))
    s = 1.0 + r
    tail = (r - (s - 1.0)) + tail
    high = s + tail
    low = (tail - (high - s)) * u * v
    e = high * u * v
    d = 1.0 + e
    right = x >= 0.0
    y = select(right, 1.0, e) / d
    return y + (select(right, 0.0, low) - y * ((e - (d - 1.0)) + low)) * select(right, y, 1.0 - y)


@elementary
def softplus(x):
    e = exp(-abs(x))
    far = e > 0.5
    f = select(far, 0.5 * e - 0.5, e)
    s = f / (2.0 + f)
    z = s * s
    h = 0.5 * f * f
    y = select(far, LN2_HIGH, 0.0) - ((h - (s * (h + z * polynomial(z, LOG_WIDE)) + select(far, LN2_LOW, 0.0))) - f)
    return select(x < 0.0, y, x + y)


SINH = (0.16666666666666677, 0.008333333333321619, 0.00019841269886148672, 2.755724419352224e-06, 2.5109040306274213e-08)  # 2^-61.7
COSH = (0.04166666666660288, 0.0013888888927227963, 2.4801508148707044e-05, 2.7625395000276983e-07)  # 2^-57.3


@compiled
def halves(x):
    x = select(x > 710.5, 710.5, x)
    m = x * LOG2E + ROUND
    n = m - ROUND
    a = x - n * LN2_HIGH
    w = n * LN2_LOW
    r = a - w
    z = r * r
    low = ((a - r) - w) + z * r * polynomial(z, SINH)
    even = 0.5 * z + z * z * polynomial(z, COSH)
    return two_to(m - 2.0), select(n > 64.0, 0.0, two_to(ROUND - n)), r, low, even


@elementary
def sinh(x):
    a = abs(x)
    u, v, r, low, even = halves(a)
    d = u - 0.25*v
    s = u + 0.25*v
    t = d + s * r
    y = t + ((s * r - (t - d)) + (d * even + s * low))
    return value(bits(select(a < 2.0**-28, a, y * 2.0)) | (bits(x) & SIGN))


@elementary
def cosh(x):
    u, v, r, low, even = halves(abs(x))
    d = u - 0.25*v
    s = u + 0.25*v
    return 2.0 * (s + (d * r + (d * low + s * even)))


TAN = (0.33333333333333376, 0.13333333333325806, 0.05396825397264973, 0.021869488406305624, 0.008863237808393773, 0.0035921020813700745, 0.001456036952389253, 0.0005889077473832077, 0.00024359649547343689, 8.395587967599599e-05, 6.64963861758555e-05, -2.4712758859564054e-05, 4.786425458728126e-05, -2.389033297334876e-05, 9.713381634074882e-06)  # 2^-60.0


@elementary
def tan(x):
    q0, r, low = reduced(abs(x))
    z = r * r
    tail = low * (1.0 + z) + z * r * polynomial(z, TAN)
    t = r + tail
    q = 1.0 / t
    y = select((q0 & 1) == 0, t, q * q * (tail - (t - r)) - q)
    return value(bits(y) ^ (bits(x) & SIGN))


ATAN = (-0.33333333333333315, 0.19999999999993268, -0.14285714284960924, 0.11111111068562328, -0.09090907669712638, 0.07692277079394783, -0.0666621899944714, 0.05877771357677676, -0.05229820023042694, 0.04588749819968825, -0.037102477546017795, 0.02363301131318892, -0.008352521675145455)  # 2^-62.1


@elementary
def atan(x):
    a = abs(x)
    far, middle = a > 2.0, a > 0.5
    r = select(far, -1.0, select(middle, a - 1.0, a)) / select(far, a, select(middle, a + 1.0, 1.0))
    z = r * r
    high = select(far, math.pi / 2, select(middle, math.pi / 4, 0.0))
    low = select(far, 6.123233995736766e-17, select(middle, 3.061616997868383e-17, 0.0))
    y = high + (r + (z * r * polynomial(z, ATAN) + low))
    return value(bits(y) | (bits(x) & SIGN))


LOG_LONG = (0.6000000000000338, 0.4285714285514859, 0.33333333780008995, 0.2727267654070347, 0.23080136421319555, 0.19885217428416038, 0.19794572884416947)
HALF_BITS = -2**27
CP = 0.9617966939259756             # 2 / (3 ln 2)
CP_HIGH, CP_LOW = float.fromhex("0x1.ec709d8000000p-1"), float.fromhex("0x1.0e80ff5d27f05p-27")
LN2 = 0.6931471805599453
LN2_HALF, LN2_REST = float.fromhex("0x1.62e42f8000000p-1"), float.fromhex("0x1.be8e7bcd5e4f2p-27")


@compiled
def cut(x):
    """The upper 26 bits, so that products of two are exact."""
    return value(bits(x) & HALF_BITS)


@compiled
def log2_long(x):
    """log2(x) as a sum, to 2^-65 of it."""
    small = x < TINY
    i = bits(select(small, x * 2.0**54, x)) + (ONE - ROOT_HALF)
    k = exponent(i) - select(small, 54.0, 0.0)
    m = value((i & (2**52 - 1)) + ROOT_HALF)
    f = m - 1.0
    d = 1.0 + m
    q = 1.0 / d
    s = f * q
    sh, dh = cut(s), cut(d)
    sl = q * ((f - sh * dh) - sh * (m - (dh - 1.0)))
    z = s * s
    a = sh * sh
    b = sl * (sh + s) + z * z * polynomial(z, LOG_LONG)
    th = cut(3.0 + a + b)
    tl = b - ((th - 3.0) - a)
    u = sh * th
    v = sl * th + tl * s
    ph = cut(u + v)
    pl = v - (ph - u)
    zh = CP_HIGH * ph
    zl = CP_LOW * ph + pl * CP
    high = cut((zh + zl) + k)
    return high, zl - ((high - k) - zh)


@compiled
def whole(a):
    return (a >= 2.0**52) | ((a + 2.0**52) - 2.0**52 == a)


@elementary
def pow(x, y):
    a, b = abs(x), abs(y)
    high, low = log2_long(a)
    t = select(b > 2.0**65, math.copysign(2.0**65, y), y)
    yh = cut(t)
    ph = yh * high
    pl = (t - yh) * high + t * low
    far = abs(ph) > 1100.0
    ph = select(far, math.copysign(1100.0, ph), ph)
    pl = select(far, 0.0, pl)
    m = (ph + pl) + ROUND
    g = ph - (m - ROUND)
    th = cut(g + pl)
    u = th * LN2_HALF
    v = (pl - (th - g)) * LN2 + th * LN2_REST
    s = 1.0 + u
    r = u + v
    out = s + ((u - (s - 1.0)) + (v + r * r * polynomial(r, EXPM1)))
    half = (m - ROUND) * 0.5 + ROUND
    out = out * two_to(half) * two_to(m - (half - ROUND))
    grows = (a > 1.0) == (y > 0.0)
    edge = select(grows, math.inf, 0.0)
    out = select((a == 0.0) | (a == math.inf), edge, out)
    out = select(b == math.inf, edge, out)
    integer = whole(b)
    odd = integer & (not whole(0.5 * b))
    out = select((x < 0.0) & (not integer), select((a == math.inf) | (b == math.inf), out, math.nan), out)
    out = select(odd, math.copysign(out, x), out)
    out = select((x != x) | (y != y), math.nan, out)
    return select((x == 1.0) | (y == 0.0) | ((a == 1.0) & (b == math.inf)), 1.0, out)
