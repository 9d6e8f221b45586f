"""What the user calls: jvp, vjp, grad, value_and_grad, jacobian, hvp, hessian, source.

A transform of a function is an object that is called from Python and from inside `@njit` code alike; it compiles one
function per signature of argument types. Transforms of transforms are transforms of the inner one's Program.
"""
import contextlib
import contextvars
import functools
import inspect
import itertools
import operator
import os
from dataclasses import replace

import numba
from numba import types

from . import cache, host, infer, jacobians, tape
from . import catalogue as _catalogue  # noqa: F401  (the cards register themselves)
from .branches import continued
from .build import entrance, made, options_of
from .builder import Builder, acts, draws, tangent_params, tangent_type
from .calling import MET, by_name
from .checkpoints import policy
from .direct import without_views
from .emit import emit
from .errors import DualtapeError, Refusal, UsageError
from .even import evened
from .factors import by_substitution
from .forward import forward
from .fusion import fused, lengths_known
from .joined import joined
from .origins import origin
from .parse import application, parse
from .program import Const, Get, Let, Listed, Program, Tup, Var, instance, pruned, variables, walk
from .reuse import reused
from .reverse import reverse
from .scalars import in_scalars
from .sequences import arrays_of, numbers_of, of_arrays
from .shapes import PRODUCTS
from .shared import made_once
from .strips import stripped
from .syntax import parameters, python_function, require_function, title
from .threads import side_by_side
from .trails import trailed
from .vectors import vectorised
from .winners import settled
from .workspaces import in_workspaces

EVEN = contextvars.ContextVar("EVEN", default=False)    # is a derivative being made for lengths that are taken to be equal?


@contextlib.contextmanager
def lengths_taken_as_even(even):
    before = EVEN.set(even)
    try:
        yield
    finally:
        EVEN.reset(before)


def carried(t):
    """May a program have parameters of this type of numbers?"""
    return isinstance(t, types.Integer | types.Boolean) or t in (types.float64, types.float32)


def structure(name, t):
    """A parameter of a Numba type, as a structure of Vars."""
    if isinstance(t, types.Omitted):
        return Const(t.value)
    if isinstance(t, types.BaseTuple):
        fields = getattr(t, "fields", range(len(t.types)))
        return Tup(tuple(structure(f"{name}_{k}", x) for k, x in zip(fields, t.types)), getattr(t, "instance_class", None))
    if isinstance(t, types.NoneType):
        return Const(None)
    if isinstance(t, types.Dispatcher):
        return Const(spoken(t))
    kind = infer.scalar(t)
    if carried(kind):
        return Var(name, types.unliteral(t))
    if isinstance(t, types.ListType | types.List) and carried(infer.scalar(t.dtype)):
        vectors = {"entries": infer.scalar(t.dtype)} | ({"table": types.intp} if of_arrays(t) else {})
        return Listed((Var(name, t), *(Var(f"{name}_{part}", types.Array(of, 1, "C")) for part, of in vectors.items())))
    if isinstance(t, types.DictType) and isinstance(t.value_type, types.Number | types.Boolean):
        return Var(name, t)                             # its values are read, and held fixed
    shown = "of a kind that Numba does not know" if isinstance(kind, types.PyObject) else f"{t}"
    instead = "carry real and imaginary parts as two floats" if isinstance(kind, types.Complex) else (
        "pass float64 or float32 numbers, integers, booleans, arrays or lists of these, or tuples of them")
    raise UsageError(f"the argument `{name}` is {shown}: {instead}")


def types_of(name, args):
    """Numba's types of some arguments."""
    try:
        return tuple(map(numba.typeof, args))
    except ValueError as e:
        raise UsageError(f"{name}: {e}") from None


def program_of(fn, args, chosen=lambda name, params: None):
    """The Program of a function or transform for argument types; `chosen` may object to its parameters before it is read."""
    if isinstance(fn, Transform):
        made = fn.program(args)
        chosen(made.name, made.params)
        return made
    host.load_registries()
    params = parameters(fn)
    least = sum(p.default is p.empty for p in params.values())
    if not least <= len(args) <= len(params):
        wanted = least if least == len(params) else f"{least} to {len(params)}"
        raise UsageError(f"{title(python_function(fn))} takes {wanted} arguments, not {len(args)}")
    named = [(n, structure(n, t)) for n, t in zip(params, args)]
    chosen(title(python_function(fn)), named)
    with lengths_taken_as_even(False):      # a derivative that it calls is entered when arguments may have been written
        made = application(fn, named) if hasattr(fn, "card") else by_substitution(parse(fn, named))
    return lengths_known(evened(made)) if EVEN.get() else made


def positions(argnums):
    """`argnums` as None, an integer or a tuple of integers."""
    try:
        return argnums if argnums is None else operator.index(argnums)
    except TypeError:
        pass
    try:
        return tuple(map(operator.index, argnums))
    except TypeError:
        raise UsageError(f"argnums={argnums!r}: expected an integer, or a tuple of integers") from None


