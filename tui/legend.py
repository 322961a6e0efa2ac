"""The words above a plot: which curve is which, and its value; shorter and shorter until they fit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Literal

from rich.cells import cell_len

from tui.series import Series

Part = tuple[str, Series | None]  # a text, and the curve whose colour it has; None for a value

SAMPLES = {"line": "━", "dotted": "┅", "points": "•"}


# How much is said, the most first: which runs have their curves named, how many of a run's values stand
# there, and with how many decimals.
LEVELS: tuple[tuple[Literal["all", "first", "none"], int, int], ...] = (
    ("all", 2, 4),
    ("first", 2, 4),
    ("first", 2, 3),
    ("first", 1, 3),
    ("first", 0, 3),
    ("none", 0, 3),
)


def legend(curves: Sequence[Series], at: float | None, width: int) -> list[Part]:
    """Each run's name, then each of its curves with its value at an x, its last one if `at` is None.

    Where that is too long, curves are named in the first run alone, for their samples look the same in all;
    then values get shorter and fewer. What still does not fit is counted.
    """
    runs: dict[str, list[Series]] = {}
    for series in curves:
        runs.setdefault(series.run, []).append(series)
    for named, values, decimals in LEVELS:
        parts = [
            list(_of_run(run, at, named == "all" or (named == "first" and not index), values, decimals))
            for index, run in enumerate(runs.values())
        ]
        if sum(map(_width, parts)) <= width:
            return list(itertools.chain(*parts))
    shown: list[Part] = []
    for index, part in enumerate(parts):
        more = f"  +{len(parts) - index}"
        if _width(shown) + _width(part) + len(f"  +{len(parts)}") > width:
            return [*shown, (more, None)]
        shown += part
    return shown


def _of_run(
    run: Sequence[Series], at: float | None, named: bool, values: int, decimals: int
) -> Iterator[Part]:
    """The words for the curves of one run: of those without name and value, the first alone."""
    if run[0].run:
        yield f"  {run[0].run}", run[0]
    for index, series in enumerate(run):
        valued = series.look != "points" and index >= len(run) - values
        if named or valued or (not values and not index):
            yield f" {SAMPLES[series.look]}" + (f" {series.name}" if named else ""), series
        if valued:
            yield f" {number(series.last() if at is None else series.at(at), decimals)}", None


def _width(parts: Sequence[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)


def number(value: float, decimals: int = 4) -> str:
    """A value in a few characters; a dash where there is none."""
    if math.isnan(value):
        return "–"
    fixed = value == 0 or 1e-3 <= abs(value) < 1e3
    return f"{value:.{decimals}f}" if fixed else f"{value:.{decimals - 1}e}"
