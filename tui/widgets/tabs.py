"""The line that names the panels: a digit or a click chooses one."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class PanelTabs(Widget):
    """`titles[n]` belongs to the digit n; those in `shown` are marked, the first of them most."""

    DEFAULT_CSS = "PanelTabs { height: 1; background: $panel; }"

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, digit: int):
            super().__init__()
            self.digit = digit

    shown: reactive[tuple[int, ...]] = reactive(())
    again: reactive[str] = reactive("")  # what the same digit once more makes of its panel

    def __init__(self, titles: Sequence[str]):
        super().__init__(id="tabs")
        self._titles = titles

    def render(self) -> Text:
        line = Text(no_wrap=True)
        before, between = self._spaces()
        for digit, title in enumerate(self._titles):
            style = Style(meta={"digit": digit})
            if digit in self.shown:
                style += Style(bold=True, reverse=digit == self.shown[0], underline=digit != self.shown[0])
            line.append(before, style)
            line.append(f"{digit}{between}", style + Style(dim=digit not in self.shown))
            line.append(f"{title} " if self._titled or digit in self.shown else " ", style)
        hint = f"{self.shown[0]} again: {self.again} " if self.again and self.shown else ""
        if (room := self.size.width - line.cell_len - len(hint)) > 0:
            line.append(" " * room + hint, Style(dim=True))
        return line

    def on_click(self, event: Click) -> None:
        digit = event.style.meta.get("digit")
        if digit is not None:
            self.post_message(self.Chosen(digit))

    @property
    def _least(self) -> int:
        """Columns of all digits and titles."""
        return sum(len(f"{digit}{title} ") for digit, title in enumerate(self._titles))

    @property
    def _titled(self) -> bool:
        """Whether there is room for all titles, and not for those of the panels shown alone."""
        return self._least <= self.size.width + 1

    def _spaces(self) -> tuple[str, str]:
        """What stands before a digit, and between it and its title: as much as there is room for."""
        room = (self.size.width - self._least) // len(self._titles)
        return " " * (room >= 2), " " * (room >= 1)
