"""What a plot shows, as plain values: curves, clouds of points, bands around curves, and marks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tui.history import Floats
from tui.theme import SLOTS


@dataclass(frozen=True, eq=False)
class Series:
    """One curve, or one cloud of points.

    Series of the same run have the same colour in every plot; `dotted` tells a run's test curve from its
    train curve, without colour as well. `low` and `high` draw a band around the curve, as for the spread over
    seeds.

    Args:
        name: what the legend calls it.
        x: (n,), ascending unless these are points.
        y: (n,); NaN is a gap.
        run: what it belongs to, as the legend shows it where there is more than one.
        look: how it is drawn.
        low: (n,) lower edge of the band.
        high: (n,) upper edge of the band.
    """

    name: str
    x: Floats
    y: Floats
    run: str = ""
    look: Literal["line", "dotted", "points"] = "line"
    low: Floats | None = None
    high: Floats | None = None

    def at(self, x: float) -> float:
        """The value of the finite point nearest to x; NaN if there is none, or x lies outside."""
        if self.look == "points" or not len(self.x) or not self.x[0] <= x <= self.x[-1]:
            return np.nan
        right = int(np.searchsorted(self.x, x))
        near = slice(max(right - 1, 0), right + 1)
        distance = np.where(np.isfinite(self.y[near]), np.abs(self.x[near] - x), np.inf)
        return float(self.y[near][np.argmin(distance)])

    def last(self) -> float:
        """The last finite value; NaN if there is none."""
        for part in (self.y[-256:], self.y):
            if len(finite := part[np.isfinite(part)]):
                return float(finite[-1])
        return np.nan


@dataclass(frozen=True)
class Mark:
    """A place on the x axis where something changed, and what."""

    x: float
    label: str


class Slots:
    """Which colour each run has: the run without a name the first, others one that is free."""

    def __init__(self) -> None:
        self._slots = {"": 0}

    def of(self, run: str) -> int:
        """The colour of a run, from 0; more runs than colours share them."""
        if run not in self._slots:
            uses = [list(self._slots.values()).count(slot) for slot in range(SLOTS)]
            self._slots[run] = uses.index(min(uses))
        return self._slots[run]

    def keep(self, runs: Collection[str]) -> None:
        """Free the colours of all other runs."""
        self._slots = {run: slot for run, slot in self._slots.items() if run in {"", *runs}}