class Transform:
    """A derivative of `fn`: callable from Python, and from inside compiled code."""
    title = "transform"

    def __init__(self, fn, argnums=None, has_aux=False):
        if getattr(fn, "makes_transform", False):
            raise UsageError(f"{self.title} takes a function, and {fn.__name__} makes one: write {self.title}({fn.__name__}(f))")
        if not isinstance(fn, Transform):
            require_function(fn, self.title)
        self.fn, self.argnums, self.has_aux = fn, positions(argnums), has_aux
        self.__name__ = f"{self.title}_{getattr(fn, '__name__', 'function').replace('<lambda>', 'function')}"
        self.__wrapped__ = getattr(fn, "__wrapped__", None) if isinstance(fn, Transform) else python_function(fn)
        self.uneven = bool(self.options().get("parallel"))
        self.enter()

    def enter(self):
        """Make ready for calls."""
        self.finals, self.made = {}, {}
        self.general, even = (
            entrance(self.__name__, self.names(), self.defaults(), functools.partial(self.build, even=even), self.options(),
                     functools.partial(origin, (self, even)))
            for even in (False, True))
        self.entry = self.general if self.uneven else even
        self.general.owner = self.entry.owner = self
        if not self.defaults():
            by_name(self, self.names())

    def __reduce__(self):
        """A transform is pickled as what it is made of: what it has compiled is read from the cache."""
        kind = type(self) if vars(type(self)).get("title") else type(self).__base__
        return revived, (kind, self.state())

    def state(self):
        """What it was made with."""
        return {k: v for k, v in vars(self).items() if k not in ("finals", "made", "general", "entry")}

    def origin(self):
        """What is derived is made of (see origins.py)."""
        given = {k: v for k, v in self.state().items() if k not in ("__wrapped__", "uneven")}
        return given | {"DUALTAPE_ELEMENTARY": os.environ.get("DUALTAPE_ELEMENTARY")}

    def __repr__(self):
        return f"<{self.title} of {getattr(self.fn, '__name__', self.fn)}>"

    # ---- parameters
    def names(self):
        """The parameters of the derivative."""
        if isinstance(self.fn, Transform):
            return self.fn.names()
        return list(parameters(self.fn))

    def chosen(self, name, params):
        """The positions to differentiate at, checked."""
        n = len(params)
        default = tuple(k for k in range(n) if any(infer.is_float(v) for v in variables(params[k][1])))
        if self.argnums is None and not default:
            instead = ": pass floats where it takes numbers (2.0, not 2)" if n else ""
            raise UsageError(f"{name} has no argument that holds floats, so no derivative{instead}")
        argnums = default if self.argnums is None else (self.argnums,) if isinstance(self.argnums, int) else self.argnums
        for k in argnums:
            if not -n <= k < n:
                raise UsageError(f"argnums={self.argnums}: {name} has {n} argument{'s' * (n != 1)}")
            param, p = params[k]
            if not any(infer.is_float(v) for v in variables(p)):
                shown = infer.type_of(p) if isinstance(p, (Var, Tup)) else repr(p)
                raise UsageError(f"{name} cannot be differentiated in `{param}`, which is {shown}: pass a float")
        return tuple(k % n for k in argnums)

    def unwrap(self, cts):
        """One cotangent where argnums is one number, else a tuple."""
        return cts[0] if isinstance(self.argnums, int) else Tup(tuple(cts))

    # ---- compilation
    def program_for(self, atoms, place):
        """Statements and result of the derivative applied to atoms, for splicing into a Program."""
        n = len(self.names())
        if len(atoms) != n:
            raise Refusal(f"{self.__name__} takes {n} arguments, not {len(atoms)}", "Pass the arguments that it takes.", place)
        return instance(self.program([infer.type_of(a) for a in atoms]), atoms)

    def build(self, args, even=False):
        """The derivative for argument types: source and Python function."""
        args = tuple(a if isinstance(a, types.Omitted) else types.unliteral(a) for a in args)
        if (args, even) not in self.made:
            self.made[args, even] = made(*emit(joined(self.final(args, even)), self.__name__))
            cache.keep_answers()
        return self.made[args, even]

    def final(self, args, even=False):
        """The Program that is emitted for argument types, but for tapes that become one (see joined.py)."""
        if (args, even) not in self.finals:
            with lengths_taken_as_even(even):
                program = self.program(args)
            loose = self.loose(program)
            for change in (settled, made_once, without_views, in_scalars, continued, fused):
                program = change(program)
            parallel = self.options().get("parallel")
            program = pruned(vectorised(side_by_side(program) if parallel else program), self.acts)
            if not parallel:
                program = stripped(program, self.acts, loose)
            self.finals[args, even] = in_workspaces(reused(trailed(program)))
        return self.finals[args, even]

    def loose(self, program):
        """The products beside the primal computation that are for tangents alone: what they sum up may be in any order."""
        return set()

    def acts(self, s):
        """Does a statement do what cannot be left out, under the options of the function: draw, or raise?"""
        options = self.options()
        return (draws if options.get("error_model") == "numpy" else acts)(s) or (
            bool(options.get("boundscheck")) and isinstance(s, Get))

    @property
    def py_func(self):
        """The derivative as Python runs it, uncompiled: to step through it in a debugger."""
        def call(*args):
            kinds = types_of(self.__name__, args)
            with contextlib.suppress(tape.Uneven):
                return self.build(kinds, not self.uneven).function(*args)
            return self.build(kinds).function(*args)
        return call

    def options(self):
        """The compilation options of the function that is differentiated."""
        return self.fn.options() if isinstance(self.fn, Transform) else options_of(self.fn)

    def defaults(self):
        if type(self).names is not Transform.names:
            return {}
        if isinstance(self.fn, Transform):
            return self.fn.defaults()
        return {n: p.default for n, p in parameters(self.fn).items() if p.default is not p.empty}

    def __call__(self, *args, **kw):
        try:
            return self.entry(*args, **kw)
        except MET as error:
            return self.met(error, *args, **kw)

    def met(self, error, *args, **kw):
        """What a call comes to that has met an error."""
        if isinstance(error, tape.Uneven):
            self.uneven, self.entry = True, self.general        # from here on, lengths may differ
            return self(*args, **kw)
        if isinstance(error, DualtapeError):
            raise error.with_traceback(None) from None          # it says where in the user's code; Numba's frames say nothing
        if error.args[-1:] != ("bytes",):                       # the function's own
            raise error
        raise MemoryError(f"{' '.join(map(str, error.args))}, {tape.ADVICE}").with_traceback(None) from None


