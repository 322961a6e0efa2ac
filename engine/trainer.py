"""A run from its first step to its report, as a stream of events; no input and no output.

    for event in Trainer(spec, inbox).events(): ...

Commands come through the inbox, which is looked into between two slices of training. A slice is as many steps
as fit into SLICE, found by doubling and halving, so that a native backend works in long strides and every
backend answers a command within a few hundredths of a second.
"""

from __future__ import annotations

import math
import platform
import queue
import time
from collections import deque
from collections.abc import Iterator
from importlib import metadata

from engine import registry
from engine.backends.base import Metrics, NonFiniteLoss, Training
from engine.control import Command, Inbox
from engine.datasets import Prepared, prepare
from engine.errors import RequestError, unknown
from engine.events import Commanded, Ended, EndState, EpochEnded, Event, Progressed, Started
from engine.report import make_report
from engine.spec import KEYS, Spec

SLICE = 0.01  # seconds of training between two looks into the inbox
PROGRESS = 0.25  # seconds between two reports from within an epoch


class Trainer:
    """Trains one spec. `paused` waits for a command before the first step."""

    def __init__(self, spec: Spec, inbox: Inbox, *, paused: bool = False, began: float | None = None):
        self.spec = spec
        self.inbox = inbox
        self.began = time.monotonic() if began is None else began
        self.step = 0
        self.epoch = 0  # completed
        self.seconds = 0.0
        self.goal = 0.0 if paused else math.inf  # train up to this step, then wait
        self.stopped = False
        self.later: deque[Command] = deque()
        self.slice = 1
        self.last: EpochEnded | None = None

    def events(self) -> Iterator[Event]:
        """All events of the run. Raises RequestError, before the first, if the spec cannot be run."""
        data = prepare(self.spec)
        training: Training = registry.load("backends", self.spec.backend).start(self.spec, data)
        state: EndState = "finished"
        message = ""
        try:
            training.begin_epoch()
            yield self._started(training, data)
            while self.epoch < self.spec.epochs and not self.stopped:
                yield from self._epoch(training, data)
            if self.stopped:
                state, message = "interrupted", f"stopped in epoch {self.epoch + 1}, after {self.step} steps"
        except NonFiniteLoss as error:
            self.step += error.steps
            state = "failed"
            message = f"{error} at step {self.step + 1}, in epoch {self.epoch + 1}; try a lower lr than {self.spec.lr:g}"
        yield self._ended(training, data, state, message)

    def accept(self, command: Command) -> None:
        """Queue a command. Raises RequestError if it cannot take effect in a run that is under way."""
        if command.name == "set":
            if command.key not in KEYS:
                raise unknown("key", command.key, KEYS)
            if KEYS[command.key].effect == "next reset":
                raise RequestError(f"{command.key} takes effect when the run starts over, not while it is under way")
            changed = self.spec.replace_text({command.key: command.value})
            if changed.epochs < self.epoch:
                raise RequestError(f"epochs: {self.epoch} are done already, got {command.value}")
        self.inbox.put(command)

    def _epoch(self, training: Training, data: Prepared) -> Iterator[Event]:
        """Train what is left of the epoch under way, or up to where a command stops it."""
        reported = time.monotonic()
        while training.steps_left:
            yield from self._obey(training)
            if self.stopped:
                return
            wanted = min(self.slice, training.steps_left, self.goal - self.step)
            self._advance(training, int(wanted))
            now = time.monotonic()
            paused = self.step >= self.goal
            if training.steps_left and (paused or now - reported > PROGRESS):
                reported = now
                metrics = training.metrics()
                yield Progressed(
                    step=self.step, epoch=self.epoch + 1, loss=metrics.loss, accuracy=metrics.accuracy
                )
        yield self._epoch_ended(training, data)
        if self.epoch < self.spec.epochs:
            training.begin_epoch()

    def _advance(self, training: Training, steps: int) -> None:
        start = time.perf_counter()
        try:
            training.advance(steps)
        finally:
            taken = time.perf_counter() - start
            self.seconds += taken
        self.step += steps
        if taken < SLICE / 2:
            self.slice *= 2
        elif taken > SLICE * 2:
            self.slice = max(1, self.slice // 2)

    def _obey(self, training: Training) -> Iterator[Event]:
        """Carry out the commands that wait; while paused, wait for the next."""
        while not self.stopped and (command := self._next_command()):
            self._carry_out(command, training)
            yield Commanded(
                time=time.time(),
                step=self.step,
                epoch=self.epoch,
                name=command.name,
                key=command.key,
                value=command.value,
            )

    def _next_command(self) -> Command | None:
        """A step or epoch asked for while another is under way has its turn after it; all else is for now."""
        if self.step >= self.goal and self.later:
            return self.later.popleft()
        try:
            command = self.inbox.get(block=self.step >= self.goal)
        except queue.Empty:
            return None
        if command.name in ("step", "epoch") and self.step < self.goal < math.inf:
            self.later.append(command)
            return self._next_command()
        if command.name != "set":
            self.later.clear()
        return command

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

    def _epoch_ended(self, training: Training, data: Prepared) -> EpochEnded:
        self.epoch += 1
        train = training.metrics()
        test = training.evaluate(data.test_x, data.test_y)[0] if len(data.test_y) else None
        self.last = EpochEnded(
            step=self.step,
            epoch=self.epoch,
            train_loss=train.loss,
            train_accuracy=train.accuracy,
            test_loss=test.loss if test else None,
            test_accuracy=test.accuracy if test else None,
            seconds=self.seconds,
        )
        return self.last

    def _started(self, training: Training, data: Prepared) -> Started:
        return Started(
            time=time.time(),
            spec=self.spec.to_json(),
            paused=self.step >= self.goal,
            parameters=training.parameters,
            train_rows=len(data.train_y),
            test_rows=len(data.test_y),
            steps_per_epoch=training.steps_left,
            feature_names=data.feature_names,
            class_names=data.class_names,
            versions={"python": platform.python_version()} | {p: metadata.version(p) for p in ("nnplay", "torch")},
        )

    def _ended(self, training: Training, data: Prepared, state: EndState, message: str) -> Ended:
        train = Metrics(self.last.train_loss, self.last.train_accuracy) if self.last else None
        return Ended(
            time=time.time(),
            state=state,
            message=message,
            step=self.step,
            epoch=self.epoch,
            seconds=self.seconds,
            seconds_total=time.monotonic() - self.began,
            report=make_report(training, data, train) if state != "failed" else None,
            exit_status={"finished": 0, "interrupted": 130, "failed": 1}[state],
        )
