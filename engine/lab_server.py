"""The lab's own process: forked by the zygote, it answers questions until its socket ends.

What a question prints goes to the file that takes the process's output, never into an answer.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from engine import frames, registry
from engine.errors import NnplayError, surprise
from engine.frames import Answer
from engine.orphans import die_with_parent

FIRST_TO_GO = "1000"  # the highest oom_score_adj: when memory is short, the lab goes, not a run


class Server:
    """Answers questions one after another; SIGINT ends the one that is being answered, and nothing else."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._answering = False
        signal.signal(signal.SIGINT, self._on_interrupt)

    def serve(self) -> None:
        """Until the other side is gone."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                header, _ = frames.receive(self._connection)
                self._send(*self._answer(header["kind"], header["values"]))

    def _send(self, outcome: str, message: str, answer: Answer) -> None:
        header = {"outcome": outcome, "message": message, "values": answer.values}
        try:
            frame = frames.pack(header, answer.arrays)
        except (TypeError, ValueError) as error:
            message = f"its answer cannot be sent: {error}"
            frame = frames.pack({"outcome": "failed", "message": message, "values": {}}, {})
        frames.send(self._connection, frame)

    def _answer(self, kind: str, values: dict[str, object]) -> tuple[str, str, Answer]:
        try:
            self._answering = True
            try:
                answer: Answer = registry.load("questions", kind).answer(**values)
            finally:
                self._answering = False
            return "answered", "", answer
        except KeyboardInterrupt:
            return "interrupted", "", Answer()
        except NnplayError as error:
            return "refused", str(error), Answer()
        except Exception as error:
            traceback.print_exc()
            return "failed", surprise(error), Answer()

    def _on_interrupt(self, *_: object) -> None:
        if self._answering:
            self._answering = False  # once a question
            raise KeyboardInterrupt


def run(connection: int, output: int, parent: int) -> int:
    """In the child that the zygote, process `parent`, has forked: be a lab. Returns the exit status.

    `connection` is the descriptor of the socket, `output` of the file for standard output and error.
    """
    os.setsid()  # what a cell starts is of the same group, and ends with it
    die_with_parent()  # even out of an endless loop
    if os.getppid() != parent:
        return 0
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, output), (2, output)):
        os.dup2(source, target)
    os.close(null)
    os.close(output)
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text("nnplay-lab")
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    with socket.socket(fileno=connection) as theirs:
        Server(theirs).serve()
    sys.stdout.flush()
    return 0
