"""The Network panel: neurons with what each of them sees, links with their weights; both change by keys."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.style import Style
from textual import events
from textual.app import ComposeResult

from tui import diagram, glyphs, heat
from tui.diagram import Layout
from tui.heat import Cells
from tui.keys import bindings
from tui.messages import EditHidden
from tui.palette import Palette, style
from tui.tensor import neuron as named
from tui.view import View
from tui.widgets.canvas import Canvas, Line, Span, cut, cut_middle
from tui.widgets.painted import PaintedPanel
from tui.widgets.panel import Answer, Ask, Question

HINT = "↑↓ neuron  [ ] layer  + - width  a add, d remove a layer"
WITH_WORDS = 90  # columns from which the heading says what a map is
NAME = 14  # columns of a name, at most
NEW_LAYER = 8  # neurons of a layer that is added
WITH_WEIGHTS = 8  # links between two layers, at most, to be written with their weights
NUMBER = 8  # columns of a weight
LAYERS = 64  # as many as a spec allows


class Picture(Canvas, inherit_bindings=False):
    """A canvas that leaves the arrow keys to its panel."""


class Network(PaintedPanel):
    """Layers from left to right; a chosen neuron's links stand out and its numbers are written below."""

    TITLE = "Network"
    BINDINGS = bindings("Network")

    def __init__(self, ask: Ask):
        super().__init__(ask)
        self.x, self.y = 0, 1  # features by how telling they are; the lab takes them modulo their number
        self.zoom = 0
        self.chosen_layer, self.neuron = 1, -1  # the chosen neuron; -1: none yet, the layer alone
        self.first: list[int] = []  # of each layer, the first neuron shown

    def compose(self) -> ComposeResult:
        yield Picture()

    # What the keys do.

    def action_feature_x(self) -> None:
        self.x += 1
        self.inquire()

    def action_feature_y(self) -> None:
        self.y += 1
        self.inquire()

    def action_zoom(self) -> None:
        self.zoom = (self.zoom + 1) % 3
        self.inquire()

    def action_layer(self, by: int) -> None:
        self.chosen_layer = min(max(self.chosen_layer + by, 0), len(self._widths) - 1)
        self.neuron = min(max(self.neuron, 0), self._widths[self.chosen_layer] - 1)
        self._follow()

    def action_neuron(self, by: int) -> None:
        self.neuron = min(max(self.neuron + by, 0), self._widths[self.chosen_layer] - 1)
        self._follow()

    def action_widen(self, by: int) -> None:
        """A neuron more, or fewer, in the chosen layer."""
        hidden = list(self._hidden)
        if hidden:
            index = min(max(self.chosen_layer - 1, 0), len(hidden) - 1)
            hidden[index] = max(1, hidden[index] + by)
            self._edit(hidden)

    def action_add_layer(self) -> None:
        """A layer more, behind the chosen one and as wide."""
        hidden = list(self._hidden)
        if len(hidden) < LAYERS:
            index = min(self.chosen_layer, len(hidden))
            hidden.insert(index, hidden[index - 1] if index else NEW_LAYER)
            self.chosen_layer = index + 1
            self._edit(hidden)

    def action_remove_layer(self) -> None:
        hidden = list(self._hidden)
        if hidden:
            del hidden[min(max(self.chosen_layer - 1, 0), len(hidden) - 1)]
            self.chosen_layer = max(1, self.chosen_layer - 1)
            self._edit(hidden)

    def on_descendant_focus(self) -> None:
        self.draw()

    def on_descendant_blur(self) -> None:
        self.call_after_refresh(self.draw)

    def on_click(self, event: events.Click) -> None:
        """Choose the neuron whose map is clicked."""
        layout = self._layout()
        if layout is None or self.answer is None:
            return
        offset = event.get_content_offset(self.canvas) if event.widget is self.canvas else None
        if offset is None:
            return
        x, y = offset.x + round(self.canvas.scroll_x), offset.y - 2 + round(self.canvas.scroll_y)
        for layer, column in enumerate(layout.layers):
            for index, (top, left) in enumerate(zip(column.tops, column.lefts, strict=True)):
                if top <= y < top + column.map_rows and left <= x < left + column.map_columns:
                    self.chosen_layer = layer
                    self.neuron = self.answer.values["first"][layer] + index
                    self.draw()

    def _edit(self, hidden: list[int]) -> None:
        self.neuron = -1
        self.post_message(EditHidden(tuple(hidden)))

    def _follow(self) -> None:
        """Show the part of a folded layer that the chosen neuron is in."""
        layout = self._layout()
        if layout:
            first = self.first[self.chosen_layer] if self.chosen_layer < len(self.first) else 0
            self.first += [0] * (len(self._widths) - len(self.first))
            self.first[self.chosen_layer] = max(
                min(first, self.neuron), self.neuron - len(layout.layers[self.chosen_layer].tops) + 1
            )
            left = layout.layers[self.chosen_layer].left - self.room[0] // 2
            self.canvas.scroll_to(x=max(left, 0), animate=False)
        self.inquire()

    # What is shown.

    @property
    def _hidden(self) -> tuple[int, ...]:
        return self.view.spec.hidden if self.view else ()

    @property
    def _widths(self) -> list[int]:
        """Widths of all layers as they were last answered."""
        return self.answer.values["widths"] if self.answer else [1, *self._hidden, 1]

    def question(self, view: View) -> Question | None:
        columns, rows = self.room
        if columns < 1 or rows < 3:
            return None
        widths = [4, *view.shown.hidden, 3] if self.answer is None else self._widths
        layout = self._lay_out(widths, (NAME, NAME))
        sizes = [[len(c.tops), c.map_columns, 2 * c.map_rows] for c in layout.layers]
        choice = {"x": self.x, "y": self.y, "first": list(self.first), "sizes": sizes}
        return Question("neurons", {**view.source, "step": view.at, **choice})

    def _layout(self) -> Layout | None:
        if self.answer is None:
            return None
        names = self.answer.values["features"], self._outputs(self.answer)
        left, right = (min(NAME, max(map(len, some))) for some in names)
        return self._lay_out(self._widths, (left, right))

    def _lay_out(self, widths: list[int], names: tuple[int, int]) -> Layout:
        """A layout under the heading's two lines, and above a scroll bar if it is wider than the panel."""
        columns, rows = self.room
        layout = diagram.lay_out(widths, (columns, rows - 2), names, self.zoom)
        if layout.columns <= columns:
            return layout
        return diagram.lay_out(widths, (columns, max(rows - 3, 1)), names, self.zoom)

    def heading(self, answer: Answer, colours: Palette) -> Line:
        values = answer.values
        names = [cut_middle(values["features"][values[axis]], 24) for axis in ("x", "y")]
        upwards = [(" → ", colours.muted), (names[1], colours.text), (" ↑", colours.muted)]
        widths = values["widths"]
        coming: list[Span] = []
        if self.view and self.view.spec.hidden != self.view.shown.hidden:
            wanted = [widths[0], *self.view.spec.hidden, widths[-1]]
            coming = [(f"   next reset {' · '.join(map(str, wanted))}", colours.warning)]
        return [
            (" · ".join(map(str, widths)), colours.bold),
            *coming,
            ("   maps over " if self.room[0] >= WITH_WORDS else "   ", colours.muted),
            (names[0], colours.text),
            *(upwards if values["x"] != values["y"] else []),
            ("   weights ", colours.muted),
            ("━━ positive ", style(colours.positive)),
            ("╍╍ negative", style(colours.negative)),
        ]

    def lines(self, answer: Answer, colours: Palette) -> list[Line]:
        layout = self._layout()
        if layout is None or f"map.{len(self._widths) - 1}" not in answer.arrays:
            return []
        cells: Cells = [[(" ", colours.text)] * layout.columns for _ in range(layout.rows)]
        for layer in range(1, len(self._widths)):
            self._put_links(cells, layer, layout, answer, colours)
        for layer in range(len(self._widths)):
            self._put_layer(cells, layer, layout, answer, colours)
        self._put_names(cells, layout, answer, colours)
        return [heat.runs(row) for row in cells]

    def draw(self) -> None:
        """As ever, but an answer for another size is not drawn: the right one is asked for."""
        if self.answer and not self.problem and not self._fits(self.answer):
            if self.view and self.question(self.view) != self._wanted:
                self.call_later(self.inquire)
        else:
            super().draw()

    def _fits(self, answer: Answer) -> bool:
        layout = self._layout()
        shapes = [answer.arrays[f"map.{layer}"].shape for layer in range(len(self._widths))]
        return layout is not None and shapes == [
            (len(column.tops), 2 * column.map_rows, column.map_columns) for column in layout.layers
        ]

    def _put_links(self, cells: Cells, layer: int, layout: Layout, answer: Answer, colours: Palette) -> None:
        weights = answer.arrays[f"weight.{layer}"]
        relative = weights / max(float(np.abs(weights).max(initial=0)), 1e-12)
        strengths = np.sign(relative) * np.abs(relative) ** 0.7  # so that weak links can be seen as well
        chosen = self._chosen(answer)
        if chosen and chosen[0] in (layer, layer - 1):  # all links but those of the chosen neuron step back
            others = np.ones(strengths.shape, bool)
            others[(chosen[1], ...) if chosen[0] == layer else (..., chosen[1])] = False
            strengths = np.where(
                others, strengths * 0.15, np.sign(strengths) * (0.4 + 0.6 * np.abs(strengths))
            )
        signs = glyphs.of(self)
        begin, columns = layout.gap(layer)
        starts, ends = layout.layers[layer - 1].middle, layout.layers[layer].middle
        patterns, colour = diagram.links(starts, ends, strengths, (layout.rows, columns), signs)
        for row in range(layout.rows):
            for column in np.flatnonzero(patterns[row]).tolist():
                ink = style(colours.signed(float(colour[row, column])))
                cells[row][begin + column] = (signs.characters[patterns[row, column]], ink)
        if weights.size <= WITH_WEIGHTS and columns >= 2 * NUMBER:
            for end, start, row, column in diagram.along(starts, ends, columns):
                weight = float(weights[end, start])
                ink = colours.signed_text(float(relative[end, start]))
                _write(cells[row], begin + column - NUMBER // 2, f"{weight:+.4g}", ink)

    def _put_layer(self, cells: Cells, layer: int, layout: Layout, answer: Answer, colours: Palette) -> None:
        maps = answer.arrays[f"map.{layer}"]
        column, last = layout.layers[layer], layer == len(self._widths) - 1
        chosen = self._chosen(answer)
        for top in column.tops:
            middle = cells[top + column.map_rows // 2]  # a way to or from a neuron that was moved aside
            for place in range(column.left, column.right):
                middle[place] = ("─", colours.faint) if middle[place][0] == " " else middle[place]
        for index, (top, left) in enumerate(zip(column.tops, column.lefts, strict=True)):
            picture = self._map(maps, index, last and bool(answer.values["classes"]), answer, colours)
            for row, line in enumerate(picture):
                cells[top + row][left : left + column.map_columns] = line
            below = top + column.map_rows
            if layer and answer.arrays[f"weight.{layer}"].size <= WITH_WEIGHTS and below < layout.rows:
                bias = float(answer.arrays[f"bias.{layer}"][index])
                _write(cells[below], left, f"bias {bias:+.4g}", colours.muted)
            if chosen == (layer, index):
                for row in range(column.map_rows):
                    cells[top + row][left - 1] = ("▐", colours.accent)
        self._put_fold(cells, layer, layout, answer, colours)

    def _put_fold(self, cells: Cells, layer: int, layout: Layout, answer: Answer, colours: Palette) -> None:
        """Below a folded layer, how many neurons of it are above and below those shown."""
        above = answer.values["first"][layer]
        below = self._widths[layer] - above - len(layout.layers[layer].tops)
        if above or below:
            words = " · ".join([f"{above} above"] * bool(above) + [f"{below} below"] * bool(below))
            column = layout.layers[layer]
            middle = (column.left + column.right - len(words)) // 2
            _write(cells[-1], max(middle, 0), words, colours.muted)

    def _map(self, maps: Any, index: int, is_class: bool, answer: Answer, colours: Palette) -> Cells:
        """A neuron's output: of a class its probability, else below and above the neuron's own middle."""
        values, halves = maps[index], glyphs.of(self).half_blocks
        if is_class:
            number = answer.values["first"][len(self._widths) - 1] + index
            if colours.no_color:
                return heat.shades(values, colours.text)
            return heat.of_classes(np.full(values.shape, number), 2 * values, colours, halves)
        reach = float((maps.max(axis=(1, 2)) - maps.min(axis=(1, 2))).max()) / 2 or 1.0
        strengths = (values - (values.max() + values.min()) / 2) / reach
        if colours.no_color:
            return heat.shades((strengths + 1) / 2, colours.text)
        return heat.of_signed(strengths, colours, halves, colours.ground)

    def _put_names(self, cells: Cells, layout: Layout, answer: Answer, colours: Palette) -> None:
        """Names of the inputs to the left of them, of the classes to the right of theirs."""
        last = len(self._widths) - 1
        inputs, outputs = layout.layers[0], layout.layers[last]
        for index, top in enumerate(inputs.tops):
            name = answer.values["features"][answer.values["first"][0] + index]
            width = inputs.left - 2
            drawn = answer.values["first"][0] + index in (answer.values["x"], answer.values["y"])
            row = cells[top + inputs.map_rows // 2]
            _write(row, 0, f"{cut_middle(name, width):>{width}}", colours.text if drawn else colours.muted)
        for index, top in enumerate(outputs.tops):
            number = answer.values["first"][last] + index
            name = self._outputs(answer)[number]
            row = cells[top + outputs.map_rows // 2]
            begin = outputs.right + 1
            ink = style(colours.of_class(number)) if answer.values["classes"] else colours.text
            _write(row, begin, cut(name, len(row) - begin), ink)

    def _chosen(self, answer: Answer) -> tuple[int, int] | None:
        """The layer and the place among those shown of the chosen neuron."""
        if self.neuron < 0 or self.chosen_layer >= len(self._widths):
            return None
        index = self.neuron - answer.values["first"][self.chosen_layer]
        return (
            (self.chosen_layer, index)
            if 0 <= index < len(answer.arrays[f"map.{self.chosen_layer}"])
            else None
        )

    def subheading(self, answer: Answer, colours: Palette) -> Line:
        """The chosen neuron's bias and its weights, the strongest first; before one is chosen, the keys."""
        chosen = self._chosen(answer)
        if chosen is None:
            first = "" if self.has_focus_within else "tab to come here  "
            return [(first + HINT, colours.muted)]
        layer, index = chosen
        line: list[Span] = [(f"{self._named(answer, layer, self.neuron)}  ", colours.bold)]
        if layer:
            weights = answer.arrays[f"weight.{layer}"][index]
            bias = float(answer.arrays[f"bias.{layer}"][index])
            line += [
                ("bias ", colours.muted),
                (f"{bias:+.3f}  ", colours.signed_text(np.sign(bias))),
                ("from ", colours.muted),
            ]
            line += self._weights(answer, layer - 1, weights, colours)
        if layer + 1 < len(self._widths):
            line.append(("to ", colours.muted))
            line += self._weights(answer, layer + 1, answer.arrays[f"weight.{layer + 1}"][:, index], colours)
        return line

    def _weights(self, answer: Answer, layer: int, weights: Any, colours: Palette) -> list[Span]:
        spans: list[Span] = []
        for index in np.argsort(-np.abs(weights))[:4].tolist():
            name = self._named(answer, layer, answer.values["first"][layer] + index)
            weight = float(weights[index])
            spans += [(f"{name} ", colours.text), (f"{weight:+.3f}  ", colours.signed_text(np.sign(weight)))]
        return spans

    def _named(self, answer: Answer, layer: int, neuron: int) -> str:
        """What a neuron is called."""
        if layer == 0:
            return str(answer.values["features"][neuron])
        if layer == len(self._widths) - 1:
            return self._outputs(answer)[neuron]
        return named(layer - 1, neuron)

    @staticmethod
    def _outputs(answer: Answer) -> list[str]:
        """What the neurons of the last layer stand for."""
        return answer.values["classes"] or [answer.values["target"]]


def _write(row: list[Span], column: int, text: str, ink: Style) -> None:
    """Put text into a row of cells; what lies outside is cut off."""
    for index, char in enumerate(text[: max(len(row) - column, 0)]):
        row[column + index] = (char, ink)
