"""Numba's private interfaces: the only module that imports `numba.core` or `numba.np`, so that a new release of Numba is met
in one place. What is public (`numba.types`, `numba.extending`, `numba.njit`) each module imports for itself.
"""
import warnings

import numba
from numba.core import cgutils
from numba.core.compiler import Flags
from numba.core.cpu import ParallelOptions
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError, NumbaPerformanceWarning
from numba.core.registry import cpu_target
from numba.core.targetconfig import ConfigStack
from numba.core.typeconv import Conversion
from numba.np.numpy_support import as_dtype

__all__ = ["Conversion", "Dispatcher", "NumbaError", "NumbaPerformanceWarning", "as_dtype", "cgutils", "only_prange",
           "specialised", "typing_context"]


def only_prange():
    """The option `parallel` for loops with prange alone. Array statements stay serial: of a derivative, more of them overlap."""
    others = ("comprehension", "fusion", "inplace_binop", "numpy", "reduction", "setitem", "stencil")
    return ParallelOptions(dict.fromkeys(others, False))


def typing_context():
    """Numba's typing context of the CPU, with every registry loaded: it types one operation without generating its code."""
    cpu_target.target_context.refresh()
    cpu_target.typing_context.refresh()
    return cpu_target.typing_context


def specialised(heading, implementation, options):
    """A dispatcher with the parameters of `heading` that compiles the function `implementation(types)` for argument types.

    One dispatcher, called from Python and from compiled code, and nothing between it and the function: a wrapper would have
    LLVM compile what it calls once more. Types are asked for under the flags of the compilation to come, because Numba keeps
    what it compiles for an answer under its flags.
    """
    dispatcher = numba.njit(**options)(heading)

    def specialise(args, kws):
        flags = Flags()
        dispatcher.targetdescr.options.parse_as_flags(flags, dispatcher.targetoptions)
        with ConfigStack().enter(flags):
            return implementation(tuple(args))

    dispatcher._compiler._get_implementation = specialise
    if "parallel" in options:
        dispatcher._compiler.compile = quiet(dispatcher._compiler.compile)
    return dispatcher


def quiet(compile):
    """Without Numba's remark that it has made nothing parallel, which it makes of each array expression beside a prange."""
    def compiled(args, return_type):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\s*The keyword argument 'parallel=True'", NumbaPerformanceWarning)
            return compile(args, return_type)
    return compiled
