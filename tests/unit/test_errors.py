"""What a person is told when something goes wrong."""

from __future__ import annotations

from engine.errors import LONGEST, surprise


def test_an_error_of_nnplays_own_is_one_line_that_fits_a_screen() -> None:
    assert surprise(ValueError("no such row")) == "ValueError: no such row"
    told = surprise(TypeError("x" * 5000 + "\nand the whole of an array"))
    assert "\n" not in told
    assert len(told) < LONGEST + 20
