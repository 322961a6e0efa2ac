"""One line of text that sends only what changed."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from tui.dirty import changed_text


class Line(Widget):
    """Dim; what is too long ends in …"""

    DEFAULT_CSS = """
    Line { height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, *, id: str | None = None):
        super().__init__(id=id)
        self._text = ""

    def update(self, text: str) -> None:
        """Show this text."""
        before, self._text = self._text, text
        if dirty := changed_text(before, text):
            self.refresh(*dirty)

    def render(self) -> Text:
        return Text(self._text, no_wrap=True, overflow="ellipsis")
