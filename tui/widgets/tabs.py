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

    def __init__(self, titles: Sequence[str]):
        super().__init__(id="tabs")
        self._titles = titles

    def render(self) -> Text:
        line = Text(no_wrap=True)
        space = self._space()
        for digit, title in enumerate(self._titles):
            style = Style(meta={"digit": digit})
            if digit in self.shown:
                style += Style(bold=True, reverse=digit == self.shown[0], underline=digit != self.shown[0])
            line.append(f"{space}{digit} ", style + Style(dim=digit not in self.shown))
            line.append(f"{title}{space}", style)
        return line

    def on_click(self, event: Click) -> None:
        digit = event.style.meta.get("digit")
        if digit is not None:
            self.post_message(self.Chosen(digit))

    def _space(self) -> str:
        """What stands beside each title: as much as all of them leave room for."""
        needed = sum(len(f"{digit} {title}") for digit, title in enumerate(self._titles))
        return " " if needed + 2 * len(self._titles) <= self.size.width else ""
