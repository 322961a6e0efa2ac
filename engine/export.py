"""A run for other programs: `nnplay export RUN --to FILE`; the ending says which form.

    .csv            one row an epoch
    .jsonl          the events, as they are stored
    .json           the run as one object: what was asked for, its epochs by column, its report
    .safetensors    the weights after the newest step, under the names of an nn.Sequential
    .pt             the same for torch.load(FILE, weights_only=True)
    .py             a plain PyTorch script that gives the same numbers
    .onnx           the network, for any runtime (needs the packages onnx and onnxscript)
    no ending       a folder for TensorBoard (needs the package tensorboard)

A file is written whole or not at all, and never over another one.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine import catalog, replay
from engine.checkpoints import Array
from engine.errors import RequestError, StorageError, unknown
from engine.events import Ended, EpochEnded, Event, Started
from engine.replay import Past
from engine.runs import RunReader


def export(run: Path, to: Path) -> None:
    """Write a run to a file that is not there yet. Raises RequestError for an ending that is not known."""
    if to.suffix not in WRITERS:
        raise unknown("ending", to.suffix, [ending for ending in WRITERS if ending])
    if to.exists():
        raise RequestError(f"{to} is there already: give another name, or remove it")
    if not to.parent.is_dir():
        raise RequestError(f"{to.parent} is no folder: make it first, or give another")
    WRITERS[to.suffix](run, to)


def events_of(run: Path) -> list[Event]:
    """What the log tells, as far as it can be read. Raises RequestError if that is nothing."""
    reader = RunReader(run)
    events = reader.poll()
    if not events:
        raise RequestError(f"{run.name} has stored nothing yet{reader.damage and ': ' + reader.damage}")
    return events


def weights_of(run: Path) -> tuple[dict[str, Array], int]:
    """The weights after the newest step that is stored, under the names of an nn.Sequential; and that step.

    Layer i of the run is module 2i: its activation is a module of its own there.
    """
    past = replay.read(run)
    kept = past.checkpoint(past.step)
    if kept and kept.step == past.step and kept.commands == len(past.commands):
        arrays = kept.state.arrays
    else:
        moment = replay.Moment(past)
        moment.go(past.step)
        arrays = moment.training.state().arrays
    named = {}
    for name, array in arrays.items():
        layer, _, part = name.partition(".")
        if layer.isdecimal():
            named[f"{2 * int(layer)}.{part}"] = array
    return dict(sorted(named.items())), past.step


def _rows(run: Path) -> list[dict[str, Any]]:
    """One row an epoch."""
    rows = [dataclasses.asdict(event) for event in events_of(run) if isinstance(event, EpochEnded)]
    names = [name for name in (rows[0] if rows else {}) if name not in ("epoch", "step")]
    return [{name: row[name] for name in ("epoch", "step", *names)} for row in rows]


def _csv(run: Path, to: Path) -> None:
    rows = _rows(run)
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0] if rows else ["epoch", "step"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _store(to, text.getvalue().encode())


def _jsonl(run: Path, to: Path) -> None:
    from engine.events import to_line

    _store(to, b"".join(to_line(event) for event in events_of(run)))


def _json(run: Path, to: Path) -> None:
    events, rows = events_of(run), _rows(run)
    started = next((event for event in events if isinstance(event, Started)), None)
    ended = events[-1] if isinstance(events[-1], Ended) else None
    past = replay.read(run)
    values = {
        "run": run.name,
        "state": catalog.entry(run).state,
        "spec": past.spec.to_json(),
        "versions": started.versions if started else {},
        "commands": [dataclasses.asdict(command) for command in past.commands],
        "epochs": {name: [row[name] for row in rows] for name in (rows[0] if rows else ())},
        "report": dataclasses.asdict(ended.report) if ended and ended.report else None,
    }
    _store(to, json.dumps(_finite(values), indent=1, allow_nan=False).encode() + b"\n")


def _safetensors(run: Path, to: Path) -> None:
    from safetensors.numpy import save

    weights, step = weights_of(run)
    about = {"run": run.name, "step": str(step), "spec": json.dumps(RunReader(run).spec.to_json())}
    _store(to, save(weights, about))


def _pt(run: Path, to: Path) -> None:
    import torch

    weights, _ = weights_of(run)
    file = io.BytesIO()
    torch.save({name: torch.from_numpy(array.copy()) for name, array in weights.items()}, file)
    _store(to, file.getvalue())


def _py(run: Path, to: Path) -> None:
    from engine.script import script

    _store(to, script(_unchanged(replay.read(run), to)).encode())


def _unchanged(past: Past, to: Path) -> Any:
    """The spec of a run whose values stayed as they were; more or fewer epochs are no matter."""
    spec = past.spec_after(len(past.commands))
    changed = [name for name in spec.changed_from(past.spec) if name != "epochs"]
    sets = {c.key for c in past.commands if c.name == "set" and c.key != "epochs"}
    if changed or sets:
        names = ", ".join(sorted(sets | set(changed)))
        raise RequestError(
            f"{to}: {names} changed while the run was under way, so no script with fixed values gives its "
            f"numbers; {to.with_suffix('.jsonl')} has them all"
        )
    return spec


def _onnx(run: Path, to: Path) -> None:
    import torch

    _needs("onnx", "onnxscript")
    weights, _ = weights_of(run)
    model = sequential(run, weights)
    inputs = model[0].in_features
    example = torch.zeros(2, inputs, dtype=model[0].weight.dtype)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=".export") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        draft = Path(folder) / to.name
        torch.onnx.export(
            model,
            (example,),
            draft,
            input_names=["x"],
            output_names=["y"],
            dynamic_shapes={"input": {0: torch.export.Dim("rows")}},
            external_data=False,
            verbose=False,
        )
        draft.rename(to)


def sequential(run: Path, weights: dict[str, Array]) -> Any:
    """The run's network as a plain nn.Sequential: nn.Linear and its activation, by turns."""
    import torch
    from torch import nn

    from engine.layers import reference

    class Function(nn.Module):
        def __init__(self, name: str):
            super().__init__()
            self.function = reference(name)

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return self.function(z)

    spec = replay.read(run).spec
    layers: list[nn.Module] = []
    count = len(weights) // 2
    for place in range(count):
        weight = torch.from_numpy(weights[f"{2 * place}.weight"].copy())
        name = spec.activation if place + 1 < count else "softmax" if spec.output == "softmax" else "identity"
        layers += [nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype), Function(name)]
    model = nn.Sequential(*layers)
    model.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    return model.eval()


