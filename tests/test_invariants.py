"""What holds of every derivative besides its value: memory layouts do not matter, what is not kept is not read, and an error in
the engine is noticed by the laws."""
import operator
from dataclasses import replace

import gallery
import kernels
import numpy as np
import pytest
from laws import check, flat, floats, fresh, interpreted, like
from numba import njit

from toolkit import LawBroken, Refusal, UsageError, emit, infer, places, reverse, vjp
from toolkit.activity import Aliases
from toolkit.build import load
from toolkit.check import agree
from toolkit.infer import is_array, is_float
from toolkit.program import Const, Get, Note, Pop, Set, binds, reads, variables, walk
from toolkit.transform import returning, types_of

CASES = {c.name: c for c in [*gallery.CASES, *kernels.CASES]}
SAMPLE = list(CASES)[::9]
BY_LAYOUT = {"contiguous_alias_written"}        # what Numba computes here depends on it: np.ascontiguousarray copies, or does not


def strided(x):
    return np.repeat(x, 2, axis=-1)[..., ::2]


def backwards(x):
    return x[..., ::-1].copy()[..., ::-1]


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = {"fortran": np.asfortranarray, "strided": strided, "backwards": backwards, "read-only": read_only}


def lifted(x, layout):
    """A structure with its float arrays in another memory layout."""
    if isinstance(x, tuple):
        return x if hasattr(x, "_fields") else tuple(lifted(v, layout) for v in x)
    return layout(x) if isinstance(x, np.ndarray) and floats(x) and x.ndim else x


def seed_of(case, args):
    """A cotangent of the case's result."""
    return like(returning(case.fn)(*fresh(args)), np.random.default_rng(1))


def pulled(case, args, seed):
    call = (args, seed)
    return interpreted(vjp(case.fn, case.argnums), call)(*call)


@pytest.mark.parametrize("name", SAMPLE)
def test_memory_layouts_do_not_matter(name):
    case = CASES[name]
    args = tuple(case.make_args(np.random.default_rng(0)))
    seed = seed_of(case, args)
    single = any(getattr(x, "dtype", None) == np.float32 for x in flat(args))
    try:
        value, want = pulled(case, fresh(args), seed)
    except (Refusal, UsageError, ValueError):
        pytest.skip("refused, see test_kernels")
    for layout in LAYOUTS.values():
        laid = lambda layout=layout: lifted(fresh(args), layout)
        try:
            out, cts = pulled(case, laid(), seed)
        except Refusal as e:
            if not any(word in str(e) for word in ("read-only", "contiguous", "Numba does not compile")):
                raise
            continue
        if name in BY_LAYOUT:
            agree(out, njit(case.fn)(*laid()), 1e-12, "value")
            continue
        agree(out, value, 1e-5 if single else 1e-12, "value")
        for a, b in zip(flat(cts), flat(want), strict=True):
            agree(a, b, 1e-3 if single else 1e-9, "cotangent")


def poisoned(program):
    """The program with NaN put, between the sweeps, into each array that the reverse sweep does not read; and how many."""
    body, aliases = program.body, Aliases(program)
    at = next(k for k, s in enumerate(body) if isinstance(s, Note))
    read = {aliases.of(v) for s in walk(body[at:]) for v in reads(s) if is_array(v)}
    read |= {aliases.of(v) for v in variables(program.result) if is_array(v)} | aliases.external
    made = [v for s in body[:at] for v in binds(s)
            if is_array(v) and is_float(v) and v.type.mutable and aliases.of(v) not in read]
    poison = [Set(v, (Const(Ellipsis),), Const(np.nan)) for v in made]
    return replace(program, body=[*body[:at + 1], *poison, *body[at + 1:]]), made


def run(program, *args):
    source, space, title = emit.emit(program, "poisoned")
    return load(source, space, title)(*args)


