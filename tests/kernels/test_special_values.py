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
    sizes = [0.0, info.smallest_normal / 4, info.smallest_normal, info.eps, 1e-3, 0.5, 1.0, 19.9, 20.1, 50.0, 88.0]
    sizes += [90.0, 103.0, 105.0, 700.0, 710.0, 750.0, math.sqrt(info.max), info.max, math.inf]
    finite = [s for s in sizes if s <= info.max or math.isinf(s)]
    return torch.tensor([math.nan, *finite, *(-s for s in finite)], dtype=torch.float64).to(dtype)


def both(name, z, grad):
    """Output and gradient of our activation and of torch's, with z passed through unchanged by the layer."""
    results = []
    one = torch.ones(1, 1, dtype=z.dtype)
    for f in (lambda t: linear_act(t[..., None], one, None, name)[..., 0], reference(name)):
        leaf = z.clone().requires_grad_()
        y = f(leaf)
        results.append((y.detach(), torch.autograd.grad(y, leaf, grad, allow_unused=True)[0]))
    return results


def assert_alike(got, wanted, dtype):
    assert torch.equal(got.isnan(), wanted.isnan())
    assert torch.equal(got.isinf(), wanted.isinf())
    finite = wanted.isfinite()
    info = torch.finfo(dtype)
    error = (got[finite].double() - wanted[finite].double()).abs()
    allowed = 8 * info.eps * wanted[finite].double().abs() + 8 * info.eps * info.smallest_normal
    # exp(-x) overflows before its reciprocal is lost: torch's own result there is 0
    allowed = allowed.maximum(torch.tensor(info.smallest_normal, dtype=torch.float64))
    assert (error <= allowed).all(), list(zip(got[finite][error > allowed], wanted[finite][error > allowed]))


POINTWISE = [name for name in ACTIVATIONS if not name.endswith("softmax")]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise_activations(name, dtype):
    z = numbers(dtype)
    ours, theirs = both(name, z, torch.ones_like(z))
    assert_alike(ours[0], theirs[0], dtype)
    assert_alike(ours[1], theirs[1], dtype)


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
