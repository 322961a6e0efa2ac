"""What the trainer expects of every backend; a new one is taken in by its file alone."""

from __future__ import annotations

import dataclasses
import queue
from collections.abc import Sequence
from typing import TypeVar

import pytest
import torch

from engine import experiments, ops, registry
from engine.control import Command, Inbox
from engine.errors import RequestError
from engine.events import Commanded, Ended, EpochEnded, Event, Progressed, Started
from engine.spec import Spec
from engine.trainer import Trainer

T = TypeVar("T")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(
    params=[
        (backend, device)
        for backend in registry.names("backends")
        for device in DEVICES
        if ops.HAS_CUDA or device == "cpu" or backend == "eager"
    ],
    ids="-".join,
)
def spec(request: pytest.FixtureRequest) -> Spec:
    backend, device = request.param
    return experiments.find("iris-mlp", [f"backend={backend}", f"device={device}", "epochs=4"])


class Script(Inbox):
    """An inbox that hands out one command each time the trainer waits for one."""

    def __init__(self, commands: Sequence[Command]):
        self.commands = list(commands)

    def get(self, block: bool = True, timeout: float | None = None) -> Command:
        if not block:
            raise queue.Empty
        return self.commands.pop(0)


def run(spec: Spec, commands: Sequence[Command] = ()) -> list[Event]:
    """All events of a run; with commands, it is paused at first and is given one at each pause."""
    return list(Trainer(spec, Script(commands), paused=bool(commands)).events())


def of(kind: type[T], events: list[Event]) -> list[T]:
    return [event for event in events if isinstance(event, kind)]


def untimed(events: list[Event]) -> list[EpochEnded]:
    return [dataclasses.replace(event, seconds=0.0) for event in of(EpochEnded, events)]


def test_a_run_is_told_from_start_to_end(spec: Spec) -> None:
    events = run(spec)
    (started,), (ended,) = of(Started, events), of(Ended, events)
    assert events[0] is started
    assert events[-1] is ended
    assert (started.parameters, started.train_rows, started.test_rows, started.steps_per_epoch) == (
        131,
        100,
        50,
        50,
    )
    assert [(e.epoch, e.step) for e in of(EpochEnded, events)] == [(1, 50), (2, 100), (3, 150), (4, 200)]
    assert (ended.state, ended.step, ended.epoch, ended.exit_status) == ("finished", 200, 4, 0)
    assert 0 < ended.seconds < ended.seconds_total


def test_the_same_spec_gives_the_same_run_bit_for_bit(spec: Spec) -> None:
    assert untimed(run(spec)) == untimed(run(spec))


def test_another_seed_gives_another_run(spec: Spec) -> None:
    assert untimed(run(spec)) != untimed(run(dataclasses.replace(spec, seed=2)))


def test_steps_and_epochs_taken_by_hand_are_those_of_a_run(spec: Spec) -> None:
    by_hand = run(spec, [Command("step")] * 3 + [Command("epoch"), Command("resume")])
    assert untimed(by_hand) == untimed(run(spec))
    assert [(c.name, c.step) for c in of(Commanded, by_hand)] == [
        ("step", 0),
        ("step", 1),
        ("step", 2),
        ("epoch", 3),
        ("resume", 50),
    ]
    assert [p.step for p in of(Progressed, by_hand)][:3] == [1, 2, 3]
    assert of(Started, by_hand)[0].paused


def test_steps_asked_for_faster_than_they_are_taken_are_all_taken(spec: Spec) -> None:
    inbox = Inbox()
    for name in ("step", "step", "epoch", "epoch", "step"):
        inbox.put(Command(name))
    trainer = Trainer(spec, inbox, paused=True)
    for event in trainer.events():
        if isinstance(event, Progressed) and event.step == 101:
            inbox.put(Command("stop"))
    assert (trainer.step, trainer.epoch, trainer.stopped) == (101, 2, True)


def test_many_epochs_are_told_as_if_each_were_taken_by_hand(spec: Spec) -> None:
    """A fast backend takes many of them in one call, and a slow one in pieces."""
    many = dataclasses.replace(spec, epochs=60 if spec.backend == "native" else 5)
    by_hand = run(many, [Command("epoch")] * many.epochs)
    assert untimed(by_hand) == untimed(run(many))
    assert [e.epoch for e in untimed(by_hand)] == list(range(1, many.epochs + 1))


