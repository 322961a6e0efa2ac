"""What the present values would give: many seeds of a spec trained at once, in about a tenth of a second.

Asked at every key that changes a value: so it takes no longer than a person notices, and trains fewer epochs
where the network is too large for all of them.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import numpy as np

from engine import population
from engine.datasets import Array, Prepared
from engine.errors import RequestError
from engine.frames import Answer
from engine.moments import prepared
from engine.spec import Spec

BUDGET = 0.12  # seconds of training
LANES = 16  # networks that cost about as much as one
MOST = 4  # of these at once
POINTS = 500  # of a curve: more than a plot has columns of dots
MIDDLE = (10, 50, 90)  # percentiles: lower edge of the band, curve, upper edge
GENTLE = 2e9  # multiplications in the first look at what an epoch costs


def answer(spec: dict[str, Any]) -> Answer:
    """Curves over the epochs, each with its band.

    Values: `seeds`, the number of networks; `epochs`, how many were trained; `seconds`; loss, accuracy and R²
    as `test_loss` to `test_r2`, after the last epoch, and `train_loss` to `train_r2`, in the last epoch: each
    [mean, deviation] over the seeds, or null.
    Arrays: `epoch` (n,); `loss`, for classes `accuracy` and for numbers `r2`, (3, n): the 10th, 50th and 90th
    percentile over the seeds.

    Raises:
        RequestError: the values do not fit together or the data, or one epoch takes too long.
    """
    wanted = Spec.from_json(spec)
    data = prepared(wanted)
    _refuse_if_too_large(wanted, data)
    seeds, epochs, seconds, result = _train(wanted, data)
    at = np.unique(np.linspace(0, epochs - 1, min(epochs, POINTS)).astype(int))
    arrays: dict[str, Array] = {"epoch": at + 1.0, "loss": _band(result.train_loss[:, at])}
    train_r2 = test_r2 = None
    if result.train_accuracy is not None:
        arrays["accuracy"] = _band(result.train_accuracy[:, at])
    elif wanted.epoch_loss != "unweighted" and (variance := np.var(data.train_y)):
        train_r2 = 1 - result.train_loss / variance
        arrays["r2"] = _band(train_r2[:, at])
    if result.test_loss is not None and not data.class_names and (variance := np.var(data.test_y)):
        test_r2 = 1 - result.test_loss / variance
    values = {
        "seeds": len(seeds),
        "epochs": epochs,
        "seconds": seconds,
        "test_loss": _spread(result.test_loss),
        "test_accuracy": _spread(result.test_accuracy),
        "test_r2": _spread(test_r2),
        "train_loss": _spread(_last(result.train_loss)),
        "train_accuracy": _spread(_last(result.train_accuracy)),
        "train_r2": _spread(_last(train_r2)),
    }
    return Answer(values, arrays)


def _refuse_if_too_large(spec: Spec, data: Prepared) -> None:
    widths = [data.train_x.shape[1], *spec.hidden, len(data.class_names) or 1]
    products = 3 * sum(a * b for a, b in itertools.pairwise(widths)) * len(data.train_y) * LANES
    if products > GENTLE:
        raise RequestError("one epoch of this network takes too long to try it at every key")


def _train(spec: Spec, data: Prepared) -> tuple[range, int, float, population.Result]:
    """Seeds, epochs and seconds of a training that fills the budget: first more epochs, then more seeds."""
    groups = epochs = 1
    if spec.start != "drawn":  # first weights that are trained or drawn once, and kept
        population.train(dataclasses.replace(spec, epochs=1), data, range(spec.seed, spec.seed + LANES))
    while True:
        seeds = range(spec.seed, spec.seed + groups * LANES)
        start = time.perf_counter()
        result = population.train(dataclasses.replace(spec, epochs=epochs), data, seeds)
        seconds = time.perf_counter() - start
        room = BUDGET / seconds
        if epochs < spec.epochs and room > 2:
            epochs = min(spec.epochs, int(epochs * room))
        elif epochs == spec.epochs and groups < MOST and room > 2:
            groups = min(MOST, int(groups * room))
        else:
            return seeds, epochs, seconds, result


def _band(curves: Array) -> Array:
    """The middle of (seeds, n) curves, (3, n); NaN where most of them are."""
    with np.errstate(all="ignore"):
        band: Array = np.percentile(np.where(np.isfinite(curves), curves, np.inf), MIDDLE, axis=0)
    return np.where(np.isfinite(band), band, np.nan)


def _last(curves: Array | None) -> Array | None:
    return None if curves is None else curves[:, -1]


def _spread(figures: Array | None) -> list[float] | None:
    """Mean and standard deviation; None where there is none, or a network ran away."""
    if figures is None or not np.isfinite(figures).all():
        return None
    return [float(figures.mean()), float(figures.std())]
