"""Words for people: one and many, and names that are cut."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from engine.words import counted
from tui.widgets.canvas import cut_middle


def test_one_thing_is_not_told_as_many() -> None:
    assert [counted(n, "row") for n in (0, 1, 2, 2000)] == ["0 rows", "1 row", "2 rows", "2,000 rows"]
    assert [counted(n, "class", "classes") for n in (1, 10)] == ["1 class", "10 classes"]


def test_names_that_begin_alike_still_differ_when_they_are_cut() -> None:
    assert cut_middle("Neighborhood=NAmes", 14) == "Neig…ood=NAmes"
    assert cut_middle("Neighborhood=OldTown", 14) == "Neig…d=OldTown"
    assert cut_middle("Neighborhood", 14) == "Neighborhood"


@pytest.mark.parametrize("text", ["Neighborhood=NAmes", "東京都新宿区西新宿二丁目"])
@pytest.mark.parametrize("width", range(-1, 30))
def test_what_is_cut_fits(text: str, width: int) -> None:
    assert cell_len(cut_middle(text, width)) <= max(width, 0)
