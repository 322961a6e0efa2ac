"""The rows that a spec trains and tests on, as they are in the table and as the network gets them."""

from __future__ import annotations

from typing import Any

from engine.datasets import prepare
from engine.frames import Answer
from engine.spec import Spec

MOST = 5_000  # rows of each kind: what a plot can show


def answer(spec: dict[str, Any], rows: int = MOST) -> Answer:
    """The first so many train and test rows, in the order of the split.

    Values: `feature_names`, `class_names` (empty for a regression), `target_name`, `notes`, `target_mean`,
    `target_std`, and `train_rows` and `test_rows`, how many there are of all.
    Arrays, for `train` and `test` each: `train_x` (n, features), as the network gets them; `train_raw` the
    same in the units of the table; `train_y` (n,), classes or what is to be predicted; `train_target` the
    same in the units of the table; `train_row` (n,), places in the table. `mean`, `std`: () or (features,).

    Raises RequestError if the data do not fit the spec.
    """
    data = prepare(Spec.from_json(spec))
    arrays = {"mean": data.mean, "std": data.std}
    for name, x, y, places in (
        ("train", data.train_x, data.train_y, data.train_rows),
        ("test", data.test_x, data.test_y, data.test_rows),
    ):
        arrays[f"{name}_x"], arrays[f"{name}_y"], arrays[f"{name}_row"] = x[:rows], y[:rows], places[:rows]
        arrays[f"{name}_raw"] = data.raw(x[:rows])
        arrays[f"{name}_target"] = y[:rows] if data.classifies else data.raw_target(y[:rows])
    values = {
        "feature_names": data.feature_names,
        "class_names": data.class_names,
        "target_name": data.target_name,
        "notes": data.notes,
        "target_mean": data.target_mean,
        "target_std": data.target_std,
        "train_rows": len(data.train_y),
        "test_rows": len(data.test_y),
    }
    return Answer(values, arrays)
