"""Source -> function: emitted code is registered with `linecache`, so that tracebacks and debuggers show it, and compiled by
Numba, per argument types, with the options of the user's function."""
import hashlib
import linecache
import math

import numpy as np

from .host import only_prange, specialised

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
    return {k: given[k] for k in OPTIONS if given.get(k)} | ({"parallel": only_prange()} if given.get("parallel") else {})


def entrance(name, names, defaults, implementation, options):
    """The dispatcher of a derivative: its parameters, and the Python function that it compiles for argument types."""
    heads = ", ".join(f"{n}=default_{n}" if n in defaults else n for n in names)
    space = {f"default_{n}": v for n, v in defaults.items()}
    exec(f"def {name}({heads}):\n    pass\n", space)
    return specialised(space[name], implementation, options)
