"""The CUDA code as a library for this machine's processor: see on_host.h."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

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
    "tests/cuda/faults.cu",
    "tests/cuda/on_host.cpp",
    "tests/cuda/watch.cpp",
    "tests/cuda/kernels.cpp",
]
FLAGS = ["-std=c++20", "-O1", "-g1", "-fPIC", "-Wall", "-Wno-unknown-pragmas", "-DNNPLAY_ON_HOST"]
WATCHED = ["-fsanitize=thread", "--param=tsan-instrument-func-entry-exit=0"]
"""For kernels alone: each of their accesses to memory becomes a call, which watch.cpp answers."""
LINKED = ["-Wl,-Bsymbolic"]
"""The stand-in's functions have CUDA's names, and a torch with CUDA has brought the real ones along."""
SANITIZER = os.environ.get("NNPLAY_ON_HOST_SANITIZER")
"""Which of GCC's to build with instead; its library must be there from the start: see make sanitize."""
SANITIZED = [f"-fsanitize={SANITIZER}", "-fno-sanitize-recover=undefined"] if SANITIZER else []


def flags_for(source: str) -> list[str]:
    if SANITIZED:
        return [*FLAGS, *SANITIZED]
    if source.endswith("watch.cpp"):
        return [*FLAGS, "-O2"]  # most of the time goes there
    return [*FLAGS, *WATCHED] if source.endswith(".cu") else FLAGS


class Library(ctypes.CDLL):
    """kernels.cpp for Python."""

    def found(self) -> str:
        """What was found since this was asked last: a race, or a read of what nobody wrote."""
        return self.in_the_source(self.finding_so_far().decode())

    def wait(self, which: int) -> str:
        """Where a wait is, in the order in which they are reached (see leave_out)."""
        return self.in_the_source(self.place_of_wait(which).decode())

    def in_the_source(self, text: str) -> str:
        at = re.search(r"kernels\.so\+(0x\w+)", text)
        if at is None:
            return text
        after_the_call = int(at[1], 16)
        command = ["addr2line", "-Cfipse", self._name, hex(after_the_call - 1)]
        lines = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        return text.replace(at[0], re.sub(r"\w+::|\(anonymous namespace\)::", "", lines) or at[0])


def build(folder: Path) -> None:
    """kernels.so in that folder, unless it is there and what it was made of is as it was."""
    flags = [flags_for(source) for source in SOURCES]
    parts = [*(ROOT / "csrc").rglob("*"), *(ROOT / "tests" / "cuda").iterdir()]
    code = [part.read_bytes() for part in sorted(parts) if part.suffix in (".h", ".cpp", ".cu")]
    digest = hashlib.sha256(repr((SOURCES, flags, LINKED, code)).encode()).hexdigest()
    made_of = folder / "made_of"
    if made_of.is_file() and made_of.read_text() == digest:
        return
    made_of.unlink(missing_ok=True)
    objects = [str(folder / f"{Path(source).name}.o") for source in SOURCES]
    include = [f"-I{ROOT / 'tests' / 'cuda'}", f"-isystem{TOOLKIT / 'include'}"]
    plain = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    compilers = [
        subprocess.Popen(
            ["g++", *some, *include, "-x", "c++", "-c", source, "-o", target], cwd=ROOT, env=plain
        )
        for source, some, target in zip(SOURCES, flags, objects, strict=True)
    ]
    assert [compiler.wait() for compiler in compilers] == [0] * len(SOURCES)
    link = ["g++", "-shared", *LINKED, *SANITIZED, "-o", str(folder / "kernels.so"), *objects]
    subprocess.run(link, check=True, env=plain)
    made_of.write_text(digest)
