"""Build, prove and measure the CUDA side on a machine that has a GPU: `make gpu`, or STAGES="check ops-tf32".

It takes a Python with a torch that has CUDA, a toolkit of the same major version, and what is listed below;
it installs nothing. What each stage printed is kept in build/gpu; docs/gpu-results.md is made of the stages
of this device and commit, and of nothing else. Exit status 1 if a stage failed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import setup_cuda  # noqa: E402

KEPT = ROOT / "build" / "gpu"
RESULTS = ROOT / "docs" / "gpu-results.md"
NEEDED = ("torch", "numpy", "setuptools", "pytest", "hypothesis", "safetensors", "sklearn", "mpmath")
USEFUL = {
    "expecttest": "the tests of torch's opcheck are left out",
    "jax": "the benchmarks have no JAX beside them",
    "pytest_timeout": "no test is stopped that hangs",
    "xdist": "the tests run one after another",
}
TESTS = ("tests/kernels", "tests/cuda", "tests/backends/test_contract.py", "tests/backends/test_devices.py")
SANITIZED = ("tests/cuda/test_gpu.py",)

# Without it the tests would find no device but the processor, and pass.
BUILT_FOR_CUDA = [sys.executable, "-c", "from engine import ops; assert ops.HAS_CUDA, ops.CUDA"]

PYTEST_INI = """\
[pytest]
pythonpath = {root} {root}/tests {root}/tests/cuda
timeout = 600
markers = timeout: how long a test may take
"""


@dataclass(frozen=True)
class Done:
    """What became of a stage, on which device and commit."""

    stage: str
    device: str
    commit: str
    date: str
    seconds: float
    status: int
    output: str


def pytest_command(*words: str) -> list[str]:
    """pytest with settings of its own: those of pyproject.toml ask for plugins that a GPU box may lack."""
    ini = KEPT / "pytest.ini"
    ini.write_text(PYTEST_INI.format(root=ROOT))
    command = [sys.executable, "-m", "pytest", "-c", str(ini), "--rootdir", str(ROOT), "-q", "-rs"]
    return [*command, "-p", "no:cacheprovider", *words]


def tests() -> list[list[str]]:
    chosen = [] if has("expecttest") else ["-k", "not registered_as_torch_demands"]
    chosen += ["-n", "4", "--dist", "worksteal"] if has("xdist") else []
    return [BUILT_FOR_CUDA, pytest_command(*chosen, *(str(ROOT / path) for path in TESTS))]


def sanitizer(name: str) -> list[list[str]]:
    beside = setup_cuda.find_toolkit(os.environ) / "bin"
    tool = shutil.which("compute-sanitizer", path=f"{os.environ.get('PATH', '')}{os.pathsep}{beside}")
    if tool is None:
        return []
    paths = [str(ROOT / path) for path in SANITIZED]
    # Without torch's cache of memory, by which every stray access shows, no graph can be captured.
    chosen = pytest_command("-k", "not memory and not captured", *paths)
    return [[tool, "--tool", name, "--error-exitcode", "9", *chosen]]


def engine(*words: str) -> Callable[[], list[list[str]]]:
    return lambda: [[sys.executable, "-m", "engine", *words, "--device", "cuda"]]


SANITIZERS = ("memcheck", "racecheck", "initcheck")
# Each tool and each dtype is a stage of its own: none is to take longer than a GPU may be had at a time.
STAGES: dict[str, Callable[[], list[list[str]]]] = {
    "build": lambda: [
        [sys.executable, "setup.py", "build_ext", "--inplace"],
        [sys.executable, "setup.py", "--quiet", "egg_info"],  # a run tells nnplay's version
    ],
    "tests": tests,
    "check": engine("check"),
    **{name: partial(sanitizer, name) for name in SANITIZERS},
    **{f"ops-{dtype}": engine("bench.ops", "--dtypes", dtype) for dtype in ("float32", "tf32", "bfloat16")},
    "train": engine("bench.train"),
    "population": engine("bench.population"),
}


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def stop(message: str) -> None:
    print(f"make gpu: {message}", file=sys.stderr)
    sys.exit(2)


def device() -> str:
    """The GPU's name; ends the program where there is none to be used."""
    if missing := [name for name in NEEDED if not has(name)]:
        stop(f"expected Python packages that {sys.executable} does not have: {', '.join(missing)}")
    setuptools = metadata.version("setuptools")
    if int(setuptools.partition(".")[0]) < 77:
        stop(f"expected setuptools 77 or newer, which can read pyproject.toml, got {setuptools}")
    import torch

    if torch.version.cuda is None:
        stop(f"expected a torch with CUDA, but torch {torch.__version__} is built without: nothing is done")
    if not torch.cuda.is_available():
        stop(f"expected a GPU, but torch {torch.__version__} finds none: see nvidia-smi; nothing is done")
    for name, effect in USEFUL.items():
        if not has(name):
            print(f"make gpu: {name} is not installed: {effect}")
    return f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}"


