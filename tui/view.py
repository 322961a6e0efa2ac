"""What all panels show at the same time: the values, the run, and the step looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.spec import Spec
from tui.feed import Snapshot


@dataclass(frozen=True)
class View:
    """One moment of one run; without a run, the network of `spec` before its first step.

    `step` is the number of updates done, None for the newest that the run has.
    """

    spec: Spec
    path: Path | None = None
    step: int | None = None
    run: Snapshot | None = None
    others: tuple[Snapshot, ...] = ()  # stored runs that lie over it

    @property
    def at(self) -> int:
        """The step that is shown."""
        if self.path is None or self.run is None:
            return 0
        return self.run.step if self.step is None else self.step

    @property
    def live(self) -> bool:
        """Whether the step shown moves by itself."""
        return self.step is None and self.run is not None and self.run.state == "running"

    @property
    def done(self) -> bool:
        """Whether the run came to its end with the present values: there is nothing of it left to train."""
        run = self.run
        return run is not None and run.over and not run.resumable and run.spec == self.spec

    @property
    def space(self) -> Literal["run", "pause", "go on", "rerun"]:
        """What the space bar does now."""
        run = self.run
        if run is None:
            return "run"
        if run.state == "paused" or (run.resumable and run.spec == self.spec):
            return "go on"
        return "rerun" if run.over else "pause"

    @property
    def shown(self) -> Spec:
        """The values of what is shown: the run's, or those to start with."""
        return self.run.spec if self.run and self.path else self.spec

    @property
    def source(self) -> dict[str, Any]:
        """How a question to the lab names what is shown: `{"run": path}` or `{"spec": values}`."""
        return {"run": str(self.path)} if self.path else {"spec": self.spec.to_json()}
