"""One cell of a workbook: its sentences, its code, and below it what it came to."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static, TextArea
from textual.widgets.text_area import TextAreaTheme

from engine.pictures import Picture
from engine.workbook import Cell
from tui.cell_result import CellResult, picture_text, sentences
from tui.highlight import inks, words
from tui.palette import Palette
from tui.series import Series
from tui.tensor import Tensor
from tui.widgets.plot import Plot

State = Literal["", "waits", "runs", "done", "failed", "stale"]
SIGNS: dict[State, tuple[str, str]] = {
    "": ("○", "dim"),
    "waits": ("…", "yellow"),
    "runs": ("●", "bold yellow"),
    "done": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "stale": ("○", "yellow"),  # it ran, but the names that it made are lost
}


class CellView(Vertical, can_focus=True):
    """A cell that can be chosen, edited and run; `number` is what people call it."""

    DEFAULT_CSS = """
    CellView { height: auto; padding: 0 1 1 1; }
    CellView.-chosen { padding: 0 1 1 0; border-left: outer $accent; }
    CellView > Static { height: auto; }
    CellView > #output { padding: 0 0 0 4; }
    CellView > .picture { padding: 0 0 0 4; margin: 1 0 0 0; }
    CellView > Plot { height: 12; }
    """

    class Chosen(Message):
        """The keys go to this cell, or into its code."""

        def __init__(self, cell: CellView):
            super().__init__()
            self.cell = cell

    def __init__(self, number: int, cell: Cell):
        super().__init__()
        self.number = number
        self.cell = cell
        self.state: State = ""
        self.result: CellResult | None = None
        self._ran = cell.code  # what the result is of
        self.before: dict[str, Tensor] = {}  # what its tensors were after the run before

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.editor
        output = Static(id="output")
        output.display = False
        yield output

    @property
    def code(self) -> str:
        """The code as it stands in the editor."""
        return self.editor.text

    @cached_property
    def head(self) -> Static:
        return Static(self._head(), id="head")

    @cached_property
    def editor(self) -> CodeEditor:
        return CodeEditor(self.cell.code)

    @property
    def place(self) -> tuple[int, int]:
        """Its first line in the column of all cells, and the line after its last."""
        return self.virtual_region.y, self.virtual_region.bottom - self.styles.padding.bottom

    @property
    def attended(self) -> int:
        """The line in that column that is to be seen: the result's first, or where somebody types."""
        editor = self.editor
        cursor = editor.wrapped_document.location_to_offset(editor.cursor_location)
        line = cursor.y if editor.has_focus else editor.size.height
        return self.virtual_region.y + editor.virtual_region.y + line

    def mark(self, state: State) -> None:
        """Show how the cell stands."""
        self.state = state
        if state == "runs":
            self._ran = self.code
        self.head.update(self._head())

    def show(self, result: CellResult) -> None:
        """Show what the cell came to."""
        if self.result:
            self.before = {tensor.name: tensor for tensor in self.result.tensors}
        self.result = result
        self.mark("failed" if result.error else "done")
        text = result.text(str(self.number))
        output = self.query_one("#output", Static)
        output.update(text)
        output.display = bool(text)
        self.query(".picture").remove()
        self.mount_all([_drawn(picture) for picture in result.pictures])

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.head.update(self._head())

    def original(self) -> None:
        """Give the cell back the code it had at first."""
        self.editor.text = self.cell.code

    def on_descendant_focus(self) -> None:
        self.post_message(self.Chosen(self))

    def on_focus(self) -> None:
        self.post_message(self.Chosen(self))

    def _head(self) -> Text:
        sign, style = SIGNS[self.state]
        text = Text.assemble((f"{self.number:>2} ", "bold"), (f"{sign} ", style))
        if self.result and self.state in ("done", "failed"):
            text.append(f"{_duration(self.result.seconds)}  ", "dim")  # here no line can end within it
            if self.code != self._ran:
                text.append("edited since  ", "yellow")
        return text.append_text(sentences(self.cell.text))


class CodeEditor(TextArea):
    """Python in its colours; escape hands the keys back, a new line begins below the one before."""

    DEFAULT_CSS = """
    CodeEditor, CodeEditor:focus { height: auto; border: none; padding: 0; background: $surface; }
    """

    def __init__(self, code: str):
        super().__init__(code, tab_behavior="indent", show_line_numbers=True, compact=True)
        self.set_reactive(TextArea.cursor_blink, False)  # each blink would go over the line

    def on_mount(self) -> None:
        self._app_theme_changed()
        self.theme = "nnplay"

    def _app_theme_changed(self) -> None:
        self.register_theme(TextAreaTheme("nnplay", syntax_styles=inks(Palette(self))))
        super()._app_theme_changed()

    def _build_highlight_map(self) -> None:
        """Textual's own takes a parser that needs 50 ms to begin, in each of twenty cells."""
        super()._build_highlight_map()
        ends: dict[int, int] = {}
        for row, part, kind in words(self.text):
            start, ends[row] = ends.get(row, 0), ends.get(row, 0) + len(part.encode())
            self._highlights[row].append((start, ends[row], kind))

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.prevent_default()
            event.stop()
            self.screen.set_focus(self.parent if isinstance(self.parent, Widget) else None)
        elif event.key == "enter":
            event.prevent_default()
            event.stop()
            line = self.document.get_line(self.cursor_location[0])[: self.cursor_location[1]]
            indent = len(line) - len(line.lstrip()) + (4 if line.rstrip().endswith(":") else 0)
            self.insert("\n" + " " * indent)


def _drawn(picture: Picture) -> Widget:
    """Curves get a plot, everything else is text."""
    if picture.kind != "plot":
        return Static(picture_text(picture), classes="picture")
    title = "" if picture.title in picture.arrays else picture.title  # the legend has it
    plot = Plot(title, x_label="x")
    plot.add_class("picture")
    series = [
        Series("", picture.arrays["x"], y, run=name) for name, y in picture.arrays.items() if name != "x"
    ]
    plot.call_after_refresh(plot.update, series)
    return plot


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"
