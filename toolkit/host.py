"""Numba's private interfaces: the only module that imports `numba.core` or `numba.np`, so that a new release of Numba is met
in one place. What is public (`numba.types`, `numba.extending`, `numba.njit`) each module imports for itself.
"""
import contextlib
import ctypes
import functools
import gc
import inspect
import math
import os
import pickle
import platform
import warnings
from pathlib import Path

import llvmlite
import llvmlite.binding
import llvmlite.ir
import numba
import numpy as np
from numba import types
from numba.core import cgutils, config
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult, Flags
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError, NumbaPerformanceWarning
from numba.core.registry import cpu_target
from numba.core.serialize import dumps
from numba.core.targetconfig import ConfigStack
from numba.core.typeconv import Conversion
from numba.extending import intrinsic
from numba.misc.appdirs import AppDirs
from numba.np.arrayobj import _parse_shape, make_array, populate_array
from numba.np.numpy_support import as_dtype

__all__ = ["INTRINSICS", "Conversion", "Dispatcher", "NumbaError", "NumbaPerformanceWarning", "as_dtype", "attributes",
           "cache_folder", "cgutils", "functions", "gemm", "gemv", "keep", "load_registries", "only_prange", "parameters",
           "specialised", "tune_process", "typing_context", "versions"]


def tune_process():
    """What makes derivatives faster and can only be set for the whole process, once; `DUALTAPE_TUNING=off` leaves it as it is.

    LLVM makes vector code of what is summed also where the sum itself must keep its order: results are the same to the last bit.
    Of loops that it knows to be short it would make one step under a mask, and in that it reads what is summed after the stores
    of the same iterations (LLVM 22): so short loops are made like others.
    The C library keeps memory that is given back, up to 1 GB, and maps only arrays of more than 32 MB anew: to fault the pages
    of tapes and cotangents in again in every call costs more than the arithmetic.
    """
    if os.environ.get("DUALTAPE_TUNING") == "off" or getattr(llvmlite.binding, "tuned_by_dualtape", False):
        return
    llvmlite.binding.tuned_by_dualtape = True           # LLVM takes an option once
    for option in ("-force-ordered-reductions=true", "-vectorizer-min-trip-count=0"):
        llvmlite.binding.set_option("", option)
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(M_TRIM_THRESHOLD, 1 << 30)


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3     # as <malloc.h> numbers them


def only_prange():
    """The option `parallel` for loops with prange, and for the array expressions that they hold. What writes to parts of arrays
    stays serial: of a derivative, more of them overlap."""
    return dict.fromkeys(("comprehension", "fusion", "inplace_binop", "reduction", "setitem", "stencil"), False)


@functools.cache
def typing_context():
    """Numba's typing context of the CPU, with every registry loaded: it types one operation without generating its code."""
    load_registries()
    return cpu_target.typing_context


def load_registries():
    """Let Numba's contexts know what was registered since they were last told: overloads of a user's own, say."""
    cpu_target.target_context.refresh()
    cpu_target.typing_context.refresh()


NAMESPACES = {"math": math, "np": np, "np.linalg": np.linalg, "np.random": np.random,
              "np.lib.stride_tricks": np.lib.stride_tricks}
REAL = (types.Integer, types.Float, types.Boolean)


def functions():
    """{name: function} of all that Numba compiles of `math` and NumPy for real numbers; one name for each function."""
    ctx, found, seen = typing_context(), {}, set()
    for prefix, namespace in NAMESPACES.items():
        for name in sorted(n for n in dir(namespace) if not n.startswith("_")):
            fn = getattr(namespace, name)
            if callable(fn) and id(fn) not in seen and _compiles(ctx, fn):
                own = getattr(fn, "__name__", name)
                own = own if getattr(namespace, own, None) is fn else name
                found[f"{prefix}.{own}"] = fn
                seen.add(id(fn))
    return dict(sorted(found.items()))


