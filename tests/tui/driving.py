"""Driving the app: a pilot, and what a person would see on the screen."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import App
from textual.pilot import Pilot


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
