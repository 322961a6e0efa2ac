"""What only a GPU can show: layers captured and repeated, and the training that the CPU gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_training import CASES, population_of_engine

from engine import ops
from engine.activations import ACTIVATIONS

pytestmark = pytest.mark.skipif(
    not (torch.cuda.is_available() and ops.HAS_CUDA), reason="there is no GPU, or no build for one: make gpu"
)
LAYERS = [(2, 4, 16), (32, 64, 64), (300, 200, 72), (257, 130, 65)]


def layer(shape: tuple[int, int, int], dtype: torch.dtype) -> list[torch.Tensor]:
    batch, inputs, outputs = shape
    torch.manual_seed(0)
    sizes = [(batch, inputs), (outputs, inputs), (outputs,), (batch, outputs)]
    return [torch.randn(size).to("cuda", dtype) for size in sizes]


def forward_and_backward(name: str, x, w, b, g) -> list[torch.Tensor]:
    leaves = [t.detach().requires_grad_() for t in (x, w, b)]
    y = ops.linear_act(*leaves, name)
    return [y.detach(), *torch.autograd.grad(y, leaves, g)]


@pytest.mark.parametrize("shape", LAYERS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_same_arguments_give_the_same_bits(name, dtype, shape):
    arguments = layer(shape, dtype)
    first, again = (forward_and_backward(name, *arguments) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ["relu", "sigmoid", "softmax"])
def test_what_is_no_number_comes_through_a_large_layer(name, dtype):
    x, w, b, _ = layer((300, 200, 72), dtype)
    x[7, 3] = torch.nan
    y = ops.linear_act(x, w, b, name)
    assert y[7].isnan().all()
    assert not y[8].isnan().any()


@pytest.mark.parametrize("shape", LAYERS, ids=str)
def test_work_goes_to_the_current_stream(shape):
    x, w, b, g = layer(shape, torch.float32)
    wanted = forward_and_backward("sigmoid", x, w, b, g)
    late, stream = torch.zeros_like(x), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)  # cycles, after which the rows come
        late.copy_(x)
        got = forward_and_backward("sigmoid", late, w, b, g)
    stream.synchronize()
    assert all(torch.equal(a, b) for a, b in zip(got, wanted, strict=True))


@pytest.mark.parametrize("shape", LAYERS, ids=str)
@pytest.mark.parametrize("name", ["sigmoid", "softmax", "gelu", "relu"])
def test_a_captured_graph_gives_the_same_bits(name, shape):
    x, w, b, g = layer(shape, torch.float32)
    wanted = forward_and_backward(name, x, w, b, g)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        forward_and_backward(name, x, w, b, g)  # the library sets itself up
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        got = forward_and_backward(name, x, w, b, g)
    for tensor in got:
        tensor.fill_(torch.nan)
    graph.replay()
    torch.cuda.synchronize()
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_a_population_on_the_gpu_is_that_of_the_cpu(name, dtype):
    case = CASES[name]
    got = population_of_engine(case, dtype, True, device="cuda")
    wanted, exact = (population_of_engine(case, kind, True) for kind in (dtype, "float64"))
    assert np.array_equal(got["good"], wanted["good"])
    for figure in ("loss", "test_loss", "weights"):
        error, allowed = (np.abs(one[figure] - exact[figure]).max() for one in (got, wanted))
        ulp = np.finfo(dtype).eps * np.abs(exact[figure]).max()
        assert error <= 2 * allowed + (1 if dtype == "float32" else 1000) * ulp, figure


def test_a_population_repeats_bit_for_bit_and_a_network_is_the_same_in_any_company():
    case = replace(CASES["lanes"], networks=20_000)
    first, again = (population_of_engine(case, "float32", False, device="cuda") for _ in range(2))
    assert np.array_equal(first["weights"], again["weights"])
    few = population_of_engine(replace(case, networks=3, lr=case.lr), "float32", False, device="cuda")
    assert np.array_equal(few["weights"][0], first["weights"][0])


@pytest.mark.parametrize("name", ["warp", "a block", "a grid"])
def test_a_run_on_the_gpu_is_that_of_the_cpu(name):
    case = CASES[name]
    runs = [
        ops.Run(**case.arguments(dtype), seed=3, device=device)
        for dtype, device in (("float32", "cuda"), ("float32", "cpu"), ("float64", "cpu"))
    ]
    runs[2].set_weights(runs[0].weights())
    for _ in range(3):
        for run in runs:
            run.begin_epoch()
            run.advance(run.steps_left)
    got, cpu, exact = (run.weights() for run in runs)
    error, allowed = (np.abs(one - exact).max() for one in (got, cpu))
    assert error <= 2 * allowed + np.finfo("float32").eps * np.abs(exact).max()
    assert runs[0].score() == pytest.approx(runs[1].score(), rel=1e-5)
