"""How does backpropagation work, from dual numbers to the tape? The article, retold as a script that runs from top to bottom.

Read it as a text; run it as `python -m experiments tour`; change it and see. What it needs of derivatives it makes itself, in
plain Python, and holds it against the toolkit, which does the same to whole Numba functions. Each part prints what it found.
"""

import math
import time
from typing import ClassVar

import numpy as np
from numba import njit

from toolkit import cost, grad, jvp, relu, source, value_and_grad, vjp
from toolkit.losses import softmax_cross_entropy
from toolkit.modules import Add, Graph, Input, Linear, ReLU
from toolkit.optim import Adam, start, step


def say(title: str, *lines: str) -> None:
    print(f"\n{title}\n" + "\n".join(f"    {line}" for line in lines))


# ----------------------------------------------------------------------------------------------------------------------
# 1. What a derivative is for.
#
# A model has parameters θ and a cost J(θ) that says how wrong it is. If we know how J changes with each parameter, we know
# in which direction to move it. One way to find out is to try: move a parameter a little, and look.


def height(a: float, b: float) -> float:
    """A cost of two parameters."""
    return math.sin(a) * b + a * b * b


def difference(f, at: tuple, k: int, h: float) -> float:
    """(f(at + h e_k) - f(at - h e_k)) / 2h."""
    up, down = list(at), list(at)
    up[k] += h
    down[k] -= h
    return (f(*up) - f(*down)) / (2 * h)


HERE = (0.7, 1.3)
exact = math.cos(HERE[0]) * HERE[1] + HERE[1] ** 2
errors = {h: abs(difference(height, HERE, 0, h) - exact) for h in (1e-1, 1e-5, 1e-13)}
say(
    "1. Differences, by the size of the step: too large is wrong, too small is all rounding",
    *(f"h = {h:g}: off by {e:.1e}" for h, e in errors.items()),
)
assert errors[1e-5] < min(errors[1e-1], errors[1e-13])

# And it takes two runs for each parameter. A network has millions.

# ----------------------------------------------------------------------------------------------------------------------
# 2. Dual numbers: a derivative without a step.
#
# Let every number carry a second one, its tangent: how fast it moves when the input moves. Sums add tangents, products
# follow the product rule, and nothing is cut off. That is forward mode, and it is exact.


class Dual:
    """x + ẋ ε, with ε² = 0."""

    def __init__(self, x: float, dot: float = 0.0):
        self.x, self.dot = x, dot

    def __add__(self, other):
        other = lift(other)
        return Dual(self.x + other.x, self.dot + other.dot)

    def __mul__(self, other):
        other = lift(other)
        return Dual(self.x * other.x, self.dot * other.x + self.x * other.dot)

    __radd__, __rmul__ = __add__, __mul__


def lift(x) -> Dual:
    return x if isinstance(x, Dual) else Dual(x)


def sin_dual(a: Dual) -> Dual:
    return Dual(math.sin(a.x), math.cos(a.x) * a.dot)


a, b = Dual(HERE[0], 1.0), Dual(HERE[1], 0.0)  # a moves, b stands
moved = sin_dual(a) * b + a * b * b
value, tangent = jvp(height)(HERE, (1.0, 0.0))  # the same by the toolkit, compiled
say("2. A dual number through the same function", f"value {moved.x:.6f}, tangent {moved.dot:.6f}; the toolkit says {tangent:.6f}")
assert math.isclose(moved.dot, exact, rel_tol=1e-15)
assert math.isclose(tangent, moved.dot, rel_tol=1e-15)

# One run gives the derivative along ONE direction. For n parameters that is n runs. The article calls both products by one
# name ("VJP, or sometimes JVP"); they are different things: a jvp pushes a tangent forward, J ẋ, a vjp pulls a cotangent
# back, Jᵀ ȳ. For a cost, which is one number, one vjp has the derivative in every parameter at once. How is that done?

# ----------------------------------------------------------------------------------------------------------------------
# 3. The list of all steps.
#
# Break the function into primitives, t1 = sin(a), t2 = t1 b, ..., and write down what each was given. That is a Wengert
# list, the forward pass of the article. Each primitive knows one thing only: how a cotangent of its output becomes
# cotangents of its inputs. No Jacobian is formed: for a product, ȳ turns into (ȳ b, ȳ a), and that is all.


