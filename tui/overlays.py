"""Stored runs that lie over the present one, to be compared with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.errors import RequestError
from tui.feed import Feed, Snapshot

MOST = 4  # with the run itself and what was tried there are as many colours as runs


class Overlays:
    """Each is followed like the present run, so one that still trains grows. `changed` tells of news."""

    def __init__(self, changed: Callable[[], object]):
        self._changed = changed
        self._feeds: dict[str, Feed] = {}

    def toggle(self, path: Path) -> bool:
        """Lay the run of this folder over, or take it away; returns whether it lies there now.

        Raises RequestError if there are as many as can be told apart, StorageError if it cannot be read.
        """
        if feed := self._feeds.pop(path.name, None):
            feed.close()
            return False
        if len(self._feeds) == MOST:
            raise RequestError(f"at most {MOST} runs lie over the present one; take one away first")
        self._feeds[path.name] = Feed(path, self._changed)
        return True

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._feeds

    def take(self) -> tuple[Snapshot, ...]:
        """All of them as they are now, in the order in which they came."""
        return tuple(feed.take() for feed in self._feeds.values())

    def close(self) -> None:
        """Follow none of them any more."""
        for feed in self._feeds.values():
            feed.close()
        self._feeds.clear()
