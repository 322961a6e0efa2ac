"""Checkpoints: all that fixes what comes next in a run, at some step, in `checkpoints/<step>.safetensors`.

safetensors and never pickle: reading one executes nothing, and needs no torch. A file is written whole or not
at all, and carries a digest of all that it holds, so that damage is noticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, numpy

from engine.errors import RequestError, StorageError
from engine.spec import Spec

Array = NDArray[Any]

KEPT = 24  # checkpoints of a run, evenly spread over its steps
KEPT_BYTES = 256 << 20  # of all checkpoints of a run together; two are kept whatever their size


@dataclass(frozen=True)
class State:
    """All that fixes what comes next in a training, as plain values.

    `arrays` has the parameters under torch's names, `0.weight` (out, in), `0.bias` (out), `1.weight` …; what
    the optimizer remembers of each, `optimizer.exp_avg.0.weight` …; `order`, the rows of the epoch under way
    in the order in which they are taken; `random`, the state of the generator. `numbers` has counters and the
    sums of the epoch's metrics. What else a backend needs is its own; a state fits the backend it came from.
    """

    arrays: dict[str, Array]
    numbers: dict[str, int | float]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A training's state after `step` updates, with what the trainer knows of it."""

    step: int
    epoch: int  # completed
    commands: int  # of the log that have taken effect
    seconds: float  # in training
    spec: Spec  # with the values of that moment
    state: State


def write(run: Path, checkpoint: Checkpoint) -> None:
    """Store a checkpoint in the run's directory, and thin out old ones.

    Raises StorageError if it cannot be written; then nothing is left of it.
    """
    folder = run / "checkpoints"
    path = folder / f"{checkpoint.step}.safetensors"
    draft = folder / f".{checkpoint.step}.tmp"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _write_safely(draft, _to_bytes(checkpoint))
        draft.rename(path)
        _sync_folder(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise StorageError(f"cannot write {path}: {error.strerror}") from None
    _thin(folder)


def read(path: Path) -> Checkpoint:
    """The checkpoint in a file. Raises StorageError if it is damaged or no checkpoint of nnplay."""
    try:
        data = path.read_bytes()
        arrays = numpy.load(data)
        length = int.from_bytes(data[:8], "little")
        marks = json.loads(data[8 : 8 + length])["__metadata__"]
        text = marks["nnplay"]
        if marks["digest"] != _digest(text, arrays):
            raise ValueError("its digest does not fit")
        values = json.loads(text)
        values["spec"] = Spec.from_json(values["spec"])
        return Checkpoint(state=State(arrays, values.pop("numbers")), **values)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from None
    except (SafetensorError, RequestError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} is damaged: {error}") from None


def steps(run: Path) -> list[int]:
    """The steps at which the run has checkpoints, good or damaged, in order."""
    return sorted(int(path.stem) for path in _files(run / "checkpoints"))


def path_of(run: Path, step: int) -> Path:
    """Where the run's checkpoint of that step is."""
    return run / "checkpoints" / f"{step}.safetensors"


def _to_bytes(checkpoint: Checkpoint) -> bytes:
    values: dict[str, Any] = {
        name: getattr(checkpoint, name) for name in ("step", "epoch", "commands", "seconds")
    }
    values |= {"spec": checkpoint.spec.to_json(), "numbers": checkpoint.state.numbers}
    text = json.dumps(values)
    arrays = {name: np.ascontiguousarray(array) for name, array in checkpoint.state.arrays.items()}
    return numpy.save(arrays, {"nnplay": text, "digest": _digest(text, arrays)})


def _digest(text: str, arrays: dict[str, Array]) -> str:
    """SHA-256 of the text and of every array's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _write_safely(path: Path, data: bytes) -> None:
    """Create a private file that is on the disk, not only with the system, when this returns."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _files(folder: Path) -> list[Path]:
    """The checkpoint files of a folder; an empty list if there is no such folder."""
    return [path for path in folder.glob("*.safetensors") if path.stem.isdecimal()]


def _thin(folder: Path) -> None:
    """Remove the checkpoints that are least missed: those whose neighbours are closest to each other.

    Drafts that a killed process left go as well.
    """
    with contextlib.suppress(OSError):  # what cannot be removed stays
        for draft in folder.glob(".*.tmp"):
            draft.unlink()
        files = sorted(_files(folder), key=lambda path: int(path.stem))
        sizes = {path: path.stat().st_size for path in files}
        while len(files) > 2 and (len(files) > KEPT or sum(sizes[path] for path in files) > KEPT_BYTES):
            at = [0, *(int(path.stem) for path in files)]
            gaps = [after - before for before, after in zip(at, at[2:], strict=False)]
            files.pop(gaps.index(min(gaps))).unlink()
