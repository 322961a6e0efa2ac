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

    @property
    def batches(self) -> int:
        return -(-self.rows // self.batch_size)

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


def train_in_company(case: Case, first: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same as `train_native`, of the second of two networks of a population; steps are whole epochs."""
    x, y = case.data()
    epochs, rest = divmod(case.steps, case.batches)
    assert rest == 0
    ends = ops.train_population(
        widths=list(case.widths),
        activations=list(case.activations),
        bias=case.bias,
        loss=case.loss,
        features=x,
        targets=y,
        test_features=x[:0],
        test_targets=y[:0],
        rule=case.rule(),
        batches=ops.Batches(case.batch_size, shuffle=False),
        epochs=epochs,
        seeds=[1, 2],
        lr=np.full(2, case.lr),
        weight_decay=np.full(2, case.weight_decay),
        weights=np.stack([first / 2, first]),
        dtype="float32",
        fused=mlp.FUSED,
        test_epochs=False,
        threads=1,
    )
    return np.asarray(ends[-1][1])


@functools.cache
def first_weights(case: Case) -> np.ndarray[Any, Any]:
    return case.native("float32").weights()


@functools.cache
def train_torch(case: Case, dtype: str) -> np.ndarray[Any, Any]:
    """The weights after the case's steps in torch, on one thread: these networks are too small for more."""
    kind = getattr(torch, dtype)
    model = case.model(first_weights(case), kind)
    optimizer = case.torch_optimizer(model)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for step in range(case.steps):
        begin = step % case.batches * case.batch_size
        optimizer.zero_grad()
        case.loss_of(model, slice(begin, begin + case.batch_size), kind).backward()
        optimizer.step()
    torch.set_num_threads(threads)
    return torch.cat([p.detach().double().flatten() for p in model.parameters()]).numpy()


def ulps(got: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any], dtype: str) -> float:
    """Root mean square error in units in the last place of the largest number."""
    size = np.abs(wanted).max()
    return float(np.sqrt(np.mean((got - wanted) ** 2)) / (ULP[dtype] * size))


def assert_as_close_as_torch(case: Case) -> None:
    """After at least the case's steps, alone and in company, the error is at most what `_errors` allows.

    The worst of each over some draws of data and first weights counts, since a single one may find either
    side lucky; the first is the only one if it fits.
    """
    case = replace(case, steps=-(-case.steps // case.batches) * case.batches)
    worst = _errors(case)
    for draw in (1, 2):
        if _fits(*worst):
            return
        more = _errors(replace(case, seed=case.seed + draw))
        worst = tuple(max(pair) for pair in zip(worst, more, strict=True))
    assert _fits(*worst), f"errors of torch, and ours alone, in company, and in float64: {worst} ulps"


def _fits(theirs: float, alone: float, company: float, twice: float) -> bool:
    """Ours is at most twice torch's own plus one.

    Where the reference itself is float64, its error, taken to be as many ulps as torch has in float32, comes
    on top.
    """
    return max(alone, company) <= 2 * theirs + 1 and twice <= 3 * theirs + 1


def _errors(case: Case) -> tuple[float, ...]:
    """In ulps against torch in float64: torch's in float32, ours alone and in company, ours in float64."""
    first, exact = first_weights(case), train_torch(case, "float64")
    return (
        ulps(train_torch(case, "float32"), exact, "float32"),
        ulps(train_native(case, "float32", first), exact, "float32"),
        ulps(train_in_company(case, first), exact, "float32"),
        ulps(train_native(case, "float64", first), exact, "float64"),
    )
