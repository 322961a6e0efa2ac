"""Who watches calls of torch's functions sees those of linear_act: subclasses, modes, tracers, exporters."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from engine.layers import LinearAct
from engine.ops import linear_act

# torch's own compiler and exporter still use torch.jit
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


class Noted(torch.Tensor):
    """Notes the functions that are called with it."""

    calls = []

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        cls.calls.append(function)
        return super().__torch_function__(function, types, args, kwargs)


class Logged:
    """No tensor, but it takes the place of one."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return function, args


def net():
    torch.manual_seed(0)
    return nn.Sequential(LinearAct(4, 16, "gelu"), LinearAct(16, 3, "softmax"))


@pytest.mark.parametrize("place", range(3))
def test_a_subclass_of_tensor_stays_one_and_sees_the_call(place):
    arguments = [torch.randn(2, 4), torch.randn(5, 4), torch.randn(5)]
    wanted = linear_act(*arguments, "tanh")
    arguments[place] = arguments[place].as_subclass(Noted)
    Noted.calls.clear()
    got = linear_act(*arguments, "tanh")
    assert isinstance(got, Noted)
    assert torch.equal(got.as_subclass(torch.Tensor), wanted)
    assert Noted.calls[0] is linear_act


def test_what_stands_for_a_tensor_gets_the_call():
    stand_in, w, b = Logged(), torch.randn(5, 4), torch.randn(5)
    assert linear_act(stand_in, w, b, "relu") == (linear_act, (stand_in, w, b, "relu"))


def test_gradients_flow_through_a_subclass():
    x = torch.randn(2, 4).as_subclass(Noted)
    layer = LinearAct(4, 3, "silu")
    layer(x).sum().backward()
    (wanted,) = torch.autograd.grad(layer(x.as_subclass(torch.Tensor)).sum(), layer.weight)
    assert torch.equal(layer.weight.grad.as_subclass(torch.Tensor), wanted)


def test_a_mode_sees_the_call_once():
    class Watch(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **(kwargs or {}))

    seen = []
    layer = LinearAct(4, 3, "relu")
    with Watch():
        layer(torch.ones(2, 4))
    assert seen.count(linear_act) == 1


def test_fx_traces_a_layer_as_one_call():
    module = net()
    traced = torch.fx.symbolic_trace(module)
    calls = [node.target for node in traced.graph.nodes if node.op == "call_function"]
    assert calls == [linear_act, linear_act]
    for batch in (2, 7):
        x = torch.randn(batch, 4)
        assert torch.equal(traced(x), module(x))
    assert torch.equal(pickle.loads(pickle.dumps(traced))(x), module(x))
    assert torch.equal(copy.deepcopy(traced)(x), module(x))


def test_gradients_of_a_traced_net_are_those_of_the_net():
    module = net()
    x = torch.randn(2, 4)
    wanted = torch.autograd.grad(module(x).pow(2).sum(), module.parameters())
    got = torch.autograd.grad(torch.fx.symbolic_trace(module)(x).pow(2).sum(), module.parameters())
    assert all(torch.equal(a, b) for a, b in zip(got, wanted, strict=True))


@pytest.mark.parametrize("strict", [True, False])
def test_exports_with_any_batch(strict):
    module = net().eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(module, (torch.randn(2, 4),), dynamic_shapes=({0: batch},), strict=strict)
    targets = [node.target for node in exported.graph.nodes if node.op == "call_function"]
    assert targets.count(torch.ops.nnplay.linear_act.default) == 2
    for rows in (2, 9):
        x = torch.randn(rows, 4)
        assert torch.equal(exported.module()(x), module(x))
    assert exported.state_dict.keys() == module.state_dict().keys()


@pytest.mark.parametrize("strict", [True, False])
def test_an_exported_net_can_be_stored_and_loaded(strict, tmp_path):
    module = net().eval()
    x = torch.randn(2, 4)
    torch.export.save(torch.export.export(module, (x,), strict=strict), tmp_path / "net.pt2")
    assert torch.equal(torch.export.load(tmp_path / "net.pt2").module()(x), module(x))


@pytest.mark.parametrize("strict", [True, False])
def test_export_refuses_a_wrong_shape_in_the_same_words(strict):
    with pytest.raises(Exception, match=r"expected input of shape \(\.\.\., 4\)"):
        torch.export.export(net(), (torch.randn(2, 5),), strict=strict)