def _compiles(ctx, fn):
    """Is it a function that Numba knows, or the type of a real number?"""
    if isinstance(fn, type) and issubclass(fn, np.generic) and fn.__subclasses__():
        return False                                            # np.floating and its like, which are no types of numbers
    try:
        kind = ctx.resolve_value_type(fn)
    except (NumbaError, TypeError, ValueError):
        return False
    if isinstance(kind, types.Function):
        return any(not _ours(t) for t in kind.templates)
    return isinstance(kind, types.NumberClass) and isinstance(kind.instance_type, REAL)


def _ours(template):
    """Does an implementation come from this package (that for Duals)?"""
    made = getattr(template, "_overload_func", None)
    return made is not None and made.__module__.startswith(f"{__package__}.")


def attributes():
    """{name: is it a method?} of what Numba compiles of a float array."""
    ctx, array = typing_context(), types.Array(types.float64, 2, "C")
    kinds = {name: ctx.resolve_getattr(array, name) for name in dir(np.ndarray) if not name.startswith("_")}
    return {name: isinstance(kind, types.BoundFunction) for name, kind in kinds.items() if kind is not None}


def parameters(fn):
    """The parameters that Numba takes of a function, where it says so; else none."""
    templates = getattr(typing_context().resolve_value_type(fn), "templates", ())
    heads = [t._overload_func for t in templates if hasattr(t, "_overload_func") and not _ours(t)]
    return max((tuple(inspect.signature(h).parameters) for h in heads), key=len, default=())


def specialised(heading, implementation, options):
    """A dispatcher with the parameters of `heading` that compiles the function `implementation(types)` for argument types.

    One dispatcher, called from Python and from compiled code, and nothing between it and the function: a wrapper would have
    LLVM compile what it calls once more. Types are asked for under the flags of the compilation to come, because Numba keeps
    what it compiles for an answer under its flags.
    """
    dispatcher = numba.njit(**options)(heading)
    dispatcher._compiler._get_implementation = lambda args, kws: flagged(dispatcher, implementation, tuple(args))
    dispatcher.compile = while_garbage_waits()(dispatcher.compile)
    if "parallel" in options:
        dispatcher._compiler.compile = quiet(dispatcher._compiler.compile)
    return dispatcher


@contextlib.contextmanager
def while_garbage_waits():
    """Python does not look for garbage: a tenth of the time that it takes to derive and to compile goes to that, and there is
    hardly any."""
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looks:
            gc.enable()


def flagged(dispatcher, fn, args):
    """fn(args), under the flags with which a dispatcher compiles."""
    flags = Flags()
    dispatcher.targetdescr.options.parse_as_flags(flags, dispatcher.targetoptions)
    with ConfigStack().enter(flags):
        return fn(args)


def quiet(compile):
    """Without Numba's remark that it has made nothing parallel, which it makes of each array expression beside a prange."""
    def compiled(args, return_type):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\s*The keyword argument 'parallel=True'", NumbaPerformanceWarning)
            return compile(args, return_type)
    return compiled


# ---- what Numba calls, and does not hand on
@intrinsic
def gemm(ctx, turned_a, turned_b, m, n, k, alpha, a, at_a, lda, b, at_b, ldb, beta, c, at_c, ldc):
    """BLAS's c = alpha op(a) op(b) + beta c, by columns, as np.dot calls it; a, b, c: arrays, and the entry where each begins."""
    flag, size, number = types.boolean, types.intp, c.dtype
    given = flag, flag, size, size, size, number, a, size, size, b, size, size, number, c, size, size
    return types.void(*given), routine("gemm", c)


@intrinsic
def gemv(ctx, turned, m, n, alpha, a, at_a, lda, x, at_x, beta, y, at_y):
    """BLAS's y = alpha op(a) x + beta y, by columns, as np.dot calls it; a, x, y: arrays, and the entry where each begins."""
    flag, size, number = types.boolean, types.intp, y.dtype
    return types.void(flag, size, size, number, a, size, size, x, size, number, y, size), routine("gemv", y)


