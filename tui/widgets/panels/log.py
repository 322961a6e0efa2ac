"""The Log panel: the events of a run as lines to read, the newest last."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.widgets import Input

from engine.errors import NnplayError
from engine.events import Commanded, Ended, EpochEnded, Event, Progressed, Resumed, Started
from engine.runs import RunReader
from engine.words import counted
from tui.keys import bindings
from tui.palette import Palette
from tui.view import View
from tui.widgets.canvas import Canvas, Line
from tui.widgets.field import Field
from tui.widgets.painted import PaintedPanel
from tui.widgets.panel import LIVE, Ask

LINES = 5000  # of the log that are kept at hand: the newest
PART = 1 << 18  # bytes of the log read at once
KINDS = ("all", "commands", "epochs", "begin and end")


class Entry(NamedTuple):
    """An event as a line."""

    kind: str
    step: int
    text: str


class Log(PaintedPanel):
    """Goes to the step that is looked at, and stays at the end of the log until it is scrolled up.

    `/` shows the lines with some words alone.
    """

    TITLE = "Log"
    BINDINGS = bindings("Log")
    DEFAULT_CSS = """
    Log > Input { display: none; border: none; height: 1; padding: 0 1; background: $boost; }
    Log > Input.-shown { display: block; }
    """

    def __init__(self, ask: Ask):
        super().__init__(ask)
        self.kind = KINDS[0]
        self.words = ""
        self._reader: RunReader | None = None
        self._entries: deque[Entry] = deque(maxlen=LINES)
        self._read = 0  # events, in all
        self._reading = False
        self._row: int | None = None  # of the step that is looked at; None at the newest

    def compose(self) -> ComposeResult:
        yield Canvas()
        yield Field(placeholder="words that a line must have; escape: all lines")

    def _want(self) -> None:
        """Read on, at most a few times a second, and draw."""
        if self.view and self._visible and not self._reading:
            self._reading = True
            self.run_worker(self._follow(), group="follow")

    def action_kinds(self) -> None:
        self.kind = KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]
        self.draw()
        if self._row is None:
            self.canvas.scroll_end(animate=False)

    def action_search(self) -> None:
        search = self.query_one(Input)
        search.add_class("-shown")
        search.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.words = event.value.strip().lower()
        self.draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_search()

    def on_key(self, event: events.Key) -> None:
        search = self.query_one(Input)
        if event.key == "escape" and search.has_class("-shown"):
            event.stop()
            search.value = ""
            self._close_search()

    def _close_search(self) -> None:
        search = self.query_one(Input)
        search.set_class(bool(search.value), "-shown")
        self.canvas.focus()

    async def _follow(self) -> None:
        """Read what the log has got meanwhile; if the run was changed on the way, begin again."""
        try:
            while self.view and self._visible:
                view = self.view
                await self._read_on(view)
                self.draw()
                if self.view.path == view.path and (self.view.run == view.run or self.view.run is None):
                    return
                await asyncio.sleep(LIVE)
        finally:
            self._reading = False

    async def _read_on(self, view: View) -> None:
        if view.path is None:
            self._reader = None
            self._entries.clear()
            return
        try:
            if self._reader is None or self._reader.path != view.path:
                self._reader = await asyncio.to_thread(RunReader, view.path)
                self._entries.clear()
                self._read = 0
            while found := await asyncio.to_thread(self._reader.poll, PART):
                self._entries.extend(entry for event in found for entry in entries(event))
                self._read += len(found)
            self.problem = self._reader.damage
        except NnplayError as error:
            self.problem = str(error)

    def draw(self) -> None:
        colours = Palette(self)
        canvas = self.canvas
        at_end = canvas.scroll_y >= canvas.max_scroll_y - 1
        wanted = self._matching()
        before, self._row = self._row, self._row_of_step(wanted)
        canvas.paint([self._head(colours)], self._lines(wanted, colours))
        # Scrolled once the canvas knows how long it is.
        if self._row is None and (at_end or before is not None):
            self.call_after_refresh(canvas.scroll_end, animate=False, immediate=True)
        elif self._row is not None and self._row != before:
            middle = self._row - (canvas.size.height - 1) // 2
            self.call_after_refresh(canvas.scroll_to, y=max(middle, 0), animate=False, immediate=True)

    def _head(self, colours: Palette) -> Line:
        line = [("events ", colours.muted), (f"{self._read:,}", colours.bold)]
        if self._read > LINES:
            line.append((f", the newest {LINES:,} here", colours.muted))
        line += [("  showing ", colours.muted), (self.kind, colours.bold)]
        if self.words:
            line += [(" with ", colours.muted), (self.words, colours.bold)]
        run = self.view.run if self.view else None
        score = "R²" if run and run.numbers else "accuracy"
        if self.kind in ("all", "epochs"):
            line.append((f"  epochs: loss, {score}", colours.muted))
        if self.problem:
            line.append((f"   {self.problem}", colours.wrong))
        return line

    def _matching(self) -> list[Entry]:
        """The entries of the kind and with the words that a person chose."""
        of_kind = [entry for entry in self._entries if self.kind in ("all", entry.kind)]
        return [entry for entry in of_kind if self.words in entry.text.lower()]

    def _row_of_step(self, wanted: list[Entry]) -> int | None:
        """The last entry up to the step that is looked at; None at the newest step."""
        if self.view is None or self.view.step is None:
            return None
        return max((row for row, entry in enumerate(wanted) if entry.step <= self.view.at), default=-1)

    def _lines(self, wanted: list[Entry], colours: Palette) -> list[Line]:
        """A line an entry; what came after the step that is looked at is pale."""
        if self.view is None or self.view.path is None:
            return [[("nothing has run yet: the log begins with the first run", colours.muted)]]
        inks = {"commands": colours.accent, "epochs": colours.text, "begin and end": colours.bold}
        lines: list[Line] = []
        for row, entry in enumerate(wanted):
            later = self._row is not None and row > self._row
            ink = colours.muted if later else inks.get(entry.kind, colours.muted)
            number = colours.bold if row == self._row else colours.muted
            lines.append([(f"{entry.step:>10,}  ", number), (entry.text, ink)])
        return lines or [[("no such line", colours.muted)]]


def entries(event: Event) -> Iterator[Entry]:
    """The event in words; under a run's beginning, what was found in its data."""
    yield describe(event)
    if isinstance(event, Started):
        yield from (Entry("begin and end", 0, note) for note in event.notes)


