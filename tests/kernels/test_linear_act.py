"""The op against torch.nn.functional: values, gradients, second gradients, registration."""

import itertools

import pytest
import torch
from torch.library import opcheck

from engine.activations import ACTIVATIONS
from engine.check import DTYPES, SHAPES, check_case
from engine.ops import linear_act

NAMES = list(ACTIVATIONS)


def double_arguments(batch=3, inputs=4, outputs=5):
    torch.manual_seed(0)
    shapes = [(batch, inputs), (outputs, inputs), (outputs,)]
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1, 1), (1, 3, 200), (700, 2, 3), (64, 300, 40)])
@pytest.mark.parametrize(("name", "dtype"), list(itertools.product(NAMES, DTYPES)))
def test_error_is_at_most_twice_that_of_torch(name, dtype, shape, device):
    for result in check_case(name, DTYPES[dtype], shape, device):
        assert result.passed, result


@pytest.mark.parametrize("dtype", DTYPES)
def test_error_of_a_layer_whose_rows_are_laid_out_anew(dtype, device):
    """Of 311 rows 8, 2 and 1 are left after tiles of 12, 4 and 1 after tiles of 6."""
    for result in check_case("softmax", DTYPES[dtype], (311, 500, 311), device):
        assert result.passed, result


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name):
    x, w, b = double_arguments()
    assert torch.autograd.gradcheck(lambda *t: linear_act(*t, name), (x, w, b))
    assert torch.autograd.gradcheck(lambda *t: linear_act(*t, None, name), (x, w))


@pytest.mark.parametrize("name", NAMES)
def test_second_gradients_are_those_of_finite_differences(name):
    assert torch.autograd.gradgradcheck(lambda *t: linear_act(*t, name), double_arguments())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", list(DTYPES.values()), ids=list(DTYPES))
def test_op_is_registered_as_torch_demands(name, dtype):
    arguments = [t.detach().to(dtype).requires_grad_() for t in double_arguments()]
    opcheck(torch.ops.nnplay.linear_act.default, (*arguments, name))


@pytest.mark.parametrize("name", NAMES)
def test_op_without_bias_is_registered_as_torch_demands(name):
    opcheck(torch.ops.nnplay.linear_act.default, (*double_arguments()[:2], None, name))
