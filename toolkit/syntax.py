"""What is read of a Python function: its syntax, its parameters, and the names that it sees.

The syntax is the node of the file that the function's code object was compiled from, so that decorators, renaming and several
lambdas on one line cannot lead to another function's text.
"""
import ast
import builtins
import functools
import inspect

from .errors import UsageError
from .host import Dispatcher

FLAWS = {inspect.Parameter.VAR_POSITIONAL: "*{}", inspect.Parameter.VAR_KEYWORD: "**{}",
         inspect.Parameter.KEYWORD_ONLY: "the keyword-only parameter {}"}


def python_function(fn):
    """The plain function behind a dispatcher, or behind a function with a derivative of its own."""
    return fn.py_func if isinstance(fn, Dispatcher) else fn.__wrapped__ if hasattr(fn, "card") else fn


def title(fn):
    """What a function is called in errors."""
    return getattr(fn, "__name__", None) or type(fn).__name__


def parameters(fn):
    """The parameters of a function: name -> inspect.Parameter."""
    return inspect.signature(python_function(fn), follow_wrapped=False).parameters


def require_function(fn, what):
    """Require a Python function (or a dispatcher of one) whose parameters all have names."""
    plain = python_function(fn)
    if not inspect.isfunction(plain):
        name = title(plain)
        instead = f": wrap it in one, as lambda x: {name}(x)" if callable(plain) else ""
        raise UsageError(f"{what} takes a Python function or an @njit one, and {name} is not{instead}")
    for name, p in parameters(plain).items():
        if p.kind in FLAWS:
            raise UsageError(f"{title(plain)} takes {FLAWS[p.kind].format(name)}: give it parameters that can be passed in order")


def syntax(fn):
    """(node, file) of a function: ast.FunctionDef or ast.Lambda. Raises UsageError where there is no source."""
    code = fn.__code__
    try:
        lines, _ = inspect.findsource(code)
        definitions = _definitions("".join(lines))
    except (OSError, SyntaxError):
        raise UsageError(f"{title(fn)} has no source that can be read: define it in a file (or a notebook cell), not by exec "
                         "or in the interactive prompt") from None
    found = [n for n in definitions if _begins(n, code)]
    if len(found) > 1:
        found = [n for n in found if _spans(n, code)]
    if len(found) != 1:
        raise UsageError(f"the source of {title(fn)} is not what it was compiled from: has {code.co_filename} changed?")
    return found[0], code.co_filename


@functools.lru_cache(64)
def _definitions(text):
    """The functions and lambdas of a file."""
    return [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.Lambda)]


def _begins(node, code):
    """Does this definition begin where the code object says, under its name?"""
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    return code.co_name == node.name and min(n.lineno for n in (node, *node.decorator_list)) == code.co_firstlineno


def _spans(node, code):
    """Does the code object stem from exactly this lambda's body?"""
    places = [(p[0], p[2], p[1], p[3]) for p in code.co_positions() if None not in p and p[3] > 0]
    body = node.body
    return isinstance(node, ast.Lambda) and (min(p[:2] for p in places), max(p[2:] for p in places)) == (
        (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset))


def outer_names(fn):
    """name -> (found, value): closure, module, builtins."""
    cells = dict(zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True))

    def names(name):
        if name in cells:
            try:
                return True, cells[name].cell_contents
            except ValueError:
                return False, None
        if name in fn.__globals__:
            return True, fn.__globals__[name]
        return hasattr(builtins, name), getattr(builtins, name, None)
    return names
