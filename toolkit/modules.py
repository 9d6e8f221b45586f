"""Networks as modules that pass messages: values to their children, cotangents back to their parents.

A module is an ordinary function of its parameters and its inputs; no derivative is written in one, its messages are the pullback
of that function, compiled. Modules are joined to any acyclic graph, each with several parents and several children; a graph is a
module again. One's own is made of a function:

    def scaled(gain, x):
        return gain * x
    scale = Module(scaled, np.ones(3))

    x = Input()
    h = Linear(64, 32, rng)(x)
    net = Graph(x, Linear(32, 10, rng)(Add()(h, scale(h))))

    out = net.forward(pictures)
    out_bar = ...                                   # of a loss
    (pictures_bar,) = net.backward(out_bar)         # messages to the parents, summed over all paths
    net.parameter_gradients()                       # of the structure of net.parameters
"""
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .build import load
from .errors import UsageError
from .layers import (
    batch_norm,
    conv2d,
    embedding,
    fixed_norm,
    flattened,
    linear,
    logistic,
    masked,
    max_pool,
    rectified,
    recurrent,
    same,
    shares,
    tanh,
)
from .transform import Primal, vjp


@functools.cache
def _primal(function):
    return Primal(function)


@functools.cache
def _pullback(function, argnums):
    return vjp(function, argnums=argnums)


@dataclass(frozen=True)
class Call:
    """What a module made of its inputs: the output, and all that is needed to send a message back."""
    function: Callable
    parameters: tuple
    held: tuple         # arguments that are neither trained nor come from parents: masks, strides, running means
    inputs: tuple
    out: Any

    def pull(self, out_bar):
        """(cotangents of the parameters, cotangents of the inputs); None for an input that holds no floats."""
        first = len(self.parameters) + len(self.held)
        floats = [k for k, x in enumerate(self.inputs) if np.asarray(x).dtype.kind == "f"]
        argnums = (*range(len(self.parameters)), *(first + k for k in floats))
        if not argnums:
            return (), (None,) * len(self.inputs)
        _, bars = _pullback(self.function, argnums)((*self.parameters, *self.held, *self.inputs), out_bar)
        inputs_bar = dict(zip(floats, bars[len(self.parameters):]))
        return bars[:len(self.parameters)], tuple(inputs_bar.get(k) for k in range(len(self.inputs)))


class Module:
    """`function(*parameters, *inputs)`, an array or a number, as a node of a graph of such."""

    def __init__(self, function, *parameters, name=None):
        self.function, self.parameters, self.training = function, parameters, True
        self.name = name or function.__name__
        self.call = self.bars = None

    def __repr__(self):
        return self.name

    def __call__(self, *parents):
        """A node of a graph: this module, whose inputs are the outputs of `parents`."""
        if not all(isinstance(p, Node) for p in parents):
            raise UsageError(f"{self} is called with nodes, Input() or a module's, which joins them; arrays go to forward")
        return Node(self, parents)

    def now(self, inputs):
        """(function, held arguments) for those inputs; what differs between training and use is decided here."""
        return self.function, ()

    def apply(self, *inputs):
        """The call of this module on arrays: its `out`, and `pull`."""
        function, held = self.now(inputs)
        return Call(function, self.parameters, held, inputs, _primal(function)(*self.parameters, *held, *inputs))

    def forward(self, *inputs):
        """The output for arrays; the call is remembered for `backward`."""
        self.call, self.bars = self.apply(*inputs), None
        return self.call.out

    def backward(self, *messages):
        """The messages to the parents: the sum of those that come from the children, pulled back. One for each input."""
        if self.call is None:
            raise UsageError(f"{self}.backward comes after forward: there is no output whose cotangent this could be")
        self.bars = self.call.pull(total(messages))
        return self.bars[1]

    def parameter_gradients(self):
        """The cotangents of the parameters, of their structure, that the last `backward` found."""
        if self.bars is None:
            raise UsageError(f"{self}.parameter_gradients comes after backward: no message has arrived yet")
        return self.bars[0]


def total(messages):
    """The sum of messages; None, which says nothing, is left out."""
    said = [m for m in messages if m is not None]
    return functools.reduce(lambda a, b: a + b, said) if said else None


# ---- graphs ----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class Node:
    """A place in a graph: a module (None: an input) and the nodes whose outputs it takes."""
    module: Module | None
    parents: tuple = ()


def Input():
    """A node that stands for what is passed to a graph."""
    return Node(None)


