"""A run on disk: written line by line, read while it grows, never torn."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine import experiments, runs
from engine.errors import StorageError
from engine.events import EpochEnded, Event, Progressed
from engine.runs import Claim, RunReader, RunWriter

SPEC = experiments.find("iris-mlp", ["lr=0.5"])


def epoch(number: int) -> EpochEnded:
    return EpochEnded(
        step=50 * number,
        epoch=number,
        train_loss=1 / number,
        train_accuracy=0.5,
        test_loss=None,
        test_accuracy=None,
        seconds=0.1 * number,
    )


@pytest.fixture
def run() -> Claim:
    return runs.create(SPEC)


def test_a_new_run_holds_its_spec_and_its_lock_and_is_nobody_elses_business(run: Claim, home: Path) -> None:
    assert run.path.parent == home
    assert json.loads((run.path / "spec.json").read_text())["lr"] == 0.5
    assert RunReader(run.path).spec == SPEC
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    assert runs.is_alive(run.path)
    run.release()
    assert not runs.is_alive(run.path)


def test_a_run_lives_as_long_as_the_process_that_was_given_its_lock(run: Claim) -> None:
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[run.lock])
    run.release()
    assert runs.is_alive(run.path)
    child.kill()
    child.communicate()
    assert not runs.is_alive(run.path)


def test_two_readers_see_every_event_once_while_a_writer_appends(run: Claim) -> None:
    writer = RunWriter(run.path)
    readers = [RunReader(run.path), RunReader(run.path)]
    seen: list[list[Event]] = [[], []]
    for number in range(1, 101):
        writer.append(epoch(number))
        if number % 7 == 0:
            seen[0] += readers[0].poll()
        if number % 13 == 0:
            seen[1] += readers[1].poll()
    writer.close()
    seen[0] += readers[0].poll()
    seen[1] += readers[1].poll()
    assert seen[0] == seen[1] == [epoch(number) for number in range(1, 101)]


def test_a_torn_last_line_is_the_end_and_is_tried_again(run: Claim) -> None:
    log = run.path / "events.jsonl"
    writer = RunWriter(run.path)
    writer.append(epoch(1))
    writer.append(epoch(2))
    whole = log.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        log.write_bytes(whole[:cut])
        reader = RunReader(run.path)
        assert reader.poll() == [epoch(1)], cut
        assert reader.poll() == []
        log.write_bytes(whole)
        assert reader.poll() == [epoch(2)], cut
        assert reader.damage == ""


def test_a_damaged_line_ends_the_history_and_is_named(run: Claim) -> None:
    writer = RunWriter(run.path)
    for number in (1, 2, 3):
        writer.append(epoch(number))
    log = run.path / "events.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + lines[1].replace(b'"step":100', b'"step":900') + lines[2])
    reader = RunReader(run.path)
    assert reader.poll() == [epoch(1)]
    assert "line 2" in reader.damage
    assert reader.poll() == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"experiment": "iris-mlp", "lr": "much"}', "\0\xff"])
def test_a_damaged_spec_is_told(run: Claim, text: str) -> None:
    (run.path / "spec.json").write_text(text)
    with pytest.raises(StorageError, match=r"spec\.json is damaged"):
        RunReader(run.path)


def test_a_full_disk_is_told_and_leaves_whole_lines(run: Claim) -> None:
    """A real limit on the file's size, in a process of its own: the system refuses within a line."""
    script = """
import resource, signal, sys
from pathlib import Path
from engine.errors import StorageError
from engine.events import Progressed
from engine.runs import RunWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = RunWriter(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    for step in range(1000):
        writer.append(Progressed(step=step, epoch=1, part=0.5, loss=1.0, accuracy=None))
except StorageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(run.path)], capture_output=True, text=True, check=True
    )
    assert "cannot write" in done.stdout
    assert "File too large" in done.stdout
    reader = RunReader(run.path)
    events = reader.poll()
    assert len(events) > 5
    assert all(isinstance(event, Progressed) and event.step == place for place, event in enumerate(events))
    assert reader.damage == ""
    assert (run.path / "events.jsonl").read_bytes().endswith(b"\n")


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="set XDG_STATE_HOME"):
        runs.create(SPEC)


def test_ids_are_unique_and_name_the_experiment() -> None:
    made = [runs.create(SPEC) for _ in range(5)]
    assert len({run.id for run in made}) == 5
    assert all(run.id.split("-")[2:4] == ["iris", "mlp"] for run in made)
    for run in made:
        os.close(run.lock)
