"""The laws of `toolkit.check`, also on the emitted Python itself (no compilation)."""
import numba

from toolkit.build import load
from toolkit.check import check_grads, flat, floats, fresh, inner, like, moved  # noqa: F401  (used by the tests)
from toolkit.emit import emit
from toolkit.program import pruned


def interpreted(t, args):
    """The emitted Python of a transform, as Python runs it."""
    program = pruned(t.program(tuple(map(numba.typeof, args))))
    source, namespace, name = emit(program, t.__name__)
    return load(source, namespace, name)


def derivative(t, args, compile=True):
    """A transform, compiled or as Python runs it."""
    return t if compile else interpreted(t, args)


def check(fn, args, argnums, compile=True, order=1):
    """The laws at one point."""
    check_grads(fn, args, argnums, order=order, run=(lambda t, a: t) if compile else interpreted)
