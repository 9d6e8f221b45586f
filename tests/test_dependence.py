"""Dependence: which entries are known not to be written again, and that this is never claimed wrongly."""
import random
import re

import numpy as np
import pytest
from laws import check, from_text

from experiments.problems import cholesky_loops, lu_loops
from toolkit import grad, jvp, source
from toolkit.activity import Aliases
from toolkit.dependence import Dependence, solvable
from toolkit.primitive import VIEWS
from toolkit.program import Const, Span, Tup
from toolkit.shapes import Shapes
from toolkit.transform import program_of, types_of

N = 6                                           # the length of each axis


def edit_table(x, y):
    d = np.zeros((x.size + 1, y.size + 1))
    for i in range(1, x.size + 1):
        for j in range(1, y.size + 1):
            d[i, j] = d[i - 1, j] * d[i, j - 1] + (x[i - 1] - y[j - 1]) ** 2 * (1.0 + d[i - 1, j - 1])
    return d[-1, -1]


def states(w, h0):
    h = np.empty((8, h0.size))
    h[0] = h0
    for t in range(7):
        h[t + 1] = np.tanh(w @ h[t])            # rows are views, of which the products read no copies
    return np.sum(h[7])


def backwards(x):
    y = x.copy()
    for i in range(y.size - 2, -1, -1):
        y[i] = x[i] + y[i + 1] ** 2
    return np.sum(y)


M = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 5))
SPD = M @ M.T + 5.0 * np.eye(5)


@pytest.mark.parametrize(("fn", "args"), [
    (lu_loops.loss, (SPD,)), (cholesky_loops.loss, (SPD,)), (edit_table, (M[0], M[1])), (states, (M, M[0])),
    (backwards, (M[0],))])
def test_what_stays_where_it_was_read_or_stored_is_not_kept_twice(fn, args):
    text = source(grad(fn, tuple(range(len(args)))), *args)
    assert set(re.findall(r"\w+_tape\b", text)) <= ({"t_tape"} if fn is states else set())      # what tanh has made, a row a step
    assert "_was" not in text
    check(fn, args, tuple(range(len(args))), compile=False)


def seidel(x):
    x = x.copy()
    for _ in range(3):
        for i in range(1, x.size - 1):
            x[i] = np.sin(x[i - 1]) * x[i + 1]
    return np.sum(x)


def from_the_end(x):
    y = x.copy()
    for i in range(y.size - 1):
        y[i] = np.sin(y[i - 1]) * y[i]          # the first reads the last, which is never written
        y[-2] *= 0.5
    return np.sum(y)


def through_an_index(x, at):
    y = x.copy()
    for i in range(1, y.size):
        y[i] = np.sin(y[at[i]]) * y[i - 1]
    return np.sum(y)


@pytest.mark.parametrize(("fn", "args"), [
    (seidel, (M[0],)), (from_the_end, (M[0],)), (through_an_index, (M[0], np.arange(5)[::-1]))])
def test_what_is_written_again_is_kept(fn, args):
    assert "_tape[" in source(grad(fn), *args)
    check(fn, args, (0,), compile=False)


@pytest.mark.parametrize(("system", "answer"), [
    ([{"i": 1}, {"i": -1, "n": 1, 1: -1}, {"i": 1, "n": -1}], False),           # 0 <= i < n <= i
    ([{"i": 1}, {"i": -1, "n": 1, 1: -1}], True),
    ([{"i": 2, 1: -1}, {"i": -2, 1: 1}], False),                                # 2 i == 1
    ([{"i": 3, "j": 2, 1: -12}, {"i": -1, 1: 2}, {"j": -1, 1: 2}], False),      # 3 i + 2 j >= 12, but 10 at most
    ([{"i": 1, "j": -1, 1: -1}, {"j": 1, "i": -1}], False),                     # i > j >= i
    ([], True),
])
def test_systems(system, answer):
    assert solvable(system) is answer


# ---- random nests that write in place

