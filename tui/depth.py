"""Colours on terminals that have few of them: 256, the 16 that a person chose, or none.

Over SSH a terminal seldom says that it has more (COLORTERM is not handed on), so few colours are what many
people see. A colour is put in the place of another by how the eye sees both, in the OKLab space (Björn
Ottosson, "A perceptual color space for image processing", 2020); of 16, by its hue, for a curve that turns
grey has no colour any more. Nearest in red, green and blue, as Rich takes it, dark tints of one hue come out
in many.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as Background
from textual.filter import LineFilter

Lab = tuple[float, float, float]

GREY = 0.04  # chroma below which a colour counts as a grey
DARK = 0.45  # lightness below which only strong colours count as colours, among 16
STRONG = 0.08  # chroma of those
BRIGHT = 0.6  # lightness from which the bright one of two colours is taken
HUES = {29: 1, 110: 3, 142: 2, 195: 6, 264: 4, 328: 5}  # degrees: red, yellow, green, cyan, blue, magenta
GREYS = ((0.35, 0), (0.62, 8), (0.92, 7), (math.inf, 15))  # up to which lightness


def oklab(red: int, green: int, blue: int) -> Lab:
    """Lightness, green to red, blue to yellow; of red, green and blue up to 255."""
    r, g, b = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (red / 255, green / 255, blue / 255)
    )
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


@functools.cache
def _fixed() -> list[tuple[int, Lab]]:
    """The colours of 256 that are the same on every terminal: a cube of 6 × 6 × 6, and 24 greys."""
    levels = (0, 95, 135, 175, 215, 255)
    cube = [(r, g, b) for r in levels for g in levels for b in levels]
    greys = [(8 + 10 * step,) * 3 for step in range(24)]
    return [(16 + index, oklab(*colour)) for index, colour in enumerate([*cube, *greys])]


def of_256(red: int, green: int, blue: int) -> int:
    """The nearest of the colours that 256-colour terminals share, from 16."""
    wanted = oklab(red, green, blue)
    return min(_fixed(), key=lambda entry: math.dist(entry[1], wanted))[0]


def of_16(red: int, green: int, blue: int) -> int:
    """Of the 16 colours that each terminal has its own of: the one of this hue, or a grey."""
    lightness, a, b = oklab(red, green, blue)
    chroma, hue = math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360
    if chroma < (STRONG if lightness < DARK else GREY):
        return next(number for most, number in GREYS if lightness < most)
    nearest = min(HUES, key=lambda other: abs((hue - other + 180) % 360 - 180))
    return HUES[nearest] + (8 if lightness >= BRIGHT else 0)


DEPTHS: dict[str | None, Callable[[int, int, int], int]] = {"256": of_256, "standard": of_16}


class FewColours(LineFilter):
    """Gives each line that any widget draws the colours that the terminal has."""

    def __init__(self, nearest: Callable[[int, int, int], int]):
        super().__init__()
        self._styles = functools.lru_cache(maxsize=8192)(functools.partial(_styled, nearest))

    def apply(self, segments: list[Segment], background: Background) -> list[Segment]:
        return [Segment(text, style and self._styles(style), control) for text, style, control in segments]


STANDS_OUT = 0.1  # in brightness, up to 1: a ground that differs by more marks what is chosen


class NoColours(LineFilter):
    """Takes all colours away, as NO_COLOR asks; what stands out by its ground is reversed."""

    def apply(self, segments: list[Segment], background: Background) -> list[Segment]:
        ground = background.brightness
        return [
            Segment(text, style and _uncoloured(style, ground), control) for text, style, control in segments
        ]


@functools.lru_cache(maxsize=8192)
def _uncoloured(style: Style, ground: float) -> Style:
    back = style.bgcolor.triplet if style.bgcolor else None
    if back and not style.reverse and abs(Background(*back).brightness - ground) > STANDS_OUT:
        return style.without_color + Style(reverse=True)
    return style.without_color


def _styled(nearest: Callable[[int, int, int], int], style: Style) -> Style:
    colour, ground = (
        Color.from_ansi(nearest(*c.triplet)) if c and c.triplet else None
        for c in (style.color, style.bgcolor)
    )
    return style + Style(color=colour, bgcolor=ground)
