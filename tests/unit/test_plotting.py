"""Curves become dots, and axes round numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region

from engine.events import EpochEnded
from tui.axes import Range, bounds, label, labels, log_bounds, log_ticks, place, row_ticks, ticks
from tui.cells import APART, changed_cells
from tui.glyphs import ASCII, BLOCK, BRAILLE, Glyphs
from tui.history import Floats, History
from tui.raster import Transform, band, characters, dotted, line, points
from tui.scene import epoch_at
from tui.series import Series, Slots
from tui.smoothing import Smoothed
from tui.widgets.plot import GUTTER


def test_a_diagonal_touches_every_row_and_column_of_dots() -> None:
    drawn = line(np.array([0.0, 1.0]), np.array([0.0, 1.0]), (20, 20), (0, 1), (0, 1))
    assert drawn.any(axis=0).all()
    assert drawn.any(axis=1).all()
    assert drawn[-1, 0]
    assert drawn[0, -1]


def test_a_steep_step_has_no_holes() -> None:
    x = np.array([0.0, 0.5, 0.500001, 1.0])
    drawn = line(x, np.array([0.0, 0.0, 1.0, 1.0]), (24, 16), (0, 1), (0, 1))
    assert drawn.any(axis=1).all()


def test_no_spike_is_lost_among_a_million_points() -> None:
    y = np.zeros(1_000_000)
    y[654_321] = 1.0
    drawn = line(np.arange(1e6), y, (40, 80), (0, 1e6), (0, 1))
    assert drawn[0].sum() == 1
    assert np.flatnonzero(drawn[0])[0] == int(654_321 / 1e6 * 80)


def test_nan_is_a_gap() -> None:
    x = np.linspace(0, 1, 11)
    y = np.full(11, 0.5)
    y[4:7] = np.nan
    columns = line(x, y, (16, 40), (0, 1), (0, 1)).any(axis=0)
    assert columns[:11].all()
    assert not columns[14:26].any()
    assert columns[29:].all()


def test_one_point_is_one_dot_and_none_is_nothing() -> None:
    assert line(np.array([0.5]), np.array([0.5]), (20, 10), (0, 1), (0, 1)).sum() == 1
    assert not line(np.array([]), np.array([]), (20, 10), (0, 1), (0, 1)).any()


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), max_size=40),
    st.integers(1, 30),
    st.integers(1, 12),
)
def test_any_curve_fits_its_frame(values: list[float], width: int, height: int) -> None:
    y = np.array(values, dtype=float)
    drawn = line(np.arange(len(y), dtype=float), y, (height, width), (0, 40), bounds([y]))
    assert drawn.shape == (height, width)
    assert drawn.any() == bool(np.isfinite(y).any())


def test_a_curve_that_runs_away_still_has_an_axis() -> None:
    low, high = bounds([np.array([1.0, 1e308, -1e308])])
    assert np.isfinite([low, high]).all()
    assert ticks((low, high), 5)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_bounds_hold_all_values_and_stay_while_values_move_inside(values: list[float]) -> None:
    low, high = bounds([np.array(values)])
    slack = 1e-6 * (high - low)
    assert low - slack <= min(values)
    assert max(values) <= high + slack
    assert bounds([np.array([*values, min(values), max(values)])]) == (low, high)


@pytest.mark.parametrize(
    "axis", [(0.0, 1.0), (0.0, 100.0), (0.6, 1.2), (-3.0, 7.0), (0.0, 7.0), (1e-5, 2e-5)]
)
@pytest.mark.parametrize("most", [1, 2, 3, 4, 6, 10])
def test_ticks_are_few_but_two_and_inside(axis: tuple[float, float], most: int) -> None:
    found = ticks(axis, most)
    assert min(most, 2) <= len(found) <= most
    assert all(axis[0] - 1e-9 <= tick <= axis[1] + 1e-9 for tick in found)


@pytest.mark.parametrize("glyphs", [BRAILLE, BLOCK, ASCII], ids=lambda glyphs: glyphs.name)
@given(
    axis=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5).map(lambda values: bounds([np.array(values)]))
    | st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 0.7)]),
    rows=st.integers(1, 60),
)
def test_a_curve_at_a_ticks_value_is_drawn_in_the_ticks_row(
    glyphs: Glyphs, axis: tuple[float, float], rows: int
) -> None:
    found = row_ticks(axis, rows, glyphs.rows)
    assert min(rows, 2) <= len(found)
    for row, value in found.items():
        assert rows_of(np.full(2, value), axis, rows, glyphs) == [row]


@pytest.mark.parametrize("glyphs", [BRAILLE, BLOCK, ASCII], ids=lambda glyphs: glyphs.name)
@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=5), st.integers(1, 60))
def test_on_a_logarithmic_axis_too(glyphs: Glyphs, values: list[float], rows: int) -> None:
    axis = log_bounds([np.array(values)])
    found = row_ticks(axis, rows, glyphs.rows, log=True)
    assert min(rows, 2) <= len(found)
    for row, value in found.items():
        assert rows_of(np.full(2, 10**value), axis, rows, glyphs, np.log10) == [row]


def rows_of(
    y: Floats, axis: Range, rows: int, glyphs: Glyphs, transform: Transform = np.asarray
) -> list[int]:
    """The rows of the screen in which a curve is drawn."""
    x, shape = np.array([0.0, 1.0]), (rows * glyphs.rows, 10)
    drawn = characters(line(x, y, shape, (0, 1), axis, transform), glyphs) != ord(" ")
    return np.flatnonzero(drawn.any(axis=1)).tolist()


@pytest.mark.parametrize(
    ("axis", "rows", "apart"),
    [((0, 1), 9, 2), ((0, 1), 11, 2), ((0, 1), 13, 3), ((-1, 5), 7, 2), ((0, 3), 10, 3)],
)
def test_ticks_are_evenly_many_rows_apart_where_round_numbers_lie_so(
    axis: Range, rows: int, apart: int
) -> None:
    assert set(np.diff([*row_ticks(axis, rows, BRAILLE.rows)])) == {-apart}


def test_where_no_two_round_numbers_lie_the_ends_are_the_ticks() -> None:
    assert ticks((0.45, 0.7), 2) == [0.45, 0.7]
    assert log_ticks((math.log10(0.2), math.log10(5)), 3) == [math.log10(0.2), math.log10(5)]


@given(st.floats(0, 1e4), st.floats(1e-6, 1.0), st.integers(2, 10))
def test_ticks_of_a_window_far_in_are_told_apart(low: float, length: float, most: int) -> None:
    values = ticks((low, low + length), most)
    told = [float(text.replace("k", "e3")) for text in labels(values)]
    assert told == pytest.approx(values, abs=(values[1] - values[0]) / 9)
    assert len(set(told)) == len(values) >= 2


@given(st.floats(-9e98, 9e98).filter(lambda value: value == 0 or abs(value) > 1e-90))
def test_labels_fit_the_gutter(value: float) -> None:
    assert len(label(value)) <= GUTTER - 2, label(value)


def test_only_the_cells_that_differ_are_marked() -> None:
    before = np.zeros((5, 40), dtype=np.uint32)
    after = before.copy()
    after[2, 3] = after[2, 6] = 7
    assert changed_cells(before, after) == [Region(3, 2, 4, 1)]
    after[2, 7 + APART] = 7
    assert changed_cells(before, after) == [Region(3, 2, 4, 1), Region(7 + APART, 2, 1, 1)]
    assert changed_cells(after, after) == []


@pytest.mark.parametrize("glyphs", [BRAILLE, BLOCK, ASCII], ids=lambda glyphs: glyphs.name)
def test_dots_become_the_characters_that_show_them(glyphs) -> None:
    nothing = np.zeros((glyphs.rows, glyphs.columns), dtype=bool)
    assert characters(nothing, glyphs) == ord(" ")
    assert len(set(glyphs.characters)) == len(glyphs.characters) == 1 << glyphs.rows * glyphs.columns
    bottom = nothing.copy()
    bottom[-1, 0] = True
    shown = {"braille": "⡀", "block": "▖", "ascii": "."}
    assert chr(characters(bottom, glyphs)[0, 0]) == shown[glyphs.name]


def test_a_dotted_curve_has_gaps_but_never_a_long_one() -> None:
    for slope in (0.0, 0.3, 1.0, 4.0, 40.0):
        x = np.linspace(0, 1, 50)
        whole = line(x, np.minimum(slope * x, 1), (40, 60), (0, 1), (0, 1))
        some = dotted(whole, 2)
        assert 0 < some.sum() < whole.sum()
        gaps = np.diff(np.flatnonzero(some.any(axis=0)))
        assert gaps.max() <= 3


def test_points_are_dots_wherever_they_lie() -> None:
    x, y = np.array([3.0, -3.0, 0.0, 9.0, np.nan]), np.array([1.0, -1.0, 0.0, 0.0, 0.0])
    drawn = points(x, y, (9, 7), (-3, 3), (-1, 1))
    assert drawn.sum() == 3
    assert drawn[0, 6]
    assert drawn[8, 0]
    assert drawn[4, 3]


def test_a_band_lies_between_its_edges() -> None:
    x = np.linspace(0, 1, 20)
    drawn = band(x, np.full(20, 0.25), np.full(20, 0.75), (40, 60), (0, 1), (0, 1))
    rows = np.flatnonzero(drawn.any(axis=1))
    assert rows.min() >= 9
    assert rows.max() <= 30
    assert 0.1 < drawn[10:30].mean() < 0.4


def test_a_logarithmic_axis_has_round_ends_and_leaves_out_what_is_not_positive() -> None:
    low, high = log_bounds([np.array([0.003, 40.0, 0.0, -1.0, np.nan, np.inf])])
    assert 10**low == pytest.approx(0.002)
    assert 10**high == pytest.approx(50)
    assert log_bounds([np.array([-1.0])]) == (-1.0, 0.0)
    assert [10**tick for tick in log_ticks((0.0, 1.0), 5)] == pytest.approx([1, 2, 5, 10])
    assert log_ticks((-4.0, 4.0), 5) == [-4, -2, 0, 2, 4]


@given(st.lists(st.floats(-1e9, 1e9, exclude_min=True), min_size=1, max_size=20))
def test_a_logarithmic_axis_holds_all_positive_values(values: list[float]) -> None:
    low, high = log_bounds([np.array(values)])
    assert low < high
    assert all(low - 1e-6 <= np.log10(v) <= high + 1e-6 for v in values if v > 1e-90)
    assert all(2 <= len(log_ticks((low, high), most)) <= most for most in (2, 3, 5))


@given(
    st.lists(st.floats(-1e3, 1e3) | st.just(np.nan) | st.just(np.inf), max_size=300),
    st.sampled_from([0.3, 0.6, 0.97]),
    st.lists(st.integers(0, 300), max_size=5),
)
def test_a_smoothed_curve_is_tensorboards_however_it_grew(
    values: list[float], weight: float, cuts: list[int]
) -> None:
    last, count, expected = 0.0, 0, []
    for value in values:
        if np.isfinite(value):
            last, count = last * weight + (1 - weight) * value, count + 1
            expected.append(last / (1 - weight**count))
        else:
            expected.append(np.nan)
    smoothed = Smoothed(weight)
    for cut in sorted(cuts):
        grown = np.array(values[:cut], dtype=float)
        if len(grown):
            grown[-1] += 1.0  # the epoch under way, whose last point is not final
        smoothed.of(grown)
    np.testing.assert_allclose(smoothed.of(np.array(values, dtype=float)), expected, rtol=1e-9, atol=1e-9)


def test_another_curve_is_smoothed_anew() -> None:
    smoothed = Smoothed(0.9)
    smoothed.of(np.full(100, 5.0))
    assert np.allclose(smoothed.of(np.full(120, 1.0)), 1.0)


def test_a_series_tells_its_value_at_an_x() -> None:
    series = Series("train", np.arange(5.0), np.array([1.0, 2.0, np.nan, 4.0, np.nan]))
    assert series.at(1.2) == 2.0
    assert series.at(2.9) == 4.0
    assert np.isnan(series.at(7.0))
    assert series.last() == 4.0
    assert np.isnan(Series("test", np.arange(0.0), np.arange(0.0)).last())


def test_a_run_keeps_its_colour_while_others_come_and_go() -> None:
    slots = Slots()
    assert [slots.of(run) for run in ("a", "b", "c", "a", "")] == [1, 2, 3, 1, 0]
    slots.keep({"a", "c"})
    assert [slots.of(run) for run in ("c", "d", "a", "")] == [3, 2, 1, 0]


def test_a_step_has_its_place_on_the_axis_of_epochs_before_between_and_beyond() -> None:
    history = History()
    curves = history.curves()
    assert epoch_at(curves, 7) == 0.0
    for number in (1, 2, 3):
        history.append(
            EpochEnded(
                step=50 * number, epoch=number, train_loss=1.0, train_accuracy=None,
                test_loss=1.0, test_accuracy=None, seconds=0.0,
            )
        )  # fmt: skip
    curves = history.curves()
    places = [epoch_at(curves, step) for step in (0, 25, 50, 75, 150, 175)]
    assert places == [0.0, 0.5, 1.0, 1.5, 3.0, 3.5]


def test_a_place_on_an_axis_is_told_without_an_exponent_up_to_a_billion() -> None:
    told = {0.0: "0", 0.98: "0.98", 999.94: "999.9", 5142800 / 50: "102,856", 1e6: "1,000,000"}
    assert {value: place(value) for value in told} == told
    assert place(1e12) == "1e+12"
