"""A ring around another."""

from __future__ import annotations

import numpy as np

from engine.datasets import Dataset
from engine.datasets.base import classes, drawn, generator
from engine.spec import Spec


def load(spec: Spec) -> Dataset:
    y = classes(spec.samples)
    angle = generator().uniform(0, 2 * np.pi, spec.samples)
    radius = np.where(y == 0, 1.0, 0.4)
    return drawn(spec, np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), y)
