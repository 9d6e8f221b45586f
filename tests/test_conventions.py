"""At the edges: both modes return what the page says, for numbers and for arrays, in plain Python and compiled."""
from pathlib import Path

import numba
import numpy as np
import pytest

from tests.cards import slopes
from toolkit import grad, vjp
from toolkit.conventions import ENTRIES, Entry, markdown
from toolkit.coverage import release
from toolkit.points import Point

PAGE = Path(__file__).parents[1] / "docs" / "conventions.md"
NUMBERS = [e for e in ENTRIES if not any(map(np.ndim, e.at)) and " if " not in e.program and not e.program.startswith("max(")]
each = lambda entries: pytest.mark.parametrize("entry", entries, ids=lambda e: f"{e.program} at {e.at}")


def same(a, b):
    """Two lists of derivatives agree, infinities and what is not a number included."""
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, np.reshape(y, np.shape(x)), rtol=1e-12, atol=1e-12)


@each(ENTRIES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_both_modes_agree(entry):
    where = {name: k for k, name in enumerate("xyz"[:len(entry.at)])}
    backward, forward = slopes(Point(None, None, entry.function(), entry.arguments(), where, {}))
    same(backward, entry.derivatives())
    same(forward, entry.forward or entry.derivatives())


@each(NUMBERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_arrays_do_as_numbers_do(entry):
    lifted = Entry(f"np.sum({entry.program})", tuple((x,) for x in entry.at), None, None)
    same(entry.derivatives(), lifted.derivatives())


@each(ENTRIES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_compiled_code_does_as_python_does(entry):
    divides = "/" in entry.program                      # where the function itself does so by zero, it raises
    compiled = numba.njit(entry.function(), error_model="numpy" if divides else "python")
    same(vjp(compiled)(entry.arguments(), 1.0)[1], entry.derivatives())


def test_a_number_that_the_function_itself_divides_by_zero_raises_as_in_numba():
    quotient = numba.njit(lambda x, y: 3.0 * (x / y))
    for f in (grad(quotient), grad(quotient, argnums=1)):       # also where the quotient itself is not needed
        with pytest.raises(ZeroDivisionError):
            f(1.0, 0.0)
    assert grad(numba.njit(error_model="numpy")(quotient.py_func))(1.0, 0.0) == np.inf
    assert grad(numba.njit(lambda x: np.sqrt(x)))(0.0) == np.inf        # here only the rule divides


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_page_is_current():
    if release() not in PAGE.with_name("coverage.md").read_text():
        pytest.skip(f"the pages are not of {release()}")
    assert PAGE.read_text() == markdown(), "python -m toolkit.conventions > docs/conventions.md"
