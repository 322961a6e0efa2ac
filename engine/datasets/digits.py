"""Handwritten digits: 1,797 rows, 8 × 8 pixels from 0 to 16, ten classes; scikit-learn has them."""

from __future__ import annotations

from engine.datasets import Dataset
from engine.spec import Spec


def load(spec: Spec) -> Dataset:
    from sklearn.datasets import load_digits

    found = load_digits()
    return Dataset(
        features=found["data"].astype(float),
        targets=found["target"].astype(int),
        feature_names=[str(name) for name in found["feature_names"]],
        class_names=[str(name) for name in found["target_names"]],
        target_name="digit",
    )
