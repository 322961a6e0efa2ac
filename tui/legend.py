"""The words above a plot: which curve is which, and its value; shorter and shorter until they fit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from rich.cells import cell_len

from tui.series import Series
from tui.widgets.canvas import cut, cut_middle

Part = tuple[str, Series | None]  # a text, and the curve whose colour it has; None for a value

SAMPLES = {"line": "━", "dotted": "┅", "points": "•"}


class Level(NamedTuple):
    """How much is said: which runs have their curves named, how many values the first run and the others
    have, with how many decimals, and how long a run's name may be."""

    named: Literal["all", "first", "none"]
    own: int
    others: int
    decimals: int
    name: int = 99


LEVELS = (  # the most first; the run itself keeps both its values longest
    Level("all", 2, 2, 4),
    Level("first", 2, 2, 4),
    Level("first", 2, 2, 3),
    Level("first", 2, 1, 3),
    Level("none", 2, 1, 3),
    Level("none", 2, 1, 3, name=14),
    Level("none", 2, 1, 3, name=8),
    Level("none", 2, 0, 3, name=8),
    Level("none", 1, 0, 3, name=8),
    Level("none", 0, 0, 3),
    Level("none", 0, 0, 3, name=8),
)


def legend(curves: Sequence[Series], at: float | None, width: int) -> list[Part]:
    """Each run's name, then each of its curves with its value at an x, its last one if `at` is None.

    Where that is too long, curves are named in the first run alone, for their samples look the same in all;
    then values get shorter and fewer. What still does not fit is counted.
    """
    runs: dict[str, list[Series]] = {}
    for series in curves:
        runs.setdefault(series.run, []).append(series)
    for level in LEVELS:
        parts = [list(_of_run(run, at, level, first=not place)) for place, run in enumerate(runs.values())]
        if sum(map(_width, parts)) <= width:
            return list(itertools.chain(*parts))
    shown: list[Part] = []
    for index, part in enumerate(parts):
        more = f"  +{len(parts) - index}"
        if _width(shown) + _width(part) + len(f"  +{len(parts)}") > width:
            return [*shown, (more, None)]
        shown += part
    return shown


def _of_run(run: Sequence[Series], at: float | None, level: Level, *, first: bool) -> Iterator[Part]:
    """The words for the curves of one run: of those without name and value, the first alone."""
    named = level.named == "all" or (level.named == "first" and first)
    values = level.own if first else level.others
    if run[0].run:
        yield f"  {_named(run[0].run, level.name)}", run[0]
    for index, series in enumerate(run):
        valued = series.look != "points" and index >= len(run) - values
        if named or valued or (not values and not index):
            yield f" {SAMPLES[series.look]}" + (f" {series.name}" if named else ""), series
        if valued:
            yield f" {number(series.last() if at is None else series.at(at), level.decimals)}", None


def _named(run: str, room: int) -> str:
    """A run's name: of one change, its value is left; of several, the first."""
    return cut(run, room) if run.count("=") > 1 else cut_middle(run, room)


def _width(parts: Sequence[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)


def number(value: float, decimals: int = 4) -> str:
    """A value in a few characters; a dash where there is none."""
    if math.isnan(value):
        return "–"
    fixed = value == 0 or 1e-3 <= abs(value) < 1e3
    return f"{value:.{decimals}f}" if fixed else f"{value:.{decimals - 1}e}"
