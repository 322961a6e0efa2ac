"""A new run that shares another's past up to a step, and goes on from there with values of its own.

A run is what its log says. So a fork is a run whose log is the other's up to the step; whoever resumes it
computes the rest.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from engine import checkpoints, runs
from engine.errors import RequestError
from engine.events import Commanded, Ended, EpochEnded, Event, Started
from engine.runs import RunReader, RunWriter


def fork(path: Path, step: int) -> Path:
    """The directory of a new run: the one in `path` as it was after `step` updates. No process holds it yet.

    Raises RequestError if the run has not come so far, StorageError if a file cannot be read or written.
    """
    reader = RunReader(path)
    events = reader.poll()
    newest = max((event.step for event in events if not isinstance(event, Started)), default=0)
    if not events or not 0 <= step <= newest:
        raise RequestError(f"step: expected one from 0 to {newest:,} of {path.name}, got {step:,}")
    shared = [event for event in events if _belongs(event, step)]
    epoch = max((event.epoch for event in shared if isinstance(event, EpochEnded)), default=0)
    claim = runs.create(reader.spec)
    try:
        runs.set_origin(claim.path, runs.Origin(path.name, step))
        _copy_checkpoints(path, claim.path, step)
        writer = RunWriter(claim.path)
        for event in shared:
            writer.append(event)
        writer.append(Commanded(time=time.time(), step=step, epoch=epoch, name="pause"))
        writer.close()
    except BaseException:
        claim.release()
        runs.discard(claim)
        raise
    claim.release()
    return claim.path


def _belongs(event: Event, step: int) -> bool:
    """Whether an event is of the past up to a step. That the other run ended is no part of it."""
    return isinstance(event, Started) or (not isinstance(event, Ended) and event.step <= step)


def _copy_checkpoints(source: Path, target: Path, step: int) -> None:
    """Those up to the step: resuming goes on from the newest."""
    for at in checkpoints.steps(source):
        if at <= step:
            copy = checkpoints.path_of(target, at)
            copy.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copy2(checkpoints.path_of(source, at), copy)
