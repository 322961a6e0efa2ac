"""How good the network is at a step, on train and on test rows, and which rows it gets wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine import moments
from engine.anatomy import clean
from engine.datasets import Array
from engine.frames import Answer
from engine.moments import Moment
from engine.report import per_class

WORST = 200  # rows, at most: misclassified ones, or those farthest from their target


def answer(*, part: str, **source: Any) -> Answer:
    """Loss and accuracy on all `train` and `test` rows with the weights of that step; the rest on one `part`.

    Where there are no test rows, the part is `train`.

    Values: `part`; `train` and `test` with `loss` and `accuracy`, for a regression `r2`; null without rows.
    Of the part's classes `confusion`, `precision`, `recall`, `f1`, `support`; `wrong`, how many rows are
    misclassified. Arrays: `rows` (n,), where the worst rows stand in the table; `features` (n, columns) in
    the units of the table, `targets`, `predicted`, `certainty` (n,).
    """
    moment = moments.find(**source)
    data = moment.data
    parts = {"train": (data.train_x, data.train_y), "test": (data.test_x, data.test_y)}
    part = part if len(parts[part][1]) else "train"
    features, targets = parts[part]
    predicted, certainty = moment.network.predict(features)
    worst = _worst(moment, targets, predicted, certainty)
    places = data.test_rows if part == "test" else data.train_rows
    values: dict[str, Any] = {name: _figures(moment, *rows) for name, rows in parts.items()}
    if moment.network.classifies:
        values |= per_class(targets, predicted, len(data.class_names))
        values["wrong"] = int((targets != predicted).sum())
    return Answer(
        moment.values() | values | {"part": part, "rows": len(targets)},
        {
            "rows": places[worst],
            "features": clean(data.raw(features[worst])),
            "targets": targets[worst] if data.classifies else data.raw_target(targets[worst]),
            "predicted": predicted[worst] if data.classifies else data.raw_target(predicted[worst]),
            "certainty": certainty[worst],
        },
    )


@torch.no_grad()
def _figures(moment: Moment, features: Array, targets: Array) -> dict[str, float | None] | None:
    """Loss and accuracy, or R², over some rows."""
    if not len(targets):
        return None
    network = moment.network
    output, wanted = network.forward(features), network.targets(targets)
    loss = network.loss(output, wanted).item()
    if network.classifies:
        return {"loss": loss, "accuracy": float((output.argmax(dim=1).numpy() == targets).mean()), "r2": None}
    spread = float(((targets - targets.mean()) ** 2).sum())
    missed = float(((targets - output[:, 0].numpy()) ** 2).sum())
    return {"loss": loss, "accuracy": None, "r2": 1 - missed / spread if spread else None}


def _worst(moment: Moment, targets: Array, predicted: Array, certainty: Array) -> Array:
    """The misclassified rows, the surest first; of a regression the rows farthest off."""
    if moment.network.classifies:
        wrong = np.flatnonzero(targets != predicted)
        return wrong[np.argsort(-certainty[wrong], kind="stable")][:WORST]
    return np.argsort(-np.abs(targets - predicted), kind="stable")[:WORST]
