"""How panels ask the lab: one question at a time, the newest first, none while nobody looks."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from driving import screen_text, until
from panel_app import PanelApp
from rich.style import Style
from textual.app import ComposeResult
from textual.geometry import Region

from engine import experiments, registry
from engine.errors import RequestError
from tui.feed import Snapshot
from tui.view import View
from tui.widgets.canvas import Canvas
from tui.widgets.panel import LIVE, Answer, Panel, Question
from tui.widgets.panels.code import Code

SPEC = experiments.find("iris-mlp")
RUN = Snapshot("a-run", SPEC, state="paused", step=500)
VIEW = View(SPEC, Path("a-run"), 0, RUN)


@dataclass
class Said:
    values: dict[str, Any]
    arrays: dict[str, Any] = field(default_factory=dict)


class Echo(Panel):
    """Says at which step it is."""

    TITLE = "Echo"

    def compose(self) -> ComposeResult:
        yield Canvas()

    def question(self, view: View) -> Question:
        return Question("echo", {"step": view.at})

    def draw(self) -> None:
        said = self.answer.values["step"] if self.answer else self.problem
        self.query_one(Canvas).paint([], [[(f"step {said}", Style())], [("\x1b[31m[red]", Style())]])


async def test_only_the_newest_of_the_questions_that_wait_is_asked() -> None:
    gate = threading.Semaphore(0)

    def ask(kind: str, values: dict[str, Any]) -> Said:
        gate.acquire()
        return Said(values)

    async with (app := PanelApp(Echo, VIEW, ask)).run_test(size=(40, 6)) as pilot:
        await until(pilot, lambda: app.asked)
        for step in (1, 2, 3):
            app.panel.show(replace(VIEW, step=step))
        gate.release(4)
        await until(pilot, lambda: "step 3" in screen_text(app))
        assert [values["step"] for _, values in app.asked] == [0, 3]


async def test_a_hidden_panel_asks_nothing_until_it_is_seen_again() -> None:
    async with (app := PanelApp(Echo, VIEW, lambda kind, values: Said(values))).run_test() as pilot:
        await until(pilot, lambda: "step 0" in screen_text(app))
        app.panel.display = False
        await pilot.pause()
        app.panel.show(replace(VIEW, step=7))
        await pilot.pause(0.1)
        assert len(app.asked) == 1
        app.panel.display = True
        await until(pilot, lambda: "step 7" in screen_text(app))


async def test_what_the_lab_refuses_is_said_in_the_panel() -> None:
    def refuse(kind: str, values: dict[str, Any]) -> Said:
        raise RequestError("there is no such step")

    async with (app := PanelApp(Echo, VIEW, refuse)).run_test() as pilot:
        await until(pilot, lambda: "there is no such step" in screen_text(app))


async def test_a_panel_that_waits_counts_the_seconds_until_its_answer_comes() -> None:
    gate = threading.Event()

    def ask(kind: str, values: dict[str, Any]) -> Answer:
        gate.wait()
        return registry.load("questions", "script").answer(**values)

    async with (app := PanelApp(Code, VIEW, ask)).run_test() as pilot:
        await until(pilot, lambda: screen_text(app).strip() == "waiting for the engine …")
        await until(pilot, lambda: screen_text(app).strip() == "waiting for the engine … 1 s")
        gate.set()
        await until(pilot, lambda: "import torch" in screen_text(app))
        assert not app.panel._wait._timer


async def test_an_answer_on_its_way_there_is_asked_for_again() -> None:
    reached = iter([10, 20, 30])

    def ask(kind: str, values: dict[str, Any]) -> Said:
        return Said({"step": next(reached), "wanted": 30})

    async with (app := PanelApp(Echo, replace(VIEW, step=30), ask)).run_test() as pilot:
        await until(pilot, lambda: "step 30" in screen_text(app))
        assert len(app.asked) == 3


async def test_a_step_that_is_too_far_is_not_asked_for_again() -> None:
    def ask(kind: str, values: dict[str, Any]) -> Said:
        return Said({"step": 10, "wanted": 30, "far": True})

    async with (app := PanelApp(Echo, replace(VIEW, step=30), ask)).run_test() as pilot:
        await until(pilot, lambda: "step 10" in screen_text(app))
        await pilot.pause(0.2)
        assert len(app.asked) == 1


async def test_a_changed_cell_is_all_that_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (app := PanelApp(Echo, VIEW, lambda kind, values: Said(values))).run_test() as pilot:
        await until(pilot, lambda: "step 0" in screen_text(app))
        sent: list[Region] = []
        canvas = app.panel.query_one(Canvas)
        monkeypatch.setattr(canvas, "refresh", lambda *regions: sent.extend(regions))
        app.panel.draw()
        assert not sent
        app.panel.show(replace(VIEW, step=4))
        await until(pilot, lambda: sent)
        assert sent == [Region(5, 0, 1, 1)]


async def test_while_a_run_trains_a_panel_asks_a_few_times_a_second() -> None:
    async with (app := PanelApp(Echo, VIEW, lambda kind, values: Said(values))).run_test() as pilot:
        began = time.monotonic()
        step = 0
        while time.monotonic() < began + 1.0:
            step += 1
            app.panel.show(View(SPEC, Path("a-run"), None, replace(RUN, state="running", step=step)))
            await pilot.pause(0.01)
        taken = time.monotonic() - began
        assert 1 < len(app.asked) <= 2 + taken / LIVE


async def test_words_from_outside_are_shown_inert() -> None:
    async with (app := PanelApp(Echo, VIEW, lambda kind, values: Said(values))).run_test() as pilot:
        await until(pilot, lambda: "·[31m[red]" in screen_text(app))


async def test_a_panel_that_changes_much_asks_seldom_until_a_key_or_the_end_hurries_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tui.widgets.panel.PATIENCE", 600.0)
    monkeypatch.setattr("tui.widgets.panel.LIVE", 600.0)

    def running(step: int) -> View:
        return View(SPEC, Path("a-run"), None, replace(RUN, state="running", step=step))

    async with (app := PanelApp(Echo, running(1), lambda kind, values: Said(values))).run_test() as pilot:
        await until(pilot, lambda: "step 1" in screen_text(app))
        app.panel.show(running(2))
        await pilot.pause(0.1)
        assert len(app.asked) == 1
        app.panel.inquire()  # as a key does
        await until(pilot, lambda: "step 2" in screen_text(app))
        app.panel.show(running(3))
        app.panel.show(replace(running(4), run=replace(RUN, state="paused", step=4)))
        await until(pilot, lambda: "step 4" in screen_text(app))
