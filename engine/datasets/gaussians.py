"""Two clouds of points, far enough apart for a line between them; `noise` is their size."""

from __future__ import annotations

import numpy as np

from engine.datasets import Dataset
from engine.datasets.base import classes, drawn
from engine.spec import Spec

CENTRES = np.array([[-1.0, -1.0], [1.0, 1.0]])


def load(spec: Spec) -> Dataset:
    y = classes(spec.samples)
    return drawn(spec, CENTRES[y], y)
