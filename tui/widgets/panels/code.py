"""The Code panel: the plain PyTorch script that trains the same network."""

from __future__ import annotations

from tui.keys import bindings
from tui.palette import Palette
from tui.view import View
from tui.widgets.canvas import Line
from tui.widgets.painted import PaintedPanel
from tui.widgets.panel import Answer, Question


class Code(PaintedPanel):
    """Follows the values; one key copies it to the clipboard, over SSH as well (OSC 52)."""

    TITLE = "Code"
    BINDINGS = bindings("Code")

    def action_copy(self) -> None:
        if self.answer:
            self.app.copy_to_clipboard(self.answer.values["text"])
            self.app.notify(
                "The script is in the clipboard, if the terminal lets programs put it there (OSC 52)."
            )

    def question(self, view: View) -> Question:
        return Question("script", {"spec": view.shown.to_json()})

    def heading(self, answer: Answer, colours: Palette) -> Line:
        hint = "c" if self.has_focus_within else "tab, then c"
        return [("the same in plain PyTorch", colours.bold), (f"   {hint} copies it", colours.muted)]

    def lines(self, answer: Answer, colours: Palette) -> list[Line]:
        from tui.highlight import highlighted  # a lexer, which the first paint must not wait for

        return highlighted(answer.values["text"], colours)
