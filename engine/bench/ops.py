"""How fast is linear_act? `nnplay bench ops [--json] [--threads N]`

Forward, and forward plus backward, over a ladder of layers, against nn.Linear and the activation in eager
mode and under torch.compile. All candidates of a row work on the same tensors, so that none is lucky with
where its weights lie, and are timed in turn in this one process (see timing.py); "times" are eager's seconds
over ours. "peak" is the share of what torch's own square matrix product reaches in the same dtype on as many
threads, measured here too.

The noise rule. Every row also times eager mode a second time, as if it were another version. How far that
ratio is from 1 is the row's noise; the 95th percentile of it over all rows is the noise of the run. A row
counts as slower than eager only if it is so by more than the greater of the two. A row of more noise than 5%
was disturbed by other work: it is timed again, up to three times, and the quietest time counts.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from engine import devices
from engine.activations import ACTIVATIONS
from engine.bench.timing import median_seconds, wait_for, where
from engine.check import DTYPES
from engine.errors import unknown
from engine.layers import LinearAct, reference

__all__ = ["LADDER", "Row", "main", "measure"]

LADDER = ((2, 4, 16), (2, 16, 3), (32, 64, 64), (128, 784, 128), (256, 1024, 1024), (1024, 4096, 4096))
"""Batch, in and out features."""

LADDER_OF = {"cpu": LADDER, "cuda": (*LADDER, (8192, 4096, 4096))}

ACTIVATIONS_TIMED = ("sigmoid", "relu", "softmax", "gelu")
DTYPES_TIMED = {"cpu": ("float32", "bfloat16"), "cuda": ("float32", "tf32", "bfloat16")}
KINDS = DTYPES | {"tf32": torch.float32}
"""The dtype of each name; tf32 is float32 whose products a GPU may round to ten bits."""

TWO_LAYERS = "4-16-3"
"""The net of the Iris experiment, at its batch of 2."""


class Plain(nn.Linear):
    """nn.Linear and the activation, as one writes them by hand."""

    def __init__(self, inputs: int, outputs: int, activation: str) -> None:
        super().__init__(inputs, outputs)
        self.function = reference(activation)

    def forward(self, input: Tensor) -> Tensor:
        return self.function(super().forward(input))


DISTURBED = 0.05
"""The noise from which a row is timed again."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: seconds per call, medians over interleaved rounds."""

    net: str
    activation: str
    dtype: str
    backward: bool
    ours: float
    eager: float
    eager_again: float
    compiled: float | None
    flops: float

    @property
    def times(self) -> float:
        """How many times as fast as eager mode."""
        return self.eager / self.ours

    @property
    def noise(self) -> float:
        """How far two timings of eager mode differ: 0.02 is two percent."""
        return max(self.eager, self.eager_again) / min(self.eager, self.eager_again) - 1

    @property
    def work(self) -> str:
        return "fwd+bwd" if self.backward else "fwd"

    def slower(self, noise_of_run: float) -> bool:
        """Whether it is slower than eager mode by more than the noise."""
        return self.times * (1 + max(noise_of_run, self.noise)) < 1


def _work(
    net: nn.Module | Callable[[Tensor], Tensor], x: Tensor, leaves: list[Tensor]
) -> Callable[[], object]:
    """One call of the net without autograd, or, if there are leaves, with the gradients of all of them."""
    if not leaves:

        def forward() -> object:
            with torch.no_grad():
                return net(x)

        return forward
    grad = torch.ones_like(net(x))
    return lambda: torch.autograd.grad(net(x), leaves, grad)


@dataclass(frozen=True, slots=True)
class _Case:
    """A net to time: batch, and (in features, out features, activation) of each layer."""

    net: str
    batch: int
    layers: tuple[tuple[int, int, str], ...]
    dtype: str = "float32"
    input_needs_gradient: bool = True
    device: str = "cpu"

    @property
    def flops(self) -> float:
        return sum(2.0 * self.batch * inputs * outputs for inputs, outputs, _ in self.layers)

    def build(self) -> tuple[nn.Sequential, nn.Sequential]:
        """Our layers, and torch's with the same parameters."""
        torch.manual_seed(0)
        ours, eager = (
            nn.Sequential(*(layer(*arguments) for arguments in self.layers)) for layer in (LinearAct, Plain)
        )
        ours.to(self.device, KINDS[self.dtype])
        for one, other in zip(ours, eager, strict=True):
            other.weight, other.bias = one.weight, one.bias
        return ours, eager


