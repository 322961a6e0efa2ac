"""From a run's log to snapshots."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stored_run import trained

from engine import catalog, experiments
from engine.events import Resumed
from engine.runs import RunWriter
from tui.feed import Feed, Snapshot


@pytest.fixture
def stored(home: Path) -> Iterator[Path]:
    """A run that was stopped, and that has a new process: its lock is held."""
    path, events = trained(experiments.find("iris-mlp", ["epochs=2"]))
    log = path / "events.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))  # without its end
    assert len(events) == 4
    claim = catalog.reopen(path)
    yield path
    claim.release()


def snapshot(feed: Feed, holds: Callable[[Snapshot], bool]) -> Snapshot:
    end = time.monotonic() + 20
    while not holds(found := feed.take()):
        assert time.monotonic() < end, found
        time.sleep(0.01)
    return found


def test_a_run_with_a_new_process_is_starting_until_its_log_tells_that_it_goes_on(stored: Path) -> None:
    since = time.time()
    feed = Feed(stored, lambda: None, 0.01, since)
    assert snapshot(feed, lambda now: now.step == 100).state == "starting"
    writer = RunWriter(stored)
    writer.append(Resumed(time=time.time(), step=100, epoch=2, paused=True, checkpoint=0, versions={}))
    writer.close()
    assert snapshot(feed, lambda now: now.state != "starting").state == "paused"
    feed.close()


@pytest.mark.parametrize("part", [100, None])
def test_a_log_of_many_parts_is_read_before_it_is_told_how_the_run_stands(
    stored: Path, monkeypatch: pytest.MonkeyPatch, part: int | None
) -> None:
    whole = (stored / "events.jsonl").stat().st_size  # then the end is known only when nothing more comes
    monkeypatch.setattr("tui.feed.PART", part or whole)
    states: list[str] = []
    made = threading.Event()

    def told() -> None:
        made.wait()  # it may be told before there is a feed to take from
        states.append(feed.take().state)

    feed = Feed(stored, told, 0.01)
    made.set()
    assert snapshot(feed, lambda now: now.state == "running").step == 100
    feed.close()
    assert set(states[:-1]) <= {"starting"}, states


def test_a_run_that_somebody_else_began_is_what_its_log_tells(stored: Path) -> None:
    feed = Feed(stored, lambda: None, 0.01)
    assert snapshot(feed, lambda now: now.step == 100).state == "running"
    feed.close()
