"""A grid of styled characters as numbers: two compare in one step, and only the difference is sent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from tui.glyphs import inert

CHARACTER = (1 << 21) - 1
TAIL = 0  # the second cell of a wide character
APART = 20  # cells; a region of its own is more work than as many cells that did not change

Codes = NDArray[np.uint32]  # (rows, columns): style << 21 | character


class Cells:
    """Blank to begin with; what lies outside is cut off."""

    def __init__(self, columns: int, rows: int):
        self.codes: Codes = np.full((max(rows, 0), max(columns, 0)), ord(" "), dtype=np.uint32)

    def copy(self) -> Cells:
        other = Cells(0, 0)
        other.codes = self.codes.copy()
        return other

    def text(self, column: int, row: int, text: str, style: int) -> int:
        """Write text from outside, made inert; returns the column after it."""
        for character in inert(text):
            width = cell_len(character)
            if width and column >= 0 and column + width <= self.codes.shape[1] and row < len(self.codes):
                self.codes[row, column] = style << 21 | ord(character)
                self.codes[row, column + 1 : column + width] = style << 21 | TAIL
            column += width
        return column

    def put(self, column: int, row: int, characters: Codes, style: int) -> None:
        """Lay a grid of characters over this one; its blanks are transparent."""
        under = self.codes[row:, column:][: characters.shape[0], : characters.shape[1]]
        characters = characters[: under.shape[0], : under.shape[1]]
        seen = characters != ord(" ")
        under[seen] = characters[seen] | np.uint32(style << 21)

    def behind(self, column: int, row: int, characters: Codes, style: int) -> None:
        """Lay a grid of characters behind this one: it shows where this one is blank."""
        over = self.codes[row:, column:][: characters.shape[0], : characters.shape[1]]
        characters = characters[: over.shape[0], : over.shape[1]]
        blank = (over & CHARACTER) == ord(" ")
        over[blank] = characters[blank] | np.uint32(style << 21)

    def strip(self, row: int, styles: Sequence[Style]) -> Strip:
        """One line, for a widget's `render_line`."""
        if row >= len(self.codes) or not self.codes.shape[1]:
            return Strip.blank(self.codes.shape[1], styles[0])
        codes = self.codes[row]
        owners = codes >> 21
        starts = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(codes)]
        text = codes & CHARACTER
        return Strip(
            [Segment(_decode(text[start:end]), styles[owners[start]]) for start, end in pairwise(starts)],
            len(codes),
        )

    def differences(self, before: Cells) -> list[Region] | None:
        """The regions to send again; None if the sizes differ, and all is to be sent."""
        if before.codes.shape != self.codes.shape:
            return None
        return changed_cells(before.codes, self.codes)


def _decode(characters: Codes) -> str:
    return str(characters[characters != TAIL].astype("<u4").tobytes(), "utf-32-le")


def changed_cells(before: Codes, after: Codes) -> list[Region]:
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
