"""Everything a person touches: the command line and the full-screen app. No torch, no scikit-learn."""

import os

# What a key changed is drawn with the next frame, so the time between two is a part of every echo. Textual
# reads this when it is imported; frames without news cost nothing.
os.environ.setdefault("TEXTUAL_FPS", "120")

# Terminals that show every colour and say so by their name alone, which is all that SSH hands on.
COLOURFUL = ("kitty", "ghostty", "alacritty", "wezterm", "foot", "direct")
if any(name in os.environ.get("TERM", "") for name in COLOURFUL):
    os.environ.setdefault("COLORTERM", "truecolor")
