"""Compile every kernel and hold what it takes of the device against limits: `make cuda-compile`.

Needs nvcc and nothing else: no GPU, no torch. Prints a line for each kernel and architecture: registers,
bytes spilled, shared memory. Exit status 1 if a warning, an error or a limit stands in the way.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import setup_cuda  # noqa: E402

MOST_REGISTERS = 168  # of a thread
MOST_SPILLED = 0  # bytes of a thread


@dataclass(frozen=True)
class Kernel:
    """What ptxas tells of one kernel for one architecture."""

    name: str
    architecture: str
    registers: int
    spilled: int
    shared: int

    @property
    def fits(self) -> bool:
        return self.registers <= MOST_REGISTERS and self.spilled <= MOST_SPILLED


def read_report(text: str) -> Iterator[Kernel]:
    """The kernels that the output of `ptxas -v` tells of."""
    parts = re.split(r"Compiling entry function '(\w+)' for '(\w+)'", text)
    for name, architecture, about in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        yield Kernel(
            name,
            architecture,
            int(_number(r"Used (\d+) registers", about)),
            int(_number(r"(\d+) bytes spill stores", about)),
            int(_number(r"(\d+) bytes smem", about)),
        )


def _number(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found.group(1) if found else "0"


def _readable(names: list[str]) -> list[str]:
    """The names as they are written in the source, if there is a c++filt."""
    try:
        done = subprocess.run(
            ["c++filt", "-p"], input="\n".join(names), capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return names
    return [re.sub(r"\w+::|\(anonymous namespace\)::", "", line) for line in done.stdout.splitlines()]


def main() -> int:
    toolkit = setup_cuda.find_toolkit(os.environ)
    if not (toolkit / "bin" / "nvcc").is_file():
        nvcc = toolkit / "bin" / "nvcc"
        print(f"cuda-compile: {nvcc} is missing: install a CUDA toolkit, or name its folder, CUDA_HOME=PATH")
        return 1
    kernels: list[Kernel] = []
    with tempfile.TemporaryDirectory() as folder:
        for source in setup_cuda.sources("cu"):
            command = [*setup_cuda.nvcc(toolkit, source, strict=True), "-o", str(Path(folder, "kernels.o"))]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            if done.returncode:
                print(done.stdout + done.stderr)
                return 1
            kernels += read_report(done.stdout + done.stderr)
    names = _readable([kernel.name for kernel in kernels])
    print(f"{'kernel':52}{'for':8}{'registers':>10}{'spilled':>9}{'shared':>8}")
    for name, kernel in zip(names, kernels, strict=True):
        verdict = "" if kernel.fits else "   TOO MUCH"
        print(
            f"{name:52}{kernel.architecture:8}{kernel.registers:10}{kernel.spilled:9}{kernel.shared:8}{verdict}"
        )
    most = f"{MOST_REGISTERS} registers and {MOST_SPILLED} bytes spilled"
    print(
        f"{sum(kernel.fits for kernel in kernels)} of {len(kernels)} kernels within {most}; nothing was run"
    )
    return int(not kernels or not all(kernel.fits for kernel in kernels))


if __name__ == "__main__":
    sys.exit(main())
