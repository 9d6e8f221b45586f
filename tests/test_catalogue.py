"""Every law, for every card of the catalogue. No card is named here: a new card is tested because it is there.

All laws of a card run one after another in one process, since most of the time goes into Numba's own functions, which it
compiles in order to type them, once in a process. It compiles them without LLVM's passes, which takes less than half the
time. What those make of code is not the catalogue's: the gallery and the generated programs are compiled as users' are.
"""
import ast
import itertools
from dataclasses import replace

import numba
import numpy as np
import pytest
from numba import types

from tests.cards import (
    arrays,
    at_kink,
    both,
    compiled,
    directions,
    first_order,
    identical,
    near,
    poisoned,
    second_order,
    slopes,
    strided,
    transformed,
)
from toolkit import infer, linear, transform
from toolkit.check import fresh
from toolkit.domain import SIZES, Interval
from toolkit.points import CARDS, calls, combinations, points, sample
from toolkit.primitive import returned


@pytest.fixture(scope="module", autouse=True)
def unoptimised():
    """No passes of LLVM over what these tests compile, and over nothing else that this process tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "OPT", type(numba.config.OPT)(0))
        yield


@pytest.fixture(scope="module", params=CARDS, ids=lambda c: c.name)
def card(request):
    """Each card of the catalogue."""
    return request.param


def somewhere(card, **kw):
    """The points of a card; there must be one."""
    found = points(card, **kw)
    assert found, f"Numba compiles {card} under none of its names: {', '.join(map(infer.name_of, calls(card)))}"
    return found


def rank(p):
    """The highest rank among the arguments of a point."""
    return max(map(np.ndim, p.args))


def subsets(argnums):
    """Every choice of active arguments."""
    return [s for k in range(1, len(argnums) + 1) for s in itertools.combinations(argnums, k)]


def test_first_order_in_each_subset_of_arguments(card):
    for p in somewhere(card):
        for argnums in subsets(p.argnums):
            first_order(p, argnums)


def test_second_order(card):
    for p in somewhere(card):
        second_order(p)


def test_broadcasting(card):
    """Numbers with arrays, shapes that stretch one another, no entries, one entry."""
    ranks = card.ranks or [None] * len(card.params)
    arity = sum(isinstance(d, Interval) and r is None for r, d in zip(ranks, card.domain))
    if not arity:
        pytest.skip("not elementwise on every rank")
    pairs = [((), (4,)), ((4,), (3, 4)), ((3, 1), (3, 4)), ((1,), (4,)), ((0,), (0,)), ((1,), (1,)), ((0,), ()), ((2, 0), (0,)),
             ((1, 1), (1,))]
    pairs = pairs if arity < 3 else pairs[1:7:2]
    shapes = dict.fromkeys(s for pair in pairs for s in itertools.product(pair, repeat=arity))
    for p in points(card, shapes=tuple(shapes)):
        first_order(p, p.argnums)


def test_strided_arrays(card):
    """Arrays whose entries do not follow one another in memory."""
    p = max(somewhere(card), key=rank)
    if not rank(p):
        pytest.skip("takes numbers only")
    apart = replace(p, args=tuple(map(strided, p.args)))
    try:
        transform.program_of(p.fn, tuple(map(numba.typeof, apart.args)))
    except transform.Refusal:
        pytest.skip("Numba compiles it for contiguous arrays only")
    first_order(apart, p.argnums)


def test_float32_stays_float32(card):
    """Results are float32 where Numba's own are; tangents follow results, cotangents arguments; values are those of float64."""
    for p in somewhere(card, dtype=np.float32):
        wide = replace(p, args=widened(p.args))
        dots, bar = directions(p, p.argnums)
        kinds = tuple(map(numba.typeof, p.args))
        expected = infer.scalar(infer.type_of(transform.program_of(p.fn, kinds).result))
        jvp, vjp = (transformed(t, p.fn, p.argnums).program(tuple(map(numba.typeof, (p.args, s)))).result
                    for t, s in ((transform.jvp, dots), (transform.vjp, bar)))
        for what, atom, want in (("value", jvp.items[0], expected), ("tangent", jvp.items[1], expected),
                                 *((f"cotangent of {n}", a, types.float32) for n, a in zip(p.where, vjp.items[1].items))):
            assert infer.scalar(infer.type_of(atom)) == want, f"{p}: {what} is {infer.type_of(atom)}, expected {want}"
        single = both(p, p.argnums, dots, bar)
        near(single, both(wide, p.argnums, widened(dots), widened(bar)), 1e-4, f"{p}: float32 against float64")
        plain = p.fn(*fresh(p.args))
        for x in arrays(single[1]) if infer.numpy_type(expected) == np.asarray(plain).dtype else []:
            assert x.dtype == plain.dtype, f"{p}: tangent in plain Python is {x.dtype}, value is {plain.dtype}"
        for x in arrays(single[3]):
            assert x.dtype == np.float32, f"{p}: cotangent in plain Python is {x.dtype}"


