"""Curves as braille: 2 × 4 dots a character, rasterized by numpy.

However many points a curve has, each column of dots shows the lowest and highest of those that fall into it,
so no spike is lost; between points the line is straight. NaN is a gap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tui.history import Floats

BLANK = 0x2800  # the braille pattern without dots
_WEIGHTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)

Cells = NDArray[np.uint8]
Range = tuple[float, float]


def cells(x: Floats, y: Floats, width: int, height: int, x_range: Range, y_range: Range) -> Cells:
    """The curve as (height, width) bit patterns; `x` ascends. The lowest row of dots is `y_range[0]`."""
    low, high = _extents(x, y, 2 * width, x_range)
    top = 4 * height - 1
    scale = top / (y_range[1] - y_range[0])
    with np.errstate(invalid="ignore"):
        high_dot = np.rint(top - (high - y_range[0]) * scale)  # counted from the top
        low_dot = np.rint(top - (low - y_range[0]) * scale)
        high_dot, low_dot = _joined(high_dot, low_dot)
        rows = np.arange(4 * height)[:, None]
        dots = (rows >= high_dot) & (rows <= low_dot)
    blocks = dots.reshape(height, 4, width, 2) * _WEIGHTS[None, :, None, :]
    patterns: Cells = blocks.sum(axis=(1, 3)).astype(np.uint8)
    return patterns


def _extents(x: Floats, y: Floats, columns: int, x_range: Range) -> tuple[Floats, Floats]:
    """Per column of dots, the lowest and highest value of the curve in it; NaN where it does not pass."""
    edges = np.linspace(*x_range, columns + 1)
    centers = (edges[:-1] + edges[1:]) / 2
    if len(x) == 0:
        nothing = np.full(columns, np.nan)
        return nothing, nothing
    low = np.interp(centers, x, y, left=np.nan, right=np.nan)
    high = low.copy()
    edges[-1] = np.nextafter(edges[-1], np.inf)  # the last point belongs to the last column
    first = np.searchsorted(x, edges)
    has = np.flatnonzero(first[1:] > first[:-1])
    if len(has):
        inside = y[: first[-1]]
        low[has] = np.fmin.reduceat(inside, first[has])
        high[has] = np.fmax.reduceat(inside, first[has])
    return low, high


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
