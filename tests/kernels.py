"""Kernels of the numerical literature, whole and small, each written from its mathematics as a Numba user writes it.

`CASES` holds them as `gallery.Case`s. No kernel writes to its arguments: what works in place copies first. The draws keep well
away from kinks and ties. Where a method has a loop form and a form of whole-array slices, both stand here.
"""
import functools
import math

import gallery
import numpy as np
from gallery import dominant, f32, nrm, num, pos, spd, spread
from numba import njit, prange
from numba.extending import register_jitable

CASES = []
case = functools.partial(gallery.case, cases=CASES)


# ---------------------------------------------------------------- stencils

@case(lambda r: (nrm(r, 12), 3))
def jacobi_1d_loops(u0, sweeps):
    """Jacobi sweeps of the three-point stencil, two arrays written in turn."""
    a = u0.copy()
    b = u0.copy()
    n = a.shape[0]
    for _ in range(sweeps):
        for i in range(1, n - 1):
            b[i] = (a[i - 1] + a[i] + a[i + 1]) / 3.0
        for i in range(1, n - 1):
            a[i] = (b[i - 1] + b[i] + b[i + 1]) / 3.0
    return a


@case(lambda r: (nrm(r, 12), 3))
def jacobi_1d_slices(u0, sweeps):
    """Jacobi sweeps of the three-point stencil, by slices."""
    a = u0.copy()
    b = u0.copy()
    for _ in range(sweeps):
        b[1:-1] = 0.33333 * (a[:-2] + a[1:-1] + a[2:])
        a[1:-1] = 0.33333 * (b[:-2] + b[1:-1] + b[2:])
    return a


@case(lambda r: (nrm(r, 5, 6), 2))
def jacobi_2d_loops(u0, sweeps):
    """Jacobi sweeps of the five-point stencil."""
    old = u0.copy()
    new = np.empty_like(u0)
    new[:, :] = u0
    rows, cols = u0.shape
    for _ in range(sweeps):
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                new[i, j] = 0.2 * (old[i, j] + old[i, j - 1] + old[i, j + 1] + old[i - 1, j] + old[i + 1, j])
        old, new = new, old
    return old


@case(lambda r: (nrm(r, 6, 5), 1e-3))
def jacobi_2d_until_converged(u0, tol):
    """The five-point Laplace equation by Jacobi's method until the update is small (slices, while)."""
    u = u0.copy()
    change = 1.0
    count = 0
    while change > tol and count < 200:
        v = u.copy()
        v[1:-1, 1:-1] = 0.25 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:])
        change = np.max(np.abs(v - u))
        u = v
        count += 1
    return u


@case(lambda r: (nrm(r, 4, 4, 5), 0.1, 2))
def heat_3d_loops(u0, r, steps):
    """The heat equation in three dimensions, explicit Euler, loops."""
    u = u0.copy()
    nx, ny, nz = u.shape
    for _ in range(steps):
        w = u.copy()
        for i in range(1, nx - 1):
            for j in range(1, ny - 1):
                for k in range(1, nz - 1):
                    lap = -6.0 * w[i, j, k]
                    lap += w[i - 1, j, k] + w[i + 1, j, k]
                    lap += w[i, j - 1, k] + w[i, j + 1, k]
                    lap += w[i, j, k - 1] + w[i, j, k + 1]
                    u[i, j, k] += r * lap
    return u


@case(lambda r: (nrm(r, 4, 4, 5), 0.1, 2), (0, 1))
def heat_3d_slices(u0, r, steps):
    """The heat equation in three dimensions, explicit Euler, slices."""
    u = u0.copy()
    for _ in range(steps):
        u[1:-1, 1:-1, 1:-1] += r * (
            u[2:, 1:-1, 1:-1] - 2.0 * u[1:-1, 1:-1, 1:-1] + u[:-2, 1:-1, 1:-1]
            + u[1:-1, 2:, 1:-1] - 2.0 * u[1:-1, 1:-1, 1:-1] + u[1:-1, :-2, 1:-1]
            + u[1:-1, 1:-1, 2:] - 2.0 * u[1:-1, 1:-1, 1:-1] + u[1:-1, 1:-1, :-2])
    return u


@case(lambda r: (nrm(r, 10), nrm(r, 10), 3), (0, 1))
def seidel_1d(u0, f, sweeps):
    """Gauss–Seidel sweeps forward and backward (symmetric) for -u'' = f."""
    u = u0.copy()
    n = len(u)
    h2 = (1.0 / (n - 1)) ** 2
    for _ in range(sweeps):
        for i in range(1, n - 1):
            u[i] = 0.5 * (u[i - 1] + u[i + 1] + h2 * f[i])
        for i in range(n - 2, 0, -1):
            u[i] = 0.5 * (u[i - 1] + u[i + 1] + h2 * f[i])
    return u


@case(lambda r: (nrm(r, 5, 5), 2))
def seidel_2d(a0, sweeps):
    """Gauss–Seidel sweeps of the nine-point stencil, in place."""
    a = a0.copy()
    n = a.shape[0]
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = (a[i - 1, j - 1] + a[i - 1, j] + a[i - 1, j + 1] + a[i, j - 1] + a[i, j] + a[i, j + 1]
                           + a[i + 1, j - 1] + a[i + 1, j] + a[i + 1, j + 1]) / 9.0
    return a


@case(lambda r: (nrm(r, 6, 6), nrm(r, 6, 6), 1.5, 2), (0, 1, 2))
def red_black_sor(u0, f, omega, sweeps):
    """Red–black over-relaxation of the Poisson equation; each colour by strided slices."""
    u = u0.copy()
    for _ in range(sweeps):
        for colour in range(2):
            for i in range(1, u.shape[0] - 1):
                s = 1 + (i + colour) % 2
                gs = 0.25 * (u[i - 1, s:-1:2] + u[i + 1, s:-1:2] + u[i, s - 1:-2:2] + u[i, s + 1::2] - f[i, s:-1:2])
                u[i, s:-1:2] += omega * (gs - u[i, s:-1:2])
    return np.sum(u * u)


@case(lambda r: (nrm(r, 4, 4, 4), 1))
def seidel_3d(a0, sweeps):
    """A Gauss–Seidel sweep of the seven-point stencil in three dimensions."""
    a = a0.copy()
    nx, ny, nz = a.shape
    for _ in range(sweeps):
        for i in range(1, nx - 1):
            for j in range(1, ny - 1):
                for k in range(1, nz - 1):
                    a[i, j, k] = (a[i - 1, j, k] + a[i + 1, j, k] + a[i, j - 1, k] + a[i, j + 1, k]
                                  + a[i, j, k - 1] + a[i, j, k + 1]) / 6.0
    return a


@case(lambda r: (nrm(r, 5, 6), nrm(r, 5, 6), nrm(r, 5, 6), nrm(r, 3)), (0, 1, 2, 3))
def fdtd_2d_loops(ex0, ey0, hz0, source):
    """Finite-difference time domain: two-dimensional Maxwell, staggered fields, loops."""
    ex, ey, hz = ex0.copy(), ey0.copy(), hz0.copy()
    nx, ny = ex.shape
    for t in range(source.shape[0]):
        for j in range(ny):
            ey[0, j] = source[t]
        for i in range(1, nx):
            for j in range(ny):
                ey[i, j] = ey[i, j] - 0.5 * (hz[i, j] - hz[i - 1, j])
        for i in range(nx):
            for j in range(1, ny):
                ex[i, j] = ex[i, j] - 0.5 * (hz[i, j] - hz[i, j - 1])
        for i in range(nx - 1):
            for j in range(ny - 1):
                hz[i, j] = hz[i, j] - 0.7 * (ex[i, j + 1] - ex[i, j] + ey[i + 1, j] - ey[i, j])
    return ex, ey, hz


@case(lambda r: (nrm(r, 5, 6), nrm(r, 5, 6), nrm(r, 5, 6), nrm(r, 3)), (0, 1, 2, 3))
def fdtd_2d_slices(ex0, ey0, hz0, source):
    """Finite-difference time domain: two-dimensional Maxwell, staggered fields, slices."""
    ex = np.copy(ex0)
    ey = np.copy(ey0)
    hz = np.copy(hz0)
    for pulse in source:
        ey[0, :] = pulse
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])
    return hz


@njit
def pressure_poisson(p, b, dx, dy, sweeps):
    for _ in range(sweeps):
        pn = p.copy()
        p[1:-1, 1:-1] = (((pn[1:-1, 2:] + pn[1:-1, :-2]) * dy ** 2 + (pn[2:, 1:-1] + pn[:-2, 1:-1]) * dx ** 2)
                         / (2 * (dx ** 2 + dy ** 2)) - dx ** 2 * dy ** 2 / (2 * (dx ** 2 + dy ** 2)) * b[1:-1, 1:-1])
        p[:, -1] = p[:, -2]
        p[0, :] = p[1, :]
        p[:, 0] = p[:, 1]
        p[-1, :] = 0
    return p


@case(lambda r: (1.0, 0.1, 6, 3), (0, 1))
def cavity_projection(lid, nu, n, steps):
    """The lid-driven cavity by the projection method, slices, the pressure solved by a callee that writes it."""
    u = np.zeros((n, n))
    v = np.zeros((n, n))
    p = np.zeros((n, n))
    b = np.zeros((n, n))
    dx = 2.0 / (n - 1)
    dt = 0.01
    u[-1, :] = lid
    for _ in range(steps):
        ux = (u[1:-1, 2:] - u[1:-1, :-2]) / (2 * dx)
        vy = (v[2:, 1:-1] - v[:-2, 1:-1]) / (2 * dx)
        uy = (u[2:, 1:-1] - u[:-2, 1:-1]) / (2 * dx)
        vx = (v[1:-1, 2:] - v[1:-1, :-2]) / (2 * dx)
        b[1:-1, 1:-1] = (ux + vy) / dt - ux ** 2 - 2 * uy * vx - vy ** 2
        p = pressure_poisson(p, b, dx, dx, 4)
        un, vn = u.copy(), v.copy()
        lap_u = (un[1:-1, 2:] + un[1:-1, :-2] + un[2:, 1:-1] + un[:-2, 1:-1] - 4 * un[1:-1, 1:-1]) / dx ** 2
        lap_v = (vn[1:-1, 2:] + vn[1:-1, :-2] + vn[2:, 1:-1] + vn[:-2, 1:-1] - 4 * vn[1:-1, 1:-1]) / dx ** 2
        u[1:-1, 1:-1] += dt * (nu * lap_u - un[1:-1, 1:-1] * ux - vn[1:-1, 1:-1] * uy
                               - (p[1:-1, 2:] - p[1:-1, :-2]) / (2 * dx))
        v[1:-1, 1:-1] += dt * (nu * lap_v - un[1:-1, 1:-1] * vx - vn[1:-1, 1:-1] * vy
                               - (p[2:, 1:-1] - p[:-2, 1:-1]) / (2 * dx))
        u[0, :] = 0
        u[:, 0] = 0
        u[:, -1] = 0
        u[-1, :] = lid
    return u, v