def _measure(case: _Case, backward: bool, compile_too: bool) -> Row:
    """One row; timed again, up to three times, while something disturbs it. The quietest counts."""
    x = torch.randn(case.batch, case.layers[0][0], device=case.device, dtype=KINDS[case.dtype])
    x.requires_grad_(backward and case.input_needs_gradient)
    torch.backends.cuda.matmul.allow_tf32 = case.dtype == "tf32"
    mode = "max-autotune" if case.device == "cuda" else None
    torch.compiler.reset()  # it gives up on code that it has compiled eight times
    ours, eager = case.build()
    nets: dict[str, Callable[[Tensor], Tensor]] = {"ours": ours, "eager": eager, "eager_again": eager}
    if compile_too:
        nets["compiled"] = torch.compile(eager, dynamic=False, mode=mode)
    leaves = [*ours.parameters(), *([x] if x.requires_grad else [])] if backward else []
    works = {name: _work(net, x, leaves) for name, net in nets.items()}
    flops = case.flops * (3 if backward else 1)
    rows: list[Row] = []
    while len(rows) < 3 and not any(row.noise < DISTURBED for row in rows):
        seconds = median_seconds(works, rounds=7 if flops > 1e9 else 21, wait=wait_for(case.device))
        row = Row(
            net=case.net,
            activation=case.layers[0][2],
            dtype=case.dtype,
            backward=backward,
            ours=seconds["ours"],
            eager=seconds["eager"],
            eager_again=seconds["eager_again"],
            compiled=seconds.get("compiled"),
            flops=flops,
        )
        rows.append(row)
    return min(rows, key=lambda row: row.noise)


def measure(
    activations: Sequence[str] = ACTIVATIONS_TIMED,
    dtypes: Sequence[str] = DTYPES_TIMED["cpu"],
    compiled: Sequence[str] = ("sigmoid",),
    ladder: Sequence[tuple[int, int, int]] = LADDER,
    report: Callable[[Row], None] = lambda row: None,
    device: str = "cpu",
) -> list[Row]:
    """The whole table: the two-layer net of the Iris experiment, then the ladder.

    Args:
        activations, dtypes: what to time over the ladder.
        compiled: for which activations to time torch.compile too (each row compiles for seconds).
        ladder: batch, in and out features of each layer.
        report: called with each row as it is ready.
        device: where the layers are.
    """
    cases = [_Case(TWO_LAYERS, 2, ((4, 16, "sigmoid"), (16, 3, "softmax")), "float32", False, device)]
    cases += [
        _Case(f"{batch}×{inputs}→{outputs}", batch, ((inputs, outputs, activation),), dtype, device=device)
        for dtype in dtypes
        for activation in activations
        for batch, inputs, outputs in ladder
    ]
    rows = []
    for case in cases:
        for backward in (False, True):
            rows.append(_measure(case, backward, case.layers[0][2] in compiled))
            report(rows[-1])
    return rows


PEAK_SIZE = {"cpu": 2048, "cuda": 8192}


def _peaks(dtypes: Iterable[str], device: str) -> dict[str, float]:
    """Floating point operations per second of torch's product of two square matrices, per dtype."""
    peaks = {}
    for dtype in dtypes:
        size = PEAK_SIZE[device]
        torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
        a = torch.randn(size, size, device=device, dtype=KINDS[dtype])
        # as a layer multiplies: torch's float16 is many times slower with the second matrix as it stands
        product = {"product": partial(torch.mm, a, a.t())}
        seconds = median_seconds(product, rounds=7, limit_seconds=3, wait=wait_for(device))["product"]
        peaks[dtype] = 2 * size**3 / seconds
    return peaks


def _summary(rows: Sequence[Row]) -> dict[str, float | int]:
    noises = sorted(row.noise for row in rows)
    noise = noises[min(len(noises) - 1, math.ceil(0.95 * len(noises)) - 1)]
    ladder = [row.times for row in rows if row.net != TWO_LAYERS]
    return {
        "noise": noise,
        "slower": sum(row.slower(noise) for row in rows),
        "geometric_mean": math.exp(sum(map(math.log, ladder)) / max(len(ladder), 1)),
    }


