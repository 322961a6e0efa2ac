"""Checkpoints on disk: whole or not at all, and never wrong numbers."""

from __future__ import annotations

import itertools
import random
import stat
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from engine import checkpoints, experiments
from engine.checkpoints import Checkpoint, State
from engine.errors import StorageError

SPEC = experiments.find("iris-mlp", ["lr=0.5"])


def checkpoint(step: int, values: int = 6) -> Checkpoint:
    arrays = {"0.weight": np.arange(values, dtype=np.float32).reshape(2, -1), "order": np.array([2, 0, 1])}
    state = State(arrays, {"loss_sum": 0.1, "seen": step})
    return Checkpoint(step=step, epoch=1, commands=2, seconds=0.5, spec=SPEC, state=state)


def same(one: Checkpoint, other: Checkpoint) -> bool:
    return values(one) == values(other)


def values(checkpoint: Checkpoint) -> dict[str, object]:
    arrays = {name: (a.dtype, a.tolist()) for name, a in checkpoint.state.arrays.items()}
    return {**vars(checkpoint), "state": (arrays, checkpoint.state.numbers)}


def test_a_checkpoint_comes_back_as_it_was_and_is_nobody_elses_business(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, checkpoint(7))
    path = checkpoints.path_of(tmp_path, 7)
    assert same(checkpoints.read(path), checkpoint(7))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_file(path)["0.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert [file.name for file in path.parent.iterdir()] == ["7.safetensors"]


def test_every_damage_is_noticed(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, checkpoint(7))
    path = checkpoints.path_of(tmp_path, 7)
    whole = path.read_bytes()
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        with pytest.raises(StorageError, match="is damaged"):
            checkpoints.read(path)
    chance = random.Random(1)
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(StorageError, match="is damaged"):
            checkpoints.read(path)


def test_old_checkpoints_are_thinned_evenly_and_the_newest_stays(tmp_path: Path) -> None:
    for step in range(0, 600, 10):
        checkpoints.write(tmp_path, checkpoint(step))
    steps = checkpoints.steps(tmp_path)
    assert len(steps) == checkpoints.KEPT
    assert steps[-1] == 590
    gaps = [after - before for before, after in itertools.pairwise(steps)]
    assert max(gaps) <= 80


def test_large_checkpoints_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "KEPT_BYTES", 300_000)
    for step in range(10):
        checkpoints.write(tmp_path, checkpoint(step, 30_000))
    assert len(checkpoints.steps(tmp_path)) == 2
    assert checkpoints.steps(tmp_path)[-1] == 9


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").touch()
    with pytest.raises(StorageError, match=r"cannot write .*7\.safetensors"):
        checkpoints.write(tmp_path / "run", checkpoint(7))
    with pytest.raises(StorageError, match="cannot write"):
        checkpoints.write(tmp_path / "removed", checkpoint(7))
    assert not (tmp_path / "removed").exists()


def test_a_draft_that_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, checkpoint(3))
    (tmp_path / "checkpoints" / ".5.tmp").write_bytes(b"half")
    checkpoints.write(tmp_path, checkpoint(4))
    assert sorted(file.name for file in (tmp_path / "checkpoints").iterdir()) == [
        "3.safetensors",
        "4.safetensors",
    ]


def test_files_that_are_no_checkpoints_are_left_alone(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, checkpoint(3))
    for name in ("notes.safetensors", "5.txt", ".9.tmp"):
        (tmp_path / "checkpoints" / name).touch()
    assert checkpoints.steps(tmp_path) == [3]
