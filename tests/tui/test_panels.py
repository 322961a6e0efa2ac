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
from panel_app import PanelApp
from stored_run import trained
from textual.pilot import Pilot

from engine import datasets, experiments, moments, registry
from engine.control import Inbox
from engine.errors import RequestError
from engine.events import Commanded, EpochEnded
from engine.frames import Answer
from engine.runs import RunWriter, create
from engine.spec import Spec
from engine.trainer import Trainer
from tui import glyphs
from tui.axes import label
from tui.feed import Snapshot
from tui.messages import EditHidden
from tui.view import View
from tui.widgets.panel import Panel
from tui.widgets.panels.batch import Batch
from tui.widgets.panels.boundary import Boundary, _cells_at
from tui.widgets.panels.code import Code
from tui.widgets.panels.log import Log
from tui.widgets.panels.network import Network
from tui.widgets.panels.report import Report
from tui.widgets.panels.tensors import Tensors

SPEC = experiments.find("iris-mlp", ["lr=0.02", "epochs=10", "hidden=6"])
RUN = Snapshot("a-run", SPEC, state="paused", step=500)
PANELS = (Network, Tensors, Report, Boundary, Batch, Code, Log)
SIZES = {"80x24": (80, 21), "120x40": (118, 14), "200x60": (98, 28)}  # of the terminal: of the panel
EPOCH = EpochEnded(
    step=50, epoch=1, train_loss=1.0, train_accuracy=0.5, test_loss=0.9, test_accuracy=0.6, seconds=0.1
)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """What the questions import comes before the first test, not into the middle of it."""
    ask("report", {"spec": SPEC.to_json(), "part": "test"})


def ask(kind: str, values: dict[str, Any]) -> Answer:
    """The lab's questions, answered in this process; the made-up run is that of its spec."""
    if values.pop("run", ""):
        values["spec"] = SPEC.to_json()
    answer: Answer = registry.load("questions", kind).answer(**values)
    return answer


def view(step: int = 300) -> View:
    return View(SPEC, Path("a-run"), step, RUN)


def app(kind: type[Panel], shown: View | None = None) -> PanelApp:
    return PanelApp(kind, shown or view(), lambda kind, values: ask(kind, dict(values)))


async def answered(pilot: Pilot[None]) -> None:
    """Wait for the answer to the question that the panel has now."""
    assert isinstance(pilot.app, PanelApp)
    panel = pilot.app.panel
    await until(
        pilot, lambda: panel.answer is not None and not panel._asking and panel._wanted == panel._asked
    )


def stored_run(home: Path, spec: Spec = SPEC) -> Path:
    """A run of ten epochs with a command, its times fixed."""
    claim = create(spec)
    claim.release()
    path = claim.path.rename(claim.path.with_name("a-run"))
    writer = RunWriter(path)
    for event in Trainer(spec, Inbox()).events():
        changes = {name: 0.5 for name in ("time", "seconds", "seconds_total") if hasattr(event, name)}
        writer.append(replace(event, **changes))
        if isinstance(event, EpochEnded) and event.epoch == 4:
            writer.append(Commanded(time=0.5, step=event.step, epoch=4, name="set", key="lr", value="0.05"))
    writer.close()
    return path


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