def describe(event: Event) -> Entry:
    """The event in words, with its kind and step."""
    match event:
        case Started():
            rows = f"{event.train_rows:,} + {counted(event.test_rows, 'row')}"
            paused = ", waiting" if event.paused else ""
            text = f"{_clock(event.time)} started{paused}: {counted(event.parameters, 'parameter')}, {rows}"
            return Entry("begin and end", 0, f"{text}, {counted(event.steps_per_epoch, 'step')} an epoch")
        case EpochEnded():
            figures = _figures("train", event.train_loss, event.train_accuracy, event.train_r2)
            if event.test_loss is not None:
                figures += "  " + _figures("test", event.test_loss, event.test_accuracy, event.test_r2)
            return Entry("epochs", event.step, f"epoch {event.epoch:<6,} {figures}")
        case Progressed():
            figures = _figures("so far", event.loss, event.accuracy, event.r2)
            return Entry("progress", event.step, f"epoch {event.epoch:<6,} {figures}, {event.part:.0%} done")
        case Commanded():
            value = f" {event.key}={event.value}" if event.key else ""
            return Entry("commands", event.step, f"{_clock(event.time)} {event.name}{value}")
        case Resumed():
            paused = ", waiting" if event.paused else ""
            since = f", computed anew from step {event.checkpoint:,}" if event.checkpoint < event.step else ""
            return Entry("begin and end", event.step, f"{_clock(event.time)} taken up again{paused}{since}")
        case Ended():
            why = f": {event.message}" if event.message else ""
            text = f"{_clock(event.time)} {event.state} after {event.seconds:.3g} s of training{why}"
            return Entry("begin and end", event.step, text)


def _figures(part: str, loss: float, accuracy: float | None, r2: float | None) -> str:
    """Loss, and accuracy or R², short enough for train and test in one line of 80 columns."""
    score = r2 if accuracy is None else accuracy
    right = "" if score is None else f" {score:.4f}"
    return f"{part} {loss:.6f}{right}"


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
