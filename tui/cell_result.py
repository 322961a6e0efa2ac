"""What a cell came to, as the lab answers it, and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.frames import Answer
from engine.pictures import Picture
from tui.glyphs import inert
from tui.tensor import Tensor

# Batches beyond these share a colour; each has its number.
BATCH_COLOURS = ("black on cyan", "black on yellow", "black on green", "white on blue", "white on magenta")


@dataclass(frozen=True)
class ErrorLine:
    """A line of a cell on the way to an error; the trouble is from `start` to `end` in its text."""

    cell: str
    function: str
    line: int
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class CellError:
    """What ended a cell: `lines` are of cells alone, the outermost first."""

    type: str
    message: str
    lines: tuple[ErrorLine, ...]


@dataclass(frozen=True)
class CellResult:
    """One run of a cell; `result` is its last expression as Python shows it."""

    printed: str
    result: str
    error: CellError | None
    tensors: tuple[Tensor, ...]
    pictures: tuple[Picture, ...]
    seconds: float

    @staticmethod
    def of(answer: Answer) -> CellResult:
        """What the lab answered to the question `cell`."""
        values, arrays = answer.values, answer.arrays
        error = values["error"]
        return CellResult(
            printed=values["printed"],
            result=values["result"],
            error=error
            and CellError(
                error["type"], error["message"], tuple(ErrorLine(**line) for line in error["lines"])
            ),
            tensors=tuple(_tensor(arrays, **tensor) for tensor in values["tensors"]),
            pictures=tuple(
                Picture(p["kind"], p["title"], {name: arrays[key] for name, key in p["arrays"].items()})
                for p in values["pictures"]
            ),
            seconds=values["seconds"],
        )

    @staticmethod
    def lost(message: str) -> CellResult:
        """Of a cell whose lab died."""
        return CellResult("", "", CellError("", message, ()), (), (), 0.0)

    def text(self, cell: str) -> Text:
        """What cell `cell` printed, its result, and its error, one below the other."""
        parts = [lines(self.printed), lines(self.result)]
        text = Text("\n").join(Text(part) for part in parts if part)
        if self.error:
            text = Text("\n").join(
                [text, error_text(self.error, cell)] if text else [error_text(self.error, cell)]
            )
        return text


def _tensor(
    arrays: dict[str, NDArray[Any]],
    *,
    name: str,
    shape: list[int],
    dtype: str,
    stride: list[int] | None,
    device: str,
    requires_grad: bool,
    array: str | None,
) -> Tensor:
    values = arrays[array] if array is not None else None
    strides = tuple(stride) if stride is not None else None
    return Tensor(name, tuple(shape), dtype, values, strides, device, requires_grad)


def lines(printed: str) -> str:
    """Printed text as a terminal would leave it, harmless: a carriage return begins its line anew."""
    rows = [
        inert(row.rstrip("\r").rpartition("\r")[2].expandtabs()) for row in printed.rstrip("\n").split("\n")
    ]
    return "\n".join(rows) if printed else ""


def sentences(text: str) -> Text:
    """What a cell says of itself; code in it, which is written `so`, stands out instead."""
    parts = text.split("`")
    return Text.assemble(*((part, "bold" if place % 2 else "") for place, part in enumerate(parts)))


def error_text(error: CellError, cell: str) -> Text:
    """The lines that led to the error, the trouble underlined, then what Python says."""
    text = Text()
    for line in error.lines:
        where = f"line {line.line}" + (f" of cell {line.cell}" if line.cell != cell else "")
        where += f", in {line.function}" if line.function else ""
        text.append(f"{where}\n", "dim")
        indent = len(line.text) - len(line.text.lstrip())
        code = inert(line.text.strip())
        start, end = max(line.start - indent, 0), max(line.end - indent, 0)
        text.append(f"  {code}\n")
        text.append(f"  {' ' * start}{'^' * max(end - start, 1)}\n", "red")
    text.append(error.type, "bold red")
    message = "\n".join(inert(part) for part in error.message.split("\n"))
    return text.append(f": {message}" if error.type and message else message)


# Pictures as text. Curves are drawn by a plot where there is one.


def picture_text(picture: Picture) -> RenderableType:
    """A table or the batches; of curves, their ends in numbers."""
    match picture.kind:
        case "batches":
            body: RenderableType = _batches(picture.arrays["batch"])
        case "table":
            body = _table(picture.arrays)
        case _:
            body = _curves(picture.arrays)
    return Group(Text(inert(picture.title), "bold"), body) if picture.title else body


def _batches(grid: NDArray[Any]) -> Text:
    """Rows are examples, columns epochs; a number says in which batch of the epoch the example came."""
    rows, epochs = grid.shape
    width = max(len(str(int(grid.max(initial=0)))), len(str(max(epochs - 1, 0)))) + 2
    left = max(len("example"), len(str(rows)))
    text = Text(no_wrap=True)
    text.append(f"{'epoch':>{left}} " + "".join(f"{epoch:^{width}}" for epoch in range(epochs)) + "\n", "dim")
    text.append("example\n", "dim")
    for row in range(rows):
        text.append(f"{row:>{left}} ", "dim")
        for batch in grid[row].tolist():
            text.append(f"{batch if batch >= 0 else '·':^{width}}", _batch_style(batch))
        text.append("\n")
    text.rstrip()
    return text


def _batch_style(batch: int) -> str:
    return BATCH_COLOURS[batch % len(BATCH_COLOURS)] if batch >= 0 else "dim"


def _table(columns: dict[str, NDArray[Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for name in columns:
        table.add_column(Text(inert(name)), justify="right")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*(_entry(value) for value in row))
    return table


def _entry(value: Any) -> Text:
    if isinstance(value, np.bool_):
        return Text("●" if value else "", "bold")
    return Text(f"{value:.4f}" if isinstance(value, np.floating) else str(value))


def _curves(arrays: dict[str, NDArray[Any]]) -> Table:
    x = arrays["x"]
    rows = {name: y for name, y in arrays.items() if name != "x"}
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    places = [0, len(x) // 4, len(x) // 2, 3 * len(x) // 4, len(x) - 1] if len(x) else []
    for heading in ("x", *(f"{x[place]:.3g}" for place in places)):
        table.add_column(heading, justify="right")
    for name, y in rows.items():
        table.add_row(Text(inert(name)), *(f"{y[place]:.4f}" for place in places))
    return table
