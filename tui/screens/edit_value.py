"""A small window in which one value is chosen or typed anew."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from engine.errors import RequestError
from engine.spec import KEYS, Spec
from engine.values import Flag, Word
from tui.screens.window import Window
from tui.widgets.field import Field


class EditValue(Window[Spec]):
    """Gives back the changed spec, or None if it is left as it was; what is refused says why and stays."""

    DEFAULT_CSS = """
    EditValue > Vertical { width: 64; height: auto; }
    EditValue Input { margin: 1 0 0 0; background: $boost; }
    EditValue OptionList { margin: 1 0 0 0; border: none; padding: 0; max-height: 12; background: $surface; }
    EditValue #trouble { color: $error; }
    """

    def __init__(self, spec: Spec, key: str):
        super().__init__()
        self.spec = spec
        self.key = KEYS[key]
        match self.key.kind:
            case Word() as word:
                self.choices = list(word.choices())
            case Flag():
                self.choices = ["yes", "no"]
            case _:
                self.choices = []

    def compose(self) -> ComposeResult:
        value = self.spec.text(self.key.name)
        with Vertical() as box:
            box.border_title = self.key.name
            box.border_subtitle = f"takes effect: {self.key.effect}"
            if self.choices:
                yield Static(Text(self.key.help, "dim"))
                choices = OptionList(
                    *(Option(Text(choice), id=choice) for choice in self.choices), compact=True
                )
                choices.highlighted = self.choices.index(value) if value in self.choices else None
                yield choices
            else:
                yield Static(Text(f"{self.key.help}: {self.key.kind.allowed}", "dim"))
                yield Field(value, compact=True)
            yield Static(id="trouble")

    def on_input_changed(self) -> None:
        self.query_one("#trouble", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._take(event.value)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._take(event.option_id or "")

    def _take(self, text: str) -> None:
        try:
            self.dismiss(self.spec.replace_text({self.key.name: text}))
        except RequestError as error:
            self.query_one("#trouble", Static).update(Text(str(error)))
