"""A pytest plugin that gives the engine a GPU where there is none: the stand-in of on_host.h.

`build` links the engine's compiled part once more, with the stand-in where it has no CUDA; a pytest that is
started with `-p gpu_stand_in`, and that folder in its environment, loads it. What trains with device=cuda
then runs the kernels' own source, started by the code that starts them on a GPU, under the whole engine.
torch is told that there is a GPU, but cannot compute on it: no op runs there, and no backend but the native.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "NNPLAY_GPU_STAND_IN"  # in the environment
REPLACED = ("build.cpp.o", "without_cuda.cpp.o")


def build(folder: Path, kernels: Path) -> None:
    """engine._C in that folder: the engine's objects, and the kernels in a library of their own."""
    objects = (ROOT / "build" / "objects" / "csrc").rglob("*.o")
    engine = [o for o in objects if o.name not in REPLACED and o.parent.name != "cuda"]  # a build may have it
    told = {"TORCH_VERSION": f'"{torch.__version__}"', "HAS_CUDA": "1", "CUDA_WHY": '"a stand-in"'}
    words = [f"-DNNPLAY_{name}={value}" for name, value in told.items()]
    words += ["csrc/build.cpp", "-xnone", *map(str, engine), str(kernels), f"-Wl,-rpath,{kernels.parent}"]
    libraries = [
        f"-L{Path(torch.__file__).parent / 'lib'}",
        "-lc10",
        "-ltorch_cpu",
        "-ltorch",
        "-ltorch_python",
    ]
    target = folder / f"_C{sysconfig.get_config_var('EXT_SUFFIX')}"
    command = ["g++", "-std=c++20", "-fPIC", "-shared", "-o", str(target), *words, *libraries]
    subprocess.run(command, cwd=ROOT, check=True)


def pytest_configure() -> None:
    import engine

    engine.__path__.insert(0, os.environ[FOLDER])
    torch.version.cuda = "13.0"
    torch.cuda.is_available = lambda: True
    torch.cuda.is_current_stream_capturing = lambda: False  # which torch's optimizers ask
