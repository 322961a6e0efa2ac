"""The line at the top: what is open, how it is computed, where it stands."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rich.text import Text
from textual import work
from textual.app import RenderResult
from textual.widget import Widget

from engine import gpus
from engine.spec import Spec
from tui import keys
from tui.wait import Wait

if TYPE_CHECKING:
    from tui.feed import Snapshot

SIGNS = {
    "starting": "◌",
    "running": "●",
    "paused": "‖",
    "finished": "✓",
    "interrupted": "■",
    "failed": "✗",
    "died": "✗",
}
COLOURS = {
    "running": "success",
    "paused": "warning",
    "failed": "error",
    "died": "error",
    "finished": "accent",
}

GPU_EVERY = 2.0  # seconds between two looks at a GPU


class StatusLine(Widget):
    """One line in three parts: the experiment, the engine, the run's state."""

    DEFAULT_CSS = "StatusLine { height: 1; background: $panel; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._spec: Spec | None = None
        self._run: Snapshot | None = None
        self._changed = False
        self._gpu = ""
        self._wait = Wait(self, self.refresh)
        self._gone = threading.Event()  # set when the app ends

    def update(self, spec: Spec, run: Snapshot | None, changed: bool = False) -> None:
        """Show the spec to start with, or the run; `changed`: only from its start will it have the spec."""
        self._spec, self._run, self._changed = spec, run, changed
        self._wait.on(run.run_id if run and run.state == "starting" else None)
        self.refresh()

    @work(thread=True)
    def watch_gpu(self) -> None:
        """Show how busy the machine's GPU is, if it has one, until the app ends."""
        while (found := gpus.read()[0]) and not self._gone.is_set():
            self.app.call_from_thread(self.show_gpu, gpus.short(found))
            self._gone.wait(GPU_EVERY)

    def on_unmount(self) -> None:
        self._gone.set()

    def show_gpu(self, text: str) -> None:
        """Load and memory of the machine's GPU, in a few characters."""
        self._gpu = text
        self.refresh()

    def render(self) -> RenderResult:
        return self._line()

    def _line(self) -> Text:
        width = self.content_size.width
        spec = self._run.spec if self._run else self._spec
        if spec is None or width <= 0:
            return Text()
        line = Text.assemble(("nnplay", "bold"), "  ", spec.experiment, (f" @{spec.variant}", "dim"))
        states = self._states()
        state = next((text for text in states if line.cell_len + text.cell_len < width), states[-1])
        room = width - line.cell_len - state.cell_len - 4
        engine = next((text for text in self._engine(spec) if text.cell_len <= room), Text())
        centred = (width - engine.cell_len) // 2 - line.cell_len
        line.append(" " * max(2, min(centred, room - engine.cell_len + 2)))
        line.append_text(engine)
        line.append(" " * max(1, width - line.cell_len - state.cell_len))
        line.append_text(state)
        line.truncate(width)
        return line

    def _engine(self, spec: Spec) -> list[Text]:
        """What computes, and how fast; shorter and shorter, for narrow screens."""
        started = self._run.started if self._run else None
        parts = [spec.backend, started.spec["device"] if started else spec.device]
        if self._run and self._run.steps_per_second:
            rate = float(f"{self._run.steps_per_second:.2g}")  # more digits would change with every frame
            parts.append(f"{thousands(rate)} steps/s")
        if self._gpu:
            parts.append(self._gpu)
        return [Text(" · ".join(parts[:count]), "dim") for count in range(len(parts), 0, -1)]

    def _states(self) -> list[Text]:
        """How the run stands, and what to do next; the shorter one is for narrow screens."""
        run = self._run
        if run is None:
            return [Text("○ ready", "dim")]
        colour = self.app.theme_variables.get(COLOURS.get(run.state, ""), "")
        word = "catching up" if run.state == "starting" and run.step else run.state
        state = Text(f"{SIGNS[run.state]} {word}{self._wait}", colour)
        epoch = Text(f"epoch {run.epoch:,} / {run.spec.epochs:,}", colour)
        if self._changed:
            following = Text(f"↻ {keys.of('Start over')} trains these", "yellow")
        elif run.state == "finished":
            following = Text(f"{keys.of('Report')} report", "dim")
        else:
            return [Text("  ").join((state, epoch))]
        return [Text("  ").join(parts) for parts in ((state, epoch, following), (state, following))]


def thousands(value: float) -> str:
    """A rate in three significant digits: 950, 3.42 k, 9.81 M."""
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= factor * 0.9995:
            return f"{value / factor:.3g}{unit}"
    return f"{value:.3g}"
