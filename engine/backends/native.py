"""The whole loop in C++: shuffling, batches, forward, loss, backward and update, many steps to a call.

First weights and order of batches are those of the eager backend, bit for bit. `advance` holds no GIL. With
device=cuda all that a call asks for, be it a step or many epochs with their tests, is one kernel on the GPU,
where the network stays; what else is looked at between two calls (weights, predictions, gradients) is
calculated on the CPU from the weights that come back.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import numpy as np

from engine import devices, mlp, ops, starts
from engine.backends.base import Epoch, Epochs, Metrics, NonFiniteLoss, one_by_one
from engine.checkpoints import State
from engine.datasets import Array, Prepared
from engine.errors import RequestError
from engine.spec import Spec

MEMORY = {"sgd": ["momentum_buffer"], "adam": ["exp_avg", "exp_avg_sq"]}
MEMORY["adamw"] = MEMORY["adam"]
"""torch's names for what each optimizer remembers: the first moment, the second."""


def start(spec: Spec, data: Prepared) -> NativeTraining:
    return NativeTraining(spec, data)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """What the kernels refuse, be it for lack of memory, was too much to ask."""
    try:
        yield
    except (ValueError, MemoryError) as error:
        raise RequestError(f"backend=native: {error}") from None


class NativeTraining:
    """A run of csrc/mlp, between two steps."""

    def __init__(self, spec: Spec, data: Prepared):
        self.memory = MEMORY[spec.optimizer]
        self.dtype = spec.dtype
        spec = spec.settled(bool(data.class_names))
        self.classifies = bool(data.class_names)
        self.epoch_loss = spec.epoch_loss
        self.last = 0.0  # loss of the last batch, where it is asked for
        self.tests = len(data.test_y) > 0
        self.widths = mlp.widths(spec, data.train_x.shape[1], len(data.class_names))
        size = mlp.parameters(self.widths)
        self.device = devices.find(spec.device, kernels=True, parameters=size, rows=spec.batch_size)
        start = starts.find(spec, self.widths)
        with _refusals():
            self.run = ops.Run(
                widths=self.widths,
                activations=mlp.activations(spec),
                bias=True,
                loss=spec.loss,
                features=data.train_x,
                targets=data.train_y,
                rule=mlp.rule(spec),
                batches=mlp.batches(spec),
                seed=spec.seed,
                test_features=data.test_x if self.tests else None,
                test_targets=data.test_y if self.tests else None,
                weights=start.weights,
                skipped=start.skipped,
                dtype=spec.dtype,
                fused=mlp.FUSED,
                device=self.device.name,
            )

    @property
    def parameters(self) -> int:
        return self.run.parameters

    @property
    def steps_left(self) -> int:
        return self.run.steps_left

    def begin_epoch(self) -> None:
        self.run.begin_epoch()

    def advance(self, steps: int) -> int:
        if self.epoch_loss != "last" or steps == 0:
            return self._advance(steps, 0)
        taken = self._advance(steps - 1, 0)
        if taken < steps - 1:
            return taken
        before = self._sum()
        rows = len(self.run.batch())
        last = self._advance(1, taken)
        if last:
            self.last = (self._sum() - before) / rows
        return taken + last

    def advance_epochs(self, count: int) -> Epochs:
        if self.epoch_loss == "last":
            return one_by_one(self, count)
        with _refusals():
            scores, steps, bad, seconds = self.run.advance_epochs(count)
        ended = [
            Epoch(int(taken), self._trained(loss, accuracy), self._tested(test_loss, test_accuracy))
            for taken, loss, accuracy, test_loss, test_accuracy in scores.tolist()
        ]
        return Epochs(ended, steps, bad, seconds)

    def interrupt(self) -> None:
        self.run.interrupt()

    def _advance(self, steps: int, already: int) -> int:
        with _refusals():
            taken, loss = self.run.advance(steps)
        if taken < steps and not math.isfinite(loss):
            raise NonFiniteLoss(loss, already + taken)
        return taken

    def _sum(self) -> float:
        """The sum of the losses of the epoch's rows so far."""
        _, numbers = self.run.state()
        return float(numbers["loss_sum"])

    def metrics(self) -> Metrics:
        return self._trained(*self.run.score())

    def _trained(self, loss: float, accuracy: float) -> Metrics:
        shown = self.last if self.epoch_loss == "last" else loss
        mean = math.nan if self.epoch_loss == "unweighted" else loss
        return Metrics(shown, accuracy if self.classifies else None, mean)

    def test(self) -> Metrics | None:
        return self._tested(*self.run.test())

    def _tested(self, loss: float, accuracy: float) -> Metrics | None:
        return Metrics(loss, accuracy if self.classifies else None, loss) if self.tests else None

    def evaluate(self, features: Array, targets: Array) -> tuple[Metrics, Array]:
        loss, accuracy, outputs = self.run.evaluate(features, targets)
        if self.classifies:
            return Metrics(loss, accuracy, loss), outputs.argmax(axis=1)
        return Metrics(loss, None, loss), outputs[:, 0]

    def change(self, spec: Spec) -> None:
        with _refusals():
            self.run.set_rule(mlp.rule(spec))
            self.run.set_batches(mlp.batches(spec))

    def batch(self) -> Array:
        return self.run.batch()

    def state(self) -> State:
        arrays, numbers = self.run.state()
        kept = {"order": arrays["order"], "random": arrays["generator"]}
        kept |= self._named("", arrays["weights"])
        for name, moment in zip(self.memory, (arrays["first_moment"], arrays["second_moment"]), strict=False):
            kept |= self._named(f"optimizer.{name}.", moment)
        return State(kept, numbers | {"last": self.last})

    def restore(self, state: State) -> None:
        arrays = {"order": state.arrays["order"], "generator": state.arrays["random"]}
        arrays["weights"] = self._joined("", state.arrays)
        first, *second = (self._joined(f"optimizer.{name}.", state.arrays) for name in self.memory)
        arrays["first_moment"] = first
        arrays["second_moment"] = second[0] if second else np.zeros(self.parameters)
        self.run.restore(arrays, state.numbers)
        self.last = float(state.numbers["last"])

    def _named(self, prefix: str, parameters: Array) -> dict[str, Array]:
        """One array for each of torch's parameters, in the run's own type."""
        parts = mlp.split_layers(parameters.astype(self.dtype), self.widths)
        return {
            f"{prefix}{place // 2}.{('weight', 'bias')[place % 2]}": part for place, part in enumerate(parts)
        }

    def _joined(self, prefix: str, arrays: dict[str, Array]) -> Array:
        """The arrays of `_named` as one, (parameters,) in float64."""
        names = self._named(prefix, np.zeros(self.parameters))
        return np.concatenate([arrays[name].ravel() for name in names]).astype(np.float64)

    def weights(self) -> list[Array]:
        """The present weights, layer by layer: weight (out, in), bias (out), ..."""
        return mlp.split_layers(self.run.weights(), self.widths)

    def gradients(self) -> list[Array]:
        """The gradient of the next batch's loss at the present weights, in the order of `weights`."""
        return mlp.split_layers(self.run.gradient(), self.widths)