def test_an_epochs_loss_is_told_as_the_spec_has_it(spec: Spec) -> None:
    """Whether that is known after many epochs or only after each."""
    ways = [untimed(run(dataclasses.replace(spec, epoch_loss=way))) for way in ("mean", "unweighted", "last")]
    for other in ways[1:]:
        assert [e.test_loss for e in other] == [e.test_loss for e in ways[0]]
        assert [e.train_loss for e in other] != [e.train_loss for e in ways[0]]
    assert [e.train_loss * 2 for e in ways[1]] == pytest.approx(
        [e.train_loss for e in ways[0]]
    )  # 2 to a batch


def test_a_stopped_run_reports_what_it_has(spec: Spec) -> None:
    events = run(spec, [Command("epoch"), Command("step"), Command("stop")])
    ended = of(Ended, events)[0]
    assert (ended.state, ended.step, ended.epoch, ended.exit_status) == ("interrupted", 51, 1, 130)
    assert ended.report is not None
    assert ended.report.test_accuracy is not None


def test_a_changed_rate_takes_effect_at_once(spec: Spec) -> None:
    plain = untimed(run(spec))
    changed = untimed(run(spec, [Command("epoch"), Command("set", "lr", "0.1"), Command("resume")]))
    assert changed[0] == plain[0]
    assert changed[1] != plain[1]


def test_more_epochs_can_be_asked_for_while_it_runs(spec: Spec) -> None:
    events = run(spec, [Command("set", "epochs", "6"), Command("resume")])
    assert of(Ended, events)[0].epoch == 6


def test_a_changed_batch_size_waits_for_the_next_epoch(spec: Spec) -> None:
    commands = [Command("step"), Command("set", "batch_size", "10"), Command("resume")]
    steps = [event.step for event in of(EpochEnded, run(spec, commands))]
    assert steps == [50, 60, 70, 80]


def test_a_last_batch_is_smaller_or_left_out(spec: Spec) -> None:
    smaller = dataclasses.replace(spec, batch_size=32)
    assert of(Ended, run(smaller))[0].step == 16
    assert of(Ended, run(dataclasses.replace(smaller, drop_last=True)))[0].step == 12


def test_a_loss_that_is_no_number_ends_the_run_at_its_step(spec: Spec) -> None:
    wild = dataclasses.replace(
        spec, optimizer="sgd", lr=1e6, weight_decay=1e6, output="logits", activation="identity", hidden=(8, 8)
    )
    ended = of(Ended, run(wild))[0]
    assert (ended.state, ended.exit_status) == ("failed", 1)
    assert f"at step {ended.step + 1}" in ended.message
    assert "lr" in ended.message


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Command("set", "hidden", "8"), "starts over"),
        (Command("set", "lr", "-1"), "lr: expected"),
        (Command("set", "rl", "1"), "did you mean lr"),
        (Command("set", "batch_size", "101"), "at most 100, the train rows"),
    ],
)
def test_a_change_that_cannot_take_effect_is_refused(spec: Spec, command: Command, reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        Trainer(spec, Inbox()).accept(command)


def test_a_batch_larger_than_the_data_is_refused(spec: Spec) -> None:
    with pytest.raises(RequestError, match=r"batch_size: expected at most 100.*got 101"):
        run(dataclasses.replace(spec, batch_size=101))


@pytest.mark.parametrize(
    "words",
    [
        ["hidden=none"],
        ["hidden=8,8,8"],
        ["output=logits"],
        ["optimizer=sgd", "momentum=0.9", "lr=0.01"],
        ["optimizer=adamw", "weight_decay=0.1"],
        ["dtype=float64"],
        ["shuffle=no"],
        ["split=none"],
        ["split=0.2,seed=3,stratify"],
        ["standardize=feature"],
        ["standardize=none"],
    ],
    ids=" ".join,
)
def test_every_value_agrees_with_the_eager_backend(spec: Spec, words: list[str]) -> None:
    """The eager backend is the reference; in float64 nothing but the order of sums is left to differ."""
    changed = spec.replace_text(dict(word.split("=", 1) for word in ["dtype=float64", *words]))
    ours = untimed(run(changed))
    eager = untimed(run(dataclasses.replace(changed, backend="eager", device="cpu")))
    for our, theirs in zip(ours, eager, strict=True):
        assert our.train_loss == pytest.approx(theirs.train_loss, rel=1e-9)
        assert our.train_accuracy == theirs.train_accuracy
        assert (our.test_loss is None) == (theirs.test_loss is None) == (words == ["split=none"])
