"""Array code as loops: what is fused, what must not be, and that nothing changes by it."""
import random
import re

import gallery
import kernels
import numpy as np
import pytest
from laws import check, flat, fresh, from_text, like
from numba import njit

from toolkit import Refusal, UsageError, fusion, grad, jvp, source, transform, value_and_grad, vjp
from toolkit.check import agree
from toolkit.transform import returning

CASES = {c.name: c for c in [*gallery.CASES, *kernels.CASES]}
X = np.linspace(0.5, 1.5, 12).reshape(3, 4)


def loops(text):
    """How many loops a source has."""
    return len(re.findall(r"^ *(?:for|while) ", text, re.MULTILINE))


def arrays_made(text):
    return len(re.findall(r"np\.(?:empty|zeros|copy|zeros_like)\(", text))


def chain(x, y):
    return np.sum(np.tanh(x * y + 1.0) * x - np.exp(-y) / x)


def test_a_chain_and_its_sum_are_one_loop_that_makes_no_array():
    a = np.ones(5)
    text = source(jvp(chain, argnums=0), a, a)
    assert loops(text) == 1
    assert arrays_made(text) == 0


@pytest.mark.parametrize("x", [X, X.T, X[:, ::2], X[:0], np.linspace(-1.0, 3.0, 101)], ids=["C", "F", "A", "none", "many"])
def test_a_mean_makes_no_array_and_is_what_numba_computes(x):
    fn = njit(lambda x: np.mean(x * x + 1.0))
    value, bar = value_and_grad(fn)(x)
    np.testing.assert_array_equal(value, fn(x))             # to the last bit, and NaN of nothing
    np.testing.assert_allclose(bar, 2.0 * x / max(x.size, 1), rtol=1e-15)
    assert arrays_made(source(value_and_grad(fn), x)) <= 1       # the gradient


def test_both_sweeps_of_a_chain_are_one_loop():
    text = source(grad(lambda x: np.sum(np.sin(x) * x)), np.ones(5))
    assert loops(text) == 1
    assert arrays_made(text) == 1


def jacobi(a, b):
    b[1:-1] = 0.5 * (a[2:] + a[:-2])
    return np.sum(b)


def test_slices_are_read_and_written_in_their_arrays():
    text = source(jvp(jacobi), np.ones(5), np.ones(5))
    assert re.search(r"b\[i \+ 1\] = 0\.5 \* \(a\[.*\+ 2\] \+ a\[.*\]\)", text)
    check(jacobi, (np.arange(5.0), np.arange(5.0) ** 2), (0, 1), compile=False)


def shifts_itself(a):
    u = a * 1.5
    u[1:] = u[:-1] * 2.0 + u[1:]            # reads what it writes: not element by element
    u[:-1] = u[1:]
    return u


def in_turn(a):
    u = a * 1.5
    u[1:] = u[1:] * u[1:] + 1.0             # each element by itself
    u += u * a
    return u


def broadcasts_its_first(a):
    u = a * 1.5
    u[:] = u[0:1] * 2.0                     # one entry for all, which is itself written
    u[1:] += u[:1]
    u[:] = u[-1:]
    return u


def from_the_end_of_a_slice(a):
    u = a * 1.5
    part = u[0:3]
    part[-1] = 2.0 * u[0]
    m = np.outer(u, a)[0:3, 0:2]
    m[-1] = a[:2] * 2.0
    return np.sum(m * m) + np.sum(u)


def smoothed_in_place(a):
    u = a * 1.5
    u[1:-1] = u[1:-1] + 0.3 * (0.1 * a[1:-1] - 2.0 * u[1:-1] + u[:-2] + u[2:])      # in reverse, groups that must stay apart
    return u


@pytest.mark.parametrize("fn", [shifts_itself, in_turn, broadcasts_its_first, from_the_end_of_a_slice, smoothed_in_place])
def test_an_array_that_is_read_where_it_is_written(fn):
    a = np.array([1.0, 2.0, -3.0, 0.5])
    check(fn, (a,), (0,), compile=False)
    np.testing.assert_array_equal(jvp(fn)((a,), (a,))[0], njit(fn)(a))


