"""The gallery through the laws: forward against reverse against differences, as Python runs the emitted code and compiled."""
import operator

import numpy as np
import pytest
from gallery import CASES
from laws import check

from toolkit import LawBroken, grad, reverse
from toolkit.check import fresh
from toolkit.program import Const

NAMES = [c.name for c in CASES]
PROGRAMS = [*{c.fn: c.name for c in reversed(CASES)}.values()]      # one case of each
BY_NAME = {c.name: c for c in CASES}


def arguments(case):
    return tuple(case.make_args(np.random.default_rng(0)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_laws_compiled(name):
    case = BY_NAME[name]
    check(case.fn, arguments(case), case.argnums)


@pytest.mark.parametrize("name", NAMES)
def test_laws_as_python_runs_the_emitted_code_and_second_derivatives(name):
    case = BY_NAME[name]
    check(case.fn, arguments(case), case.argnums, compile=False, order=2)


def test_enough_programs():
    assert len({c.fn for c in CASES}) >= 60


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
