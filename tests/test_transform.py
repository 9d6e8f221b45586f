"""What the user calls: every transform, from Python and inside compiled code, nested in every order, and its errors."""
import itertools
import math
import re
from collections import Counter
from pathlib import Path

import gallery
import numpy as np
import pytest
from numba import TypingError, njit
from numba.typed import List

import toolkit
from toolkit import Refusal, UsageError, check_grads, grad, hessian, hvp, infer, jacobian, jvp, record, tape, value_and_grad, vjp
from toolkit.transform import program_of, types_of

X, V = np.linspace(0.5, 1.5, 5), np.arange(5.0)


def f(x):
    s = 0.0
    for i in range(x.shape[0]):
        s += math.sin(x[i]) * x[i] ** 2 * x[0]
    return s


def exact(x):
    """The gradient of f, by hand."""
    g = (np.cos(x) * x**2 + 2 * x * np.sin(x)) * x[0]
    g[0] += np.sum(np.sin(x) * x**2)
    return g


def slope(g, x, v, h=1e-5):
    """The directional difference of an array function."""
    return (g(x + h * v) - g(x - h * v)) / (2 * h)


def test_gradient_and_value():
    np.testing.assert_allclose(grad(f)(X), exact(X), rtol=1e-12)
    value, g = value_and_grad(f)(X)
    assert value == pytest.approx(f(X), rel=1e-14)
    np.testing.assert_allclose(g, exact(X), rtol=1e-12)


def test_both_modes_are_importable_alone():
    from toolkit import forward, reverse
    assert forward.jvp is toolkit.jvp
    assert reverse.vjp is toolkit.vjp
    assert reverse.grad is toolkit.grad


@pytest.mark.parametrize("inner", [grad(f), lambda x: jvp(f)((x,), (V,))[1]], ids=["reverse", "forward"])
def test_four_nestings(inner):
    want = slope(exact, X, V)
    if isinstance(inner, toolkit.transform.Transform):
        np.testing.assert_allclose(jvp(inner)((X,), (V,))[1], want, rtol=1e-7)
        np.testing.assert_allclose(vjp(inner)((X,), V)[1][0], want, rtol=1e-7)
    else:
        def along(x, v):
            return jvp(f)((x,), (v,))[1]
        np.testing.assert_allclose(grad(along)(X, V), want, rtol=1e-7)
        assert jvp(along, argnums=0)((X, V), (V,))[1] == pytest.approx(want @ V, rel=1e-7)
    np.testing.assert_allclose(hvp(f)(X, V), want, rtol=1e-7)


def test_third_order_through_an_inner_gradient():
    def energy(x):
        g = grad(f)(x)
        return np.sum(g * g * x)

    plain = lambda x: np.sum(exact(x) ** 2 * x)
    want = np.array([(plain(X + 1e-5 * e) - plain(X - 1e-5 * e)) / 2e-5 for e in np.eye(5)])
    np.testing.assert_allclose(grad(energy)(X), want, rtol=1e-6)
    np.testing.assert_allclose(hvp(energy)(X, V), slope(lambda x: grad(energy)(x), X, V), rtol=1e-6)


def test_a_perturbation_is_not_confused_with_another():
    def product(x, y):
        return x * y

    def outer(x):
        return x * jvp(product, argnums=1)((x, 1.0), (1.0,))[1]      # x · d(x y)/dy = x²; its derivative is 2 x, not 1
    assert jvp(outer)((3.0,), (1.0,)) == (9.0, 6.0)
    assert grad(outer)(3.0) == 6.0


def test_a_training_loop_compiles_to_one_function():
    gradient = grad(f)

    @njit
    def descend(x, steps):
        for _ in range(steps):
            x = x - 0.01 * gradient(x)
        return x
    x = X.copy()
    for _ in range(10):
        x = x - 0.01 * exact(x)
    np.testing.assert_allclose(descend(X, 10), x, rtol=1e-12)