def sums_between(x):
    y = x * x
    z = y / np.sum(y)                       # needs the sum before its first entry
    return np.sum(z * z) + np.sum(y * z)


def stores_between(x):
    u = np.zeros(x.size)
    y = np.sin(x)
    u[:] = y
    s = u[1] * 2.0                          # an element of what the loop has stored
    u[:] = y * s
    return u


@pytest.mark.parametrize("fn", [sums_between, stores_between])
def test_what_needs_a_whole_array_waits_for_it(fn):
    check(fn, (np.array([1.0, 2.0, -3.0, 0.5]),), (0,), compile=False)


def products(a, b, c):
    return np.sum(a * b * c + b) + np.sum((a + c)[0] * 2.0)


@pytest.mark.parametrize("shapes", [((3, 4), (3, 4), (3, 4)), ((3, 1), (3, 4), (1, 4)), ((1, 1), (3, 4), (3, 1)),
                                    ((1, 4), (1, 4), (1, 4)), ((3, 4), (1, 1), (1, 1))])
def test_axes_of_length_one_are_broadcast_when_it_runs(shapes):
    rng = np.random.default_rng(0)
    args = tuple(rng.standard_normal(s) for s in shapes)
    check(products, args, (0, 1, 2), compile=False)
    assert value_and_grad(products)(*args)[0] == pytest.approx(products(*args), rel=1e-14)


def stored(a, b):
    u = np.zeros(b.shape)
    u[...] = a * 2.0
    return np.sum(u * b)


@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (3, 1), (1, 1)])
def test_a_store_broadcasts_what_is_stored(shape):
    check(stored, (np.random.default_rng(0).standard_normal(shape), X), (0, 1), compile=False)


@pytest.mark.parametrize(("fn", "args"), [(stored, (np.ones((2, 4)), X)), (stored, (np.ones((3, 4)), np.ones((1, 4)))),
                                          (products, (X, X, np.ones((2, 4))))])
def test_shapes_that_do_not_fit_are_an_error(fn, args):
    for derivative in (value_and_grad(fn), value_and_grad(fn).py_func):
        with pytest.raises(ValueError, match="broadcast"):
            derivative(*args)


def waves(x, w):
    return np.sin(x * w) + np.exp(-x) * np.tanh(w)


def test_elementary_functions_are_numbas_where_they_are_asked_for(monkeypatch):
    x, w = np.linspace(-3.0, 3.0, 101), np.linspace(0.1, 2.0, 101)
    value = njit(waves)(x, w)
    np.testing.assert_array_max_ulp(jvp(waves)((x, w), (x, w))[0], value, 6)        # each within 2, and their sum
    assert "np.exp" not in source(jvp(waves), x, w)
    monkeypatch.setenv("DUALTAPE_ELEMENTARY", "off")
    np.testing.assert_array_equal(jvp(waves)((x, w), (x, w))[0], value)
    assert "np.exp" in source(jvp(waves), x, w)


