"""One cell of a workbook: its sentences, its code, and below it what it came to."""

from __future__ import annotations

from typing import Literal

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static, TextArea

from engine.pictures import Picture
from engine.workbook import Cell
from tui.cell_result import CellResult, picture_text
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
        yield Static(self._head(), id="head")
        yield CodeEditor(self.cell.code)
        output = Static(id="output")
        output.display = False
        yield output

    @property
    def code(self) -> str:
        """The code as it stands in the editor."""
        return self.editor.text

    @property
    def editor(self) -> CodeEditor:
        return self.query_one(CodeEditor)

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
        self.query_one("#head", Static).update(self._head())

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
        self.query_one("#head", Static).update(self._head())

    def original(self) -> None:
        """Give the cell back the code it had at first."""
        self.editor.text = self.cell.code

    def on_descendant_focus(self) -> None:
        self.post_message(self.Chosen(self))

    def on_focus(self) -> None:
        self.post_message(self.Chosen(self))

    def _head(self) -> Text:
        sign, style = SIGNS[self.state]
        text = Text.assemble((f"{self.number:>2} ", "bold"), (f"{sign} ", style), self.cell.text)
        if self.result and self.state in ("done", "failed"):
            text.append(f"  {_duration(self.result.seconds)}", "dim")
            if self.code != self._ran:
                text.append("  edited since", "yellow")
        return text


class CodeEditor(TextArea):
    """Python in its colours; escape hands the keys back, a new line begins below the one before."""

    DEFAULT_CSS = """
    CodeEditor, CodeEditor:focus { height: auto; border: none; padding: 0; background: $surface; }
    """

    def __init__(self, code: str):
        super().__init__(code, language="python", tab_behavior="indent", show_line_numbers=True, compact=True)
        self.set_reactive(TextArea.cursor_blink, False)  # each blink would go over the line

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
    plot = Plot(picture.title, x_label="x")
    plot.add_class("picture")
    series = [
        Series("", picture.arrays["x"], y, run=name) for name, y in picture.arrays.items() if name != "x"
    ]
    plot.call_after_refresh(plot.update, series)
    return plot


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"
