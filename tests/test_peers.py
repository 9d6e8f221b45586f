"""The problems of `python -m experiments peers` are what they say, in every system that is here, and it measures them."""
import math

import numpy as np
import pytest

from experiments import peers, problems
from experiments.worker import SYSTEMS, Absent, directions, disagreement
from toolkit import value_and_grad

# DaCe 2.0.0b1 is wrong where a step adds to one array what it reads of another, and then to that one: say so once it is not.
WRONG = {("heston", "dace"), ("lstm", "dace"), ("oscillators", "dace")}
every = pytest.mark.parametrize("name", problems.names())
STEP = 1e-5


def smallest(name):
    problem = problems.load(name)
    return problem, problem.arguments(**problem.SIZES[0])


def by_hand(problem, arguments):
    """As Python runs it: compiling takes seconds."""
    with np.errstate(all="ignore"):
        return problem.by_hand.py_func(*arguments)


@every
def test_a_problem_is_complete(name):
    problem, arguments = smallest(name)
    assert problem.__doc__
    assert problem.TITLE
    assert len(problem.SIZES) >= 3
    assert all(i < len(arguments) for i in problem.ARGNUMS)
    for peer in peers.PEERS:                # that it has no words for it is said, and why
        assert hasattr(problem, f"{peer}_system") or hasattr(problem, f"{peer}_loss")


@every
def test_what_is_written_by_hand_is_the_gradient(name):
    problem, arguments = smallest(name)
    reference = by_hand(problem, arguments)
    derived = problem.ours() if hasattr(problem, "ours") else value_and_grad(problem.loss, argnums=problem.ARGNUMS).py_func
    assert not disagreement("ours", derived(*arguments), reference, problem, arguments)


@pytest.mark.parametrize("name", [name for name in problems.names() if not hasattr(problems.load(name), "ours")])
def test_differences_agree(name):
    problem, arguments = smallest(name)
    value, gradient = by_hand(problem, arguments)
    tangents = list(directions(problem, arguments))
    length = math.sqrt(sum(np.vdot(t, t) for t in tangents))
    slope = sum(np.vdot(g, t) for g, t in zip(gradient, tangents, strict=True)) / length

    def moved(step):
        there = list(arguments)
        for i, tangent in zip(problem.ARGNUMS, tangents, strict=True):
            there[i] = there[i] + step / length * tangent
        return problem.loss(*there)

    difference = (moved(STEP) - moved(-STEP)) / (2 * STEP)
    norm = math.sqrt(sum(np.vdot(g, g) for g in gradient))
    assert abs(difference - slope) <= 1e-5 * norm + 10 * np.finfo(float).eps * abs(value) / STEP


@every
@pytest.mark.parametrize("peer", peers.PEERS)
@pytest.mark.filterwarnings("ignore")       # what others warn of is not ours to judge
def test_peers_agree(name, peer):
    load, make = SYSTEMS[peer]
    try:
        load()
    except ImportError as reason:
        pytest.skip(str(reason))
    problem, arguments = smallest(name)
    try:
        call, convert = make(problem, arguments)
    except Absent as reason:
        pytest.skip(str(reason))
    wrong = disagreement(peer, convert(call()), by_hand(problem, arguments), problem, arguments)
    assert ("gradient" in wrong) if (name, peer) in WRONG else not wrong


def test_the_harness_measures_checks_and_draws(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPERIMENTS_ONLY", "rosenbrock")
    monkeypatch.setitem(peers.SCALES["quick"], "systems", ("by_hand", "plain", "ours", "autograd"))
    rows = {row.system: row for row in peers.run(tmp_path, "quick", list)}
    ours = rows["ours"]
    assert (ours.note, ours.rounds, ours.ours) == ("", 3, 1)
    assert ours.median_s > 0
    assert rows["by_hand"].by_hand == rows["plain"].passes == 1
    assert rows["autograd"].note.startswith("not installed") or rows["autograd"].median_s > 0
    assert (tmp_path / "peers.png").stat().st_size > 10_000
    assert "| Rosenbrock | n=2 |" in (tmp_path / "peers.md").read_text()


def test_a_wrong_gradient_is_not_timed():
    problem, arguments = smallest("rosenbrock")
    value, (gradient,) = by_hand(problem, arguments)
    wrong = lambda system, result: disagreement(system, result, (value, (gradient,)), problem, arguments)
    assert "gradient 0 is off" in wrong("ours", (value, (gradient + 1.0,)))
    assert "value is off" in wrong("plain", (value + 1.0, ()))
    assert "slope" in wrong("jvp", (value, 0.0))
    assert "gradient 0 is off" in wrong("jax", (value, (np.full(2, np.nan),)))


def test_a_process_that_takes_too_long_or_dies_says_so(monkeypatch):
    monkeypatch.setitem(peers.PATIENCE_S, "plain", 0.01)
    slow, broken = peers.System("plain"), peers.System("no such system")
    try:
        for _ in range(2):                  # it stays so
            assert slow.ask(do="prepare", problem="rosenbrock", size=0, reference="")["note"] == "over 0.01 s"
            assert broken.ask(do="prepare", problem="rosenbrock", size=0, reference="")["note"].startswith("died")
    finally:
        slow.close()
        broken.close()
