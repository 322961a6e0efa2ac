"""Each panel alone: its pictures at the sizes that the main screen gives it, and its keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from driving import screen_text, until
from panel_app import RUN, SPEC, PanelApp, answered, app, ask, stored_run, view
from textual.pilot import Pilot

from engine import datasets, experiments, moments, registry
from engine.errors import RequestError
from engine.events import EpochEnded
from engine.frames import Answer
from tui import glyphs
from tui.axes import label
from tui.feed import Snapshot
from tui.view import View
from tui.widgets.panel import Panel
from tui.widgets.panels.batch import Batch
from tui.widgets.panels.boundary import Boundary, _cells_at
from tui.widgets.panels.code import Code
from tui.widgets.panels.log import Log
from tui.widgets.panels.network import Network
from tui.widgets.panels.report import Report
from tui.widgets.panels.tensors import Tensors

PANELS = (Network, Tensors, Report, Boundary, Batch, Code, Log)
SIZES = {"80x24": (80, 21), "120x40": (118, 14), "200x60": (98, 28)}  # of the terminal: of the panel
EPOCH = EpochEnded(
    step=50, epoch=1, train_loss=1.0, train_accuracy=0.5, test_loss=0.9, test_accuracy=0.6, seconds=0.1
)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """What the questions import comes before the first test, not into the middle of it."""
    ask("report", {"spec": SPEC.to_json(), "part": "test"})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", PANELS, ids=lambda kind: kind.TITLE)
def test_a_panel_at_each_size(
    kind: type[Panel],
    size: str,
    home: Path,
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    path = stored_run(home) if kind is Log else Path("a-run")

    async def wait(pilot: Pilot[None]) -> None:
        if kind not in (Code, Log):
            await answered(pilot)
        else:
            await until(pilot, lambda: len(screen_text(pilot.app).split()) > 30)
        await pilot.pause()

    shown = replace(view(), path=path, step=None if kind is Log else 300)
    assert snap_compare(app(kind, shown), terminal_size=SIZES[size], run_before=wait)


async def test_a_long_problem_is_wrapped() -> None:
    def refuse(kind: str, values: dict[str, Any]) -> Answer:
        raise RequestError("a very long story " * 12 + "and its end")

    async with (it := PanelApp(Batch, view(), refuse)).run_test(size=(80, 10)) as pilot:
        await until(pilot, lambda: "and its end" in screen_text(it))


async def test_in_ascii_a_panel_says_the_same() -> None:
    for kind in (Network, Boundary):
        it = app(kind)
        it.glyphs = glyphs.ASCII  # type: ignore[attr-defined]
        async with it.run_test(size=(118, 14)) as pilot:
            await answered(pilot)
            text = glyphs.to_ascii(screen_text(it))
            assert "?" not in text
            assert "petal length" in text
            assert "▀" not in screen_text(it)


async def test_the_boundary_goes_over_all_features_and_all_kinds_of_rows() -> None:
    async with (it := app(Boundary)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert "petal length → petal width" in screen_text(it)
        await pilot.press("x")
        await answered(pilot)
        assert "sepal length → petal width" in screen_text(it)
        await pilot.press("y")
        await answered(pilot)
        assert "sepal length → sepal width" in screen_text(it)
        marks = [
            sum(screen_text(it).count(mark) for mark in "●✗"),
            sum(screen_text(it).count(m) for m in "○⊗"),
        ]
        await pilot.press("p")
        assert "train rows" in screen_text(it)
        assert sum(screen_text(it).count(m) for m in "○⊗") == 2  # those of the legend
        assert marks[1] > 2
        await pilot.press("p", "p")
        assert sum(screen_text(it).count(m) for m in "●✗○⊗") == 4


async def test_a_row_says_what_it_is_and_is_taken_for_under_the_mouse_and_by_key() -> None:
    async with (it := app(Boundary)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        panel = it.panel
        assert isinstance(panel, Boundary)
        assert panel.answer
        arrays, table = panel.answer.arrays, datasets.load(SPEC)
        wrong = int(np.flatnonzero(arrays["targets"] != arrays["predicted"])[0])
        row, column = _cells_at(arrays["places"], *panel._picture)[wrong]
        await pilot.hover("Canvas", offset=(column + 9, row + 1))
        await until(pilot, lambda: panel.pointed is not None)
        told = panel.pointed
        number = int(arrays["numbers"][told])
        said = screen_text(it).splitlines()[0]
        part = "test" if arrays["test"][told] else "train"
        names = table.class_names
        assert said.strip().startswith(f"{part} row {number}  is {names[table.targets[number]]}, taken for ")
        for place in panel.answer.values["told"][:3]:
            assert f"{table.feature_names[place]} {label(table.features[number][place])}" in said
        await pilot.hover("Canvas", offset=(9, 12))
        await until(pilot, lambda: "crossed: wrong" in screen_text(it))
        lefts = []
        for key in "nnb":
            await pilot.press(key)
            lefts.append(arrays["places"][panel.pointed, 0])
            assert f"row {arrays['numbers'][panel.pointed]}  is " in screen_text(it)
        assert lefts[0] == lefts[2] == arrays["places"][:, 0].min() <= lefts[1]


async def test_the_report_is_of_any_step_and_of_both_parts() -> None:
    async with (it := app(Report)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert "at step 300" in screen_text(it)
        assert "test rows taken for" in screen_text(it)
        late = screen_text(it)
        it.panel.show(view(0))
        await answered(pilot)
        assert "at step 0" in screen_text(it)
        assert screen_text(it) != late
        await pilot.press("t")
        await answered(pilot)
        assert "train rows taken for" in screen_text(it)
        assert "of 100 train rows misclassified" in screen_text(it)


async def test_the_report_says_what_a_row_is_and_is_taken_for_before_its_features() -> None:
    spec = experiments.find("mlp", ["data=digits", "epochs=3"])
    shown = View(spec, Path("a-run"), 0, Snapshot("a-run", spec, state="paused", step=300))

    def of_digits(kind: str, values: dict[str, Any]) -> Answer:
        answer: Answer = registry.load("questions", kind).answer(
            spec=spec.to_json(), step=values["step"], part="test"
        )
        return answer

    async with (it := PanelApp(Report, shown, of_digits)).run_test(size=(78, 40)) as pilot:
        await answered(pilot)
        head = next(line for line in screen_text(it).splitlines() if "taken for    sure" in line)
        assert head.split()[:5] == ["row", "is", "taken", "for", "sure"]
        told = "all rows at step 0 · train curve: each batch, as weights changed"
        assert told in screen_text(it)
        assert len(told.replace("0", "10,000,000")) <= 80 - 2  # in a narrow terminal


def test_of_the_last_batch_alone_the_report_says_so() -> None:
    run = replace(RUN, spec=experiments.find("linreg-manual"))
    panel = Report(ask)
    panel.view = View(run.spec, Path("a-run"), 100, run)
    answer = Answer({"step": 100}, {})
    ((words, _),) = panel.subheading(answer, SimpleNamespace(muted=None))
    assert words == "all rows at step 100 · train loss curve: the epoch's last batch"
    panel.view = View(run.spec)
    ((words, _),) = panel.subheading(answer, SimpleNamespace(muted=None))
    assert words == "all rows at step 100"


async def test_the_step_after_the_last_one_would_take_its_rows() -> None:
    for state, words in (("finished", "step 501 would take train"), ("interrupted", "step 501 takes train")):
        shown = View(SPEC, Path("a-run"), None, replace(RUN, state=state))
        async with (it := app(Batch, shown)).run_test(size=(118, 14)) as pilot:
            await answered(pilot)
            assert words in screen_text(it)


async def test_a_step_taken_apart_ends_in_what_it_adds() -> None:
    async with (it := app(Batch)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert "step 301 takes train rows" in screen_text(it)
        for part in (
            "Layer 0: z",
            "Layer 0: sigmoid",
            "Layer 1 (output): z",
            "Layer 1 (output): softmax",
            "Loss",
            "Gradient of 1",
        ):
            await pilot.press("n")
            assert screen_text(it).splitlines()[1].strip().startswith(part)
        await pilot.press("pagedown", "pagedown", "pagedown", "pagedown")
        await pilot.pause()
        assert "Update of 1.bias   adam, lr 0.02" in screen_text(it)
        await pilot.press("b")
        await pilot.pause()


async def test_a_tensor_is_chosen_in_the_tree_and_compared_with_the_start() -> None:
    async with (it := app(Tensors)).run_test(size=(118, 20)) as pilot:
        await answered(pilot)
        await until(pilot, lambda: "0.weight  (6, 4) float32" in screen_text(it))
        await pilot.press("down")
        await until(pilot, lambda: "0.bias  (6,) float32" in screen_text(it))
        await pilot.press("d")
        await until(pilot, lambda: "difference to the step before" in screen_text(it))
        await pilot.press("d")
        await until(pilot, lambda: "difference to the start" in screen_text(it))
        await pilot.press("d")
        await until(pilot, lambda: "difference" not in screen_text(it))
        await pilot.press("down", "down", "down", "down")  # past the heading of the gradients
        await until(pilot, lambda: "gradient.0.weight  (6, 4)" in screen_text(it))


async def test_the_script_is_copied_with_one_key() -> None:
    async with (it := app(Code)).run_test(size=(118, 20)) as pilot:
        await until(pilot, lambda: "import torch" in screen_text(it))
        await pilot.press("c")
        await pilot.pause()
        assert it.clipboard.startswith("import numpy")
        assert "lr=0.02" in it.clipboard


@pytest.fixture
def regression(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[View]:
    """A network that learns y = x₁ (+ x₂), from ten rows; none has run yet."""
    features = np.random.default_rng(1).normal(size=(10, request.param))
    names = ["hours slept", "hours read"][: request.param]
    table = datasets.Dataset(features, features.sum(axis=1), names, [], "points")
    monkeypatch.setattr(datasets, "load", lambda name: table)
    moments._prepared.clear()
    words = ["loss=mse", "output=linear", "hidden=3", "batch_size=5", "split=0.3", "standardize=feature"]
    yield View(experiments.find("iris-mlp", words))
    moments._prepared.clear()
    moments._timelines.clear()


@pytest.mark.parametrize("regression", [1, 2], indirect=True)
@pytest.mark.parametrize("kind", [Network, Report, Boundary, Batch], ids=lambda kind: kind.TITLE)
async def test_a_regression_is_shown_as_well(kind: type[Panel], regression: View) -> None:
    async with (it := app(kind, regression)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert not it.panel.problem
        text = screen_text(it)
        said = {
            Network: ("hours slept", "1 · 3 · 1" if "hours read" not in text else "2 · 3 · 1"),
            Report: ("R²", "off by", "the test rows, those farthest off first"),
            Boundary: ("hours slept", "train", "test"),
            Batch: ("takes train rows", "hours slept", "Layer 0: z"),
        }
        assert all(words in text for words in said[kind])


@pytest.mark.parametrize("regression", [2], indirect=True)
@pytest.mark.parametrize("drawn_with", glyphs.GLYPHS.values(), ids=lambda drawn_with: drawn_with.name)
@pytest.mark.parametrize("no_color", [False, True])
async def test_the_colours_of_a_surface_are_told_as_numbers(
    regression: View, drawn_with: glyphs.Glyphs, no_color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    target = datasets.load(SPEC).targets
    margin = (target.max() - target.min()) / 10
    low, high = label(target.min() - margin), label(target.max() + margin)
    for size in ((118, 14), (78, 21)):
        it = app(Boundary, regression)
        it.glyphs = drawn_with  # type: ignore[attr-defined]
        async with it.run_test(size=size) as pilot:
            await answered(pilot)
            (line,) = [line for line in screen_text(it).splitlines() if "↑" in line]
            told = re.search(f"points {re.escape(low)} (.{{11}}) {high} ", line)
            assert told
            assert told[1] == ("  ░░▒▒▒▓▓██" if no_color else " " * 11)
            strip = it.panel.canvas._head[0]
            colours = {s.style.bgcolor for s in strip if s.style and s.style.bgcolor}
            assert len(colours) == (0 if no_color else 11)


async def test_a_line_is_told_as_a_formula_in_the_units_of_the_table_and_what_it_misses_is_drawn() -> None:
    spec = experiments.find("linreg-manual")
    data = datasets.prepare(spec)
    weight = torch.randn(1, generator=torch.Generator().manual_seed(1)).item()
    slope, intercept = weight / data.std, -weight * data.mean / data.std
    async with (it := app(Boundary, View(spec))).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        text = screen_text(it)
        assert f"y = {slope:.4g} · x − {-intercept:.4g}" in text
        assert text.count("●") == 1 + 10  # of the legend, and the rows
        assert "○" not in text  # there are no test rows
        assert text.count("┊") > 10
        assert text.splitlines()[-1].replace("data's units", "").split() == ["0", "2", "4", "6", "8"]
        assert "data's units" in text
        await pilot.press("p", "p")  # the test rows: none
        assert (screen_text(it).count("●"), screen_text(it).count("┊")) == (1, 0)


@pytest.mark.parametrize("kind", PANELS, ids=lambda kind: kind.TITLE)
async def test_a_panel_can_be_made_tiny_and_large_again(kind: type[Panel]) -> None:
    async with (it := app(kind)).run_test(size=(118, 14)) as pilot:
        for size in ((20, 4), (10, 2), (200, 50), (40, 10)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.1)
        if kind not in (Code, Log):
            await answered(pilot)
            assert not it.panel.problem


@pytest.mark.parametrize("kind", [Network, Boundary, Report, Batch], ids=lambda kind: kind.TITLE)
async def test_a_panel_without_colours_says_the_same(
    kind: type[Panel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with (it := app(kind)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        text = screen_text(it)
        if kind in (Network, Boundary):
            assert "▀" not in text
            assert "▒" in text