def test_every_transform_inside_compiled_code():
    push, pull, both, second = jvp(f), vjp(f), value_and_grad(f), hvp(f)

    @njit
    def all_of_them(x, v):
        return push((x,), (v,))[1], pull((x,), 2.0)[1][0], both(x)[0], second(x, v)
    a, b, c, d = all_of_them(X, V)
    assert a == pytest.approx(exact(X) @ V)
    np.testing.assert_allclose(b, 2 * exact(X))
    assert c == pytest.approx(f(X))
    np.testing.assert_allclose(d, slope(exact, X, V), rtol=1e-7)


@njit
def product(x, y):
    return np.sin(x * y) * x


def test_transforms_are_made_inside_compiled_code():
    @njit
    def mixed(x, y, f):
        one, both = grad(f)(x, y), toolkit.value_and_grad(f, (0, 1))(x, y)
        return one, both, grad(grad(f), argnums=1)(x, y), jvp(product, argnums=1)((x, y), (1.0,))

    @njit
    def wrong(x):
        return grad(x)(x)
    x, y = 0.3, 0.7
    want = (grad(product)(x, y), value_and_grad(product, (0, 1))(x, y), grad(grad(product), argnums=1)(x, y),
            jvp(product, argnums=1)((x, y), (1.0,)))
    assert mixed(x, y, product) == want
    with pytest.raises(TypingError, match="takes a compiled function and constants, not float64"):
        wrong(x)


def relax(u, f):
    for i in range(1, u.size - 1):
        u[i] = (u[i - 1] + u[i + 1] + f[i]) / 2.0


def test_what_a_function_that_returns_nothing_writes_is_its_result():
    u, f, u_bar, u_dot = X.copy(), V.copy(), np.ones(5), np.arange(1.0, 6.0)
    out, (before, f_bar) = vjp(relax)((u, f), u_bar)
    assert out is u                                     # written, as relax writes it
    relaxed = X.copy()
    relax(relaxed, V)
    np.testing.assert_array_equal(u, relaxed)
    J = np.array([[1, 0, 0, 0, 0], [.5, 0, .5, 0, 0], [.25, 0, .25, .5, 0], [.125, 0, .125, .25, .5], [0, 0, 0, 0, 1]])
    F = np.array([[0, 0, 0, 0, 0], [0, .5, 0, 0, 0], [0, .25, .5, 0, 0], [0, .125, .25, .5, 0], [0, 0, 0, 0, 0]])
    np.testing.assert_allclose(before, J.T @ u_bar)
    np.testing.assert_allclose(f_bar, F.T @ u_bar)
    out, out_dot = jvp(relax)((X.copy(), f), (u_dot, V))
    np.testing.assert_array_equal(out, relaxed)
    np.testing.assert_allclose(out_dot, J @ u_dot + F @ V)
    np.testing.assert_array_equal(u_dot, np.arange(1.0, 6.0))       # what was passed stays
    np.testing.assert_array_equal(u_bar, np.ones(5))
    tape = toolkit.record(relax, X, V).backward(u_bar)
    np.testing.assert_allclose(tape.bars[0], before)
    np.testing.assert_allclose(jacobian(relax)(X, V), J)


def test_jacobian_and_hessian():
    def curve(x):
        return np.sin(x[1:]) * x[0]
    forward, reverse = jacobian(curve, mode="forward")(X), jacobian(curve, mode="reverse")(X)
    np.testing.assert_allclose(forward, reverse, rtol=1e-14)
    assert forward.shape == (4, 5)
    np.testing.assert_allclose(jacobian(curve)(X), forward)
    h = hessian(f)(X)
    np.testing.assert_allclose(h, h.T, rtol=1e-12)
    np.testing.assert_allclose(h @ V, slope(exact, X, V), rtol=1e-7)


