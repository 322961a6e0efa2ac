"""`nnplay runs`, `show`, `stop`, `resume`, `rm`: runs that are stored or under way, from the command line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from engine import catalog, control, experiments
from engine.catalog import Entry
from engine.errors import NnplayError, RequestError, WorkerError
from engine.events import Ended, Event, Resumed, Started
from engine.launcher import READY_WITHIN, start_worker
from engine.runs import RunReader, is_alive
from engine.words import counted

STOPS_WITHIN = 30.0  # seconds: a worker looks for commands between slices, then writes its last checkpoint


def show_all(*, as_json: bool) -> int:
    """All runs, the newest first."""
    entries = catalog.entries()
    if as_json:
        print(json.dumps({"runs": [_plain(entry.to_json()) for entry in entries]}, allow_nan=False))
        return 0
    if not entries:
        print("no runs yet; nnplay run iris-mlp makes one")
        return 0
    rows = [("run", "state", "ago", "what", "epoch", "loss", "accuracy")]
    for entry in entries:
        epochs = f" / {entry.spec.epochs:,}" if entry.spec else ""
        loss, accuracy = ("–" if v is None else f"{v:.4f}" for v in (entry.loss, entry.accuracy))
        figures = (f"{entry.epoch:,}{epochs}", loss, accuracy)
        rows.append((_inert(entry.id), entry.state, catalog.age(entry.path), _inert(what(entry)), *figures))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:  # by hand: rich takes longer over it than reading a thousand runs takes
        cells = [cell.ljust(width) for cell, width in zip(row[:4], widths[:4], strict=True)]
        cells += [cell.rjust(width) for cell, width in zip(row[4:], widths[4:], strict=True)]
        print("  ".join(cells))
    return 0


def what(entry: Entry) -> str:
    """What a run trains, as it would be typed; of a fork, first where it comes from."""
    if entry.spec is None:
        return entry.message
    try:
        words = experiments.words(entry.spec)
    except NnplayError:  # of an experiment that this nnplay does not have
        words = entry.spec.experiment
    if entry.origin:
        words = f"fork at {entry.origin.step:,} of {entry.origin.run.rpartition('-')[2]}: {words}"
    return words


def show(name: str, *, as_json: bool) -> int:
    """One run: what it trains, how it stands, and its report if it has one."""
    from rich.console import Console
    from rich.text import Text

    from tui import headless
    from tui.report import report_table

    path = catalog.find(name)
    entry, reader = catalog.entry(path), RunReader(path)
    started: Started | None = None
    ended: Ended | None = None
    while events := reader.poll(1 << 20):
        for event in events:
            match event:
                case Started():
                    started = event
                case Ended():
                    ended = event
                case Resumed():
                    ended = None
    if as_json:
        values = entry.to_json() | {"path": str(path), "damage": reader.damage}
        if ended:
            from tui import headless  # with its progress bar, which a list has no need of

            values |= headless.summary(entry.id, started, reader.spec, ended)
        print(json.dumps(_plain(values), allow_nan=False))
        return 0
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
    console.print(Text(_inert(f"{entry.id}  {entry.state}{': ' if entry.message else ''}{entry.message}")))
    device = started.spec["device"] if started else reader.spec.device
    console.print(Text(_inert(f"{what(entry)}  {reader.spec.backend} on {device}"), "dim"))
    console.print(
        f"epoch {entry.epoch:,} / {reader.spec.epochs:,}, step {entry.step:,}, in {path}", markup=False
    )
    if reader.damage:
        console.print(Text(_inert(f"damaged: {reader.damage}"), "red"))
    if ended and ended.report and started:
        console.print(report_table(ended.report, started.class_names))
    return 0


def stop(name: str) -> int:
    """Stop a run; it is stored up to there, and resume goes on."""
    path = catalog.find(name)
    entry = catalog.entry(path)
    if not entry.alive:
        raise RequestError(f"{entry.id} is not under way: it is {entry.state}, {catalog.STATES[entry.state]}")
    control.send(entry.id, control.Command("stop"), patience=STOPS_WITHIN)
    _until(lambda: not is_alive(path), STOPS_WITHIN, f"{entry.id} has not stopped yet")
    entry = catalog.entry(path)
    print(
        f"{entry.id}  {entry.state} after {counted(entry.step, 'step')}; nnplay resume {entry.short} goes on"
    )
    return 0


def resume(name: str) -> int:
    """Let a run go on: one that is paused, or one whose process is gone, from where it was."""
    path = catalog.find(name)
    entry = catalog.entry(path)
    if entry.alive:
        control.send(entry.id, control.Command("resume"), patience=STOPS_WITHIN)
        print(f"{entry.id}  goes on; nnplay attach {entry.short} shows it")
        return 0
    reader = RunReader(path)
    while reader.poll(1 << 20):
        pass
    if reader.damage:
        raise RequestError(f"{entry.id} cannot go on, its log is damaged: {reader.damage}")
    run = catalog.reopen(path)
    worker = start_worker(run, tied=False)
    run.release()
    news: list[Event] = []

    def spoke() -> bool:
        ended = worker.poll() is not None  # before its log is read
        news.extend(reader.poll())
        if ended and not news:
            raise WorkerError(f"the worker of {entry.id} ended at once; see {path / 'worker.log'}")
        return bool(news)

    _until(spoke, READY_WITHIN, f"the worker of {entry.id} has not spoken yet")
    if isinstance(news[0], Ended):
        raise WorkerError(news[0].message)
    at = news[0].step if isinstance(news[0], Resumed) else 0
    print(f"{entry.id}  goes on after step {at:,}; nnplay attach {entry.short} shows it")
    return 0


def remove(names: list[str]) -> int:
    """Remove runs and all that they stored."""
    for path in [catalog.find(name) for name in names]:  # all are known before the first is removed
        catalog.remove(path)
        print(f"{path.name}  removed")
    return 0


def _until(condition: Callable[[], bool], seconds: float, complaint: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise WorkerError(complaint)
        time.sleep(0.02)


def _plain(values: dict[str, object]) -> dict[str, object]:
    """JSON has no NaN."""
    return {
        name: str(value) if isinstance(value, float) and value - value != 0 else value
        for name, value in values.items()
    }


def _inert(text: str) -> str:
    """Nothing that a terminal would obey: the ids and messages may come from somebody else."""
    return "".join(c if c.isprintable() else "·" for c in text)
