"""The heat equation of `heat_3d_slices`, its stencil in loops."""

from experiments.problems.heat_3d_slices import (  # noqa: F401  (the rest of the problem is the same)
    ARGNUMS,
    arguments,
    autograd_loss,
    by_hand,
    dace_loss,
    jax_loss,
    torch_loss,
)

TITLE = "Heat equation 3-D, loops"
SIZES = ({"n": 4}, {"n": 24}, {"n": 120})  # slices would take four seconds at the last


def loss(start, target, steps):
    a, b = start.copy(), start.copy()
    n, m, p = a.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for k in range(1, p - 1):
                    b[i, j, k] = (
                        0.125 * (a[i + 1, j, k] - 2.0 * a[i, j, k] + a[i - 1, j, k])
                        + 0.125 * (a[i, j + 1, k] - 2.0 * a[i, j, k] + a[i, j - 1, k])
                        + 0.125 * (a[i, j, k + 1] - 2.0 * a[i, j, k] + a[i, j, k - 1])
                        + a[i, j, k]
                    )
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                for k in range(1, p - 1):
                    a[i, j, k] = (
                        0.125 * (b[i + 1, j, k] - 2.0 * b[i, j, k] + b[i - 1, j, k])
                        + 0.125 * (b[i, j + 1, k] - 2.0 * b[i, j, k] + b[i, j - 1, k])
                        + 0.125 * (b[i, j, k + 1] - 2.0 * b[i, j, k] + b[i, j, k - 1])
                        + b[i, j, k]
                    )
    total = 0.0
    for i in range(n):
        for j in range(m):
            for k in range(p):
                total += (a[i, j, k] - target[i, j, k]) ** 2
    return 0.5 * total
