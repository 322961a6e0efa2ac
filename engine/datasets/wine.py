"""Italian wines: 178 rows, 13 chemical measures, three growers; scikit-learn has them."""

from __future__ import annotations

from engine.datasets import Dataset
from engine.spec import Spec


def load(spec: Spec) -> Dataset:
    from sklearn.datasets import load_wine

    found = load_wine()
    return Dataset(
        features=found["data"].astype(float),
        targets=found["target"].astype(int),
        feature_names=[str(name) for name in found["feature_names"]],
        class_names=[str(name) for name in found["target_names"]],
        target_name="grower",
    )
