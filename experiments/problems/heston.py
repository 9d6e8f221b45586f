"""How does a call option's price under Heston's model (1993) depend on its parameters? By Monte Carlo with given normals.

dS = r S dt + √v S dW₁, dv = κ (θ − v) dt + ξ √v dW₂, d⟨W₁, W₂⟩ = ρ dt, Euler with full truncation (Lord et al., 2010).
"""

import math

import numpy as np
from numba import njit

TITLE = "Heston, Monte Carlo, loops"
SIZES = ({"paths": 4, "steps": 10}, {"paths": 500, "steps": 50}, {"paths": 50_000, "steps": 50})
ARGNUMS = (0,)


def arguments(paths, steps):
    """Parameters (S₀, v₀, r, κ, θ, ξ, ρ), the normals, the strike and the step in time."""
    rng = np.random.default_rng(0)
    parameters = np.array([100.0, 0.04, 0.02, 1.5, 0.05, 0.5, -0.7])
    return parameters, rng.standard_normal((paths, steps, 2)), 95.0, 1.0 / steps


def loss(parameters, normals, strike, dt):
    spot, v_start, rate, kappa, theta, xi, rho = parameters
    paths, steps, _ = normals.shape
    across = math.sqrt(1.0 - rho**2)
    total = 0.0
    for p in range(paths):
        log_spot, v = math.log(spot), v_start
        for t in range(steps):
            first = normals[p, t, 0]
            second = rho * first + across * normals[p, t, 1]
            positive = v if v > 0.0 else 0.0
            root = math.sqrt(v * dt) if v > 0.0 else 0.0
            log_spot += (rate - 0.5 * positive) * dt + root * first
            v += kappa * (theta - positive) * dt + xi * root * second
        total += max(math.exp(log_spot) - strike, 0.0)
    return math.exp(-rate * steps * dt) * total / paths


@njit
def by_hand(parameters, normals, strike, dt):
    spot, v_start, rate, kappa, theta, xi, rho = parameters
    paths, steps, _ = normals.shape
    across = math.sqrt(1.0 - rho**2)
    variances, roots = np.empty(steps), np.empty(steps)
    total = log_spot_total = v_total = kappa_total = drift_total = xi_total = rho_total = across_total = 0.0
    for p in range(paths):
        log_spot, v = math.log(spot), v_start
        for t in range(steps):
            first = normals[p, t, 0]
            second = rho * first + across * normals[p, t, 1]
            positive = v if v > 0.0 else 0.0
            root = math.sqrt(v * dt) if v > 0.0 else 0.0
            variances[t], roots[t] = positive, root
            log_spot += (rate - 0.5 * positive) * dt + root * first
            v += kappa * (theta - positive) * dt + xi * root * second
        end = math.exp(log_spot)
        if end <= strike:
            continue  # without a payoff, without a derivative
        total += end - strike
        log_spot_total += end
        v_bar = 0.0
        for t in range(steps - 1, -1, -1):
            first, other = normals[p, t, 0], normals[p, t, 1]
            second = rho * first + across * other
            positive, root = variances[t], roots[t]
            kappa_total += v_bar * (theta - positive)
            drift_total += v_bar
            by_root = v_bar * root
            xi_total += by_root * second
            rho_total += by_root * first
            across_total += by_root * other
            if positive > 0.0:
                root_bar = end * first + v_bar * xi * second
                v_bar += root_bar * (0.5 * dt / root) - dt * (0.5 * end + kappa * v_bar)
        v_total += v_bar

    scale = math.exp(-rate * steps * dt) / paths
    bar = np.empty(7)
    bar[0] = log_spot_total / spot
    bar[1] = v_total
    bar[2] = steps * dt * (log_spot_total - total)
    bar[3] = kappa_total * dt
    bar[4] = drift_total * kappa * dt
    bar[5] = xi_total
    bar[6] = xi * (rho_total - rho / across * across_total)
    return scale * total, (scale * bar,)


