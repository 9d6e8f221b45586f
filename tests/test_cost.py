"""The cost that is foretold is the cost that is met: the emitted Python runs on small arguments, and each operation that it does
is counted as it is done, by its card."""
import ast
import inspect
import itertools
import math
import operator
import re

import numpy as np
import pytest
from gallery import CASES
from hypothesis import HealthCheck, given, settings
from laws import from_text
from programs import programs

from toolkit import UsageError, bills, cost, grad, hvp, jvp, source, value_and_grad, vjp
from toolkit.ahead import arrays_of_tapes
from toolkit.blas import add_product_of_rows
from toolkit.check import fresh
from toolkit.cost import foretold
from toolkit.domain import Block
from toolkit.emit import Emitter, shown
from toolkit.primitive import FLAT, lookup
from toolkit.transform import Transform, program_of, returning, types_of
from toolkit.work import LIBRARY_OF

BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
          ast.Pow: "pow", ast.MatMult: "matmul", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq",
          ast.NotEq: "ne", ast.USub: "neg", ast.UAdd: "pos"}
OPERATORS = {name: getattr(operator, name) for name in BINARY.values()}
SAME = {operator.iadd: operator.add, operator.isub: operator.sub, operator.imul: operator.mul}


class Counted(ast.NodeTransformer):
    """Every operation and call of a program becomes a call of `met`; behind every statement, `watch` looks at the tapes."""

    def __init__(self, tapes):
        self.tapes = tapes

    def met(self, node, fn, *args):
        return ast.copy_location(ast.Call(ast.Name("met", ast.Load()), [fn, *args], []), node)

    def named(self, op):
        return ast.Attribute(ast.Name("operator", ast.Load()), BINARY[type(op)], ast.Load())

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow) and not isinstance(node.right, ast.Constant):
            return self.met(node, ast.Name("power", ast.Load()), node.left, node.right)
        return self.met(node, self.named(node.op), node.left, node.right) if type(node.op) in BINARY else node

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return self.met(node, self.named(node.op), node.operand) if type(node.op) in BINARY else node

    def visit_Compare(self, node):
        self.generic_visit(node)
        return self.met(node, self.named(node.ops[0]), node.left, node.comparators[0]) if type(node.ops[0]) in BINARY else node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        fn = ast.Attribute(ast.Name("operator", ast.Load()), f"i{BINARY[type(node.op)]}", ast.Load())
        loaded = ast.parse(ast.unparse(node.target), mode="eval").body
        return self.watched(ast.copy_location(ast.Assign([node.target], self.met(node, fn, loaded, node.value)), node))

    def visit_Call(self, node):
        self.generic_visit(node)
        return node if node.keywords else self.met(node, node.func, *node.args)

    def visit_Assign(self, node):
        self.generic_visit(node)
        return self.watched(node)

    visit_Expr = visit_Assign

    def watched(self, node):
        text = ast.unparse(node)
        tapes = [(name, top) for name, top in self.tapes if re.search(rf"\b({name}|{top})\b", text)]
        looks = [f"watch({name!r}, {name}, {top if re.search(rf'{top}', text) else None})" for name, top in tapes]
        return [node, *(ast.parse(look).body[0] for look in looks)]


class Met:
    """What a run has met: flops, and the most bytes that each tape has held."""

    def __init__(self):
        self.flops, self.tapes = 0, {}

    def __call__(self, fn, *args):
        out = fn(*args)
        if fn is add_product_of_rows:           # into its first argument
            (_, x, y, n), fn = args, operator.matmul
            args = (x[:n].T, y[:n])
            out = fn(*args)
        before = [(getattr(a, "shape", ()), is_float(a)) for a in args]
        if fn is np.dot:                        # its third argument is where the product goes
            args, before = args[:2], before[:2]
        self.flops += weighed(SAME.get(fn, LIBRARY_OF.get(fn, fn)), args, before, out)
        return out

    def watch(self, name, tape, top):
        """Look at a tape: a list of arrays, or an array that is filled up to its top, or made with room for it."""
        if isinstance(tape, list):
            held = sum(a.nbytes for a in tape)
        elif top is tape:
            held = tape.nbytes
        else:
            held = tape.nbytes if name not in self.tapes else (top or 0) * tape.itemsize
        self.tapes[name] = max(self.tapes.get(name, 0), held)


def power(x, y):
    return x ** y


def is_float(x):
    return isinstance(x, float | np.floating) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


