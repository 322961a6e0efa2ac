"""One step taken apart: the rows of the next batch, and every number between them and the new weights."""

from __future__ import annotations

from typing import Any

from engine import moments
from engine.frames import Answer

NUMBERS = 1 << 20  # of any one tensor, at most


def answer(**source: Any) -> Answer:
    """The tensors of `moments.Moment.tensors`, and the batch's `loss` and `accuracy`."""
    moment = moments.find(**source)
    arrays = {name: array for name, array in moment.tensors().items() if array.size <= NUMBERS}
    batch = moment.batch
    return Answer(
        moment.values()
        | {
            "loss": batch.loss,
            "accuracy": batch.accuracy,
            "lr": moment.spec.lr,
            "optimizer": moment.spec.optimizer,
            "activations": moment.network.activations,
        },
        arrays,
    )
