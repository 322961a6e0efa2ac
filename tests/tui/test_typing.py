"""Whoever types in a window has the processor: the screen behind it waits until they pause."""

from __future__ import annotations

import math
from pathlib import Path

from driving import sees, until

from engine import experiments
from engine.events import EpochEnded
from engine.runs import RunReader
from tui.app import NnplayApp
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
