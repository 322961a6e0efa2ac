"""A panel that is one canvas of lines, with a heading."""

from __future__ import annotations

import textwrap

from textual import events
from textual.app import ComposeResult

from tui.palette import Palette
from tui.widgets.canvas import Canvas, Line, Span, cut
from tui.widgets.panel import Answer, Panel


class PaintedPanel(Panel):
    """A subclass gives `heading` and `lines` for the newest answer."""

    def compose(self) -> ComposeResult:
        yield Canvas()

    @property
    def canvas(self) -> Canvas:
        return self.query_one(Canvas)

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows that there are to paint on, the heading included; a scroll bar takes one."""
        region = self.canvas.region
        return region.width - 2, region.height

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.inquire)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted:
            self.call_after_refresh(self.inquire)

    def draw(self) -> None:
        colours = Palette(self)
        if self.trouble:
            words = textwrap.wrap(self.trouble, max(self.room[0], 20))
            self.canvas.paint([], [[(line, colours.wrong)] for line in words])
        elif self.answer is None:
            self.canvas.paint([], [[(self.waiting("waiting for the engine …"), colours.muted)]])
        else:
            where = way_there(self.answer, colours)
            head = [*where, *self.heading(self.answer, colours)]
            second = self.subheading(self.answer, colours)
            lines = [fitted(line, self.room[0]) for line in ([head, second] if second else [head])]
            self.canvas.paint(lines, self.lines(self.answer, colours))

    def heading(self, answer: Answer, colours: Palette) -> Line:
        """The line above: what the picture shows."""
        return []

    def subheading(self, answer: Answer, colours: Palette) -> Line:
        """A second line above; empty if there is none."""
        return []

    def lines(self, answer: Answer, colours: Palette) -> list[Line]:
        """The picture."""
        return []


def way_there(answer: Answer, colours: Palette) -> list[Span]:
    """Words for an answer that is of an earlier step than was asked for; none if it is not."""
    step, wanted = answer.values.get("step"), answer.values.get("wanted")
    if step == wanted:
        return []
    if answer.values["far"]:
        minutes = answer.values["seconds"] / 60
        return [(f"step {step:,}, the nearest stored; {wanted:,} takes {minutes:.0f} min  ", colours.warning)]
    return [(f"step {step:,}, on the way to {wanted:,}  ", colours.warning)]


def fitted(line: Line, width: int) -> list[Span]:
    """The line cut to a width; the cut is marked."""
    spans, room = [], width
    for text, ink in line:
        if room <= 0:
            break
        spans.append((cut(text, room), ink))
        room -= len(spans[-1][0])
    return spans
