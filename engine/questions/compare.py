"""The variants of an experiment side by side, and what each change from one to the next was worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from engine import experiments
from engine.control import Inbox
from engine.errors import NnplayError, RequestError
from engine.events import Ended, Report
from engine.frames import Answer
from engine.spec import Spec
from engine.trainer import Trainer

SEEDS = 3


def answer(experiment: str, assignments: list[str], seeds: int = SEEDS) -> Answer:
    """Each variant, and the way from the first to the last one change at a time, trained under some seeds.

    Values: `figure`, the name of what is compared; `seeds`, from the spec's own on; `variants`, each with
    `name`, `about`, `changes` (from the one before), `train_loss`, `test_loss` (of the first seed) and
    `figures` (one a seed); `steps`, each with its `change`, `before` and `after` (means over the seeds),
    `worth`, their difference, and `train_loss`, the same two means of the loss that is shown.

    Raises RequestError if a variant does not take the assignments.
    """
    specs = {
        name: experiments.find(f"{experiment}@{name}", assignments)
        for name in experiments.get(experiment).variants
    }
    compared = _Compared(seeds)
    variants, steps = [], []
    before: Spec | None = None
    for name, spec in specs.items():
        report = compared.reports(spec)[0]
        changes = spec.changed_from(before) if before else {}
        variants.append(
            {
                "name": name,
                "about": experiments.get(experiment).variants[name].about,
                "changes": changes,
                "train_loss": report.train_loss,
                "test_loss": report.test_loss,
                "figures": compared.figures(spec),
            }
        )
        if before:
            steps += [_step(compared, *pair) for pair in _one_at_a_time(before, spec)]
        before = spec
    first = next(iter(specs.values()))
    values = {"figure": compared.figure, "steps": steps, "variants": variants}
    return Answer(values | {"seeds": list(range(first.seed, first.seed + seeds))})


def _one_at_a_time(before: Spec, after: Spec) -> Iterator[tuple[Spec, Spec]]:
    """From one spec to another by one key after the other; keys that only go together change together."""
    waiting: dict[str, str] = {}
    here = before
    for key, value in after.changed_from(before).items():
        waiting[key] = value
        try:
            there = here.replace_text(waiting)
            next(Trainer(there, Inbox()).events())
        except RequestError:
            continue
        yield here, there
        here, waiting = there, {}
    if waiting:
        yield here, after


def _step(compared: _Compared, here: Spec, there: Spec) -> dict[str, Any]:
    change = " ".join(f"{key}={value}" for key, value in there.changed_from(here).items())
    before, after = compared.mean(here), compared.mean(there)
    losses = [compared.train_loss(here), compared.train_loss(there)]
    return {"change": change, "before": before, "after": after, "worth": after - before, "train_loss": losses}


class _Compared:
    """Trains a spec under each seed, once."""

    def __init__(self, seeds: int):
        self.seeds = seeds
        self.figure = ""
        self._reports: dict[Spec, list[Report]] = {}

    def reports(self, spec: Spec) -> list[Report]:
        spec = dataclasses.replace(spec, variant="published")
        if spec not in self._reports:
            seeds = range(spec.seed, spec.seed + self.seeds)
            self._reports[spec] = [_report(dataclasses.replace(spec, seed=seed)) for seed in seeds]
        return self._reports[spec]

    def figures(self, spec: Spec) -> list[float]:
        found = []
        for report in self.reports(spec):
            figures = {
                "test accuracy": report.test_accuracy,
                "test R²": report.test_r2,
                "train accuracy": report.train_accuracy,
                "train R²": report.train_r2,
            }
            self.figure = next(name for name, figure in figures.items() if figure is not None)
            found.append(float(figures[self.figure] or 0.0))
        return found

    def train_loss(self, spec: Spec) -> float | None:
        losses = [report.train_loss for report in self.reports(spec) if report.train_loss is not None]
        return sum(losses) / len(losses) if losses else None

    def mean(self, spec: Spec) -> float:
        figures = self.figures(spec)
        return sum(figures) / len(figures)


def _report(spec: Spec) -> Report:
    *_, ended = Trainer(spec, Inbox()).events()
    if not isinstance(ended, Ended) or ended.report is None:
        raise NnplayError(f"seed={spec.seed}: {ended.message if isinstance(ended, Ended) else 'no end'}")
    return ended.report
