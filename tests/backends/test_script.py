"""The script of a spec needs no nnplay, and prints what the eager backend computes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine import experiments
from engine.control import Inbox
from engine.events import EpochEnded
from engine.script import script
from engine.trainer import Trainer

WORDS = {
    "the lecture's": [],
    "deep": ["hidden=8,5", "activation=softplus", "optimizer=adamw", "weight_decay=0.1", "batch_size=7"],
    "no hidden layer": ["hidden=none", "output=logits", "optimizer=sgd", "momentum=0.9", "drop_last=yes"],
    "double": ["dtype=float64", "activation=silu", "standardize=feature", "shuffle=no", "batch_size=9"],
    "no test rows": ["split=none", "activation=step", "seed=7"],
}


@pytest.mark.parametrize("case", WORDS)
def test_the_script_gives_the_numbers_of_the_eager_backend(case: str, tmp_path: Path) -> None:
    spec = experiments.find("iris-mlp", [*WORDS[case], "epochs=3", "backend=eager"])
    file = tmp_path / "script.py"
    file.write_text(script(spec))
    run = subprocess.run(
        [sys.executable, "-I", str(file)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "engine" not in script(spec)
    epochs = [event for event in Trainer(spec, Inbox()).events() if isinstance(event, EpochEnded)]
    wanted = [f"epoch {e.epoch} loss {e.train_loss:.6f} accuracy {e.train_accuracy:.4f}" for e in epochs]
    if epochs[-1].test_loss is not None:
        wanted.append(f"test loss {epochs[-1].test_loss:.6f} accuracy {epochs[-1].test_accuracy:.4f}")
    assert run.stdout.splitlines() == wanted


def test_the_script_is_python_as_people_write_it() -> None:
    text = script(experiments.find("iris-mlp"))
    assert all(len(line) <= 110 for line in text.splitlines())
    assert not re.search(r"\n\n\n\n|[ \t]\n", text)
    compile(text, "script", "exec")
