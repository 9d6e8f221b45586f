"""The laws of `toolkit.check`, also on the emitted Python itself (no compilation)."""
import hashlib
import linecache

import numpy as np

from toolkit.check import check_grads, flat, floats, fresh, inner, like, moved  # noqa: F401  (used by the tests)


def from_text(text, name, **scope):
    """The function of a name in a source text, which can be read as if it stood in a file; another one each time."""
    file = f"<{name} {hashlib.sha256(text.encode()).hexdigest()[:16]}>"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    scope = {"np": np, "__name__": "tests", **scope}
    exec(compile(text, file, "exec"), scope)
    return scope[name]


def interpreted(t, args):
    """The emitted Python of a transform, as Python runs it."""
    return t.py_func


def derivative(t, args, compile=True):
    """A transform, compiled or as Python runs it."""
    return t if compile else interpreted(t, args)


def check(fn, args, argnums, compile=True, order=1):
    """The laws at one point."""
    check_grads(fn, args, argnums, order=order, run=(lambda t, a: t) if compile else interpreted)
