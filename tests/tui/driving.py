"""Driving the app: how it is opened, a pilot, and what a person would see on the screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot

from engine import experiments
from tui.app import NnplayApp

SIZE = (120, 40)


def app(*words: str, backend: str = "eager") -> NnplayApp:
    """The app at the Iris experiment; the eager backend is slow enough to be met in the middle of a run."""
    return NnplayApp(experiments.find("iris-mlp", [*words, f"backend={backend}"]))


def only_run(home: Path) -> Path:
    (run,) = home.iterdir()
    return run


def step_shown(app: NnplayApp) -> int:
    assert app.session.run is not None
    return app.session.run.step


def screen_text(app: App[None]) -> str:
    """The characters on the screen, line by line."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Let the app go on until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen; the screen:\n{screen_text(pilot.app)}"
        await pilot.pause(0.02)
    await pilot.pause()


async def sees(pilot: Pilot[None], *words: str) -> None:
    """Let the app go on until all the words are on the screen."""
    await until(pilot, lambda: all(word in screen_text(pilot.app) for word in words))
