"""Fisher's Iris flowers: 150 rows, four measures in centimetres, three species; scikit-learn has them."""

from __future__ import annotations

from engine.datasets import Dataset
from engine.spec import Spec


def load(spec: Spec) -> Dataset:
    from sklearn.datasets import load_iris

    iris = load_iris()
    return Dataset(
        features=iris["data"],
        targets=iris["target"],
        feature_names=[name.removesuffix(" (cm)") for name in iris["feature_names"]],
        class_names=[str(name) for name in iris["target_names"]],
        target_name="species",
    )


SCRIPT = """
from sklearn.datasets import load_iris

features, targets = load_iris(return_X_y=True)
"""
