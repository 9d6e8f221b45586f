"""Arrays take the place of those that nothing reads any more; of no others."""
import re

import numba
import numpy as np
import pytest
from laws import check

from toolkit import check_grads, grad, jvp, runtime, source, value_and_grad, vjp

X = np.linspace(0.5, 1.5, 12).reshape(3, 4)
W = np.linspace(-0.4, 0.6, 16).reshape(4, 4)


def places(text):
    """How many arrays take the place of another one."""
    return len(re.findall(r"^ *(\w+) = (?!\1)[a-z_]\w*$", text, re.MULTILINE))


def logsumexp(x, w):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top))) * np.sum(w)


def layers(x, w):
    for _ in range(2):
        x = np.tanh(np.exp(-x) @ w)
    return np.sum(x * x)


@pytest.mark.parametrize("fn", [logsumexp, layers])
def test_places_are_taken(fn):
    check(fn, (X, W), (0, 1))
    text = source(value_and_grad(fn, argnums=(0, 1)), X, W)
    assert places(text), text


def test_what_nothing_reads_is_not_made_for_its_place():
    text = source(grad(lambda x, w: np.sum(w * (x.T @ x))), X, W)
    assert text.count("@") == 1, text


def returned_beside(x, w):
    """The exponential is a result itself."""
    e = np.exp(x)
    return e, 2.0 * e


def read_afterwards(x, w):
    e = np.exp(x) @ w
    f = np.tanh(e)
    return f @ w + e.T[0, 0] * np.sum(e)


def in_another_order(x, w):
    """Each entry is read once more when its row has been written."""
    e = np.exp(w) @ w
    return np.sin(e) * e[::-1] + e.T


def seen_through_a_view(x, w):
    e = np.exp(w) @ w
    v = e.T
    return np.sin(e) + v


def in_a_branch(x, w):
    e = np.exp(x) @ w
    kept = e if x[0, 0] > 0.0 else x
    return np.tanh(e) * kept, kept


def carried(x, w):
    """The array of the iteration before is read when the next one is filled."""
    before = np.exp(x)
    now = before
    for _ in range(3):
        now, before = np.tanh(now @ w) + before, now
    return now * before


def one_place_after_the_other(x, w):
    """What has taken a place is itself still read when another array is looking for one."""
    low = x - np.sum(x, axis=1).reshape(-1, 1) / 3.0
    wide = low * w[0] - np.sum(low * w[0], 0)
    return np.sum(np.exp(wide), axis=-1), np.sum(wide * np.sum(wide, 0))


def rows(x, w):
    total = 0.0
    for i in range(w.shape[0]):
        e = np.exp(w[i])
        total += np.sum(np.sin(e) * e[::-1]) + np.max(e)
    return total


READ = [returned_beside, read_afterwards, in_another_order, seen_through_a_view, in_a_branch, carried, rows,
        one_place_after_the_other]


@pytest.mark.parametrize("fn", READ)
def test_what_is_still_read_keeps_its_place(fn):
    check(fn, (X, W), (0, 1))


def test_results_do_not_share_memory():
    (e, f), (e_dot, f_dot) = jvp(returned_beside)((X, W), (X, W))
    arrays = [e, f, e_dot, f_dot]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[k + 1:])


@pytest.mark.parametrize(("fn", "ours"), [(np.max, runtime.maximum), (np.min, runtime.minimum)])
def test_extremes_and_their_places(fn, ours):
    compiled = numba.njit(lambda x: (ours(x), runtime.position(x, ours(x))))
    first = {np.max: np.argmax, np.min: np.argmin}[fn]
    rng = np.random.default_rng(0)
    for n in (1, 3, 63, 64, 65, 300):
        x = rng.integers(-9, 9, (n, 2)).astype(float)           # with ties
        for special in (None, np.inf, -np.inf, np.nan):
            if special is not None:
                x.flat[rng.integers(x.size, size=2)] = special
            for y in (x, x[:, 0], x[::2], np.asfortranarray(x), x.astype(np.float32)):
                value, place = compiled(y)
                assert value == fn(y) or (np.isnan(value) and np.isnan(fn(y)))
                assert place == first(y) == runtime.position(y, fn(y))
    with pytest.raises(ValueError, match="zero-size"):
        compiled(np.zeros(0))


@pytest.mark.parametrize("n", [5, 300])
def test_the_place_of_what_was_rounded_otherwise_is_that_of_the_nearest(n):
    """A value that the reverse sweep computes again need not be the forward sweep's to the last bit, under fastmath."""
    x = np.random.default_rng(0).standard_normal((n, 2))
    near = np.nextafter(np.max(x), np.inf)
    compiled = numba.njit(lambda x, value: runtime.position(x, value))
    for y in (x, np.asfortranarray(x)):
        assert compiled(y, near) == runtime.position(y, near) == np.argmax(x) != 0


def test_extremes_are_numbas_where_they_are_asked_for(monkeypatch):
    assert "np.max" not in source(grad(logsumexp), X, W)
    monkeypatch.setenv("DUALTAPE_ELEMENTARY", "off")
    assert "np.max" in source(grad(logsumexp), X, W)


