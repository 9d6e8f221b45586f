"""The memory of the reverse sweep: typed stacks of residuals."""
import numba
import numpy as np


@numba.njit
def room(stack, n):
    """The stack, with place for n values: at least twice as large each time it grows."""
    if n <= stack.size:
        return stack
    new = np.empty(max(n, 2 * stack.size), stack.dtype)
    new[:stack.size] = stack
    return new
