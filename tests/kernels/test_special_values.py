"""NaN, infinities, denormals and huge values come out as torch's do."""

import math

import pytest
import torch

from engine.activations import ACTIVATIONS
from engine.layers import reference
from engine.ops import linear_act

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


def numbers(dtype):
    info = torch.finfo(dtype)
    sizes = [
        0.0,
        info.smallest_normal / 4,
        info.smallest_normal,
        info.eps,
        1e-3,
        0.5,
        1.0,
        19.9,
        20.1,
        50.0,
        88.0,
    ]
    sizes += [90.0, 103.0, 105.0, 700.0, 710.0, 750.0, math.sqrt(info.max), info.max, math.inf]
    finite = [s for s in sizes if s <= info.max or math.isinf(s)]
    return torch.tensor([math.nan, *finite, *(-s for s in finite)], dtype=torch.float64).to(dtype)


def values(f, z):
    """The output of an activation and its gradient, in z's dtype."""
    leaf = z.clone().requires_grad_()
    y = f(leaf)
    return y.detach(), torch.autograd.grad(y, leaf, torch.ones_like(y))[0]


def assert_alike(got, wanted, dtype, scale=0.0):
    """Equal where not finite, else up to rounding; `scale`: the size of what was subtracted on the way."""
    info = torch.finfo(dtype)
    wanted = wanted.to(dtype)
    assert torch.equal(got.isnan(), wanted.isnan())
    assert torch.equal(got.isinf(), wanted.isinf())
    finite = wanted.isfinite()
    error = torch.where(finite, got.double() - wanted.double(), 0).abs()
    allowed = 8 * info.eps * (wanted.double().abs() + scale) + info.smallest_normal
    wrong = finite & (error > allowed)
    assert not wrong.any(), (got[wrong], wanted[wrong])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if not name.endswith("softmax")])
def test_pointwise_activations(name, dtype):
    """Against torch in float64: its own gelu(inf) in float32 and elu'(nan) in 16 bits are slips."""
    z = numbers(dtype)
    one = torch.ones(1, 1, dtype=dtype)
    ours = values(lambda t: linear_act(t[..., None], one, None, name)[..., 0], z)
    theirs = values(reference(name), z.double())
    scale = z.double().abs().nan_to_num(posinf=0) if name.startswith("gelu") else 0.0
    for got, wanted in zip(ours, theirs, strict=True):
        assert_alike(got, wanted, dtype, scale)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(
    "row",
    [
        [0.0, math.nan, 1.0],
        [math.inf, 0.0, 1.0],
        [-math.inf, 0.0, 1.0],
        [-math.inf, -math.inf, -math.inf],
        [6e4, -6e4, 0.0],
        [6e4, 6e4, 6e4],
        [-100.0, 0.0, 3.0],
    ],
    ids=str,
)
def test_rows(name, dtype, row):
    z = torch.tensor([row], dtype=dtype)
    # the bias carries the row, so that no product of infinity and 0 occurs before the activation
    y = linear_act(torch.zeros(1, 1, dtype=dtype), torch.zeros(3, 1, dtype=dtype), z[0], name)
    assert_alike(y, reference(name)(z), dtype)


@pytest.mark.parametrize("name", ["step", "sign"])
def test_a_step_has_gradient_zero_even_from_a_nan(name):
    x = torch.randn(3, 4, requires_grad=True)
    y = linear_act(x, torch.randn(5, 4), None, name)
    (grad,) = torch.autograd.grad(y, x, torch.full_like(y, math.nan))
    assert torch.equal(grad, torch.zeros_like(x))