def routine(name, out):
    """What calls one of BLAS's, as Numba does: its flags, numbers and arrays, each array followed by where it begins."""
    flag, size, number = types.boolean, types.intp, out.dtype
    char, pointer = llvmlite.ir.IntType(8), llvmlite.ir.IntType(8).as_pointer()

    def emit(cx, builder, sig, args):
        given = []
        for t, v in zip(sig.args, args):
            if t == flag:
                given.append(builder.select(v, char(ord("t")), char(ord("n"))))
            elif isinstance(t, types.Array):
                given.append(cx.make_array(t)(cx, builder, v).data)
            elif given and given[-1].type == cx.get_data_type(number).as_pointer():     # where the array begins
                given[-1] = builder.bitcast(builder.gep(given[-1], [v]), pointer)
            else:
                given.append(v if t == size else builder.bitcast(cgutils.alloca_once_value(builder, v), pointer))
        given = [char(ord({types.float64: "d", types.float32: "s"}[number])), *given]
        shape = llvmlite.ir.FunctionType(llvmlite.ir.IntType(32), [v.type for v in given])
        builder.call(cgutils.get_or_insert_function(builder.module, shape, f"numba_xx{name}"), given)
        return cx.get_dummy_value()
    return emit


@intrinsic
def hidden(ctx, i):
    """An index, of which LLVM is to know nothing but that it is not negative."""
    def emit(cx, builder, sig, args):
        word, index = cgutils.intp_t, cx.cast(builder, args[0], i, types.uintp)
        same = builder.asm(llvmlite.ir.FunctionType(word, [word]), "", "=r,0", [index], side_effect=False)
        for known in ("nounwind", "readnone"):          # so that loops may be left by it
            same.attributes.add(known)
        return same
    return types.uintp(i), emit


# ---- arrays: in the place of NumPy's functions, of which Numba compiles two or three for every type of array
LINE, LARGE, MADV_HUGEPAGE = 64, 4 << 20, 14    # bytes: a line of the caches, and from where on NumPy asks for large pages
SMALL = 512                                     # bytes, up to which an array may be on the stack


def of_shape(fill, here):
    """An intrinsic that makes an array of a shape and a dtype; see `allocation`."""
    def made(ctx, shape, dtype):
        rank = shape.count if isinstance(shape, types.BaseTuple) else 1
        return allocation(types.Array(dtype.dtype, rank, "C"), [shape, dtype], fill, here)
    return intrinsic(made)


def of_value(fill, here):
    """One that makes an array of a value and a shape."""
    def made(ctx, value, shape):
        rank = shape.count if isinstance(shape, types.BaseTuple) else 1
        return allocation(types.Array(value, rank, "C"), [value, shape], fill, here, 1)
    return intrinsic(made)


def like(fill, here):
    """One that makes an array like another."""
    def made(ctx, a):
        return allocation(a.copy(layout="F" if a.layout == "F" else "C", readonly=False), [a], fill, here)
    return intrinsic(made)


def cleared(cx, builder, array, size, given):
    """Zeros in a new array."""
    cgutils.memset(builder, array.data, size, 0)


def everywhere(cx, builder, array, size, given):
    """In each entry of a new array, the value that is given."""
    (kind, value), _ = given
    with cgutils.for_range(builder, builder.sdiv(size, array.itemsize)) as loop:
        cx.pack_value(builder, kind, value, builder.gep(array.data, [loop.index]))


def copied(cx, builder, array, size, given):
    """In a new array, what another one holds."""
    (kind, value), = given
    write(cx, builder, kind.copy(layout="F" if kind.layout == "F" else "C"), array, kind, make_array(kind)(cx, builder, value))


def write(cx, builder, kind, array, other_kind, other):
    """Let an array hold what another one holds, which has its shape, or one entry along an axis."""
    shape = cgutils.unpack_tuple(builder, array.shape)
    single = [builder.icmp_signed("!=", n, m) for n, m in zip(shape, cgutils.unpack_tuple(builder, other.shape))]
    alike = builder.not_(functools.reduce(builder.or_, single, llvmlite.ir.IntType(1)(0)))
    with builder.if_else(alike if kind.layout == other_kind.layout in ("C", "F") else alike.type(0)) as (at_once, by_entry):
        with at_once:
            cgutils.raw_memcpy(builder, array.data, other.data, other.nitems, array.itemsize)
        with by_entry, cgutils.loop_nest(builder, shape, cgutils.intp_t) as index:
            there = [builder.select(one, k.type(0), k) for one, k in zip(single, index)]
            entry = builder.load(cgutils.get_item_pointer(cx, builder, other_kind, other, there))
            builder.store(entry, cgutils.get_item_pointer(cx, builder, kind, array, index))


