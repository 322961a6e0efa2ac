"""Axes that people can read: round bounds that move in jumps, and ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from tui.history import Floats

Range = tuple[float, float]
FARTHEST = 1e98  # a curve that runs away further leaves the plot; its span stays a number, its ticks short
UNITS = {"G": 1e9, "M": 1e6, "k": 1e3}
TIE = 1e-6  # dots: a value between two goes to the lower one, however its last digits were rounded
LOG_2, LOG_5 = math.log10(2), math.log10(5)


def round_step(span: float, parts: int) -> float:
    """The smallest of 1, 2, 2.5, 5 × 10^n that covers `span` in at most `parts` steps."""
    raw = span / max(parts, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * (1 - 1e-9))


def span(values: list[Floats], above: float = -math.inf) -> Range | None:
    """The lowest and highest of all finite values that lie above a number; None if there are none."""
    found = []
    for column in filter(len, values):
        low, high = float(np.fmin.reduce(column)), float(np.fmax.reduce(column))  # these pass NaN over
        if not (low > above and high < math.inf):
            column = column[np.isfinite(column) & (column > above)]
            if not len(column):
                continue
            low, high = float(column.min()), float(column.max())
        found.append((low, high))
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def bounds(values: list[Floats], parts: int = 4) -> Range:
    """Round bounds around all finite values; they stay put while the values move between them."""
    found = span(values)
    if found is None:
        return 0.0, 1.0
    low, high = max(found[0], -FARTHEST), min(found[1], FARTHEST)
    length = max(high - low, abs(high) * 0.05, 1e-12)
    step = round_step(length, parts)
    return math.floor(low / step + 1e-9) * step, math.ceil((low + length) / step - 1e-9) * step


def log_bounds(values: list[Floats]) -> Range:
    """Bounds at 1, 2 or 5 × 10^n around all positive finite values, as their decimal logarithms."""
    found = span(values, above=0.0)
    if found is None:
        return -1.0, 0.0
    low, high = math.log10(max(found[0], 1 / FARTHEST)), math.log10(min(found[1], FARTHEST))
    low = max(_round_log(low, math.floor), high - 300)
    high = _round_log(high, math.ceil)
    return (low, high) if high > low else (low, low + 1)


def _round_log(value: float, towards: Callable[[float], int]) -> float:
    """The logarithm of the next of 1, 2, 5 × 10^n below (floor) or above (ceil)."""
    power = math.floor(value + 1e-9)
    rounds = [power + part for part in (0.0, LOG_2, LOG_5, 1.0)]
    if towards is math.floor:
        return max(log for log in rounds if log <= value + 1e-9)
    return min(log for log in rounds if log >= value - 1e-9)


def log_ticks(axis: Range, most: int) -> list[float]:
    """At most `most` values within an axis of decimal logarithms: powers of ten, 2 and 5 if few.

    Two at least, if so many are allowed: where no others are, the ends of the axis.
    """
    first, last = math.ceil(axis[0] - 1e-9), math.floor(axis[1] + 1e-9)
    fine = [
        power + part
        for power in range(first - 1, last + 1)
        for part in (0.0, LOG_2, LOG_5)
        if axis[0] - 1e-9 <= power + part <= axis[1] + 1e-9
    ]
    stride = max(1, -(-(last - first + 1) // max(most, 1)))
    powers = [float(power) for power in range(first, last + 1) if power % stride == 0]
    return next((found for found in (fine, powers) if 2 <= len(found) <= most), [*axis][: max(most, 1)])


def ticks(axis: Range, most: int) -> list[float]:
    """At most `most` round numbers within the axis, its ends included where they are round.

    Two at least, if so many are allowed: where no rounder ones are, the ends of the axis.
    """
    for parts in (max(most - 1, 1), most):
        step = round_step(axis[1] - axis[0], parts)
        first = math.ceil(axis[0] / step - 1e-9)
        last = math.floor(axis[1] / step + 1e-9)
        if 2 <= last - first + 1 <= most:
            return [index * step for index in range(first, last + 1)]
    return [*axis][: max(most, 1)]


def dot(values: Floats, dots: int, axis: Range) -> Floats:
    """The dot of a vertical axis, counted from the top, in which each value lies; NaN stays NaN."""
    last = dots - 1
    with np.errstate(invalid="ignore", over="ignore"):
        place: Floats = np.rint(last - (values - axis[0]) * (last / (axis[1] - axis[0])) + TIE)
        return np.clip(place, -dots, 2 * dots)  # what runs away leaves the plot, and stays a number


def row_ticks(axis: Range, rows: int, dots: int, log: bool = False) -> dict[int, float]:
    """Ticks of a vertical axis of rows of so many dots, by the row in which a curve at that value is drawn.

    Everywhere as many rows apart, where that leaves the ends, and more than half of what there is room for.
    """
    most = min(max(2, (rows + 1) // 2), rows)

    def placed(values: list[float]) -> dict[int, float]:
        places = dot(np.array(values), rows * dots, axis) // dots
        return dict(zip(places.astype(int).tolist(), values, strict=True))

    if log:
        return placed(log_ticks(axis, most))
    all_ticks = placed(ticks(axis, most))
    ends = {min(all_ticks), max(all_ticks)}
    for count in range(most, max(2, len(all_ticks) // 2), -1):
        found = placed(ticks(axis, count))
        if len(found) > 2 and ends <= found.keys() and len(set(np.diff([*found]))) == 1:
            return found
    return all_ticks


def labels(values: list[float]) -> list[str]:
    """The numbers of ticks, each with as many digits as tell it from its neighbours."""
    within = min((abs(b - a) for a, b in pairwise(values)), default=math.inf) / 10
    return [label(value, within) for value in values]


def label(value: float, within: float = math.inf) -> str:
    """A tick's number in six characters at most (0.25, 20k, 1.5M, 1e-5), in more to be within so much."""
    short = _short(value)
    told = float(short[:-1]) * UNITS[short[-1]] if short[-1] in UNITS else float(short)
    texts = (f"{value:.{digits}g}" for digits in range(5, 18))
    return short if abs(told - value) <= within else next(t for t in texts if abs(float(t) - value) <= within)


def place(value: float) -> str:
    """A place on an axis in four digits, or as a whole number with all of its own: 2.02, 102,856."""
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.4g}"


def _short(value: float) -> str:
    for unit, factor in UNITS.items():
        if max(factor, 1e4) <= abs(value) < 1e12:
            return f"{value / factor:.3g}{unit}"
    for digits in (4, 3, 2):
        text = f"{value:.{digits}g}"
        if len(text) <= 6:
            return text.replace("e+0", "e").replace("e-0", "e-")
    return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")
