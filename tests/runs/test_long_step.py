"""A step that takes a second is given up when the run is told to stop, however it is told."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import catalog, checkpoints, control, experiments, runs
from engine.events import Ended, Resumed
from engine.launcher import start_worker
from engine.runs import RunReader
from tui.feed import Feed, Snapshot

LONG = ["data=digits", "hidden=4096,4096", "batch_size=1000", "epochs=3", "backend=native"]


def command(run: Path, pid: int) -> None:
    control.send(run.name, control.Command("stop"))


def terminate(run: Path, pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def until(run: Path, condition: Callable[[Snapshot], object]) -> None:
    """Follow the run until the condition holds."""
    told = threading.Event()
    feed = Feed(run, told.set)
    while not condition(feed.take()):
        assert told.wait(60)
        told.clear()
    feed.close()


@pytest.mark.parametrize("tell", [command, terminate])
def test_a_stop_in_the_first_step_ends_it(tell: Callable[[Path, int], None], home: Path) -> None:
    run = runs.create(experiments.find("mlp", LONG))
    with start_worker(run) as worker:
        run.release()
        until(run.path, lambda shown: shown.started)
        tell(run.path, worker.pid)
        assert worker.wait(60) == 130
    ended = RunReader(run.path).poll()[-1]
    assert isinstance(ended, Ended)
    assert (ended.state, ended.step) == ("interrupted", 0)


@pytest.mark.parametrize("tell", [command, terminate])
def test_a_stop_on_the_way_to_where_a_run_was_ends_it(tell: Callable[[Path, int], None], home: Path) -> None:
    """A killed run without a checkpoint takes its long step once more."""
    run = runs.create(experiments.find("mlp", LONG))
    with start_worker(run) as worker:
        run.release()
        control.send(run.path.name, control.Command("step"), patience=60)
        until(run.path, lambda shown: shown.state == "paused")
        worker.kill()
    control.socket_path(run.path.name).unlink()
    shutil.rmtree(run.path / "checkpoints", ignore_errors=True)
    assert not checkpoints.steps(run.path)

    run = catalog.reopen(run.path)
    with start_worker(run) as worker:
        run.release()
        while not control.socket_path(run.path.name).exists():
            assert worker.poll() is None
        tell(run.path, worker.pid)
        assert worker.wait(60) == 130
    *before, ended = RunReader(run.path).poll()
    assert isinstance(ended, Ended)
    assert (ended.state, ended.step, ended.message) == ("interrupted", 1, "stopped before it went on")
    assert not any(isinstance(event, Resumed) for event in before)
