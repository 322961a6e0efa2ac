"""What all windows over the main screen have in common: how they look, and how they are left."""

from __future__ import annotations

from typing import TypeVar

from textual.binding import Binding
from textual.events import Click
from textual.screen import ModalScreen

Result = TypeVar("Result")


class Window(ModalScreen[Result | None]):
    """A box in the middle. Escape and a click beside it leave it, with None for a result."""

    BINDINGS = [Binding("escape", "back", "Back")]
    DEFAULT_CSS = """
    Window { align: center middle; }
    Window > Vertical, Window > VerticalScroll {
        max-width: 100%; max-height: 100%; background: $surface; border: round $primary; padding: 0 1;
    }
    """

    def action_back(self) -> None:
        self.dismiss(None)

    def on_click(self, event: Click) -> None:
        if event.widget is self:
            self.action_back()
