"""csrc/activation.h and engine/activations.py are one list."""

import subprocess
import sys

import pytest
import torch

from engine import _C, ops
from engine.activations import ACTIVATIONS
from engine.layers import reference


def test_both_lists_have_the_same_activations_in_the_same_order():
    assert list(_C.activations) == list(ACTIVATIONS)


@pytest.mark.parametrize("row", list(ACTIVATIONS.values()), ids=lambda row: row.name)
def test_row_says_what_the_kernel_saves(row):
    assert _C.activations[row.name] == row.saves


@pytest.mark.parametrize("row", list(ACTIVATIONS.values()), ids=lambda row: row.name)
def test_expression_is_a_torch_function_of_z(row):
    z = torch.linspace(-3, 3, 7).reshape(1, 7)
    torch.testing.assert_close(ops.linear_act(z, torch.eye(7), None, row.name), reference(row.name)(z))


def test_the_rows_need_no_torch():
    code = "import sys, engine.activations; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_built_for_the_torch_that_runs():
    assert torch.__version__ == ops.BUILT_WITH_TORCH
