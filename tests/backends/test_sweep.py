"""A sweep trains every point of its grid, and each network is the run of its spec."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import experiments, population, sweep
from engine.datasets import prepare
from engine.errors import RequestError
from engine.sweep import Statistic, read_vary

NNPLAY = str(Path(sys.executable).with_name("nnplay"))
SPEC = experiments.find("iris-mlp", ["epochs=3"])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("lr=0.1/0.01/0.1", ("0.1", "0.01")),
        ("hidden=16/8,8/none", ("16", "8,8", "none")),
        ("lr=0..1:3", ("0", "0.5", "1")),
        ("lr=1e-4..1e-1:log:4", ("0.0001", "0.001", "0.01", "0.1")),
        ("batch_size=1..4:log:5", ("1", "2", "3", "4")),
        ("weight_decay=0.5..0.5:1", ("0.5",)),
    ],
)
def test_the_values_of_a_key_are_read_as_typed(text: str, values: tuple[str, ...]) -> None:
    assert read_vary(text).values == values


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lr", "expected KEY=A/B/C"),
        ("lr=", "expected KEY=A/B/C"),
        ("learning=1", "unknown key 'learning'"),
        ("lr=0..1", "expected KEY=A/B/C"),
        ("lr=0..1:log:3", "for log above 0"),
        ("lr=a..1:3", "expected KEY=A/B/C"),
        ("lr=0..inf:3", "expected KEY=A/B/C"),
        ("lr=0..1:0", "N from 1"),
    ],
)
def test_what_cannot_be_varied_is_refused(text: str, reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        read_vary(text)


def test_each_point_is_the_population_of_its_spec() -> None:
    varied = [read_vary("hidden=4/16"), read_vary("lr=0.001/0.01/0.1"), read_vary("batch_size=2/5")]
    points = sweep.sweep(SPEC, varied, seeds=3)
    assert len(points) == 12
    assert points[3].values == {"hidden": "4", "lr": "0.01", "batch_size": "5"}
    for point in points:
        spec = SPEC.replace_text(point.values)
        alone = population.train(spec, prepare(spec), [1, 2, 3])
        for name in ("test_accuracy", "test_loss"):
            values = getattr(alone, name)
            assert point.figures[name] == Statistic(float(values.mean()), float(values.std(ddof=1)))
        assert point.diverged == 0


def test_seeds_that_diverge_are_counted_and_left_out() -> None:
    spec = SPEC.replace_text(
        {"optimizer": "sgd", "activation": "identity", "hidden": "8,8", "output": "logits"}
    )
    calm, wild = sweep.sweep(spec, [read_vary("lr=0.01/1e6")], seeds=4)
    assert calm.diverged == 0
    assert wild.diverged == 4
    assert math.isnan(wild.figures["test_loss"].mean)
    assert sweep.best([wild, calm]) == 1


def test_one_seed_has_no_deviation() -> None:
    (point,) = sweep.sweep(SPEC, [], seeds=1)
    assert math.isnan(point.figures["test_loss"].deviation)
    assert "±" not in "".join(sweep.lines([point]))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NNPLAY, "sweep", "iris-mlp", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_the_command_gives_one_json_object() -> None:
    done = run("epochs=3", "--vary", "lr=1e-3..1e-1:log:3", "--seeds", "5", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["networks"] == 15
    assert [point["values"]["lr"] for point in found["points"]] == ["0.001", "0.01", "0.1"]
    means = [point["test_loss"]["mean"] for point in found["points"]]
    assert np.isfinite(means).all()
    assert {point["device"] for point in found["points"]} == {"cpu"}


def test_the_command_prints_a_table_with_the_best_point_marked() -> None:
    done = run("--vary", "lr=0.0001/0.01", "epochs=3", "device=auto")
    assert done.returncode == 0, done.stderr
    head, *rows, last = done.stdout.splitlines()
    assert head.split()[:3] == ["lr", "test", "accuracy"]
    assert ["best" in row for row in rows] == [False, True]
    assert "20 networks" in last
    assert last.endswith(" s on cpu")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--vary", "lr=0.1", "--vary", "lr=0.2"], "--vary lr is given twice"),
        (["--vary", "backend=eager/native"], "a sweep runs on backend=native"),
        (["backend=eager"], "a sweep runs on backend=native, got eager"),
        (["--seeds", "0"], "--seeds: expected at least 1, got 0"),
        (["--vary", "seed=1/2", "--seeds", "3"], "expected --seeds N or --vary seed"),
        (["--vary", "lr=0.1..1:900000"], "at most 1,000,000 networks"),
        (["--vary", "batch_size=2/500"], "batch_size: expected at most 100"),
        (["lr=fast"], "lr: expected a number"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(words: list[str], reason: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
