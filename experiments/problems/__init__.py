"""The problems of `python -m experiments peers`: a file each, found by its name. Here is what they share.

A problem has a TITLE, its SIZES, `arguments(**size)`, the ARGNUMS that are differentiated, and one `loss` in the words of
each system: `loss` (Numba's), `jax_loss`, `torch_loss`, `autograd_loss` (or None, and why, in the comment behind it), and
`by_hand`, the adjoint that an expert would write. `dace_loss()` returns the program, which is typed where it is written, and
whose arguments are `loss`'s and those of `dace_more(*arguments)`, if there are any. Where the task is not the gradient of a
number, `ours()`, `jax_system()`, `torch_system()` and `autograd_system()` return the function to call instead:
`(*arguments) -> (value, (derivative, ...))`.
"""

import importlib
import inspect
import pkgutil
import re
from types import ModuleType

import numpy as np


def names() -> list[str]:
    """All problems that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")


def describe(size: dict[str, int]) -> str:
    """{"n": 1000, "k": 5} as "n=1,000 k=5"."""
    return " ".join(f"{key}={value:,}" if isinstance(value, int) else f"{key}={value}" for key, value in size.items())


def why_not(problem: ModuleType, name: str) -> str:
    """The comment on a `jax_loss = None`, behind it or above it."""
    source = inspect.getsource(problem)
    found = re.search(rf"^((?:#.*\n)*){name} = None *(#.*)?$", source, re.MULTILINE)
    comment = found and (found[2] or found[1])
    return " ".join(line.lstrip("# ") for line in comment.splitlines()) if comment else "cannot be expressed"


def relative_error(found, expected) -> float:
    """‖found − expected‖ / ‖expected‖."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        return np.inf
    return float(np.linalg.norm((found - expected).ravel()) / max(np.linalg.norm(expected.ravel()), np.finfo(float).tiny))
