"""The plot on a screen: what it shows, how one looks about in it, and how little of it is sent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from driving import screen_text
from textual.app import App, ComposeResult
from textual.events import MouseScrollUp
from textual.geometry import Region

from tui.glyphs import ASCII, BLOCK, BRAILLE, Glyphs
from tui.series import Mark, Series, Slots
from tui.theme import DARK
from tui.widgets.plot import GUTTER, Look, Plot

X = np.arange(1.0, 101.0)
TRAIN = Series("train", X, 1 + np.exp(-X / 30), "lr=0.001")
TEST = Series("test", X, 0.9 + np.exp(-X / 30), "lr=0.001", look="dotted")
OTHER = Series("train", X, 0.5 + np.exp(-X / 20), "lr=0.01")


class Stage(App[None]):
    """One plot and nothing else; it notes what the plot tells and what it sends."""

    def __init__(self, glyphs: Glyphs = BRAILLE, y_range: tuple[float, float] | None = None):
        super().__init__()
        self.glyphs = glyphs
        self.plot = Plot("loss", x_label="epoch", y_range=y_range, slots=Slots())
        self.told: list[object] = []
        self.sent: list[Region] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DARK.variables

    def compose(self) -> ComposeResult:
        yield self.plot

    def on_plot_pointed(self, message: Plot.Pointed) -> None:
        self.told.append(message.x)

    def on_plot_looked(self, message: Plot.Looked) -> None:
        self.told.append(message.look)

    def cells_sent_by(self, change) -> int:
        """How many cells a change marks to be sent again."""
        marked: list[Region] = []
        refresh, self.plot.refresh = self.plot.refresh, lambda *regions: marked.extend(regions)
        change()
        self.plot.refresh = refresh
        return sum(region.area for region in marked)


def dots_in(text: str) -> int:
    return sum(0x2800 < ord(char) < 0x2900 for char in text)


async def test_two_runs_have_two_colours_and_a_test_curve_is_dotted() -> None:
    app = Stage()
    async with app.run_test(size=(100, 20)):
        app.plot.update([TRAIN, TEST, OTHER], (0, 100))
        title = app.plot.render_line(0).text
        assert "lr=0.001 ━ train 1.0357 ┅ test 0.9357" in title
        assert "lr=0.01 ━ train 0.5067" in title
        colours = {
            segment.style.color
            for row in range(1, 19)
            for segment in app.plot.render_line(row)
            if segment.style and dots_in(segment.text)
        }
        assert len(colours) == 3  # of the run, its test curve, the other run
        app.plot.update([OTHER], (0, 100))
        alone = {s.style.color for r in range(1, 19) for s in app.plot.render_line(r) if dots_in(s.text)}
        assert alone < colours  # it keeps its own


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("size", [(24, 5), (30, 6), (32, 7), (80, 9)])
async def test_each_axis_has_two_numbers_however_small_it_is_and_however_far_in(
    size: tuple[int, int], log: bool
) -> None:
    app = Stage()
    async with app.run_test(size=size):
        app.plot.update([TRAIN, TEST, OTHER], (0, 100))
        for low, high in ((0.0, 100.0), (3.0, 90.0), (33.3333, 33.3334)):
            app.plot.set_look(Look(window=(low, high), log=log))
            numbers = [app.plot.render_line(row).text[: GUTTER - 1] for row in range(1, size[1] - 1)]
            y = [float(text) for number in numbers if (text := number.strip())]
            assert len(y) == len(set(y)) >= 2
            assert y == sorted(y, reverse=True)
            x = [float(text) for text in app.plot.render_line(size[1] - 1).text[GUTTER - 1 :].split()]
            assert len(x) == len(set(x)) >= 2
            assert all(low - 1e-5 <= value <= high + 1e-5 for value in x)


@pytest.mark.parametrize(
    ("y_range", "look", "told"),
    [
        (None, Look(), "loss     ━ train"),
        (None, Look(log=True), "loss  log  ━ train"),
        (None, Look(log=True, smoothing=0.6), "loss  log · smooth 0.6  ━ train"),
        ((0.0, 1.0), Look(log=True, smoothing=0.97), "loss  smooth 0.97  ━ train"),  # never logarithmic
    ],
)
async def test_the_title_tells_what_the_curves_do_not_tell_of_themselves(
    y_range: tuple[float, float] | None, look: Look, told: str
) -> None:
    app = Stage(y_range=y_range)
    async with app.run_test(size=(100, 20)):
        app.plot.update([Series("train", X, X)], (0, 100))
        app.plot.set_look(look)
        line = app.plot.render_line(0)
        assert line.text.startswith(f" {told}")
        axis = app.plot.get_component_rich_style("plot--axis")
        assert all(s.style == axis for s in line if "log" in s.text or "smooth" in s.text)


async def test_the_crosshair_tells_the_values_of_all_curves_there() -> None:
    app = Stage()
    async with app.run_test(size=(100, 20)):
        app.plot.update([TRAIN, TEST], (0, 100))
        app.plot.point_at(30.0)
        title = app.plot.render_line(0).text
        assert "epoch 30" in title
        assert f"{1 + math.exp(-1):.4f}" in title
        assert f"{0.9 + math.exp(-1):.4f}" in title
        assert "│" in app.plot.render_line(3).text[GUTTER:]
        app.plot.point_at(None)
        assert "│" not in app.plot.render_line(3).text[GUTTER:]


async def test_marks_carry_their_label_and_labels_do_not_cover_each_other() -> None:
    app = Stage()
    async with app.run_test(size=(100, 20)):
        marks = [Mark(40, "lr 0.01"), Mark(42, "momentum 0.9"), Mark(99.5, "batch_size 16"), Mark(500, "out")]
        app.plot.update([TRAIN], (0, 100), marks)
        picture = "\n".join(app.plot.render_line(row).text for row in range(20))
        for mark in marks[:3]:
            assert mark.label in picture
        assert "out" not in picture
        assert "┊" in app.plot.render_line(10).text


async def test_labels_with_markup_and_escapes_show_inert() -> None:
    app = Stage()
    async with app.run_test(size=(100, 20)):
        evil = "[red]\x1b[2J\x07name"
        app.plot.update([Series(evil, X, X, evil), TRAIN], None, [Mark(3, evil)])
        picture = "".join(app.plot.render_line(row).text for row in range(20))
        assert "[red]·[2J·name" in picture
        assert "\x1b" not in picture


async def test_wheel_drag_and_click_look_about_and_point() -> None:
    app = Stage()
    async with app.run_test(size=(108, 20)) as pilot:
        app.plot.update([TRAIN], (0, 100))
        await pilot._post_mouse_events([MouseScrollUp], Plot, (GUTTER + 50, 5))  # as pilot.click does
        low, high = app.plot.seen
        assert high - low == pytest.approx(100 / 1.5)
        assert low < 50 < high
        await pilot.mouse_down(Plot, (GUTTER + 60, 5))
        await pilot.hover(Plot, (GUTTER + 70, 5))
        await pilot.mouse_up(Plot, (GUTTER + 70, 5))
        assert app.plot.seen[0] < low
        app.plot.see_all()
        assert app.plot.seen == (0, 100)
        app.told.clear()
        await pilot.click(Plot, (GUTTER + 25, 5))
        await pilot.pause()
        assert app.told[-1] == 25.5


async def test_zoom_and_pan_stay_within_the_data_and_the_axis_follows() -> None:
    app = Stage(y_range=(0.0, 4.0))
    async with app.run_test(size=(100, 20)):
        app.plot.update([TRAIN], (0, 100))
        app.plot.zoom(4, around=0.0)
        assert app.plot.seen == (0, 25)
        app.plot.pan(-1)
        assert app.plot.seen == (0, 25)
        app.plot.pan(100)
        assert app.plot.seen == (75, 100)
        assert "4 ┤" not in app.plot.render_line(1).text  # what is seen lies far below
        app.plot.zoom(0.001)
        assert app.plot.look.window is None


async def test_curves_that_go_below_a_fixed_axis_take_it_along() -> None:
    app = Stage(y_range=(0.0, 1.0))
    async with app.run_test(size=(100, 20)):
        for lowest, first, last in ((0.2, "1", "0"), (-3.9, "1", "-4")):
            app.plot.update([Series("train", X, np.linspace(lowest, 0.9, len(X)))], (0, 100))
            lines = [app.plot.render_line(row).text for row in range(20)]
            ticks = [line.split("┤")[0].strip() for line in lines if "┤" in line]
            assert (ticks[0], ticks[-1]) == (first, last)
        app.plot.update([], (0, 100))
        assert "1 ┤" in app.plot.render_line(1).text


async def test_a_logarithmic_axis_has_powers_of_ten() -> None:
    app = Stage()
    async with app.run_test(size=(100, 20)):
        app.plot.update([Series("train", X, 10.0 ** (-X / 20))], (0, 100))
        app.plot.set_look(Look(log=True))
        gutter = [app.plot.render_line(row).text[:GUTTER].strip(" ┤│") for row in range(1, 19)]
        assert [word for word in gutter if word] == ["1", "0.1", "0.01", "0.001", "0.0001", "1e-5"]
        rows = [row for row in range(1, 19) if dots_in(app.plot.render_line(row).text)]
        assert rows == list(range(1, 19))  # a straight line from corner to corner


async def test_a_smoothed_curve_keeps_the_raw_one_behind_it() -> None:
    app = Stage()
    async with app.run_test(size=(100, 20)):
        noise = np.random.default_rng(1).normal(size=100)
        app.plot.update([Series("train", X, noise)], (0, 100))
        raw = "".join(app.plot.render_line(row).text for row in range(1, 19))
        app.plot.set_look(Look(smoothing=0.9))
        colours = {s.style.color for r in range(1, 19) for s in app.plot.render_line(r) if dots_in(s.text)}
        assert len(colours) == 2
        assert dots_in("".join(app.plot.render_line(r).text for r in range(1, 19))) >= dots_in(raw) * 0.7


async def test_points_with_their_line_and_negative_x() -> None:
    app = Stage()
    async with app.run_test(size=(100, 20)):
        x = np.linspace(-3, 3, 13)
        line = Series("fit", np.array([-3.0, 3.0]), np.array([-6.0, 6.0]))
        app.plot.update([Series("rows", x[::-1], 2 * x[::-1] + 1, look="points"), line])
        bottom = app.plot.render_line(19).text
        assert "-2" in bottom
        assert "2" in bottom
        assert "• rows" in app.plot.render_line(0).text


async def test_a_band_surrounds_its_curve() -> None:
    app = Stage()
    async with app.run_test(size=(100, 20)):
        flat = np.full(100, 1.0)
        app.plot.update([Series("mean", X, flat, low=flat - 0.5, high=flat + 0.5)], (0, 100))
        with_band = sum(bool(dots_in(app.plot.render_line(row).text)) for row in range(1, 19))
        app.plot.update([Series("mean", X, flat)], (0, 100))
        assert with_band >= 8
        assert sum(bool(dots_in(app.plot.render_line(row).text)) for row in range(1, 19)) == 1


@pytest.mark.parametrize("glyphs", [BLOCK, ASCII], ids=lambda glyphs: glyphs.name)
async def test_other_glyphs_draw_it_too(glyphs: Glyphs) -> None:
    app = Stage(glyphs)
    async with app.run_test(size=(100, 20)):
        app.plot.update([TRAIN], (0, 100))
        drawn = "".join(app.plot.render_line(row).text[GUTTER:] for row in range(1, 19))
        assert set(drawn) <= set(glyphs.characters)
        assert len(drawn.replace(" ", "")) >= 90


async def test_a_curve_that_grows_sends_a_few_cells_and_one_that_rests_sends_none() -> None:
    app = Stage()
    async with app.run_test(size=(120, 20)):
        app.plot.update([TRAIN], (0, 200))
        whole = app.size.area
        more = Series("train", np.arange(1.0, 102.0), np.append(TRAIN.y, 1.03), "lr=0.001")
        assert 0 < app.cells_sent_by(lambda: app.plot.update([more], (0, 200))) < whole / 50
        assert app.cells_sent_by(lambda: app.plot.update([more], (0, 200))) == 0
        app.plot.point_at(40)
        assert app.cells_sent_by(lambda: app.plot.point_at(41)) < whole / 10


@pytest.mark.parametrize("size", [(1, 1), (8, 3), (9, 5), (30, 6)])
async def test_it_draws_at_any_size(size: tuple[int, int]) -> None:
    app = Stage()
    async with app.run_test(size=size) as pilot:
        app.plot.update([TRAIN, TEST, OTHER], (0, 100), [Mark(50, "a long label")])
        app.plot.point_at(50)
        await pilot.pause()
        assert len(screen_text(app).splitlines()) >= size[1]
