"""Whoever types in a window has the processor: the screen behind it waits until they pause."""

from __future__ import annotations

import math
import time
from itertools import pairwise
from pathlib import Path

import pytest
from driving import sees, until

from engine import experiments
from engine.events import EpochEnded
from engine.runs import RunReader
from tui.app import BEHIND, NnplayApp
from tui.screens.edit_value import EditValue


async def test_nothing_is_drawn_behind_a_window_while_somebody_types(home: Path) -> None:
    app = NnplayApp(experiments.find("iris-mlp", ["epochs=1000000", "backend=eager"]))

    def epochs_stored() -> int:
        (run,) = home.iterdir()
        return sum(isinstance(event, EpochEnded) for event in RunReader(run).poll())

    def step_shown() -> int:
        assert app.session.run is not None
        return app.session.run.step

    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditValue))
        app._typed = math.inf  # a key that has only just come
        followed, stored = step_shown(), epochs_stored()
        await until(pilot, lambda: epochs_stored() > stored + 20)
        assert step_shown() == followed
        app._typed = 0.0
        await until(pilot, lambda: step_shown() > followed)


async def test_frames_behind_a_window_are_further_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    app = NnplayApp(experiments.find("iris-mlp", ["epochs=1000000", "backend=eager"]))
    frames: list[float] = []

    async def least_apart() -> float:
        """The least time between two of the next frames."""
        frames.clear()
        await until(pilot, lambda: len(frames) > 5)
        return min(later - earlier for earlier, later in pairwise(frames))

    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        follow = app.session.follow
        monkeypatch.setattr(app.session, "follow", lambda: (frames.append(time.monotonic()), follow()))
        assert await least_apart() < BEHIND
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditValue))
        frames.clear()
        await until(pilot, lambda: frames)  # was on its way when the window opened
        assert await least_apart() >= BEHIND
