"""A run from its first step to its report, as a stream of events; no input and no output.

    for event in Trainer(spec, inbox).events(): ...

Commands come through the inbox, which is looked into between two slices of training. A slice is as many steps
as fit into SLICE, found by doubling and halving, so that a native backend works in long strides and every
backend answers a command within a few hundredths of a second. Where a single step takes longer, a command
makes the native backend give it up; it is taken anew once the command is carried out.
"""

from __future__ import annotations

import dataclasses
import math
import platform
import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from importlib import metadata

from engine import registry
from engine.backends.base import Metrics, NonFiniteLoss, Training
from engine.checkpoints import Checkpoint
from engine.control import Command, Inbox
from engine.datasets import check_batch, prepare
from engine.errors import RequestError, unknown
from engine.events import Commanded, Ended, EndState, EpochEnded, Event, Progressed, Resumed, Started
from engine.replay import Moment, Past
from engine.report import make_report, r_squared
from engine.spec import KEYS, Spec

SLICE = 0.01  # seconds of training between two looks into the inbox
PROGRESS = 0.25  # seconds between two reports from within an epoch
DENSE = 10_000  # epochs; up to twice as many all are stored, then every second, up to twice as many again …
KEEP = 5.0  # seconds between two checkpoints
KEEP_SHARE = 0.05  # of the time, at most, that goes into checkpoints
IDLE = 0.25  # seconds of waiting for a command after which a paused run makes a checkpoint


