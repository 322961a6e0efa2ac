"""Data: one file per source, found by name; each has `load() -> Dataset`.

`prepare(spec)` gives what a run trains on: split and standardized, still numpy and float64. scikit-learn is
imported inside the functions, so that listing names costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import registry
from engine.errors import RequestError
from engine.spec import Spec
from engine.values import Split

Array = NDArray[Any]


@dataclass(frozen=True)
class Dataset:
    """A table: `features` (rows, columns) in float64; `targets` (rows,), whole numbers for classes."""

    features: Array
    targets: Array
    feature_names: list[str]
    class_names: list[str]  # empty for a regression


@dataclass(frozen=True)
class Prepared:
    """A dataset split into train and test rows and standardized as a spec says.

    `mean` and `std` are of the train rows alone: shape () for `standardize=global`, (columns,) otherwise.
    """

    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array
    mean: Array
    std: Array
    feature_names: list[str]
    class_names: list[str]


def load(name: str) -> Dataset:
    """The table of that name. Raises RequestError, with the nearest name, if there is none."""
    dataset: Dataset = registry.load("datasets", name).load()
    return dataset


def prepare(spec: Spec) -> Prepared:
    """The rows that a spec trains and tests on. Raises RequestError if they do not fit the spec."""
    table = load(spec.data)
    _check_fit(spec, table)
    train_x, test_x, train_y, test_y = _split(table, spec.split)
    check_batch(spec, len(train_x))
    mean, std = _mean_and_std(train_x, spec.standardize)
    return Prepared(
        (train_x - mean) / std,
        train_y,
        (test_x - mean) / std,
        test_y,
        mean,
        std,
        table.feature_names,
        table.class_names,
    )


def check_batch(spec: Spec, train_rows: int) -> None:
    """Raises RequestError if a batch is larger than all the rows there are."""
    if spec.batch_size > train_rows:
        raise RequestError(
            f"batch_size: expected at most {train_rows}, the train rows of {spec.data}, got {spec.batch_size}"
        )


def _check_fit(spec: Spec, table: Dataset) -> None:
    if bool(table.class_names) != (spec.loss == "cross_entropy"):
        has = "classes" if table.class_names else "numbers to predict"
        needs = "cross_entropy" if table.class_names else "mse"
        raise RequestError(f"data={spec.data} has {has}: expected loss={needs}, got loss={spec.loss}")


def _split(table: Dataset, split: Split | None) -> tuple[Array, Array, Array, Array]:
    """Train and test features, train and test targets, as scikit-learn draws them."""
    if split is None:
        return table.features, table.features[:0], table.targets, table.targets[:0]
    from sklearn.model_selection import train_test_split

    try:
        parts: tuple[Array, Array, Array, Array] = train_test_split(
            table.features,
            table.targets,
            test_size=float(split.test),
            random_state=split.seed,
            stratify=table.targets if split.stratify else None,
        )
    except ValueError as error:
        raise RequestError(f"split: {len(table.targets)} rows cannot be split so: {error}") from None
    return parts


def _mean_and_std(train_x: Array, standardize: str) -> tuple[Array, Array]:
    """What to subtract and divide by; a feature that never changes is divided by one, not by zero."""
    if standardize == "none":
        return np.zeros(train_x.shape[1]), np.ones(train_x.shape[1])
    axis = None if standardize == "global" else 0
    std = np.asarray(np.std(train_x, axis=axis))
    return np.asarray(np.mean(train_x, axis=axis)), np.where(std == 0, 1.0, std)
