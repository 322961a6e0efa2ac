"""The full-screen app: what the keys do, and the run that they act on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from textual.app import App, SystemCommand
from textual.screen import Screen

from engine import control, experiments, runs
from engine.errors import NnplayError
from engine.launcher import Zygote
from engine.runs import Claim
from engine.spec import KEYS as VALUES
from engine.spec import Spec
from tui.feed import Feed, Snapshot
from tui.keys import KEYS, bindings
from tui.messages import EditValue, RunChanged
from tui.screens.edit_value import EditValue as EditValueScreen
from tui.screens.keys_page import KeysPage
from tui.screens.laboratory import Laboratory
from tui.theme import THEMES

PATIENCE = 5.0  # seconds for a new worker to open its socket


class NnplayApp(App[None]):
    """Holds the spec to start with, the feed of the present run, and the process that starts runs."""

    TITLE = "nnplay"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings()

    def __init__(self, spec: Spec):
        super().__init__()
        self.spec = spec
        self.run_shown: Snapshot | None = None
        self._feed: Feed | None = None
        self._zygote: Zygote | None = None
        self._orders = asyncio.Lock()  # commands reach the worker in the order of the keys
        self._laboratory = Laboratory()

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.push_screen(self._laboratory)
        self.call_after_refresh(self._first_paint)

    def _first_paint(self) -> None:
        self._show()
        self._warm()  # not before: importing torch would compete with the first paint

    def on_unmount(self) -> None:
        if self._feed:
            self._feed.close()
        if self._zygote:
            self._zygote.close()

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

    async def action_run_or_pause(self) -> None:
        match self._state():
            case "running":
                await self._order("pause")
            case "paused":
                await self._order("resume")
            case "starting":
                pass
            case _:
                await self._start(paused=False)

    async def action_step(self) -> None:
        await self._single("step")

    async def action_epoch(self) -> None:
        await self._single("epoch")

    async def action_restart(self) -> None:
        if self._state() != "starting":
            await self._stop()
            await self._start(paused=False)

    def action_values(self) -> None:
        self._laboratory.query_one("ValueList").focus()

    def action_leave(self) -> None:
        self._laboratory.set_focus(None)

    async def action_defaults(self) -> None:
        await self._take_over(experiments.get(self.spec.experiment).spec(self.spec.variant))

    def action_keys(self) -> None:
        self.push_screen(KeysPage())

    async def action_quit(self) -> None:
        await self._stop()
        self.exit()

    def on_edit_value(self, message: EditValue) -> None:
        self.push_screen(EditValueScreen(self.spec, message.key), self._take_over)

    def on_run_changed(self) -> None:
        if self._feed:
            self.run_shown = self._feed.take()
            self._show()

    # The run.

    def _state(self) -> str:
        return self.run_shown.state if self.run_shown else "none"

    def _show(self) -> None:
        self._laboratory.update(self.spec, self.run_shown)

    async def _single(self, command: str) -> None:
        if self._state() in ("running", "paused"):
            await self._order(command)
        elif self._state() != "starting":
            await self._start(paused=True)
            await self._order(command)

    async def _start(self, *, paused: bool) -> None:
        """Begin a run of the present spec and follow it."""
        if self._feed:
            self._feed.close()
            self._feed = None
        try:
            run = runs.create(self.spec)
            self.run_shown = Snapshot(run.id, self.spec)
            self._show()
            await asyncio.to_thread(self._launch, self._warm(), run, paused)
            self._feed = Feed(run.path, lambda: self.post_message(RunChanged()))
        except NnplayError as error:
            self.run_shown = None
            self._tell(error)
            self._show()

    def _warm(self) -> Zygote:
        """The process that starts runs, begun when it is first wanted."""
        self._zygote = self._zygote or Zygote()
        return self._zygote

    @staticmethod
    def _launch(zygote: Zygote, run: Claim, paused: bool) -> None:
        try:
            zygote.launch(run, paused=paused)
        except NnplayError:
            runs.discard(run)
            raise
        finally:
            run.release()

    async def _stop(self) -> None:
        """End the present run, if it is under way; it stays stored."""
        if self._state() in ("running", "paused"):
            await self._order("stop")

    async def _order(self, name: str, key: str = "", value: str = "") -> None:
        """Hand a command to the worker of the present run."""
        run = self.run_shown
        if run is None:
            return
        async with self._orders:
            try:
                await asyncio.to_thread(
                    control.send, run.run_id, control.Command(name, key, value), patience=PATIENCE
                )
            except NnplayError as error:
                if not self.run_shown or not self.run_shown.over:
                    self._tell(error)

    async def _take_over(self, spec: Spec | None) -> None:
        """Make this the spec to start with; what can change in the run under way changes there as well."""
        if spec is None:
            return
        changes = spec.changed_from(self.spec)
        self.spec = spec
        if self._state() in ("running", "paused"):
            for name, value in changes.items():
                if VALUES[name].effect != "next reset":
                    await self._order("set", name, value)
        self._show()

    async def _open(self, name: str, variant: str) -> None:
        await self._stop()
        if self._feed:
            self._feed.close()
            self._feed = None
        self.run_shown = None
        self.spec = experiments.get(name).spec(variant)
        self._show()

    def _tell(self, error: NnplayError) -> None:
        self.notify(str(error), severity="error", timeout=10, markup=False)