def revived(kind, state):
    """A transform that was pickled."""
    transform = kind.__new__(kind)
    vars(transform).update(state)
    transform.enter()
    return transform


def compiled_as(kind, dispatcher):
    """Let compiled code call the objects of a class: there they are their dispatchers."""
    numba.extending.typeof_impl.register(kind)(lambda x, c: types.Dispatcher(dispatcher(x)))


compiled_as(Transform, lambda x: x.general)


class Primal(Transform):
    """The function itself, with its loops fused: what the sweeps of its derivatives compute, without a derivative."""
    title = "primal"

    def program(self, args):
        return program_of(self.fn, args)


class JVP(Transform):
    title = "jvp"

    def names(self):
        return ["args", "tangents"]

    def loose(self, program):
        products = lambda p: {s.out for s in walk(p.body) if isinstance(s, Let) and s.fn in PRODUCTS}
        found = products(program)
        return found and found - products(pruned(replace(program, result=program.result.items[0]), self.acts))

    def program(self, args):
        if len(args) != 2 or not all(isinstance(a, types.BaseTuple) for a in args):
            raise UsageError("jvp(f) is called with two tuples: the arguments and their tangents, "
                             "as jvp(f)((x, w), (x_dot, w_dot))")
        f = program_of(self.fn, args[0].types, self.chosen)
        made, b = forward(f, self.chosen(f.name, f.params)), Builder()
        tangents, dots = received(b, made.params[1][1], args[1], "tangents", f)
        body, result = instance(made, [made.params[0][1], dots])
        return Program(made.name, [("args", made.params[0][1]), ("tangents", tangents)], b.block + body, result)


class VJP(Transform):
    title = "vjp"

    def __init__(self, fn, argnums=None, checkpoints=None):
        self.checkpoints = policy(checkpoints)
        super().__init__(fn, argnums)

    def names(self):
        return ["args", "out_bar"]

    def program(self, args):
        if len(args) != 2 or not isinstance(args[0], types.BaseTuple):
            raise UsageError("vjp(f) is called with the arguments in a tuple and the cotangent, as vjp(f)((x, w), out_bar)")
        f = program_of(self.fn, args[0].types, self.chosen)
        argnums = self.chosen(f.name, f.params)
        b = Builder()
        seed, bar = received(b, f.result, args[1], "out_bar", f)
        body, bars = reverse(f, argnums, bar, self.checkpoints)
        args_ = Tup(tuple(p for _, p in f.params))
        return Program(f"{f.name}_vjp", [("args", args_), ("out_bar", seed)], b.block + body, Tup((f.result, Tup(tuple(bars)))))


def received(b, wanted, t, hint, f):
    """(parameter, atom) of a tangent or cotangent that belongs to `wanted`: the parameter is of the type t that is given, the
    atom of the type that `wanted` calls for; what lies between is added to the builder."""
    if isinstance(wanted, Tup) and not isinstance(wanted, Listed):
        if not isinstance(t, types.BaseTuple) or len(t.types) != len(wanted.items):
            what = f"{len(wanted.items)} {'cotangents' if hint == 'out_bar' else 'tangents'}"
            raise UsageError(f"{f.name}: expected {what} in a tuple, got {t}")
        pairs = [received(b, w, g, w.hint if isinstance(w, Var) and hint != "out_bar" else hint, f)
                 for w, g in zip(wanted.items, t.types, strict=True)]
        return Tup(tuple(p for p, _ in pairs), getattr(t, "instance_class", None)), wanted.of(a for _, a in pairs)
    given = structure(hint, t)
    if isinstance(wanted, Listed):
        return same_list(b, wanted, given, f"{f.name}: the tangent of `{hint.removesuffix('_dot')}` is {t}")
    rank = infer.rank_of(wanted) if isinstance(wanted, Var | Const) else None
    if rank is None or (isinstance(t, types.NoneType) and hint == "out_bar"):     # no cotangent: zero
        return given, given
    if not isinstance(given, Var) or infer.rank_of(given) != rank:
        have = infer.type_of(wanted)
        raise UsageError(f"{f.name} returns {have}, but its cotangent is {t}" if hint == "out_bar" else
                         f"{f.name}: the tangent of `{hint.removesuffix('_dot')}` is {t}, but its primal is {have}")
    return given, b.fitted(given, tangent_type(infer.type_of(wanted))) if infer.is_float(wanted) else given


