"""Every number of an activation by itself: errors in ulps of its own, not of the largest number's."""

import mpmath
import numpy as np
import pytest
import torch

from engine.activations import ACTIVATIONS
from engine.layers import reference
from engine.ops import linear_act

SMOOTH = [name for name, row in ACTIVATIONS.items() if row.smooth and not name.endswith("softmax")]

EXACT = {
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "gelu": lambda z: z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
    "gelu_tanh": lambda z: z * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (z + 0.044715 * z**3))) / 2,
    "softplus": lambda z: z if z > 20 else mpmath.log1p(mpmath.exp(z)),
}


def ours(name, z):
    return linear_act(z[:, None], torch.ones(1, 1, dtype=z.dtype), None, name)[:, 0]


def worst(got, wanted, dtype):
    """The largest error in ulps of each number wanted (longdouble)."""
    ulps = np.spacing(np.abs(wanted).astype(torch.empty(0, dtype=dtype, device="cpu").numpy().dtype)).astype(
        np.longdouble
    )
    return float(np.max(np.abs(got.numpy(force=True).astype(np.longdouble) - wanted) / ulps))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", SMOOTH)
def test_each_number_is_as_exact_as_torch_has_it(name, dtype):
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.uniform(-8, 8, 1500), rng.normal(0, 0.3, 1000), rng.uniform(-80, 80, 300)])
    z = torch.tensor(points, dtype=dtype)
    with mpmath.workdps(40):
        wanted = np.array([np.longdouble(mpmath.nstr(EXACT[name](mpmath.mpf(x)), 25)) for x in z.tolist()])
    assert worst(ours(name, z), wanted, dtype) <= 2 * worst(reference(name)(z), wanted, dtype) + 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_log_softmax_of_long_rows(dtype):
    """exp, log and a long sum, against float64 or wider."""
    torch.manual_seed(0)
    z = 3 * torch.randn(20, 1000, dtype=dtype)
    wide = z.numpy(force=True).astype(np.longdouble)
    wide -= wide.max(1, keepdims=True)
    wanted = wide - np.log(np.exp(wide).sum(1, keepdims=True))
    zero = torch.zeros(1, 1, dtype=dtype)
    rows = [linear_act(zero, torch.zeros(1000, 1, dtype=dtype), row, "log_softmax")[0] for row in z]
    assert worst(torch.stack(rows), wanted, dtype) <= 2 * worst(torch.log_softmax(z, -1), wanted, dtype) + 1


@pytest.mark.parametrize("shape", [(1, 784, 1), (64, 300, 2), (1, 256, 256), (300, 784, 8)], ids=str)
def test_a_long_sum_of_few_rounds_less_than_half_as_much_as_one_after_the_other(shape):
    """Products of few rows or columns, where torch's sums are shorter too. Errors as root mean squares."""
    rows, length, columns = shape
    ours, in_order = [], []
    for seed in range(-(-1000 // (rows * columns))):
        rng = np.random.default_rng(seed)
        x, w = (rng.normal(size=(n, length)).astype(np.float32) for n in (rows, columns))
        got = linear_act(torch.tensor(x), torch.tensor(w), None, "identity").numpy(force=True)
        wanted = x.astype(float) @ w.T.astype(float)
        one_by_one = np.add.accumulate(x[:, None] * w, axis=2, dtype=np.float32)[..., -1]
        ours.append(np.square(got - wanted).mean())
        in_order.append(np.square(one_by_one - wanted).mean())
    assert np.sqrt(np.mean(ours) / np.mean(in_order)) < 0.5


@pytest.mark.parametrize("count", [5, 65531])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_a_product_of_16_bit_numbers_is_rounded_to_nearest_even(dtype, count):
    """Every number there is, times one that makes ties: in float the product is exact. The last is near 1."""
    end = torch.ones(1, dtype=dtype).view(torch.int16).item() + 5
    x = torch.arange(end - count, end).to(torch.int16).view(dtype)
    w = torch.tensor([[1.5]], dtype=dtype)
    wanted = (x.float() * 1.5).to(dtype)
    assert torch.equal(linear_act(x[:, None], w, None, "identity")[:, 0].nan_to_num(), wanted.nan_to_num())


def test_the_bias_gradient_rounds_what_it_lost_in_again():
    g = torch.tensor(np.random.default_rng(0).normal(size=(64, 3000)), dtype=torch.float32)
    b = torch.zeros(3000, requires_grad=True)
    linear_act(torch.ones(64, 1), torch.ones(3000, 1), b, "identity").backward(g)
    rows = g.numpy(force=True)
    wanted = rows.sum(0, dtype=float)
    one_by_one = np.add.accumulate(rows, axis=0, dtype=np.float32)[-1]
    error, in_order = (np.square(t - wanted).mean() for t in (b.grad.numpy(force=True), one_by_one))
    assert np.sqrt(error / in_order) < 0.45
