"""How an app of Textual draws on a terminal and hears of it, whatever it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual._compositor import CompositorUpdate
from textual.app import App
from textual.events import Event, MouseDown
from textual.filter import LineFilter
from textual.screen import Screen

from tui import keys
from tui.config import Settings
from tui.delta import Shown
from tui.depth import DEPTHS, FewColours, NoColours
from tui.glyphs import ASCII, AsciiLines, Glyphs
from tui.theme import DARK, THEMES
from tui.wakeup import Wakeup


class TerminalApp(App[None]):
    """Sends what differs, in the theme and the glyphs of the settings and the colours of the terminal."""

    def __init__(self, settings: Settings):
        self.COMMAND_PALETTE_BINDING = settings.keymap.get("command_palette", "ctrl+p")  # type: ignore[misc]
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = settings.theme
        self.animation_level = "none"  # each frame of a movement would go over the line
        self.set_keymap(dict(settings.keymap))
        self.settings = settings
        self._shown = Shown()
        self._pressed: tuple[MouseDown, Screen[object]] | None = None  # the last time, and on what screen
        nearest = DEPTHS.get(self.console.color_system)
        self._few_colours = FewColours(nearest) if nearest else None
        self._wakeup: Wakeup | None = None

    def on_mount(self) -> None:
        if not self.is_headless:
            self._wakeup = Wakeup()

    async def on_unmount(self) -> None:
        if self._wakeup:
            self._wakeup.close()

    async def on_event(self, event: Event) -> None:
        if isinstance(event, MouseDown) and not event.is_forwarded:
            before, self._pressed = self._pressed, (event, self.screen)
            if before and before[1] is not self.screen and self._doubles(before[0], event):
                return
        await super().on_event(event)

    def _doubles(self, before: MouseDown, event: MouseDown) -> bool:
        """Whether a press is the second half of a double click, whose first half may have done it all."""
        same = before.screen_offset == event.screen_offset
        return same and event.time - before.time <= self.CLICK_CHAIN_TIME_THRESHOLD

    def _display(self, screen: Screen[object], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate):
            renderable = self._shown.only_changes(renderable)
        super()._display(screen, renderable)

    def on_resize(self) -> None:
        """Another size, or the same after a pause in the shell: what the terminal shows is not known.

        Where the size is the same, Textual may draw nothing.
        """
        self.action_redraw()

    def action_redraw(self) -> None:
        """Draw the whole screen anew, for a terminal on which something else has written."""
        self._shown.forget()
        self.screen.refresh()

    def action_suspend(self) -> None:
        """Leave the terminal to the shell that started this, until it calls back."""
        if self._driver and self._driver.can_suspend:
            self.action_suspend_process()
        else:
            self.notify("There is no shell here to go back to.")

    def action_help_quit(self) -> None:
        """What ctrl+c says where nothing is chosen to be copied."""
        self.notify(f"{keys.of('Quit')} leaves nnplay.", markup=False)

    @property
    def glyphs(self) -> Glyphs:
        """What pictures are drawn with."""
        return self.settings.glyphs

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Every line that is drawn passes through these."""
        plain = [AsciiLines()] if self.glyphs is ASCII else []
        if self.no_color:  # in the place of Textual's own, which leaves greys
            return [NoColours(), *plain]
        few = [self._few_colours] if self._few_colours else []
        return [*super().get_line_filters(), *few, *plain]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DARK.variables  # for Textual's own themes, which know nothing of curves