def divides(x, y):
    return np.sum(x / y) + np.sum(x // y) + np.sum(x % y) + np.sum(x ** y)


def test_arrays_divide_by_zero_as_arrays_do():
    x, y = np.array([1.0, -2.0, 0.0]), np.zeros(3)
    with np.errstate(all="ignore"):
        assert np.isnan(value_and_grad(divides)(x, y)[0])
    value, _ = value_and_grad(lambda x, y: np.sum(x / y))(np.array([1.0, 2.0]), np.array([0.0, 1.0]))
    assert value == np.inf


def test_a_seed_is_not_read_before_its_shape_is_known():
    pull = vjp(lambda x: np.exp(x) * x)
    x = np.ones(2000)
    for call in (pull, pull.py_func):
        with pytest.raises(ValueError, match="another shape"):
            call((x,), np.ones(3))
    text = source(pull, x)
    assert text.index("same_shape") < text.index("out_bar[i]")


def writes_then_raises(u, a):
    u[:] = a * 2.0
    if a[0] > 0.0:
        raise ValueError("positive")
    u[:] = a * 3.0


def test_what_the_caller_sees_is_stored_before_an_error_and_no_more():
    u, a = np.zeros(3), np.ones(3)
    with pytest.raises(ValueError, match="positive"):
        jvp(writes_then_raises)((u, a), (a, a))
    np.testing.assert_array_equal(u, 2.0 * a)


@pytest.mark.parametrize("name", list(CASES)[::12])
def test_results_are_those_of_the_code_before_fusion(name, monkeypatch):
    """Values and tangents to the last bit; cotangents up to the order in which contributions are added."""
    case = CASES[name]
    args = tuple(case.make_args(np.random.default_rng(0)))
    try:
        seed = like(returning(case.fn)(*fresh(args)), np.random.default_rng(1))
        dots = tuple(like(fresh(args)[k], np.random.default_rng(2)) for k in case.argnums)
        push = lambda: jvp(case.fn, case.argnums).py_func(fresh(args), dots)
        pull = lambda: vjp(case.fn, case.argnums).py_func(fresh(args), seed)
        pushed, pulled = push(), pull()
        monkeypatch.setattr(transform, "fused", lambda program: program)
        want, wanted = push(), pull()
    except (Refusal, UsageError, ValueError):
        pytest.skip("refused, see test_kernels")
    single = any(getattr(x, "dtype", None) == np.float32 for x in flat(args))
    for a, b in zip(flat(pushed), flat(want), strict=True):
        agree(a, b, 1e-6 if single else 1e-14, "jvp")
    for a, b in zip(flat(pulled), flat(wanted), strict=True):
        agree(a, b, 1e-4 if single else 1e-11, "vjp")


def two_layers(x, w):
    h = np.tanh(x)
    return np.sum((h @ w) ** 2)


def test_what_is_cheap_is_computed_where_it_is_used():
    """And not kept beside what it is made of."""
    text = source(grad(two_layers), X, np.ones((4, 2)))
    assert re.search(r"(\w+) = h\[.*\]\n.* = \(1\.0 - \1 \* \1\) \* h_bar\[", text)
    assert arrays_made(text) == 4               # x_bar, strips of h, of its cotangent, of h @ w; whose cotangent takes its place
    check(two_layers, (X, np.arange(8.0).reshape(4, 2)), (0, 1), compile=False)


def gated(x, w):
    h = x.copy()
    for _ in range(3):
        h = h * (1.0 / (1.0 + np.exp(-w * h)))
    return np.sum(h * h)


def test_a_loop_keeps_only_the_arrays_that_are_dear():
    """The state and the exponential: a sum, a quotient and products of these are computed again, entry by entry."""
    text = source(grad(gated, argnums=(0, 1)), X[0], X[1])
    assert len(re.findall(r"_tape\d*(?:, \w+)? = (?:\[\]|np\.empty)", text)) == 2
    check(gated, (X[0], X[1]), (0, 1))


def about_the_diagonal(a, x):
    """Matrices that are made of rows and columns, each read twice, among operations on entries."""
    ridge = a + x[0] ** 2 * np.eye(a.shape[0])
    band = np.tril(ridge * a) - np.triu(np.exp(a)) * ridge
    return np.sum(band * np.diag(x)) + np.sum(band * band) + np.sum(np.eye(x.size) * a)


def partly(a, x):
    """What is not about the main diagonal, or not read by entries alone, is made."""
    eye = np.eye(3, 4)
    square = np.eye(x.size)
    square[0, 0] = x[1]
    return np.sum(np.tril(a, -1) * a[0]) + np.sum(eye[:, 1:] * a) + np.sum((square @ a) * a) + np.sum(np.eye(3)[0] * x)


def two_lengths(a, x):
    """An axis of length 1 is broadcast: there is no main diagonal of what comes of it."""
    return np.sum(np.eye(a.shape[0]) * x) + np.sum(np.tril(a) * x) + np.sum(np.diag(x) * a)


@pytest.mark.parametrize("fn", [about_the_diagonal, partly, two_lengths])
def test_matrices_about_a_diagonal(fn):
    a, x = np.random.default_rng(0).uniform(0.5, 1.5, (3, 3)), np.array([0.5, 1.5, 0.7])
    check(fn, (a, x), (0, 1))
    if fn is two_lengths:
        check(fn, (a[:1, :1].copy(), x), (0, 1))
        check(fn, (a, x[:1]), (0, 1))


def test_matrices_about_a_diagonal_are_not_made():
    text = source(value_and_grad(about_the_diagonal, argnums=(0, 1)), np.ones((3, 3)), np.ones(3))
    assert not re.search(r"np\.(eye|tril|triu)|undiag", text), text


def summed_twice(a, w):
    b = np.tanh(a @ w)
    return np.sum(b * b) * np.sum(b)


def test_sums_of_one_array_are_one_loop():
    text = source(jvp(summed_twice), (X, X.T.copy()), (X, X.T.copy()))
    assert loops(text) == 3, text               # of strips, rows and entries
    check(summed_twice, (X, X.T.copy()), (0, 1), compile=False)


# ---- a loop and its reverse

def rosenbrock(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def pairs_within(x, cutoff):
    energy = 0.0
    for i in range(x.shape[0]):
        for j in range(i):
            r2 = 0.0
            for k in range(2):
                r2 += (x[i, k] - x[j, k]) ** 2
            if r2 < cutoff:
                energy += 1.0 / r2 ** 3
    return energy


def likelihood(x, w):
    total = 0.0
    for i in range(x.size):
        scratch = np.empty(3)
        for k in range(3):
            scratch[k] = np.sin(w[k] * x[i])
        total += np.log(1.0 + scratch[0] ** 2 + scratch[1] * scratch[2])
    return total * 0.5


@pytest.mark.parametrize(("fn", "args"), [(rosenbrock, (X[0],)), (pairs_within, (X, 0.7)), (likelihood, (X[0], X[1]))])
def test_independent_iterations_keep_no_tape(fn, args):
    text = source(grad(fn, argnums=0), *args)
    assert "_tape[" not in text
    check(fn, args, tuple(range(len(args))), compile=False)


def chained(x):
    s = 1.0
    for i in range(x.size):
        s = np.sin(s * x[i])
    return s


def overwrites(x):
    u = x.copy()
    s = 0.0
    for i in range(1, x.size):
        u[i] = u[i] * u[i - 1]
        s += u[i] ** 2
    return s


def normalised(x):
    s = 0.0
    for i in range(x.size):
        s += np.exp(x[i])
    return np.log(s)                        # what the reverse begins with is known after the last iteration


def two_passes(x):
    mean = 0.0
    for i in range(x.size):
        mean += np.sin(x[i])
    spread = 0.0
    for i in range(x.size):
        spread += (np.sin(x[i]) - mean) ** 2
    return spread


@pytest.mark.parametrize("name", ["sum_of_running_sums", "sum_of_squared_running_sums", "running_sums_of_running_sums",
                                  "running_sums_from_inner_loops_and_branches", "running_sums_of_arrays"])
def test_sums_that_are_read_as_they_grow_are_reversed_afterwards(name):
    """What is added to a running sum's cotangent is added to that of all iterations before."""
    case = CASES[name]
    text = source(grad(case.fn, case.argnums), *fresh(case.make_args(np.random.default_rng(0))))
    assert re.search(r"for \w+ in range\(.*, -1\):", text)


@pytest.mark.parametrize("fn", [chained, overwrites, normalised, two_passes])
def test_iterations_that_hang_together_are_reversed_afterwards(fn):
    text = source(grad(fn), X[0])
    assert loops(text) == {two_passes: 3}.get(fn, 2)
    check(fn, (X[0],), (0,), compile=False)


def discounted(x, w):
    c, total = 1.0, 0.0
    for i in range(x.size):
        total += np.sin(x[i] * w) * c       # c as it is before
        c = c * 0.9 + x.size / 100.0
    return total


def test_the_reverse_of_an_iteration_has_what_the_iteration_began_with():
    text = source(grad(discounted, argnums=(0, 1)), X[0], 0.5)
    assert "_tape[" not in text
    check(discounted, (X[0], 0.5), (0, 1), compile=False)


def centred_rows(x, w):
    rows = x - np.sum(x, axis=1).reshape(-1, 1) / 3.0
    columns = rows * w - np.sum(rows * w, 0)
    return np.sum(np.exp(columns), axis=-1), np.sum(columns * np.sum(columns, 0))


def cubes(x):
    y = np.sum(x * x, axis=1)
    return np.sum(y * np.sum(x, axis=0)[:, 0:1]) + np.sum(np.sum(x, 2) * np.sum(np.sin(x), axis=2))


@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (3, 1), (1, 1), (0, 4), (3, 0)])
def test_sums_over_one_axis(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    for w in (x + 1.0, x[:1] if shape[0] else np.ones((1, 4)), np.ones((1, 1)))[:3 if shape == (3, 4) else 2]:
        check(centred_rows, (x, w), (0, 1), compile=False)
        for have, right in zip(jvp(centred_rows)((x, w), (x, w))[0], centred_rows(x, w)):
            np.testing.assert_allclose(have, right, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("shape", [(3, 3, 2), (1, 1, 1), (1, 1, 5), (2, 2, 0)])
def test_sums_over_one_axis_of_three(shape):
    check(cubes, (np.random.default_rng(0).standard_normal(shape),), (0,), compile=False)


def test_sums_over_an_axis_make_no_array_of_what_they_sum():
    text = source(grad(lambda x: np.sum(np.sum(x * x, 0) ** 3) + np.sum(np.tanh(np.sum(x + 1.0, axis=1)))), np.ones((3, 3)))
    assert not re.search(r"np\.sum|unbroadcast|spread", text)
    assert text.count("np.empty((n, n2)") == 1            # the gradient


def gram_matrices(x, w):
    c = x - np.sum(x, 0) / x.shape[0]
    t = c.T
    g = t @ c
    c[0] = 2.0 * x[1]                       # what the product was made of changes
    return np.sum(w * g) + np.sum(c @ g) + np.sum(w @ (t @ x))


def test_products_with_transposes():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((4, 3)), rng.standard_normal((3, 3))
    check(gram_matrices, (x, w), (0, 1))
    check(lambda x, w: np.sum(w * (x.T @ x)) + np.sum((x @ w) @ x.T), (x, w), (0, 1))


def test_products_with_a_common_factor_are_one():
    text = source(grad(lambda x, w: np.sum(w * (x.T @ x))), np.ones((4, 3)), np.ones((3, 3)))
    assert text.split("# reverse sweep")[1].count("@") == 1


def about_a_mean(x, m, w):
    return np.sum(np.tanh((x - m) @ w))


def changed_between(x, m, w):
    """The factor of the product that is summed is written again before the sum."""
    w = w.copy()
    for _ in range(2):
        x = np.tanh((x - m) @ w)
        w[0] = np.sin(w[1])
    return np.sum(x)


@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (4, 1), (1, 1)])
@pytest.mark.parametrize("fn", [about_a_mean, changed_between])
def test_rows_are_summed_before_they_are_multiplied(fn, shape):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(shape), rng.standard_normal((shape[1], shape[1]))
    if fn is changed_between and shape[1] == 1:
        pytest.skip("has one row alone")
    for m in (x[0], np.ones((1, 1)), x[:, :1]):
        check(fn, (x, m, w), (1, 2), compile=shape == (4, 3) and m is x[0])
    check(fn, (x, x[0], w), (0, 1, 2), compile=False)
    text = source(grad(fn, argnums=(1,)), x, x[0], w)
    assert len(re.findall(r"= (\w+) @ |np\.dot", text)) == 2, text         # one in each sweep


