"""What the data that are made up share: points in the plane, in classes."""

from __future__ import annotations

import numpy as np

from engine.datasets import Array, Dataset
from engine.spec import Spec

SEED = 1  # of the data: another seed of a run gives other weights, and the same points


def generator() -> np.random.Generator:
    """The random numbers of the points."""
    return np.random.default_rng(SEED)


def classes(count: int, of: int = 2) -> Array:
    """(count,) classes that are as large as each other, or one apart."""
    return np.arange(count) % of


def drawn(spec: Spec, x: Array, y: Array) -> Dataset:
    """Points x (samples, 2) of classes y (samples,), moved by normal noise of the spec's deviation."""
    noise = np.random.default_rng(SEED + 1).normal(0, 1, x.shape)
    names = [chr(ord("A") + place) for place in range(int(y.max()) + 1)]
    return Dataset(x + spec.noise * noise, y, ["x", "y"], names)
