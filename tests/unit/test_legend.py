"""The words above a plot: as much as there is room for, and no run without its name."""

from __future__ import annotations

import numpy as np
import pytest

from tui.legend import legend
from tui.series import Series

X = np.arange(1.0, 11.0)
CURVES = [
    Series(name, X, X / 10, run=run, look=look)
    for run in ("", "lr=0.01", "lr=0.02")
    for name, look in (("train", "line"), ("test", "dotted"))
]


def words(width: int, curves: list[Series] = CURVES, at: float | None = None) -> str:
    return "".join(text for text, _ in legend(curves, at, width))


def test_with_room_every_curve_has_its_name_and_its_value() -> None:
    assert words(200).count("train") == words(200).count("test") == 3
    assert words(200).count("1.0000") == 6
    assert words(200, at=5.0).count("0.5000") == 6


def test_names_of_curves_go_first_then_values_and_names_of_runs_last() -> None:
    without_names, one_value, no_value = words(80), words(55), words(30)
    assert "train" not in without_names
    assert without_names.count("1.0000") == 6
    assert one_value.count("┅") == one_value.count("1.0000") == 3
    assert "━" not in one_value
    assert "1.0000" not in no_value
    assert "lr=0.01" in no_value
    assert "lr=0.02" in no_value
    assert words(21).endswith("+1")
    assert "lr=0.01" in words(21)


@pytest.mark.parametrize("width", range(4, 120))
def test_it_is_never_wider_than_its_room(width: int) -> None:
    assert len(words(width)) <= width


def test_one_run_needs_no_name_and_what_was_tried_has_one() -> None:
    assert words(60, CURVES[:2]) == " ━ train 1.0000  ┅ test 1.0000 "
    assert words(60, [Series("train", X, X / 10, run="64 seeds")]) == "  64 seeds ━ train 1.0000 "
