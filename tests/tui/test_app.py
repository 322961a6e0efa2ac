"""The app with a real worker: what a person does, and what the screen shows then."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from driving import screen_text, sees, until
from rich.console import Console, RenderableType

from engine import catalog, experiments
from engine.events import Commanded, Ended, EpochEnded, Resumed
from engine.locations import runs_dir
from engine.questions import compare
from engine.runs import RunReader, is_alive
from tui import keys
from tui.app import NnplayApp
from tui.comparison import comparison
from tui.conductor import PATIENCE
from tui.config import STANDARD
from tui.differences import labels, rows
from tui.keys import KEYS, PANELS, shown
from tui.scene import Scene

SIZE = (120, 40)


def app(*words: str, backend: str = "eager") -> NnplayApp:
    """The app at the Iris experiment; the eager backend is slow enough to be met in the middle of a run."""
    return NnplayApp(experiments.find("iris-mlp", [*words, f"backend={backend}"]))


def only_run(home: Path) -> Path:
    (run,) = home.iterdir()
    return run


def step_shown(app: NnplayApp) -> int:
    assert app.session.run is not None
    return app.session.run.step


@pytest.mark.parametrize("backend", ["eager", "native"])
async def test_space_trains_and_the_report_comes_at_the_end(home: Path, backend: str) -> None:
    async with app(backend=backend).run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, "iris-mlp", "@published", "○ ready", "space run")
        await pilot.press("3", "space")
        await sees(pilot, "✓ finished", "epoch 100 / 100", f"{backend} · cpu", "steps/s")
        await sees(pilot, "0.640", "test rows taken for", "at step 5,000", "1 of 50 test rows")
        text = screen_text(pilot.app)
        assert re.search(
            r"train +loss 0\.639\d\d\d +accuracy 0\.9500 +test +loss 0\.6252\d\d +accuracy 0\.9800", text
        )
        assert re.search(r"versicolor +0 +18 +1 +1\.000 +0\.947 +0\.973", text)
        assert sum(0x2800 < ord(char) < 0x2900 for char in text) > 100
    assert isinstance(RunReader(only_run(home)).poll()[-1], Ended)


async def test_space_pauses_and_goes_on(home: Path) -> None:
    async with app("epochs=100000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        await until(pilot, lambda: step_shown(pilot.app) > 100)
        await pilot.press("space")
        await sees(pilot, "‖ paused")
        paused_at = len(RunReader(only_run(home)).poll())
        await pilot.press("space")
        await sees(pilot, "● running")
        await until(pilot, lambda: len(RunReader(only_run(home)).poll()) > paused_at + 5)
        commands = [e.name for e in RunReader(only_run(home)).poll() if isinstance(e, Commanded)]
        assert commands == ["pause", "resume"]


async def test_steps_and_epochs_by_hand(home: Path) -> None:
    async with app().run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("s")
        await sees(pilot, "‖ paused", "step 1")
        await pilot.press("s", "s")
        await sees(pilot, "‖ paused", "step 3")
        await pilot.press("e")
        await sees(pilot, "‖ paused", "epoch 1 / 100")
        assert step_shown(pilot.app) == 50
        await pilot.press("q")
    commands = [(e.name, e.step) for e in RunReader(only_run(home)).poll() if isinstance(e, Commanded)]
    assert commands == [("step", 0), ("step", 1), ("step", 2), ("epoch", 3), ("stop", 50)]


async def test_r_starts_over_with_the_same_numbers(home: Path) -> None:
    async with app("epochs=3").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        first = pilot.app.session.run
        await pilot.press("r")
        await until(
            pilot, lambda: pilot.app.session.run.over and pilot.app.session.run.run_id != first.run_id
        )
    one, other = (
        [e.train_loss for e in RunReader(run).poll() if isinstance(e, EpochEnded)] for run in home.iterdir()
    )
    assert one == other
    assert len(one) == 3


async def test_a_value_is_changed_refused_and_taken_over() -> None:
    async with app("epochs=2").run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, "space run")
        while pilot.app._laboratory.values.chosen != "hidden":
            await pilot.press("up")
        await pilot.press("enter")
        await sees(pilot, "widths of the hidden layers", "takes effect: next reset")
        await pilot.press("backspace", "backspace", "0", "enter")
        await sees(pilot, "hidden: expected widths from 1 to 65,536", "got 0")
        await pilot.press("backspace", *"8,8", "enter")
        await until(pilot, lambda: pilot.app.session.spec.hidden == (8, 8))
        await sees(pilot, "8,8")
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        assert pilot.app.session.run.spec.hidden == (8, 8)
        assert pilot.app.session.run.started.parameters == 4 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3


async def test_a_key_turns_a_value_and_many_seeds_are_trained_at_once(home: Path) -> None:
    async with app(backend="native").run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, "seeds ·", "test accuracy")
        first = pilot.app.session.trials.preview
        await pilot.press("plus", "plus")
        assert pilot.app.session.spec.lr == 0.005
        await until(
            pilot,
            lambda: pilot.app.session.trials.preview and pilot.app.session.trials.preview.spec.lr == 0.005,
        )
        assert (
            pilot.app.session.trials.preview.answer.arrays["loss"][1, -1] < first.answer.arrays["loss"][1, -1]
        )
        await pilot.press("up", "minus")
        assert pilot.app.session.spec.optimizer == "sgd"
        # The legend says whose curve it is.
        await until(pilot, lambda: f"{pilot.app.session.trials.preview.run} ━" in screen_text(pilot.app))
        await pilot.press("t")
        await until(pilot, lambda: "seeds ·" not in screen_text(pilot.app))
        assert not home.exists() or not list(home.iterdir())  # nothing of this is stored


async def test_time_is_travelled_by_epochs_and_by_steps() -> None:
    async with app("epochs=5").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished", "step 250 of 250")
        await pilot.press("left", "left")
        await sees(pilot, "step 150 of 250 · epoch 3")
        await pilot.press("comma")
        await sees(pilot, "step 149 of 250 · epoch 2.98")
        await pilot.press("right")
        await sees(pilot, "step 150 of 250")
        await pilot.press("home", "left")
        await sees(pilot, "step 0 of 250")
        await pilot.press("end")
        await sees(pilot, "step 250 of 250")
        assert pilot.app.session.step is None
        await pilot.click("#timeline", offset=(4, 0))
        await until(pilot, lambda: pilot.app.session.step is not None and pilot.app.session.step < 20)


async def test_a_value_changed_under_way_leaves_a_mark() -> None:
    async with app("epochs=100000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("e", "e")
        await sees(pilot, "‖ paused", "epoch 2 /")
        await pilot.press("plus")
        await until(pilot, lambda: pilot.app.session.run.changes)
        (mark,) = Scene(pilot.app.session.view).marks
        assert (mark.x, mark.label) == (2.0, "lr 0.002")


async def test_the_plots_are_looked_about_in_by_keys() -> None:
    async with app("epochs=3").run_test(size=SIZE) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        loss, score = pilot.app._laboratory.plots.values()
        await pilot.press("z", "z", "shift+right")
        await until(pilot, lambda: loss.seen == score.seen)
        low, high = loss.seen
        assert high - low == pytest.approx(3 / 1.5**2)
        assert low > 0.5 * (3 - 3 / 1.5**2)
        await pilot.press("g", "w")
        assert (loss.look.log, loss.look.smoothing) == (True, 0.6)
        await pilot.press("backspace", "w", "w", "w", "g")
        await until(pilot, lambda: loss.seen == score.seen == (0.0, 3.0))
        assert (loss.look.log, loss.look.smoothing) == (False, 0.0)


async def test_a_kept_run_lies_over_the_next_and_what_differs_is_told() -> None:
    async with app("epochs=3", "lr=0.001").run_test(size=SIZE) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        first = pilot.app.session.run
        await pilot.press("c", "plus", "r")
        await until(
            pilot, lambda: pilot.app.session.run.over and pilot.app.session.run.run_id != first.run_id
        )
        await pilot.press(str([title for title, _ in PANELS].index("Compare")))
        await sees(pilot, "this run", "lr=0.001", "train loss", f"{first.curves.train_loss[-1]:.4f}")
        runs = {series.run for series in Scene(pilot.app.session.view).series("loss")}
        assert runs == {"", "lr=0.001"}
        table = dict(rows([pilot.app.session.run, *pilot.app.session.view.others]))
        assert table["lr"] == ["0.002", "0.001"]
        assert "hidden" not in table
        pilot.app._keep(runs_dir() / first.run_id)
        assert not pilot.app.session.view.others


async def test_the_variants_are_compared_on_a_key_with_the_values_that_were_changed() -> None:
    async with app("epochs=3", backend="native").run_test(size=SIZE) as pilot:
        await pilot.press("C")
        await sees(pilot, "The variants of iris-mlp epochs=3", "@corrected", "output=logits", "worth")
        told = comparison(compare.answer("iris-mlp", ["epochs=3"]).values)
        lines = [line.rstrip() for line in printed(told).splitlines()]
        assert all(line in screen_text(pilot.app) for line in lines)
        await pilot.press("space")
        await sees(pilot, "✓ finished", *lines)  # a run changes nothing of it
        await pilot.press("C")
        await sees(pilot, "keeps the run that is shown")
        await pilot.press("1", "C")
        await sees(pilot, *lines)


async def test_what_the_variants_do_not_take_is_said_in_their_place() -> None:
    async with app("batch_size=500").run_test(size=SIZE) as pilot:
        await pilot.press("C")
        await sees(pilot, "batch_size: expected at most 100, the train rows of iris, got 500")


def printed(content: RenderableType) -> str:
    """What stands on a wide terminal without colours."""
    console = Console(file=io.StringIO(), width=200)
    with console.capture() as captured:
        console.print(content)
    return captured.get()


async def test_f_goes_on_from_the_step_shown_with_the_present_values(home: Path) -> None:
    async with app("epochs=4", backend="native").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        first = pilot.app.session.run
        await pilot.press("left", "left", "plus", "plus", "f")
        await until(
            pilot, lambda: pilot.app.session.run.over and pilot.app.session.run.run_id != first.run_id
        )
        assert labels(pilot.app.session.view) == ["original lr=0.001"]
        forked = pilot.app.session.run
        assert forked.curves.train_loss[:2].tolist() == first.curves.train_loss[:2].tolist()
        assert forked.curves.train_loss[3] < first.curves.train_loss[3]
        assert [run.run_id for run in pilot.app.session.view.others] == [first.run_id]
        assert [(mark.x, mark.label) for mark in Scene(pilot.app.session.view).marks] == [
            (2.0, "fork"),
            (2.0, "lr 0.005"),
        ]


async def test_a_fork_says_where_it_begins_and_that_without_a_change_it_is_the_same(home: Path) -> None:
    async with app("epochs=4", backend="native").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        await pilot.press("left", "f")
        told = "A run of its own goes on from step 150. No value is changed: it will be the same again."
        await until(pilot, lambda: [note.message for note in pilot.app._notifications] == [told])


async def test_a_narrow_screen_shows_the_value_that_the_keys_turn_and_the_way_to_the_report() -> None:
    async with app("epochs=1", backend="native").run_test(size=(80, 24)) as pilot:
        await sees(pilot, "lr 0.001 · ")
        await pilot.press("plus")
        await sees(pilot, "lr 0.002 · ")
        await pilot.press("down")
        await sees(pilot, "momentum 0 · ")
        await pilot.press("space")
        await sees(pilot, "✓ finished", "3 report")


async def test_digits_choose_what_is_shown_and_give_it_all_the_room() -> None:
    async with app().run_test(size=SIZE) as pilot:
        laboratory = pilot.app._laboratory
        upper, lower = laboratory.query_one("#upper"), laboratory.query_one("#lower")

        def shown() -> tuple[bool, bool]:
            return upper.display, lower.display

        await sees(pilot, "Iris flowers")
        assert shown() == (True, True)
        await pilot.press("3")
        assert shown() == (True, True)
        await pilot.press("3")
        assert shown() == (False, True)
        await pilot.press("0")
        assert shown() == (True, False)
        await pilot.press("0")
        assert shown() == (True, True)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert shown() == (True, False)
        await pilot.press("9")
        assert shown() == (False, True)
        await pilot.press("v")
        assert shown() == (True, False)
        await sees(pilot, "weight_decay")
        await pilot.press("x")
        await sees(pilot, "1.4", "@corrected")
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.session.spec.variant == "corrected")
        await pilot.press("escape")
        await sees(pilot, "accuracy", "loss")


async def test_a_live_value_changes_in_the_run_and_a_structural_one_waits(home: Path) -> None:
    async with app("epochs=100000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("e")
        await sees(pilot, "‖ paused", "epoch 1 /")
        pilot.app.session.take_over(pilot.app.session.spec.replace_text({"lr": "0.01", "hidden": "4"}))
        await until(pilot, lambda: pilot.app.session.run.spec.lr == 0.01)
        await sees(pilot, "4 ↻")
        assert "0.01 ↻" not in screen_text(pilot.app)
        assert pilot.app.session.run.spec.hidden == (16,)
    commands = [
        (e.name, e.key, e.value) for e in RunReader(only_run(home)).poll() if isinstance(e, Commanded)
    ]
    assert ("set", "lr", "0.01") in commands


async def test_a_killed_worker_is_told_within_a_second_and_the_app_lives_on(home: Path) -> None:
    async with app("epochs=100000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        await until(pilot, lambda: step_shown(pilot.app) > 50)
        os.kill(_worker_of(only_run(home)), signal.SIGKILL)
        killed = time.monotonic()
        await sees(pilot, "✗ died", "the worker process died")
        assert time.monotonic() - killed < 1.0
        await pilot.press("s")
        await sees(pilot, "‖ paused")
    resumed = [event for event in RunReader(only_run(home)).poll() if isinstance(event, Resumed)]
    assert len(resumed) == 1  # the same run goes on


def _worker_of(run: Path) -> int:
    """The process that has the run's lock file open."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == run / "lock":
                return int(link.parts[2])
        except OSError:
            continue
    raise AssertionError("no process holds the lock")


