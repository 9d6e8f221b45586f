"""How do the reprojection errors of bundle adjustment depend on cameras, points and weights? A 2 × 15 block per observation.

The task is ADBench's (Šrajer, Kukelova and Fitzgibbon, 2018) on the model of Agarwal et al. (2010): a camera is a rotation
vector, a centre, a focal length, a principal point and two coefficients of radial distortion.
"""

import math

import numpy as np
from numba import njit

TITLE = "Bundle adjustment, Jacobian"
SIZES = (
    {"cameras": 2, "points": 4, "observations": 6},
    {"cameras": 20, "points": 500, "observations": 2000},
    {"cameras": 100, "points": 30_000, "observations": 150_000},
)
ARGNUMS = (0, 1, 2)


def arguments(cameras, points, observations):
    """Cameras, points, weights, and of each observation the two coordinates and the numbers of camera and point."""
    rng = np.random.default_rng(0)
    views = np.empty((cameras, 11))
    views[:, :3] = 0.2 * rng.standard_normal((cameras, 3))
    views[:, 3:6] = rng.uniform(-0.5, 0.5, (cameras, 3)) - [0.0, 0.0, 6.0]
    views[:, 6] = rng.uniform(400.0, 600.0, cameras)
    views[:, 7:9] = rng.standard_normal((cameras, 2))
    views[:, 9:] = [0.05, 0.01] * rng.standard_normal((cameras, 2))
    scene = rng.uniform(-1.0, 1.0, (points, 3))
    which = np.stack((rng.integers(cameras, size=observations), rng.integers(points, size=observations)), axis=1)
    features = 100.0 * rng.standard_normal((observations, 2))
    return views, scene, rng.uniform(0.5, 1.5, observations), features, which


@njit
def residual(camera, point, weight, feature):
    x, y, z = point[0] - camera[3], point[1] - camera[4], point[2] - camera[5]
    a, b, c = camera[0], camera[1], camera[2]
    theta2 = a * a + b * b + c * c
    if theta2 > 0.0:  # Rodrigues' formula
        theta = math.sqrt(theta2)
        cosine, sine = math.cos(theta), math.sin(theta)
        a, b, c = a / theta, b / theta, c / theta
        along = (a * x + b * y + c * z) * (1.0 - cosine)
        u = x * cosine + (b * z - c * y) * sine + a * along
        v = y * cosine + (c * x - a * z) * sine + b * along
        w = z * cosine + (a * y - b * x) * sine + c * along
    else:
        u, v, w = x + b * z - c * y, y + c * x - a * z, z + a * y - b * x
    u, v = u / w, v / w
    r2 = u * u + v * v
    scale = camera[6] * (1.0 + r2 * (camera[9] + r2 * camera[10]))
    return np.array((weight * (u * scale + camera[7] - feature[0]), weight * (v * scale + camera[8] - feature[1])))


def loss(views, scene, weights, features, which):
    """Half the sum of the squared errors: the function's time is what a Jacobian's is set beside."""
    total = 0.0
    for o in range(which.shape[0]):
        error = residual(views[which[o, 0]], scene[which[o, 1]], weights[o], features[o])
        total += error[0] ** 2 + error[1] ** 2
    return 0.5 * total


@njit
def by_hand(views, scene, weights, features, which):
    total = 0.0
    blocks = np.empty((which.shape[0], 2, 15))
    for o in range(which.shape[0]):
        total += block(views[which[o, 0]], scene[which[o, 1]], weights[o], features[o], blocks[o])
    return 0.5 * total, (blocks,)


@njit
def block(camera, point, weight, feature, out):
    x, y, z = point[0] - camera[3], point[1] - camera[4], point[2] - camera[5]
    theta2 = camera[0] ** 2 + camera[1] ** 2 + camera[2] ** 2
    theta = math.sqrt(theta2)
    cosine, sine = math.cos(theta), math.sin(theta)
    inverse = 1.0 / theta if theta > 0.0 else 0.0
    a, b, c = camera[0] * inverse, camera[1] * inverse, camera[2] * inverse
    along = (a * x + b * y + c * z) * (1.0 - cosine)
    u = x * cosine + (b * z - c * y) * sine + a * along
    v = y * cosine + (c * x - a * z) * sine + b * along
    depth = 1.0 / (z * cosine + (a * y - b * x) * sine + c * along)
    u, v = u * depth, v * depth
    r2 = u * u + v * v
    focal = camera[6]
    stretch = 1.0 + r2 * (camera[9] + r2 * camera[10])
    error_u = u * focal * stretch + camera[7] - feature[0]
    error_v = v * focal * stretch + camera[8] - feature[1]

    slope = 2.0 * focal * (camera[9] + 2.0 * camera[10] * r2)
    scale = weight * depth
    mixed = scale * slope * u * v
    by_u, by_v = scale * (focal * stretch + slope * u * u), scale * (focal * stretch + slope * v * v)
    for k in range(2):
        # The derivative by the rotated point, turned back: by the point, and less that by the centre.
        p, q = (by_u, mixed) if k == 0 else (mixed, by_v)
        r = -(p * u + q * v)
        along = (a * p + b * q + c * r) * (1.0 - cosine)
        p, q, r = (
            p * cosine - (b * r - c * q) * sine + a * along,
            q * cosine - (c * p - a * r) * sine + b * along,
            r * cosine - (a * q - b * p) * sine + c * along,
        )
        out[k, 3], out[k, 4], out[k, 5] = -p, -q, -r
        out[k, 11], out[k, 12], out[k, 13] = p, q, r
        # By the rotation vector t, of x: (x × p) · t̂ t̂ + what turning adds across it (Gallego and Yezzi, 2015).
        p, q, r = y * r - z * q, z * p - x * r, x * q - y * p
        if theta > 0.0:
            along = a * p + b * q + c * r
            e = ((b * r - c * q) * sine + (a * along - p) * (1.0 - cosine)) * inverse
            f = ((c * p - a * r) * sine + (b * along - q) * (1.0 - cosine)) * inverse
            g = ((a * q - b * p) * sine + (c * along - r) * (1.0 - cosine)) * inverse
            p, q, r = a * along + f * c - g * b, b * along + g * a - e * c, c * along + e * b - f * a
        out[k, 0], out[k, 1], out[k, 2] = p, q, r
        out[k, 7 + k], out[k, 8 - k] = weight, 0.0
        coordinate = weight * (u if k == 0 else v)
        out[k, 6] = coordinate * stretch
        out[k, 9] = coordinate * focal * r2
        out[k, 10] = coordinate * focal * r2 * r2
    out[0, 14], out[1, 14] = error_u, error_v
    return weight * weight * (error_u * error_u + error_v * error_v)


