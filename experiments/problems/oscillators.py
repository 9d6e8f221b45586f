"""Which start brings a chain of nonlinear oscillators to a given state? By Runge and Kutta's method of order 4.

q̈ₖ = f(qₖ₊₁ − qₖ) − f(qₖ − qₖ₋₁), f(d) = d + β d³, with fixed ends (Fermi, Pasta, Ulam and Tsingou, 1955).
"""

import numpy as np
from numba import njit

TITLE = "Oscillators, Runge-Kutta 4"
SIZES = ({"n": 8, "steps": 3}, {"n": 1000, "steps": 100}, {"n": 50_000, "steps": 50})
ARGNUMS = (0, 1)
BETA = 0.7


def arguments(n, steps):
    rng = np.random.default_rng(0)
    return rng.standard_normal(n), rng.standard_normal(n), rng.standard_normal(n), BETA, 0.05, steps


@njit
def force(q, beta):
    n = q.size
    result = np.empty(n)
    left = q[0] + beta * q[0] ** 3
    for k in range(n):
        d = (q[k + 1] if k + 1 < n else 0.0) - q[k]
        right = d + beta * d**3
        result[k] = right - left
        left = right
    return result


def loss(position, momentum, target, beta, dt, steps):
    q, p = position.copy(), momentum.copy()
    for _ in range(steps):
        a1 = force(q, beta)
        p2 = p + 0.5 * dt * a1
        a2 = force(q + 0.5 * dt * p, beta)
        p3 = p + 0.5 * dt * a2
        a3 = force(q + 0.5 * dt * p2, beta)
        p4 = p + dt * a3
        a4 = force(q + dt * p3, beta)
        q = q + dt / 6.0 * (p + 2.0 * p2 + 2.0 * p3 + p4)
        p = p + dt / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
    return 0.5 * np.sum((q - target) ** 2)


@njit
def by_hand(position, momentum, target, beta, dt, steps):
    """The force is all that is not linear, so the four positions of a step where it is taken are all that is kept."""
    n = position.size
    q, p = position.copy(), momentum.copy()
    stages = np.empty((steps, 4, n))
    a1, a2, a3, a4 = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for t in range(steps):
        q1, q2, q3, q4 = stages[t, 0], stages[t, 1], stages[t, 2], stages[t, 3]
        for k in range(n):
            q1[k] = q[k]
            q2[k] = q[k] + 0.5 * dt * p[k]
        force_into(q1, beta, a1)
        force_into(q2, beta, a2)
        for k in range(n):
            q3[k] = q[k] + 0.5 * dt * (p[k] + 0.5 * dt * a1[k])
            q4[k] = q[k] + dt * (p[k] + 0.5 * dt * a2[k])
        force_into(q3, beta, a3)
        force_into(q4, beta, a4)
        for k in range(n):
            q[k] += dt * p[k] + dt * dt / 6.0 * (a1[k] + a2[k] + a3[k])
            p[k] += dt / 6.0 * (a1[k] + 2.0 * a2[k] + 2.0 * a3[k] + a4[k])

    q_bar = q - target
    value = 0.5 * np.sum(q_bar**2)
    p_bar = np.zeros(n)
    force_bar = a1
    q1_bar, q2_bar, q3_bar, q4_bar = q, p, a2, a3
    for t in range(steps - 1, -1, -1):
        for k in range(n):
            force_bar[k] = dt / 6.0 * p_bar[k]
        force_transposed(stages[t, 3], beta, force_bar, q4_bar)
        for k in range(n):
            force_bar[k] = dt * dt / 6.0 * q_bar[k] + dt / 3.0 * p_bar[k]
        force_transposed(stages[t, 2], beta, force_bar, q3_bar)
        for k in range(n):
            force_bar[k] += 0.5 * dt * dt * q4_bar[k]
        force_transposed(stages[t, 1], beta, force_bar, q2_bar)
        for k in range(n):
            force_bar[k] = dt * dt / 6.0 * q_bar[k] + dt / 6.0 * p_bar[k] + 0.25 * dt * dt * q3_bar[k]
        force_transposed(stages[t, 0], beta, force_bar, q1_bar)
        for k in range(n):
            p_bar[k] += dt * (q_bar[k] + 0.5 * (q2_bar[k] + q3_bar[k]) + q4_bar[k])
            q_bar[k] += q1_bar[k] + q2_bar[k] + q3_bar[k] + q4_bar[k]
    return value, (q_bar, p_bar)


