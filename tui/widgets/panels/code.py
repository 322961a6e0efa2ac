"""The Code panel: the plain PyTorch script that trains the same network."""

from __future__ import annotations

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token, _TokenType
from rich.style import Style

from tui.keys import bindings
from tui.palette import Palette, style
from tui.view import View
from tui.widgets.canvas import Line, Span
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
        return [("the same in plain PyTorch", colours.bold), ("   c copies it", colours.muted)]

    def lines(self, answer: Answer, colours: Palette) -> list[Line]:
        return _highlighted(answer.values["text"], colours)


def _highlighted(text: str, colours: Palette) -> list[Line]:
    """The lines of a Python text in colours by kind of word, with their numbers."""
    inks = {
        Comment: colours.muted,
        Keyword: colours.accent,
        String: style(colours.of_class(2)),
        Number: style(colours.negative),
        Name.Builtin: style(colours.positive),
        Name.Function: style(colours.positive, bold=True),
        Name.Class: style(colours.positive, bold=True),
        Name.Namespace: style(colours.positive),
        Operator.Word: colours.accent,
    }
    lines: list[list[Span]] = [[]]
    for kind, words in PythonLexer().get_tokens(text):
        ink = _ink(kind, inks, colours.text)
        for index, part in enumerate(words.split("\n")):
            if index:
                lines.append([])
            if part:
                lines[-1].append((part, ink))
    while lines and not lines[-1]:
        lines.pop()
    return [[(f"{number:>4}  ", colours.faint), *line] for number, line in enumerate(lines, 1)]


def _ink(kind: _TokenType, inks: dict[_TokenType, Style], otherwise: Style) -> Style:
    """The style of a kind of token, or of the kind that it belongs to."""
    while kind is not Token:
        if kind in inks:
            return inks[kind]
        kind = kind.parent
    return otherwise