def errors(parameters, feature):
    """An observation's two errors by its camera, point and weight, in one array; and the sum of their squares."""
    error = residual(parameters[:11], parameters[11:14], parameters[14], feature)
    return error, error[0] ** 2 + error[1] ** 2


def ours():
    """The Jacobian of an observation's two errors, called in the loop over all."""
    from toolkit import jacobian

    block_of = jacobian(errors, has_aux=True)

    @njit
    def system(views, scene, weights, features, which):
        total = 0.0
        blocks = np.empty((which.shape[0], 2, 15))
        parameters = np.empty(15)
        for o in range(which.shape[0]):
            for k in range(11):
                parameters[k] = views[which[o, 0], k]
            for k in range(3):
                parameters[11 + k] = scene[which[o, 1], k]
            parameters[14] = weights[o]
            rows, squared = block_of(parameters, features[o])
            total += squared
            for k in range(2):
                for j in range(15):
                    blocks[o, k, j] = rows[k, j]
        return 0.5 * total, (blocks,)

    return system


def residuals(xp, parameters, features):
    """All errors at once, for JAX, PyTorch and autograd: parameters are columns of camera, point and weight."""
    a, b, c, *centre = (parameters[:, k] for k in range(6))
    x, y, z = (parameters[:, 11 + k] - centre[k] for k in range(3))
    theta = xp.sqrt(a * a + b * b + c * c)
    cosine, sine = xp.cos(theta), xp.sin(theta)
    a, b, c = a / theta, b / theta, c / theta
    along = (a * x + b * y + c * z) * (1.0 - cosine)
    u = x * cosine + (b * z - c * y) * sine + a * along
    v = y * cosine + (c * x - a * z) * sine + b * along
    w = z * cosine + (a * y - b * x) * sine + c * along
    u, v = u / w, v / w
    r2 = u * u + v * v
    scale = parameters[:, 6] * (1.0 + r2 * (parameters[:, 9] + r2 * parameters[:, 10]))
    weight = parameters[:, 14]
    return weight * (u * scale + parameters[:, 7] - features[:, 0]), weight * (v * scale + parameters[:, 8] - features[:, 1])


def gathered(views, scene, weights, which):
    """Camera, point and weight of each observation: beside one another, the blocks are derivatives by their rows."""
    return views[which[:, 0]], scene[which[:, 1]], weights[:, None]


def jax_system():
    import jax
    import jax.numpy as jnp

    @jax.jit
    def system(views, scene, weights, features, which):
        parameters = jnp.concatenate(gathered(views, scene, weights, which), axis=1)
        (first, second), pull = jax.vjp(lambda p: residuals(jnp, p, features), parameters)
        one, zero = jnp.ones_like(first), jnp.zeros_like(first)
        blocks = jnp.stack((pull((one, zero))[0], pull((zero, one))[0]), axis=1)
        return 0.5 * jnp.sum(first**2 + second**2), (blocks,)

    return lambda *arguments: jax.block_until_ready(system(*arguments))


def torch_system():
    import torch

    def system(views, scene, weights, features, which):
        views, scene, weights, features, which = map(torch.as_tensor, (views, scene, weights, features, which))
        parameters = torch.cat(gathered(views, scene, weights, which), dim=1).requires_grad_()
        first, second = residuals(torch, parameters, features)
        rows = [torch.autograd.grad(error.sum(), parameters, retain_graph=True)[0] for error in (first, second)]
        return 0.5 * (first**2 + second**2).sum().item(), (torch.stack(rows, dim=1).numpy(),)

    return system


def autograd_system():
    import autograd.numpy as anp
    from autograd import make_vjp

    def system(views, scene, weights, features, which):
        parameters = np.concatenate(gathered(views, scene, weights, which), axis=1)
        pull, errors = make_vjp(lambda p: anp.stack(residuals(anp, p, features)))(parameters)
        rows = [pull(np.repeat(np.eye(2)[k][:, None], which.shape[0], axis=1)) for k in range(2)]
        return 0.5 * np.sum(errors**2), (np.stack(rows, axis=1),)

    return system


dace_loss = None  # columns of one array that are read more than once: `assert added` fails in add_backward_pass
