"""The colours. The curves have those of Okabe and Ito, which the colour-blind tell apart."""

from textual.theme import Theme

DARK = Theme(
    name="nnplay-dark",
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
    variables={
        "plot-1": "#56b4e9",
        "plot-2": "#e69f00",
        "plot-3": "#cc79a7",
        "plot-4": "#009e73",
        "plot-5": "#f0e442",
        "plot-6": "#d55e00",
        "footer-background": "#1c232b",
    },
)

THEMES = (DARK,)
