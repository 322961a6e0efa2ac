"""Runs on disk: a run is a directory, with a process that holds its lock while it lives.

    <id>/spec.json      what was asked for
    <id>/fork.json      of a fork alone: the run and the step that it goes on from
    <id>/events.jsonl   what happened: append only, one event a line; the truth
    <id>/lock           locked (flock) from the run's first moment to the end of its worker; its contents are
                        only room kept for the log's last line, should the disk fill up
    <id>/worker.log     whatever the worker's libraries had to say

The lock is taken by whoever creates the run and handed to the worker as an open file, so that there is no
moment in which a run exists and seems dead. Anybody may read: a torn last line is the end of the file, tried
again later.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import RequestError, StorageError
from engine.events import Event, from_line, to_line
from engine.locations import runs_dir
from engine.spec import Spec

PIECE = 1 << 16  # bytes of a log that are searched for a line's end at once
LONGEST_EXPERIMENT = 30  # characters of an experiment's name that a run's name keeps
COPIES_GO_WITHIN = 1.0  # seconds
RESERVE = 16384  # bytes: a last line, in blocks of whatever file system


@dataclass(frozen=True)
class Claim:
    """A new run whose lock is held through `lock`, an open file descriptor."""

    path: Path
    lock: int

    @property
    def id(self) -> str:
        return self.path.name

    def release(self) -> None:
        """Close this process's hold on the lock; a worker that was given it keeps it."""
        os.close(self.lock)


@dataclass(frozen=True)
class Origin:
    """Where a fork comes from: another run, and how many updates of it are the fork's past."""

    run: str
    step: int


def origin(path: Path) -> Origin | None:
    """Where the run of this folder comes from; None if it began by itself, or the file cannot be read."""
    try:
        values = json.loads((path / "fork.json").read_bytes())
        return Origin(str(values["run"]), int(values["step"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def set_origin(path: Path, origin: Origin) -> None:
    """Say where a new run comes from. Raises StorageError if that cannot be written."""
    with _storage_errors(path):
        (path / "fork.json").write_text(json.dumps(asdict(origin)) + "\n")


def create(spec: Spec) -> Claim:
    """A new, locked run directory for the spec. Raises StorageError if it cannot be written."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = re.sub(r"[^a-z0-9-]+", "-", spec.experiment)[:LONGEST_EXPERIMENT]  # it may come from outside
    path = runs_dir() / f"{stamp}-{name}-{secrets.token_hex(3)}"
    draft = path.parent.with_name(f".{path.name}")  # made beside the runs: nobody sees half a run
    with _storage_errors(path):
        draft.mkdir(mode=0o700)
        try:
            (draft / "spec.json").write_text(json.dumps(spec.to_json(), indent=2) + "\n")
            lock = os.open(draft / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.write(lock, bytes(RESERVE))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(path)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return Claim(path, lock)


def discard(run: Claim) -> None:
    """Remove a released run that could not be started, unless a worker has its lock after all.

    Any process that is just being started has a copy of the lock, until it becomes another program.
    """
    end = time.monotonic() + COPIES_GO_WITHIN
    while is_alive(run.path):
        if time.monotonic() > end:
            return
        time.sleep(0.01)
    shutil.rmtree(run.path, ignore_errors=True)


def is_alive(path: Path) -> bool:
    """Whether a process holds the run's lock."""
    try:
        lock = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


class RunWriter:
    """Appends events to a run's log. Each is with the operating system before `append` returns.

    Raises StorageError if the log cannot be written; what was appended before stays whole.
    """

    def __init__(self, path: Path):
        self.path = path / "events.jsonl"
        with _storage_errors(self.path):
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._drop_torn_line()

    def _drop_torn_line(self) -> None:
        """A process that was killed in the middle of a line has left its begin; no reader has taken it in."""
        end = whole = os.fstat(self._file).st_size
        while whole:
            begin = max(0, whole - PIECE)
            newline = os.pread(self._file, whole - begin, begin).rfind(b"\n")
            if newline >= 0:
                whole = begin + newline + 1
                break
            whole = begin
        if whole < end:
            os.ftruncate(self._file, whole)

    def append(self, event: Event) -> None:
        line = to_line(event)
        with _storage_errors(self.path):
            status = os.fstat(self._file)
            if status.st_nlink == 0:
                raise OSError(errno.ENOENT, "the run's folder was removed")
            start = status.st_size
            try:
                written = os.write(self._file, line)
                if written < len(line):  # the disk filled up in the middle; the next write says so
                    written += os.write(self._file, line[written:])
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, start)
                raise

    def sync(self) -> None:
        """Make what was appended safe against a power cut."""
        with _storage_errors(self.path):
            os.fsync(self._file)

    def append_last(self, event: Event) -> None:
        """Append the event that ends the log, in the room kept for it if the disk is full; then close."""
        with contextlib.suppress(OSError):
            os.truncate(self.path.with_name("lock"), 0)
        self.append(event)
        self.close()

    def close(self) -> None:
        """Make the log safe against a power cut and close it."""
        with _storage_errors(self.path):
            os.fsync(self._file)
            os.close(self._file)


class RunReader:
    """Reads a run's log as it grows. `damage` says where a log stopped being readable, and why."""

    def __init__(self, path: Path):
        self.path = path
        self.damage = ""
        self.at_end = False  # whether the last call has read all there was
        self._offset = 0
        self._line = 0
        with _storage_errors(path, "read"):
            text = (path / "spec.json").read_bytes()
        try:
            self.spec = Spec.from_json(json.loads(text))
        except (ValueError, RequestError) as error:
            raise StorageError(f"{path / 'spec.json'} is damaged: {error}") from None

    def poll(self, most: int = -1) -> list[Event]:
        """The events since the last call, in order; an empty list when there is nothing new.

        With `most`, about as many bytes are read at once, so that a long log comes in parts.
        """
        events: list[Event] = []
        for line in self._whole_lines(most):
            self._line += 1
            try:
                events.append(from_line(line))
            except (ValueError, KeyError, TypeError) as error:
                self.damage = f"{self.path / 'events.jsonl'}, line {self._line}: {error}"
                break
        return events

    def _whole_lines(self, most: int) -> Iterator[bytes]:
        """Lines that end in a newline; what is behind the last newline is left for the next call."""
        if self.damage:
            return
        try:
            with (self.path / "events.jsonl").open("rb") as file:
                file.seek(self._offset)
                data = file.read(most)
                data += file.readline() if most >= 0 else b""
        except FileNotFoundError:
            return
        self.at_end = most < 0 or len(data) < most
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        yield from whole.splitlines()


@contextlib.contextmanager
def _storage_errors(path: Path, verb: str = "write") -> Iterator[None]:
    """Turn an OSError into a message that names the path and the cause."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot {verb} {path}: {error.strerror}") from None