@intrinsic
def put(ctx, part, a):
    """Copy an array to a part of another one. (For `x[k] = a` Numba compiles how to tell of shapes that differ: two seconds.)"""
    def emit(cx, builder, sig, args):
        new, old = (make_array(t)(cx, builder, v) for t, v in zip(sig.args, args))
        for n, m in zip(cgutils.unpack_tuple(builder, new.shape), cgutils.unpack_tuple(builder, old.shape)):
            fits = builder.or_(builder.icmp_signed("==", n, m), builder.icmp_signed("==", m, m.type(1)))
            with builder.if_then(builder.not_(fits), likely=False):
                cx.call_conv.return_user_exc(builder, ValueError, ("cannot assign slice from input of different size",))
        write(cx, builder, part, new, a, old)
        return cx.get_dummy_value()
    if (part.dtype, part.ndim) == (a.dtype, a.ndim):
        return types.void(part, a), emit
    return None


INTRINSICS = {"np_hidden": hidden, "np_put": put} | {
    f"np_{name}{tail}": make(fill, here) for tail, here in (("", False), ("_here", True)) for name, make, fill in (
        ("empty", of_shape, None), ("zeros", of_shape, cleared), ("empty_like", like, None), ("zeros_like", like, cleared),
        ("full", of_value, everywhere), ("copy", like, copied))}     # and what they are called where they are compiled


def allocation(result, given, fill, here, k=0):
    """What an intrinsic returns that makes an array of the type `result`, of the shape that its k-th argument is or has, with
    what fill(context, builder, array, bytes, [(type, value) of what is given]) writes there.

    A large one asks Linux for large pages, as NumPy's own do: of a tape, to fault in a page for every 4 kB costs more than to
    write it. A small one that is used `here` alone is on the stack: to get memory and give it back costs 20 ns.
    """
    def emit(cx, builder, sig, args):
        if isinstance(sig.args[k], types.Array):
            shape = cgutils.unpack_tuple(builder, make_array(sig.args[k])(cx, builder, args[k]).shape)
        else:
            shape = _parse_shape(cx, builder, sig.args[k], args[k])
        word = cgutils.intp_t
        itemsize = word(cx.get_abi_sizeof(cx.get_data_type(result.dtype)))
        strides, size, overflow = [], itemsize, llvmlite.ir.IntType(1)(0)
        for n in reversed(shape) if result.layout == "C" else shape:
            strides.append(size)
            product = builder.smul_with_overflow(size, n)
            size, overflow = builder.extract_value(product, 0), builder.or_(overflow, builder.extract_value(product, 1))
        with builder.if_then(overflow, likely=False):
            cx.call_conv.return_user_exc(builder, ValueError, ("array is too big",))
        memory, data = on_the_stack(cx, builder, size) if here else on_the_heap(cx, builder, size)
        array = make_array(result)(cx, builder)
        populate_array(array, builder.bitcast(data, cx.get_data_type(result.dtype).as_pointer()), tuple(shape),
                       tuple(strides[::-1] if result.layout == "C" else strides), itemsize, memory)
        if fill is not None:
            fill(cx, builder, array, size, list(zip(sig.args, args)))
        return array._getvalue()

    return result(*given), emit


def on_the_heap(cx, builder, size):
    """(Numba's record of some memory, where it begins)"""
    memory = cx.nrt.meminfo_alloc_aligned(builder, size, llvmlite.ir.IntType(32)(LINE))
    data = cx.nrt.meminfo_data(builder, memory)
    if platform.system() == "Linux":
        with builder.if_then(builder.icmp_signed(">=", size, cgutils.intp_t(LARGE)), likely=False):
            in_large_pages(builder, data, size)
    return memory, of_its_own(builder, data)


