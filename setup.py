"""Builds engine._C, the compiled kernels, against the torch that is installed.

Everything else about the package is in pyproject.toml. Needs torch and a C++ compiler beforehand; build
with `pip install --no-build-isolation` (an isolated build would fetch another torch). For a GPU,
NNPLAY_CUDA joins here.
"""

import os
import shutil
import sys
from pathlib import Path

from setuptools import setup

try:
    import torch
    from torch.utils.cpp_extension import BuildExtension, CppExtension
except ImportError:
    sys.exit("nnplay's kernels are built against torch, which is not installed: run `make install`.")
if not shutil.which(os.environ.get("CXX", "c++")) and not shutil.which("g++"):
    sys.exit("nnplay's kernels need a C++ compiler and there is none: install g++ (apt install g++).")

SOURCES = ["csrc/module.cpp", "csrc/linear_act.cpp", *map(str, sorted(Path("csrc/cpu").glob("*.cpp")))]
FLAGS = ["-O3", "-g0", "-std=c++20", "-Wall", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math"]

setup(
    ext_modules=[
        CppExtension(
            "engine._C",
            SOURCES,
            include_dirs=["csrc"],
            depends=[str(header) for header in Path("csrc").rglob("*.h")],
            define_macros=[("NNPLAY_TORCH_VERSION", f'"{torch.__version__}"')],
            extra_compile_args={"cxx": FLAGS},
        )
    ],
    cmdclass={"build_ext": BuildExtension},
)