@register_jitable
def stream_sweeps(psi, omega, h, sweeps):
    n = psi.shape[0]
    for _ in range(sweeps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                psi[i, j] = 0.25 * (psi[i + 1, j] + psi[i - 1, j] + psi[i, j + 1] + psi[i, j - 1] + h * h * omega[i, j])


@register_jitable
def wall_vorticity(omega, psi, h, lid):
    n = psi.shape[0]
    for k in range(n):
        omega[k, 0] = -2.0 * psi[k, 1] / (h * h)
        omega[k, n - 1] = -2.0 * psi[k, n - 2] / (h * h) - 2.0 * lid / h
        omega[0, k] = -2.0 * psi[1, k] / (h * h)
        omega[n - 1, k] = -2.0 * psi[n - 2, k] / (h * h)


@case(lambda r: (1.0, 20.0, 5, 3), (0, 1))
def cavity_vorticity(lid, reynolds, n, steps):
    """The lid-driven cavity in vorticity and stream function; callees write the work arrays they are passed."""
    h = 1.0 / (n - 1)
    dt = 0.01
    psi = np.zeros((n, n))
    omega = np.zeros((n, n))
    new = np.zeros_like(omega)
    for _ in range(steps):
        stream_sweeps(psi, omega, h, 3)
        wall_vorticity(omega, psi, h, lid)
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                adv = ((psi[i, j + 1] - psi[i, j - 1]) * (omega[i + 1, j] - omega[i - 1, j])
                       - (psi[i + 1, j] - psi[i - 1, j]) * (omega[i, j + 1] - omega[i, j - 1])) / (4.0 * h * h)
                dif = (omega[i + 1, j] + omega[i - 1, j] + omega[i, j + 1] + omega[i, j - 1] - 4.0 * omega[i, j]) / (h * h)
                new[i, j] = omega[i, j] + dt * (dif / reynolds - adv)
        omega[1:-1, 1:-1] = new[1:-1, 1:-1]
    return psi, omega


@register_jitable
def minmod(a, b):
    if a * b <= 0.0:
        return 0.0
    if abs(a) < abs(b):
        return a
    return b


@case(lambda r: (np.sin(np.arange(12) * 0.7) + 0.05 * nrm(r, 12), 0.4, 3), (0, 1))
def advection_minmod_loops(u0, courant, steps):
    """Periodic linear advection with minmod-limited slopes (MUSCL), loops."""
    u = u0.copy()
    n = u.size
    flux = np.zeros(n)
    for _ in range(steps):
        for i in range(n):
            slope = minmod(u[i] - u[i - 1], u[(i + 1) % n] - u[i])
            flux[i] = u[i] + 0.5 * (1.0 - courant) * slope
        for i in range(n):
            u[i] = u[i] - courant * (flux[i] - flux[i - 1])
    return u


@case(lambda r: (np.sin(np.arange(12) * 0.7) + 0.05 * nrm(r, 12), 0.4, 2), (0, 1))
def advection_van_leer_slices(u0, courant, steps):
    """Periodic linear advection with van Leer's limiter, by np.roll and np.where."""
    u = u0.copy()
    for _ in range(steps):
        left = u - np.roll(u, 1)
        right = np.roll(u, -1) - u
        prod = left * right
        slope = np.where(prod > 0.0, 2.0 * prod / np.where(prod > 0.0, left + right, 1.0), 0.0)
        face = u + 0.5 * (1.0 - courant) * slope
        u = u - courant * (face - np.roll(face, 1))
    return u


@case(lambda r: (pos(r, 10), 0.3), (0, 1))
def burgers_godunov(u0, ratio):
    """Inviscid Burgers by Godunov's flux, the Riemann problem solved by cases."""
    u = u0 - 1.03
    n = len(u)
    f = np.empty(n + 1)
    for _ in range(3):
        for i in range(n + 1):
            ul = u[max(i - 1, 0)]
            ur = u[min(i, n - 1)]
            if ul > ur:
                f[i] = 0.5 * ul ** 2 if ul + ur > 0.0 else 0.5 * ur ** 2
            elif ul > 0.0:
                f[i] = 0.5 * ul ** 2
            elif ur < 0.0:
                f[i] = 0.5 * ur ** 2
            else:
                f[i] = 0.0
        u[:] = u - ratio * (f[1:] - f[:-1])
    return u


@case(lambda r: (nrm(r, 10), pos(r, 10), 3), (0, 1))
def wave_equation_1d(u0, speed, steps):
    """The wave equation with variable speed, leapfrog in time, three buffers that rotate."""
    prev = u0.copy()
    curr = u0.copy()
    nxt = np.zeros_like(u0)
    c2 = (0.5 * speed) ** 2
    for _ in range(steps):
        nxt[1:-1] = 2.0 * curr[1:-1] - prev[1:-1] + c2[1:-1] * (curr[2:] - 2.0 * curr[1:-1] + curr[:-2])
        nxt[0] = nxt[1]
        nxt[-1] = 0.0
        prev, curr, nxt = curr, nxt, prev
    return curr


@njit
def laplacian(z):
    return (np.roll(z, 1) + np.roll(z, -1)) - 2.0 * z


@case(lambda r: (pos(r, 10), 0.3 * pos(r, 10), (0.16, 0.08, 0.035, 0.065)), (0, 1, 2))
def gray_scott(u, v, params):
    """Gray–Scott reaction and diffusion on a ring; a tuple of parameters."""
    du, dv, feed, kill = params
    for _ in range(4):
        uvv = u * v * v
        u, v = u + du * laplacian(u) - uvv + feed * (1.0 - u), v + dv * laplacian(v) + uvv - (feed + kill) * v
    return u, v


@njit
def shallow_fluxes(h, hu, g):
    u = hu / h
    return hu, hu * u + 0.5 * g * h * h


@case(lambda r: (pos(r, 10) + 1.0, 0.1 * nrm(r, 10), 9.81), (0, 1, 2))
def shallow_water_rusanov(h0, hu0, g):
    """One-dimensional shallow water by the Rusanov (local Lax–Friedrichs) flux, the step from the fastest wave."""
    h, hu = h0.copy(), hu0.copy()
    t = 0.0
    while t < 0.12:
        c = np.abs(hu / h) + np.sqrt(g * h)
        dt = min(0.4 * 0.1 / np.max(c), 0.12 - t)
        f0, f1 = shallow_fluxes(h, hu, g)
        a = np.maximum(c[1:], c[:-1])
        m0 = 0.5 * (f0[1:] + f0[:-1]) - 0.5 * a * (h[1:] - h[:-1])
        m1 = 0.5 * (f1[1:] + f1[:-1]) - 0.5 * a * (hu[1:] - hu[:-1])
        h[1:-1] -= dt / 0.1 * (m0[1:] - m0[:-1])
        hu[1:-1] -= dt / 0.1 * (m1[1:] - m1[:-1])
        t += dt
    return h, hu


LATTICE_X = np.array([0, 1, 0, -1, 0, 1, -1, -1, 1])
LATTICE_Y = np.array([0, 0, 1, 0, -1, 1, 1, -1, -1])
LATTICE_W = np.array([4 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 36, 1 / 36, 1 / 36, 1 / 36])


@case(lambda r: (pos(r, 9, 3, 4), 0.8), (0, 1))
def lattice_boltzmann(f0, tau):
    """D2Q9 lattice Boltzmann: stream and collide on a periodic grid, with module-level constant arrays."""
    f = f0.copy()
    q, nx, ny = f.shape
    g = np.empty_like(f)
    for _ in range(2):
        for k in range(q):
            for i in range(nx):
                for j in range(ny):
                    g[k, (i + LATTICE_X[k]) % nx, (j + LATTICE_Y[k]) % ny] = f[k, i, j]
        for i in range(nx):
            for j in range(ny):
                rho, ux, uy = 0.0, 0.0, 0.0
                for k in range(q):
                    rho += g[k, i, j]
                    ux += LATTICE_X[k] * g[k, i, j]
                    uy += LATTICE_Y[k] * g[k, i, j]
                ux /= rho
                uy /= rho
                for k in range(q):
                    cu = 3.0 * (LATTICE_X[k] * ux + LATTICE_Y[k] * uy)
                    eq = rho * LATTICE_W[k] * (1.0 + cu + 0.5 * cu * cu - 1.5 * (ux * ux + uy * uy))
                    f[k, i, j] = g[k, i, j] - (g[k, i, j] - eq) / tau
    return f


# ---------------------------------------------------------------- tridiagonal systems, ADI

@njit
def thomas(a, b, c, d, x):
    """Solve a tridiagonal system into x; b and d are work arrays."""
    n = len(d)
    for i in range(1, n):
        w = a[i] / b[i - 1]
        b[i] -= w * c[i - 1]
        d[i] -= w * d[i - 1]
    x[n - 1] = d[n - 1] / b[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = (d[i] - c[i] * x[i + 1]) / b[i]


@case(lambda r: (nrm(r, 9), 0.7, 3), (0, 1))
def heat_crank_nicolson(u0, r, steps):
    """The heat equation by Crank–Nicolson; Thomas's algorithm in a callee that overwrites its work arrays."""
    u = u0.copy()
    n = u.size
    a, b, c = np.full(n, -0.5 * r), np.full(n, 1.0 + r), np.full(n, -0.5 * r)
    b[0], c[0] = 1.0, 0.0
    a[n - 1], b[n - 1] = 0.0, 1.0
    d = np.zeros(n)
    for _ in range(steps):
        d[0] = u[0]
        d[-1] = u[-1]
        for i in range(1, n - 1):
            d[i] = u[i] + 0.5 * r * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        thomas(a, b.copy(), c, d, u)
    return u


@case(lambda r: (nrm(r, 5, 6), 0.6, 2), (0, 1))
def adi_heat_2d(u0, r, steps):
    """Peaceman–Rachford alternating directions: rows, then columns (strided views passed to the solver)."""
    u = u0.copy()
    nx, ny = u.shape
    half = np.zeros_like(u)
    for _ in range(steps):
        half[:, :] = u
        for i in range(1, nx - 1):
            rhs = r * u[i - 1, 1:-1] + (1.0 - 2.0 * r) * u[i, 1:-1] + r * u[i + 1, 1:-1]
            rhs[0] += r * u[i, 0]
            rhs[-1] += r * u[i, -1]
            off = np.full(ny - 2, -r)
            thomas(off, np.full(ny - 2, 1.0 + 2.0 * r), off, rhs, half[i, 1:-1])
        for j in range(1, ny - 1):
            rhs = r * half[1:-1, j - 1] + (1.0 - 2.0 * r) * half[1:-1, j] + r * half[1:-1, j + 1]
            rhs[0] += r * half[0, j]
            rhs[-1] += r * half[-1, j]
            off = np.full(nx - 2, -r)
            thomas(off, np.full(nx - 2, 1.0 + 2.0 * r), off, rhs, u[1:-1, j])
    return u


@case(lambda r: (nrm(r, 5, 5), 0.4), (0, 1))
def adi_slices(u0, mu):
    """Alternating directions with the elimination coefficients swept as whole columns (all lines at once)."""
    n = u0.shape[0]
    u = u0.copy()
    v = np.zeros_like(u)
    p = np.zeros_like(u)
    q = np.zeros_like(u)
    v[0, :] = 1.0
    v[n - 1, :] = 1.0
    p[:, 0] = 0.0
    q[:, 0] = 1.0
    for j in range(1, n - 1):
        p[1:-1, j] = mu / (1.0 + 2.0 * mu - mu * p[1:-1, j - 1])
        q[1:-1, j] = ((u[j, :-2] + u[j, 2:]) * mu + (1.0 - 2.0 * mu) * u[j, 1:-1] + mu * q[1:-1, j - 1]) \
            / (1.0 + 2.0 * mu - mu * p[1:-1, j - 1])
    for j in range(n - 2, -1, -1):
        v[j, 1:-1] = p[1:-1, j] * v[j + 1, 1:-1] + q[1:-1, j]
    return v


@case(lambda r: (nrm(r, 8), nrm(r, 8)), (0, 1))
def cyclic_tridiagonal(b, d):
    """A periodic tridiagonal system by Sherman–Morrison over two Thomas solves."""
    n = b.shape[0]
    diag = 4.0 + 0.1 * b
    off = np.ones(n)
    gamma = -diag[0]
    diag[0] = diag[0] - gamma
    diag[n - 1] = diag[n - 1] - 1.0 / gamma
    y = np.empty(n)
    z = np.empty(n)
    u = np.zeros(n)
    u[0], u[n - 1] = gamma, 1.0
    thomas(off, diag.copy(), off, d.copy(), y)
    thomas(off, diag.copy(), off, u.copy(), z)
    return y - (y[0] + y[n - 1] / gamma) / (1.0 + z[0] + z[n - 1] / gamma) * z


# ---------------------------------------------------------------- dense linear algebra

@njit
def lu_in_place(a):
    n = a.shape[0]
    for k in range(n - 1):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]


@njit
def lu_substitute(lu, b):
    n = b.size
    for i in range(n):
        for j in range(i):
            b[i] -= lu[i, j] * b[j]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            b[i] -= lu[i, j] * b[j]
        b[i] /= lu[i, i]


@case(lambda r: (dominant(r, 4), nrm(r, 4)), (0, 1))
def lu_solve(a, b):
    """LU without pivoting on a copy, then both substitutions, by callees that write what they are passed."""
    work = a.copy()
    x = b.copy()
    lu_in_place(work)
    lu_substitute(work, x)
    return x


@case(lambda r: (nrm(r, 4, 4) + 3.0 * np.eye(4)[[2, 0, 3, 1]], nrm(r, 4)), (0, 1))
def lu_partial_pivoting(a, b):
    """LU with partial pivoting by row slices, rows swapped through a temporary; determinant and solution."""
    n = a.shape[0]
    m = a.copy()
    x = b.copy()
    sign = 1.0
    for k in range(n):
        p = k + np.argmax(np.abs(m[k:, k]))
        if p != k:
            row = m[k].copy()
            m[k] = m[p]
            m[p] = row
            x[k], x[p] = x[p], x[k]
            sign = -sign
        for i in range(k + 1, n):
            factor = m[i, k] / m[k, k]
            m[i, k:] -= factor * m[k, k:]
            x[i] -= factor * x[k]
    det = sign
    for k in range(n - 1, -1, -1):
        x[k] = (x[k] - np.dot(m[k, k + 1:], x[k + 1:])) / m[k, k]
        det *= m[k, k]
    return x, det


@case(lambda r: (spd(r, 4),))
def cholesky_by_slices(a):
    """Cholesky, the inner products over slices of rows; the logarithm of the determinant too."""
    n = a.shape[0]
    low = np.zeros((n, n))
    logdet = 0.0
    for j in range(n):
        low[j, j] = math.sqrt(a[j, j] - np.sum(low[j, :j] ** 2))
        logdet += 2.0 * math.log(low[j, j])
        for i in range(j + 1, n):
            low[i, j] = (a[i, j] - low[i, :j] @ low[j, :j]) / low[j, j]
    return low, logdet


@case(lambda r: (spd(r, 5), nrm(r, 5)), (0, 1))
def ldl_in_place(a0, b):
    """LDLᵀ on a copy by outer-product updates, then the solve."""
    a = a0.copy()
    n = a.shape[0]
    for k in range(n):
        col = a[k + 1:, k] / a[k, k]
        a[k + 1:, k + 1:] -= np.outer(col, a[k + 1:, k])
        a[k + 1:, k] = col
    y = b.copy()
    for i in range(1, n):
        y[i] -= np.sum(a[i, :i] * y[:i])
    y /= np.diag(a)
    for i in range(n - 2, -1, -1):
        y[i] -= np.sum(a[i + 1:, i] * y[i + 1:])
    return y


@case(lambda r: (nrm(r, 5, 3),))
def gram_schmidt(a):
    """Modified Gram–Schmidt, columns by slices."""
    m, n = a.shape
    q = a.copy()
    r = np.zeros((n, n))
    for k in range(n):
        r[k, k] = np.sqrt(np.sum(q[:, k] ** 2))
        q[:, k] /= r[k, k]
        for j in range(k + 1, n):
            r[k, j] = np.sum(q[:, k] * q[:, j])
            q[:, j] -= r[k, j] * q[:, k]
    return q, r


@case(lambda r: (nrm(r, 5, 3) + np.eye(5, 3),))
def householder_qr(a):
    """Householder's QR: reflectors applied to trailing blocks, R and the product Q R's first column."""
    m, n = a.shape
    r = a.copy()
    q = np.eye(m)
    for k in range(n):
        x = r[k:, k].copy()
        alpha = -math.copysign(np.linalg.norm(x), x[0])
        v = x
        v[0] -= alpha
        v /= np.linalg.norm(v)
        r[k:, k:] -= 2.0 * np.outer(v, v @ r[k:, k:])
        q[:, k:] -= 2.0 * np.outer(q[:, k:] @ v, v)
    return q, r


@case(lambda r: (nrm(r, 4, 4) + 3.0 * np.eye(4),))
def givens_hessenberg_r(a):
    """QR of a matrix by Givens rotations of adjacent rows; zeros skipped."""
    r = a.copy()
    n = r.shape[0]
    for j in range(n - 1):
        for i in range(n - 1, j, -1):
            if r[i, j] == 0.0:
                continue
            h = math.hypot(r[i - 1, j], r[i, j])
            c, s = r[i - 1, j] / h, r[i, j] / h
            for k in range(j, n):
                top = c * r[i - 1, k] + s * r[i, k]
                r[i, k] = c * r[i, k] - s * r[i - 1, k]
                r[i - 1, k] = top
    return r


@case(lambda r: (np.tril(nrm(r, 5, 5)) + 4.0 * np.eye(5), nrm(r, 5, 2)), (0, 1))
def triangular_solve_rows(low, b):
    """Forward substitution with many right sides, rows at a time."""
    x = b.copy()
    for i in range(low.shape[0]):
        for j in range(i):
            x[i] -= low[i, j] * x[j]
        x[i] /= low[i, i]
    return x


@case(lambda r: (0.2 * nrm(r, 6),))
def durbin(r):
    """Durbin's recursion for the Yule–Walker equations, with a work array."""
    n = len(r)
    y = np.zeros(n)
    z = np.zeros(n)
    y[0] = -r[0]
    beta = 1.0
    alpha = -r[0]
    for k in range(1, n):
        beta = (1.0 - alpha * alpha) * beta
        s = 0.0
        for i in range(k):
            s += r[k - i - 1] * y[i]
        alpha = -(r[k] + s) / beta
        for i in range(k):
            z[i] = y[i] + alpha * y[k - i - 1]
        for i in range(k):
            y[i] = z[i]
        y[k] = alpha
    return y


@case(lambda r: (0.2 * nrm(r, 5), nrm(r, 6)), (0, 1))
def levinson_slices(t, b):
    """Levinson's recursion for a symmetric Toeplitz system, reversed slices."""
    n = b.size
    x = np.zeros(n)
    y = np.zeros(n - 1)
    x[0] = b[0]
    y[0] = -t[0]
    beta, alpha = 1.0, -t[0]
    for k in range(1, n):
        beta *= 1.0 - alpha ** 2
        mu = (b[k] - np.dot(t[:k], x[:k][::-1])) / beta
        x[:k] += mu * y[:k][::-1]
        x[k] = mu
        if k < n - 1:
            alpha = -(t[k] + np.dot(t[:k], y[:k][::-1])) / beta
            y[:k] += alpha * y[:k][::-1]
            y[k] = alpha
    return x


@case(lambda r: (spd(r, 4), pos(r, 4)), (0,))
def power_iteration_converged(a, v0):
    """The dominant eigenvalue by power iteration until it settles."""
    v = v0 / np.linalg.norm(v0)
    while True:
        w = a @ v
        lam = np.linalg.norm(w)
        w /= lam
        if np.max(np.abs(w - v)) < 1e-12:
            break
        v = w
    return lam


@case(lambda r: (spd(r, 5), nrm(r, 5)), (0, 1))
def conjugate_gradients(m, b):
    """Conjugate gradients on the symmetric part until the residual is small (while)."""
    a = 0.5 * (m + m.T)
    x = np.zeros_like(b)
    r = b - a @ x
    p = r.copy()
    rs = r @ r
    it = 0
    while math.sqrt(rs) > 1e-10 and it < 50:
        ap = a @ p
        alpha = rs / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        rs_new = r @ r
        p = r + rs_new / rs * p
        rs = rs_new
        it += 1
    return x


@case(lambda r: (nrm(r, 4, 4), nrm(r, 4)), (0, 1))
def jacobi_eigenvalue_rotations(a, w):
    """Jacobi's cyclic rotations on a symmetrised copy; a weighted sum of the eigenvalues' squares."""
    n = a.shape[0]
    s = 0.5 * (a + a.T)
    for _ in range(4):
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(s[p, q]) < 1e-14:
                    continue
                theta = (s[q, q] - s[p, p]) / (2.0 * s[p, q])
                t = math.copysign(1.0, theta) / (abs(theta) + math.sqrt(theta * theta + 1.0))
                c = 1.0 / math.sqrt(t * t + 1.0)
                z = t * c
                for k in range(n):
                    s[k, p], s[k, q] = c * s[k, p] - z * s[k, q], z * s[k, p] + c * s[k, q]
                for k in range(n):
                    s[p, k], s[q, k] = c * s[p, k] - z * s[q, k], z * s[p, k] + c * s[q, k]
    return np.sum(np.sort(np.diag(s)) * w)


# ---------------------------------------------------------------- matrix products as loops over slices

@case(lambda r: (nrm(r, 3, 4), nrm(r, 4, 2), nrm(r, 2, 3), nrm(r, 3, 3), (1.5, 1.2)), (0, 1, 2, 3, 4))
def two_matrix_products(a, b, c, d0, params):
    """D = alpha A B C + beta D, loops, a temporary between; a tuple of parameters."""
    alpha, beta = params
    n, m, q = a.shape[0], b.shape[1], c.shape[1]
    tmp = np.empty((n, m))
    d = d0.copy()
    for i in range(n):
        for j in range(m):
            tmp[i, j] = 0.0
            for k in range(a.shape[1]):
                tmp[i, j] += alpha * a[i, k] * b[k, j]
    for i in range(n):
        for j in range(q):
            d[i, j] *= beta
            for k in range(m):
                d[i, j] += tmp[i, k] * c[k, j]
    return d


@case(lambda r: (nrm(r, 2, 3), nrm(r, 3, 4), nrm(r, 4, 2), nrm(r, 2, 3)), (0, 1, 2, 3))
def matrix_chain(a, b, c, d):
    """A chain of four products, (A B)(C D)."""
    return (a @ b) @ (c @ d)


@case(lambda r: (nrm(r, 4, 3), nrm(r, 3), nrm(r, 4)), (0, 1, 2))
def bicg_atax(a, p, r):
    """Aᵀ(A p) and s = rᵀ A by one pass over rows."""
    m, n = a.shape
    y = np.zeros(n)
    s = np.zeros(n)
    for i in range(m):
        tmp = a[i] @ p
        y += a[i] * tmp
        s += r[i] * a[i]
    return y, s


@case(lambda r: (1.5, 1.2, nrm(r, 4, 4), nrm(r, 4, 4)), (0, 1, 2, 3))
def gemver(alpha, beta, a, uv):
    """Two rank-one updates and two matrix–vector products, through views of one matrix's rows."""
    u1, v1, u2, v2 = uv[0], uv[1], uv[2], uv[3]
    work = a + np.outer(u1, v1) + np.outer(u2, v2)
    x = beta * work.T @ v1 + u2
    w = alpha * work @ x
    return x, w


@case(lambda r: (1.5, 1.2, nrm(r, 4, 4), nrm(r, 4, 3), nrm(r, 4, 3)), (0, 1, 2, 3, 4))
def symmetric_rank_2k(alpha, beta, c0, a, b):
    """The lower triangle of C = alpha (A Bᵀ + B Aᵀ) + beta C, by slices of rows that grow."""
    c = c0.copy()
    n, m = a.shape
    for i in range(n):
        c[i, :i + 1] *= beta
        for k in range(m):
            c[i, :i + 1] += alpha * a[:i + 1, k] * b[i, k] + alpha * b[:i + 1, k] * a[i, k]
    return c


@case(lambda r: (1.5, nrm(r, 4, 4), nrm(r, 4, 3)), (0, 1, 2))
def triangular_product_in_place(alpha, a, b0):
    """B = alpha Aᵀ B with A unit lower triangular, in place: row i reads the rows below, not yet written."""
    b = b0.copy()
    m, n = b.shape
    for i in range(m):
        for j in range(n):
            b[i, j] += np.dot(a[i + 1:, i], b[i + 1:, j])
    b *= alpha
    return b


@case(lambda r: (nrm(r, 4, 4), nrm(r, 4, 3), nrm(r, 4, 3)), (0, 1, 2))
def symmetric_product(a, b, c0):
    """C += A B where only A's lower triangle is stored."""
    c = c0.copy()
    m, n = c.shape
    for i in range(m):
        for j in range(n):
            acc = 0.0
            for k in range(i):
                c[k, j] += 1.5 * b[i, j] * a[i, k]
                acc += b[k, j] * a[i, k]
            c[i, j] = 1.2 * c[i, j] + 1.5 * b[i, j] * a[i, i] + 1.5 * acc
    return c


@case(lambda r: (nrm(r, 3, 2, 4), nrm(r, 4, 4)), (0, 1))
def doitgen_loops(a0, c4):
    """The multi-resolution contraction A[r, q, :] <- A[r, q, :] C, a row buffer overwritten."""
    a = a0.copy()
    nr, nq, np_ = a.shape
    row = np.zeros(np_)
    for r in range(nr):
        for q in range(nq):
            for p in range(np_):
                row[p] = 0.0
                for s in range(np_):
                    row[p] += a[r, q, s] * c4[s, p]
            for p in range(np_):
                a[r, q, p] = row[p]
    return a


@case(lambda r: (nrm(r, 3, 2, 4), nrm(r, 4, 4)), (0, 1))
def doitgen_slices(a0, c4):
    """The multi-resolution contraction, a matrix product per slice."""
    a = a0.copy()
    for r in range(a.shape[0]):
        a[r, :, :] = np.reshape(np.reshape(a[r], (2, 4)) @ c4, (2, 4))
    return a


@case(lambda r: (nrm(r, 7, 4),))
def correlation_loops(data):
    """The correlation matrix, upper triangle mirrored, centred and scaled on a copy."""
    n, m = data.shape
    x = data.copy()
    mean = np.zeros(m)
    std = np.zeros(m)
    for j in range(m):
        for i in range(n):
            mean[j] += x[i, j]
        mean[j] /= n
        for i in range(n):
            std[j] += (x[i, j] - mean[j]) ** 2
        std[j] = np.sqrt(std[j] / n)
        if std[j] <= 0.1:
            std[j] = 1.0
    for i in range(n):
        for j in range(m):
            x[i, j] = (x[i, j] - mean[j]) / (np.sqrt(n) * std[j])
    corr = np.eye(m)
    for i in range(m - 1):
        corr[i + 1:m, i] = corr[i, i + 1:m] = x[:, i] @ x[:, i + 1:m]
    return corr


@case(lambda r: (nrm(r, 6, 3),))
def covariance_slices(data):
    """The covariance matrix by slices, both triangles written."""
    n, m = data.shape
    x = data - np.sum(data, axis=0) / n
    cov = np.zeros((m, m))
    for i in range(m):
        cov[i:m, i] = x[:, i] @ x[:, i:m] / (n - 1.0)
        cov[i, i:m] = cov[i:m, i]
    return cov


# ---------------------------------------------------------------- filters and signals

@case(lambda r: (nrm(r, 4, 5), 0.5), (0, 1))
def recursive_smoother_2d(img, alpha):
    """A second-order recursive smoother run both ways over rows, then over columns (Deriche's form)."""
    w, h = img.shape
    k = (1.0 - np.exp(-alpha)) ** 2 / (1.0 + 2.0 * alpha * np.exp(-alpha) - np.exp(2.0 * alpha))
    a1, a2, a3, a4 = k, k * np.exp(-alpha) * (alpha - 1.0), k * np.exp(-alpha) * (alpha + 1.0), -k * np.exp(-2.0 * alpha)
    b1, b2 = 2.0 ** (-alpha), -np.exp(-2.0 * alpha)
    y1 = np.empty_like(img)
    y2 = np.empty_like(img)
    for i in range(w):
        ym1 = ym2 = xm1 = 0.0
        for j in range(h):
            y1[i, j] = a1 * img[i, j] + a2 * xm1 + b1 * ym1 + b2 * ym2
            xm1 = img[i, j]
            ym2 = ym1
            ym1 = y1[i, j]
        yp1 = yp2 = xp1 = xp2 = 0.0
        for j in range(h - 1, -1, -1):
            y2[i, j] = a3 * xp1 + a4 * xp2 + b1 * yp1 + b2 * yp2
            xp2 = xp1
            xp1 = img[i, j]
            yp2 = yp1
            yp1 = y2[i, j]
    out = y1 + y2
    y1[0, :] = a1 * out[0, :]
    y1[1, :] = a1 * out[1, :] + a2 * out[0, :] + b1 * y1[0, :]
    for i in range(2, w):
        y1[i, :] = a1 * out[i, :] + a2 * out[i - 1, :] + b1 * y1[i - 1, :] + b2 * y1[i - 2, :]
    return y1


@case(lambda r: (nrm(r, 10), 0.3 * nrm(r, 3, 5)), (0, 1))
def biquad_cascade(x, sections):
    """A cascade of second-order sections, transposed direct form II, with state in two scalars."""
    y = x.copy()
    for s in range(sections.shape[0]):
        b0, b1, b2, a1, a2 = sections[s]
        z1, z2 = 0.0, 0.0
        for i in range(y.size):
            v = b0 * y[i] + z1
            z1 = b1 * y[i] - a1 * v + z2
            z2 = b2 * y[i] - a2 * v
            y[i] = v
    return y


@case(lambda r: (pos(r, 12), (0.4, 0.2, 0.3)), (0, 1))
def holt_winters(y, smoothing):
    """Additive Holt–Winters smoothing of period 4; the mean squared one-step error."""
    alpha, beta, gamma = smoothing
    season = y[:4] - np.mean(y[:4])
    level, trend, sse = np.mean(y[:4]), 0.0, 0.0
    for t in range(4, len(y)):
        err = y[t] - (level + trend + season[t % 4])
        sse += err * err
        last = level
        level = alpha * (y[t] - season[t % 4]) + (1.0 - alpha) * (level + trend)
        trend = beta * (level - last) + (1.0 - beta) * trend
        season[t % 4] = gamma * (y[t] - level) + (1.0 - gamma) * season[t % 4]
    return sse / (len(y) - 4)


@case(lambda r: (nrm(r, 8), nrm(r, 8)), (0, 1))
def fft_radix_2(re0, im0):
    """The radix-2 fast Fourier transform on separate real and imaginary parts: bit reversal, butterflies."""
    re, im = re0.copy(), im0.copy()
    n = re.size
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j ^= bit
        if i < j:
            re[i], re[j] = re[j], re[i]
            im[i], im[j] = im[j], im[i]
    size = 2
    while size <= n:
        half = size // 2
        for start in range(0, n, size):
            for k in range(half):
                angle = -2.0 * math.pi * k / size
                c, s = math.cos(angle), math.sin(angle)
                p, q = start + k, start + k + half
                tr, ti = c * re[q] - s * im[q], c * im[q] + s * re[q]
                re[q], im[q] = re[p] - tr, im[p] - ti
                re[p], im[p] = re[p] + tr, im[p] + ti
        size *= 2
    return re, im


@case(lambda r: (nrm(r, 8),))
def haar_wavelet(x):
    """The Haar transform in place, levels of halving length, strided slices; an energy of thresholded details."""
    a = x.copy()
    n = a.size
    while n > 1:
        h = n // 2
        s = (a[:n:2] + a[1:n:2]) / math.sqrt(2.0)
        d = (a[:n:2] - a[1:n:2]) / math.sqrt(2.0)
        a[:h] = s
        a[h:n] = np.sign(d) * np.maximum(np.abs(d) - 0.05, 0.0)
        n = h
    return a


@case(lambda r: (nrm(r, 12), 0.1 * nrm(r, 3)), (0, 1))
def lms_adaptive_filter(x, w0):
    """Least mean squares: the weights adapt to predict the next sample from a window."""
    w = w0.copy()
    taps = w.shape[0]
    total = 0.0
    for t in range(taps, x.shape[0]):
        window = x[t - taps:t][::-1]
        err = x[t] - np.dot(w, window)
        w += 0.05 * err * window
        total += err ** 2
    return total, w


# ---------------------------------------------------------------- layers

@register_jitable
def relu(x):
    return np.maximum(x, 0.0)


@case(lambda r: (nrm(r, 1, 5, 5, 2), 0.5 * nrm(r, 3, 3, 2, 2), nrm(r, 2)), (0, 1, 2))
def conv2d_layer(img, weights, bias):
    """A convolution layer, batch × height × width × channel, a window contraction per output pixel."""
    k = weights.shape[0]
    n, ho, wo, co = img.shape[0], img.shape[1] - k + 1, img.shape[2] - k + 1, weights.shape[3]
    out = np.empty((n, ho, wo, co))
    for b in range(n):
        for i in range(ho):
            for j in range(wo):
                for c in range(co):
                    out[b, i, j, c] = np.sum(img[b, i:i + k, j:j + k, :] * weights[:, :, :, c]) + bias[c]
    return np.tanh(out)


@case(lambda r: (spread(r, 4, 6),))
def max_pool_2d(x):
    """Max pooling of 2 × 2 windows, the maximum by comparisons, loops."""
    h, w = x.shape[0] // 2, x.shape[1] // 2
    out = np.full((h, w), -np.inf)
    for i in range(h):
        for j in range(w):
            for di in range(2):
                for dj in range(2):
                    v = x[2 * i + di, 2 * j + dj]
                    if v > out[i, j]:
                        out[i, j] = v
    return out


@case(lambda r: (spread(r, 4, 6),))
def max_pool_windows(x):
    """Max pooling by np.max of window slices."""
    out = np.zeros((x.shape[0] // 2, x.shape[1] // 2))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.max(x[2 * i:2 * i + 2, 2 * j:2 * j + 2])
    return out


@njit
def batch_norm(x, gamma, beta, eps=1e-5):
    mean = np.sum(x, axis=0) / x.shape[0]
    var = np.sum((x - mean) ** 2, axis=0) / x.shape[0]
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@case(lambda r: (nrm(r, 5, 3), 0.5 * nrm(r, 2, 3, 3), pos(r, 2, 3), 0.3 * nrm(r, 2, 3)), (0, 1, 2, 3))
def residual_block(x, weights, gammas, betas):
    """A residual block: product, batch norm, relu, product, batch norm, plus the input, relu."""
    h = x
    for k in range(2):
        h = batch_norm(h @ weights[k], gammas[k], betas[k])
        if k == 0:
            h = relu(h)
    return relu(h + x)


@njit
def lstm_cell(x, h, c, wx, wh, b):
    n = h.size
    z = wx @ x + wh @ h + b
    i = 1.0 / (1.0 + np.exp(-z[:n]))
    f = 1.0 / (1.0 + np.exp(-z[n:2 * n] - 1.0))
    o = 1.0 / (1.0 + np.exp(-z[2 * n:3 * n]))
    g = np.tanh(z[3 * n:])
    c = f * c + i * g
    return o * np.tanh(c), c


@case(lambda r: (nrm(r, 5, 2), (nrm(r, 12, 2), nrm(r, 12, 3), nrm(r, 12))), (0, 1))
def lstm_sequence(xs, params):
    """An LSTM cell over a sequence; parameters in a tuple of arrays."""
    wx, wh, b = params
    h = np.zeros(wh.shape[1])
    c = np.zeros_like(h)
    out = np.zeros((xs.shape[0], h.shape[0]))
    for t in range(xs.shape[0]):
        h, c = lstm_cell(xs[t], h, c, wx, wh, b)
        out[t] = h
    return out


@case(lambda r: (nrm(r, 4, 3), nrm(r, 3, 3), nrm(r, 3, 3), nrm(r, 3)), (0, 1, 2, 3))
def gru_loops(xs, wx, wh, h0):
    """A gated recurrent unit (minimal form) written out in scalar loops; sum of the last state."""
    h = h0.copy()
    n = h.shape[0]
    new = np.empty(n)
    for t in range(xs.shape[0]):
        for i in range(n):
            z = 0.0
            for j in range(n):
                z += wx[i, j] * xs[t, j] + wh[i, j] * h[j]
            gate = 1.0 / (1.0 + math.exp(-z))
            new[i] = (1.0 - gate) * h[i] + gate * math.tanh(z)
        h[:] = new
    return h.sum()


@njit
def softmax_rows(s):
    out = np.empty_like(s)
    for i in range(s.shape[0]):
        e = np.exp(s[i] - np.max(s[i]))
        out[i] = e / np.sum(e)
    return out


@case(lambda r: (nrm(r, 4, 4), nrm(r, 4, 4), nrm(r, 4, 4), nrm(r, 4, 4)), (0, 1, 2, 3))
def attention_heads(x, wq, wk, wv):
    """Self-attention with a causal mask and two heads, heads as column slices."""
    q, k, v = x @ wq, x @ wk, x @ wv
    n, d = x.shape
    out = np.zeros((n, d))
    half = d // 2
    for head in range(2):
        cols = slice(head * half, (head + 1) * half)
        s = q[:, cols] @ k[:, cols].T / np.sqrt(half)
        for i in range(n):
            for j in range(i + 1, n):
                s[i, j] = -1e9
        out[:, cols] = softmax_rows(s) @ v[:, cols]
    return out


@case(lambda r: (nrm(r, 5, 3), pos(r, 3), nrm(r, 3)), (0, 1, 2))
def layer_norm_gelu(x, gain, shift):
    """Layer norm over rows, then GELU by the error function, loops over rows."""
    y = np.empty_like(x)
    for i in range(x.shape[0]):
        row = x[i]
        mu = row.mean()
        sd = math.sqrt(((row - mu) ** 2).mean() + 1e-6)
        for j in range(x.shape[1]):
            z = gain[j] * (row[j] - mu) / sd + shift[j]
            y[i, j] = 0.5 * z * (1.0 + math.erf(z / math.sqrt(2.0)))
    return y


@case(lambda r: (f32(nrm(r, 6, 4)), f32(0.5 * nrm(r, 4, 5)), f32(nrm(r, 5)), f32(0.5 * nrm(r, 5, 3)),
                 np.array([0, 2, 1, 1, 0, 2])), (0, 1, 2, 3))
def perceptron_float32(x, w1, b1, w2, labels):
    """A perceptron's cross entropy in single precision, log-sum-exp per row."""
    h = np.tanh(x @ w1 + b1)
    logits = h @ w2
    loss = np.float32(0.0)
    for i in range(logits.shape[0]):
        top = logits[i].max()
        loss += np.log(np.sum(np.exp(logits[i] - top))) + top - logits[i, labels[i]]
    return loss / np.float32(logits.shape[0])


@case(lambda r: (f32(nrm(r, 6, 6)), f32(pos(r, 3, 3))), (0, 1))
def image_filter_float32(img, ker):
    """A 3 × 3 filter with clamped borders in single precision, loops."""
    h, w = img.shape
    out = np.zeros_like(img)
    for i in range(h):
        for j in range(w):
            acc = np.float32(0)
            for di in range(-1, 2):
                for dj in range(-1, 2):
                    ii = min(max(i + di, 0), h - 1)
                    jj = min(max(j + dj, 0), w - 1)
                    acc += ker[di + 1, dj + 1] * img[ii, jj]
            out[i, j] = acc
    return out


# ---------------------------------------------------------------- particles and ordinary differential equations

@njit
def accelerations(pos, mass, acc):
    acc[:] = 0.0
    for i in range(pos.shape[0]):
        for j in range(i + 1, pos.shape[0]):
            d = pos[j] - pos[i]
            inv = (d @ d + 0.01) ** -1.5
            acc[i] += mass[j] * inv * d
            acc[j] -= mass[i] * inv * d


@njit
def energies(pos, vel, mass):
    kin = 0.5 * np.sum(mass * np.sum(vel ** 2, axis=1))
    pot = 0.0
    for i in range(len(mass)):
        for j in range(i):
            pot -= mass[i] * mass[j] / np.sqrt(np.sum((pos[i] - pos[j]) ** 2) + 0.01)
    return kin, pot


@case(lambda r: (nrm(r, 3, 3), 0.3 * nrm(r, 3, 3), pos(r, 3)), (0, 1, 2))
def nbody_leapfrog(p0, v0, mass):
    """N bodies by kick–drift–kick, accelerations into a work array; energies along the way."""
    p, v = p0.copy(), v0.copy()
    acc = np.zeros_like(p)
    energy = np.zeros((4, 2))
    energy[0] = energies(p, v, mass)
    accelerations(p, mass, acc)
    for step in range(1, 4):
        v += 0.5 * 0.05 * acc
        p += 0.05 * v
        accelerations(p, mass, acc)
        v += 0.5 * 0.05 * acc
        energy[step] = energies(p, v, mass)
    return energy, p


@case(lambda r: (np.arange(12.0).reshape(4, 3) * 0.3 + 0.02 * nrm(r, 4, 3), 2.0, (1.0, 0.6)), (0, 2))
def lennard_jones_cutoff(pos, cutoff, params):
    """Lennard-Jones energy with a cut-off branch and the nearest periodic image; forces too."""
    eps, sigma = params
    n = pos.shape[0]
    box = 4.0
    energy = 0.0
    force = np.zeros_like(pos)
    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            d = pos[i] - pos[j]
            d -= box * np.round(d / box)
            r2 = np.sum(d * d)
            if r2 > cutoff * cutoff:
                continue
            s6 = (sigma * sigma / r2) ** 3
            if j > i:
                energy += 4.0 * eps * (s6 * s6 - s6)
            force[i] += 24.0 * eps * (2.0 * s6 * s6 - s6) / r2 * d
    return energy, force


@njit
def lorenz(y, sigma, rho, beta):
    return np.array([sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]])


@case(lambda r: (nrm(r, 3), (10.0, 28.0, 8 / 3), 5), (0, 1))
def runge_kutta_lorenz(y, params, steps):
    """Lorenz's equations by the classical Runge–Kutta method; parameters passed on by star."""
    h = 0.02
    path = np.empty((steps + 1, 3))
    path[0] = y
    for k in range(steps):
        k1 = lorenz(y, *params)
        k2 = lorenz(y + 0.5 * h * k1, *params)
        k3 = lorenz(y + 0.5 * h * k2, *params)
        k4 = lorenz(y + h * k3, *params)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        path[k + 1] = y
    return path


@njit
def van_der_pol(t, y, mu, out):
    out[0] = y[1]
    out[1] = mu * (1.0 - y[0] * y[0]) * y[1] - y[0] + 0.2 * math.cos(t)


@case(lambda r: (np.array([1.5, 0.3]) + 0.1 * nrm(r, 2), 4.0), (0, 1))
def adaptive_bogacki_shampine(y0, mu):
    """An embedded 3(2) pair with step control: steps whose error is too large are rejected."""
    k1, k2, k3, k4 = np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2)
    y = y0.copy()
    t, h, rejected = 0.0, 0.9, 0
    van_der_pol(t, y, mu, k1)
    while t < 1.0:
        if t + h > 1.0:
            h = 1.0 - t
        van_der_pol(t + 0.5 * h, y + 0.5 * h * k1, mu, k2)
        van_der_pol(t + 0.75 * h, y + 0.75 * h * k2, mu, k3)
        new = y + h * (2.0 / 9.0 * k1 + 1.0 / 3.0 * k2 + 4.0 / 9.0 * k3)
        van_der_pol(t + h, new, mu, k4)
        e = h * (-5.0 / 72.0 * k1 + k2 / 12.0 + k3 / 9.0 - k4 / 8.0)
        err = np.sqrt(np.sum((e / (1e-3 + 1e-3 * np.abs(new))) ** 2) / 2.0)
        factor = min(3.0, max(0.2, 0.9 * err ** (-1.0 / 3.0)))
        if err > 1.0:
            rejected += 1
            h *= factor
            continue
        t += h
        y[:] = new
        k1[:] = k4
        h *= factor
    return y * (1.0 + rejected)


@case(lambda r: (nrm(r, 4, 2) * 0.1 + np.arange(8.0).reshape(4, 2), 1.0), (0,))
def verlet_rope(p0, rest):
    """A rope by Verlet integration with distance constraints relaxed in place, through row views."""
    p = p0.copy()
    old = p0 - 0.01
    for _ in range(3):
        vel = p - old
        old[:] = p
        p += vel
        p[1:, 1] -= 0.02
        for _ in range(2):
            for i in range(p.shape[0] - 1):
                a, b = p[i], p[i + 1]
                d = b - a
                dist = np.sqrt(d[0] ** 2 + d[1] ** 2)
                shift = 0.5 * (dist - rest) / dist * d
                if i > 0:
                    a += shift
                b -= shift
    return p


def make_pendulum(g, length, damping):
    """A closure over constants."""
    @njit
    def rate(theta, omega):
        return omega, -g / length * math.sin(theta) - damping * omega
    return rate


pendulum_rate = make_pendulum(9.81, 0.7, 0.1)


@case(lambda r: (num(r), num(r), 10), (0, 1))
def pendulum_midpoint(theta, omega, steps):
    """A damped pendulum by the midpoint rule; the rate is a closure over constants."""
    h = 0.03
    for _ in range(steps):
        dt1, do1 = pendulum_rate(theta, omega)
        dt2, do2 = pendulum_rate(theta + 0.5 * h * dt1, omega + 0.5 * h * do1)
        theta, omega = theta + h * dt2, omega + h * do2
    return theta, omega


@case(lambda r: (pos(r, 2), (1.1, 0.4, 0.1, 0.4)), (0, 1))
def implicit_lotka_volterra(y0, params):
    """Lotka–Volterra by backward Euler, Newton's method with np.linalg.solve at each step."""
    a, b, c, d = params
    y = y0
    for _ in range(3):
        z = y.copy()
        for _ in range(20):
            res = z - y - 0.1 * np.array([a * z[0] - b * z[0] * z[1], c * z[0] * z[1] - d * z[1]])
            if np.linalg.norm(res) < 1e-13:
                break
            jac = np.array([[1.0 - 0.1 * (a - b * z[1]), 0.1 * b * z[0]], [-0.1 * c * z[1], 1.0 - 0.1 * (c * z[0] - d)]])
            z = z - np.linalg.solve(jac, res)
        y = z
    return y


# ---------------------------------------------------------------- probability and statistics

@case(lambda r: (pos(r, 3), pos(r, 3, 3), pos(r, 3, 4), np.array([0, 3, 1, 2, 2, 0])), (0, 1, 2))
def hidden_markov_scaled(start, trans, emit, obs):
    """The hidden Markov forward algorithm with scaling; rows normalised first."""
    pi = start / start.sum()
    a = trans / trans.sum(axis=1).reshape(-1, 1)
    b = emit / np.expand_dims(np.sum(emit, axis=1), 1)
    alpha = pi * b[:, obs[0]]
    loglik = 0.0
    for t in range(1, len(obs)):
        scale = alpha.sum()
        loglik += np.log(scale)
        alpha = (alpha / scale) @ a * b[:, obs[t]]
    return loglik + np.log(alpha.sum())


@case(lambda r: (nrm(r, 3), nrm(r, 3, 3), nrm(r, 5, 3)), (0, 1, 2))
def forward_backward_log(start, trans, emit):
    """Forward–backward in log space with an inner log-sum-exp; posterior marginals."""
    n, k = emit.shape
    fwd = np.zeros((n, k))
    bwd = np.zeros((n, k))
    work = np.empty(k)

    def logsumexp(v):
        top = np.max(v)
        return top + np.log(np.sum(np.exp(v - top)))

    fwd[0] = start + emit[0]
    for t in range(1, n):
        for j in range(k):
            for i in range(k):
                work[i] = fwd[t - 1, i] + trans[i, j]
            fwd[t, j] = logsumexp(work) + emit[t, j]
    for t in range(n - 2, -1, -1):
        for i in range(k):
            work[:] = trans[i] + emit[t + 1] + bwd[t + 1]
            bwd[t, i] = logsumexp(work)
    return np.exp(fwd + bwd - logsumexp(fwd[-1]))


@case(lambda r: (nrm(r, 6, 1), nrm(r, 2), 0.5 * pos(r, 2), 0.4), (0, 1, 2, 3))
def kalman_filter(ys, m0, q, noise):
    """A Kalman filter for position and velocity; the log-likelihood of the innovations."""
    f = np.array([[1.0, 0.1], [0.0, 1.0]])
    h = np.array([[1.0, 0.0]])
    m = m0.copy()
    p = np.eye(2)
    ll = 0.0
    for t in range(ys.shape[0]):
        m = f @ m
        p = f @ p @ f.T + np.diag(q)
        s = h @ p @ h.T + noise * np.eye(1)
        gain = np.linalg.solve(s, h @ p).T
        e = ys[t] - h @ m
        ll -= 0.5 * (e @ np.linalg.inv(s) @ e + np.linalg.slogdet(s)[1] + math.log(2.0 * math.pi))
        m = m + gain @ e
        p = (np.eye(2) - gain @ h) @ p
    return ll


@case(lambda r: (nrm(r, 8), (nrm(r, 1)[0] * 0 + 0.3, 0.8, 0.5)), (0, 1))
def rauch_tung_striebel(ys, params):
    """A scalar Kalman filter and the smoother that runs back over its stored means and variances."""
    q, a, r = params
    n = len(ys)
    m, p = np.zeros(n), np.zeros(n)
    mp, pp = np.zeros(n), np.zeros(n)
    mean, var = 0.0, 1.0
    for t in range(n):
        mp[t], pp[t] = a * mean, a * a * var + q
        k = pp[t] / (pp[t] + r)
        mean, var = mp[t] + k * (ys[t] - mp[t]), (1.0 - k) * pp[t]
        m[t], p[t] = mean, var
    for t in range(n - 2, -1, -1):
        g = p[t] * a / pp[t + 1]
        m[t] += g * (m[t + 1] - mp[t + 1])
        p[t] += g * g * (p[t + 1] - pp[t + 1])
    return m, p


@case(lambda r: (nrm(r, 7, 2), nrm(r, 3), nrm(r, 3, 2), np.stack([spd(r, 2) for _ in range(3)])), (0, 1, 2, 3))
def gaussian_mixture_full(x, logits, means, covs):
    """The log-likelihood of a Gaussian mixture with full covariances, by Cholesky factors."""
    n, d = x.shape
    k = logits.size
    logw = logits - np.log(np.sum(np.exp(logits)))
    lp = np.empty((n, k))
    for j in range(k):
        low = np.linalg.cholesky(covs[j])
        z = np.linalg.solve(low, (x - means[j]).T)
        lp[:, j] = logw[j] - 0.5 * np.sum(z * z, axis=0) - np.sum(np.log(np.diag(low))) - 0.5 * d * np.log(2 * np.pi)
    total = 0.0
    for i in range(n):
        m = np.max(lp[i])
        total += m + np.log(np.sum(np.exp(lp[i] - m)))
    return total


@case(lambda r: (spread(r, 8), np.array([-1.2, 1.3]), np.array([0.8, 1.2]), np.array([0.4, 0.6])), (0, 1))
def em_mixture_1d(x, mu0, sigma0, w0):
    """A few steps of expectation–maximisation for a mixture on a line; the fitted means."""
    mu, sigma, w = mu0.copy(), sigma0.copy(), w0.copy()
    for _ in range(4):
        resp = np.empty((x.size, 2))
        for k in range(2):
            resp[:, k] = w[k] * np.exp(-0.5 * ((x - mu[k]) / sigma[k]) ** 2) / sigma[k]
        resp /= resp.sum(axis=1)[:, np.newaxis]
        nk = resp.sum(axis=0)
        for k in range(2):
            mu[k] = resp[:, k] @ x / nk[k]
            sigma[k] = np.sqrt(np.dot(resp[:, k], (x - mu[k]) ** 2) / nk[k])
        w = nk / x.size
    return mu


@case(lambda r: (nrm(r, 8, 3), np.array([0., 1, 1, 0, 1, 0, 0, 1]), 0.5), (0, 2))
def logistic_newton(x, y, ridge):
    """Ridge logistic regression fitted by Newton's method (iteratively reweighted least squares)."""
    beta = np.zeros(x.shape[1])
    for _ in range(8):
        p = 1.0 / (1.0 + np.exp(-(x @ beta)))
        g = x.T @ (y - p) - ridge * beta
        h = (x.T * (p * (1.0 - p))) @ x + ridge * np.eye(x.shape[1])
        step = np.linalg.solve(h, g)
        beta += step
        if np.max(np.abs(step)) < 1e-12:
            break
    return beta


@case(lambda r: (nrm(r, 7, 3), r.poisson(2.0, 7), 0.3 * nrm(r, 3), pos(r, 7)), (0, 2, 3))
def poisson_regression(x, counts, beta, exposure):
    """The Poisson log-likelihood with an offset; counts are integers, log-gamma of them."""
    ll = 0.0
    for i in range(x.shape[0]):
        eta = math.log(exposure[i])
        for j in range(x.shape[1]):
            eta += x[i, j] * beta[j]
        ll += counts[i] * eta - math.exp(eta) - math.lgamma(counts[i] + 1.0)
    return ll


@case(lambda r: (np.cumsum(pos(r, 9)), (0.5, 0.4, 1.3)), (0, 1))
def hawkes_likelihood(times, params):
    """The log-likelihood of a Hawkes process with exponential kernel, by its recursion."""
    mu, alpha, beta = params
    horizon = times[-1] + 0.5
    decay = 0.0
    ll = math.log(mu)
    comp = mu * horizon
    for i in range(len(times)):
        if i > 0:
            decay = math.exp(-beta * (times[i] - times[i - 1])) * (1.0 + decay)
            ll += math.log(mu + alpha * decay)
        comp += alpha / beta * (1.0 - math.exp(-beta * (horizon - times[i])))
    return ll - comp


@case(lambda r: (nrm(r, 10), (0.1, 0.2, 0.7)), (0, 1))
def garch_likelihood(returns, params):
    """The GARCH(1, 1) log-likelihood."""
    omega, a, b = params
    var = np.var(returns)
    ll = 0.0
    for r in returns:
        ll -= 0.5 * (np.log(2.0 * np.pi * var) + r * r / var)
        var = omega + a * r * r + b * var
    return ll


@case(lambda r: (nrm(r, 6, 2), spread(r, 6), (0.7, 1.1, 0.3)), (0, 1, 2))
def gaussian_process_likelihood(x, y, hyper):
    """The marginal likelihood of a Gaussian process: kernel by loops, np.linalg.cholesky and solves."""
    scale, amp, noise = hyper
    n = len(y)
    k = np.empty((n, n))
    for i in range(n):
        for j in range(i + 1):
            k[i, j] = amp ** 2 * math.exp(-0.5 * np.sum((x[i] - x[j]) ** 2) / scale ** 2)
            k[j, i] = k[i, j]
        k[i, i] += noise ** 2
    low = np.linalg.cholesky(k)
    alpha = np.linalg.solve(low.T, np.linalg.solve(low, y))
    return -0.5 * y @ alpha - np.log(np.diag(low)).sum() - 0.5 * n * np.log(2.0 * np.pi)


@case(lambda r: (nrm(r, 7, 2), 0.5 * nrm(r, 2), spread(r, 7), np.array([1, 0, 1, 1, 0, 1, 1])), (0, 1))
def cox_partial_likelihood(x, beta, times, event):
    """Cox's partial likelihood: sort by time, cumulative sums of the risk set from the end."""
    order = np.argsort(times)[::-1]
    eta = (x @ beta)[order]
    risk = np.cumsum(np.exp(eta))
    died = event[order]
    ll = 0.0
    for i in range(eta.size):
        if died[i] == 1:
            ll += eta[i] - np.log(risk[i])
    return ll


@case(lambda r: (nrm(r, 5), pos(r, 5), nrm(r, 12), r.uniform(0.0, 1.0, 12)), (0, 1))
def metropolis_chain(x0, scale, normals, uniforms):
    """Metropolis' algorithm on given random numbers: accepts or rejects by a branch."""
    x = x0.copy()
    logp = -0.5 * np.sum((x / scale) ** 2)
    mean = np.zeros_like(x)
    for k in range(normals.size):
        y = x.copy()
        y[k % x.size] += 0.5 * normals[k]
        new = -0.5 * np.sum((y / scale) ** 2)
        if math.log(uniforms[k]) < new - logp:
            x = y
            logp = new
        mean += x / normals.size
    return mean, logp


@case(lambda r: (nrm(r, 6, 5), nrm(r, 4), 0.7, 0.37), (0, 1, 2))
def particle_filter(draws, ys, a, u):
    """A bootstrap particle filter with systematic resampling on given random numbers; indices from a running sum."""
    n = draws.shape[1]
    x = draws[0].copy()
    ll = 0.0
    for t in range(ys.shape[0]):
        x = a * x + 0.5 * draws[t + 1]
        w = np.exp(-0.5 * (ys[t] - x) ** 2)
        total = np.sum(w)
        ll += np.log(total / n)
        pick = np.zeros(n, dtype=np.int64)
        cum = w[0] / total
        j = 0
        for i in range(n):
            while (i + u) / n > cum and j < n - 1:
                j += 1
                cum += w[j] / total
            pick[i] = j
        x = x[pick]
    return ll


@case(lambda r: (nrm(r, 6, 3), 1.2), (0, 1))
def stochastic_neighbours(x, sigma):
    """The stochastic neighbour embedding loss between points and their first two coordinates, pairwise."""
    n = x.shape[0]
    p = np.zeros((n, n))
    q = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if i != j:
                p[i, j] = np.exp(-np.sum((x[i] - x[j]) ** 2) / (2.0 * sigma ** 2))
                q[i, j] = 1.0 / (1.0 + (x[i, 0] - x[j, 0]) ** 2 + (x[i, 1] - x[j, 1]) ** 2)
    p /= np.sum(p)
    q /= np.sum(q)
    loss = 0.0
    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            loss += p[i, j] * math.log(p[i, j] / q[i, j])
    return loss


# ---------------------------------------------------------------- finance

@register_jitable
def normal_cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@case(lambda r: (pos(r, 5) * 100.0, pos(r, 5) * 100.0, (0.03, 0.25, 0.75)), (0, 1, 2))
def black_scholes_book(spot, strike, market):
    """Black–Scholes over a book of calls and puts, a loop over parallel arrays."""
    rate, vol, expiry = market
    out = np.empty((spot.size, 2))
    for i in prange(spot.size):
        d1 = (np.log(spot[i] / strike[i]) + (rate + 0.5 * vol * vol) * expiry) / (vol * np.sqrt(expiry))
        d2 = d1 - vol * np.sqrt(expiry)
        df = np.exp(-rate * expiry)
        out[i, 0] = spot[i] * normal_cdf(d1) - strike[i] * df * normal_cdf(d2)
        out[i, 1] = out[i, 0] - spot[i] + strike[i] * df
    return out


@case(lambda r: (nrm(r, 2, 4, 6), 100.0, (0.04, 1.5, 0.05, 0.4, -0.6)), (1, 2))
def heston_monte_carlo(draws, spot, params):
    """Heston's model by full-truncation Euler on given normal draws; the mean payoff of a smoothed call."""
    v0, kappa, theta, xi, rho = params
    steps, paths = draws.shape[1], draws.shape[2]
    dt = 1.0 / steps
    payoff = 0.0
    for p in range(paths):
        logs, v = math.log(spot), v0
        for t in range(steps):
            z1 = draws[0, t, p]
            z2 = rho * z1 + math.sqrt(1.0 - rho * rho) * draws[1, t, p]
            vp = max(v, 0.0)
            logs += -0.5 * vp * dt + math.sqrt(vp * dt) * z1 if vp > 0.0 else 0.0
            v += kappa * (theta - vp) * dt + (xi * math.sqrt(vp * dt) * z2 if vp > 0.0 else 0.0)
        gain = (math.exp(logs) - 98.0) / 5.0
        payoff += 5.0 * math.log1p(math.exp(gain)) if gain < 30.0 else 5.0 * gain
    return payoff / paths


@case(lambda r: (100.3, 104.0, 0.05, 0.3, 8), (0, 1, 2, 3))
def american_binomial(spot, strike, rate, vol, steps):
    """An American put on a binomial tree, values overwritten level by level."""
    dt = 1.0 / steps
    up = math.exp(vol * math.sqrt(dt))
    prob = (math.exp(rate * dt) - 1.0 / up) / (up - 1.0 / up)
    disc = math.exp(-rate * dt)
    value = np.zeros(steps + 1)
    for i in range(steps + 1):
        value[i] = max(strike - spot * up ** (2 * i - steps), 0.0)
    for level in range(steps - 1, -1, -1):
        for i in range(level + 1):
            hold = disc * (prob * value[i + 1] + (1.0 - prob) * value[i])
            value[i] = max(hold, strike - spot * up ** (2 * i - level))
    return value[0]


@case(lambda r: (np.exp(0.1 * nrm(r, 12, 4).cumsum(axis=1)) * 1.2, 1.3), (0,))
def longstaff_schwartz(paths, strike):
    """An American put by regression (normal equations of a quadratic) on the paths in the money."""
    n, m = paths.shape
    cash = np.maximum(strike - paths[:, m - 1], 0.0)
    for t in range(m - 2, 0, -1):
        cash = cash * 0.98
        s = paths[:, t]
        basis = np.ones((n, 3))
        basis[:, 1] = s
        basis[:, 2] = s ** 2
        coef = np.linalg.solve(basis.T @ basis, basis.T @ cash)
        hold = basis @ coef
        for i in range(n):
            if strike - s[i] > 0.0 and strike - s[i] > hold[i]:
                cash[i] = strike - s[i]
    return 0.98 * np.mean(cash)


@case(lambda r: (np.array([0.02, 0.025, 0.03, 0.032]), 100.0), (0,))
def bond_yield_newton(curve, face):
    """A bond's price from a curve, then its yield by Newton's method with a tolerance."""
    price = 0.0
    for k in range(curve.size):
        price += (5.0 + face * (k == curve.size - 1)) * math.exp(-curve[k] * (k + 1))
    y = 0.05
    for _ in range(50):
        f, df = -price, 0.0
        for k in range(curve.size):
            flow = 5.0 if k < curve.size - 1 else 5.0 + face
            d = flow / (1.0 + y) ** (k + 1)
            f += d
            df -= (k + 1) * d / (1.0 + y)
        y -= f / df
        if abs(f) < 1e-10:
            break
    return y


# ---------------------------------------------------------------- vision, sequences, sorting

@njit
def rotate(rot, pt):
    """Rodrigues' formula."""
    theta2 = rot @ rot
    if theta2 < 1e-12:
        return pt + np.cross(rot, pt)
    theta = math.sqrt(theta2)
    axis = rot / theta
    return pt * math.cos(theta) + np.cross(axis, pt) * math.sin(theta) + axis * (axis @ pt) * (1.0 - math.cos(theta))


@njit
def project(cam, pt):
    """Camera: rotation 3, translation 3, focal length, two distortions."""
    q = rotate(cam[:3], pt) + cam[3:6]
    p = -q[:2] / q[2]
    n2 = p @ p
    return cam[6] * (1.0 + n2 * (cam[7] + n2 * cam[8])) * p


@case(lambda r: (0.3 * nrm(r, 2, 9), 0.5 * nrm(r, 3, 3) + np.array([0.0, 0.0, 5.0]), pos(r, 4), nrm(r, 4, 2),
                 np.array([[0, 0], [0, 1], [1, 1], [1, 2]])), (0, 1, 2, 3))
def bundle_adjustment(cams, pts, weights, feats, obs):
    """Bundle adjustment: weighted reprojection errors of cameras and points indexed by an integer array."""
    err = np.empty((obs.shape[0], 2))
    for k in range(obs.shape[0]):
        err[k] = weights[k] * (project(cams[obs[k, 0]], pts[obs[k, 1]]) - feats[k])
    return err


@case(lambda r: (nrm(r, 6), nrm(r, 5)), (0, 1))
def time_warping_banded(x, y):
    """Dynamic time warping within a band, minimum of three."""
    n, m = len(x), len(y)
    d = np.full((n + 1, m + 1), np.inf)
    d[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(max(1, i - 3), min(m, i + 3) + 1):
            d[i, j] = (x[i - 1] - y[j - 1]) ** 2 + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
    return math.sqrt(d[n, m])


@case(lambda r: (nrm(r, 5), nrm(r, 6), 0.4), (0, 1, 2))
def soft_time_warping(x, y, gamma):
    """Soft dynamic time warping, two rolling rows."""
    m = y.size
    prev = np.full(m + 1, 1e6)
    prev[0] = 0.0
    for i in range(x.size):
        curr = np.full(m + 1, 1e6)
        for j in range(1, m + 1):
            a, b, c = prev[j], curr[j - 1], prev[j - 1]
            low = min(a, b, c)
            s = np.exp(-(a - low) / gamma) + np.exp(-(b - low) / gamma) + np.exp(-(c - low) / gamma)
            curr[j] = (x[i] - y[j - 1]) ** 2 + low - gamma * np.log(s)
        prev = curr
    return prev[m]


@case(lambda r: (nrm(r, 3), nrm(r, 3, 3), nrm(r, 6, 3)), (0, 1, 2))
def viterbi_path(start, trans, emit):
    """Viterbi: max-plus recursion with back pointers, the best path traced and rescored."""
    n, k = emit.shape
    score = start + emit[0]
    back = np.zeros((n, k), dtype=np.int64)
    for t in range(1, n):
        new = np.empty(k)
        for j in range(k):
            cand = score + trans[:, j]
            back[t, j] = np.argmax(cand)
            new[j] = cand[back[t, j]] + emit[t, j]
        score = new
    path = np.zeros(n, dtype=np.int64)
    path[n - 1] = np.argmax(score)
    for t in range(n - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    again = start[path[0]]
    for t in range(n):
        again += emit[t, path[t]]
        if t > 0:
            again += trans[path[t - 1], path[t]]
    return score.max() - 0.5 * again


@case(lambda r: (nrm(r, 5, 6), 0.7), (0, 1))
def local_alignment(sim, gap):
    """Smith–Waterman's local alignment with linear gaps."""
    n, m = sim.shape
    h = np.zeros((n + 1, m + 1))
    best = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            h[i, j] = max(0.0, h[i - 1, j - 1] + sim[i - 1, j - 1], h[i - 1, j] - gap, h[i, j - 1] - gap)
            if h[i, j] > best:
                best = h[i, j]
    return best


@case(lambda r: (nrm(r, 5, 3), nrm(r, 3, 3), np.array([0, 2, 1, 1, 0])), (0, 1))
def chain_crf_loss(scores, trans, labels):
    """The negative log-likelihood of a linear-chain conditional random field."""
    n, k = scores.shape
    gold = scores[0, labels[0]]
    alpha = scores[0].copy()
    for t in range(1, n):
        gold += trans[labels[t - 1], labels[t]] + scores[t, labels[t]]
        m = np.max(alpha)
        alpha = np.log(np.exp(alpha - m) @ np.exp(trans)) + m + scores[t]
    top = alpha.max()
    return top + np.log(np.exp(alpha - top).sum()) - gold


@case(lambda r: (spread(r, 9), spread(r, 9)), (0, 1))
def wasserstein_sorted(x, y):
    """The Wasserstein distance on a line: sort both, plus the L-moment of one by ranks."""
    a = np.sort(x)
    b = np.sort(y)
    n = a.size
    gini = 0.0
    for i in range(n):
        gini += (2.0 * i - n + 1.0) * a[i]
    return np.mean((a - b) ** 2) + gini / (n * n)


@case(lambda r: (spread(r, 10), pos(r, 10), 0.2), (0, 1))
def weighted_trimmed_mean(x, w, trim):
    """A trimmed mean with weights that follow the order (np.argsort and gathers), and a median deviation."""
    order = np.argsort(x)
    xs, ws = x[order], w[order]
    k = int(trim * x.size)
    mean = np.sum(xs[k:x.size - k] * ws[k:x.size - k]) / np.sum(ws[k:x.size - k])
    return mean + np.median(np.abs(x - mean))


@case(lambda r: (nrm(r, 7, 2), nrm(r, 2), spread(r, 7)), (0, 1, 2))
def nearest_neighbours(pts, query, values):
    """Inverse-distance interpolation from the three nearest points, found by np.argsort."""
    d2 = np.sum((pts - query) ** 2, axis=1)
    idx = np.argsort(d2)[:3]
    w = 1.0 / (np.sqrt(d2[idx]) + 1e-3)
    return np.dot(w, values[idx]) / w.sum()


@case(lambda r: (spread(r, 8), np.array([1, 0, 1, 1, 0, 0, 1, 0])), (0,))
def lambda_rank(scores, labels):
    """A ranking loss: ranks from a double np.argsort, discounts by rank, pairwise logistic terms."""
    ranks = np.argsort(np.argsort(-scores))
    loss = 0.0
    for i in range(scores.size):
        for j in range(scores.size):
            if labels[i] > labels[j]:
                delta = abs(1.0 / np.log2(ranks[i] + 2.0) - 1.0 / np.log2(ranks[j] + 2.0))
                loss += delta * np.log1p(np.exp(scores[j] - scores[i]))
    return loss


@case(lambda r: (spread(r, 8),))
def isotonic_regression(y):
    """Pool adjacent violators with an explicit stack of blocks in arrays."""
    n = y.size
    level = np.zeros(n)
    weight = np.zeros(n)
    top = 0
    for i in range(n):
        level[top] = y[i]
        weight[top] = 1.0
        top += 1
        while top > 1 and level[top - 2] > level[top - 1]:
            w = weight[top - 2] + weight[top - 1]
            level[top - 2] = (weight[top - 2] * level[top - 2] + weight[top - 1] * level[top - 1]) / w
            weight[top - 2] = w
            top -= 1
    out = np.zeros(n)
    k = 0
    for b in range(top):
        for _ in range(int(weight[b])):
            out[k] = level[b]
            k += 1
    return out


@case(lambda r: (spread(r, 6),))
def simplex_projection(v):
    """Projection onto the probability simplex by sorting and cumulative sums."""
    u = np.sort(v)[::-1]
    css = np.cumsum(u) - 1.0
    rho = 0
    for i in range(u.size):
        if u[i] * (i + 1) > css[i]:
            rho = i
    theta = css[rho] / (rho + 1.0)
    return np.maximum(v - theta, 0.0)


# ---------------------------------------------------------------- trees, graphs, sparse matrices

@case(lambda r: (pos(r, 7), np.array([2, 2, 6, 5, 5, 6, -1]), np.array([0, 1, -1, 2, 3, -1, -1]), 0.3 * pos(r, 4, 4)),
      (0, 3))
def felsenstein_pruning(lengths, parent, leaf, freqs):
    """Felsenstein's pruning: a post-order sweep over a tree in arrays, Jukes–Cantor transitions on each edge."""
    n = lengths.size
    partial = np.ones((n, 4))
    for v in range(n):
        if leaf[v] >= 0:
            partial[v] = freqs[leaf[v]]
        p = parent[v]
        if p < 0:
            break
        same = 0.25 + 0.75 * math.exp(-4.0 / 3.0 * lengths[v])
        diff = 0.25 - 0.25 * math.exp(-4.0 / 3.0 * lengths[v])
        for s in range(4):
            acc = 0.0
            for t in range(4):
                acc += (same if s == t else diff) * partial[v, t]
            partial[p, s] *= acc
    return math.log(0.25 * np.sum(partial[n - 1]))


@case(lambda r: (pos(r, 7), np.array([1, 3, -1, 5, -1, -1, -1]), np.array([2, 4, -1, 6, -1, -1, -1])))
def tree_post_order_stack(w, left, right):
    """A tree's value by an explicit stack over child arrays: the root's tanh of weighted children."""
    n = w.size
    value = np.zeros(n)
    stack = np.zeros(2 * n, dtype=np.int64)
    seen = np.zeros(n, dtype=np.bool_)
    top = 1
    while top > 0:
        v = stack[top - 1]
        if left[v] < 0:
            value[v] = math.sin(w[v])
            top -= 1
        elif seen[v]:
            value[v] = math.tanh(w[v] * value[left[v]] + value[right[v]] ** 2)
            top -= 1
        else:
            seen[v] = True
            stack[top] = left[v]
            stack[top + 1] = right[v]
            top += 2
    return value[0]


@case(lambda r: (pos(r, 5, 5),))
def floyd_warshall(weights):
    """All shortest paths by Floyd and Warshall, in place on a copy."""
    d = weights.copy()
    n = d.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                through = d[i, k] + d[k, j]
                if i != j and through < d[i, j]:
                    d[i, j] = through
    return d


@njit
def csr_dot(data, indices, indptr, x):
    y = np.zeros(indptr.size - 1)
    for i in range(y.size):
        for k in range(indptr[i], indptr[i + 1]):
            y[i] += data[k] * x[indices[k]]
    return y


CSR = (np.array([0, 1, 0, 1, 2, 1, 2, 3, 2, 3]), np.array([0, 2, 5, 8, 10]))


@case(lambda r: (pos(r, 10), *CSR, nrm(r, 4)), (0, 3))
def csr_product_squared(data, indices, indptr, x):
    """A compressed-row product applied twice, and row norms by slices."""
    y = csr_dot(data, indices, indptr, csr_dot(data, indices, indptr, x))
    norm = 0.0
    for i in range(y.size):
        row = data[indptr[i]:indptr[i + 1]]
        norm += np.sqrt(np.sum(row * row))
    return y, norm


@case(lambda r: (pos(r, 10), *CSR, nrm(r, 4)), (0, 3))
def csr_jacobi_iteration(data, indices, indptr, b):
    """Jacobi's iteration for a compressed-row system whose diagonal is raised, to convergence."""
    n = b.size
    x = np.zeros(n)
    for _ in range(100):
        new = np.empty(n)
        for i in range(n):
            diag, acc = 4.0, b[i]
            for k in range(indptr[i], indptr[i + 1]):
                j = indices[k]
                if j == i:
                    diag += data[k]
                else:
                    acc -= data[k] * x[j]
            new[i] = acc / diag
        if np.linalg.norm(new - x) < 1e-13:
            return new
        x = new
    return x


@case(lambda r: (pos(r, 4, 4), 0.85), (0, 1))
def page_rank(links, damping):
    """PageRank by power iteration to a tolerance; columns normalised first."""
    n = links.shape[0]
    m = links / np.sum(links, axis=0)
    rank = np.full(n, 1.0 / n)
    while True:
        new = damping * (m @ rank) + (1.0 - damping) / n
        if np.sum(np.abs(new - rank)) < 1e-14:
            return new
        rank = new


# ---------------------------------------------------------------- roots, quadrature, splines

@case(lambda r: (pos(r, 3), 0.2), (0, 1))
def kepler_newton_loss(mean_anomaly, ecc):
    """Kepler's equation by Newton's method inside a loss over orbits."""
    loss = 0.0
    for m in mean_anomaly:
        e = m
        while abs(e - ecc * math.sin(e) - m) > 1e-13:
            e -= (e - ecc * math.sin(e) - m) / (1.0 - ecc * math.cos(e))
        loss += (math.cos(e) - ecc) ** 2
    return loss


@register_jitable
def implied(x, a, b):
    return x ** 3 + a * x - b


@case(lambda r: (num(r), num(r) + 1.0), (0, 1))
def bisection_polished(a, b):
    """A root by bisection, polished by two Newton steps (which carry the derivative)."""
    lo, hi = 0.0, 4.0
    while hi - lo > 1e-9:
        mid = 0.5 * (lo + hi)
        if implied(mid, a, b) > 0.0:
            hi = mid
        else:
            lo = mid
    x = 0.5 * (lo + hi)
    for _ in range(2):
        x -= implied(x, a, b) / (3.0 * x * x + a)
    return x


@case(lambda r: (num(r), num(r) + 1.0), (0, 1))
def secant_method(a, b):
    """A root by the secant method; arguments passed to the function in a tuple."""
    x0, x1 = 0.5, 1.5
    f0, f1 = implied(x0, a, b), implied(x1, a, b)
    it = 0
    while abs(f1) > 1e-12 and it < 30:
        x0, x1 = x1, x1 - f1 * (x1 - x0) / (f1 - f0)
        f0, f1 = f1, implied(x1, a, b)
        it += 1
    return x1


@case(lambda r: (num(r), num(r)), (0, 1))
def gauss_legendre_quadrature(a, k):
    """Gauss–Legendre nodes by Newton's method on the recurrence, then the integral of a parametrised function."""
    n = 6
    total = 0.0
    for i in range(n):
        x = math.cos(math.pi * (i + 0.75) / (n + 0.5))
        dp = 1.0
        for _ in range(20):
            p0, p1 = 1.0, x
            for j in range(2, n + 1):
                p0, p1 = p1, ((2 * j - 1) * x * p1 - (j - 1) * p0) / j
            dp = n * (x * p1 - p0) / (x * x - 1.0)
            step = p1 / dp
            x -= step
            if abs(step) < 1e-15:
                break
        total += 2.0 / ((1.0 - x * x) * dp * dp) * math.exp(-a * x) * math.cos(k * x)
    return total


@case(lambda r: (num(r), 2.0 + num(r)), (0, 1))
def romberg(a, b):
    """Romberg's extrapolation, the tableau in one array, stopped by a tolerance."""
    t = np.zeros((12, 12))
    h = b - a
    t[0, 0] = 0.5 * h * (a * math.exp(-a) + b * math.exp(-b))
    last = 0
    for i in range(1, 12):
        h *= 0.5
        s = 0.0
        for k in range(1, 2 ** i, 2):
            x = a + k * h
            s += x * math.exp(-x)
        t[i, 0] = 0.5 * t[i - 1, 0] + h * s
        for j in range(1, i + 1):
            t[i, j] = t[i, j - 1] + (t[i, j - 1] - t[i - 1, j - 1]) / (4 ** j - 1)
        last = i
        if i > 3 and abs(t[i, i] - t[i - 1, i - 1]) < 1e-12:
            break
    return t[last, last]


@njit
def bump(x, w):
    return 1.0 / (w + (x - 0.3) ** 2)


@case(lambda r: (0.02 + 0.01 * num(r), 1.0), (0, 1))
def adaptive_simpson(w, b):
    """Adaptive Simpson with an explicit stack of intervals."""
    stack = np.zeros((60, 2))
    stack[0, 0], stack[0, 1] = 0.0, b
    top, total = 1, 0.0
    while top > 0:
        top -= 1
        lo, hi = stack[top]
        mid = 0.5 * (lo + hi)
        fl, fm, fh = bump(lo, w), bump(mid, w), bump(hi, w)
        whole = (hi - lo) / 6.0 * (fl + 4.0 * fm + fh)
        q1, q3 = bump(0.5 * (lo + mid), w), bump(0.5 * (mid + hi), w)
        left = (mid - lo) / 6.0 * (fl + 4.0 * q1 + fm)
        right = (hi - mid) / 6.0 * (fm + 4.0 * q3 + fh)
        if abs(left + right - whole) < 1e-4 or top > 50:
            total += left + right + (left + right - whole) / 15.0
        else:
            stack[top, 0], stack[top, 1] = lo, mid
            stack[top + 1, 0], stack[top + 1, 1] = mid, hi
            top += 2
    return total


@case(lambda r: (np.linspace(0.0, 1.0, 6) + 0.02 * nrm(r, 6), nrm(r, 6), 0.17 + 0.2 * np.arange(4)), (0, 1, 2))
def natural_cubic_spline(x, y, t):
    """A natural cubic spline: second derivatives by Thomas, evaluation by a bracket search."""
    n = x.size
    h = np.diff(x)
    m = np.zeros(n)
    a = np.zeros(n - 2)
    a[1:] = h[1:-1]
    c = np.zeros(n - 2)
    c[:-1] = h[1:-1]
    d = 6.0 * ((y[2:] - y[1:-1]) / h[1:] - (y[1:-1] - y[:-2]) / h[:-1])
    thomas(a, 2.0 * (h[:-1] + h[1:]), c, d, m[1:-1])
    out = np.empty_like(t)
    for k in range(t.size):
        i = 0
        while i < n - 2 and t[k] > x[i + 1]:
            i += 1
        u, v = x[i + 1] - t[k], t[k] - x[i]
        out[k] = ((m[i] * u ** 3 + m[i + 1] * v ** 3) / (6.0 * h[i])
                  + (y[i] / h[i] - m[i] * h[i] / 6.0) * u + (y[i + 1] / h[i] - m[i + 1] * h[i] / 6.0) * v)
    return out


@case(lambda r: (nrm(r, 7, 2), np.array([0.15, 0.45, 0.82])), (0, 1))
def de_boor_curve(ctrl, ts):
    """Points of a cubic B-spline curve by de Boor's algorithm, a small working copy per point."""
    p, n = 3, ctrl.shape[0]
    knots = np.zeros(n + p + 1)
    for i in range(n - p + 1):
        knots[p + i] = i / (n - p)
    knots[n + 1:] = 1.0
    out = np.zeros((ts.size, ctrl.shape[1]))
    for m, t in enumerate(ts):
        k = np.searchsorted(knots, t) - 1
        d = ctrl[k - p:k + 1].copy()
        for r in range(1, p + 1):
            for j in range(p, r - 1, -1):
                alpha = (t - knots[j + k - p]) / (knots[j + 1 + k - r] - knots[j + k - p])
                d[j] = (1.0 - alpha) * d[j - 1] + alpha * d[j]
        out[m] = d[p]
    return out


@case(lambda r: (nrm(r, 6), nrm(r, 3)), (0, 1))
def clenshaw_chebyshev(coef, xs):
    """Chebyshev series by Clenshaw's recurrence at several points."""
    out = np.zeros_like(xs)
    for k, x in enumerate(np.tanh(xs)):
        b1, b2 = 0.0, 0.0
        for c in coef[:0:-1]:
            b1, b2 = 2.0 * x * b1 - b2 + c, b1
        out[k] = x * b1 - b2 + coef[0]
    return out


@case(lambda r: (0.5 * nrm(r, 3, 3),))
def matrix_exponential(a):
    """The matrix exponential by scaling, a Padé approximant with np.linalg.solve, and squaring."""
    n = a.shape[0]
    s = 0
    norm = np.max(np.sum(np.abs(a), axis=1))
    while norm > 0.5:
        norm *= 0.5
        s += 1
    x = a / 2.0 ** s
    c = 0.5
    num, den = np.eye(n) + c * x, np.eye(n) - c * x
    power, sign = x.copy(), 1.0
    for k in range(2, 7):
        c *= (6 - k + 1) / (k * (12 - k + 1))
        power = x @ power
        num += c * power
        den += sign * c * power
        sign = -sign
    e = np.linalg.solve(den, num)
    for _ in range(s):
        e = e @ e
    return e


@case(lambda r: (nrm(r, 4), nrm(r, 6, 4), nrm(r, 6)), (0, 1, 2))
def bfgs_least_squares(x0, a, b):
    """Two steps of BFGS with a backtracking line search on a least-squares loss; an inner function."""
    def loss(x):
        res = a @ x - b
        return 0.5 * np.dot(res, res) + 0.1 * np.sum(x ** 4)

    def slope(x):
        return a.T @ (a @ x - b) + 0.4 * x ** 3

    x = x0.copy()
    h = np.eye(x.size)
    g = slope(x)
    for _ in range(2):
        p = -h @ g
        step = 1.0
        while loss(x + step * p) > loss(x) + 1e-4 * step * np.dot(g, p):
            step *= 0.5
        s = step * p
        new = slope(x + s)
        y = new - g
        rho = 1.0 / np.dot(y, s)
        eye = np.eye(x.size)
        h = (eye - rho * np.outer(s, y)) @ h @ (eye - rho * np.outer(y, s)) + rho * np.outer(s, s)
        x = x + s
        g = new
    return x, loss(x)


@case(lambda r: (nrm(r, 6, 3), nrm(r, 6)), (0, 1))
def least_squares_lstsq(a, b):
    """A fit by np.linalg.lstsq, and its residual."""
    coef = np.linalg.lstsq(a, b)[0]
    return coef, np.linalg.norm(a @ coef - b)


@case(lambda r: (spd(r, 4), nrm(r, 4)), (0,))
def spectral_filter_eigh(m, x):
    """Principal components by np.linalg.eigh, a filter of the eigenvalues applied to a vector."""
    w, v = np.linalg.eigh(0.5 * (m + m.T))
    return v @ (np.exp(-0.1 * w) * (v.T @ x))


@case(lambda r: (nrm(r, 5, 3), nrm(r, 5, 3)), (0, 1))
def procrustes_alignment(a, b):
    """Orthogonal Procrustes by np.linalg.svd: the residual after the best rotation."""
    u, s, vt = np.linalg.svd(a.T @ b)
    res = a @ (u @ vt) - b
    return np.sum(res * res) + np.sum(s)


@case(lambda r: (nrm(r, 4, 3),))
def attention_single_head(x):
    """Scaled dot-product attention of a sequence with itself."""
    return softmax_rows(x @ x.T / math.sqrt(x.shape[1])) @ x


@case(lambda r: (nrm(r, 3), np.array([0.2, 0.1, -4.0]), 1.3), (0, 1, 2))
def sphere_shading(light, origin, radius):
    """Rays against a sphere: a hit test per pixel, the normal and Lambert's term; missed pixels stay dark."""
    img = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            d = np.array([(i - 1.5) * 0.3, (j - 1.4) * 0.3, 1.0])
            d /= np.linalg.norm(d)
            b = np.dot(origin, d)
            disc = b * b - np.dot(origin, origin) + radius * radius
            if disc <= 0.0:
                continue
            p = origin + (-b - np.sqrt(disc)) * d
            img[i, j] = max(0.1, np.dot(p / radius, light))
    return img


@case(lambda r: (nrm(r, 5, 5), pos(r, 4) * 2.0, pos(r, 4) * 2.0), (0, 1, 2))
def bilinear_sampling(img, ys, xs):
    """Bilinear interpolation at points whose cells come from floor."""
    out = np.zeros(ys.size)
    for k in range(ys.size):
        i, j = math.floor(ys[k]), int(np.floor(xs[k]))
        fy, fx = ys[k] - i, xs[k] - j
        out[k] = ((1 - fy) * (1 - fx) * img[i, j] + (1 - fy) * fx * img[i, j + 1]
                  + fy * (1 - fx) * img[i + 1, j] + fy * fx * img[i + 1, j + 1])
    return out


# ---------------------------------------------------------------- further algorithms, in the idioms that they come in

@case(lambda r: (spread(r, 7), pos(r, 7)), (0, 1))
def insertion_sort_pairs(keys, values):
    """Insertion sort of keys with their values (the bounds test guards the read), then a weighted running sum."""
    k, v = keys.copy(), values.copy()
    for i in range(1, len(k)):
        key, val = k[i], v[i]
        j = i - 1
        while j >= 0 and k[j] > key:
            k[j + 1] = k[j]
            v[j + 1] = v[j]
            j -= 1
        k[j + 1], v[j + 1] = key, val
    acc = 0
    for i in range(len(k)):
        acc += (i + 1) * k[i] * v[i]
    return acc


@case(lambda r: (nrm(r, 4, 9), 0.2), (0, 1))
def time_planes_modulo(u0, r):
    """The heat equation in one array of two time planes, plane t % 2 read and the other written."""
    u = np.zeros((2, u0.shape[1]))
    u[0] = u0[0]
    u[1] = u0[1]
    for t in range(5):
        for i in range(1, u.shape[1] - 1):
            u[(t + 1) % 2, i] = u[t % 2, i] + r * (u[t % 2, i - 1] - 2 * u[t % 2, i] + u[t % 2, i + 1]) + 0.1 * u0[t % 4, i]
    return u[5 % 2]


@case(lambda r: (nrm(r, 10), (0.4, 0.3, 0.2)), (0, 1))
def autoregression_ring_buffer(noise, coef):
    """An autoregressive series with its history in a ring buffer; a homogeneous tuple indexed by the loop."""
    hist = np.zeros(3)
    total = 0
    for t in range(noise.size):
        x = noise[t]
        for k in range(3):
            x += coef[k] * hist[(t - 1 - k) % 3]
        hist[t % 3] = x
        total += x ** 2
    return total / noise.size


@njit
def smooth_into(src, dst, w):
    for i in range(1, src.size - 1):
        dst[i] = (1 - w) * src[i] + 0.5 * w * (src[i - 1] + src[i + 1])
    dst[0], dst[-1] = src[0], src[-1]
    return dst


@case(lambda r: (nrm(r, 9), 0.6, 5), (0, 1))
def ping_pong_returned_buffers(x, w, sweeps):
    """Two buffers in turn, the callee writes one and returns it; the other becomes the next target."""
    a, b = x.copy(), np.empty_like(x)
    cur = a
    for s in range(sweeps):
        cur = smooth_into(cur, b if s % 2 == 0 else a, w)
    return cur


@case(lambda r: (nrm(r, 6, 4),))
def standardise_rows_in_place(a):
    """Rows standardised in place by iterating over a copy, then their Gram matrix."""
    x = a.copy()
    for row in x:
        row -= row.mean()
        row /= np.sqrt((row ** 2).mean())
    return x @ x.T


@case(lambda r: (nrm(r, 3, 4), nrm(r, 4)), (0, 1))
def flat_view_written(a, w):
    """A matrix filled through its flattened view, and through its transpose."""
    m = a.copy()
    flat = m.reshape(-1)
    for k in range(1, flat.size):
        flat[k] += 0.3 * flat[k - 1]
    t = m.T
    for j in range(t.shape[0]):
        t[j] *= w[j]
    return m


@case(lambda r: (nrm(r, 5, 2),))
def pairwise_newaxis(pts):
    """A Coulomb energy from broadcast differences with new axes and an upper triangle."""
    d = pts[:, None, :] - pts[None, :, :]
    r2 = (d ** 2).sum(axis=2) + np.eye(pts.shape[0])
    return np.sum(np.triu(1.0 / np.sqrt(r2), 1))


@case(lambda r: (pos(r, 9), 7), (0,))
def monte_carlo_own_generator(weights, seed):
    """A random walk on a linear congruential generator of integers, weights gathered by the state."""
    s = 0.0
    state = seed
    pos_ = 0
    for k in range(20):
        state = (1103515245 * state + 12345) % 2147483648
        u = state / 2147483648.0
        pos_ = (pos_ + (1 if u < 0.5 else -1)) % weights.size
        s += u * weights[pos_] ** 2
    return s


@case(lambda r: (r.integers(0, 255, (5, 6)).astype(np.uint8), pos(r, 3)), (1,))
def image_histogram_bytes(img, w):
    """A gradient magnitude of a byte image, weighted; the image is uint8."""
    g = img.astype(np.float64) / 255.0
    total = 0.0
    for i in range(1, g.shape[0]):
        for j in range(1, g.shape[1]):
            gx = w[0] * (g[i, j] - g[i, j - 1])
            gy = w[1] * (g[i, j] - g[i - 1, j])
            total += math.sqrt(gx * gx + gy * gy + w[2] * w[2])
    return total + w[0] * (img[0, 0] / 255)


@case(lambda r: (pos(r, 5), np.array([0, 1, 1, 2, 3], dtype=np.int32), np.array([1, 2, 4, 3, 0], dtype=np.int32)))
def graph_laplacian_edges(x, src, dst):
    """Diffusion over an edge list of int32 ends, contributions scattered by loops."""
    y = np.zeros_like(x)
    for _ in range(2):
        y[:] = 0.0
        for s, t in zip(src, dst):
            f = x[t] - x[s]
            y[s] += f
            y[t] -= f
        x = x + 0.2 * np.tanh(y)
    return x


@case(lambda r: (nrm(r, 8),))
def masked_statistics(x):
    """Means of the positive and negative parts by boolean masks, and by indices of np.where."""
    up = x[x > 0.0]
    idx = np.where(x <= 0.0)[0]
    down = x[idx]
    return up.mean() - down.sum() / idx.size + np.prod(up)


@case(lambda r: (nrm(r, 5), 1.7), (0, 1))
def comprehension_to_array(x, k):
    """A table by a list comprehension turned into an array, and a sum over it."""
    table = np.array([math.sin(k * v) for v in x])
    return np.dot(table, x)


@case(lambda r: (nrm(r, 6), num(r)), (0, 1))
def cube_roots_newton_array(b, a):
    """Elementwise cube roots by Newton's method on whole arrays, the residual in the condition."""
    y = np.ones_like(b)
    target = b * b + a
    while np.max(np.abs(y ** 3 - target)) > 1e-12:
        y = y - (y ** 3 - target) / (3.0 * y * y)
    return y


@njit
def limited(r, kind):
    if kind == 0:
        return max(0.0, min(1.0, r))
    elif kind == 1:
        return max(0.0, min(2.0 * r, 1.0), min(r, 2.0))
    return (r + abs(r)) / (1.0 + abs(r))


@case(lambda r: (np.sin(np.arange(10) * 0.9) + 0.05 * nrm(r, 10), 0.3), (0, 1))
def advection_three_limiters(u0, c):
    """Limited advection run with minmod, superbee and van Leer in turn, chosen by an integer."""
    n = u0.size
    out = np.zeros((3, n))
    for kind in range(3):
        u = u0.copy()
        for _ in range(2):
            f = np.zeros(n)
            for i in range(n):
                du = u[(i + 1) % n] - u[i]
                r = (u[i] - u[i - 1]) / du
                f[i] = u[i] + 0.5 * (1 - c) * limited(r, kind) * du
            u -= c * (f - np.roll(f, 1))
        out[kind] = u
    return out


@njit
def axpy(alpha, x, y):
    for i in range(x.shape[0]):
        y[i] += alpha * x[i]


@case(lambda r: (nrm(r, 6), 0.3), (0, 1))
def same_array_passed_twice(x, a):
    """A callee that is passed one array as input and output, then overlapping halves of it."""
    y = x.copy()
    axpy(a, y, y)
    axpy(a, y[:-1], y[1:])
    axpy(2.0 * a, y[1:], y[:-1])
    return y


@case(lambda r: (nrm(r, 6, 6), nrm(r, 6)), (0, 1))
def block_lu_recursive_views(a0, b):
    """Blocked elimination: views of one matrix's blocks, the Schur complement written through them."""
    a = a0 + 8.0 * np.eye(6)
    a11, a12, a21, a22 = a[:3, :3], a[:3, 3:], a[3:, :3], a[3:, 3:]
    inv = np.linalg.inv(np.ascontiguousarray(a11))
    a22 -= a21 @ inv @ a12
    x2 = np.linalg.solve(a[3:, 3:], b[3:] - a21 @ inv @ b[:3])
    x1 = inv @ (b[:3] - a12 @ x2)
    return np.concatenate((x1, x2))


@case(lambda r: (nrm(r, 6), nrm(r, 3, 2)), (0, 1))
def multigrid_v_cycle(f, dummy):
    """A two-level multigrid cycle: smooth, restrict by strided slices, solve the coarse grid, prolong, smooth."""
    n = 7
    h2 = (1.0 / (n + 1)) ** 2
    rhs = np.zeros(n + 2)
    rhs[1:7] = f
    rhs[7] = dummy.sum()
    u = np.zeros(n + 2)
    for cycle in range(2):
        for _ in range(2):
            for i in range(1, n + 1):
                u[i] = 0.5 * (u[i - 1] + u[i + 1] + h2 * rhs[i])
        res = np.zeros(n + 2)
        res[1:-1] = rhs[1:-1] - (2.0 * u[1:-1] - u[:-2] - u[2:]) / h2
        coarse = 0.25 * (res[1:-2:2] + 2.0 * res[2:-1:2] + res[3::2])
        m = coarse.size
        mat = (2.0 * np.eye(m) - np.eye(m, k=1) - np.eye(m, k=-1)) / (4.0 * h2)
        e = np.linalg.solve(mat, coarse)
        u[2:-1:2] += e
        u[3:-2:2] += 0.5 * (e[:-1] + e[1:])
        u[1] += 0.5 * e[0]
        u[-2] += 0.5 * e[-1]
        for _ in range(2):
            u[1:-1] = u[1:-1] + 2.0 / 3.0 * 0.5 * (h2 * rhs[1:-1] - 2.0 * u[1:-1] + u[:-2] + u[2:])
    return u


@case(lambda r: (nrm(r, 8, 8) * 0.2, nrm(r, 8)), (0, 1))
def gmres_restarted(m, b):
    """GMRES: Arnoldi with modified Gram–Schmidt and Givens rotations, stopped by the residual."""
    n = b.size
    a = m + 3.0 * np.eye(n)
    k_max = 8
    v = np.zeros((n, k_max + 1))
    h = np.zeros((k_max + 1, k_max))
    cs, sn, g = np.zeros(k_max), np.zeros(k_max), np.zeros(k_max + 1)
    g[0] = np.linalg.norm(b)
    v[:, 0] = b / g[0]
    used = 0
    for k in range(k_max):
        w = a @ np.ascontiguousarray(v[:, k])
        for j in range(k + 1):
            h[j, k] = np.dot(w, np.ascontiguousarray(v[:, j]))
            w -= h[j, k] * v[:, j]
        h[k + 1, k] = np.linalg.norm(w)
        v[:, k + 1] = w / h[k + 1, k]
        for j in range(k):
            h[j, k], h[j + 1, k] = cs[j] * h[j, k] + sn[j] * h[j + 1, k], -sn[j] * h[j, k] + cs[j] * h[j + 1, k]
        d = math.hypot(h[k, k], h[k + 1, k])
        cs[k], sn[k] = h[k, k] / d, h[k + 1, k] / d
        h[k, k], h[k + 1, k] = d, 0.0
        g[k + 1] = -sn[k] * g[k]
        g[k] *= cs[k]
        used = k + 1
        if abs(g[k + 1]) < 1e-6:
            break
    y = np.zeros(used)
    for i in range(used - 1, -1, -1):
        y[i] = (g[i] - np.sum(h[i, i + 1:used] * y[i + 1:])) / h[i, i]
    return v[:, :used] @ y


@case(lambda r: (nrm(r, 5), nrm(r, 5)), (0, 1))
def polynomial_product_and_division(p, q):
    """The product of two polynomials by scattering, then synthetic division by a root, in place."""
    prod = np.zeros(p.size + q.size - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            prod[i + j] += a * b
    for i in range(1, prod.size):
        prod[i] += 0.5 * prod[i - 1]
    return prod[:-1], prod[-1]


@case(lambda r: (pos(r, 5), 0.3), (0, 1))
def knapsack_log_partition(weights, beta):
    """A partition function over subsets by bits of an integer, in a table filled from its lower half."""
    n = weights.size
    table = np.zeros(1 << n)
    for i in range(n):
        half = 1 << i
        for s in range(half):
            table[half + s] = table[s] + weights[i] * (1.0 + 0.1 * (s & 1))
    return math.log(np.sum(np.exp(-beta * table)))


@case(lambda r: (nrm(r, 6), 0.2), (0, 1))
def dropout_numpy_random(x, rate):
    """Dropout with numpy's generator seeded inside."""
    np.random.seed(3)
    total = 0.0
    for i in range(x.size):
        if np.random.random() > rate:
            total += x[i] ** 2 / (1.0 - rate)
    return total


@case(lambda r: (nrm(r, 3, 3, 3), nrm(r, 3)), (0, 1))
def tensor_power_method(t0, x0):
    """The symmetric tensor power method, contractions by nested loops into a work vector."""
    t = t0 + 4.0 * np.ones((3, 3, 3))
    x = x0 / np.sqrt(np.sum(x0 * x0))
    work = np.zeros(3)
    for _ in range(4):
        work.fill(0.0)
        for i in range(3):
            for j in range(3):
                for k in range(3):
                    work[i] += t[i, j, k] * x[j] * x[k]
        x[:] = work / np.linalg.norm(work)
    return x, work


@case(lambda r: (nrm(r, 3, 5), pos(r, 3)), (0, 1))
def neural_ode_adjoint_free(ws, x0):
    """A small neural flow by Heun's method: weight slices, a bias column, ternaries for the activation."""
    x = x0.copy()
    for step in range(4):
        k = np.zeros((2, 3))
        y = x.copy()
        for stage in range(2):
            for i in range(3):
                z = ws[i, 3] + ws[i, 4] * step * 0.1
                for j in range(3):
                    z += ws[i, j] * y[j]
                k[stage, i] = z if z > 0 else math.expm1(z)
            y = x + 0.1 * k[0]
        x = x + 0.05 * (k[0] + k[1])
    return x


@case(lambda r: (nrm(r, 4, 4), nrm(r, 4)), (0, 1))
def row_swap_tuple_of_copies(a0, b):
    """Gauss–Jordan elimination, rows swapped by a tuple of copies on an augmented matrix."""
    n = b.size
    m = np.empty((n, n + 1))
    m[:, :n] = a0
    m[:, n] = b
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(m[i, k]) > abs(m[p, k]):
                p = i
        if p != k:
            m[k, :], m[p, :] = m[p, :].copy(), m[k, :].copy()
        m[k, :] /= m[k, k]
        for i in range(n):
            if i != k:
                m[i, :] -= m[i, k] * m[k, :]
    return m[:, n]


@case(lambda r: (nrm(r, 4, 3), nrm(r, 12, 2)), (0, 1))
def kmeans_with_empty_guard(c0, pts2):
    """Lloyd's iterations: assignment by argmin, centres by masked means."""
    c = c0[:3, :2].copy()
    label = np.zeros(pts2.shape[0], dtype=np.int64)
    for _ in range(3):
        for i in range(pts2.shape[0]):
            label[i] = np.argmin(np.sum((c - pts2[i]) ** 2, axis=1))
        for k in range(3):
            if np.sum(label == k) > 0:
                c[k, 0] = pts2[label == k, 0].mean()
                c[k, 1] = pts2[label == k, 1].mean()
    return c


@case(lambda r: (pos(r, 6), 1.3, 0.4), (0, 1, 2))
def sir_epidemic_default_arguments(obs, beta, gamma=0.5, n=100.0):
    """A compartment model fitted to observations, default arguments."""
    s, i = n - 1.0, 1.0
    sse = 0.0
    for t in range(len(obs)):
        new = beta * s * i / n * 0.2
        rec = gamma * i * 0.2
        s, i = s - new, i + new - rec
        sse += (i - obs[t]) ** 2
    return sse


@case(lambda r: (nrm(r, 6), 0.8), (0, 1))
def fused_lasso_dual(y, lam):
    """Total-variation denoising by projected gradient on the dual, np.clip, np.diff."""
    z = np.zeros(y.size - 1)
    for _ in range(6):
        x = y.copy()
        x[:-1] += z
        x[1:] -= z
        z = np.clip(z + 0.25 * np.diff(x), -lam, lam)
    x = y.copy()
    x[:-1] += z
    x[1:] -= z
    return x


@case(lambda r: (f32(nrm(r, 8)), f32(pos(r, 3))), (0, 1))
def filter_bank_mixed_precision(x, taps):
    """Single-precision signal, double-precision accumulator, result in single precision."""
    out = np.zeros(x.size - taps.size + 1, dtype=np.float32)
    for i in range(out.size):
        acc = 0.0
        for k in range(taps.size):
            acc += x[i + k] * taps[k]
        out[i] = acc / (1.0 + acc * acc)
    return out


@case(lambda r: (nrm(r, 9), 0.4), (0, 1))
def running_sum_by_overlapping_slices(x, w):
    """In-place updates between overlapping slices of one array."""
    u = x.copy()
    u[1:] += w * u[:-1]
    u[:-2] -= u[2:]
    u[1:] = u[:-1]
    return u


@case(lambda r: (nrm(r, 9),))
def prefix_sum_in_place(x):
    """A prefix sum by one in-place operator between overlapping views, which Numba runs from the left without a buffer."""
    u = x.copy()
    u[1:] += u[:-1]
    return u


@case(lambda r: (nrm(r, 9), 0.4), (0, 1))
def palindrome_in_place(x, w):
    """An array plus its own reversal, added in place (reads and writes overlap)."""
    u = x.copy()
    u += u[::-1].copy()
    u[:] = w * u[::-1]
    return u * x


@case(lambda r: (nrm(r, 4, 5) + 2.0 * np.eye(4, 5),))
def gauss_jordan_pivot_view(a0):
    """Gauss–Jordan whose pivot row is a view that the sweep itself divides, and that is read afterwards."""
    a = a0.copy()
    for k in range(a.shape[0]):
        pivot = a[k]
        pivot /= a[k, k]
        for i in range(a.shape[0]):
            if i == k:
                continue
            row = a[i]
            row -= a[i, k] * pivot
    return a[:, -1]


@case(lambda r: (spread(r, 8), num(r)), (0, 1))
def search_then_index_after_loop(x, level):
    """A linear search whose loop variable is used after the break; another loop that never runs."""
    xs = np.sort(x)
    i = 0
    for i in range(1, xs.size):
        if xs[i] > 0.0:
            break
    frac = -xs[i - 1] / (xs[i] - xs[i - 1])
    last = level
    for j in range(0):
        last = frac * j
    return (i + frac) * last


@case(lambda r: (nrm(r, 8), 2), (0,))
def moving_average_clipped_windows(x, half):
    """A moving average and spread with windows clipped at both ends by the slice."""
    n = x.size
    out = np.zeros((2, n))
    for i in range(n):
        win = x[max(0, i - half):i + half + 1]
        out[0, i] = np.mean(win)
        out[1, i] = np.sqrt(np.sum((win - out[0, i]) ** 2) / win.size + 0.1)
    return out


@case(lambda r: (nrm(r, 8), 0.5), (0, 1))
def lagged_products_with_empty_slices(x, w):
    """Autocovariances by slices whose lag zero and whose longest lag are the whole array and nothing."""
    n = x.size
    out = np.zeros(n + 1)
    for k in range(n + 1):
        out[k] = w ** k * np.sum(x[k:] * x[:n - k])
    return out


@case(lambda r: (nrm(r, 3, 4),))
def contiguous_alias_written(a):
    """Scaling through np.ascontiguousarray of a fresh matrix (the same memory) and of a transpose (a copy)."""
    m = a.copy()
    same = np.ascontiguousarray(m)
    same[0, :] *= 2.0
    other = np.ascontiguousarray(m.T)
    other[0, :] = other[1, :] ** 2
    m[1] += same[0]
    return m, other


@case(lambda r: (nrm(r, 6), num(r)), (0, 1))
def early_return_after_writes(x, tol):
    """A relaxation in a callee-like loop that writes before it may return from inside two loops."""
    y = x.copy()
    for sweep in range(20):
        worst = 0.0
        for i in range(1, y.size - 1):
            new = 0.5 * (y[i - 1] + y[i + 1])
            worst = max(worst, abs(new - y[i]))
            y[i] = new
            if worst < 1e-4 * tol:
                return y, worst, sweep
        if worst < 0.05 * tol:
            return y * tol, worst, sweep
    return y, 0.0, -1


@case(lambda r: (nrm(r, 5), pos(r, 5)), (0, 1))
def loop_variable_reassigned(x, w):
    """Strided visits by arithmetic on the loop variable, and a bound changed inside the loop."""
    n = x.size
    s = 0.0
    for i in range(n):
        i = (2 * i + 1) % n
        n = n + 1 if n < 7 else n
        s = s * w[i % 5] + x[i % 5] ** 2
    return s * n


@case(lambda r: (pos(r, 8), 5), (0,))
def xorshift_shuffle(x, seed):
    """A Fisher–Yates shuffle on a xorshift generator of unsigned integers; then a position-weighted sum."""
    y = x.copy()
    state = np.uint64(seed)
    for i in range(y.size - 1, 0, -1):
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
        j = int(state % np.uint64(i + 1))
        y[i], y[j] = y[j], y[i]
    return np.sum(np.arange(y.size) * y ** 2)


@case(lambda r: (nrm(r, 3, 3), nrm(r, 3, 3), 5), (0, 1))
def matrix_power_binary(a, b, n):
    """A matrix power by repeated squaring, rebinding the matrices, times another."""
    result = np.eye(3)
    base = 0.5 * a
    while n > 0:
        if n & 1:
            result = result @ base
        base = base @ base
        n >>= 1
    return result @ b


@case(lambda r: (nrm(r, 4, 6), nrm(r, 6), 0.1), (0, 1, 2))
def perceptron_epochs_with_flag(x, w0, rate):
    """Margin updates over samples until an epoch changes nothing; a boolean flag carries between loops."""
    w = w0.copy()
    changed = True
    epochs = 0
    while changed and epochs < 15:
        changed = False
        for i in range(x.shape[0]):
            sign = 1.0 if i % 2 == 0 else -1.0
            if sign * np.dot(x[i], w) < 0.5:
                w += rate * sign * x[i]
                changed = True
        epochs += 1
    return w


@case(lambda r: (pos(r, 4), nrm(r, 4, 3)), (0, 1))
def swap_row_views_in_tuple(d, a0):
    """A selection sort of rows by key, rows exchanged element by element in an inner function that writes."""
    a = a0.copy()
    key = d.copy()

    def exchange(i, j):
        for k in range(a.shape[1]):
            t = a[i, k]
            a[i, k] = a[j, k]
            a[j, k] = t
        key[i], key[j] = key[j], key[i]

    for i in range(key.size):
        m = i
        for j in range(i + 1, key.size):
            if key[j] < key[m]:
                m = j
        if m != i:
            exchange(i, m)
    return key[:, np.newaxis] * a * np.arange(1, 5).reshape(-1, 1)


@case(lambda r: (nrm(r, 5), 1.1), (0, 1))
def pointer_jumping_branches(x, a):
    """Arrays chosen by branches in a loop, then written: which buffer is which depends on the data."""
    p = x.copy()
    q = 2.0 * x
    for i in range(x.size):
        if p[i] > 0.0:
            target, other = p, q
        else:
            target, other = q, p
        target[i] = a * other[i] + math.sin(target[i - 1])
        if i == 2:
            p, q = q, p
    return p + q * x


@case(lambda r: (nrm(r, 6), 0.3), (0, 1))
def aliases_of_one_zero_array(x, c):
    """Chained assignment gives two names to one accumulator."""
    a = b = np.zeros(x.size)
    for i in range(x.size):
        a[i] += c * x[i]
        b[i] *= 1.0 + x[i]
    return a * b


@case(lambda r: (nrm(r, 5, 4), nrm(r, 4)), (0, 1))
def online_statistics_welford(rows, shift):
    """Welford's running mean and covariance; the old mean kept by copy, row by row."""
    n, d = rows.shape
    mean = np.zeros(d)
    m2 = np.zeros((d, d))
    count = 0
    for row in rows:
        count += 1
        delta = row + shift - mean
        mean += delta / count
        m2 += np.outer(delta, row + shift - mean)
    return mean, m2 / (count - 1)


@case(lambda r: (nrm(r, 7), nrm(r, 3)), (0, 1))
def convolution_full_backward_loop(x, k):
    """The full convolution by guarded indices, run backward over the output."""
    out = np.zeros(x.size + k.size - 1)
    for i in range(out.size - 1, -1, -1):
        for j in range(k.size):
            if 0 <= i - j < x.size:
                out[i] += k[j] * x[i - j]
        if i + 1 < out.size:
            out[i] += 0.1 * out[i + 1]
    return out


@case(lambda r: (pos(r, 6),))
def builtin_sum_max_over_arrays(x):
    """Python's own sum, max, min and abs over an array, and over tuples."""
    return sum(x) / max(x) + min(x[1:]) * abs(x[0] - x[1]) + sum((x[0], x[1] ** 2, 3.0)) + max(x[2], 0.1, x[3] - 5.0)


@case(lambda r: (pos(r, 3, 3), 0.5), (0, 1))
def sinkhorn_balancing(cost, eps):
    """Sinkhorn's iterations of entropic transport, scalings by broadcasting, to a tolerance."""
    k = np.exp(-cost / eps)
    u = np.ones(3)
    v = np.ones(3)
    err = 1.0
    while err > 1e-11:
        u = (1.0 / 3.0) / (k @ v)
        v = (1.0 / 3.0) / (k.T @ u)
        err = np.abs(u * (k @ v) - 1.0 / 3.0).sum()
    plan = u.reshape(3, 1) * k * v
    return np.sum(plan * cost)


@case(lambda r: (nrm(r, 2, 3), 'periodic'), (0,))
def boundary_by_string(u, kind):
    """A stencil whose boundary is chosen by a string argument."""
    if kind == 'periodic':
        return u + np.roll(u, 1)
    return u


@case(lambda r: (nrm(r, 6),))
def interpolate_table(x):
    """A lookup with np.interp, np.searchsorted and np.digitize on a constant table."""
    xp = np.array([-3.0, -1.0, 0.05, 1.5, 3.5])
    fp = np.array([0.0, 2.0, -1.0, 0.5, 4.0])
    y = np.interp(x, xp, fp)
    for i in range(x.size):
        k = np.searchsorted(xp, x[i])
        y[i] += fp[min(k, 4)] * x[i]
    return y


@case(lambda r: (nrm(r, 4, 4),))
def mixed_numpy_reductions(a):
    """Assorted reductions: trace, Frobenius norm, ptp, cumprod, argmax of the flattened matrix, any and all."""
    flat = a.ravel()
    k = np.argmax(flat)
    scale = 2.0 if np.any(a > 0.0) and not np.all(a > 0.0) else 1.0
    return scale * np.trace(a) + np.linalg.norm(a) + flat[k] ** 2 + np.cumprod(a[0])[-1] + np.std(a) + np.ptp(a[1])
