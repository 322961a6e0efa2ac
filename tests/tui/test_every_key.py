"""Every key of the app's table, pressed one after another with a real worker: each does what its row says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from driving import until
from textual.pilot import Pilot

from engine import experiments
from engine.spec import Spec
from tui.app import NnplayApp
from tui.keys import KEYS, PANEL_KEYS, PANELS
from tui.widgets.panel import Panel
from tui.widgets.panels.compare import Compare
from tui.widgets.plot import Look
from tui.widgets.tabs import PanelTabs


class Facts(NamedTuple):
    """What keys change, as it is at one moment."""

    state: str
    run: str
    step: int  # of the run
    at: int  # that is looked at
    follows: bool  # the newest step
    spec: Spec
    chosen: str
    trying: bool
    kept: int
    look: Look
    window: str  # over the main screen, or the screen itself
    shown: tuple[int, ...]
    variants: bool
    focus: str
    over: bool
    known: list[object]  # what the terminal is taken to show
    told: int  # notes at the edge


def facts(app: NnplayApp) -> Facts:
    session, run, laboratory = app.session, app.session.run, app._laboratory
    focused = app.focused
    panel = (
        next((widget for widget in focused.ancestors if isinstance(widget, Panel)), None) if focused else None
    )
    return Facts(
        state=session.state,
        run=run.run_id if run else "",
        step=run.step if run else 0,
        at=session.view.at,
        follows=session.step is None,
        spec=session.spec,
        chosen=laboratory.values.chosen,
        trying=session.trials.on,
        kept=len(session.overlays.take()),
        look=laboratory.plots["loss"].look,
        window=type(app.screen).__name__,
        shown=laboratory.query_one(PanelTabs).shown,
        variants=any(compare.variants for compare in laboratory.query(Compare)),
        focus=type(panel or focused).__name__,
        over=app._exit,
        known=app._shown._rows,
        told=len(app._notifications),
    )


@dataclass(frozen=True)
class Row:
    """What a key does, told by what was before and what is after; keys to press before it, and the key that
    puts things back, with what that does."""

    does: Callable[[Facts, Facts], bool]
    first: tuple[str, ...] = ()
    back: tuple[str, Callable[[Facts, Facts], bool]] | None = None


def opens(window: str) -> Row:
    closes = ("escape", lambda before, after: after.window == "Laboratory")
    return Row(lambda before, after: after.window == window, back=closes)


def middle(look: Look) -> float:
    return sum(look.window) / 2 if look.window else 0.0


def width(look: Look) -> float:
    return look.window[1] - look.window[0] if look.window else float("inf")


STOP = ("S", lambda before, after: after.state == "interrupted")
ROWS = {
    "run_or_pause": Row(lambda before, after: after.state == "running"),
    "step": Row(lambda before, after: after.state == "paused"),
    "epoch": Row(lambda b, a: a.state == "paused" and a.step > b.step and a.step % 50 == 0),
    "restart": Row(lambda before, after: after.run != before.run and after.step > 100),
    "stop": Row(STOP[1]),
    "value_above": Row(lambda before, after: after.chosen == "optimizer"),
    "value_below": Row(lambda before, after: after.chosen == "lr"),
    "turn_up": Row(lambda before, after: after.spec.lr > before.spec.lr),
    "turn_down": Row(lambda before, after: after.spec.lr < before.spec.lr),
    "edit_value": opens("EditValue"),
    "defaults": Row(lambda b, a: b.spec.lr != 0.001 == a.spec.lr, first=("plus",)),
    "values": Row(lambda before, after: after.focus == "ValueList", first=("x",)),
    "try": Row(lambda before, after: after.trying != before.trying),
    "earlier": Row(lambda before, after: after.at < before.at and after.at % 50 == 0),
    "later": Row(lambda before, after: after.at == before.at + 50, first=("left", "left")),
    "step_earlier": Row(lambda before, after: after.at == before.at - 1),
    "step_later": Row(lambda before, after: after.at == before.at + 1),
    "fork": Row(lambda b, a: a.run != b.run and a.kept == 1 and a.step > b.at, back=STOP),
    "first": Row(lambda before, after: after.at == 0),
    "newest": Row(lambda before, after: after.follows and not before.follows),
    "keep": Row(lambda before, after: after.kept == before.kept + 1),
    "variants": Row(lambda before, after: after.variants and after.shown[0] == 8),
    "zoom(1.5)": Row(lambda before, after: width(after.look) < width(before.look)),
    "zoom(0.667)": Row(lambda b, a: width(a.look) > width(b.look), first=("z", "z")),
    "pan(-0.2)": Row(lambda before, after: middle(after.look) < middle(before.look)),
    "pan(0.2)": Row(lambda before, after: middle(after.look) > middle(before.look)),
    "see_all": Row(lambda b, a: b.look.window is not None and a.look.window is None, first=("z",)),
    "log_axis": Row(lambda before, after: after.look.log != before.look.log),
    "smooth": Row(lambda before, after: after.look.smoothing > before.look.smoothing),
    "focus_next": Row(lambda b, a: a.focus == "About" != b.focus, first=("escape",)),
    "leave": Row(lambda before, after: after.focus == "ValueList" != before.focus),
    "lecture": Row(lambda before, after: after.focus == "LectureList"),
    "open_table": opens("OpenTable"),
    "keys": opens("KeysPage"),
    "command_palette": opens("CommandPalette"),
    "runs": opens("RunList"),
    "suspend": Row(lambda before, after: after.told > before.told),  # a test has no shell
    "redraw": Row(lambda before, after: after.known is not before.known),
    "quit": Row(lambda before, after: after.over),
}
ROWS |= {f"panel({digit})": Row(lambda b, a, d=digit: a.shown[0] == d) for digit in range(len(PANELS))}


async def press(pilot: Pilot[None], key: str, does: Callable[[Facts, Facts], bool]) -> None:
    before = facts(pilot.app)
    await pilot.press(key)
    await until(pilot, lambda: does(before, facts(pilot.app)))


async def test_every_key_does_what_its_row_says() -> None:
    assert set(ROWS) == {key.action for key in KEYS}, "each key of the table has its row here"
    app = NnplayApp(experiments.find("iris-mlp", ["backend=eager", "epochs=100000"]))
    async with app.run_test(size=(120, 40)) as pilot:
        for key in KEYS:
            row = ROWS[key.action]
            await pilot.press(*row.first)
            try:
                await press(pilot, key.key.split(",")[0], row.does)
            except AssertionError as error:
                raise AssertionError(f"{key}: {facts(app)}\n{error}") from None
            if row.back:
                await press(pilot, *row.back)


def picture(app: NnplayApp) -> list[object]:
    """The screen's cells with their colours, and the clipboard."""
    return [*app.screen._compositor.render_strips(), app.clipboard]


@pytest.mark.parametrize("title", PANEL_KEYS)
async def test_every_key_of_a_panel_changes_what_is_seen_there(title: str) -> None:
    digit = [name for name, _ in PANELS].index(title)
    app = NnplayApp(experiments.find("iris-mlp", ["epochs=5"]))
    app.session.trials.on = False
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: app.session.state == "finished")
        await pilot.press(str(digit), "tab")
        await until(pilot, lambda: facts(app).focus == title)
        if title != "Log":  # it reads the log itself
            await until(pilot, lambda: app._laboratory._panels[digit].answer)
        for key in PANEL_KEYS[title]:
            before = picture(app)
            await pilot.press(key.key.split(",")[0])
            await until(pilot, lambda before=before: picture(app) != before)
