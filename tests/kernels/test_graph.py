"""The graph of gradients around the op: hooks, kept gradients, changes in place, checkpoints."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from engine.activations import ACTIVATIONS
from engine.layers import LinearAct, reference
from engine.ops import linear_act

NAMES = list(ACTIVATIONS)
LAYERS = {
    "ours": lambda name: lambda x, w, b: linear_act(x, w, b, name),
    "torch": lambda name: lambda x, w, b: reference(name)(F.linear(x, w, b)),
}

LOSSES = pytest.mark.parametrize(
    "loss",
    [torch.sum, lambda y: y.pow(3).sum()],
    ids=["sum", "cubes"],  # of a sum, the second derivative has nothing to send to y
)


def arguments():
    torch.manual_seed(0)
    shapes = [(3, 4), (5, 4), (5,)]
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def compare(measure, name):
    """measure(layer, *leaves) of our layer and of torch's."""
    got, wanted = (measure(layer(name), *arguments()) for layer in LAYERS.values())
    torch.testing.assert_close(got, wanted)


def not_all_zero(tensors):
    """Without the gradients of zeros, which leave no trace: torch's leaky_relu sends none to y, ours does."""
    return [t for t in tensors if t.any()]


@LOSSES
@pytest.mark.parametrize("name", NAMES)
def test_a_hook_of_the_output_sees_what_torch_shows_it(name, loss):
    def measure(layer, x, w, b):
        seen = []
        y = layer(x, w, b)
        y.register_hook(lambda g: seen.append(g.clone()))
        first = torch.autograd.grad(loss(y), (x, w, b), create_graph=True)
        sum(g.pow(2).sum() for g in first).backward()
        return not_all_zero(seen)

    compare(measure, name)


@LOSSES
@pytest.mark.parametrize("name", NAMES)
def test_a_hook_changes_gradients_as_it_does_in_torch(name, loss):
    def measure(layer, x, w, b):
        y = layer(x, w, b)
        y.register_hook(lambda g: 2 * g)
        first = torch.autograd.grad(loss(y), (x, w, b), create_graph=True)
        return torch.autograd.grad(sum(g.pow(2).sum() for g in first), (x, w, b), materialize_grads=True)

    compare(measure, name)


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True")
@LOSSES
@pytest.mark.parametrize("name", NAMES)
def test_the_output_keeps_the_gradients_that_torch_keeps(name, loss):
    def measure(layer, *leaves):
        y = layer(*leaves)
        y.retain_grad()
        loss(y).backward(create_graph=True)
        kept = [y.grad.detach().clone()]
        sum(leaf.grad.pow(2).sum() for leaf in leaves).backward()
        found = [*kept, y.grad.detach().clone(), *(leaf.grad.detach().clone() for leaf in leaves)]
        for t in (y, *leaves):
            t.grad = None  # each holds the graph that holds it
        return found

    compare(measure, name)


@pytest.mark.parametrize("frozen", range(3))
@pytest.mark.parametrize("name", ["gelu", "softplus", "tanh"])
def test_second_gradients_of_a_layer_that_is_partly_frozen(name, frozen):
    def measure(layer, *leaves):
        leaves[frozen].requires_grad_(False)
        free = [leaf for leaf in leaves if leaf.requires_grad]
        first = torch.autograd.grad(layer(*leaves).pow(3).sum(), free, create_graph=True)
        return torch.autograd.grad(sum(g.pow(2).sum() for g in first), free)

    compare(measure, name)


@pytest.mark.parametrize("name", ["gelu", "silu", "tanh", "softmax"])
def test_third_gradients_are_those_of_torch(name):
    def measure(layer, *leaves):
        value = layer(*leaves).pow(3).sum()
        for _ in range(2):
            value = sum(g.pow(2).sum() for g in torch.autograd.grad(value, leaves, create_graph=True))
        return torch.autograd.grad(value, leaves)

    compare(measure, name)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch's vmap still uses it
@pytest.mark.parametrize("name", ["gelu", "tanh", "softmax"])
def test_second_gradients_of_batched_ones_are_those_of_torch(name):
    grads = torch.randn(2, 3, 5, dtype=torch.float64)

    def measure(layer, x, w, b):
        y = layer(x[None], w, b)[0]
        first = torch.autograd.grad(y, (x, w, b), grads, is_grads_batched=True, create_graph=True)
        return torch.autograd.grad(sum(g.pow(2).sum() for g in first), (x, w, b))

    compare(measure, name)


@pytest.mark.parametrize("name", ["gelu", "tanh"])
def test_a_graph_without_its_tensors_says_so(name):
    x, w, b = arguments()
    (first,) = torch.autograd.grad(linear_act(x, w, b, name).pow(3).sum(), x, create_graph=True)
    torch.autograd.grad(first.sum(), w)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(first.sum(), w)


@pytest.mark.parametrize("changed", ["input", "weight", "bias", "output"])
@pytest.mark.parametrize("name", NAMES)
def test_a_change_in_place_is_found_where_the_backward_needs_what_was(name, changed):
    def error_or_gradients(layer):
        x, w, b = arguments()
        inputs = [x * 1, w * 1, b * 1]
        y = layer(*inputs)
        tensor = dict(zip(("input", "weight", "bias", "output"), (*inputs, y), strict=True))[changed]
        tensor.mul_(2)
        try:
            return torch.autograd.grad(y.sum(), (x, w, b))
        except RuntimeError as error:
            assert "modified by an inplace operation" in str(error)  # noqa: PT017
            return str(error).partition("[torch.")[0]

    got, wanted = (error_or_gradients(layer(name)) for layer in LAYERS.values())
    if name == "leaky_relu" and changed == "output":  # ours keeps the output, torch z
        assert isinstance(got, str)
    elif isinstance(wanted, str):
        assert got == wanted
    else:
        torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_gives_the_same_gradients(name, reentrant):
    torch.manual_seed(0)
    net = nn.Sequential(LinearAct(4, 16, name), LinearAct(16, 3, name))
    x = torch.randn(5, 4, requires_grad=True)
    leaves = [x, *net.parameters()]

    def gradients(y):
        for leaf in leaves:
            leaf.grad = None
        y.pow(2).sum().backward()
        return [y.detach(), *(leaf.grad for leaf in leaves)]

    got = gradients(checkpoint(net, x, use_reentrant=reentrant))
    assert all(torch.equal(a, b) for a, b in zip(got, gradients(net(x)), strict=True))


@pytest.mark.parametrize("name", ["gelu", "tanh"])
def test_tensors_can_be_kept_elsewhere(name):
    """Hooks of saved tensors give back copies, in the second derivative too."""

    def measure(layer, *leaves):
        first = torch.autograd.grad(layer(*leaves).pow(3).sum(), leaves, create_graph=True)
        return torch.autograd.grad(sum(g.pow(2).sum() for g in first), leaves)

    wanted = measure(LAYERS["ours"](name), *arguments())
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().numpy(force=True), torch.tensor):
        got = measure(LAYERS["ours"](name), *arguments())
    torch.testing.assert_close(got, wanted)