async def test_the_network_shows_the_numbers_of_a_chosen_neuron() -> None:
    async with (it := app(Network)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        await pilot.press("down", "down")
        await answered(pilot)
        text = screen_text(it)
        assert "0[1] " in text
        assert "bias" in text
        assert "petal length" in text.splitlines()[1]
        await pilot.press("right_square_bracket")
        await answered(pilot)
        assert "versicolor  bias" in screen_text(it)


async def test_a_click_chooses_a_neuron() -> None:
    async with (it := app(Network)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert isinstance(it.panel, Network)
        layout = it.panel._layout()
        assert layout is not None
        column = layout.layers[1]
        await pilot.click("Picture", offset=(column.lefts[3] + 2, column.tops[3] + 2))
        await pilot.pause()
        assert "0[3]  bias" in screen_text(it)


async def test_the_network_says_how_to_come_to_its_keys() -> None:
    async with (it := app(Network)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert "tab to come here" not in screen_text(it)
        it.set_focus(None)
        await until(pilot, lambda: "tab to come here  ↑↓ neuron" in screen_text(it))


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


@pytest.mark.parametrize(
    ("keys", "hidden"),
    [
        (["plus"], (7,)),
        (["minus"], (5,)),
        (["a"], (6, 6)),
        (["d"], ()),
    ],
)
async def test_keys_ask_for_another_network(keys: list[str], hidden: tuple[int, ...]) -> None:
    async with (it := app(Network)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        await pilot.press(*keys)
        await pilot.pause()
        assert [m.hidden for m in it.posted if isinstance(m, EditHidden)] == [hidden]


async def test_every_neuron_of_a_wide_layer_can_be_reached() -> None:
    wide = View(experiments.find("iris-mlp", ["hidden=40"]))
    async with (it := app(Network, wide)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert re.search(r" \d+ below", screen_text(it))
        await pilot.press(*["down"] * 40)
        await answered(pilot)
        assert "0[39] " in screen_text(it)
        assert re.search(r" \d+ above  ", screen_text(it))


async def test_a_deep_network_scrolls_to_the_chosen_layer() -> None:
    deep = View(experiments.find("iris-mlp", ["hidden=" + ",".join(["8"] * 12)]))
    async with (it := app(Network, deep)).run_test(size=(78, 14)) as pilot:
        await answered(pilot)
        assert "virginica" not in screen_text(it)
        await pilot.press(*["right_square_bracket"] * 14)
        await answered(pilot)
        assert "virginica" in "\n".join(screen_text(it).splitlines()[2:])


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
        assert "at step 0 · train curve: the epoch's batches, as weights changed" in screen_text(it)


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


async def test_the_log_shows_the_newest_line_and_can_be_filtered(home: Path) -> None:
    shown = replace(view(), path=stored_run(home), step=None)
    async with (it := app(Log, shown)).run_test(size=(118, 10)) as pilot:
        await until(pilot, lambda: "finished after" in screen_text(it))
        assert "events 13" in screen_text(it)
        await pilot.press("k")
        assert "set lr=0.05" in screen_text(it)
        assert "epoch 10 " not in screen_text(it)
        await pilot.press("k", "k", "k", "slash", *"epoch 7")
        await pilot.pause()
        assert "epoch 7 " in screen_text(it)
        assert "epoch 8 " not in screen_text(it)
        await pilot.press("escape")
        await until(pilot, lambda: "epoch 8 " in screen_text(it))


@pytest.mark.usefixtures("credit")
async def test_the_log_tells_what_was_found_in_the_data(home: Path) -> None:
    spec = experiments.find("credit-mlp", ["epochs=1"])
    shown = View(spec, stored_run(home, spec))
    async with (it := app(Log, shown)).run_test(size=(118, 10)) as pilot:
        await until(pilot, lambda: "what the columns x1 to x4" in screen_text(it))
        assert "x2 from " in screen_text(it)


async def test_the_log_goes_to_the_step_that_is_looked_at(home: Path) -> None:
    path = stored_run(home)
    async with (it := app(Log, replace(view(), path=path, step=None))).run_test(size=(118, 6)) as pilot:
        await until(pilot, lambda: "finished after" in screen_text(it))
        for step, lines in ((100, ("epoch 1 ", "epoch 2 ", "epoch 3 ")), (300, ("epoch 6 ", "epoch 7 "))):
            it.panel.show(replace(view(), path=path, step=step))
            await until(pilot, lambda lines=lines: all(line in screen_text(it) for line in lines))
            assert "finished after" not in screen_text(it)
        for strip in it.screen._compositor.render_strips():  # what comes later is pale, and can be read
            if "epoch 7 " in strip.text:
                colours = [s.style for s in strip if s.style and any(map(str.isalnum, s.text))]
                assert all(contrast(style.color.triplet, style.bgcolor.triplet) >= 3 for style in colours)
                assert max(contrast(style.color.triplet, style.bgcolor.triplet) for style in colours) < 7
        await pilot.press("up")
        it.panel.show(replace(view(), path=path, step=300, spec=SPEC.replace_text({"lr": "0.1"})))
        here = screen_text(it)
        await pilot.pause()
        assert screen_text(it) == here  # what a person scrolled stays
        it.panel.show(replace(view(), path=path, step=None))
        await until(pilot, lambda: "finished after" in screen_text(it))


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Of two colours, as the WCAG measure it."""
    channels = np.array([one, other]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    low, high = sorted(linear @ (0.2126, 0.7152, 0.0722))
    return float((high + 0.05) / (low + 0.05))


async def test_the_log_on_the_screen_goes_over_to_another_run(home: Path) -> None:
    async with (it := app(Log, replace(view(), path=stored_run(home), step=None))).run_test(
        size=(118, 10)
    ) as pilot:
        await until(pilot, lambda: "events 13" in screen_text(it))
        await it.workers.wait_for_complete()  # all is read: nothing follows the run any more
        spec = SPEC.replace_text({"epochs": "2"})
        it.panel.show(View(spec, trained(spec)[0]))
        await until(pilot, lambda: "events 4" in screen_text(it))
        assert "epoch 3 " not in screen_text(it)


async def test_the_log_of_a_regression_has_r2(home: Path) -> None:
    spec = experiments.find("linreg-nn", ["epochs=2"])
    path, events = trained(spec)
    run = Snapshot(path.name, spec, state="finished", started=events[0])
    last = next(event for event in reversed(events) if isinstance(event, EpochEnded))
    async with (it := app(Log, View(spec, path, None, run))).run_test(size=(118, 10)) as pilot:
        await until(pilot, lambda: "finished after" in screen_text(it))
        assert "loss and R² of each epoch" in screen_text(it)
        assert f"train {last.train_loss:.6f} {last.train_r2:.4f}" in screen_text(it)


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
