"""Second derivatives, transforms, compilation, autocast, memory."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, hessian, jvp, vmap

from engine.activations import ACTIVATIONS
from engine.check import DTYPES
from engine.layers import LinearAct, reference
from engine.ops import linear_act

NAMES = list(ACTIVATIONS)
KINDS = list(DTYPES.values())

# torch's own transforms and compiler still use torch.jit
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


def arguments(dtype=torch.float64, batch=3):
    torch.manual_seed(0)
    shapes = [(batch, 4), (5, 4), (5,)]
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def plain(name):
    f = reference(name)
    return lambda x, w, b: f(F.linear(x, w, b))


def ours(name):
    return lambda x, w, b: linear_act(x, w, b, name)


@pytest.mark.parametrize("name", NAMES)
def test_second_gradients_are_those_of_torch(name):
    def second(layer):
        leaves = arguments()
        first = torch.autograd.grad(layer(*leaves).pow(3).sum(), leaves, create_graph=True)
        return torch.autograd.grad(sum(g.pow(2).sum() for g in first), leaves, materialize_grads=True)

    for got, wanted in zip(second(ours(name)), second(plain(name)), strict=True):
        torch.testing.assert_close(got, wanted)


def test_a_direct_call_of_the_backward_op_has_no_gradient_and_says_so():
    x, w, _ = arguments()
    g = torch.ones(3, 5, dtype=torch.float64, requires_grad=True)
    y = linear_act(x, w, None, "sigmoid").detach()
    by_x, _, _ = torch.ops.nnplay.linear_act_backward(g, y, x, w, "sigmoid", [True, False, False])
    with pytest.raises(RuntimeError, match="linear_act_backward is not implemented"):
        by_x.sum().backward()


@pytest.mark.parametrize("name", NAMES)
def test_transforms_of_torch_func_work(name):
    x, w, b = (t.detach() for t in arguments())
    tangents = tuple(torch.ones_like(t) for t in (x, w, b))

    def loss(layer):
        return lambda w: layer(x, w, b).pow(2).sum()

    for transform in (
        lambda layer: vmap(layer, (0, None, None))(x, w, b),
        lambda layer: vmap(lambda x, w: layer(x, w, b), (None, 0))(x, torch.stack([w, 2 * w])),
        lambda layer: grad(loss(layer))(w),
        lambda layer: vmap(grad(lambda w, x: layer(x, w, b).sum()), (None, 0))(w, x),
        lambda layer: jvp(layer, (x, w, b), tangents),
        lambda layer: hessian(loss(layer))(w),
    ):
        torch.testing.assert_close(transform(ours(name)), transform(plain(name)))


@pytest.mark.parametrize("name", ["sigmoid", "gelu"])
def test_batched_gradients_work(name):
    leaves = arguments()
    grads = torch.randn(2, 3, 5, dtype=torch.float64)
    got = torch.autograd.grad(ours(name)(*leaves), leaves, grads, is_grads_batched=True)
    wanted = torch.autograd.grad(plain(name)(*leaves), leaves, grads, is_grads_batched=True)
    torch.testing.assert_close(got, wanted)


def test_forward_mode_works():
    x, w, b = arguments()
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        got = torch.autograd.forward_ad.unpack_dual(linear_act(dual, w, b, "tanh")).tangent
        wanted = torch.autograd.forward_ad.unpack_dual(plain("tanh")(dual, w, b)).tangent
    torch.testing.assert_close(got, wanted)


def tangent_of(t):
    """Zeros where there is none: what torch leaves undefined is 0."""
    tangent = torch.autograd.forward_ad.unpack_dual(t).tangent
    return torch.zeros_like(t) if tangent is None else tangent


def of_simple_parts(name):
    """Of its own silu's backward torch has no tangent."""
    if name != "silu":
        return plain(name)
    return lambda x, w, b: (z := F.linear(x, w, b)) * torch.sigmoid(z)


@pytest.mark.parametrize("name", NAMES)
def test_a_tangent_of_the_gradient_goes_through_the_backward(name):
    leaves = arguments()
    grad_of_y, tangent = torch.randn(2, 3, 5, dtype=torch.float64)

    def tangents(layer):
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(grad_of_y, tangent)
            grads = torch.autograd.grad(layer(*leaves), leaves, dual)
            return [tangent_of(g) for g in grads]

    torch.testing.assert_close(tangents(ours(name)), tangents(of_simple_parts(name)))


