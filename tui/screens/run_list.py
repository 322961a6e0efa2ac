"""The runs there are, stored and under way: open one, lay it over the present one, stop it, remove it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine import catalog, control
from engine.catalog import Entry
from engine.errors import NnplayError
from tui.glyphs import inert
from tui.messages import KeepRun
from tui.report import number
from tui.screens.window import Window
from tui.stored import what
from tui.widgets.status import COLOURS, SIGNS

WIDE = 120  # columns from which nothing needs to be short, or left out
COLUMNS = {  # by heading: columns, and on narrow screens; what is trained has the rest
    "state": (13, 1),
    "run": (6, 6),
    "begun": (10, 6),
    "trains": (None, None),
    "epochs": (21, 9),
    "test accuracy": (13, 9),
    "train loss": (10, 0),
}
EVERY = 1.0  # seconds between two looks at runs that may have changed
SETTLED = ("finished", "failed", "damaged")  # such runs do not change
KEYS_SHOWN = "enter opens · c compares · x stops · d removes · escape leaves"


class RunList(Window[Path]):
    """The newest run first; its result is the run to open, or None."""

    BINDINGS = [
        Binding("c", "keep", "Compare"),
        Binding("x", "stop", "Stop"),
        Binding("d,delete", "remove", "Remove"),
        Binding("y", "yes", "Yes", show=False),
        Binding("l,q,n", "back", "Back"),
    ]
    DEFAULT_CSS = """
    RunList > Vertical { width: 140; height: 80%; }
    RunList OptionList {
        height: 1fr; border: none; padding: 0; background: $surface;
        scrollbar-size-vertical: 1; scrollbar-gutter: stable;
    }
    RunList #heads { height: 1; padding: 0 1 0 0; }
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
            yield Static(id="heads")
            yield OptionList(compact=True)
            yield Static(id="about")

    def on_mount(self) -> None:
        self._look()
        self.set_interval(EVERY, self._look)

    def on_resize(self) -> None:
        self.query_one("#heads", Static).update(self._heads())
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
            self._if_open(self._say, str(error))
            return
        self._if_open(self._show, found)

    def _if_open(self, show: Callable[..., object], *found: object) -> None:
        """From a thread: show what it found, unless the list was left meanwhile."""
        self.app.call_from_thread(lambda: self.is_attached and show(*found))

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

    @property
    def _wide(self) -> bool:
        return self.size.width >= WIDE

    def _heads(self) -> Table:
        heads = COLUMNS if self._wide else ("", "run", "begun", "trains", "epochs", "test acc.", "")
        return self._row(*(Text(head, "dim") for head in heads))

    def _line(self, entry: Entry) -> Table:
        sign = SIGNS.get(entry.state, "✗")
        colour = self.app.theme_variables.get(COLOURS.get(entry.state, ""), "")
        digits = 4 if self._wide else 3
        r2 = entry.test_r2
        return self._row(
            Text(f"{sign} {entry.state}" if self._wide else sign, colour),
            Text(inert(entry.short)),
            Text(f"{catalog.age(entry.path)}{' ago' if self._wide else ''}", "dim"),
            Text(inert(what(entry))),
            Text(self._epochs(entry)),
            Text(number(entry.test_accuracy, digits) if r2 is None else f"R² {number(r2, digits)}"),
            Text(number(entry.loss, digits)),
        )

    def _epochs(self, entry: Entry) -> str:
        """How many of how many; where there is no room for both, how many."""
        if entry.spec is None:
            return ""
        if self._wide:
            return f"{entry.epoch:,} / {entry.spec.epochs:,}"
        both = f"{entry.epoch}/{entry.spec.epochs}"
        return both if len(both) <= len("9,999,999") else f"{entry.epoch:,}"

    def _row(self, *cells: Text) -> Table:
        """One line of the table; what is trained is cut where there is no room."""
        row = Table.grid(padding=(0, 2, 0, 0), expand=True)
        shown = []
        for cell, (name, widths) in zip(cells, COLUMNS.items(), strict=True):
            width = widths[0] if self._wide else widths[1]
            if width != 0:
                right = name in ("epochs", "test accuracy", "train loss")
                row.add_column(
                    width=width,
                    ratio=None if width else 1,
                    justify="right" if right else "left",
                    no_wrap=True,
                )
                shown.append(cell)
        row.add_row(*shown)
        return row

    def _chosen(self) -> Path | None:
        runs = self.query_one(OptionList)
        if runs.highlighted is None or not runs.option_count:
            return None
        name = runs.get_option_at_index(runs.highlighted).id
        return next((path for path in self._entries if path.name == name), None)

    def _tell(self) -> None:
        """All of the name of the run that is chosen, and how it stands; or the question that waits."""
        path = self._chosen()
        if self._removing:
            self._say(f"Remove {self._removing.name} and all that it stored? y removes it, n does not")
        elif path and path == self._notice[0]:
            self._say(self._notice[1])
        elif path:
            entry = self._entries[path]
            trains = f"  {what(entry)}" if entry.spec else ""
            self._say(f"{path.name}{trains}", entry.message or catalog.STATES[entry.state])
        else:
            self._say("no runs yet: space starts one")

    def _say(self, *lines: str) -> None:
        self.query_one("#about", Static).update(Text("\n".join(map(inert, lines))))

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

    def action_keep(self) -> None:
        if (path := self._chosen()) and self._entries[path].spec:
            self.post_message(KeepRun(path))

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
            self._if_open(self._note, path, str(error))
        else:
            self._if_open(self._look)
