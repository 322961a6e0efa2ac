"""Breast cancer, Wisconsin: 569 rows, 30 measures of cell nuclei, two diagnoses; scikit-learn has them."""

from __future__ import annotations

from engine.datasets import Dataset
from engine.spec import Spec


def load(spec: Spec) -> Dataset:
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return Dataset(
        features=found["data"].astype(float),
        targets=found["target"].astype(int),
        feature_names=[str(name) for name in found["feature_names"]],
        class_names=[str(name) for name in found["target_names"]],
        target_name="diagnosis",
    )
