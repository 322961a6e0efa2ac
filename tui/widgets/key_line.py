"""The line at the bottom: the keys there are, each with a word; a click presses one.

One widget, where Textual's footer has two for each key: they would be a fifth of the first paint.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.events import Click
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widget import Widget

LAST = "question_mark"  # says all that has no room here, so it is never left out itself


class KeyLine(Widget):
    """The keys of what has the focus come first. What has no room is left out, whole keys from the end."""

    DEFAULT_CSS = "KeyLine { height: 1; dock: bottom; padding: 0 1; background: $panel; }"

    def on_mount(self) -> None:
        self._shown = Text()
        self._words: Mapping[str, str] = {}
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def on_resize(self) -> None:
        self._changed(self.screen)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen and (line := self._line()) != self._shown:
            self._shown = line
            self.refresh()

    def say(self, words: Mapping[str, str]) -> None:
        """From now on, these words for actions that do now one thing, now another."""
        if words != self._words:
            self._words = words
            self._changed(self.screen)

    def render(self) -> Text:
        return self._shown

    def on_click(self, event: Click) -> None:
        if key := event.style.meta.get("key"):
            self.app.simulate_key(key)

    def _line(self) -> Text:
        bindings: dict[str, Binding] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.show and active.enabled and not self._typed(active.binding.key):
                bindings.setdefault(active.binding.action, active.binding)
        entries = {binding.key: self._entry(binding) for binding in bindings.values()}
        width = self.content_size.width
        gap = 2 if _width(entries, 2) <= width else 1
        while _width(entries, gap) > width and (others := [key for key in entries if key != LAST]):
            del entries[others[-1]]
        return Text(" " * gap).join(entries.values())

    def _typed(self, key: str) -> bool:
        """Whether the key is a character, or a new line, for the text that has the focus."""
        focused = self.screen.focused
        if focused is None:
            return False
        editor = any(kind.__name__ == "TextArea" for kind in type(focused).__mro__)  # without importing it
        return focused.check_consume_key(key, key_to_character(key)) or (key == "enter" and editor)

    def _entry(self, binding: Binding) -> Text:
        click = Style(meta={"key": binding.key})
        accent = Style.parse(self.app.theme_variables["accent"]) + Style(bold=True)
        word = self._words.get(binding.action, binding.description)
        return Text.assemble((self.app.get_key_display(binding), click + accent), (f" {word}", click))


def _width(entries: dict[str, Text], gap: int) -> int:
    return sum(entry.cell_len + gap for entry in entries.values()) - gap