def of_its_own(builder, data):
    """The same address, as LLVM takes one of new memory: what is written elsewhere is not written here.

    It reads the address in Numba's record, where any address may stand, so that it asks before a loop whether arrays overlap;
    where that loop is short, this takes longer than the loop. Here it comes from a call that is marked as one of malloc is
    (and is no code). The second has LLVM take it that the address is known elsewhere: to what gives the memory back, which is
    given the record alone. No one may have written there before.
    """
    address, void = data.type, llvmlite.ir.VoidType()
    same = llvmlite.ir.InlineAsm(llvmlite.ir.FunctionType(address, [address]), "", "=r,0", side_effect=False)
    known = llvmlite.ir.InlineAsm(llvmlite.ir.FunctionType(void, [address]), "", "r,~{memory}", side_effect=True)
    data = builder.call(same, [data], cconv="noalias")      # llvmlite has no place for attributes of what a call returns
    builder.call(known, [data])
    return data


def on_the_stack(cx, builder, size):
    """The same, of memory on the stack if it is little, of which Numba needs no record."""
    with builder.goto_entry_block():
        room = builder.alloca(llvmlite.ir.ArrayType(llvmlite.ir.IntType(8), SMALL))
        room.align = LINE
    stack = builder.bitcast(room, llvmlite.ir.IntType(8).as_pointer())
    with builder.if_else(builder.icmp_unsigned("<=", size, cgutils.intp_t(SMALL))) as (small, larger):
        with small:
            from_stack = builder.block
        with larger:
            memory, data = on_the_heap(cx, builder, size)
            from_heap = builder.block
    found = []
    for heap, own in ((memory, memory.type(None)), (data, stack)):
        found.append(builder.phi(heap.type))
        found[-1].add_incoming(own, from_stack)
        found[-1].add_incoming(heap, from_heap)
    return found


def in_large_pages(builder, data, size):
    """madvise(2) on the whole pages of some memory."""
    page, word = os.sysconf("SC_PAGESIZE"), cgutils.intp_t
    start = builder.ptrtoint(data, word)
    first = builder.and_(builder.add(start, word(page - 1)), word(-page))
    shape = llvmlite.ir.FunctionType(llvmlite.ir.IntType(32), [word, word, llvmlite.ir.IntType(32)])
    advise = cgutils.get_or_insert_function(builder.module, shape, "madvise")
    builder.call(advise, [first, builder.sub(builder.add(start, size), first), llvmlite.ir.IntType(32)(MADV_HUGEPAGE)])


# ---- compiled code between processes
def versions():
    """What machine code depends on besides its source: Numba, LLVM, the processor."""
    return numba.__version__, llvmlite.__version__, cpu_target.target_context.codegen().magic_tuple()


def cache_folder(name):
    """A folder of this name in Numba's folder of caches, where the user has set one, else in the user's."""
    return Path(config.CACHE_DIR, name) if config.CACHE_DIR else Path(AppDirs(appname=name, appauthor=False).user_cache_dir)


def keep(dispatcher, key, read, write):
    """Keep what a dispatcher compiles: key(types) -> a name, or None; read(name) -> bytes, or None; write(name, bytes)."""
    dispatcher._cache = Kept(lambda args: flagged(dispatcher, key, args), read, write)


class Kept(NullCache):
    """Numba's interface to what is kept."""

    def __init__(self, key, read, write):
        self.key, self.read, self.write = key, read, write

    def load_overload(self, sig, target_context):
        name = self.key(argument_types(sig))
        data = name and self.read(name)
        if not data:
            return None
        target_context.refresh()
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(data))
        except Exception:           # whole, and of this very version, but not to be had in this process
            return None

    def save_overload(self, sig, cres):
        name = self.key(argument_types(sig))
        if name and not cres.library.has_dynamic_globals and not any(not f.can_cache for f in cres.lifted):
            self.write(name, dumps(cres._reduce()))


def argument_types(sig):
    """The types of the arguments, of a signature or of themselves in a tuple."""
    return tuple(getattr(sig, "args", sig))