def through_squares(x, w):
    for _ in range(3):
        z = x @ w
        x = np.sin(z) * z
    return np.sum(x)


def test_products_that_are_kept_are_made_on_the_tape():
    x, w = np.random.default_rng(0).standard_normal((2, 3, 3))
    check(through_squares, (x, w), (0, 1))
    check(through_squares, (x[0], w), (0, 1))
    for first in (x, x[0]):
        assert re.search(r"np\.dot\(x\d*, w, z_tape\[z_tape_top\]\)", source(grad(through_squares, argnums=(0, 1)), first, w))


def forward_algorithm(x, w):
    """A factor of the product ends with it, so that the two have one name."""
    s = 0.0
    for _ in range(3):
        s += np.log(np.sum(x * x))
        x = ((x / np.sum(x)) @ w) * np.exp(x)
    return s


def test_a_product_on_the_tape_may_have_the_name_of_its_factor():
    w = np.random.default_rng(0).uniform(0.5, 1.5, (3, 3))
    check(forward_algorithm, (w[0], w), (0, 1))
    check(forward_algorithm, (w[0], w), (0, 1), compile=False)
    text = source(grad(forward_algorithm, argnums=(0, 1)), w[0], w)
    assert re.search(r"np\.dot\((\w+), w, (\w+\[\w+\])\)\n +\1 = \2", text), text


