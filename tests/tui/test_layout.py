"""What is on the screen at which size, and the keys: one table, and those of one's own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import SIZE, app, screen_text, sees, until
from textual.widgets._toast import Toast

from engine import experiments
from tui import keys
from tui.app import NnplayApp
from tui.config import STANDARD
from tui.keys import KEYS, shown
from tui.widgets.key_line import KeyLine
from tui.widgets.status import StatusLine
from tui.widgets.timeline import TimeLine


async def test_a_narrow_screen_shows_the_value_that_the_keys_turn_and_the_way_to_the_report() -> None:
    async with app("epochs=1", backend="native").run_test(size=(80, 24)) as pilot:
        await sees(pilot, "lr 0.001 · ")
        await pilot.press("plus")
        await sees(pilot, "lr 0.002 · ")
        await pilot.press("down")
        await sees(pilot, "momentum 0 · ")
        await pilot.press("space")
        await sees(pilot, "✓ finished", "3 report")


async def test_digits_choose_what_is_shown_and_give_it_all_the_room() -> None:
    async with app().run_test(size=SIZE) as pilot:
        laboratory = pilot.app._laboratory
        upper, lower = laboratory.query_one("#upper"), laboratory.query_one("#lower")

        def shown() -> tuple[bool, bool]:
            return upper.display, lower.display

        await sees(pilot, "Iris flowers")
        assert shown() == (True, True)
        await pilot.press("3")
        assert shown() == (True, True)
        await pilot.press("3")
        assert shown() == (False, True)
        await pilot.press("0")
        assert shown() == (True, False)
        await pilot.press("0")
        assert shown() == (True, True)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert shown() == (True, False)
        await pilot.press("9")
        assert shown() == (False, True)
        await pilot.press("v")
        assert shown() == (True, False)
        await sees(pilot, "weight_decay")
        await pilot.press("x")
        await sees(pilot, "1.4", "@corrected")
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.session.spec.variant == "corrected")
        await pilot.press("escape")
        await sees(pilot, "accuracy", "loss")


async def test_the_keys_page_and_the_footer_come_from_the_table() -> None:
    async with app().run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, *(f"{key.footer or shown(key)} {key.label}" for key in KEYS if key.label))
        await pilot.resize_terminal(120, 90)
        await pilot.press("question_mark")
        await sees(pilot, *(shown(key) for key in KEYS), *(key.title for key in KEYS))
        await pilot.press("escape")
        await sees(pilot, "space run")


async def test_every_key_is_in_the_command_palette_and_the_palette_runs_it() -> None:
    async with app().run_test(size=SIZE, notifications=True) as pilot:
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {key.title for key in KEYS if key.action != "command_palette"} <= titles
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"iriscorrected")
        await sees(pilot, "Open iris-mlp@corrected")
        await pilot.press("enter")
        await sees(pilot, "@corrected", "logits")


async def test_a_resized_plot_is_drawn_anew() -> None:
    async with app("epochs=4").run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        rows = [
            line
            for line in screen_text(pilot.app).splitlines()
            if any(0x2800 < ord(c) < 0x2900 for c in line)
        ]
        plot = pilot.app.screen.query_one("#loss")
        last = max(place for row in rows for place, c in enumerate(row) if 0x2800 < ord(c) < 0x2900)
        assert last == plot.region.right - 1  # the last epoch lies at the right edge


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (40, 12), (20, 6)])
async def test_the_app_fits_and_follows_any_size(size: tuple[int, int]) -> None:
    async with app("epochs=2").run_test(size=size) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.session.run and pilot.app.session.run.over)
        await pilot.resize_terminal(100, 30)
        await sees(pilot, "✓ finished")
        lines = screen_text(pilot.app).splitlines()
        assert len(lines) == 30
        assert all(len(line) <= 100 for line in lines)


async def test_keys_of_ones_own_work_and_show_everywhere() -> None:
    keymap = {"run_or_pause": "f5", "step": "e", "epoch": "s", "command_palette": "f2"}
    settings = replace(STANDARD, keymap=keymap, theme="light")
    own = NnplayApp(experiments.find("iris-mlp", ["epochs=3", "backend=eager"]), settings)
    try:
        async with own.run_test(size=SIZE, notifications=True) as pilot:
            await sees(pilot, "f5 run", "e step", "s epoch")
            assert pilot.app.current_theme.name == "light"
            await pilot.press("e")
            await sees(pilot, "‖ paused", "step 1")
            await pilot.press("s")
            await sees(pilot, "epoch 1 / 3")
            await pilot.press("space")
            await pilot.press("f5")
            await sees(pilot, "✓ finished")
            await pilot.press("question_mark")
            await sees(pilot, "f5", "Run or pause")
            await pilot.press("escape", "f2")
            await pilot.press(*"One epoch")
            await sees(pilot, "Train to the end of the epoch")
    finally:
        keys.use({})


async def test_of_two_panels_side_by_side_the_one_chosen_last_stays_where_it_is() -> None:
    async with app().run_test(size=(200, 60)) as pilot:

        def shown() -> list[str]:
            return [type(panel).__name__ for panel in pilot.app.screen.query("#lower > *") if panel.display]

        await until(pilot, lambda: shown() == ["Network", "About"])
        for digit, sides in [
            ("3", ["Network", "Report"]),
            ("5", ["Batch", "Report"]),
            ("2", ["Batch", "Tensors"]),
            ("1", ["Network", "Tensors"]),
            ("2", ["Network", "Tensors"]),
        ]:
            await pilot.press(digit)
            await until(pilot, lambda sides=sides: shown() == sides)
            panels = [panel for panel in pilot.app.screen.query("#lower > *") if panel.display]
            await until(pilot, lambda panels=panels: panels[0].region.x < panels[1].region.x)


async def test_the_keys_go_from_a_panel_to_the_one_that_takes_its_place() -> None:
    async with app().run_test(size=(120, 40)) as pilot:
        laboratory = pilot.app._laboratory

        def keys() -> str:
            """The part of the screen that has the keys."""
            had = [type(panel).__name__ for panel in laboratory._panels.values() if panel.has_focus_within]
            return had[0] if had else type(laboratory.focused).__name__

        await pilot.press("2", "tab")
        await until(pilot, lambda: keys() == "Tensors")
        for digit, part in (("1", "Network"), ("7", "Log"), ("2", "Tensors"), ("0", "ValueList")):
            await pilot.press(digit)
            await until(pilot, lambda part=part: keys() == part)
        await pilot.press("1")
        await until(pilot, lambda: laboratory._panels[1].display)
        assert keys() == "ValueList"  # they stay where they are, if no panel had them


async def test_long_values_are_whole_or_cut_where_they_begin_alike_and_words_of_effect_are_whole() -> None:
    async with app().run_test(size=(120, 40)) as pilot:
        session = pilot.app.session

        def line(name: str) -> str:
            rows = (line for line in screen_text(pilot.app).splitlines() if f" {name} " in line)
            return next(rows).partition(f" {name} ")[2].strip()

        session.open_spec(experiments.find("mlp", ["data=csv:/home/somebody/tables/of/my/own/houses.csv"]))
        await sees(pilot, "houses.csv")
        assert line("data").startswith("csv:/h")
        session.open_spec(experiments.find("linreg-nn"))
        await sees(pilot, "after-linreg-manual")
        assert line("start") == "after-linreg-manual"
        assert line("lr").endswith("live")


async def test_keys_that_need_a_run_say_so_where_there_is_none() -> None:
    async with app().run_test(size=(120, 40), notifications=True) as pilot:
        told = pilot.app._notifications
        for key in (key for key in KEYS if key.action in keys.OF_A_RUN):
            before = len(told)
            await pilot.press(key.key)
            await until(pilot, lambda before=before: len(told) == before + 1)
        assert {note.message for note in told} == {"There is no run yet: space starts one."}
        assert len(told) == 9


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_is_told_hides_neither_the_state_nor_the_line_of_time_nor_the_keys(
    size: tuple[int, int],
) -> None:
    async with app().run_test(size=size, notifications=True) as pilot:
        await pilot.press("left")
        await until(pilot, lambda: pilot.app.screen.query(Toast))
        (toast,) = (widget.region for widget in pilot.app.screen.query(Toast))
        assert toast.right >= size[0] - 2  # where a scroll bar may be
        lines = [pilot.app.screen.query_one(kind).region for kind in (StatusLine, TimeLine, KeyLine)]
        assert not any(toast.overlaps(line) for line in lines)
