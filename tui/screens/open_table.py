"""The window in which a table of one's own is found, looked into, and opened."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.suggester import Suggester
from textual.widgets import Button, DirectoryTree, Input, Select, Static

from engine import experiments
from engine.errors import NnplayError, RequestError, inert
from engine.frames import Answer
from engine.spec import Spec
from engine.textfile import SUFFIXES
from engine.words import counted
from tui.screens.window import Window
from tui.wait import Wait
from tui.widgets.canvas import cut
from tui.widgets.field import Field

Ask = Callable[..., Awaitable[Answer | None]]

FOUND = "auto"
TASKS = [("found from the target", FOUND), ("classification", "cross_entropy"), ("regression", "mse")]
ROWS = 20  # of the table whose values are shown, where there is room
CELL = 14  # columns of the screen that a value may take


class PathSuggester(Suggester):
    """Completes a path by the first name in its folder that goes on the same way."""

    async def get_suggestion(self, value: str) -> str | None:
        path = Path(os.path.expanduser(value))  # noqa: PTH111  keeps the slash at the end
        folder, begin = (path, "") if value.endswith("/") else (path.parent, path.name)
        try:
            names = sorted(entry.name for entry in os.scandir(folder))
        except (OSError, ValueError):
            return None
        for name in names:
            if name.startswith(begin) and name != begin and name.isprintable():
                return value + name[len(begin) :]
        return None


class Folder(DirectoryTree):
    """The folders and tables of a folder, drawn as everything else is: without pictures."""

    ICON_NODE, ICON_NODE_EXPANDED, ICON_FILE = "▸ ", "▾ ", "  "

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        seen = (path for path in paths if not path.name.startswith("."))
        return (path for path in seen if path.suffix.lower() in SUFFIXES or self._safe_is_dir(path))


class OpenTable(Window[Spec]):
    """Gives back the spec that trains on the table, or None. `ask` is `LabDesk.ask`."""

    DEFAULT_CSS = """
    OpenTable > Vertical { width: 96%; max-width: 140; height: 90%; }
    OpenTable Input { background: $boost; }
    OpenTable #look { height: 1fr; margin: 1 0; }
    OpenTable DirectoryTree { width: 27%; background: $surface; }
    OpenTable #preview { width: 1fr; padding: 0 1; }
    OpenTable #choices { height: 1; }
    OpenTable #choices Static { width: auto; padding: 0 1 0 0; color: $text-muted; }
    OpenTable Select { width: 1fr; margin: 0 2 0 0; background: $boost; }
    OpenTable Select:focus { background: $primary 40%; }
    OpenTable Select > SelectCurrent { background: transparent; }
    OpenTable Select #label { text-wrap: nowrap; text-overflow: ellipsis; }
    OpenTable SelectOverlay { max-height: 10; background: $panel; }
    OpenTable Button { min-width: 8; }
    OpenTable #trouble { color: $error; height: auto; }
    """

    def __init__(self, ask: Ask, folder: Path | None = None):
        super().__init__()
        self._ask = ask
        self._folder = folder or Path.cwd()
        self._path = ""
        self._target = ""
        self._wait = Wait(self, self._tell_looking)
        self._found = ""  # the loss that fits the target

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Open a table"
            box.border_subtitle = "enter looks into a file, then opens it · tab goes on · escape: back"
            yield Field(placeholder="path of a file", suggester=PathSuggester(), compact=True, id="path")
            with Horizontal(id="look"):
                yield Folder(self._folder)
                with VerticalScroll(id="preview"):
                    yield Static(id="content")
            with Horizontal(id="choices"):
                yield Static("predict")
                yield Select([], prompt="a column", id="target", disabled=True, compact=True)
                yield Static("as")
                yield Select(TASKS, value=FOUND, allow_blank=False, id="task", disabled=True, compact=True)
                yield Button("Open", variant="primary", disabled=True, compact=True)
            yield Static(id="trouble")

    def on_mount(self) -> None:
        self.query_one("#path", Input).focus()

    @on(DirectoryTree.FileSelected)
    def _take_file(self, event: DirectoryTree.FileSelected) -> None:
        event.stop()
        self.query_one("#path", Input).value = str(event.path)
        self._look_or_open(str(event.path))

    @on(Input.Submitted)
    def _take_path(self, event: Input.Submitted) -> None:
        event.stop()
        self._look_or_open(event.value)

    def _look_or_open(self, text: str) -> None:
        """Look into a file; one that was looked into and can be learned from is opened."""
        path = str(Path(os.path.abspath(os.path.expanduser(text.strip()))))  # noqa: PTH100, PTH111
        if path == self._path and not self.query_one(Button).disabled:
            self._open()
        else:
            self._path, self._target = path, ""
            self._preview()

    @on(Select.Changed, "#target")
    def _take_target(self, event: Select.Changed) -> None:
        if isinstance(event.value, str) and event.value != self._target:
            self._target = event.value
            self._preview()

    @on(Select.Changed, "#task")
    def _take_task(self) -> None:
        if self._path:
            self._preview()

    @work(exclusive=True)
    async def _preview(self) -> None:
        """Ask the lab what is in the file, and show it."""
        self.query_one(Button).disabled = True
        self._wait.on(self._path)
        self._tell_looking()
        try:
            answer = await self._ask("table", path=self._path, target=self._target, loss=self._loss)
        except NnplayError as error:
            self._wait.on(None)
            self._show(None)
            self._say(str(error))
            return
        if answer is not None:
            self._wait.on(None)
            self._show(answer.values)
            self._say(answer.values["problem"])

    def _show(self, values: dict[str, Any] | None) -> None:
        target = self.query_one("#target", Select)
        self.query_one("#content", Static).update(preview(values) if values else "")
        self.query_one("#task", Select).disabled = target.disabled = values is None
        self.query_one(Button).disabled = values is None or bool(values["problem"])
        if values:
            self._found = "cross_entropy" if values["class_names"] else "mse"
        if values and values["target"] != self._target:
            self._target = values["target"]
            with self.prevent(Select.Changed):
                target.set_options([(Text(c["name"]), c["name"]) for c in values["columns"]])
                target.value = self._target

    def _tell_looking(self) -> None:
        self._say(f"looking into the file …{self._wait}")

    def _say(self, text: str) -> None:
        self.query_one("#trouble", Static).update(Text(inert(text)))

    @property
    def _loss(self) -> str:
        return str(self.query_one("#task", Select).value)

    @on(Button.Pressed)
    def _open(self) -> None:
        loss = self._found if self._loss == FOUND else self._loss
        output = {"mse": "linear", "cross_entropy": "logits"}[loss]
        words = [f"data=csv:{self._path}", f"target={self._target}", f"loss={loss}", f"output={output}"]
        try:
            self.dismiss(experiments.find("mlp", words))
        except RequestError as error:
            self._say(str(error))


def preview(values: dict[str, Any]) -> RenderableType:
    """What was found, and the columns with their first values, of the answer of engine/questions/table.py."""
    notes = Text("\n".join(f"· {note}" for note in values["notes"]))
    columns = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    columns.add_column("column", max_width=2 * CELL, no_wrap=True)
    for heading in ("kind", "missing", "different"):
        columns.add_column(heading, justify="right", no_wrap=True)
    columns.add_column("first values", ratio=1, no_wrap=True)  # as many as there is room for
    for place, column in enumerate(values["columns"]):
        style = "bold" if column["name"] == values["target"] else ""
        figures = (column["kind"], f"{column['missing']:,}", f"{column['different']:,}")
        first = Text("  ").join(_value(row[place]) for row in values["rows"][:ROWS])
        columns.add_row(*(Text(text, style) for text in (column["name"], *figures)), first)
    looked_at = Text(f"of the first {counted(values['looked_at'], 'row')}", "dim")
    return Group(notes, Text(""), columns, looked_at)


def _value(cell: str | None) -> Text:
    return Text("missing", "dim") if cell is None else Text(cut(cell, CELL))
