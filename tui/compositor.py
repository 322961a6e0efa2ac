"""Sending dirty cells, and nothing left of them.

Textual 8.2 sends a dirty span from the left edge of its widget; for a curve that grows at the right
end of a wide plot, that is most of the row. This compositor begins each span where it begins.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor


class Spans(ChopsUpdate):
    """Textual's partial update, cut on both sides."""

    def render_segments(self, console: Console) -> str:
        parts: list[str] = []
        for y, first, last in self.spans:
            for end, (start, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(start, first), min(end, last)
                if strip is not None and left < right:
                    parts.append(Control.move_to(left, y).segment.text)
                    parts.append(strip.crop(left - start, right - start).render(console))
        return "".join(parts)


class SpanCompositor(Compositor):
    def render_partial_update(self) -> ChopsUpdate | None:
        update = super().render_partial_update()
        return update and Spans(update.chops, update.spans, update.chop_ends)
