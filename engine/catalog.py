"""The runs there are: how each of them stands, and how one is found by its name.

A thousand runs are listed in a fraction of a second: of each, what was asked for and the last lines of its
log are read, and whether a process holds its lock. What a file claims is not believed where the lock differs.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from engine.control import socket_path
from engine.errors import NnplayError, RequestError, StorageError, unknown
from engine.events import Commanded, Ended, EpochEnded, Event, Progressed, Resumed, Started, from_line
from engine.locations import runs_dir
from engine.runs import RESERVE, Claim, Origin, is_alive, origin
from engine.spec import Spec

RunState = Literal["starting", "running", "paused", "finished", "interrupted", "failed", "died", "damaged"]

TAIL = 2048  # bytes of a log's end that are read at first

STATES: dict[RunState, str] = {
    "starting": "its process loads the data",
    "running": "it is being trained",
    "paused": "its process waits for a command",
    "finished": "it came to its end",
    "interrupted": "it was stopped; resume goes on",
    "failed": "it could not go on",
    "died": "its process was killed; resume goes on",
    "damaged": "it cannot be read",
}


@dataclass(frozen=True)
class Entry:
    """How a run stands. `spec` is what was asked for, None where that cannot be read: `message` says why."""

    path: Path
    state: RunState
    spec: Spec | None
    step: int = 0
    epoch: int = 0  # completed
    loss: float | None = None  # of the last epoch, on the train rows
    accuracy: float | None = None
    test_accuracy: float | None = None
    test_r2: float | None = None
    message: str = ""
    origin: Origin | None = None  # of a fork

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def short(self) -> str:
        """The part of the id that is enough to name it, as a rule."""
        return self.id.rpartition("-")[2]

    @property
    def alive(self) -> bool:
        """Whether a process works on it."""
        return self.state in ("starting", "running", "paused")

    def to_json(self) -> dict[str, Any]:
        return {
            "run": self.id,
            "state": self.state,
            "spec": self.spec.to_json() if self.spec else None,
            "step": self.step,
            "epoch": self.epoch,
            "train_loss": self.loss,
            "train_accuracy": self.accuracy,
            "test_accuracy": self.test_accuracy,
            "test_r2": self.test_r2,
            "message": self.message,
            "forked_from": asdict(self.origin) if self.origin else None,
        }


def paths() -> list[Path]:
    """The directories of all runs, the newest first. Links are no runs: they may lead anywhere."""
    with os.scandir(runs_dir()) as entries:
        found = [
            (_begun(entry), entry.name)
            for entry in entries
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
        ]
    return [runs_dir() / name for _, name in sorted(found, reverse=True)]


def entries() -> list[Entry]:
    """How all runs stand, the newest first."""
    return [entry(path) for path in paths()]


def find(name: str) -> Path:
    """The run of that name: its id, the beginning of it or of its last part, or `last` for the newest.

    Only what lies in the folder of runs is ever found. Raises RequestError, with the nearest name, if there
    is no such run, or more than one.
    """
    known = {path.name: path for path in paths()}
    if not known:
        raise RequestError(f"no run {name!r}: there are no runs yet; nnplay run makes one")
    if name == "last":
        return next(iter(known.values()))
    if name in known:
        return known[name]
    fits = [i for i in known if name and (i.startswith(name) or i.rpartition("-")[2].startswith(name))]
    if len(fits) > 1:
        shown = ", ".join(fits[:4]) + (", …" if len(fits) > 4 else "")
        raise RequestError(f"{name!r} fits {len(fits)} runs: give more of the name of one of {shown}")
    if not fits:
        parts = {i.rpartition("-")[2]: i for i in known}
        error = unknown("run", name[:80], ["last", *list(known)[:200], *list(parts)[:200]])
        hint = str(error).partition("known are")[0]
        raise RequestError(f"{hint}nnplay runs lists them")
    return known[fits[0]]


def newest() -> Path:
    """The newest run that is under way, else the newest. Raises RequestError if there is none."""
    return next((path for path in paths() if is_alive(path)), None) or find("last")


def entry(path: Path) -> Entry:
    """How a run stands."""
    alive = is_alive(path)  # before its log is read, so that its last words are seen
    try:
        spec = Spec.from_json(json.loads((path / "spec.json").read_bytes()))
    except (OSError, ValueError, NnplayError) as error:
        return Entry(path, "damaged", None, message=f"{path / 'spec.json'}: {error}")
    events = _last_events(path / "events.jsonl")
    epoch = next((event for event in reversed(events) if isinstance(event, EpochEnded)), None)
    last = events[-1] if events else None
    ended = last if isinstance(last, Ended) else None
    if ended:
        state: RunState = ended.state
    elif not alive:
        state = "died"
    else:
        state = _going(events)
    return Entry(
        path,
        state,
        spec,
        step=max((getattr(event, "step", 0) for event in events), default=0),
        epoch=ended.epoch if ended else epoch.epoch if epoch else 0,
        loss=epoch.train_loss if epoch else None,
        accuracy=epoch.train_accuracy if epoch else None,
        test_accuracy=epoch.test_accuracy if epoch else None,
        test_r2=epoch.test_r2 if epoch else None,
        message=ended.message if ended else "",
        origin=origin(path),
    )


def reopen(path: Path) -> Claim:
    """Take the lock of a run that goes on. Raises RequestError if it is under way, or came to its end."""
    stands = entry(path)
    if stands.state == "finished":
        raise RequestError(f"{path.name} came to its end: there is nothing left to resume")
    if stands.spec is None:
        raise StorageError(f"{path.name} cannot go on: {stands.message}")
    lock = _lock(path)
    with contextlib.suppress(OSError):
        os.pwrite(lock, bytes(RESERVE), 0)
    return Claim(path, lock)


def remove(path: Path) -> None:
    """Remove a run that no process works on. Raises RequestError if one does."""
    lock = _lock(path)
    try:
        socket_path(path.name).unlink(missing_ok=True)  # a worker that was killed has left it
        shutil.rmtree(path)
    except OSError as error:
        raise StorageError(f"cannot remove {path}: {error.strerror}") from None
    finally:
        os.close(lock)


def _lock(path: Path) -> int:
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StorageError(f"cannot write {path / 'lock'}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise RequestError(f"{path.name} is under way; nnplay stop {path.name} stops it") from None
    return lock


def _begun(entry: os.DirEntry[str]) -> str:
    """When a run was made, so that those of one second are in order as well."""
    try:
        made = os.stat(os.path.join(entry.path, "spec.json"), follow_symlinks=False).st_mtime  # noqa: PTH116, PTH118
    except OSError:
        made = 0.0
    stamp = entry.name[:15]
    return f"{stamp} {made:020.6f}"


def _last_events(path: Path) -> list[Event]:
    """The last events of a log, as many as tell how the run stands; what is damaged is left out."""
    size = TAIL
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            while True:
                begin = max(0, end - size)
                file.seek(begin)
                lines = file.read(end - begin).split(b"\n")[:-1]  # what follows the last newline is torn
                events = _readable(lines if begin == 0 else lines[1:])
                if begin == 0 or _tells(events):
                    return events
                size *= 8
    except OSError:
        return []


def _readable(lines: list[bytes]) -> list[Event]:
    events: list[Event] = []
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            events.append(from_line(line))
    return events


def _tells(events: list[Event]) -> bool:
    """Whether these last events tell how the run stands, and how well it does."""
    if not any(isinstance(event, EpochEnded) for event in events):
        return False
    return isinstance(events[-1], Ended) or _decided(events) is not None


def _going(events: list[Event]) -> RunState:
    if not events:
        return "starting"
    return _decided(events) or "running"


def _decided(events: list[Event]) -> RunState | None:
    """Whether a run under way waits; None if these events do not tell."""
    later: list[Event] = []  # than the one looked at
    for event in reversed(events):
        match event:
            case Started() | Resumed():
                return "paused" if event.paused else "running"
            case Commanded(name="pause"):
                return "paused"
            case Commanded(name="step"):
                return "paused" if later else "running"
            case Commanded(name="epoch"):
                return "paused" if any(isinstance(e, EpochEnded) for e in later) else "running"
            case Commanded(name="resume" | "stop"):
                return "running"
            case EpochEnded() | Progressed():
                later.append(event)
                if sum(isinstance(e, EpochEnded) for e in later) > 1:
                    return "running"  # it has gone on over more than one end of an epoch
    return None


def age(path: Path) -> str:
    """How long ago a run was begun, in words: `3 min`."""
    try:
        begun = time.mktime(time.strptime(path.name[:15], "%Y%m%d-%H%M%S"))
    except ValueError:
        return ""
    seconds = max(0.0, time.time() - begun)
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
