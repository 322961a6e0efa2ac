"""Training on a GPU's stand-in passes the tests that wait for a GPU, and the contract of every backend."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import gpu_stand_in
import pytest
from host_kernels import TOOLKIT

ROOT = Path(__file__).resolve().parents[2]
PATHS = ["tests/cuda/test_gpu.py", "tests/backends/test_contract.py"]
TRAINING = "(test_gpu and (a_run_on_the_gpu or in_one_launch or ends_a_launch)) or native-cuda"


def run_tests(config: pytest.Config, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """pytest in a process of its own, with this one's settings, which need not be pyproject.toml's."""
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"]
    command += ["-c", str(config.inipath), "--rootdir", str(ROOT), *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)


@pytest.mark.timeout(300)
def test_training_on_the_stand_in_passes_the_tests_of_a_gpu(
    built: ctypes.CDLL, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    gpu_stand_in.build(tmp_path, Path(built._name))
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "cuda")))
    environment = {gpu_stand_in.FOLDER: str(tmp_path), "PYTHONPATH": paths}
    done = run_tests(pytestconfig, "-p", "gpu_stand_in", "-k", TRAINING, *PATHS, **environment)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout


@pytest.mark.skipif(not (TOOLKIT / "lib64" / "libcudart.so").is_file(), reason="there is no libcudart")
def test_the_runtime_that_a_torch_with_cuda_brings_along_does_not_come_in_between(
    pytestconfig: pytest.Config,
) -> None:
    first = [os.environ.get("LD_PRELOAD", ""), str(TOOLKIT / "lib64" / "libcudart.so")]
    done = run_tests(
        pytestconfig, "tests/cuda/test_training.py", "-k", "steps_of_a_run", LD_PRELOAD=" ".join(first)
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
