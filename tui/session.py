"""What is looked at, and what can be done to it: the values to start with, the run, the step, the runs kept.

No widget and no key: the app turns keys into calls, and shows the `scene` whenever it is told that there is
something new to show.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol

from engine import experiments
from engine.errors import NnplayError, RequestError
from engine.frames import Answer
from engine.locations import runs_dir
from engine.runs import RunReader
from engine.spec import KEYS as VALUES
from engine.spec import Spec
from tui.conductor import Conductor
from tui.feed import Snapshot
from tui.lab_desk import LabDesk
from tui.overlays import Overlays
from tui.preview import Trials
from tui.scene import Scene, moved, step_at
from tui.view import View


class Host(Protocol):
    """What a session asks of whoever shows it."""

    def news(self) -> object:
        """The run has something new: have `Session.follow` called. From any thread."""

    def show(self) -> object:
        """Something else is looked at now."""

    def tell(self, error: NnplayError) -> object:
        """Something went wrong."""

    def say(self, note: str) -> object:
        """Something that a person should know."""

    def work(self, task: Coroutine[Any, Any, None]) -> object:
        """Carry this out beside everything else."""


class Session:
    """One person's way through experiments and runs. `frame` is the time between two looks at a run."""

    def __init__(self, spec: Spec, host: Host, frame: float):
        self._host = host
        self.spec = spec
        self.run: Snapshot | None = None
        self.step: int | None = None  # that is looked at; None for the newest
        self._followed = spec  # the values of the run shown, as they were last seen
        self._conductor = Conductor(host.news, host.tell, frame)
        self._said = ""  # of a run's device
        self.overlays = Overlays(host.news)
        self.lab = self.new_lab()
        self._trainings = self.new_lab()  # whole ones, which others must not wait for
        self.trials = Trials(self.lab)

    def open(self, run: Path | None = None) -> None:
        """Begin to warm up the engine; follow a run, if there is one to follow."""
        self._conductor.open()
        if run:
            self._conductor.attach(run)
        self.try_out()

    async def close(self) -> str:
        """End all processes but a run that trains. Returns what a person should know of it."""
        self.overlays.close()
        farewell = await self._conductor.close()
        for lab in (self.lab, self._trainings):
            await lab.close()
        return farewell

    def new_lab(self) -> LabDesk:
        """A lab of one's own. It starts with the first question; whoever has it closes it."""
        return LabDesk(self._conductor.warm)

    def ask(self, kind: str, values: dict[str, Any]) -> Answer:
        """The lab's answer to a panel, which asks in a thread."""
        desk = self._trainings if kind == "compare" else self.lab
        return desk.lab.ask(kind, **values)

    # What there is to see.

    @property
    def state(self) -> str:
        """That of the run; `none` without one."""
        return self.run.state if self.run else "none"

    @property
    def view(self) -> View:
        run = self.run
        path = runs_dir() / run.run_id if run and run.started else None
        others = tuple(other for other in self.overlays.take() if not run or other.run_id != run.run_id)
        return View(self.spec, path, self.step, run, others)

    @property
    def scene(self) -> Scene:
        return Scene(self.view, self.trials.preview, self.trials.instead)

    def follow(self) -> None:
        """Take in what is new of the run."""
        before, self.run = self.run, self._conductor.take()
        if before and (self.run is None or before.run_id != self.run.run_id):
            self.step = None
        if self.run:
            self._say_where()
            if self.spec == self._followed != self.run.spec:  # a value changed under way, perhaps elsewhere
                self.spec = self.run.spec
                self.try_out()
            self._followed = self.run.spec
        self._host.show()

    def _say_where(self) -> None:
        """What the run found of its device, as it starts; again only if it is something else."""
        for note in self.run.started.notes if self.run and self.run.started else ():
            if note.startswith("device=") and note != self._said:
                self._said = note
                self._host.say(note)

    # Train.

    def run_or_pause(self) -> None:
        self.go_to(None)
        match self.view.space:
            case "pause":
                self._conductor.command("pause")
            case "go on" if self.run and self.run.over:
                self._conductor.resume(runs_dir() / self.run.run_id)
            case "go on":
                self._conductor.command("resume")
            case _:
                self._conductor.start(self.spec)

    def one(self, part: str) -> None:
        """One `step` or `epoch` more."""
        self.go_to(None)
        self._conductor.one(part, self.spec)

    def restart(self) -> None:
        self.go_to(None)
        self._conductor.start(self.spec)

    def stop(self) -> None:
        self._conductor.command("stop")

    # Values.

    def take_over(self, spec: Spec | None) -> None:
        """Make this the spec to start with; what can change in the run under way changes there as well."""
        if spec is None or spec == self.spec:
            return
        changes = spec.changed_from(self.spec)
        self.spec = spec
        for name, value in changes.items():
            if VALUES[name].effect != "next reset":
                self._conductor.command("set", name, value)
        self._host.show()
        self.try_out()

    def set_hidden(self, hidden: tuple[int, ...]) -> None:
        self.take_over(dataclasses.replace(self.spec, hidden=hidden))

    def defaults(self) -> None:
        """The values of the variant as it is published."""
        self.take_over(experiments.get(self.spec.experiment).spec(self.spec.variant))

    def try_out(self) -> None:
        """Train many seeds of the present values at once, to be shown beside the run."""
        if self.trials.want(self.spec):
            self._host.show()
            self._host.work(self._try(self.spec))

    async def _try(self, spec: Spec) -> None:
        await self.trials.of(spec)
        self._host.show()

    def toggle_trials(self) -> None:
        """Have every change tried, or not."""
        self.trials.toggle()
        self._host.show()
        self.try_out()

    # Time.

    def go_to(self, step: int | None) -> None:
        """Look at this step of the run, at the newest if there is none so late."""
        newest = self.run.step if self.run else 0
        self.step = None if step is None or step >= newest else max(step, 0)
        self._host.show()

    def go_by(self, steps: int) -> None:
        self.go_to(self.view.at + steps)

    def go_by_epoch(self, by: int) -> None:
        """The end of the epoch after (1) or before (-1) what is looked at."""
        if self.run:
            self.go_to(moved(self.run, self.view.at, by))

    def go_to_epoch(self, epoch: float) -> None:
        """The step nearest to a point of the x axis."""
        if self.run:
            self.go_to(step_at(self.run, epoch))

    async def fork(self) -> str:
        """A new run from the step looked at, with the present values; the run it comes from lies over it.

        Returns what there is to say of it, if there is a run. Raises what `engine.fork.fork` raises.
        """
        run, path, step = self.run, self.view.path, self.view.at
        if run is None or path is None:
            return ""
        changes = self.spec.changed_from(run.spec)
        waiting = [name for name in changes if VALUES[name].effect == "next reset"]
        from engine.fork import fork  # it reads checkpoints, which nothing else here needs

        forked = await asyncio.to_thread(fork, path, step)
        if path.name not in self.overlays:
            self.overlays.toggle(path)
        self._conductor.resume(forked, paused=True)
        for name in changes.keys() - waiting:
            self._conductor.command("set", name, changes[name])
        self._conductor.command("resume")
        told = f"A run of its own goes on from step {step:,}."
        if waiting:
            told += f" {', '.join(waiting)}: the network of a fork is that of its past."
        elif not changes:
            told += " No value is changed: it will be the same again."
        if run.state == "running":
            told += " The run that it comes from is trained on as well."
        return told

    # Other runs and experiments.

    def keep(self, path: Path) -> bool:
        """Lay a stored run over the present one, or take it away; returns whether it lies there now.

        Raises RequestError for a run on other data, and what `Overlays.toggle` raises.
        """
        if (data := RunReader(path).spec.data) != self.spec.data:
            raise RequestError(
                f"{path.name} is trained on data={data}: expected data={self.spec.data}, as the present run's"
            )
        kept = self.overlays.toggle(path)
        self._host.show()
        return kept

    def open_run(self, path: Path) -> None:
        """Go to a stored run, or one under way; the present one is left to itself.

        Raises StorageError if it cannot be read.
        """
        self.spec = self._followed = RunReader(path).spec
        self.step = None
        self.trials.forget()
        self._conductor.attach(path)
        self.try_out()

    def open_spec(self, spec: Spec) -> None:
        """Leave the run and go to another spec; runs on other data lie over it no more."""
        self._conductor.forget()
        if spec.data != self.spec.data:
            self.overlays.close()
        self.spec, self.step = spec, None
        self.trials.forget()
        self._host.show()
        self.try_out()
