"""Whole training runs in native code: the door to csrc/mlp for backends, populations and benchmarks.

Layers follow nn.Linear, parameters the order of `model.parameters()`: of each layer the weight (out, in),
then the bias (out).
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine import ops
from engine.spec import Spec

__all__ = ["FUSED", "activations", "batches", "parameters", "rule", "split_layers", "widths"]

Array = NDArray[Any]

FUSED = torch.backends.cpu.get_cpu_capability() != "DEFAULT"
"""Whether torch draws uniform numbers with a fused multiply-add here; first weights depend on it."""


def widths(spec: Spec, inputs: int, classes: int) -> list[int]:
    """Widths of all layers, (inputs, *hidden, outputs); a regression (no classes) has one output."""
    return [inputs, *spec.hidden, classes or 1]


def parameters(widths: list[int]) -> int:
    """How many numbers a network of those widths learns, biases among them."""
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(widths))


def activations(spec: Spec) -> list[str]:
    """The activation of each layer."""
    return [spec.activation] * len(spec.hidden) + ["softmax" if spec.output == "softmax" else "identity"]


def rule(spec: Spec) -> ops.Rule:
    """The update rule of a spec, with its present rates."""
    return ops.Rule(spec.optimizer, spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay)


def batches(spec: Spec) -> ops.Batches:
    """How the spec takes the rows of an epoch."""
    weighted = spec.epoch_loss != "unweighted"
    return ops.Batches(spec.batch_size, shuffle=spec.shuffle, drop_last=spec.drop_last, weighted=weighted)


def split_layers(parameters: Array, widths: list[int], bias: bool = True) -> list[Array]:
    """Views of (..., parameters) numbers as torch has them: weight (out, in), bias (out), layer by layer."""
    parts: list[Array] = []
    begin = 0
    for inputs, outputs in itertools.pairwise(widths):
        for shape in ((outputs, inputs), (outputs,))[: 2 if bias else 1]:
            size = int(np.prod(shape))
            parts.append(parameters[..., begin : begin + size].reshape(*parameters.shape[:-1], *shape))
            begin += size
    return parts
