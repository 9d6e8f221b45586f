"""The laws of `toolkit.check`, also on the emitted Python itself (no compilation)."""
from toolkit.check import check_grads, flat, floats, fresh, inner, like, moved  # noqa: F401  (used by the tests)


def interpreted(t, args):
    """The emitted Python of a transform, as Python runs it."""
    return t.py_func


def derivative(t, args, compile=True):
    """A transform, compiled or as Python runs it."""
    return t if compile else interpreted(t, args)


def check(fn, args, argnums, compile=True, order=1):
    """The laws at one point."""
    check_grads(fn, args, argnums, order=order, run=(lambda t, a: t) if compile else interpreted)
