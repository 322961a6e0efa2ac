"""A run in other programs' forms, each read back by the library that people would use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from engine import checkpoints, experiments, runs
from engine.control import Command, Inbox
from engine.datasets import prepare
from engine.errors import RequestError
from engine.events import EpochEnded
from engine.export import export
from engine.runs import RunReader, RunWriter
from engine.trainer import Trainer

NNPLAY = str(Path(sys.executable).with_name("nnplay"))


def trained(words: str = "epochs=5 backend=eager", *, keep: bool = True, commands: int = 0) -> Path:
    """The folder of a run that came to its end."""
    spec = experiments.find("iris-mlp", words.split())
    run, inbox = runs.create(spec), Inbox()
    for _ in range(commands):
        inbox.put(Command("set", "lr", "0.01"))
    writer = RunWriter(run.path)
    for event in Trainer(
        spec, inbox, keep=(lambda kept: checkpoints.write(run.path, kept)) if keep else None
    ).events():
        writer.append(event)
    writer.close()
    run.release()
    return run.path


def epochs(run: Path) -> list[EpochEnded]:
    return [event for event in RunReader(run).poll() if isinstance(event, EpochEnded)]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 16), nn.Sigmoid(), nn.Linear(16, 3), nn.Softmax(dim=-1))


def figures(model: nn.Module, run: Path) -> tuple[float, float]:
    """Loss and accuracy on the test rows."""
    data = prepare(RunReader(run).spec)
    with torch.no_grad():
        output = model(torch.from_numpy(data.test_x).float())
    right = (output.argmax(dim=1).numpy() == data.test_y).mean()
    return nn.functional.cross_entropy(output, torch.from_numpy(data.test_y).long()).item(), float(right)


def test_csv_has_a_row_for_every_epoch(tmp_path: Path) -> None:
    run = trained()
    export(run, tmp_path / "run.csv")
    table = np.genfromtxt(tmp_path / "run.csv", delimiter=",", names=True)
    assert table["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert table["step"].tolist() == [50, 100, 150, 200, 250]
    assert table["train_loss"].tolist() == [event.train_loss for event in epochs(run)]
    assert table["test_accuracy"].tolist() == [event.test_accuracy for event in epochs(run)]


def test_jsonl_and_json_are_plain_json(tmp_path: Path) -> None:
    run = trained()
    export(run, tmp_path / "run.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines if line["event"] != "progress"] == [
        "started",
        *["epoch"] * 5,
        "ended",
    ]
    export(run, tmp_path / "run.json")
    values = json.loads((tmp_path / "run.json").read_text())
    assert (values["run"], values["state"]) == (run.name, "finished")
    assert values["epochs"]["train_loss"] == [event.train_loss for event in epochs(run)]
    assert values["report"]["confusion"]


@pytest.mark.parametrize("keep", [True, False], ids=["with a checkpoint", "computed anew"])
@pytest.mark.parametrize("backend", ["eager", "native"])
def test_weights_load_into_a_plain_sequential(tmp_path: Path, keep: bool, backend: str) -> None:
    run = trained(f"epochs=5 backend={backend}", keep=keep)
    export(run, tmp_path / "run.pt")
    export(run, tmp_path / "run.safetensors")
    one, other = network(), network()
    one.load_state_dict(torch.load(tmp_path / "run.pt", weights_only=True))
    other.load_state_dict(load_file(tmp_path / "run.safetensors"))
    assert figures(one, run) == figures(other, run)
    assert figures(one, run) == pytest.approx(
        (epochs(run)[-1].test_loss, epochs(run)[-1].test_accuracy), abs=1e-6
    )


def test_the_script_prints_the_runs_own_numbers(tmp_path: Path) -> None:
    run = trained("epochs=4 backend=eager hidden=8,8 activation=tanh output=logits lr=0.01")
    export(run, tmp_path / "run.py")
    assert "nnplay" not in (tmp_path / "run.py").read_text()
    done = subprocess.run(
        [sys.executable, "-I", tmp_path / "run.py"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    for event in epochs(run):
        assert (
            f"epoch {event.epoch} loss {event.train_loss:.6f} accuracy {event.train_accuracy:.4f}"
            in done.stdout
        )
    assert f"test loss {epochs(run)[-1].test_loss:.6f}" in done.stdout


def test_no_script_pretends_to_be_a_run_whose_values_changed(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="lr changed while the run was under way"):
        export(trained(commands=1), tmp_path / "run.py")


def test_onnx_gives_the_same_outputs(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra: pip install nnplay[export]")
    run = trained()
    export(run, tmp_path / "run.onnx")
    export(run, tmp_path / "run.pt")
    model = network()
    model.load_state_dict(torch.load(tmp_path / "run.pt", weights_only=True))
    x = np.random.default_rng(1).standard_normal((7, 4), dtype=np.float32)
    (got,) = runtime.InferenceSession(tmp_path / "run.onnx").run(None, {"x": x})
    np.testing.assert_allclose(got, model(torch.from_numpy(x)).detach().numpy(), atol=1e-6)


def test_tensorboard_reads_every_epoch(tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="pip install nnplay[export]"
    )
    run = trained()
    export(run, tmp_path / "board")
    found = accumulator.EventAccumulator(str(tmp_path / "board"))
    found.Reload()
    assert [point.value for point in found.Scalars("loss/train")] == pytest.approx(
        [e.train_loss for e in epochs(run)]
    )
    assert [point.step for point in found.Scalars("accuracy/test")] == [1, 2, 3, 4, 5]


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    run = trained()
    (tmp_path / "there.csv").touch()
    for to, says in (
        ("run.cvs", "did you mean .csv?"),
        ("there.csv", "is there already"),
        ("nowhere/run.csv", "is no folder"),
    ):
        done = subprocess.run(
            [NNPLAY, "export", run.name, "--to", tmp_path / to], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert says in done.stderr
    done = subprocess.run(
        [NNPLAY, "export", "last", "--to", tmp_path / "x.csv"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert (tmp_path / "x.csv").exists()
