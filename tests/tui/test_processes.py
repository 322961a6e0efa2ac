"""The processes behind the app: who is left when one goes, and what is said when one cannot start."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from driving import SIZE, app, only_run, sees, step_shown, until

from engine import catalog
from engine.events import Ended, Resumed
from engine.runs import RunReader, is_alive
from tui.app import NnplayApp
from tui.conductor import PATIENCE


async def test_a_killed_worker_is_told_within_a_second_and_the_app_lives_on(home: Path) -> None:
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
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
    quitting = app("epochs=1000000")
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
    quitting = app("epochs=1000000")
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


AT_ONCE = [" ", "s", "e", " r", "  ", "ss", "sr"]


@pytest.mark.usefixtures("own_engine")
@pytest.mark.parametrize("keys", AT_ONCE)
async def test_quitting_at_once_leaves_no_process_that_waits(home: Path, keys: str) -> None:
    """The run that was asked for is trained, is stored, or never was."""
    await _quits_at_once(home, keys, warm=False)


@pytest.mark.parametrize("keys", AT_ONCE)
async def test_quitting_at_once_a_warm_engine_leaves_no_process_that_waits(home: Path, keys: str) -> None:
    await _quits_at_once(home, keys, warm=True)


async def _quits_at_once(home: Path, keys: str, *, warm: bool) -> None:
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
        await sees(pilot, "space run")
        if warm:
            await until(pilot, lambda: pilot.app.session._conductor.warm()._ready)
        for key in keys:
            await pilot.press("space" if key == " " else key)
        await pilot.press("q")
        quitting = time.monotonic()
    assert time.monotonic() - quitting < PATIENCE  # it waits for no worker that never was
    await_none_waits(home)


@pytest.mark.parametrize("keys", ["space", "e"])
async def test_quitting_before_a_long_step_is_over_leaves_no_process_that_will_wait(
    home: Path, keys: str
) -> None:
    """A command is taken between two steps, so the log does not tell yet that the run will wait."""
    quitting = app("epochs=1000000", "hidden=6000,6000")
    async with quitting.run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "● running")
        await until(pilot, lambda: step_shown(pilot.app) > 0)
        conductor = quitting.session._conductor
        told = conductor._told
        await pilot.press(keys)
        await until(pilot, lambda: conductor._told > told)
        await pilot.press("q")
    await_none_waits(home)
    assert "is stopped and stored" in quitting.farewell


async def test_a_run_that_another_app_lets_go_on_is_left_to_it(home: Path) -> None:
    quitting = app("epochs=1000000")
    async with quitting.run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("e")
        await sees(pilot, "‖ paused", "epoch 1 /")
        run = only_run(home)
        other = NnplayApp(RunReader(run).spec, run=run)
        async with other.run_test(size=SIZE, notifications=True) as beside:
            await sees(beside, "‖ paused")
            await beside.press("space")
            await sees(pilot, "● running")
    assert "shows it again" in other.farewell
    assert "shows it again" in quitting.farewell
    assert catalog.entry(run).state == "running"


def await_none_waits(home: Path) -> None:
    """Every run there is is trained, or has no process."""
    end = time.monotonic() + 20
    runs = list(home.iterdir()) if home.exists() else []
    while any(is_alive(run) and catalog.entry(run).state != "running" for run in runs):
        assert time.monotonic() < end, "a worker is left behind"


async def test_the_run_shown_is_stopped_by_its_key_and_goes_on_by_space(home: Path) -> None:
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
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
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
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
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
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
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
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
