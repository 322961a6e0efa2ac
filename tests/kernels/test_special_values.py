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


def alike(got, wanted, scale=0.0):
    """Where both are NaN, or the same infinity, or equal up to rounding; `scale`: what was subtracted."""
    info = torch.finfo(got.dtype)
    wanted = wanted.to(got.dtype)
    allowed = 8 * info.eps * (wanted.double().abs() + scale) + info.smallest_normal * info.eps
    close = (got.double() - wanted.double()).abs() <= allowed
    return (got == wanted) | (got.isnan() & wanted.isnan()) | (close & wanted.isfinite())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if not name.endswith("softmax")])
def test_pointwise_activations(name, dtype):
    """As torch has it in that dtype, or in float64, where it overflows later and slips less."""
    z = numbers(dtype)
    one = torch.ones(1, 1, dtype=dtype)
    scale = z.double().abs().clamp(max=8) if name.startswith("gelu") else 0.0
    ours = values(lambda t: linear_act(t[..., None], one, None, name)[..., 0], z)
    for got, same_dtype, wide in zip(
        ours, values(reference(name), z), values(reference(name), z.double()), strict=True
    ):
        right = alike(got, same_dtype, scale) | alike(got, wide, scale)
        assert right.all(), (z[~right], got[~right], same_dtype[~right])


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
    assert alike(y, reference(name)(z)).all()


@pytest.mark.parametrize("name", ["step", "sign"])
def test_a_step_has_gradient_zero_even_from_a_nan(name):
    x = torch.randn(3, 4, requires_grad=True)
    y = linear_act(x, torch.randn(5, 4), None, name)
    (grad,) = torch.autograd.grad(y, x, torch.full_like(y, math.nan))
    assert torch.equal(grad, torch.zeros_like(x))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("rows", [1, 2, 8, 200])
@pytest.mark.parametrize("number", [math.inf, -math.inf, "largest"])
def test_the_bias_gradient_of_what_no_number_holds_is_infinite(number, rows, dtype):
    largest = torch.finfo(dtype).max
    gradient = torch.ones(rows, 3, dtype=dtype)
    gradient[:, 0] = largest if number == "largest" else 1
    gradient[-1, 1] = largest if number == "largest" else number
    x, w = torch.ones(rows, 2, dtype=dtype), torch.ones(3, 2, dtype=dtype)

    def by_bias(layer):
        bias = torch.zeros(3, dtype=dtype, requires_grad=True)
        return torch.autograd.grad(layer(x, w, bias), bias, gradient)[0]

    got = by_bias(lambda *arguments: linear_act(*arguments, "identity"))
    wanted = by_bias(torch.nn.functional.linear)
    assert alike(got, wanted).all(), (got, wanted)