async def test_quitting_leaves_a_run_that_is_trained_and_says_how_to_see_it_again(home: Path) -> None:
    quitting = app("epochs=100000")
    async with quitting.run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        await pilot.press("q")
    run = only_run(home)
    assert quitting.farewell == f"{run.name} goes on; nnplay attach {run.name[-6:]} shows it again"
    before = catalog.entry(run)
    assert before.state == "running"
    end = time.monotonic() + 20
    while catalog.entry(run).step <= before.step:
        assert time.monotonic() < end, "the run did not go on"


async def test_quitting_stores_a_run_that_waits_and_leaves_no_process(home: Path) -> None:
    quitting = app("epochs=100000")
    async with quitting.run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("e")
        await sees(pilot, "‖ paused")
        await pilot.press("q")
    await_none_waits(home)
    run = only_run(home)
    assert quitting.farewell == f"{run.name} is stopped and stored; nnplay resume {run.name[-6:]} goes on"
    ended = RunReader(run).poll()[-1]
    assert isinstance(ended, Ended)
    assert (ended.state, ended.step) == ("interrupted", 50)


@pytest.mark.parametrize("keys", [" ", "s", "e", " r", "  ", "ss", "sr"])
async def test_quitting_at_once_leaves_no_process_that_waits(home: Path, keys: str) -> None:
    """Whether the engine is warm or not: the run that was asked for is trained, is stored, or never was."""
    async with app("epochs=100000").run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, "space run")
        for key in keys:
            await pilot.press("space" if key == " " else key)
        await pilot.press("q")
        quitting = time.monotonic()
    assert time.monotonic() - quitting < PATIENCE  # it waits for no worker that never was
    await_none_waits(home)