def same_list(b, wanted, given, what):
    """(parameter, atom) of a list of tangents or cotangents that belongs to `wanted`."""
    if not isinstance(given, Listed) or len(given.items) != len(wanted.items):
        raise UsageError(f"{what}, but its primal is {infer.type_of(wanted)}")
    return given, given.holding(b.fitted(given.items[1], wanted.items[1].type))


def with_aux(f, shown):
    """A program that returns a pair: that of the first, and the second."""
    if not isinstance(f.result, Tup) or len(f.result.items) != 2:
        raise UsageError(f"{f.name}: with has_aux=True the function returns {shown}")
    return replace(f, result=f.result.items[0]), f.result.items[1]


class ValueAndGrad(Transform):
    title = "value_and_grad"

    def __init__(self, fn, argnums=0, has_aux=False, checkpoints=None):
        self.checkpoints = policy(checkpoints)
        super().__init__(fn, argnums, has_aux)

    def program(self, args):
        f = program_of(self.fn, args, self.chosen)
        argnums = self.chosen(f.name, f.params)
        loss = f.result
        if self.has_aux:
            loss = with_aux(f, "(loss, anything)")[0].result
        if infer.rank_of(loss) != 0 if isinstance(loss, (Var, Const)) else True:
            shown = infer.type_of(loss)
            raise UsageError(f"{f.name} returns {shown}, not a number: a gradient needs a scalar. "
                             "Use vjp with a cotangent, or jacobian")
        seed = Builder().cast(Const(1.0), infer.type_of(loss))
        start = []
        if not isinstance(seed, Const):
            b = Builder()
            with b.into(start):
                seed = b.cast(Const(1.0), infer.type_of(loss))
        body, bars = reverse(f, argnums, Tup((seed, Const(None))) if self.has_aux else seed, self.checkpoints)
        return Program(f"{f.name}_{self.title}", f.params, start + body, self.outcome(f.result, self.unwrap(bars)))

    def outcome(self, value, bars):
        return Tup((value, bars))


class Grad(ValueAndGrad):
    title = "grad"

    def outcome(self, value, bars):
        return Tup((bars, value.items[1])) if self.has_aux else bars


class HVP(Transform):
    """hvp(f)(x, v): the tangent of the gradient in x, along v (forward over reverse; Pearlmutter 1994)."""
    title = "hvp"

    def __init__(self, fn, argnums=0):
        super().__init__(fn, argnums)

    def names(self):
        names = super().names()
        return [*names, next(v for v in itertools.accumulate(itertools.repeat("_"), initial="v") if v not in names)]

    def program(self, args):
        g = Grad(self.fn, self.argnums).program(args[:-1])
        argnums = self.chosen(g.name, g.params)
        made, b = forward(g, argnums), Builder()
        wanted = made.params[1][1]
        name = self.names()[-1]
        v, dots = received(b, wanted.items[0] if isinstance(self.argnums, int) else wanted, args[-1], name, g)
        body, result = instance(made, [made.params[0][1], Tup((dots,)) if isinstance(self.argnums, int) else dots])
        return Program(f"{g.name}_hvp", [*g.params, (name, v)], b.block + body, result.items[1])