def test_a_seed_of_another_layout_is_copied_by_its_own_shape():
    def squared(a):
        return np.transpose(a, (2, 0, 1)) ** 2
    a, seed = np.arange(24.0).reshape(2, 3, 4), np.ones((4, 2, 6))[:, :, ::2]
    np.testing.assert_allclose(vjp(squared)((a,), seed)[1][0], 2.0 * a)         # the copy is made before the result is


def in_steps(seed):
    """Two buffers that slices write in turn, and names for what was computed of them before."""
    r = random.Random(seed)
    part = lambda: r.choice(["u", "v"]) + r.choice(["[1:-1]", "[1:-1]", "[2:]", "[:-2]"])
    lines, names = [], []
    for k in range(r.randint(4, 8)):
        read = lambda: r.choice([part, part, (lambda: r.choice(names)) if names else part])()
        value = r.choice([f"2.0 * {read()}", f"np.sin({read()})", f"{read()} + {read()}", f"{read()} * {read()} - {read()}"])
        if r.random() < 0.5:
            names.append(f"t{k}")
        lines.append(f"{names[-1] if names and names[-1] == f't{k}' else r.choice(['u', 'v']) + '[1:-1]'} = {value}")
    lines = [f"    {line}" for line in lines]
    return "def program(x, y):\n    u, v = x.copy(), y.copy()\n    for _ in range(2):\n" + "".join(
        f"    {line}\n" for line in lines) + "    return np.sum(u * v)\n"


