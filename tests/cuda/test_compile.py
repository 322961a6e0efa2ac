"""The kernels of the CUDA side compile, without a GPU, and take no more of one than they may."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import torch

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
@pytest.mark.parametrize("source", setup_cuda.sources("cpp"))
def test_the_code_around_the_kernels_fits_the_headers_of_torch_and_cuda(source: str, tmp_path: Path) -> None:
    """Checked without making code of it: a torch for the CPU has CUDA's declarations, and one header less."""
    missing = tmp_path / "c10" / "cuda" / "impl" / "cuda_cmake_macros.h"
    missing.parent.mkdir(parents=True)
    missing.touch()
    include = Path(torch.__file__).parent / "include"
    folders = [include, include / "torch" / "csrc" / "api" / "include", TOOLKIT / "include"]
    command = ["g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Werror", f"-I{tmp_path}"]
    command += [f"-isystem{folder}" for folder in (*folders, sysconfig.get_paths()["include"])]
    done = subprocess.run([*command, source], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_nvcc
def test_no_kernel_sees_a_header_of_torch() -> None:
    for source in setup_cuda.sources("cu"):
        command = [str(TOOLKIT / "bin" / "nvcc"), "-std=c++20", "-M", source]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert "cuda_runtime.h" in done.stdout
        assert not any(name in done.stdout for name in ("/torch/", "ATen", "c10", "pybind11"))
