"""Builds engine._C, the compiled kernels, against the torch that is installed.

Everything else about the package is in pyproject.toml. Needs torch and a C++ compiler beforehand; build
with `pip install --no-build-isolation` (an isolated build would fetch another torch). Whether the CUDA side
is built too, NNPLAY_CUDA and setup_cuda.py decide; of all files csrc/build.cpp alone is told.

The objects stay in build/objects, and only what has changed is compiled again: its source, a header of
ours, or the command.
"""

import itertools
import json
import os
import platform
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # not there when pip builds

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

import setup_cuda

try:
    import torch
    from torch.utils.cpp_extension import CppExtension, include_paths
except ImportError:
    sys.exit("nnplay's kernels are built against torch, which is not installed: run `make install`.")
if not shutil.which(os.environ.get("CXX", "c++")) and not shutil.which("g++"):
    sys.exit("nnplay's kernels need a C++ compiler and there is none: install g++ (apt install g++).")

try:
    CUDA = setup_cuda.decide(os.environ, torch.version.cuda)
except (setup_cuda.CannotBuild, ValueError) as error:
    sys.exit(f"nnplay: {error}")
print(f"nnplay: CUDA kernels: {'yes' if CUDA.toolkit else 'no'}, {CUDA.why}")

# These are compiled once for each instruction set; which copy runs is decided at run time.
KERNELS = ["csrc/cpu/mlp_kernels.cpp", "csrc/cpu/kernels.cpp"]
INSTRUCTION_SETS = {"baseline": []}
if platform.machine() in ("x86_64", "AMD64"):
    INSTRUCTION_SETS["avx2"] = ["-mavx2", "-mfma", "-mf16c"]
    INSTRUCTION_SETS["avx512"] = [
        *INSTRUCTION_SETS["avx2"],
        *(f"-mavx512{part}" for part in ("f", "dq", "bw", "vl")),
    ]
    INSTRUCTION_SETS["avx512"] += ["-mprefer-vector-width=512"]

SOURCES = [f"csrc/{name}.cpp" for name in ("linear_act", "module_mlp", "module", "linear_act_checks")]
SOURCES += [f"csrc/{name}.cpp" for name in ("mlp", "mlp_checks", "optimizer", "population")]
SOURCES += [
    f"csrc/cpu/{name}.cpp"
    for name in ("linear_act", "product", "instruction_set", "layer_network", "mlp_choice", "parallel")
]

COMPILER = os.environ.get("CXX", "c++" if shutil.which("c++") else "g++")
FLAGS = ["-O3", "-g0", "-std=c++20", "-Wall", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-fPIC", *os.environ.get("NNPLAY_CXXFLAGS", "").split()]
VERSION = f'-DNNPLAY_TORCH_VERSION="{torch.__version__}"'
# Compiled for OpenMP but not linked with it: the runtime must be the one that torch brings along. The version
# is here, too, so that another torch compiles all that includes it anew. -fwrapv and NDEBUG are Python's own.
TORCH = ["-DNDEBUG", "-fwrapv", "-fopenmp", VERSION]
TORCH += [f"-isystem{folder}" for folder in (*include_paths(), sysconfig.get_path("include"))]

CUDA_LIBRARIES = {}
if CUDA.toolkit:
    CUDA_LIBRARIES["library_dirs"] = [str(CUDA.toolkit / folder) for folder in ("lib64", "lib")]
    CUDA_LIBRARIES["libraries"] = ["cudart", "c10_cuda"]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every object of the extension, by name, and the command that compiles it, but for where it goes."""
    compile = [COMPILER, *FLAGS, "-c"]
    for source, (name, flags) in itertools.product(KERNELS, INSTRUCTION_SETS.items()):
        yield f"{source}.{name}.o", [*compile, *flags, f"-DNNPLAY_ISA={name}", source]
    for source in SOURCES:
        yield f"{source}.o", [*compile, *TORCH, source]
    decision = [f"-DNNPLAY_HAS_CUDA={int(CUDA.toolkit is not None)}"]
    decision += [f"-DNNPLAY_CUDA_WHY={json.dumps(CUDA.why)}"]
    yield "csrc/build.cpp.o", [*compile, VERSION, *decision, "csrc/build.cpp"]
    if CUDA.toolkit is None:
        yield "csrc/without_cuda.cpp.o", [*compile, "csrc/without_cuda.cpp"]
        return
    for source in setup_cuda.sources("cpp"):
        yield f"{source}.o", [*compile, *TORCH, f"-isystem{CUDA.toolkit / 'include'}", source]
    for source in setup_cuda.sources("cu"):
        yield f"{source}.o", setup_cuda.nvcc(CUDA.toolkit, source)


class Build(build_ext):
    """Compiles what is not up to date, several files at a time, and links."""

    def initialize_options(self):
        super().initialize_options()
        self.build_temp = "build/objects"  # pip throws its own away, and would compile everything each time

    def build_extensions(self):
        objects = {Path(self.build_temp, name): command for name, command in commands()}
        with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", os.cpu_count() or 1))) as pool:
            list(pool.map(self._compile, objects.keys(), objects.values()))
        self.extensions[0].extra_objects = [str(target) for target in objects]
        self.force = self.compiler.force = True  # link always: it is quick, and knows its own flags
        super().build_extensions()

    def _compile(self, target, command):
        record, headers = target.with_suffix(".command"), target.with_suffix(".d")
        if _is_made(target, record, headers, command):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        self.spawn([*command, "-MMD", "-MF", str(headers), "-o", str(target)])
        record.write_text(shlex.join(command))


def _is_made(target, record, headers, command):
    """Whether this command has made the object, out of files that are no newer."""
    try:
        parts = shlex.split(headers.read_text().partition(":")[2].replace("\\\n", ""))
        return record.read_text() == shlex.join(command) and not newer_group(parts, str(target), "newer")
    except FileNotFoundError:
        return False


setup(
    ext_modules=[
        CppExtension(
            "engine._C",
            sources=[],
            depends=[str(path) for path in sorted(Path("csrc").rglob("*")) if path.is_file()],
            **CUDA_LIBRARIES,
            extra_link_args=os.environ.get("NNPLAY_LDFLAGS", "").split(),
        )
    ],
    cmdclass={"build_ext": Build},
)
