"""Second derivatives in every dtype, by the rule of engine/check.py against float64."""

import pytest
import torch
import torch.nn.functional as F

from engine import check
from engine.activations import ACTIVATIONS
from engine.check import DTYPES
from engine.layers import reference
from engine.ops import linear_act

DRAWS = 20
SHAPE = (6, 5, 4)


def second(layer, arguments, grad, along):
    """The gradients, by all arguments, of the layer's gradients times `along`."""
    leaves = [t.detach().to(grad.dtype).requires_grad_() for t in arguments]
    firsts = torch.autograd.grad(layer(*leaves), leaves, grad, create_graph=True)
    total = sum((first * t.to(grad.dtype)).sum() for first, t in zip(firsts, along, strict=True))
    return torch.autograd.grad(total, leaves, materialize_grads=True)


def no_corner_near(z, dtype):
    """1 where rounding does not decide on which side of an activation's corner z lies, else 0."""
    nearly = 4 * check.ULP[dtype] * z.abs().max()
    return torch.stack([(z - corner).abs() > nearly for corner in (-0.5, 0.0, 0.5)]).all(0)


def error(layer, plain, dtype, device):
    """The largest error of some draws, in ulps, for each of the arguments."""
    draws = []
    for seed in range(DRAWS):
        arguments, grad = check._draw(dtype, SHAPE, device, seed)
        along, _ = check._draw(dtype, SHAPE, device, DRAWS + seed)
        grad = grad * no_corner_near(F.linear(*(t.double() for t in arguments)), dtype)
        wanted = second(plain, arguments, grad.double(), along)
        draws.append(zip(second(layer, arguments, grad, along), wanted, strict=True))
    return [check._ulps(*zip(*of_argument, strict=True), dtype) for of_argument in zip(*draws, strict=True)]


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivatives_are_as_exact_as_those_of_torch(name, dtype, device):
    def plain(x, w, b):
        return reference(name)(F.linear(x, w, b))

    ours = error(lambda x, w, b: linear_act(x, w, b, name), plain, dtype, device)
    wide = dtype == torch.float64  # torch's is the reference, with as many ulps of error as in float32
    of_torch = error(plain, plain, torch.float32 if wide else dtype, device)
    allowed = [(3 if wide else 2) * e + 1 for e in of_torch]
    assert all(e <= limit for e, limit in zip(ours, allowed, strict=True)), (ours, allowed)
