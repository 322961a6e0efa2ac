"""What differs between two frames: Textual sends a dirty region again whole, so regions are kept small."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from textual.geometry import Region


def changed_text(before: str, after: str, row: int = 0) -> list[Region]:
    """The span of columns in which two lines differ, as a region of that row; none if they are the same."""
    if before == after:
        return []
    length = max(len(before), len(after))
    pairs = list(zip(before.ljust(length), after.ljust(length), strict=True))
    first = next(i for i, (old, new) in enumerate(pairs) if old != new)
    last = next(i for i in range(length - 1, -1, -1) if pairs[i][0] != pairs[i][1])
    return [Region(first, row, last - first + 1, 1)]


def changed_cells(before: NDArray[Any], after: NDArray[Any], x: int, y: int) -> list[Region]:
    """Per row of two (rows, columns) arrays, the span of cells that differ; their corner lies at x, y."""
    differs = before != after
    regions = []
    for row in np.flatnonzero(differs.any(axis=1)).tolist():
        columns = np.flatnonzero(differs[row])
        first, last = int(columns[0]), int(columns[-1])
        regions.append(Region(x + first, y + row, last - first + 1, 1))
    return regions
