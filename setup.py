"""Builds engine._C, the compiled kernels, against the torch that is installed.

Everything else about the package is in pyproject.toml. Needs torch and a C++ compiler beforehand; build
with `pip install --no-build-isolation` (an isolated build would fetch another torch). Whether the CUDA side
is built too, NNPLAY_CUDA and setup_cuda.py decide.
"""

import itertools
import json
import os
import platform
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # not there when pip builds

from setuptools import setup
from setuptools.modified import newer_group

import setup_cuda

try:
    import torch
    from torch.utils.cpp_extension import BuildExtension, CppExtension
except ImportError:
    sys.exit("nnplay's kernels are built against torch, which is not installed: run `make install`.")
if not shutil.which(os.environ.get("CXX", "c++")) and not shutil.which("g++"):
    sys.exit("nnplay's kernels need a C++ compiler and there is none: install g++ (apt install g++).")

try:
    CUDA = setup_cuda.decide(os.environ, torch.version.cuda)
except (setup_cuda.CannotBuild, ValueError) as error:
    sys.exit(f"nnplay: {error}")
print(f"nnplay: CUDA kernels: {'yes' if CUDA.toolkit else 'no'}, {CUDA.why}")

HEADERS = [str(header) for header in sorted(Path("csrc").rglob("*.h"))]
CPU_HEADERS = [header for header in HEADERS if not header.startswith("csrc/cuda/")]
SOURCES = [f"csrc/{name}.cpp" for name in ("module", "module_mlp", "linear_act", "linear_act_checks")]
SOURCES += [f"csrc/{name}.cpp" for name in ("mlp", "mlp_checks", "optimizer", "population")]
SOURCES += [
    f"csrc/cpu/{name}.cpp"
    for name in ("linear_act", "product", "instruction_set", "layer_network", "mlp_choice", "parallel")
]
FLAGS = ["-O3", "-g0", "-std=c++20", "-Wall", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += os.environ.get("NNPLAY_CXXFLAGS", "").split()

CUDA_LIBRARIES = {"include_dirs": [], "library_dirs": [], "libraries": []}
if not CUDA.toolkit:
    SOURCES.append("csrc/without_cuda.cpp")
else:
    SOURCES += setup_cuda.sources("cpp")
    CUDA_LIBRARIES["include_dirs"] = [str(CUDA.toolkit / "include")]
    CUDA_LIBRARIES["library_dirs"] = [str(CUDA.toolkit / folder) for folder in ("lib64", "lib")]
    CUDA_LIBRARIES["libraries"] = ["cudart", "c10_cuda"]

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


class Build(BuildExtension):
    """Compiles the kernels once for each instruction set, then the rest as torch does."""

    def build_extensions(self):
        compiler = os.environ.get("CXX", "c++" if shutil.which("c++") else "g++")
        commands = []
        for source, (name, flags) in itertools.product(KERNELS, INSTRUCTION_SETS.items()):
            target = self._object(f"kernels/{Path(source).stem}_{name}.o")
            if self.force or newer_group([source, *CPU_HEADERS], target):
                what = [f"-DNNPLAY_ISA={name}", "-c", source, "-o", target]
                commands.append([compiler, *FLAGS, "-fPIC", *flags, *what])
        for source in setup_cuda.sources("cu") if CUDA.toolkit else []:
            target = self._object(f"cuda/{Path(source).stem}.o")
            if self.force or newer_group([source, *HEADERS], target):
                commands.append(setup_cuda.nvcc(CUDA.toolkit, source, target))
        with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", os.cpu_count() or 1))) as pool:
            list(pool.map(self.spawn, commands))
        super().build_extensions()

    def _object(self, name):
        """The path of an object file that is linked with the rest."""
        target = Path(self.build_temp, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.extensions[0].extra_objects.append(str(target))
        return str(target)


setup(
    ext_modules=[
        CppExtension(
            "engine._C",
            SOURCES,
            depends=[*HEADERS, *KERNELS],
            define_macros=[
                ("NNPLAY_TORCH_VERSION", f'"{torch.__version__}"'),
                ("NNPLAY_HAS_CUDA", str(int(CUDA.toolkit is not None))),
                ("NNPLAY_CUDA_WHY", json.dumps(CUDA.why)),
            ],
            **CUDA_LIBRARIES,
            # Compiled for OpenMP but not linked with it: the runtime must be the one that torch brings along.
            extra_compile_args={"cxx": [*FLAGS, "-fopenmp"]},
            extra_link_args=os.environ.get("NNPLAY_LDFLAGS", "").split(),
        )
    ],
    cmdclass={"build_ext": Build},
)
