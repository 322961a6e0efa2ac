"""Every test has a home of its own: state and sockets go where no other test and no person's runs are."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of this test's runs."""
    sockets = Path(tempfile.mkdtemp(prefix="nn"))  # short: a socket's path has 108 bytes
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(sockets))
    yield tmp_path / "state" / "nnplay" / "runs"
    shutil.rmtree(sockets, ignore_errors=True)
