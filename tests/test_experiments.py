"""What the experiments claim of the article's network and of others is so; and what they share does what it says."""
import itertools
import json
import shutil
import subprocess

import numpy as np
import pytest

from experiments import __main__ as driver
from experiments import costs, descent, jacobians, modes, paths, pictures, primitives, report, tapes
from experiments.network import PARAMETERS, arguments, network
from toolkit import cost, grad, jacobian, record


@pytest.fixture(scope="module")
def tape():
    return record(network, *arguments())


def stores(x, w):
    s = np.zeros(2)
    for i in range(2):
        s[i] = np.tanh(x[i] * w)
    s[0] += w
    return s.sum()


# ---- graphs of tapes -------------------------------------------------------------------------------------------------

def test_the_first_node_is_the_articles_three_primitives(tape):
    rows = {r.name: r.text for r in primitives.rows_of(tape)}
    assert (rows["t1"], rows["t2"], rows["z1"]) == ("t1 = I @ W1", "t2 = t1 + b1", "z1 = relu(t2)")
    shapes = {r.name: r.shape for r in primitives.rows_of(tape)}
    assert [shapes[name] for name in ("I", "W1", "z1", "z3", "z5", "cost")] == ["10×10", "10×5", "10×5", "10×1", "10×1", "1"]


def test_any_function_is_shown(tmp_path, capsys):
    found = primitives.show(stores, np.array([0.3, 0.7]), 1.2, path=tmp_path / "mine.png")
    assert (tmp_path / "mine.png").stat().st_size > 10_000
    assert "tanh(" in capsys.readouterr().out
    assert len(found) == len(record(stores, np.array([0.3, 0.7]), 1.2))


def test_an_array_is_read_from_what_wrote_to_it_last():
    named = [(a.name, b.name) for a, b in tapes.edges(record(stores, np.array([0.3, 0.7]), 1.2))]
    chain = ["s", "s[0]", "s[1]", "s[0]", "out"]
    assert [pair for pair in named if pair[0].startswith("s")] == list(itertools.pairwise(chain))


def test_local_jacobians_are_the_jacobians(tape):
    entries = {e.name: e for e in (*tape.params, *tape.entries)}
    x, w = (entries[name].value for name in ("I", "W1"))
    of_matmul = jacobian(lambda w: x @ w)(w).reshape(50, 50)
    assert np.allclose(tapes.local_jacobian(tape, entries["t1"], entries["W1"]), of_matmul)
    assert np.array_equal(tapes.local_jacobian(tape, entries["t5"], entries["W3"]), np.eye(10)[:5])


def test_paths_are_those_of_appendix_c_and_their_sum_is_the_gradient(tape):
    graph = tapes.Contracted(tape)
    gradients = grad(network, argnums=tuple(range(1, 9)))(*arguments())
    for name, gradient in zip(PARAMETERS, gradients, strict=True):
        ways = list(graph.paths(next(e for e in tape.params if e.name == name)))
        assert np.allclose(sum(map(graph.product, ways)).ravel(), gradient.ravel(), rtol=1e-12)
        if name == "W1":
            assert [str(way) for way in ways] == [
                "∂cost/∂z5 · ∂z5/∂z3 · ∂z3/∂z1 · ∂z1/∂W1", "∂cost/∂z5 · ∂z5/∂z4 · ∂z4/∂z1 · ∂z1/∂W1"]


def test_the_jacobians_of_appendix_d():
    assert [r.numbers for r in jacobians.sizes()] == [10, 100, 500, 2500, 100, 500]


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_the_naive_way_is_the_gradient(layers):
    weights, x = np.random.default_rng(1).normal(size=(layers, 2, 2)), np.array([0.3, -0.2])
    assert np.isclose(paths.by_paths.py_func(weights, x), grad(paths.deep.py_func, argnums=1)(weights, x)[0])


def test_orders_of_multiplication():
    """Of a chain of matrices, counted by doing it."""
    dims = (7, 5, 2, 6, 3)
    factors = [np.ones((b, a)) for a, b in itertools.pairwise(dims)]
    counted = {jacobians.FORWARD: 7 * (5 * 2 + 2 * 6 + 6 * 3), jacobians.REVERSE: 3 * (6 * 2 + 2 * 5 + 5 * 7)}
    for way, wanted in counted.items():
        assert jacobians.multiplications(dims, way) == wanted
    assert jacobians.multiplications(dims, jacobians.BEST) == 2 * 5 * 7 + 3 * 6 * 2 + 3 * 2 * 7
    orders = (jacobians.from_parameter, jacobians.from_cost, jacobians.best)
    assert all(np.allclose(order(factors), 5 * 2 * 6) for order in orders)


