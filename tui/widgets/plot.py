"""A live plot that sends only what changed.

Textual sends a dirty region again whole, whether its cells changed or not; so each new frame is compared with
the one on the screen, and only spans of cells that differ are marked. The axes move in jumps for the same
reason: while they stand, a growing curve changes a few cells a frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.color import Color
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui import glyphs, raster
from tui.axes import Range, bounds, label, labels, log_bounds, place, row_ticks, span, ticks
from tui.cells import Cells, Codes
from tui.history import Floats
from tui.legend import legend
from tui.series import Mark, Series, Slots
from tui.smoothing import Smoothed
from tui.theme import SLOTS

GUTTER = 8  # columns left of the curves: a tick's number and the axis
ZOOM = 1.5  # how much nearer one press or one turn of the wheel brings
LABELS = 4  # of marks, the newest: a key that is held down makes many

# Styles, as a cells numbers them; three for each run follow.
AXIS, TITLE, MARK, CROSSHAIR, RUNS = range(5)
LINE, DOTTED, FAINT = range(3)


@dataclass(frozen=True)
class Look:
    """How the curves are looked at; plots that belong together share one.

    Args:
        window: the part of the x axis that is seen; None for all of it.
        log: whether the y axis is logarithmic.
        smoothing: weight of the moving average, 0 for none, below 1.
    """

    window: Range | None = None
    log: bool = False
    smoothing: float = 0.0


class Axes(NamedTuple):
    """What the two axes span; `y` in decimal logarithms if `log`."""

    x: Range
    y: Range
    log: bool


class Plot(Widget):
    """Curves over a common axis, with a line of title and legend above and the x axis below.

    The wheel zooms, dragging pans, a click points at an x. `y_range` holds while all of x is seen;
    curves that go further down, as R² may, take the axis along.
    """

    COMPONENT_CLASSES = {
        "plot--axis",
        "plot--title",
        "plot--mark",
        "plot--crosshair",
        *(f"plot--run-{slot}" for slot in range(1, SLOTS + 1)),
    }
    DEFAULT_CSS = "Plot { height: 1fr; min-height: 5; }\n" + "".join(
        f"Plot .plot--{part} {{ {style} }}\n"
        for part, style in {
            "title": "text-style: bold;",
            "axis": "color: $text-muted;",
            "mark": "color: $secondary;",
            "crosshair": "color: $foreground;",
            **{f"run-{slot}": f"color: $plot-{slot};" for slot in range(1, SLOTS + 1)},
        }.items()
    )

    class Pointed(Message):
        """A person points at an x."""

        def __init__(self, plot: Plot, x: float):
            super().__init__()
            self.plot = plot
            self.x = x

    class Looked(Message):
        """A person zoomed or panned: `look` is what they look at now."""

        def __init__(self, plot: Plot, look: Look):
            super().__init__()
            self.plot = plot
            self.look = look

    def __init__(
        self,
        title: str,
        *,
        x_label: str,
        y_range: Range | None = None,
        slots: Slots | None = None,
        id: str | None = None,
    ):
        super().__init__(id=id)
        self.plot_title = title
        self.x_label = x_label
        self.look = Look()
        self._fixed = y_range
        self._slots = slots or Slots()
        self._series: tuple[Series, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._whole: Range = (0.0, 1.0)
        self._crosshair: float | None = None
        self._hover: float | None = None
        self._grabbed: tuple[int, Range] | None = None  # where a drag began, and what was seen then
        self._dragged = False
        self._averages: dict[tuple[str, str, float], Smoothed] = {}
        self._cells = Cells(0, 0)
        # What most frames have in common with the one before: the axes, and curves that do not grow.
        self._empty: tuple[object, Cells] | None = None
        self._drawn: dict[object, tuple[object, raster.Dots]] = {}
        self._before = self._drawn
        self._styles: list[Style] = []

    # What it shows.

    def update(
        self, series: Sequence[Series], x_range: Range | None = None, marks: Sequence[Mark] = ()
    ) -> None:
        """Draw these; what differs on the screen is sent. Without a range, x goes round the data."""
        self._series, self._marks = tuple(series), tuple(marks)
        self._slots.keep({s.run for s in series})
        self._whole = x_range or bounds([s.x for s in series])
        known = {(s.run, s.name) for s in series}
        self._averages = {key: kept for key, kept in self._averages.items() if key[:2] in known}
        self._draw()

    def set_look(self, look: Look) -> None:
        """Show another part of the axes, or show them otherwise."""
        if look != self.look:
            self.look = look
            self._draw()

    def point_at(self, x: float | None) -> None:
        """Put the crosshair at x, with the values of all curves there; None takes it away."""
        if x != self._crosshair:
            self._crosshair = x
            self._draw()

    # How a person moves about in it. Each of these tells by `Looked`, so that other plots may follow.

    def zoom(self, factor: float, around: float | None = None) -> None:
        """Bring nearer what lies around an x, by default the crosshair or the middle; below 1: go back."""
        low, high = self.seen
        if around is None:
            inside = self._crosshair is not None and low <= self._crosshair <= high
            around = self._crosshair if inside and self._crosshair is not None else (low + high) / 2
        self._see(around - (around - low) / factor, around + (high - around) / factor)

    def pan(self, part: float) -> None:
        """Move to the right by a part of what is seen; to the left if negative."""
        low, high = self.seen
        self._see(low + part * (high - low), high + part * (high - low))

    def see_all(self) -> None:
        """Back to all of the x axis."""
        self._see(*self._whole)

    @property
    def seen(self) -> Range:
        """The part of the x axis that is seen."""
        if self.look.window is None:
            return self._whole
        low, high = (min(max(x, self._whole[0]), self._whole[1]) for x in self.look.window)
        return (low, high) if high > low else self._whole

    def _see(self, low: float, high: float) -> None:
        first, last = self._whole
        length = min(max(high - low, (last - first) * 1e-6), last - first)
        low = min(max(low, first), last - length)
        window = None if length >= (last - first) * (1 - 1e-9) else (low, low + length)
        self.set_look(replace(self.look, window=window))
        self.post_message(self.Looked(self, self.look))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.zoom(ZOOM, self._x_of(event.x))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.zoom(1 / ZOOM, self._x_of(event.x))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._grabbed, self._dragged = (event.x, self.seen), False
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._grabbed is None:
            self._hover_at(self._x_of(event.x) if event.x >= GUTTER else None)
            return
        start, (low, high) = self._grabbed
        if event.x != start:
            self._dragged = True
        if self._dragged:
            self._hover = None
            moved = (start - event.x) * (high - low) / self._columns
            self._see(low + moved, high + moved)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self.release_mouse()
        if self._grabbed and not self._dragged and event.x >= GUTTER:
            self.post_message(self.Pointed(self, self._x_of(event.x)))
        self._grabbed = None

    def on_leave(self) -> None:
        self._hover_at(None)

    def _hover_at(self, x: float | None) -> None:
        if x != self._hover:
            self._hover = x
            self._draw()

    # How it is drawn.

    @property
    def _columns(self) -> int:
        return max(self.size.width - GUTTER, 1)

    @property
    def _rows(self) -> int:
        return max(self.size.height - 2, 1)

    def on_resize(self) -> None:
        self._draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = []

    def render_line(self, y: int) -> Strip:
        self._styles = self._styles or self._resolved_styles()
        return self._cells.strip(y, self._styles)

    def _resolved_styles(self) -> list[Style]:
        styles = [self.get_component_rich_style(f"plot--{p}") for p in ("axis", "title", "mark", "crosshair")]
        for slot in range(1, SLOTS + 1):
            style = self.get_component_rich_style(f"plot--run-{slot}")
            colour = self.get_component_styles(f"plot--run-{slot}").color
            background = self.background_colors[1]
            text = Color.from_rich_color(self.rich_style.color) if self.rich_style.color else colour
            faint = background.blend(colour, 0.45)
            styles += [
                style,
                style + Style(color=colour.blend(text, 0.6).rich_color),
                style + Style(color=faint.rich_color, dim=self.app.no_color),
            ]
        return styles

    def _draw(self) -> None:
        """Make a new frame, and have sent what differs from the one before."""
        if not self.size:
            return
        before, self._cells = self._cells, self._frame()
        dirty = self._cells.differences(before)
        if dirty is None:
            self.refresh()
        elif dirty:
            self.refresh(*dirty)

    def _frame(self) -> Cells:
        curves = [self._smoothed(series) for series in self._series]
        axes = Axes(self.seen, self._bounds(curves, self.seen), self._logarithmic)
        cells = self._blank(axes)
        self._before, self._drawn = self._drawn, {}
        for series in self._series:
            self._draw_band(cells, series, axes)
        if self.look.smoothing:
            self._draw_curves(cells, self._series, axes, faint=True)
        self._draw_curves(cells, curves, axes)
        self._draw_marks(cells)
        self._draw_title(cells, curves)
        return cells

    @property
    def _logarithmic(self) -> bool:
        """Whether the y axis is logarithmic; one that is fixed never is."""
        return self.look.log and self._fixed is None

    def _looks(self) -> Iterator[str]:
        """What curves do not tell of themselves."""
        if self._logarithmic:
            yield "log"
        if self.look.smoothing:
            yield f"smooth {self.look.smoothing:g}"

    def _blank(self, axes: Axes) -> Cells:
        """The axes, and nothing else yet."""
        wanted = self.size, axes
        if self._empty is None or self._empty[0] != wanted:
            cells = Cells(self.size.width, self.size.height)
            self._draw_axes(cells, *axes)
            self._empty = wanted, cells
        return self._empty[1].copy()

    def _smoothed(self, series: Series) -> Series:
        weight = self.look.smoothing
        if not weight or series.look == "points":
            return series
        average = self._averages.setdefault((series.run, series.name, weight), Smoothed(weight))
        return replace(series, y=average.of(series.y))

    def _bounds(self, curves: Sequence[Series], x_range: Range) -> Range:
        """The y axis of what is seen: fixed, or round numbers about all curves and bands."""
        columns = [
            column[_inside(series, x_range)]
            for series in (*curves, *(self._series if self.look.smoothing else ()))
            for column in (series.y, series.low, series.high)
            if column is not None
        ]
        if self._fixed is not None and self.look.window is None:
            low, high = self._fixed
            lowest = span(columns)
            return (
                (bounds([*columns, np.array([high])])[0], high) if lowest and lowest[0] < low else (low, high)
            )
        return log_bounds(columns) if self._logarithmic else bounds(columns)

    def _draw_band(self, cells: Cells, series: Series, axes: Axes) -> None:
        if series.low is not None and series.high is not None:
            dots = self._dots(raster.band, (series.x, series.low, series.high), axes)
            cells.put(GUTTER, 1, self._characters(dots), self._style(series, FAINT))

    def _dots(self, draw: Callable[..., raster.Dots], arrays: tuple[Floats, ...], axes: Axes) -> raster.Dots:
        """What `draw` makes of the arrays; the same ones are not drawn again."""
        shape = self._dots_shape()
        wanted = draw, tuple(map(id, arrays)), shape, axes
        known = self._before.get(wanted)
        dots = known[1] if known else draw(*arrays, shape, axes.x, axes.y, _log if axes.log else np.asarray)
        self._drawn[wanted] = arrays, dots  # with the arrays, so that no others get their ids
        return dots

    def _draw_curves(self, cells: Cells, curves: Sequence[Series], axes: Axes, faint: bool = False) -> None:
        """All curves over one another; a cell has the colour of the curve with most dots in it."""
        given = glyphs.of(self)
        all_dots = np.zeros(self._dots_shape(), dtype=bool)
        most = np.zeros((self._rows, self._columns), dtype=np.int64)
        owner = np.zeros((self._rows, self._columns), dtype=np.uint32)
        for series in curves:
            draw = raster.points if series.look == "points" else raster.line
            dots = self._dots(draw, (series.x, series.y), axes)
            if series.look == "dotted":
                dots = raster.dotted(dots, given.columns)
            count = dots.reshape(self._rows, given.rows, self._columns, given.columns).sum(axis=(1, 3))
            owner[count > most] = self._style(series, FAINT if faint else LINE)
            most = np.maximum(most, count)
            all_dots |= dots
        characters = self._characters(all_dots)
        for style in np.unique(owner[most > 0]).tolist():
            cells.put(GUTTER, 1, np.where(owner == style, characters, np.uint32(ord(" "))), style)

    def _dots_shape(self) -> tuple[int, int]:
        given = glyphs.of(self)
        return self._rows * given.rows, self._columns * given.columns

    def _characters(self, dots: raster.Dots) -> Codes:
        return raster.characters(dots, glyphs.of(self))

    def _style(self, series: Series, shade: int) -> int:
        if shade == LINE and series.look == "dotted":
            shade = DOTTED
        return RUNS + 3 * self._slots.of(series.run) + shade

    def _draw_marks(self, cells: Cells) -> None:
        """Lines where values changed, labels of the newest where no curve is, and the crosshair over them."""
        crosshair = self._hover if self._hover is not None else self._crosshair
        if crosshair is not None and (column := self._column_of(crosshair)) is not None:
            self._vertical(cells, column, "│", CROSSHAIR)
        seen = [(mark, c) for mark in self._marks if (c := self._column_of(mark.x)) is not None]
        for mark, column in seen[: -LABELS - 1 : -1]:
            wide = cell_len(mark.label)
            start = max(GUTTER, min(column + 1, self.size.width - wide))
            room = cells.codes[1 : 1 + self._rows, start : start + wide + 1] == ord(" ")
            if len(free := np.flatnonzero(room.all(axis=1))):
                cells.text(start, 1 + int(free[0]), mark.label, MARK)
        for _, column in seen:
            self._vertical(cells, column, "┊", MARK)

    def _vertical(self, cells: Cells, column: int, character: str, style: int) -> None:
        cells.behind(column, 1, np.full((self._rows, 1), ord(character), dtype=np.uint32), style)

    def _x_of(self, column: int) -> float:
        low, high = self.seen
        part = (column - GUTTER + 0.5) / self._columns
        return low + min(max(part, 0.0), 1.0) * (high - low)

    def _column_of(self, x: float) -> int | None:
        low, high = self.seen
        if not low <= x <= high:
            return None
        return GUTTER + min(int((x - low) / (high - low) * self._columns), self._columns - 1)

    def _draw_axes(self, cells: Cells, x_range: Range, y_range: Range, log: bool) -> None:
        for row in range(self._rows):
            cells.text(GUTTER - 1, 1 + row, "│", AXIS)
        for row, value in row_ticks(y_range, self._rows, glyphs.of(self).rows, log).items():
            cells.text(0, 1 + row, f"{label(10**value if log else value):>{GUTTER - 2}} ┤", AXIS)
        bottom, right = 1 + self._rows, self.size.width
        if len(self.x_label) > GUTTER - 2:  # where the first tick may want to be
            right -= len(self.x_label) + 1
            cells.text(right + 1, bottom, self.x_label, AXIS)
        else:
            cells.text(1, bottom, self.x_label, AXIS)
        low, high = x_range
        taken = 0  # columns, by the ticks before
        values = ticks(x_range, max(2, self._columns // 12))
        for value, text in zip(values, labels(values), strict=True):
            middle = GUTTER + (value - low) / (high - low) * (self._columns - 1)
            start = round(min(max(middle - len(text) / 2 + 0.5, GUTTER - 1), self.size.width - len(text)))
            if start > taken and (start + len(text) <= right or right == self.size.width):
                taken = cells.text(start, bottom, text, AXIS)

    def _draw_title(self, cells: Cells, curves: Sequence[Series]) -> None:
        """The title, how the curves are drawn, name and value of each: its last one, or at the crosshair."""
        look = " · ".join(self._looks())
        column = cells.text(1, 0, f"{self.plot_title}  " if look else f"{self.plot_title:<{GUTTER}}", TITLE)
        column = cells.text(column, 0, f"{look} " if look else "", AXIS)
        crosshair = self._hover if self._hover is not None else self._crosshair
        if crosshair is not None:
            column = cells.text(column + 1, 0, f"{self.x_label} {place(crosshair)} ", AXIS)
        known = [series for series in curves if crosshair is not None or not math.isnan(series.last())]
        for text, series in legend(known, crosshair, self.size.width - column):
            style = TITLE if series is None else self._style(series, LINE)
            column = cells.text(column, 0, text, style)


def _inside(series: Series, x_range: Range) -> slice | raster.Dots:
    """Which points lie within a range of x."""
    if series.look == "points":
        return (series.x >= x_range[0]) & (series.x <= x_range[1])
    first, last = np.searchsorted(series.x, x_range[0]), np.searchsorted(series.x, x_range[1], side="right")
    return slice(max(int(first) - 1, 0), int(last) + 1)


def _log(values: Floats) -> Floats:
    """Decimal logarithms; what is not positive lies below every axis."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs: Floats = np.where(values <= 0, -np.inf, np.log10(values))
    return logs
