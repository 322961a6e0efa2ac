"""The values of the experiment, each with the moment at which a change of it takes effect."""

from __future__ import annotations

from rich.text import Text
from textual.binding import Binding
from textual.events import Click
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine.spec import KEYS, Effect, Spec
from tui.messages import EditValue
from tui.widgets.canvas import cut_middle

NAME = max(map(len, KEYS)) + 1
VALUE = 14
WITH_EFFECT = 37  # columns from which there is room to say when a change takes effect


class ValueList(OptionList, inherit_bindings=False):
    """One row for each key that means something. A value that the run shown does not have is marked."""

    # Every other key is the app's: the arrows move through the values and through time wherever the keys go.
    BINDINGS = [
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
    ]
    DEFAULT_CSS = """
    ValueList {
        width: 36; height: 1fr; border: none; padding: 0 0 0 2; background: $background;
        scrollbar-size-vertical: 1; scrollbar-color: $panel-lighten-2; scrollbar-background: $background;
    }
    ValueList { text-wrap: nowrap; text-overflow: ellipsis; }
    ValueList:focus { border: none; background-tint: $foreground 3%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Spec, dict[str, Effect], Spec] | None = None
        self._names: list[str] = []

    def update(self, spec: Spec, waiting: dict[str, Effect], usual: Spec) -> None:
        """Show the values to start with (`spec`), against the usual ones.

        `waiting` are the keys that have another value in the run, with when the present ones take effect.
        """
        if (spec, waiting, usual) != self._shown:
            self._shown = (spec, waiting, usual)
            self._write(spec, waiting, usual)

    def _write(self, spec: Spec, waiting: dict[str, Effect], usual: Spec) -> None:
        names = [name for name, key in KEYS.items() if key.applies(spec)]
        prompts = [self._prompt(name, spec, waiting, usual) for name in names]
        if names != self._names:
            chosen = self.chosen
            self._names = names
            self.set_options([Option(prompt, id=name) for name, prompt in zip(names, prompts, strict=True)])
            self.highlighted = names.index(chosen if chosen in names else "data")
            return
        for index, prompt in enumerate(prompts):
            if self.get_option_at_index(index).prompt != prompt:
                self.replace_option_prompt_at_index(index, prompt)

    @property
    def chosen(self) -> str:
        """The key of the row that is marked, and of the one that is to be, before there are any."""
        return self._names[self.highlighted or 0] if self._names else "lr"

    def on_resize(self) -> None:
        if self._shown:
            self._write(*self._shown)

    def on_click(self, event: Click) -> None:
        """A click chooses a value; one on the chosen value opens it, as Textual has it for every click."""
        clicked = event.style.meta.get("option")
        if clicked is not None and clicked != self.highlighted:
            event.prevent_default()
            self.highlighted = clicked

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(EditValue(event.option_id or ""))

    def _prompt(self, name: str, spec: Spec, waiting: dict[str, Effect], usual: Spec) -> Text:
        """The name, the value, and when a change takes effect, if that finds room beside the whole value."""
        value = spec.text(name)
        mark = " ↻" if name in waiting else ""
        width = self.scrollable_content_region.width
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{name:<{NAME}}", "dim")
        line.append(cut_middle(value, width - NAME - len(mark)), "bold" if value != usual.text(name) else "")
        line.append(mark, "yellow")
        effect = waiting.get(name, KEYS[name].effect)
        if width >= WITH_EFFECT and line.cell_len < width - len(effect):
            line.append(" " * max(1, NAME + VALUE - line.cell_len))
            line.append(effect, "yellow" if mark else "dim")
        return line
