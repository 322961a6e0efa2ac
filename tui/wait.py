"""How long somebody has waited, said once it is worth a word."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.timer import Timer
from textual.widget import Widget

EVERY = 1.0  # seconds


class Wait:
    """Counts the seconds of one wait after another; as long as one lasts, `draw` is called with every second.

    wait = Wait(widget, widget.draw)
    wait.on("the engine")                # as often as one likes: it begins anew for something else
    f"waiting for the engine …{wait}"    # waiting for the engine … 3 s
    wait.on(None)                        # over
    """

    def __init__(self, widget: Widget, draw: Callable[[], object]):
        self._widget = widget
        self._draw = draw
        self._subject: object = None
        self._began = 0.0
        self._timer: Timer | None = None

    def on(self, subject: object) -> None:
        """What is waited for from now on; None for nothing."""
        if subject == self._subject:
            return
        if self._timer:
            self._timer.stop()
        self._subject, self._timer = subject, None
        if subject is not None:
            self._began = time.monotonic()
            self._timer = self._widget.set_interval(EVERY, self._draw)

    def __str__(self) -> str:
        """Nothing within the first second."""
        seconds = int(time.monotonic() - self._began) if self._timer else 0
        return f" {seconds} s" if seconds else ""
