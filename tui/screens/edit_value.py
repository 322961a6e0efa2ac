"""A small window in which one value is typed anew."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.errors import RequestError
from engine.spec import KEYS, Spec


class EditValue(ModalScreen[Spec | None]):
    """Gives back the changed spec, or None if the value is left as it was. What is not allowed stays open."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss(None)", "Back")]
    DEFAULT_CSS = """
    EditValue { align: center middle; }
    EditValue > Vertical {
        width: 64; max-width: 100%; height: auto; background: $surface; border: round $primary; padding: 0 1;
    }
    EditValue Input { border: none; height: 1; padding: 0; margin: 1 0; background: $boost; }
    EditValue #trouble { color: $error; }
    """

    def __init__(self, spec: Spec, key: str):
        super().__init__()
        self.spec = spec
        self.key = KEYS[key]

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self.key.name
            box.border_subtitle = f"takes effect: {self.key.effect}"
            yield Static(Text(f"{self.key.help}: {self.key.kind.allowed}", "dim"))
            yield Input(self.spec.text(self.key.name))
            yield Static(id="trouble")

    def on_input_changed(self) -> None:
        self.query_one("#trouble", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(self.spec.replace_text({self.key.name: event.value}))
        except RequestError as error:
            self.query_one("#trouble", Static).update(Text(str(error)))
