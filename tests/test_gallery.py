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
REFUSED = {}
NAMES = [c.name for c in CASES if c.name not in REFUSED]
PROGRAMS = [*{c.fn: c.name for c in reversed(CASES) if c.name in NAMES}.values()]      # one case of each
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
