"""Which way, and how far, does Newton's method move the centres of k-means? The cost's gradient, and its Hessian's diagonal.

Σᵢ minₖ ‖xᵢ − cₖ‖²: the Hessian is diagonal, so its product with (1, …, 1) is all of it (Bottou and Bengio, 1994; with automatic
differentiation Schenck, Rønning, Henriksen and Oancea, 2022).
"""

import numpy as np
from numba import njit

TITLE = "k-means, gradient and Hessian"
SIZES = ({"n": 20, "k": 3, "d": 2}, {"n": 2000, "k": 10, "d": 8}, {"n": 500_000, "k": 10, "d": 8})
ARGNUMS = (0,)


def arguments(n, k, d):
    rng = np.random.default_rng(0)
    centres = 3.0 * rng.standard_normal((k, d))
    points = centres[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    return centres + 0.3 * rng.standard_normal((k, d)), points


def loss(centres, points):
    k, d = centres.shape
    total = 0.0
    for i in range(points.shape[0]):
        nearest = np.inf
        for c in range(k):
            distance = 0.0
            for j in range(d):
                distance += (points[i, j] - centres[c, j]) ** 2
            nearest = min(nearest, distance)
        total += nearest
    return total


@njit
def by_hand(centres, points):
    k, d = centres.shape
    total = 0.0
    sums = np.zeros((k, d))
    counts = np.zeros(k)
    for i in range(points.shape[0]):
        nearest, chosen = np.inf, 0
        for c in range(k):
            distance = 0.0
            for j in range(d):
                distance += (points[i, j] - centres[c, j]) ** 2
            if distance < nearest:
                nearest, chosen = distance, c
        total += nearest
        counts[chosen] += 1.0
        for j in range(d):
            sums[chosen, j] += points[i, j]

    diagonal = np.empty((k, d))
    for c in range(k):
        for j in range(d):
            diagonal[c, j] = 2.0 * counts[c]
            sums[c, j] = 2.0 * (counts[c] * centres[c, j] - sums[c, j])
    return total, (sums, diagonal)


def ours():
    """Forward over reverse: the derivative of the gradient along (1, …, 1), called from compiled code."""
    from toolkit import jvp, value_and_grad

    push = jvp(value_and_grad(loss), argnums=0)

    @njit
    def system(centres, points):
        (total, gradient), (_, diagonal) = push((centres, points), (np.ones_like(centres),))
        return total, (gradient, diagonal)

    return system


def jax_system():
    import jax
    import jax.numpy as jnp

    def cost(centres, points):
        return jnp.sum(jnp.min(jnp.sum((points[:, None] - centres) ** 2, axis=-1), axis=1))

    @jax.jit
    def both(centres, points):
        (total, gradient), (_, diagonal) = jax.jvp(
            lambda c: jax.value_and_grad(cost)(c, points), (centres,), (jnp.ones_like(centres),)
        )
        return total, (gradient, diagonal)

    return lambda centres, points: jax.block_until_ready(both(centres, points))


def torch_system():
    import torch

    def system(centres, points):
        centres, points = torch.as_tensor(centres).clone().requires_grad_(), torch.as_tensor(points)
        total = ((points[:, None] - centres) ** 2).sum(dim=-1).amin(dim=1).sum()  # cdist has no second derivative
        (gradient,) = torch.autograd.grad(total, centres, create_graph=True)
        (diagonal,) = torch.autograd.grad(gradient.sum(), centres)
        return total.item(), (gradient.detach().numpy(), diagonal.numpy())

    return system


def autograd_system():
    import autograd.numpy as np
    from autograd import elementwise_grad, value_and_grad

    def cost(centres, points):
        return np.sum(np.min(np.sum((points[:, None] - centres) ** 2, axis=-1), axis=1))

    def system(centres, points):
        gradient = value_and_grad(cost)
        diagonal = elementwise_grad(lambda c: gradient(c, points)[1])(centres)
        total, first = gradient(centres, points)
        return total, (first, diagonal)

    return system


dace_loss = None  # second derivatives: a program that has a backward pass is not given another (`assert added` fails)
