"""Where the app asks its lab: nothing blocks the event loop, and no answer that is out of date comes back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

from engine.errors import NnplayError
from engine.frames import Answer
from engine.lab import Lab
from engine.launcher import Zygote


class LabDesk:
    """Questions to one lab. The lab starts with the first one; `close` belongs to the end of the app."""

    def __init__(self, zygote: Callable[[], Zygote]) -> None:
        self.lab = Lab(zygote)
        self._turn = asyncio.Lock()
        self._numbers = itertools.count()
        self._newest: dict[tuple[str, str], int] = {}

    async def ask(self, kind: str, /, topic: str = "", **values: Any) -> Answer | None:
        """The answer, or None if a newer question of the same kind and topic came while this one waited.

        So a key that is held down asks for what is shown at the end, not for every state in between. Raises
        what `Lab.ask` raises.
        """
        number = self._newest[kind, topic] = next(self._numbers)
        async with self._turn:
            if self._newest[kind, topic] != number:
                return None
            try:
                answer = await asyncio.to_thread(self.lab.ask, kind, **values)
            except NnplayError:
                if self._newest[kind, topic] != number:
                    return None
                raise
        return answer if self._newest[kind, topic] == number else None

    @property
    def losses(self) -> int:
        """How many processes were lost so far; when it has grown, what the lab had in memory is gone."""
        return self.lab.losses

    def interrupt(self) -> None:
        """End the question that is being answered; it raises LabInterrupted."""
        self.lab.interrupt()

    async def close(self) -> None:
        """End the lab. The zygote is closed before: a lab that waits for it to warm up would wait on."""
        await asyncio.to_thread(self.lab.close)
