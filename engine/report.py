"""The report of a trained network: how good it is, and where; the figures per class are scikit-learn's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.backends.base import Metrics, Training
from engine.datasets import Array, Prepared
from engine.events import EpochEnded, Misclassified, Report

PER_CLASS = ("confusion", "precision", "recall", "f1", "support")
MOST_MISCLASSIFIED = 100  # rows that a report shows


def r_squared(metrics: Metrics, targets: Array) -> float | None:
    """The part of the targets' variance that the predictions explain; None for classes, or without variance.

    `metrics` are of these targets, with the mean squared error as loss.
    """
    if metrics.accuracy is not None or math.isnan(metrics.mean):
        return None
    variance = float(np.var(targets))
    return 1 - metrics.mean / variance if variance else None


def make_report(training: Training, data: Prepared, last: EpochEnded | None) -> Report:
    """How the present weights do on the test rows; the train figures are those of the `last` epoch."""
    test, predicted = training.evaluate(data.test_x, data.test_y) if len(data.test_y) else (None, data.test_y)
    figures: dict[str, list[Any]] = {name: [] for name in PER_CLASS}
    if data.classifies and test:
        figures = per_class(data.test_y, predicted, len(data.class_names))
    return Report(
        train_loss=last.train_loss if last else None,
        train_accuracy=last.train_accuracy if last else None,
        test_loss=test.loss if test else None,
        test_accuracy=test.accuracy if test else None,
        **figures,
        misclassified=_misclassified(data, predicted) if figures["confusion"] else [],
        train_r2=last.train_r2 if last else None,
        test_r2=r_squared(test, data.test_y) if test else None,
        train_rmse=_rmse(last.train_r2, data.train_y, data) if last else None,
        test_rmse=math.sqrt(test.mean) * data.target_std if test and not data.classifies else None,
    )


def per_class(targets: Array, predicted: Array, classes: int) -> dict[str, list[Any]]:
    """The confusion matrix and the figures of each class, under the names that a Report has for them."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    labels = list(range(classes))
    confusion = confusion_matrix(targets, predicted, labels=labels).tolist()
    figures = precision_recall_fscore_support(targets, predicted, labels=labels, zero_division=0.0)
    columns = (column.tolist() for column in figures)
    return dict(zip(PER_CLASS, (confusion, *columns), strict=True))


def _rmse(r2: float | None, targets: Array, data: Prepared) -> float | None:
    """The root of the mean squared error, in the units of the table, of predictions with that R²."""
    if r2 is None or not math.isfinite(r2):
        return None
    return math.sqrt(max(0.0, 1 - r2) * float(np.var(targets))) * data.target_std


def _misclassified(data: Prepared, predicted: Array) -> list[Misclassified]:
    wrong = np.flatnonzero(predicted != data.test_y)[:MOST_MISCLASSIFIED]
    return [
        Misclassified(
            row=int(data.test_rows[i]),
            features=[float(f"{value:.9g}") for value in data.raw(data.test_x[i])],
            true=int(data.test_y[i]),
            predicted=int(predicted[i]),
        )
        for i in wrong
    ]
