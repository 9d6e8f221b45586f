"""What is compiled in the place of NumPy's functions makes what they make."""
import numba
import numpy as np
import pytest

from toolkit.host import INTRINSICS

BASE = np.arange(120.0).reshape(4, 5, 6)
ARRAYS = [BASE, BASE[::2, ::-1, 1:], np.asfortranarray(BASE), BASE.T, BASE[..., 0], BASE[0, 0, ::-2], np.empty((0, 3)),
          np.array(2.5), BASE.astype(np.float32)[:, ::3], BASE.astype(np.int64), BASE[1:] > 60.0, np.ones((2, 40, 50))]


def compiled(name, *given):
    """f(*given) by an intrinsic, compiled."""
    space = {"made": INTRINSICS[name]}
    exec(f"def f({', '.join(given)}):\n    return made({', '.join(given)})", space)
    return numba.njit(space["f"])


@pytest.mark.parametrize("k", range(len(ARRAYS)))
def test_arrays_like_others(k):
    a = ARRAYS[k]
    if a.flags.owndata:
        a.flags.writeable = False
    for name, numpys in (("np_zeros_like", np.zeros_like), ("np_copy", np.copy), ("np_empty_like", np.empty_like)):
        have, want = compiled(name, "a")(a), numba.njit(lambda a, numpys=numpys: numpys(a))(a)
        assert (have.shape, have.strides, have.dtype) == (want.shape, want.strides, want.dtype)
        assert have.flags.writeable
        if name != "np_empty_like":
            np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("shape", [3, (3,), (2, 0), (2, 3, 4)])
@pytest.mark.parametrize("value", [1.5, np.float32(1.5), True, 3])
def test_arrays_of_a_shape(shape, value):
    full, want = compiled("np_full", "value", "shape")(value, shape), np.full(shape, value)
    zeros = compiled("np_zeros", "shape", "dtype")(shape, np.dtype(want.dtype))
    assert (full.shape, full.dtype, zeros.shape, zeros.dtype) == (want.shape, want.dtype) * 2
    np.testing.assert_array_equal(full, want)
    np.testing.assert_array_equal(zeros, 0)


@pytest.mark.parametrize("k", range(len(ARRAYS)))
@pytest.mark.parametrize("order", "CF")
def test_parts_of_arrays(k, order):
    a = ARRAYS[k]
    tape = np.zeros((3, *a.shape), a.dtype, order)
    compiled("np_put", "part", "a")(tape[1, ...], a)
    np.testing.assert_array_equal(tape[1], a)
    np.testing.assert_array_equal(tape[::2], 0)


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (0, 2), (3, 0)])
def test_an_array_of_another_shape_does_not_fit(shape):
    tape = np.zeros((2, 3, 2))
    with pytest.raises(ValueError, match="different size"):
        compiled("np_put", "part", "a")(tape[0], np.ones(shape))
    np.testing.assert_array_equal(tape, 0)


@pytest.mark.parametrize("shape", [(3, 1), (1, 2), (1, 1)])
def test_an_axis_of_one_entry_is_broadcast(shape):
    x, a = np.zeros((3, 4)), 1.0 + np.arange(6.0)[:shape[0] * shape[1]].reshape(shape)
    compiled("np_put", "part", "a")(x[:, ::2], a)
    np.testing.assert_array_equal(x[:, ::2], a + np.zeros((3, 2)))
    np.testing.assert_array_equal(x[:, 1::2], 0)


def test_more_than_there_are_addresses_is_refused():
    with pytest.raises(ValueError, match="array is too big"):
        compiled("np_full", "value", "shape")(1.0, (2**31, 2**31))
