"""The elementary functions: how exact they are, what they give at special values, and that LLVM makes vector code of them.

Some thousands of points each; `python -m tests.ulp` takes millions.
"""
import math
import platform
import re
import subprocess
import sys

import numba
import numpy as np
import pytest
import ulp

from toolkit import elementary

NAMES = list(ulp.TRUTH)
POINTS = 3_000


@pytest.fixture(scope="module")
def loops():
    """{name: the compiled loop over the function}, each compiled once."""
    return {name: ulp.looped(name) for name in NAMES}


@pytest.mark.skipif(not ulp.EXACT, reason="this machine's longdouble is no wider than float64")
@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 2.0), (np.float32, 0.51)], ids=["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_error(loops, name, dtype, bound):
    args = ulp.sample(name, POINTS, dtype)
    found = ulp.errors(name, args, loops[name])
    at = np.argmax(found)
    assert found[at] <= bound, [a[at] for a in args]


@pytest.mark.parametrize("name", ["exp", "log1p", "tanh", "erf"])
def test_the_truth_is_true(name):
    mp = pytest.importorskip("mpmath").mp
    x = np.random.default_rng(0).uniform(-0.9, 4.0, 50)
    with mp.workdps(40):
        for number, truth in zip(x, ulp.TRUTH[name](x.astype(np.longdouble))):
            high = float(truth)                             # mpmath reads no longdouble, but the sum of two floats
            exact = getattr(mp, name)(number)
            assert abs(mp.mpf(high) + mp.mpf(float(truth - high)) - exact) <= abs(exact) * 2.0**-58


@numba.njit
def sums(x, y, out):
    for i in range(x.size):
        out[i] = elementary.logaddexp(x[i], y[i])


def test_the_logarithm_of_a_sum():
    """Beside NumPy's in longdouble, in units of the larger term; at special values, NumPy's own."""
    rng = np.random.default_rng(0)
    x, out = rng.uniform(-40.0, 40.0, POINTS) * rng.choice((1e-3, 1.0, 20.0), POINTS), np.empty(POINTS)
    y = x + rng.uniform(-40.0, 40.0, POINTS) * rng.choice((0.0, 1e-9, 1.0), POINTS)
    sums(x, y, out)
    truth = np.logaddexp(x.astype(np.longdouble), y.astype(np.longdouble))
    assert np.max(np.abs(out - truth) / np.spacing(np.maximum(np.abs(np.maximum(x, y)), 0.5))) <= 2.0
    edges = np.array([math.inf, -math.inf, math.nan, 0.0, -0.0, 1e308, -1e308, 5e-324])
    x, y = map(np.ravel, np.meshgrid(edges, edges))
    out = np.empty(x.size)
    sums(x, y, out)
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_allclose(out, np.logaddexp(x, y), rtol=1e-15)
    assert type(elementary.logaddexp(np.float32(1.0), np.float32(2.0))) is np.float32


SPECIAL = {
    "exp": {0.0: 1.0, math.inf: math.inf, -math.inf: 0.0, 1.0: math.e, 709.79: math.inf, -745.14: 0.0, -745.0: 5e-324},
    "expm1": {-0.0: -0.0, 5e-324: 5e-324, math.inf: math.inf, -math.inf: -1.0, -1e300: -1.0, 1e300: math.inf},
    "log": {-0.0: -math.inf, 1.0: 0.0, math.inf: math.inf, -1.0: math.nan, -math.inf: math.nan},
    "log1p": {-0.0: -0.0, -1.0: -math.inf, -1.5: math.nan, math.inf: math.inf, -5e-324: -5e-324},
    "tanh": {-0.0: -0.0, math.inf: 1.0, -math.inf: -1.0, 5e-324: 5e-324},
    "sigmoid": {0.0: 0.5, math.inf: 1.0, -math.inf: 0.0, -745.0: 5e-324},
    "softplus": {0.0: math.log(2.0), math.inf: math.inf, -math.inf: 0.0, 1e300: 1e300, -745.0: 5e-324},
    "sinh": {-0.0: -0.0, math.inf: math.inf, -math.inf: -math.inf, 1e300: math.inf, -5e-324: -5e-324},
    "cosh": {0.0: 1.0, math.inf: math.inf, -math.inf: math.inf, 1e300: math.inf},
    "sin": {-0.0: -0.0, math.inf: math.nan, -math.inf: math.nan, 5e-324: 5e-324},
    "cos": {-0.0: 1.0, math.inf: math.nan, -math.inf: math.nan},
    "tan": {-0.0: -0.0, math.inf: math.nan, -math.inf: math.nan},
    "atan": {-0.0: -0.0, math.inf: math.pi / 2, -math.inf: -math.pi / 2, 1.0: math.pi / 4, 5e-324: 5e-324},
    "erf": {-0.0: -0.0, math.inf: 1.0, -math.inf: -1.0, 5e-324: 5e-324},
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name):
    function = getattr(elementary, name)
    for x, expected in {**SPECIAL[name], math.nan: math.nan}.items():
        np.testing.assert_array_equal(function(x), expected, str(x))
        assert math.isnan(expected) or math.copysign(1.0, function(x)) == math.copysign(1.0, expected), x


def code(loop, name):
    """LLVM's and the assembler's text of a loop over float64."""
    args = ulp.sample(name, 0)
    loop(args, np.empty_like(args[0]))
    signature = next(s for s in loop.signatures if s[1].dtype == numba.float64)
    return loop.inspect_llvm(signature), loop.inspect_asm(signature)


def require_vector_code(loop, name):
    llvm, assembly = code(loop, name)
    assert re.search(r"fmul <\d+ x double>", llvm), name
    assert set(re.findall(r"call .*double @(\w+)", llvm)) <= {"llvm", f"dualtape_{name}"}, "calls of other functions are left"
    assert not re.search(r"@llvm\.(exp|log|pow)", llvm), name
    if platform.machine() in ("x86_64", "AMD64"):
        assert re.search(r"\bv?mulpd\b", assembly), name


VECTOR = """
import test_elementary as tests
for name in tests.NAMES:
    tests.require_vector_code(tests.ulp.looped(name), name)
"""
FAST = """
import numpy as np, ulp
for name in ("exp", "log", "sin"):
    args = ulp.sample(name, 500)
    fast, usual = np.empty_like(args[0]), np.empty_like(args[0])
    ulp.looped(name, fastmath=True)(args, fast)
    ulp.looped(name)(args, usual)
    np.testing.assert_array_equal(fast, usual)
"""


@pytest.mark.parametrize("program", [VECTOR, FAST], ids=["loops_become_vector_code", "the_callers_fastmath_stays_outside"])
def test_as_compiled_first(program):
    """In a process of its own: whoever calls first has Numba compile the function, and other tests have it optimise nothing."""
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})


