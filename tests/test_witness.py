"""The record is an independent witness: its tape, swept backward in Python, agrees with reverse mode's emitted code."""
import numba
import numpy as np
import pytest
from gallery import CASES
from laws import interpreted

from toolkit import Refusal, grad, record, vjp
from toolkit.check import agree, flat, floats, fresh, like

NAMES = """scalar_poly tuple_nested tuple_swap if_elif_else range_negative_step for_over_rows_c while_true_break
    nested_break_continue
    int_becomes_float running_index slices_write mask_read int_array_read view_while_base_changes overlapping_slices buffer_swap
    arrays_allocated_in_loop callee_jit_writes dot_mm matmul_mv linalg_cholesky sum_axis_rank2 concatenate_rank2 reshape_ravel
    sort_argsort gaussian_mixture jacobi_slices burgers_slices thomas_solve cholesky_in_place lu_in_place newton_while
    recurrent_net power_iteration gauss_seidel horner scatter_writes mask_write appends_some stack_of_numbers named_tuples
    mutates_several for_ndenumerate""".split()
BY_NAME = {c.name: c for c in CASES}


@pytest.mark.parametrize("name", [n for n in NAMES if n in BY_NAME])
def test_record_agrees_with_reverse_mode(name):
    case = BY_NAME[name]
    args = tuple(case.make_args(np.random.default_rng(0)))
    tape = record(case.fn, *fresh(args))
    agree(tape.value, getattr(case.fn, "py_func", case.fn)(*fresh(args)), 1e-6, "value")
    seed = like(tape.value, np.random.default_rng(1))
    tape.backward(seed)
    pullback = vjp(case.fn, case.argnums)
    given = (args, seed)
    _, cts = interpreted(pullback, given)(*fresh(given))
    single = any(getattr(x, "dtype", None) == np.float32 for x in flat(args))
    for ct, k in zip(cts, case.argnums, strict=True):
        for a, b, x in zip(flat(tape.bars[k]), flat(ct), flat(args[k]), strict=True):
            if floats(x):
                np.testing.assert_allclose(a, b, rtol=1e-3 if single else 1e-9, atol=1e-9)


def loss(x, w):
    t = x @ w
    return np.sum(np.maximum(t, 0.0) ** 2)


def test_the_tape_can_be_read():
    x, w = np.ones((2, 3)), np.arange(6.0).reshape(3, 2)
    tape = record(loss, x, w)
    tape.backward()
    text = str(tape)
    assert "x @ w" in text
    assert "maximum(t1, 0.0)" in text
    np.testing.assert_allclose(tape.bars[1], grad(loss, 1)(x, w))
    np.testing.assert_array_equal(x, np.ones((2, 3)))


def writing_condition(x):
    a = x.copy()
    s = 0.0
    while bump(a) < 3.0:
        s += a[0] * x[1]
    return s


@numba.njit
def bump(a):
    a[0] += 1.0
    return a[0]


def test_a_loop_condition_that_writes_is_refused():
    with pytest.raises(Refusal, match="writes to an array"):
        grad(writing_condition)(np.ones(2))
