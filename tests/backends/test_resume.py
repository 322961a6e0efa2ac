"""A run taken up again is the run that was never interrupted, bit for bit, on every backend."""

from __future__ import annotations

import dataclasses
import itertools
import queue
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import checkpoints, experiments, registry, replay, runs
from engine.backends.base import NonFiniteLoss, Training
from engine.control import Command, Inbox
from engine.datasets import prepare
from engine.errors import RequestError
from engine.events import Commanded, Ended, EpochEnded, Event, Progressed, Resumed
from engine.replay import Moment
from engine.runs import RunReader, RunWriter
from engine.spec import Spec
from engine.trainer import Trainer

RULES = {
    "adam": "optimizer=adam",
    "momentum": "optimizer=sgd momentum=0.9 lr=0.01",
    "plain": "optimizer=sgd shuffle=no dtype=float64",
    "odd": "optimizer=adamw batch_size=7 drop_last=yes",
}


@pytest.fixture(params=registry.names("backends"))
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def spec_of(backend: str, words: str = "") -> Spec:
    return experiments.find("iris-mlp", [f"backend={backend}", "epochs=4", *words.split()])


def start(spec: Spec) -> Training:
    training: Training = registry.load("backends", spec.backend).start(spec, prepare(spec))
    return training


def walk(training: Training, steps: int) -> list[object]:
    """Take steps through as many epochs as it takes; what was seen on the way."""
    seen: list[object] = []
    for _ in range(steps):
        if not training.steps_left:
            training.begin_epoch()
        seen.append(training.batch().tolist())
        training.advance(1)
        seen.append(training.metrics())
    return seen


def same(one: Training, other: Training) -> bool:
    ours, theirs = one.state(), other.state()
    return (
        ours.numbers == theirs.numbers
        and ours.arrays.keys() == theirs.arrays.keys()
        and all(np.array_equal(ours.arrays[name], theirs.arrays[name]) for name in ours.arrays)
    )


@pytest.mark.parametrize("words", RULES.values(), ids=RULES)
@pytest.mark.parametrize("steps", [0, 1, 17, 50, 63])
def test_a_state_fixes_all_that_comes(backend: str, words: str, steps: int) -> None:
    spec = spec_of(backend, words)
    one, other = start(spec), start(dataclasses.replace(spec, seed=99))
    walk(one, steps)
    kept = one.state()
    after = walk(one, 90)
    walk(other, 5)
    other.restore(kept)
    assert walk(other, 90) == after
    assert same(one, other)


@pytest.mark.parametrize("words", RULES.values(), ids=RULES)
def test_states_have_torchs_names_and_shapes(backend: str, words: str) -> None:
    training = start(spec_of(backend, words))
    walk(training, 3)
    arrays = training.state().arrays
    shapes = {name: a.shape for name, a in arrays.items() if name[0].isdigit()}
    assert shapes == {"0.weight": (16, 4), "0.bias": (16,), "1.weight": (3, 16), "1.bias": (3,)}
    for name in shapes:
        remembered = {key.split(".")[1] for key in arrays if key.endswith(f".{name}")}
        if "adam" in words:
            assert remembered == {"exp_avg", "exp_avg_sq"}
        elif "momentum" in words:
            assert remembered == {"momentum_buffer"}


@pytest.mark.parametrize("words", RULES.values(), ids=RULES)
def test_the_rows_of_every_step_are_those_of_the_eager_backend(backend: str, words: str) -> None:
    ours, eager = start(spec_of(backend, words)), start(spec_of("eager", words))
    assert ours.batch().tolist() == []
    rows = [[step for step in walk(training, 120) if isinstance(step, list)] for training in (ours, eager)]
    assert rows[0] == rows[1]
    assert len({row for step in rows[0][:14] for row in step}) == sum(map(len, rows[0][:14]))


def test_asking_for_the_rows_of_a_step_changes_nothing(backend: str) -> None:
    asked, silent = start(spec_of(backend)), start(spec_of(backend))
    walk(asked, 70)
    for _ in range(70):  # as walk does, without asking
        if not silent.steps_left:
            silent.begin_epoch()
        silent.advance(1)
    assert same(asked, silent)


# Whole runs, cut off after any event.

SCRIPT = {
    1: Command("set", "lr", "0.02"),
    60: Command("set", "batch_size", "7"),
    61: Command("set", "epochs", "5"),
}


class Steps(Inbox):
    """Hands out the commands of SCRIPT at their steps, however the trainer cuts its slices."""

    trainer: Trainer

    def get(self, block: bool = True, timeout: float | None = None) -> Command:
        if not block or timeout is not None:
            raise queue.Empty
        step = self.trainer.step
        if step in SCRIPT and self.trainer.spec.text(SCRIPT[step].key) != SCRIPT[step].value:
            return SCRIPT[step]
        return Command("step" if self.trainer.spec.epochs == 4 else "resume")

    def get_nowait(self) -> Command:
        raise queue.Empty


