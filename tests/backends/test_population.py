"""Many networks at once: each is what it would be alone, and what a run of its own gives."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import experiments, mlp, ops, population
from engine.backends import native
from engine.backends.base import NonFiniteLoss
from engine.datasets import prepare
from engine.errors import RequestError
from engine.population import Result
from engine.spec import Spec

sys.path.insert(0, str(Path(__file__).parent))

SPEC = experiments.find("iris-mlp", ["epochs=3"])


def train(count: int, threads: int = 1, spec: Spec = SPEC, first: int = 1) -> Result:
    """Networks with seeds from `first` on, each with rates of its own."""
    seeds = range(first, first + count)
    rates = np.array([0.001 * seed for seed in seeds])
    return population.train(
        spec, prepare(spec), seeds, lr=rates, weight_decay=rates / 10 * (rates > 0.002), threads=threads
    )


def assert_alone_and_in_company_alike(count: int) -> None:
    many = train(count, threads=2)
    for index in {0, 1 % count, count // 2, count - 1}:
        alone = train(1, first=1 + index)
        assert np.array_equal(alone.weights[0], many.weights[index])
        assert np.array_equal(alone.train_loss[0], many.train_loss[index])
        assert alone.test_loss is not None
        assert many.test_loss is not None
        assert alone.test_loss[0] == many.test_loss[index]


@pytest.mark.parametrize("count", [1, 2, 17, 1024])
def test_a_network_is_the_same_bit_for_bit_in_any_company(count: int) -> None:
    assert_alone_and_in_company_alike(count)


def test_threads_change_nothing() -> None:
    one, two = train(50, threads=1), train(50, threads=2)
    assert np.array_equal(one.weights, two.weights)
    assert np.array_equal(one.train_loss, two.train_loss)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["hidden=none", "output=logits"],
        ["hidden=5,9,2", "activation=tanh"],
        ["activation=silu", "optimizer=sgd", "momentum=0.9"],
        ["optimizer=adamw", "weight_decay=0.1", "batch_size=7"],
        ["batch_size=32", "drop_last=yes", "activation=softmax"],
        ["shuffle=no"],
        ["split=none"],
        ["split=1/3,seed=4", "weight_decay=0.01", "activation=gelu"],
    ],
    ids=" ".join,
)
def test_each_network_is_the_run_of_its_spec(words: list[str]) -> None:
    spec = SPEC.replace_text(dict(word.split("=", 1) for word in ["dtype=float64", "epochs=8", *words]))
    data = prepare(spec)
    seeds = [3, 1, 2**40]
    result = population.train(spec, data, seeds)
    for index, seed in enumerate(seeds):
        run = native.start(dataclasses.replace(spec, seed=seed), data)
        for epoch in range(spec.epochs):
            run.begin_epoch()
            run.advance(run.steps_left)
            assert result.train_loss[index, epoch] == pytest.approx(run.metrics().loss, rel=1e-10)
            assert result.train_accuracy is not None
            assert result.train_accuracy[index, epoch] == run.metrics().accuracy
        weights = mlp.split_layers(result.weights[index], mlp.widths(spec, 4, 3))
        for ours, theirs in zip(weights, run.weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)
        if len(data.test_y):
            test = run.evaluate(data.test_x, data.test_y)[0]
            assert result.test_loss is not None
            assert result.test_accuracy is not None
            assert result.test_loss[index] == pytest.approx(test.loss, rel=1e-10)
            assert result.test_accuracy[index] == test.accuracy
        else:
            assert result.test_loss is None


def test_a_network_that_diverges_troubles_no_other() -> None:
    spec = dataclasses.replace(SPEC, optimizer="sgd", output="logits", activation="identity", hidden=(8, 8))
    data = prepare(spec)
    calm = population.train(spec, data, [1, 2, 3], lr=np.array([0.01, 0.01, 0.01]))
    wild = population.train(spec, data, [1, 2, 3], lr=np.array([0.01, 1e6, 0.01]))
    assert not np.isfinite(wild.train_loss[1]).any()
    assert calm.diverged.tolist() == [0, 0, 0]
    assert wild.diverged[[0, 2]].tolist() == [0, 0]
    run = native.start(dataclasses.replace(spec, lr=1e6, seed=2), data)
    run.begin_epoch()
    with pytest.raises(NonFiniteLoss) as stopped:
        run.advance(run.steps_left)
    assert wild.diverged[1] == stopped.value.steps + 1
    assert np.array_equal(wild.weights[[0, 2]], calm.weights[[0, 2]])


def test_curves_are_those_of_the_run_of_each_seed() -> None:
    spec = dataclasses.replace(SPEC, dtype="float64", epochs=6)
    data = prepare(spec)
    result = population.curves(spec, data, [5, 6], weight_decay=0.01)
    for index, seed in enumerate((5, 6)):
        run = native.start(dataclasses.replace(spec, seed=seed, weight_decay=0.01), data)
        for epoch in range(spec.epochs):
            run.begin_epoch()
            run.advance(run.steps_left)
            test = run.evaluate(data.test_x, data.test_y)[0]
            assert result.test_loss is not None
            assert result.test_accuracy is not None
            assert result.train_loss[index, epoch] == pytest.approx(run.metrics().loss, rel=1e-10)
            assert result.test_loss[index, epoch] == pytest.approx(test.loss, rel=1e-10)
            assert result.test_accuracy[index, epoch] == test.accuracy
    last = population.train(spec, data, [5, 6], weight_decay=0.01)
    assert np.array_equal(last.weights, result.weights)
    assert last.test_loss is not None
    assert result.test_loss is not None
    assert np.array_equal(last.test_loss, result.test_loss[:, -1])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_a_rate_of_0_leaves_a_network_as_it_was(optimizer: str) -> None:
    spec = dataclasses.replace(SPEC, optimizer=optimizer)
    first = np.linspace(-1, 1, 2 * 131).reshape(2, 131).astype(np.float32)
    result = population.train(
        spec, prepare(spec), [1, 2], lr=np.array([0.0, 0.1]), weight_decay=0.1, weights=first
    )
    assert np.array_equal(result.weights[0], first[0])
    assert not np.array_equal(result.weights[1], first[1])


def test_first_weights_may_be_given() -> None:
    first = np.linspace(-1, 1, 2 * 131).reshape(2, 131).astype(np.float32)
    spec = dataclasses.replace(SPEC, epochs=1, lr=1e-12, optimizer="sgd")
    result = population.train(spec, prepare(spec), [1, 1], weights=first)
    np.testing.assert_allclose(result.weights, first, atol=1e-7)


@pytest.mark.parametrize("name", ["linreg-manual", "linreg-nn", "credit-mlp"])
@pytest.mark.usefixtures("credit")
def test_a_network_begins_where_the_run_of_its_spec_begins(name: str) -> None:
    spec = experiments.find(name, ["epochs=3", "backend=native"])
    data = prepare(spec)
    result = population.train(spec, data, [1, 2])
    for index, seed in enumerate([1, 2]):
        training = native.start(dataclasses.replace(spec, seed=seed), data)
        for _ in range(spec.epochs):
            training.begin_epoch()
            training.advance(training.steps_left)
        run = np.concatenate([part.ravel() for part in training.weights()])
        np.testing.assert_allclose(result.weights[index], run, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"seeds": []}, "at least one network"),
        ({"seeds": [1, 2], "lr": np.ones(3)}, "lr: expected 2, one for each seed, got 3"),
        ({"seeds": [1], "lr": np.nan}, "lr: expected a number from 0"),
        ({"seeds": [1], "threads": 0}, "threads: expected at least 1"),
        ({"seeds": [1], "weights": np.zeros(3)}, "weights: expected 1 networks of 131 numbers, got 3"),
        ({"seeds": [-1]}, "population"),
        ({"seeds": range(3), "weights": np.zeros((2, 131))}, "weights: expected 3 networks of 131 numbers"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        population.train(SPEC, prepare(SPEC), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"widths": [4, 2**30, 2**30, 3]}, "at most 2147483647 parameters"),
        ({"widths": [4, 2**31 - 1, 1, 3]}, "at most 2147483647 parameters"),
        ({"widths": [4, 2**63 - 1, 1, 3]}, "expected widths from 1 to 2147483647"),
        ({"widths": [4, 40_000, 40_000, 3]}, "sizes whose product fits into memory"),
        ({"epochs": 2**45}, "sizes whose product fits into memory"),
        ({"epochs": 2**62}, "sizes whose product fits into memory"),
        ({"epochs": 0}, "epochs: expected at least 1"),
        ({"batches": ops.Batches(7)}, "batch_size: expected 1 to 6"),
        ({"targets": np.full(6, 3)}, "expected labels 0 to 2, got 3"),
        ({"features": np.full((6, 4), np.nan)}, "expected finite features"),
        ({"test_targets": np.full(6, -1)}, "test: expected labels 0 to 2, got -1"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),  # the same in every process
)
def test_sizes_and_data_that_cannot_be_are_refused_before_anything_is_made(
    changes: dict[str, Any], reason: str
) -> None:
    count = 2**17
    x, y = np.zeros((6, 4)), np.zeros(6)
    arguments: dict[str, Any] = {
        "widths": [4, 8, 8, 3],
        "activations": ["relu", "relu", "softmax"],
        "bias": True,
        "loss": "cross_entropy",
        "features": x,
        "targets": y,
        "test_features": x,
        "test_targets": y,
        "rule": ops.Rule("adam", 0.001),
        "batches": ops.Batches(2),
        "epochs": 1,
        "seeds": range(count),
        "lr": np.full(count, 0.001),
        "weight_decay": np.zeros(count),
        "weights": None,
        "dtype": "float32",
        "fused": mlp.FUSED,
        "test_epochs": False,
        "threads": 1,
    }
    with pytest.raises(ValueError, match=reason):
        ops.train_population(**{**arguments, **changes})


def test_memory_grows_with_parameters_and_metrics_only() -> None:
    code = (
        "import resource\n"
        "from engine import experiments, population\n"
        "from engine.datasets import prepare\n"
        "spec = experiments.find('iris-mlp'); data = prepare(spec)\n"
        "population.train(spec, data, range(16), threads=2)\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "population.train(spec, data, range(1024), threads=2)\n"
        "print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 64 * 1024  # KiB
