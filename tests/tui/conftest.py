"""Pictures of the screen hold what is to be seen, not in how many pieces Textual happened to draw it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from textual.app import App

RECT = re.compile(
    r'<rect fill="(?P<fill>#\w+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" width="(?P<width>[\d.]+)" '
    r'height="(?P<height>[\d.]+)" shape-rendering="crispEdges"/>'
)


def joined(svg: str) -> str:
    """The picture with neighbouring pieces of one background made into one."""
    pieces: list[dict[str, Any]] = []
    for match in RECT.finditer(svg):
        piece: dict[str, Any] = match.groupdict()
        left, right = float(piece["x"]), float(piece["x"]) + float(piece["width"])
        last = pieces[-1] if pieces else None
        same = last and (last["fill"], last["y"]) == (piece["fill"], piece["y"])
        if last and same and abs(last["right"] - left) < 0.1:
            last["right"] = right
        elif right > left:
            pieces.append(piece | {"left": left, "right": right})
    drawn = "".join(
        f'<rect fill="{p["fill"]}" x="{p["left"]:.1f}" y="{p["y"]}" width="{p["right"] - p["left"]:.1f}" '
        f'height="{p["height"]}"/>'
        for p in pieces
    )
    first = RECT.search(svg)
    return svg if first is None else RECT.sub("", svg[: first.start()] + drawn + svg[first.start() :])


@pytest.fixture(autouse=True)
def _whole_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    export = App.export_screenshot
    monkeypatch.setattr(App, "export_screenshot", lambda *args, **kwargs: joined(export(*args, **kwargs)))
