"""What modules send one another is the derivative: held against differences, against other libraries, and against one piece."""
import numpy as np
import pytest
from numba import njit
from scipy.signal import correlate

from experiments.modules import leaves, whacky
from toolkit import UsageError, check_grads, value_and_grad
from toolkit.losses import mean_squared_error, softmax_cross_entropy
from toolkit.modules import (
    Add,
    BatchNorm,
    Concatenate,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    Graph,
    Input,
    Linear,
    MaxPool,
    Module,
    RecurrentCell,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from toolkit.optim import Adam, start, step


def rng(seed=0):
    return np.random.default_rng(seed)


ROWS, PICTURES = rng().normal(size=(4, 6)), rng(1).normal(size=(3, 2, 6, 4))
STANDARD = {
    "Linear": (Linear(6, 5, rng()), (ROWS,)),
    "ReLU": (ReLU(), (ROWS,)),
    "Tanh": (Tanh(), (PICTURES,)),
    "Sigmoid": (Sigmoid(), (ROWS,)),
    "Softmax": (Softmax(), (ROWS,)),
    "Conv2d": (Conv2d(2, 3, 3, rng(), padding=1), (PICTURES,)),
    "Conv2d, strides": (Conv2d(2, 3, 2, rng(), stride=2), (PICTURES,)),
    "MaxPool": (MaxPool(2), (PICTURES,)),
    "BatchNorm": (BatchNorm(2), (PICTURES,)),
    "BatchNorm of rows": (BatchNorm(6), (ROWS,)),
    "Dropout": (Dropout(0.5, rng()), (PICTURES,)),
    "Embedding": (Embedding(9, 4, rng()), (np.array([[1, 8], [1, 0]]),)),
    "RecurrentCell": (RecurrentCell(6, 3, rng()), (ROWS, rng(2).normal(size=(4, 3)))),
    "Flatten": (Flatten(), (PICTURES,)),
    "Add": (Add(), (ROWS, 2 * ROWS, ROWS**2)),
    "Concatenate": (Concatenate(), (ROWS, PICTURES[0, 0, :4])),
    "Residual": (Residual(Linear(6, 6, rng()), Tanh()), (ROWS,)),
    "Sequential": (Sequential(Linear(6, 6, rng()), ReLU(), Linear(6, 2, rng())), (ROWS,)),
}


@pytest.fixture(params=STANDARD.values(), ids=STANDARD.keys())
def case(request):
    return request.param


def test_messages_are_the_derivative(case):
    """⟨out_bar, change of the output⟩ = ⟨message, change of the inputs⟩ + ⟨gradients, change of the parameters⟩."""
    module, inputs = case
    call = module.apply(*inputs)
    out_bar, h = rng(5).normal(size=call.out.shape), 1e-6
    gradients, sent = call.pull(out_bar)
    assert len(sent) == len(inputs)
    whole = (lambda p, *x: call.in_one_piece()(p, call.held, *x)) if isinstance(module, Graph) else (
        lambda p, *x: call.function(*p, *call.held, *x))
    moves = [[rng(7 + k).normal(size=a.shape) for k, a in enumerate(leaves(s))] for s in (module.parameters, inputs)]
    total = sum(np.sum(g * d) for g, d in zip(leaves(gradients), moves[0]))
    for x, bar, d in zip(inputs, sent, moves[1]):
        assert (bar is None) == (x.dtype.kind != "f")
        total += 0.0 if bar is None else np.sum(bar * d)
    sides = []
    for sign in (1, -1):
        parameters = shifted(module.parameters, iter(moves[0]), sign * h)
        moved = (x + sign * h * d if x.dtype.kind == "f" else x for x, d in zip(inputs, moves[1]))
        sides.append(np.sum(out_bar * whole(parameters, *moved)))
    assert np.isclose((sides[0] - sides[1]) / (2 * h), total, rtol=1e-6, atol=1e-7)
    in_three_steps(module, inputs)


def shifted(structure, moves, h):
    if isinstance(structure, tuple):
        return tuple(shifted(s, moves, h) for s in structure)
    return structure + h * next(moves)


def in_three_steps(module, inputs):
    """forward, backward and parameter_gradients are one call, in steps."""
    out = module.forward(*inputs)
    ones = np.ones_like(out)
    sent = module.backward(ones, None, 2 * ones)                # messages are summed, and one may say nothing
    expected = module.call.pull(3 * ones)
    for got, wanted in zip((module.parameter_gradients(), sent), expected, strict=True):
        assert all(a is b is None or np.array_equal(a, b) for a, b in zip(leaves(got), leaves(wanted), strict=True))


def test_conv2d_is_scipys_cross_correlation():
    conv = Conv2d(2, 3, 3, rng(), padding=1)
    weights = conv.parameters[0]
    conv.parameters = (weights, np.array([0.1, 0.2, 0.3]))
    out = conv.apply(PICTURES).out
    for i, picture in enumerate(PICTURES):
        for f in range(3):
            wanted = sum(correlate(picture[c], weights[f, c], "same") for c in range(2)) + 0.1 * (f + 1)
            assert np.allclose(out[i, f], wanted)
    strided = Conv2d(2, 3, 3, rng(), stride=2, padding=1)
    assert np.allclose(strided.apply(PICTURES).out, Module(conv.function, *strided.parameters).function(
        *strided.parameters, 1, 1, PICTURES)[:, :, ::2, ::2])


def test_max_pool_takes_the_greatest():
    wanted = PICTURES.reshape(3, 2, 3, 2, 2, 2).max((3, 5))
    assert np.array_equal(MaxPool(2).apply(PICTURES).out, wanted)


def test_batch_norm_in_training_and_in_use():
    norm = BatchNorm(2, momentum=1.0)
    out = norm.apply(PICTURES).out
    assert np.allclose(out.mean((0, 2, 3)), 0, atol=1e-12)
    assert np.allclose(out.var((0, 2, 3)), 1, atol=1e-4)
    norm.training = False                                       # with momentum 1 it has learnt just that batch
    assert np.allclose(norm.apply(PICTURES).out, out)
    assert np.allclose(norm.apply(PICTURES[:1]).out, out[:1])   # and in use a sample does not hang on the others
    check_grads(norm.apply(PICTURES).function, (*norm.parameters, norm.means, norm.variances, PICTURES))


def test_dropout_in_training_and_in_use():
    drop = Dropout(0.25, rng())
    x = np.ones((200, 50))
    out = drop.apply(x).out
    assert set(np.unique(out)) == {0.0, 1 / 0.75}
    assert abs(np.mean(out == 0) - 0.25) < 0.02
    call = drop.apply(x)
    assert np.array_equal(call.pull(x)[1][0], call.out)         # the mask of the way there is that of the way back
    drop.training = False
    assert np.array_equal(drop.apply(x).out, x)


@pytest.mark.parametrize("seed", range(2))
def test_a_whacky_graph_is_the_function_in_one_piece(seed):
    net = whacky(seed)
    assert len(net.nodes) == 21                                 # twenty modules, and the input
    x, wanted = rng(seed).normal(size=(2, 4, 6))
    call = net.apply(x)
    _, out_bar = value_and_grad(mean_squared_error)(call.out, wanted)
    gradients, (x_bar,) = call.pull(out_bar)
    whole = njit(call.in_one_piece())
    loss = lambda parameters, held, x: mean_squared_error(whole(parameters, held, x), wanted)
    _, (parameters_bar, together) = value_and_grad(loss, argnums=(0, 2))(net.parameters, call.held, x)
    assert np.allclose(x_bar, together, rtol=1e-12, atol=1e-13)
    for a, b in zip(leaves(gradients), leaves(parameters_bar), strict=True):
        assert np.allclose(a, b, rtol=1e-12, atol=1e-13)


def test_a_module_at_several_nodes_adds_its_gradients():
    """A recurrent network is one cell, unrolled; and a graph is a module."""
    cell, head = RecurrentCell(2, 3, rng()), Linear(3, 1, rng())
    xs, state = [Input() for _ in range(4)], Input()
    node = state
    for x in xs:
        node = cell(x, node)
    unrolled = Graph((*xs, state), node)
    assert unrolled.modules == (cell,)
    net = Graph((a := [Input() for _ in range(5)]), head(unrolled(*a)))
    inputs = [*rng(1).normal(size=(4, 5, 2)), np.zeros((5, 3))]
    call = net.apply(*inputs)
    gradients, sent = call.pull(np.ones((5, 1)))

    def whole(parameters, *inputs):
        *xs, h = inputs
        for x in xs:
            h = np.tanh(x @ parameters[0] + h @ parameters[1] + parameters[2])
        return np.sum(h @ head.parameters[0] + head.parameters[1])
    h = 1e-6
    for k, d in enumerate(cell.parameters):
        move = [rng(3).normal(size=d.shape) if j == k else np.zeros_like(p) for j, p in enumerate(cell.parameters)]
        up, down = (whole([p + s * h * m for p, m in zip(cell.parameters, move)], *inputs) for s in (1, -1))
        assert np.isclose((up - down) / (2 * h), np.sum(gradients[0][0][k] * move[k]), rtol=1e-6)
    assert [s.shape for s in sent] == [x.shape for x in inputs]


def test_what_nobody_reads_is_sent_nothing():
    x, y = Input(), Input()
    net = Graph((x, y), Tanh()(x))
    net.forward(ROWS, ROWS)
    assert net.backward(ROWS)[1] is None


def test_ones_own_module_in_three_lines():
    def scaled(gain, x):
        return gain * x
    scale = Module(scaled, np.full(6, 2.0))

    assert repr(scale) == "scaled"
    assert np.array_equal(scale.forward(ROWS), 2 * ROWS)
    assert np.array_equal(scale.backward(ROWS)[0], 2 * ROWS)
    assert np.allclose(scale.parameter_gradients()[0], (ROWS**2).sum(0))


def test_networks_learn():
    """Exclusive or, by messages."""
    x, labels = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    net, rule = Sequential(Linear(2, 8, rng()), Tanh(), Linear(8, 2, rng())), Adam(0.05)
    loss, state = value_and_grad(softmax_cross_entropy), start(rule, net.parameters)
    for _ in range(150):
        value, out_bar = loss(net.forward(x), labels)
        net.backward(out_bar)
        net.parameters, state = step(rule, net.parameters, net.parameter_gradients(), state)
    assert value < 0.05
    assert np.array_equal(net.forward(x).argmax(1), labels)


def test_training_and_use_are_set_for_all():
    net = Sequential(Linear(6, 6, rng()), Residual(Dropout(0.5, rng()), Linear(6, 6, rng())))
    assert net.training
    net.training = False
    assert not net.training
    assert np.array_equal(net.apply(ROWS).out, net.apply(ROWS).out)


def test_what_cannot_be():
    with pytest.raises(UsageError, match="Tanh is called with nodes"):
        Tanh()(ROWS)
    with pytest.raises(UsageError, match=r"Tanh\.backward comes after forward"):
        Tanh().backward(ROWS)
    with pytest.raises(UsageError, match=r"Tanh\.parameter_gradients comes after backward"):
        Tanh().parameter_gradients()
    with pytest.raises(UsageError, match=r"hangs on 1 Input\(\) that the graph is not given"):
        Graph(Input(), Tanh()(Input()))
    with pytest.raises(UsageError, match="takes 1 inputs, not 2"):
        Sequential(Tanh()).apply(ROWS, ROWS)
