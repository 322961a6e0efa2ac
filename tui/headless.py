"""`nnplay run`: a run without a screen. Progress on standard error, the report on standard output."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from engine import runs
from engine.errors import WorkerError
from engine.events import Ended, EpochEnded, Event, Report, Started
from engine.launcher import start_worker
from engine.runs import RunReader
from engine.spec import Spec
from engine.words import counted
from tui.report import report_table

NO_REPORT = Report(
    train_loss=None,
    train_accuracy=None,
    test_loss=None,
    test_accuracy=None,
    confusion=[],
    precision=[],
    recall=[],
    f1=[],
    support=[],
)  # of a run that was stopped before its first step
POLL = 0.05  # seconds between two looks at the log


def run(spec: Spec, *, as_json: bool, quiet: bool) -> int:
    """Train the spec to its end in a worker, and print what came of it. Returns the exit status.

    An interrupt (Ctrl-C) stops the worker in order; a second one does not wait for it. Raises WorkerError if
    the worker died.
    """
    wishes: list[int] = []  # to stop, that came before there was a worker to tell
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: wishes.append(number))
    run = runs.create(spec)
    worker = start_worker(run)
    run.release()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stop(worker))
    for _ in wishes:
        _stop(worker)
    started, ended = _follow(RunReader(run.path), worker, quiet=quiet)
    if ended.state != "finished":
        print(f"nnplay: {ended.message}", file=sys.stderr)
    if ended.state == "failed":
        return ended.exit_status
    result = summary(run.id, started, spec, ended)
    if as_json:
        print(json.dumps(result, allow_nan=False))
    else:
        _print(result, started, ended)
    return ended.exit_status


def _stop(worker: subprocess.Popen[bytes]) -> None:
    """The end of its input is the worker's sign to stop; a second wish to stop is meant."""
    assert worker.stdin is not None
    if worker.stdin.closed:
        worker.kill()
    elif sys.stderr.isatty():
        print("stopping; once more to end it at once", file=sys.stderr)
    worker.stdin.close()


def _follow(
    reader: RunReader, worker: subprocess.Popen[bytes], *, quiet: bool
) -> tuple[Started | None, Ended]:
    """Read the log until the worker ends. Raises WorkerError if it ended without a last word."""
    started: Started | None = None
    epoch = 0
    with _Bar(reader.spec.epochs, quiet) as bar:
        alive = True
        while alive:
            alive = worker.poll() is None  # before the poll, so that its last words are read
            for event in reader.poll():
                bar.see(event)
                if isinstance(event, Started):
                    started = event
                    bar.tell(event.notes)
                elif isinstance(event, EpochEnded):
                    epoch = event.epoch
                elif isinstance(event, Ended):
                    worker.wait()
                    return started, event
            if alive:
                time.sleep(POLL)
    raise WorkerError(_obituary(reader, worker.returncode, epoch))


def _obituary(reader: RunReader, status: int, epoch: int) -> str:
    how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    log = (reader.path / "worker.log").read_text(errors="replace").strip()
    last = f": {log.splitlines()[-1]}" if log else ""
    return f"the worker {how}{last}; epochs stored in {reader.path}: {epoch:,}"


class _Bar:
    """A progress bar on standard error, when it is a terminal that somebody looks at."""

    def __init__(self, epochs: int, quiet: bool):
        self._quiet = quiet
        self._progress = Progress(
            TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
        )
        self._task: TaskID = self._progress.add_task("", total=epochs, figures="importing torch")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tell(self, notes: list[str]) -> None:
        """What was found in the data; above the bar, and also where there is none."""
        for note in [] if self._quiet else notes:
            self._progress.console.print(Text(f"nnplay: {note}"), soft_wrap=True)

    def see(self, event: Event) -> None:
        if isinstance(event, EpochEnded):
            accuracy = "" if event.train_accuracy is None else f"  accuracy {event.train_accuracy:.2f}"
            accuracy += "" if event.train_r2 is None else f"  R² {event.train_r2:.2f}"
            self._progress.update(
                self._task, completed=event.epoch, figures=f"loss {event.train_loss:.4f}{accuracy}"
            )


def summary(run_id: str, started: Started | None, spec: Spec, ended: Ended) -> dict[str, Any]:
    """What `--json` prints of a run."""
    report = ended.report or NO_REPORT
    values = started.spec if started else spec.to_json()
    return {
        "run": run_id,
        "state": ended.state,
        "spec": values,
        "notes": started.notes if started else [],
        "backend": spec.backend,
        "device": values["device"],
        "epochs": ended.epoch,
        "steps": ended.step,
        "train_loss": report.train_loss,
        "train_accuracy": report.train_accuracy,
        "test_loss": report.test_loss,
        "test_accuracy": report.test_accuracy,
        "train_r2": report.train_r2,
        "test_r2": report.test_r2,
        "train_rmse": report.train_rmse,
        "test_rmse": report.test_rmse,
        "confusion": report.confusion,
        "precision": report.precision,
        "recall": report.recall,
        "f1": report.f1,
        "misclassified": [dataclasses.asdict(row) for row in report.misclassified],
        "seconds": ended.seconds,
        "seconds_total": ended.seconds_total,
    }


def _print(result: dict[str, Any], started: Started | None, ended: Ended) -> None:
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
    console.print(
        f"{result['run']}  {result['backend']} on {result['device']}: {counted(result['epochs'], 'epoch')}, "
        f"{counted(result['steps'], 'step')} in {result['seconds']:.2f} s of training",
        markup=False,
    )
    if ended.report is not None and started is not None:
        console.print(report_table(ended.report, started.class_names))