def jax_loss(parameters, normals, strike, dt):
    import jax
    import jax.numpy as jnp

    spot, v_start, rate, kappa, theta, xi, rho = parameters
    paths, steps, _ = normals.shape

    def step(state, normal):
        log_spot, v = state
        first = normal[:, 0]
        second = rho * first + jnp.sqrt(1.0 - rho**2) * normal[:, 1]
        positive = jnp.maximum(v, 0.0)
        root = jnp.where(v > 0.0, jnp.sqrt(jnp.where(v > 0.0, v, 1.0) * dt), 0.0)  # else 0 times an infinite slope
        log_spot = log_spot + (rate - 0.5 * positive) * dt + root * first
        return (log_spot, v + kappa * (theta - positive) * dt + xi * root * second), None

    start = jnp.full(paths, jnp.log(spot)), jnp.full(paths, v_start)
    (log_spot, _), _ = jax.lax.scan(step, start, normals.swapaxes(0, 1))
    return jnp.exp(-rate * steps * dt) * jnp.mean(jnp.maximum(jnp.exp(log_spot) - strike, 0.0))


def torch_loss(parameters, normals, strike, dt):
    import torch

    spot, v_start, rate, kappa, theta, xi, rho = parameters
    paths, steps, _ = normals.shape
    log_spot, v = spot.log().expand(paths), v_start.expand(paths)
    for t in range(steps):
        first = normals[:, t, 0]
        second = rho * first + (1.0 - rho**2).sqrt() * normals[:, t, 1]
        positive = v.relu()
        root = torch.where(v > 0.0, (torch.where(v > 0.0, v, 1.0) * dt).sqrt(), 0.0)
        log_spot = log_spot + (rate - 0.5 * positive) * dt + root * first
        v = v + kappa * (theta - positive) * dt + xi * root * second
    return (-rate * steps * dt).exp() * (log_spot.exp() - strike).relu().mean()


def autograd_loss(parameters, normals, strike, dt):
    import autograd.numpy as np

    spot, v_start, rate, kappa, theta, xi, rho = parameters
    paths, steps, _ = normals.shape
    log_spot, v = np.log(spot) * np.ones(paths), v_start * np.ones(paths)
    for t in range(steps):
        first = normals[:, t, 0]
        second = rho * first + np.sqrt(1.0 - rho**2) * normals[:, t, 1]
        positive = np.maximum(v, 0.0)
        root = np.where(v > 0.0, np.sqrt(np.where(v > 0.0, v, 1.0) * dt), 0.0)
        log_spot = log_spot + (rate - 0.5 * positive) * dt + root * first
        v = v + kappa * (theta - positive) * dt + xi * root * second
    return np.exp(-rate * steps * dt) * np.mean(np.maximum(np.exp(log_spot) - strike, 0.0))


def dace_loss():
    import dace

    paths, steps = dace.symbol("paths"), dace.symbol("steps")

    @dace.program
    def loss(parameters: dace.float64[7], normals: dace.float64[paths, steps, 2], strike: dace.float64, dt: dace.float64):
        v, log_spot = np.zeros((steps + 1, paths)), np.zeros((paths,))
        v[0] = parameters[1]
        for t in range(steps):
            second = parameters[6] * normals[:, t, 0] + np.sqrt(1.0 - parameters[6] ** 2) * normals[:, t, 1]
            positive = np.maximum(v[t], 0.0)
            safe = np.where(v[t] > 0.0, v[t] * dt, 1.0)  # else 0 times an infinite slope
            root = np.where(v[t] > 0.0, np.sqrt(safe), 0.0)
            v[t + 1] = v[t] + parameters[3] * (parameters[4] - positive) * dt + parameters[5] * root * second
        log_spot[:] = np.log(parameters[0])
        for t in range(steps):  # in a loop of its own, without which the gradient is wrong
            drift = (parameters[2] - 0.5 * np.maximum(v[t], 0.0)) * dt
            safe_again = np.where(v[t] > 0.0, v[t] * dt, 1.0)
            log_spot[:] = log_spot + drift + np.where(v[t] > 0.0, np.sqrt(safe_again), 0.0) * normals[:, t, 0]
        payoff = np.maximum(np.exp(log_spot) - strike, 0.0)
        return np.exp(-parameters[2] * steps * dt) * np.sum(payoff) / paths

    return loss
