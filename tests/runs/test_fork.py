"""A fork shares another run's past, bit for bit, and goes on from there."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import catalog, experiments, runs
from engine.control import Command, Inbox
from engine.errors import RequestError
from engine.events import EpochEnded, Event, Started
from engine.fork import fork
from engine.replay import read
from engine.runs import RunReader, RunWriter
from engine.spec import Spec
from engine.trainer import Trainer
from tui.stored import what


def trained(spec: Spec) -> Path:
    claim = runs.create(spec)
    writer = RunWriter(claim.path)
    for event in Trainer(spec, Inbox()).events():
        writer.append(event)
    writer.close()
    claim.release()
    return claim.path


def go_on(path: Path, *commands: Command) -> list[Event]:
    """Resume the run in this process, with commands that wait for it."""
    inbox = Inbox()
    for command in commands:
        inbox.put(command)
    past = read(path)
    writer = RunWriter(path)
    for event in Trainer(past.spec, inbox, past=past).events():
        writer.append(event)
    writer.close()
    return RunReader(path).poll()


def epochs(events: list[Event]) -> list[tuple[float | None, ...]]:
    return [
        (e.epoch, e.step, e.train_loss, e.test_loss, e.test_accuracy)
        for e in events
        if isinstance(e, EpochEnded)
    ]


@pytest.mark.parametrize("backend", ["eager", "native"])
@pytest.mark.parametrize("step", [0, 150, 170])
def test_a_fork_without_changes_ends_as_the_run_it_came_from(backend: str, step: int) -> None:
    original = trained(experiments.find("iris-mlp", ["epochs=5", f"backend={backend}"]))
    events = go_on(fork(original, step))
    assert epochs(events) == epochs(RunReader(original).poll())


def test_a_fork_with_a_changed_value_leaves_the_past_alone() -> None:
    original = trained(experiments.find("iris-mlp", ["epochs=5", "backend=native"]))
    before = RunReader(original).poll()
    events = go_on(fork(original, 150), Command("set", "lr", "0.05"))
    ours, theirs = epochs(events), epochs(before)
    assert ours[:3] == theirs[:3]
    assert ours[3][2] != theirs[3][2]
    assert RunReader(original).poll() == before


def test_a_fork_says_what_it_goes_on_from() -> None:
    original = trained(experiments.find("iris-mlp", ["epochs=5", "backend=native"]))
    forked = fork(original, 150)
    assert runs.origin(forked) == runs.Origin(original.name, 150)
    assert runs.origin(original) is None
    assert what(catalog.entry(forked)).startswith(f"fork at 150 of {original.name[-6:]}: iris-mlp")
    assert catalog.entry(forked).to_json()["forked_from"] == {"run": original.name, "step": 150}
    (forked / "fork.json").write_text("{")
    assert catalog.entry(forked).origin is None


def test_a_step_that_the_run_has_not_come_to_is_refused() -> None:
    original = trained(experiments.find("iris-mlp", ["epochs=1", "backend=native"]))
    with pytest.raises(RequestError, match="expected one from 0 to 50"):
        fork(original, 51)
    assert isinstance(RunReader(fork(original, 50)).poll()[0], Started)
