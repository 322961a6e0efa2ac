"""Are the compiled ops right on this box? `nnplay check [--json] [--device cpu]`

Every activation, dtype and direction is held against float64, next to torch.nn's own error in that dtype.
Errors are counted in units in the last place (ulps) of the largest number of the tensor. A small tensor's
is the average over so many random draws that chance has no part in it.

The rule, for every tensor of every case: our error is at most twice torch's, plus one ulp. For float64
torch's error is taken to be as many ulps as it has in float32. Its reference has products in extended
precision, since torch's own are ten ulps off on some processors, and torch's activation, whose error comes
on top of what is allowed.

Exit status 1 if any case fails.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from engine import devices
from engine.activations import ACTIVATIONS
from engine.layers import reference
from engine.ops import linear_act

__all__ = ["DTYPES", "SHAPES", "Result", "check", "main"]

DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
ULP: dict[torch.dtype, float] = {dtype: torch.finfo(dtype).eps for dtype in DTYPES.values()}
"""The one tolerance table: the size of one unit in the last place of a number near 1."""

SAMPLE = 128
"""The error of a few numbers is chance: tensors are drawn anew until there are so many numbers of each."""
NUMBERS_OF_A_ROW = 8
"""A row counts for at most so many: softmax gives all its numbers one error."""

SHAPES = ((2, 4, 16), (2, 16, 3), (32, 64, 64), (5, 100, 37), (128, 784, 128))
"""Batch, in and out features of the layers that are checked."""

DIRECTIONS = ("forward", "grad input", "grad weight", "grad bias")

Shape = tuple[int, int, int]
Layer = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table: errors in ulps, those of the shape that comes nearest to what is allowed."""

    activation: str
    dtype: str
    direction: str
    error: float
    torch_error: float
    allowed: float

    @property
    def passed(self) -> bool:
        return self.error <= self.allowed


def _evaluate(layer: Layer, arguments: Sequence[Tensor], grad: Tensor) -> list[Tensor]:
    """The output and the gradients of all arguments, for the output's gradient `grad`."""
    leaves = [t.detach().to(grad.dtype).requires_grad_() for t in arguments]
    y = layer(*leaves)
    return [y.detach(), *torch.autograd.grad(y, leaves, grad)]


def _ulps(got: Sequence[Tensor], wanted: Sequence[Tensor], dtype: torch.dtype) -> float:
    """The largest error of each draw against float64 `wanted`, on average."""
    size = max(t.abs().max().item() for t in wanted)
    error = sum((g.double() - w).abs().max().item() for g, w in zip(got, wanted, strict=True)) / len(wanted)
    if math.isnan(error):
        return math.inf  # which no greatest of several errors passes over
    return error / (ULP[dtype] * max(size, torch.finfo(dtype).tiny / ULP[dtype]))


class _ExactLinear(torch.autograd.Function):
    """x wᵀ + b of float64, with sums in extended precision."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return _narrow(_wide(x) @ _wide(w).T + _wide(b), x)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, w = ctx.saved_tensors
        wide = _wide(g)
        products = (wide @ _wide(w), wide.T @ _wide(x), wide.sum(0))
        return tuple(_narrow(product, g) for product in products)  # type: ignore[return-value]


def _exact(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
    return _ExactLinear.apply(x, w, b)  # type: ignore[no-any-return, no-untyped-call]


def _wide(t: Tensor) -> npt.NDArray[np.longdouble]:
    return t.numpy(force=True).astype(np.longdouble)


def _narrow(array: npt.NDArray[np.longdouble], like: Tensor) -> Tensor:
    return torch.from_numpy(array.astype(np.float64)).to(like.device)


def _draw(dtype: torch.dtype, shape: Shape, device: str, seed: int) -> tuple[list[Tensor], Tensor]:
    """Input, weight and bias of a layer, and the gradient of its output."""
    batch, inputs, outputs = shape
    rng = torch.Generator().manual_seed(seed)
    sizes = ((batch, inputs), (outputs, inputs), (outputs,), (batch, outputs))
    x, w, b, grad = (torch.randn(size, generator=rng, device="cpu") for size in sizes)
    w /= max(inputs, 1) ** 0.5
    return [t.to(device, dtype) for t in (x, w, b)], grad.to(device, dtype)


def _settled(f: Callable[[Tensor], Tensor], z: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Where z (float64) is not so near a jump of f, or a kink of it, that rounding decides on its side."""
    nearly = 4 * ULP[dtype] * (z.abs().max() if z.numel() else 0.0)

    def value_and_slope(z: Tensor) -> tuple[Tensor, Tensor]:
        z = z.detach().requires_grad_()
        y = f(z)
        return y.detach(), torch.autograd.grad(y.sum(), z)[0]

    (above, slope_above), (below, slope_below) = value_and_slope(z + nearly), value_and_slope(z - nearly)
    no_jump = (above - below).abs() <= 4 * nearly  # no activation is steeper than 1.13
    return no_jump, no_jump & ((slope_above - slope_below).abs() <= 0.25)


