"""The only door to the compiled ops.

Importing this module loads ``engine._C`` and registers ``torch.ops.nnplay``. It raises ImportError, in one
line that says what to run, if the extension is missing, was built for another torch or cannot be loaded.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_variadic

__all__ = [
    "BUILT_WITH_TORCH",
    "CPU_INSTRUCTION_SET",
    "CUDA",
    "HAS_CUDA",
    "Batches",
    "Rule",
    "Run",
    "linear_act",
    "train_population",
]


def _torch_of_build() -> str | None:
    """The torch version written into the extension file, read without loading it; None without a file."""
    found = importlib.util.find_spec("engine._C")
    if found is None or found.origin is None:
        return None
    mark = re.search(rb"nnplay built with torch ([\w.+]+)", Path(found.origin).read_bytes())
    return mark.group(1).decode() if mark else "an unknown version"


def _mismatch(built_with: str) -> ImportError:
    return ImportError(
        f"nnplay's kernels were built with torch {built_with}, but torch {torch.__version__} is installed: "
        "run `make install` to build them again."
    )


try:
    from engine import _C
except ImportError as error:
    if (built_with := _torch_of_build()) is None:
        raise ImportError("nnplay's kernels (engine._C) are not built: run `make install`.") from None
    if built_with != torch.__version__:
        raise _mismatch(built_with) from error
    raise ImportError(
        f"nnplay's kernels cannot be loaded: {error}; `make install` builds them again."
    ) from error

if torch.__version__ != _C.built_with_torch:
    raise _mismatch(_C.built_with_torch)

BUILT_WITH_TORCH: str = _C.built_with_torch
"""The torch version the kernels were built against."""

CPU_INSTRUCTION_SET: str = _C.cpu_instruction_set
"""Which copy of the CPU kernels this processor runs: "avx512", "avx2" or "baseline"."""

HAS_CUDA: bool = _C.has_cuda
"""Whether the kernels for GPUs are part of this build."""

CUDA: str = _C.cuda
"""The CUDA version of this build, or why it is built without."""

if TYPE_CHECKING:
    from engine._C import Batches, Rule, Run, train_population
else:
    Batches, Rule, Run, train_population = _C.Batches, _C.Rule, _C.Run, _C.train_population


def linear_act(input: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    """activation(input weightᵀ + bias) in one op.

    Args:
        input: (..., in); float32, float64, bfloat16 or float16; any strides.
        weight: (out, in), as in ``nn.Linear``.
        bias: (out), or None.
        activation: a name in ``engine.activations.ACTIVATIONS``. Through "step" and "sign", whose derivative
            is 0 wherever there is one, all gradients are exactly 0.

    Returns:
        (..., out), contiguous.

    Raises:
        TypeError: arguments of another Python type, sparse or nested tensors, dtypes that are not floating
            point or not all the same.
        ValueError: shapes or devices that do not fit, or an unknown activation.

    Subclasses of Tensor, and tracers such as torch.fx, see one call of this function, as of torch's own.

    On the CPU the same arguments give the same bits, in the output and in every gradient, on any number of
    threads. One exception: bfloat16 products of 2²¹ multiplications or more are torch's own where the
    processor multiplies these numbers as such (AVX512_BF16), and repeat as ``torch.mm`` itself does.

    On a GPU, in builds that have CUDA, it works on the current stream, can be captured in a graph, and
    repeats as ``torch.mm`` does: large products are torch's own, TF32 as torch is set.
    """
    if torch.compiler.is_compiling():  # a traceable name for the same op
        return torch.ops.nnplay.linear_act(input, weight, bias, activation)  # type: ignore[no-any-return]
    if has_torch_function_variadic(input, weight, bias):
        return handle_torch_function(linear_act, (input, weight, bias), input, weight, bias, activation)
    try:
        return _C.linear_act(input, weight, bias, activation)
    except TypeError as error:
        raise _wrong_type(input, weight, bias, activation) or error from None


def _wrong_type(input: object, weight: object, bias: object, activation: object) -> TypeError | None:
    """The error for the first argument of another Python type than it takes; None if there is none."""
    names = f"one of the words {', '.join(_C.activations)}"
    for name, value, wanted, words in (
        ("input", input, Tensor, "a Tensor"),
        ("weight", weight, Tensor, "a Tensor"),
        ("bias", bias, Tensor | None, "a Tensor or None"),
        ("activation", activation, str, names),
    ):
        if not isinstance(value, wanted):
            return TypeError(f"linear_act: expected {name} to be {words}, got {type(value).__name__}")
    return None
