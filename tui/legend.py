"""The words above a plot: which curve is which, and its value; shorter and shorter until they fit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from tui.series import Series

Part = tuple[str, Series | None]  # a text, and the curve whose colour it has; None for a value

SAMPLES = {"line": "━", "dotted": "┅", "points": "•"}


def legend(curves: Sequence[Series], at: float | None, width: int) -> list[Part]:
    """Each run's name, then each of its curves with its value at an x, its last one if `at` is None.

    Where that is too long, the names of curves go first, which their samples stand for; then all values but
    one of a run; then all values. What still does not fit is counted.
    """
    runs = [list(group) for _, group in itertools.groupby(curves, key=lambda series: series.run)]
    for named, values in ((True, 2), (False, 2), (False, 1), (False, 0)):
        parts = [list(_of_run(run, at, named, values, len(runs) > 1)) for run in runs]
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
    run: Sequence[Series], at: float | None, named: bool, values: int, several: bool
) -> Iterator[Part]:
    """The words for the curves of one run."""
    first = run[0]
    if first.run or several:
        yield f"  {first.run}", first
    for index, series in enumerate(run if values != 1 else run[-1:]):
        if values == 0 and index:
            return
        yield f" {SAMPLES[series.look]} " + (f"{series.name} " if named else ""), series
        if values and series.look != "points":
            yield f"{number(series.last() if at is None else series.at(at))} ", None


def _width(parts: Sequence[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)


def number(value: float) -> str:
    """A value in six or seven characters; a dash where there is none."""
    if math.isnan(value):
        return "–"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e3 else f"{value:.3e}"