@pytest.mark.parametrize("name", NAMES)
def test_forward_over_reverse_is_that_of_torch(name):
    leaves = arguments()

    def tangents(layer):
        with torch.autograd.forward_ad.dual_level():
            duals = [torch.autograd.forward_ad.make_dual(t, torch.ones_like(t)) for t in leaves]
            grads = torch.autograd.grad(layer(*duals).pow(3).sum(), leaves)
            return [tangent_of(g) for g in grads]

    torch.testing.assert_close(tangents(ours(name)), tangents(of_simple_parts(name)))


@pytest.mark.parametrize("last", ["softmax", "gelu"])
def test_compiles_into_one_graph_for_any_batch(last):
    torch.manual_seed(0)
    net = nn.Sequential(LinearAct(4, 16, "sigmoid"), LinearAct(16, 3, last))
    compiled = torch.compile(net, fullgraph=True, dynamic=True, backend="aot_eager")
    for batch in (2, 5, 9):
        x = torch.randn(batch, 4, requires_grad=True)
        weights = torch.randn(batch, 3)
        wanted = torch.autograd.grad((net(x) * weights).sum(), [x, *net.parameters()])
        got = torch.autograd.grad((compiled(x) * weights).sum(), [x, *net.parameters()])
        assert torch.equal(compiled(x), net(x))
        torch.testing.assert_close(got, wanted)


def test_compiles_with_inductor():
    layer = LinearAct(4, 16, "sigmoid")
    compiled = torch.compile(layer, fullgraph=True)
    x = torch.randn(2, 4)
    torch.testing.assert_close(compiled(x), layer(x))


@pytest.mark.parametrize("name", NAMES)
def test_autocast_calculates_in_its_dtype_as_torch_does(name, device):
    x, w, b = arguments(torch.float32)
    with torch.autocast(device, torch.bfloat16):
        got, wanted = ours(name)(x, w, b), plain(name)(x, w, b)
    assert got.dtype == wanted.dtype
    if got.dtype == torch.float32:  # some activations, on a GPU
        torch.testing.assert_close(got, wanted)
    else:
        assert torch.equal(got, ours(name)(x.bfloat16(), w.bfloat16(), b.bfloat16()))
    got.sum().backward()
    assert w.grad.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_under_autocast_are_as_exact_as_those_of_nn_linear(name, dtype, device):
    """Two layers, a float32 master of each parameter; every error against float64 at most twice torch's."""

    class Plain(nn.Linear):
        def forward(self, x):
            return reference(name)(super().forward(x))

    def gradients(layer, kind, enabled):
        torch.manual_seed(0)
        net = nn.Sequential(layer(12, 16), layer(16, 8)).to(kind)
        x = torch.randn(6, 12).to(kind).requires_grad_()
        with torch.autocast(device, dtype, enabled=enabled):
            y = net(x)
        weights = torch.linspace(-1, 1, 48).reshape(6, 8)
        return torch.autograd.grad((y.to(kind) * weights.to(kind)).sum(), [x, *net.parameters()])

    ours = gradients(lambda i, o: LinearAct(i, o, name), torch.float32, True)
    theirs = gradients(Plain, torch.float32, True)
    for got, of_torch, wanted in zip(ours, theirs, gradients(Plain, torch.float64, False), strict=True):
        assert got.dtype == torch.float32
        error, allowed = ((t.double() - wanted).abs().max() for t in (got, of_torch))
        assert error <= 2 * allowed + torch.finfo(dtype).eps * wanted.abs().max()


def test_autocast_leaves_float64_alone(device):
    x, w, b = arguments()
    with torch.autocast(device, torch.bfloat16):
        assert ours("tanh")(x, w, b).dtype == torch.float64