def commit() -> str:
    """The commit that is checked out, and whether there is more than it; the results do not count.

    In a copy without git, a digest of the files: stages of other files are others, whatever their commit.
    """

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    head = git("rev-parse", "--short=12", "HEAD") if shutil.which("git") else ""
    if head:
        changed = git("status", "--porcelain", "--", ".", f":!{RESULTS.relative_to(ROOT)}")
        return head + (" with changes" if changed else "")
    digest = hashlib.sha256()
    files = [path for folder in ("csrc", "engine", "tests") for path in (ROOT / folder).rglob("*")]
    for path in sorted(path for path in files if path.suffix in (".cpp", ".cu", ".h", ".py")):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return f"not known, files {digest.hexdigest()[:12]}"


def run(stage: str, device: str, commit: str) -> Done:
    """Run the stage's commands, showing what they print, and keep it."""
    print(f"== {stage}", flush=True)
    environment = os.environ | {"NNPLAY_CUDA": "1", "PYTHONUNBUFFERED": "1"}
    if stage in SANITIZERS:
        environment["PYTORCH_NO_CUDA_MEMORY_CACHING"] = "1"
    began, output, status = time.monotonic(), "", 0
    commands = STAGES[stage]()
    for command in commands:
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                output += line
        status = process.returncode or status
    if not commands:
        output, status = "compute-sanitizer is not installed: nothing was looked at\n", 1
        print(output, end="")
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    done = Done(stage, device, commit, date, time.monotonic() - began, status, output)
    (KEPT / f"{stage}.json").write_text(json.dumps(asdict(done)))
    return done


def kept(device: str, commit: str) -> list[Done]:
    """The stages of this device and commit, in their order."""
    paths = [KEPT / f"{stage}.json" for stage in STAGES]
    found = [Done(**json.loads(path.read_text())) for path in paths if path.is_file()]
    return [done for done in found if (done.device, done.commit) == (device, commit)]


SHOWN = {"build": 3, "tests": 40} | dict.fromkeys(SANITIZERS, 40)
"""How many lines of a stage's output are worth keeping, from its end; of the others all."""


def results(stages: list[Done]) -> str:
    """docs/gpu-results.md."""
    first = stages[0]
    lines = ["# What a GPU says", "", f"{first.device}; commit {first.commit}.", ""]
    lines += ["Written by `make gpu`; every figure is from that run.", ""]
    for done in stages:
        verdict = "done" if done.status == 0 else f"FAILED, exit status {done.status}"
        output = done.output.rstrip().splitlines()[-SHOWN.get(done.stage, 10_000) :]
        lines += [f"## {done.stage}", "", f"{done.date}, {done.seconds:.0f} s: {verdict}.", ""]
        lines += ["```", *output, "```", ""]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make gpu", description=__doc__)
    parser.add_argument("stages", nargs="*", help=f"which: {', '.join(STAGES)}; all by default")
    wanted = parser.parse_args().stages or list(STAGES)
    if unknown := [stage for stage in wanted if stage not in STAGES]:
        stop(f"unknown stage {unknown[0]!r}: there are {', '.join(STAGES)}")
    name, version = device(), commit()
    print(f"make gpu: {name}")
    KEPT.mkdir(parents=True, exist_ok=True)
    failed = []
    for stage in wanted:
        done = run(stage, name, version)
        RESULTS.write_text(results(kept(name, version)))
        if done.status:
            failed.append(stage)
        if done.status and stage == "build":
            break
    print(
        f"make gpu: {RESULTS.relative_to(ROOT)} is written; "
        + (f"FAILED: {', '.join(failed)}" if failed else "all done")
    )
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
