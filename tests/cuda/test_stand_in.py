"""Training on a GPU's stand-in passes the tests that wait for a GPU, and the contract of every backend."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import gpu_stand_in
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATHS = ["tests/cuda/test_gpu.py", "tests/backends/test_contract.py"]
TRAINING = "(test_gpu and (a_run_on_the_gpu or in_one_launch or ends_a_launch)) or native-cuda"


@pytest.mark.timeout(300)
def test_training_on_the_stand_in_passes_the_tests_of_a_gpu(built: ctypes.CDLL, tmp_path: Path) -> None:
    gpu_stand_in.build(tmp_path, Path(built._name))
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "cuda")))
    environment = os.environ | {gpu_stand_in.FOLDER: str(tmp_path), "PYTHONPATH": paths}
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "gpu_stand_in", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-k", TRAINING, *PATHS], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout
