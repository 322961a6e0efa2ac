"""Whole runs in native code are the same training as torch.nn's: weights, order, updates, gradients."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader

from engine import experiments, mlp, ops
from engine.activations import ACTIVATIONS
from engine.backends import native
from engine.datasets import prepare
from engine.errors import RequestError

sys.path.insert(0, str(Path(__file__).parent))
from oracle import Case, assert_as_close_as_torch, train_native

SMOOTH = ["identity", "sigmoid", "tanh", "elu", "silu", "gelu", "gelu_tanh", "softplus", "softmax"]
IRIS = Case()
CASES = {
    "iris": IRIS,
    "one layer": Case(widths=(5, 3), activations=("identity",), optimizer="sgd", momentum=0.9, nesterov=True),
    "deep": Case(widths=(3, 17, 8, 33, 4), activations=("tanh", "silu", "gelu", "identity"), batch_size=5),
    "no bias": Case(
        widths=(2, 9, 2), activations=("elu", "softmax"), bias=False, optimizer="adamw", weight_decay=0.1
    ),
    "regression": Case(widths=(7, 12, 2), activations=("softplus", "identity"), loss="mse", batch_size=7),
    "rows of softmax": Case(widths=(6, 10, 3), activations=("softmax", "identity"), weight_decay=0.01),
    "wide": Case(widths=(40, 120, 10), activations=("sigmoid", "identity"), rows=64, batch_size=64, steps=40),
}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    hidden = draw(st.lists(st.integers(1, 40), max_size=3))
    loss = draw(st.sampled_from(["cross_entropy", "mse"]))
    momentum = draw(st.sampled_from([0.0, 0.9]))
    last = "identity" if loss == "mse" else draw(st.sampled_from(["identity", "softmax", "log_softmax"]))
    return Case(
        widths=(draw(st.integers(1, 20)), *hidden, draw(st.integers(1 if loss == "mse" else 2, 20))),
        activations=(*(draw(st.sampled_from(SMOOTH)) for _ in hidden), last),
        bias=draw(st.booleans()),
        loss=loss,
        optimizer=draw(st.sampled_from(["sgd", "adam", "adamw"])),
        momentum=momentum,
        nesterov=momentum > 0 and draw(st.booleans()),
        weight_decay=draw(st.sampled_from([0.0, 0.01])),
        batch_size=draw(st.sampled_from([1, 2, 3, 6, 21])),
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_200_steps_alone_and_in_company_end_as_near_to_the_truth_as_torchs(case: Case) -> None:
    assert_as_close_as_torch(case)


@settings(max_examples=40, derandomize=True, database=None)
@given(cases())
def test_any_network_alone_and_in_company_ends_as_near_to_the_truth_as_torchs(case: Case) -> None:
    assert_as_close_as_torch(case)


@pytest.mark.parametrize("isa", ["avx512", "avx2", "baseline"])
def test_every_instruction_set_is_right(isa: str) -> None:
    """In a process of its own that may use no more; a processor that has less runs what it has."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from oracle import assert_as_close_as_torch\n"
        "from test_native import CASES\n"
        "from test_population import assert_alone_and_in_company_alike\n"
        "for name in ('iris', 'deep', 'regression', 'wide'): assert_as_close_as_torch(CASES[name])\n"
        "assert_alone_and_in_company_alike(3)\n"
        "from engine import ops; print(ops.CPU_INSTRUCTION_SET)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        env=os.environ | {"NNPLAY_ISA": isa},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in {
        "avx512": ("avx512", "avx2", "baseline"),
        "avx2": ("avx2", "baseline"),
    }.get(isa, (isa,))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [(1, 1), (4, 16, 3), (7, 15, 16, 17, 1), (100, 130, 10)], ids=str)
def test_first_weights_are_those_of_nn_linear_bit_for_bit(widths: tuple[int, ...], dtype: str) -> None:
    case = Case(widths=widths, activations=("identity",) * (len(widths) - 1), loss="mse", seed=2**40 + 17)
    torch.manual_seed(case.seed)
    layers = [nn.Linear(i, o, dtype=getattr(torch, dtype)) for i, o in itertools.pairwise(widths)]
    wanted = torch.cat([p.detach().double().flatten() for layer in layers for p in layer.parameters()])
    assert np.array_equal(case.native(dtype).weights(), wanted.numpy())


