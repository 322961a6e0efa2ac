"""The kernels of the CUDA side compile, without a GPU, and take no more of one than they may."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import setup_cuda  # noqa: E402

TOOLKIT = setup_cuda.find_toolkit(os.environ)
needs_nvcc = pytest.mark.skipif(
    not (TOOLKIT / "bin" / "nvcc").is_file(), reason="there is no nvcc: install a CUDA toolkit"
)


@needs_nvcc
@pytest.mark.timeout(600)
def test_every_kernel_compiles_without_a_warning_within_its_registers() -> None:
    done = subprocess.run(
        ["make", "cuda-compile", f"PYTHON={sys.executable}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for architecture in ("sm_80", "sm_90"):
        assert architecture in done.stdout
    assert "TOO MUCH" not in done.stdout


@needs_nvcc
def test_no_kernel_sees_a_header_of_torch() -> None:
    for source in setup_cuda.sources("cu"):
        command = [str(TOOLKIT / "bin" / "nvcc"), "-std=c++20", "-M", source]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert "cuda_runtime.h" in done.stdout
        assert not any(name in done.stdout for name in ("/torch/", "ATen", "c10", "pybind11"))
