"""The panel that holds runs against each other."""

from __future__ import annotations

from rich.console import RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import ScrollableContainer
from textual.widgets import Static

from tui.differences import labels, rows
from tui.widgets.panel import Panel


class Compare(Panel):
    """The present run in the first column, those kept in the others; it asks nothing."""

    TITLE = "Compare"
    DEFAULT_CSS = """
    Compare { padding: 0 1; }
    Compare Static { width: auto; }
    Compare ScrollableContainer { scrollbar-size: 1 1; }
    """

    def compose(self) -> ComposeResult:
        with ScrollableContainer():
            yield Static(id="compare-text")

    def draw(self) -> None:
        self.query_one("#compare-text", Static).update(self._content())

    def _content(self) -> RenderableType:
        assert self.view is not None
        others = self.view.others
        if not others:
            return Text.assemble(
                ("c", "bold"),
                " keeps the run that is shown. Change a value and train again: both curves lie over one "
                "another, and here stands what differs.",
            )
        present = [self.view.run] if self.view.run else []
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style=Style(bold=True))
        table.add_column("")
        for label in [*(["this run"] if present else []), *labels(self.view.shown, others)]:
            table.add_column(Text(label), justify="right", no_wrap=True)
        for name, cells in rows([*present, *others]):
            table.add_row(Text(name, "dim"), *(Text(cell) for cell in cells))
        return table