class Node:
    """A value, where it came from, and later its cotangent v̄ = ∂J/∂v."""

    tape: ClassVar[list] = []  # all nodes, in the order in which they were made

    def __init__(self, value, parents=(), pull=None, name=""):
        self.value, self.parents, self.pull, self.name, self.bar = value, parents, pull, name, 0.0
        Node.tape.append(self)

    def __add__(self, other):
        return Node(self.value + other.value, (self, other), lambda bar: (bar, bar), "add")

    def __mul__(self, other):
        return Node(self.value * other.value, (self, other), lambda bar: (bar * other.value, self.value * bar), "mul")


def sin_node(a: Node) -> Node:
    return Node(math.sin(a.value), (a,), lambda bar: (math.cos(a.value) * bar,), "sin")


def backward(output: Node) -> None:
    """v̄ = Σ over the children j of v: j̄ ∂j/∂v. The last node has 1; walk the list backwards, and every node's is complete."""
    output.bar = 1.0
    for node in reversed(Node.tape):
        for parent, bar in zip(node.parents, node.pull(node.bar) if node.pull else (), strict=True):
            parent.bar = parent.bar + bar


Node.tape = []
a, b = Node(HERE[0], name="a"), Node(HERE[1], name="b")
out = sin_node(a) * b + a * b * b
backward(out)
gradient = grad(height, argnums=(0, 1))(*HERE)
say(
    "3. The list, read backwards: every node's cotangent, and with them the whole gradient, in one sweep",
    *(f"{n.name:4} value {n.value:8.5f}  cotangent {n.bar:8.5f}" for n in Node.tape),
    f"gradient ({a.bar:.6f}, {b.bar:.6f}); the toolkit says ({gradient[0]:.6f}, {gradient[1]:.6f})",
)
assert np.allclose((a.bar, b.bar), gradient, rtol=1e-14)

# a is read twice, by sin and by a product, so two paths lead from it to the output; its cotangent is the sum over both.
# That is the chain rule, and nothing is computed twice, however many paths there are.

# ----------------------------------------------------------------------------------------------------------------------
# 4. The same for a network.
#
# The article's: a 10 × 10 input, two layers of two nodes. A node is relu(x W + b). With arrays, primitives are matmul, add
# and relu, and their pullbacks are matrix products again. Let us count what Jacobians would have needed.


def layer(x, w, b):
    return relu(x @ w + b)


rng = np.random.default_rng(0)
x, w, b = rng.standard_normal((10, 10)), rng.standard_normal((10, 5)), rng.standard_normal(5)
z_bar = rng.standard_normal((10, 5))  # what comes back from the layers above

t = x @ w + b
t_bar = z_bar * (t > 0)  # relu's pullback
by_hand = x.T @ t_bar, t_bar.sum(0)  # matmul's, and that of a bias, which went to every row
_, pulled = vjp(layer, argnums=(1, 2))((x, w, b), z_bar)
say(
    "4. A node of the network: pulled back without a Jacobian",
    f"∂z/∂W would have {t.size * w.size:,} entries; W̄ has {w.size}, and cost two products of matrices",
    f"by hand and by the toolkit they differ by {max(np.abs(p - q).max() for p, q in zip(by_hand, pulled)):.0e}",
)
assert all(np.allclose(p, q) for p, q in zip(by_hand, pulled, strict=True))

# ----------------------------------------------------------------------------------------------------------------------
# 5. What is kept: the tape.
#
# The reverse sweep needs what the forward pass had: the product rule reads both factors. In a loop each iteration
# overwrites them, so they must be kept. `toolkit` writes the derivative as a program of its own. Here it is; what it
# pushes and pops is the tape.


def orbit(x: float, steps: int) -> float:
    """The logistic map: each x is needed again on the way back, because the rule reads it."""
    for _ in range(steps):
        x = 3.7 * x * (1.0 - x)
    return x


