"""The process that trains one run: commands come in through its socket, events go into its directory.

    python -m engine.worker RUN_DIR --lock FD [--paused] [--until-eof]

It needs no terminal and is deaf to a hang-up, so it outlives whoever started it; `--until-eof` ties it to the
starter instead: when its standard input ends, the run is stopped and stored.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

from engine.control import Command, Inbox, listen
from engine.errors import NnplayError
from engine.events import Ended
from engine.runs import RunReader, RunWriter


def run(path: Path, *, paused: bool = False, until_eof: bool = False) -> int:
    """Train the run in `path`, whose lock this process holds, to its end. Returns the exit status.

    Whatever goes wrong is written into the run's log if it can be, and to standard error.
    """
    began = time.monotonic()
    inbox = Inbox()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: inbox.put(Command("stop")))
    if until_eof:
        threading.Thread(target=_stop_at_eof, args=(inbox,), daemon=True).start()
    try:
        writer = RunWriter(path)
    except NnplayError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    try:
        return _train(path, writer, inbox, paused, began)
    except NnplayError as error:
        status, message = error.exit_status, str(error)
    except Exception as error:
        traceback.print_exc()
        status, message = 1, f"{type(error).__name__}: {error} (the whole story is in {path / 'worker.log'})"
    print(message, file=sys.stderr)
    _try_to_log(writer, message, status, time.monotonic() - began)
    return status


def _train(path: Path, writer: RunWriter, inbox: Inbox, paused: bool, began: float) -> int:
    from engine.trainer import Trainer  # torch is paid for here, after the signals are in order

    status = 1
    trainer = Trainer(RunReader(path).spec, inbox, paused=paused, began=began)
    with listen(path.name, trainer.accept):
        for event in trainer.events():
            writer.append(event)
            if isinstance(event, Ended):
                status = event.exit_status
    writer.close()
    return status


def _try_to_log(writer: RunWriter, message: str, status: int, seconds_total: float) -> None:
    ended = Ended(
        time=time.time(),
        state="failed",
        message=message,
        step=0,
        epoch=0,
        seconds=0.0,
        seconds_total=seconds_total,
        report=None,
        exit_status=status,
    )
    try:
        writer.append(ended)
    except NnplayError as error:  # the disk is full, or the directory gone: standard error has the message
        print(error, file=sys.stderr)


def _stop_at_eof(inbox: Inbox) -> None:
    while os.read(0, 4096):
        pass
    inbox.put(Command("stop"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.worker", description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--lock", type=int, required=True, help="the open lock file, inherited")
    parser.add_argument("--paused", action="store_true", help="wait for a command before the first step")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()
    os.set_inheritable(options.lock, False)
    return run(options.path, paused=options.paused, until_eof=options.until_eof)


if __name__ == "__main__":
    sys.exit(main())