def weighed(fn, args, before, out):
    """The flops of one operation, which was met with arguments of these shapes."""
    fn = {"plus": operator.add, "minus": operator.sub}.get(getattr(fn, "__name__", ""), fn)
    try:
        card = lookup(fn, tuple(len(shape) for shape, _ in before))
    except TypeError:                               # a method of an array
        return 0
    card = lookup(operator.pow, (0, 0)) if fn is power else card
    broadcast = isinstance(fn, np.ufunc) or (card.elementwise if card else fn in OPERATORS.values())
    if fn is operator.neg or (not broadcast and card is None):
        return 0
    count = np.size(out) if broadcast else 1
    if not any(floats for _, floats in before) and not is_float(out):
        return 0
    if fn in (operator.pow, np.power) and type(args[1]) in (int, float) and args[1] in (0, 1, 2, 3, 4):
        return max(int(args[1]) - 1, 0) * count
    if fn in FLAT or card is None:
        return count if any(floats for _, floats in before) else 0
    if not callable(card.flops):
        return card.flops * count
    letters = {}
    for (shape, _), domain in zip(before, card.domain):
        if isinstance(domain, Block) and shape:
            folded = shape if len(domain.dims) >= len(shape) else (*shape[:len(domain.dims) - 1],
                                                                   math.prod(shape[len(domain.dims) - 1:]))
            letters |= zip(domain.dims, folded)
    if fn.__name__ == "unbroadcast" and out is args[0]:
        return 0
    return card.flops(*(letters.get(d, 1) for d in inspect.signature(card.flops).parameters))


def program_for(fn, args):
    kinds = types_of("cost", args)
    return fn.final(kinds) if isinstance(fn, Transform) else program_of(fn, kinds)


def run(program, args):
    """What a run of a program meets: every operation, one by one."""
    emitted, met = Emitter(program), Met()
    arrays = [(emitted.names[v], emitted.names[v]) for v in arrays_of_tapes(program)]
    tree = ast.fix_missing_locations(Counted([*emitted.tops.values(), *arrays]).visit(ast.parse(shown(emitted.source))))
    space = {"np": np, "math": math, "operator": operator, "power": power, "met": met, "watch": met.watch, **emitted.globals}
    exec(compile(tree, "<counted>", "exec"), space)
    with np.errstate(all="ignore"):
        space[emitted.name](*fresh(args))
    return met


def derivatives(case):
    """The function of a case and its derivatives, with their arguments."""
    args = tuple(case.make_args(np.random.default_rng(0)))
    with np.errstate(all="ignore"):
        out = returning(case.fn)(*fresh(args))
    tangents = tuple(args[k] for k in case.argnums)
    return (case.fn, args), (jvp(case.fn, case.argnums), (args, tangents)), (vjp(case.fn, case.argnums), (args, out))


# ---- the law ---------------------------------------------------------------------------------------------------------

PROGRAMS = [*{c.fn: c for c in reversed(CASES)}.values()]          # one case of each


@pytest.mark.parametrize("k", range(len(PROGRAMS)), ids=[c.name for c in PROGRAMS])
def test_what_is_foretold_is_met(k):
    """Of each program one mode, in turn; where data decide, both sides are assumed, and nothing is known to the last flop."""
    fn, args = derivatives(PROGRAMS[k])[k % 3]
    program = program_for(fn, args)
    told = foretold(program, args)
    assert told.flops >= 0
    assert told.tape >= 0
    if not told.assumed:
        met = run(program, args)
        assert told.flops == met.flops
        assert told.tape == sum(met.tapes.values())


def test_of_most_programs_nothing_is_assumed():
    sure = [not cost(c.fn, *c.make_args(np.random.default_rng(0))).assumed for c in PROGRAMS[::4]]
    assert sum(sure) > 0.8 * len(sure)


def test_a_wrong_card_is_noticed(monkeypatch):
    """A count that hangs on a loop's length alone would not see it."""
    case = next(c for c in PROGRAMS if c.name == "horner")
    args = case.make_args(np.random.default_rng(0))
    program = program_for(case.fn, args)
    met = run(program, args)
    monkeypatch.setattr(lookup(operator.mul, (0, 0)), "flops", 2)
    assert foretold(program, args).flops != met.flops


