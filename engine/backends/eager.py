"""The lecture's own way: nn.Linear, DataLoader, torch.nn's losses, torch.optim's optimizers, a Python loop.

This is the reference that every other backend is held against, so it is written as the lecture writes it; the
numbers it gives are the lecture's, bit for bit.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from engine import devices, mlp, starts
from engine.backends.base import Epochs, Metrics, NonFiniteLoss, one_by_one
from engine.checkpoints import State
from engine.datasets import Array, Prepared
from engine.layers import LinearAct, reference
from engine.spec import Spec

Loop = TypeVar("Loop", bound="LoopTraining")

# Below this many multiplications a step, a second thread costs more than it brings; and where other work
# keeps the cores busy, every step would wait until the system finds time for it: small runs would crawl.
ONE_THREAD_BELOW = 1_000_000


def start(spec: Spec, data: Prepared) -> LoopTraining:
    return start_loop(spec, data, Activated)


def start_loop(spec: Spec, data: Prepared, layer: type[nn.Module]) -> LoopTraining:
    """The loop over this kind of layer."""
    return one_thread_if_small(LoopTraining(spec, data, layer), spec)


def one_thread_if_small(training: Loop, spec: Spec) -> Loop:
    """The training itself; torch is told to use one thread if its steps are not worth more."""
    if training.parameters * spec.batch_size < ONE_THREAD_BELOW:
        torch.set_num_threads(1)
    return training


class Activated(nn.Linear):
    """nn.Linear followed by a function of torch: what LinearAct fuses, unfused."""

    def __init__(self, in_features: int, out_features: int, activation: str, dtype: torch.dtype):
        super().__init__(in_features, out_features, dtype=dtype)
        self.function = reference(activation)

    def forward(self, input: Tensor) -> Tensor:
        return self.function(super().forward(input))


class LoopTraining:
    """A training loop in Python over any layer of the form `layer(in, out, activation, dtype)`."""

    model: Any  # callable; named_parameters() and parameters()
    loss_fn: Callable[[Tensor, Tensor], Tensor]
    optimizer: Any  # step(), zero_grad(), param_groups and state, as torch.optim's

    def __init__(self, spec: Spec, data: Prepared, layer: type[nn.Module] = Activated):
        spec = spec.settled(bool(data.class_names))
        self.layer = layer
        self.epoch_loss = spec.epoch_loss
        self.dtype = getattr(torch, spec.dtype)
        self.classifies = bool(data.class_names)
        self.test_rows = (data.test_x, data.test_y)
        self.steps_left = 0
        self.batches: Iterator[list[Tensor]] = iter(())
        self.seen = self.correct = 0
        self.loss_sum = self.batch_sum = self.last = 0.0
        widths = mlp.widths(spec, data.train_x.shape[1], len(data.class_names))
        self.device = devices.find(
            spec.device,
            kernels=layer is LinearAct,
            parameters=mlp.parameters(widths),
            rows=spec.batch_size,
            small=devices.SMALL_LOOP,
        )
        start = starts.find(spec, widths)

        # The lecture's order: seed, loader, network. Each epoch of the loader draws from the same generator.
        torch.manual_seed(spec.seed)
        torch.rand(start.skipped)
        self.rows = TensorDataset(*self._tensors(data.train_x, data.train_y))
        self._load(spec)
        generator = torch.get_rng_state()
        self.build(spec, widths, mlp.activations(spec))
        if start.weights is not None:
            self._give(start.weights, widths)
            torch.set_rng_state(generator)  # weights that are given draw nothing
        self.order: list[list[int]] = []  # the epoch's batches of rows
        self.random = torch.get_rng_state()  # of this training: another in the same process has its own

    def build(self, spec: Spec, widths: list[int], activations: list[str]) -> None:
        """Set model, loss_fn and optimizer; the first weights are drawn layer by layer."""
        sizes = zip(itertools.pairwise(widths), activations, strict=True)
        self.model = nn.Sequential(*(self.layer(i, o, name, dtype=self.dtype) for (i, o), name in sizes))
        with devices.memory_errors():
            self.model.to(self.device.name)
        self.loss_fn = nn.CrossEntropyLoss() if self.classifies else nn.MSELoss()
        self.optimizer = _optimizer(self.model, spec)

    def weights(self) -> list[Array]:
        """The present weights, layer by layer: weight (out, in), bias (out), ..."""
        return [_copy(parameter) for parameter in self.model.parameters()]

    def _give(self, weights: Array, widths: list[int]) -> None:
        for parameter, part in zip(self.model.parameters(), mlp.split_layers(weights, widths), strict=True):
            parameter.data.copy_(torch.from_numpy(part))

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    def begin_epoch(self) -> None:
        self.seen = self.correct = 0
        self.loss_sum = self.batch_sum = self.last = 0.0
        with self._generator():
            iter(self.loader)  # draws a seed for workers, as a loop over the loader does, and then the order
            self.order = list(self.loader.batch_sampler or ())
            self.random = torch.get_rng_state()
        self._take(len(self.order))

    def advance(self, steps: int) -> int:
        for taken in range(steps):
            x, y = next(self.batches)
            with devices.memory_errors():
                self._step(x.to(self.device.name), y.to(self.device.name), taken)
            self.steps_left -= 1
        return steps

    def advance_epochs(self, count: int) -> Epochs:
        return one_by_one(self, count)

    def interrupt(self) -> None:
        """Nothing: a step of torch's cannot be given up."""

    def _step(self, x: Tensor, y: Tensor, taken: int) -> None:
        prediction = self._forward(x)
        loss = self.loss_fn(prediction, y)
        value = loss.item()
        if not math.isfinite(value):
            raise NonFiniteLoss(value, taken)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.loss_sum += value * y.size(0)
        self.batch_sum += value
        self.last = value
        self.seen += y.size(0)
        if self.classifies:
            self.correct += int((torch.argmax(prediction, dim=1) == y).sum())

    def metrics(self) -> Metrics:
        seen = max(self.seen, 1)
        mean = self.loss_sum / seen
        shown = {"mean": mean, "unweighted": self.batch_sum / seen, "last": self.last}[self.epoch_loss]
        return Metrics(shown, self.correct / seen if self.classifies else None, mean)

    def test(self) -> Metrics | None:
        return self.evaluate(*self.test_rows)[0] if len(self.test_rows[1]) else None

    def evaluate(self, features: Array, targets: Array) -> tuple[Metrics, Array]:
        x, y = self._tensors(features, targets)
        with torch.no_grad(), devices.memory_errors():
            prediction = self._forward(x.to(self.device.name))
            loss = self.loss_fn(prediction, y.to(self.device.name)).item()
        if not self.classifies:
            return Metrics(loss, None, loss), prediction.cpu().numpy()
        classes = torch.argmax(prediction, dim=1).cpu()
        return Metrics(loss, int((classes == y).sum()) / len(y), loss), classes.numpy()

    def change(self, spec: Spec) -> None:
        for group in self.optimizer.param_groups:
            group.update({name: value for name, value in _rates(spec).items() if name in group})
        self._load(spec)

    def batch(self) -> Array:
        return np.array(self.order[-self.steps_left] if self.steps_left else [], dtype=np.int64)

    def state(self) -> State:
        arrays = {"order": np.array([row for batch in self.order for row in batch], dtype=np.int64)}
        arrays["random"] = _copy(self.random)
        numbers: dict[str, int | float] = {
            "batch_size": len(self.order[0]) if self.order else 1,
            "steps_left": self.steps_left,
            "loss_sum": self.loss_sum,
            "batch_sum": self.batch_sum,
            "last": self.last,
            "seen": self.seen,
            "correct": self.correct,
        }
        for name, parameter in self.model.named_parameters():
            arrays[name] = _copy(parameter)
            for key, value in self.optimizer.state.get(parameter, {}).items():
                if key == "step":  # the same for all
                    numbers["optimizer.step"] = float(value)
                elif value is not None:
                    arrays[f"optimizer.{key}.{name}"] = _copy(value)
        return State(arrays, numbers)

    def restore(self, state: State) -> None:
        numbers = state.numbers
        arrays = {name: torch.from_numpy(array.copy()) for name, array in state.arrays.items()}
        for name, parameter in self.model.named_parameters():
            parameter.data.copy_(arrays[name])
            self.optimizer.state[parameter] = {
                key.split(".")[1]: value.to(self.device.name)
                for key, value in arrays.items()
                if key.startswith("optimizer.") and key.endswith(f".{name}")
            }
            if "optimizer.step" in numbers:
                self.optimizer.state[parameter]["step"] = torch.tensor(numbers["optimizer.step"])
        self.loss_sum, self.batch_sum, self.last = (
            float(numbers[name]) for name in ("loss_sum", "batch_sum", "last")
        )
        self.seen, self.correct = int(numbers["seen"]), int(numbers["correct"])
        order, size = arrays["order"].tolist(), int(numbers["batch_size"])
        self.order = [order[begin : begin + size] for begin in range(0, len(order), size)]
        self.random = arrays["random"]
        self._take(int(numbers["steps_left"]))

    @contextlib.contextmanager
    def _generator(self) -> Iterator[None]:
        """torch's default generator is this training's own, and afterwards what it was."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.random)
            yield

    def _take(self, steps: int) -> None:
        """Make the last `steps` batches of the epoch those that come."""
        self.steps_left = steps
        rest = self.order[len(self.order) - steps :]
        with self._generator():  # making the iterator draws as well
            self.batches = iter(DataLoader(self.rows, batch_sampler=rest))

    def _load(self, spec: Spec) -> None:
        """The loader of the epochs to come; the one under way goes on with the iterator it has."""
        self.loader = DataLoader(self.rows, spec.batch_size, shuffle=spec.shuffle, drop_last=spec.drop_last)

    def _forward(self, x: Tensor) -> Tensor:
        prediction: Tensor = self.model(x)
        return prediction if self.classifies else prediction[:, 0]

    def _tensors(self, features: Array, targets: Array) -> tuple[Tensor, Tensor]:
        y = torch.from_numpy(targets)
        return torch.from_numpy(features).to(self.dtype), y.long() if self.classifies else y.to(self.dtype)


def _copy(tensor: Tensor) -> Array:
    return tensor.detach().cpu().numpy().copy()


def _rates(spec: Spec) -> dict[str, float]:
    return {"lr": spec.lr, "weight_decay": spec.weight_decay, "momentum": spec.momentum}


def _optimizer(model: nn.Module, spec: Spec) -> torch.optim.Optimizer:
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[spec.optimizer]
    rates = _rates(spec)
    if spec.optimizer != "sgd":
        del rates["momentum"]
    optimizer: torch.optim.Optimizer = kind(model.parameters(), **rates)
    return optimizer
