"""Lines of styled text that scroll under a heading, sending only the cells that changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.glyphs import inert

Span = tuple[str, Style]
Line = Sequence[Span]

NONE = Style()
APART = 2  # cells: a cell with colours of its own takes more bytes than a move of the cursor


class Canvas(ScrollView, can_focus=True):
    """Paints lines; longer and wider pictures than there is room for scroll by keys and wheel."""

    BINDINGS = [
        Binding("up", "scroll_up", show=False),
        Binding("down", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
    ]
    DEFAULT_CSS = """
    Canvas {
        width: 1fr; height: 1fr; padding: 0 1; background: $background;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; scrollbar-color: $panel-lighten-2;
        scrollbar-background: $background; scrollbar-corner-color: $background;
    }
    """

    def __init__(self, *, id: str | None = None):
        super().__init__(id=id)
        self._head: list[Strip] = []
        self._body: list[Strip] = []
        self.marked = 0  # cells that were marked to be sent again, ever

    def paint(self, head: Iterable[Line], body: Iterable[Line]) -> None:
        """Show these lines; those of `head` stay where they are when the others scroll."""
        before = self._screen_lines()
        self._head, self._body = [strip(line) for line in head], [strip(line) for line in body]
        width = max((line.cell_length for line in self._body), default=0)
        size = Size(width, len(self._head) + len(self._body))
        if size != self.virtual_size:
            self.virtual_size = size
            self.marked += self.size.area
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, self._screen_lines(), strict=True)):
            if old != new and (regions := _differences(old, new, y)):
                self.marked += sum(region.width for region in regions)
                self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        return self._line(y, width, round(self.scroll_x), round(self.scroll_y)).apply_style(base)

    def _screen_lines(self) -> list[Strip]:
        """What stands on the screen, without the widget's own style: quick to make, for comparing."""
        width, height = self.scrollable_content_region.size
        left, top = round(self.scroll_x), round(self.scroll_y)
        return [self._line(y, width, left, top) for y in range(height)]

    def _line(self, y: int, width: int, left: int, top: int) -> Strip:
        if y < len(self._head):
            return self._head[y].adjust_cell_length(width, NONE)
        row = y - len(self._head) + top
        if row >= len(self._body):
            return Strip.blank(width, NONE)
        return self._body[row].crop_extend(left, left + width, NONE)


def strip(line: Line) -> Strip:
    """The line as Textual takes it; control characters from outside are shown inert."""
    return Strip([Segment(inert(text), style) for text, style in line if text])


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells; what is longer ends in `…`."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"[: max(width, 0)]


def cut_middle(text: str, width: int) -> str:
    """The text in at most `width` cells; of what is longer, the beginning and more of the end are left.

    For names that begin alike: of paths, of the values of a column, of changes as `key=value`.
    """
    if cell_len(text) <= width:
        return text
    room = max(width - 1, 0)
    head, tail = set_cell_size(text, room // 3), text[max(len(text) - (room - room // 3), 0) :]
    while cell_len(head + tail) > room:
        tail = tail[1:]
    return f"{head}…{tail}"[: max(width, 0)]


def fit(text: str, width: int) -> str:
    """The text in exactly `width` cells."""
    return set_cell_size(cut(text, width), width)


def _differences(old: Strip, new: Strip, y: int) -> list[Region]:
    """The spans of cells in which two lines of one length differ."""
    before, after = _cells(old), _cells(new)
    if not old.cell_length == len(before) == len(after):  # characters two cells wide
        return [Region(0, y, old.cell_length, 1)]
    differ = [x for x, (was, now) in enumerate(zip(before, after, strict=True)) if was != now]
    return _spans(differ, y)


def _cells(line: Strip) -> list[tuple[str, Style | None]]:
    return [(char, segment.style) for segment in line for char in segment.text]


def _spans(columns: Sequence[int], row: int) -> list[Region]:
    """Columns that differ as regions of a row; those with at most `APART` equal ones between them are one."""
    found: list[tuple[int, int]] = []
    for x in columns:
        if found and x - found[-1][1] <= APART:
            found[-1] = found[-1][0], x + 1
        else:
            found.append((x, x + 1))
    return [Region(first, row, end - first, 1) for first, end in found]
