"""Pictures of colours in cells of text: two to a cell where the terminal has half blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.style import Style

from tui.glyphs import Glyphs
from tui.palette import Colours, Palette, Rgb, style

SHADES = " ░▒▓█"  # from weak to strong, where there are no colours

Cell = tuple[str, Style]
Cells = list[list[Cell]]


def picture(colours: Colours, halves: bool) -> Cells:
    """Colours (2 × rows, columns, 3) as rows of cells; without half blocks, two rows of them are mixed."""
    if not halves:
        mixed = colours.reshape(-1, 2, *colours.shape[1:]).mean(axis=1).astype(int).tolist()
        return [[(" ", style(tuple(colour), tuple(colour))) for colour in row] for row in mixed]
    top, bottom = colours[0::2].tolist(), colours[1::2].tolist()
    return [
        [_half(tuple(a), tuple(b)) for a, b in zip(upper, lower, strict=True)]
        for upper, lower in zip(top, bottom, strict=True)
    ]


def of_classes(
    numbers: NDArray[np.integer], certainty: NDArray[np.floating], colours: Palette, halves: bool
) -> Cells:
    """Classes (2 × rows, columns) as rows of cells in their colours, paler where less certain.

    Where a terminal has too few colours for pale ones, a cell is filled less.
    """
    if colours.tints:
        return picture(colours.class_map(numbers, certainty), halves)
    surer = certainty[0::2] >= certainty[1::2]
    number = np.where(surer, numbers[0::2], numbers[1::2])
    filled = 1 + np.rint(2 * np.clip((certainty[0::2] + certainty[1::2]) / 2, 0, 1)).astype(int)
    inks = [style(colours.of_class(c)) for c in range(int(numbers.max(initial=0)) + 1)]
    return [
        [(SHADES[much], inks[c]) for much, c in zip(*row, strict=True)]
        for row in zip(filled.tolist(), number.tolist(), strict=True)
    ]


def of_signed(values: NDArray[np.floating], colours: Palette, halves: bool, zero: Rgb | None = None) -> Cells:
    """Values (2 × rows, columns) from -1 to 1 in the colours of their signs, paler towards zero."""
    if colours.tints:
        return picture(colours.signed_map(values, zero), halves)
    means = np.nan_to_num(np.clip((values[0::2] + values[1::2]) / 2, -1, 1))
    filled = np.rint(np.abs(means) * (len(SHADES) - 1)).astype(int)
    inks = {True: style(colours.positive), False: style(colours.negative)}
    return [
        [(SHADES[much], inks[positive]) for much, positive in zip(*row, strict=True)]
        for row in zip(filled.tolist(), (means >= 0).tolist(), strict=True)
    ]


def shades(strengths: NDArray[np.floating], ink: Style) -> Cells:
    """Strengths (2 × rows, columns) from 0 to 1 as rows of cells, for a screen without colours."""
    means = np.nan_to_num(np.clip((strengths[0::2] + strengths[1::2]) / 2, 0, 1))
    steps = np.rint(means * (len(SHADES) - 1)).astype(int)
    return [[(SHADES[step], ink) for step in row] for row in steps.tolist()]


def dots(grid: NDArray[np.bool_], glyphs: Glyphs) -> list[str]:
    """Dots (rows × glyphs.rows, columns × glyphs.columns) as lines of text."""
    rows, columns = grid.shape[0] // glyphs.rows, grid.shape[1] // glyphs.columns
    blocks = grid.reshape(rows, glyphs.rows, columns, glyphs.columns).swapaxes(1, 2)
    weights = 1 << np.arange(glyphs.rows * glyphs.columns)
    patterns = (blocks.reshape(rows, columns, -1) * weights).sum(axis=2)
    return ["".join(glyphs.characters[pattern] for pattern in row) for row in patterns.tolist()]


def runs(cells: list[Cell]) -> list[Cell]:
    """Neighbours of one style as one span."""
    spans: list[Cell] = []
    for text, ink in cells:
        if spans and spans[-1][1] is ink:
            spans[-1] = (spans[-1][0] + text, ink)
        else:
            spans.append((text, ink))
    return spans


def _half(top: Rgb, bottom: Rgb) -> Cell:
    return (" ", style(top, top)) if top == bottom else ("▀", style(top, bottom))
