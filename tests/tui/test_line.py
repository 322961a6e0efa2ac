"""The line of text."""

from __future__ import annotations

from driving import screen_text
from textual.app import App, ComposeResult

from tui.glyphs import ASCII, BRAILLE
from tui.widgets.line import Line


class Stage(App[None]):
    """One line and nothing else."""

    glyphs = BRAILLE

    def compose(self) -> ComposeResult:
        yield Line()


async def test_what_is_too_long_ends_in_an_ellipsis() -> None:
    app = Stage()
    async with app.run_test(size=(20, 3)) as pilot:
        app.query_one(Line).update("a line of thirty-three characters")
        await pilot.pause()
        assert screen_text(app).splitlines()[0] == " a line of thirty-… "


async def test_more_or_less_is_no_sum_in_ascii() -> None:
    app = Stage()
    app.glyphs = ASCII
    async with app.run_test(size=(20, 3)) as pilot:
        app.query_one(Line).update("accuracy 0.953±0.012")
        await pilot.pause()
        assert screen_text(app).splitlines()[0] == " accuracy 0.953+-0… "
