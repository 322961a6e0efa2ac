"""The tensor inspector: what a tensor is, how its values are spread, and each of them.

view = TensorView()
view.show(Tensor("weight", (16, 4), "float32", values, stride=(4, 1), device="cpu"))
view.show(tensor, before=earlier, since="the step before")     # the difference, `d` to and fro
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from engine.errors import RequestError
from tui import glyphs, heat
from tui.palette import Palette
from tui.tensor import Index, Tensor, difference, parse_index, real, statistics
from tui.widgets.field import Field
from tui.widgets.value_table import ValueTable

MAP_LINES = 6  # of text in which the heat map finds room
BROAD = 4  # columns of a value in a heat map, at most: few columns are easier to see
FOR_A_MAP = 18  # lines of the whole view from which there is a map
SLICES = {1: "[1:3]", 2: "[0, :]"}  # for example, by the number of dimensions
MANY = "[0, ..., 1:3]"
BARS = " ▁▂▃▄▅▆▇█"


class TensorView(Vertical):
    """One tensor, a slice of it, or its difference to another; statistics are of what is shown."""

    DEFAULT_CSS = """
    TensorView { height: 1fr; width: 1fr; }
    TensorView > Static { height: auto; }
    TensorView > Input { background: $boost; width: 1fr; }
    TensorView > #trouble { color: $error; }
    """

    def __init__(self, *, none: str = "no tensor", id: str | None = None):
        super().__init__(id=id)
        self._none = none  # what stands there as long as there is no tensor
        self._tensor: Tensor | None = None
        self._before: Tensor | None = None
        self._since = ""
        self._index: Index = ()
        self.differs = False  # whether the difference is shown, where there is one

    def compose(self) -> ComposeResult:
        yield Static(id="about")
        yield Field(compact=True, id="slice")
        yield Static(id="trouble")
        yield Static(id="spread")
        yield Static(id="heat")
        yield ValueTable(id="values")

    def show(self, tensor: Tensor | None, *, before: Tensor | None = None, since: str = "") -> None:
        """Show this tensor, None for none. A slice that its shape does not have is given up."""
        if self._tensor is None or tensor is None or tensor.shape != self._tensor.shape:
            self._index = ()
            self.query_one(Input).value = ""
        self._tensor, self._before, self._since = tensor, before, since
        if tensor and tensor.shape:
            self.query_one(Input).placeholder = f"{SLICES.get(len(tensor.shape), MANY)}  a slice"
        self._draw()

    def toggle_difference(self) -> None:
        """Show the values, or what was added to those of `before`."""
        self.differs = not self.differs
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._tensor is None:
            return
        try:
            self._index = parse_index(event.value, self._tensor.shape)
        except RequestError as error:
            self._say(str(error) if event.value.strip(" [") else "")
        else:
            self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """To the values of the slice; what is no slice stays to be mended."""
        event.stop()
        if not self.query_one("#trouble").display:
            self.query_one(ValueTable).focus()

    def _say(self, trouble: str) -> None:
        self.query_one("#trouble", Static).update(Text(trouble))
        self.query_one("#trouble").display = bool(trouble)

    def _draw(self) -> None:
        self._say("")
        values = self._values()
        self.query_one("#about", Static).update(self._about(values))
        for part in (self.query_one("#spread"), self.query_one(ValueTable)):
            part.display = values is not None
        self.query_one(Input).display = values is not None and bool(self._tensor and self._tensor.shape)
        room = values is not None and values.size > 1 and self.size.height >= FOR_A_MAP
        self.query_one("#heat").display = room
        if values is not None:
            self.query_one("#spread", Static).update(_spread(values, self.size.width))
            self.query_one("#heat", Static).update(self._heat(values) if room else "")
            self.query_one(ValueTable).show(values)

    def _values(self) -> NDArray[Any] | None:
        """What is shown: the slice, of the tensor or of the difference."""
        tensor = self._tensor
        if tensor is None or tensor.values is None:
            return None
        values = tensor.values
        if self.differs and self._before is not None and self._before.values is not None:
            try:
                values = difference(values, self._before.values)
            except RequestError as error:
                self._say(str(error))
        return np.asarray(values[self._index])

    def _heat(self, values: NDArray[Any]) -> Text:
        """Green above zero, violet below, as strong as the value is large."""
        colours = Palette(self)
        width = max(self.size.width - 2, 1)
        grid = heat_grid(values, width)
        grid = grid.repeat(max(1, min(BROAD, width // grid.shape[1])), axis=1)
        strengths = grid / (np.abs(grid).max(initial=0) or 1.0)
        if colours.no_color:
            cells = heat.shades(np.abs(strengths), colours.text)
        else:
            halves = glyphs.of(self).half_blocks
            cells = heat.of_signed(strengths, colours, halves, colours.ground)
        return Text("\n").join(Text.assemble(*heat.runs(row)) for row in cells)

    def _about(self, values: NDArray[Any] | None) -> Text:
        tensor = self._tensor
        if tensor is None:
            return Text(self._none, "dim")
        text = Text(overflow="fold")
        text.append(tensor.name, "bold")
        text.append(f"  {tensor.shape} {tensor.dtype}")
        parts = [f"stride {tensor.stride}" if tensor.stride is not None else "", tensor.device]
        parts.append("requires grad" if tensor.requires_grad else "")
        text.append("".join(f"  {part}" for part in parts if part), "dim")
        if self.differs:
            known = self._before is not None
            text.append(
                f"\ndifference to {self._since}" if known else "\nno earlier values to differ from", "yellow"
            )
        if tensor.values is None:
            text.append(
                f"\n{math.prod(tensor.shape):,} values are too many to show: take a slice of it in the code"
            )
        if values is not None and self._index:
            text.append(f"\nslice {values.shape}", "dim")
        return text


def _spread(values: NDArray[Any], width: int) -> Text:
    """The statistics, and a histogram between the lowest and the highest value."""
    found = statistics(values)
    text = Text()
    pairs = [("min", found.min), ("max", found.max), ("mean", found.mean), ("deviation", found.deviation)]
    figures = [
        (name, f"{x:.6g}" if not math.isnan(x) else "–", "") for name, x in [*pairs, ("norm", found.norm)]
    ]
    figures.append(("NaN", f"{found.nans}", "bold red" if found.nans else ""))
    if found.infinities:
        figures.append(("inf", f"{found.infinities}", "bold red"))
    room = width
    for name, number, style in figures:
        needed = len(f"{name} {number}")
        if needed > room:  # no line ends between a name and its number
            text.append("\n")
            room = width
        text.append(f"{name} ", "dim").append(f"{number}", style).append("  ")
        room -= needed + 2
    if found.max > found.min:
        low, high = f"{found.min:.4g} ", f" {found.max:.4g}"
        bars = histogram(values, max(8, min(64, width - len(low) - len(high))))
        text.append(f"\n{low}", "dim").append(bars).append(high, "dim")
    return text


def heat_grid(values: NDArray[Any], columns: int) -> NDArray[np.float64]:
    """The values as (2 × lines, at most `columns`) for a heat map: means where there is no room for each.

    A vector runs to the right; leading dimensions are rows. A small array is drawn larger.
    """
    grid = np.nan_to_num(real(values), posinf=0.0, neginf=0.0)
    grid = grid.reshape(-1, values.shape[-1] if values.ndim else 1)
    for axis, most in enumerate((2 * MAP_LINES, columns)):
        size = grid.shape[axis]
        if size > most:
            starts = np.arange(most) * size // most
            counts = np.diff([*starts, size])
            grid = np.add.reduceat(grid, starts, axis=axis) / (counts[:, None] if axis == 0 else counts)
    larger = max(1, min(4, columns // grid.shape[1], 2 * MAP_LINES // grid.shape[0]))
    grid = grid.repeat(larger, axis=0).repeat(larger, axis=1)
    return np.pad(grid, ((0, len(grid) % 2), (0, 0)))


def histogram(values: NDArray[Any], bins: int) -> str:
    """The finite values in that many bins, each a bar of one character; what is there at all is seen."""
    numbers = real(values)
    counts, _ = np.histogram(numbers[np.isfinite(numbers)], bins)
    heights = np.ceil(counts / max(counts.max(), 1) * (len(BARS) - 1)).astype(int)
    return "".join(BARS[height] for height in heights)
