"""Compiled derivatives, kept between processes: `python -m toolkit cache` says where, and how much; `--clear` removes them.

An entry is named after all that the machine code depends on (the emitted source and the constants it names, the types, the
options, this package's own source, Python, NumPy, Numba, LLVM, the processor), so that it is never stale, and is written
whole or not at all. Beside it stands its name, under what the derivative was made of (see origins.py), for processes that have
not derived it. What cannot be read is compiled again; what cannot be written is said once. What Numba was asked of types
is kept, too, since it compiles some of its answers. Where it all lies is said by DUALTAPE_CACHE_DIR (`off`: nowhere), else by
NUMBA_CACHE_DIR, else it is the user's folder of caches.
"""
import contextlib
import functools
import hashlib
import os
import pickle
import platform
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from numba import types

from . import host, tape

LIMIT = 2**30           # bytes: beyond this, what was not used for longest is removed
PLAIN = (types.Number, types.Boolean, types.Array, types.NoneType, types.NumberClass, types.DType, types.SliceType, types.Literal)
KNOWN = (__package__, "numpy", "numba", "math", "operator", "_operator", "builtins")


class CacheWarning(UserWarning):
    """A compiled derivative could not be kept: each process compiles it again."""


def folder():
    """Where compiled derivatives are kept; None: nowhere."""
    said = os.environ.get("DUALTAPE_CACHE_DIR")
    if said == "off":
        return None
    return Path(said).expanduser() if said else host.cache_folder("dualtape")


# ---- what an entry depends on
@functools.cache
def stamp():
    """Of this package's source, and of what compiles it, for this processor."""
    made = hashlib.sha256(repr((platform.python_version(), np.__version__, host.versions(), tape.MEMORY)).encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        made.update(path.read_bytes())
    return made.hexdigest()


def fingerprint(value):
    """A text that says what a constant of emitted code is; None where that cannot be told in another process."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return f"{value.dtype.str} {value.shape} {value.strides} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, np.generic | int | float | str | bytes | None) and type(value).__module__ in ("numpy", "builtins"):
        return f"{type(value).__name__} {value!r}"
    if type(value) is tuple:
        parts = [fingerprint(v) for v in value]
        return None if None in parts else repr(parts)
    module, name = getattr(value, "__module__", None) or "", getattr(value, "__name__", "")
    if module.split(".")[0] in KNOWN and getattr(sys.modules.get(module), name, None) is value:
        return f"{module}.{name}"
    return None


def digest(source, namespace):
    """What emitted code is, source and constants; None where it holds what another process may know as something else."""
    parts = [(name, fingerprint(value)) for name, value in sorted(namespace.items())]
    return None if any(p is None for _, p in parts) else hashlib.sha256(repr((source, parts)).encode()).hexdigest()


def plain(t):
    """Does a type mean the same in every process?"""
    if isinstance(t, types.BaseTuple):
        return not hasattr(t, "instance_class") and all(map(plain, t.types))
    if isinstance(t, types.ListType | types.List):
        return plain(t.dtype)
    return isinstance(t, PLAIN) or (isinstance(t, types.Omitted) and fingerprint(t.value) is not None)


def key(code, args, options):
    """The name of an entry: None where what it would hold cannot be kept."""
    if code is None or folder() is None or not all(map(plain, args)):
        return None
    return hashlib.sha256(repr((stamp(), code, [str(t) for t in args], sorted(map(repr, options.items())))).encode()).hexdigest()


# ---- what Numba has answered
ANSWERS = {}            # folder -> {question: type}


def answers():
    """{question: type}: what inference has asked Numba, in this process and in earlier ones. It compiles some of its answers."""
    where = folder()
    if where not in ANSWERS:
        ANSWERS[where] = kept_answers()
    return ANSWERS[where]


def kept_answers():
    """Those that stand on disk."""
    data = read(stamp()) if folder() else None
    try:
        return pickle.loads(data) if data else {}
    except Exception:           # whole, and of this very version, but not to be had in this process
        return {}


def keep_answers():
    """Keep what was asked since."""
    known = kept_answers() if folder() else answers()
    if not answers().keys() <= known.keys():
        write(stamp(), pickle.dumps(known | answers()))


def question(fn, args):
    """What type fn(args) has, as another process would ask it; None where it may mean something else there."""
    name = fingerprint(fn)
    return (name, *map(str, args)) if name and all(map(plain, args)) else None


# ---- entries
def read(name):
    """The bytes of an entry; None where there is none that is whole."""
    try:
        path = folder() / name
        data = path.read_bytes()
    except OSError:
        return None
    check, payload = data[:32], data[32:]
    if hashlib.sha256(payload).digest() != check:
        return None
    with contextlib.suppress(OSError):      # a folder that can only be read
        os.utime(path)
    return payload


def write(name, payload):
    """Keep the bytes of an entry. Warns, once, where they cannot be kept."""
    try:
        where = folder()
        where.mkdir(parents=True, exist_ok=True)
        made_room(where)
        handle, path = tempfile.mkstemp(dir=where, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as f:
                f.write(hashlib.sha256(payload).digest() + payload)
            os.replace(path, where / name)
        except BaseException:
            os.unlink(path)
            raise
    except OSError as e:
        warn(folder(), e.strerror or str(e))


@functools.cache
def warn(where, why):
    """Say, once, that nothing is kept."""
    warnings.warn(f"compiled derivatives are not kept in {where}: {why}. Set DUALTAPE_CACHE_DIR to a folder that can be written, "
                  "or to `off`", CacheWarning, stacklevel=3)


def entries(where):
    """[(when used last, bytes, path)] of what is kept, the longest unused first."""
    found = []
    try:
        for path in where.iterdir():
            if len(path.name) == 64 or path.suffix == ".part":
                about = path.stat()
                found.append((about.st_mtime, about.st_size, path))
    except OSError:                 # not there, or changed by another process meanwhile
        pass
    return sorted(found)


@functools.cache
def made_room(where):
    """Remove what was not used for longest, where more is kept than the limit; once a process."""
    found = entries(where)
    total = sum(size for _, size, _ in found)
    for _, size, path in found:
        if total <= LIMIT:
            break
        path.unlink(missing_ok=True)
        total -= size


def clear():
    """Remove all that is kept; how many entries that were."""
    found = entries(folder()) if folder() else []
    for _, _, path in found:
        path.unlink(missing_ok=True)
    return len(found)
