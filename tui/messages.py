"""What widgets and threads tell each other."""

from __future__ import annotations

from pathlib import Path

from textual.message import Message


class RunChanged(Message):
    """The feed has something new; `feed.take()` has the latest. Sent once until it is taken."""


class EditValue(Message):
    """A person wants to change the value of a key."""

    def __init__(self, key: str):
        super().__init__()
        self.key = key


class OpenExperiment(Message):
    """A person wants to go to an experiment; without a variant, to the one that is open, or published."""

    def __init__(self, name: str, variant: str = ""):
        super().__init__()
        self.name = name
        self.variant = variant


class KeepRun(Message):
    """A person wants to see a run's curves beside those of the present one, or no more."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = path


class EditHidden(Message):
    """A person wants the hidden layers to have these widths."""

    def __init__(self, hidden: tuple[int, ...]):
        super().__init__()
        self.hidden = hidden
