"""One line of text."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

from tui import glyphs
from tui.widgets.canvas import cut

PART = " · "


class Line(Widget):
    """Dim; what is too long loses its last parts, with a dot between them, and then ends in …"""

    DEFAULT_CSS = "Line { height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; }"

    def __init__(self, *, id: str | None = None):
        super().__init__(id=id)
        self._text = ""

    def update(self, text: str) -> None:
        """Show this text."""
        if text != self._text:
            self._text = text
            self.refresh()

    @property
    def _line(self) -> str:
        text, width = self._text, self.content_size.width
        if glyphs.of(self) is glyphs.ASCII:
            text = text.replace("±", "+-")  # before it is cut; one + alone would read as a sum
        while cell_len(text) > width and PART in text:
            text = text.rpartition(PART)[0]
        return cut(text, width)

    def render(self) -> Text:
        return Text(self._line, no_wrap=True)
