"""The Code panel: the plain PyTorch script that trains the same network."""

from __future__ import annotations

import functools

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token, _TokenType
from rich.style import Style
from textual.app import ComposeResult

from engine.errors import NnplayError
from engine.script import script
from engine.spec import Spec
from tui.keys import bindings
from tui.palette import Palette, style
from tui.widgets.canvas import Canvas, Line, Span
from tui.widgets.panel import Panel


class Code(Panel):
    """Follows the values; one key copies it to the clipboard, over SSH as well (OSC 52)."""

    TITLE = "Code"
    BINDINGS = bindings("Code")

    def compose(self) -> ComposeResult:
        yield Canvas()

    def action_copy(self) -> None:
        if self.view:
            self.app.copy_to_clipboard(self._text(self.view.shown))
            self.app.notify(
                "The script is in the clipboard, if the terminal lets programs put it there (OSC 52)."
            )

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted:
            self.call_after_refresh(self.inquire)

    def draw(self) -> None:
        if self.view is None:
            return
        colours = Palette(self)
        head: Line = [("the same in plain PyTorch", colours.bold), ("   c copies it", colours.muted)]
        try:
            text = self._text(self.view.shown)
        except NnplayError as error:
            self.query_one(Canvas).paint([], [[(str(error), colours.wrong)]])
            return
        self.query_one(Canvas).paint([head], _highlighted(text, colours))

    def _text(self, spec: Spec) -> str:
        return _script(spec)


_script = functools.lru_cache(maxsize=4)(script)


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