def saved_bytes(layer, name, leaves):
    """How much memory the graph keeps for the backward, parameters and input included, each storage once."""
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = layer(*leaves)
    return sum(kept.values()), y


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_keeps_no_more_for_the_backward_than_torch(name, dtype):
    got, _ = saved_bytes(ours(name), name, arguments(dtype))
    wanted, _ = saved_bytes(plain(name), name, arguments(dtype))
    assert got <= wanted


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "softmax"])
def test_keeps_the_output_and_not_the_preactivation(name, dtype):
    leaves = arguments(dtype)
    got, y = saved_bytes(ours(name), name, leaves)
    assert got == sum(t.nbytes for t in (*leaves[:2], y))


def test_an_input_without_gradient_gets_none_and_keeps_no_weight():
    x, w, b = arguments()
    got, y = saved_bytes(ours("relu"), "relu", [x.detach(), w, b])
    assert got == sum(t.nbytes for t in (x, y))


def test_inference_mode_and_meta_tensors_work():
    x, w, b = arguments()
    with torch.inference_mode():
        torch.testing.assert_close(ours("silu")(x, w, b), plain("silu")(x, w, b))
    y = linear_act(*(t.detach().to("meta") for t in (x, w, b)), "silu")
    assert y.device.type == "meta"
    assert y.shape == (3, 5)


def test_functional_call_replaces_parameters():
    layer = LinearAct(4, 5, "elu", dtype=torch.float64)
    x, w, b = arguments()
    torch.testing.assert_close(functional_call(layer, {"weight": w, "bias": b}, (x,)), plain("elu")(x, w, b))


@pytest.mark.parametrize("name", ["identity", "relu", "gelu", "softmax"])
@pytest.mark.parametrize("sizes", [(3, 0, 4), (3, 4, 0), (0, 4, 5)])
def test_second_derivatives_of_empty_layers_are_those_of_torch(sizes, name):
    batch, inputs, outputs = sizes

    def second(layer):
        x, w = torch.ones(batch, inputs, requires_grad=True), torch.ones(outputs, inputs, requires_grad=True)
        grads = torch.autograd.grad(layer(x, w).sum(), (x, w), create_graph=True)
        return [g.shape for g in grads]

    wanted = second(lambda x, w: reference(name)(torch.nn.functional.linear(x, w)))
    assert second(lambda x, w: linear_act(x, w, None, name)) == wanted


@pytest.mark.parametrize("name", ["step", "sign", "relu"])
def test_gradients_for_a_graph_stay_on_their_device(name):
    x, w = (torch.zeros(4, 4, device="meta", requires_grad=True) for _ in range(2))
    grads = torch.autograd.grad(linear_act(x, w, None, name).sum(), (x, w), create_graph=True)
    assert [g.device.type for g in grads] == ["meta", "meta"]


def test_far_from_zero_derivatives_keep_their_digits():
    z = torch.tensor([[-20.0, -17.0, -15.0, -10.0, -0.5]])
    one = torch.eye(5)
    slope = torch.func.grad(lambda t: linear_act(t, one, None, "elu").sum())(z)
    assert torch.allclose(slope, z.exp(), rtol=1e-6, atol=0)

    def second(layer, z):
        z = z.requires_grad_()
        (first,) = torch.autograd.grad(layer(z).sum(), z, create_graph=True)
        return torch.autograd.grad(first.sum(), z)[0]

    z = torch.tensor([[-6.0, -5.0, 4.5, 5.0, 6.0]])
    wanted = second(reference("gelu_tanh"), z.double())
    error, of_torch = (
        (second(layer, z.clone()) - wanted).abs()
        for layer in (lambda t: linear_act(t, one, None, "gelu_tanh"), reference("gelu_tanh"))
    )
    assert (error <= 2 * of_torch + torch.finfo(torch.float32).eps * wanted.abs()).all(), (error, of_torch)


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_a_penalty_on_the_gradient_reaches_every_parameter_as_in_torch(name):
    def gradients(act):
        torch.manual_seed(0)
        x, *leaves = (torch.randn(size, requires_grad=True) for size in [(5, 4), (6, 4), (6,), (1, 6)])
        y = act(x, leaves[0], leaves[1]) @ leaves[2].T
        (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return torch.autograd.grad((slope.norm(dim=1) - 1).square().mean(), leaves)

    for got, wanted in zip(gradients(ours(name)), gradients(plain(name)), strict=True):
        torch.testing.assert_close(got, wanted)
