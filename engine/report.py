"""The accuracy report of a trained network; the figures per class are scikit-learn's."""

from __future__ import annotations

from typing import Any

from engine.backends.base import Metrics, Training
from engine.datasets import Prepared
from engine.events import Report


def make_report(training: Training, data: Prepared, train: Metrics | None) -> Report:
    """How the present weights do on the test rows; `train` are the last completed epoch's own figures."""
    test, predicted = training.evaluate(data.test_x, data.test_y) if len(data.test_y) else (None, data.test_y)
    confusion: list[list[int]] = []
    per_class: list[list[Any]] = [[], [], [], []]
    if data.class_names and test:
        from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

        classes = list(range(len(data.class_names)))
        confusion = confusion_matrix(data.test_y, predicted, labels=classes).tolist()
        figures = precision_recall_fscore_support(data.test_y, predicted, labels=classes, zero_division=0.0)
        per_class = [column.tolist() for column in figures]
    precision, recall, f1, support = per_class
    return Report(
        train_loss=train.loss if train else None,
        train_accuracy=train.accuracy if train else None,
        test_loss=test.loss if test else None,
        test_accuracy=test.accuracy if test else None,
        confusion=confusion,
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
    )
