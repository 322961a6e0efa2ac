"""Curves as dots, rasterized by numpy.

However many points a curve has, each column of dots shows the lowest and highest of those that fall into it,
so no spike is lost; between points the line is straight. NaN is a gap. A million points take numpy well
under a millisecond, so nothing is kept from frame to frame.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tui.axes import Range, dot
from tui.glyphs import Glyphs
from tui.history import Floats

Dots = NDArray[np.bool_]  # (rows, columns), the top row first
Transform = Callable[[Floats], Floats]


def line(
    x: Floats,
    y: Floats,
    shape: tuple[int, int],
    x_range: Range,
    y_range: Range,
    transform: Transform = np.asarray,
) -> Dots:
    """The dots of a curve in a grid of `shape` (rows, columns); `x` ascends.

    `transform` is increasing and applied to what decimation left of `y`; `y_range` is meant after it.
    """
    low, high = extents(x, y, shape[1], x_range, transform)
    first, last = _joined(dot(high, shape[0], y_range), dot(low, shape[0], y_range))
    rows = np.arange(shape[0])[:, None]
    with np.errstate(invalid="ignore"):
        dots: Dots = (rows >= first) & (rows <= last)
    return dots


def dotted(dots: Dots, length: int) -> Dots:
    """The same curve with gaps: `length` columns on, as many off, where steep parts keep every third dot.

    The gaps stand still on the screen while the curve grows.
    """
    rows, columns = dots.shape
    on = np.arange(columns) % (2 * length) < length
    steep = (dots.sum(axis=0) > 2) & (np.arange(rows)[:, None] % 3 == 0)
    return np.asarray(dots & (on | steep))


def points(
    x: Floats,
    y: Floats,
    shape: tuple[int, int],
    x_range: Range,
    y_range: Range,
    transform: Transform = np.asarray,
) -> Dots:
    """One dot for each point that lies within both ranges, in any order."""
    rows, columns = shape
    with np.errstate(invalid="ignore", over="ignore"):
        column = np.floor((x - x_range[0]) / (x_range[1] - x_range[0]) * columns)
        column = np.where(x == x_range[1], columns - 1, column)
        row = dot(transform(y), rows, y_range)
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    dots = np.zeros(shape, dtype=bool)
    dots[row[inside].astype(int), column[inside].astype(int)] = True
    return dots


def band(
    x: Floats,
    low: Floats,
    high: Floats,
    shape: tuple[int, int],
    x_range: Range,
    y_range: Range,
    transform: Transform = np.asarray,
) -> Dots:
    """The region between two curves as a sparse pattern, one dot in four."""
    lower = extents(x, low, shape[1], x_range, transform)[0]
    upper = extents(x, high, shape[1], x_range, transform)[1]
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])
    with np.errstate(invalid="ignore"):
        inside = (rows >= dot(upper, shape[0], y_range)) & (rows <= dot(lower, shape[0], y_range))
    return np.asarray(inside & ((rows + 2 * columns) % 4 == 0))


def characters(dots: Dots, glyphs: Glyphs) -> NDArray[np.uint32]:
    """A grid of dots as a grid of Unicode characters; its shape is a multiple of the glyphs'."""
    height, width = dots.shape[0] // glyphs.rows, dots.shape[1] // glyphs.columns
    blocks = dots.reshape(height, glyphs.rows, width, glyphs.columns).transpose(0, 2, 1, 3)
    weights = 1 << np.arange(glyphs.rows * glyphs.columns)
    patterns = blocks.reshape(height, width, -1) @ weights
    table = np.array(list(map(ord, glyphs.characters)), dtype=np.uint32)
    return table[patterns]


def extents(
    x: Floats, y: Floats, columns: int, x_range: Range, transform: Transform = np.asarray
) -> tuple[Floats, Floats]:
    """Per column of dots, the lowest and highest value of the curve in it; NaN where it does not pass."""
    edges = np.linspace(*x_range, columns + 1)
    if len(x) == 0:
        nothing = np.full(columns, np.nan)
        return nothing, nothing
    low = _between(x, y, (edges[:-1] + edges[1:]) / 2, transform)
    high = low.copy()
    edges[-1] = np.nextafter(edges[-1], np.inf)  # the last point belongs to the last column
    first = np.searchsorted(x, edges)
    has = np.flatnonzero(first[1:] > first[:-1])
    if len(has):
        inside = y[: first[-1]]
        low[has] = transform(np.fmin.reduceat(inside, first[has]))
        high[has] = transform(np.fmax.reduceat(inside, first[has]))
    return low, high


def _between(x: Floats, y: Floats, at: Floats, transform: Transform) -> Floats:
    """The straight lines between transformed neighbours; NaN outside of the curve."""
    right = np.clip(np.searchsorted(x, at), 1, max(len(x) - 1, 1))
    left = right - 1
    right = np.minimum(right, len(x) - 1)
    ends = transform(y[left]), transform(y[right])
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        part = (at - x[left]) / (x[right] - x[left])
        values: Floats = np.where(part == 0, ends[0], ends[0] + part * (ends[1] - ends[0]))
    values[~((at >= x[0]) & (at <= x[-1]))] = np.nan
    return values


def _joined(high: Floats, low: Floats) -> tuple[Floats, Floats]:
    """Stretch neighbouring columns of dots towards each other until a steep line has no holes."""
    high, low = high.copy(), low.copy()
    fall = high[1:] - low[:-1]  # dots between a column's lowest and the next one's highest
    meet = np.floor((low[:-1] + high[1:]) / 2)
    falls = fall > 1
    low[:-1][falls] = meet[falls]
    high[1:][falls] = meet[falls] + 1
    rise = high[:-1] - low[1:]
    meet = np.floor((high[:-1] + low[1:]) / 2)
    rises = rise > 1
    high[:-1][rises] = meet[rises] + 1
    low[1:][rises] = meet[rises]
    return high, low