class Graph(Module):
    """An acyclic graph of modules, from `inputs`, a node or several, to the node `output`. A module may stand at several."""

    def __init__(self, inputs, output):
        self.inputs, self.output = (inputs,) if isinstance(inputs, Node) else tuple(inputs), output
        self.nodes = _sorted(output)                # parents before children
        unknown = [n for n in self.nodes if n.module is None and n not in self.inputs]
        if unknown:
            raise UsageError(f"the output hangs on {len(unknown)} Input() that the graph is not given: list it under inputs")
        self.modules = tuple(dict.fromkeys(n.module for n in self.nodes if n.module is not None))
        self.name, self.call, self.bars = "Graph", None, None

    @property
    def parameters(self):
        """A tuple of each module's, in the order of the nodes."""
        return tuple(m.parameters for m in self.modules)

    @parameters.setter
    def parameters(self, values):
        for m, value in zip(self.modules, values, strict=True):
            m.parameters = value

    @property
    def training(self):
        """Is this training, or use? Dropout and BatchNorm differ."""
        return any(m.training for m in self.modules)

    @training.setter
    def training(self, value):
        for m in self.modules:
            m.training = value

    def apply(self, *inputs):
        """Values go from parents to children."""
        if len(inputs) != len(self.inputs):
            raise UsageError(f"the graph takes {len(self.inputs)} inputs, not {len(inputs)}")
        values, calls = dict(zip(self.inputs, inputs)), {}
        for n in self.nodes:
            if n.module is not None:
                calls[n] = n.module.apply(*(values[p] for p in n.parents))
                values[n] = calls[n].out
        return GraphCall(self, calls, values[self.output])


@dataclass(frozen=True)
class GraphCall:
    """What a graph made of its inputs: the call of each node. After `pull`, `messages[child, k]` is what the child sent to its
    k-th parent, and `received[node]` the sum of what a node was sent."""
    graph: Graph
    calls: dict
    out: Any
    messages: dict = field(default_factory=dict)
    received: dict = field(default_factory=dict)

    @property
    def held(self):
        """Each node's, in the order of the nodes."""
        return tuple(call.held for call in self.calls.values())

    def in_one_piece(self):
        """The same network as one function of (parameters, held, *inputs), to be differentiated or compiled as a whole.

        `call.held` is what it held in this call; its functions are those of this call, in training or in use."""
        name, space, lines = {n: f"x{k}" for k, n in enumerate(self.graph.inputs)}, {}, []
        for k, (n, call) in enumerate(self.calls.items()):
            at, inputs = self.graph.modules.index(n.module), [name[p] for p in n.parents]
            if isinstance(call, GraphCall):
                space[f"f{k}"], arguments = call.in_one_piece(), [f"parameters[{at}]", f"held[{k}]", *inputs]
            else:
                space[f"f{k}"], arguments = call.function, [
                    *(f"parameters[{at}][{i}]" for i in range(len(call.parameters))),
                    *(f"held[{k}][{i}]" for i in range(len(call.held))), *inputs]
            name[n] = f"h{k}"
            lines.append(f"    h{k} = f{k}({', '.join(arguments)})\n")
        heading = f"def network(parameters, held, {', '.join(name[n] for n in self.graph.inputs)}):\n"
        return load(f"{heading}{''.join(lines)}    return {name[self.graph.output]}\n", space, "network")

    def pull(self, out_bar):
        """Cotangents go from children to parents, each node once, after all its children."""
        came, bars = {self.graph.output: [out_bar]}, {}
        for n in reversed(self.graph.nodes):
            self.received[n] = total(came.get(n, ()))
            if n.module is None or self.received[n] is None:
                continue
            parameters_bar, inputs_bar = self.calls[n].pull(self.received[n])
            bars.setdefault(n.module, []).append(parameters_bar)
            for k, (parent, bar) in enumerate(zip(n.parents, inputs_bar)):
                self.messages[n, k] = bar
                came.setdefault(parent, []).append(bar)
        gradients = tuple(_added(bars[m]) if m in bars else _zeros(m.parameters) for m in self.graph.modules)
        return gradients, tuple(self.received.get(n) for n in self.graph.inputs)


def _added(structures):
    """The sum of gradients of one structure: those of a module that stands at several nodes."""
    first, *others = structures
    if not others:
        return first
    return tuple(map(lambda *s: _added(s), *structures)) if isinstance(first, tuple) else total(structures)


def _zeros(structure):
    return tuple(map(_zeros, structure)) if isinstance(structure, tuple) else np.zeros_like(structure)


def _sorted(output):
    """The nodes that lead to one, each after its parents."""
    order, stack = {}, [(output, False)]
    while stack:
        node, seen = stack.pop()
        if seen:
            order[node] = None
        elif node not in order:
            stack += [(node, True), *((p, False) for p in reversed(node.parents))]
    return tuple(order)


# ---- the standard ones -----------------------------------------------------------------------------------------------

def Linear(n_in, n_out, rng):
    """x @ weights + bias: (n, n_in) to (n, n_out). Weights are drawn with variance 2 / n_in (He et al. 2015), biases are 0."""
    return Module(linear, _drawn(rng, n_in, n_in, n_out), np.zeros(n_out), name="Linear")


