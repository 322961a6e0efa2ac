"""What the open experiment is about: the section, what the variant changes, and the first keys."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from engine import experiments
from tui.keys import KEYS, shown
from tui.widgets.panel import Panel

FIRST = ("run_or_pause", "step", "turn_up", "edit_value", "earlier", "keys")


class About(Panel):
    """Text alone: it asks nothing."""

    TITLE = "About"
    DEFAULT_CSS = "About { padding: 0 1; } About VerticalScroll { scrollbar-size-vertical: 1; }"

    _drawn = ("", "")  # experiment and variant: the text is sent again only for others

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(id="about-text")

    def draw(self) -> None:
        assert self.view is not None
        spec = self.view.spec
        if self._drawn == (spec.experiment, spec.variant):
            return
        self._drawn = spec.experiment, spec.variant
        experiment = experiments.get(spec.experiment)
        variants = [
            Text.assemble((f"@{name}  ", "bold" if name == spec.variant else "dim"), variant.about)
            for name, variant in experiment.variants.items()
        ]
        self.query_one("#about-text", Static).update(
            Group(
                Text(f"{experiment.section} {experiment.title}", "bold"),
                Text(experiment.about),
                Text(""),
                *variants,
                Text(""),
                _keys(),
            )
        )


def _keys() -> Text:
    line = Text()
    for key in KEYS:
        if key.action in FIRST:
            line.append_text(Text.assemble((shown(key), "bold"), f" {key.title.lower()}   "))
    return line
