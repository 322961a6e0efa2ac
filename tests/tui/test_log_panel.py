"""The log of a run, on its panel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driving import screen_text, until
from panel_app import SPEC, app, stored_run, view
from stored_run import trained

from engine import experiments
from engine.events import EpochEnded
from tui.feed import Snapshot
from tui.view import View
from tui.widgets.panels.log import Log


async def test_the_log_shows_the_newest_line_and_can_be_filtered(home: Path) -> None:
    shown = replace(view(), path=stored_run(home), step=None)
    async with (it := app(Log, shown)).run_test(size=(118, 10)) as pilot:
        await until(pilot, lambda: "finished after" in screen_text(it))
        assert "events 13" in screen_text(it)
        await pilot.press("k")
        assert "set lr=0.05" in screen_text(it)
        assert "epoch 10 " not in screen_text(it)
        await pilot.press("k", "k", "k", "slash", *"epoch 7")
        await pilot.pause()
        assert "epoch 7 " in screen_text(it)
        assert "epoch 8 " not in screen_text(it)
        await pilot.press("escape")
        await until(pilot, lambda: "epoch 8 " in screen_text(it))


@pytest.mark.usefixtures("credit")
async def test_the_log_tells_what_was_found_in_the_data(home: Path) -> None:
    spec = experiments.find("credit-mlp", ["epochs=1"])
    shown = View(spec, stored_run(home, spec))
    async with (it := app(Log, shown)).run_test(size=(118, 10)) as pilot:
        await until(pilot, lambda: "what the columns x1 to x4" in screen_text(it))
        assert "x2 from " in screen_text(it)


async def test_the_log_goes_to_the_step_that_is_looked_at(home: Path) -> None:
    path = stored_run(home)
    async with (it := app(Log, replace(view(), path=path, step=None))).run_test(size=(118, 6)) as pilot:
        await until(pilot, lambda: "finished after" in screen_text(it))
        for step, lines in ((100, ("epoch 1 ", "epoch 2 ", "epoch 3 ")), (300, ("epoch 6 ", "epoch 7 "))):
            it.panel.show(replace(view(), path=path, step=step))
            await until(pilot, lambda lines=lines: all(line in screen_text(it) for line in lines))
            assert "finished after" not in screen_text(it)
        for strip in it.screen._compositor.render_strips():  # what comes later is pale, and can be read
            if "epoch 7 " in strip.text:
                colours = [s.style for s in strip if s.style and any(map(str.isalnum, s.text))]
                assert all(contrast(style.color.triplet, style.bgcolor.triplet) >= 3 for style in colours)
                assert max(contrast(style.color.triplet, style.bgcolor.triplet) for style in colours) < 7
        await pilot.press("up")
        it.panel.show(replace(view(), path=path, step=300, spec=SPEC.replace_text({"lr": "0.1"})))
        here = screen_text(it)
        await pilot.pause()
        assert screen_text(it) == here  # what a person scrolled stays
        it.panel.show(replace(view(), path=path, step=None))
        await until(pilot, lambda: "finished after" in screen_text(it))


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Of two colours, as the WCAG measure it."""
    channels = np.array([one, other]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    low, high = sorted(linear @ (0.2126, 0.7152, 0.0722))
    return float((high + 0.05) / (low + 0.05))


async def test_the_log_on_the_screen_goes_over_to_another_run(home: Path) -> None:
    async with (it := app(Log, replace(view(), path=stored_run(home), step=None))).run_test(
        size=(118, 10)
    ) as pilot:
        await until(pilot, lambda: "events 13" in screen_text(it))
        await it.workers.wait_for_complete()  # all is read: nothing follows the run any more
        spec = SPEC.replace_text({"epochs": "2"})
        it.panel.show(View(spec, trained(spec)[0]))
        await until(pilot, lambda: "events 4" in screen_text(it))
        assert "epoch 3 " not in screen_text(it)


async def test_the_log_of_a_regression_has_r2(home: Path) -> None:
    spec = experiments.find("linreg-nn", ["epochs=2"])
    path, events = trained(spec)
    run = Snapshot(path.name, spec, state="finished", started=events[0])
    last = next(event for event in reversed(events) if isinstance(event, EpochEnded))
    async with (it := app(Log, View(spec, path, None, run))).run_test(size=(118, 10)) as pilot:
        await until(pilot, lambda: "finished after" in screen_text(it))
        assert "epochs: loss, R²" in screen_text(it)
        assert f"train {last.train_loss:.6f} {last.train_r2:.4f}" in screen_text(it)


async def test_the_head_of_a_long_log_fits_a_narrow_terminal(home: Path) -> None:
    async with (it := app(Log, replace(view(), path=stored_run(home), step=None))).run_test(
        size=(80, 10)
    ) as pilot:
        await until(pilot, lambda: "finished after" in screen_text(it))
        it.panel._read = 52_502
        it.panel.draw()
        await until(pilot, lambda: "52,502, the newest 5,000 here" in screen_text(it))
        assert "epochs: loss, accuracy" in screen_text(it)
