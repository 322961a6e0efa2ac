"""Runs that are stored or under way: listed, shown, stopped, resumed and removed by real processes."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pickle
import random
import shutil
import signal
import stat
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import catalog, control, experiments, replay, runs
from engine.control import Command
from engine.errors import RequestError, StorageError
from engine.events import Commanded, Ended, EpochEnded, Event, Progressed, Resumed, Started
from engine.launcher import Zygote
from engine.runs import RunReader, RunWriter, is_alive
from engine.spec import Spec

NNPLAY = str(Path(sys.executable).with_name("nnplay"))
SPEC = experiments.find("iris-mlp", ["epochs=100000", "backend=eager"])


def nnplay(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NNPLAY, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, **options
    )  # type: ignore[call-overload, no-any-return]


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `condition` gives as soon as it gives something."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return result


@pytest.fixture
def zygote(home: Path) -> Iterator[Zygote]:
    warm = Zygote()
    yield warm
    warm.close()


def launch(zygote: Zygote, spec: Spec, *, paused: bool = False) -> tuple[Path, int]:
    """A new run and the process that trains it."""
    run = runs.create(spec)
    pid = zygote.launch(run, paused=paused)
    run.release()
    return run.path, pid


def take_up(zygote: Zygote, path: Path) -> int:
    run = catalog.reopen(path)
    pid = zygote.launch(run, paused=False)
    run.release()
    return pid


def events_of(path: Path) -> list[Event]:
    reader = RunReader(path)
    events = reader.poll()
    assert reader.damage == ""
    return events


def epochs_of(path: Path) -> list[EpochEnded]:
    """What the log tells of each epoch, without the clock."""
    return [dataclasses.replace(e, seconds=0.0) for e in events_of(path) if isinstance(e, EpochEnded)]


def weights_of(path: Path) -> dict[str, object]:
    past = replay.read(path)
    kept = past.checkpoint(past.step)
    assert kept is not None
    assert kept.step == past.step
    return {name: array.tolist() for name, array in kept.state.arrays.items()}


def state_of(path: Path) -> str:
    return catalog.entry(path).state


def test_a_run_is_listed_as_its_lock_has_it(zygote: Zygote) -> None:
    path, pid = launch(zygote, SPEC, paused=True)
    wait_for(lambda: state_of(path) == "paused")
    control.send(path.name, Command("resume"), patience=5)
    wait_for(lambda: catalog.entry(path).epoch > 1)
    assert state_of(path) == "running"
    control.send(path.name, Command("step"))
    wait_for(lambda: state_of(path) == "paused")
    control.send(path.name, Command("epoch"))
    wait_for(lambda: state_of(path) == "paused" and len(epochs_of(path)) > 2)
    listed = json.loads(nnplay("runs", "--json").stdout)["runs"]
    assert [(run["run"], run["state"]) for run in listed] == [(path.name, "paused")]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: state_of(path) == "died")
    done = nnplay("runs")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{path.name}  died" in done.stdout
    assert "iris-mlp epochs=100000 backend=eager" in done.stdout


def test_stop_and_resume_go_through_any_terminal(zygote: Zygote) -> None:
    path, _ = launch(zygote, SPEC)
    wait_for(lambda: len(epochs_of(path)) > 2)
    done = nnplay("stop", path.name[:-3])
    assert (done.returncode, done.stderr) == (0, "")
    assert "interrupted after" in done.stdout
    assert not is_alive(path)
    step = catalog.entry(path).step
    assert not control.socket_path(path.name).exists()
    again = nnplay("stop", "last")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "is not under way: it is interrupted" in again.stderr
    done = nnplay("resume", "last")
    assert f"goes on after step {step}" in done.stdout
    wait_for(lambda: catalog.entry(path).step > step + 100)
    assert nnplay("rm", "last").returncode == 2
    assert path.exists()
    nnplay("stop", "last")
    assert nnplay("rm", "last").stdout == f"{path.name}  removed\n"
    assert not path.exists()


def test_a_finished_run_is_shown_and_not_resumed() -> None:
    done = nnplay("run", "iris-mlp", "epochs=3", "--json")
    run = json.loads(done.stdout)
    shown = json.loads(nnplay("show", "last", "--json").stdout)
    assert {key: shown[key] for key in run} == run
    text = nnplay("show", run["run"].rpartition("-")[2]).stdout
    for word in (run["run"], "finished", "iris-mlp epochs=3", "native on cpu", "precision", "versicolor"):
        assert word in text
    refused = nnplay("resume", "last")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "nothing left to resume" in refused.stderr


OUTSIDE = ["..", "../../etc", "/etc", ".", "a/../..", "\x1b[31m", "x" * 5000, "lats", ""]


@pytest.mark.parametrize("name", OUTSIDE, ids=lambda name: repr(name[:10]))
def test_a_name_from_outside_finds_nothing_outside(name: str) -> None:
    path = runs.create(experiments.find("iris-mlp")).path
    with pytest.raises(RequestError, match="unknown run") as refusal:
        catalog.find(name)
    assert "\x1b" not in str(refusal.value)
    if name in ("..", "lats"):
        done = nnplay("rm", name)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert path.exists()


def test_someone_elses_run_executes_nothing_and_names_nothing_outside(home: Path, tmp_path: Path) -> None:
    """A pickle where a checkpoint should be, escapes and paths where names should be."""
    spec = dataclasses.replace(experiments.find("iris-mlp"), experiment=f"../../{tmp_path.name}\x1b[2J")
    run = runs.create(spec)
    assert run.path.parent == home
    assert run.id.isprintable()
    run.release()
    assert json.loads((run.path / "spec.json").read_text())["experiment"] == spec.experiment
    RunWriter(run.path).append_last(
        Ended(
            time=1.0,
            state="failed",
            message="\x1b]0;owned\x07 [bold]",
            step=9,
            epoch=0,
            seconds=0.0,
            seconds_total=0.0,
            report=None,
        )
    )
    (run.path / "checkpoints").mkdir()
    (run.path / "checkpoints" / "9.safetensors").write_bytes(pickle.dumps(Deed(str(tmp_path / "owned"))))
    for words in (
        ["runs"],
        ["show", "last"],
        ["runs", "--json"],
        ["export", "last", "--to", tmp_path / "x.pt"],
    ):
        done = nnplay(*words)
        assert "\x1b" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert replay.read(run.path).checkpoint(9) is None
    assert not (tmp_path / "owned").exists()


class Deed:
    """What a pickle can do: it makes a file as it is loaded."""

    def __init__(self, path: str):
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str, int], object], tuple[str, int]]:
        return os.open, (self.path, os.O_CREAT)


def test_a_link_is_no_run(home: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    home.mkdir(parents=True)
    (home / "20260101-000000-iris-mlp-link").symlink_to(tmp_path / "elsewhere")
    assert catalog.paths() == []
    with pytest.raises(RequestError):
        catalog.find("20260101")


def test_a_name_that_fits_two_runs_is_refused_and_the_nearest_is_offered() -> None:
    one, other = (runs.create(SPEC) for _ in range(2))
    with pytest.raises(RequestError, match="fits 2 runs"):
        catalog.find(one.id[:8])
    assert catalog.find(other.id[-6:]) == other.path
    wrong = one.id[:-1] + ("x" if one.id[-1] != "x" else "y")
    with pytest.raises(RequestError, match=f"did you mean {one.id[:20]}"):
        catalog.find(wrong)


def test_runs_and_sockets_are_nobody_elses_business(zygote: Zygote, home: Path) -> None:
    path, _ = launch(zygote, SPEC)
    wait_for(lambda: len(epochs_of(path)) > 1)
    nnplay("stop", "last")
    wait_for(lambda: list((path / "checkpoints").iterdir()))
    for folder in (home, path, path / "checkpoints", control.socket_path("x").parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for file in ("events.jsonl", "lock", "worker.log"):
        assert stat.S_IMODE((path / file).stat().st_mode) == 0o600, file


def test_a_socket_is_its_owners_alone(zygote: Zygote) -> None:
    path, _ = launch(zygote, SPEC, paused=True)
    socket = control.socket_path(path.name)
    wait_for(lambda: state_of(path) == "paused")
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600


def test_a_thousand_runs_are_listed_as_fast_as_their_short_logs_are_parsed(home: Path) -> None:
    """Processor time, as other work on the machine is no part of it; a longer log takes no longer."""
    first = runs.create(experiments.find("iris-mlp", ["epochs=60"]))
    writer = RunWriter(first.path)
    for number in range(1, 60):
        writer.append(epoch(number))
    writer.close()
    first.release()
    for number in range(999):
        shutil.copytree(first.path, home / f"20260101-{number:06d}-iris-mlp-{number:06x}")

    def parse() -> None:
        for path in home.iterdir():
            for line in (path / "events.jsonl").read_text().splitlines():
                json.loads(line)

    def seconds(work: Callable[[], object]) -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    entries = catalog.entries()
    assert len(entries) == 1000
    assert entries[0].path == first.path
    assert {entry.state for entry in entries} == {"died"}
    assert {entry.epoch for entry in entries} == {59}
    ratios = [seconds(catalog.entries) / seconds(parse) for _ in range(5)]
    assert statistics.median(ratios) < 2, ratios


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


def test_fifty_runs_at_once_all_come_to_their_end(zygote: Zygote) -> None:
    spec = experiments.find("iris-mlp", ["epochs=200"])
    started = [launch(zygote, dataclasses.replace(spec, seed=seed))[0] for seed in range(50)]
    wait_for(lambda: all(state_of(path) == "finished" for path in started), 100)
    wait_for(lambda: not any(is_alive(path) for path in started))
    assert len(catalog.entries()) == 50
    assert all(len(epochs_of(path)) == 200 for path in started)
    assert not list(control.socket_path("x").parent.iterdir())


# kill -9 of the worker.

KILLS = {"native": 140, "fused": 30, "eager": 30}
EPOCHS = {"native": 6000, "fused": 60, "eager": 60}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", KILLS)
def test_a_run_killed_again_and_again_ends_as_if_nothing_had_been(zygote: Zygote, backend: str) -> None:
    """Nothing that was stored is lost or told twice; the end is that of a run that was left alone."""
    spec = experiments.find("iris-mlp", [f"backend={backend}", f"epochs={EPOCHS[backend]}"])
    whole, _ = launch(zygote, spec)
    wait_for(lambda: not is_alive(whole) and state_of(whole) == "finished")
    wanted, network = epochs_of(whole), weights_of(whole)
    chance = random.Random(backend)
    kills = 0
    while kills < KILLS[backend]:
        path, pid = launch(zygote, spec)
        while kills < KILLS[backend]:
            before = len(epochs_of(path)) if (path / "events.jsonl").exists() else 0
            time.sleep(chance.random() * 0.08)  # a random moment is what is wanted here
            stored = epochs_of(path) if (path / "events.jsonl").exists() else []
            with contextlib.suppress(ProcessLookupError):  # it has come to its end
                os.kill(pid, signal.SIGKILL)
            kills += 1
            wait_for(lambda path=path: not is_alive(path))
            after = epochs_of(path) if (path / "events.jsonl").exists() else []
            assert after[: len(stored)] == stored
            assert after == wanted[: len(after)]
            assert len(after) >= before
            if state_of(path) == "finished":
                break
            pid = take_up(zygote, path)
        else:
            wait_for(lambda path=path: not is_alive(path))
        if state_of(path) != "finished":
            take_up(zygote, path)
            wait_for(lambda path=path: state_of(path) == "finished" and not is_alive(path))
        assert epochs_of(path) == wanted
    past = replay.read(path)
    if past.checkpoint(past.step):
        assert weights_of(path) == network


# Damage.


@pytest.fixture(scope="module")
def log() -> bytes:
    """The log of a short run, with one event of each kind."""
    started = Started(
        time=1.0,
        spec=SPEC.to_json(),
        paused=False,
        parameters=131,
        train_rows=100,
        test_rows=50,
        steps_per_epoch=50,
        feature_names=["a"],
        class_names=["x", "y"],
        versions={"torch": "2"},
    )
    events: list[Event] = [
        started,
        epoch(1),
        Progressed(step=60, epoch=2, part=0.2, loss=0.5, accuracy=0.5),
        Commanded(time=2.0, step=60, epoch=1, name="set", key="lr", value="0.1"),
        Resumed(time=3.0, step=60, epoch=1, paused=False, checkpoint=0, versions={}),
        epoch(2),
        Ended(
            time=4.0,
            state="interrupted",
            message="stopped",
            step=100,
            epoch=2,
            seconds=0.1,
            seconds_total=0.2,
            report=None,
        ),
    ]
    from engine.events import to_line

    return b"".join(to_line(event) for event in events)


def test_every_truncation_of_a_log_is_a_shorter_history(log: bytes, home: Path) -> None:
    run = runs.create(SPEC)
    run.release()
    (run.path / "events.jsonl").write_bytes(log)
    whole = events_of(run.path)
    for cut in range(len(log)):
        (run.path / "events.jsonl").write_bytes(log[:cut])
        events = events_of(run.path)
        assert events == whole[: log[:cut].count(b"\n")]
        entry = catalog.entry(run.path)
        assert entry.state == "died"
        assert entry.epoch == len([event for event in events if isinstance(event, EpochEnded)])
        past = replay.read(run.path)
        assert past.step == max((getattr(event, "step", 0) for event in events), default=0)
        if cut % 7:
            continue
        writer = RunWriter(run.path)  # a worker that takes it up
        writer.append(epoch(9))
        writer.close()
        assert events_of(run.path) == [*events, epoch(9)]


def test_changed_bytes_are_an_error_or_a_shorter_history(log: bytes) -> None:
    run = runs.create(SPEC)
    run.release()
    text = (run.path / "spec.json").read_bytes()
    (run.path / "events.jsonl").write_bytes(log)
    whole = events_of(run.path)
    chance = random.Random(7)
    for number in range(500):
        file, content = (("events.jsonl", log), ("spec.json", text))[number % 2]
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 1, 1, 20))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        (run.path / file).write_bytes(damaged)
        try:
            reader = RunReader(run.path)
            events = reader.poll()
            assert events == whole[: len(events)]
            assert len(events) == len(whole) or reader.damage or file == "events.jsonl"
            replay.read(run.path)
        except StorageError:
            assert file == "spec.json"
        entry = catalog.entry(run.path)
        assert entry.state in catalog.STATES
        (run.path / file).write_bytes(content)


def test_a_damaged_run_is_told_of_in_one_line(log: bytes) -> None:
    run = runs.create(SPEC)
    run.release()
    (run.path / "events.jsonl").write_bytes(log.replace(b'"step":60', b'"step":61', 1))
    assert "damaged" in nnplay("show", "last").stdout
    refused = nnplay("resume", "last")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "its log is damaged" in refused.stderr
    (run.path / "spec.json").write_text("{")
    assert "damaged" in nnplay("runs").stdout
    for words in (["show", "last"], ["resume", "last"]):
        done = nnplay(*words)
        assert done.returncode in (1, 2)
        assert done.stderr.count("\n") == 1
        assert "spec.json" in done.stderr
