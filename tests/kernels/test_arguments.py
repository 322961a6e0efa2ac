"""What the op says to arguments that do not fit."""

import pytest
import torch

from engine.ops import linear_act

X, W, B = torch.zeros(2, 5), torch.zeros(4, 5), torch.zeros(4)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((torch.zeros(2, 3), W, B, "relu"), ValueError, ["(..., 5)", "[4, 5]", "[2, 3]"]),
        ((torch.tensor(1.0), W, B, "relu"), ValueError, ["(..., 5)", "got shape []"]),
        ((X, torch.zeros(5), B, "relu"), ValueError, ["(out, in)", "[5]"]),
        ((X, W, torch.zeros(3), "relu"), ValueError, ["bias of shape (4)", "got shape [3]"]),
        ((X, W, torch.zeros(1, 4), "relu"), ValueError, ["bias of shape (4)", "got shape [1, 4]"]),
        ((X, W.double(), B, "relu"), TypeError, ["one dtype", "Float, Double and Float"]),
        ((X, W, B.half(), "relu"), TypeError, ["one dtype", "Float, Float and Half"]),
        ((X.int(), W, B, "relu"), TypeError, ["float32, float64, bfloat16 or float16", "Int"]),
        ((X, W.to("meta"), B, "relu"), ValueError, ["one device", "cpu, meta and cpu"]),
        ((X, W, B, "rleu"), ValueError, ["'rleu'", "did you mean 'relu'", "sigmoid, tanh"]),
    ],
)
def test_says_what_was_expected_and_what_came(arguments, error, words):
    with pytest.raises(error) as raised:
        linear_act(*arguments)
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_shapes_are_checked_without_data_too():
    with pytest.raises(ValueError, match="got shape"):
        linear_act(torch.zeros(2, 3, device="meta"), W.to("meta"), None, "relu")
