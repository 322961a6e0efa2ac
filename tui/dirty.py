"""What differs between two frames: Textual sends a dirty region again whole, so regions are kept small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from textual.geometry import Region

APART = 20  # cells; a cursor move and the styles sent anew take about as many bytes


def changed_text(before: str, after: str, row: int = 0) -> list[Region]:
    """The spans of columns in which two lines differ, as regions of that row; none if they are the same."""
    length = max(len(before), len(after))
    pairs = zip(before.ljust(length), after.ljust(length), strict=True)
    return spans([x for x, (old, new) in enumerate(pairs) if old != new], row, APART)


def spans(columns: Sequence[int], row: int, apart: int) -> list[Region]:
    """Columns that differ as regions of a row; those with at most `apart` equal ones between them are one."""
    found: list[tuple[int, int]] = []
    for x in columns:
        if found and x - found[-1][1] <= apart:
            found[-1] = found[-1][0], x + 1
        else:
            found.append((x, x + 1))
    return [Region(first, row, end - first, 1) for first, end in found]


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
