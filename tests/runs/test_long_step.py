"""A step that takes a second is given up when the run is told to stop, however it is told."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import control, experiments, runs
from engine.events import Ended, Started
from engine.launcher import start_worker
from engine.runs import RunReader

LONG = ["data=digits", "hidden=4096,4096", "batch_size=1000", "epochs=3", "backend=native"]


def command(run: Path, pid: int) -> None:
    control.send(run.name, control.Command("stop"))


def terminate(run: Path, pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


@pytest.mark.parametrize("tell", [command, terminate])
def test_a_stop_in_the_first_step_ends_it(tell: Callable[[Path, int], None], home: Path) -> None:
    run = runs.create(experiments.find("mlp", LONG))
    reader, events = RunReader(run.path), []
    with start_worker(run) as worker:
        run.release()
        while not any(isinstance(event, Started) for event in events):
            assert worker.poll() is None
            events += reader.poll()
            time.sleep(0.005)
        tell(run.path, worker.pid)
        assert worker.wait(60) == 130
    ended = reader.poll()[-1]
    assert isinstance(ended, Ended)
    assert (ended.state, ended.step) == ("interrupted", 0)