def trained(path: Path, *, keep: bool = True) -> Iterator[Event]:
    """The events of the run in a folder, each stored before it is given; begun or taken up again."""
    past, inbox, writer = replay.read(path), Steps(), RunWriter(path)
    inbox.trainer = Trainer(
        past.spec,
        inbox,
        paused=len([command for command in past.commands if command.name == "set"]) < len(SCRIPT),
        past=past,
        keep=(lambda kept: checkpoints.write(path, kept)) if keep else None,
    )
    for event in inbox.trainer.events():
        writer.append(event)
        yield event
    writer.close()


def told(path: Path) -> list[object]:
    """The log without what only clocks and processes tell."""
    log: list[object] = []
    for event in RunReader(path).poll():
        if isinstance(event, EpochEnded):
            log.append(dataclasses.replace(event, seconds=0.0))
        elif isinstance(event, Commanded) and event.name == "set":
            log.append((event.key, event.step))
    return log


def weights(path: Path) -> dict[str, object]:
    """The network at the end, from the last checkpoint."""
    past = replay.read(path)
    kept = past.checkpoint(past.step)
    assert kept is not None
    assert kept.step == past.step
    return {name: array.tolist() for name, array in kept.state.arrays.items()}


@pytest.mark.parametrize("keep", [True, False], ids=["from checkpoints", "from the log alone"])
def test_a_run_cut_off_after_any_event_comes_to_the_same_end(
    backend: str, keep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.trainer.KEEP", 0.0)
    monkeypatch.setattr("engine.trainer.KEEP_SHARE", 1.0)
    whole = runs.create(spec_of(backend))
    events = list(trained(whole.path))
    wanted, network = told(whole.path), weights(whole.path)
    assert sum(isinstance(event, tuple) for event in wanted) == 3
    for cut in (1, 5, 120, len(events) - 2, len(events) - 1):
        run = runs.create(spec_of(backend))
        for _ in itertools.islice(trained(run.path, keep=keep), cut):
            pass
        with (run.path / "events.jsonl").open("ab") as log:
            log.write(b'{"event":"epo')  # it was killed in the middle of a line
        last = list(trained(run.path))[-1]
        assert isinstance(last, Ended)
        assert (last.state, last.report) == ("finished", events[-1].report)
        assert told(run.path) == wanted
        assert weights(run.path) == network
        (resumed,) = [event for event in RunReader(run.path).poll() if isinstance(event, Resumed)]
        assert (resumed.checkpoint > 0) == (keep and resumed.step > 0)


def test_a_stopped_run_goes_on_where_it_was(backend: str) -> None:
    whole, run = runs.create(spec_of(backend)), runs.create(spec_of(backend))
    for path, stop in ((whole.path, False), (run.path, True), (run.path, False)):
        inbox, writer, past = Inbox(), RunWriter(path), replay.read(path)
        if stop:
            inbox.put(Command("step"))
        trainer = Trainer(
            past.spec, inbox, past=past, paused=stop, keep=lambda kept, to=path: checkpoints.write(to, kept)
        )
        for event in trainer.events():
            writer.append(event)
            if stop and isinstance(event, Progressed):
                inbox.put(Command("stop"))
    assert told(run.path) == told(whole.path)
    assert weights(run.path) == weights(whole.path)
    ended = [event for event in RunReader(run.path).poll() if isinstance(event, Ended)]
    assert [(event.state, event.step) for event in ended] == [("interrupted", 1), ("finished", 200)]


def test_a_moment_is_the_run_at_that_step(backend: str) -> None:
    run = runs.create(spec_of(backend))
    list(trained(run.path))
    moment, past = Moment(replay.read(run.path)), replay.read(run.path)
    live = start(past.spec)
    walk(live, 1)
    live.change(past.spec.replace_text({"lr": "0.02"}))
    walk(live, 58)
    for step in (59, 3, 59, 59):
        moment.go(step)
        assert moment.step == step
    assert same(moment.training, live)
    assert moment.spec.lr == 0.02
    with pytest.raises(RequestError, match="ends after"):
        moment.go(10_000)


def test_a_failed_run_is_looked_at_up_to_its_last_good_step(backend: str) -> None:
    wild = "optimizer=sgd lr=1e6 weight_decay=1e6 output=logits activation=identity hidden=8,8"
    spec = spec_of(backend, wild)
    run = runs.create(spec)
    writer = RunWriter(run.path)
    for event in Trainer(spec, Inbox()).events():
        writer.append(event)
    assert isinstance(event, Ended)
    moment = Moment(replay.read(run.path))
    moment.go(event.step)
    with pytest.raises(NonFiniteLoss):
        moment.go(event.step + 1)
    assert moment.step == event.step