def await_none_waits(home: Path) -> None:
    """Every run there is is trained, or has no process."""
    end = time.monotonic() + 20
    runs = list(home.iterdir()) if home.exists() else []
    while any(is_alive(run) and catalog.entry(run).state != "running" for run in runs):
        assert time.monotonic() < end, "a worker is left behind"


async def test_the_run_shown_is_stopped_by_its_key_and_goes_on_by_space(home: Path) -> None:
    async with app("epochs=100000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        await until(pilot, lambda: step_shown(pilot.app) > 50)
        await pilot.press("S")
        await sees(pilot, "■ interrupted")
        stopped = step_shown(pilot.app)
        await until(pilot, lambda: not is_alive(only_run(home)))
        await pilot.press("space")
        await sees(pilot, "● running")
        await until(pilot, lambda: step_shown(pilot.app) > stopped + 50)
    assert len([e for e in RunReader(only_run(home)).poll() if isinstance(e, Resumed)]) == 1


async def test_two_apps_steer_one_run(home: Path) -> None:
    async with app("epochs=100000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("e")
        await sees(pilot, "‖ paused", "epoch 1 /")
        run = only_run(home)
        other = NnplayApp(RunReader(run).spec, run=run)
        async with other.run_test(size=SIZE, notifications=True) as beside:
            await until(beside, lambda: other.session.run and other.session.run.state == "paused")
            assert len(other.session.run.curves.epoch) == 1
            await beside.press("e")
            await until(beside, lambda: other.session.run.epoch == 2)
            await until(pilot, lambda: pilot.app.session.run.epoch == 2)
            await beside.press("S")
            await until(pilot, lambda: pilot.app.session.run.state == "interrupted")
            await until(beside, lambda: other.session.run.over and not is_alive(run))
            await beside.press("space")
            await until(pilot, lambda: pilot.app.session.run.state == "running")


async def test_the_list_opens_stops_and_removes_runs(home: Path) -> None:
    async with app("epochs=100000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        run = only_run(home)
        await pilot.press("l")
        await sees(pilot, "Runs", run.name, "running")
        await pilot.press("d")
        await sees(pilot, "it is under way: x stops it")
        await pilot.press("x")
        await sees(pilot, "interrupted")
        await until(pilot, lambda: not is_alive(run))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.session.run and pilot.app.session.run.state == "interrupted")
        await pilot.press("l")
        await sees(pilot, "Runs", run.name)
        await pilot.press("d")
        await sees(pilot, "Remove", "y removes it")
        await pilot.press("n")
        assert run.exists()
        await pilot.press("d", "y")
        await sees(pilot, "no runs yet")
        assert not run.exists()


async def test_a_killed_engine_is_started_again(home: Path) -> None:
    async with app("epochs=2").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        zygote = pilot.app.session._conductor._zygote
        os.kill(zygote._process.pid, signal.SIGKILL)
        await until(pilot, lambda: not zygote.alive)
        await pilot.press("r")
        await until(pilot, lambda: len(list(home.iterdir())) == 2 and pilot.app.session.run.over)
        await sees(pilot, "✓ finished")


async def test_a_removed_run_folder_ends_its_worker(home: Path) -> None:
    async with app("epochs=100000").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        worker = _worker_of(only_run(home))
        shutil.rmtree(only_run(home))
        await sees(pilot, "✗ died")
        await until(pilot, lambda: not Path(f"/proc/{worker}").exists())


async def test_a_request_that_the_data_refuse_is_told() -> None:
    async with app("batch_size=500").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✗ failed", "batch_size: expected at most 100, the train rows of iris, got 500")


async def test_a_state_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    async with app().run_test(size=SIZE, notifications=True) as pilot:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
        await pilot.press("space")
        await sees(pilot, "XDG_STATE_HOME")


async def test_an_engine_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(_package_that_breaks(home.parent)))
    async with app().run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "could not start", "is broken")
        await sees(pilot, "○ ready")
    assert not list(home.iterdir())