@njit
def force_into(q, beta, result):
    n = q.size
    result[0] = -q[0] - beta * q[0] ** 3
    result[n - 1] = -q[n - 1] - beta * q[n - 1] ** 3
    if n == 1:
        result[0] *= 2.0
        return
    for k in range(1, n - 1):  # every spring twice, which vectorises, where keeping the last one would not
        left, right = q[k] - q[k - 1], q[k + 1] - q[k]
        result[k] = right + beta * right**3 - (left + beta * left**3)
    first, last = q[1] - q[0], q[n - 1] - q[n - 2]
    result[0] += first + beta * first**3
    result[n - 1] -= last + beta * last**3


@njit
def force_transposed(q, beta, bar, result):
    """The Jacobian of the force at q is symmetric: it is applied to bar."""
    n = q.size
    result[0] = -(1.0 + 3.0 * beta * q[0] ** 2) * bar[0]
    result[n - 1] = -(1.0 + 3.0 * beta * q[n - 1] ** 2) * bar[n - 1]
    if n == 1:
        result[0] *= 2.0
        return
    for k in range(1, n - 1):
        left, right = q[k] - q[k - 1], q[k + 1] - q[k]
        stiff_left, stiff_right = 1.0 + 3.0 * beta * left**2, 1.0 + 3.0 * beta * right**2
        result[k] = stiff_right * (bar[k + 1] - bar[k]) - stiff_left * (bar[k] - bar[k - 1])
    first, last = q[1] - q[0], q[n - 1] - q[n - 2]
    result[0] += (1.0 + 3.0 * beta * first**2) * (bar[1] - bar[0])
    result[n - 1] -= (1.0 + 3.0 * beta * last**2) * (bar[n - 1] - bar[n - 2])


def runge_kutta(force, q, p, dt):
    """A step, for JAX, PyTorch and autograd."""
    a1 = force(q)
    p2 = p + 0.5 * dt * a1
    a2 = force(q + 0.5 * dt * p)
    p3 = p + 0.5 * dt * a2
    a3 = force(q + 0.5 * dt * p2)
    p4 = p + dt * a3
    a4 = force(q + dt * p3)
    return q + dt / 6.0 * (p + 2.0 * p2 + 2.0 * p3 + p4), p + dt / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)


def jax_loss(position, momentum, target, beta, dt, steps):
    import jax
    import jax.numpy as jnp

    def force(q):
        d = jnp.diff(jnp.pad(q, 1))
        return jnp.diff(d + beta * d**3)

    def step(state, _):
        return runge_kutta(force, *state, dt), None

    (q, _), _ = jax.lax.scan(step, (position, momentum), None, length=steps)
    return 0.5 * jnp.sum((q - target) ** 2)


def torch_loss(position, momentum, target, beta, dt, steps):
    import torch

    def force(q):
        d = torch.diff(torch.nn.functional.pad(q, (1, 1)))
        return torch.diff(d + beta * d**3)

    q, p = position, momentum
    for _ in range(steps):
        q, p = runge_kutta(force, q, p, dt)
    return 0.5 * ((q - target) ** 2).sum()


def autograd_loss(position, momentum, target, beta, dt, steps):
    import autograd.numpy as np

    def force(q):
        d = np.diff(np.pad(q, 1, "constant"))
        return np.diff(d + beta * d**3)

    q, p = position, momentum
    for _ in range(steps):
        q, p = runge_kutta(force, q, p, dt)
    return 0.5 * np.sum((q - target) ** 2)


def dace_loss():
    import dace

    n, steps = dace.symbol("n"), dace.symbol("steps")

    @dace.program
    def force(q: dace.float64[n], beta: dace.float64):
        right, left = -q - beta * q**3, q + beta * q**3  # as if every mass stood beside a wall
        d = q[1:] - q[:-1]
        right[:-1] = d + beta * d**3
        left[1:] = d + beta * d**3
        return right - left

    @dace.program
    def loss(position: dace.float64[n], momentum: dace.float64[n], target: dace.float64[n], beta: dace.float64, dt: dace.float64):
        q, p = np.zeros((steps + 1, n)), np.zeros((steps + 1, n))
        q[0] = position
        p[0] = momentum
        # DaCe 2.0.0b1 is wrong here: what one array gets is read of the other, which is then handed on.
        for t in range(steps):
            a1 = force(q[t], beta)
            p2 = p[t] + 0.5 * dt * a1
            a2 = force(q[t] + 0.5 * dt * p[t], beta)
            p3 = p[t] + 0.5 * dt * a2
            a3 = force(q[t] + 0.5 * dt * p2, beta)
            p4 = p[t] + dt * a3
            a4 = force(q[t] + dt * p3, beta)
            q[t + 1] = q[t] + dt / 6.0 * (p[t] + 2.0 * p2 + 2.0 * p3 + p4)
            p[t + 1] = p[t] + dt / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
        return 0.5 * np.sum((q[steps] - target) ** 2)

    return loss
