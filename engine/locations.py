"""Where nnplay keeps things, by the XDG base directory specification.

Runs last, so they are state: `$XDG_STATE_HOME/nnplay/runs` (by default `~/.local/state/nnplay/runs`). Control
sockets live as long as their worker: `$XDG_RUNTIME_DIR/nnplay`, or a private folder under the temporary one.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from engine.errors import StorageError

LONGEST_BASE = 48  # a socket's whole path must stay under 108 bytes; a run's id takes up to 50


def runs_dir() -> Path:
    """The folder of all runs, made if it is missing. Raises StorageError if it cannot be made."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return _private(Path(base).expanduser() / "nnplay" / "runs", "XDG_STATE_HOME")


def sockets_dir() -> Path:
    """The folder of control sockets, made if it is missing. Raises StorageError if it is not ours alone."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if 0 < len(base) <= LONGEST_BASE and Path(base).is_dir():
        return _private(Path(base) / "nnplay", "XDG_RUNTIME_DIR")
    path = _private(Path(tempfile.gettempdir()) / f"nnplay-{os.getuid()}", "XDG_RUNTIME_DIR")
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StorageError(f"{path} is not a private folder of yours; set XDG_RUNTIME_DIR to one that is")
    return path


def _private(path: Path, variable: str) -> Path:
    """Make a folder that only its owner can enter."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {path}: {error.strerror}; set {variable} to a folder you can write"
        ) from None
    return path
