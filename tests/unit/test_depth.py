"""Few colours: what the eye takes for the same hue stays so."""

from __future__ import annotations

import itertools

import pytest
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as Background

from tui.depth import FewColours, of_16, of_256, oklab
from tui.theme import DARK, LIGHT, THEMES


def plot_colours(theme: object, count: int) -> list[tuple[int, int, int]]:
    variables = theme.variables  # type: ignore[attr-defined]
    return [Background.parse(variables[f"plot-{slot}"]).rgb for slot in range(1, count + 1)]


def test_oklab_is_that_of_its_author() -> None:
    assert oklab(255, 255, 255) == pytest.approx((1, 0, 0), abs=1e-4)
    assert oklab(255, 0, 0) == pytest.approx((0.6280, 0.2249, 0.1258), abs=1e-4)
    assert oklab(0, 0, 255) == pytest.approx((0.4520, -0.0325, -0.3115), abs=1e-4)


def test_a_colour_that_is_there_stays() -> None:
    for red, green, blue in itertools.product((0, 95, 175, 255), repeat=3):
        number = of_256(red, green, blue)
        assert tuple(Color.from_ansi(number).get_truecolor()) == (red, green, blue)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_the_curves_of_six_runs_differ_in_256_colours(theme: object) -> None:
    assert len({of_256(*colour) for colour in plot_colours(theme, 6)}) == 6


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_the_curves_of_four_runs_differ_in_16_colours_and_none_is_grey(theme: object) -> None:
    numbers = [of_16(*colour) for colour in plot_colours(theme, 4)]
    assert len(set(numbers)) == 4
    assert not {0, 7, 8, 15} & set(numbers)


def test_greys_stay_grey_from_black_to_white() -> None:
    assert [of_16(level, level, level) for level in (0, 100, 200, 255)] == [0, 8, 7, 15]


def test_only_colours_of_a_line_change() -> None:
    bold = Style(bold=True, color=Color.from_rgb(0x56, 0xB4, 0xE9), bgcolor=Color.from_rgb(0, 0, 0))
    line = [Segment("a", bold), Segment("b", None), Segment("c", Style(italic=True))]
    changed = FewColours(of_16).apply(line, Background(0, 0, 0))
    assert [segment.text for segment in changed] == ["a", "b", "c"]
    assert changed[0].style == Style(bold=True, color="color(12)", bgcolor="color(0)")
    assert changed[1:] == line[1:]
