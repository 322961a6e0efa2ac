"""The full-screen app: what the keys do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.app import App, SystemCommand
from textual.filter import LineFilter
from textual.screen import Screen

from engine import experiments
from engine.errors import NnplayError
from engine.spec import KEYS as VALUES
from engine.spec import Spec
from tui.conductor import Conductor
from tui.feed import Snapshot
from tui.glyphs import ASCII, BRAILLE, AsciiLines, Glyphs, StyledLines
from tui.keys import KEYS, bindings
from tui.lab_desk import LabDesk
from tui.messages import EditValue, RunChanged
from tui.screens.edit_value import EditValue as EditValueScreen
from tui.screens.keys_page import KeysPage
from tui.screens.laboratory import Laboratory
from tui.theme import DARK, THEMES


class NnplayApp(App[None]):
    """Holds the spec to start with, the conductor of the present run, and the lab that panels ask."""

    TITLE = "nnplay"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings()

    def __init__(self, spec: Spec, glyphs: Glyphs = BRAILLE):
        super().__init__()
        self.spec = spec
        self.glyphs = glyphs
        self.run_shown: Snapshot | None = None
        self._conductor = Conductor(lambda: self.post_message(RunChanged()), self._tell)
        self.lab = LabDesk(self._conductor.warm)
        self._laboratory = Laboratory()

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.push_screen(self._laboratory)
        self.call_after_refresh(self._first_paint)

    def _first_paint(self) -> None:
        self._show()
        self._conductor.open()  # not before: importing torch would compete with the first paint

    async def on_unmount(self) -> None:
        await self._conductor.close()
        await self.lab.close()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Every line that is drawn passes through these."""
        plain = [AsciiLines()] if self.glyphs is ASCII else []
        return [StyledLines(), *super().get_line_filters(), *plain]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DARK.variables  # for Textual's own themes, which know nothing of curves

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for key in KEYS:
            if key.action != "command_palette":
                yield SystemCommand(key.title, key.help, lambda action=key.action: self.run_action(action))
        for name in experiments.names():
            for variant, about in experiments.get(name).variants.items():
                yield SystemCommand(
                    f"Open {name}@{variant}", about.about, lambda n=name, v=variant: self._open(n, v)
                )
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)
        yield SystemCommand("Screenshot", "Save the screen as an SVG file", self.action_screenshot)

    # What the keys do.

    def action_run_or_pause(self) -> None:
        match self._state():
            case "running" | "starting":
                self._conductor.command("pause")
            case "paused":
                self._conductor.command("resume")
            case _:
                self._conductor.start(self.spec)

    def action_step(self) -> None:
        self._conductor.one("step", self.spec)

    def action_epoch(self) -> None:
        self._conductor.one("epoch", self.spec)

    def action_restart(self) -> None:
        self._conductor.start(self.spec)

    def action_values(self) -> None:
        self._laboratory.query_one("ValueList").focus()

    def action_leave(self) -> None:
        self._laboratory.set_focus(None)

    def action_defaults(self) -> None:
        self._take_over(experiments.get(self.spec.experiment).spec(self.spec.variant))

    def action_keys(self) -> None:
        self.push_screen(KeysPage())

    async def action_quit(self) -> None:
        self.exit()

    def on_edit_value(self, message: EditValue) -> None:
        self.push_screen(EditValueScreen(self.spec, message.key), self._take_over)

    def on_run_changed(self) -> None:
        self.run_shown = self._conductor.take()
        self._show()

    def _state(self) -> str:
        return self.run_shown.state if self.run_shown else "none"

    def _show(self) -> None:
        if self._laboratory.is_mounted and self.is_running:
            self._laboratory.update(self.spec, self.run_shown)

    def _take_over(self, spec: Spec | None) -> None:
        """Make this the spec to start with; what can change in the run under way changes there as well."""
        if spec is None:
            return
        changes = spec.changed_from(self.spec)
        self.spec = spec
        for name, value in changes.items():
            if VALUES[name].effect != "next reset":
                self._conductor.command("set", name, value)
        self._show()

    def _open(self, name: str, variant: str) -> None:
        self._conductor.forget()
        self.spec = experiments.get(name).spec(variant)
        self._show()

    def _tell(self, error: NnplayError) -> None:
        self.notify(str(error), severity="error", timeout=10, markup=False)
