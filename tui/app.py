"""The full-screen app: what the keys do."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import itertools
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App, SystemCommand
from textual.filter import LineFilter
from textual.screen import Screen

from engine import experiments
from engine.errors import NnplayError, RequestError
from engine.frames import Answer
from engine.locations import runs_dir
from engine.runs import RunReader
from engine.spec import KEYS as VALUES
from engine.spec import Spec
from engine.workbook import Workbook
from tui import keys
from tui.conductor import Conductor
from tui.config import STANDARD, Settings
from tui.feed import Snapshot
from tui.glyphs import ASCII, AsciiLines, Glyphs, StyledLines
from tui.keys import GROUPS, KEYS, PANEL_KEYS, WORKBOOK_KEYS, Key, bindings
from tui.lab_desk import LabDesk
from tui.messages import EditHidden, EditValue, OpenExperiment, RunChanged
from tui.overlays import Overlays
from tui.preview import Trials
from tui.scene import Scene, moved, step_at
from tui.screens.laboratory import Laboratory
from tui.theme import DARK, THEMES
from tui.view import View
from tui.widgets.plot import Plot
from tui.widgets.status import StatusLine
from tui.widgets.tabs import PanelTabs
from tui.widgets.timeline import TimeLine

if TYPE_CHECKING:
    from tui.screens.workbook import WorkbookScreen

SMOOTHINGS = (0.0, 0.6, 0.9, 0.97)  # weights of the moving average; those of TensorBoard's slider


class NnplayApp(App[None]):
    """Holds the spec to start with, the step that is looked at, and the conductor of the present run.

    Screens that a key opens are imported then: the first paint must not wait for them.
    """

    TITLE = "nnplay"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings()

    def __init__(
        self, spec: Spec, settings: Settings = STANDARD, run: Path | None = None, workbook: str = ""
    ):
        keys.use(settings.keymap)
        self.COMMAND_PALETTE_BINDING = settings.keymap.get("command_palette", "ctrl+p")  # type: ignore[misc]
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = settings.theme
        self.animation_level = "none"  # each frame of a movement would go over the line
        self.set_keymap(dict(settings.keymap))
        self.settings = settings
        self._workbook = workbook  # to open first
        self._workbooks: dict[str, WorkbookScreen] = {}  # that were opened
        self.spec = spec
        self._followed = spec  # the values of the run shown, as they were last seen
        self.farewell = ""  # what goes on without the app, for the terminal it leaves
        self._attached = run
        self.run_shown: Snapshot | None = None
        self.step: int | None = None  # that is looked at; None for the newest
        self._conductor = Conductor(
            lambda: self.post_message(RunChanged()), self._tell, 1 / settings.frame_rate
        )
        self.lab = LabDesk(self._conductor.warm)
        self.trials = Trials(self.lab)
        self._trainings = LabDesk(self._conductor.warm)  # whole ones, which others must not wait for
        self._overlays = Overlays(lambda: self.post_message(RunChanged()))
        self._laboratory = Laboratory(self._ask)

    def on_mount(self) -> None:
        self.push_screen(self._laboratory)
        if self._workbook:
            self._open_workbook(self._workbook)
        self.call_after_refresh(self._first_paint)

    def _first_paint(self) -> None:
        self._show()
        gc.freeze()
        gc.enable()
        self._conductor.open()  # not before: importing torch would compete with the first paint
        self._laboratory.query_one(StatusLine).watch_gpu()
        if self._attached:
            self._conductor.attach(self._attached)
        self._try()

    async def on_unmount(self) -> None:
        self._overlays.close()
        self.farewell = await self._conductor.close()
        for lab in (self.lab, self._trainings, *(workbook.lab for workbook in self._workbooks.values())):
            await lab.close()

    @property
    def glyphs(self) -> Glyphs:
        """What pictures are drawn with."""
        return self.settings.glyphs

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Every line that is drawn passes through these."""
        styled = [StyledLines()] if self.no_color else []
        plain = [AsciiLines()] if self.glyphs is ASCII else []
        return [*styled, *super().get_line_filters(), *plain]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DARK.variables  # for Textual's own themes, which know nothing of curves

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        keys: Sequence[Key] = WORKBOOK_KEYS if screen in self._workbooks.values() else KEYS
        for key in keys:
            if not key.action.endswith("command_palette"):
                yield SystemCommand(key.title, key.help, partial(self.run_action, key.action, screen))
        for experiment in experiments.in_order():
            if isinstance(experiment, Workbook):
                yield SystemCommand(
                    f"Open {experiment.name}", experiment.about, partial(self._open_workbook, experiment.name)
                )
            for variant, about in experiment.variants.items():
                name = f"{experiment.name}@{variant}"
                yield SystemCommand(
                    f"Open {name}", about.about, lambda n=experiment.name, v=variant: self._open(n, v)
                )
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)
        yield SystemCommand("Screenshot", "Save the screen as an SVG file", self.action_screenshot)

    # Train.

    def action_run_or_pause(self) -> None:
        self._go_to(None)
        match self._state():
            case "running" | "starting":
                self._conductor.command("pause")
            case "paused":
                self._conductor.command("resume")
            case "interrupted" | "died" if self.run_shown and self.run_shown.spec == self.spec:
                self._conductor.resume(runs_dir() / self.run_shown.run_id)
            case _:
                self._conductor.start(self.spec)

    def action_step(self) -> None:
        self._go_to(None)
        self._conductor.one("step", self.spec)

    def action_epoch(self) -> None:
        self._go_to(None)
        self._conductor.one("epoch", self.spec)

    def action_restart(self) -> None:
        self._go_to(None)
        self._conductor.start(self.spec)

    def action_stop(self) -> None:
        self._conductor.command("stop")

    # Values.

    def action_value_above(self) -> None:
        self._laboratory.values.focus().action_cursor_up()

    def action_value_below(self) -> None:
        self._laboratory.values.focus().action_cursor_down()

    def action_turn_up(self) -> None:
        self._turn(1)

    def action_turn_down(self) -> None:
        self._turn(-1)

    def action_edit_value(self) -> None:
        self._edit(self._laboratory.values.chosen)

    def action_defaults(self) -> None:
        self._take_over(experiments.get(self.spec.experiment).spec(self.spec.variant))

    def on_edit_value(self, message: EditValue) -> None:
        self._edit(message.key)

    def _edit(self, key: str) -> None:
        from tui.screens.edit_value import EditValue as EditValueScreen

        self.push_screen(EditValueScreen(self.spec, key), self._take_over)

    def on_edit_hidden(self, message: EditHidden) -> None:
        self._take_over(dataclasses.replace(self.spec, hidden=message.hidden))

    def _turn(self, by: int) -> None:
        self._take_over(self.spec.turn(self._laboratory.values.chosen, by))

    def _take_over(self, spec: Spec | None) -> None:
        """Make this the spec to start with; what can change in the run under way changes there as well."""
        if spec is None or spec == self.spec:
            return
        changes = spec.changed_from(self.spec)
        self.spec = spec
        for name, value in changes.items():
            if VALUES[name].effect != "next reset":
                self._conductor.command("set", name, value)
        self._show()
        self._try()

    def _try(self) -> None:
        """Train many seeds of the present values at once, to be shown beside the run."""
        if self.trials.want(self.spec):
            self._show()
            self.run_worker(self._try_out(self.spec), group="preview")

    async def _try_out(self, spec: Spec) -> None:
        await self.trials.of(spec)
        self._show()

    def action_try(self) -> None:
        """Have every change tried, or not."""
        self.trials.toggle()
        self._show()
        self._try()

    # Time.

    def action_earlier(self) -> None:
        self._move(-1)

    def action_later(self) -> None:
        self._move(1)

    def action_step_earlier(self) -> None:
        self._go_to(self._at() - 1)

    def action_step_later(self) -> None:
        self._go_to(self._at() + 1)

    def action_first(self) -> None:
        self._go_to(0)

    def action_newest(self) -> None:
        self._go_to(None)

    def action_fork(self) -> None:
        if self.run_shown and (path := self._view().path):
            self.run_worker(self._fork(path, self.run_shown, self._view().at), group="fork")

    async def _fork(self, path: Path, run: Snapshot, step: int) -> None:
        """A new run from a step of this one on, with the present values; this one lies over it."""
        changes = self.spec.changed_from(run.spec)
        waiting = [name for name in changes if VALUES[name].effect == "next reset"]
        from engine.fork import fork  # it reads checkpoints, which the first paint must not wait for

        try:
            forked = await asyncio.to_thread(fork, path, step)
            if path.name not in self._overlays:
                self._overlays.toggle(path)
        except NnplayError as error:
            self._tell(error)
            return
        self._conductor.resume(forked, paused=True)
        for name in changes.keys() - waiting:
            self._conductor.command("set", name, changes[name])
        self._conductor.command("resume")
        if waiting:
            self.notify(f"{', '.join(waiting)}: the network of a fork is that of its past.", markup=False)

    def on_time_line_moved(self, message: TimeLine.Moved) -> None:
        self._go_to(message.step)

    def on_plot_pointed(self, message: Plot.Pointed) -> None:
        if self.run_shown:
            self._go_to(step_at(self.run_shown, message.x))

    def _at(self) -> int:
        return self._view().at

    def _move(self, by: int) -> None:
        if self.run_shown:
            self._go_to(moved(self.run_shown, self._at(), by))

    def _go_to(self, step: int | None) -> None:
        """Look at this step of the run, at the newest if there is none so late."""
        newest = self.run_shown.step if self.run_shown else 0
        self.step = None if step is None or step >= newest else max(step, 0)
        self._show()

    # Plots.

    def action_keep(self) -> None:
        if self.run_shown and self.run_shown.started:
            self._keep(self._view().path)

    def _keep(self, path: Path | None) -> None:
        """Lay a stored run over the present one, or take it away."""
        try:
            kept = path is not None and self._overlays.toggle(path)
        except NnplayError as error:
            self._tell(error)
            return
        if kept:
            self.notify("Kept: its curves stay. Change a value and train again to compare.", timeout=4)
        self._show()

    async def action_variants(self) -> None:
        await self._laboratory.compare_variants()

    def action_zoom(self, factor: float) -> None:
        self._laboratory.plots["loss"].zoom(factor)

    def action_pan(self, part: float) -> None:
        self._laboratory.plots["loss"].pan(part)

    def action_see_all(self) -> None:
        self._laboratory.plots["loss"].see_all()

    def action_log_axis(self) -> None:
        log = not self._laboratory.plots["loss"].look.log
        self._laboratory.look(log=log)
        self.notify(f"The loss is on a {'logarithmic' if log else 'linear'} axis.", timeout=2)

    def action_smooth(self) -> None:
        following = dict(itertools.pairwise(SMOOTHINGS))
        smoothing = following.get(self._laboratory.plots["loss"].look.smoothing, 0.0)
        self._laboratory.look(smoothing=smoothing)
        self.notify(f"Smoothing: {smoothing or 'none'}.", timeout=2)

    # Parts of the screen.

    async def action_panel(self, digit: int) -> None:
        await self._laboratory.choose(digit)

    async def on_panel_tabs_chosen(self, message: PanelTabs.Chosen) -> None:
        await self._laboratory.choose(message.digit)

    def action_values(self) -> None:
        self._laboratory.go_to("values")

    def action_open_table(self) -> None:
        from tui.screens.open_table import OpenTable

        self.push_screen(OpenTable(self.lab.ask), self._open_spec)

    def action_lecture(self) -> None:
        self._laboratory.go_to("lecture")

    def action_leave(self) -> None:
        self._laboratory.leave()

    def action_keys(self) -> None:
        from tui.screens.keys_page import KeysPage

        self.push_screen(KeysPage(GROUPS | PANEL_KEYS))

    def action_runs(self) -> None:
        from tui.screens.run_list import RunList

        self.push_screen(RunList(), self._open_run)

    def _open_run(self, path: Path | None) -> None:
        if path is None:
            return
        try:
            self.spec = RunReader(path).spec
        except NnplayError as error:
            self._tell(error)
            return
        self._followed = self.spec
        self.step = None
        self.trials.forget()
        self._conductor.attach(path)
        self._try()

    async def action_quit(self) -> None:
        self.exit()

    def on_open_experiment(self, message: OpenExperiment) -> None:
        self._open(message.name, message.variant or "published")

    def _open_workbook(self, name: str) -> None:
        """Show the workbook; one that was shown before comes back as it was left."""
        from tui.screens.workbook import WorkbookScreen  # an editor, which the first paint must not wait for

        self._close_workbook()
        workbook = experiments.workbook(name)
        if workbook and name not in self._workbooks:
            self._workbooks[name] = WorkbookScreen(workbook, LabDesk(self._conductor.warm))
            self.install_screen(self._workbooks[name], name)
        self.push_screen(name)

    def _close_workbook(self) -> None:
        while self.screen in self._workbooks.values():
            self.pop_screen()

    def _open(self, name: str, variant: str) -> None:
        if experiments.workbook(name):
            self._open_workbook(name)
            return
        self._close_workbook()
        try:
            spec = experiments.get(name).spec(variant)
        except RequestError as error:
            self._tell(error)
            return
        self._open_spec(spec)

    def _open_spec(self, spec: Spec | None) -> None:
        """Leave the run and go to another spec; None stays."""
        if spec is None:
            return
        self._conductor.forget()
        self.spec, self.step = spec, None
        self.trials.forget()
        self._show()
        self._try()

    # What is shown.

    def on_run_changed(self) -> None:
        before, self.run_shown = self.run_shown, self._conductor.take()
        if before and (self.run_shown is None or before.run_id != self.run_shown.run_id):
            self.step = None
        if run := self.run_shown:
            if self.spec == self._followed:  # a value that another terminal changed is taken over
                self.spec = run.spec
            self._followed = run.spec
        self._show()

    def _state(self) -> str:
        return self.run_shown.state if self.run_shown else "none"

    def _view(self) -> View:
        run = self.run_shown
        path = runs_dir() / run.run_id if run and run.started else None
        others = tuple(other for other in self._overlays.take() if not run or other.run_id != run.run_id)
        return View(self.spec, path, self.step, run, others)

    def _show(self) -> None:
        if self._laboratory.is_mounted and self.is_running:
            self._laboratory.update(Scene(self._view(), self.trials.preview, self.trials.instead))

    def _ask(self, kind: str, values: dict[str, Any]) -> Answer:
        """The lab's answer to a panel, which asks in a thread."""
        desk = self._trainings if kind == "compare" else self.lab
        return desk.lab.ask(kind, **values)

    def _tell(self, error: NnplayError) -> None:
        self.notify(str(error), severity="error", timeout=10, markup=False)
