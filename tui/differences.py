"""Runs side by side: only the values in which they differ, and what came of each."""

from __future__ import annotations

from collections.abc import Sequence

from engine.spec import KEYS, Spec
from tui.feed import Snapshot
from tui.report import number
from tui.view import View

LABEL = 24  # characters of a run's label; longer ones end in …


def labels(view: View) -> list[str]:
    """What to call each run that lies over the one shown: how it differs from it; all are different."""
    present, shown = view.shown, view.run
    found: list[str] = []
    for run in view.others:
        changes = _changes(run, view)
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


def _changes(run: Snapshot, view: View) -> list[str]:
    """The values of a run that are others than those shown, or came to be so in another way."""
    present, shown = view.shown, view.run if view.path else None
    under_way = {change.key for one in (run, shown) if one for change in one.changes}
    names = run.spec.changed_from(present).keys() | under_way
    courses = {name: _course(run, name) for name in KEYS if name in names}
    here = {name: _course(shown, name) if shown else [(0, present.text(name))] for name in courses}
    return [f"{name}={_arrows(course)}" for name, course in courses.items() if course != here[name]]


def _course(run: Snapshot, name: str) -> list[tuple[int, str]]:
    """What a value was at the start of the run, and what it was changed to after how many epochs."""
    changes = [change for change in run.changes if change.key == name]
    if not changes or run.started is None:
        return [(0, run.spec.text(name))]
    first = Spec.from_json(run.started.spec)
    course = [(0, first.text(name))]
    course += [(c.epoch, first.replace_text({name: c.value}).text(name)) for c in changes]
    return course


def _arrows(course: list[tuple[int, str]]) -> str:
    """In a few characters: 0.001→0.005, with … for what came in between."""
    texts = [text for _, text in course]
    return "→".join(texts if len(texts) < 4 else [texts[0], "…", texts[-1]])


def _told(course: list[tuple[int, str]]) -> str:
    (_, first), *changes = course
    return " → ".join([first, *(f"{text} after epoch {epoch:,}" for epoch, text in changes)])


def rows(runs: Sequence[Snapshot]) -> list[tuple[str, list[str]]]:
    """Name and one cell a run: the keys that differ, then the results of the last epoch."""
    values = [(name, [_told(_course(run, name)) for run in runs]) for name in KEYS]
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
