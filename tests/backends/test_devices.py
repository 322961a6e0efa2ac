"""device=cuda where it cannot be had: every way in says what was expected, what came, and what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import devices, experiments, mlp, ops, population, registry
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


def test_a_small_network_on_a_gpu_is_told_that_a_processor_is_faster() -> None:
    assert "device=cpu" in devices.notes("cuda", 131, 2)[0]
    assert devices.notes("cuda", 1_000_000, 256) == []
    assert devices.notes("cpu", 131, 2) == []


def test_a_full_gpu_is_told_with_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (500_000_000, 80_000_000_000))
    words = r"too little free memory \(0.50 of 80.00 GB\): lower hidden or batch_size.*device=cpu"
    with pytest.raises(RequestError, match=words), devices.memory_errors():
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_the_doctor_says_why_there_is_no_cuda_or_what_there_is() -> None:
    done = subprocess.run([sys.executable, "-m", "engine.facts"], capture_output=True, text=True, check=True)
    assert ops.CUDA in json.loads(done.stdout)["cuda"]
