"""Where nnplay keeps things, by the XDG base directory specification.

Runs last, so they are state: `$XDG_STATE_HOME/nnplay/runs` (by default `~/.local/state/nnplay/runs`). Control
sockets live as long as their worker: `$XDG_RUNTIME_DIR/nnplay`, or a private folder under /tmp where that
cannot be used. Settings are a file, `$XDG_CONFIG_HOME/nnplay/config.toml` (by default under `~/.config`), and
downloads are in `$XDG_CACHE_HOME/nnplay` (`~/.cache/nnplay`). A relative path in any of these variables
counts as unset, as the specification says.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from engine.errors import StorageError

LONGEST_SOCKET = 107  # bytes of a Unix socket's path
LONGEST_NAME = 60  # bytes kept for the name of a socket in its folder
SHOWN = 120  # characters of a path in a message


def runs_dir() -> Path:
    """The folder of all runs, made if it is missing. Raises StorageError if it cannot be made."""
    path = (_base("XDG_STATE_HOME") or Path("~/.local/state").expanduser()) / "nnplay" / "runs"
    return _made(path, "XDG_STATE_HOME")


def config_file() -> Path:
    """Where a person's settings are: `$XDG_CONFIG_HOME/nnplay/config.toml`; it need not exist."""
    return (_base("XDG_CONFIG_HOME") or Path("~/.config").expanduser()) / "nnplay" / "config.toml"


def cache_dir() -> Path:
    """The folder of what was downloaded, made if it is missing. Raises StorageError if it cannot be made."""
    return _made((_base("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "nnplay", "XDG_CACHE_HOME")


def sockets_dir() -> Path:
    """The folder of control sockets, made if it is missing. Raises StorageError if it is not ours alone."""
    base = _base("XDG_RUNTIME_DIR")
    if base and os.access(base, os.W_OK | os.X_OK):
        path = base / "nnplay"
        if len(os.fsencode(path)) + LONGEST_NAME < LONGEST_SOCKET:
            return _private(_made(path, "XDG_RUNTIME_DIR"))
    return _private(_made(Path(f"/tmp/nnplay-{os.getuid()}"), "XDG_RUNTIME_DIR"))


def _base(variable: str) -> Path | None:
    path = Path(os.environ.get(variable, ""))
    return path if path.is_absolute() else None


def _made(path: Path, variable: str) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {str(path)[:SHOWN]}: {error.strerror}; "
            f"set {variable} to a folder you can write"
        ) from None
    return path


def _private(path: Path) -> Path:
    """The folder itself if it is no link, is ours, and nobody else can enter it."""
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StorageError(f"{path} is not a private folder of yours; set XDG_RUNTIME_DIR to one that is")
    return path
