"""A line to type into."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input


class Field(Input):
    """Textual's own, with a cursor that does not blink: each blink would go over the line."""

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **settings)
        self.set_reactive(Input.cursor_blink, False)