def _errors(
    layers: Sequence[Layer], activation: str, dtype: torch.dtype, shape: Shape, device: str
) -> list[list[float]]:
    """For each layer its errors in the order of DIRECTIONS, over as many random draws as SAMPLE asks for."""
    batch, inputs, outputs = shape
    f = reference(activation)
    exact = _exact if dtype == torch.float64 else F.linear
    numbers = min(batch * outputs, batch * inputs, inputs * outputs, outputs, batch * NUMBERS_OF_A_ROW)
    tensors: list[list[list[Tensor]]] = []  # by draw, what is wanted and what each layer gave
    for seed in range(-(-SAMPLE // max(numbers, 1))):
        arguments, grad = _draw(dtype, shape, device, seed)
        no_jump, no_kink = _settled(f, F.linear(*(t.double() for t in arguments)), dtype)
        grad = grad * no_kink
        of_draw = [_evaluate(lambda x, w, b: f(exact(x, w, b)), arguments, grad.double())]
        of_draw += [_evaluate(layer, arguments, grad) for layer in layers]
        for y, *_ in of_draw:
            y *= no_jump
        tensors.append(of_draw)
    wanted, *got = ([list(draws) for draws in zip(*t, strict=True)] for t in zip(*tensors, strict=True))
    return [[_ulps(*draws, dtype) for draws in zip(t, wanted, strict=True)] for t in got]


def check_case(activation: str, dtype: torch.dtype, shape: Shape, device: str = "cpu") -> list[Result]:
    """One case: a result for each of DIRECTIONS.

    Args:
        shape: batch, in features, out features.
    """
    f = reference(activation)

    def ours(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        return linear_act(x, w, b, activation)

    def plain(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        return f(F.linear(x, w, b))

    if dtype == torch.float64:
        (errors,) = _errors([ours], activation, dtype, shape, device)
        (of_torch,) = _errors([plain], activation, torch.float32, shape, device)
        factor = 3
    else:
        errors, of_torch = _errors([ours, plain], activation, dtype, shape, device)
        factor = 2
    name = str(dtype).removeprefix("torch.")
    return [
        Result(activation, name, direction, error, torch_error, factor * torch_error + 1)
        for direction, error, torch_error in zip(DIRECTIONS, errors, of_torch, strict=True)
    ]


def check(device: str = "cpu", activations: Sequence[str] = tuple(ACTIVATIONS)) -> Iterator[Result]:
    """The whole table, line by line.

    Args:
        device: where the ops run.
        activations: which ones; all by default.
    """
    for activation in activations:
        for dtype in DTYPES.values():
            cases = [check_case(activation, dtype, shape, device) for shape in SHAPES]
            for of_all_shapes in zip(*cases, strict=True):
                yield max(of_all_shapes, key=lambda result: result.error / result.allowed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 1 if any line failed, else 0."""
    parser = argparse.ArgumentParser(prog="nnplay check", description="Hold the ops against torch.nn.")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where the ops run")
    options = parser.parse_args(arguments)
    devices.find(options.device, kernels=True)
    if options.json:
        results = list(check(options.device))
        failed = sum(not result.passed for result in results)
        print(
            json.dumps({"device": options.device, "failed": failed, "results": [asdict(r) for r in results]})
        )
        return int(failed > 0)
    print("largest error in ulps, units in the last place: ours, torch.nn's own, allowed")
    print(f"{'activation':18}{'dtype':10}{'direction':13}{'ours':>8}{'torch':>8}{'allowed':>9}")
    verdicts = []
    for r in check(options.device):
        numbers = f"{r.error:8.2f}{r.torch_error:8.2f}{r.allowed:9.2f}"
        verdict = "ok" if r.passed else "FAILED"
        print(f"{r.activation:18}{r.dtype:10}{r.direction:13}{numbers}   {verdict}", flush=True)
        verdicts.append(r.passed)
    failed = verdicts.count(False)
    print(f"{verdicts.count(True)} of {len(verdicts)} within twice torch's own error plus one ulp")
    if failed:
        print("expected all: these kernels are wrong on this machine; take backend=eager, and report this")
    return int(failed > 0)
