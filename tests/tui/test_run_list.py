"""The list of the runs: what of each can be read, on wide and on narrow screens."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from driving import screen_text, sees
from stored_run import trained
from textual.app import App

from engine import catalog, experiments
from engine.events import EpochEnded, to_line
from engine.runs import Origin, set_origin
from engine.spec import Spec
from tui.screens.run_list import RunList


class Runs(App[None]):
    """Nothing but the list."""

    def on_mount(self) -> None:
        self.push_screen(RunList())


def finished(spec: Spec, origin: Origin | None = None) -> tuple[Path, EpochEnded]:
    """A finished run, and its last epoch."""
    path, events = trained(spec)
    if origin:
        set_origin(path, origin)
    return path, next(event for event in reversed(events) if isinstance(event, EpochEnded))


def line_of(app: Runs, path: Path) -> str:
    short = path.name.rpartition("-")[2]
    return next(line for line in screen_text(app).splitlines() if f" {short} " in line)


@pytest.mark.parametrize("size", [(150, 20), (120, 20), (80, 20)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_runs_of_one_experiment_are_told_apart(size: tuple[int, int]) -> None:
    wide = size[0] >= 120
    first, last = finished(experiments.find("iris-mlp", ["epochs=2"]))
    other, _ = finished(experiments.find("iris-mlp", ["epochs=2", "lr=0.1"]))
    forked, _ = finished(experiments.find("iris-mlp", ["epochs=2"]), Origin(first.name, 1_234_567))
    numbers, best = finished(experiments.find("mlp", ["data=diabetes", "epochs=2"]))
    async with (app := Runs()).run_test(size=size) as pilot:
        await sees(pilot, numbers.name, "trains", "epochs")
        digits = 4 if wide else 3
        assert f"{last.test_accuracy:.{digits}f}" in line_of(app, first)
        assert (f"{last.train_loss:.4f}" in line_of(app, first)) == wide
        assert f"R² {best.test_r2:.{digits}f}" in line_of(app, numbers)
        assert "lr=0.1" in line_of(app, other)
        assert "lr=" not in line_of(app, first)
        assert f"fork at 1,234,567 of {first.name[-6:]}" in line_of(app, forked)
        heads = next(line for line in screen_text(app).splitlines() if "trains" in line)
        for head, cell in (("run", other.name[-6:]), ("trains", "iris-mlp ")):
            assert heads.index(head) == line_of(app, other).index(cell)
        score = f"{catalog.entry(other).test_accuracy:.{digits}f}"
        right = "test accuracy" if wide else "test acc."
        assert heads.index(right) + len(right) == line_of(app, other).index(score) + len(score)
        await pilot.press("down", "down", "down")
        await sees(pilot, f"{first.name}  iris-mlp epochs=2")


@pytest.mark.parametrize(("size", "told"), [((120, 20), " 102,856 / 1,000,000 "), ((80, 20), " 102,856 ")])
async def test_a_million_epochs_are_not_cut(size: tuple[int, int], told: str) -> None:
    path, last = finished(experiments.find("iris-mlp", ["epochs=1"]))
    spec = json.loads((path / "spec.json").read_text()) | {"epochs": 1_000_000}
    (path / "spec.json").write_text(json.dumps(spec))
    (path / "events.jsonl").write_bytes(to_line(replace(last, epoch=102_856)))
    async with (app := Runs()).run_test(size=size) as pilot:
        await sees(pilot, path.name)
        assert told in line_of(app, path)
