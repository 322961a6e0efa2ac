"""What a cell can draw: `from engine.pictures import plot`.

A picture is plain numbers; whoever shows the cell draws them, or writes them down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Picture:
    """`kind` says how to draw the arrays; each of them has a name that is shown."""

    kind: str
    title: str
    arrays: dict[str, NDArray[Any]]


drawn: list[Picture] = []  # by the cell that runs, not yet shown


def plot(x: ArrayLike, curves: Mapping[str, ArrayLike], title: str = "") -> None:
    """Draw curves by name over a common axis. `x` and each curve are (n,)."""
    axis = np.asarray(x, dtype=np.float64)
    arrays = {"x": axis}
    for name, y in curves.items():
        arrays[name] = np.asarray(y, dtype=np.float64)
        if axis.ndim != 1 or arrays[name].shape != axis.shape:
            raise ValueError(
                f"curve {name!r}: expected the shape of x, {axis.shape}, got {arrays[name].shape}"
            )
    drawn.append(Picture("plot", title, arrays))


def table(columns: Mapping[str, ArrayLike], title: str = "") -> None:
    """Show columns of numbers beside each other; each is (n,)."""
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    if len({array.shape for array in arrays.values()}) > 1 or any(a.ndim != 1 for a in arrays.values()):
        raise ValueError(f"expected columns of one length, got { ({n: a.shape for n, a in arrays.items()}) }")
    drawn.append(Picture("table", title, arrays))


def batches(epochs: Sequence[Sequence[Sequence[int]]], rows: int, title: str = "") -> None:
    """Show which batch each example landed in.

    Args:
        epochs: for each epoch its batches, each the numbers of its examples.
        rows: how many examples there are; those in no batch were dropped.
    """
    grid = np.full((rows, len(epochs)), -1, dtype=np.int64)
    for epoch, order in enumerate(epochs):
        for number, batch in enumerate(order):
            grid[np.asarray(batch, dtype=np.int64), epoch] = number
    drawn.append(Picture("batches", title, {"batch": grid}))
