"""Colours with a meaning, of whatever theme is on: sign and strength of a number, classes, right and wrong.

colours = Palette(widget)
colours.signed(-0.3)        # how a weight is written: violet below zero, green above, pale near zero
colours.of_class(2)         # the colour of a class
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from textual.color import Color as ThemeColor
from textual.widget import Widget

from tui.theme import SIGNS

# Okabe and Ito's colours, which the colour-blind tell apart, for classes beyond those that a theme names.
CLASSES = (
    *("#56b4e9", "#e69f00", "#2bb58c", "#cc79a7", "#d55e00", "#f0e442", "#0072b2", "#999999"),
    *("#a97bff", "#a5714a"),  # and two more, so that the ten digits have one each
)
LEVELS = 10  # of strength: a number that changes a little changes no cell

Rgb = tuple[int, int, int]
Colours = NDArray[np.uint8]  # (…, 3)


class Palette:
    """The colours of the theme of a widget's app."""

    def __init__(self, widget: Widget):
        self.variables = widget.app.theme_variables
        self.no_color = widget.app.no_color
        self.tints = widget.app.console.color_system == "truecolor"  # whether a colour can be paler
        self.background = self._rgb("background", "#000000")
        self.foreground = self._rgb("foreground", "#cccccc")
        self.ground = mix(self.background, self.foreground, 0.12)  # of a picture, where it shows nothing
        self.positive = self._rgb("positive", SIGNS["positive"])
        self.negative = self._rgb("negative", SIGNS["negative"])
        self.text = style(self.foreground)
        self.bold = style(self.foreground, bold=True)
        self.muted = style(mix(self.background, self.foreground, 0.55))
        self.faint = style(mix(self.background, self.foreground, 0.25))
        self.accent = style(self._rgb("accent", "#5fb3b3"), bold=True)
        self.right = style(self._rgb("success", "#7fd962"), bold=True)
        self.wrong = style(self._rgb("error", "#f07178"), bold=True)
        self.warning = style(self._rgb("warning", "#e6b450"))
        self.plain = style(self.foreground, self.background)

    def of_class(self, number: int) -> Rgb:
        """The colour of a class."""
        return self._rgb(f"plot-{number % len(CLASSES) + 1}", CLASSES[number % len(CLASSES)])

    def signed(self, strength: float) -> Rgb:
        """Green above zero, violet below, paler towards zero; `strength` is from -1 to 1."""
        end = self.positive if strength >= 0 else self.negative
        return mix(self.background, end, level(abs(strength)))

    def signed_text(self, strength: float) -> Style:
        """A number in the colour of its sign, readable however near to zero it is."""
        end = self.positive if strength >= 0 else self.negative
        return style(mix(self.foreground, end, 0.35 + 0.45 * level(min(abs(strength), 1.0))))

    def signed_map(self, values: NDArray[np.floating], zero: Rgb | None = None) -> Colours:
        """`signed` of each value: (…) to (…, 3); `zero` is the colour of zero, else the background."""
        strength = np.nan_to_num(np.clip(values, -1, 1))
        step = np.rint(np.abs(strength) * (LEVELS - 1)) / (LEVELS - 1)
        ends = np.where(strength[..., None] >= 0, self.positive, self.negative)
        return blend(zero or self.background, ends, step)

    def class_map(self, classes: NDArray[np.integer], certainty: NDArray[np.floating]) -> Colours:
        """Each cell in the colour of its class, paler where the network is less certain: (…) to (…, 3)."""
        table = np.array([self.of_class(c) for c in range(int(classes.max(initial=0)) + 1)])
        step = np.rint(np.clip(certainty, 0, 1) * (LEVELS - 1)) / (LEVELS - 1)
        return blend(self.background, table[classes], 0.12 + 0.43 * step)

    def _rgb(self, name: str, otherwise: str) -> Rgb:
        try:
            return ThemeColor.parse(self.variables.get(name, otherwise)).rgb
        except ValueError:  # a colour that the terminal itself has
            return ThemeColor.parse(otherwise).rgb


def level(strength: float) -> float:
    """A strength from 0 to 1 in LEVELS steps; 0 for NaN."""
    return round(min(strength, 1.0) * (LEVELS - 1)) / (LEVELS - 1) if strength == strength else 0.0


def mix(low: Rgb, high: Rgb, part: float) -> Rgb:
    """`low` at 0, `high` at 1, between them what lies between."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(low, high, strict=True))
    return red, green, blue


def blend(low: Rgb, high: NDArray[np.integer], part: NDArray[np.floating]) -> Colours:
    """`mix` of arrays: `high` (…, 3), `part` (…)."""
    mixed: Colours = np.rint(np.array(low) + (high - np.array(low)) * part[..., None]).astype(np.uint8)
    return mixed


@functools.lru_cache(maxsize=8192)
def style(colour: Rgb, background: Rgb | None = None, *, bold: bool = False, dim: bool = False) -> Style:
    """The style of a cell."""
    back = Color.from_rgb(*background) if background else None
    return Style(color=Color.from_rgb(*colour), bgcolor=back, bold=bold or None, dim=dim or None)