class Trainer:
    """Trains one spec; `paused` waits for a command before the first step.

    With a `past`, the run goes on from the last event that is stored; `keep` is handed a checkpoint every few
    seconds, when the run pauses, and at its end, always after the events before it were taken.

    Raises RequestError if the data do not fit the spec.
    """

    def __init__(
        self,
        spec: Spec,
        inbox: Inbox,
        *,
        paused: bool = False,
        began: float | None = None,
        past: Past | None = None,
        keep: Callable[[Checkpoint], None] | None = None,
    ):
        self.past = past if past and past.started else None
        self.data = prepare(spec)
        self.spec = spec.settled(self.data.classifies)
        self.inbox = inbox
        self.training: Training | None = None
        self.began = time.monotonic() if began is None else began
        self.step = 0
        self.epoch = 0  # completed
        self.seconds = 0.0
        self.goal = 0.0 if paused else math.inf  # train up to this step, then wait
        self.stopped = False
        self.later: deque[Command] = deque()
        self.slice = 1
        self.last: EpochEnded | None = None
        self.keep = keep
        self.keep_next = math.inf
        self.commands = 0  # that have taken effect
        self.kept = (0, 0)  # step and commands of the last checkpoint
        self.moment: Moment | None = None  # of the run's past, while it is computed
        self.hurried = False

    def events(self) -> Iterator[Event]:
        """All events of the run. Raises RequestError, before the first, if the backend cannot run it."""
        training: Training
        state: EndState = "finished"
        message = ""
        if self.past:
            training = yield from self._resumed(self.past)
        else:
            training = registry.load("backends", self.spec.backend).start(self.spec, self.data)
            self.spec = dataclasses.replace(self.spec, device=training.device.name)  # auto is settled
            training.begin_epoch()
            yield self._started(training)
        self.training = training
        self.keep_next = time.monotonic() + KEEP
        try:
            while self.epoch < self.spec.epochs:
                yield from self._between(training)
                if self.stopped:
                    break
                count = self._epochs_at_once(training)
                yield from self._epochs(training, count) if count > 1 else self._epoch(training)
            if self.stopped:
                state = "interrupted"
                message = f"stopped in epoch {self.epoch + 1:,}, after {self.step:,} steps"
        except NonFiniteLoss as error:
            self.step += error.steps
            state = "failed"
            where = f"at step {self.step + 1:,}, in epoch {self.epoch + 1:,}"
            message = f"{error} {where}; try a lower lr than {self.spec.lr:g}"
        yield self._ended(training, state, message)
        if state != "failed":
            self._keep(training)

    def accept(self, command: Command) -> None:
        """Queue a command. Raises RequestError if it cannot take effect in a run that is under way."""
        if command.name == "set":
            if command.key not in KEYS:
                raise unknown("key", command.key, KEYS)
            if KEYS[command.key].effect == "next reset":
                raise RequestError(
                    f"{command.key} takes effect when the run starts over, not while it is under way"
                )
            changed = self.spec.replace_text({command.key: command.value})
            check_batch(changed, len(self.data.train_y))
            if changed.epochs < self.epoch:
                raise RequestError(f"epochs: {self.epoch} are done already, got {command.value}")
        self.inbox.put(command)
        if self.training or command.name == "stop":
            self.interrupt()

    def interrupt(self) -> None:
        """From another thread: let a long step be given up, or the way to where the run goes on."""
        self.hurried = True
        if self.training:
            self.training.interrupt()
        elif self.moment:
            self.moment.give_up()

    def _between(self, training: Training) -> Iterator[Event]:
        """What is done between two slices, never between an epoch's end and the next one's begin."""
        yield from self._obey(training)
        if time.monotonic() >= self.keep_next and not self.stopped:
            self._keep(training)

    def _epochs_at_once(self, training: Training) -> int:
        """How many whole epochs fit into a slice."""
        if self.goal < math.inf:
            return 0
        return min(self.slice // training.steps_left, self.spec.epochs - self.epoch)

    def _epochs(self, training: Training, count: int) -> Iterator[Event]:
        """Train several epochs in one call, which may end early with one under way."""
        begun, seconds = time.perf_counter(), self.seconds
        found = training.advance_epochs(count)
        spent = time.perf_counter() - begun
        steps = sum(epoch.steps for epoch in found.ended)
        if len(found.ended) == count:
            self._fit_slice(steps, spent)
        for number, epoch in enumerate(found.ended, 1):
            self.step += epoch.steps
            self.seconds = seconds + found.seconds * number / len(found.ended)
            yield from self._end_epoch(epoch.train, epoch.test)
        self.seconds = seconds + found.seconds
        if not math.isfinite(found.loss):
            raise NonFiniteLoss(found.loss, found.steps)
        self.step += found.steps
        if len(found.ended) == count and self.epoch < self.spec.epochs:
            training.begin_epoch()

    def _epoch(self, training: Training) -> Iterator[Event]:
        """Train the epoch that was begun, to its end or to where a command stops it."""
        reported = time.monotonic()
        steps = training.steps_left
        while training.steps_left:
            self._advance(training, int(min(self.slice, training.steps_left, self.goal - self.step)))
            if not training.steps_left:
                break
            if self.step >= self.goal or time.monotonic() - reported > PROGRESS:
                reported = time.monotonic()
                metrics = training.metrics()
                yield Progressed(
                    step=self.step,
                    epoch=self.epoch + 1,
                    part=1 - training.steps_left / steps,
                    loss=metrics.loss,
                    accuracy=metrics.accuracy,
                    r2=r_squared(metrics, self.data.train_y),
                )
            yield from self._between(training)
            if self.stopped:
                return
        yield from self._end_epoch(training.metrics(), training.test())
        if self.epoch < self.spec.epochs:
            training.begin_epoch()

    def _end_epoch(self, train: Metrics, test: Metrics | None) -> Iterator[Event]:
        self.epoch += 1
        self.last = EpochEnded(
            step=self.step,
            epoch=self.epoch,
            train_loss=train.loss,
            train_accuracy=train.accuracy,
            test_loss=test.loss if test else None,
            test_accuracy=test.accuracy if test else None,
            seconds=self.seconds,
            train_r2=r_squared(train, self.data.train_y),
            test_r2=r_squared(test, self.data.test_y) if test else None,
        )
        if self._worth_telling(self.last):
            yield self.last
        if test and not math.isfinite(test.loss):
            raise NonFiniteLoss(test.loss, 0)

    def _worth_telling(self, ended: EpochEnded) -> bool:
        """The older a run, the fewer of its epochs are stored: a log of any length stays readable."""
        every = 1 << max(0, (ended.epoch // DENSE).bit_length() - 1)
        last = ended.epoch >= self.spec.epochs or self.step >= self.goal
        return ended.epoch % every == 0 or last or not math.isfinite(ended.test_loss or 0.0)

    def _advance(self, training: Training, steps: int) -> None:
        start = time.perf_counter()
        try:
            taken = training.advance(steps)
        finally:
            spent = time.perf_counter() - start
            self.seconds += spent
        self.step += taken
        if taken == steps:  # else it was interrupted, which says nothing about how long steps take
            self._fit_slice(taken, spent)

    def _fit_slice(self, steps: int, spent: float) -> None:
        """Make slices longer or shorter, after that many steps took so many seconds."""
        if spent < SLICE / 2 and 2 * steps > self.slice:  # fewer say nothing of a whole slice
            self.slice *= 2
        elif spent > SLICE * 2:
            self.slice = max(1, self.slice // 2)

    def _obey(self, training: Training) -> Iterator[Event]:
        """Carry out the commands that wait; while paused, wait for the next."""
        while not self.stopped and (command := self._next_command(training)):
            self._carry_out(command, training)
            self.commands += 1
            yield Commanded(
                time=time.time(),
                step=self.step,
                epoch=self.epoch,
                name=command.name,
                key=command.key,
                value=command.value,
            )

    def _next_command(self, training: Training) -> Command | None:
        """A step or epoch asked for while another is under way has its turn after it; all else is for now."""
        if self.step >= self.goal and self.later:
            return self.later.popleft()
        try:
            command = self._wait_for_command(training) if self.step >= self.goal else self.inbox.get_nowait()
        except queue.Empty:
            return None
        if command.name in ("step", "epoch") and self.step < self.goal < math.inf:
            self.later.append(command)
            return self._next_command(training)
        if command.name != "set":
            self.later.clear()
        return command

    def _wait_for_command(self, training: Training) -> Command:
        """The next command; a run that nobody steps on at once makes a checkpoint meanwhile."""
        if self.keep and self.kept != (self.step, self.commands):
            try:
                return self.inbox.get(timeout=IDLE)
            except queue.Empty:
                self._keep(training)
        return self.inbox.get()

    def _keep(self, training: Training) -> None:
        """Hand out a checkpoint, unless nothing happened since the last."""
        if self.keep is None or self.kept == (self.step, self.commands):
            return
        begun = time.monotonic()
        self.keep(
            Checkpoint(
                step=self.step,
                epoch=self.epoch,
                commands=self.commands,
                seconds=self.seconds,
                spec=self.spec,
                state=training.state(),
            )
        )
        self.kept = (self.step, self.commands)
        now = time.monotonic()
        self.keep_next = now + max(KEEP, (now - begun) / KEEP_SHARE)

    def _resumed(self, past: Past) -> Generator[Event, None, Training]:
        """Compute the run up to the last event that is stored, and say so. Raises StoppedEarly."""
        self.moment = moment = Moment(past, self.data)
        if self.hurried:  # before there was a moment to give up
            moment.give_up()
        moment.go(past.step)
        self.spec, self.step, self.epoch, self.last = moment.spec, moment.step, moment.epoch, past.epoch
        self.seconds = max(moment.seconds, self.last.seconds if self.last else 0.0)
        self.commands = len(past.commands)
        self.goal = self.step if self.goal < math.inf else math.inf
        yield Resumed(
            time=time.time(),
            step=self.step,
            epoch=self.epoch,
            paused=self.step >= self.goal,
            checkpoint=moment.begun_at,
            versions=_versions(),
        )
        return moment.training

    def _carry_out(self, command: Command, training: Training) -> None:
        match command.name:
            case "pause":
                self.goal = self.step
            case "resume":
                self.goal = math.inf
            case "step":
                self.goal = self.step + 1
            case "epoch":
                self.goal = self.step + training.steps_left
            case "stop":
                self.stopped = True
            case "set":
                self.spec = self.spec.replace_text({command.key: command.value})
                training.change(self.spec)

    def _started(self, training: Training) -> Started:
        return Started(
            time=time.time(),
            spec=self.spec.to_json(),
            paused=self.step >= self.goal,
            parameters=training.parameters,
            train_rows=len(self.data.train_y),
            test_rows=len(self.data.test_y),
            steps_per_epoch=training.steps_left,
            feature_names=self.data.feature_names,
            class_names=self.data.class_names,
            target_name=self.data.target_name,
            notes=self.data.notes + [note for note in [training.device.note] if note],
            versions=_versions(),
        )

    def _ended(self, training: Training, state: EndState, message: str) -> Ended:
        return Ended(
            time=time.time(),
            state=state,
            message=message,
            step=self.step,
            epoch=self.epoch,
            seconds=self.seconds,
            seconds_total=time.monotonic() - self.began,
            report=make_report(training, self.data, self.last) if state != "failed" else None,
            exit_status={"finished": 0, "interrupted": 130, "failed": 1}[state],
        )


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {p: metadata.version(p) for p in ("nnplay", "torch")}
