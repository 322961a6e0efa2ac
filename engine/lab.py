"""The lab as the screen sees it: a warm process that answers short questions, and may be lost at any time.

A question is a file of `engine/questions/`. Cells of a workbook run there, so the lab may loop for ever, run
out of memory or crash: whoever asks is told, and the next question starts a fresh lab in milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from engine import frames
from engine.errors import LabInterrupted, LabLost, NnplayError, RequestError, WorkerError
from engine.frames import Answer
from engine.launcher import Zygote

GRACE = 1.0  # seconds that a question has to end after an interrupt, before its process is killed


@dataclass(frozen=True)
class _Process:
    zygote: Zygote
    pid: int  # the leader of a process group; ours alone until the zygote buries it
    socket: socket.socket
    output: IO[bytes]  # what the process said on its standard output and error


class Lab:
    """One lab. `zygote` gives the warm process that forks it; nothing is started before the first question.

    `ask` may be called from any thread; questions are answered one after another. `losses` counts the
    processes that are gone: when it has grown, so is what earlier questions left in the lab's memory.
    """

    def __init__(self, zygote: Callable[[], Zygote]) -> None:
        self._zygote = zygote
        self._turn = threading.Lock()
        self._state = threading.Lock()  # guards what follows, between a question and an interrupt
        self._process: _Process | None = None
        self._answering = False
        self._interrupted = False
        self._questions = 0
        self._closed = threading.Event()
        self.losses = 0

    def ask(self, kind: str, /, **values: Any) -> Answer:
        """Wait for the answer to a question.

        Raises RequestError if the question is refused, LabInterrupted if `interrupt` ended it, LabLost if its
        process died over it, WorkerError if it failed or no process could be started; TypeError or ValueError
        for values that JSON cannot hold.
        """
        frame = frames.pack({"kind": kind, "values": values}, {})
        with self._turn:
            process = self._process or self._start()
            with self._state:
                self._answering, self._interrupted = True, False
                self._questions += 1
            try:
                frames.send(process.socket, frame)
                header, arrays = frames.receive(process.socket)
                outcome, message = header["outcome"], header["message"]
                answer = Answer(header["values"], arrays)
            except (OSError, EOFError, ValueError, TypeError, KeyError):
                raise self._lost(process, kind) from None  # gone, or talking nonsense
            except BaseException:  # nobody waits for the answer any more
                self._bury(process)
                raise
            finally:
                with self._state:
                    self._answering = False
        match outcome:
            case "answered":
                return answer
            case "refused":
                raise RequestError(message)
            case "interrupted":
                raise LabInterrupted(f"the question {kind!r} was interrupted")
            case _:
                raise WorkerError(f"the question {kind!r} failed: {message}")

    def interrupt(self) -> None:
        """End the question that is being answered, if there is one; returns at once.

        What does not end within a second of its own, as code that catches KeyboardInterrupt, is killed.
        """
        with self._state:
            if not self._answering or self._process is None:
                return
            self._interrupted = True
            self._signal(self._process, signal.SIGINT)
            killer = threading.Timer(GRACE, self._kill, [self._questions])
        killer.daemon = True
        killer.start()

    def close(self) -> None:
        """End the lab; a question under way raises LabLost."""
        self._closed.set()
        with self._state:
            if self._process:
                self._signal(self._process, signal.SIGKILL)
        with self._turn:  # the question under way has seen its end
            if self._process:
                self._bury(self._process)

    def _start(self) -> _Process:
        if self._closed.is_set():
            raise LabLost("the lab is closed")
        ours, theirs = socket.socketpair()
        output = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process is buried)
        try:
            with theirs:
                zygote = self._zygote()
                pid = zygote.fork_lab(theirs.fileno(), output.fileno())
        except BaseException:
            ours.close()
            output.close()
            raise
        process = _Process(zygote, pid, ours, output)
        with self._state:
            self._process = process
            if self._closed.is_set():  # meanwhile
                self._signal(process, signal.SIGKILL)
        return process

    def _lost(self, process: _Process, kind: str) -> NnplayError:
        """See to the end of a process that did not answer, and say how it was."""
        how = self._bury(process)
        if self._closed.is_set():
            return LabLost("the lab is closed")
        if self._interrupted:
            return LabInterrupted(
                f"the question {kind!r} was interrupted; it did not obey and its process was killed: "
                "what it had in memory is lost"
            )
        return LabLost(
            f"the lab process {how} while it answered {kind!r}: what it had in memory is lost, "
            "the next question starts a fresh one"
        )

    def _bury(self, process: _Process) -> str:
        with self._state:
            self._process = None
            self.losses += 1
        status = None
        with contextlib.suppress(WorkerError):
            status = process.zygote.end_lab(process.pid)
        process.socket.close()
        process.output.close()
        return _how(status)

    def _kill(self, question: int) -> None:
        with self._state:
            if self._answering and self._questions == question and self._process:
                self._signal(self._process, signal.SIGKILL)

    @staticmethod
    def _signal(process: _Process, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _how(status: int | None) -> str:
    """How a process ended, for people. `status`: its exit code, or minus the signal that killed it."""
    if status is None:
        return "is gone"
    if status >= 0:
        return f"ended itself with status {status}"
    name = signal.Signals(-status).name
    hint = {"SIGKILL": "; was memory short?", "SIGSEGV": ", a crash in native code"}.get(name, "")
    return f"was killed by {name}{hint}"
