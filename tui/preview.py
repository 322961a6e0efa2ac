"""What the present values would give, tried on many seeds at once at every key: the instrument's sound."""

from __future__ import annotations

from dataclasses import dataclass

from engine.frames import Answer
from engine.spec import Spec
from tui.series import Series
from tui.widgets.line import PART


@dataclass(frozen=True)
class Preview:
    """The lab's answer for one spec; see engine/questions/preview.py."""

    spec: Spec
    answer: Answer

    def series(self, name: str) -> list[Series]:
        """The median over the seeds, with a band from the 10th to the 90th percentile."""
        band = self.answer.arrays.get(name)
        if band is None:
            return []
        low, middle, high = band
        # The run's own curve may be the loss of each epoch's last batch; that of many networks is the mean.
        called = "mean" if name == "loss" and self.spec.epoch_loss == "last" else "train"
        return [Series(called, self.answer.arrays["epoch"], middle, run=self.run, low=low, high=high)]

    @property
    def run(self) -> str:
        """What the legend calls it."""
        return f"{self.answer.values['seeds']} seeds"

    @property
    def words(self) -> str:
        """How well it does on the test rows, and what it took."""
        values = self.answer.values
        figures = [
            f"{name} {values[key][0]:.3f}±{values[key][1]:.3f}"
            for name, key in (("accuracy", "test_accuracy"), ("R²", "test_r2"), ("loss", "test_loss"))
            if values[key]
        ]
        epochs = f"{values['epochs']:,} epoch{'s' if values['epochs'] > 1 else ''}"
        part = "" if values["epochs"] == self.spec.epochs else f" × {epochs}"
        told = [f"test {', '.join(figures)}"] if figures else []
        return PART.join([f"{self.run}{part}", *told, f"{values['seconds'] * 1000:.0f} ms"])
