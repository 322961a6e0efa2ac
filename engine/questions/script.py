"""The plain PyTorch script that trains the same network."""

from __future__ import annotations

from typing import Any

from engine.frames import Answer
from engine.script import script
from engine.spec import Spec


def answer(*, spec: dict[str, Any]) -> Answer:
    """Its `text`."""
    return Answer({"text": script(Spec.from_json(spec))})
