"""The lecture's sections: what can be opened, with the variants of what is open."""

from __future__ import annotations

from rich.text import Text
from textual.binding import Binding
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine import experiments
from tui.messages import OpenExperiment


class LectureList(OptionList, inherit_bindings=False):
    """One row a section; enter opens it. Below the open one, a row for each of its variants."""

    BINDINGS = [
        Binding("up", "cursor_up", show=False),
        Binding("down", "cursor_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("enter", "select", show=False),
    ]
    DEFAULT_CSS = """
    LectureList {
        width: 24; height: 1fr; border: none; padding: 0 0 0 1; background: $background;
        scrollbar-size-vertical: 1; scrollbar-color: $panel-lighten-2; scrollbar-background: $background;
    }
    LectureList { text-wrap: nowrap; text-overflow: ellipsis; }
    LectureList:focus { border: none; background-tint: $foreground 3%; }
    """

    def __init__(self) -> None:
        super().__init__(id="lecture")
        self._open = ("", "")

    def update(self, name: str, variant: str) -> None:
        """Mark what is open."""
        if (name, variant) == self._open:
            return
        moved = name != self._open[0]
        self._open = (name, variant)
        highlighted = self.highlighted
        self.set_options(self._rows())
        self.highlighted = self.get_option_index(f"{name}@{variant}") if moved else highlighted

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        name, _, variant = (event.option_id or "").partition("@")
        self.post_message(OpenExperiment(name, variant))

    def _rows(self) -> list[Option]:
        options = []
        for experiment in experiments.in_order():
            here = experiment.name == self._open[0]
            options.append(Option(_section(experiment.section, experiment.title, here), id=experiment.name))
            if here:
                options += [self._variant(experiment.name, variant) for variant in experiment.variants]
        return options

    def _variant(self, name: str, variant: str) -> Option:
        here = variant == self._open[1]
        text = Text(f"      @{variant}", "bold" if here else "dim", no_wrap=True, overflow="ellipsis")
        return Option(text, id=f"{name}@{variant}")


def _section(number: str, title: str, here: bool) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{number:<6}", "dim")
    text.append(title, "bold" if here else "")
    return text
