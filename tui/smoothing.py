"""Smoothed curves: the exponential moving average of TensorBoard, without its bias to the start.

`s[i] = w s[i-1] + (1 - w) y[i]`, shown divided by `1 - w^(i+1)` (Kingma and Ba 2015, section 3). Points
that are not finite are passed over and stay gaps.
"""

from __future__ import annotations

import numpy as np

from tui.history import Floats

BLOCK = 64  # points averaged by one row of a matrix product


class Smoothed:
    """The average of a curve that grows at its end: what was averaged once is kept.

    The last point may still change, as that of the epoch under way does.
    """

    def __init__(self, weight: float):
        self._weight = weight
        self._kept = np.empty(0)  # averages, with room for more; the last one is not final
        self._count = 0
        self._sum = 0.0  # finite points so far, and s after them
        self._finite = 0
        self._last = np.nan  # the last point that is kept, to tell another curve from this one

    def of(self, y: Floats) -> Floats:
        """The average of each point of `y`, (n,): a view that holds until the next call."""
        settled = max(len(y) - 1, 0)
        same = self._count == 0 or (
            self._count <= settled and np.array_equal(y[self._count - 1], self._last, equal_nan=True)
        )
        if not same:
            self._count, self._sum, self._finite = 0, 0.0, 0
        if len(y) > len(self._kept):
            grown = np.empty(max(2 * len(self._kept), len(y), 256))
            grown[: self._count] = self._kept[: self._count]
            self._kept = grown
        if settled > self._count:
            more, self._sum, self._finite = self._averages(y[self._count : settled])
            self._kept[self._count : settled] = more
            self._count, self._last = settled, float(y[settled - 1])
        self._kept[settled : len(y)] = self._averages(y[settled:])[0]
        return self._kept[: len(y)]

    def _averages(self, y: Floats) -> tuple[Floats, float, int]:
        """The averages of further points, with the sum and the number of finite points after them."""
        out = np.full(len(y), np.nan)
        finite = np.isfinite(y)
        values = y[finite]
        if not len(values):
            return out, self._sum, self._finite
        w, n = self._weight, len(values)
        padded = np.zeros(-(-n // BLOCK) * BLOCK)
        padded[:n] = values
        age = np.arange(BLOCK)[:, None] - np.arange(BLOCK)
        within = padded.reshape(-1, BLOCK) @ np.where(age >= 0, (1 - w) * w ** np.maximum(age, 0), 0.0).T
        ends, decay = within[:, -1].tolist(), w**BLOCK
        carried, carry = [], self._sum
        for end in ends:
            carried.append(carry)
            carry = carry * decay + end
        sums = (within + np.array(carried)[:, None] * w ** (np.arange(BLOCK) + 1.0)).ravel()[:n]
        counts = self._finite + np.arange(1.0, n + 1)
        out[finite] = sums / (1 - w**counts)
        return out, float(sums[-1]), self._finite + n
