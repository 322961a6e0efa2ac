"""The line of time: where in the run the panels and the crosshair stand."""

from __future__ import annotations

from rich.text import Text
from textual.events import MouseDown, MouseEvent, MouseMove, MouseUp
from textual.message import Message
from textual.widget import Widget


class TimeLine(Widget):
    """The steps of a run from the first to the newest; the knob stands at the step that is shown."""

    DEFAULT_CSS = "TimeLine { height: 1; padding: 0 1; color: $foreground; }"

    class Moved(Message):
        """A person pulled the knob to this step."""

        def __init__(self, step: int):
            super().__init__()
            self.step = step

    class Turned(Message):
        """A person pressed the arrow at an end: an epoch later (1) or earlier (-1)."""

        def __init__(self, by: int):
            super().__init__()
            self.by = by

    def __init__(self) -> None:
        super().__init__(id="timeline")
        self._step = self._newest = 0
        self._live = True
        self._where = ""

    def update(self, step: int | None, newest: int, where: str) -> None:
        """Show a step out of `newest`, None for the newest itself; `where` says it in words."""
        self._live = step is None
        self._step, self._newest, self._where = (newest if step is None else step), newest, where
        self.refresh()

    def render(self) -> Text:
        return self._line()

    def on_mouse_down(self, event: MouseDown) -> None:
        place = self._place(event)
        if place in (-1, self._track()):
            self.post_message(self.Turned(-1 if place < 0 else 1))
        else:
            self.capture_mouse()
            self._pull(event)

    def on_mouse_move(self, event: MouseMove) -> None:
        if self.app.mouse_captured is self:
            self._pull(event)

    def on_mouse_up(self, event: MouseUp) -> None:
        self.release_mouse()

    def _pull(self, event: MouseEvent) -> None:
        if self._newest:
            part = self._place(event) / max(self._track() - 1, 1)
            self.post_message(self.Moved(round(min(max(part, 0.0), 1.0) * self._newest)))

    def _place(self, event: MouseEvent) -> int:
        """The column of the track that an event is at."""
        return event.x - 1 - len("◂")

    def _track(self) -> int:
        """Columns of the line itself, between its two ends and the words."""
        return max(self.content_size.width - len(self._where) - 5, 1)

    def _line(self) -> Text:
        track = self._track()
        at = round(self._step / self._newest * (track - 1)) if self._newest else 0
        line = Text(no_wrap=True)
        line.append("◂", "dim")
        line.append("━" * at, "bold" if not self._live else "")
        line.append("●", "bold")
        line.append("─" * (track - 1 - at), "dim")
        line.append("▸  ", "dim")
        line.append(self._where, "dim" if self._live else "bold")
        return line
