"""Curves become dots, and axes round numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region

from tui.axes import bounds, label, ticks
from tui.braille import cells
from tui.dirty import changed_cells, changed_text
from tui.widgets.plot import GUTTER


def dots(patterns: np.ndarray) -> np.ndarray:
    """Bit patterns (height, width) back to dots (4·height, 2·width)."""
    bits = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)
    height, width = patterns.shape
    blocks = (patterns[:, None, :, None] & bits[None, :, None, :]) > 0
    return blocks.reshape(4 * height, 2 * width)


def test_a_diagonal_touches_every_row_and_column_of_dots() -> None:
    drawn = dots(cells(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 10, 5, (0, 1), (0, 1)))
    assert drawn.any(axis=0).all()
    assert drawn.any(axis=1).all()
    assert drawn[-1, 0]
    assert drawn[0, -1]


def test_a_steep_step_has_no_holes() -> None:
    x = np.array([0.0, 0.5, 0.500001, 1.0])
    drawn = dots(cells(x, np.array([0.0, 0.0, 1.0, 1.0]), 8, 6, (0, 1), (0, 1)))
    assert drawn.any(axis=1).all()


def test_no_spike_is_lost_among_a_million_points() -> None:
    y = np.zeros(1_000_000)
    y[654_321] = 1.0
    drawn = dots(cells(np.arange(1e6), y, 40, 10, (0, 1e6), (0, 1)))
    assert drawn[0].sum() == 1
    assert np.flatnonzero(drawn[0])[0] == int(654_321 / 1e6 * 80)


def test_nan_is_a_gap() -> None:
    x = np.linspace(0, 1, 11)
    y = np.full(11, 0.5)
    y[4:7] = np.nan
    columns = dots(cells(x, y, 20, 4, (0, 1), (0, 1))).any(axis=0)
    assert columns[:11].all()
    assert not columns[14:26].any()
    assert columns[29:].all()


def test_one_point_is_one_dot_and_none_is_nothing() -> None:
    assert dots(cells(np.array([0.5]), np.array([0.5]), 5, 5, (0, 1), (0, 1))).sum() == 1
    assert not cells(np.array([]), np.array([]), 5, 5, (0, 1), (0, 1)).any()


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), max_size=40),
    st.integers(1, 30),
    st.integers(1, 12),
)
def test_any_curve_fits_its_frame(values: list[float], width: int, height: int) -> None:
    y = np.array(values, dtype=float)
    drawn = cells(np.arange(len(y), dtype=float), y, width, height, (0, 40), bounds([y]))
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
@pytest.mark.parametrize("most", [2, 4, 6, 10])
def test_ticks_are_few_and_inside(axis: tuple[float, float], most: int) -> None:
    found = ticks(axis, most)
    assert 1 <= len(found) <= most + 1
    assert all(axis[0] - 1e-9 <= tick <= axis[1] + 1e-9 for tick in found)


@given(st.floats(-9e98, 9e98).filter(lambda value: value == 0 or abs(value) > 1e-90))
def test_labels_fit_the_gutter(value: float) -> None:
    assert len(label(value)) <= GUTTER - 2, label(value)


def test_only_the_cells_that_differ_are_marked() -> None:
    before = np.zeros((5, 20), dtype=np.uint16)
    after = before.copy()
    after[2, 3] = after[2, 6] = 7
    assert changed_cells(before, after, 8, 1) == [Region(11, 3, 4, 1)]
    assert changed_cells(after, after, 8, 1) == []


def test_only_the_characters_that_differ_are_marked() -> None:
    assert changed_text("loss 0.25", "loss 0.31") == [Region(7, 0, 2, 1)]
    assert changed_text("short", "shorter", row=3) == [Region(5, 3, 2, 1)]
    assert changed_text("same", "same") == []
