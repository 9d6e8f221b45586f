"""The kernels through the laws: as Python runs the emitted code, and compiled, where the value is the function's to the last bit.

Compiling them all takes some 23 minutes: `KERNELS=all` does, otherwise the small ones are compiled and a few of each other kind.
"""
import os

import numpy as np
import pytest
from kernels import CASES
from laws import check
from numba import njit

from toolkit import DualtapeError
from toolkit.check import check_grads, flat, fresh

# Refused, and a word of the refusal; or compiled with another value than the plain function's.
KNOWN = {
    "prefix_sum_in_place": ("refused", "in place"),     # u[1:] += u[:-1]: Numba does not buffer the operand, NumPy does
    "spectral_filter_eigh": ("value", "np.linalg.eigh becomes eigvalsh and an eigenvector solve: eigenvalues differ by 1e-15"),
    "procrustes_alignment": ("refused", "the full factors"),            # of np.linalg.svd, of a square matrix
    "boundary_by_string": ("refused", "unicode_type"),                  # a string argument
}
WITHOUT_A_LINE = {"boundary_by_string", "prefix_sum_in_place"}           # an argument; found when it runs
REFUSED = {name: word for name, (kind, word) in KNOWN.items() if kind == "refused"}
BY_NAME = {c.name: c for c in CASES}
NAMES = [name for name in BY_NAME if name not in REFUSED]
SMALL = """bisection_polished convolution_full_backward_loop hawkes_likelihood monte_carlo_own_generator poisson_regression
    gauss_legendre_quadrature knapsack_log_partition pendulum_midpoint seidel_1d secant_method american_binomial
    bond_yield_newton clenshaw_chebyshev local_alignment loop_variable_reassigned garch_likelihood aliases_of_one_zero_array
    bilinear_sampling doitgen_loops seidel_2d heston_monte_carlo polynomial_product_and_division time_warping_banded
    tree_post_order_stack ping_pong_returned_buffers rauch_tung_striebel image_histogram_bytes biquad_cascade gru_loops
    jacobi_1d_loops symmetric_product
    spectral_filter_eigh cholesky_by_slices fft_radix_2 csr_product_squared
    matrix_chain image_filter_float32 lu_solve gauss_jordan_pivot_view pointer_jumping_branches""".split()
COMPILED = NAMES if os.environ.get("KERNELS") == "all" else SMALL


@pytest.fixture(autouse=True)
def numbas_own_functions(monkeypatch):
    """Values to the last bit: with exp, log, sin, ... as Numba has them."""
    monkeypatch.setenv("DUALTAPE_ELEMENTARY", "off")


def arguments(case):
    return tuple(case.make_args(np.random.default_rng(0)))


def known(names):
    """The names as parameters, those whose value is known to differ marked."""
    marks = {n: [pytest.mark.xfail(reason=KNOWN[n][1], raises=AssertionError)] if n in KNOWN else [] for n in names}
    return [pytest.param(n, marks=marks[n]) for n in names]


def same(a, b):
    """Equal to the last bit."""
    a, b = flat(a), flat(b)
    return len(a) == len(b) and all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in zip(a, b))


@pytest.mark.parametrize("name", NAMES)
def test_laws_as_python_runs_the_emitted_code(name):
    case = BY_NAME[name]
    check(case.fn, arguments(case), case.argnums, compile=False)


@pytest.mark.parametrize("name", known(COMPILED))
def test_laws_compiled_and_the_value_is_the_functions_own(name):
    case = BY_NAME[name]
    args = arguments(case)
    value = njit(case.fn)(*fresh(args))

    def run(t, _):
        def called(*given):
            before = fresh(given)
            first, second = t(*given), t(*fresh(before))
            assert same(given, before), "arguments intact"
            assert same(first, second), "a second call is the first"
            assert same(first[0], value), "the value is the plain function's"
            return first
        return called
    check_grads(case.fn, args, case.argnums, run=run)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_left_out_is_refused_with_its_line(name):
    case = BY_NAME[name]
    with pytest.raises((DualtapeError, ValueError)) as e:
        check(case.fn, arguments(case), case.argnums, compile=False)
    assert REFUSED[name] in str(e.value)
    assert "kernels.py:" in str(e.value) or name in WITHOUT_A_LINE


def test_enough_kernels():
    assert len(BY_NAME) >= 170
