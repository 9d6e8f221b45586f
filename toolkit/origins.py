"""Origins: what a derivative is made of, in a text, so that a process which finds it kept need not derive it.

A function is its code, the text of its file, its defaults, and what the names in it stand for: numbers and arrays by value,
functions in the same way, names of modules by what the function may look up there. More names are followed than are looked up
(an attribute may be called like something global), so that a text may differ without need; it is never the same where a
derivation could come to something else. None where that cannot be told: an object, whose state anything may change; a function
with a derivative of its own, whose rules stand elsewhere; code without a file.
"""
import hashlib
import inspect
import linecache
import types

from .cache import KNOWN, fingerprint
from .host import Dispatcher


class Untold(Exception):
    """There is no text that says it in another process."""


def origin(value):
    """The text of a function, or of what else a derivative is made of; None where there is none."""
    try:
        return hashlib.sha256(repr(Origins().of(value)).encode()).hexdigest()
    except Untold:
        return None


class Origins:
    """What is met on the way from one function to all that it uses."""

    def __init__(self):
        self.met = {}               # id of a function, or of a module as it is seen from one -> its number

    def of(self, value, names=()):
        """What a value is. `names`: what may be looked up in it, where it is a module."""
        if isinstance(value, types.ModuleType):
            return self.once((id(value), names), lambda: self.module(value, names))
        told = fingerprint(value)
        if told is not None:
            return told
        if isinstance(value, types.FunctionType):
            return self.once(id(value), lambda: self.function(value))
        if isinstance(value, Dispatcher):
            return "njit", sorted(map(repr, value.targetoptions.items())), self.of(value.py_func)
        if type(value) in (tuple, list):
            return type(value).__name__, [self.of(v) for v in value]
        if hasattr(type(value), "origin") and known(type(value)):
            return type(value).__name__, [(name, self.of(part)) for name, part in sorted(value.origin().items())]
        raise Untold

    def once(self, key, tell):
        """What `tell` says, or that it was said before."""
        if key in self.met:
            return "again", self.met[key]
        self.met[key] = len(self.met)
        return tell()

    def module(self, value, names):
        if value.__name__.split(".")[0] in KNOWN:
            return value.__name__
        there = vars(value)
        if "__getattr__" in there:
            raise Untold
        return value.__name__, [(n, self.of(there[n], names)) for n in names if n in there]

    def function(self, fn):
        code = fn.__code__
        linecache.checkcache(code.co_filename)
        text = "".join(linecache.getlines(code.co_filename, fn.__globals__))
        if not text or hasattr(fn, "card"):
            raise Untold
        cells = [self.cell(c) for c in fn.__closure__ or ()]
        defaults = self.of(fn.__defaults__ or ()), [(n, self.of(v)) for n, v in sorted((fn.__kwdefaults__ or {}).items())]
        names = tuple(sorted({n for c in codes(code) for n in c.co_names}))
        seen = [(n, self.of(fn.__globals__[n], names)) for n in names if n in fn.__globals__]
        return hashlib.sha256(text.encode()).hexdigest(), code.co_filename, *map(said, codes(code)), cells, defaults, seen

    def cell(self, cell):
        try:
            return self.of(cell.cell_contents)
        except ValueError:          # not bound yet
            return "empty"


def known(kind):
    """Is it a class of this package's?"""
    return kind.__module__.split(".")[0] == __package__


def codes(code):
    """A code object, and those of the functions that are defined in it."""
    yield code
    for inside in filter(inspect.iscode, code.co_consts):
        yield from codes(inside)


def said(code):
    """What a code object does, without those inside it."""
    plain = [c for c in code.co_consts if not inspect.iscode(c)]
    return (code.co_qualname, code.co_firstlineno, code.co_code, repr(plain), code.co_names, code.co_varnames, code.co_freevars,
            code.co_cellvars, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
