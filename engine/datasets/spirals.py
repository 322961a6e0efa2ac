"""Two spirals wound around each other."""

from __future__ import annotations

import numpy as np

from engine.datasets import Dataset
from engine.datasets.base import classes, drawn, generator
from engine.spec import Spec

TURNS = 1.5


def load(spec: Spec) -> Dataset:
    y = classes(spec.samples)
    along = np.sqrt(generator().uniform(0.01, 1, spec.samples))  # as dense outside as inside
    angle = 2 * np.pi * TURNS * along + np.pi * y
    return drawn(spec, 2 * np.column_stack([along * np.cos(angle), along * np.sin(angle)]), y)
