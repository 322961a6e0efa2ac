"""A live line plot that sends only what changed.

Textual sends a dirty region again whole, whether its cells changed or not; so each new frame is compared with
the one on the screen, and only spans of cells that differ are marked. The axes move in jumps for the same
reason: while they stand, a growing curve changes a few cells a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.axes import bounds, label, ticks
from tui.braille import BLANK, Range, cells
from tui.dirty import changed_cells, changed_text
from tui.history import Floats

GUTTER = 8  # columns left of the curves: a tick's number and the axis
Frame = NDArray[np.uint16]  # (rows, columns): dots in the low byte, 1 + the series on top in the high one


@dataclass(frozen=True)
class Series:
    """One curve: points (x ascending, y), both (n,)."""

    name: str
    x: Floats
    y: Floats


class Plot(Widget):
    """Curves over a common axis, with a line of title and legend above and the x axis below."""

    COMPONENT_CLASSES = {"plot--axis", "plot--title", "plot--series-1", "plot--series-2"}
    DEFAULT_CSS = """
    Plot { height: 1fr; min-height: 5; }
    Plot .plot--title { text-style: bold; }
    Plot .plot--axis { color: $text-muted; }
    Plot .plot--series-1 { color: $plot-1; }
    Plot .plot--series-2 { color: $plot-2; }
    """

    def __init__(self, title: str, *, x_label: str, y_range: Range | None = None, id: str | None = None):
        super().__init__(id=id)
        self.plot_title = title
        self.x_label = x_label
        self._fixed = y_range
        self._series: tuple[Series, ...] = ()
        self._x_range: Range = (0.0, 1.0)
        self._y_range: Range = y_range or (0.0, 1.0)
        self._frame: Frame = np.zeros((0, 0), dtype=np.uint16)
        self._legend: Strip | None = None
        self._styles: dict[str, Style] = {}

    def update(self, series: Sequence[Series], x_range: Range) -> None:
        """Draw these curves; the parts of the screen that differ are sent."""
        legend, self._legend = self._title_strip().text, None
        self._series = tuple(series)
        y_range = self._fixed or bounds([s.y for s in self._series])
        moved = (x_range, y_range) != (self._x_range, self._y_range)
        self._x_range, self._y_range = x_range, y_range
        before, self._frame = self._frame, self._raster()
        if moved or before.shape != self._frame.shape:
            self.refresh()
            return
        dirty = changed_cells(before, self._frame, GUTTER, 1)
        if dirty := dirty + changed_text(legend, self._title_strip().text):
            self.refresh(*dirty)

    def on_resize(self) -> None:
        self._frame = self._raster()
        self._legend = None
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._legend = None

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self._title_strip()
        if y == self.size.height - 1:
            return self._x_axis_strip()
        return self._curve_strip(y - 1)

    def _raster(self) -> Frame:
        """The frame of the present curves at the present size; a cell has the colour of most of its dots."""
        width, height = max(self.size.width - GUTTER, 1), max(self.size.height - 2, 1)
        frame = np.zeros((height, width), dtype=np.uint16)
        most = np.zeros((height, width), dtype=np.uint8)
        for index, series in enumerate(self._series, 1):
            dots = cells(series.x, series.y, width, height, self._x_range, self._y_range)
            count = np.bitwise_count(dots)
            owner = np.where(count > most, index << 8, frame & 0xFF00)
            frame = (owner | (frame & 0xFF) | dots).astype(np.uint16)
            most = np.maximum(most, count)
        return frame

    def _style(self, part: str) -> Style:
        if part not in self._styles:
            self._styles[part] = self.get_component_rich_style(f"plot--{part}")
        return self._styles[part]

    def _title_strip(self) -> Strip:
        if self._legend is None:
            segments = [Segment(f" {self.plot_title:<{GUTTER}}", self._style("title"))]
            for index, series in enumerate(self._series, 1):
                last = series.y[np.isfinite(series.y)][-1:]
                if len(last):
                    segments.append(Segment(f" ━ {series.name} ", self._style(f"series-{index}")))
                    segments.append(Segment(f"{last[0]:.4f} ", self._style("title")))
            self._legend = Strip(segments).adjust_cell_length(self.size.width, self._style("axis"))
        return self._legend

    def _curve_strip(self, row: int) -> Strip:
        codes = self._frame[row] if row < len(self._frame) else np.zeros(0, dtype=np.uint16)
        segments = [Segment(self._gutter(row), self._style("axis"))]
        for series, group in groupby(codes.tolist(), key=lambda code: code >> 8):
            text = "".join(chr(BLANK + (code & 0xFF)) if code else " " for code in group)
            segments.append(Segment(text, self._style(f"series-{series}" if series else "axis")))
        return Strip(segments).adjust_cell_length(self.size.width, self._style("axis"))

    def _gutter(self, row: int) -> str:
        """The axis left of a row, with the number of a tick that lies in it."""
        rows = len(self._frame)
        low, high = self._y_range
        for value in ticks(self._y_range, max(2, rows // 2)):
            if round((rows * 4 - 1) * (high - value) / (high - low)) // 4 == row:
                return f"{label(value):>{GUTTER - 2}} ┤"
        return f"{'│':>{GUTTER}}"

    def _x_axis_strip(self) -> Strip:
        width = max(self.size.width - GUTTER, 1)
        low, high = self._x_range
        line = [" "] * (self.size.width + 1)
        for value in ticks(self._x_range, max(2, width // 12)):
            text = label(value)
            middle = GUTTER + (value - low) / (high - low) * (width - 1)
            start = round(min(max(middle - len(text) / 2 + 0.5, GUTTER - 1), self.size.width - len(text)))
            line[start : start + len(text)] = text
        line[1 : 1 + len(self.x_label)] = self.x_label
        return Strip([Segment("".join(line)[: self.size.width], self._style("axis"))])
