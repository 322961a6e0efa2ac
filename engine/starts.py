"""Where a run begins: its first weights, and how far the generator of random numbers has come by then.

`start=drawn` is what torch does after `manual_seed`: the network draws its weights, then each epoch draws its
order. The lecture begins in three other ways, since its cells share one process:

- 1.3.1 draws its weight with `randn` and sets the bias to zero;
- 1.3.2 sets no new seed, so its numbers are those that come after 1.3.1 has ended;
- 1.5 never builds its network: it goes on with the one that 1.4 trained on the Iris flowers.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
import torch

from engine import experiments, mlp, registry
from engine.datasets import Array, prepare
from engine.errors import RequestError
from engine.spec import Spec

__all__ = ["Start", "find"]

SMALL = 16  # numbers from which torch's randn takes another way, in blocks of as many
EPOCH = 4  # 32-bit words that a shuffled epoch takes: a seed for workers and one for the order


@dataclass(frozen=True)
class Start:
    """`weights` (parameters,) in torch's order, None to have them drawn; 32-bit words taken before that."""

    weights: Array | None = None
    skipped: int = 0


def find(spec: Spec, widths: list[int]) -> Start:
    """How a run of that spec begins; widths (inputs, *hidden, outputs).

    Raises RequestError if the network has not the shape that its start needs.
    """
    match spec.start:
        case "randn":
            return _randn(spec, widths)
        case "after-linreg-manual":
            before = experiments.find("linreg-manual")
            return Start(skipped=_words(1, spec.dtype) + EPOCH * before.epochs)
        case "iris-mlp":
            return Start(_trained("iris-mlp", spec, widths))
    return Start()


def _randn(spec: Spec, widths: list[int]) -> Start:
    if spec.hidden:
        raise RequestError(
            f"start=randn begins a linear model: expected hidden=none, got hidden={spec.text('hidden')}"
        )
    count = widths[0] * widths[1]
    draw = torch.Generator().manual_seed(spec.seed)
    weight = torch.randn(count, generator=draw, dtype=getattr(torch, spec.dtype)).double().numpy()
    return Start(np.concatenate([weight, np.zeros(widths[1])]), _words(count, spec.dtype))


def _words(count: int, dtype: str) -> int:
    """32-bit words that torch.randn takes from its generator: aten/native/cpu/DistributionTemplates.h."""
    if count < SMALL:  # two numbers from two uniform ones of 64 bits
        return 4 * ((count + 1) // 2)
    return (count + (SMALL if count % SMALL else 0)) * (2 if dtype == "float64" else 1)


def _trained(name: str, spec: Spec, widths: list[int]) -> Array:
    """The last weights of an experiment, trained under this spec's seed the way this spec is computed."""
    first = experiments.find(
        name, [f"{key}={spec.text(key)}" for key in ("seed", "dtype", "backend", "device")]
    )
    theirs = _widths(dataclasses.replace(first, seed=1))
    if theirs != widths:
        shapes = " and ".join("-".join(map(str, shape)) for shape in (theirs, widths))
        raise RequestError(
            f"start={name}: the network that was trained and the one to train have the widths {shapes}; "
            f"expected hidden={first.text('hidden')} and data of as many features and classes, or start=drawn"
        )
    return _weights_after(first)


@functools.lru_cache(maxsize=16)
def _widths(spec: Spec) -> list[int]:
    """The widths of a spec's network, which are the same under every seed."""
    data = prepare(spec)
    return mlp.widths(spec, data.train_x.shape[1], len(data.class_names))


@functools.lru_cache(maxsize=1024)
def _weights_after(spec: Spec) -> Array:
    """The last weights of a run of that spec, (parameters,)."""
    training = registry.load("backends", spec.backend).start(spec, prepare(spec))
    for _ in range(spec.epochs):
        training.begin_epoch()
        training.advance(training.steps_left)
    return np.concatenate([part.ravel() for part in training.weights()]).astype(np.float64)
