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


TEAMS = ["warp", "a block", "a grid"]


def run_of(name: str, dtype: str = "float32", device: str = "cuda") -> ops.Run:
    """A run whose first epoch has begun."""
    test_x, test_y = CASES[name].data(7, seed=2)
    tests = {"test_features": test_x, "test_targets": test_y}
    run = ops.Run(**CASES[name].arguments(dtype), **tests, seed=3, device=device)
    run.begin_epoch()
    return run


@pytest.mark.parametrize("name", TEAMS)
def test_a_run_on_the_gpu_is_that_of_the_cpu(name):
    got, cpu, exact = (run_of(name), run_of(name, device="cpu"), run_of(name, "float64", "cpu"))
    exact.set_weights(got.weights())
    scores = [run.advance_epochs(3)[0] for run in (got, cpu)]
    exact.advance_epochs(3)
    error, allowed = (np.abs(run.weights() - exact.weights()).max() for run in (got, cpu))
    assert error <= 2 * allowed + np.finfo("float32").eps * np.abs(exact.weights()).max()
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    assert got.evaluate(*CASES[name].data(7, seed=2))[0] == pytest.approx(got.test()[0], rel=1e-5)


@pytest.mark.parametrize("name", TEAMS)
def test_epochs_in_one_launch_are_bit_for_bit_those_of_many(name):
    run, other = run_of(name), run_of(name)
    for each in (run, other):
        each.advance(2)
        each.set_batches(ops.Batches(3, shuffle=True, drop_last=True))
    scores = run.advance_epochs(3)[0].tolist()
    for epoch, (steps, *figures) in enumerate(scores):
        if epoch:
            other.begin_epoch()
        while other.steps_left:
            other.advance(min(4, other.steps_left))
        assert figures == [*other.score(), *other.test()]
        assert steps > 0
    arrays, numbers = run.state()
    other_arrays, other_numbers = other.state()
    assert numbers == other_numbers
    assert all(np.array_equal(arrays[key], other_arrays[key]) for key in arrays)


def test_a_loss_that_is_no_number_ends_a_launch_at_its_step():
    case = replace(
        CASES["warp"], activations=("identity", "identity"), loss="mse", optimizer="sgd", lr=0.48, epochs=1
    )
    runs = [ops.Run(**case.arguments("float32"), seed=3, device=device) for device in ("cuda", "cpu")]
    ends = []
    for run in runs:
        run.begin_epoch()
        scores, steps, bad, _ = run.advance_epochs(50)
        assert len(scores) == 1
        assert not np.isfinite(bad)
        ends.append((len(scores), steps, run.steps_left, run.state()[1]["steps"]))
        assert run.state()[0]["order"].tolist() == runs[0].state()[0]["order"].tolist()
        assert np.isfinite(run.weights()).all()
    assert abs(ends[0][3] - ends[1][3]) <= 1
