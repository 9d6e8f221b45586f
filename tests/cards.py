"""Cards are held to the laws: derivatives at a point, by both modes, plain and compiled."""
import ast
import functools
import inspect
import operator

import numba
import numpy as np

from toolkit import linear, transform
from toolkit.build import load
from toolkit.builder import Builder, constant
from toolkit.check import flat, fresh, inner, like, moved, size
from toolkit.emit import emit
from toolkit.points import combinations, literal, number, point
from toolkit.program import Let, Program, Tup, Var, pruned


@functools.cache
def transformed(make, fn, argnums):
    """make(fn, argnums), once for all laws: a transform remembers what it emitted and compiled."""
    return make(fn, argnums)


def run(derivative, *args):
    """Call a transform as the plain Python that it emits. It leaves what it is given as it was."""
    given = fresh(args)
    result = derivative.build(tuple(map(numba.typeof, args)))[1](*given)
    assert identical(given, args), f"{derivative}: an argument or a seed was overwritten"
    return result


def compiled(p, modes):
    """Compiled derivatives are what their Python gives, leave what they are given, and make arrays of their own."""
    for make, seed in zip((transform.jvp, transform.vjp), directions(p, p.argnums)):
        if make.__name__ not in modes:
            continue
        kept = p.args, seed
        given = fresh(kept)
        derivative = transformed(make, p.fn, p.argnums)
        value, made = derivative(*given)
        assert identical(given, kept), f"{p}: an argument or a seed was overwritten by the compiled {make.__name__}"
        rtol = 1e-5 if any(np.asarray(x).dtype == np.float32 for x in flat((kept, value))) else 1e-10
        near((value, made), run(derivative, *kept), rtol, f"{p}: {make.__name__}, compiled against interpreted")
        if make is transform.vjp or not any(np.shares_memory(v, a) for v in flat((value,)) for a in flat(given[0])):
            apart((made,), given, f"{p}: a result of {make.__name__}")      # the tangent of a view is a view
        if make is transform.vjp:
            for a, k in zip(made, p.argnums):
                same = not isinstance(a, np.ndarray) or a.dtype == p.args[k].dtype
                assert same, f"{p}: the compiled cotangent of argument {k} is {a.dtype}"


def arrays(x):
    """The arrays of a structure."""
    return [a for a in flat(x) if isinstance(a, np.ndarray)]


def strided(x):
    """The same array, as every other entry of a longer one."""
    if not isinstance(x, np.ndarray) or not x.ndim:
        return x
    longer = np.repeat(x, 2, axis=-1)
    return longer[..., ::2]


def identical(a, b):
    """Are two structures the same to the last bit?"""
    if isinstance(b, tuple):
        return len(a) == len(b) and all(map(identical, a, b))
    return np.array_equal(a, b, equal_nan=np.asarray(b).dtype.kind == "f")


def apart(made, given, what):
    """Arrays that were made share no memory with what was given, nor with one another."""
    made = [x for x in flat(made) if isinstance(x, np.ndarray)]
    for k, a in enumerate(made):
        for b in (*flat(given), *made[:k]):
            assert not isinstance(b, np.ndarray) or not np.shares_memory(a, b), f"{what} shares memory with another array"


def near(a, b, rtol, what):
    """Two structures agree, entry by entry, to rtol of the largest entry."""
    if isinstance(b, tuple):
        assert isinstance(a, tuple), f"{what}: {a} is not a tuple"
        assert len(a) == len(b), f"{what}: {a} is not of the structure of {b}"
        for x, y in zip(a, b):
            near(x, y, rtol, what)
        return
    assert np.shape(a) == np.shape(b), f"{what}: shape {np.shape(a)}, expected {np.shape(b)}"
    scale = np.max(np.abs(b), initial=1e-3) if np.size(b) else 1.0
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, err_msg=what)


def minus(a, b, factor=1.0):
    """a - factor b, of structures."""
    return tuple(minus(x, y, factor) for x, y in zip(a, b)) if isinstance(b, tuple) else np.subtract(a, np.multiply(factor, b))


def slope(f, h=3e-4):
    """The derivative at 0 of f, whose values are structures of floats, by central differences of fourth order."""
    steep = minus(minus(f(h), f(-h)), minus(f(2 * h), f(-2 * h)), 0.125)
    return minus(steep, steep, 1 - 8 / (12 * h))


def along(args, argnums, dots):
    """h -> the arguments, moved along the tangents."""
    return lambda h: tuple(moved(a, dots[argnums.index(k)], h) if k in argnums else fresh(a) for k, a in enumerate(args))


def directions(p, argnums, seed=1):
    """Random tangents of the arguments, and a random cotangent of the result."""
    rng = np.random.default_rng(seed)
    return like(tuple(p.args[k] for k in argnums), rng), like(p.fn(*fresh(p.args)), rng)


def both(p, argnums, dots, bar):
    """Values, tangent and cotangents of both modes."""
    value, dot = run(transformed(transform.jvp, p.fn, argnums), p.args, dots)
    again, bars = run(transformed(transform.vjp, p.fn, argnums), p.args, bar)
    return value, dot, again, bars


def precision(out):
    """(step of differences, their relative error, that of the adjoint identity): coarser where a card rounds to float32."""
    single = any(np.asarray(x).dtype == np.float32 for x in flat(out))
    return (0.05, 1e-4, 1e-6) if single else (3e-4, 1e-6, 1e-9)


