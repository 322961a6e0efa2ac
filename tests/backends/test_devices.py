"""device=cuda where it cannot be had: every way in says what was expected, what came, and what to do."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import devices, experiments, facts, mlp, ops, population, registry
from engine.datasets import prepare
from engine.errors import RequestError

NNPLAY = str(Path(sys.executable).with_name("nnplay"))

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
without_kernels = pytest.mark.skipif(ops.HAS_CUDA, reason="the kernels are built for CUDA here")


@without_gpu
@pytest.mark.parametrize("backend", registry.names("backends"))
def test_no_backend_begins_without_a_gpu(backend: str) -> None:
    words = ["device=cuda", f"backend={backend}"]
    name = "linreg-manual" if backend == "manual" else "iris-mlp"
    spec = experiments.find(name, words)
    with pytest.raises(RequestError, match=r"device=cuda: expected a GPU, but torch .*; use device=cpu"):
        registry.load("backends", backend).start(spec, prepare(spec))


@without_gpu
def test_neither_a_population_nor_a_sweep_nor_a_run_nor_a_check_does() -> None:
    spec = experiments.find("iris-mlp", ["device=cuda"])
    with pytest.raises(RequestError, match="use device=cpu"):
        population.train(spec, prepare(spec), [1, 2])
    for words in (
        ["run", "iris-mlp", "--device", "cuda"],
        ["sweep", "iris-mlp", "device=cuda", "--vary", "lr=0.1"],
        ["check", "--device", "cuda"],
        ["bench", "ops", "--device", "cuda"],
        ["bench", "train", "--device", "cuda"],
        ["bench", "population", "--device", "cuda"],
    ):
        done = subprocess.run([NNPLAY, *words], capture_output=True, text=True)
        assert done.returncode == 2, words
        assert "device=cuda: expected a GPU" in done.stderr, words
        assert "Traceback" not in done.stderr


@without_kernels
def test_kernels_without_cuda_say_why_they_are() -> None:
    with pytest.raises(ValueError, match=r"built without: .*; use device=cpu") as raised:
        ops.Run(
            widths=[4, 3],
            activations=["identity"],
            bias=True,
            loss="cross_entropy",
            features=np.zeros((5, 4)),
            targets=np.zeros(5),
            rule=ops.Rule("adam", 0.1),
            batches=ops.Batches(1),
            seed=1,
            dtype="float32",
            fused=mlp.FUSED,
            device="cuda",
        )
    assert ops.CUDA in str(raised.value)


def test_an_unknown_device_is_told() -> None:
    with pytest.raises(RequestError, match="unknown device 'cdua': did you mean cuda"):
        experiments.find("iris-mlp", ["device=cdua"])


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has a GPU, as far as the choice of a device looks."""
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(ops, "HAS_CUDA", True)


@pytest.mark.usefixtures("gpu")
def test_auto_leaves_a_small_network_to_the_processor_and_says_so() -> None:
    found = devices.find("auto", kernels=True, parameters=131, rows=2)
    assert found.name == "cpu"
    assert "131 parameters, 2 rows a step, is small for a GPU: one core of the CPU is faster" in found.note
    assert devices.find("auto", kernels=True, parameters=1_000_000, rows=256) == ("cuda", "")


@pytest.mark.usefixtures("gpu")
def test_a_small_network_goes_to_the_gpu_if_told_and_is_told_what_would_be_faster() -> None:
    found = devices.find("cuda", kernels=True, parameters=131, rows=2)
    assert found.name == "cuda"
    assert found.note.endswith("one core of the CPU is faster, see device=auto")
    assert devices.find("cuda", kernels=True, parameters=1_000_000, rows=256) == ("cuda", "")
    assert devices.find("cpu", kernels=True, parameters=131, rows=2) == ("cpu", "")


@pytest.mark.usefixtures("gpu")
def test_many_small_networks_are_a_large_one_to_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = experiments.find("iris-mlp", ["device=auto", "epochs=1"])
    asked: list[str] = []
    real = ops.train_population

    def on_the_processor(device: str, **what: Any) -> Any:
        asked.append(device)
        return real(device="cpu", **what)

    monkeypatch.setattr(ops, "train_population", on_the_processor)
    for count in (2, 1000):
        population.train(spec, prepare(spec), range(count), threads=2)
    assert asked == ["cpu", "cuda"]


@without_gpu
@pytest.mark.parametrize("backend", ["eager", "native"])
def test_auto_runs_without_a_gpu_and_the_run_says_where_and_why(backend: str) -> None:
    words = [NNPLAY, "run", "iris-mlp", "epochs=2", "device=auto", f"backend={backend}", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["device"] == result["spec"]["device"] == "cpu"
    assert any("device=auto: on the CPU: torch" in note for note in result["notes"])


def test_a_full_gpu_is_told_with_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (500_000_000, 80_000_000_000))
    words = r"too little free memory \(0.50 of 80.00 GB\): lower hidden or batch_size.*device=cpu"
    with pytest.raises(RequestError, match=words), devices.memory_errors():
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_the_doctor_says_why_there_is_no_cuda_or_what_there_is() -> None:
    done = subprocess.run([sys.executable, "-m", "engine.facts"], capture_output=True, text=True, check=True)
    assert ops.CUDA in json.loads(done.stdout)["cuda"]


@pytest.mark.parametrize(
    ("warned", "why"),
    [
        ("", "see nvidia-smi"),
        (
            "CUDA initialization: the driver is too old (Triggered internally at a.cpp:1.)",
            "CUDA initialization: the driver is too old",
        ),
    ],
)
def test_kernels_for_cuda_say_why_torch_finds_no_gpu(
    warned: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_available() -> bool:
        if warned:
            warnings.warn(warned, stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    monkeypatch.setattr(ops, "HAS_CUDA", True)
    monkeypatch.setattr(ops, "CUDA", "CUDA 13.0")
    assert facts.facts()["cuda"] == f"CUDA 13.0 is built, but torch finds no GPU: {why}"
