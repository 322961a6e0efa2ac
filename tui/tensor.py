"""A tensor as the screen has it: an array, and what torch says of it. No torch here."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import RequestError

Index = tuple[int | slice | EllipsisType | None, ...]
HELP = "write it as in Python: [0, :, 2], [1:3], [..., -1]"


@dataclass(frozen=True)
class Tensor:
    """`values` of any shape, or None if they are too many to be shown; `dtype` as torch names it.

    Numbers that numpy has no type for come as float32, with their own name: bfloat16.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: NDArray[Any] | None
    stride: tuple[int, ...] | None = None
    device: str = ""
    requires_grad: bool = False

    @staticmethod
    def of(name: str, values: NDArray[Any]) -> Tensor:
        """An array that is just that."""
        stride = tuple(step // values.itemsize for step in values.strides)
        return Tensor(name, values.shape, str(values.dtype), values, stride)


def neuron(layer: int, number: int) -> str:
    """What people call a neuron: as torch has its weights, `0.weight[6]`, without the word."""
    return f"{layer}[{number}]"


@dataclass(frozen=True)
class Statistics:
    """Of all values that are finite; of complex ones, of their magnitudes. NaN where there are too few.

    `deviation` is the sample's, divided by n - 1, as `torch.std` has it; `norm` is Euclid's.
    """

    count: int
    nans: int
    infinities: int
    min: float
    max: float
    mean: float
    deviation: float
    norm: float


def statistics(values: NDArray[Any]) -> Statistics:
    """Computed in double precision, whatever the dtype."""
    numbers = real(values)
    finite = numbers[np.isfinite(numbers)]
    nans = int(np.isnan(numbers).sum())
    some = len(finite) > 0
    return Statistics(
        count=values.size,
        nans=nans,
        infinities=values.size - nans - len(finite),
        min=float(finite.min()) if some else math.nan,
        max=float(finite.max()) if some else math.nan,
        mean=float(finite.mean()) if some else math.nan,
        deviation=float(finite.std(ddof=1)) if len(finite) > 1 else math.nan,
        norm=float(np.linalg.norm(finite)) if some else math.nan,
    )


def real(values: NDArray[Any]) -> NDArray[np.float64]:
    """The values as doubles, one after another; the magnitudes of complex ones."""
    flat = values.reshape(-1)
    return (np.abs(flat) if np.iscomplexobj(flat) else flat).astype(np.float64)


def difference(values: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
    """What was added to `before`. Raises RequestError if their shapes differ."""
    if values.shape != before.shape:
        raise RequestError(f"there is no difference between shapes {values.shape} and {before.shape}")
    wide = np.complex128 if np.iscomplexobj(values) or np.iscomplexobj(before) else np.float64
    return values.astype(wide) - before.astype(wide)


def parse_index(text: str, shape: tuple[int, ...]) -> Index:
    """The index that `[0, :, 2]` stands for, in a tensor of this shape; empty text is the whole of it.

    Raises RequestError for what is no index of whole numbers, colons, `...` and None, or not in this shape.
    """
    bare = text.strip()
    if not bare:
        return ()
    if not bare.startswith("["):
        bare = f"[{bare}]"
    try:
        tree = ast.parse(f"_{bare}", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RequestError(f"expected an index, got {text!r}: {HELP}") from None
    if not (isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Name)):
        raise RequestError(f"expected one index, got {text!r}: {HELP}")
    nodes = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
    index = tuple(_part(node) for node in nodes)
    _check(index, shape)
    return index


def _part(node: ast.expr) -> int | slice | EllipsisType | None:
    match node:
        case ast.Slice():
            start, stop, step = (
                None if n is None else _whole(n) for n in (node.lower, node.upper, node.step)
            )
            if step is not None and step < 1:
                raise RequestError(f"expected a step of at least 1, as torch has no other, got {step}")
            return slice(start, stop, step)
        case ast.Constant(value=None | EllipsisType() as value):
            return value
        case _:
            return _whole(node)


def _whole(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return -value
        case _:
            raise RequestError(f"expected a whole number, got {ast.unparse(node)[:40]!r}: {HELP}")


def _check(index: Index, shape: tuple[int, ...]) -> None:
    """Raise RequestError where numpy would raise IndexError, in words that name the dimension."""
    taking = [part for part in index if part is not None and part is not ...]
    if index.count(...) > 1:
        raise RequestError("expected at most one ... in an index")
    if len(taking) > len(shape):
        raise RequestError(f"expected at most {len(shape)} indices for the shape {shape}, got {len(taking)}")
    after = sum(part is not None for part in index[index.index(...) + 1 :]) if ... in index else 0
    for place, part in enumerate(taking):
        dimension = place if place < len(taking) - after else len(shape) - len(taking) + place
        size = shape[dimension]
        if isinstance(part, int) and not -size <= part < size:
            raise RequestError(
                f"expected at most {size - 1} in dimension {dimension} of the shape {shape}, got {part}"
                if size
                else f"dimension {dimension} of the shape {shape} is empty: there is no {part} in it"
            )