def widened(x):
    """The same numbers in float64."""
    if isinstance(x, tuple):
        return tuple(map(widened, x))
    if getattr(x, "dtype", None) == np.float32:
        return x.astype(np.float64) if isinstance(x, np.ndarray) else float(x)
    return x


def test_compiled_is_interpreted(card):
    """In float64 at the first point with arrays, in float32 at the last one; of elementwise cards the pullback only, which
    computes the value and the rule."""
    for dtype, n in ((np.float64, 0), (np.float32, -1)):
        found = somewhere(card, dtype=dtype)
        p = [p for p in found if rank(p) == max(map(rank, found))][n]
        compiled(p, ("vjp",) if card.elementwise and rank(p) else ("jvp", "vjp"))


def test_every_name_has_the_value_of_the_card(card):
    for fixed in combinations(card):
        values = tuple(sample(card, np.random.default_rng(0), fixed, [()], np.float64, SIZES).values())
        for call in calls(card):
            try:
                value = call(*fresh(values))
            except TypeError:       # a method, or fewer arguments than the card's
                continue
            near(value, card.value(*fresh(values)), 1e-12, f"{infer.name_of(call)}{values}: value against the card's")


def test_what_a_rule_does_not_ask_for_may_be_poison(card):
    """The tape keeps what rules ask for by name: with all else not a number, the answer is the same to the last bit."""
    for p in somewhere(card):
        for live, backward in itertools.product(subsets(tuple(p.where)), (False, True)):
            clean, spoiled = poisoned(p, live, backward)
            mode = "reverse" if backward else "forward"
            assert identical(spoiled, clean), f"{p}: active {live}, {mode} mode reads what it does not name"


def test_kinks_as_declared(card):
    """Where the derivative does not exist, both modes follow the card's convention."""
    if not card.kinks:
        pytest.skip("smooth in its domain")
    for what, (where, expected) in card.kinks.items():
        p = at_kink(card, where)
        with np.errstate(all="ignore"):
            if isinstance(expected, type):
                with pytest.raises(expected):
                    slopes(p)
                continue
            for mode, made in zip(("reverse", "forward"), slopes(p)):
                for a, b in zip(made, expected):
                    np.testing.assert_allclose(a, b, atol=1e-12, err_msg=f"{card}, {what}: in {mode} mode at {where}")


def test_an_error_of_one_in_a_thousand_is_noticed(card, monkeypatch):
    """The laws are worth what they notice: with the card's rule scaled by 1.001 they must fail, in each argument."""
    def scaled(node):
        if isinstance(node, ast.Tuple):
            return ast.Tuple([scaled(e) for e in node.elts], node.ctx)
        return ast.BinOp(ast.Constant(1.001), ast.Mult(), node)
    silent = {q for q in card.active if card.form and not linear.differential(card, (q,))}     # declared flat
    cases = [(card.form, q) for q in card.active if card.form and q not in silent]
    cases += [(rule, q) for q, (rule, _) in card.adjoint.items()]
    for rule, q in cases:
        with monkeypatch.context() as wrong:
            wrong.setattr(linear, "returned", lambda r, rule=rule: scaled(returned(r)) if r is rule else returned(r))
            found = (p for seed in range(4) for p in somewhere(card, seed=seed))
            caught = next((p for p in found if q in p.where and noticed(p, p.where[q])), None)
        assert caught, f"{card}: an error in {q} is not noticed"
        assert not noticed(caught, caught.where[q]), f"{card}: the laws fail without an error"


def noticed(p, argnum):
    """Do the laws fail?"""
    transformed.cache_clear()       # the rule has changed
    try:
        first_order(p, (argnum,))
    except AssertionError:
        return True
    finally:
        transformed.cache_clear()
    return False


def test_every_active_argument_has_a_rule(card):
    assert card.form or set(card.active) <= set(card.adjoint), f"{card}: no rule in {set(card.active) - set(card.adjoint)}"