# ---- what others claim -----------------------------------------------------------------------------------------------

def test_the_articles_entropy_turns_at_one_over_e():
    assert np.isclose(costs.turning_point(), np.exp(-1), rtol=1e-10)


def test_descent_arrives_where_least_squares_are():
    x, targets = descent.patients()
    slope = grad(descent.regression.py_func)(descent.solution(), x, targets)
    assert np.allclose(slope, 0, atol=1e-12)


def test_where_the_modes_cross():
    rows = [modes.Row(n, m, 1.0, float(n), 2.0 * m, "forward") for n in (1, 2, 4, 8, 16) for m in (2, 4)]
    assert [(m, round(n, 6)) for m, n in modes.crossings(rows)] == [(2, 4.0), (4, 8.0)]
    right, lost, worst = modes.regret(rows)
    assert (worst.n, worst.m, lost) == (16, 2, 4.0)
    assert right == 7 / 10


def test_auto_is_told_from_what_it_costs():
    x, into, out = np.ones(3), np.ones((3, 16)), np.ones((16, 2))
    moved = {mode: cost(jacobian(modes.network, mode=mode), x, into, out).bytes for mode in ("forward", "reverse", "auto")}
    assert moved["auto"] == moved["reverse"] != moved["forward"]


# ---- pictures and the report -----------------------------------------------------------------------------------------

def test_boxes_of_a_column_do_not_overlap():
    graph = pictures.nx.DiGraph([("a", "d"), ("b", "d"), ("c", "d"), ("d", "e"), ("a", "e")])
    places = pictures.layers(graph, dict.fromkeys("abcde", 1.0))
    assert len({places[n][0] for n in "abc"}) == 1
    heights = sorted(places[n][1] for n in "abc")
    assert min(np.diff(heights)) >= 1 - 1e-9
    assert places["c"][0] < places["d"][0] < places["e"][0]


def test_pictures_move(tmp_path):
    with pictures.figure(tmp_path / "still.png", 1, 1, (3, 2)) as (made, axes):
        (line,) = axes.plot([0, 1], [0, 0])
        pictures.move(made, lambda k: line.set_ydata([0, k]), 3, tmp_path / "film.gif")
    from PIL import Image
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 3
    assert (tmp_path / "film.mp4").exists() == bool(shutil.which("ffmpeg"))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report of one experiment."""
    folder = tmp_path_factory.mktemp("plots")
    module = primitives
    rows = module.run(folder, "quick", iter)
    tables, files = list(module.tables(rows)), list(module.MAKES)
    report.keep(folder, "primitives", module.__doc__, tables, module.finding(rows), files, 1.0, "quick")
    report.run(folder, "quick", iter)
    return folder / "report.html"


def test_the_report_holds_everything_and_needs_nothing(page):
    text = page.read_text(encoding="utf-8")
    kept = json.loads((page.parent / "primitives.json").read_text(encoding="utf-8"))
    assert kept["finding"][0] in text
    assert text.count("<img src=\"data:image/") == 2            # the picture, and the film
    assert "I @ W1" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "<code>toolkit.record</code>" in text


@pytest.mark.parametrize("width", [400, 1200])
def test_the_report_fits_a_browser(page, width, tmp_path):
    """On a phone's width and on a desk's nothing is wider than the window; and it prints."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium here")
    script = ("<script>addEventListener('load', () => document.title = "
              "document.documentElement.scrollWidth <= innerWidth ? 'fits' : 'too wide')</script>")
    shown = tmp_path / "page.html"
    shown.write_text(page.read_text(encoding="utf-8") + script, encoding="utf-8")
    run = lambda *more: subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", *more, f"file://{shown}"],
        capture_output=True, text=True, timeout=120, check=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert "<title>fits</title>" in run("--dump-dom").stdout
    run(f"--print-to-pdf={tmp_path / 'page.pdf'}")
    assert (tmp_path / "page.pdf").stat().st_size > 10_000


def test_every_experiment_is_listed_and_asks_a_question():
    for name in driver.NAMES:
        doc = driver.ast.get_docstring(driver._syntax(name))
        assert "?" in doc.split("\n\n")[0], name
