"""The whole loop in C++: shuffling, batches, forward, loss, backward and update, many steps to a call.

First weights and order of batches are those of the eager backend, bit for bit. `advance` holds no GIL.
"""

from __future__ import annotations

from engine import mlp, ops
from engine.backends.base import Metrics, NonFiniteLoss
from engine.datasets import Array, Prepared
from engine.errors import RequestError
from engine.spec import Spec


def start(spec: Spec, data: Prepared) -> NativeTraining:
    return NativeTraining(spec, data)


class NativeTraining:
    """A run of csrc/mlp, between two steps."""

    def __init__(self, spec: Spec, data: Prepared):
        if spec.device != "cpu":
            raise RequestError(
                f"backend=native runs on device=cpu, got device={spec.device}; use backend=fused"
            )
        self.classifies = bool(data.class_names)
        self.widths = mlp.widths(spec, data.train_x.shape[1], len(data.class_names))
        try:
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
                dtype=spec.dtype,
                fused=mlp.FUSED,
            )
        except (ValueError, MemoryError) as error:
            raise RequestError(f"backend=native: {error}") from None

    @property
    def parameters(self) -> int:
        return self.run.parameters

    @property
    def steps_left(self) -> int:
        return self.run.steps_left

    def begin_epoch(self) -> None:
        self.run.begin_epoch()

    def advance(self, steps: int) -> None:
        taken, loss = self.run.advance(steps)
        if taken < steps:
            raise NonFiniteLoss(loss, taken)

    def metrics(self) -> Metrics:
        loss, accuracy = self.run.score()
        return Metrics(loss, accuracy if self.classifies else None)

    def evaluate(self, features: Array, targets: Array) -> tuple[Metrics, Array]:
        loss, accuracy, outputs = self.run.evaluate(features, targets)
        if self.classifies:
            return Metrics(loss, accuracy), outputs.argmax(axis=1)
        return Metrics(loss, None), outputs[:, 0]

    def change(self, spec: Spec) -> None:
        self.run.set_rule(mlp.rule(spec))
        self.run.set_batches(mlp.batches(spec))

    def weights(self) -> list[Array]:
        """The present weights, layer by layer: weight (out, in), bias (out), ..."""
        return mlp.split_layers(self.run.weights(), self.widths)

    def gradients(self) -> list[Array]:
        """The gradient of the next batch's loss at the present weights, in the order of `weights`."""
        return mlp.split_layers(self.run.gradient(), self.widths)
