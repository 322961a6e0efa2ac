"""Panels with a real lab, over a run that a real worker trains."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import screen_text, until
from panel_app import PanelApp

from engine import anatomy, control, experiments, runs
from engine.datasets import prepare
from engine.errors import RequestError
from engine.frames import Answer
from engine.lab import Lab
from engine.launcher import Zygote
from engine.questions import report
from tui.feed import Feed
from tui.view import View
from tui.widgets.panels.boundary import Boundary
from tui.widgets.panels.report import Report

SPEC = experiments.find("iris-mlp", ["epochs=100000", "backend=eager", "lr=0.01"])


async def test_panels_follow_a_run_under_way_and_look_back(home: Path) -> None:
    zygote = Zygote()
    lab = Lab(lambda: zygote)
    claim = runs.create(SPEC)
    await asyncio.to_thread(zygote.launch, claim, paused=False)
    claim.release()
    feed = Feed(claim.path, lambda: None)

    def ask(kind: str, values: dict[str, Any]) -> Answer:
        return lab.ask(kind, **values)

    try:
        live = View(SPEC, claim.path, None, feed.take())
        async with (app := PanelApp(Report, live, ask)).run_test(size=(118, 14)) as pilot:

            def moves_on(step: int) -> bool:
                app.panel.show(View(SPEC, claim.path, None, feed.take()))
                answer = app.panel.answer
                return answer is not None and answer.values["step"] > step

            await until(pilot, lambda: moves_on(0))
            assert app.panel.answer is not None
            first = app.panel.answer.values["step"]
            await until(pilot, lambda: moves_on(first))
        control.send(claim.id, control.Command("pause"))
        past = View(SPEC, claim.path, 50, feed.take())
        async with (app := PanelApp(Boundary, past, ask)).run_test(size=(118, 14)) as pilot:
            await until(pilot, lambda: "petal length" in screen_text(app))
            assert app.panel.answer is not None
            assert app.panel.answer.values["step"] == 50
            alone = lab.ask(
                "boundary", spec=SPEC.to_json(), step=50, x=0, y=1, width=108, height=24
            )  # the same spec, run anew
            mine = app.panel.answer.arrays["decisions"]
            assert mine.shape == alone.arrays["decisions"].shape
            assert np.array_equal(mine, alone.arrays["decisions"])
        control.send(claim.id, control.Command("stop"))
    finally:
        feed.close()
        lab.close()
        zygote.close()


def test_without_test_rows_the_report_is_of_the_train_rows() -> None:
    spec = experiments.find("linreg-manual")
    found = report.answer(part="test", spec=spec.to_json())
    assert (found.values["part"], found.values["test"], found.values["rows"]) == ("train", None, 10)
    assert sorted(found.arrays["rows"].tolist()) == list(range(10))


def test_a_question_that_nobody_can_answer_is_refused_in_words() -> None:
    spec = experiments.find("iris-mlp", ["batch_size=1000"])
    with pytest.raises(RequestError, match="batch_size: expected at most 100"):
        report.answer(part="test", spec=spec.to_json())


def test_maps_take_the_two_features_that_tell_the_most_and_words_last() -> None:
    iris = prepare(experiments.find("iris-mlp"))
    assert anatomy.telling(iris)[:2] == [2, 3]  # the petals
    x = np.array([[0, 0, 5], [1, 0, 4], [0, 1, 3], [1, 1, 2], [0, 2, 1], [1, 3, 0.0]])
    bent = dataclasses.replace(iris, train_x=x, train_y=np.array([0, 1, 0, 1, 0, 1]), class_names=("a", "b"))
    assert anatomy.telling(bent) == [1, 2, 0]  # the first goes along with the classes, and has two values


def test_what_scaling_leaves_of_a_zero_is_a_zero() -> None:
    cleaned = anatomy.clean(np.array([[3e-17, 1e-30], [1.0, 2e-30]]))
    assert cleaned.tolist() == [[0.0, 1e-30], [1.0, 2e-30]]
