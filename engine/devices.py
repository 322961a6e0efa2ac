"""Where numbers are calculated: what device=cuda needs, and what is said when it is not there or is full."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import torch

from engine import ops
from engine.errors import RequestError

__all__ = ["SMALL", "SMALL_LOOP", "Device", "find", "memory_errors"]

SMALL = 20_000
"""Parameters times rows of a step below which one core is taken to be faster than a GPU for a native run: a
step there waits several times for all of its threads, however little there is to do. Not yet measured."""

SMALL_LOOP = 1_000_000
"""The same for torch's loops, in which on a GPU each operation of a step is a launch."""


class Device(NamedTuple):
    """torch's name of a device, and what a person should know of training there."""

    name: str
    note: str


def find(name: str, *, kernels: bool, parameters: int = 0, rows: int = 0, small: int = SMALL) -> Device:
    """The device that is meant by "cpu", "cuda" or "auto", for a network and the rows of a step.

    auto is cuda where that can be had and the work of a step, parameters times rows, is not `small`.
    `kernels`: it must run nnplay's own, not only torch's.

    Raises:
        RequestError: it cannot be had here, and why.
    """
    if name == "cpu":
        return Device("cpu", "")
    lacking = _lacking(kernels)
    if lacking and name == "auto":
        return Device("cpu", f"device=auto: on the CPU: {lacking}")
    if lacking:
        instead = "device=cpu, or backend=eager" if torch.cuda.is_available() else "device=cpu"
        raise RequestError(f"device=cuda: expected a GPU, but {lacking}; use {instead}")
    if parameters * rows >= small:
        return Device("cuda", "")
    note = f"one network of {parameters:,} parameters, {rows:,} rows a step, is small for a GPU"
    note += ": one core of the CPU is faster"
    if name == "auto":
        return Device("cpu", f"device=auto: on the CPU: {note}")
    return Device("cuda", f"device=cuda: {note}, see device=auto")


def _lacking(kernels: bool) -> str:
    """Why there is no GPU to compute on; empty if there is one."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds none: see nvidia-smi"
    return f"nnplay's kernels are built without CUDA: {ops.CUDA}" if kernels and not ops.HAS_CUDA else ""


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Raises RequestError, with what to lower, where torch finds the GPU's memory full."""
    try:
        yield
    except torch.OutOfMemoryError:
        free, total = torch.cuda.mem_get_info()
        raise RequestError(
            f"device=cuda: the GPU has too little free memory ({free / 1e9:.2f} of {total / 1e9:.2f} GB): "
            "lower hidden or batch_size, end other programs that use it, or use device=cpu"
        ) from None
