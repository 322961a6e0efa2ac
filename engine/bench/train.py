"""How fast is training? `nnplay bench train [--json] [--threads N]`

The lecture's own loop, torch at its best, JAX if it can be imported, and native runs, side by side.
A turn of a candidate is one epoch; seconds are per step, medians over interleaved rounds (timing.py).
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine import devices, experiments, mlp, ops
from engine.backends import eager, native
from engine.bench.timing import median_seconds, wait_for, where
from engine.datasets import prepare
from engine.layers import reference

__all__ = ["LADDER", "Net", "candidates", "full_experiment", "main"]

Epoch = Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Net:
    """A classifier with sigmoid hidden layers and Adam: widths, rows of a batch, batches of an epoch."""

    widths: tuple[int, ...]
    batch_size: int
    batches: int
    device: str = "cpu"

    @property
    def name(self) -> str:
        return f"{'-'.join(map(str, self.widths))} batch {self.batch_size}"

    @property
    def activations(self) -> list[str]:
        return ["sigmoid"] * (len(self.widths) - 2) + ["softmax" if self.widths[0] == 4 else "identity"]

    def data(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        rng = np.random.default_rng(0)
        rows = self.batch_size * self.batches
        return rng.standard_normal((rows, self.widths[0])), rng.integers(0, self.widths[-1], rows)


LADDER = (
    Net((4, 16, 3), 2, 50),
    Net((4, 32, 32, 3), 8, 50),
    Net((30, 64, 2), 32, 20),
    Net((784, 32, 10), 32, 10),
    Net((784, 128, 10), 64, 5),
    Net((784, 512, 10), 128, 2),
    Net((784, 1024, 1024, 10), 256, 1),
)


def _native(net: Net) -> Epoch:
    x, y = net.data()
    run = ops.Run(
        widths=list(net.widths),
        activations=net.activations,
        bias=True,
        loss="cross_entropy",
        features=x,
        targets=y,
        rule=ops.Rule("adam", 0.001),
        batches=ops.Batches(net.batch_size),
        seed=1,
        dtype="float32",
        fused=mlp.FUSED,
        device=net.device,
    )

    def epoch() -> None:
        run.begin_epoch()
        run.advance(run.steps_left)

    return epoch


def _batches(rows: int, size: int) -> list[Tensor]:
    order = torch.randperm(rows)
    return [order[begin : begin + size] for begin in range(0, rows, size)]


def _tensors(net: Net) -> tuple[Tensor, Tensor]:
    x, y = net.data()
    return torch.from_numpy(x).float().to(net.device), torch.from_numpy(y).to(net.device)


def _eager(net: Net) -> Epoch:
    """torch.nn without a DataLoader, with torch's fused Adam."""
    x, y = _tensors(net)
    layers: list[nn.Module] = []
    for (inputs, outputs), name in zip(itertools.pairwise(net.widths), net.activations, strict=True):
        layers.append(eager.Activated(inputs, outputs, name, torch.float32))
    model = nn.Sequential(*layers).to(net.device)
    optimizer = torch.optim.Adam(model.parameters(), 0.001, fused=True)

    def epoch() -> None:
        for rows in _batches(len(x), net.batch_size):
            optimizer.zero_grad()
            loss: Tensor = nn.functional.cross_entropy(model(x[rows]), y[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return epoch


def _compiled(net: Net) -> Epoch:
    """The whole step as one function of its state, under torch.compile."""
    x, y = _tensors(net)
    step = torch.compile(torch_step(net), dynamic=False)
    state = first_state(net)
    count = torch.zeros((), device=net.device)

    def epoch() -> None:
        nonlocal state, count
        with torch.no_grad():
            for rows in _batches(len(x), net.batch_size):
                count = count + 1
                state = step(state, x[rows], y[rows], count)

    return epoch


State = tuple[list[Tensor], list[Tensor], list[Tensor]]


def first_state(net: Net) -> State:
    """Weights and biases, and Adam's two memories of each."""
    p = [q for i, o in itertools.pairwise(net.widths) for q in (torch.randn(o, i) / i**0.5, torch.zeros(o))]
    p = [q.to(net.device) for q in p]
    return p, [torch.zeros_like(q) for q in p], [torch.zeros_like(q) for q in p]


def torch_step(net: Net) -> Callable[[State, Tensor, Tensor, Tensor], State]:
    """One step of Adam as a pure function."""
    functions = [reference(name) for name in net.activations]

    def loss(p: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        for weight, bias, activation in zip(p[::2], p[1::2], functions, strict=True):
            x = activation(nn.functional.linear(x, weight, bias))
        return nn.functional.cross_entropy(x, y)

    def step(state: State, x: Tensor, y: Tensor, count: Tensor) -> State:
        p, m, v = state
        gradient = torch.func.grad(loss)(p, x, y)
        m = [0.9 * a + 0.1 * g for a, g in zip(m, gradient, strict=True)]
        v = [0.999 * a + 0.001 * g * g for a, g in zip(v, gradient, strict=True)]
        size, root = 0.001 / (1 - 0.9**count), (1 - 0.999**count) ** 0.5
        p = [w - size * a / (b.sqrt() / root + 1e-8) for w, a, b in zip(p, m, v, strict=True)]
        return p, m, v

    return step


def _lecture(net: Net) -> Epoch:
    """The lecture's loop over its own data: nn.Linear, DataLoader, Adam."""
    spec = experiments.find("iris-mlp", [f"device={net.device}"])
    training = eager.start(spec, prepare(spec))

    def epoch() -> None:
        training.begin_epoch()
        training.advance(training.steps_left)

    return epoch


def jax_epoch(net: Net, models: int | None = None) -> Epoch | None:
    """An epoch under jit(lax.scan), of one model or, with vmap, of many; None without JAX."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX takes most of a GPU's memory else
    try:
        import jax  # type: ignore[import-not-found, unused-ignore]
        import jax.numpy as jnp  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return None
    x, y = (jnp.asarray(a) for a in net.data())
    x = x.astype(jnp.float32)

    def loss(p: Any, x: Any, y: Any) -> Any:
        for index, (weight, bias) in enumerate(zip(p[::2], p[1::2], strict=True)):
            x = x @ weight.T + bias
            if net.activations[index] == "sigmoid":
                x = jax.nn.sigmoid(x)
            elif net.activations[index] == "softmax":
                x = jax.nn.softmax(x)
        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1).mean()

    def step(state: Any, rows: Any) -> Any:
        p, m, v, t = state
        value, gradient = jax.value_and_grad(loss)(p, x[rows], y[rows])
        t = t + 1
        m = [0.9 * a + 0.1 * g for a, g in zip(m, gradient, strict=True)]
        v = [0.999 * a + 0.001 * g * g for a, g in zip(v, gradient, strict=True)]
        size, root = 0.001 / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        p = [w - size * a / (jnp.sqrt(b) / root + 1e-8) for w, a, b in zip(p, m, v, strict=True)]
        return (p, m, v, t), value

    def scan(state: Any, order: Any) -> Any:
        return jax.lax.scan(step, state, order)

    one = [jnp.asarray(q.numpy(force=True)) for q in first_state(net)[0]]
    order = np.random.default_rng(0).permutation(len(x)).reshape(-1, net.batch_size)
    if models:
        one = [jnp.repeat(q[None], models, 0) for q in one]
        order = np.repeat(order[None], models, 0)
        scan = jax.vmap(scan)
    zeros = [jnp.zeros_like(q) for q in one]
    state = (one, zeros, zeros, jnp.zeros((models,) if models else ()))
    compiled = jax.jit(scan)
    rows = jnp.asarray(order)
    return lambda: compiled(state, rows)[1].block_until_ready()


def candidates(net: Net, compile_too: bool = True) -> dict[str, Epoch]:
    """What is timed for a net, by name."""
    found: dict[str, Epoch | None] = {
        "lecture": _lecture(net) if net.widths == LADDER[0].widths else None,
        "eager": _eager(net),
        "compiled": _compiled(net) if compile_too else None,
        "jax": jax_epoch(net),
        "native": _native(net),
    }
    return {name: epoch for name, epoch in found.items() if epoch}


def full_experiment(epochs: dict[str, Epoch], rounds: int = 9, device: str = "cpu") -> dict[str, float]:
    """Seconds of the lecture's 100 epochs on Iris by each candidate; natively from call to all metrics."""
    spec = experiments.find("iris-mlp", ["backend=native", f"device={device}"])
    wait = wait_for(device)
    data = prepare(spec)

    def run() -> None:
        training = native.start(spec, data)
        for _ in range(spec.epochs):
            training.begin_epoch()
            training.advance(training.steps_left)
            training.metrics()
        training.evaluate(data.test_x, data.test_y)

    def whole(epoch: Epoch) -> float:
        start = time.perf_counter()
        for _ in range(spec.epochs):
            epoch()
        wait()
        return time.perf_counter() - start

    seconds = {name: whole(epoch) for name, epoch in epochs.items() if name != "native"}
    return seconds | median_seconds({"native": run}, rounds=rounds)


def _line(name: str, seconds: dict[str, float], columns: Sequence[str], unit: float) -> str:
    """A row of the table: native's time, and each other's with how many times native's it is."""
    native = seconds["native"]
    cells = (
        f"{seconds[c] / unit:12,.3f} ({seconds[c] / native:8,.1f})" if c in seconds else " " * 23
        for c in columns
    )
    return f"{name:30}{native / unit:12,.3f}{''.join(cells)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="nnplay bench train", description="Time training against torch's.")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--largest", type=int, default=len(LADDER), help="how many nets of the ladder")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where the networks are")
    options = parser.parse_args(arguments)
    device = options.device
    devices.find(device, kernels=True)
    if options.threads < 1:
        parser.error(f"--threads: expected a whole number from 1, got {options.threads}")
    torch.set_num_threads(options.threads)
    rows = []
    experiment: dict[str, float] = {}
    columns: list[str] = []
    if not options.json:
        print(f"{where(device, options.threads)}; microseconds a step (times native)")
    for net in (dataclasses.replace(net, device=device) for net in LADDER[: options.largest]):
        epochs = candidates(net, not options.no_compile)
        seconds = {
            name: each / net.batches
            for name, each in median_seconds(epochs, rounds=9, wait=wait_for(device)).items()
        }
        rows.append({"net": net.name, "seconds_per_step": seconds})
        is_first = len(rows) == 1
        if is_first:
            experiment = full_experiment(epochs, device=device)
        if not options.json:
            if is_first:
                columns = [name for name in seconds if name != "native"]
                print(f"{'':30}{'native':>12}" + "".join(f"{name:>23}" for name in columns))
            print(_line(net.name, seconds, columns, 1e-6), flush=True)
    if options.json:
        about = {"device": device, "threads": options.threads}
        print(json.dumps({**about, "rows": rows, "iris_100_epochs_seconds": experiment}))
        return 0
    print(_line("100 epochs of Iris, ms", experiment, columns, 1e-3))
    if "jax" not in rows[0]["seconds_per_step"]:
        print("JAX cannot be imported here and is left out (pip install jax)")
    return 0
