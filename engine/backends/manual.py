"""By hand: bare tensors, formulas, and autograd for the gradients: the lecture's first regression.

Neither torch.nn nor torch.optim computes anything here; only the order of the rows is still a DataLoader's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from engine import devices
from engine.backends.eager import LoopTraining, one_thread_if_small
from engine.datasets import Prepared
from engine.layers import reference
from engine.spec import Spec

Parameter = tuple[str, Tensor]


def start(spec: Spec, data: Prepared) -> ManualTraining:
    return one_thread_if_small(ManualTraining(spec, data), spec)


class ManualTraining(LoopTraining):
    """The lecture's loop with a network, a loss and an update rule of our own."""

    def build(self, spec: Spec, widths: list[int], activations: list[str]) -> None:
        with devices.memory_errors():
            self.model = Network(widths, activations, self.dtype, self.device.name)
        self.loss_fn = cross_entropy if self.classifies else mean_squared_error
        self.optimizer = RULES[spec.optimizer](self.model.parameters(), spec)


class Network:
    """z = x Wᵀ + b and an activation, layer by layer; W is (out, in), b is (out)."""

    def __init__(self, widths: list[int], activations: list[str], dtype: torch.dtype, device: str):
        self.functions = [reference(name) for name in activations]
        self.weights: list[Tensor] = []
        self.biases: list[Tensor] = []
        for inputs, outputs in itertools.pairwise(widths):
            bound = inputs**-0.5  # that of nn.Linear
            for shape, to in (((outputs, inputs), self.weights), ((outputs,), self.biases)):
                drawn = torch.empty(shape, dtype=dtype).uniform_(-bound, bound)
                to.append(drawn.to(device).requires_grad_())

    def __call__(self, x: Tensor) -> Tensor:
        for weight, bias, function in zip(self.weights, self.biases, self.functions, strict=True):
            x = function(x @ weight.T + bias)
        return x

    def named_parameters(self) -> Iterator[Parameter]:
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            yield f"{layer}.weight", weight
            yield f"{layer}.bias", bias

    def parameters(self) -> list[Tensor]:
        return [parameter for _, parameter in self.named_parameters()]


def mean_squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).pow(2).mean()


def cross_entropy(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean -log of what softmax gives the right class; prediction (rows, classes), target (rows,)."""
    highest = prediction.max(dim=1, keepdim=True).values
    log_sum = (prediction - highest).exp().sum(dim=1).log() + highest[:, 0]
    return (log_sum - prediction[torch.arange(len(target)), target]).mean()


class Sgd:
    """weight -= lr · gradient; with momentum, that of all, each fading by `momentum` a step.

    Groups and state are kept the way torch.optim's are, so that a run is stored and changed the same way.
    """

    RATES: ClassVar[tuple[str, ...]] = ("lr", "weight_decay", "momentum")

    def __init__(self, parameters: list[Tensor], spec: Spec):
        self.parameters = parameters
        self.rates = {rate: getattr(spec, rate) for rate in self.RATES}
        self.param_groups = [self.rates]
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    @torch.no_grad()
    def step(self) -> None:
        for parameter in self.parameters:
            assert parameter.grad is not None
            self.update(parameter, parameter.grad, self.state.setdefault(parameter, {}))

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad.zero_()

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        rates = self.rates
        if rates["weight_decay"]:
            gradient = gradient + rates["weight_decay"] * parameter
        if rates["momentum"]:
            before = state.get("momentum_buffer")
            gradient = gradient.clone() if before is None else rates["momentum"] * before + gradient
            state["momentum_buffer"] = gradient
        parameter -= gradient * rates["lr"]


class Adam(Sgd):
    """Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1."""

    RATES = ("lr", "weight_decay")
    BETA1, BETA2, EPS = 0.9, 0.999, 1e-8

    def update(self, parameter: Tensor, gradient: Tensor, state: dict[str, Tensor]) -> None:
        gradient = self.decay(parameter, gradient)
        if not state:
            state |= {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(parameter)}
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        steps = state["step"].item()
        state["exp_avg"] += (1 - self.BETA1) * (gradient - state["exp_avg"])
        state["exp_avg_sq"] += (1 - self.BETA2) * (gradient.square() - state["exp_avg_sq"])
        mean = state["exp_avg"] / (1 - self.BETA1**steps)
        deviation = (state["exp_avg_sq"] / (1 - self.BETA2**steps)).sqrt()
        parameter -= self.rates["lr"] * mean / (deviation + self.EPS)

    def decay(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        """The gradient with the one of weight_decay / 2 · |parameter|²."""
        return gradient + self.rates["weight_decay"] * parameter if self.rates["weight_decay"] else gradient


class AdamW(Adam):
    """Loshchilov and Hutter, "Decoupled weight decay regularization", 2019: decay beside the update."""

    def decay(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        parameter *= 1 - self.rates["lr"] * self.rates["weight_decay"]
        return gradient


RULES: dict[str, type[Sgd]] = {"sgd": Sgd, "adam": Adam, "adamw": AdamW}
