"""Starting workers and labs, without importing what they import.

`Zygote` keeps a warm process from which they start in milliseconds; `start_worker` starts a cold one that
ends with its starter, for a run without a screen.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from typing import Any

from engine.errors import WorkerError
from engine.runs import Claim

READY_WITHIN = 120.0  # seconds: importing torch from a cold network disk can take a minute


def start_worker(run: Claim, *, tied: bool = True) -> subprocess.Popen[bytes]:
    """A worker for the run; a tied one stops, and stores, when this process ends or closes its `stdin`."""
    command = [sys.executable, "-m", "engine.worker", str(run.path), "--lock", str(run.lock)]
    with (run.path / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [*command, "--until-eof"] if tied else command,
            stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[run.lock],
            start_new_session=True,
        )


class Zygote:
    """A warm process that forks workers and labs. It begins to warm up at once, and ends with this object."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(READY_WITHIN)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        command = [sys.executable, "-m", "engine.zygote", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._answers = self._socket.makefile("rb")
        self._ready = False

    def launch(self, run: Claim, *, paused: bool) -> int:
        """Fork a worker for the run and give it the run's lock; returns its process id.

        Waits for the zygote to be warm. Raises WorkerError if it could not get so.
        """
        pid: int = self._ask([run.lock], do="worker", path=str(run.path), paused=paused)["pid"]
        return pid

    def fork_lab(self, connection: int, output: int) -> int:
        """Fork a lab that talks through this socket and prints into this file; returns its process id.

        Waits for the zygote to be warm. Raises WorkerError if it could not get so.
        """
        pid: int = self._ask([connection, output], do="lab")["pid"]
        return pid

    def end_lab(self, pid: int) -> int | None:
        """See to the end of a lab: its exit code, or minus a signal; None if it had to be killed.

        Once for each lab. Raises WorkerError if the zygote is gone, and the lab with it.
        """
        status: int | None = self._ask([], do="end_lab", pid=pid)["status"]
        return status

    def _ask(self, files: list[int], **request: object) -> dict[str, Any]:
        with self._turn:
            try:
                self._wait_until_ready()
                socket.send_fds(self._socket, [json.dumps(request).encode()], files)
                answer: dict[str, Any] = json.loads(self._answers.readline())
            except (OSError, ValueError) as error:
                raise WorkerError(
                    f"the training engine could not start: {self._last_words() or error}"
                ) from None
        return answer

    @property
    def alive(self) -> bool:
        """Whether the process can still be asked."""
        return self._process.poll() is None

    def _wait_until_ready(self) -> None:
        if not self._ready:
            if not self._answers.readline():
                self._process.wait()
                raise OSError("its process ended")
            self._ready = True

    def _last_words(self) -> str:
        """The last line of what the process said on standard error: the message of its exception."""
        try:
            size = os.fstat(self._stderr.fileno()).st_size
            self._stderr.seek(max(0, size - 4096))
            lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        except (OSError, ValueError):  # another thread closed it
            return "the engine was closed meanwhile"
        return lines[-1] if lines else ""

    def close(self) -> None:
        """End the zygote, warm or not, and its labs; the workers that it forked live on."""
        if self._stderr.closed:
            return
        self._process.terminate()
        self._process.wait()
        self._socket.close()
        self._answers.close()
        self._stderr.close()
