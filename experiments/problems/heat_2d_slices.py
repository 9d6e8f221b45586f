"""Which initial field and diffusivity lead to a temperature that was measured? ∂u/∂t = κ Δu, explicit Euler, whole-array slices.

The stencil is heat-3d's of PolyBench (Pouchet and Yuki, 2012) in two dimensions, as NPBench (Ziogas et al., 2021) writes it.
"""

import numpy as np
from numba import njit

TITLE = "Heat equation 2-D, slices"
SIZES = ({"n": 4}, {"n": 64}, {"n": 400})
ARGNUMS = (0, 1)
STEPS = 100


def arguments(n):
    rng = np.random.default_rng(0)
    hot = rng.standard_normal((n, n))
    return hot, rng.uniform(0.1, 0.2, (n, n)), 0.5 * hot + 0.1 * rng.standard_normal((n, n)), STEPS


def loss(start, kappa, target, steps):
    u = start.copy()
    for _ in range(steps):
        u[1:-1, 1:-1] += kappa[1:-1, 1:-1] * (
            u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
        )
    return 0.5 * np.sum((u - target) ** 2)


@njit
def by_hand(start, kappa, target, steps):
    n, m = start.shape
    states = np.empty((steps + 1, n, m))
    states[0] = start
    for t in range(steps):
        advance(states[t], kappa, states[t + 1])

    u_bar = states[steps] - target
    value = 0.5 * np.sum(u_bar**2)
    kappa_bar = np.zeros((n, m))
    flux = np.zeros((n, m))  # the cotangent of the Laplacian; 0 at the edge, which never changes
    for t in range(steps - 1, -1, -1):
        weigh(states[t], kappa, u_bar, kappa_bar, flux)
        spread(flux, u_bar)
    return value, (u_bar, kappa_bar)


@njit
def advance(u, kappa, new):
    n, m = u.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            around = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1]
            new[i, j] = u[i, j] + kappa[i, j] * (around - 4.0 * u[i, j])
    for j in range(m):
        new[0, j], new[n - 1, j] = u[0, j], u[n - 1, j]
    for i in range(1, n - 1):
        new[i, 0], new[i, m - 1] = u[i, 0], u[i, m - 1]


@njit
def weigh(u, kappa, u_bar, kappa_bar, flux):
    """kappa_bar += Laplacian of u times u_bar, and flux = kappa times u_bar."""
    n, m = u.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            around = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1]
            kappa_bar[i, j] += u_bar[i, j] * (around - 4.0 * u[i, j])
            flux[i, j] = u_bar[i, j] * kappa[i, j]


@njit
def spread(flux, u_bar):
    """u_bar += the transposed Laplacian of flux, which is 0 at the edge."""
    n, m = flux.shape
    for i in range(1, n - 1):
        for j in range(1, m - 1):
            u_bar[i, j] += flux[i + 1, j] + flux[i - 1, j] + flux[i, j + 1] + flux[i, j - 1] - 4.0 * flux[i, j]
    for j in range(1, m - 1):
        u_bar[0, j] += flux[1, j]
        u_bar[n - 1, j] += flux[n - 2, j]
    for i in range(1, n - 1):
        u_bar[i, 0] += flux[i, 1]
        u_bar[i, m - 1] += flux[i, m - 2]


def jax_loss(start, kappa, target, steps):
    import jax
    import jax.numpy as jnp

    def step(u, _):
        around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
        return u.at[1:-1, 1:-1].add(kappa[1:-1, 1:-1] * (around - 4.0 * u[1:-1, 1:-1])), None

    u, _ = jax.lax.scan(step, start, None, length=steps)
    return 0.5 * jnp.sum((u - target) ** 2)


def torch_loss(start, kappa, target, steps):
    u = start.clone()
    for _ in range(steps):
        around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
        u[1:-1, 1:-1] += kappa[1:-1, 1:-1] * (around - 4.0 * u[1:-1, 1:-1])
    return 0.5 * ((u - target) ** 2).sum()


def autograd_loss(start, kappa, target, steps):
    import autograd.numpy as np

    u = start
    for _ in range(steps):  # autograd has no assignment into arrays: the edge is added as padding of the change
        around = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
        u = u + np.pad(kappa[1:-1, 1:-1] * (around - 4.0 * u[1:-1, 1:-1]), 1, "constant")
    return 0.5 * np.sum((u - target) ** 2)


def dace_loss():
    import dace

    n = dace.symbol("n")

    @dace.program
    def loss(start: dace.float64[n, n], kappa: dace.float64[n, n], target: dace.float64[n, n], steps: dace.int64):
        u = np.copy(start)
        for _ in range(steps):
            u[1:-1, 1:-1] += kappa[1:-1, 1:-1] * (
                u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
            )
        return 0.5 * np.sum((u - target) ** 2)

    return loss