@pytest.mark.parametrize("seed", range(20))
def test_what_goes_to_the_group_that_reads_it_is_the_same_there(seed, monkeypatch):
    text, (x, y) = in_steps(seed), np.random.default_rng(seed).uniform(-1.0, 1.0, (2, 7))
    both = lambda: value_and_grad(from_text(text, "program"), (0, 1)).py_func(x, y)
    value, bars = both()
    assert value == pytest.approx(from_text(text, "program")(x, y), rel=1e-13), text
    monkeypatch.setattr(fusion.Fusion, "sink", lambda self, unit, member: None)
    for bar, want in zip(bars, both()[1], strict=True):
        np.testing.assert_allclose(bar, want, rtol=1e-12, atol=1e-12, err_msg=text)


def test_what_is_computed_of_a_buffer_for_another_group_goes_there():
    def fn(x):
        u, v = x.copy(), x.copy()
        for _ in range(2):
            v[1:-1] = np.sin(u[1:-1]) + u[2:]
            u[1:-1] = v[2:] - 2.0 * v[1:-1]
        return np.sum(u)
    check(fn, (X[0],), (0,))
    text = source(jvp(fn), (X[0],), (X[0],))
    assert arrays_made(text) == 4, text         # u, v and their tangents


def test_loops_come_after_what_they_run_to():
    """That two lengths are equal is required at the entry, of one that is computed there: x[:-1] is as long as m has rows."""
    def f(x, m):
        a = m.T.copy()
        m[0, 0] += 1.0
        x[0] = np.dot(a[0], x[:-1])
        return np.sum(m)
    x, m = np.arange(4.0), np.arange(12.0).reshape(3, 4)
    out, out_dot = jvp(f).py_func((x, m), (np.ones(4), np.ones((3, 4))))
    assert (out, out_dot) == (67.0, 12.0)
