"""From a run's log to the screen: a thread that tails the log and offers frozen snapshots.

The screen is told once that there is something new, however much arrives until it looks: a slow terminal sees
fewer frames, never a queue of old ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from engine.errors import NnplayError
from engine.events import Commanded, Ended, EpochEnded, Event, Progressed, Resumed, Started
from engine.runs import Origin, RunReader, is_alive, origin
from engine.spec import Spec
from tui.history import Curves, History

FRAME = 0.1  # seconds between two looks at the log, unless a person set a frame rate
LIFE = 0.3  # seconds between two looks at the lock
NEXT_PART = 0.01  # seconds between two parts of a history that is longer than one
PART = 1 << 18  # bytes of the log read for one frame: parsing holds up the screen, so it is done in parts

State = Literal["starting", "running", "paused", "finished", "interrupted", "failed", "died"]
OVER: frozenset[State] = frozenset({"finished", "interrupted", "failed", "died"})


@dataclass(frozen=True)
class Snapshot:
    """All that the screen shows of a run at one moment."""

    run_id: str
    spec: Spec
    state: State = "starting"
    step: int = 0
    epoch: int = 0  # completed
    seconds: float = 0.0  # in training, up to the last completed epoch
    steps_per_second: float = 0.0
    started: Started | None = None
    progress: Progressed | None = None  # within the epoch under way
    ended: Ended | None = None
    message: str = ""
    changes: tuple[Commanded, ...] = ()  # of values, under way
    origin: Origin | None = None  # of a fork
    resumed: float = 0.0  # when it was last let go on, in seconds since 1970
    curves: Curves = field(default_factory=lambda: History().curves())

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def numbers(self) -> bool | None:
        """Whether it predicts numbers, not classes; None until it has started."""
        return None if self.started is None else not self.started.class_names

    @property
    def planned(self) -> int | None:
        """The steps of the whole run; None where that is open, as its epochs are not all of one length."""
        if self.started is None or any(change.key in ("batch_size", "drop_last") for change in self.changes):
            return None
        return self.started.steps_per_epoch * self.spec.epochs

    @property
    def resumable(self) -> bool:
        """Whether its process is gone before the run came to its end."""
        return self.state in ("interrupted", "died")


class Feed:
    """Follows one run, also through an end after which it is resumed, until it is closed.

    `changed` is called from the thread whenever there is news. A run is starting until its log, which may be
    long, is read; one that was given a new process at the time `since`, until its log tells that it goes on.
    """

    def __init__(
        self, path: Path, changed: Callable[[], object], frame: float = FRAME, since: float | None = None
    ):
        self._reader = RunReader(path)
        self._changed = changed
        self._frame = frame
        self._since = since
        self._read = False  # whether the log was once read to its end
        self._history = History()
        self._known = Snapshot(path.name, self._reader.spec, origin=origin(path))  # by what is read
        self._snapshot = self._known  # by what is told
        self._told = False
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._waiting: str | None = None  # the command after which the run will pause
        self._thread = threading.Thread(target=self._follow, name=f"feed {path.name}", daemon=True)
        self._thread.start()

    def take(self) -> Snapshot:
        """The latest snapshot; the next news will be told again."""
        with self._lock:
            self._told = False
            return self._snapshot

    def close(self) -> None:
        """Stop following."""
        self._closed.set()

    def _follow(self) -> None:
        try:
            self._follow_log()
        except (NnplayError, OSError) as error:
            self._tell(replace(self._snapshot, state="died", message=f"the run cannot be read: {error}"))

    def _follow_log(self) -> None:
        next_life = 0.0
        while not self._closed.is_set():
            alive = True
            if time.monotonic() >= next_life:  # before the poll, so that the last words are read
                alive = is_alive(self._reader.path)
                next_life = time.monotonic() + LIFE
            snapshot = self._after(events := self._reader.poll(PART))
            if not (alive or events or snapshot.over):
                snapshot = replace(snapshot, state="died", message="the worker process died")
            if self._reader.damage:
                snapshot = replace(
                    snapshot, state="died", message=f"the log is damaged: {self._reader.damage}"
                )
            if snapshot is not self._snapshot:
                self._tell(snapshot)
            if self._reader.damage:
                return
            ended = snapshot.over and not events  # until somebody resumes it
            self._closed.wait(LIFE if ended else self._frame if self._reader.at_end else NEXT_PART)

    def _tell(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._snapshot = snapshot
            told, self._told = self._told, True
        if not told:
            self._changed()

    def _after(self, events: list[Event]) -> Snapshot:
        """The snapshot after more events; the same object if there is nothing new."""
        before, self._read = self._read, self._read or self._reader.at_end
        if not events and self._read == before:
            return self._snapshot
        snapshot = self._known
        for event, following in zip(events, [*events[1:], None], strict=False):
            if isinstance(event, EpochEnded):
                self._history.append(event)
                if isinstance(following, EpochEnded) and self._waiting is None:
                    continue  # of many epochs in a row only the last one makes a snapshot
            snapshot = self._step(snapshot, event)
            if self._since and isinstance(event, Started | Resumed | Ended) and event.time >= self._since:
                self._since = None
        self._known = replace(snapshot, curves=self._history.curves())
        if self._since or not self._read:
            return replace(self._known, state="starting", ended=None, message="")
        return self._known

    def _step(self, old: Snapshot, event: Event) -> Snapshot:
        match event:
            case Started():
                return replace(old, started=event, state="paused" if event.paused else "running")
            case EpochEnded():
                return replace(
                    old,
                    step=event.step,
                    epoch=event.epoch,
                    seconds=event.seconds,
                    steps_per_second=event.step / event.seconds if event.seconds else 0.0,
                    progress=None,
                    state=self._paused_by("step", "epoch") or old.state,
                )
            case Progressed():
                return replace(
                    old, step=event.step, progress=event, state=self._paused_by("step") or old.state
                )
            case Commanded():
                return self._command(old, event)
            case Resumed():
                self._waiting = None
                state: State = "paused" if event.paused else "running"
                resumed = old.resumed if event.paused else event.time
                return replace(old, state=state, ended=None, message="", resumed=resumed)
            case Ended():
                return replace(
                    old,
                    state=event.state,
                    step=event.step,
                    epoch=event.epoch,
                    ended=event,
                    message=event.message,
                )

    def _command(self, old: Snapshot, event: Commanded) -> Snapshot:
        self._waiting = event.name if event.name in ("step", "epoch") else None
        match event.name:
            case "set":
                spec = old.spec.replace_text({event.key: event.value})
                return replace(old, spec=spec, changes=(*old.changes, event))
            case "pause":
                return replace(old, state="paused")
            case "stop":
                return old
            case "resume":
                return replace(old, state="running", resumed=event.time)
        return replace(old, state="running")

    def _paused_by(self, *commands: str) -> State | None:
        """Whether the run has come to where one of these commands lets it wait."""
        if self._waiting not in commands:
            return None
        self._waiting = None
        return "paused"
