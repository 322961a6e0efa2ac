"""What is inside a network at one moment, computed by plain torch functions and autograd.

It takes parameters as plain arrays under torch's names, `0.weight` (out, in), `0.bias` (out), `1.weight` …,
so it is independent of the backend that trained them.

    network = Network(spec, arrays)
    network.layers(x)                  # pre-activation and output of each layer for rows x
    network.take_apart(x, y).arrays    # one batch: every tensor of its step, gradients included
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine import mlp
from engine.datasets import Array, Prepared
from engine.layers import reference
from engine.spec import Spec

LOOKED_AT = 1000  # rows, to find the features that tell the most


@dataclass(frozen=True)
class Batch:
    """One batch taken apart: its loss, the share of rows classified right, and its tensors by name."""

    loss: float
    accuracy: float | None
    arrays: dict[str, Array]


class Network:
    """The layers of a spec with given parameters."""

    def __init__(self, spec: Spec, arrays: Mapping[str, Array]):
        self.classifies = spec.loss == "cross_entropy"
        self.dtype = getattr(torch, spec.dtype)
        self.activations = mlp.activations(spec)
        self.outputs_are_probabilities = spec.output == "softmax"
        self.parameters = {
            f"{layer}.{part}": torch.tensor(arrays[f"{layer}.{part}"], dtype=self.dtype)
            for layer in range(len(self.activations))
            for part in ("weight", "bias")
        }

    @property
    def widths(self) -> list[int]:
        """The widths of the layers, (*hidden, outputs)."""
        return [len(self.parameters[f"{layer}.bias"]) for layer in range(len(self.activations))]

    def layers(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Per layer, the pre-activation z = x Wᵀ + b and the output f(z), both (rows, width)."""
        found = []
        for layer, activation in enumerate(self.activations):
            z = F.linear(x, self.parameters[f"{layer}.weight"], self.parameters[f"{layer}.bias"])
            x = reference(activation)(z)
            found.append((z, x))
        return found

    def forward(self, features: Array) -> Tensor:
        """The output of the last layer for rows (n, columns): (n, outputs)."""
        return self.layers(self._rows(features))[-1][1]

    def targets(self, targets: Array) -> Tensor:
        """Targets (n,) as the loss takes them."""
        y = torch.from_numpy(targets)
        return y.long() if self.classifies else y.to(self.dtype)

    def loss(self, output: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of the rows: cross-entropy of the output as it is, or the mean squared error."""
        return F.cross_entropy(output, targets) if self.classifies else F.mse_loss(output[:, 0], targets)

    @torch.no_grad()
    def predict(self, features: Array) -> tuple[Array, Array]:
        """For rows (n, columns): the class and its probability, or the number and ones; both (n,)."""
        output = self.forward(features)
        if not self.classifies:
            return output[:, 0].numpy(), np.ones(len(features))
        parts = output if self.outputs_are_probabilities else F.softmax(output, dim=1)
        best = parts.max(dim=1)
        return best.indices.numpy(), best.values.numpy()

    @torch.no_grad()
    def outputs(self, features: Array, layer: int) -> Array:
        """What a layer gives for rows (n, columns): (n, width); of classes the probabilities.

        Layer 0 are the rows themselves.
        """
        if layer == 0:
            return features
        output = self.layers(self._rows(features))[layer - 1][1]
        if layer == len(self.activations) and self.classifies and not self.outputs_are_probabilities:
            output = F.softmax(output, dim=1)
        found: Array = output.numpy()
        return found

    def take_apart(self, features: Array, targets: Array) -> Batch:
        """The batch's rows, each layer's values, the loss, and the gradient of the loss in all of them.

        Names: `batch.x`, `batch.y`; per layer `activation.0.z`, `activation.0.output`; the gradient of
        anything has its name with `gradient.` in front, `gradient.0.weight`, `gradient.activation.0.z`.
        """
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)
        x, y = self._rows(features), self.targets(targets)
        found = self.layers(x)
        loss = self.loss(found[-1][1], y)
        named = dict(self.parameters)
        for layer, (z, output) in enumerate(found):
            named[f"activation.{layer}.z"] = z
            named[f"activation.{layer}.output"] = output
        gradients = torch.autograd.grad(loss, list(named.values()), materialize_grads=True)
        arrays = {"batch.x": x.numpy(), "batch.y": y.numpy()}
        arrays |= {n: t.detach().numpy() for n, t in named.items() if n not in self.parameters}
        arrays |= {f"gradient.{n}": g.numpy() for n, g in zip(named, gradients, strict=True)}
        right = (found[-1][1].argmax(dim=1) == y).double().mean().item() if self.classifies else None
        return Batch(loss.item(), right, arrays)

    def _rows(self, features: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(features)).to(self.dtype)


@dataclass(frozen=True)
class Plane:
    """A rectangle of two features, with all others at their mean over the train rows."""

    x: int
    y: int
    low: Array  # (2,) standardized
    high: Array  # (2,)
    mean: Array  # (columns,)

    def rows(self, width: int, height: int) -> Array:
        """The points of a grid as rows for the network: (height * width, columns), the top row first."""
        across = np.linspace(self.low[0], self.high[0], width)
        down = np.linspace(self.high[1], self.low[1], height)
        rows = np.tile(self.mean, (height * width, 1))
        rows[:, self.y] = np.repeat(down, width)
        rows[:, self.x] = np.tile(across, height)
        return rows

    def places(self, features: Array) -> Array:
        """Where rows lie in the rectangle: (n, 2), from (0, 0) bottom left to (1, 1)."""
        places: Array = (features[:, [self.x, self.y]] - self.low) / (self.high - self.low)
        return places


def telling(data: Prepared) -> list[int]:
    """The columns of the features, the most telling first: those that go along with the target the most.

    What has two values only, as one word of a column of words, comes last: a map over it has no inside. The
    first two keep the order of the table. The first rows are enough, and asked for with every picture.
    """
    x, y = data.train_x[:LOOKED_AT], data.train_y[:LOOKED_AT]
    wanted = np.eye(len(data.class_names))[y] if data.classifies else np.reshape(y, (-1, 1))
    x0, wanted = x - x.mean(axis=0), wanted - wanted.mean(axis=0)
    spread = np.sqrt(np.outer((x0**2).sum(axis=0), (wanted**2).sum(axis=0)))
    along = np.divide(np.abs(x0.T @ wanted), spread, out=np.zeros_like(spread), where=spread > 0).max(axis=1)
    two = np.array([len(np.unique(column)) <= 2 for column in x.T])
    order: list[int] = np.lexsort((-along, two)).tolist()
    return sorted(order[:2]) + order[2:]


def plane(data: Prepared, x: int, y: int) -> Plane:
    """The rectangle around all rows, with a margin of a twentieth."""
    rows = np.concatenate([data.train_x, data.test_x])[:, [x, y]]
    low, high = rows.min(axis=0), rows.max(axis=0)
    margin = np.where(high > low, (high - low) / 20, 0.5)
    return Plane(x, y, low - margin, high + margin, data.train_x.mean(axis=0))


def clean(values: Array) -> Array:
    """What scaling there and back left of a zero is zero again."""
    largest = np.abs(values).max(axis=0, initial=0.0)
    cleaned: Array = np.where(np.abs(values) < 1e-12 * largest, 0.0, values)
    return cleaned


def in_units(data: Prepared, feature: int, value: float) -> float:
    """A standardized value of a feature in the units of the table."""
    return float(data.raw(np.full(data.train_x.shape[1], value))[feature])


def ranges(data: Prepared, rectangle: Plane) -> list[list[float]]:
    """The ends of both sides of a rectangle in the units of the table."""
    ends = (rectangle.low, rectangle.high)
    return [
        [in_units(data, f, float(end[i])) for end in ends] for i, f in enumerate((rectangle.x, rectangle.y))
    ]
