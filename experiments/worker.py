"""The process of one system in `python -m experiments peers`: it prepares a problem, checks it, and times it when asked.

Requests and replies are lines of JSON: {"do": "prepare", "problem": "rosenbrock", "size": 0, "reference": "file.npz"} makes
the call and runs it, {"do": "time", "calls": 100} times it. `by_hand` writes the reference that the others are held against;
{"do": "tiny", ...} has `experiments.calls` measured.
A system is imported before anything else is, so that a fresh process can say how long its first derivative takes.
"""

import contextlib
import ctypes
import functools
import gc
import inspect
import json
import os
import sys
import tempfile
import time
import traceback
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from timeit import Timer
from types import ModuleType

import numpy as np

TOLERANCE = 1e-6  # of every gradient, relative to its norm


class Absent(Exception):
    """A problem that a system has no words for."""


# --- the systems: each makes of a problem and its arguments a call without arguments, and what turns its result into NumPy ---


@functools.cache
def compiled(problem: ModuleType, what: str) -> Callable:
    """One function of Numba's serves all sizes of a problem."""
    if what == "ours" and hasattr(problem, "ours"):
        return problem.ours()
    if what == "plain":
        import numba

        return numba.njit(problem.loss, cache="NUMBA_CACHE_DIR" in os.environ)
    import toolkit

    return (toolkit.value_and_grad if what == "ours" else toolkit.jvp)(problem.loss, argnums=problem.ARGNUMS)


def plain(problem: ModuleType, arguments: tuple):
    return functools.partial(compiled(problem, "plain"), *arguments), lambda out: (out, ())


def by_hand(problem: ModuleType, arguments: tuple):
    return functools.partial(problem.by_hand, *arguments), lambda out: out


def ours(problem: ModuleType, arguments: tuple):
    return functools.partial(compiled(problem, "ours"), *arguments), lambda out: out


def jvp(problem: ModuleType, arguments: tuple):
    if hasattr(problem, "ours"):
        raise Absent("the task is not a gradient")
    tangents = tuple(directions(problem, arguments))
    return functools.partial(compiled(problem, "jvp"), arguments, tangents), lambda out: out


def jax(problem: ModuleType, arguments: tuple):
    import jax

    floats = [i for i, argument in enumerate(arguments) if _is_float_array(argument) or i in problem.ARGNUMS]
    on_device = [jax.device_put(np.asarray(arguments[i], float)) for i in floats]
    system = _system(problem, "jax")

    def closed(*given):  # sizes and integers are constants, as under static_argnums
        whole = list(arguments)
        for i, argument in zip(floats, given, strict=True):
            whole[i] = argument
        return system(*whole)

    if not hasattr(problem, "jax_system"):
        closed = jax.jit(jax.value_and_grad(closed, argnums=tuple(floats.index(i) for i in problem.ARGNUMS)))
    return lambda: jax.block_until_ready(closed(*on_device)), lambda out: jax.tree.map(np.asarray, out)


def torch(problem: ModuleType, arguments: tuple):
    import torch

    system, own = _system(problem, "torch"), hasattr(problem, "torch_system")
    tensors = [
        torch.tensor(a, dtype=torch.float64) if _is_float_array(a) or i in problem.ARGNUMS else a
        for i, a in enumerate(arguments)
    ]
    active = [tensors[i] for i in problem.ARGNUMS]

    def call():
        value = system(*tensors)
        return value, torch.autograd.grad(value, active)

    if own:
        call = functools.partial(system, *tensors)
    else:
        for tensor in active:
            tensor.requires_grad_()
    to_numpy = lambda tensor: tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else np.asarray(tensor)
    return call, lambda out: (to_numpy(out[0]), tuple(to_numpy(tensor) for tensor in out[1]))


def autograd(problem: ModuleType, arguments: tuple):
    from autograd import value_and_grad

    system = _system(problem, "autograd")
    if not hasattr(problem, "autograd_system"):
        system = value_and_grad(system, argnum=problem.ARGNUMS)
    return functools.partial(system, *arguments), lambda out: out