def _tensorboard(run: Path, to: Path) -> None:
    _needs("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    rows = _rows(run)
    with SummaryWriter(str(to)) as writer:
        for row in rows:
            for name, value in row.items():
                if name.startswith(("train_", "test_")) and value is not None:
                    kind, _, part = name.partition("_")
                    writer.add_scalar(f"{part}/{kind}", value, row["epoch"])
        for name, array in weights_of(run)[0].items():
            writer.add_histogram(f"weights/{name}", array, rows[-1]["epoch"] if rows else 0)


def _needs(*packages: str) -> None:
    from importlib.util import find_spec

    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise RequestError(f"this needs {' and '.join(missing)}: pip install {' '.join(missing)}")


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinities: they become words, as in the log."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and value - value != 0 else value


def _store(to: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        handle, draft = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(draft).chmod(0o666 & ~_umask())
            Path(draft).rename(to)
        except OSError:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(f"cannot write {to}: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


WRITERS: dict[str, Callable[[Path, Path], None]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".json": _json,
    ".safetensors": _safetensors,
    ".pt": _pt,
    ".py": _py,
    ".onnx": _onnx,
    "": _tensorboard,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="nnplay export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="a run's name, its beginning or that of its last part, or last")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE")
    options = parser.parse_args(arguments)
    path = catalog.find(options.run)
    export(path, options.to)
    print(f"{path.name}  written to {options.to}")
    return 0