def _package_that_breaks(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "torch.py").write_text("raise ImportError('torch is broken')\n")
    return folder


async def test_the_keys_page_and_the_footer_come_from_the_table() -> None:
    async with app().run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, *(f"{key.footer or shown(key)} {key.label}" for key in KEYS if key.label))
        await pilot.resize_terminal(120, 90)
        await pilot.press("question_mark")
        await sees(pilot, *(shown(key) for key in KEYS), *(key.title for key in KEYS))
        await pilot.press("escape")
        await sees(pilot, "space run")


async def test_every_key_is_in_the_command_palette_and_the_palette_runs_it() -> None:
    async with app().run_test(size=SIZE, notifications=True) as pilot:
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {key.title for key in KEYS if key.action != "command_palette"} <= titles
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"iriscorrected")
        await sees(pilot, "Open iris-mlp@corrected")
        await pilot.press("enter")
        await sees(pilot, "@corrected", "logits")


async def test_a_resized_plot_is_drawn_anew() -> None:
    async with app("epochs=4").run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        rows = [
            line
            for line in screen_text(pilot.app).splitlines()
            if any(0x2800 < ord(c) < 0x2900 for c in line)
        ]
        plot = pilot.app.screen.query_one("#loss")
        last = max(place for row in rows for place, c in enumerate(row) if 0x2800 < ord(c) < 0x2900)
        assert last == plot.region.right - 1  # the last epoch lies at the right edge


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (40, 12), (20, 6)])
async def test_the_app_fits_and_follows_any_size(size: tuple[int, int]) -> None:
    async with app("epochs=2").run_test(size=size) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: pilot.app.session.run and pilot.app.session.run.over)
        await pilot.resize_terminal(100, 30)
        await sees(pilot, "✓ finished")
        lines = screen_text(pilot.app).splitlines()
        assert len(lines) == 30
        assert all(len(line) <= 100 for line in lines)


async def test_keys_of_ones_own_work_and_show_everywhere() -> None:
    keymap = {"run_or_pause": "f5", "step": "e", "epoch": "s", "command_palette": "f2"}
    settings = replace(STANDARD, keymap=keymap, theme="light")
    own = NnplayApp(experiments.find("iris-mlp", ["epochs=3", "backend=eager"]), settings)
    try:
        async with own.run_test(size=SIZE, notifications=True) as pilot:
            await sees(pilot, "f5 run", "e step", "s epoch")
            assert pilot.app.current_theme.name == "light"
            await pilot.press("e")
            await sees(pilot, "‖ paused", "step 1")
            await pilot.press("s")
            await sees(pilot, "epoch 1 / 3")
            await pilot.press("space")
            await pilot.press("f5")
            await sees(pilot, "✓ finished")
            await pilot.press("question_mark")
            await sees(pilot, "f5", "Run or pause")
            await pilot.press("escape", "f2")
            await pilot.press(*"One epoch")
            await sees(pilot, "Train to the end of the epoch")
    finally:
        keys.use({})