@pytest.mark.parametrize("part", [0, 5])
def test_what_the_reverse_sweep_does_not_read_may_be_poisoned(part):
    count = 0
    for name in list(CASES)[part::10]:
        case = CASES[name]
        args = tuple(case.make_args(np.random.default_rng(0)))
        pullback = vjp(case.fn, case.argnums)
        try:
            seed = seed_of(case, args)
            whole = pullback.program(types_of("poisoned", (args, seed)))
            _, want = run(whole, fresh(args), seed)
        except (Refusal, UsageError, ValueError):
            continue
        program, made = poisoned(whole)
        if made:
            _, cts = run(program, fresh(args), seed)
            for a, b in zip(flat(cts), flat(want), strict=True):
                agree(a, b, 1e-12, f"cotangent of {name}")
        count += len(made)
    assert count >= 3


# ---- errors that are planted in the engine

def transposed_index(monkeypatch):
    """The reverse of x[i, j] adds to x_bar[j, i]."""
    right = reverse.Reverse.un_Get

    def wrong(self, s, loop):
        turned = tuple(reversed(s.index))
        right(self, Get(s.out, s.arr, turned), loop)
    monkeypatch.setattr(reverse.Reverse, "frozen", lambda self, s, statements: None)
    monkeypatch.setattr(reverse.Reverse, "un_Get", wrong)


def dropped_store(monkeypatch):
    """The reverse of a[i] = v forgets that the old value is gone."""
    right = reverse.Reverse.un_Set
    monkeypatch.setattr(reverse.Reverse, "un_Set", lambda self, s, loop: right(self, replace(s, add=True), loop))


def wrong_order(monkeypatch):
    """The tape is read from its beginning."""
    def pop(self, s):
        name, top = self.tape(s.stack)
        self(f"{top} -= 1")
        self(f"{self.names[s.out]} = {name}[{name}.shape[0] - 1 - {top}]")
    monkeypatch.setattr(emit.Emitter, "s_Pop", pop)

    def place(self, s, right=places.Places.place):
        back = lambda k, i: self.b.let(operator.sub, self.b.let(operator.sub, self.b.dim(self.tapes[s.stack], k), Const(1)), i)
        return tuple(map(back, *zip(*enumerate(right(self, s))))) if isinstance(s, Pop) else right(self, s)
    monkeypatch.setattr(places.Places, "place", place)


def missing_broadcast(monkeypatch):
    """What was broadcast is not summed, but its first part taken."""
    def first(self, ct, shape, v):
        while infer.rank_of(ct) > infer.rank_of(v):
            ct = self.b.get(ct, (Const(0),))
        return ct
    monkeypatch.setattr(reverse.Reverse, "narrowed", first)


def lost_term(monkeypatch):
    """Of two uses of a value only the last is counted."""
    right = reverse.Reverse.add

    def wrong(self, v, ct):
        self.bars.pop(v, None)
        right(self, v, ct)
    monkeypatch.setattr(reverse.Reverse, "add", wrong)


PLANTED = {transposed_index: "ij_walk", dropped_store: "overwritten", wrong_order: "kept", missing_broadcast: "rows",
           lost_term: "twice"}


def ij_walk(x):
    s = 0.0
    for i in range(3):
        for j in range(3):
            s += x[i, j] ** 2 * (1.0 + i)
    return s


def overwritten(x):
    y = x * x
    y[0, 0] = 2.0 * x[1, 1]
    return np.sum(y)


def kept(x):
    s = 1.0
    for i in range(3):
        s = np.sin(s * x[i, i])
    return s


def rows(x):
    return np.sum(x * x[0] + x[1])


def twice(x):
    s = x[0, 0]
    return s * s + np.exp(s) * x[1, 1]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda p: p.__name__)
def test_a_planted_error_is_noticed(plant, monkeypatch):
    program, args = globals()[PLANTED[plant]], (np.arange(1.0, 10.0).reshape(3, 3) / 5.0,)
    check(program, args, (0,), compile=False)
    plant(monkeypatch)
    with pytest.raises(LawBroken):
        check(program, args, (0,), compile=False)
