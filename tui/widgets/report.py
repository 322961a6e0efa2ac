"""The panel that tells how well the network does."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.report import report_table
from tui.widgets.panel import Panel


class Report(Panel):
    """Scrolls when a report has more rows than the screen has room."""

    TITLE = "Report"
    DEFAULT_CSS = "Report { padding: 0 1; } Report VerticalScroll { scrollbar-size-vertical: 1; }"

    _drawn: str | None = None  # the run whose report is shown, empty for none: sent again only for another

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(id="report-text")

    def draw(self) -> None:
        assert self.view is not None
        run = self.view.run
        drawn = run.run_id if run and run.ended else ""
        if self._drawn == drawn:
            return
        self._drawn = drawn
        if run and run.ended and run.ended.report and run.started:
            content = report_table(run.ended.report, run.started.class_names)
        else:
            content = Text("The report comes when the run is over.", "dim")
        self.query_one("#report-text", Static).update(content)
