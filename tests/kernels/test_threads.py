"""Any number of threads gives the same bits."""

import itertools

import pytest
import torch

from engine.activations import ACTIVATIONS
from engine.check import DTYPES
from engine.ops import linear_act

NAMES = list(ACTIVATIONS)
COUNTS = (1, 2, 3)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def drawn(shape, dtype):
    torch.manual_seed(0)
    batch, inputs, outputs = shape
    sizes = [(batch, inputs), (outputs, inputs), (outputs,), (batch, outputs)]
    *arguments, grad = (torch.randn(size).to(dtype) for size in sizes)
    return arguments, grad


def every_direction(name, arguments, grad):
    """The output with and without a graph, all gradients at once, and each alone."""
    leaves = [t.detach().requires_grad_() for t in arguments]
    results = [linear_act(*arguments, name), y := linear_act(*leaves, name)]
    results += torch.autograd.grad(y, leaves, grad)
    for i in range(3):
        alone = [leaf if j == i else leaf.detach() for j, leaf in enumerate(leaves)]
        results += torch.autograd.grad(linear_act(*alone, name), leaves[i], grad)
    return [t.detach() for t in results]


def same_bits(got, wanted):
    integer = {2: torch.int16, 4: torch.int32, 8: torch.int64}
    return all(
        torch.equal(a.view(integer[a.itemsize]), b.view(integer[b.itemsize]))
        for a, b in zip(got, wanted, strict=True)
    )


def check_counts(threads, name, arguments, grad):
    runs = []
    for count in COUNTS:
        threads(count)
        runs.append(every_direction(name, arguments, grad))
    assert all(same_bits(run, runs[0]) for run in runs[1:])


# A product is shared out from 2^20 multiplications on, by the rows of its result or by its columns, whichever
# are more; all else from 2^14 numbers on. Below 2^21 no bfloat16 product is torch's own.
SHARED = [(601, 20, 150), (3, 30, 20000)]


@pytest.mark.parametrize("shape", SHARED, ids=str)
@pytest.mark.parametrize(("name", "dtype"), list(itertools.product(NAMES, DTYPES)))
def test_thread_count_does_not_change_a_bit(name, dtype, shape, threads):
    check_counts(threads, name, *drawn(shape, DTYPES[dtype]))


LARGE = [(150, 12000, 1), (32, 64, 64), (128, 784, 128), (5000, 300, 7), (3, 500, 2000), (600, 700, 600)]


@pytest.mark.parametrize("shape", LARGE, ids=str)
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("softmax", torch.float32),
        ("gelu", torch.float64),
        ("sigmoid", torch.float16),
        ("tanh", torch.float32),
    ],
    ids=str,
)
def test_thread_count_does_not_change_a_bit_of_large_layers(name, dtype, shape, threads):
    check_counts(threads, name, *drawn(shape, dtype))
