"""What differs between two frames: Textual sends a dirty region again whole, so regions are kept small."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from textual.geometry import Region

APART = 20  # cells; a cursor move and the styles sent anew take about as many bytes


def changed_text(before: str, after: str, row: int = 0) -> list[Region]:
    """The span of columns in which two lines differ, as a region of that row; none if they are the same."""
    if before == after:
        return []
    length = max(len(before), len(after))
    pairs = list(zip(before.ljust(length), after.ljust(length), strict=True))
    first = next(i for i, (old, new) in enumerate(pairs) if old != new)
    last = next(i for i in range(length - 1, -1, -1) if pairs[i][0] != pairs[i][1])
    return [Region(first, row, last - first + 1, 1)]


def changed_cells(before: NDArray[Any], after: NDArray[Any]) -> list[Region]:
    """Per row of two (rows, columns) arrays, the spans of cells that differ.

    Spans with few equal cells between them are one: moving the cursor costs as many bytes as those cells.
    """
    differs = before != after
    regions = []
    for row in np.flatnonzero(differs.any(axis=1)).tolist():
        columns = np.flatnonzero(differs[row])
        breaks = np.flatnonzero(np.diff(columns) > APART)
        firsts = columns[np.concatenate(([0], breaks + 1))].tolist()
        lasts = columns[np.concatenate((breaks, [len(columns) - 1]))].tolist()
        regions += [
            Region(first, row, last - first + 1, 1) for first, last in zip(firsts, lasts, strict=True)
        ]
    return regions
