"""Two half moons that reach into each other."""

from __future__ import annotations

import numpy as np

from engine.datasets import Dataset
from engine.datasets.base import classes, drawn, generator
from engine.spec import Spec


def load(spec: Spec) -> Dataset:
    y = classes(spec.samples)
    angle = generator().uniform(0, np.pi, spec.samples)
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    lower = np.column_stack([1 - np.cos(angle), 0.5 - np.sin(angle)])
    return drawn(spec, np.where(y[:, None] == 0, upper, lower), y)