def test_auxiliary_output():
    def loss(x):
        return np.sum(x * x), x + 1.0
    g, aux = grad(loss, has_aux=True)(X)
    np.testing.assert_allclose(g, 2 * X)
    np.testing.assert_allclose(aux, X + 1)


def test_options_are_inherited():
    @njit(error_model="numpy", fastmath=True)
    def ratio(x):
        return 1.0 / x
    assert grad(ratio)(0.0) == -np.inf

    @njit
    def strict(x):
        return 1.0 / x
    with pytest.raises(ZeroDivisionError):
        grad(strict)(0.0)


def test_arguments_and_seeds_stay():
    def scale(x, y):
        z = x.copy()
        z *= y
        return z
    x, seed = X.copy(), V.copy()
    _, (x_bar, y_bar) = vjp(scale)((x, 2.0), seed)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(seed, V)
    np.testing.assert_allclose(x_bar, 2 * V)
    assert y_bar == pytest.approx(X @ V)
    again = vjp(scale)((x, 2.0), seed)
    np.testing.assert_array_equal(again[1][0], x_bar)
    assert not np.shares_memory(x_bar, seed)


@njit
def first_of(items, x):
    return np.sum(items[0] * x)


def test_lists_are_arguments_and_cotangents():
    typed, second = List([X, V]), List([X, V[:3].copy()])
    for items in (typed, [X, V]):
        g = grad(first_of)(items, V)
        assert type(g) is type(items)
        np.testing.assert_array_equal(g[0], V)
        np.testing.assert_array_equal(g[1], 0.0 * V)
    np.testing.assert_array_equal(record(first_of, typed, V).backward().bars[0], [*V, *(0.0 * V)])
    with pytest.raises(ValueError, match="a list of tangents or cotangents has other shapes"):
        jvp(first_of, 0)((typed, V), (second,))

    @njit
    def inside(items, x):
        return grad(first_of)(items, x)[0] + x
    np.testing.assert_array_equal(inside(typed, V), 2.0 * V)


def writes_beside_a_list(items, z):
    z[0] = 2.0 * z[1]
    return items[0] * z


def test_an_array_that_is_written_shares_no_memory_with_those_of_a_list():
    items, z = List([X.copy()]), V.copy()
    check_grads(writes_beside_a_list, (items, z))
    for transform, seed in ((vjp, X), (jvp, (items, z))):
        with pytest.raises(ValueError, match="two arguments share memory"):
            transform(writes_beside_a_list)((items, items[0]), seed)


def test_float32_throughout():
    x = X.astype(np.float32)
    g = grad(lambda x: np.sum(np.exp(x) * x))(x)
    assert g.dtype == np.float32
    check_grads(lambda x: np.sum(np.exp(x) * x), (x,))


def unbound(x):
    return np.intersect1d(x, x)[0]


def test_refusal_points_at_the_line():
    with pytest.raises(Refusal) as e:
        grad(unbound)(np.eye(2))
    lines = str(e.value).splitlines()
    assert "np.intersect1d" in lines[0]
    assert "test_transform.py:" in lines[1]
    assert lines[2].strip() == "return np.intersect1d(x, x)[0]"
    assert lines[3].index("^") == lines[2].index("np.intersect1d")


def vector(x):
    return x * 2.0


@pytest.mark.parametrize(("call", "message"), [
    (lambda: grad(vector)(X), "returns array"),
    (lambda: grad(f, argnums=2)(X), "has 1 argument"),
    (lambda: grad(lambda n: n * 1.0)(3), "cannot be differentiated in `n`"),
    (lambda: jvp(f)((X,), (1.0,)), "the tangent of `x` is float64"),
    (lambda: vjp(f)((X,), X), "its cotangent is"),
    (lambda: jvp(f)(X, X), "two tuples"),
    (lambda: grad(3.0), "takes a Python function"),
    (lambda: grad(eval("lambda x: x"))(1.0), "source"),
    (lambda: jacobian(f, mode="sideways"), "mode="),
])
def test_wrong_use_says_what_was_expected(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_a_tangent_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="another shape"):
        jvp(f)((X,), (np.ones(3),))


