"""Source -> compiled function: emitted code is registered with `linecache`, so that tracebacks and debuggers show it, and
compiled by Numba with the options of the user's function."""
import hashlib
import linecache
import math

import numba
import numpy as np

OPTIONS = ("fastmath", "error_model", "boundscheck", "nogil")


def load(source, namespace, name):
    """The Python function of an emitted source."""
    file = f"<dualtape {name} {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space = {"np": np, "math": math, **namespace}
    exec(compile(source, file, "exec"), space)
    return space[name]


def options_of(fn):
    """What the derivative inherits of a dispatcher's options."""
    given = getattr(fn, "targetoptions", {})
    return {k: given[k] for k in OPTIONS if given.get(k)}


def compiled(source, namespace, name, options):
    """The compiled function of an emitted source."""
    return numba.njit(**options)(load(source, namespace, name))