class Nests:
    """Writes functions that read and write the entries of a matrix and of a vector in loops, at affine places and others."""

    def __init__(self, seed):
        self.r, self.lines = random.Random(seed), []

    def program(self):
        self.block(0, {})
        head = ["def program(a, v):", "    a, v = a.copy(), v.copy()", "    n, s = v.size, 0.0"]
        return "\n".join([*head, *self.lines, "    return s + np.sum(np.sin(a)) + np.sum(v * v)", ""])

    def place(self, names):
        """An index within [-N, N)."""
        options = ["0", "-1", "2", "n - 1"]
        for i, (_, hi) in names.items():
            options += [i, i, i, f"{i} - 1", f"{i} - 1", f"n - 1 - {i}", f"{i} - n", f"{i} // 2"]
            options += [f"{i} + 1"] * 2 if hi < N - 1 else []
            options += [f"{i} - {j}" for j in names if j != i]
        return self.r.choice(options)

    def entry(self, names):
        i, j = self.place(names), self.place(names)
        return self.r.choice([f"a[{i}, {j}]"] * 5 + [f"v[{i}]"] * 4 + [f"a[{i}][{j}]", f"a.T[{i}, {j}]",
                              f"a[1:][({i}) % 5, {j}]", f"v[2:][({i}) % 4]", f"a[:, 1:-1][{i}, ({j}) % 4]"])

    def value(self, names):
        x, y = self.entry(names), self.entry(names)
        return self.r.choice([f"{x} * {y}", f"{x} ** 2", f"np.sin({x}) * {y}", f"np.sin({x}) * np.cos({y})", f"0.5 * {x}",
                              f"np.cos({x})", "np.sin(s)", f"np.sum(v[{self.r.choice('123')}:] ** 2) * 0.1"])

    def line(self, names):
        if self.r.random() < 0.2:
            return f"s += {self.value(names)}"
        if self.r.random() < 0.2:
            i, j = self.place(names), self.place(names)
            return self.r.choice([f"v[:-1] = 0.5 * np.sin(a[1:, {i}])", f"v[:] = np.sin(a[{i}])",
                                  f"a[{i}] = np.cos(v) * {self.value(names)}", f"a[:, {i}] = np.sin(a[{j}]) * v",
                                  f"a[{i}] += 0.1 * a[{j}] ** 2"])
        op = self.r.choice(["=", "=", "+=", "-=", "*="])
        value = self.value(names)
        return f"{self.target(names)} {op} {f'np.cos({value})' if op == '*=' else value}"

    def target(self, names):
        """What is written: mostly what the counters name, as people write it."""
        if not names or self.r.random() < 0.2:
            return self.entry(names)
        i, j = self.r.choice([*names]), [*names][-1]
        return self.r.choice([f"a[{i}, {j}]", f"a[{j}, {i}]", f"v[{j}]"])

    def block(self, depth, names):
        pad = "    " * (depth + 1)
        for _ in range(self.r.choice((1, 1, 2))):
            if depth < 2 and self.r.random() < (0.9, 0.6)[depth]:
                i = "ijk"[depth]
                text, span = self.range(names)
                self.lines.append(f"{pad}for {i} in range({text}):")
                self.block(depth + 1, names | {i: span})
            else:
                under = self.r.random() < 0.2
                self.lines += [f"{pad}if {self.entry(names)} > 0.2:"] if under else []
                self.lines.append(f"{pad}{'    ' * under}{self.line(names)}")

    def range(self, names):
        """The arguments of range, and between which values the counter lies."""
        outer = self.r.choice([*names, "2"])
        lo, hi = names.get(outer, (2, 2))
        return self.r.choice([("n", (0, N - 1)), ("1, n", (1, N - 1)), ("n - 1", (0, N - 2)), ("n - 1, -1, -1", (0, N - 1)),
                              ("0, n, 2", (0, N - 1)), ("n - 2, 0, -1", (1, N - 2)), ("3", (0, 2)), (outer, (0, max(hi - 1, 0))),
                              (f"{outer} + 1, n", (lo + 1, N - 1)), (f"{outer}, -1, -1", (0, hi)),
                              (f"1, {outer} + 1", (1, max(hi, 1)))])


def function(seed):
    text = Nests(seed).program()
    return from_text(text, "program"), text


