"""The Batch panel: the next step taken apart, every number from its rows to the new weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tui.keys import bindings
from tui.palette import Palette, style
from tui.tensor import neuron
from tui.view import View
from tui.widgets.canvas import Line, Span, cut, cut_middle, fit
from tui.widgets.painted import PaintedPanel
from tui.widgets.panel import Answer, Question

CELL = 9  # columns of a number
NAME = 13  # columns of a row's name
MOST = 64  # rows and columns of a table; larger tensors are in the Tensors panel


class Batch(PaintedPanel):
    """A page to scroll: rows, forward values, loss, gradients, update, as they come about."""

    TITLE = "Batch"
    BINDINGS = bindings("Batch")

    def question(self, view: View) -> Question:
        return Question("batch", {**view.source, "step": view.at})

    def action_section(self, by: int) -> None:
        """Scroll to the next or the previous part of the page."""
        here = round(self.canvas.scroll_y)
        others = [row for row in self._sections if (row - here) * by > 0]
        if others:
            self.canvas.scroll_to(y=min(others) if by > 0 else max(others), animate=False)

    @property
    def _sections(self) -> list[int]:
        """The rows at which the parts of the page begin."""
        colours = Palette(self)
        lines = self.lines(self.answer, colours) if self.answer else []
        return [row for row, line in enumerate(lines) if line and line[0][1] == colours.accent]

    def heading(self, answer: Answer, colours: Palette) -> Line:
        values = answer.values
        rows = ", ".join(map(str, answer.arrays["batch.rows"][:12].tolist()))
        more = ", …" if len(answer.arrays["batch.rows"]) > 12 else ""
        spans = [
            (f"step {values['step'] + 1:,}", colours.bold),
            (f" {self._takes(values['step'])} train rows ", colours.muted),
            (rows + more, colours.text),
            ("   loss ", colours.muted),
            (f"{values['loss']:.6f}", colours.bold),
        ]
        if values["accuracy"] is not None:
            spans += [("   right ", colours.muted), (f"{values['accuracy']:.0%}", colours.bold)]
        return spans

    def _takes(self, step: int) -> str:
        """After the last step of a run that came to its end there is none that takes rows."""
        run = self.view.run if self.view else None
        return "would take" if run and run.over and not run.resumable and step >= run.step else "takes"

    def lines(self, answer: Answer, colours: Palette) -> list[Line]:
        lines: list[Line] = []
        for title, note, table in self._parts(answer, colours):
            if lines:
                lines.append([])
            lines.append([(title, colours.accent), (f"   {note}", colours.muted)])
            lines += table
        return lines

    def _parts(self, answer: Answer, colours: Palette) -> Iterator[tuple[str, str, list[Line]]]:
        """Title, note and lines of each part."""
        values, arrays = answer.values, answer.arrays
        names = [f"row {row}" for row in arrays["batch.rows"].tolist()]
        last = len(values["activations"]) - 1
        yield "Rows", "standardized", self._table(arrays["batch.x"], names, values["features"], colours)
        for layer, activation in enumerate(values["activations"]):
            heads = self._named(answer, layer)
            z, output = arrays[f"activation.{layer}.z"], arrays[f"activation.{layer}.output"]
            title = f"Layer {layer}{' (output)' if layer == last else ''}"
            yield f"{title}: z", f"x {layer}.weightᵀ + {layer}.bias", self._table(z, names, heads, colours)
            if activation != "identity":
                yield f"{title}: {activation}(z)", "", self._table(output, names, heads, colours)
        yield "Loss", self._loss_note(answer), self._losses(answer, names, colours)
        for layer in range(last, -1, -1):
            yield from self._gradients(answer, layer, colours)
        yield from self._updates(answer, colours)

    def _loss_note(self, answer: Answer) -> str:
        if answer.values["classes"]:
            return "cross-entropy: -log softmax(output)[target], the mean over the rows"
        return "mean over the rows of (output - target)²"

    def _losses(self, answer: Answer, names: list[str], colours: Palette) -> list[Line]:
        """Each row's target, what the network says, and the row's part of the loss."""
        arrays, classes = answer.arrays, answer.values["classes"]
        output = arrays[f"activation.{len(answer.values['activations']) - 1}.output"].astype(np.float64)
        lines: list[Line] = []
        for row, name in enumerate(names[:MOST]):
            target = arrays["batch.y"][row]
            if classes:
                shifted = output[row] - output[row].max()
                loss = float(np.log(np.exp(shifted).sum()) - shifted[int(target)])
                said = int(output[row].argmax())
                right = said == int(target)
                words = [
                    (f"{cut(classes[int(target)], 14):14} ", style(colours.of_class(int(target)))),
                    ("taken for ", colours.muted),
                    (f"{cut(classes[said], 14):14} ", colours.right if right else colours.wrong),
                ]
            else:
                loss = float((output[row, 0] - target) ** 2)
                words = [(f"target {target:{CELL}.4g}  output {output[row, 0]:{CELL}.4g}  ", colours.text)]
            lines.append([(fit(name, NAME), colours.muted), *words, (f"loss {loss:.6f}", colours.bold)])
        mean = answer.values["loss"]
        return [*lines, [(fit("mean", NAME), colours.muted), (f"{mean:.6f}", colours.bold)]]

    def _gradients(
        self, answer: Answer, layer: int, colours: Palette
    ) -> Iterator[tuple[str, str, list[Line]]]:
        for name in (f"{layer}.weight", f"{layer}.bias"):
            if f"gradient.{name}" in answer.arrays:
                table = self._parameter(answer, f"gradient.{name}", layer, colours)
                yield f"Gradient of {name}", "d loss / d parameter, by autograd", table

    def _updates(self, answer: Answer, colours: Palette) -> Iterator[tuple[str, str, list[Line]]]:
        note = f"{answer.values['optimizer']}, lr {answer.values['lr']:g}: what the step adds"
        for layer in range(len(answer.values["activations"])):
            for name in (f"{layer}.weight", f"{layer}.bias"):
                if f"update.{name}" in answer.arrays:
                    table = self._parameter(answer, f"update.{name}", layer, colours)
                    yield f"Update of {name}", note, table

    def _parameter(self, answer: Answer, name: str, layer: int, colours: Palette) -> list[Line]:
        """A parameter's table: a row for each neuron of the layer, a column for each neuron before it."""
        array, neurons = answer.arrays[name], self._named(answer, layer)
        if array.ndim == 1:
            return self._table(array[None, :], [""], neurons, colours)
        return self._table(array, neurons, self._named(answer, layer - 1), colours)

    @staticmethod
    def _named(answer: Answer, layer: int) -> list[str]:
        """What the outputs of a layer are called; those of layer -1 are the features."""
        values = answer.values
        if layer < 0:
            return list(values["features"])
        if layer == len(values["activations"]) - 1:
            return values["classes"] or [values["target"]]
        return [neuron(layer, number) for number in range(answer.arrays[f"activation.{layer}.z"].shape[1])]

    def _table(self, array: Any, rows: list[str], columns: list[str], colours: Palette) -> list[Line]:
        """Numbers with the colour of their sign, the stronger the farther from zero in this table.

        A table that is too wide goes on below itself.
        """
        shown = array[:MOST, :MOST]
        reach = float(np.abs(shown[np.isfinite(shown)]).max(initial=0)) or 1.0
        heads = [cut_middle(head, 14) for head in columns]
        width = max(CELL, *(len(head) + 1 for head in heads[: shown.shape[1]]))
        across = max(1, (self.room[0] - NAME) // width)
        lines: list[Line] = []
        for begin in range(0, shown.shape[1], across):
            part = slice(begin, begin + across)
            lines.append([(" " * NAME + "".join(f"{h:>{width}}" for h in heads[part]), colours.muted)])
            for name, numbers in zip(rows, shown[:, part].tolist(), strict=False):
                spans: list[Span] = [(fit(cut_middle(name, NAME - 1), NAME), colours.muted)]
                spans += [(f"{number(x):>{width}}", colours.signed_text(x / reach)) for x in numbers]
                lines.append(spans)
        if array.shape != shown.shape:
            lines.append([(f"{array.shape[0]:,} × {array.shape[1]:,} in all: see Tensors", colours.warning)])
        return lines


def number(x: float) -> str:
    """A number in at most eight characters."""
    text = f"{x:.4f}"
    return text if len(text) <= 8 and (abs(x) >= 0.001 or x == 0) else f"{x:.1e}"