class Jacobian(Transform):
    title = "jacobian"

    def __init__(self, fn, argnums=0, mode="auto", has_aux=False):
        if mode not in jacobians.MODES:
            raise UsageError(f"mode={mode!r}: expected 'forward', 'reverse' or 'auto'")
        if argnums is None:
            raise UsageError("argnums=None: jacobian takes the position of the argument, or a tuple of positions")
        super().__init__(fn, argnums, has_aux)
        self.mode = mode

    def program(self, args):
        f, aux = program_of(self.fn, args, self.chosen), None
        if self.has_aux:
            f, aux = with_aux(f, "(out, anything)")
        made = jacobians.jacobian(f, self.chosen(f.name, f.params), self.mode, aux)
        blocks = self.unwrap(made.result.items[0].items)
        return replace(made, result=Tup((blocks, made.result.items[1])) if self.has_aux else blocks)


class Hessian(Jacobian):
    """The Jacobian of the gradient, by forward mode over reverse mode."""
    title = "hessian"

    def __init__(self, fn, argnums=0):
        super().__init__(grad(fn, argnums), argnums, "forward")


def jvp(f, argnums=None):
    """The pushforward: `out, out_dot = jvp(f)((x, w), (x_dot, w_dot))`, out_dot = J (x_dot, w_dot).

    Tangents have the shapes of their primals, one for each of `argnums` (default: every argument that holds floats).

    A written argument is an output as well as an input. Where f returns nothing, `out` is the array of floats that it writes
    (several: a tuple of them, in the order of the arguments), and `out_dot` its tangent after the call; the tangent that is
    passed is that before it, and is left as it was:

        def relax(u, f):                            # u[i] = (u[i-1] + u[i+1] + f[i]) / 2, in place
            for i in range(1, u.size - 1):
                u[i] = (u[i - 1] + u[i + 1] + f[i]) / 2
        u, u_dot = jvp(relax)((u, f), (u_dot, f_dot))

    Cost: a small multiple of f's (Griewank & Walther 2008, ch. 4: at most 2.5). Raises UsageError, Refusal.
    """
    return JVP(f, argnums)


def vjp(f, argnums=None, checkpoints=None):
    """The pullback: `out, (x_bar, w_bar) = vjp(f)((x, w), out_bar)`, (x_bar, w_bar) = Jᵀ out_bar.

    `out_bar` has the structure of f's result. Where f returns nothing, that is the array of floats that it writes (several: a
    tuple of them, in the order of the arguments): `out_bar` is the cotangent of what the array holds after the call, and its
    place in the result that of what it held before. With `relax` of jvp's example:

        u, (u_bar, f_bar) = vjp(relax)((u, f), u_bar)

    Where f returns something, that alone has a cotangent; to give one to what it writes besides, return it too.

    With `checkpoints` the reverse of a long `for` loop keeps states instead of a tape, and runs iterations again: "sqrt" every
    √n-th, an integer as many as this number of bytes holds (Griewank & Walther's Revolve, 2000); see checkpoints.py for which.

    Cost: a constant multiple of f's, however many inputs (Griewank & Walther 2008, ch. 4: at most 4, plus the tape). Raises
    UsageError, Refusal.
    """
    return VJP(f, argnums, checkpoints)


def grad(f, argnums=0, has_aux=False, checkpoints=None):
    """The gradient of a scalar function by reverse mode: `grad(f)(x, w)`; (grad, aux) with `has_aux`; `checkpoints` as in vjp."""
    return Grad(f, argnums, has_aux, checkpoints)


def value_and_grad(f, argnums=0, has_aux=False, checkpoints=None):
    """`loss, gradient = value_and_grad(f)(x, w)`; the gradient is a tuple where argnums is one; `checkpoints` as in vjp."""
    return ValueAndGrad(f, argnums, has_aux, checkpoints)


def hvp(f, argnums=0):
    """The product of the Hessian with a vector: `hvp(f)(x, v)`, forward over reverse."""
    return HVP(f, argnums)


