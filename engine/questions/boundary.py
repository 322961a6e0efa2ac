"""What the network says over a rectangle of two features, and the rows of the data on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import moments
from engine.anatomy import clean, plane, ranges, telling
from engine.datasets import Array, Prepared
from engine.frames import Answer

ROWS = 2000  # of the data, at most; of more, evenly chosen ones
TOLD = 8  # features of each, at most


def answer(*, x: int, y: int, width: int, height: int, **source: Any) -> Answer:
    """Decisions on a grid over features `x` and `y`, counted by how telling they are, and rows; the rest is
    `moments.find`'s.

    Arrays: `decisions` (height, width), the class or, from -1 to 1, the number predicted, the top row first;
    `certainty` of the same shape, from 0 to 1. Of the rows: `places` (n, 2) in the rectangle, from (0, 0)
    bottom left to (1, 1), where they stand in the table (`numbers`), `targets`, `predicted`, how `sure` that
    is, and whether they are `test` rows; (n,) each; and `features` (n, told), x and y first. Of a regression
    over one feature the rectangle has the targets upwards, and `line` (4 × width,) is what is predicted
    across it, from 0 at the bottom to 1.

    Values: `told`, which features; `ranges`, the ends of both sides; `rows`, how many there are; `predicted`,
    of a regression, the numbers that -1 and 1 in `decisions` stand for; `slope` and `intercept` of the line,
    null if it is none or bent. All but `places`, `decisions` and `line` are in the units of the table.
    """
    moment = moments.find(**source)
    data, network = moment.data, moment.network
    columns = data.train_x.shape[1]
    order = telling(data)
    x, y = order[x % columns], order[y % columns]
    rectangle = plane(data, x, y)
    decisions, certainty = network.predict(rectangle.rows(width, height))
    rows, targets, test, numbers = _rows(data)
    predicted, sure = network.predict(rows)
    told = list(dict.fromkeys([x, y, *order]))[:TOLD]
    arrays = {
        "decisions": decisions.reshape(height, width),
        "certainty": certainty.reshape(height, width).astype(np.float32),
        "places": rectangle.places(rows),
        "numbers": numbers,
        "targets": targets if network.classifies else data.raw_target(targets),
        "predicted": predicted if network.classifies else data.raw_target(predicted),
        "sure": sure.astype(np.float32),
        "test": test,
        "features": clean(data.raw(rows))[:, told],
    }
    sides = ranges(data, rectangle)
    ends = slope = intercept = None
    if not network.classifies:
        low, high = _around(targets)
        ends = data.raw_target(np.array([low, high])).tolist()
        arrays["decisions"] = np.clip(2 * (arrays["decisions"] - low) / (high - low) - 1, -1, 1)
        if columns == 1:
            line, _ = network.predict(rectangle.rows(4 * width, 1))
            arrays["line"] = (line - low) / (high - low)
            arrays["places"][:, 1] = (targets - low) / (high - low)
            sides[1] = ends
            if not moment.spec.hidden:
                (left, right), (first, last) = sides[0], data.raw_target(line[[0, -1]].astype(float)).tolist()
                slope = (last - first) / (right - left)
                intercept = first - slope * left
    count = len(data.train_y) + len(data.test_y)
    values = {"x": x, "y": y, "told": told, "ranges": sides, "rows": count, "predicted": ends}
    return Answer(moment.values() | values | {"slope": slope, "intercept": intercept}, arrays)


def _around(targets: Array) -> tuple[float, float]:
    """A range around all targets, with a margin of a tenth."""
    low, high = float(targets.min()), float(targets.max())
    margin = (high - low) / 10 or 0.5
    return low - margin, high + margin


def _rows(data: Prepared) -> tuple[Array, Array, Array, Array]:
    """Features, targets, whether they are test rows, and their numbers, of train rows and then test rows."""
    features = np.concatenate([data.train_x, data.test_x])
    targets = np.concatenate([data.train_y, data.test_y])
    test = np.arange(len(targets)) >= len(data.train_y)
    numbers = np.concatenate([data.train_rows, data.test_rows])
    chosen = np.unique(np.linspace(0, len(targets) - 1, min(len(targets), ROWS)).astype(int))
    return features[chosen], targets[chosen], test[chosen], numbers[chosen]
