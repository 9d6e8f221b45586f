"""Which forces act on the atoms of a cluster? The Lennard-Jones energy Σ 4 (r⁻¹² − r⁻⁶) of the pairs within a cut-off.

The potential, cut off at 2.5 and shifted there to 0, is that of Frenkel and Smit, Understanding Molecular Simulation, 3.2.2.
"""

import numpy as np
from numba import njit

TITLE = "Lennard-Jones, loops"
SIZES = ({"n": 27}, {"n": 343}, {"n": 4096})
ARGNUMS = (0,)


def arguments(n):
    """Atoms near the points of a cubic lattice, 1.2 apart."""
    rng = np.random.default_rng(0)
    side = round(n ** (1 / 3))
    lattice = np.stack(np.meshgrid(*3 * (np.arange(side),), indexing="ij"), axis=-1).reshape(-1, 3)
    return 1.2 * lattice + rng.uniform(-0.1, 0.1, lattice.shape), 2.5


def loss(positions, cutoff):
    n = positions.shape[0]
    shift = 4.0 * (cutoff**-12.0 - cutoff**-6.0)
    energy = 0.0
    for i in range(n):
        for j in range(i):
            r2 = 0.0
            for k in range(3):
                r2 += (positions[i, k] - positions[j, k]) ** 2
            if r2 < cutoff**2:
                attraction = 1.0 / r2**3
                energy += 4.0 * attraction * (attraction - 1.0) - shift
    return energy


@njit
def by_hand(positions, cutoff):
    """The forces come with the energy, pair by pair: nothing is kept, and there is no second pass."""
    n = positions.shape[0]
    shift = 4.0 * (cutoff**-12.0 - cutoff**-6.0)
    limit = cutoff**2
    energy = 0.0
    bar = np.zeros((n, 3))
    for i in range(n):
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        x_bar = y_bar = z_bar = 0.0
        for j in range(i):
            dx, dy, dz = x - positions[j, 0], y - positions[j, 1], z - positions[j, 2]
            r2 = dx * dx + dy * dy + dz * dz
            if r2 < limit:
                inverse = 1.0 / r2
                attraction = inverse * inverse * inverse
                energy += 4.0 * attraction * (attraction - 1.0) - shift
                slope = -24.0 * attraction * (2.0 * attraction - 1.0) * inverse
                x_bar += slope * dx
                y_bar += slope * dy
                z_bar += slope * dz
                bar[j, 0] -= slope * dx
                bar[j, 1] -= slope * dy
                bar[j, 2] -= slope * dz
        bar[i, 0] += x_bar
        bar[i, 1] += y_bar
        bar[i, 2] += z_bar
    return energy, (bar,)


def jax_loss(positions, cutoff):
    import jax.numpy as jnp

    n = positions.shape[0]
    r2 = jnp.sum((positions[:, None] - positions[None]) ** 2, axis=-1)
    within = (r2 < cutoff**2) & jnp.tri(n, k=-1, dtype=bool)
    attraction = 1.0 / jnp.where(within, r2, 1.0) ** 3
    shift = 4.0 * (cutoff**-12.0 - cutoff**-6.0)
    return jnp.sum(jnp.where(within, 4.0 * attraction * (attraction - 1.0) - shift, 0.0))


def torch_loss(positions, cutoff):
    import torch

    r2 = torch.pdist(positions) ** 2
    attraction = 1.0 / r2[r2 < cutoff**2] ** 3
    shift = 4.0 * (cutoff**-12.0 - cutoff**-6.0)
    return (4.0 * attraction * (attraction - 1.0) - shift).sum()


def autograd_loss(positions, cutoff):
    import autograd.numpy as np

    i, j = np.tril_indices(positions.shape[0], -1)
    r2 = np.sum((positions[i] - positions[j]) ** 2, axis=1)
    attraction = 1.0 / r2[r2 < cutoff**2] ** 3
    shift = 4.0 * (cutoff**-12.0 - cutoff**-6.0)
    return np.sum(4.0 * attraction * (attraction - 1.0) - shift)


def dace_loss():
    import dace

    n = dace.symbol("n")

    @dace.program
    def loss(positions: dace.float64[n, 3], cutoff: dace.float64):
        shift = 4.0 * (cutoff**-12.0 - cutoff**-6.0)
        r2 = np.sum((np.reshape(positions, (n, 1, 3)) - np.reshape(positions, (1, n, 3))) ** 2, axis=2)
        apart = r2 + cutoff**2 * np.eye(n)  # an atom is no pair with itself
        attraction = np.where(apart < cutoff**2, 1.0 / apart**3, 0.0)
        return 0.5 * np.sum(np.where(attraction > 0.0, 4.0 * attraction * (attraction - 1.0) - shift, 0.0))

    return loss