def jacobian(f, argnums=0, mode="auto", has_aux=False):
    """`jacobian(f)(x)`: the array of shape out.shape + x.shape; a tuple of them where argnums is one.

    mode="forward" takes a jvp an input, "reverse" a vjp an output, both several at a time, "auto" whichever are fewer. With
    has_aux=True f returns (out, aux), and `jacobian(f)(x)` is (the Jacobian of out, aux). What f writes to its arguments is not
    seen outside. Raises UsageError, Refusal. Griewank & Walther 2008, section 3.1.
    """
    return Jacobian(f, argnums, mode, has_aux)


def hessian(f, argnums=0):
    """`hessian(f)(x)`: second derivatives of a scalar function, shape x.shape + x.shape (forward over reverse)."""
    return Hessian(f, argnums)


def spoken(t):
    """What a Numba type says of a value: the constant that it is, or the function or transform behind a dispatcher."""
    if isinstance(t, types.Dispatcher):
        return getattr(t.dispatcher, "owner", t.dispatcher)
    if isinstance(t, types.Literal):
        return t.literal_value
    if isinstance(t, types.Omitted):
        return t.value
    if isinstance(t, types.NoneType):
        return None
    if isinstance(t, types.BaseTuple):
        return tuple(map(spoken, t.types))
    raise numba.TypingError(f"inside compiled code a transform takes a compiled function and constants, not {t}: "
                            "make the derivative outside, as in gradient = grad(f), and call that")


def inside(make):
    """Let compiled code say make(f, ...): a constant, since all that it is made of is in the types."""
    make.makes_transform = True        # so may a function that is differentiated
    made, heading = functools.cache(make), f"{make.__name__}{inspect.signature(make)}"

    @numba.extending.overload(make, strict=False, prefer_literal=True)
    def _(*args, **kws):
        space = {"made": made(*map(spoken, args), **{k: spoken(t) for k, t in kws.items()})}
        exec(f"def {heading}:\n    return made\n", space)
        return space[make.__name__]


for _make in (jvp, vjp, grad, value_and_grad, hvp, jacobian, hessian):
    inside(_make)


def returning(f):
    """f as the transforms read it, in Python: where it returns nothing, with what it writes."""
    plain = f if isinstance(f, Transform) else python_function(f)

    def call(*args):
        out = plain(*args)
        if out is not None:
            return out
        program = program_of(f, types_of(title(plain), args))
        values = dict(pair for (_, p), a in zip(program.params, args) for pair in matched(p, a))
        pick = lambda r: tuple(map(pick, r.items)) if isinstance(r, Tup) else values.get(r)
        return pick(program.result)
    return call


def items(p, arg):
    """The values of a structure's items."""
    if not isinstance(p, Listed):
        return arg
    return (arg, *arrays_of(arg)) if len(p.items) > 2 else (arg, numbers_of(arg))


def matched(p, arg):
    """Yield (Var, value) for a parameter and what is passed to it."""
    if isinstance(p, Tup):
        for q, a in zip(p.items, items(p, arg), strict=True):
            yield from matched(q, a)
    else:
        yield p, arg


def source(transform, *args):
    """The derivative for these arguments as the Python that is compiled; a seed that is left out is taken as the result's."""
    if not isinstance(transform, Transform):
        raise UsageError("source takes a transform: source(vjp(f), x, w)")
    kinds = types_of("source", args)
    inner = transform.fn.names() if isinstance(transform.fn, Transform) else parameters(transform.fn)
    seeded = len(args) == 2 and isinstance(args[0], tuple) and len(args[0]) == len(inner)
    if isinstance(transform, (JVP, VJP)) and not seeded:
        f = program_of(transform.fn, kinds)
        if isinstance(transform, JVP):
            second = infer.type_of(Tup(tuple(tangent_params(f, transform.chosen(f.name, f.params), "dot"))))
        else:
            second = infer.type_of(f.result)
        kinds = (types.BaseTuple.from_types(kinds), second)
    return transform.build(kinds, not transform.uneven).source