@settings(max_examples=40, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_what_is_foretold_of_generated_programs_is_met(p):
    args = p.args, returning(p.fn)(*fresh(p.args))
    program = program_for(vjp(p.fn, p.argnums), args)
    told = foretold(program, args)
    assert told.flops >= 0
    if not told.assumed:
        met = run(program, args)
        assert (told.flops, told.tape) == (met.flops, sum(met.tapes.values()))


# ---- by hand ---------------------------------------------------------------------------------------------------------

def product(a, b):
    c = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                c[i, j] += a[i, k] * b[k, j]
    return c


@pytest.mark.parametrize(("m", "k", "n"), [(2, 3, 4), (40, 30, 20), (10**5, 10**4, 10**6)])
def test_a_product_by_loops(m, k, n):
    """Nothing is run, and nothing needs room: the arrays are of one number each."""
    a, b = np.broadcast_to(1.0, (m, k)), np.broadcast_to(1.0, (k, n))
    told = cost(product, a, b)
    assert told.flops == 2 * m * k * n == cost(lambda a, b: a @ b, a, b).flops
    assert told.read == 3 * 8 * m * k * n
    assert told.written == 8 * (m * n + m * k * n)
    assert told.amounts["fresh"] == 8 * m * n
    assert told.bytes == told.read + told.written
    assert told.tape == 0
    assert not told.assumed


def powers(x, n):
    total = 0.0
    for i in range(x.size):
        y = x[i]
        for _ in range(n):
            y = np.sin(y)
        total += y * y
    return total


@pytest.mark.parametrize("n", [3, 30, 3000])
def test_a_tape_is_as_long_as_the_loop_that_it_serves(n):
    """Each iteration is followed by its reverse, so that the tape holds the arguments of one chain."""
    x = np.linspace(0.0, 1.0, 7)
    told = cost(grad(powers), x, n)
    assert told.tape == 8 * n
    assert told.flops == run(program_for(grad(powers), (x, n)), (x, n)).flops if n < 100 else told.flops > 100 * n


# ---- loops that are not gone through ---------------------------------------------------------------------------------

NESTS = {
    "triangle": "for i in range(n):\n    for j in range(i):\n        for k in range(j, i):\n            s += x[k] * x[j]",
    "backwards": "for i in range(n - 1, -1, -1):\n    for j in range(i, n, 1):\n        s = s * x[j]",
    "first and last": "for i in range(n):\n    if i > 0:\n        s += x[i]\n    if i + 1 < n:\n        s += x[i + 1] * x[i]",
    "a bend": "for i in range(n):\n    for j in range(max(i, n // 3)):\n        s += x[j]",
    "steps": "for i in range(0, n, 3):\n    for j in range(i):\n        s += x[j]",
    "a running bound": "m = 2\nfor i in range(n):\n    for j in range(m):\n        s += x[0]\n    m += 3",
    "doubling": "m = 1\nwhile m < n:\n    for j in range(m):\n        s += x[j]\n    m *= 2",
    "a growing bound": "m = 2\nfor i in range(4):\n    for j in range(m):\n        s += x[0] * s\n    m *= m",
    "left by a count": "for i in range(n):\n    if i == 17:\n        break\n    s += x[i]",
    "slices": "for i in range(1, n):\n    s += np.sum(x[:i] * x[i])",
    "swapped buffers": "a, b = np.zeros(4), np.zeros(9)\nfor i in range(20):\n    s += np.sum(a * s)\n    a, b = b, a",
}


@pytest.mark.parametrize("mode", [lambda f: f, grad], ids=["function", "grad"])
@pytest.mark.parametrize("name", NESTS)
def test_a_loop_costs_what_its_iterations_cost(name, mode, monkeypatch):
    body = "".join(f"    {line}\n" for line in NESTS[name].splitlines())
    fn = from_text(f"def nest(x, n):\n    s = 0.0\n{body}    return s\n", "nest")
    args = np.linspace(0.1, 0.9, 30), 30
    program = program_for(mode(fn), args)
    told, met = foretold(program, args), run(program, args)
    assert told.flops == met.flops
    assert told.tape == sum(met.tapes.values())
    assert not told.assumed
    monkeypatch.setattr(bills, "FEW", 10**9)
    assert foretold(program, args) == told


def test_the_cost_of_many_iterations_is_known_as_soon_as_that_of_few():
    looked_at = itertools.count()

    def at(k):
        next(looked_at)
        return bills.Bill({"scalar": k**3 - k})
    total = bills.total(at, 0, 10**12, pytest.fail)
    n = 10**12 - 1
    assert total.amounts["scalar"] == (n * (n + 1) // 2) ** 2 - n * (n + 1) // 2
    assert next(looked_at) < 10


@pytest.mark.parametrize("mode", [lambda f: f, grad], ids=["function", "grad"])
def test_the_cost_grows_as_the_loops_do(mode):
    """Sums over a triangle: four times as many flops for twice the length, from a certain length on."""
    def energy(x):
        total = 0.0
        for i in range(x.size):
            for j in range(i):
                total += (x[i] - x[j]) ** 2
        return total
    small, large = (cost(mode(energy), np.broadcast_to(0.5, n)).flops for n in (10**6, 2 * 10**6))
    assert 3.999 < large / small < 4.001


# ---- what is assumed -------------------------------------------------------------------------------------------------

def halving(x, eps):
    steps = 0.0
    while x > eps:
        x = 0.5 * x
        steps += x * x
    return steps


def test_how_often_a_loop_runs_that_data_ends_is_said():
    def norm(x):
        y = x[0]
        while y > 0.1:
            y = 0.5 * y
        return y
    ten, twenty = (cost(norm, np.ones(3), trips=trips) for trips in (10, 20))
    assert (ten.flops, twenty.flops) == (2 * 10, 2 * 20)
    assert len(ten.assumed) == 1
    assert ten.assumed[0].startswith("test_cost.py:")
    assert ten.assumed[0].endswith("a loop that data ends runs 10 times")
    both = cost(grad(norm), np.ones(3))
    assert both.flops > ten.flops
    assert both.amounts["iterations"] == 20                     # the reverse sweep goes back as often


def test_a_loop_that_data_may_end_before_a_count_does_runs_to_the_count():
    def few(x):
        k, y = 0, x[0]
        while k < 3 and y > 0.1:
            k += 1
            y = 0.5 * y
        return y
    assert cost(few, np.ones(3)).amounts["iterations"] == 4     # and the test that ends it
    assert len(cost(few, np.ones(3)).assumed) == 1


def test_a_loop_that_numbers_end_is_gone_through():
    told = cost(halving, 1.0, 0.01)
    assert told.amounts["iterations"] == 8                      # seven that halve, and the test that ends it
    assert not told.assumed


def test_a_branch_on_data_costs_the_mean_of_its_sides():
    def gate(x):
        return np.exp(x[1]) if x[0] > 0.0 else x[1] * x[2]
    told = cost(gate, np.ones(3))
    assert told.flops == 1 + (20 + 1) / 2
    assert [a.split(": ")[1] for a in told.assumed] == ["a branch on data costs the mean of its sides"]


def test_a_mask_holds_for_every_other_entry():
    told = cost(lambda x: np.sum(x[x > 0.0]), np.broadcast_to(1.0, 1000))
    assert told.flops == 1000 + 500
    assert "a mask holds for every other entry" in told.assumed[0]


# ---- what it is for --------------------------------------------------------------------------------------------------

def test_a_gradient_costs_at_most_five_functions_in_flops():
    """Griewank & Walther 2008, chapter 4: of sums, products and elementary functions, weighed as the cards weigh them."""
    x = np.linspace(0.1, 0.9, 50)

    def ratio(f):
        return cost(value_and_grad(f), x).flops / cost(f, x).flops

    def rosenbrock(x):
        total = 0.0
        for i in range(x.size - 1):
            total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
        return total
    assert 1.0 < ratio(lambda x: np.sum(np.tanh(x) * x)) < 2.0      # what dominates is computed once
    assert 1.0 < ratio(rosenbrock) < 5.0
    assert cost(hvp(rosenbrock), x, x).flops > cost(grad(rosenbrock), x).flops


def test_seconds_are_rates_times_amounts():
    told = cost(product, np.ones((2, 3)), np.ones((3, 4)))
    assert told.seconds({"read": 2.0, "chain": 0.5}) == 2.0 * told.read + 0.5 * told.amounts["chain"]


def test_the_result_is_frozen():
    told = cost(halving, 1.0, 0.01)
    with pytest.raises(AttributeError):
        told.flops = 0
    with pytest.raises(TypeError):
        told.amounts["scalar"] = 0


def scaled(x, y):
    return np.sum(np.exp(x * y))


def test_what_is_counted_is_what_would_be_called():
    """Where an axis is broadcast, that is the general derivative."""
    x, gradient = np.ones(50), value_and_grad(scaled, (0, 1))
    assert "even(" in source(gradient, x, x)
    assert cost(gradient, x, x) == foretold(gradient.final(types_of("cost", (x, x)), True), (x, x))
    assert cost(gradient, x, x[:1]) == foretold(gradient.final(types_of("cost", (x, x))), (x, x[:1]))
    assert not gradient.uneven


def test_too_many_arguments_are_refused():
    with pytest.raises(UsageError, match="takes 2 arguments, not 3"):
        cost(halving, 1.0, 2.0, 3.0)
