"""The process that trains one run: commands come in through its socket, events go into its directory.

    python -m engine.worker RUN_DIR --lock FD [--paused] [--until-eof]

A run that was begun before goes on from the last event that is stored. The worker needs no terminal and is
deaf to a hang-up, so it outlives whoever started it; `--until-eof` ties it to the starter instead: when its
standard input ends, the run is stopped and stored.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from engine import checkpoints
from engine.checkpoints import Checkpoint
from engine.control import Command, Inbox, listen
from engine.errors import NnplayError, StoppedEarly, StorageError, surprise
from engine.events import Ended, EndState, EpochEnded
from engine.runs import RunWriter

if TYPE_CHECKING:
    from engine.trainer import Trainer


class Worker:
    """One run, from the lock that this process holds to the last line of the log."""

    def __init__(self, path: Path, *, paused: bool, until_eof: bool):
        self.path = path
        self.paused = paused
        self.began = time.monotonic()
        self.inbox = Inbox()
        self.trainer: Trainer | None = None
        self.stored: EpochEnded | None = None  # the last
        self.reached = 0  # steps, when a run goes on
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._give_up_steps, args=(reader,), daemon=True).start()
        if until_eof:
            threading.Thread(target=_terminate_at_eof, daemon=True).start()

    def run(self) -> int:
        """Train to the end. Returns the exit status: 0 finished, 1 failed, 2 refused, 130 stopped.

        Whatever goes wrong becomes the log's last line if it can be written, and is said on standard error.
        """
        try:
            writer = RunWriter(self.path)
        except NnplayError as error:
            _say(str(error))
            return error.exit_status
        try:
            status = self._train(writer)
            writer.close()
            return status
        except StoppedEarly:
            before = "it went on" if self.reached else "the first step"
            ended = self._ended("interrupted", f"stopped before {before}", 130)
        except NnplayError as error:
            ended = self._ended("failed", str(error), error.exit_status)
        except Exception as error:
            _say(traceback.format_exc())
            log = self.path / "worker.log"
            ended = self._ended("failed", f"{surprise(error)} (the whole story is in {log})", 1)
        try:
            writer.append_last(ended)
        except NnplayError as error:  # there is no room even for the last line
            _say(str(error))
        _say(ended.message)
        return ended.exit_status

    def _train(self, writer: RunWriter) -> int:
        from engine import replay  # torch is paid for here, after the signals are in order
        from engine.trainer import Trainer

        def keep(checkpoint: Checkpoint) -> None:
            writer.sync()  # a checkpoint never knows of more than the log
            checkpoints.write(self.path, checkpoint)

        status = 1
        past = replay.read(self.path)
        if past.damage:
            raise StorageError(f"the run cannot go on, its log is damaged: {past.damage}")
        self.stored, self.reached = past.epoch, past.step
        self.trainer = Trainer(
            past.spec, self.inbox, paused=self.paused, began=self.began, past=past, keep=keep
        )
        with listen(self.path.name, self.trainer.accept):
            for event in self.trainer.events():
                writer.append(event)
                if isinstance(event, EpochEnded):
                    self.stored = event
                elif isinstance(event, Ended):
                    status = event.exit_status
        return status

    def _on_stop(self, *_: object) -> None:
        if self.trainer is None:
            raise StoppedEarly
        self.inbox.put(Command("stop"))

    def _give_up_steps(self, signals: int) -> None:
        """Python answers a signal once a native call is over; so each has a long step given up."""
        while os.read(signals, 64):
            if self.trainer:
                self.trainer.interrupt()

    def _ended(self, state: EndState, message: str, exit_status: int) -> Ended:
        return Ended(
            time=time.time(),
            state=state,
            message=message,
            step=max(self.reached, self.stored.step if self.stored else 0),
            epoch=self.stored.epoch if self.stored else 0,
            seconds=self.stored.seconds if self.stored else 0.0,
            seconds_total=time.monotonic() - self.began,
            report=None,
            exit_status=exit_status,
        )


def _say(text: str) -> None:
    """Write to standard error, which is a file on a disk that may be full."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _terminate_at_eof() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.worker", description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--lock", type=int, required=True, help="the open lock file, inherited")
    parser.add_argument("--paused", action="store_true", help="wait for a command before the first step")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()
    os.set_inheritable(options.lock, False)
    return Worker(options.path, paused=options.paused, until_eof=options.until_eof).run()


if __name__ == "__main__":
    sys.exit(main())