@pytest.mark.parametrize(("x", "n", "error"), [
    (np.empty(0), 7, AssertionError), (-X, 7, ValueError), (X * 1e13, 7, OverflowError)])
def test_errors_of_the_function_are_those_of_its_derivative(x, n, error):
    gradient = grad(gallery.asserts_and_raises)
    for derivative in (gallery.asserts_and_raises, gradient, njit(lambda x, n: gradient(x, n))):
        with pytest.raises(error):
            derivative(x, n)
    with pytest.raises(error):
        jvp(gallery.asserts_and_raises)((x, n), (x,))


@njit(boundscheck=True)
def reads_beyond(x, w, n):
    return x * x + w[n]


def test_an_index_out_of_bounds_is_found_where_no_derivative_needs_what_is_there():
    w = np.ones(3)
    for derivative in (grad(reads_beyond), value_and_grad(reads_beyond), hvp(reads_beyond)):
        rest = (1.0,) if isinstance(derivative, type(hvp(reads_beyond))) else ()
        derivative(2.0, w, 2, *rest)
        with pytest.raises(IndexError, match="out of bounds"):
            derivative(2.0, w, 3, *rest)


def counted(x, n):
    for _ in range(n):
        x = math.sin(x) * x
    return x


def out_of_room(x):
    if x > 0.0:
        raise MemoryError("the function's own", 3)
    return x


def test_a_memory_error_of_the_function_is_left_alone():
    with pytest.raises(MemoryError) as e:
        grad(out_of_room)(1.0)
    assert e.value.args == ("the function's own", 3)


def test_a_tape_that_would_not_fit_says_so(monkeypatch):
    gradient, n, line = grad(counted), 10**14, counted.__code__.co_firstlineno + 1
    with pytest.raises(MemoryError, match=rf"the tape of the loop at test_transform\.py:{line} needs \d+ bytes, .*jvp"):
        gradient(0.5, n)
    with pytest.raises(MemoryError, match=r"the tape of the loop at test_transform\.py"):
        njit(lambda x: gradient(x, n))(0.5)
    assert gradient(0.5, 3) == pytest.approx(jvp(counted, argnums=0)((0.5, 3), (1.0,))[1])
    monkeypatch.setattr(tape, "fits", lambda n, size: False)
    with pytest.raises(MemoryError, match="'the tape of the loop at line', 12, 'needs', 32, 'bytes'"):
        tape.room.py_func(np.empty(2), 3, 12)           # of a `while`, whose tape grows
    with pytest.raises(MemoryError, match="'the tape of the loop at line', 7, 'needs', 96, 'bytes'"):
        tape.one_more([np.empty(4)] * 2, 7)         # one of arrays


def sums_ahead(x):
    u = x.copy()
    u[:-1] += u[1:]
    u -= u
    u += x
    return np.sum(u * u)


def sums_behind(x):
    u = x.copy()
    u[1:] += u[:-1]
    return u


def mirrors(x):
    u = x.copy()
    u *= u[::-1]
    return u


def adds_its_row(x):
    u = np.outer(x, x)
    u += u[0]
    return u


def shifts_by_a_ufunc(x):
    u = 2.0 * x
    np.add(u[1:], u[:-1], u[1:])
    return u


def columns(m):
    """Columns lie between one another, and share nothing."""
    u = m.copy()
    u[:, 1] += u[:, 0]
    u[1:] += u[0]
    u[::2, 0] += u[1::2, 0]
    u.T[0] *= u.T[1]
    v = np.asfortranarray(u)
    v[1] += v[0]
    return u * v