@functools.cache
def with_backward_pass(problem: ModuleType):
    """DaCe's program of a loss and its gradient, compiled once for all sizes."""
    import dace
    from dace.autodiff import add_backward_pass

    names = list(inspect.signature(problem.loss).parameters)
    with contextlib.chdir(_built.name):  # where it would leave a graph that it finds invalid
        sdfg = _system(problem, "dace")().to_sdfg()
        sdfg.name = problem.__name__.rpartition(".")[2]
        add_backward_pass(sdfg, outputs=["__return"], inputs=[names[i] for i in problem.ARGNUMS])
        if os.environ.get("OMP_NUM_THREADS") == "1":  # a parallel loop adds by atomic operations, even on one thread
            for node, _ in sdfg.all_nodes_recursive():
                if isinstance(node, dace.nodes.MapEntry):
                    node.map.schedule = dace.ScheduleType.Sequential
                elif isinstance(node, dace.nodes.LibraryNode):
                    node.schedule = dace.ScheduleType.Sequential
        return sdfg, sdfg.compile()


def dace(problem: ModuleType, arguments: tuple):
    from dace.frontend.python.parser import infer_symbols_from_datadescriptor

    sdfg, run = with_backward_pass(problem)
    names = list(inspect.signature(problem.loss).parameters)
    given = dict(zip(names, arguments, strict=True)) | getattr(problem, "dace_more", lambda *_: {})(*arguments)
    active = [names[i] for i in problem.ARGNUMS]
    for name, argument in given.items():
        if name in active or np.ndim(argument):
            given[name] = np.array(argument, ndmin=1).copy()  # it takes no views, and differentiates by arrays alone
    gradients = [np.zeros_like(given[name]) for name in active]
    needed = {name: argument for name, argument in given.items() if name in sdfg.arglist()}
    needed |= infer_symbols_from_datadescriptor(sdfg, needed)
    needed |= {f"gradient_{name}": gradient for name, gradient in zip(active, gradients, strict=True)}
    needed["gradient___return"] = np.ones(1)

    def call():
        for gradient in gradients:
            gradient.fill(0.0)  # the backward pass adds to it
        return run(**needed)

    shapes = [np.shape(arguments[i]) for i in problem.ARGNUMS]
    return call, lambda out: (out[0], tuple(g.reshape(shape) for g, shape in zip(gradients, shapes, strict=True)))


def import_numba():
    import numba  # noqa: F401


def import_toolkit():
    import toolkit  # noqa: F401


def import_jax():
    import jax

    jax.config.update("jax_enable_x64", True)


def import_torch():
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def import_autograd():
    import autograd.numpy  # noqa: F401


def import_dace():
    """Its settings and all that it builds go to a folder of the process's own."""
    global _built
    _built = tempfile.TemporaryDirectory(prefix="dace")
    os.environ["DACE_CONFIG"] = str(Path(_built.name) / "dace.conf")
    import dace.autodiff  # (releases before 2 have none)

    dace.Config.set("default_build_folder", value=_built.name)


SYSTEMS = {
    "by_hand": (import_numba, by_hand),  # first: it is what the others are held against
    "plain": (import_numba, plain),
    "ours": (import_toolkit, ours),
    "jvp": (import_toolkit, jvp),
    "jax": (import_jax, jax),
    "torch": (import_torch, torch),
    "autograd": (import_autograd, autograd),
    "dace": (import_dace, dace),
}


NUMBAS = ("by_hand", "plain", "ours", "jvp")


@functools.cache
def _system(problem: ModuleType, name: str) -> Callable:
    """What a problem has for a peer: a system of its own, or a loss."""
    if hasattr(problem, f"{name}_system"):
        return getattr(problem, f"{name}_system")()
    if getattr(problem, f"{name}_loss", None) is None:
        from experiments.problems import why_not

        raise Absent(why_not(problem, f"{name}_loss"))
    return getattr(problem, f"{name}_loss")


def _is_float_array(argument) -> bool:
    return isinstance(argument, np.ndarray) and argument.dtype.kind == "f"


def directions(problem: ModuleType, arguments: tuple):
    """A random tangent for each argument that is differentiated; a number's is a number."""
    rng = np.random.default_rng(1)
    for i in problem.ARGNUMS:
        tangent = rng.standard_normal(np.shape(arguments[i]))
        yield tangent if np.ndim(arguments[i]) else float(tangent)


# --- one case ---------------------------------------------------------------------------------------------------------


