"""Products of matrices and the loops beside them go over rows in strips: the same derivatives, of smaller arrays.

The laws are asked with strips of one row, and compiled with strips as they are, of more rows than two of them have.
"""
import re

import numpy as np
import pytest
from laws import check, from_text
from numba import types

from toolkit import blas, grad, jvp, source, value_and_grad
from toolkit.program import Const, Let, Set, Var
from toolkit.twins import made_again

RNG = np.random.default_rng(5)
X, W, V = RNG.standard_normal((7, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal((7, 2))


@pytest.fixture
def rows_one_by_one(monkeypatch):
    monkeypatch.setattr(blas, "ENTRIES", 1)
    monkeypatch.setattr(blas, "LEAST", 0)
    monkeypatch.setattr(blas, "MANY", 0)


def layer(x, w):
    return np.sum(np.tanh(x @ w) ** 2)


def two_layers(x, w, v):
    return np.sum(np.tanh(np.tanh(x @ w) @ v) * x)


def mixture(x, w, m):
    total = 0.0
    for c in range(2):
        turned = (x - m[c]) @ w
        total += np.sum(np.exp(-0.5 * np.sum(turned ** 2, axis=1)))
    return total


def into_a_column(x, w, m):
    terms = np.empty((x.shape[0], 2))
    for c in range(2):
        q = np.tril(w @ w.T)
        q[0, 0] += 1.0
        turned = (x - m[c]) @ q.T
        terms[:, c] = np.sum(turned ** 2, axis=1)
    return np.sum(np.log(1.0 + terms[:, 0] * terms[:, 1]))


def logistic(x, w):
    return np.sum(np.log1p(np.exp(-(x @ w[:, 0]))))


def covariance(x, w):
    centred = x - np.sum(x, axis=0) / x.shape[0]
    return np.sum(w[:, :1] * (centred.T @ centred))


def scaled(x, w):
    norm = np.sqrt(np.sum(x ** 2, axis=0))
    s = x / norm
    return np.sum((s.T @ s) * np.sum(w))


def squared(x, w):
    """Its rows are multiplied with all of them."""
    y = np.tanh(x[:3, :3])
    return np.sum(np.sin(y @ y) @ w)


def both_sides(x, w):
    """A product of what products have made."""
    y, z = np.tanh(x @ w), np.cos(x @ w)
    return np.sum((y.T @ z) ** 2)


def changed_between(x, w):
    y = np.tanh(x)
    a = np.sum((y @ w) ** 2)
    y[1:] *= 2.0
    return a + np.sum((y @ w) ** 3)


def shifted(x, w):
    """What a row needs is another row's."""
    y = np.tanh(x @ w)
    z = np.zeros((x.shape[0], w.shape[1]))
    z[1:] = y[:-1]
    return np.sum(np.sin(z @ w.T) * y[0, 0])


def running(x, w):
    """Each row takes what the one before it gives."""
    y, total = x @ w, 1.0
    for i in range(x.shape[0]):
        total = 0.5 * total + np.sin(total * y[i, 0])
        y[i, 1] = total
    return np.sum((y @ w.T) ** 2) + total


def counted(x, w):
    """Its number says what a row is multiplied by."""
    y = x @ w
    for i in range(x.shape[0]):
        for j in range(w.shape[1]):
            y[i, j] *= np.sin(i + 1.0)
    return np.sum((y @ w.T) ** 2)


def kept_whole(x, w):
    """The product is asked for again, behind its strips."""
    y = x @ w
    a = np.sum(np.tanh(y) @ w.T)
    return a * np.sum(y[::2])


def rounds(x, w):
    h = np.tanh(x @ w)
    for _ in range(3):
        h = np.tanh(h @ (w.T @ w)) + h
    return np.sum(h ** 2)


def steepest(x, w):
    """Products of a matrix, and of its transpose, with vectors, in a loop that runs until it is near."""
    v, far = w[:, 0] * 1.0, 1.0
    while far > 0.1:
        r = x.T @ (x @ v) - w[:, 1]
        v = v - 0.1 * r
        far *= 0.5 + 0.1 * np.tanh(v[0])
    return np.sum(v ** 3)


def deep(x, m):
    """A layer after the other: its cotangent is written where the one behind it was, its matrix's added where it belongs."""
    h = np.tanh(x)
    for k in range(m.shape[0]):
        h = np.tanh(h @ m[k] + x[0])
    return np.sum(h ** 2)


def deep_and_past(x, m):
    """What comes of a layer goes past the next one, too."""
    h = np.tanh(x)
    for k in range(m.shape[0]):
        h = np.tanh(h @ m[k]) + h
    return np.sum(h ** 2)


def deep_and_back(x, m):
    """A matrix serves twice in a layer."""
    h = np.tanh(x)
    for k in range(m.shape[0]):
        h = np.tanh(h @ m[k])
        h = np.sin(h @ m[k].T)
    return np.sum(h ** 2)


def deep_and_even(x, m):
    """What is added up of a matrix's cotangent is asked for by the others."""
    h, w = np.tanh(x), m[0] * 1.0
    for k in range(m.shape[0]):
        h = np.tanh(h @ w)
        w = np.sin(w) @ m[k]
    return np.sum(h ** 2)


def deep_and_seen(x, m):
    """A layer's cotangent is asked for after its strips."""
    h, s = np.tanh(x), 0.0
    for k in range(m.shape[0]):
        h = np.tanh(h @ m[k])
        s += np.sum(h[::2] * h[0])
    return np.sum(h ** 2) * s


def deep_and_turned(x, m):
    """A layer's cotangent is multiplied with as a whole, where its rows are met, too."""
    h, w = np.tanh(x), np.outer(np.sin(x[:, 0]), x[:, 1])
    for k in range(m.shape[0]):
        h = w.T @ h + np.tanh(h @ m[k])
    return np.sum(h ** 2)


DEEP = 0.7 * RNG.standard_normal((2, 3, 3))
CASES = [*((fn, (X, DEEP)) for fn in (deep, deep_and_past, deep_and_back, deep_and_even, deep_and_seen, deep_and_turned)),
         (layer, (X, W)), (two_layers, (X, W, 0.5 * W.T.copy())), (mixture, (X, W, X[:2])), (into_a_column, (X, W, X[:2])),
         (logistic, (X, W)), (covariance, (X, W)), (scaled, (X, W)), (squared, (X, W)), (both_sides, (X, W)),
         (changed_between, (X, W)), (shifted, (X, W)), (running, (X, W)), (counted, (X, W)), (kept_whole, (X, W)),
         (rounds, (X, W)), (steepest, (X, W))]
NAMES = [fn.__name__ for fn, _ in CASES]


@pytest.mark.parametrize(("fn", "args"), CASES, ids=NAMES)
def test_the_laws_hold_a_row_at_a_time(fn, args, rows_one_by_one):
    check(fn, args, tuple(range(len(args))), compile=False, order=2)


@pytest.mark.parametrize("rows", [0, 1, 2])
@pytest.mark.parametrize("fn", [layer, logistic, mixture, both_sides])
def test_few_rows_or_none(fn, rows, rows_one_by_one):
    args = (X[:rows].copy(), W, X[:2])[:2 if fn is not mixture else 3]
    check(fn, args, tuple(range(len(args))), compile=False)


def test_a_layers_cotangent_is_written_where_the_one_behind_it_was():
    text = source(value_and_grad(deep, argnums=(0, 1)), X, DEEP)
    body = text[text.index("    for k in", text.index("# reverse sweep")):text.index("x_bar[0, i]")]
    behind = re.search(r"(\w+) = h_bar\[start:\w+\]\n", body)[1]
    assert re.search(rf"t_bar\w* = {behind}\n", body), text
    assert re.search(r"(\w+) = m_bar\[k\]\n(?s:.*)add_product_of_rows\(\1, ", body), text


@pytest.mark.parametrize("fn", [layer, logistic, mixture, into_a_column, covariance, steepest])
def test_compiled_with_more_rows_than_one_strip(fn, monkeypatch):
    monkeypatch.setattr(blas, "MANY", 2)
    x = np.resize(np.sin(np.arange(997.0)), (blas.ENTRIES + 5, 3)) / 100.0
    args = (x, W, X[:2])[:3 if fn in (mixture, into_a_column) else 2]
    derived = value_and_grad(fn, argnums=tuple(range(len(args))))
    value, grads = derived(*args)
    want, wanted = derived.py_func(*args)
    assert value == pytest.approx(want, rel=1e-10)
    for a, b in zip(grads, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10 * np.max(np.abs(b)))
    dots = tuple(np.cos(a) for a in args)
    assert jvp(fn)(args, dots)[1] == pytest.approx(sum(np.sum(a * b) for a, b in zip(grads, dots, strict=True)), rel=1e-8)
    for n in (0, 1) if fn is not covariance else ():
        check(fn, (x[:n].copy(), *args[1:]), tuple(range(len(args))))


@pytest.mark.parametrize(("fn", "args", "passes"), [(layer, (X, W), 1), (logistic, (X, W), 1), (mixture, (X, W, X[:2]), 1),
                                                    (into_a_column, (X, W, X[:2]), 3)])
def test_strips_are_gone_over_once(fn, args, passes):
    text = source(grad(fn, argnums=tuple(range(len(args)))), *args)
    assert len(re.findall("for start in", text)) == passes, text


def test_a_matrix_that_only_strips_read_is_not_made():
    text = source(grad(layer, argnums=(1,)), X, W)
    assert re.findall(r"np\.empty\(\((.*?),", text) == ["strip"], text
    text = source(jvp(layer), (X, W), (X, W))
    assert re.findall(r"np\.empty\(\((.*?),", text) == ["strip"] * 3, text            # of x @ w, x_dot @ w and x @ w_dot


def test_what_was_multiplied_in_a_loop_is_multiplied_again():
    text = source(grad(into_a_column, argnums=(1, 2)), X, W, X[:2])
    assert "turned_tape" not in text, text
    assert len(re.findall(r"np\.dot\(\w+, \w+, turned", text)) == 2, text


def test_a_loop_that_is_one_with_its_reverse_multiplies_once():
    text = source(grad(mixture, argnums=(1,)), X, W, X[:2])
    assert (text.count("np.dot"), text.count("- m[c, j]")) == (1, 1), text


def test_the_arrays_of_strips_serve_all_iterations_of_a_loop_around_them():
    text = source(grad(mixture, argnums=(0, 1, 2)), X, W, X[:2])
    assert not re.search(r"^ {8,}.*np\.(empty|zeros)", text, re.MULTILINE), text


def test_sums_over_rows_keep_their_order_in_the_primal():
    text = source(grad(covariance), X, W)
    assert "add_product_of_rows" not in text.split("# reverse sweep")[0], text


def test_a_matrix_is_read_once_for_all_its_products_with_vectors():
    """... but for the one of the primal, which keeps its order."""
    text = source(jvp(steepest, argnums=0), (X, W), (X,))
    strips, = re.findall(r"\n +for start in .*(?:\n {12}.*)+", text)
    rest = text.replace(strips, "")
    assert (strips.count("np.dot("), strips.count("add_product_of_rows(")) == (3, 2), text
    assert (rest.count("np.dot("), rest.count("add_product_of_rows(")) == (1, 0), text
    text = source(grad(steepest), X, W).split("# reverse sweep")[1]
    assert re.search(r"for start in .*\n(.*\n){1,4}.*np\.dot\(.*\n.*add_product_of_rows\(", text), text


def test_products_that_go_over_other_rows_stay_whole(rows_one_by_one):
    """Rows of one array only: neither the columns of a transpose, nor what is broadcast."""
    def transposed(x, w):
        return np.sum(np.tanh(x.T @ x) * x[:3]) + np.sum(w.T @ np.sin(w))
    check(transposed, (X, W), (0, 1), compile=False, order=2)


# ---- random programs of matrices of seven rows

FORMS = ["{a} = np.tanh({b} @ {w})", "{a} = {b} @ {w}", "{a} = {b} @ {w}.T", "{a} = {b} + 0.5 * {c}", "{a} = np.sin({b} * {c})",
         "{v} = np.sum({b} * {c}, axis=1)", "{v} = {b} @ {w}[1]", "{v} = np.cos({v})", "{a} = {b} * {v}[:, None]",
         "{w} = np.tanh({b}.T @ {c})", "{w} = {w} @ {w} + 0.1", "{w}[1] = {b}.T @ {v}", "{a}[:, 1] = {v}", "{a}[1:] = {b}[:-1]",
         "{a}[2] = {w}[0]", "{a} *= 0.5", "{a}[:, :2] += {b}[:, 1:]", "s += np.sum({b} ** 2)", "s += np.sum({v}) * {w}[0, 1]",
         "{a} = {b} - np.sum({b}, axis=0) / 7.0", "{a} = {b}.copy()", "{a} = {b}", "{a} = s * {b}",
         "for i in range(7):\n    {a}[i] = {b}[i] * {v}[i]", "for i in range(1, 7):\n    {v}[i] += 0.5 * np.sin({v}[i - 1])",
         "for i in range(7):\n    s = 0.5 * s + np.sin({b}[i, 0]) * {v}[6 - i]"]


def of_rows(seed):
    """A program: statements, of which some may be those of a loop."""
    rng = np.random.default_rng(seed)
    pick = lambda names: names[rng.integers(len(names))]
    body = ["p, q, r = x * 1.0, np.cos(x), x - 0.5", "w, z = m * 1.0, np.sin(m)", "u, v, s = x[:, 0] * 1.0, x[:, 1] + 1.0, 0.0"]

    def some(n, indent):
        for _ in range(n):
            form = pick(FORMS).format(a=pick("pqr"), b=pick("pqr"), c=pick("pqr"), v=pick("uv"), w=pick("wz"))
            body.extend(indent + line for line in form.split("\n"))
    some(rng.integers(1, 5), "")
    if rng.integers(2):
        body.append("for _ in range(2):")
        some(rng.integers(2, 6), "    ")
    some(rng.integers(1, 5), "")
    body.append("return np.sum(p * q) + np.sum(r) + np.sum(w @ z) + u @ v + s")
    text = "def f(x, m):\n" + "".join(f"    {line}\n" for line in body)
    return from_text(text, "f")


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_of_rows(seed, rows_one_by_one):
    check(of_rows(seed), (0.5 * X, 0.4 * np.random.default_rng(1).standard_normal((3, 3))), (0, 1), compile=False)


def test_what_is_not_compared_is_not_taken_for_one_another():
    """Sums over different axes, told by a keyword, have no key; and so have stores."""
    x, y, m, p, q = (Var(name, types.Array(types.float64, 2, "C")) for name in "xympq")
    total = lambda out, axis: Let(out, np.sum, (m,), (("axis", Const(axis)),))
    product = lambda out, factor: Let(out, np.dot, (factor, m))
    for more in ([], [Set(m, (Const(0),), Const(1.0))]):
        assert made_again([total(x, 0), product(p, x), *more], [total(y, 1), product(q, y)]) == {}
    assert made_again([product(p, x)], [product(q, x)]) == {q: p}
