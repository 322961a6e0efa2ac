"""Axes that people can read: round bounds that move in jumps, and ticks at round numbers."""

from __future__ import annotations

import math

import numpy as np

from tui.braille import Range
from tui.history import Floats

FARTHEST = 1e98  # a curve that runs away further leaves the plot; its span stays a number, its ticks short


def round_step(span: float, parts: int) -> float:
    """The smallest of 1, 2, 2.5, 5 × 10^n that covers `span` in at most `parts` steps."""
    raw = span / max(parts, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * (1 - 1e-9))


def bounds(values: list[Floats], parts: int = 4) -> Range:
    """Round bounds around all finite values; they stay put while the values move between them."""
    finite = [column[np.isfinite(column)] for column in values]
    finite = [column for column in finite if len(column)]
    if not finite:
        return 0.0, 1.0
    low = max(min(float(column.min()) for column in finite), -FARTHEST)
    high = min(max(float(column.max()) for column in finite), FARTHEST)
    span = max(high - low, abs(high) * 0.05, 1e-12)
    step = round_step(span, parts)
    return math.floor(low / step + 1e-9) * step, math.ceil((low + span) / step - 1e-9) * step


def ticks(axis: Range, most: int) -> list[float]:
    """At most `most` round numbers within the axis, its ends included where they are round."""
    step = round_step(axis[1] - axis[0], max(most - 1, 1))
    first = math.ceil(axis[0] / step - 1e-9)
    last = math.floor(axis[1] / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def label(value: float) -> str:
    """A tick's number in at most six characters: 0.25, 20k, 1.5M, 1e-05."""
    for start, factor, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if start <= abs(value) < 1e12:
            return f"{value / factor:.3g}{unit}"
    for digits in (4, 3, 2):
        text = f"{value:.{digits}g}"
        if len(text) <= 6:
            return text.replace("e+0", "e").replace("e-0", "e-")
    return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")
