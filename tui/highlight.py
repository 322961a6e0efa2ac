"""Python text in colours by kind of word, the same wherever code is shown."""

from __future__ import annotations

from collections.abc import Iterator

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token, _TokenType
from rich.style import Style

from tui.palette import Palette, style
from tui.widgets.canvas import Line

KINDS: dict[_TokenType, str] = {
    Comment: "comment",
    Keyword: "keyword",
    Operator.Word: "keyword",
    String: "string",
    Number: "number",
    Name.Builtin: "known",
    Name.Namespace: "known",
    Name.Function: "made",
    Name.Class: "made",
}
LEXER = PythonLexer(stripnl=False, ensurenl=False)


def words(text: str) -> Iterator[tuple[int, str, str]]:
    """All of the text in pieces within one line: the line, from 0, the piece, and its kind, empty if none."""
    row = 0
    for kind, piece in LEXER.get_tokens(text):
        for place, part in enumerate(piece.split("\n")):
            row += place > 0
            if part:
                yield row, part, _kind(kind)


def inks(colours: Palette) -> dict[str, Style]:
    """By kind of word, its style."""
    return {
        "": colours.text,
        "comment": colours.muted,
        "keyword": colours.accent,
        "string": style(colours.of_class(2)),
        "number": style(colours.of_class(1)),
        "known": style(colours.of_class(0)),
        "made": style(colours.of_class(0), bold=True),
    }


def highlighted(text: str, colours: Palette) -> list[Line]:
    """The lines of a Python text in colours by kind of word, with their numbers."""
    ink = inks(colours)
    lines = [[(f"{number:>4}  ", colours.faint)] for number in range(1, text.rstrip("\n").count("\n") + 2)]
    for row, part, kind in words(text):
        lines[row].append((part, ink[kind]))
    return [*lines]


def _kind(kind: _TokenType) -> str:
    """What a token is, or the token that it belongs to."""
    while kind is not Token:
        if kind in KINDS:
            return KINDS[kind]
        kind = kind.parent
    return ""