def disagreement(system: str, result: tuple, reference: tuple, problem: ModuleType, arguments: tuple) -> str:
    """Where a result is not what was written by hand; empty if it is."""
    from experiments.problems import relative_error

    (value, found), (expected_value, expected) = result, reference
    if (error := relative_error(value, expected_value)) > TOLERANCE:
        return f"the value is off by {error:.1e}"
    if system == "plain":
        return ""
    if system == "jvp":
        pairs = list(zip(directions(problem, arguments), expected, strict=True))
        slope = sum(np.vdot(tangent, gradient) for tangent, gradient in pairs)
        length = np.sqrt(sum(np.vdot(t, t) for t, _ in pairs) * sum(np.vdot(g, g) for _, g in pairs))
        return "" if abs(found - slope) <= TOLERANCE * length else f"the slope is {found:.9g}, not {slope:.9g}"
    if len(found) != len(expected):
        return f"{len(found)} gradients, not {len(expected)}"
    errors = [relative_error(*pair) for pair in zip(found, expected, strict=True)]
    worst = int(np.argmax(errors))
    return f"gradient {worst} is off by {errors[worst]:.1e}" if not errors[worst] <= TOLERANCE else ""


def peak_bytes(call: Callable[[], object]) -> int:
    """What one call holds at most, beyond what is there before it; 0 where the system does not tell (it is Linux's)."""
    status = Path("/proc/self/status")

    def kilobytes(key):
        return int(next(line for line in status.read_text().splitlines() if line.startswith(key)).split()[1])

    try:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # memory that was freed, but kept, would hide what the call needs
        Path("/proc/self/clear_refs").write_text("5")
        before = kilobytes("VmRSS")
        call()
        return 1024 * max(0, kilobytes("VmHWM") - before)
    except (OSError, AttributeError, StopIteration):
        call()
        return 0


def held_bytes(call: Callable[[], object]) -> float:
    """What a call of Numba's holds at most, without its result: tapes, shadows, work arrays, whatever they are called.

    Counted to the byte: what Numba's runtime allocates, it then takes from the allocator that Python's tracemalloc watches.
    """
    from numba.core.runtime import _nrt_python

    _nrt_python.memsys_use_cpython_allocator()
    tracemalloc.start()
    try:
        out = call()  # which is still there when the two numbers are read
        result, most = tracemalloc.get_traced_memory()
        del out
    finally:
        tracemalloc.stop()
    return most - result


class Worker:
    """What the process holds: its system, and the call that was prepared last."""

    def __init__(self, system: str):
        self.name = system
        load, self.make = SYSTEMS[system]
        start = time.perf_counter()
        load()
        self.import_s = time.perf_counter() - start

    def prepare(self, problem: str, size: int, reference: str) -> dict:
        from experiments.problems import load

        self.call = None  # what the case before holds is not this one's
        module = load(problem)
        arguments = module.arguments(**module.SIZES[size])
        start = time.perf_counter()
        self.call, convert = self.make(module, arguments)
        out = self.call()
        first_s = time.perf_counter() - start
        value, gradients = convert(out)
        if self.name == "by_hand":
            np.savez(reference, value, *gradients)
        elif reference:
            with np.load(reference) as file:
                kept = [file[f"arr_{i}"] for i in range(len(file.files))]
            if wrong := disagreement(self.name, (value, gradients), (kept[0], kept[1:]), module, arguments):
                return {"note": wrong}
        del out, value, gradients
        taken = []
        sizes = {"peak_bytes": peak_bytes(lambda: taken.append(Timer(self.call).timeit(1)))}
        if self.name in NUMBAS:
            sizes["held_bytes"] = held_bytes(self.call)
        self.call_s = taken[0] if taken[0] > 0.1 else Timer(self.call).timeit(1)  # one call less of what is slow
        return {"first_s": first_s, "import_s": self.import_s, "call_s": self.call_s, **sizes}

    def tiny(self, rounds: int, block_s: float) -> dict:
        from experiments import calls

        return {"cases": calls.measure(rounds, block_s)}

    def time(self, calls: int) -> dict:
        timer = Timer(self.call)
        if self.call_s < 1.0:  # since the last block, others have had the caches, and the machine its memory back
            timer.timeit(1)
        return {"seconds": timer.timeit(calls) / calls}


def main(system: str) -> None:
    """Answer on what is the standard output now; whatever else is printed goes to the standard error."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(**answer):
        replies.write(json.dumps(answer) + "\n")
        replies.flush()

    try:
        worker = Worker(system)
    except ImportError as error:
        return reply(note=f"not installed: {error}")
    reply(import_s=worker.import_s)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply(**getattr(worker, request.pop("do"))(**request))
        except Absent as absent:
            reply(note=str(absent))
        except Exception as error:
            traceback.print_exc()
            reply(note=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


if __name__ == "__main__":
    main(sys.argv[1])
