"""What inference says without asking Numba is what Numba says."""
import inspect
import itertools
import operator

import numpy as np
import pytest
from numba import types

from toolkit import infer, runtime, tape
from toolkit.program import Const, Tup, Var

N = Var("n", types.intp)


def array(ndim, layout="C", dtype=types.float64):
    return Var("x", types.Array(dtype, ndim, layout))


FLOATS = (types.float64, types.float32)
ARRAYS = [(1, "C"), (1, "A"), *((n, layout) for n in (2, 3) for layout in "CFA")]
QUESTIONS = [
    *((np.sum, (array(n, layout, t),)) for n in (1, 3) for layout in "CA" for t in FLOATS),
    *((np.sum, (array(n, "F"), Const(axis))) for n, axis in ((2, 0), (2, -1), (3, 1))),
    *((fn, (array(n, layout, t),)) for fn, t in ((np.max, types.float64), (np.min, types.float32)) for n, layout in ARRAYS),
    *((fn, (array(n, layout, t),)) for n, layout in ARRAYS for fn, t in (
        (np.empty_like, types.float64), (np.zeros_like, types.float32), (np.zeros_like, types.boolean), (np.copy, types.int64))),
    (np.zeros_like, (Var("x", types.Array(types.float64, 2, "C", readonly=True)),)),
    *((fn, (shape, *dtype)) for fn in (np.empty, np.zeros) for shape in (N, Const(3), Tup((N,)), Tup((N, Const(2), N)))
      for dtype in ((), (Const(np.float64),), (Const(np.float32),))),
    *((operator.matmul, factors) for factors in itertools.product([array(n, layout) for n, layout in ARRAYS if n < 3], repeat=2)),
    *((fn, (array(n, "C", t), array(m, "C", t))) for fn, t in ((np.dot, types.float64), (operator.matmul, types.float32))
      for n in (1, 2) for m in (1, 2)),
    *((np.linalg.solve, (array(2, layout, t), array(1, "C", t))) for layout, t in zip("CF", FLOATS)),
    *((fn, (array(2, "C", t), *k)) for fn, t in zip((np.tril, np.triu), FLOATS) for k in ((), (Const(0),), (N,))),
    (runtime.place, (Var("y", types.float64), N, Tup((N,)))),
    (runtime.place, (Var("y", types.float64), N, Tup((N, N)))),
    *((runtime.position, (array(n, layout), Var("y", types.float64))) for n in (1, 2) for layout in "CA"),
    *((fn, args) for fn in (max, min) for args in ((N, N), (N, Const(0)), *((Var("x", t), Var("y", t)) for t in FLOATS))),
    *((np.transpose, (array(n, layout, t),)) for n, layout in ARRAYS if n < 3 for t in (*FLOATS, types.int64)),
    (np.transpose, (Var("x", types.Array(types.float64, 2, "C", readonly=True)),)),
    (tape.fits, (N, Const(8))),
    (runtime.padded, (N,)),
    (runtime.padded, (Tup((N, N)),)),
    (np.outer, (array(1), array(1, "A"))),
    (runtime.spread, (array(1), Tup((N, N)), Const(0))),
    (runtime.spread, (Var("y", types.float32), Tup((N, N, N)), Const(None))),
    (runtime.fill, (Const(1.0), Tup((N,)))),
    (runtime.fill, (Var("y", types.float32), Tup((N, N)))),
    *((fn, (array(2, "C", t),) * len(inspect.signature(fn).parameters))
      for fn in runtime.ELEMENTWISE for t in FLOATS),
    (runtime.keep, (array(1, "C", types.boolean), array(2))),
    (runtime.select, (array(3, "C", types.boolean), array(1), Const(0.0))),
    (runtime.relu, (array(4),)),
    *((runtime.unbroadcast, (array(2), like)) for like in (array(1), array(2, "F"), Tup((N, N)))),
]


@pytest.mark.parametrize(("fn", "args"), QUESTIONS)
def test_numba_gives_the_answer_that_is_foreseen(fn, args):
    assert infer.FORESEEN[fn](*args) == infer.asked(fn, args, ())


@pytest.mark.parametrize(("fn", "args"), [(np.sum, (array(1, "C", types.int64),)), (np.sum, (array(1), Const(0))),
                                          (np.sum, (array(2), N)), (np.outer, (array(2), array(1))),
                                          (np.outer, (array(1), array(1, "C", types.float32))),
                                          (np.max, (array(2), Const(0))), (max, (N, Var("x", types.float64))), (max, (N, N, N)),
                                          (np.transpose, (array(3), Tup((N, N, N)))), (np.transpose, (array(3),)),
                                          (np.zeros_like, (array(2), Const(np.float32))),
                                          (np.dot, (array(2), array(2), array(2))), (np.zeros, (Const(3), Const(np.int64))),
                                          (np.linalg.solve, (array(2), array(2))), (np.linalg.solve, (array(2, "A"), array(1))),
                                          (np.tril, (array(2, "F"),)),
                                          (runtime.place, (Var("y", types.float32), N, Tup((N,)))),
                                          (runtime.relu, (array(1, "A"),)), (runtime.relu, (array(1, "C", types.int64),)),
                                          (runtime.select, (array(1), array(1), array(1, "C", types.float32))),
                                          (runtime.unbroadcast, (array(2, "F"), array(2))), (np.sum, (array(2), Tup((N, N))))])
def test_what_is_not_foreseen_is_asked(fn, args):
    assert infer.FORESEEN[fn](*args) is None


def test_every_answer_that_is_foreseen_is_tried():
    assert {fn for fn, _ in QUESTIONS} == set(infer.FORESEEN)
