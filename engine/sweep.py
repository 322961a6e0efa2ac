"""Many settings of one experiment, each over many seeds: `nnplay sweep iris-mlp --vary lr=1e-4..1e-1:log:20`.

All points of the grid that differ only in learning rate and weight decay are one population: one native call
trains the lot. Other keys make a population for each of their values.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import experiments, population
from engine.datasets import Array, Prepared, prepare
from engine.errors import RequestError, unknown
from engine.spec import KEYS, Spec
from engine.values import Whole
from engine.words import counted

__all__ = ["Point", "Statistic", "Vary", "main", "read_vary", "sweep"]

IN_ONE_POPULATION = ("lr", "weight_decay")
MOST = 1_000_000  # networks of a sweep

FORMS = "KEY=A/B/C, KEY=LO..HI:N or KEY=LO..HI:log:N"
RANGE = re.compile(r"(?P<low>[^:]+)\.\.(?P<high>[^:]+):(?P<log>log:)?(?P<count>\d+)")


@dataclass(frozen=True)
class Vary:
    """A key and the values it takes, as typed."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statistic:
    """Mean and sample deviation over the seeds that stayed finite; NaN where there are none (or one)."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Array) -> Statistic:
        finite = values[np.isfinite(values)]
        return cls(
            float(finite.mean()) if len(finite) else math.nan,
            float(finite.std(ddof=1)) if len(finite) > 1 else math.nan,
        )


@dataclass(frozen=True)
class Point:
    """What became of one setting: figures of the last epoch, by name, how many seeds diverged, and where."""

    values: Mapping[str, str]
    figures: Mapping[str, Statistic]
    diverged: int
    device: str


def read_vary(text: str) -> Vary:
    """What --vary was given. Raises RequestError, with the forms there are, for anything else."""
    key, equals, values = text.partition("=")
    if not equals or not values:
        raise RequestError(f"--vary: expected {FORMS}, got {text!r}")
    if key not in KEYS:
        raise unknown("key", key, KEYS)
    if ".." not in values:
        return Vary(key, tuple(dict.fromkeys(values.split("/"))))
    steps = _steps(values)
    if steps is None:
        raise RequestError(f"--vary: expected {FORMS}, N from 1 and for log above 0, got {text!r}")
    if isinstance(KEYS[key].kind, Whole):
        return Vary(key, tuple(dict.fromkeys(str(round(step)) for step in steps)))
    return Vary(key, tuple(f"{step:.6g}" for step in steps))


def _steps(text: str) -> Array | None:
    """The numbers of LO..HI:N or LO..HI:log:N; None if it is neither."""
    match = RANGE.fullmatch(text)
    try:
        low, high = (float(match[name]) for name in ("low", "high")) if match else (math.nan, math.nan)
    except ValueError:
        return None
    if match is None or not math.isfinite(low - high) or not 1 <= int(match["count"]) <= MOST:
        return None
    if match["log"]:
        return np.geomspace(low, high, int(match["count"])) if min(low, high) > 0 else None
    return np.linspace(low, high, int(match["count"]))


def sweep(spec: Spec, varied: Sequence[Vary], seeds: int) -> list[Point]:
    """Train the spec at every point of the grid, `seeds` times each, with seeds from the spec's on.

    Returns:
        The points in the order of the grid, the last key turning fastest.

    Raises:
        RequestError: what does not fit, before anything is trained.
    """
    grid = [
        dict(zip((vary.key for vary in varied), values, strict=True))
        for values in itertools.product(*(vary.values for vary in varied))
    ]
    _check(spec, varied, seeds, len(grid))
    specs = [spec.replace_text(values) for values in grid]
    groups: dict[Spec, list[int]] = {}
    for index, one in enumerate(specs):
        alike = dataclasses.replace(one, **{key: getattr(spec, key) for key in IN_ONE_POPULATION})
        groups.setdefault(alike, []).append(index)
    tables = {alike: prepare(alike) for alike in groups}
    points: dict[int, Point] = {}
    for alike, indices in groups.items():
        results = _train(alike, tables[alike], [specs[index] for index in indices], seeds)
        for index, result in zip(indices, results, strict=True):
            points[index] = Point(grid[index], *result)
    return [points[index] for index in range(len(grid))]


def _check(spec: Spec, varied: Sequence[Vary], seeds: int, points: int) -> None:
    keys = [vary.key for vary in varied]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise RequestError(f"--vary {twice} is given twice: join its values, {twice}=A/B/C")
    for key in ("backend", "device"):
        if key in keys:
            raise RequestError(f"--vary {key}: a sweep runs on backend=native and one device")
    if spec.backend != "native":
        raise RequestError(f"a sweep runs on backend=native, got {spec.backend}")
    if seeds < 1:
        raise RequestError(f"--seeds: expected at least 1, got {seeds}")
    if "seed" in keys and seeds > 1:
        raise RequestError("expected --seeds N or --vary seed=…, got both")
    if points * seeds > MOST:
        raise RequestError(f"expected at most {MOST:,} networks, got {points:,} points times {seeds:,} seeds")


def _train(
    alike: Spec, data: Prepared, specs: Sequence[Spec], seeds: int
) -> list[tuple[dict[str, Statistic], int, str]]:
    """Figures, diverged seeds and device of specs that differ in rates alone, in one population."""
    result = population.train(
        alike,
        data,
        [alike.seed + offset for _ in specs for offset in range(seeds)],
        lr=np.repeat([spec.lr for spec in specs], seeds),
        weight_decay=np.repeat([spec.weight_decay for spec in specs], seeds),
    )
    named = {
        "test_accuracy": result.test_accuracy,
        "test_loss": result.test_loss,
        "train_accuracy": None if result.train_accuracy is None else result.train_accuracy[:, -1],
        "train_loss": result.train_loss[:, -1],
    }
    found = []
    for begin in range(0, len(specs) * seeds, seeds):
        gone = result.diverged[begin : begin + seeds] > 0
        figures = {
            name: Statistic.of(np.where(gone, np.nan, values[begin : begin + seeds]))
            for name, values in named.items()
            if values is not None
        }
        found.append((figures, int(gone.sum()), result.device))
    return found


def _plain(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _as_json(point: Point) -> dict[str, Any]:
    figures = {
        name: {"mean": _plain(figure.mean), "deviation": _plain(figure.deviation)}
        for name, figure in point.figures.items()
    }
    return {"values": dict(point.values), "diverged": point.diverged, "device": point.device, **figures}


def _shown(figure: Statistic) -> str:
    if math.isnan(figure.mean):
        return "-"
    return f"{figure.mean:.4f}" + ("" if math.isnan(figure.deviation) else f" ± {figure.deviation:.4f}")


def best(points: Sequence[Point]) -> int:
    """The point of the highest accuracy, or of the lowest loss in a regression; of test rows if any."""

    def rank(index: int) -> tuple[float, float]:
        figures = points[index].figures
        rows = "test" if "test_loss" in figures else "train"
        loss = figures[f"{rows}_loss"].mean
        accuracy = figures.get(f"{rows}_accuracy", Statistic(0, 0)).mean
        return (-accuracy, loss) if math.isfinite(loss) else (math.inf, math.inf)

    return min(range(len(points)), key=rank)


def lines(points: Sequence[Point]) -> Iterable[str]:
    """The table: a line for each point, the best one marked."""
    rows = [
        [*point.values.values(), *map(_shown, point.figures.values()), str(point.diverged)]
        for point in points
    ]
    head = [*points[0].values, *(name.replace("_", " ") for name in points[0].figures), "diverged"]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    yield "  ".join(f"{cell:>{width}}" for cell, width in zip(head, widths, strict=True))
    marked = best(points)
    for index, row in enumerate(rows):
        line = "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        yield line + ("  best" if index == marked and len(points) > 1 else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains the grid and prints it."""
    parser = argparse.ArgumentParser(
        prog="nnplay sweep", description="Train an experiment at every point of a grid, over many seeds."
    )
    parser.add_argument("name", metavar="NAME[@VARIANT]", help="the experiment")
    parser.add_argument("values", nargs="*", metavar="key=value", help="values that stay the same")
    parser.add_argument("--vary", action="append", default=[], metavar="KEY=…", help=f"{FORMS}; may repeat")
    parser.add_argument("--seeds", type=int, default=10, help="networks at every point (10)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_intermixed_args(arguments)
    varied = [read_vary(text) for text in options.vary]
    seeds = 1 if any(vary.key == "seed" for vary in varied) and options.seeds == 10 else options.seeds
    spec = experiments.find(options.name, options.values)
    began = time.perf_counter()
    points = sweep(spec, varied, seeds)
    seconds = time.perf_counter() - began
    networks = len(points) * seeds
    if options.json:
        found = [_as_json(point) for point in points]
        request = {"sweep": experiments.words(spec), "seeds": seeds, "networks": networks, "seconds": seconds}
        print(json.dumps(request | {"best": best(points), "points": found}))
        return 0
    print("\n".join(lines(points)))
    told = f"{counted(len(points), 'point')}, {counted(seeds, 'seed')} each, {counted(networks, 'network')}"
    where = " and ".join(sorted({point.device for point in points}))
    print(f"{experiments.words(spec)}: {told} in {seconds:.2f} s on {where}")
    return 0
