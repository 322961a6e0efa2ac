"""The panel below the plots: what the experiment is about, then how well the network does."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from engine.experiments import Experiment
from engine.spec import Spec
from tui.feed import Snapshot
from tui.report import report_table

HINTS = {
    "running": (("space", "pauses"), ("s", "takes one step"), ("r", "starts over"), ("?", "shows all keys")),
    "paused": (("space", "goes on"), ("s", "takes one step"), ("e", "an epoch"), ("?", "shows all keys")),
}
READY = (("space", "trains"), ("s", "takes one step"), ("v", "changes a value"), ("?", "shows all keys"))


class ReportPanel(VerticalScroll):
    """Scrolls when a report has more rows than the screen has room."""

    can_focus = False
    DEFAULT_CSS = """
    ReportPanel { height: 8; padding: 0 1; scrollbar-size-vertical: 1; border-top: solid $panel-lighten-1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: object = None

    def compose(self) -> ComposeResult:
        yield Static(id="report")

    def update(self, experiment: Experiment, spec: Spec, run: Snapshot | None) -> None:
        """Show the report of a run that is over, else what the experiment is about; drawn when it differs."""
        state = run.state if run else "ready"
        shown = (run.run_id if run and run.over else spec.variant, experiment.name, state)
        if shown != self._shown:
            self._shown = shown
            content = self._outcome(run) if run and run.over else self._about(experiment, spec, state)
            self.query_one("#report", Static).update(content)
            self.scroll_home(animate=False)

    def _about(self, experiment: Experiment, spec: Spec, state: str) -> RenderableType:
        hint = Text()
        for key, does in HINTS.get(state, READY):
            hint.append_text(Text.assemble((key, "bold"), f" {does}   "))
        return Group(
            Text(f"{experiment.section} {experiment.title}", "bold"),
            Text(experiment.about),
            Text(experiment.variants[spec.variant].about, "italic"),
            Text(""),
            hint,
        )

    def _outcome(self, run: Snapshot) -> RenderableType:
        parts: list[RenderableType] = []
        if run.message:
            parts.append(Text(run.message, "bold red" if run.state in ("failed", "died") else "yellow"))
        if run.ended and run.ended.report and run.started:
            parts.append(report_table(run.ended.report, run.started.class_names))
        return Group(*parts)