class Trace:
    """Runs a program statement by statement, and notes at which of its entries each element read or written lies: two arrays are
    the same memory where they have the same numbers in `entries`."""

    def __init__(self, program, args):
        self.env, self.entries, self.accesses, self.made = {}, {}, [], 0
        for (_, v), x in zip(program.params, args, strict=True):
            self.bind(v, x)
        self.run(program.body)

    def value(self, atom, env):
        match atom:
            case Const(value):
                return value
            case Tup(items):
                return tuple(self.value(a, env) for a in items)
            case Span(lo, hi, step):
                return slice(*(None if a is None else self.value(a, env) for a in (lo, hi, step)))
        return env[atom]

    def bind(self, v, x, entries=None):
        self.env[v] = x
        if isinstance(x, np.ndarray):
            new = self.made + np.arange(x.size).reshape(x.shape)
            self.entries[v] = new if entries is None else entries
            self.made += x.size

    def run(self, block):
        for s in block:
            getattr(self, f"on_{type(s).__name__}", lambda s: None)(s)

    def at(self, s):
        return tuple(self.value(i, self.env) for i in s.index)

    def on_Let(self, s):
        out = s.fn(*(self.value(a, self.env) for a in s.args))
        entries = self.entries[s.args[0]] if s.fn in VIEWS else None
        self.bind(s.out, out, None if entries is None else s.fn(entries, *(self.value(a, self.env) for a in s.args[1:])))

    def on_Get(self, s):
        touched = self.entries[s.arr][self.at(s)]
        self.accesses.append((s, False, frozenset(np.ravel(touched))))
        self.bind(s.out, self.env[s.arr][self.at(s)], touched)

    def on_Set(self, s):
        self.accesses.append((s, True, frozenset(np.ravel(self.entries[s.arr][self.at(s)]))))
        value, at = self.value(s.value, self.env), self.at(s)
        self.env[s.arr][at] = self.env[s.arr][at] + value if s.add else value

    def on_For(self, s):
        now = [self.value(c.init, self.env) for c in s.carries]
        for k in range(*(self.value(a, self.env) for a in (s.lo, s.hi, s.step))):
            self.env[s.var] = k
            self.env.update(zip((c.head for c in s.carries), now))
            self.run(s.body)
            now = [self.value(c.end, self.env) for c in s.carries]
        self.env.update(zip((c.exit for c in s.carries), now))

    def on_If(self, s):
        yes = self.value(s.cond, self.env)
        self.run(s.then if yes else s.orelse)
        self.env.update((p.out, self.value(p.then if yes else p.orelse, self.env)) for p in s.phis)

    def written_after(self):
        """The statements of which an entry that they read or wrote was written later."""
        later, found = set(), set()
        for s, writes, entries in reversed(self.accesses):
            found |= {s} if entries & later else set()
            later |= entries if writes else set()
        return found


def arguments(seed):
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1.0, 1.0, shape) for shape in ((N, N), (N,))]


def claims(seed):
    """How many statements of a random program are known to be the last on what they touch, of how many that are. All must be."""
    fn, text = function(seed)
    program = program_of(fn, types_of("program", arguments(seed)))
    dependence = Dependence(program, Aliases(program), Shapes(program))
    with np.errstate(all="ignore"):
        trace = Trace(program, arguments(seed))
    asked = {s for s, *_ in trace.accesses}
    claimed = {s for s in asked if not dependence.changes_after(s.arr, s.index, s)}
    wrong = claimed & trace.written_after()
    assert not wrong, f"{text}\nline {min(s.place.line for s in wrong)}"
    return len(claimed), len(asked - trace.written_after())


def test_what_is_claimed_of_random_nests_is_true_of_what_they_do():
    claimed, true = np.sum([claims(seed) for seed in range(400)], axis=0)
    assert claimed > 0.4 * true


def test_a_wrong_claim_is_noticed(monkeypatch):
    monkeypatch.setattr(Dependence, "meet", lambda self, region, other, loop: loop is None)
    with pytest.raises(AssertionError, match="line"):
        [claims(seed) for seed in range(100)]


def same_gradient_without(seed, monkeypatch, where, part, without):
    """Has a random nest the gradient that it has where a part of the toolkit does nothing, and forward mode's?"""
    fn, text = function(seed)
    with np.errstate(all="ignore"):
        if not np.abs(fn(*arguments(seed))) < 1e6:
            return
    bars = grad(fn, (0, 1)).py_func(*arguments(seed))
    slope = jvp(fn).py_func(tuple(arguments(seed)), tuple(arguments(seed + 1)))[1]
    monkeypatch.setattr(where, part, without)
    for bar, want in zip(bars, grad(function(seed)[0], (0, 1)).py_func(*arguments(seed)), strict=True):
        np.testing.assert_allclose(bar, want, rtol=1e-9, atol=1e-9, err_msg=text)
    ours = sum(np.sum(bar * dot) for bar, dot in zip(bars, arguments(seed + 1), strict=True))
    np.testing.assert_allclose(ours, slope, rtol=1e-7, atol=1e-9, err_msg=text)


@pytest.mark.parametrize("seed", range(20))
def test_random_nests_have_the_derivatives_that_they_have_where_nothing_is_known(seed, monkeypatch):
    same_gradient_without(seed, monkeypatch, Dependence, "met_later", lambda *_: True)