@pytest.mark.parametrize("rows", [1, 2, 100, 226, 227, 228, 397, 623, 624, 625, 1300, 4095, 4096])
def test_the_order_of_rows_is_the_loaders_bit_for_bit(rows: int) -> None:
    """The targets number the rows: with weights of 0, a row's gradient tells which row it is."""
    shuffles = [True, True, False, True]
    y = np.arange(rows, dtype=np.float64)
    run = ops.Run(
        widths=[1, 1],
        activations=["identity"],
        bias=True,
        loss="mse",
        features=np.ones((rows, 1)),
        targets=y,
        rule=ops.Rule("sgd", 0.0),
        batches=ops.Batches(1),
        seed=5,
        dtype="float64",
        fused=mlp.FUSED,
    )
    run.set_weights(np.zeros(2))
    torch.manual_seed(5)
    nn.Linear(1, 1, dtype=torch.float64)
    for shuffle in shuffles:
        run.set_batches(ops.Batches(1, shuffle=shuffle))
        run.begin_epoch()
        wanted = [int(row) for row in DataLoader(torch.arange(rows), batch_size=1, shuffle=shuffle)]
        got = []
        while run.steps_left:
            got.append(round(-run.gradient()[1] / 2))
            run.advance(1)
        assert got == wanted


def test_more_epochs_than_are_drawn_at_once_are_in_order_too() -> None:
    spec = experiments.find("iris-mlp", ["epochs=1", "batch_size=100", "dtype=float64"])
    data = prepare(spec)
    together, alone = native.start(spec, data), native.start(spec, data)
    for epoch in range(40):
        alone.change(dataclasses.replace(spec, shuffle=epoch % 3 != 1))
        together.change(dataclasses.replace(spec, shuffle=epoch % 3 != 1))
        together.begin_epoch()
        alone.begin_epoch()
        together.advance(1)
        alone.advance(1)
    assert np.array_equal(together.run.weights(), alone.run.weights())


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("batch_size", [3, 40], ids=["small", "by layers"])
def test_gradients_are_autograds(activation: str, batch_size: int) -> None:
    case = Case(widths=(4, 6, 3), activations=(activation, "softmax"), rows=40, batch_size=batch_size)
    run = case.native("float64")
    run.begin_epoch()
    run.advance(run.steps_left - 1)
    model = case.model(run.weights(), torch.float64)
    last = slice((case.rows - 1) // batch_size * batch_size, case.rows)
    case.loss_of(model, last, torch.float64).backward()
    wanted = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    torch.testing.assert_close(torch.from_numpy(run.gradient()), wanted, rtol=1e-12, atol=1e-14)


def test_looking_at_a_run_does_not_change_it() -> None:
    spec = experiments.find("iris-mlp", ["epochs=2"])
    data = prepare(spec)
    plain, watched = native.start(spec, data), native.start(spec, data)
    for _ in range(2):
        plain.begin_epoch()
        plain.advance(plain.steps_left)
        watched.begin_epoch()
        while watched.steps_left:
            watched.gradients()
            watched.evaluate(data.test_x, data.test_y)
            watched.advance(1)
    assert [w.shape for w in watched.weights()] == [(16, 4), (16,), (3, 16), (3,)]
    assert np.array_equal(plain.run.weights(), watched.run.weights())


def test_the_bits_do_not_depend_on_the_number_of_threads() -> None:
    case = Case(
        widths=(300, 500, 10), activations=("gelu", "identity"), rows=128, batch_size=128, steps=3, loss="mse"
    )
    first = case.native("float32").weights()
    threads = torch.get_num_threads()
    results = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        results.append(train_native(case, "float32", first))
    torch.set_num_threads(threads)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_a_million_steps_of_adam_do_not_drift() -> None:
    """Against the formula, with powers by `pow`: one weight, drawn to a target that alternates."""
    targets = [1.0, -0.5]
    rows, epochs, lr = 1000, 1000, 1e-3
    run = ops.Run(
        widths=[1, 1],
        activations=["identity"],
        bias=False,
        loss="mse",
        features=np.ones((rows, 1)),
        targets=np.resize(targets, rows),
        rule=ops.Rule("adam", lr),
        batches=ops.Batches(1, shuffle=False),
        seed=1,
        dtype="float64",
        fused=mlp.FUSED,
    )
    w, m, v = float(run.weights()[0]), 0.0, 0.0
    for _ in range(epochs):
        run.begin_epoch()
        assert run.advance(rows) == (rows, 0.0)
    for t in range(1, rows * epochs + 1):
        g = 2 * (w - targets[(t - 1) % 2])
        m += (g - m) * (1 - 0.9)
        v = v * 0.999 + (1 - 0.999) * g * g
        w -= lr / (1 - 0.9**t) * m / (math.sqrt(v) / math.sqrt(1 - 0.999**t) + 1e-8)
    assert run.weights()[0] == pytest.approx(w, rel=1e-12)


def test_training_leaves_the_interpreter_free() -> None:
    case = Case(widths=(64, 512, 512, 10), activations=("tanh", "tanh", "identity"), rows=512, batch_size=512)
    run = case.native("float64")
    run.begin_epoch()
    counted = 0
    thread = threading.Thread(target=run.advance, args=(1,))
    thread.start()
    while thread.is_alive():
        counted += 1
    thread.join()
    assert run.steps_left == 0
    assert counted > 10


def test_a_long_step_is_given_up_at_once_when_interrupted_and_taken_anew_all_the_same() -> None:
    case = Case((784, 1024, 1024, 10), ("relu", "relu", "identity"), rows=1024, batch_size=1024)
    run, undisturbed = case.native("float32"), case.native("float32")
    undisturbed.begin_epoch()
    begin = time.perf_counter()
    undisturbed.advance(1)
    whole = time.perf_counter() - begin
    first = run.weights()
    run.begin_epoch()
    given_up = 0

    def ask(run: ops.Run, asked: list[float]) -> None:
        asked.append(time.perf_counter())
        run.interrupt()

    for part in (0.3, 0.7, 0.1, 0.5, 0.2, 0.4, 0.6):  # of the step, by when it is interrupted
        asked: list[float] = []
        timer = threading.Timer(part * whole, ask, (run, asked))
        timer.start()
        taken, loss = run.advance(1)
        answered = time.perf_counter()
        timer.join()
        if taken:  # the machine was faster than it was before
            run = case.native("float32")
            run.begin_epoch()
            continue
        given_up += 1
        assert (loss, run.steps_left) == (0.0, 1)
        assert answered - asked[0] < whole / 4
        assert np.array_equal(run.weights(), first)
    assert given_up
    assert run.advance(1) == (1, 0.0)
    assert np.array_equal(run.weights(), undisturbed.weights())


def test_an_interruption_ends_the_next_advance_if_none_is_under_way_and_only_that() -> None:
    run, undisturbed = IRIS.native("float32"), IRIS.native("float32")
    run.begin_epoch()
    undisturbed.begin_epoch()
    run.interrupt()
    run.interrupt()
    assert [run.advance(5), run.advance(5), run.advance(5)] == [(0, 0.0), (5, 0.0), (5, 0.0)]
    undisturbed.advance(10)
    assert np.array_equal(run.weights(), undisturbed.weights())


def test_the_step_whose_loss_is_no_number_is_not_taken() -> None:
    case = dataclasses.replace(
        IRIS, widths=(4, 8, 8, 3), activations=("identity", "identity", "identity"), optimizer="sgd", lr=1e30
    )
    run = case.native("float32")
    run.begin_epoch()
    taken, loss = run.advance(run.steps_left)
    assert 0 < taken < 11
    assert not math.isfinite(loss)
    assert run.steps_left == 11 - taken


X = np.zeros((6, 4))
Y = np.zeros(6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"targets": np.full(6, 3)}, "expected labels 0 to 2, got 3 in row 0"),
        ({"targets": np.full(6, -1)}, "expected labels 0 to 2, got -1"),
        ({"targets": np.full(6, 0.5)}, "expected labels 0 to 2, got 0.5"),
        ({"targets": np.full(6, np.nan)}, "expected finite targets, got nan"),
        ({"features": np.where(np.eye(6, 4) > 0, np.nan, 0)}, "got nan in row 0, column 0"),
        ({"features": np.full((6, 4), np.inf)}, "expected finite features, got inf"),
        ({"features": np.zeros((6, 5))}, r"expected features of shape \(rows, 4\)"),
        ({"features": np.zeros((5, 4))}, "as many rows of targets"),
        ({"features": np.zeros(24)}, r"features of shape \(rows, inputs\)"),
        ({"batches": ops.Batches(7)}, "batch_size: expected 1 to 6, the rows there are, got 7"),
        ({"batches": ops.Batches(0)}, "batch_size: expected 1 to 6"),
        ({"batches": ops.Batches(-(2**63))}, "batch_size: expected 1 to 6"),
        ({"widths": [4, 0, 3]}, "expected widths from 1 to 2147483647, got 0"),
        ({"widths": [4, -2, 3]}, "expected widths from 1"),
        ({"widths": [4, 2**40, 3]}, "expected widths from 1"),
        ({"widths": [4, 2**31 - 1, 3]}, "at most 2147483647 parameters"),
        ({"widths": [4, 2**30, 2**30], "activations": ["relu", "relu"]}, "at most 2147483647 parameters"),
        ({"widths": [4, 3]}, "expected 3 widths for 2 layers"),
        ({"widths": []}, "expected 3 widths"),
        ({"widths": [4], "activations": []}, "expected 1 to 65 layers, got 0"),
        ({"activations": ["sigmod", "softmax"]}, "activation: expected one of identity"),
        ({"loss": "mae"}, "loss: expected cross_entropy or mse"),
        ({"dtype": "float16"}, "dtype: expected float32 or float64"),
        ({"rule": ops.Rule("sgd", math.nan)}, "lr: expected a number from 0"),
        ({"rule": ops.Rule("adam", 0.1, beta1=1.0)}, "beta1: expected"),
        ({"rule": ops.Rule("sgd", 0.1, nesterov=True)}, "nesterov: expected a momentum above 0"),
    ],
)
def test_bad_input_is_refused_with_what_was_expected_and_what_came(
    changes: dict[str, Any], reason: str
) -> None:
    changes = {"dtype": "float32", "features": X, "targets": Y, **changes}
    with pytest.raises(ValueError, match=reason):
        IRIS.native(**changes)


