"""The way back: commands to a running worker, through the run's Unix socket.

One JSON line asks, one answers: `{"name":"set","key":"lr","value":"0.01"}` gives `{"error":""}` once the
command waits for the trainer, or says why it was refused. The trainer takes commands between two steps and
logs each as an event.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import NnplayError, RequestError, WorkerError, unknown
from engine.locations import sockets_dir

COMMANDS = {
    "pause": "stop before the next step",
    "resume": "go on",
    "step": "one step, then pause",
    "epoch": "up to the end of the epoch, then pause",
    "set": "change a value",
    "stop": "end the run and report",
}
TIMEOUT = 5.0  # seconds: a worker answers between two bytecodes, so longer means that it hangs


@dataclass(frozen=True, slots=True)
class Command:
    """A wish to a running worker. `key` and `value`, as typed, belong to `set` alone."""

    name: str
    key: str = ""
    value: str = ""

    def __post_init__(self) -> None:
        if self.name not in COMMANDS:
            raise unknown("command", self.name, COMMANDS)


Inbox = queue.SimpleQueue[Command]


def socket_path(run_id: str) -> Path:
    """Where the worker of a run listens."""
    return sockets_dir() / f"{run_id}.sock"


def send(run_id: str, command: Command, *, patience: float = 0.0) -> None:
    """Hand a command to the run's worker and wait until it is accepted.

    A worker that has just been started is given `patience` seconds to open its socket. Raises RequestError if
    the worker refuses the command, WorkerError if there is none or it does not answer.
    """
    try:
        with _connect(socket_path(run_id), time.monotonic() + patience) as connection:
            connection.sendall(json.dumps(asdict(command)).encode() + b"\n")
            with connection.makefile("rb") as answers:
                answer = json.loads(answers.readline() or b'{"error": "the worker ended"}')
    except (OSError, ValueError) as error:
        raise WorkerError(f"the worker of {run_id} does not answer ({error}); has it ended?") from None
    if answer["error"]:
        raise RequestError(answer["error"])


def _connect(path: Path, deadline: float) -> socket.socket:
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        try:
            connection.connect(str(path))
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


@contextlib.contextmanager
def listen(run_id: str, accept: Callable[[Command], None]) -> Iterator[None]:
    """Serve the run's socket from a thread of its own; `accept` takes a command or raises RequestError."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                error = ""
                try:
                    accept(Command(**json.loads(line)))
                except NnplayError as refusal:
                    error = str(refusal)
                except (ValueError, TypeError):
                    error = f"expected a command as JSON, got {line[:60]!r}"
                self.wfile.write(json.dumps({"error": error}).encode() + b"\n")

    path = socket_path(run_id)
    path.unlink(missing_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        path.chmod(0o600)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            path.unlink(missing_ok=True)
