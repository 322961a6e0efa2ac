"""The CUDA code as a library for this machine's processor: see on_host.h."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import setup_cuda  # noqa: E402

TOOLKIT = setup_cuda.find_toolkit(os.environ)
SOURCES = [
    *setup_cuda.sources("cu"),
    "csrc/cuda/network.cpp",
    "csrc/cuda/population.cpp",
    "csrc/mlp_checks.cpp",
    "csrc/optimizer.cpp",
    "tests/cuda/on_host.cpp",
    "tests/cuda/kernels.cpp",
]
FLAGS = ["-std=c++20", "-O1", "-g0", "-fPIC", "-Wall", "-Wno-unknown-pragmas", "-DNNPLAY_ON_HOST"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """kernels.cpp and all that it calls, built for the host. It needs CUDA's headers and no GPU."""
    if not (TOOLKIT / "include" / "cuda_runtime.h").is_file():
        pytest.skip("there is no cuda_runtime.h: install a CUDA toolkit")
    folder = tmp_path_factory.mktemp("on_host")
    objects = [str(folder / f"{Path(source).name}.o") for source in SOURCES]
    include = [f"-I{ROOT / 'tests' / 'cuda'}", f"-isystem{TOOLKIT / 'include'}"]
    compilers = [
        subprocess.Popen(["g++", *FLAGS, *include, "-x", "c++", "-c", source, "-o", target], cwd=ROOT)
        for source, target in zip(SOURCES, objects, strict=True)
    ]
    assert [compiler.wait() for compiler in compilers] == [0] * len(SOURCES)
    subprocess.run(["g++", "-shared", "-o", str(folder / "kernels.so"), *objects], check=True)
    found = ctypes.CDLL(str(folder / "kernels.so"))
    found.message.restype = ctypes.c_char_p
    found.train_single.restype = found.train_double.restype = ctypes.c_int64
    return found


@pytest.fixture
def library(built: ctypes.CDLL) -> Iterator[ctypes.CDLL]:
    """The library, with the threads of a block taking their turns in order."""
    built.set_order(0)
    yield built
    built.set_order(0)
