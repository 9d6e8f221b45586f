"""The gallery through the laws: forward against reverse against differences, as Python runs the emitted code and compiled."""
import operator

import numpy as np
import pytest
from gallery import CASES
from laws import check

from toolkit import LawBroken, Refusal, grad, reverse
from toolkit.check import fresh
from toolkit.program import Const

# What the language leaves out; each is refused with its line, and never answered wrongly.
REFUSED = {"rank4_c": "ndindex", "rank4_strided": "ndindex", "for_ndenumerate": "ndenumerate", "loop_else": "else",
           "mask_write": "mask", "int_array_write": "integer array", "ufunc_out": "out"}
COMPILED = """int_and_bool_args tuple_nested f32_axpy returns_tuple tuple_swap chained_comparison if_elif_else range_negative_step
    for_over_rows_c for_enumerate_zip while_true_break nested_break_continue return_from_nested_loop_hit defined_in_loop
    int_becomes_float running_index loop_carried_two slices_write newaxis_outer mask_read int_array_read shifted_slices
    view_while_base_changes overlapping_slices buffer_swap arrays_allocated_in_loop callee_jit_writes calls_default_and_keyword
    closure_floats constants_module broadcast_matrix_row ufuncs_trig dot_mm matmul_mv outer_vdot linalg_solve_vector
    linalg_cholesky sum_axis_rank2 mean_var_std_rank1 cumulative_rank1 concatenate_rank2 reshape_ravel sort_argsort math_special
    gaussian_mixture jacobi_loops jacobi_slices burgers_slices thomas_solve cholesky_in_place lu_in_place newton_while
    rk4_oscillator recurrent_net power_iteration mlp_cross_entropy gauss_seidel csr_matvec leapfrog_bodies""".split()
SECOND = """gaussian_mixture jacobi_loops burgers_slices thomas_solve cholesky_in_place newton_while recurrent_net power_iteration
    buffer_swap nested_break_continue horner black_scholes""".split()
BY_NAME = {c.name: c for c in CASES}


def arguments(case):
    return tuple(case.make_args(np.random.default_rng(0)))


@pytest.mark.parametrize("name", [c.name for c in CASES if c.name not in REFUSED])
def test_laws_as_python_runs_the_emitted_code(name):
    case = BY_NAME[name]
    check(case.fn, arguments(case), case.argnums, compile=False)


@pytest.mark.parametrize("name", [n for n in COMPILED if n in BY_NAME])
def test_laws_compiled(name):
    case = BY_NAME[name]
    check(case.fn, arguments(case), case.argnums)


@pytest.mark.parametrize("name", [n for n in SECOND if n in BY_NAME])
def test_second_derivatives(name):
    case = BY_NAME[name]
    check(case.fn, arguments(case), case.argnums, compile=False, order=2)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_left_out_is_refused_with_its_line(name):
    case = BY_NAME[name]
    with pytest.raises(Refusal) as e:
        check(case.fn, arguments(case), case.argnums, compile=False)
    assert REFUSED[name] in str(e.value)
    assert "gallery.py:" in str(e.value)
    assert "^" in str(e.value)


def test_enough_programs():
    assert len({c.fn for c in CASES}) >= 60
    assert len([n for n in COMPILED if n in BY_NAME]) >= 40


def test_a_wrong_gradient_is_noticed(monkeypatch):
    case, right = BY_NAME["horner"], reverse.pull

    def wrong(builder, card, env, live):
        for p, ct in right(builder, card, env, live):
            yield p, builder.let(operator.mul, ct, Const(1.001))
    monkeypatch.setattr(reverse, "pull", wrong)
    with pytest.raises(LawBroken):
        check(case.fn, arguments(case), case.argnums, compile=False)


def test_arguments_that_share_memory_are_refused_when_one_is_written():
    x = np.linspace(0.5, 1.0, 4)

    def writes(a, b):
        for i in range(1, a.shape[0]):
            b[i] = a[i] * a[i - 1]
        s = 0.0
        for i in range(a.shape[0]):
            s += b[i] * a[i]
        return s
    with pytest.raises(ValueError, match="share memory"):
        grad(writes)(x, x)
    assert np.isfinite(grad(writes)(x, fresh(x))).all()
