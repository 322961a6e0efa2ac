"""What the op says to arguments that do not fit."""

import threading

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
        ((X, W, B, "SIGMOID"), ValueError, ["'SIGMOID'", "did you mean 'sigmoid'"]),
    ],
)
def test_says_what_was_expected_and_what_came(arguments, error, words):
    with pytest.raises(error) as raised:
        linear_act(*arguments)
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_shapes_are_checked_without_data_too():
    with pytest.raises(ValueError, match="got shape"):
        linear_act(torch.zeros(2, 3, device="meta"), W.to("meta"), None, "relu")


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"saved": None}, "what the forward saved for sigmoid, got none"),
        ({"saved": torch.zeros(3, 4)}, r"saved of grad's shape \[3, 5\], got shape \[3, 4\]"),
        ({"saved": torch.zeros(3, 5).double()}, "saved of grad's dtype Float, got Double"),
        ({"weight": None}, "the weight for input's gradient, got none"),
        ({"weight": torch.zeros(2, 4)}, r"weight of shape \(5, in\) .* got shape \[2, 4\]"),
        ({"input": None}, "the input for weight's gradient, got none"),
        (
            {"input": torch.zeros(1, 4)},
            r"input of grad's shape \[3, 5\] but for the last .* got shape \[1, 4\]",
        ),
        ({"name": "rleu"}, "did you mean 'relu'"),
    ],
    ids=str,
)
def test_the_backward_op_checks_what_it_is_given_too(changed, words, device):
    given = {"grad": torch.zeros(3, 5), "saved": torch.zeros(3, 5), "input": torch.zeros(3, 4)}
    given |= {"weight": torch.zeros(5, 4), "name": "sigmoid"} | changed
    arguments = [t.to(device) if isinstance(t, torch.Tensor) else t for t in given.values()]
    with pytest.raises((ValueError, TypeError), match=words):
        torch.ops.nnplay.linear_act_backward(*arguments, [True, True, True])


def test_other_threads_of_python_go_on_meanwhile():
    counted, stop = 0, threading.Event()

    def count():
        nonlocal counted
        while not stop.wait(1e-4):
            counted += 1

    thread = threading.Thread(target=count)
    thread.start()
    x, w = torch.randn(2048, 2048), torch.randn(2048, 2048)
    before = counted
    linear_act(x, w, None, "relu")
    during = counted - before
    stop.set()
    thread.join()
    assert during > 5  # one or two, where the call keeps all others waiting
