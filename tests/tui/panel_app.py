"""A panel alone on the screen, with a lab of the test's choice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from driving import until
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot

from engine import experiments, registry
from engine.control import Inbox
from engine.events import Commanded, EpochEnded
from engine.frames import Answer
from engine.runs import RunWriter, create
from engine.spec import Spec
from engine.trainer import Trainer
from tui.feed import Snapshot
from tui.messages import EditHidden
from tui.theme import THEMES
from tui.view import View
from tui.widgets.panel import Ask, Panel

SPEC = experiments.find("iris-mlp", ["lr=0.02", "epochs=10", "hidden=6"])
RUN = Snapshot("a-run", SPEC, state="paused", step=500)


class PanelApp(App[None]):
    """Mounts one panel and shows it a view; the messages it posts are kept."""

    def __init__(self, kind: type[Panel], view: View, ask: Ask):
        super().__init__()
        self.panel = kind(self._counted)
        self.view = view
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.posted: list[Message] = []
        self._answer = ask

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.panel.show(self.view)
        self.panel.focus()

    def on_edit_hidden(self, message: EditHidden) -> None:
        self.posted.append(message)

    def _counted(self, kind: str, values: dict[str, Any]) -> Answer:
        self.asked.append((kind, values))
        return self._answer(kind, values)


def ask(kind: str, values: dict[str, Any]) -> Answer:
    """The lab's questions, answered in this process; the made-up run is that of its spec."""
    if values.pop("run", ""):
        values["spec"] = SPEC.to_json()
    answer: Answer = registry.load("questions", kind).answer(**values)
    return answer


def view(step: int = 300) -> View:
    return View(SPEC, Path("a-run"), step, RUN)


def app(kind: type[Panel], shown: View | None = None) -> PanelApp:
    return PanelApp(kind, shown or view(), lambda kind, values: ask(kind, dict(values)))


async def answered(pilot: Pilot[None]) -> None:
    """Wait for the answer to the question that the panel has now."""
    assert isinstance(pilot.app, PanelApp)
    panel = pilot.app.panel
    await until(
        pilot, lambda: panel.answer is not None and not panel._asking and panel._wanted == panel._asked
    )


def stored_run(home: Path, spec: Spec = SPEC) -> Path:
    """A run of ten epochs with a command, its times fixed."""
    claim = create(spec)
    claim.release()
    path = claim.path.rename(claim.path.with_name("a-run"))
    writer = RunWriter(path)
    for event in Trainer(spec, Inbox()).events():
        changes = {name: 0.5 for name in ("time", "seconds", "seconds_total") if hasattr(event, name)}
        writer.append(replace(event, **changes))
        if isinstance(event, EpochEnded) and event.epoch == 4:
            writer.append(Commanded(time=0.5, step=event.step, epoch=4, name="set", key="lr", value="0.05"))
    writer.close()
    return path
