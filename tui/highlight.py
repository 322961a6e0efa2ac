"""Python text in colours by kind of word."""

from __future__ import annotations

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token, _TokenType
from rich.style import Style

from tui.palette import Palette, style
from tui.widgets.canvas import Line, Span


def highlighted(text: str, colours: Palette) -> list[Line]:
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
