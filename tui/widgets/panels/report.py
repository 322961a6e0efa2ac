"""The Report panel: how well the network does at a step, and the rows that it gets wrong."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from tui.axes import label
from tui.keys import bindings
from tui.palette import Palette, style
from tui.view import View
from tui.widgets.canvas import Line, Span, cut, cut_middle
from tui.widgets.painted import PaintedPanel
from tui.widgets.panel import Answer, Ask, Question

NAME = 12  # columns of a class's name, at most


class Report(PaintedPanel):
    """Loss and accuracy, the confusion matrix with the figures of each class, the misclassified rows."""

    TITLE = "Report"
    BINDINGS = bindings("Report")

    def __init__(self, ask: Ask):
        super().__init__(ask)
        self.part = "test"  # whose rows the table is about

    def action_part(self) -> None:
        self.part = "train" if self.part == "test" else "test"
        self.inquire()

    def question(self, view: View) -> Question:
        return Question("report", {**view.source, "step": view.at, "part": self.part})

    def heading(self, answer: Answer, colours: Palette) -> Line:
        """Figures over all rows of both parts, with the weights of the step."""
        spans: list[Span] = []
        for part in ("train", "test"):
            if figures := answer.values[part]:
                spans += [(f"{'   ' if spans else ''}{part}", colours.bold), (" loss ", colours.muted)]
                spans.append((f"{figures['loss']:.6f}", colours.text))
                for name, digits in (("accuracy", 4), ("r2", 6)):
                    if figures[name] is not None:
                        word = "R²" if name == "r2" else name
                        spans += [(f" {word} ", colours.muted), (f"{figures[name]:.{digits}f}", colours.text)]
        return spans

    def subheading(self, answer: Answer, colours: Palette) -> Line:
        """What the figures are of, and what the train curve's are of, which differ."""
        words = f"all rows at step {answer.values['step']:,}"
        if self.view and self.view.run:
            last = self.view.shown.epoch_loss == "last"
            batches = "the epoch's last batch" if last else "each batch, as weights changed"
            words += f" · train {'loss ' if last else ''}curve: {batches}"
        return [(words, colours.muted)]

    def lines(self, answer: Answer, colours: Palette) -> list[Line]:
        wrong = self._wrong(answer, colours)
        if not answer.values["classes"]:
            return wrong
        table = self._table(answer, colours)
        width = max(_length(line) for line in table) + 4
        if width + max(_length(line) for line in wrong) > self.room[0]:
            return [*table, [], *wrong]
        return [
            [*line, (" " * (width - _length(line)), colours.text), *other]
            for line, other in _side_by_side(table, wrong)
        ]

    def _table(self, answer: Answer, colours: Palette) -> list[Line]:
        """A row for each class: what its rows were taken for, then its figures."""
        values = answer.values
        names = [cut(name, NAME) for name in values["classes"]]
        width = max(6, *(len(name) + 2 for name in names))
        corner = f"{values['part']} rows taken for"
        if len(corner) + len(names) * width + 28 > self.room[0]:
            corner = values["part"]
        first = max(len(corner), *map(len, names)) + 1
        head = f"{corner:{first}}" + "".join(f"{n:>{width}}" for n in names)
        lines: list[Line] = [[(f"{head}  precision  recall      f1", colours.muted)]]
        for i, name in enumerate(names):
            spans: list[Span] = [(f"{name:{first}}", style(colours.of_class(i)))]
            for j, count in enumerate(values["confusion"][i]):
                ink = colours.right if i == j else colours.wrong if count else colours.muted
                spans.append((f"{count:>{width}}", ink))
            figures = (values["precision"][i], values["recall"][i], values["f1"][i])
            spans.append(("{:>11.3f}{:>8.3f}{:>8.3f}".format(*figures), colours.text))
            lines.append(spans)
        return lines

    def _wrong(self, answer: Answer, colours: Palette) -> list[Line]:
        """The rows that are misclassified, the surest first; of a regression those that are farthest off."""
        values, arrays = answer.values, answer.arrays
        classes, part = values["classes"], values["part"]
        if classes and not values["wrong"]:
            return [[(f"every one of {values['rows']:,} {part} rows is classified right", colours.right)]]
        if classes:
            said = f"{values['wrong']:,} of {values['rows']:,} {part} rows misclassified"
        else:
            said = f"the {part} rows, those farthest off first"
        fair = (self.room[0] - 42) // max(len(values["features"]), 1)  # columns of each, if all are to fit
        names = [_stacked(name, max(7, min(14, fair - 2))) for name in values["features"]]
        widths = [max(8, 2 + max(map(len, name))) for name in names]
        words = (
            f"{'row':>6}  {'is':{NAME}} {'taken for':{NAME}} sure"
            if classes
            else f"{'row':>6}  {'target':>10}{'output':>10}{'off by':>10}"
        )
        above, head = (
            corner + "".join(f"{name[i]:>{w}}" for name, w in zip(names, widths, strict=True))
            for i, corner in enumerate((" " * len(words), words))
        )
        lines: list[Line] = [[(said, colours.bold)], [(head, colours.muted)]]
        if above.strip():
            lines.insert(1, [(above, colours.muted)])
        for i, row in enumerate(arrays["rows"].tolist()):
            cells = "".join(f"{label(x):>{w}}" for x, w in zip(arrays["features"][i], widths, strict=True))
            lines.append(
                [
                    (f"{row:>6}  ", colours.muted),
                    *self._said(i, arrays, classes, colours),
                    (cells, colours.text),
                ]
            )
        return lines

    def _said(self, i: int, arrays: Any, classes: list[str], colours: Palette) -> list[Span]:
        """What a row is, and what the network says of it."""
        target, predicted = arrays["targets"][i].item(), arrays["predicted"][i].item()
        if not classes:
            off = predicted - target
            numbers = f"{target:>10.4g}{predicted:>10.4g}"
            return [(numbers, colours.text), (f"{off:>+10.4g}", colours.signed_text(np.sign(off)))]
        is_, said = (f"{cut(classes[int(c)], NAME):{NAME}} " for c in (target, predicted))
        return [
            (is_, style(colours.of_class(int(target)))),
            (said, style(colours.of_class(int(predicted)))),
            (f"{arrays['certainty'][i]:>4.0%}", colours.muted),
        ]


def _stacked(name: str, width: int) -> tuple[str, str]:
    """A column's name as two lines, one above the other; the upper one is empty if one is enough."""
    lines = textwrap.wrap(cut_middle(name, 2 * width), width, max_lines=2, placeholder="…") or [""]
    return ("" if len(lines) == 1 else lines[0], lines[-1])


def _length(line: Line) -> int:
    return sum(len(text) for text, _ in line)


def _side_by_side(left: list[Line], right: list[Line]) -> list[tuple[Line, Line]]:
    """Both columns, the shorter one filled up with empty lines."""
    rows = max(len(left), len(right))
    return [(left[i] if i < len(left) else [], right[i] if i < len(right) else []) for i in range(rows)]