def test_more_memory_than_there_is_is_an_error_not_a_crash() -> None:
    with pytest.raises((MemoryError, ValueError)):
        Case(
            widths=(1, 2**30, 1), activations=("relu", "identity"), loss="mse", rows=2**16, batch_size=2**16
        ).native("float64")


def test_steps_and_weights_that_do_not_fit_are_refused() -> None:
    run = IRIS.native("float32")
    with pytest.raises(ValueError, match="expected an epoch under way"):
        run.gradient()
    with pytest.raises(ValueError, match="expected at most 0 steps"):
        run.advance(1)
    run.begin_epoch()
    with pytest.raises(ValueError, match="expected at most 11 steps"):
        run.advance(12)
    with pytest.raises(ValueError, match="expected at most 11 steps"):
        run.advance(-1)
    with pytest.raises(ValueError, match="weights: expected 131 numbers, got 130"):
        run.set_weights(np.zeros(130))
    with pytest.raises(ValueError, match="expected labels"):
        run.evaluate(X, np.full(6, 9))


def test_a_backend_that_cannot_run_a_spec_says_so() -> None:
    spec = experiments.find("iris-mlp", ["backend=native", "hidden=65536,65536"])
    with pytest.raises(RequestError, match="at most 2147483647 parameters"):
        native.start(spec, prepare(spec))
