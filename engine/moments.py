"""A run, or a spec that nothing has run yet, at any of its steps: what the lab's questions start from.

    moment = find(run="/path/of/a/run", step=1200)      # or find(spec={...}): before the first step
    moment.tensors()                                    # every tensor of that moment, by name

A run is deterministic, so any step is computed again, bit for bit, from what is nearest: a checkpoint on the
disk, a state that was kept in memory on the way, or the training as it stands. An answer spends about SECONDS
on that; when it was not enough, the moment is of an earlier step than was `wanted`, and asking again goes on.
A step that would take longer than PATIENCE is not started on: the nearest stored one is given in its place.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import replay
from engine.anatomy import Batch, Network
from engine.backends.base import NonFiniteLoss
from engine.checkpoints import Checkpoint, State
from engine.datasets import Array, Prepared, prepare
from engine.replay import Past, PastReader
from engine.spec import KEYS, Spec

SECONDS = 0.3  # of training within one answer
PATIENCE = 120.0  # seconds of training that are begun at all
STRIDE = 0.1  # seconds of training between two states kept in memory: what a step backwards costs at most
KEPT_BYTES = 128 << 20  # of states kept in memory, of all runs together
TIMELINES = 4  # runs and specs that are kept at hand

KEPT_DATA = 2  # tables kept at hand; a large one is hundreds of megabytes

NOT_OF_THE_DATA = {
    *("experiment", "variant", "hidden", "activation", "output", "optimizer", "lr", "momentum"),
    *("weight_decay", "epochs", "seed", "shuffle", "drop_last", "dtype", "backend", "device"),
}

_prepared: dict[str, Prepared] = {}


def prepared(spec: Spec) -> Prepared:
    """The rows of a spec, kept from question to question: most values do not change them."""
    key = json.dumps({name: spec.text(name) for name in KEYS if name not in NOT_OF_THE_DATA})
    if key not in _prepared:
        while len(_prepared) >= KEPT_DATA:
            del _prepared[next(iter(_prepared))]
        _prepared[key] = prepare(spec)
    return _prepared[key]


@dataclass(frozen=True)
class Moment:
    """A training as it is after `step` updates; `wanted` is what was asked for."""

    spec: Spec  # with the values of that moment, and loss and output settled
    step: int
    epoch: int  # completed
    wanted: int
    seconds: float  # that it would take to get from here to what was wanted
    data: Prepared
    state: State
    rows: Array  # of the next batch, (batch,); after the last epoch, of the one that would follow
    updated: dict[str, Array]  # the parameters after the next step; empty if its loss is not finite

    @property
    def parameters(self) -> dict[str, Array]:
        """The weights and biases under torch's names."""
        return {name: array for name, array in self.state.arrays.items() if name[:1].isdigit()}

    @functools.cached_property
    def network(self) -> Network:
        return Network(self.spec, self.parameters)

    @functools.cached_property
    def batch(self) -> Batch:
        """The next batch taken apart."""
        return self.network.take_apart(self.data.train_x[self.rows], self.data.train_y[self.rows])

    def tensors(self) -> dict[str, Array]:
        """Every tensor: parameters, their gradients and updates, the optimizer's memory, the batch."""
        optimizer = {n: a for n, a in self.state.arrays.items() if n.startswith("optimizer.")}
        updates = {f"update.{name}": after - self.parameters[name] for name, after in self.updated.items()}
        return self.parameters | self.batch.arrays | optimizer | updates | {"batch.rows": self.rows}

    def values(self) -> dict[str, Any]:
        """What every answer says of the moment."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "wanted": self.wanted,
            "seconds": self.seconds,
            "far": self.seconds > PATIENCE,
            "features": self.data.feature_names,
            "classes": self.data.class_names,
            "target": self.data.target_name,
        }


def find(*, run: str = "", spec: dict[str, Any] | None = None, step: int = 0) -> Moment:
    """The moment after `step` updates of the run in a directory, or of a spec that nothing has run yet.

    Raises RequestError if the spec cannot run here or the run ended before that step, StorageError if the run
    cannot be read.
    """
    key = run or repr(spec)
    timeline = _timelines.pop(key, None)
    if timeline is None:
        timeline = stored(Path(run)) if run else unstored(Spec.from_json(spec))
    _timelines[key] = timeline  # the newest is the last
    while len(_timelines) > TIMELINES:
        del _timelines[next(iter(_timelines))]
    return timeline.find(step)


def stored(path: Path) -> Timeline:
    """The run in a directory, under way or over. Raises StorageError if it cannot be read."""
    return Timeline(PastReader(path).read)


def unstored(spec: Spec) -> Timeline:
    """What a run of this spec would be."""
    past = Past(Path(), spec, None, [], None, 0, [], "")
    return Timeline(lambda: past)


class Timeline:
    """One run, being computed at one step after another."""

    def __init__(self, read: Callable[[], Past]):
        self._read = read
        past = read()
        self.moment = replay.Moment(past, prepared(past.spec))
        self._kept: dict[int, Checkpoint] = {}
        self._rate = 0.0  # steps a second, measured
        self._slice = 1

    def find(self, step: int) -> Moment:
        """The moment after that many updates, or as near before it as SECONDS allow."""
        self.moment.past = self._read()
        self._begin_near(step)
        wanted = self._approach(step)
        return self._moment(wanted)

    def _begin_near(self, step: int) -> None:
        """Stand at the nearest known state at or before a step."""
        at = self.moment.step if self.moment.step <= step else -1
        kept = max((k for k in self._kept if k <= step), default=-1)
        stored = max((c for c in self.moment.past.checkpoints if c <= step), default=-1)
        if kept > at and kept >= stored:
            self.moment.begin(self._kept[kept])
        elif stored > at or at < 0:
            self.moment.begin(self.moment.past.checkpoint(step))

    def _approach(self, step: int) -> int:
        """Train towards a step while there is time; returns it, or the step at which the run failed."""
        began = kept = time.perf_counter()
        while self.moment.step < step:
            before, start = self.moment.step, time.perf_counter()
            if start - began > SECONDS or self._seconds_to(step) > PATIENCE:
                break
            try:
                self.moment.go(min(step, before + self._slice))
            except NonFiniteLoss:
                return self.moment.step
            now = time.perf_counter()
            self._rate = (self.moment.step - before) / max(now - start, 1e-9)
            self._slice = max(1, int(self._rate * STRIDE / 4))
            if now - kept > STRIDE:
                kept = now
                self._keep()
        self.moment.go(self.moment.step)  # whatever was commanded meanwhile
        self._keep()
        return step

    def _seconds_to(self, step: int) -> float:
        return (step - self.moment.step) / self._rate if self._rate else 0.0

    def _keep(self) -> None:
        """Keep the state in memory; when there is no more room, every second one goes."""
        self._kept[self.moment.step] = self.moment.checkpoint()
        size = sum(array.nbytes for array in self._kept[self.moment.step].state.arrays.values())
        if len(self._kept) * size > KEPT_BYTES // TIMELINES or len(self._kept) > 1000:
            for step in sorted(self._kept)[1:-1:2]:
                del self._kept[step]

    def _moment(self, wanted: int) -> Moment:
        """The moment where the training stands; it stands there again afterwards."""
        here, training = self.moment, self.moment.training
        state = training.state()
        if not training.steps_left:
            training.begin_epoch()
        rows = training.batch()
        try:
            training.advance(1)
            updated = {n: a for n, a in training.state().arrays.items() if n[:1].isdigit()}
        except NonFiniteLoss:
            updated = {}
        training.restore(state)
        seconds = self._seconds_to(wanted)
        spec = here.spec.settled(here.data.classifies)
        return Moment(spec, here.step, here.epoch, wanted, seconds, here.data, state, rows, updated)


_timelines: dict[str, Timeline] = {}