listing = source(grad(orbit), 0.3, 5)
say("5. The derivative of a loop, as the toolkit writes it", *listing.splitlines())
tapes = {steps: cost(grad(orbit), 0.3, steps).tape for steps in (100, 1_000, 10_000)}
say("   and the bytes that it keeps", *(f"{steps:6,} steps: {tape:7,}" for steps, tape in tapes.items()))
assert tapes[10_000] == 10 * tapes[1_000] == 100 * tapes[100] > 0

# ----------------------------------------------------------------------------------------------------------------------
# 6. What it costs: a few times the function, whatever the number of parameters.


@njit
def rosenbrock(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def seconds(f, *args) -> float:
    """The least of many calls; the first compiles."""
    f(*args)
    best = math.inf
    for _ in range(200):
        begun = time.perf_counter()
        f(*args)
        best = min(best, time.perf_counter() - begun)
    return best


costs = {}
for n in (10, 1_000, 100_000):
    x = np.linspace(-1.0, 1.0, n)
    costs[n] = seconds(value_and_grad(rosenbrock), x) / seconds(rosenbrock, x)
say("6. A gradient, in runs of the function", *(f"{n:7,} parameters: {c:5.2f}" for n, c in costs.items()))

# Differences would have taken n + 1 runs, forward mode n. (At ten parameters it is the call that is timed.)

# ----------------------------------------------------------------------------------------------------------------------
# 7. Message passing.
#
# Nothing above asked what a node is. Make it a module with a forward, a backward that sends messages to its parents, and
# gradients of its own parameters; join modules in any shape. At a fork the messages are added, because cotangents are.

entry = Input()
hidden = ReLU()(Linear(4, 4, rng)(entry))
joined = Add()(hidden, Linear(4, 4, rng)(hidden))  # hidden has two children
net = Graph(entry, Linear(4, 2, rng)(joined))
inputs = rng.standard_normal((3, 4))
out = net.forward(inputs)
(sent,) = net.backward(np.ones_like(out))
nudged = inputs.copy()
nudged[0, 1] += 1e-6
slope = (net.apply(nudged).out.sum() - out.sum()) / 1e-6
say(
    f"7. {len(net.modules)} modules, joined with a fork: what arrives at the input is the derivative",
    f"message {sent[0, 1]:.6f}, difference {slope:.6f}",
)
assert math.isclose(sent[0, 1], slope, rel_tol=1e-4)

# ----------------------------------------------------------------------------------------------------------------------
# 8. Descent.
#
# The gradient points uphill. To minimise, step against it: θ ← θ - α ∂J/∂θ. (The article first shows the rule with a plus;
# that one climbs.) All of it may be compiled: the gradient is an ordinary function there.

points = rng.standard_normal((400, 2))
labels = (points[:, 0] * points[:, 1] > 0).astype(np.int64)  # no line divides these


@njit
def loss(parameters, x, labels):
    w1, b1, w2, b2 = parameters
    return softmax_cross_entropy(np.tanh(x @ w1 + b1) @ w2 + b2, labels)


slopes = value_and_grad(loss)


@njit
def learn(rule, parameters, x, labels, steps):
    state = start(rule, parameters)
    for _ in range(steps):
        _, g = slopes(parameters, x, labels)
        parameters, state = step(rule, parameters, g, state)
    return parameters


parameters = rng.standard_normal((2, 8)), np.zeros(8), rng.standard_normal((8, 2)), np.zeros(2)
before = loss(parameters, points, labels)
learnt = learn(Adam(0.05), parameters, points, labels, 300)
w1, b1, w2, b2 = learnt
right = np.mean((np.tanh(points @ w1 + b1) @ w2 + b2).argmax(1) == labels)
after = loss(learnt, points, labels)
say("8. Learning a checkerboard", f"cost {before:.3f} before, {after:.3f} after 300 steps; {right:.0%} right")
assert right > 0.95

# Where to go on: `python -m experiments --list` says what else there is. paths.py spells the chain rule out, jacobians.py
# measures what is not formed here, reverse_sweep.py shows the sweep moving, tape.py trades memory for time, cost.py holds
# section 6 against five decades of sizes.
