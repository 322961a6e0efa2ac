"""Every test has a home of its own: state and sockets go where no other test's and no person's runs are."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from engine import control
from engine.errors import NnplayError
from engine.runs import is_alive

pytest_plugins = ["credit_data"]

# Read when torch is loaded, here and in the processes that tests start. There are as many tests at a time as
# processors: threads of one that wait for each other by counting take the processor from the other's.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# A process of pytest's has readline, which tells all that it starts of a terminal that is not theirs.
for name in ("LINES", "COLUMNS"):
    os.environ.pop(name, None)

# An example may take as long as a busy machine makes it take; what is drawn is the test's own doing.
settings.register_profile("nnplay", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nnplay")


@pytest.fixture(scope="session")
def places() -> Iterator[Path]:
    """The same for all tests of a process, so that one engine can serve them; each finds it empty."""
    places = Path(tempfile.mkdtemp(prefix="nn"))  # short: a socket's path has 108 bytes
    yield places
    shutil.rmtree(places, ignore_errors=True)


@pytest.fixture(autouse=True)
def home(places: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of this test's runs. Runs outlive the screen, so those under way are stopped at the end."""
    for name in ("state", "runtime", "cache"):
        (places / name).mkdir()
        monkeypatch.setenv(f"XDG_{name.upper()}_{'DIR' if name == 'runtime' else 'HOME'}", str(places / name))
    if importlib.util.find_spec("textual"):  # a GPU box may lack it, and its tests do without
        monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "truecolor")  # where a test has no terminal
    runs = places / "state" / "nnplay" / "runs"
    yield runs
    for run in runs.iterdir() if runs.exists() else ():
        _stop(run)
    for place in places.iterdir():
        shutil.rmtree(place, ignore_errors=True)


def _stop(run: Path) -> None:
    end = time.monotonic() + 20
    while control.socket_path(run.name).exists() and is_alive(run):
        assert time.monotonic() < end, f"the worker of {run} does not end"
        with contextlib.suppress(NnplayError):
            control.send(run.name, control.Command("stop"))
        time.sleep(0.02)