def RecurrentCell(n_in, n_state, rng):
    """tanh(x @ weights + state @ feedback + bias): two parents, x (n, n_in) and the state (n, n_state) before."""
    weights, feedback = _drawn(rng, 2 * n_in, n_in, n_state), _drawn(rng, 2 * n_state, n_state, n_state)
    return Module(recurrent, weights, feedback, np.zeros(n_state), name="RecurrentCell")


def Embedding(entries, width, rng):
    """A row of a table for each integer: places of any shape to places.shape + (width,)."""
    return Module(embedding, _drawn(rng, 2, entries, width), name="Embedding")


def ReLU():
    """max(x, 0); its derivative at 0 is 0."""
    return Module(rectified, name="ReLU")


def Tanh():
    """tanh(x)."""
    return Module(tanh, name="Tanh")


def Sigmoid():
    """1 / (1 + exp(-x))."""
    return Module(logistic, name="Sigmoid")


def Softmax():
    """exp(x) / Σ exp(x) along the last axis. Where a cross-entropy follows, leave it out: losses.softmax_cross_entropy has it."""
    return Module(shares, name="Softmax")


def Flatten():
    """(n, ...) to (n, numbers of a sample)."""
    return Module(flattened, name="Flatten")


def Add():
    """The sum of its parents, two or more of one shape."""
    return Several("Add", lambda names: " + ".join(names))


def Concatenate(axis=1):
    """Its parents, two or more, one behind the other along an axis."""
    return Several("Concatenate", lambda names: f"np.concatenate(({', '.join(names)}), axis={axis})")


def Sequential(*modules):
    """One module after the other."""
    x = Input()
    return Graph(x, functools.reduce(lambda node, module: module(node), modules, x))


def Residual(*modules):
    """x + what the modules, one after the other, make of x (He et al. 2016)."""
    x = Input()
    return Graph(x, Add()(x, functools.reduce(lambda node, module: module(node), modules, x)))


class Conv2d(Module):
    """Cross-correlation: (n, channels, h, w) to (n, filters, (h + 2 padding - size) // stride + 1, ...), and a bias a filter."""

    def __init__(self, channels, filters, size, rng, stride=1, padding=0):
        super().__init__(conv2d, _drawn(rng, channels * size**2, filters, channels, size, size), np.zeros(filters),
                         name="Conv2d")
        self.stride, self.padding = stride, padding

    def now(self, inputs):
        return conv2d, (self.stride, self.padding)


class MaxPool(Module):
    """The greatest of each size × size block: (n, channels, h, w) to (n, channels, h // size, w // size). Ties: the first."""

    def __init__(self, size):
        super().__init__(max_pool, name="MaxPool")
        self.size = size

    def now(self, inputs):
        return max_pool, (self.size,)


class BatchNorm(Module):
    """Channels (axis 1) of mean 0 and variance 1 over the batch, scaled and shifted by parameters (Ioffe & Szegedy 2015).

    In use (`training = False`) means and variances are those that training saw: averages that forget by `momentum` a batch."""

    def __init__(self, channels, momentum=0.1):
        super().__init__(batch_norm, np.ones(channels), np.zeros(channels), name="BatchNorm")
        self.momentum, self.means, self.variances = momentum, np.zeros(channels), np.ones(channels)

    def now(self, inputs):
        if not self.training:
            return fixed_norm, (self.means, self.variances)
        axes = (0, *range(2, inputs[0].ndim))
        self.means = (1 - self.momentum) * self.means + self.momentum * inputs[0].mean(axes)
        self.variances = (1 - self.momentum) * self.variances + self.momentum * inputs[0].var(axes)
        return batch_norm, ()


class Dropout(Module):
    """In training each number is 0 with probability `rate`, and else divided by 1 - rate (Srivastava et al. 2014); in use, x."""

    def __init__(self, rate, rng):
        super().__init__(masked, name="Dropout")
        self.rate, self.rng = rate, rng

    def now(self, inputs):
        if not self.training:
            return same, ()
        return masked, ((self.rng.random(inputs[0].shape) >= self.rate) / (1.0 - self.rate),)


class Several(Module):
    """A module of as many parents as it is given: text(names of its inputs) is its function's."""

    def __init__(self, name, text):
        super().__init__(None, name=name)
        self.text = text

    def now(self, inputs):
        names = [f"x{k}" for k in range(len(inputs))]
        return _expression(", ".join(names), self.text(names)), ()


@functools.cache
def _expression(heading, result):
    return load(f"def joined({heading}):\n    return {result}\n", {}, "joined")


def _drawn(rng, fan_in, *shape):
    return rng.standard_normal(shape) * np.sqrt(2.0 / fan_in)
