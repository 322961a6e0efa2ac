"""Pictures of the screen hold what is to be seen, not the pieces that Textual drew; apps share an engine."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from textual.app import App

from engine.launcher import Zygote

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


class SharedZygote(Zygote):
    """One that outlives its app: to warm one up takes seconds. Its labs end with the app."""

    def __init__(self) -> None:
        super().__init__()
        self.environment = _environment()
        self._labs: set[int] = set()

    def fork_lab(self, connection: int, output: int) -> int:
        self._labs.add(pid := super().fork_lab(connection, output))
        return pid

    def end_lab(self, pid: int) -> int | None:
        self._labs.discard(pid)
        return super().end_lab(pid)

    def close(self) -> None:
        for pid in self._labs:
            os.kill(pid, signal.SIGKILL)  # whose end, `end_lab`, is seen to as ever

    def end(self) -> None:
        super().close()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.fixture(scope="session")
def engines() -> Iterator[list[SharedZygote]]:
    """The engine that the tests share, if there is one."""
    engines: list[SharedZygote] = []
    yield engines
    for engine in engines:
        engine.end()


@pytest.fixture(autouse=True)
def _one_engine(engines: list[SharedZygote], monkeypatch: pytest.MonkeyPatch) -> None:
    """Apps get the shared engine, or a new one if it is dead or was started under another environment."""

    def engine() -> SharedZygote:
        if engines and not (engines[0].alive and engines[0].environment == _environment()):
            engines.pop().end()
        if not engines:
            engines.append(SharedZygote())
        return engines[0]

    monkeypatch.setattr("tui.conductor.Zygote", engine)


@pytest.fixture
def own_engine(_one_engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apps get an engine of their own, which is not warm so soon and ends with them."""
    monkeypatch.setattr("tui.conductor.Zygote", Zygote)
