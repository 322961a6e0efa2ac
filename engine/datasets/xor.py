"""Two classes in opposite quarters of a square: no line parts them."""

from __future__ import annotations

import numpy as np

from engine.datasets import Dataset
from engine.datasets.base import drawn, generator
from engine.spec import Spec


def load(spec: Spec) -> Dataset:
    x = generator().uniform(-1, 1, (spec.samples, 2))
    return drawn(spec, x, (x[:, 0] * x[:, 1] < 0).astype(np.int64))
