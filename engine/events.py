"""What happened in a run: frozen values, each one line of the run's log.

A line is a JSON object that ends in a checksum of itself, `…,"crc":"9a3c01ff"}`: strict JSON for any other
program, and damage is noticed. JSON has no NaN and no infinities, so they are written as the strings "nan",
"inf" and "-inf" and read back as numbers.
"""

from __future__ import annotations

import dataclasses
import json
import math
import zlib
from dataclasses import dataclass
from typing import Any, Literal

EndState = Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The data are loaded, the network is built; the first step comes next."""

    time: float  # seconds since 1970
    spec: dict[str, Any]
    paused: bool  # waits for a command before the first step
    parameters: int
    train_rows: int
    test_rows: int
    steps_per_epoch: int
    feature_names: list[str]
    class_names: list[str]  # empty for a regression
    versions: dict[str, str]
    target_name: str = ""
    notes: list[str] = dataclasses.field(default_factory=list)  # what was found in the data, done about it


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed:
    """Within an epoch: mean loss and accuracy over the rows seen in it so far."""

    step: int  # updates since the run began
    epoch: int  # the epoch under way, from 1
    part: float  # of the epoch that is done, from 0 to 1
    loss: float
    accuracy: float | None
    r2: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded:
    """One pass over the training rows is done.

    `train_*` are means over the epoch's batches as they were trained (the weights move meanwhile, as the
    lecture measures it); `test_*` are taken with the weights after the epoch, null without test rows.
    Accuracies are null for a regression, and R² (the part of the targets' variance that is explained) for
    classes. `seconds` is the time spent in training since the run began.
    """

    step: int
    epoch: int
    train_loss: float
    train_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    seconds: float
    train_r2: float | None = None
    test_r2: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """A command was accepted, and took effect after `step` updates."""

    time: float
    step: int
    epoch: int
    name: str  # of engine.control.Command
    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Another process took the run up again. What the log tells up to here stands: `step` follows on it."""

    time: float
    step: int
    epoch: int  # completed
    paused: bool  # waits for a command before the next step
    checkpoint: int  # the step from which the run was computed anew up to `step`; 0: from its begin
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misclassified:
    """A test row that was taken for another class: its place in the table, its features before scaling."""

    row: int
    features: list[float]
    true: int
    predicted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How good the network is.

    `train_*` are the last epoch's, `test_*` and all that follows belong to the final weights on the test
    rows. `confusion[i][j]` counts rows of class i that were taken for class j. Precision, recall and F1
    are per class; all lists are empty for a regression or without test rows. `misclassified` has the first
    of the test rows that were taken for another class; their number follows from `confusion`. R² and the
    root of the mean squared error, in the units of the table, are null for classes.
    """

    train_loss: float | None
    train_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    confusion: list[list[int]]
    precision: list[float]
    recall: list[float]
    f1: list[float]
    support: list[int]
    misclassified: list[Misclassified] = dataclasses.field(default_factory=list)
    train_r2: float | None = None
    test_r2: float | None = None
    train_rmse: float | None = None
    test_rmse: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The run is over; nothing follows unless it is resumed. `epoch` counts the completed epochs."""

    time: float
    state: EndState
    message: str  # for a person: why it failed; empty when it finished
    step: int
    epoch: int
    seconds: float  # in training
    seconds_total: float  # since the process that trained took the run up
    report: Report | None
    exit_status: int = 0


Event = Started | Progressed | EpochEnded | Commanded | Resumed | Ended

_NAMES: dict[type, str] = {
    Started: "started",
    Progressed: "progress",
    EpochEnded: "epoch",
    Commanded: "command",
    Resumed: "resumed",
    Ended: "ended",
}
_TYPES: dict[str, type] = {name: kind for kind, name in _NAMES.items()}
_FIELDS = {kind: {f.name: str(f.type) for f in dataclasses.fields(kind)} for kind in (*_NAMES, Report)}
_ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_line(event: Event) -> bytes:
    """The event as one line of a log, newline included."""
    values = {"event": _NAMES[type(event)]} | _plain(event)
    body = json.dumps(values, separators=(",", ":"), allow_nan=False)[:-1].encode()
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def from_line(line: bytes) -> Event:
    """The event of one line. Raises ValueError if the line is damaged, or from a later nnplay."""
    body, mark, rest = line.rstrip(b"\n").rpartition(b',"crc":"')
    if not mark or rest != b'%08x"}' % zlib.crc32(body):
        raise ValueError("the line's checksum does not fit")
    values = json.loads(body + b"}")
    kind = _TYPES.get(values.pop("event"))
    if kind is None or not values.keys() <= _FIELDS[kind].keys():
        raise ValueError("an event that this nnplay does not know: was it written by a later one?")
    if values.get("report"):
        report = _odd_numbers(Report, values["report"])
        report["misclassified"] = [Misclassified(**row) for row in report.get("misclassified", [])]
        values["report"] = Report(**report)
    event: Event = kind(**_odd_numbers(kind, values))
    return event


def _plain(event: Any) -> dict[str, Any]:
    """The event's fields as JSON values."""
    values: dict[str, Any] = {}
    for name in _FIELDS[type(event)]:
        value = getattr(event, name)
        if isinstance(value, float) and not math.isfinite(value):
            value = str(value)
        elif isinstance(value, Report):
            value = _plain(value)
        elif name == "misclassified":
            value = [dataclasses.asdict(row) for row in value]
        values[name] = value
    return values


# Only fields of numbers are read back from "nan": a class may well be named so.
_NUMBERS = {
    kind: [name for name, type in fields.items() if "float" in type and "list" not in type]
    for kind, fields in _FIELDS.items()
}


def _odd_numbers(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    for name in _NUMBERS[kind]:
        if isinstance(value := values.get(name), str):
            values[name] = _ODD[value]
    return values
