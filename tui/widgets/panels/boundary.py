"""The Boundary panel: what the network decides over two features, with the data on top."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual import events

from tui import glyphs, heat, raster
from tui.axes import label, row_ticks, ticks
from tui.heat import Cells
from tui.keys import bindings
from tui.palette import Palette, mix, style
from tui.view import View
from tui.widgets.canvas import Line, Span, cut, cut_middle
from tui.widgets.painted import PaintedPanel
from tui.widgets.panel import Answer, Ask, Question

WITH_LEGEND = 100  # columns from which there is room for the legend in the heading
SCALE = 11  # columns of the colours that numbers have
GUTTER = 8  # columns left of the picture, for the numbers of the vertical axis
POINTS = {"all": "all rows", "train": "train rows", "test": "test rows", "none": "no rows"}
MOST_RESIDUALS = 40  # rows
UNITS = "data's units"
REVERSED = Style(reverse=True)
BLANK = " \u2800"
# A row is drawn by what it is: a train or a test row, taken for the right class or for a wrong one.
MARKS = {(False, True): "●", (True, True): "○", (False, False): "✗", (True, False): "⊗"}


class Boundary(PaintedPanel):
    """Decision regions in half-block cells; of a regression, the line or the surface."""

    TITLE = "Boundary"
    BINDINGS = bindings("Boundary")

    def __init__(self, ask: Ask):
        super().__init__(ask)
        self.x, self.y = 0, 1  # features by how telling they are; the lab takes them modulo their number
        self.points = "all"
        self.pointed: int | None = None  # the row, among those of the answer, that is told of

    def action_feature_x(self) -> None:
        """The next feature across, but not the one that is drawn upwards already."""
        self.x = self._next(self.x, self.y)
        self.inquire()

    def action_feature_y(self) -> None:
        self.y = self._next(self.y, self.x)
        self.inquire()

    def action_points(self) -> None:
        names = list(POINTS)
        self.points = names[(names.index(self.points) + 1) % len(names)]
        self._point(None)
        self.draw()

    def action_row(self, by: int) -> None:
        """Point at the next row to the right, or to the left; after the last comes the first."""
        if self.answer is None or not (drawn := np.flatnonzero(self._drawn(self.answer)).tolist()):
            return
        places = self.answer.arrays["places"]
        order = sorted(drawn, key=lambda row: tuple(places[row]))
        before = order.index(self.pointed) if self.pointed in order else -1 if by > 0 else 0
        self._point(order[(before + by) % len(order)])

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._point_at(event)

    def on_click(self, event: events.Click) -> None:
        """For terminals that tell of clicks alone."""
        self._point_at(event)

    def _point_at(self, event: events.MouseEvent) -> None:
        offset = event.get_content_offset(self.canvas) if event.widget is self.canvas else None
        rows = self._rows_at(offset.x - GUTTER, offset.y - 1 - self._two_lines) if offset else []
        self._point(rows[-1] if rows else None)

    def on_leave(self) -> None:
        self._point(None)

    def _point(self, row: int | None) -> None:
        if row != self.pointed:
            self.pointed = row
            self.draw()

    def _rows_at(self, column: int, row: int) -> list[int]:
        """The rows that are drawn in a cell of the picture, the one that is seen last."""
        if self.answer is None:
            return []
        at = _cells_at(self.answer.arrays["places"], *self._picture)
        return [index for index in self._order(self.answer) if at[index] == (row, column)]

    def question(self, view: View) -> Question | None:
        width, height = self._picture
        if width < 1 or height < 1:
            return None
        choice = {"x": self.x, "y": self.y, "width": width, "height": 2 * height}
        return Question("boundary", {**view.source, "step": view.at, **choice})

    def heading(self, answer: Answer, colours: Palette) -> Line:
        values = answer.values
        if self._told(answer) and not self._two_lines:
            return self._row(answer, colours)
        most = 14 if self._two_lines else 24
        across, upwards = (cut_middle(values["features"][values[axis]], most) for axis in ("x", "y"))
        marks = [] if self._two_lines else self._marks(answer, colours)
        if "line" in answer.arrays:
            upwards = cut(values["target"], most)
            marks = [(f"{self._formula(answer)}   ", colours.text), *marks]
        return [
            (across, colours.bold),
            (" → ", colours.muted),
            (upwards, colours.bold),
            (" ↑   ", colours.muted),
            *self._class_names(values["classes"], colours),
            *(self._scale(values, colours) if values["predicted"] and "line" not in answer.arrays else []),
            *marks,
        ]

    def _formula(self, answer: Answer) -> str:
        """What the line says, of a network without hidden layers."""
        values = answer.values
        target, feature = cut(values["target"], 24), cut_middle(values["features"][0], 24)
        slope, intercept = values["slope"], values["intercept"]
        if slope is None:
            return ""
        sign = "−" if intercept < 0 else "+"
        return f"{target} = {slope:.4g} · {feature} {sign} {abs(intercept):.4g}"

    def subheading(self, answer: Answer, colours: Palette) -> Line:
        if not self._two_lines:
            return []
        return self._row(answer, colours) if self._told(answer) else self._marks(answer, colours)

    def _told(self, answer: Answer) -> bool:
        """Whether there is a row to tell of, in the place of what the marks mean."""
        return self.pointed is not None and self.pointed < len(answer.arrays["test"])

    def _row(self, answer: Answer, colours: Palette) -> Line:
        """The row that is pointed at: what it is, what it is taken for, and its features."""
        values, arrays, row = answer.values, answer.arrays, self.pointed
        part = "test" if arrays["test"][row] else "train"
        target, said = arrays["targets"][row].item(), arrays["predicted"][row].item()
        spans: list[Span] = [(f"{part} row {arrays['numbers'][row]}  ", colours.bold)]
        if classes := values["classes"]:
            spans += [("is ", colours.muted), (classes[int(target)], style(colours.of_class(int(target))))]
            spans += [
                (", taken for ", colours.muted),
                (classes[int(said)], style(colours.of_class(int(said)))),
            ]
            spans.append((f" {arrays['sure'][row]:.0%}", colours.text if said == target else colours.wrong))
        else:
            spans += [(f"{values['target']} ", colours.muted), (label(target), colours.text)]
            spans += [(", predicted ", colours.muted), (label(said), colours.text)]
            spans += [(", off by ", colours.muted), (f"{said - target:+.4g}", colours.text)]
        for feature, number in zip(values["told"], arrays["features"][row].tolist(), strict=True):
            spans += [(f"  {values['features'][feature]} ", colours.muted), (label(number), colours.text)]
        return spans

    def lines(self, answer: Answer, colours: Palette) -> list[Line]:
        cells = self._cells(answer, colours)
        self._put_points(cells, answer, colours)
        numbers = row_ticks(tuple(answer.values["ranges"][1]), len(cells), glyphs.of(self).rows)
        lines: list[Line] = []
        for row, line in enumerate(cells):
            at = numbers.get(row)
            gutter = f"{label(at) if at is not None else '':>{GUTTER - 1}} "
            lines.append([(gutter, colours.muted), *heat.runs(line)])
        return [*lines, self._axis(answer, len(cells[0]) if cells else 0, colours)]

    @property
    def _picture(self) -> tuple[int, int]:
        """Columns and rows of the picture itself."""
        width, height = self.room
        return width - GUTTER, height - 2 - self._two_lines

    @property
    def _two_lines(self) -> bool:
        """Whether the legend has a line of its own."""
        return self.room[0] < WITH_LEGEND

    def _next(self, chosen: int, other: int) -> int:
        count = len(self.answer.values["features"]) if self.answer else 1
        following = (chosen + 1) % count
        return (following + 1) % count if following == other % count and count > 1 else following

    def _class_names(self, names: list[str], colours: Palette) -> list[Span]:
        spans: list[Span] = []
        for number, name in enumerate(names):
            sign = "abcdefgh"[number % 8] if colours.no_color else "■"
            spans += [(f"{sign} ", style(colours.of_class(number))), (f"{cut(name, 14)}  ", colours.text)]
        return spans

    def _scale(self, values: dict[str, Any], colours: Palette) -> list[Span]:
        """What numbers the colours mean, from the lowest to the highest."""
        low, high = (label(end) for end in values["predicted"])
        (scale,) = self._shaded(np.tile(np.linspace(-1, 1, SCALE), (2, 1)), colours)
        name = cut(values["target"], 14)
        return [(f"{name} ", colours.bold), (f"{low} ", colours.text), *scale, (f" {high}  ", colours.text)]

    def _shaded(self, numbers: NDArray[np.floating], colours: Palette) -> Cells:
        """Numbers from -1 to 1 in colours, or in shades where there are none."""
        if colours.no_color:
            return heat.shades((numbers + 1) / 2, colours.muted)
        return heat.of_signed(numbers, colours, glyphs.of(self).half_blocks)

    def _marks(self, answer: Answer, colours: Palette) -> list[Span]:
        """What the marks of the rows mean, and which rows are drawn."""
        kinds = {"train": False, "test": True} if answer.arrays["test"].any() else {"train": False}
        classes = answer.values["classes"]
        spans: list[Span] = []
        for word, test in kinds.items():
            signs = f"{MARKS[test, True]} {MARKS[test, False]}" if classes else MARKS[test, True]
            spans += [(f" {signs} ", colours.bold), (word, colours.muted)]
        if classes:
            spans.append((", crossed: wrong", colours.muted))
        shown, all_rows = len(answer.arrays["test"]), answer.values["rows"]
        if shown < all_rows or self.points != "all":
            of = f" {shown:,} of {all_rows:,} rows" if shown < all_rows else ""
            spans.append((f"   {POINTS[self.points]}{of}", colours.warning))
        return spans

    def _axis(self, answer: Answer, width: int, colours: Palette) -> Line:
        """Round numbers along the axis across, and what they are, where there is room between them."""
        line = _numbers(answer.values["ranges"][0], width).ljust(width)
        gap = max(re.findall(" +", line), key=len, default="")
        if len(gap) >= len(UNITS) + 2:
            line = line.replace(gap, UNITS.center(len(gap)), 1)
        return [(" " * GUTTER + line, colours.muted)]

    def _cells(self, answer: Answer, colours: Palette) -> Cells:
        decisions, certainty = answer.arrays["decisions"], answer.arrays["certainty"]
        if "line" in answer.arrays:
            return self._line(answer, colours)
        classes = len(answer.values["classes"])
        if not classes:
            return self._shaded(decisions, colours)
        if colours.no_color:
            return heat.shades(decisions / max(classes - 1, 1) * 0.75, colours.muted)
        surer = (certainty - 1 / classes) / (1 - 1 / classes)
        return heat.of_classes(decisions, surer, colours, glyphs.of(self).half_blocks)

    def _line(self, answer: Answer, colours: Palette) -> Cells:
        """A regression over one feature: its line in dots."""
        width, height = self._picture
        signs = glyphs.of(self)
        line = answer.arrays["line"]
        shape = (height * signs.rows, width * signs.columns)
        dots = raster.line(np.linspace(0, 1, len(line)), line, shape, (0, 1), (0, 1))
        ink = style(colours.positive)
        cells = [[(char, ink) for char in row] for row in heat.dots(dots, signs)]
        self._put_residuals(cells, answer, colours)
        return cells

    def _put_residuals(self, cells: Cells, answer: Answer, colours: Palette) -> None:
        """From each row to the line, what is missed; of many rows that would hide the line."""
        places, line = answer.arrays["places"], answer.arrays["line"]
        if len(places) > MOST_RESIDUALS:
            return
        foot = places.copy()
        foot[:, 1] = np.interp(places[:, 0], np.linspace(0, 1, len(line)), line)
        size = self._picture
        ends = zip(_cells_at(places, *size), _cells_at(foot, *size), self._drawn(answer), strict=True)
        for (row, column), (other, _), drawn in ends:
            for between in range(min(row, other) + 1, max(row, other)) if drawn else ():
                if cells[between][column][0] in BLANK:
                    cells[between][column] = ("┊", colours.muted)

    def _drawn(self, answer: Answer) -> NDArray[np.bool_]:
        """Which rows are drawn."""
        test = answer.arrays["test"]
        wanted = {"all": test | ~test, "train": ~test, "test": test, "none": test & ~test}
        return np.asarray(wanted[self.points], dtype=bool)

    def _right(self, answer: Answer) -> NDArray[np.bool_]:
        """Which rows are classified right; numbers are never wrong."""
        if not answer.values["classes"]:
            return np.ones(len(answer.arrays["test"]), bool)
        return np.asarray(answer.arrays["targets"] == answer.arrays["predicted"])

    def _order(self, answer: Answer) -> list[int]:
        """The rows drawn, later ones over earlier ones: the misclassified, and test rows, are seen; most of
        all the one that is pointed at."""
        right, test = self._right(answer), answer.arrays["test"]
        chosen: list[int] = np.flatnonzero(self._drawn(answer)).tolist()
        return sorted(chosen, key=lambda i: (i == self.pointed, not right[i], test[i]))

    def _put_points(self, cells: Cells, answer: Answer, colours: Palette) -> None:
        """Draw the rows over the picture."""
        arrays, classes = answer.arrays, answer.values["classes"]
        if not cells:
            return
        right = self._right(answer)
        at = _cells_at(arrays["places"], len(cells[0]), len(cells))
        for index in self._order(answer):
            y, x = at[index]
            mark = MARKS[bool(arrays["test"][index]), bool(right[index])]
            target = int(arrays["targets"][index]) if classes else 0
            if colours.no_color and classes and right[index]:
                mark = "abcdefgh"[target % 8].upper() if arrays["test"][index] else "abcdefgh"[target % 8]
            ink = self._ink(cells[y][x][1], target, bool(right[index]), colours, classes)
            cells[y][x] = (mark, ink + REVERSED if index == self.pointed else ink)

    def _ink(self, under: Style, target: int, right: bool, colours: Palette, classes: list[str]) -> Style:
        """A row's mark in the colour of its own class, on the colour of the region that it lies in."""
        ground = under.bgcolor.get_truecolor() if under.bgcolor else colours.background
        ink = colours.of_class(target) if classes else colours.foreground
        if not right or not colours.tints:
            return style(ink, colours.background, bold=True)
        return style(mix(ink, colours.foreground, 0.4), tuple(ground), bold=True)


def _cells_at(places: NDArray[np.floating], width: int, height: int) -> list[tuple[int, int]]:
    """Row and column of the cell in which each of some places (n, 2) lies, in a picture of this size."""
    column = np.clip((places[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip(((1 - places[:, 1]) * height).astype(int), 0, height - 1)
    return list(zip(row.tolist(), column.tolist(), strict=True))


def _numbers(axis: list[float], width: int) -> str:
    """Round numbers along an axis of so many columns, each around its place."""
    low, high = axis
    line = ""
    for number in ticks((low, high), max(width // 12, 2)):
        text = label(number)
        start = round((number - low) / (high - low) * (width - 1) - (len(text) - 1) / 2)
        if start > len(line) or not line:
            line = line.ljust(start) + text
    return line[:width]
