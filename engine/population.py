"""Many networks of one architecture in one native call, each with its own seed, rates and order of rows.

A network's result is bit for bit the same in any company and on any number of threads. Under the seed and
rates of a spec, first weights and order of batches are those of the run of that spec.

    result = train(spec, data, seeds=range(1000), lr=np.geomspace(1e-4, 1e-1, 1000))
    result.test_accuracy.mean()
    band = curves(spec, data, seeds=range(20)).test_loss  # (20, epochs)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine import devices, mlp, ops, starts
from engine.datasets import Array, Prepared
from engine.errors import RequestError
from engine.spec import Spec

__all__ = ["Result", "curves", "train"]


@dataclass(frozen=True)
class Result:
    """What became of N networks; accuracies are None for a regression, test figures without test rows.

    Attributes:
        train_loss, train_accuracy: (N, epochs); of each epoch's batches as they were trained, the mean also
            where a run shows the last batch's loss. A network whose loss stopped being finite has NaN or
            infinity from that epoch on.
        test_loss, test_accuracy: (N,); of the last weights. From `curves`: (N, epochs); after each epoch.
        diverged: (N,); the step, from 1, whose loss was no number; 0 where there was none.
        weights: (N, parameters), the last; `engine.mlp.split_layers` makes tensors of them.
        device: where they were trained, cpu or cuda.
    """

    train_loss: Array
    train_accuracy: Array | None
    test_loss: Array | None
    test_accuracy: Array | None
    diverged: Array
    weights: Array
    device: str


def curves(
    spec: Spec,
    data: Prepared,
    seeds: Sequence[int],
    *,
    lr: Array | float | None = None,
    weight_decay: Array | float | None = None,
    threads: int | None = None,
) -> Result:
    """As `train`, with the test figures after every epoch: what a plot of means and bands is made of."""
    return train(spec, data, seeds, lr=lr, weight_decay=weight_decay, threads=threads, test_each_epoch=True)


def train(
    spec: Spec,
    data: Prepared,
    seeds: Sequence[int],
    *,
    lr: Array | float | None = None,
    weight_decay: Array | float | None = None,
    weights: Array | None = None,
    threads: int | None = None,
    test_each_epoch: bool = False,
) -> Result:
    """Train len(seeds) networks of the spec's architecture for its epochs.

    Args:
        spec: architecture, loss, optimizer, batches, epochs and dtype; its rates where none are given.
        data: of `engine.datasets.prepare(spec)`.
        seeds: one for each network: its first weights and the order of its rows.
        lr, weight_decay: one number, or one for each network.
        weights: (N, parameters) first weights; by default those that the spec starts from.
        test_each_epoch: give the test figures after every epoch, not only after the last.
        threads: how many share the work; by default as many as torch uses.

    Raises:
        RequestError: what does not fit, with what was expected and what came.
    """
    count = len(seeds)
    classes = len(data.class_names)
    threads = torch.get_num_threads() if threads is None else threads
    widths = mlp.widths(spec, data.train_x.shape[1], classes)
    rows = spec.batch_size * count // max(threads, 1)  # of a step of all networks, to each core
    device = devices.find(spec.device, kernels=True, parameters=mlp.parameters(widths), rows=rows)
    spec = spec.settled(bool(classes))
    skipped = 0
    if weights is None and spec.start != "drawn":
        weights, skipped = _starts(spec, data, seeds)
    try:
        losses, accuracies, test_loss, test_accuracy, good, last = ops.train_population(
            widths=widths,
            activations=mlp.activations(spec),
            bias=True,
            loss=spec.loss,
            features=data.train_x,
            targets=data.train_y,
            test_features=data.test_x,
            test_targets=data.test_y,
            rule=mlp.rule(spec),
            batches=mlp.batches(spec),
            epochs=spec.epochs,
            seeds=[int(seed) for seed in seeds],
            lr=_each(spec.lr if lr is None else lr, count),
            weight_decay=_each(spec.weight_decay if weight_decay is None else weight_decay, count),
            weights=weights,
            skipped=skipped,
            dtype=spec.dtype,
            fused=mlp.FUSED,
            test_epochs=test_each_epoch,
            threads=threads,
            device=device.name,
        )
    except (ValueError, TypeError, MemoryError) as error:
        raise RequestError(f"population: {error}") from None
    tested = len(data.test_y) > 0
    if not test_each_epoch:
        test_loss, test_accuracy = test_loss[:, 0], test_accuracy[:, 0]
    rows = len(data.train_y)
    batches = rows // spec.batch_size if spec.drop_last else -(-rows // spec.batch_size)
    return Result(
        losses,
        accuracies if classes else None,
        test_loss if tested else None,
        test_accuracy if tested and classes else None,
        np.where(good < batches * spec.epochs, good + 1, 0),
        last,
        device.name,
    )


def _starts(spec: Spec, data: Prepared, seeds: Sequence[int]) -> tuple[Array | None, int]:
    """The first weights of each network, None to draw them, and the random numbers taken before that."""
    widths = mlp.widths(spec, data.train_x.shape[1], len(data.class_names))
    native = dataclasses.replace(
        spec, backend="native"
    )  # a network trained before is trained the way these are
    found = [starts.find(dataclasses.replace(native, seed=int(seed)), widths) for seed in seeds]
    given = [start.weights for start in found if start.weights is not None]
    return np.array(given) if given else None, found[0].skipped if found else 0


def _each(rates: Array | float, count: int) -> Array:
    """One rate for each network."""
    values = np.asarray(rates, dtype=np.float64)
    return np.full(count, values) if values.ndim == 0 else values
