"""The main screen by mouse."""

from __future__ import annotations

from driving import SIZE, app, sees, until


async def test_a_click_chooses_a_value_and_a_second_one_opens_it() -> None:
    async with app().run_test(size=SIZE) as pilot:
        await sees(pilot, "space run")
        values = pilot.app._laboratory.values
        row = next(y for y in range(values.option_count) if values.get_option_at_index(y).id == "optimizer")
        await pilot.click(values, offset=(4, row))
        await until(pilot, lambda: values.chosen == "optimizer")
        await pilot.press("minus")
        assert pilot.app.session.spec.optimizer == "sgd"
        await pilot.click(values, offset=(4, row))
        await sees(pilot, "the update rule", "takes effect: next reset")


async def test_the_ends_of_the_line_of_time_go_by_an_epoch_and_the_line_itself_jumps() -> None:
    async with app("epochs=5").run_test(size=SIZE) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished", "step 250 of 250 · epoch 5")
        line = pilot.app.screen.query_one("#timeline")

        def end() -> int:
            return line._line().plain.index("▸") + 1

        for at, step in ((1, 200), (1, 150), (end(), 200), (2, 0)):
            await pilot.click(line, offset=(at, 0))
            await sees(pilot, f"step {step} of 250")
        await pilot.click(line, offset=(end() - 1, 0))
        await sees(pilot, "step 250 of 250")
