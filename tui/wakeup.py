"""Signals that an event loop answers at once: a resized terminal, a pause in the shell and its end."""

from __future__ import annotations

import asyncio
import signal
import socket


class Wakeup:
    """Wakes the running loop at every signal, until it is closed. For the main thread.

    The kernel hands a signal to any thread. Python answers it in the main one, and where that sleeps in the
    loop it would do so only at the next event: an app that was stopped and goes on might never show itself.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._loop.add_reader(self._reader, self._reader.recv, 4096)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def close(self) -> None:
        """Let signals wait for the next event again."""
        signal.set_wakeup_fd(-1)
        self._loop.remove_reader(self._reader)
        self._reader.close()
        self._writer.close()