@pytest.mark.parametrize("name", NAMES)
def test_scalar_code_gives_the_same_bits(loops, name):
    args = tuple(a[::97] for a in ulp.sample(name, POINTS))
    out = np.empty_like(args[0])
    loops[name](args, out)
    np.testing.assert_array_equal([getattr(elementary, name)(*numbers) for numbers in zip(*args)], out)


@numba.njit
def called(x, y):
    return elementary.exp(x), elementary.pow(x, y)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_far_from_zero(name):
    for x in (2.0**28, -2.0**28 - 1.0, 1e22, 1e300):
        assert math.isclose(getattr(elementary, name)(x), getattr(math, name)(x), rel_tol=1e-15), x


def test_types():
    for x in (2, True, np.int8(2), np.float64(2.0), np.float32(2.0)):
        kind = np.float32 if isinstance(x, np.float32) else float
        assert isinstance(elementary.exp(x), kind)
        assert math.isclose(elementary.exp(x), math.exp(x), rel_tol=1e-7 if kind is np.float32 else 1e-15)
    assert called(3, 2) == (elementary.exp(3.0), 9.0)
    assert called(np.float32(3), np.float32(2)) == (np.float32(math.exp(3)), 9.0)
    assert called(np.float32(0.1), 2.0)[1] == float(np.float32(0.1))**2


def test_coefficients_are_those_derived():
    pytest.importorskip("mpmath")
    import minimax
    for name, problem in minimax.PROBLEMS.items():
        assert tuple(minimax.minimax(*problem)[0]) == getattr(elementary, name), name
