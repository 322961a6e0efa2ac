"""What the op says to arguments that do not fit."""

import threading
import warnings

import numpy as np
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


NAMES = ["one of the words identity, relu, sigmoid", "piecewise_linear"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None, W, B, "relu"), ["input to be a Tensor", "got NoneType"]),
        ((np.zeros((2, 5)), W, B, "relu"), ["input to be a Tensor", "got ndarray"]),
        (([[0.0] * 5], W, B, "relu"), ["input to be a Tensor", "got list"]),
        ((1.5, W, B, "relu"), ["input to be a Tensor", "got float"]),
        ((X, None, B, "relu"), ["weight to be a Tensor", "got NoneType"]),
        ((X, np.zeros((4, 5)), B, "relu"), ["weight to be a Tensor", "got ndarray"]),
        ((X, W, [0.0] * 4, "relu"), ["bias to be a Tensor or None", "got list"]),
        ((X, W, 0.0, "relu"), ["bias to be a Tensor or None", "got float"]),
        ((X, W, True, "relu"), ["bias to be a Tensor or None", "got bool"]),
        ((X, W, B, None), ["activation", *NAMES, "got NoneType"]),
        ((X, W, B, b"relu"), ["activation", *NAMES, "got bytes"]),
        ((X, W, B, 1.0), ["activation", *NAMES, "got float"]),
        ((X, W, B, ["relu"]), ["activation", *NAMES, "got list"]),
        ((X, W, B, torch.relu), ["activation", *NAMES, "got builtin_function_or_method"]),
    ],
)
def test_says_which_python_type_was_expected_and_which_came(arguments, words):
    with pytest.raises(TypeError, match="linear_act: expected ") as raised:
        linear_act(*arguments)
    assert all(word in str(raised.value) for word in words), str(raised.value)
    assert raised.value.__suppress_context__  # nothing of the binding's own words


@pytest.mark.parametrize("activation", ["", "relu ", "relu\0", "r" * 10000, "rélu"])
def test_every_other_word_is_no_activation(activation):
    with pytest.raises(ValueError, match="unknown activation"):
        linear_act(X, W, B, activation)


def converted(t, kind):
    if kind == "nested":
        return torch.nested.nested_tensor([t, t])
    if kind == "jagged":
        return torch.nested.nested_tensor([t, t], layout=torch.jagged)
    if kind == "quantized":
        return torch.quantize_per_tensor(t, 0.1, 0, torch.quint8)
    if kind == "mkldnn":
        return t.to_mkldnn()
    return t.to_sparse(layout=getattr(torch, kind))


@pytest.mark.filterwarnings("ignore:.*(prototype|beta|deprecated)")
@pytest.mark.parametrize("mode", ["plain", "gradient", "inference", "autocast"])
@pytest.mark.parametrize("place", [0, 1, 2], ids=["input", "weight", "bias"])
@pytest.mark.parametrize(
    ("kind", "came"),
    [
        ("sparse_coo", "one of layout Sparse"),
        ("sparse_csr", "one of layout SparseCsr"),
        ("mkldnn", "one of layout Mkldnn"),
        ("nested", "a nested one"),
        ("jagged", "a nested one"),
        ("quantized", "a quantized one"),
    ],
)
def test_what_is_no_dense_tensor_is_refused_by_name(kind, came, place, mode, device):
    if device != "cpu" and kind in ("mkldnn", "quantized"):
        return  # there are none on a GPU
    arguments = [X + 1, W + 1, B + 1]
    if kind == "sparse_csr" and place == 2:
        return  # it has two dimensions
    arguments[place] = converted(arguments[place], kind)
    if mode == "gradient":
        arguments = [t.requires_grad_() if t.is_floating_point() else t for t in arguments]
    guard = {
        "inference": torch.inference_mode(),
        "autocast": torch.autocast(device, torch.bfloat16),
    }.get(mode, warnings.catch_warnings())
    with guard, pytest.raises(TypeError, match="linear_act: expected ") as raised:
        linear_act(*arguments, "gelu")
    name = ("input", "weight", "bias")[place]
    assert f"{name} to be a dense tensor, got {came}" in str(raised.value)


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
        (
            {"input": torch.zeros(3, 40)},
            r"input of shape \(..., 4\) for weight \[5, 4\], got shape \[3, 40\]",
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
    # On the processor: on a GPU the call only begins the work.
    x, w = (torch.randn(2048, 2048, device="cpu") for _ in range(2))
    before = counted
    linear_act(x, w, None, "relu")
    during = counted - before
    stop.set()
    thread.join()
    assert during > 5  # one or two, where the call keeps all others waiting
