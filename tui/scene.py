"""Everything the main screen shows at one moment, made from runs and values; no widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine import experiments
from engine.events import Commanded
from engine.spec import KEYS, Effect, Spec
from tui.axes import Range, place
from tui.differences import labels
from tui.feed import Snapshot
from tui.history import Curves, Floats
from tui.preview import TRYING, Preview
from tui.series import Mark, Series
from tui.view import View

MANY = 10_000  # epochs of which one is far narrower than a dot, and copying their curves slow


@dataclass(frozen=True)
class Scene:
    """The values to start with, the run, the step looked at."""

    view: View
    preview: Preview | None = None
    instead: str = ""  # of a preview: why there is none

    @property
    def waiting(self) -> dict[str, Effect]:
        """The keys whose present values the run shown does not have, and when each would take effect."""
        run = self.view.run
        if run is None:
            return {}
        changed = self.view.spec.changed_from(run.spec)
        return {name: "next reset" if run.over else KEYS[name].effect for name in changed}

    @property
    def usual(self) -> Spec:
        """The values that the open variant has of itself."""
        spec = self.view.spec
        return experiments.get(spec.experiment).spec(spec.variant)

    @property
    def x_range(self) -> Range:
        """The epochs of all that is shown."""
        longest = max(run.spec.epochs for run in self.view.others) if self.view.others else 1
        return 0.0, float(max(self.view.shown.epochs, longest))

    @property
    def where(self) -> str:
        """The step that is shown, in words."""
        run = self.view.run
        if run is None:
            return "step 0"
        if run.state == "finished":
            of = f" of {run.step:,}"
        elif self.view.step is not None:
            of = f", of {run.step:,} so far"
        else:
            of = f" of {planned:,}" if (planned := run.planned) else ""
        return f"step {self.view.at:,}{of} · epoch {place(epoch_at(run.curves, self.view.at))}"

    @property
    def tried(self) -> str:
        """What the present values give on many seeds, in words; or why nothing, if the run does not tell."""
        told = self.view.run.message if self.view.run else ""
        return self.preview.words if self.preview else self.instead if self.instead != told else ""

    @property
    def trying(self) -> bool:
        """Whether that is still to come."""
        return self.preview is None and self.tried == TRYING

    @property
    def crosshair(self) -> float | None:
        """The epoch that is looked at, where it is not the newest."""
        view = self.view
        return None if view.step is None or view.run is None else epoch_at(view.run.curves, view.step)

    @property
    def marks(self) -> list[Mark]:
        """Where the run was forked off another, and where a value was changed under way."""
        run = self.view.run
        if run is None:
            return []
        forks = [(run.origin.step, "fork")] if run.origin else []
        changes = [(change.step, _change(change)) for change in run.changes]
        return [Mark(epoch_at(run.curves, step), words) for step, words in [*forks, *changes]]

    @property
    def score(self) -> Literal["accuracy", "r2", ""]:
        """What tells how good the network is: the part of the rows that is right, or R² for numbers.

        Whether a table has classes or numbers to predict, a run tells, or what was tried, if values do not;
        empty as long as none of them does.
        """
        run, loss = self.view.run, self.view.shown.loss
        if run and run.numbers is not None:
            numbers = run.numbers
        elif loss == "auto" and self.preview:
            numbers = self.preview.numbers
        elif loss == "auto":
            return ""
        else:
            numbers = loss == "mse"
        return "r2" if numbers else "accuracy"

    @property
    def score_title(self) -> str:
        return {"accuracy": "accuracy", "r2": "R²", "": "accuracy or R²"}[self.score]

    def series(self, name: str) -> list[Series]:
        """The curves of `loss` or `score`: the run's, then what was tried."""
        figure = (self.score or "accuracy") if name == "score" else name
        tried = self.preview.series(figure) if self.preview else []
        runs = [("", self.view.run)] if self.view.run else []
        others = self.view.others
        runs += zip(labels(self.view), others, strict=True)
        return [series for label, run in runs for series in _series(run, figure, label)] + tried


def _series(run: Snapshot, name: str, label: str) -> list[Series]:
    """Train and test curves; of the epoch under way, the train curve has a last point at its part of it."""
    x, train = run.curves.epoch, getattr(run.curves, f"train_{name}")
    partial = getattr(run.progress, name) if run.progress else None
    train_x: Floats = x
    if run.progress and partial is not None and len(x) < MANY:
        train_x, train = np.append(x, run.epoch + run.progress.part), np.append(train, partial)
    return [
        Series("train", train_x, train, run=label),
        Series("test", x, getattr(run.curves, f"test_{name}"), run=label, look="dotted"),
    ]


def _change(command: Commanded) -> str:
    return f"{command.key} {command.value}"


def epoch_at(curves: Curves, step: int) -> float:
    """How many epochs lie before a step, parts of one included."""
    count = len(curves.step)
    if not count:
        return 0.0
    after = min(int(np.searchsorted(curves.step, step)), count - 1)  # beyond the last: as steep as before
    step_after, epoch_after = float(curves.step[after]), float(curves.epoch[after])
    step_before = float(curves.step[after - 1]) if after else 0.0
    epoch_before = float(curves.epoch[after - 1]) if after else 0.0
    if step_after == step_before:
        return epoch_after
    part = (step - step_before) / (step_after - step_before)
    return epoch_before + part * (epoch_after - epoch_before)


def step_at(run: Snapshot, epoch: float) -> int:
    """The step nearest to a point of the x axis."""
    steps = np.concatenate([[0], run.curves.step, [run.step]])
    epochs = np.concatenate([[0], run.curves.epoch, [epoch_at(run.curves, run.step)]])
    return round(float(np.interp(epoch, epochs, steps)))


def moved(run: Snapshot, at: int, by: int) -> int | None:
    """The end of the epoch after (`by` = 1) or before (-1) a step; None at the newest."""
    stops = np.concatenate([[0], run.curves.step, [run.step]]).astype(int)
    beyond = stops[stops > at] if by > 0 else stops[stops < at]
    step = int(beyond.min() if by > 0 else beyond.max()) if len(beyond) else at
    return None if step >= run.step else step
