"""The help screen: every key and what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.keys import Key, shown
from tui.screens.window import Window


class KeysPage(Window[None]):
    """Made from the table of keys; ? and q leave it as well."""

    BINDINGS = [("question_mark,q", "back", "Back")]
    DEFAULT_CSS = """
    KeysPage > VerticalScroll { width: 100; height: auto; padding: 1 2; }
    """

    def __init__(self, groups: Mapping[str, Sequence[Key]]):
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        with VerticalScroll() as page:
            page.border_title = "Keys"
            page.border_subtitle = "escape: back"
            yield Static(self._table())

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for group, keys in self._groups.items():
            table.add_row(Text(group, "bold"))
            for key in keys:
                table.add_row(Text(f"  {shown(key)}", "bold cyan"), key.title, Text(key.help, "dim"))
        return table