def test_cotangents_lie_where_the_function_had_its_arrays():
    """Of what the function made nothing is read in the reverse sweep: it needs no more memory than the function."""
    def f(x):
        a, b = x.copy(), x.copy()
        for _ in range(3):
            for i in range(1, x.size - 1):
                b[i] = (a[i - 1] + a[i] + a[i + 1]) / 3.0
            for i in range(1, x.size - 1):
                a[i] = (b[i - 1] + b[i] + b[i + 1]) / 3.0
        s = 0.0
        for i in range(x.size):
            s += np.sin(a[i])
        return s
    x = np.linspace(0.0, 2.0, 9)
    text = source(grad(f), x)
    assert sum(text.count(f"np.{maker}") for maker in ("copy(", "empty", "zeros")) == 2, text
    check_grads(f, (x,))


def descended(x, w):
    """What goes round is a sum of what it was."""
    v, u = np.zeros_like(x[0]), x[0] * 1.0
    for k in range(4):
        v = 0.9 * v + np.sin(u) * w[0, k]
        u = u - 0.1 * v
    return np.sum(u * v)


def remembered(x, w):
    """What went round last time is read after the new one is made."""
    u = x[0] * 1.0
    s = 0.0
    for k in range(4):
        new = u * w[0, k] + 1.0
        s += np.sum(np.sin(u) * new)
        u = new
    return s


def swapped_twice(x, w):
    """The old one goes on under another name."""
    u, v = x[0] * 1.0, x[1] * 2.0
    for k in range(3):
        u, v = v * w[0, k] + u, u
    return np.sum(u * v)


def begun_twice(x, w):
    """Two begin with one array, and one is read later."""
    start = x[0] * 1.0
    u, v = start, start
    for k in range(3):
        u = u * w[0, k] + 1.0
        v = v * w[1, k] - 1.0
    return np.sum(u * v * start)


def shifted(x, w):
    """Each entry is made of its neighbour."""
    u = x[0] * 1.0
    for k in range(3):
        new = np.empty(u.size)
        for i in range(u.size):
            new[i] = u[(i + 1) % u.size] * w[0, k]
        u = new
    return np.sum(u ** 2)


def left_early(x, w):
    u = x[0] * 1.0
    for k in range(4):
        new = u * w[0, k] + 1.0
        if np.sum(new) > 3.0:
            break
        u = new
    return np.sum(u ** 2)


def run_often(x, w):
    """The loop runs anew in each iteration of another one."""
    s = 0.0
    for j in range(3):
        u = x[j] * 1.0
        for k in range(3):
            u = u * w[j, k] + 0.5
        s += np.sum(u * u)
    return s


def in_rounds(x, w):
    u = x[0] * 1.0
    for j in range(2):
        for k in range(3):
            u = u * w[j, k] + 0.5
    return np.sum(u ** 3)


def until_it_is_far(x, w):
    """Where it began is asked for before each iteration."""
    start = x[0] * 1.0
    u = start
    while u[0] - start[0] < 3.0:
        u = u * 1.1 + w[2]
    return np.sum(u * u)


@pytest.mark.parametrize("fn", [until_it_is_far, descended, remembered, swapped_twice, begun_twice, shifted, left_early,
                                run_often, in_rounds])
def test_what_goes_round_a_loop_is_written_where_it_was(fn):
    check(fn, (X, W), (0, 1), order=2)
    np.testing.assert_allclose(value_and_grad(fn)(X, W)[0], fn(X, W), rtol=1e-12)


def test_loops_make_no_arrays_of_sums_of_what_they_made_before():
    text = source(jvp(descended), (X, W), (X, W))
    body = text[text.index("for k in"):text.index("return")]
    assert "np.empty" not in body, text


def likelihood(x, y):
    root = np.linalg.cholesky(x @ x.T + 4.0 * np.eye(x.shape[0]))
    return np.sum(np.sin(root) * y)


def entropies(x, y):
    """The factor's cotangent goes on being asked for."""
    s = 0.0
    for k in range(2):
        a = x @ x.T + (4.0 + k) * np.eye(x.shape[0])
        root = np.linalg.cholesky(a)
        s += np.sum(np.log(np.diag(root))) + np.sum(root * y) * np.sum(root[0])
    return s


def of_an_argument(x, y):
    return np.sum(np.linalg.cholesky(y) ** 3) + np.sum(x)


@pytest.mark.parametrize("fn", [likelihood, entropies, of_an_argument])
def test_a_factors_cotangent_gives_its_place(fn):
    y = np.cos(np.subtract.outer(np.arange(4.0), np.arange(4.0))) + 4.0 * np.eye(4)
    check(fn, (np.sin(np.arange(12.0)).reshape(4, 3), y), (0, 1), compile=False, order=2)


def test_what_is_made_of_the_factors_cotangent_is_made_in_its_place():
    text = source(value_and_grad(likelihood), np.ones((4, 3)), np.ones((4, 4)))
    bar = re.search(r"into_cholesky_cotangent\(root, (\w+)\)", text)[1]
    assert re.search(rf"    {bar} = \w+\n", text), text
    assert "into_" not in source(vjp(lambda a: np.linalg.cholesky(a)), (np.eye(3),), np.eye(3))     # the caller's stays as it is
