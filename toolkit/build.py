"""Source -> function: emitted code is registered with `linecache`, so that tracebacks and debuggers show it, and compiled by
Numba, per argument types, with the options of the user's function, or read from where an earlier process kept it."""
import hashlib
import linecache
import math
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import cache
from .emit import shown, unsigned
from .host import INTRINSICS, keep, only_prange, specialised, tune_process

tune_process()

OPTIONS = ("fastmath", "error_model", "boundscheck", "nogil")


class Made(NamedTuple):
    """A source that was emitted (None: it was not), its Python function, the one that Numba compiles, and what they are called
    between processes (None: not kept)."""
    source: str | None
    function: Callable
    compiled: Callable
    code: str | None


def load(source, namespace, name, code=None):
    """The Python function of an emitted source."""
    source = shown(source)
    mark = (code or hashlib.sha256(source.encode()).hexdigest())[:12]
    file = f"<dualtape {name} {mark}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space = {"np": np, "math": math, "__name__": __name__, **namespace}
    exec(compile(source, file, "exec"), space)
    space[name].__qualname__ = f"{name}_{mark}"     # of which Numba makes symbols: they may meet those of another process
    return space[name]


def made(source, namespace, name):
    """What is made of a function that was emitted."""
    code = cache.digest(source, namespace)
    compiled = load(unsigned(source), namespace | INTRINSICS, name, code)
    return Made(shown(source), load(source, namespace, name, code), compiled, code)     # the last is what linecache shows


def options_of(fn):
    """What the derivative inherits of a dispatcher's options."""
    given = getattr(fn, "targetoptions", {})
    return {k: given[k] for k in OPTIONS if given.get(k)} | ({"parallel": only_prange()} if given.get("parallel") else {})


def entrance(name, names, defaults, make, options, origin=lambda: None):
    """The dispatcher of a derivative: its parameters, and what make(types), a Made, compiles for argument types. `origin`: says
    what it is made of, for other processes (see origins.py)."""
    heads = ", ".join(f"{n}=default_{n}" if n in defaults else n for n in names)
    space = {f"default_{n}": v for n, v in defaults.items()}
    exec(f"def {name}({heads}):\n    pass\n", space)
    entry = specialised(space[name], lambda args: make(args).compiled, options)
    keep(entry, lambda args: kept_name(make, args, options, origin), cache.read, cache.write)
    return entry


def kept_name(make, args, options, origin):
    """The name under which a derivative is kept: as it was called when it was derived from what it is made of, or derived now."""
    derived = cache.key(origin(), args, options) if cache.folder() else None
    name = derived and cache.read(derived)
    if name and re.fullmatch(rb"[0-9a-f]{64}", name):
        return name.decode()
    name = cache.key(make(args).code, args, options)
    if name and derived:
        cache.write(derived, name.encode())
    return name
