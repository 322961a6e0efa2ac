"""A run at any of its steps is what it was when it was there, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine import experiments, moments, registry, runs
from engine.backends.base import Training
from engine.control import Inbox
from engine.datasets import Array, prepare
from engine.errors import RequestError
from engine.events import Commanded
from engine.moments import Moment, Timeline
from engine.replay import Past
from engine.runs import RunWriter
from engine.spec import Spec
from engine.trainer import Trainer

SPECS = {
    "eager": experiments.find("iris-mlp", ["backend=eager", "epochs=4"]),
    "native": experiments.find("iris-mlp", ["backend=native", "epochs=4"]),
    "fused": experiments.find(
        "iris-mlp", ["backend=fused", "epochs=4", "optimizer=adamw", "weight_decay=0.1"]
    ),
    "by hand": experiments.find("linreg-manual", ["epochs=20"]),
    "momentum": experiments.find(
        "iris-mlp", ["optimizer=sgd", "momentum=0.9", "lr=0.05", "hidden=5,3", "activation=tanh", "epochs=4"]
    ),
}


def stopped_at(spec: Spec, step: int) -> Training:
    """A training that was run to a step and no further."""
    training: Training = registry.load("backends", spec.backend).start(spec, prepare(spec))
    training.begin_epoch()
    for _ in range(step):
        training.advance(1)
        if not training.steps_left:
            training.begin_epoch()
    return training


def parameters(training: Training) -> dict[str, Array]:
    return {name: array for name, array in training.state().arrays.items() if name[0].isdigit()}


def same(found: dict[str, Array], wanted: dict[str, Array]) -> bool:
    return found.keys() == wanted.keys() and all(np.array_equal(found[n], wanted[n]) for n in wanted)


def at(spec: Spec, *steps: int) -> list[Moment]:
    """The moments after these steps, asked for one after another."""
    timeline = moments.unstored(spec)
    return [timeline.find(step) for step in steps]


@pytest.mark.parametrize("name", SPECS)
def test_any_step_has_the_weights_of_a_run_that_was_stopped_there(name: str) -> None:
    spec = SPECS[name]
    steps = [0, 1, 49, 50, 51, 137, 136, 50, 3, 0, 200]  # ahead, back, across the ends of epochs
    for moment in at(spec, *steps):
        assert moment.step == moment.wanted
        training = stopped_at(spec, moment.step)
        assert same(moment.parameters, parameters(training))
        assert np.array_equal(moment.rows, training.batch())


@pytest.mark.parametrize("name", SPECS)
def test_the_update_of_a_moment_leads_to_the_next_one(name: str) -> None:
    here, following = at(SPECS[name], 60, 61)
    assert same(here.updated, following.parameters)
    tensors = here.tensors()
    assert np.array_equal(
        tensors["update.0.weight"], following.parameters["0.weight"] - here.parameters["0.weight"]
    )


def test_the_gradients_are_those_that_the_native_run_computes_itself() -> None:
    spec = SPECS["native"]
    (moment,) = at(spec, 77)
    batch = moment.tensors()
    native = stopped_at(spec, 77).gradients()  # type: ignore[attr-defined]
    for name, gradient in zip(("0.weight", "0.bias", "1.weight", "1.bias"), native, strict=True):
        np.testing.assert_allclose(batch[f"gradient.{name}"], gradient, rtol=1e-5, atol=1e-7)


def test_a_batch_taken_apart_fits_together() -> None:
    (moment,) = at(SPECS["momentum"], 30)
    t = moment.tensors()
    z = t["batch.x"] @ t["0.weight"].T + t["0.bias"]
    np.testing.assert_allclose(t["activation.0.z"], z, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(t["activation.0.output"], np.tanh(z), rtol=1e-5, atol=1e-6)
    delta = t["gradient.activation.0.z"]
    np.testing.assert_allclose(t["gradient.0.weight"], delta.T @ t["batch.x"], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(t["gradient.0.bias"], delta.sum(axis=0), rtol=1e-4, atol=1e-7)
    velocity = 0.9 * t["optimizer.momentum_buffer.0.weight"] + t["gradient.0.weight"]
    np.testing.assert_allclose(t["update.0.weight"], -0.05 * velocity, rtol=1e-3, atol=1e-6)


def test_after_the_last_epoch_the_batch_is_the_one_that_would_follow() -> None:
    (moment,) = at(SPECS["native"], 200)
    assert len(moment.rows) == 2
    assert moment.batch.loss > 0


def test_what_was_changed_on_the_way_is_changed_again() -> None:
    spec = SPECS["native"]
    changes = [
        Commanded(time=0.0, step=30, epoch=0, name="set", key="lr", value="0.02"),
        Commanded(time=0.0, step=70, epoch=1, name="set", key="batch_size", value="5"),
    ]
    past = Past(Path(), spec, None, changes, None, 140, [], "")
    moment = Timeline(lambda: past).find(125)
    training: Training = registry.load("backends", "native").start(spec, prepare(spec))
    training.begin_epoch()
    training.advance(30)
    spec = spec.replace_text({"lr": "0.02"})
    training.change(spec)
    training.advance(20)
    training.begin_epoch()
    training.advance(20)
    spec = spec.replace_text({"batch_size": "5"})
    training.change(spec)
    training.advance(30)
    training.begin_epoch()
    training.advance(20)
    training.begin_epoch()
    training.advance(5)
    assert moment.spec == spec
    assert same(moment.parameters, parameters(training))
    assert len(moment.rows) == 5


def test_a_stored_run_is_found_in_its_directory() -> None:
    spec = SPECS["eager"]
    claim = runs.create(spec)
    claim.release()
    writer = RunWriter(claim.path)
    for event in Trainer(spec, Inbox()).events():
        writer.append(event)
    writer.close()
    moment = moments.find(run=str(claim.path), step=123)
    assert same(moment.parameters, parameters(stopped_at(spec, 123)))
    with pytest.raises(RequestError, match="the run ends after 200"):
        moments.find(run=str(claim.path), step=300)


def test_a_far_step_is_reached_in_several_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "SECONDS", 0.02)
    spec = SPECS["eager"].replace_text({"epochs": "1000"})
    timeline = moments.unstored(spec)
    reached = [timeline.find(2000) for _ in range(2)]
    assert 0 < reached[0].step < reached[1].step < 2000
    assert reached[0].seconds > 0
    while reached[-1].step < 2000:
        reached.append(timeline.find(2000))
    assert same(reached[-1].parameters, parameters(stopped_at(spec, 2000)))


def test_a_step_that_takes_too_long_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SPECS["eager"].replace_text({"epochs": "1000000"})
    timeline = moments.unstored(spec)
    monkeypatch.setattr(moments, "PATIENCE", 5.0)
    moment = timeline.find(40_000_000)
    assert moment.step < 40_000_000
    assert moment.values()["far"]


def test_states_kept_on_the_way_make_a_step_back_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "STRIDE", 0.01)
    monkeypatch.setattr(moments, "SECONDS", 60.0)
    spec = SPECS["eager"].replace_text({"epochs": "1000"})
    timeline = moments.unstored(spec)
    timeline.find(1500)
    taken: list[int] = []
    go = timeline.moment.go
    monkeypatch.setattr(timeline.moment, "go", lambda step: (taken.append(step), go(step))[1])
    begun = []
    begin = timeline.moment.begin
    monkeypatch.setattr(timeline.moment, "begin", lambda found: (begun.append(found.step), begin(found))[1])
    timeline.find(1499)
    assert 0 < begun[0] <= 1499
    assert 1499 - begun[0] < 750