def first_order(p, argnums):
    """Value, differences and adjoint identity at one point, in these arguments."""
    dots, bar = directions(p, argnums)
    value, dot, again, bars = both(p, argnums, dots, bar)
    expected = p.fn(*fresh(p.args))
    near(value, expected, 1e-12, f"{p}: value in forward mode")
    near(again, expected, 1e-12, f"{p}: value in reverse mode")
    at = along(p.args, argnums, dots)
    step, rtol, exact = precision(expected)
    near(dot, slope(lambda h: p.fn(*at(h)), step), rtol, f"{p}: tangent against differences, argnums={argnums}")
    near(tuple(np.shape(b) for b in bars), tuple(np.shape(d) for d in dots), 0.0, f"{p}: shapes of the cotangents")
    left, right = inner(bar, dot), inner(bars, dots)
    assert abs(left - right) <= exact * (abs(left) + size(dot) + size(bars)), (
        f"{p}: adjoint identity, argnums={argnums}: {left} in forward mode, {right} in reverse mode")


def second_order(p):
    """The tangent of the pullback against differences of the pullback; the pullback of the pullback is its adjoint."""
    argnums = p.argnums
    bar = directions(p, argnums)[1]
    rng = np.random.default_rng(2)
    pull = transformed(transform.vjp, p.fn, argnums)
    point_ = (p.args, bar)
    move = like(point_, rng)
    _, (value_dot, bars_dot) = run(transform.jvp(pull), point_, move)
    at = along(point_, (0, 1), move)
    step, rtol, exact = precision(run(pull, *point_))
    value, bars = slope(lambda h: run(pull, *at(h)), step)
    near(value_dot, value, 10 * rtol, f"{p}: tangent of the value in the pullback")
    near(bars_dot, bars, 10 * rtol, f"{p}: tangent of the cotangents")
    seed = like((value_dot, bars_dot), rng)
    _, back = run(transform.vjp(pull), point_, seed)
    left, right = inner(seed, (value_dot, bars_dot)), inner(back, move)
    assert abs(left - right) <= exact * (abs(left) + size(bars_dot) + size(back)), (
        f"{p}: adjoint identity of the pullback: {left} in forward mode, {right} in reverse mode")


# ---- a card's own rules, and what they read -------------------------------------------------------------------------

def asked(card, live, backward):
    """The names that the card's rules ask for, when the arguments in `live` are active."""
    if backward and card.form is None:
        return {n for p in live for n in inspect.signature(card.adjoint[p][0]).parameters}
    return {n.id for form, _ in linear.differential(card, live) for n in ast.walk(form) if isinstance(n, ast.Name)}


def rule(card, values, out, live, backward):
    """The rules of a card alone, as a Python function of its parameters, `out`, and tangents or the cotangent."""
    names = [*values, "out", *(["out_bar"] if backward else [f"{p}_dot" for p in live])]
    kinds = values | {"out": out, "out_bar": out} | {f"{p}_dot": values[p] for p in live}
    written = {n for n in values if n not in card.active and literal(values[n])}
    atoms = {n: constant(kinds[n]) if n in written else Var(n, numba.typeof(kinds[n])) for n in names}
    b = Builder()
    env = linear.bind(card, Let(atoms["out"], card.value, tuple(atoms[p] for p in values))) | atoms
    if backward:
        parts = {}
        for p, ct in linear.pull(b, card, env, live):
            parts[p] = b.let(operator.add, parts[p], ct) if p in parts else ct
        result = Tup(tuple(parts.values()))
    else:
        result = linear.push(b, card, env, live)
    heads = [n for n in names if isinstance(atoms[n], Var)]
    made = pruned(Program("rule", [(n, atoms[n]) for n in heads], b.block, result))
    source, namespace, name = emit(made, "rule")
    return heads, load(source, namespace, name)


def poisoned(p, live, backward):
    """What the rules of a card give, and what they give when all that they do not ask for is not a number."""
    card, values = p.card, p.values
    out = p.fn(*fresh(p.args))
    out = number(np.asarray(out)) if np.ndim(out) == 0 else out
    heads, fn = rule(card, values, out, live, backward)
    rng = np.random.default_rng(3)
    given = values | {"out": out, "out_bar": like(out, rng)} | {f"{q}_dot": like(values[q], rng) for q in live}
    silent = {*card.active, "out"} - asked(card, live, backward)
    spoiled = given | {n: given[n] * np.nan for n in silent}
    return tuple(fn(*(fresh(g[n]) for n in heads)) for g in (given, spoiled))


# ---- kinks: what a card declares there ------------------------------------------------------------------------------

def at_kink(card, where):
    """The point of a card with its active arguments `where`: of numbers, arrays of one or NumPy's, which divide by zero."""
    lift = (lambda x: np.array([x])) if card.elementwise and card.ranks is None else np.float64
    values = combinations(card)[0] | {p: lift(x) if np.ndim(x) == 0 else x for p, x in zip(card.active, where)}
    return point(card, {p: values[p] for p in card.params})


def count_up(x):
    """A cotangent: 1, 2, 3, ... in the shape of x."""
    return 1.0 + np.arange(np.size(x)).reshape(np.shape(x)) if np.ndim(x) else 1.0


def slopes(p):
    """The derivatives at a point along the cotangent 1, 2, 3, ...: by reverse mode, and by forward mode an entry at a time."""
    bar = count_up(p.fn(*fresh(p.args)))
    _, backward = run(transformed(transform.vjp, p.fn, p.argnums), p.args, bar)
    forward, zeros = [], [np.zeros_like(p.args[k]) for k in p.argnums]
    for k, zero in enumerate(zeros):
        entries = []
        for i in range(zero.size):
            unit = zero.copy()
            unit.flat[i] = 1.0
            dots = tuple(unit if j == k else z for j, z in enumerate(zeros))
            dots = tuple(d if d.ndim else d[()] for d in dots)
            entries.append(np.sum(bar * run(transformed(transform.jvp, p.fn, p.argnums), p.args, dots)[1]))
        forward.append(np.reshape(entries, zero.shape))
    return tuple(backward), tuple(forward)
