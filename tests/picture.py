"""Draw the README's picture: the app itself trains the Iris network and saves its screen as SVG.

python tests/picture.py docs/nnplay.svg
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from textual import constants

from engine import experiments
from tui.app import NnplayApp
from tui.widgets.panels.network import Network


async def draw(target: Path) -> None:
    """Train to the end at 120×40, with what many seeds give beside it, and save the screen to `target`."""
    app = NnplayApp(experiments.find("iris-mlp"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        network = app.screen.query_one(Network)
        while not (
            app.session.run and app.session.run.over and app.session.trials.preview and network.answer
        ):
            await pilot.pause(0.05)
        while network.answer and network.answer.values["step"] < app.session.run.step:
            await pilot.pause(0.05)
        await pilot.pause()
        target.parent.mkdir(parents=True, exist_ok=True)
        app.save_screenshot(str(target))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state
        constants.COLOR_SYSTEM = "truecolor"
        asyncio.run(draw(Path(sys.argv[1])))