def test_parts_that_share_nothing_may_be_added_in_place():
    m = np.linspace(0.5, 1.5, 12).reshape(4, 3)
    check_grads(columns, (m,))
    np.testing.assert_array_equal(jvp(columns)((m,), (m,))[0], njit(columns)(m))

    def writes(a, b):
        for i in range(1, a.size):
            b[i] = a[i] * a[i - 1]
        return np.sum(b * a)
    a_bar, b_bar = grad(writes, argnums=(0, 1))(m[:, 0].copy(), m[:, 1].copy())
    for x, y in zip(grad(writes, argnums=(0, 1))(*m.copy().T[:2]), (a_bar, b_bar)):
        np.testing.assert_allclose(x, y)


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize(("start", "step"), [(0, 1), (1, 1), (0, 2), (1, 2), (2, 2), (7, -1), (8, -2), (7, -2), (4, 1), (6, 1)])
def test_overlap_of_vectors(start, step, n):
    memory = np.zeros(12)
    for a in (memory[:4], memory[:8:2], memory[1:9:2], memory[7:3:-1], memory[8:0:-2]):
        b = memory[start::step][:n]
        if a.strides == b.strides:
            assert tape.overlap(a, b) == np.shares_memory(a, b)
        else:
            assert tape.overlap(a, b) >= np.shares_memory(a, b)


PARTS = [slice(None), slice(1, None), slice(None, -1), slice(None, None, -1), slice(None, None, 2), slice(1, 2), 0, 1]


def test_operations_in_place_with_two_meanings_are_told_exactly():
    """Of all pairs of parts of a matrix: where going from element to element gives another result than copying first."""
    outcomes, m = Counter(), np.random.default_rng(0).standard_normal((4, 4))
    for out, x in itertools.product(itertools.product(PARTS, PARTS), repeat=2):
        if m[out].ndim and m[x].ndim and can_broadcast(m[x].shape, m[out].shape):
            copied, stepped = m.copy(), m.copy()
            copied[out] += m[x]
            y, reads = stepped[out], np.broadcast_to(stepped[x], m[out].shape)
            for k in np.ndindex(y.shape):
                y[k] += reads[k]
            required = tape.aligned if m[out].ndim == m[x].ndim else tape.separate
            try:
                required(m[out], m[x])
                refused = False
            except ValueError:
                refused = True
            assert refused == (not np.array_equal(copied, stepped)), (out, x)
            outcomes[refused] += 1
    assert min(outcomes[True], outcomes[False]) > 100


def can_broadcast(shape, to):
    """Can an array of this shape be broadcast to that one?"""
    return len(shape) <= len(to) and all(a in (1, b) for a, b in zip(shape[::-1], to[::-1]))


@pytest.mark.parametrize("f", [sums_behind, mirrors, adds_its_row, shifts_by_a_ufunc])
def test_an_operation_in_place_with_two_meanings_is_refused(f):
    """NumPy copies what it reads first, Numba does not: u[1:] += u[:-1] is a shifted sum for one, a prefix sum for the other."""
    for transform in (vjp(f), jvp(f)):
        with pytest.raises(ValueError, match="in place reads what it has written"):
            transform((X,), f(X) if transform.title == "vjp" else (X,))
    check_grads(sums_ahead, (X,))


def unpacks(x):
    a, b = x
    return a * b


def stores_too_few(x):
    y = np.zeros(5)
    y[np.array([0, 2, 4])] = x[:2]
    return y


def pops_too_often(x):
    items = [x[0]]
    items.pop()
    return items.pop()


@pytest.mark.parametrize(("f", "error", "says"), [
    (unpacks, ValueError, "unpacked to more or fewer names"), (stores_too_few, ValueError, "another shape than the index"),
    (pops_too_often, IndexError, "list index out of range")])
def test_what_only_a_run_finds_out(f, error, says):
    with pytest.raises(error, match=says):
        jvp(f)((X,), (X,))


