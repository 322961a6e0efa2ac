"""The one run that the app acts on: starting it, handing it commands, following it, letting it go on alone.

Orders are carried out one after another, in the order of the keys, by a task of their own: a key press never
waits for the engine to warm up. What comes of them is seen through the feed, as for any other reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from engine import catalog, control, runs
from engine.errors import NnplayError, RequestError, WorkerError
from engine.launcher import Zygote
from engine.locations import runs_dir
from engine.runs import Claim, RunReader
from engine.spec import Spec
from tui.feed import FRAME, Feed, Snapshot

PATIENCE = 5.0  # seconds for a new worker to open its socket

WAITS = {"pause": True, "step": True, "epoch": True, "resume": False}  # after the command, sooner or later

Order = Callable[[], Awaitable[None]]
T = TypeVar("T")


class Conductor:
    """`changed` is called when there is something new to show, `tell` with what a person must know.

    `changed` may be called from another thread, every `frame` seconds at most.
    """

    def __init__(
        self, changed: Callable[[], object], tell: Callable[[NnplayError], object], frame: float = FRAME
    ):
        self._changed = changed
        self._frame = frame
        self._tell = tell
        self._zygote: Zygote | None = None
        self._warming = threading.Lock()
        self._closing = False
        self._feed: Feed | None = None
        self._snapshot: Snapshot | None = None
        self._launching: Claim | None = None
        self._will_wait = False  # the run, for a command, once it has done what it was last told here
        self._told = 0.0  # when that was, in seconds since 1970
        self._orders: asyncio.Queue[Order] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to warm up the engine and to carry out orders."""
        self._task = asyncio.create_task(self._carry_out())
        self.warm()

    async def close(self) -> str:
        """End the engine, and say what became of the run. Orders that wait are dropped.

        A run that is being trained goes on. One that waits for a command, or soon will, is stopped, as nobody
        would give it one; it is stored, and goes on from where it is when it is resumed.
        """
        farewell, launching = "", self._launching
        self._closing = True
        if self._task:
            if self._launching and self._zygote:
                self._zygote.close()  # a launch that waits for the engine to warm up fails at once
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            with contextlib.suppress(NnplayError):
                farewell = await self._part()
            if launching and not launching.path.exists():
                farewell = f"{launching.id} had not begun, so nothing of it is kept"
        if self._feed:
            self._feed.close()
        if self._zygote:
            self._zygote.close()
        return farewell

    async def _part(self) -> str:
        if (run := self.take()) is None or run.over:
            return ""
        entry = catalog.entry(runs_dir() / run.run_id)  # newer than what is shown
        will_wait = self._will_wait and run.resumed < self._told  # another terminal may have let it go on
        if entry.state == "paused" or (entry.alive and will_wait):
            await self._stop()
            return f"{entry.id} is stopped and stored; nnplay resume {entry.short} goes on"
        return f"{entry.id} goes on; nnplay attach {entry.short} shows it again" if entry.alive else ""

    def take(self) -> Snapshot | None:
        """The present run as it is now, None if there is none."""
        if self._feed:
            self._snapshot = self._feed.take()
        return self._snapshot

    def warm(self) -> Zygote:
        """The process that starts runs and labs; a new one if somebody killed it. From any thread.

        Raises WorkerError once `close` was called: a lab that was being started must not start another.
        """
        with self._warming:
            if self._closing:
                raise WorkerError("the app is closing")
            if self._zygote and not self._zygote.alive:
                self._zygote.close()
                self._zygote = None
            self._zygote = self._zygote or Zygote()
            return self._zygote

    # Orders: they return at once.

    def start(self, spec: Spec) -> None:
        """Stop the present run, if it is under way, and begin one of this spec."""
        self._order(lambda: self._start(spec, paused=False))

    def attach(self, path: Path) -> None:
        """Follow a stored run, or one under way; the present one is left to itself."""
        self._order(lambda: self._attach(path))

    def resume(self, path: Path, *, paused: bool = False) -> None:
        """Let a run whose process is gone go on from where it was."""
        self._order(lambda: self._resume(path, paused=paused))

    def command(self, name: str, key: str = "", value: str = "") -> None:
        """Hand a command to the present run."""
        self._order(lambda: self._send(control.Command(name, key, value)))

    def one(self, name: str, spec: Spec) -> None:
        """One `step` or `epoch` of the present run, or of a new one that then pauses.

        A run that has come to its end with these values is left as it is.
        """
        self._order(lambda: self._one(control.Command(name), spec))

    def forget(self) -> None:
        """Stop the present run and show none."""
        self._order(self._forget)

    def _order(self, order: Order) -> None:
        self._orders.put_nowait(order)

    async def _carry_out(self) -> None:
        while True:
            order = await self._orders.get()
            try:
                await order()
            except NnplayError as error:
                self._tell(error)

    async def _start(self, spec: Spec, *, paused: bool) -> None:
        await self._forget()
        creation = asyncio.ensure_future(asyncio.to_thread(runs.create, spec))
        try:
            run = await _to_its_end(creation)
        except asyncio.CancelledError:
            with contextlib.suppress(NnplayError):
                run = creation.result()
                run.release()
                runs.discard(run)
            raise
        await self._take_up(run, spec, paused=paused)

    async def _attach(self, path: Path) -> None:
        feed = await asyncio.to_thread(Feed, path, self._changed, self._frame)
        if self._feed:
            self._feed.close()
        self._feed = feed
        self._note(waits=False)
        self._changed()

    async def _resume(self, path: Path, *, paused: bool) -> None:
        spec = (await asyncio.to_thread(RunReader, path)).spec
        run = await asyncio.to_thread(catalog.reopen, path)
        if self._feed:
            self._feed.close()
        self._feed = None
        await self._take_up(run, spec, paused=paused)

    async def _take_up(self, run: Claim, spec: Spec, *, paused: bool) -> None:
        """Have a worker for a run of which the lock is held, and follow it."""
        self._snapshot = Snapshot(run.id, spec)
        self._changed()
        self._launching = run
        since = self._note(waits=paused)
        launch = asyncio.ensure_future(asyncio.to_thread(self._launch, run, paused))
        try:
            await _to_its_end(launch)
        except asyncio.CancelledError:
            if launch.exception():
                self._snapshot = None  # there is no worker to stop
            raise
        except NnplayError:
            self._snapshot = None
            self._changed()
            raise
        finally:
            self._launching = None
        self._feed = Feed(run.path, self._changed, self._frame, since)

    def _launch(self, run: Claim, paused: bool) -> None:
        try:
            self.warm().launch(run, paused=paused)
        except WorkerError:
            run.release()
            if not (run.path / "events.jsonl").exists():
                runs.discard(run)
            raise
        run.release()

    async def _one(self, command: control.Command, spec: Spec) -> None:
        run = self.take()
        if run and run.resumable and run.spec == spec:
            await self._resume(runs_dir() / run.run_id, paused=True)
        elif run is None or (run.over and run.spec != spec):
            await self._start(spec, paused=True)
        await self._send(command)

    async def _send(self, command: control.Command) -> None:
        run = self.take()
        if run is None or run.over:
            return
        if command.name in WAITS:
            self._note(waits=WAITS[command.name])
        sending = asyncio.to_thread(control.send, run.run_id, command, patience=PATIENCE)
        try:
            await _to_its_end(asyncio.ensure_future(sending))
        except WorkerError:
            if not await self._comes_to_an_end():
                raise

    def _note(self, *, waits: bool) -> float:
        """Keep what the run is told now: its log tells it later, as a command is taken between two steps."""
        self._will_wait, self._told = waits, time.time()
        return self._told

    async def _comes_to_an_end(self) -> bool:
        """A worker that does not answer has most likely just finished: give the feed a moment to say so."""
        for _ in range(20):
            if (run := self.take()) is None or run.over:
                return True
            await asyncio.sleep(0.05)
        return False

    async def _stop(self) -> None:
        run = self.take()
        if run and (not run.over or run.state == "died"):  # what seems dead may still answer
            with contextlib.suppress(RequestError, WorkerError):
                patience = 0.0 if run.over else PATIENCE
                stop = control.Command("stop")
                sending = asyncio.to_thread(control.send, run.run_id, stop, patience=patience)
                await _to_its_end(asyncio.ensure_future(sending))

    async def _forget(self) -> None:
        await self._stop()
        if self._feed:
            self._feed.close()
        self._feed = self._snapshot = None
        self._changed()


async def _to_its_end(work: asyncio.Future[T]) -> T:
    """What a thread makes, which cannot be cancelled: if the task is, this raises once the thread is done."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        work.exception()  # asked for, so that asyncio does not complain that nobody did
        raise
