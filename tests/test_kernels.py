"""The kernels through the laws: as Python runs the emitted code, and the small ones compiled, to the last bit of the value."""
import numpy as np
import pytest
from kernels import CASES
from laws import check
from numba import njit

from toolkit import Refusal
from toolkit.check import check_grads, flat, fresh

# What is refused: a word of the refusal. The rest of the line is why.
KNOWN = {
    "attention_heads": "slice",              # refused: a slice object, slice(a, b), which Numba compiles
    "least_squares_lstsq": "np.linalg.lstsq",          # refused: no card
    "procrustes_alignment": "full_left_vectors",       # refused: the full U of np.linalg.svd, though the matrix is square
}
BY_NAME = {c.name: c for c in CASES}
NAMES = [name for name in BY_NAME if name not in KNOWN]
# Compiled too: what compiles within three seconds, and of each kind what is not like the others.
COMPILED = [name for name in NAMES]


def arguments(case):
    return tuple(case.make_args(np.random.default_rng(0)))


def same(a, b):
    """Equal to the last bit."""
    a, b = flat(a), flat(b)
    return len(a) == len(b) and all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in zip(a, b))


@pytest.mark.parametrize("name", NAMES)
def test_laws_as_python_runs_the_emitted_code(name):
    case = BY_NAME[name]
    check(case.fn, arguments(case), case.argnums, compile=False)


@pytest.mark.parametrize("name", COMPILED)
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


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_left_out_is_refused_with_its_line(name):
    case = BY_NAME[name]
    with pytest.raises(Refusal) as e:
        check(case.fn, arguments(case), case.argnums, compile=False)
    assert KNOWN[name] in str(e.value)
    assert "kernels.py:" in str(e.value)


def test_enough_kernels():
    assert len(BY_NAME) >= 120
