"""Data: one file per source, found by name; each has `load(spec) -> Dataset`. `csv:PATH` is one's own.

`prepare(spec)` gives what a run trains on: split and standardized, still numpy and float64. scikit-learn is
imported inside the functions, so that listing names costs nothing.
"""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import registry
from engine.errors import RequestError
from engine.spec import Spec
from engine.values import Split
from engine.words import counted

Array = NDArray[Any]


@dataclass(frozen=True)
class Dataset:
    """A table: `features` (rows, columns) in float64, NaN where a value is missing; `targets` (rows,), whole
    numbers for classes. `rows` (rows,) is each row's place in its source, from 0; by default all in order.
    """

    features: Array
    targets: Array
    feature_names: list[str]
    class_names: list[str]  # empty for a regression
    target_name: str = "class"
    notes: list[str] = field(default_factory=list)  # for a person: what was found, what was done about it
    rows: Array | None = None


@dataclass(frozen=True)
class Prepared:
    """A dataset split into train and test rows and standardized as a spec says.

    `mean` and `std` are of the train rows alone: shape () for `standardize=global`, (columns,) otherwise.
    Targets of a regression are (target - target_mean) / target_std; `scale_target=no` leaves 0 and 1.
    """

    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array
    mean: Array
    std: Array
    feature_names: list[str]
    class_names: list[str]
    target_name: str
    train_rows: Array  # (train rows,) place of each in the table
    test_rows: Array
    target_mean: float = 0.0
    target_std: float = 1.0
    notes: list[str] = field(default_factory=list)

    @property
    def classifies(self) -> bool:
        return bool(self.class_names)

    def raw(self, x: Array) -> Array:
        """Standardized features (…, columns) in the units of the table."""
        return x * self.std + self.mean

    def raw_target(self, y: Array) -> Array:
        """Targets or predictions of a regression in the units of the table."""
        return y * self.target_std + self.target_mean


def load(spec: Spec) -> Dataset:
    """The table of a spec. Raises RequestError if there is none, or it is not fit to be learned from."""
    if spec.data.startswith("csv:"):
        from engine import tables

        return tables.load(spec)
    dataset: Dataset = registry.load("datasets", spec.data).load(spec)
    return dataset


def prepare(spec: Spec) -> Prepared:
    """The rows that a spec trains and tests on. Raises RequestError if they do not fit the spec."""
    table = load(spec)
    _check_fit(spec.settled(bool(table.class_names)), table)
    train, test = _split(table, spec.split)
    check_batch(spec, len(train))
    train_x, test_x = table.features[train], table.features[test]
    train_y, test_y = table.targets[train], table.targets[test]
    rows = np.arange(len(table.targets)) if table.rows is None else table.rows
    table = dataclasses.replace(table, features=train_x[:0], targets=train_y[:0])  # a large one takes room
    notes = table.notes + _fill(train_x, test_x, table.feature_names)
    mean, std = _mean_and_std(train_x, spec.standardize)
    _refuse_too_large(spec, mean, std)
    for x in (train_x, test_x):
        x -= mean
        x /= std
    target_mean, target_std = 0.0, 1.0
    if spec.scale_target and not table.class_names:
        with np.errstate(over="ignore", invalid="ignore"):
            target_mean, target_std = float(np.mean(train_y)), float(np.std(train_y)) or 1.0
        _refuse_too_large(spec, target_mean, target_std)
        train_y, test_y = ((y - target_mean) / target_std for y in (train_y, test_y))
    _refuse_too_large(spec, train_x, test_x, train_y)
    return Prepared(
        train_x,
        train_y,
        test_x,
        test_y,
        mean,
        std,
        table.feature_names,
        table.class_names,
        table.target_name,
        rows[train],
        rows[test],
        target_mean,
        target_std,
        notes,
    )


def _refuse_too_large(spec: Spec, *numbers: Array | float) -> None:
    if not all(np.isfinite(some).all() for some in numbers):
        raise RequestError(f"data={spec.data}: some numbers are too large to be standardized")


def check_batch(spec: Spec, train_rows: int) -> None:
    """Raises RequestError if a batch is larger than all the rows there are."""
    if spec.batch_size > train_rows:
        raise RequestError(
            f"batch_size: expected at most {train_rows}, the train rows of {spec.data}, got {spec.batch_size}"
        )


def _check_fit(spec: Spec, table: Dataset) -> None:
    classifies = bool(table.class_names)
    if classifies == (spec.loss == "cross_entropy") == (spec.output != "linear"):
        return
    has = "classes" if classifies else "numbers to predict"
    needs = "loss=cross_entropy output=logits" if classifies else "loss=mse output=linear"
    fits = "mlp, iris-mlp or credit-mlp" if classifies else "mlp, linreg-manual or linreg-nn"
    raise RequestError(
        f"data={spec.data} has {has}: expected {needs}, got loss={spec.loss} output={spec.output}; "
        f"it fits {fits}, or {spec.experiment} {needs}"
    )


def _split(table: Dataset, split: Split | None) -> tuple[Array, Array]:
    """Which rows are for training and which for the test, as scikit-learn draws them."""
    rows = np.arange(len(table.targets))
    if split is None:
        return rows, rows[:0]
    from sklearn.model_selection import train_test_split

    try:
        parts: tuple[Array, Array] = train_test_split(
            rows,
            test_size=float(split.test),
            random_state=split.seed,
            stratify=table.targets if split.stratify else None,
        )
    except ValueError as error:
        raise RequestError(
            f"split: {counted(len(table.targets), 'row')} cannot be split so: {error}"
        ) from None
    return parts


def _fill(train_x: Array, test_x: Array, names: list[str]) -> list[str]:
    """Give missing values the mean of the train rows, in place, and say so."""
    missing = np.isnan(train_x).sum(axis=0) + np.isnan(test_x).sum(axis=0)
    columns = np.flatnonzero(missing)
    for column in columns:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # no train row has a value
            mean = np.nan_to_num(np.nanmean(train_x[:, column]))
        for x in (train_x, test_x):
            x[np.isnan(x[:, column]), column] = mean
    if not len(columns):
        return []
    which = ", ".join(f"{names[c]} ({missing[c]:,})" for c in columns[:5])
    more = f" and {counted(len(columns) - 5, 'more column')}" if len(columns) > 5 else ""
    return [f"missing values take the mean of the train rows: {which}{more}"]


def _mean_and_std(train_x: Array, standardize: str) -> tuple[Array, Array]:
    """What to subtract and divide by; a feature that never changes is divided by one, not by zero."""
    if standardize == "none":
        return np.zeros(train_x.shape[1]), np.ones(train_x.shape[1])
    axis = None if standardize == "global" else 0
    with np.errstate(over="ignore", invalid="ignore"):
        std = np.asarray(np.std(train_x, axis=axis))
        return np.asarray(np.mean(train_x, axis=axis)), np.where(std == 0, 1.0, std)
