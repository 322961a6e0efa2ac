"""What the terminal shows, and the least that has to be sent for it to show something else.

Textual sends a dirty region again whole, from the left edge of its widget on, and after a change of layout
the whole screen, whether their cells changed or not. Over a slow line that is what a person waits for; so all
that is drawn passes through here, is compared with what was drawn before, and only what differs goes on. (It
stands on what Textual 8.2 calls updates; tests hold what comes out against a full repaint.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Cell = tuple[str, Style | None]
Piece = tuple[int, int, Strip]  # its row, its first column, and what stands there

TAIL = ""  # the second cell of a wide character
STYLED = 30  # bytes, about: a style, or a move of the cursor with the style that has to follow


class Shown:
    """The cells of the terminal as they were last drawn; None where that is not known."""

    def __init__(self) -> None:
        self._rows: list[list[Cell | None]] = []

    def forget(self) -> None:
        """Somebody else may have drawn on the terminal: all of it is sent the next time."""
        self._rows = []

    def only_changes(self, update: CompositorUpdate) -> CompositorUpdate:
        """An update that sends what this one changes."""
        return Changes(self, update)

    def render(self, update: CompositorUpdate, console: Console) -> str:
        """What has to be sent; from now on the terminal shows it."""
        return "".join(text for piece in _pieces(update) for text in self._changed(*piece, console))

    def _changed(self, y: int, x: int, strip: Strip, console: Console) -> Iterator[str]:
        cells = _cells(strip)
        while len(self._rows) <= y:
            self._rows.append([])
        row = self._rows[y]
        row += [None] * (x + len(cells) - len(row))
        before = row[x : x + len(cells)]
        row[x : x + len(cells)] = cells
        for start, end in _spans(before, cells) if before != cells else ():
            part = strip if end - start == len(cells) else strip.crop(start, end)
            yield Control.move_to(x + start, y).segment.text + part.simplify().render(console)


class Changes(CompositorUpdate):
    """Textual's update, without what the terminal shows already."""

    def __init__(self, shown: Shown, update: CompositorUpdate):
        self._shown = shown
        self._update = update

    def render_segments(self, console: Console) -> str:
        return self._shown.render(self._update, console)


class DirtyCompositor(Compositor):
    """Renders the widgets that have something new; Textual's renders all between the first and the last."""

    def __init__(self) -> None:
        super().__init__()
        self._wanted: tuple[Region, ...] | None = None

    def render_partial_update(self) -> ChopsUpdate | None:
        _ = self.cuts  # made from all widgets, and kept
        self._wanted = tuple(self._dirty_regions)
        try:
            return super().render_partial_update()
        finally:
            self._wanted = None

    @property
    def visible_widgets(self) -> dict[Widget, tuple[Region, Region]]:
        visible = super().visible_widgets
        if self._wanted is None:
            return visible
        wanted = self._wanted
        return {w: (r, clip) for w, (r, clip) in visible.items() if any(r.overlaps(d) for d in wanted)}


def _pieces(update: CompositorUpdate) -> Iterator[Piece]:
    match update:
        case LayoutUpdate():
            for y, line in enumerate(update.strips, update.region.y):
                yield y, update.region.x, Strip.join(line)
        case ChopsUpdate():
            for y, first, last in update.spans:
                for end, (start, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                    left, right = max(start, first), min(end, last)
                    if strip is not None and left < right:
                        yield y, left, strip.crop(left - start, right - start)


def _cells(strip: Strip) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, control in strip:
        if control:
            continue
        if text.isascii() or cell_len(text) == len(text):
            cells += [(character, style) for character in text]
            continue
        for character in text:
            width = cell_len(character)
            if width == 0 and cells:  # joins the one before
                before = -2 if cells[-1][0] == TAIL else -1
                cells[before] = cells[before][0] + character, cells[before][1]
            else:
                cells += [(character, style), *[(TAIL, style)] * (width - 1)]
    return cells


def _spans(before: Sequence[Cell | None], after: Sequence[Cell]) -> list[tuple[int, int]]:
    """Where two rows differ, from which column to which; what costs less to send than a gap is no gap."""
    spans: list[tuple[int, int]] = []
    for x, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        if spans and _cost(after[spans[-1][1] - 1 : x + 1]) <= STYLED:
            spans[-1] = spans[-1][0], x + 1
        else:
            spans.append((x, x + 1))
    return [(start - _in_wide(after, start), end + _in_wide(after, end)) for start, end in spans]


def _cost(cells: Sequence[Cell]) -> int:
    """Bytes that the cells between the first and the last of these take."""
    return len(cells) - 2 + STYLED * sum(a[1] != b[1] for a, b in pairwise(cells))


def _in_wide(cells: Sequence[Cell], x: int) -> bool:
    """Whether a cut before this column would go through a wide character."""
    return 0 < x < len(cells) and cells[x][0] == TAIL
