"""The same training twice: by csrc/mlp, and by torch.nn with torch.optim, from the same first weights."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine import mlp, ops
from engine.layers import reference

ULP = {"float32": 2.0**-23, "float64": 2.0**-52}


@dataclass(frozen=True)
class Case:
    """A network, its data, and how it is trained."""

    widths: tuple[int, ...] = (4, 16, 3)
    activations: tuple[str, ...] = ("sigmoid", "softmax")
    bias: bool = True
    loss: str = "cross_entropy"
    optimizer: str = "adam"
    lr: float = 0.01
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    rows: int = 21
    batch_size: int = 2
    steps: int = 200
    seed: int = 1

    @functools.cache  # noqa: B019
    def data(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Features (rows, inputs), and labels (rows,) or targets (rows, outputs)."""
        rng = np.random.default_rng(self.seed)
        x = rng.standard_normal((self.rows, self.widths[0]))
        if self.loss == "mse":
            return x, rng.standard_normal((self.rows, self.widths[-1]))
        return x, rng.integers(0, self.widths[-1], self.rows)

    def native(self, dtype: str, **changes: Any) -> ops.Run:
        x, y = self.data()
        arguments: dict[str, Any] = {
            "widths": list(self.widths),
            "activations": list(self.activations),
            "bias": self.bias,
            "loss": self.loss,
            "features": x,
            "targets": y,
            "rule": self.rule(),
            "batches": ops.Batches(self.batch_size, shuffle=False),
            "seed": self.seed,
            "dtype": dtype,
            "fused": mlp.FUSED,
        }
        return ops.Run(**{**arguments, **changes})

    def rule(self) -> ops.Rule:
        return ops.Rule(
            self.optimizer,
            self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
        )

    def model(self, weights: np.ndarray[Any, Any], dtype: torch.dtype) -> nn.Sequential:
        """The network in torch.nn, with these weights."""
        layers: list[nn.Module] = []
        for inputs, outputs, activation in zip(self.widths, self.widths[1:], self.activations, strict=False):
            layers += [nn.Linear(inputs, outputs, bias=self.bias, dtype=dtype), Applied(activation)]
        model = nn.Sequential(*layers)
        parts = mlp.split_layers(weights, list(self.widths), self.bias)
        with torch.no_grad():
            for parameter, part in zip(model.parameters(), parts, strict=True):
                parameter.copy_(torch.from_numpy(part))
        return model

    def loss_of(self, model: nn.Module, rows: slice, dtype: torch.dtype) -> Tensor:
        x, y = self.data()
        prediction = model(torch.from_numpy(x[rows]).to(dtype))
        if self.loss == "mse":
            return nn.functional.mse_loss(prediction, torch.from_numpy(y[rows]).to(dtype))
        return nn.functional.cross_entropy(prediction, torch.from_numpy(y[rows]))

    def torch_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        if self.optimizer == "sgd":
            return torch.optim.SGD(
                model.parameters(),
                self.lr,
                momentum=self.momentum,
                weight_decay=self.weight_decay,
                nesterov=self.nesterov,
            )
        kind = torch.optim.Adam if self.optimizer == "adam" else torch.optim.AdamW
        return kind(model.parameters(), self.lr, weight_decay=self.weight_decay)


class Applied(nn.Module):
    """An activation by its name."""

    def __init__(self, name: str):
        super().__init__()
        self.function = reference(name)

    def forward(self, z: Tensor) -> Tensor:
        return self.function(z)


def train_native(case: Case, dtype: str, first: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The weights after the case's steps, from these first weights."""
    run = case.native(dtype)
    run.set_weights(first)
    left = case.steps
    while left:
        if run.steps_left == 0:
            run.begin_epoch()
        steps = min(left, run.steps_left)
        assert run.advance(steps) == (steps, 0.0)
        left -= steps
    return run.weights()


def train_torch(case: Case, dtype: str, first: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The weights after the case's steps, from these first weights."""
    kind = getattr(torch, dtype)
    model = case.model(first, kind)
    optimizer = case.torch_optimizer(model)
    starts = range(0, case.rows, case.batch_size)
    for step in range(case.steps):
        begin = starts[step % len(starts)]
        optimizer.zero_grad()
        case.loss_of(model, slice(begin, begin + case.batch_size), kind).backward()
        optimizer.step()
    return torch.cat([p.detach().double().flatten() for p in model.parameters()]).numpy()


def ulps(got: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any], dtype: str) -> float:
    """Root mean square error in units in the last place of the largest number."""
    size = np.abs(wanted).max()
    return float(np.sqrt(np.mean((got - wanted) ** 2)) / (ULP[dtype] * size))


def check(case: Case, draws: int = 2) -> tuple[float, float, float, float]:
    """Errors after all steps, in ulps: ours and what is allowed, in float32 and then in float64.

    Allowed is twice torch's own error plus one; where the reference itself is float64, its error, taken to
    be as many ulps as torch has in float32, comes on top. The worst of each over some draws of data and
    first weights: a single one may find either side lucky.
    """
    theirs, single, twice = [], [], []
    for draw in range(draws):
        drawn = replace(case, seed=case.seed + draw)
        first = drawn.native("float32").weights()
        exact = train_torch(drawn, "float64", first)
        theirs.append(ulps(train_torch(drawn, "float32", first), exact, "float32"))
        single.append(ulps(train_native(drawn, "float32", first), exact, "float32"))
        twice.append(ulps(train_native(drawn, "float64", first), exact, "float64"))
    return max(single), 2 * max(theirs) + 1, max(twice), 3 * max(theirs) + 1
