"""Whether the CUDA side of engine._C is built, and how its kernels are compiled.

It is built if and only if the torch that is installed has CUDA and there is a CUDA toolkit of the same
major version. Seeing a GPU is no condition. NNPLAY_CUDA=0 leaves it out, 1 stops where it cannot be built,
and auto, the default, goes on without it; the reason is kept in the extension, for `nnplay doctor`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Decision", "decide", "find_toolkit", "nvcc", "sources"]

USUAL_PLACE = Path("/usr/local/cuda")


class CannotBuild(Exception):
    """NNPLAY_CUDA=1, and something that it takes is missing; the message says what."""


@dataclass(frozen=True)
class Decision:
    """`toolkit` is None where CUDA is not built, for the reason `why`; else `why` tells of the toolkit."""

    toolkit: Path | None
    why: str


def decide(environment: Mapping[str, str], torch_cuda: str | None) -> Decision:
    """What to build.

    Args:
        environment: NNPLAY_CUDA, CUDA_HOME and PATH count.
        torch_cuda: torch.version.cuda, None for a torch without CUDA.

    Raises:
        CannotBuild: CUDA is demanded, and cannot be built.
        ValueError: NNPLAY_CUDA is neither 0, 1 nor auto.
    """
    wish = environment.get("NNPLAY_CUDA", "auto")
    if wish not in ("0", "1", "auto"):
        raise ValueError(f"NNPLAY_CUDA: expected 0, 1 or auto, got {wish!r}")
    if wish == "0":
        return Decision(None, "left out, as NNPLAY_CUDA=0 asks")
    toolkit = find_toolkit(environment)
    missing = _missing(toolkit, torch_cuda)
    if missing and wish == "1":
        raise CannotBuild(f"NNPLAY_CUDA=1, but CUDA cannot be built: {missing}")
    if missing:
        return Decision(None, missing)
    return Decision(toolkit, f"CUDA {_version(toolkit)}")


def find_toolkit(environment: Mapping[str, str]) -> Path:
    """Where the toolkit is, or ought to be: CUDA_HOME, or around the nvcc in PATH, or the usual place."""
    if environment.get("CUDA_HOME"):
        return Path(environment["CUDA_HOME"])
    found = shutil.which("nvcc", path=environment.get("PATH", ""))
    around = Path(found).resolve().parent.parent if found else USUAL_PLACE
    has_headers = (around / "include" / "cuda_runtime.h").is_file()  # a script in PATH may only call nvcc
    return around if has_headers else USUAL_PLACE


def _missing(toolkit: Path, torch_cuda: str | None) -> str:
    """What is in the way, and what to do; empty if nothing is."""
    if torch_cuda is None:
        return "torch is built without CUDA: install a torch that has it"
    files = [toolkit / "bin" / "nvcc", toolkit / "include" / "cuda_runtime.h"]
    for file in files:
        if not file.is_file():
            major = torch_cuda.partition(".")[0]
            return f"{file} is missing: install a CUDA {major} toolkit, or name its folder, CUDA_HOME=PATH"
    version = _version(toolkit)
    if version.partition(".")[0] != torch_cuda.partition(".")[0]:
        return (
            f"the toolkit in {toolkit} is CUDA {version}, but torch is built with CUDA {torch_cuda}: "
            "expected the same major version, so name another toolkit, CUDA_HOME=PATH"
        )
    return ""


def _version(toolkit: Path) -> str:
    """`13.0`, from the toolkit's header."""
    header = toolkit / "include" / "cuda_runtime_api.h"
    found = re.search(r"#define CUDART_VERSION\s+(\d+)", header.read_text() if header.is_file() else "")
    number = int(found.group(1)) if found else 0
    return f"{number // 1000}.{number % 1000 // 10}" if number else "of an unknown version"


def sources(kind: str) -> list[str]:
    """The files of csrc/cuda of that kind, `cu` or `cpp`, from the folder of this file."""
    here = Path(__file__).parent
    return [str(path.relative_to(here)) for path in sorted(here.glob(f"csrc/cuda/*.{kind}"))]


def nvcc(toolkit: Path, source: str, *, strict: bool = False) -> list[str]:
    """The command that compiles a .cu file: for compute capability 8.0 and 9.0, and as PTX for later ones.
    Where the object goes, `-o`, is for the caller to add.

    `strict`: a warning is an error, and what each kernel takes of the device is told.
    """
    host = "-fPIC,-fvisibility=hidden,-Wall"
    checks = ["-Werror", "all-warnings", "-Xptxas", "-v"] if strict else []
    return [
        str(toolkit / "bin" / "nvcc"),
        *("-std=c++20", "-O3", "--expt-relaxed-constexpr", "--threads", "0"),
        *("-gencode", "arch=compute_80,code=sm_80", "-gencode", "arch=compute_90,code=[sm_90,compute_90]"),
        *(*checks, "-Xcompiler", f"{host},-Werror" if strict else host),
        *("-c", source),
    ]
