"""The Jacobi sweeps of `jacobi_1d_slices`, in loops."""

from experiments.problems.jacobi_1d_slices import (  # noqa: F401  (the rest of the problem is the same)
    ARGNUMS,
    SIZES,
    arguments,
    autograd_loss,
    by_hand,
    dace_loss,
    jax_loss,
    torch_loss,
)

TITLE = "Jacobi 1-D, loops"


def loss(start, target, steps):
    a, b = start.copy(), start.copy()
    n = a.size
    for _ in range(steps):
        for i in range(1, n - 1):
            b[i] = (a[i - 1] + a[i] + a[i + 1]) / 3.0
        for i in range(1, n - 1):
            a[i] = (b[i - 1] + b[i] + b[i + 1]) / 3.0
    total = 0.0
    for i in range(n):
        total += (a[i] - target[i]) ** 2
    return 0.5 * total
