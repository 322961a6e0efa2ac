"""The values of an array as a table that scrolls both ways, however many there are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

GAP = 2  # columns between two numbers
FIXED = (-4, 5)  # powers of ten of which the largest number may be, for numbers to be written without powers


class ValueTable(ScrollView, can_focus=True):
    """The last dimension runs to the right, all others down, each row named by its index in them.

    A vector runs down. Only the rows on the screen are ever written as text.
    """

    COMPONENT_CLASSES = {"value-table--index"}
    BINDINGS = [
        Binding("up", "scroll_up", show=False),
        Binding("down", "scroll_down", show=False),
        Binding("left", "scroll_left", show=False),
        Binding("right", "scroll_right", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("home", "scroll_home", show=False),
        Binding("end", "scroll_end", show=False),
    ]
    DEFAULT_CSS = """
    ValueTable {
        height: 1fr; min-height: 2; background: $background;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; scrollbar-color: $panel-lighten-2;
        scrollbar-background: $background; scrollbar-corner-color: $background;
    }
    ValueTable:focus { background-tint: $foreground 3%; }
    ValueTable > .value-table--index { color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None):
        super().__init__(id=id)
        self._table: NDArray[Any] = np.zeros((0, 0))
        self._leading: tuple[int, ...] = ()
        self._write = Writer(self._table)
        self._gutter = 0

    def show(self, values: NDArray[Any]) -> None:
        """Show an array of any shape."""
        last = values.shape[-1] if values.ndim > 1 else 1
        self._leading = values.shape[:-1] if values.ndim > 1 else values.shape
        self._table = values.reshape(-1, last) if values.size else np.zeros((0, last))
        self._write = Writer(self._table)
        self._gutter = len(self._row_name(len(self._table) - 1)) if len(self._table) else 0
        head = int(values.ndim > 1)
        self.virtual_size = Size(
            self._gutter + (self._write.width + GAP) * last, (len(self._table) if values.size else 0) + head
        )
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        row = y + round(self.scroll_y) - self._head
        index, base = self.get_component_rich_style("value-table--index"), self.rich_style
        if self._head and y == 0:
            text = "".join(f"{n:>{self._write.width + GAP}}" for n in self._columns(width))
            return self._strip(" " * self._gutter, text, width, index)
        if row < 0 or row >= len(self._table):
            return Strip.blank(width, base)
        numbers = self._table[row, self._columns(width)]
        text = "".join(f"{self._write(number):>{self._write.width + GAP}}" for number in numbers)
        return self._strip(f"{self._row_name(row):>{self._gutter}}", text, width, base)

    @property
    def _head(self) -> int:
        """Rows above the numbers: their columns' indices, unless there is one column alone."""
        return int(self._table.shape[1] > 1)

    def _columns(self, width: int) -> range:
        """The columns of which a part is on the screen."""
        step = self._write.width + GAP
        first = round(self.scroll_x) // step
        return range(first, min(self._table.shape[1], first + width // step + 2))

    def _strip(self, name: str, text: str, width: int, style: Any) -> Strip:
        """The index stays at the left while the numbers scroll under it."""
        hidden = round(self.scroll_x) % (self._write.width + GAP)
        index = self.get_component_rich_style("value-table--index")
        segments = [Segment(name, index), Segment(text[hidden:], style)]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _row_name(self, row: int) -> str:
        return ",".join(str(n) for n in np.unravel_index(row, self._leading)) if self._leading else ""


class Writer:
    """Writes the numbers of one table alike: with as many decimals as give the largest four or five digits.

    Whole numbers end with a point, as torch writes them; zero is 0 among others; what those decimals do not
    reach is written as a power, by itself; and where the largest lies beyond all this, everything is.
    """

    def __init__(self, values: NDArray[Any]):
        finite = values[np.isfinite(values)] if values.dtype.kind in "fc" else values[:0]
        largest = float(np.abs(finite).max(initial=0))
        exponent = math.floor(math.log10(largest)) if largest else 0
        whole = largest < 10 ** FIXED[1] and not np.any(finite != np.rint(finite))
        self._kind = values.dtype.kind
        self._decimals = 0 if whole else max(4 - exponent if exponent >= 0 else 3 - exponent, 1)
        self._format = f"#.{self._decimals}f" if FIXED[0] <= exponent <= FIXED[1] else ".3e"
        sample = [values.reshape(-1)[i] for i in self._extremes(values)]
        self.width = max([len(self(value)) for value in sample], default=1)
        smallest = float(np.abs(finite[finite != 0]).min(initial=largest))
        if smallest:  # with a sign, and perhaps three digits of its power
            self.width = max(self.width, len(self(-smallest)))

    @property
    def _least(self) -> float:
        """What is nearer to zero would come out as zero."""
        return 0.5 * 10.0**-self._decimals

    def __call__(self, value: Any) -> str:
        if self._kind == "b":
            return str(bool(value))
        if self._kind in "iu":
            return str(int(value))
        if value == 0:
            return "0" if self._decimals else "0."
        tiny = self._format != ".3e" and abs(value) < self._least
        return format(value, ".0e" if tiny else self._format)

    @staticmethod
    def _extremes(values: NDArray[Any]) -> set[int]:
        """Where the longest text is among: the lowest, the highest, what is not finite."""
        if not values.size:
            return set()
        flat = values.reshape(-1)
        parts = (flat.real, flat.imag) if np.iscomplexobj(flat) else (flat,)
        found = {int(f(part)) for part in parts for f in (np.argmin, np.argmax)}
        with np.errstate(invalid="ignore"):
            for part in parts:
                safe = np.where(np.isfinite(part), part, 0) if part.dtype.kind == "f" else part
                found |= {int(np.argmin(safe)), int(np.argmax(safe))}
        return found | {0}
