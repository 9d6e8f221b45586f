"""What inference says without asking Numba is what Numba says."""
import inspect

import numpy as np
import pytest
from numba import types

from toolkit import infer, runtime
from toolkit.program import Const, Tup, Var

N = Var("n", types.intp)


def array(ndim, layout="C", dtype=types.float64):
    return Var("x", types.Array(dtype, ndim, layout))


QUESTIONS = [
    *((np.sum, (array(n, layout, t),)) for n in (1, 3) for layout in "CA" for t in (types.float64, types.float32)),
    *((np.sum, (array(n, "F"), Const(axis))) for n, axis in ((2, 0), (2, -1), (3, 1))),
    (np.outer, (array(1), array(1, "A"))),
    (runtime.spread, (array(1), Tup((N, N)), Const(0))),
    (runtime.spread, (Var("y", types.float32), Tup((N, N, N)), Const(None))),
    (runtime.fill, (Const(1.0), Tup((N,)))),
    (runtime.fill, (Var("y", types.float32), Tup((N, N)))),
    *((fn, (array(2, "C", t),) * len(inspect.signature(fn).parameters))
      for fn in runtime.ELEMENTWISE for t in (types.float64, types.float32)),
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
                                          (runtime.relu, (array(1, "A"),)), (runtime.relu, (array(1, "C", types.int64),)),
                                          (runtime.select, (array(1), array(1), array(1, "C", types.float32))),
                                          (runtime.unbroadcast, (array(2, "F"), array(2))), (np.sum, (array(2), Tup((N, N))))])
def test_what_is_not_foreseen_is_asked(fn, args):
    assert infer.FORESEEN[fn](*args) is None


def test_every_answer_that_is_foreseen_is_tried():
    assert {fn for fn, _ in QUESTIONS} == set(infer.FORESEEN)
