"""A step that takes a second is given up when the run is told to stop, however it is told."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import control, experiments, runs
from engine.events import Ended
from engine.launcher import start_worker
from engine.runs import RunReader
from tui.feed import Feed

LONG = ["data=digits", "hidden=4096,4096", "batch_size=1000", "epochs=3", "backend=native"]


def command(run: Path, pid: int) -> None:
    control.send(run.name, control.Command("stop"))


def terminate(run: Path, pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


@pytest.mark.parametrize("tell", [command, terminate])
def test_a_stop_in_the_first_step_ends_it(tell: Callable[[Path, int], None], home: Path) -> None:
    run = runs.create(experiments.find("mlp", LONG))
    told = threading.Event()
    with start_worker(run) as worker:
        run.release()
        feed = Feed(run.path, told.set)
        while not feed.take().started:
            assert told.wait(60)
            told.clear()
        feed.close()
        tell(run.path, worker.pid)
        assert worker.wait(60) == 130
    ended = RunReader(run.path).poll()[-1]
    assert isinstance(ended, Ended)
    assert (ended.state, ended.step) == ("interrupted", 0)
