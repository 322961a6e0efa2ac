"""How fast are many networks at once? `nnplay bench population [--json] [--models N]`

The lecture's Iris network, batch 2, Adam: compiled torch.vmap, JAX's vmap of its scan if it can be imported,
and native populations on one thread and on all. Figures are medians over interleaved rounds (see timing.py).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence

import torch

from engine import devices, experiments, population
from engine.bench.timing import median_seconds, wait_for, where
from engine.bench.train import LADDER, Epoch, first_state, jax_epoch, torch_step
from engine.datasets import prepare
from engine.words import counted

__all__ = ["main"]

IRIS = LADDER[0]
EPOCHS = 100  # of the experiment, and of a native turn: what a call costs once belongs to a whole run
MODELS = {"cpu": 1024, "cuda": 10_000}


def _vmap(models: int, device: str) -> Epoch:
    """torch.vmap of the whole step under torch.compile."""
    iris = dataclasses.replace(IRIS, device=device)
    x, y = (torch.from_numpy(a).to(device) for a in iris.data())
    x = x.float()
    step = torch.compile(torch.vmap(torch_step(iris), in_dims=(0, 0, 0, None)), dynamic=False)
    p, m, v = ([q.expand(models, *q.shape).clone() for q in part] for part in first_state(iris))
    state = (p, m, v)
    count = torch.zeros((), device=device)
    orders = torch.stack([torch.randperm(len(x)) for _ in range(models)]).to(device)

    def epoch() -> None:
        nonlocal state, count
        with torch.no_grad():
            for begin in range(0, len(x), IRIS.batch_size):
                rows = orders[:, begin : begin + IRIS.batch_size]
                count = count + 1
                state = step(state, x[rows], y[rows], count)

    return epoch


def _native(models: int, threads: int, device: str = "cpu") -> Callable[[], object]:
    spec = experiments.find("iris-mlp", [f"epochs={EPOCHS}", f"device={device}"])
    data = prepare(spec)
    return lambda: population.train(spec, data, range(models), threads=threads)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        prog="nnplay bench population", description="Time populations against vmap."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--models", type=int, help="networks at once; 1024, on a GPU 10,000")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.vmap out")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where the networks are")
    options = parser.parse_args(arguments)
    device = options.device
    devices.find(device, kernels=True)
    options.models = MODELS[device] if options.models is None else options.models
    for name in ("models", "threads"):
        if getattr(options, name) < 1:
            parser.error(f"--{name}: expected a whole number from 1, got {getattr(options, name)}")
    torch.set_num_threads(options.threads)
    work: dict[str, Callable[[], object] | None] = {
        "vmap": None if options.no_compile else _vmap(options.models, device),
        "jax": jax_epoch(IRIS, options.models),
    }
    if device == "cuda":
        work["native, the GPU"] = _native(options.models, options.threads, device)
    else:
        for threads in dict.fromkeys([1, options.threads]):
            work[f"native, {counted(threads, 'thread')}"] = _native(options.models, threads)
    found = {name: epoch for name, epoch in work.items() if epoch}
    seconds = median_seconds(found, rounds=7, wait=wait_for(device))
    whole = {name: each * (1 if "native" in name else EPOCHS) for name, each in seconds.items()}
    steps = options.models * IRIS.batches * EPOCHS
    rates = {name: steps / each for name, each in whole.items()}
    if options.json:
        about = {"device": device, "threads": options.threads, "models": options.models, "epochs": EPOCHS}
        print(json.dumps({**about, "model_steps_per_second": rates, "experiment_seconds": whole}))
        return 0
    print(
        f"{where(device, options.threads)}; {counted(options.models, 'network')} {IRIS.name}, {EPOCHS} epochs"
    )
    print(f"{'':22}{'million steps/s':>16}{'ns per model and step':>24}{'experiment, s':>16}")
    for name, rate in rates.items():
        print(f"{name:22}{rate / 1e6:16.3f}{1e9 / rate:24.1f}{whole[name]:16.3f}")
    if len(whole) > sum("native" in name for name in whole):
        print(f"vmap and jax are timed for one epoch, whose time {EPOCHS} times is their experiment's")
    if work["jax"] is None:
        print("JAX cannot be imported here and is left out (pip install jax)")
    return 0
