"""The machine code of derivatives: loops of both sweeps are vector code, as the emitted assembly shows.

In a process of their own, since other tests have LLVM optimise nothing.
"""
import math
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from toolkit import value_and_grad

PACKED = re.compile(r"\sv?(?:add|sub|mul|fn?m(?:add|sub)\d+)pd\s")


def waves(x):
    """Elementary functions, in array code."""
    return np.sum(np.exp(np.sin(x)))


def heat(u, kappa, steps):
    """A stencil of two axes over two buffers, whose reverse gathers."""
    u = u.copy()
    new = u.copy()
    for _ in range(steps):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                around = u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1]
                new[i, j] = u[i, j] + kappa[i, j] * (around - 4.0 * u[i, j])
        u, new = new, u
    s = 0.0
    for i in range(u.shape[0]):
        for j in range(u.shape[1]):
            s += u[i, j] ** 2
    return s


def log_determinant(a):
    """Cholesky's factorisation in place: the reverse only adds, row by row."""
    a = a.copy()
    n, s = a.shape[0], 0.0
    for j in range(n):
        a[j, j] = math.sqrt(a[j, j])
        s += math.log(a[j, j])
        for i in range(j + 1, n):
            a[i, j] /= a[j, j]
            for k in range(j + 1, i + 1):
                a[i, k] -= a[i, j] * a[k, j]
    return s


def cleared(m):
    """A sum of what short loops read and then overwrite."""
    total = 0.0
    for i in range(3):
        m[i] += 1.0
        for j in range(min(m.size, 3)):
            v = m[j]
            m[j] = 0.0
            total += v
    return total


def in_turns(x):
    """Two arrays that a function makes: what is written in one is not in the other."""
    a, b = x.copy(), np.empty_like(x)
    for _ in range(3):
        for i in range(x.size):
            b[i] = np.sin(a[i])
        for i in range(x.size):
            a[i] = a[i] + b[i] * b[i]
    return a.sum()


KERNELS = {
    "waves": (waves, (np.ones(5),), 100),
    "heat": (heat, (np.ones((5, 5)), np.ones((5, 5)), 2), 25),
    "log_determinant": (log_determinant, (np.eye(4),), 15),
}


def packed(name):
    """How many instructions of a gradient work on several numbers at once."""
    fn, args, _ = KERNELS[name]
    gradient = value_and_grad(fn, argnums=0 if name != "heat" else (0, 1))
    gradient(*args)
    assembly, = gradient.entry.inspect_asm().values()
    return len(PACKED.findall(assembly))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors name them otherwise")
@pytest.mark.parametrize("name", KERNELS)
def test_both_sweeps_are_vector_code(name):
    assert int(told(f"import test_vector_code as t; print(t.packed({name!r}))")) >= KERNELS[name][2]


def checks(fn, x):
    """How many loops of a derivative, of those that are vector code, ask before they run whether arrays overlap."""
    fn(x)
    code, = fn.entry.inspect_llvm().values()
    return len(re.findall(r"^vector\.body", code, re.M)), len(re.findall(r"^vector\.memcheck", code, re.M))


@pytest.mark.parametrize("x", ["numpy.ones(7)", "numpy.ones(14)[::2]"])
def test_arrays_that_a_derivative_makes_are_known_apart(x):
    loops, asked = told(f"import numpy, test_vector_code as t; print(*t.checks(t.value_and_grad(t.in_turns), {x}))").split()
    assert int(loops) >= 4
    assert int(asked) == 0


def test_sums_of_what_short_loops_clear_are_right():
    """LLVM read under a mask what was stored in the same step, in all code of the process: the function is plain Numba's."""
    compiled = told("import numba, numpy, test_vector_code as t; print(numba.njit(t.cleared)(numpy.ones(7)))")
    assert float(compiled) == cleared(np.ones(7))


def told(program):
    """What a program prints in a process that optimises."""
    surroundings = {"PYTHONPATH": ":".join(sys.path), "DUALTAPE_CACHE_DIR": "off"}
    return subprocess.run([sys.executable, "-c", program], check=True, text=True, capture_output=True,
                          cwd=Path(__file__).parent, env=surroundings).stdout
