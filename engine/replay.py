"""A run is deterministic, so its log and its checkpoints give it back at any step, bit for bit.

    past = read(run_dir)                  # what was asked for and what was commanded; needs no torch
    moment = Moment(past); moment.go(step)  # the network as it was after `step` updates

The trainer goes on from such a moment when a run is resumed; whoever wants to look back asks for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine import checkpoints, registry
from engine.backends.base import NonFiniteLoss, Training
from engine.checkpoints import Checkpoint
from engine.datasets import Prepared, prepare
from engine.errors import RequestError, StoppedEarly, StorageError
from engine.events import Commanded, Ended, EpochEnded, Progressed, Resumed, Started
from engine.runs import RunReader
from engine.spec import Spec


@dataclass(frozen=True)
class Past:
    """What a run's directory tells of it."""

    path: Path
    spec: Spec  # as the run began, with what was found from the data
    started: Started | None
    commands: list[Commanded]
    epoch: EpochEnded | None  # the last
    step: int  # of the last event
    checkpoints: list[int]  # their steps, in order
    damage: str  # where the log stopped being readable, and why

    def spec_after(self, commands: int) -> Spec:
        """The spec once that many commands have taken effect."""
        values = {c.key: c.value for c in self.commands[:commands] if c.name == "set"}
        return self.spec.replace_text(values)

    def checkpoint(self, step: int) -> Checkpoint | None:
        """The newest good checkpoint at or before a step; None if there is none, which is the run's begin."""
        for at in reversed(self.checkpoints):
            if at <= step:
                try:
                    found = checkpoints.read(checkpoints.path_of(self.path, at))
                except StorageError:
                    continue
                if found.step == at and self._belongs(found):
                    return found
        return None

    def _belongs(self, found: Checkpoint) -> bool:
        """Whether it is of this run, and of no later time than the log tells of."""
        return found.commands <= len(self.commands) and found.spec == self.spec_after(found.commands)


def read(path: Path) -> Past:
    """The past of the run in a directory. Raises StorageError if what was asked for cannot be read."""
    return PastReader(path).read()


class PastReader:
    """Reads the past of a run that may still be under way; what was read once is not read again."""

    def __init__(self, path: Path):
        self._reader = RunReader(path)
        self._past = Past(path, self._reader.spec, None, [], None, 0, [], "")

    def read(self) -> Past:
        """The past up to now."""
        started, epoch, step = self._past.started, self._past.epoch, self._past.step
        commands = list(self._past.commands)
        while events := self._reader.poll(1 << 20):
            for event in events:
                match event:
                    case Started():
                        started = event
                    case EpochEnded():
                        epoch = event
                    case Commanded():
                        commands.append(event)
                if isinstance(event, EpochEnded | Commanded | Progressed | Ended | Resumed):
                    step = max(step, event.step)
        stored = checkpoints.steps(self._past.path)
        damage = self._reader.damage
        spec = Spec.from_json(started.spec) if started else self._reader.spec
        self._past = Past(self._past.path, spec, started, commands, epoch, step, stored, damage)
        return self._past


class Moment:
    """A run at some step, at first before its first. Raises RequestError if it cannot run on this machine."""

    training: Training
    spec: Spec  # with the values of that moment
    step: int
    epoch: int  # completed
    begun_at: int  # the step of the checkpoint it was computed from; 0: from the run's begin
    seconds: float  # in training, up to that checkpoint

    def __init__(self, past: Past, data: Prepared | None = None):
        self.past = past
        self.data = data or prepare(past.spec)
        self._given_up = False
        self.begin(None)

    def go(self, step: int) -> None:
        """Be at the moment after `step` updates, with all that was commanded by then.

        Goes on from where it is, or from a checkpoint where that is nearer. Raises RequestError beyond the
        run's end, StoppedEarly if it was given up, and NonFiniteLoss where the run met one; `step` is then
        the number of good updates.
        """
        if step < self.step or any(self.step < at <= step for at in self.past.checkpoints):
            found = self.past.checkpoint(step)
            if step < self.step or (found and found.step > self.step):
                self.begin(found)
        self._follow_log()
        while self.step < step:
            if not self.training.steps_left:
                raise RequestError(f"step: the run ends after {self.step}, got {step}")
            self._advance(step)
            if self._given_up:
                raise StoppedEarly
            self._follow_log()

    def give_up(self) -> None:
        """From another thread: let `go`, now or the next time, end before a step that takes long."""
        self._given_up = True
        self.training.interrupt()

    def begin(self, found: Checkpoint | None) -> None:
        """Be at the moment of a checkpoint of this run, kept anywhere; None for the run's begin."""
        self._commands = found.commands if found else 0  # that have taken effect
        self.spec = self.past.spec_after(self._commands).settled(self.data.classifies)
        self.begun_at = self.step = found.step if found else 0
        self.epoch, self.seconds = (found.epoch, found.seconds) if found else (0, 0.0)
        self.training = registry.load("backends", self.spec.backend).start(self.past.spec, self.data)
        if found:
            self.training.change(self.spec)
            self.training.restore(found.state)

    def _advance(self, step: int) -> None:
        """Up to a step, the end of the epoch or the next command, whatever comes first."""
        target = min(step, self.step + self.training.steps_left)
        if self._commands < len(self.past.commands):
            target = min(target, self.past.commands[self._commands].step)
        try:
            self.step += self.training.advance(target - self.step)
        except NonFiniteLoss as error:
            self.step += error.steps
            raise
        if not self.training.steps_left:
            self.epoch += 1

    def _follow_log(self) -> None:
        """What happens between two steps: the next epoch begins, then commands take effect."""
        if not self.training.steps_left and self.epoch < self.spec.epochs:
            self.training.begin_epoch()
        while (
            self._commands < len(self.past.commands) and self.past.commands[self._commands].step <= self.step
        ):
            self._commands += 1
            self.spec = self.past.spec_after(self._commands).settled(self.data.classifies)
            self.training.change(self.spec)

    def checkpoint(self) -> Checkpoint:
        """This moment, to begin from again."""
        return Checkpoint(
            step=self.step,
            epoch=self.epoch,
            commands=self._commands,
            seconds=self.seconds,
            spec=self.spec,
            state=self.training.state(),
        )
