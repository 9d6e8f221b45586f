"""Calls from Python: a derivative takes its arguments by their names, as the function does, so that Python gathers them neither
in a tuple nor in a dictionary. That is half of what a call costs on top of the compiled code's own.
"""
import functools

from . import tape
from .errors import DualtapeError

MET = (tape.Uneven, DualtapeError, MemoryError)     # what a transform has something to say about


def by_name(transform, names):
    """Let a transform be called by the names of its parameters. None of them may have a default: what is left out is known to
    the compiled code alone."""
    transform.__class__ = kind_of_calls(type(transform), tuple(names))


@functools.cache
def kind_of_calls(kind, names):
    """The class of those transforms of a kind that have parameters of these names."""
    given, (me, more, met, error) = ", ".join(names), (unused(name, names) for name in ("self", "more", "MET", "error"))
    call = (f"def __call__({me}, {given}, *{more}):\n"
            f"    try:\n"
            f"        return {me}.entry({given}, *{more}) if {more} else {me}.entry({given})\n"
            f"    except {met} as {error}:\n"
            f"        return {me}.met({error}, {given})\n")
    space = {met: MET}
    exec(call, space)
    space["__call__"].__qualname__ = kind.title         # as which Python knows it where arguments are missing
    return type(kind.__name__, (kind,), {"__call__": space["__call__"], "__module__": kind.__module__})


def unused(name, names):
    """The name, or one like it that is none of some names."""
    while name in names:
        name += "_"
    return name
