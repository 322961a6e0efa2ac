"""Colours that can be read, and told apart."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from textual.color import Color
from textual.theme import Theme

from tui.theme import COLOUR_BLIND, HIGH_CONTRAST, SLOTS, THEMES

# What a person without red, green or blue cones sees, in linear RGB: Machado, Oliveira and Fernandes 2009.
BLINDNESS = {
    "protanopia": [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.00388, -0.04812, 1.052],
    "deuteranopia": [0.367322, 0.860646, -0.227968, 0.28009, 0.6725, 0.04741, -0.01182, 0.04294, 0.96888],
    "tritanopia": [1.255528, -0.076749, -0.178779, -0.07841, 0.93081, 0.1476, 0.004733, 0.691367, 0.3039],
}  # fmt: skip


def linear(colour: str) -> np.ndarray:
    channels = np.array(Color.parse(colour).rgb) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    lights = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """Linear RGB in Oklab (Ottosson 2020), where distance is how different colours look."""
    cones = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]) @ rgb
    mixed = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    return np.array(mixed) @ np.cbrt(np.clip(cones, 0, None))


def curves(theme: Theme) -> list[str]:
    return [theme.variables[f"plot-{slot}"] for slot in range(1, SLOTS + 1)]


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_text_and_curves_stand_out_from_the_background(theme: Theme) -> None:
    least_text, least_line = (10, 7) if theme is HIGH_CONTRAST else (7, 3)
    assert theme.background
    assert theme.foreground
    assert contrast(theme.foreground, theme.background) >= least_text
    for colour in (*curves(theme), theme.variables["positive"], theme.variables["negative"]):
        assert contrast(colour, theme.background) >= least_line, colour
    for colour in (theme.primary, theme.accent, theme.warning, theme.error, theme.success):
        assert colour
        assert contrast(colour, theme.background) >= 4.5, colour


@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_colour_blind_tell_curves_and_states_apart(kind: str) -> None:
    def seen(colour: str) -> np.ndarray:
        return lab(np.clip(np.array(BLINDNESS[kind]).reshape(3, 3) @ linear(colour), 0, 1))

    states = [COLOUR_BLIND.success, COLOUR_BLIND.warning, COLOUR_BLIND.error]
    for colours, least in ((curves(COLOUR_BLIND), 0.06), (states, 0.1)):
        for one, other in combinations(colours, 2):
            assert one
            assert other
            assert np.linalg.norm(seen(one) - seen(other)) > least, (kind, one, other)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_signs_are_told_from_each_other_and_from_classes_by_all_eyes(theme: Theme) -> None:
    signs = [theme.variables["positive"], theme.variables["negative"]]
    pairs = [signs, *product(signs, curves(theme)[:3])]
    for kind in (np.eye(3), *(np.array(kind).reshape(3, 3) for kind in BLINDNESS.values())):
        for one, other in pairs:
            near = [lab(np.clip(kind @ linear(colour), 0, 1)) for colour in (one, other)]
            assert np.linalg.norm(near[0] - near[1]) > 0.06, (one, other)


def test_all_themes_have_all_colours_of_curves() -> None:
    for theme in THEMES:
        assert len(set(curves(theme))) == SLOTS
