"""The full-screen app: what the keys do."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.actions import ActionParseResult
from textual.app import SystemCommand
from textual.dom import DOMNode
from textual.events import Event
from textual.events import Key as KeyPressed
from textual.screen import Screen

from engine import experiments
from engine.errors import NnplayError, RequestError
from engine.spec import Spec
from engine.workbook import Workbook
from tui import keys
from tui.config import STANDARD, Settings
from tui.keys import GROUPS, KEYS, PANEL_KEYS, WORKBOOK_KEYS, Key, bindings
from tui.messages import EditHidden, EditValue, KeepRun, OpenExperiment, RunChanged
from tui.screens.laboratory import Laboratory
from tui.terminal_app import TerminalApp
from tui.widgets.status import StatusLine
from tui.widgets.tabs import PanelTabs
from tui.widgets.timeline import TimeLine

if TYPE_CHECKING:
    from tui.screens.workbook import WorkbookScreen
    from tui.session import Session
    from tui.widgets.plot import Plot

SMOOTHINGS = (0.0, 0.6, 0.9, 0.97)  # weights of the moving average; those of TensorBoard's slider
BEHIND = 0.5  # seconds between two frames behind a window: Textual draws the whole screen for each
TYPING = 0.3  # seconds after a key in which nothing is drawn behind a window: the next key may come


class NnplayApp(TerminalApp):
    """Turns keys into what a session can do, and shows what comes of it.

    The session, and screens that a key opens, are imported when they are first wanted: the first paint must
    not wait for them.
    """

    TITLE = "nnplay"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings()

    def __init__(
        self, spec: Spec, settings: Settings = STANDARD, run: Path | None = None, workbook: str = ""
    ):
        keys.use(settings.keymap)
        super().__init__(settings)
        self._typed = 0.0  # when the last key came
        self.farewell = ""  # what goes on without the app, for the terminal it leaves
        self._first = (spec, run, workbook)  # to open first
        self._workbooks: dict[str, WorkbookScreen] = {}  # that were opened
        self._laboratory = Laboratory(spec, lambda kind, values: self.session.ask(kind, values))

    @cached_property
    def session(self) -> Session:
        """What is looked at; made after the first paint, or by the first key if that comes before."""
        from tui.session import Session

        return Session(self._first[0], self, 1 / self.settings.frame_rate)

    def on_mount(self) -> None:
        self.push_screen(self._laboratory)
        if workbook := self._first[2]:
            self._open_workbook(workbook)
        self.call_after_refresh(self._first_paint)

    def _first_paint(self) -> None:
        self.show()
        gc.freeze()
        gc.enable()
        self.session.open(self._first[1])
        self._laboratory.query_one(StatusLine).watch_gpu()

    async def on_unmount(self) -> None:
        self.farewell = await self.session.close()
        for workbook in self._workbooks.values():
            await workbook.lab.close()

    # What a session asks of its host.

    def news(self) -> None:
        self.post_message(RunChanged())

    def on_run_changed(self) -> None:
        if self.screen is self._laboratory:
            self.session.follow()
        else:  # the feed tells nothing more until then
            self.set_timer(BEHIND, self._follow_behind)

    def _follow_behind(self) -> None:
        """Follow the run behind a window, once whoever types there pauses."""
        if time.monotonic() < self._typed + TYPING and self.screen is not self._laboratory:
            self.set_timer(TYPING, self._follow_behind)
        else:
            self.session.follow()

    def show(self) -> None:
        if self._laboratory.is_mounted and self.is_running:
            self._laboratory.update(self.session.scene)

    def tell(self, error: NnplayError) -> None:
        self.notify(str(error), severity="error", timeout=10, markup=False)

    def say(self, note: str) -> None:
        self.notify(note, timeout=8, markup=False)

    def work(self, task: Coroutine[Any, Any, None]) -> None:
        self.run_worker(task)

    # What Textual asks of an app.

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """As ever; what needs a run, and has none, says so."""
        if action in keys.OF_A_RUN and self.session.run is None:
            self.notify(f"There is no run yet: {keys.of('Run or pause')} starts one.", markup=False)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    async def on_event(self, event: Event) -> None:
        if isinstance(event, KeyPressed):
            self._typed = time.monotonic()
        await super().on_event(event)

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
        self.session.run_or_pause()

    def action_step(self) -> None:
        self._one("step")

    def action_epoch(self) -> None:
        self._one("epoch")

    def _one(self, part: str) -> None:
        if self.session.view.done:
            over, earlier, later = map(keys.of, ("Start over", "Earlier", "Later"))
            self.notify(
                f"The run is over: {over} starts over, {earlier} {later} go through it.", markup=False
            )
        else:
            self.session.one(part)

    def action_restart(self) -> None:
        self.session.restart()

    def action_stop(self) -> None:
        self.session.stop()

    # Values.

    def action_value_above(self) -> None:
        self._laboratory.values.focus().action_cursor_up()

    def action_value_below(self) -> None:
        self._laboratory.values.focus().action_cursor_down()

    def action_turn_up(self) -> None:
        self._turn(1)

    def action_turn_down(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        self.session.take_over(self.session.spec.turn(self._laboratory.values.chosen, by))

    def action_edit_value(self) -> None:
        self._edit(self._laboratory.values.chosen)

    def on_edit_value(self, message: EditValue) -> None:
        self._edit(message.key)

    def _edit(self, key: str) -> None:
        from tui.screens.edit_value import EditValue as EditValueScreen

        self.push_screen(EditValueScreen(self.session.spec, key), self.session.take_over)

    def on_edit_hidden(self, message: EditHidden) -> None:
        self.session.set_hidden(message.hidden)

    def action_defaults(self) -> None:
        self.session.defaults()

    def action_try(self) -> None:
        self.session.toggle_trials()

    # Time.

    def action_earlier(self) -> None:
        self.session.go_by_epoch(-1)

    def action_later(self) -> None:
        self.session.go_by_epoch(1)

    def action_step_earlier(self) -> None:
        self.session.go_by(-1)

    def action_step_later(self) -> None:
        self.session.go_by(1)

    def action_first(self) -> None:
        self.session.go_to(0)

    def action_newest(self) -> None:
        self.session.go_to(None)

    def on_time_line_moved(self, message: TimeLine.Moved) -> None:
        self.session.go_to(message.step)

    def on_time_line_turned(self, message: TimeLine.Turned) -> None:
        self.session.go_by_epoch(message.by)

    def on_plot_pointed(self, message: Plot.Pointed) -> None:
        self.session.go_to_epoch(message.x)

    def action_fork(self) -> None:
        self.work(self._fork())

    async def _fork(self) -> None:
        try:
            told = await self.session.fork()
        except NnplayError as error:
            self.tell(error)
            return
        if told:
            self.notify(told, markup=False)

    # Plots.

    def action_keep(self) -> None:
        if path := self.session.view.path:
            self._keep(path, "Kept: its curves stay. Change a value and train again to compare.")

    def on_keep_run(self, message: KeepRun) -> None:
        self._keep(message.path, "Its curves lie over those of the present run.")

    def _keep(self, path: Path, told: str) -> None:
        """Lay a stored run over the present one, which is `told`, or take it away."""
        try:
            kept = self.session.keep(path)
        except NnplayError as error:
            self.tell(error)
            return
        self.notify(told if kept else "Its curves are taken away.", timeout=4)

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

        self.push_screen(OpenTable(self.session.lab.ask), self._open_spec)

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
            self.session.open_run(path)
        except NnplayError as error:
            self.tell(error)

    def _open_spec(self, spec: Spec | None) -> None:
        if spec is not None:
            self.session.open_spec(spec)

    async def action_quit(self) -> None:
        self.exit()

    def on_open_experiment(self, message: OpenExperiment) -> None:
        self._open(message.name, message.variant)

    def _open_workbook(self, name: str) -> None:
        """Show the workbook; one that was shown before comes back as it was left."""
        from tui.screens.workbook import WorkbookScreen  # an editor, which the first paint must not wait for

        self._close_workbook()
        workbook = experiments.workbook(name)
        if workbook and name not in self._workbooks:
            self._workbooks[name] = WorkbookScreen(workbook, self.session.new_lab())
            self.install_screen(self._workbooks[name], name)
        self.push_screen(name)

    def _close_workbook(self) -> None:
        while self.screen in self._workbooks.values():
            self.pop_screen()

    def _open(self, name: str, variant: str) -> None:
        """Go to an experiment; what is open already is left as it is, with its values and its run."""
        if experiments.workbook(name):
            self._open_workbook(name)
            return
        self._close_workbook()
        spec = self.session.spec
        if name == spec.experiment and variant in ("", spec.variant):
            self._laboratory.leave()
            return
        try:
            spec = experiments.get(name).spec(variant or "published")
        except RequestError as error:
            self.tell(error)
            return
        self.session.open_spec(spec)
