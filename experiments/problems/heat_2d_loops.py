"""The heat equation of `heat_2d_slices`, its stencil in loops over two arrays that take turns."""

from experiments.problems.heat_2d_slices import (  # noqa: F401  (the rest of the problem is the same)
    ARGNUMS,
    SIZES,
    arguments,
    autograd_loss,
    by_hand,
    dace_loss,
    jax_loss,
    torch_loss,
)

TITLE = "Heat equation 2-D, loops"


def loss(start, kappa, target, steps):
    u, new = start.copy(), start.copy()
    n, m = u.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                around = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1]
                new[i, j] = u[i, j] + kappa[i, j] * (around - 4.0 * u[i, j])
        u, new = new, u
    total = 0.0
    for i in range(n):
        for j in range(m):
            total += (u[i, j] - target[i, j]) ** 2
    return 0.5 * total
