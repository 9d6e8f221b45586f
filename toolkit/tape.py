"""The memory of the reverse sweep, typed stacks of residuals, and what a derivative requires of the arrays it is given."""
import os

import numba.extending
import numpy as np

ADVICE = "more than this machine has: take fewer iterations at a time, or use jvp, which keeps no tape"


def memory():
    """How many bytes of memory this machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):       # not known here: let the allocation fail
        return 2**62


MEMORY = memory()


@numba.njit
def fits(n, size):
    """Do n entries of this size fit in memory?"""
    return n <= MEMORY // size


@numba.njit
def room(stack, n, line):
    """The stack, with place for n values: at least twice as large each time it grows, and for 16. `line`: that of its loop."""
    if n <= stack.size:
        return stack
    if not fits(2 * stack.size, stack.itemsize):
        raise MemoryError("the tape of the loop at line", line, "needs", 2 * stack.size * stack.itemsize, "bytes")
    new = np.empty(max(n, 2 * stack.size, 16), stack.dtype)
    for k in range(stack.size):         # a slice would compile to far more
        new[k] = stack[k]
    return new


@numba.extending.register_jitable
def one_more(arrays, line):
    """Require that a tape of arrays, which serves the loop at `line`, has room for one more like its last."""
    size = arrays[-1].nbytes
    if size and not fits(len(arrays) + 1, size):
        raise MemoryError("the tape of the loop at line", line, "needs", (len(arrays) + 1) * size, "bytes")


@numba.njit
def same_shape(x, ct):
    """Require that a tangent or cotangent has the shape of what it belongs to."""
    if x.shape != ct.shape:
        raise ValueError("a tangent or cotangent has another shape than the value that it belongs to")


@numba.njit
def same_items(table, ct):
    """Require that a list of tangents or cotangents holds arrays of the shapes of those that they belong to."""
    if table.size != ct.size or np.any(table != ct):
        raise ValueError("a list of tangents or cotangents has other shapes than the list that it belongs to")


class Uneven(Exception):
    """Lengths are not what a derivative was made for: there is another one."""


@numba.njit
def even(n, m):
    """Require that two lengths are equal, as this derivative takes them to be."""
    if n != m:
        raise Uneven


@numba.njit
def least(n, m):
    """Require that one integer is not larger than another, as this derivative takes it to be."""
    if n > m:
        raise Uneven


@numba.njit
def holds(x, n):
    """Require that an array has n entries, to be unpacked."""
    if x.shape[0] != n:
        raise ValueError("an array is unpacked to more or fewer names than it has entries")


@numba.njit
def broadcasts(have, n):
    """Require that a value of `have` parts can be stored at n positions."""
    if have != n and have != 1:
        raise ValueError("the value that is stored has another shape than the index")


@numba.njit
def within(k, n):
    """Require that an index lies in a list of n numbers."""
    if k < 0 or k >= n:
        raise IndexError("list index out of range")


@numba.njit
def returned(flag):
    """Require that a function has come to one of its `return` statements."""
    if not flag:
        raise ValueError("the function ended without a return, and returns a value elsewhere")


@numba.njit
def apart(a, b):
    """Require that two arrays, one of which is written, share no memory."""
    if overlap(a, b):
        raise ValueError("two arguments share memory, and one of them is written: pass a copy of one")


@numba.njit
def apart_from_items(a, items):
    """Require that an array that is written shares no memory with those of a list."""
    for x in items:
        apart(a, x)


@numba.njit
def fresh(out, x):
    """Require that what a function with a derivative of its own returns shares no memory with its argument."""
    if overlap(out, x):
        raise ValueError("a function with a derivative of its own returns its argument, or a view of it: return a copy")


@numba.njit
def aligned(out, x):
    """Require of an operation in place that it reads nothing that it has written: else Numba, which goes from element to element,
    and NumPy, which copies first, give different results."""
    alike = out.shape == x.shape and out.strides == x.strides
    ahead = out.ndim == 1 and out.strides[0] > 0 and x.ctypes.data > out.ctypes.data
    if not (alike and (ahead or out.ctypes.data == x.ctypes.data)):
        separate(out, x)


@numba.njit
def separate(out, x):
    """The same, where what is read may be of another rank, and is broadcast."""
    if overlap(out, x) and reads_what_it_wrote(out, np.broadcast_to(x, out.shape)):
        raise ValueError("an operation in place reads what it has written: read from a copy")


@numba.njit
def reads_what_it_wrote(out, x):
    """Does an operation that goes over out and x, element by element, come to read one that it has written before?"""
    low, high = extent(out)
    written = np.zeros((high - low) // out.itemsize, np.bool_)
    for index in np.ndindex(out.shape):
        reads, writes = address(x, index), address(out, index)
        if low <= reads < high and written[(reads - low) // out.itemsize]:
            return True
        written[(writes - low) // out.itemsize] = True
    return False


@numba.njit
def address(a, index):
    """The address of an element."""
    at = np.int64(a.ctypes.data)
    for k, s in zip(index, a.strides):
        at += k * s
    return at


@numba.njit
def overlap(a, b):
    """Do the extents of two arrays overlap? Of vectors of one stride, as columns of a matrix are: do they share an element?"""
    if a.size == 0 or b.size == 0:
        return False
    a_low, a_high = extent(a)
    b_low, b_high = extent(b)
    if a_low >= b_high or b_low >= a_high:
        return False
    if a.ndim == 1:             # noqa: SIM102 (nested, these are decided when Numba compiles)
        if b.ndim == 1:         # noqa: SIM102
            if a.strides[0] == b.strides[0] != 0:
                return (a_low - b_low) % a.strides[0] == 0
    return True


@numba.njit
def extent(a):
    """The addresses from the first byte of an array to behind its last."""
    low = high = np.int64(a.ctypes.data)        # signed: Numba adds signed and unsigned integers as floats
    for n, s in zip(a.shape, a.strides):
        if s < 0:
            low += (n - 1) * s
        else:
            high += (n - 1) * s
    return low, high + a.itemsize
