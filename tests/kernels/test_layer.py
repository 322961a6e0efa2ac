"""LinearAct is nn.Linear and an activation."""

import copy
import pickle
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from engine.activations import ACTIVATIONS
from engine.layers import LinearAct, reference


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_and_random_draws_are_those_of_nn_linear(bias):
    torch.manual_seed(7)
    ours, after_ours = LinearAct(4, 16, "sigmoid", bias=bias), torch.rand(1)
    torch.manual_seed(7)
    theirs, after_theirs = nn.Linear(4, 16, bias=bias), torch.rand(1)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert torch.equal(after_ours, after_theirs)


def test_state_dict_of_nn_linear_loads():
    theirs = nn.Linear(3, 2)
    ours = LinearAct(3, 2, "tanh")
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(5, 3)
    torch.testing.assert_close(ours(x), torch.tanh(theirs(x)))


def test_unknown_activation_is_refused_when_the_layer_is_made():
    with pytest.raises(ValueError, match="got activation 'sigmod'; did you mean 'sigmoid'"):
        LinearAct(4, 16, "sigmod")


@pytest.mark.parametrize("activation", [None, ["relu"], b"relu", 1.0])
def test_an_activation_that_is_no_word_is_refused_in_the_same_words(activation):
    words = rf"expected one of identity, relu.*got activation {re.escape(repr(activation))}"
    with pytest.raises(TypeError, match=words):
        LinearAct(4, 16, activation)
    with pytest.raises(TypeError, match=words):
        reference(activation)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))], ids=["deepcopy", "pickle"]
)
def test_a_copy_gives_the_same_and_learns_alone(again, name):
    layer = LinearAct(4, 3, name)
    x = torch.randn(2, 4)
    other = again(layer)
    assert repr(other) == repr(layer)
    assert torch.equal(other(x), layer(x))
    other(x).sum().backward()
    assert layer.weight.grad is None
    assert other.weight.grad is not None


def test_state_goes_to_nn_linear_and_back_through_a_file(tmp_path):
    ours = nn.Sequential(LinearAct(4, 16, "tanh"), LinearAct(16, 3, "softmax", bias=False))
    plain = nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 3, bias=False))
    assert list(ours.state_dict()) == list(plain.state_dict()) == ["0.weight", "0.bias", "1.weight"]
    torch.save(ours.state_dict(), tmp_path / "state.pt")
    plain.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    torch.save(plain.state_dict(), tmp_path / "back.pt")
    back = nn.Sequential(LinearAct(4, 16, "tanh"), LinearAct(16, 3, "softmax", bias=False))
    back.load_state_dict(torch.load(tmp_path / "back.pt", weights_only=True))
    x = torch.randn(2, 4)
    assert torch.equal(back(x), ours(x))


def test_layer_prints_its_activation():
    assert (
        repr(LinearAct(4, 16, "relu"))
        == "LinearAct(in_features=4, out_features=16, bias=True, activation='relu')"
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_training_reaches_the_parameters_of_torch_nn(name, dtype):
    """Thirty steps of plain gradient descent; rounding differences grow with every step, hence sqrt(eps)."""

    class Plain(nn.Linear):
        def forward(self, x):
            return reference(name)(F.linear(x, self.weight, self.bias))

    def train(first, last):
        torch.manual_seed(0)
        net = nn.Sequential(first(4, 16), last(16, 3)).to(dtype)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        x, target = torch.randn(30, 2, 4, dtype=dtype), torch.randint(0, 3, (30, 2))
        for batch, label in zip(x, target, strict=True):
            optimizer.zero_grad()
            F.cross_entropy(net(batch), label).backward()
            optimizer.step()
        return list(net.parameters())

    ours = train(lambda i, o: LinearAct(i, o, name), lambda i, o: LinearAct(i, o, "identity"))
    theirs = train(Plain, nn.Linear)
    limit = torch.finfo(dtype).eps ** 0.5 / 10
    for a, b in zip(ours, theirs, strict=True):
        assert (a - b).abs().max() <= limit * b.abs().max()
