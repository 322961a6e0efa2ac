"""The main screen: status, curves, values, report."""

from __future__ import annotations

import numpy as np
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Footer

from engine import experiments
from engine.spec import Spec
from tui.compositor import SpanCompositor
from tui.feed import Snapshot
from tui.history import Curves, Floats
from tui.series import Series
from tui.widgets.plot import Plot
from tui.widgets.report_panel import ReportPanel
from tui.widgets.status import StatusLine
from tui.widgets.values import ValueList


class Laboratory(Screen[None]):
    """Shows one spec and one run; it decides nothing."""

    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [
        (0, "-narrow"),
        (100, "-normal"),
        (160, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self._compositor = SpanCompositor()

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with Horizontal(id="body"):
            with Vertical(id="curves"):
                yield Plot("loss", x_label="epoch", id="loss")
                yield Plot("accuracy", x_label="epoch", y_range=(0.0, 1.0), id="accuracy")
            yield ValueList()
        yield ReportPanel()
        yield Footer(show_command_palette=True)

    def update(self, spec: Spec, run: Snapshot | None) -> None:
        """Show the values to start with and the run under way or over, if there is one."""
        self.query_one(StatusLine).update(spec, run)
        experiment = experiments.get(spec.experiment)
        running = run.spec if run and not run.over else None
        self.query_one(ValueList).update(spec, running, experiment.spec(spec.variant))
        self.query_one(ReportPanel).update(experiment, spec, run)
        self._plot(run.spec if run else spec, run)

    def _plot(self, spec: Spec, run: Snapshot | None) -> None:
        x_range = (0.0, float(spec.epochs))
        for name in ("loss", "accuracy"):
            series = _series(run, run.curves, name) if run else []
            self.query_one(f"#{name}", Plot).update(series, x_range)


def _series(run: Snapshot, curves: Curves, name: str) -> list[Series]:
    """Train and test curves; of the epoch under way, the train curve has a last point at its part of it."""
    x, train = curves.epoch, getattr(curves, f"train_{name}")
    partial = getattr(run.progress, name) if run.progress else None
    train_x: Floats = x
    if run.progress and partial is not None:
        train_x, train = np.append(x, run.epoch + run.progress.part), np.append(train, partial)
    return [
        Series("train", train_x, train),
        Series("test", x, getattr(curves, f"test_{name}"), look="dotted"),
    ]
