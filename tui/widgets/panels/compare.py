"""The panel that holds runs against each other: those that were kept, or the variants of the experiment."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import ScrollableContainer
from textual.widgets import Static

from engine import experiments
from tui.comparison import comparison
from tui.differences import labels, rows
from tui.view import View
from tui.widgets.panel import Ask, Panel, Question


class Compare(Panel):
    """The present run in the first column, those kept in the others; or what each variant gives."""

    TITLE = "Compare"
    DEFAULT_CSS = """
    Compare { padding: 0 1; }
    Compare Static { width: auto; }
    Compare Static.-words { width: 100%; }
    Compare ScrollableContainer { scrollbar-size: 1 1; }
    """

    def __init__(self, ask: Ask):
        super().__init__(ask)
        self.variants = False  # whether these are shown, and trained for it, instead of the runs kept

    def compose(self) -> ComposeResult:
        with ScrollableContainer():
            yield Static(id="compare-text")

    def show_variants(self, wanted: bool) -> None:
        """Train the variants and show what came of them; or go back to the runs that are kept."""
        self.variants = wanted
        self.answer, self.problem, self._asked = None, "", None
        self.inquire()

    def question(self, view: View) -> Question | None:
        """The variants with the values that were changed; the same as `nnplay run NAME --compare`."""
        if not self.variants:
            return None
        spec = view.spec
        changes = spec.changed_from(experiments.get(spec.experiment).spec(spec.variant))
        assignments = [f"{name}={value}" for name, value in changes.items()]
        return Question("compare", {"experiment": spec.experiment, "assignments": assignments})

    def subject(self, view: View) -> object:
        return self.question(view)

    def draw(self) -> None:
        text = self.query_one("#compare-text", Static)
        content = self._variants() if self.variants else self._kept()
        text.set_class(isinstance(content, Text), "-words")
        text.update(content)

    def _variants(self) -> RenderableType:
        assert self.view is not None
        spec = self.view.spec
        if self.trouble:
            return Text(self.trouble)
        if self.answer is None:
            return Text(self.waiting(f"training the variants of {spec.experiment} …"), "dim")
        question = self.question(self.view)
        changed = " ".join(["", *question.values["assignments"]]) if question else ""
        heading = Text.assemble(("The variants of ", "dim"), (spec.experiment, "bold"), changed)
        return Group(heading, Text(""), comparison(self.answer.values))

    def _kept(self) -> RenderableType:
        assert self.view is not None
        others = self.view.others
        if not others:
            return Text.assemble(
                ("c", "bold"),
                " keeps the run that is shown. Change a value and train again: both curves lie over one "
                "another, and here stands what differs.\n",
                ("C", "bold"),
                f" trains all variants of {self.view.spec.experiment}, and here stands what each of their "
                "changes is worth.",
            )
        present = [self.view.run] if self.view.run else []
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style=Style(bold=True))
        table.add_column("")
        for label in [*(["this run"] if present else []), *labels(self.view)]:
            table.add_column(Text(label), justify="right", no_wrap=True)
        for name, cells in rows([*present, *others]):
            table.add_row(Text(name, "dim"), *(Text(cell) for cell in cells))
        return table
