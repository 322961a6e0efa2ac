"""What the trainer needs of a backend: `start(spec, data) -> Training`, and nothing else.

The trainer never looks at a tensor, so a backend may keep its numbers wherever it likes: in torch modules, or
in one block of native memory.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple, Protocol

from engine.checkpoints import State
from engine.datasets import Array, Prepared
from engine.devices import Device
from engine.spec import Spec


class Metrics(NamedTuple):  # and no dataclass: it is made for each epoch, and a native epoch takes 8 µs
    """The loss over some rows as the spec has it, and the part of them that was classified right.

    `mean` is the loss as the mean over rows, whatever `epoch_loss` says; NaN if that is not known. The
    accuracy is None for a regression.
    """

    loss: float
    accuracy: float | None
    mean: float


class Epoch(NamedTuple):
    """An epoch that ended: its updates, the metrics of its rows, and those of the test rows, if any."""

    steps: int
    train: Metrics
    test: Metrics | None


class Epochs(NamedTuple):
    """What one call of `advance_epochs` came to.

    `steps` were taken of the epoch after those that `ended`, if fewer ended than were asked for; `loss` is
    the one that was not finite, or 0.0. `seconds` went into training.
    """

    ended: list[Epoch]
    steps: int
    loss: float
    seconds: float


class NonFiniteLoss(ArithmeticError):
    """The loss became NaN or infinite; `steps` updates of this call of `advance` were good before it."""

    def __init__(self, loss: float, steps: int):
        super().__init__(f"the loss became {loss}")
        self.loss = loss
        self.steps = steps


class Training(Protocol):
    """One network being trained, between two steps."""

    device: Device  # where it computes

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""

    @property
    def steps_left(self) -> int:
        """Updates until the end of the epoch under way; 0 between epochs."""

    def begin_epoch(self) -> None:
        """Draw the order of the next epoch's rows; afterwards `steps_left` is its number of batches."""

    def advance(self, steps: int) -> int:
        """Take `steps` updates, at most `steps_left`, and return how many: fewer after `interrupt`.

        Raises NonFiniteLoss.
        """

    def advance_epochs(self, count: int) -> Epochs:
        """End the epoch under way and `count` - 1 after it, beginning and testing each.

        All is as if they were taken one by one. Fewer end after `interrupt`, or at a loss that is
        not finite.
        """

    def interrupt(self) -> None:
        """From another thread: let `advance`, now or the next time, return before a step that takes long."""

    def metrics(self) -> Metrics:
        """Over the rows of the epoch so far, as they were trained."""

    def test(self) -> Metrics | None:
        """Of the present weights, over the test rows; None without any."""

    def evaluate(self, features: Array, targets: Array) -> tuple[Metrics, Array]:
        """Metrics of the present weights on rows (n, columns), and the prediction for each: (n,)."""

    def change(self, spec: Spec) -> None:
        """Take over the values of `spec` that may change in a run: live ones now, others next epoch."""

    def batch(self) -> Array:
        """The training rows of the next step, whole numbers; none between epochs."""

    def state(self) -> State:
        """All that fixes what comes next, copied. Within an epoch as well as between two."""

    def restore(self, state: State) -> None:
        """Go on from where another training of the same spec was, bit for bit."""


def one_by_one(training: Training, count: int) -> Epochs:
    """`advance_epochs` of a training that has no shorter way from epoch to epoch."""
    ended: list[Epoch] = []
    seconds = 0.0
    while len(ended) < count:
        if ended:
            training.begin_epoch()
        steps = training.steps_left
        begun = time.perf_counter()
        try:
            taken = training.advance(steps)
        except NonFiniteLoss as error:
            return Epochs(ended, error.steps, error.loss, seconds + time.perf_counter() - begun)
        seconds += time.perf_counter() - begun
        if taken < steps:
            return Epochs(ended, taken, 0.0, seconds)
        ended.append(Epoch(steps, training.metrics(), training.test()))
    return Epochs(ended, 0, 0.0, seconds)


class Backend(Protocol):
    """A module of this folder."""

    def start(self, spec: Spec, data: Prepared) -> Any:
        """A Training at step 0. Raises RequestError if the backend cannot run this spec."""
