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


def test_the_samples_of_the_first_run_explain_those_of_all() -> None:
    assert words(90) == (
        " ━ train 1.0000 ┅ test 1.0000  lr=0.01 ━ 1.0000 ┅ 1.0000  lr=0.02 ━ 1.0000 ┅ 1.0000"
    )
    assert words(80) == words(90).replace("1.0000", "1.000")


def test_then_the_run_itself_keeps_both_values_the_others_one_and_names_stay_longest() -> None:
    assert words(66) == " ━ train 1.000 ┅ test 1.000  lr=0.01 ┅ 1.000  lr=0.02 ┅ 1.000"
    assert words(54) == " ━ 1.000 ┅ 1.000  lr=0.01 ┅ 1.000  lr=0.02 ┅ 1.000"
    assert words(42) == " ━ 1.000 ┅ 1.000  lr=0.01 ━  lr=0.02 ━"
    assert words(32) == " ┅ 1.000  lr=0.01 ━  lr=0.02 ━"
    assert words(29) == " ━  lr=0.01 ━  lr=0.02 ━"
    assert words(21) == " ━  lr=0.01 ━  +1"


def test_long_names_of_runs_are_cut_before_values_go() -> None:
    long = Series("train", X, X / 10, run="lr=0.02 hidden=8,8,8 activation=relu")
    assert words(45, [*CURVES[:2], long]) == " ━ 1.000 ┅ 1.000  lr=0.02 hidde… ━ 1.000"
    assert words(36, [*CURVES[:2], long]) == " ━ 1.000 ┅ 1.000  lr=0.02… ━ 1.000"


@pytest.mark.parametrize("name", ["batch_size=10", "batch_size=20", "fork at 1,250"])
def test_a_name_that_is_cut_keeps_what_tells_it_from_others(name: str) -> None:
    run = Series("train", X, X / 10, run=name)
    assert f"…{name[-5:]} " in words(36, [*CURVES[:2], run])


def test_the_curves_of_a_run_stand_together_whichever_is_drawn_first() -> None:
    assert words(66, [*CURVES[::2], *CURVES[1::2]]) == words(66)


@pytest.mark.parametrize("width", range(4, 120))
def test_it_is_never_wider_than_its_room(width: int) -> None:
    assert len(words(width)) <= width


def test_one_run_needs_no_name_and_what_was_tried_has_one() -> None:
    assert words(60, CURVES[:2]) == " ━ train 1.0000 ┅ test 1.0000"
    assert words(60, [Series("train", X, X / 10, run="64 seeds")]) == "  64 seeds ━ train 1.0000"
