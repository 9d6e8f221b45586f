"""Every law, for every card of the catalogue. No card is named here: a new card is tested because it is there."""
import ast
import itertools
import traceback
from dataclasses import replace

import numba
import numpy as np
import pytest
from numba import types

from tests.cards import (CARDS, both, calls, combinations, compiled, directions, first_order, intact, near, points, sample,
                         second_order)
from toolkit import infer, linear, transform
from toolkit.check import flat, fresh
from toolkit.domain import SIZES, Interval
from toolkit.primitive import returned

each = pytest.mark.parametrize("card", CARDS, ids=lambda c: c.name)


def somewhere(card, **kw):
    """The points of a card; there must be one."""
    found = points(card, **kw)
    assert found, f"Numba compiles {card} under none of its names: {', '.join(map(infer.name_of, calls(card)))}"
    return found


def subsets(argnums):
    """Every choice of active arguments."""
    return [s for k in range(1, len(argnums) + 1) for s in itertools.combinations(argnums, k)]


@each
def test_first_order_in_each_subset_of_arguments(card):
    for p in somewhere(card):
        for argnums in subsets(p.argnums):
            first_order(p, argnums)


@each
def test_arguments_and_seeds_intact(card):
    for p in somewhere(card):
        for argnums in subsets(p.argnums):
            intact(p, argnums)


@each
def test_second_order(card):
    for p in somewhere(card):
        second_order(p)


@each
def test_broadcasting(card):
    """Numbers with arrays, shapes that stretch one another, no entries, one entry."""
    arity = len([r for r, d in zip(card.ranks or [None] * len(card.params), card.domain) if isinstance(d, Interval) and r is None])
    if not arity:
        pytest.skip("not elementwise on every rank")
    pairs = [((), (4,)), ((4,), (3, 4)), ((3, 1), (3, 4)), ((1,), (4,)), ((0,), (0,)), ((1,), (1,)), ((0,), ()), ((2, 0), (0,)),
             ((1, 1), (1,))]
    shapes = list(dict.fromkeys(s for pair in (pairs if arity < 3 else pairs[1:7:2]) for s in itertools.product(pair, repeat=arity)))
    for p in points(card, shapes=shapes):
        first_order(p, p.argnums)


@each
def test_float32_stays_float32(card):
    """Results are float32 where Numba's own are; tangents follow results, cotangents arguments; values are those of float64."""
    for p in somewhere(card, dtype=np.float32):
        wide = replace(p, args=widened(p.args))
        dots, bar = directions(p, p.argnums)
        kinds = tuple(map(numba.typeof, p.args))
        expected = infer.scalar(infer.type_of(transform.program_of(p.fn, kinds).result))
        jvp, vjp = (t(p.fn, p.argnums).program(tuple(map(numba.typeof, (p.args, s)))).result
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


def arrays(x):
    """The arrays of a structure."""
    return [a for a in flat(x) if isinstance(a, np.ndarray)]


def widened(x):
    """The same numbers in float64."""
    if isinstance(x, tuple):
        return tuple(map(widened, x))
    return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype == np.float32 else float(x) if isinstance(x, np.float32) else x


@each
def test_every_name_has_the_value_of_the_card(card):
    for fixed in combinations(card):
        values = tuple(sample(card, np.random.default_rng(0), fixed, [()], np.float64, SIZES).values())
        for call in calls(card):
            try:
                value = call(*fresh(values))
            except TypeError:       # a method, or fewer arguments than the card's
                continue
            near(value, card.value(*fresh(values)), 1e-12, f"{infer.name_of(call)}{values}: value against the card's")


@each
def test_an_error_of_one_in_a_thousand_is_noticed(card, monkeypatch):
    """The laws are worth what they notice: with the card's rule scaled by 1.001 they must fail, in each argument."""
    def scaled(node):
        if isinstance(node, ast.Tuple):
            return ast.Tuple([scaled(e) for e in node.elts], node.ctx)
        return ast.BinOp(ast.Constant(1.001), ast.Mult(), node)
    silent = {q for q in card.active if card.form and not linear.differential(card, (q,))}     # declared flat
    found = [p for seed in range(4) for p in somewhere(card, seed=seed)]
    cases = [(card.form, q) for q in card.active if card.form and q not in silent]
    cases += [(rule, q) for q, (rule, _) in card.adjoint.items()]
    for rule, q in cases:
        with monkeypatch.context() as wrong:
            wrong.setattr(linear, "returned", lambda r, rule=rule: scaled(returned(r)) if r is rule else returned(r))
            caught = next((p for p in found if q in p.where and noticed(p, p.where[q])), None)
        assert caught, f"{card}: an error in {q} is not noticed"
        assert not noticed(caught, caught.where[q]), f"{card}: the laws fail without an error"


def noticed(p, argnum):
    """Do the laws fail?"""
    try:
        first_order(p, (argnum,))
    except AssertionError:
        return True
    return False


@each
def test_every_active_argument_has_a_rule(card):
    assert card.form or set(card.active) <= set(card.adjoint), f"{card}: no rule in {set(card.active) - set(card.adjoint)}"


# ---- compiled: on the second core, meanwhile --------------------------------------------------------------------------

def compiled_law(k):
    """What is wrong with the compiled derivatives of card k: nothing, or a traceback. At array points where there are any;
    of elementwise cards the pullback only, which computes the value and the rule."""
    try:
        found = somewhere(CARDS[k])
        rank = lambda p: max(map(np.ndim, p.args))
        most = [p for p in found if rank(p) == max(map(rank, found))]
        elementwise = CARDS[k].elementwise and rank(most[0]) > 0
        for n in {0} if elementwise else {0, len(most) - 1}:
            compiled(most[n], ("vjp",) if elementwise else ("jvp", "vjp"))
    except Exception:
        return traceback.format_exc()


@each
def test_compiled_is_interpreted(card):
    wrong = compiled_law(CARDS.index(card))
    assert wrong is None, wrong
