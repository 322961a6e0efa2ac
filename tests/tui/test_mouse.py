"""The main screen by mouse."""

from __future__ import annotations

import pytest
from driving import SIZE, app, sees, until
from textual.events import MouseDown, MouseUp
from textual.pilot import Pilot

from tui.screens.laboratory import Laboratory
from tui.screens.window import Window
from tui.screens.workbook import WorkbookScreen
from tui.widgets.cell_view import CellView
from tui.widgets.lecture import LectureList


def click(pilot: Pilot[None], x: int, y: int) -> None:
    """A click as a terminal sends it: the app finds out what is there, a pilot's goes past it."""
    for kind in (MouseDown, MouseUp):
        pilot.app.post_message(kind(None, x, y, 0, 0, 1, False, False, False, x, y))


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


async def test_a_double_click_opens_a_workbook_and_does_nothing_in_it() -> None:
    async with app().run_test(size=SIZE) as pilot:
        await sees(pilot, "space run")
        lecture = pilot.app.screen.query_one(LectureList)
        x, y = lecture.region.x + 8, lecture.region.y + lecture.get_option_index("tensors")
        click(pilot, x, y)
        await until(pilot, lambda: isinstance(pilot.app.screen, WorkbookScreen))
        click(pilot, x, y)
        await sees(pilot, "1.1 Tensors", "t_a = torch.tensor(a)")
        assert isinstance(pilot.app.screen, WorkbookScreen)
        assert pilot.app.screen._chosen.number == 1
        assert pilot.app.focused is pilot.app.screen._chosen
        await until(pilot, lambda: len(pilot.app.screen.query(CellView)) == len(pilot.app.screen._cells))
        click(pilot, *pilot.app.screen._cells[1].head.region.offset)
        await until(pilot, lambda: pilot.app.screen._chosen.number == 2)  # a click that is meant does


@pytest.mark.parametrize("key", ["question_mark", "l", "o", "enter"])
async def test_a_click_beside_a_window_leaves_it_and_the_keys_are_where_they_were(key: str) -> None:
    async with app().run_test(size=(160, 50)) as pilot:
        await sees(pilot, "space run")
        before, spec = pilot.app.focused, pilot.app.session.spec
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, Window))
        await pilot.click(pilot.app.screen.children[0], offset=(2, 0))
        await pilot.pause()
        assert isinstance(pilot.app.screen, Window)
        await pilot.click(offset=(0, 0))
        await until(pilot, lambda: isinstance(pilot.app.screen, Laboratory))
        assert pilot.app.focused is before
        assert pilot.app.session.spec == spec
