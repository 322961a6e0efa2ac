"""What the present values would give, tried on many seeds at once at every key: the instrument's sound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from engine.errors import NnplayError
from engine.frames import Answer
from engine.spec import Spec
from engine.words import counted
from tui.lab_desk import LabDesk
from tui.series import Series
from tui.widgets.line import PART

TRYING = "training these values with many seeds …"


@dataclass(frozen=True)
class Preview:
    """The lab's answer for one spec; see engine/questions/preview.py."""

    spec: Spec
    answer: Answer

    def series(self, name: str) -> list[Series]:
        """The median over the seeds, with a band from the 10th to the 90th percentile."""
        return self._series.get(name, [])

    @cached_property
    def _series(self) -> dict[str, list[Series]]:
        """By figure; made once, for a plot does not draw the same arrays twice."""
        arrays = self.answer.arrays
        found = {}
        for name in {"loss", "accuracy", "r2"} & arrays.keys():
            low, middle, high = arrays[name]
            # A run's own curve may be the loss of each epoch's last batch; that of many networks is the mean.
            called = "mean" if name == "loss" and self.spec.epoch_loss == "last" else "train"
            found[name] = [Series(called, arrays["epoch"], middle, run=self.run, low=low, high=high)]
        return found

    @property
    def numbers(self) -> bool:
        """Whether numbers are predicted, not classes."""
        return "accuracy" not in self.answer.arrays

    @property
    def run(self) -> str:
        """What the legend calls it."""
        return counted(self.answer.values["seeds"], "seed")

    @property
    def words(self) -> str:
        """How well it does, on the test rows if there are some; then what it took, if there is room."""
        values = self.answer.values
        rows = "test" if values["test_loss"] else "train"
        figures = [
            f"{name} {spread[0]:.3f}±{spread[1]:.3f}"
            for name, key in (("accuracy", "accuracy"), ("R²", "r2"), ("loss", "loss"))
            if (spread := values[f"{rows}_{key}"])
        ]
        part = "" if values["epochs"] == self.spec.epochs else f" after {counted(values['epochs'], 'epoch')}"
        told = [f"{rows} {figures[0]}{part}", *figures[1:], self.run] if figures else [f"{self.run}{part}"]
        return PART.join([*told, f"{values['seconds'] * 1000:.0f} ms"])


class Trials:
    """Has the lab try the present values, each time that these change, as long as it is `on`."""

    def __init__(self, lab: LabDesk) -> None:
        self._lab = lab
        self._wanted: Spec | None = None
        self.on = True
        self.preview: Preview | None = None  # the newest; it may be of values that were there before
        self.instead = ""  # why there is none

    def want(self, spec: Spec) -> bool:
        """Whether these values are to be tried; `of` does it."""
        self._wanted = spec if self.on else None
        if self.on and self.preview is None:
            self.instead = TRYING
        return self.on

    async def of(self, spec: Spec) -> None:
        """Try the values, unless others are wanted meanwhile."""
        try:
            answer = await self._lab.ask("preview", spec=spec.to_json())
        except NnplayError as error:
            if spec == self._wanted:
                self.preview, self.instead = None, str(error)
        else:
            if answer and spec == self._wanted:
                self.preview, self.instead = Preview(spec, answer), ""

    def forget(self) -> None:
        """What was tried belongs to another experiment, or is not wanted any more."""
        self._wanted, self.preview, self.instead = None, None, ""

    def toggle(self) -> None:
        """Try every change from now on, or none."""
        self.on = not self.on
        self.forget()
