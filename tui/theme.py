"""The themes, and in each the colours of curves.

Curves have the colours of Okabe and Ito (Color Universal Design, 2008), which the colour-blind tell apart, in
shades that stand out from the background; classes of data have the same. What is below or above zero has two
of its own, as both may be on one screen. The theme for the colour-blind lets no meaning rest on red against
green elsewhere either.
"""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

SLOTS = 6  # colours of runs


def _curves(*colours: str) -> dict[str, str]:
    """The variables $plot-1 … that widgets take the colours of runs from."""
    assert len(colours) == SLOTS
    return {f"plot-{slot}": colour for slot, colour in enumerate(colours, 1)}


def _signs(positive: str, negative: str) -> dict[str, str]:
    """The variables $positive and $negative, of numbers."""
    return {"positive": positive, "negative": negative}


SIGNS = _signs("#8cf0d0", "#9d3dff")
OKABE_ITO = _curves("#56b4e9", "#e69f00", "#cc79a7", "#009e73", "#f0e442", "#d55e00")

DARK = Theme(
    name="dark",
    primary="#5fb3b3",
    secondary="#8fa1b3",
    accent="#5fb3b3",
    warning="#e6b450",
    error="#f07178",
    success="#7fd962",
    foreground="#c7ccd1",
    background="#0f1419",
    surface="#151a20",
    panel="#1c232b",
    dark=True,
    variables={**OKABE_ITO, **SIGNS, "footer-background": "#1c232b"},
)

LIGHT = Theme(
    name="light",
    primary="#0f6f78",
    secondary="#5a6672",
    accent="#0f6f78",
    warning="#8a5a00",
    error="#b3261e",
    success="#2e6b1f",
    foreground="#23292f",
    background="#fafaf7",
    surface="#f1f1ec",
    panel="#e5e6e1",
    dark=False,
    variables={
        **_curves("#0072b2", "#b35900", "#a2407c", "#007a59", "#7a6f00", "#a33a00"),
        **_signs("#00522c", "#4212a0"),
        "footer-background": "#e5e6e1",
    },
)

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#00e5ff",
    secondary="#ffffff",
    accent="#ffff00",
    warning="#ffd000",
    error="#ff8a80",
    success="#5cff5c",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1a1a1a",
    dark=True,
    variables={
        **_curves("#00c8ff", "#ffb000", "#ff9ad5", "#00e6a0", "#ffff00", "#ff7a3d"),
        **_signs("#70ff9c", "#b080ff"),
        "text-muted": "#e0e0e0",
        "text-disabled": "#c0c0c0",
        "footer-background": "#000000",
    },
)

COLOUR_BLIND = Theme(
    name="colour-blind",
    primary="#56b4e9",
    secondary="#9fb0c0",
    accent="#56b4e9",
    warning="#f0e442",
    error="#e8772e",
    success="#56b4e9",
    foreground="#d0d4d8",
    background="#10131a",
    surface="#161a22",
    panel="#1d222c",
    dark=True,
    variables={**OKABE_ITO, **SIGNS, "footer-background": "#1d222c"},
)

THEMES = (DARK, LIGHT, HIGH_CONTRAST, COLOUR_BLIND)
NAMES = (*(theme.name for theme in THEMES), *BUILTIN_THEMES)  # of all that may be chosen
