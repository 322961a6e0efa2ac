"""Where numbers are calculated: what device=cuda needs, and what is said when it is not there or is full."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from engine import ops
from engine.errors import RequestError

__all__ = ["find", "memory_errors", "notes"]

SMALL = 20_000
"""Numbers that a step multiplies below which one core of a CPU is taken to be faster than a GPU: a step there
waits several times for all of its threads, however little there is to do."""


def find(name: str, *, kernels: bool) -> torch.device:
    """The device of that name, "cpu" or "cuda"; `kernels`: it must run nnplay's own, not only torch's.

    Raises:
        RequestError: it cannot be had here, and why.
    """
    if name == "cuda" and not torch.cuda.is_available():
        found = "is built without CUDA" if torch.version.cuda is None else "finds none: see nvidia-smi"
        raise RequestError(
            f"device=cuda: expected a GPU, but torch {torch.__version__} {found}; use device=cpu"
        )
    if name == "cuda" and kernels and not ops.HAS_CUDA:
        raise RequestError(
            f"device=cuda: expected kernels that are built for CUDA, but they are built without: {ops.CUDA}; "
            "use device=cpu, or backend=eager"
        )
    return torch.device(name)


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


def notes(device: str, parameters: int, batch_size: int) -> list[str]:
    """What a person should know of training such a network there."""
    if device != "cuda" or parameters * batch_size >= SMALL:
        return []
    return [
        f"one network of {parameters:,} parameters, {batch_size} rows a step, is small for a GPU: one core "
        "of the CPU is faster, device=cpu; a GPU is for large networks, and for many at once"
    ]
