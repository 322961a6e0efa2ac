"""What every panel has: a view to show, and questions to the lab whose newest answer it draws.

    panel = Boundary(ask)      # ask(kind, values) -> Answer, blocking: it is called in a thread
    panel.show(view)           # as often as there is news; a hidden panel asks nothing

A panel has at most one question on its way. Of what is wanted meanwhile only the newest is asked;
while a run trains, the next question waits, the longer the more an answer changed on the screen, so that
a slow line and the lab keep up; what a person asks for by key, and the end of a run, never wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

from textual.widget import Widget

from engine.errors import NnplayError
from tui.wait import Wait
from tui.widgets.canvas import Canvas

if TYPE_CHECKING:
    from tui.view import View

LIVE = 0.25  # seconds between two questions while the run shown trains, at least
CELLS = 20  # that a panel may change in a second while it trains: 1 KiB with the colours of each
PATIENCE = 8.0  # seconds that it waits at most


class Answer(Protocol):
    """The lab's answer: plain values, and arrays by name."""

    @property
    def values(self) -> dict[str, Any]: ...
    @property
    def arrays(self) -> dict[str, Any]: ...


class Question(NamedTuple):
    """A kind of question that the lab knows, and its values."""

    kind: str
    values: dict[str, Any]


Ask = Callable[[str, dict[str, Any]], Answer]


class Panel(Widget):
    """A view of the network. A subclass says what it needs to know (`question`) and draws it (`draw`)."""

    TITLE: ClassVar[str] = ""
    DEFAULT_CSS = "Panel { layout: vertical; height: 1fr; width: 1fr; }"

    def __init__(self, ask: Ask, *, id: str | None = None):
        super().__init__(id=id or self.TITLE.lower())
        self._ask = ask
        self._visible = False
        self._wanted: Question | None = None
        self._asked: Question | None = None
        self._asking = False
        self._hurry = asyncio.Event()  # the next question does not wait
        self.view: View | None = None
        self.answer: Answer | None = None  # the newest; it may be of an earlier step than the view
        self.problem = ""  # why there is no answer
        self._wait = Wait(self, self.draw)

    def show(self, view: View) -> None:
        """Show this view from now on."""
        before, self.view = self.view, view
        other = before is None or self.subject(before) != self.subject(view)
        if other:
            self.answer = None
        self._want()
        if other or not view.live:
            self._hurry.set()
        if self._visible and (other or not self._asking):  # else an answer is drawn when it comes
            self.draw()

    def subject(self, view: View) -> object:
        """What an answer has to be about to be shown with this view: by default its run, or its values."""
        return view.source

    def inquire(self) -> None:
        """Ask what there is to ask, and draw what is known: for a new choice by key, or another size."""
        if self.view is None or not self._visible:
            return
        self._want()
        self._hurry.set()
        self.draw()

    def _want(self) -> None:
        if self.view is None or not self._visible:
            return
        self._wanted = self.question(self.view)
        if self._wanted != self._asked and not self._asking:
            self._asking = True
            self.run_worker(self._inquire(), group="inquire")

    def question(self, view: View) -> Question | None:
        """What to ask about the view; None if nothing."""
        return None

    def draw(self) -> None:
        """Draw `view` with `answer`, which may be None, or say the `problem`."""

    def waiting(self, words: str) -> str:
        """What to say in the place of an answer that is not there yet, and how long that takes."""
        self._wait.on(self.view and self.subject(self.view))
        return f"{words}{self._wait}"

    @property
    def trouble(self) -> str:
        """The problem; of one that the screen tells as the end of the run, no more than that it is there."""
        told = self.view.run.message if self.view and self.view.run else ""
        return "nothing to show" if self.problem and self.problem == told else self.problem

    def focus(self, scroll_visible: bool = True) -> Self:
        """Hand the keys to the part of the panel that takes them."""
        for widget in self.query("*"):
            if widget.focusable:
                widget.focus(scroll_visible)
                break
        return self

    def on_show(self) -> None:
        self._visible = True
        self.inquire()

    def on_hide(self) -> None:
        self._visible = False
        self._wait.on(None)

    async def _inquire(self) -> None:
        """Ask until the newest wish is answered."""
        try:
            while self._visible and (wanted := self._wanted) and wanted != self._asked:
                began, marked = time.monotonic(), self._marked
                self._asked = wanted
                self._hurry.clear()
                await self._put(wanted)
                if self.view and self.view.live:
                    pause = min(max(LIVE, (self._marked - marked) / CELLS), PATIENCE)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._hurry.wait(), began + pause - time.monotonic())
        finally:
            self._asking = False

    @property
    def _marked(self) -> int:
        """Cells that were marked to be sent again, ever."""
        return sum(canvas.marked for canvas in self.query(Canvas))

    async def _put(self, question: Question) -> None:
        subject = self.view and self.subject(self.view)
        try:
            answer = await asyncio.to_thread(self._ask, *question)
        except NnplayError as error:
            answer, problem = None, str(error)
        else:
            problem = ""
        if self.view and self.subject(self.view) == subject:
            self.answer, self.problem = answer or self.answer, problem
            self._wait.on(None)
            if answer and _under_way(answer):
                self._asked = None  # ask again
            if self._visible and self.is_attached and self.children:  # these go first when the app ends
                self.draw()


def _under_way(answer: Answer) -> bool:
    """Whether the lab is computing its way to the step that was wanted, and not there yet."""
    values = answer.values
    return values.get("step", 0) < values.get("wanted", 0) and not values.get("far")
