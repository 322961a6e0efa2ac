"""A network as a drawing: where its neurons stand, and the links between them in dots.

Only what fits is placed: of a layer with more neurons than there are rows, a part is shown that begins at its
`first` neuron, and a line says how many more there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tui.glyphs import Glyphs
from tui.palette import LEVELS

SIZES = ((4, 8), (3, 6), (2, 4), (1, 6))  # rows and columns of a neuron's map, the largest first
LARGE = ((10, 20), (7, 14), *SIZES)  # of a network that would leave its panel empty
FEW = 8  # neurons of such a network, inputs included
LINKS = 400  # between two layers, at most: the strongest
NARROWEST, WIDEST = 8, 36  # columns for the links between two layers


@dataclass(frozen=True)
class Column:
    """The neurons shown of one layer. Where they stand too close, every second one is moved to the right."""

    left: int
    right: int  # the column behind the last map
    map_rows: int
    map_columns: int
    tops: tuple[int, ...]  # the first row of each neuron
    lefts: tuple[int, ...]  # the first column of each neuron

    @property
    def middle(self) -> NDArray[np.float64]:
        """The rows, with fractions, in which the neurons have their middle: (neurons,)."""
        return np.array(self.tops) + self.map_rows / 2


@dataclass(frozen=True)
class Layout:
    """Places of all neurons shown, layer by layer."""

    rows: int
    columns: int
    layers: tuple[Column, ...]

    def gap(self, layer: int) -> tuple[int, int]:
        """The first column of the links into a layer, and how many columns they have."""
        begin = self.layers[layer - 1].right
        return begin, self.layers[layer].left - 1 - begin  # one is left for the mark of the chosen neuron


def lay_out(widths: Sequence[int], room: tuple[int, int], names: tuple[int, int], zoom: int = 0) -> Layout:
    """Place layers of these widths in `room` (columns, rows).

    `names` are the columns that the names left of the inputs and right of the outputs need. A layer's maps
    are as large as lets every neuron be seen; where no size does, or `zoom` asks for larger ones, it is
    folded.
    """
    for smaller in range(len(LARGE)):
        layout = _lay_out(widths, room, names, zoom - smaller)
        if layout.columns <= room[0]:
            break
    return layout


def _lay_out(widths: Sequence[int], room: tuple[int, int], names: tuple[int, int], zoom: int) -> Layout:
    columns, rows = room
    maps = LARGE if sum(widths) <= FEW else SIZES
    sizes = [_size(width, rows, zoom, maps) for width in widths]
    tops = [_tops(width, rows, size[0]) for width, size in zip(widths, sizes, strict=True)]
    crowded = [len(t) > 1 and t[1] - t[0] == size[0] for t, size in zip(tops, sizes, strict=True)]
    spans = [size[1] * (2 if two else 1) + two for size, two in zip(sizes, crowded, strict=True)]
    free = columns - names[0] - names[1] - 3 - sum(spans)
    between = min(max(NARROWEST, free // max(len(widths) - 1, 1)), WIDEST)
    layers = []
    left = names[0] + 2 + max(free - between * (len(widths) - 1), 0) // 2
    for size, top, span in zip(sizes, tops, spans, strict=True):
        lefts = tuple(left + index % 2 * (span - size[1]) for index in range(len(top)))
        layers.append(Column(left, left + span, *size, top, lefts))
        left += span + between
    return Layout(rows, layers[-1].right + 1 + names[1], tuple(layers))


def _size(width: int, rows: int, zoom: int, maps: Sequence[tuple[int, int]]) -> tuple[int, int]:
    fits = [size for size in maps if width * (size[0] + 1) - 1 <= rows or (size[0] == 1 and width <= rows)]
    index = maps.index(fits[0]) if fits else len(maps) - 1
    return maps[min(max(index - zoom, 0), len(maps) - 1)]


def _tops(width: int, rows: int, map_rows: int) -> tuple[int, ...]:
    """The first rows of a layer's neurons, spread evenly over the height, but not too far from each other.

    Of a layer that has no room, as many as there is room for above a line that says so.
    """
    if width * map_rows > rows:
        rows -= 1
        width = max(1, rows // map_rows)
    pitch = min(max((rows - map_rows) // max(width - 1, 1), map_rows), map_rows + 3)
    begin = max((rows - pitch * (width - 1) - map_rows) // 2, 0)
    return tuple(begin + pitch * index for index in range(width))


def along(
    starts: NDArray[np.float64], ends: NDArray[np.float64], columns: int
) -> Iterator[tuple[int, int, int, int]]:
    """Of each link its end, its start, and the row and column in which its number stands: where links are
    apart, for they meet in the layer with fewer neurons.
    """
    part = 0.5 if len(starts) == len(ends) == 1 else 0.25 if len(starts) >= len(ends) else 0.75
    for end, start in np.ndindex(len(ends), len(starts)):
        yield end, start, int(starts[start] + part * (ends[end] - starts[start])), int(part * columns)


def links(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    strengths: NDArray[np.float64],
    shape: tuple[int, int],
    glyphs: Glyphs,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Lines between two layers: patterns of dots and the strength of the line in each cell, both of `shape`.

    `strengths` (ends, starts) are from -1 to 1. Where lines meet the stronger one is seen whole. Lines of
    negative strength are dashed. `starts` and `ends` are rows of cells, with fractions.
    """
    rows, columns = shape
    height, width = rows * glyphs.rows, columns * glyphs.columns
    # Links that are about as strong keep their order, so that a picture of slow changes changes slowly.
    order = np.argsort(np.rint(np.abs(strengths) * LEVELS), axis=None, kind="stable")[-LINKS:]
    end, start = np.unravel_index(order, strengths.shape)
    samples = 2 * max(width, height)
    part = np.linspace(0, 1, samples)
    y = np.rint((starts[start] + (ends[end] - starts[start]) * part[:, None]).T * glyphs.rows - 0.5).astype(
        int
    )
    y = np.clip(y, 0, height - 1)
    x = np.broadcast_to(np.rint(part * (width - 1)).astype(int), y.shape)
    cell = y // glyphs.rows * columns + x // glyphs.columns
    owner = np.full(rows * columns, -1)
    owner[cell.ravel()] = np.repeat(np.arange(len(order)), samples)  # the strongest come last
    value = strengths.ravel()[order]
    dashed = (value[:, None] < 0) & (x // (2 * glyphs.columns) % 2 == 1)
    seen = (owner[cell] == np.arange(len(order))[:, None]) & ~dashed
    bit = 1 << (y % glyphs.rows * glyphs.columns + x % glyphs.columns)
    patterns = np.zeros(rows * columns, dtype=np.int64)
    np.bitwise_or.at(patterns, cell[seen], bit[seen])
    strength = np.where(owner >= 0, value[owner] if len(value) else 0.0, 0.0)
    return patterns.reshape(shape), strength.reshape(shape)
