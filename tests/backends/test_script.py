"""The script of a spec needs no nnplay, and prints what the eager backend computes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import experiments
from engine.control import Inbox
from engine.events import EpochEnded
from engine.script import script
from engine.spec import Spec
from engine.trainer import Trainer

SPECS = {
    "the lecture's": "iris-mlp",
    "deep": "iris-mlp hidden=8,5 activation=softplus optimizer=adamw weight_decay=0.1 batch_size=7",
    "no hidden layer": "iris-mlp hidden=none output=logits optimizer=sgd momentum=0.9 drop_last=yes",
    "double": "iris-mlp dtype=float64 activation=silu standardize=feature shuffle=no batch_size=9",
    "no test rows": "iris-mlp split=none activation=step seed=7 epoch_loss=unweighted",
    "what fits the target": "mlp data=line hidden=4",
    "by hand": "linreg-manual",
    "by hand, in double": "linreg-manual dtype=float64 epoch_loss=mean",
    "after the one by hand": "linreg-nn",
}


@pytest.mark.parametrize("case", SPECS)
def test_the_script_gives_the_numbers_of_the_eager_backend(
    case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *words = SPECS[case].split()
    spec = experiments.find(name, [*words, "epochs=3", "backend=eager"])
    text = script(spec)
    assert "engine" not in text
    exec(compile(text, "script", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.splitlines() == _wanted(spec)


def test_a_network_that_goes_on_is_trained_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = np.random.default_rng(1).normal(size=(60, 5))
    table[:, 0] = np.arange(60) % 3
    np.savetxt(tmp_path / "CreditData.csv", table, delimiter=",")
    monkeypatch.setenv("NNPLAY_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    spec = experiments.find("credit-mlp", ["epochs=3", "backend=eager"])
    exec(compile(script(spec), "script", "exec"), {"__name__": "__main__"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[99].startswith("epoch 100 loss 0.640")
    assert lines[101:] == _wanted(spec)


def test_data_without_a_script_are_prepared_by_nnplay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr("engine.datasets.line.SCRIPT")
    spec = experiments.find("mlp", ["data=line", "lr=0.02", "epochs=3", "backend=eager"])
    assert "prepare(spec)" in script(spec)
    exec(compile(script(spec), "script", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.splitlines() == _wanted(spec)


def test_the_script_runs_without_nnplay(tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(script(experiments.find("iris-mlp", ["epochs=1"])))
    run = subprocess.run([sys.executable, "-I", str(file)], capture_output=True, text=True, cwd=tmp_path)
    assert run.stdout.startswith("epoch 1 loss 1.10"), run.stderr


def _wanted(spec: Spec) -> list[str]:
    """What the script is to print: the eager backend's figures."""
    epochs = [event for event in Trainer(spec, Inbox()).events() if isinstance(event, EpochEnded)]
    lines = []
    for e in epochs:
        accuracy = "" if e.train_accuracy is None else f" accuracy {e.train_accuracy:.4f}"
        lines.append(f"epoch {e.epoch} loss {e.train_loss:.6f}{accuracy}")
    if epochs[-1].test_loss is not None:
        accuracy = "" if epochs[-1].test_accuracy is None else f" accuracy {epochs[-1].test_accuracy:.4f}"
        lines.append(f"test loss {epochs[-1].test_loss:.6f}{accuracy}")
    return lines


def test_the_script_is_python_as_people_write_it() -> None:
    text = script(experiments.find("iris-mlp"))
    assert all(len(line) <= 110 for line in text.splitlines())
    assert not re.search(r"\n\n\n\n|[ \t]\n", text)
    compile(text, "script", "exec")
