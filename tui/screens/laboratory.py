"""The main screen: lecture, curves and values above; one or two panels below; the line of time.

Where there is no room beside each other, one of lecture, curves and values stands above; where there is none
below, the panel takes the place of all three. Digits choose, and nothing is out of reach at any size.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from engine import experiments
from engine.spec import Effect, Spec
from tui.delta import DirtyCompositor
from tui.keys import PANELS
from tui.wait import Wait
from tui.widgets.key_line import KeyLine
from tui.widgets.lecture import LectureList
from tui.widgets.line import PART, Line
from tui.widgets.panel import Ask, Panel
from tui.widgets.status import StatusLine
from tui.widgets.tabs import PanelTabs
from tui.widgets.timeline import TimeLine
from tui.widgets.values import ValueList

if TYPE_CHECKING:
    from tui.feed import Snapshot
    from tui.scene import Scene
    from tui.widgets.plot import Plot

WIDE = 160  # columns from which two panels stand side by side
BESIDE = 100  # columns from which lecture, curves and values stand side by side
ROOMY = 120  # columns from which each value says when a change of it takes effect
BELOW = 30  # rows from which there is room for a panel below the curves

COMPARE = [title for title, _ in PANELS].index("Compare")
Half = Literal["both", "upper", "lower"]


class Laboratory(Screen[None], inherit_bindings=False):
    """Shows one spec and one run; it decides nothing.

    The first paint has the values of `spec`. Plots and panels, and what they calculate with, are imported
    after it: until then the screen stands, and takes keys.
    """

    AUTO_FOCUS = "ValueList"
    BINDINGS = [  # tab is the app's own, to be in the footer
        Binding("escape", "app.leave", show=False),
        Binding("shift+tab", "app.focus_previous", show=False),
        Binding("ctrl+c,super+c", "screen.copy_text", show=False),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (BESIDE, "-normal"), (ROOMY, "-roomy"), (WIDE, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (BELOW, "-tall")]

    def __init__(self, spec: Spec, ask: Ask) -> None:
        super().__init__()
        self._compositor = DirtyCompositor()
        self._spec = spec
        self._ask = ask
        self._panels: dict[int, Panel] = {}  # by digit; each is made when it is first wanted
        self._made: Awaitable[None] | None = None  # when the newest of them is there
        self._chosen = [1, len(PANELS) - 1]  # digits of the panels, the latest first
        self._sides = list(self._chosen)  # of these, which is left and which is right, where both are shown
        self._half: Half = "both"
        self._scene: Scene | None = None  # what was shown last
        self._wait = Wait(self, self._tell_tried)  # for what the values give
        self._painted = False  # or a key came before the first paint
        self._place = "curves"  # which of the upper three is shown where there is room for one

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with Horizontal(id="upper"):
            yield LectureList()
            with Vertical(id="curves"):
                yield Line(id="tried")
            yield ValueList()
        yield Static(id="trouble")
        yield PanelTabs([title for title, _ in PANELS])
        yield Horizontal(id="lower")
        yield TimeLine()
        yield KeyLine()

    def on_mount(self) -> None:
        spec = self._spec
        self._show_values(spec, {}, experiments.get(spec.experiment).spec(spec.variant))
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()
        self.call_after_refresh(self._give_keys)

    def _give_keys(self) -> None:
        """What had the keys may have been hidden where there was less room."""
        if self.focused is None and self.values.display:
            self.values.focus()

    @property
    def values(self) -> ValueList:
        return self.query_one(ValueList)

    @property
    def plots(self) -> dict[str, Plot]:
        """The plots, by what they show; made when they are first wanted."""
        from tui.series import Slots
        from tui.widgets.plot import Plot

        if not self.query(Plot):
            slots = Slots()
            loss = Plot("loss", x_label="epoch", slots=slots, id="loss")
            score = Plot("accuracy", x_label="epoch", y_range=(0.0, 1.0), slots=slots, id="score")
            self.query_one("#curves").mount(loss, score, before=0)
        return {name: self.query_one(f"#{name}", Plot) for name in ("loss", "score")}

    def look(self, **changes: Any) -> None:
        """Both plots show the same part of the x axis, and in the same way."""
        for plot in self.plots.values():
            plot.set_look(replace(plot.look, **changes))

    def on_plot_looked(self, message: Plot.Looked) -> None:
        self.look(window=message.look.window)

    def update(self, scene: Scene) -> None:
        """Show the values to start with, and the run under way or over, if there is one."""
        view = scene.view
        self.query_one(StatusLine).update(view.spec, view.run, "next reset" in scene.waiting.values())
        self._show_values(view.spec, scene.waiting, scene.usual)
        self.query_one(TimeLine).update(view.step, view.run.step if view.run else 0, scene.where)
        self.query_one(KeyLine).say({"run_or_pause": view.space})
        self._tell(view.run)
        self._scene = scene
        if not self._painted:
            self._painted = True
            self._arrange()
        self._tell_tried()
        self.plots["score"].plot_title = scene.score_title
        for name, plot in self.plots.items():
            plot.update(scene.series(name), scene.x_range, scene.marks)
            plot.point_at(scene.crosshair)
        for panel in self._panels.values():
            panel.show(view)

    def _show_values(self, spec: Spec, waiting: dict[str, Effect], usual: Spec) -> None:
        self.query_one(LectureList).update(spec.experiment, spec.variant)
        self.query_one(ValueList).update(spec, waiting, usual)

    def on_option_list_option_highlighted(self) -> None:
        self._tell_tried()

    def _tell_tried(self) -> None:
        """What the values give; where the list of them is hidden, the one that the keys turn comes first."""
        if self._scene is None:
            return
        words, name = self._scene.tried, self.values.chosen
        self._wait.on(self._scene.trying or None)
        words += str(self._wait)
        if not self.values.display:
            words = PART.join(filter(None, (f"{name} {self._scene.view.spec.text(name)}", words)))
        self.query_one("#tried", Line).update(words)

    def _tell(self, run: Snapshot | None) -> None:
        """Why a run did not come to its end."""
        trouble = self.query_one("#trouble", Static)
        message = run.message if run else ""
        trouble.display = bool(message)
        if message and run:
            trouble.set_class(run.state in ("failed", "died"), "-error")
            trouble.update(Text(message))

    # What is shown where.

    async def choose(self, digit: int) -> None:
        """The panel of a digit, 0 for the curves; once more gives it all the room, or takes it back."""
        self._painted = True
        if digit == 0:
            self._place = "curves"
            self._half = "both" if self._half == "upper" and not self._one_half else "upper"
        elif digit != self._chosen[0] or self._half == "upper":
            self._chosen = [digit, *(other for other in self._chosen if other != digit)]
            self._half = "both" if not self._one_half else "lower"
        else:
            self._half = "both" if self._half == "lower" and not self._one_half else "lower"
        self._arrange()
        if self._made:
            await self._made  # the next key may be for it
            self._made = None

    async def compare_variants(self) -> None:
        """Bring up what the variants give; where it is there already, the runs that are kept."""
        from tui.widgets.panels.compare import Compare  # as all panels: when it is wanted

        hidden = COMPARE not in self.query_one(PanelTabs).shown
        if hidden:
            await self.choose(COMPARE)
        panel = self.query_one(Compare)
        panel.show_variants(hidden or not panel.variants)

    def go_to(self, place: Literal["lecture", "values"]) -> None:
        """Bring up the lecture or the values, and give it the keys."""
        self._place = place
        if self._half == "lower":
            self._half = "upper" if self._one_half else "both"
        self._arrange()
        self.query_one(LectureList if place == "lecture" else ValueList).focus()

    def leave(self) -> None:
        """Back to the curves, with the keys where they usually are."""
        self._place = "curves"
        self._arrange()
        self.query_one(ValueList).focus()

    def _add(self, digit: int) -> None:
        """Make the panel of a digit: the class and the file of its title."""
        title = PANELS[digit][0]
        module = importlib.import_module(f"tui.widgets.panels.{title.lower()}")
        panel: Panel = getattr(module, title)(self._ask)
        if self._scene:
            panel.show(self._scene.view)
        self._panels[digit] = panel
        self._made = self.query_one("#lower").mount(panel)

    def _put_beside(self, digits: list[int]) -> None:
        """A new panel takes the place of the one that goes; the other stays where it is."""
        new = [digit for digit in digits if digit not in self._sides]
        self._sides = [digit if digit in digits else new.pop() for digit in self._sides]
        left, right = (self._panels.get(digit) for digit in self._sides)
        lower = self.query_one("#lower")
        if left and right and lower.children.index(left) > lower.children.index(right):
            lower.move_child(left, before=right)

    @property
    def _one_half(self) -> bool:
        """Whether there is room for the upper or the lower half alone."""
        return self.size.height < BELOW

    def _hand_on_keys(self, digits: list[int]) -> None:
        """The keys that a panel had go to the one that took its place: nothing hidden has them."""
        had = next((panel for panel in self._panels.values() if panel.has_focus_within), None)
        if had and not had.display:
            self.set_focus(None)
            if not digits:
                self._give_keys()
            else:
                self._panels[digits[0]].call_after_refresh(self._panels[digits[0]].focus)

    def _arrange(self) -> None:
        """Show and hide widgets by the room there is and by what was chosen."""
        beside = self.size.width >= BESIDE
        upper = self._half == "upper" or self._half == "both"
        lower = self._half == "lower" or (self._half == "both" and not self._one_half)
        count = 2 if self.size.width >= WIDE else 1
        digits = self._chosen[:count] if lower else []
        places: dict[str, Widget] = {
            "lecture": self.query_one(LectureList),
            "curves": self.query_one("#curves"),
            "values": self.query_one(ValueList),
        }
        for name, widget in places.items():
            widget.display = beside or name == self._place
        self.query_one("#upper").display = upper
        self.query_one("#lower").display = lower
        for digit in digits:
            if self._painted and digit not in self._panels:
                self._add(digit)
        for digit, panel in self._panels.items():
            panel.display = digit in digits
        if len(digits) > 1:
            self._put_beside(digits)
        self._hand_on_keys(digits)
        tabs = self.query_one(PanelTabs)
        tabs.shown = tuple(digits) or (0,)
        tabs.again = "" if self._one_half else "larger" if upper and lower else "smaller"
        self._tell_tried()
