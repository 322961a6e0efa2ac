"""A run that is stored, for screens to look at."""

from __future__ import annotations

from pathlib import Path

from engine.control import Inbox
from engine.events import Event
from engine.runs import RunWriter, create
from engine.spec import Spec
from engine.trainer import Trainer


def trained(spec: Spec) -> tuple[Path, list[Event]]:
    """Train to the end in this process; the run's folder, and all that is in its log."""
    claim = create(spec)
    claim.release()
    writer = RunWriter(claim.path)
    events = list(Trainer(spec, Inbox()).events())
    for event in events:
        writer.append(event)
    writer.close()
    return claim.path, events
