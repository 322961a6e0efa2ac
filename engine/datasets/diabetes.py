"""Diabetes: 442 rows, ten measures of a patient, a number for how far the disease came in a year."""

from __future__ import annotations

from engine.datasets import Dataset
from engine.spec import Spec


def load(spec: Spec) -> Dataset:
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=False)
    return Dataset(
        features=found["data"].astype(float),
        targets=found["target"].astype(float),
        feature_names=[str(name) for name in found["feature_names"]],
        class_names=[],
        target_name="progression",
    )
