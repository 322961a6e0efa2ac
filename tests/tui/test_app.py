"""The app with a real worker: what a person does, and what the screen shows then."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from driving import SIZE, app, only_run, screen_text, sees, step_shown, until

from engine.events import Commanded, Ended, EpochEnded
from engine.runs import RunReader
from tui.scene import Scene


@pytest.mark.parametrize("backend", ["eager", "native"])
async def test_space_trains_and_the_report_comes_at_the_end(home: Path, backend: str) -> None:
    async with app(backend=backend).run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, "iris-mlp", "@published", "○ ready", "space run")
        await pilot.press("3", "space")
        await sees(pilot, "✓ finished", "epoch 100 / 100", f"{backend} · cpu", "steps/s")
        await sees(pilot, "0.640", "test rows taken for", "at step 5,000", "1 of 50 test rows")
        text = screen_text(pilot.app)
        assert re.search(
            r"train +loss 0\.639\d\d\d +accuracy 0\.9500 +test +loss 0\.6252\d\d +accuracy 0\.9800", text
        )
        assert re.search(r"versicolor +0 +18 +1 +1\.000 +0\.947 +0\.973", text)
        assert sum(0x2800 < ord(char) < 0x2900 for char in text) > 100
    assert isinstance(RunReader(only_run(home)).poll()[-1], Ended)


async def test_where_auto_put_a_run_and_why_is_shown_as_it_starts(home: Path) -> None:
    async with app("device=auto", backend="native").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "device=auto:", "✓ finished", "native · cpu")
        assert pilot.app.session.spec.device == "auto"
        pilot.app.clear_notifications()
        await pilot.press("r")
        await until(pilot, lambda: len(list(home.iterdir())) == 2)
        await sees(pilot, "✓ finished")
        assert "device=auto:" not in screen_text(pilot.app)  # it was said


async def test_space_pauses_and_goes_on(home: Path) -> None:
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        await until(pilot, lambda: step_shown(pilot.app) > 100)
        await pilot.press("space")
        await sees(pilot, "‖ paused")
        paused_at = len(RunReader(only_run(home)).poll())
        await pilot.press("space")
        await sees(pilot, "● running")
        await until(pilot, lambda: len(RunReader(only_run(home)).poll()) > paused_at + 5)
        commands = [e.name for e in RunReader(only_run(home)).poll() if isinstance(e, Commanded)]
        assert commands == ["pause", "resume"]


async def test_steps_and_epochs_by_hand(home: Path) -> None:
    async with app().run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("s")
        await sees(pilot, "‖ paused", "step 1")
        await pilot.press("s", "s")
        await sees(pilot, "‖ paused", "step 3")
        await pilot.press("e")
        await sees(pilot, "‖ paused", "epoch 1 / 100")
        assert step_shown(pilot.app) == 50
        await pilot.press("q")
    commands = [(e.name, e.step) for e in RunReader(only_run(home)).poll() if isinstance(e, Commanded)]
    assert commands == [("step", 0), ("step", 1), ("step", 2), ("epoch", 3), ("stop", 50)]


async def test_r_starts_over_with_the_same_numbers(home: Path) -> None:
    async with app("epochs=3").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        first = pilot.app.session.run
        await pilot.press("r")
        await until(
            pilot, lambda: pilot.app.session.run.over and pilot.app.session.run.run_id != first.run_id
        )
    one, other = (
        [e.train_loss for e in RunReader(run).poll() if isinstance(e, EpochEnded)] for run in home.iterdir()
    )
    assert one == other
    assert len(one) == 3


async def test_a_value_is_changed_refused_and_taken_over() -> None:
    async with app("epochs=2").run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, "space run")
        while pilot.app._laboratory.values.chosen != "hidden":
            await pilot.press("up")
        await pilot.press("enter")
        await sees(pilot, "widths of the hidden layers", "takes effect: next reset")
        await pilot.press("backspace", "backspace", "0", "enter")
        await sees(pilot, "hidden: expected widths from 1 to 65,536", "got 0")
        await pilot.press("backspace", *"8,8", "enter")
        await until(pilot, lambda: pilot.app.session.spec.hidden == (8, 8))
        await sees(pilot, "8,8")
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        assert pilot.app.session.run.spec.hidden == (8, 8)
        assert pilot.app.session.run.started.parameters == 4 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3


async def test_a_key_turns_a_value_and_many_seeds_are_trained_at_once(home: Path) -> None:
    async with app(backend="native").run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, "test accuracy", "seeds")
        first = pilot.app.session.trials.preview
        await pilot.press("plus", "plus")
        assert pilot.app.session.spec.lr == 0.005
        await until(
            pilot,
            lambda: pilot.app.session.trials.preview and pilot.app.session.trials.preview.spec.lr == 0.005,
        )
        assert (
            pilot.app.session.trials.preview.answer.arrays["loss"][1, -1] < first.answer.arrays["loss"][1, -1]
        )
        await pilot.press("up", "minus")
        assert pilot.app.session.spec.optimizer == "sgd"
        # The legend says whose curve it is.
        await until(pilot, lambda: f"{pilot.app.session.trials.preview.run} ━" in screen_text(pilot.app))
        await pilot.press("t")
        await until(pilot, lambda: "test accuracy" not in screen_text(pilot.app))
        assert not home.exists() or not list(home.iterdir())  # nothing of this is stored


async def test_time_is_travelled_by_epochs_and_by_steps() -> None:
    async with app("epochs=5").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished", "step 250 of 250")
        await pilot.press("left", "left")
        await sees(pilot, "step 150 of 250 · epoch 3")
        await pilot.press("comma")
        await sees(pilot, "step 149 of 250 · epoch 2.98")
        await pilot.press("right")
        await sees(pilot, "step 150 of 250")
        await pilot.press("home", "left")
        await sees(pilot, "step 0 of 250")
        await pilot.press("end")
        await sees(pilot, "step 250 of 250")
        assert pilot.app.session.step is None
        await pilot.click("#timeline", offset=(4, 0))
        await until(pilot, lambda: pilot.app.session.step is not None and pilot.app.session.step < 20)


async def test_a_value_changed_under_way_leaves_a_mark() -> None:
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("e", "e")
        await sees(pilot, "‖ paused", "epoch 2 /")
        await pilot.press("plus")
        await until(pilot, lambda: pilot.app.session.run.changes)
        (mark,) = Scene(pilot.app.session.view).marks
        assert (mark.x, mark.label) == (2.0, "lr 0.002")


async def test_the_plots_are_looked_about_in_by_keys() -> None:
    async with app("epochs=3").run_test(size=SIZE) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        loss, score = pilot.app._laboratory.plots.values()
        await pilot.press("z", "z", "shift+right")
        await until(pilot, lambda: loss.seen == score.seen)
        low, high = loss.seen
        assert high - low == pytest.approx(3 / 1.5**2)
        assert low > 0.5 * (3 - 3 / 1.5**2)
        await pilot.press("g", "w")
        assert (loss.look.log, loss.look.smoothing) == (True, 0.6)
        await pilot.press("backspace", "w", "w", "w", "g")
        await until(pilot, lambda: loss.seen == score.seen == (0.0, 3.0))
        assert (loss.look.log, loss.look.smoothing) == (False, 0.0)


async def test_a_live_value_changes_in_the_run_and_a_structural_one_waits(home: Path) -> None:
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("e")
        await sees(pilot, "‖ paused", "epoch 1 /")
        pilot.app.session.take_over(pilot.app.session.spec.replace_text({"lr": "0.01", "hidden": "4"}))
        await until(pilot, lambda: pilot.app.session.run.spec.lr == 0.01)
        await sees(pilot, "4 ↻")
        assert "0.01 ↻" not in screen_text(pilot.app)
        assert pilot.app.session.run.spec.hidden == (16,)
    commands = [
        (e.name, e.key, e.value) for e in RunReader(only_run(home)).poll() if isinstance(e, Commanded)
    ]
    assert ("set", "lr", "0.01") in commands