def test_every_kind_of_error_has_its_place_on_the_page():
    page = (Path(toolkit.__file__).parents[1] / "docs" / "errors.md").read_text()
    kinds = [k for k in vars(toolkit).values() if isinstance(k, type) and issubclass(k, Exception)]
    assert len(kinds) == 5
    for name in [*(k.__name__ for k in kinds), "ValueError", "IndexError", "MemoryError"]:
        assert f"\n## {name}\n" in page
    for sentence in re.findall(r'ValueError\("([^":]*)', Path(tape.__file__).read_text()):
        assert sentence in " ".join(page.split()), sentence


def test_a_derivative_prints_once_what_the_function_prints(capfd):
    gallery.prints(X)
    shown = capfd.readouterr().out
    grad(gallery.prints)(X)
    assert capfd.readouterr().out == shown


def of_each_order(x):
    """Whether np.ascontiguousarray copies these depends on their order."""
    made = (x.copy(), np.copy(x), x.T.copy(), np.zeros_like(x), np.full_like(x, 2.0), x.astype(np.float64), np.vstack((x, x)),
            np.hstack((x, x)), np.concatenate((x, x), 1), np.column_stack((x, x)), np.stack((x, x)), np.dstack((x, x)), x * 2.0,
            np.sort(x), np.asfortranarray(x), x.T, x[:, 1:], x[1:], np.transpose(x, (1, 0)))
    made[0][0] *= 2.0
    return made


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda x: np.repeat(x, 2, 1)[:, ::2]])
def test_arrays_are_of_the_order_that_numba_gives_them(layout):
    kinds = types_of("of_each_order", (layout(np.arange(9.0).reshape(3, 3)),))
    compiled = njit(of_each_order)
    compiled.compile(kinds)
    assert [infer.type_of(a).layout for a in program_of(of_each_order, kinds).result.items] == [
        t.layout for t in compiled.overloads[kinds].signature.return_type]


def root_or_other(x, c):
    r2 = 0.0
    for k in range(2):
        r2 += x[k] ** 2
    r = 1.0
    for _ in range(1):
        r = np.sqrt(r2) * c
    if r > 0.5:
        return r
    return x[2] * c


@pytest.mark.parametrize("compiled", [False, True])
def test_a_branch_that_is_not_taken_sends_nothing_into_loops_before_it(compiled):
    gradient = grad(root_or_other, (0, 1))
    x_bar, c_bar = (gradient if compiled else gradient.py_func)(np.array([0.0, 0.0, 3.0]), 4.0)
    np.testing.assert_array_equal(x_bar, [0.0, 0.0, 4.0])
    assert c_bar == 3.0


def cubes(v):
    return np.sum(v**3)


def test_hvp_of_a_function_whose_parameter_is_called_v():
    assert np.allclose(hvp(cubes)(X, V), 6 * X * V)
    assert np.allclose(hvp(lambda v: np.sum(hvp(cubes)(v, v)))(X, V), 12 * V)


@pytest.mark.parametrize("c", [3.0, -7.0, 1e-310, 1e301, 5e-324, np.inf, np.float32(3.0), 3])
def test_a_derivative_divides_by_a_constant(c):
    """... as it multiplies with what that goes into 1, where this is neither rounded to nothing nor to infinity."""
    def f(x):
        return x / c
    for x in (2.0, 0.0, np.linspace(-1.0, 1.0, 5), np.ones(3, np.float32)):
        with np.errstate(all="ignore"):
            (bar,), dot = vjp(f)((x,), x)[1], jvp(f)((x,), (x,))[1]
            for found in (bar, dot):
                rtol, atol = (1e-15, 0.0) if np.asarray(x).dtype == np.float64 else (1e-7, 1e-45)
                np.testing.assert_allclose(found, np.float64(x) / np.float64(c), rtol, atol)
                assert np.asarray(bar).dtype == np.asarray(x).dtype
    assert ("* 0.3333333333333333" in toolkit.source(jvp(f), (2.0,), (2.0,))) == (c == 3.0 and isinstance(c, float))
