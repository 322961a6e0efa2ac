"""The curves of a run: columns of numbers that grow at their end, and frozen views of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.events import EpochEnded

COLUMNS = (
    "step",
    "epoch",
    "train_loss",
    "train_accuracy",
    "test_loss",
    "test_accuracy",
    "train_r2",
    "test_r2",
)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """What a History held at some moment; arrays of equal length, NaN where there is no figure."""

    step: Floats  # updates when the epoch ended
    epoch: Floats
    train_loss: Floats
    train_accuracy: Floats
    test_loss: Floats
    test_accuracy: Floats
    train_r2: Floats
    test_r2: Floats


class History:
    """Grows by doubling. Rows once written never change, so views may be read by another thread."""

    def __init__(self) -> None:
        self._rows = 0
        self._table = np.empty((len(COLUMNS), 256))

    def append(self, event: EpochEnded) -> None:
        if self._rows == self._table.shape[1]:
            grown = np.empty((len(COLUMNS), 2 * self._rows))
            grown[:, : self._rows] = self._table
            self._table = grown
        values = (getattr(event, name) for name in COLUMNS)
        self._table[:, self._rows] = [np.nan if value is None else value for value in values]
        self._rows += 1

    def curves(self) -> Curves:
        return Curves(*self._table[:, : self._rows])
