"""Runs side by side: only the values in which they differ, and what came of each."""

from __future__ import annotations

from collections.abc import Sequence

from engine.spec import KEYS
from tui.feed import Snapshot
from tui.report import number
from tui.view import View

LABEL = 24  # characters of a run's label; longer ones end in …


def labels(view: View) -> list[str]:
    """What to call each run that lies over the one shown: how it differs from it; all are different."""
    present, shown = view.shown, view.run
    found: list[str] = []
    for run in view.others:
        changes = [f"{name}={value}" for name, value in run.spec.changed_from(present).items()]
        if run.spec.experiment != present.experiment:
            changes = [run.spec.experiment]
        elif run.spec.variant != present.variant:
            changes = [f"@{run.spec.variant}", *changes]
        if run.origin:
            changes = [f"fork at {run.origin.step:,}", *changes]
        elif shown and shown.origin and shown.origin.run == run.run_id:
            changes = ["original", *changes]
        label = " ".join(changes) or "same values"
        label = label if len(label) <= LABEL else label[: LABEL - 1] + "…"
        found.append(label if label not in found else f"{label} {run.run_id[-6:]}")
    return found


def rows(runs: Sequence[Snapshot]) -> list[tuple[str, list[str]]]:
    """Name and one cell a run: the keys that differ, then the results of the last epoch."""
    specs = [run.spec for run in runs]
    values = [(name, [spec.text(name) for spec in specs]) for name in KEYS]
    results = [(name, [_last(run, column) for run in runs]) for name, column in RESULTS.items()]
    differing = [(name, cells) for name, cells in values if len(set(cells)) > 1]
    return (
        differing
        + [(name, cells) for name, cells in results if cells.count("–") < len(cells)]
        + [
            ("steps", [f"{run.step:,}" for run in runs]),
            ("state", [f"{run.state}, epoch {run.epoch:,}" for run in runs]),
        ]
    )


RESULTS = {
    "train loss": "train_loss",
    "train accuracy": "train_accuracy",
    "train R²": "train_r2",
    "test loss": "test_loss",
    "test accuracy": "test_accuracy",
    "test R²": "test_r2",
}


def _last(run: Snapshot, column: str) -> str:
    values = getattr(run.curves, column)
    figure = float(values[-1]) if len(values) else None
    return number(None if figure is None or figure != figure else figure, 4)
