"""What the screen is drawn with: braille, blocks or plain ASCII, chosen once for the whole app.

Only pictures made of dots (curves, heat maps) ask which glyphs there are. All other text is written with
whatever sign says it best: in ASCII mode one filter over every line the app draws puts a plain character of
the same width in its place, so that not one byte over 0x7f reaches the terminal.
"""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter
from textual.widget import Widget


@dataclass(frozen=True)
class Glyphs:
    """A cell of the screen as a grid of dots, and the character of each pattern of them.

    Bit `row * columns + column` of a pattern is the dot at that row, from the top, and column.
    """

    name: str
    columns: int
    rows: int
    characters: str
    half_blocks: bool = True  # whether ▀ may split a cell into two coloured halves


def _braille(pattern: int) -> str:
    """The character with the dots of a row-major pattern; Unicode numbers them in its own order."""
    order = (0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80)
    return chr(0x2800 + sum(weight for bit, weight in enumerate(order) if pattern >> bit & 1))


BRAILLE = Glyphs("braille", 2, 4, "".join(map(_braille, range(256))).replace("\u2800", " "))
BLOCK = Glyphs("block", 2, 2, " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█")
ASCII = Glyphs("ascii", 1, 3, " '-\".:,|", half_blocks=False)
GLYPHS = {glyphs.name: glyphs for glyphs in (BRAILLE, BLOCK, ASCII)}


def detect(environment: Mapping[str, str] = os.environ) -> Glyphs:
    """ASCII where the locale is not UTF-8 or the terminal is known to lack the signs; else braille.

    A locale that is not set at all counts as UTF-8, as nearly every terminal is, and as Python takes it
    (PEP 538).
    """
    if environment.get("TERM") in ("dumb", "linux"):
        return ASCII
    language = environment.get("LANG", "")
    words = [environment.get("LC_ALL", ""), environment.get("LC_CTYPE", ""), language]
    if words[1] == "C.UTF-8" and language in ("C", "POSIX"):
        words[1] = ""  # Python itself put it there, for a LANG that has no characters beyond ASCII
    locale = next(filter(None, words), "UTF-8")
    return BRAILLE if "utf8" in locale.lower().replace("-", "") else ASCII


def of(widget: Widget) -> Glyphs:
    """The glyphs of the app that a widget belongs to."""
    glyphs = getattr(widget.app, "glyphs", BRAILLE)
    assert isinstance(glyphs, Glyphs)
    return glyphs


def inert(text: str) -> str:
    """The text with nothing in it that a terminal would obey: each control character becomes a `·`."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "·" for c in text)


# What stands for a sign in ASCII: one character for each cell it fills.
_LOOKALIKES = {
    **dict.fromkeys("─━╌┄┈╍═╴╶╸╺╼╾‐‑‒–—―▔▁−⎯", "-"),
    **dict.fromkeys("│┃┊┋╎╏┆┇║╵╷╹╻╽╿▏▎▍▌▕▐⎪❘", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬┠┨┯┷┿╂┡┩╇╈┢┪", "+"),
    **dict.fromkeys("●⬤◉•■▪⏺◆★✱∗×⨯✕", "*"),
    **dict.fromkeys("○◌◯◦□▫◇☆⚪◎", "o"),
    **dict.fromkeys("·∙⋅․‧", "."),
    **dict.fromkeys("◂◀←‹«⇐⟵⏴⭠", "<"),
    **dict.fromkeys("▸▶→›»⇒⟶⏵❯➜↦⭢", ">"),
    **dict.fromkeys("▴▲↑⇧⇡⏶⭱", "^"),
    **dict.fromkeys("▾▼↓⇩⇣⏷⭳", "v"),
    **dict.fromkeys("█▓▉▊▋▇▆▅▄▀▙▛▜▟", "#"),
    **dict.fromkeys("▒▚▞", "%"),
    **dict.fromkeys("░▖▗▘▝▂▃", ":"),
    **dict.fromkeys("‘’‚′ʼ`´", "'"),
    **dict.fromkeys("“”„″", '"'),
    **dict.fromkeys("∥‖⏸", "|"),
    **dict.fromkeys("≤≪", "<"),
    **dict.fromkeys("≥≫", ">"),
    **dict.fromkeys("≈∼…⋯", "~"),
    **dict.fromkeys("↻↺⟳⟲↵⏎⇥", "@"),
    **dict.fromkeys("✓✔☑√", "v"),
    **dict.fromkeys("✗✘☒❌", "x"),
    "┅": ".",
    "┉": ".",
    "±": "+",
    "σ": "s",
    "µ": "u",
    "μ": "u",
    "Δ": "d",
    "∂": "d",
    "∇": "d",
    "η": "n",
    "∞": "8",
    "≠": "!",
    "÷": "/",
    "°": "o",
    "ß": "s",
    "◐": "o",
    "◑": "o",
    "⚠": "!",
    "⊖": "-",
    "⊕": "+",
    "⊗": "X",
}


def to_ascii(text: str) -> str:
    """The text in ASCII, as wide: a lookalike, the letter without its accent, or a question mark."""
    return text if text.isascii() else "".join(map(_plain, text))


@functools.cache
def _plain(character: str) -> str:
    if character.isascii():
        return character
    if 0x2800 <= ord(character) <= 0x28FF:
        return ":" if ord(character) > 0x2800 else " "
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    width = cell_len(character)
    letters = "".join(c for c in unicodedata.normalize("NFKD", character) if c.isascii())
    if unicodedata.category(character) == "Zs":
        return " " * width
    return letters if len(letters) == width else "?" * width


class AsciiLines(LineFilter):
    """Puts ASCII in the place of everything else, in each line that any widget draws."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
