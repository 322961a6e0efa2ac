"""The app on terminals of 256 and of 16 colours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from driving import sees, until
from rich.color import ColorType
from rich.segment import Segment

from engine import experiments
from tui.app import NnplayApp
from tui.palette import Palette


def drawn(app: NnplayApp) -> Iterator[Segment]:
    for strip in app.screen._compositor.render_strips():
        yield from strip


@pytest.mark.parametrize("depth", ["256", "standard"])
async def test_each_class_keeps_its_colour_and_no_tint_is_left(
    depth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", depth)
    app = NnplayApp(experiments.find("iris-mlp", ["lr=0.01"]))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space", "4")
        await sees(pilot, "✓ finished", "crossed: wrong")

        def inks() -> set[object]:
            return {s.style.color for s in drawn(app) if s.style and set(s.text) & set("░▒▓")}

        await until(pilot, lambda: len(inks()) == 3)
        kinds = {c.type for s in drawn(app) if s.style for c in (s.style.color, s.style.bgcolor) if c}
        assert ColorType.TRUECOLOR not in kinds
        await pilot.press("1")
        await sees(pilot, "weights", "setosa")
        assert not Palette(app.screen).tints


async def test_without_colours_the_chosen_value_is_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = NnplayApp(experiments.find("iris-mlp"))
    async with app.run_test(size=(120, 40)) as pilot:
        await sees(pilot, "ready")
        styles = [(s.text, s.style) for s in drawn(app) if s.style]
        assert not any(style.color or style.bgcolor for _, style in styles)
        reversed_ = "".join(text for text, style in styles if style.reverse)
        assert "lr  " in reversed_
        assert "momentum" not in reversed_
