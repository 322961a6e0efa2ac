"""A panel alone on the screen, with a lab of the test's choice."""

from __future__ import annotations

from typing import Any

from textual.app import App, ComposeResult
from textual.message import Message

from tui.messages import EditHidden
from tui.theme import THEMES
from tui.view import View
from tui.widgets.panel import Answer, Ask, Panel


class PanelApp(App[None]):
    """Mounts one panel and shows it a view; the messages it posts are kept."""

    def __init__(self, kind: type[Panel], view: View, ask: Ask):
        super().__init__()
        self.panel = kind(self._counted)
        self.view = view
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.posted: list[Message] = []
        self._answer = ask

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.panel.show(self.view)
        self.panel.focus()

    def on_edit_hidden(self, message: EditHidden) -> None:
        self.posted.append(message)

    def _counted(self, kind: str, values: dict[str, Any]) -> Answer:
        self.asked.append((kind, values))
        return self._answer(kind, values)
