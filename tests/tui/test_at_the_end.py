"""A run that is over: what the keys do then, and what the screen says of it."""

from __future__ import annotations

from pathlib import Path

from driving import SIZE, app, screen_text, sees, until
from textual.pilot import Pilot


async def trained(pilot: Pilot[None]) -> str:
    """Train to the end; returns the run's id."""
    await pilot.press("space")
    await sees(pilot, "✓ finished")
    run: str = pilot.app.session.run.run_id
    return run


async def test_to_open_what_is_open_leaves_its_values_and_its_run() -> None:
    async with app("epochs=2").run_test(size=SIZE) as pilot:
        run = await trained(pilot)
        await pilot.press("plus")
        laboratory = pilot.app._laboratory
        for keys in (["enter"], ["up", "enter"]):  # its variant, which is chosen, and the experiment
            await pilot.press("x", *keys)
            await until(pilot, lambda: pilot.app.focused is laboratory.values)
            await pilot.pause()
            assert pilot.app.session.spec.text("lr") == "0.002"
            assert pilot.app.session.run.run_id == run
        await pilot.press("x", "down", "down", "enter")
        await until(pilot, lambda: pilot.app.session.spec.variant == "corrected")
        await until(pilot, lambda: pilot.app.session.run is None)


async def test_a_step_after_the_end_is_no_new_run_unless_a_value_is_changed(home: Path) -> None:
    async with app("epochs=2").run_test(size=SIZE, notifications=True) as pilot:
        run = await trained(pilot)
        await pilot.press("left", "s")
        await sees(pilot, "The run is over: r starts over, ← → go through it.")
        assert pilot.app.session.view.at == 50
        await pilot.press("e")
        await pilot.pause()
        assert [path.name for path in home.iterdir()] == [run]
        await pilot.press("plus", "e")
        await sees(pilot, "‖ paused")
        await until(pilot, lambda: pilot.app.session.run.run_id != run and pilot.app.session.run.epoch == 1)


async def test_an_epoch_asked_for_before_the_end_is_seen_starts_no_run(home: Path) -> None:
    async with app("epochs=2").run_test(size=SIZE) as pilot:
        await trained(pilot)
        for _ in range(3):  # as of keys that came before: orders wait for one another
            pilot.app.session.one("epoch")
        await until(pilot, lambda: pilot.app.session._conductor._orders.empty())
        assert len(list(home.iterdir())) == 1


async def test_values_that_the_run_shown_does_not_have_are_marked_after_its_end_too() -> None:
    async with app("epochs=2").run_test(size=SIZE) as pilot:
        run = await trained(pilot)
        assert "↻" not in screen_text(pilot.app)
        await pilot.press("plus")
        await sees(pilot, "0.002 ↻", "↻ r trains these")
        row = next(line for line in screen_text(pilot.app).splitlines() if "0.002 ↻" in line)
        assert row.split()[-1] == "reset"  # not `live`: nothing is under way
        await pilot.resize_terminal(60, 24)
        await sees(pilot, "✓ finished  ↻ r trains these")
        await pilot.resize_terminal(*SIZE)
        await pilot.press("minus")
        await until(pilot, lambda: "↻" not in screen_text(pilot.app))
        await pilot.press("plus", "r")
        await until(pilot, lambda: pilot.app.session.run.run_id != run and pilot.app.session.view.done)
        assert "↻" not in screen_text(pilot.app)


async def test_the_line_of_time_tells_the_steps_planned_until_the_end() -> None:
    async with app("epochs=2").run_test(size=SIZE) as pilot:
        await pilot.press("e")
        await sees(pilot, "‖ paused", "step 50 of 100 · epoch 1")
        await pilot.press("comma")
        await sees(pilot, "step 49, of 50 so far · epoch 0.98")
        await pilot.press("space")
        await sees(pilot, "✓ finished", "step 100 of 100 · epoch 2")
        await pilot.press("left")
        await sees(pilot, "step 50 of 100 · epoch 1")


async def test_a_plan_with_epochs_of_other_lengths_is_not_told() -> None:
    async with app("epochs=3").run_test(size=SIZE) as pilot:
        await pilot.press("e")
        await sees(pilot, "step 50 of 150")
        await pilot.press("down", "down", "down")
        assert pilot.app._laboratory.values.chosen == "batch_size"
        await pilot.press("plus")
        await sees(pilot, "step 50 · epoch 1")


async def test_the_key_line_says_what_space_does_now() -> None:
    async with app("epochs=1000000").run_test(size=SIZE) as pilot:
        await sees(pilot, "space run  ")
        await pilot.press("space")
        await sees(pilot, "● running", "space pause")
        await pilot.press("space")
        await sees(pilot, "‖ paused", "space go on")
        await pilot.press("S")
        await sees(pilot, "■ interrupted", "space go on")
        await pilot.press("plus")
        await sees(pilot, "space rerun")
        await pilot.press("u")
        assert "space go on" not in screen_text(pilot.app)  # other epochs than the run's
