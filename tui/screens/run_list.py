"""The runs there are, stored and under way: open one, stop it, remove it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine import catalog, control
from engine.catalog import Entry
from engine.errors import NnplayError
from tui.glyphs import inert
from tui.report import number
from tui.stored import what
from tui.widgets.status import COLOURS, SIGNS

WIDE = 100  # columns from which nothing needs to be short
EVERY = 1.0  # seconds between two looks at runs that may have changed
SETTLED = ("finished", "failed", "damaged")  # such runs do not change
KEYS_SHOWN = "enter opens · x stops · d removes · escape leaves"


class RunList(ModalScreen[Path | None]):
    """The newest run first; its result is the run to open, or None."""

    BINDINGS = [
        Binding("x", "stop", "Stop"),
        Binding("d,delete", "remove", "Remove"),
        Binding("y", "yes", "Yes", show=False),
        Binding("escape,l,q,n", "back", "Back"),
    ]
    DEFAULT_CSS = """
    RunList { align: center middle; }
    RunList > Vertical {
        width: 110; max-width: 100%; height: 80%; background: $surface; border: round $primary; padding: 0 1;
    }
    RunList OptionList { height: 1fr; border: none; padding: 0; background: $surface; }
    RunList OptionList > .option-list--option-highlighted,
    RunList OptionList:focus > .option-list--option-highlighted {
        background: $panel-lighten-2; color: $foreground;
    }
    RunList #about { height: auto; min-height: 1; max-height: 3; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[Path, Entry] = {}
        self._removing: Path | None = None  # that a person is being asked about
        self._notice: tuple[Path | None, str] = (None, "")  # what was said of a run, while it is chosen

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Runs"
            box.border_subtitle = KEYS_SHOWN
            yield OptionList(compact=True)
            yield Static(id="about")

    def on_mount(self) -> None:
        self._look()
        self.set_interval(EVERY, self._look)

    def on_resize(self) -> None:
        for path, entry in self._entries.items():
            self.query_one(OptionList).replace_option_prompt(path.name, self._line(entry))

    @work(thread=True, exclusive=True, group="look")
    def _look(self) -> None:
        """Read how the runs stand; most do not change any more."""
        found: dict[Path, Entry] = {}
        try:
            for path in catalog.paths():
                known = self._entries.get(path)
                found[path] = known if known and known.state in SETTLED else catalog.entry(path)
        except NnplayError as error:
            self.app.call_from_thread(self._say, str(error))
            return
        self.app.call_from_thread(self._show, found)

    def _show(self, found: dict[Path, Entry]) -> None:
        before, self._entries = self._entries, found
        runs = self.query_one(OptionList)
        if list(before) == list(found):
            for path, entry in found.items():
                if entry != before[path]:
                    runs.replace_option_prompt(path.name, self._line(entry))
        else:
            chosen = self._chosen()
            runs.clear_options()
            runs.add_options([Option(self._line(entry), id=path.name) for path, entry in found.items()])
            if found:
                places = {path: place for place, path in enumerate(found)}
                runs.highlighted = places.get(chosen, 0) if chosen else 0
        self._tell()

    def _line(self, entry: Entry) -> Table:
        line = Table.grid(padding=(0, 2, 0, 0), expand=True)
        wide = self.size.width >= WIDE
        for width in (13 if wide else 1, 6, 10 if wide else 6):
            line.add_column(width=width, no_wrap=True)
        line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for width in (15 if wide else 9, 8 if wide else 6):
            line.add_column(width=width, justify="right", no_wrap=True)
        sign = SIGNS.get(entry.state, "✗")
        colour = self.app.theme_variables.get(COLOURS.get(entry.state, ""), "")
        between = " / " if wide else "/"
        epochs = f"{entry.epoch}{between}{entry.spec.epochs}" if entry.spec else ""
        age = catalog.age(entry.path)
        line.add_row(
            Text(f"{sign} {entry.state}" if wide else sign, colour),
            Text(inert(entry.short)),
            Text(f"{age} ago" if wide else age, "dim"),
            Text(inert(what(entry))),
            Text(epochs),
            Text(number(entry.loss, 4 if wide else 3)),
        )
        return line

    def _chosen(self) -> Path | None:
        runs = self.query_one(OptionList)
        if runs.highlighted is None or not runs.option_count:
            return None
        name = runs.get_option_at_index(runs.highlighted).id
        return next((path for path in self._entries if path.name == name), None)

    def _tell(self) -> None:
        """The whole name of the run that is chosen, and why it ended; or the question that waits."""
        path = self._chosen()
        if self._removing:
            self._say(f"Remove {self._removing.name} and all that it stored? y removes it, n does not")
        elif path and path == self._notice[0]:
            self._say(self._notice[1])
        elif path:
            entry = self._entries[path]
            self._say(f"{path.name}  {entry.message or catalog.STATES[entry.state]}")
        else:
            self._say("no runs yet: space starts one")

    def _say(self, text: str) -> None:
        self.query_one("#about", Static).update(Text(inert(text)))

    def _note(self, path: Path, text: str) -> None:
        self._notice = (path, text)
        self._tell()

    def on_option_list_option_highlighted(self) -> None:
        if self._removing != self._chosen():
            self._removing = None
        if self._notice[0] != self._chosen():
            self._notice = (None, "")
        self._tell()

    def on_option_list_option_selected(self) -> None:
        if (path := self._chosen()) and self._entries[path].spec:
            self.dismiss(path)

    def action_stop(self) -> None:
        if (path := self._chosen()) and self._entries[path].alive:
            self._do(path, lambda: control.send(path.name, control.Command("stop"), patience=1.0))

    def action_remove(self) -> None:
        path = self._chosen()
        if path and self._entries[path].alive:
            self._note(path, "it is under way: x stops it")
        elif path:
            self._removing = path
            self._tell()

    def action_yes(self) -> None:
        path, self._removing = self._removing, None
        if path:
            self._do(path, lambda: catalog.remove(path))

    def action_back(self) -> None:
        if self._removing:
            self._removing = None
            self._tell()
        else:
            self.dismiss(None)

    @work(thread=True, group="do")
    def _do(self, path: Path, deed: Callable[[], None]) -> None:
        try:
            deed()
        except NnplayError as error:
            self.app.call_from_thread(self._note, path, str(error))
        else:
            self.app.call_from_thread(self._look)