def _line(row: Row, peak: float) -> str:
    compiled = f"{row.compiled / row.ours:9.2f}" if row.compiled else f"{'-':>9}"
    share = row.flops / row.ours / peak
    return (
        f"{row.net:15}{row.activation:10} {row.dtype:9}{row.work:8}{_microseconds(row.ours):>9}"
        f"{row.times:6.2f}{compiled}{row.noise:6.1%}{share:6.0%}"
    )


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.1f}" if seconds < 0.001 else f"{seconds * 1e6:.0f}"


HEAD = """\
ours: microseconds a call; eager, compiled: how many times as long torch's takes
(above 1: ours is faster); noise: how far two timings of the same eager layer
differ; peak: share of the matrix product's speed
layer          activation dtype    work         ours eager compiled noise  peak"""


def _conclusion(rows: Sequence[Row], summary: dict[str, float | int]) -> Iterable[str]:
    """What the table comes to, a line for each thing."""
    for row in rows:
        if row.net == TWO_LAYERS and row.backward:
            yield f"two layers {row.net}, forward and backward: {row.times:.2f} times as fast as eager"
    yield f"geometric mean over the other rows: {summary['geometric_mean']:.2f} times as fast as eager"
    yield (
        f"{summary['slower']} of {len(rows)} rows slower than eager by more than the noise: the greater of\n"
        f"the row's own and {summary['noise']:.1%}, the 95th percentile of all rows'"
    )
    for row in rows:
        if row.slower(summary["noise"]):
            yield f"slower: {row.net} {row.activation} {row.dtype} {row.work}, {row.times:.2f} times as fast"
    if summary["noise"] > 0.1:
        yield "noise above 10%: the machine is too busy for these figures to mean much;\nrun it again"


def _layer(text: str) -> tuple[int, int, int]:
    """A layer of the ladder from its name; an x may stand for each sign."""
    name = re.sub("[×→>-]+", "x", text)
    named = {"x".join(map(str, shape)): shape for shape in LADDER_OF["cuda"]}
    if name not in named:
        raise unknown("layer", text, named)
    return named[name]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table and what it comes to."""
    parser = argparse.ArgumentParser(prog="nnplay bench ops", description="Time linear_act against torch.nn.")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    names: dict[str, Any] = {"metavar": "NAME", "choices": list(ACTIVATIONS)}
    parser.add_argument(
        "--activations",
        nargs="+",
        default=ACTIVATIONS_TIMED,
        help=f"by default {' '.join(ACTIVATIONS_TIMED)}",
        **names,
    )
    parser.add_argument(
        "--compiled", nargs="*", default=["sigmoid"], help="those to time under torch.compile too", **names
    )
    parser.add_argument(
        "--dtypes", nargs="+", metavar="DTYPE", choices=list(KINDS), help=f"of {', '.join(KINDS)}"
    )
    parser.add_argument(
        "--layers", nargs="+", type=_layer, metavar="LAYER", help="as in 2x4x16: batch, in and out features"
    )
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where the layers are")
    options = parser.parse_args(arguments)
    device = options.device
    devices.find(device, kernels=True)
    dtypes = options.dtypes or DTYPES_TIMED[device]
    if device == "cpu" and "tf32" in dtypes:
        parser.error("--dtypes: expected dtypes of the CPU, got tf32, which only a GPU has: take float32")
    if options.threads < 1:
        parser.error(f"--threads: expected a whole number from 1, got {options.threads}")
    torch.set_num_threads(options.threads)
    if not options.json:
        print(where(device, options.threads), flush=True)
    peaks = _peaks(dict.fromkeys(["float32", *dtypes]), device)
    if not options.json:
        reached = ", ".join(f"{dtype} {peak / 1e9:.0f} GFLOP/s" for dtype, peak in peaks.items())
        size = PEAK_SIZE[device]
        print(f"torch's product of two {size}×{size} matrices:\n{reached}\n{HEAD}", flush=True)
    rows = measure(
        options.activations,
        dtypes,
        options.compiled,
        options.layers or LADDER_OF[device],
        lambda row: None if options.json else print(_line(row, peaks[row.dtype]), flush=True),
        device,
    )
    summary = _summary(rows)
    if options.json:
        table = [
            asdict(row) | {"times": row.times, "noise": row.noise, "slower": row.slower(summary["noise"])}
            for row in rows
        ]
        about = {"device": device, "threads": options.threads}
        print(json.dumps({**about, "peak_flops": peaks, **summary, "rows": table}))
    else:
        print("\n".join(_conclusion(rows, summary)))
    return 0
