"""Where two frames differ, as the regions to draw again: as few cells as can be."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region

APART = 20  # cells; a cursor move and the styles sent anew take about as many bytes


def spans(columns: Sequence[int], row: int, apart: int) -> list[Region]:
    """Columns that differ as regions of a row; those with at most `apart` equal ones between them are one."""
    found: list[tuple[int, int]] = []
    for x in columns:
        if found and x - found[-1][1] <= apart:
            found[-1] = found[-1][0], x + 1
        else:
            found.append((x, x + 1))
    return [Region(first, row, end - first, 1) for first, end in found]
