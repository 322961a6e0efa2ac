"""What setup.py decides and builds, on boxes with and without torch's CUDA and a toolkit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine import ops

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import setup_cuda  # noqa: E402

NNPLAY = Path(sys.executable).with_name("nnplay")
TOOLKIT = setup_cuda.find_toolkit(os.environ)


def toolkit(folder: Path, version: int = 13000) -> Path:
    """What the decision looks at of a toolkit."""
    for name, text in {
        "bin/nvcc": "",
        "include/cuda_runtime.h": "",
        "include/cuda_runtime_api.h": f"#define CUDART_VERSION  {version}\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def decide(torch_cuda: str | None, **environment: str) -> setup_cuda.Decision:
    return setup_cuda.decide(environment, torch_cuda)


def test_a_torch_with_cuda_and_its_toolkit_build_cuda(tmp_path: Path) -> None:
    home = toolkit(tmp_path)
    for wish in ({}, {"NNPLAY_CUDA": "auto"}, {"NNPLAY_CUDA": "1"}):
        assert decide("13.0", CUDA_HOME=str(home), **wish) == setup_cuda.Decision(home, "CUDA 13.0")
    assert decide("13.2", CUDA_HOME=str(home)).toolkit == home  # another minor version will do


def test_0_leaves_cuda_out_whatever_there_is(tmp_path: Path) -> None:
    found = decide("13.0", CUDA_HOME=str(toolkit(tmp_path)), NNPLAY_CUDA="0")
    assert found == setup_cuda.Decision(None, "left out, as NNPLAY_CUDA=0 asks")


@pytest.mark.parametrize("missing", ["bin/nvcc", "include/cuda_runtime.h"])
def test_half_a_toolkit_is_none(missing: str, tmp_path: Path) -> None:
    home = toolkit(tmp_path)
    (home / missing).unlink()
    found = decide("13.0", CUDA_HOME=str(home))
    assert found.toolkit is None
    assert str(home / missing) in found.why


def test_the_toolkit_is_the_one_whose_nvcc_is_in_the_path(tmp_path: Path) -> None:
    home = toolkit(tmp_path)
    (home / "bin" / "nvcc").chmod(0o755)
    assert decide("13.0", PATH=str(home / "bin")).toolkit == home
    assert setup_cuda.find_toolkit({"PATH": ""}) == setup_cuda.USUAL_PLACE


SETUP = """\
import pathlib, runpy, sys, torch, setup_cuda
sys.argv[0] = "setup.py"
torch.version.cuda, setup_cuda.USUAL_PLACE = {torch_cuda!r}, pathlib.Path({nowhere!r})
runpy.run_path("setup.py", run_name="__main__")
"""


def setup(folder: Path, torch_cuda: str | None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build in that folder, with a torch that claims this CUDA, where no toolkit is in the usual place."""
    code = SETUP.format(torch_cuda=torch_cuda, nowhere=str(folder / "nowhere"))
    places = ["--build-temp", str(folder / "objects"), "--build-lib", str(folder)]
    without_nvcc = [path for path in os.get_exec_path() if not Path(path, "nvcc").exists()]
    return subprocess.run(
        [sys.executable, "-c", code, "build_ext", *places],
        cwd=ROOT,
        env=os.environ
        | {"NNPLAY_CUDA": "auto", "CUDA_HOME": "", "PATH": os.pathsep.join(without_nvcc)}
        | environment,
        capture_output=True,
        text=True,
    )


def compiled(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The sources that were compiled."""
    return sorted(re.findall(r"(csrc/\S+) -MMD", done.stdout))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine beside a build of the tests' own, without CUDA, of the objects that `make install` left."""
    folder = tmp_path_factory.mktemp("build")
    if (kept := ROOT / "build" / "objects").is_dir():
        shutil.copytree(kept, folder / "objects")
    (folder / "engine").mkdir()
    for path in (ROOT / "engine").iterdir():
        if path.suffix != ".so":
            (folder / "engine" / path.name).symlink_to(path)
    done = setup(folder, None, NNPLAY_CUDA="0")
    assert done.returncode == 0, done.stderr
    return folder


def doctor(folder: Path, *words: str) -> str:
    """What `nnplay doctor` prints of the build in that folder."""
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    done = subprocess.run([NNPLAY, "doctor", *words], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# The CUDA of torch, CUDA_HOME, and why there is no CUDA then.
BOXES = {
    "a torch for the CPU": (None, str(TOOLKIT), "torch is built without CUDA: install a torch that has it"),
    "no toolkit": (
        "13.0",
        "",
        "{folder}/nowhere/bin/nvcc is missing: install a CUDA 13 toolkit, or name its folder, CUDA_HOME=PATH",
    ),
    "a bogus CUDA_HOME": (
        "12.8",
        "{folder}/bogus",
        "{folder}/bogus/bin/nvcc is missing: install a CUDA 12 toolkit, or name its folder, CUDA_HOME=PATH",
    ),
    "a toolkit of another major version": (
        "13.0",
        "{folder}/cuda-12",
        "the toolkit in {folder}/cuda-12 is CUDA 12.8, but torch is built with CUDA 13.0: "
        "expected the same major version, so name another toolkit, CUDA_HOME=PATH",
    ),
}


@pytest.mark.timeout(600)  # everything is compiled, once, where `make install` left no objects
@pytest.mark.skipif(not NNPLAY.is_file(), reason="nnplay is not installed here, so there is no doctor to ask")
@pytest.mark.parametrize(("torch_cuda", "home", "why"), BOXES.values(), ids=BOXES)
def test_a_box_without_cuda(torch_cuda: str | None, home: str, why: str, folder: Path) -> None:
    """1 stops with what is missing; auto builds, anew what knows of it alone, and the doctor tells it."""
    toolkit(folder / "cuda-12", 12080)
    home, why = home.format(folder=folder), why.format(folder=folder)

    done = setup(folder, torch_cuda, CUDA_HOME=home, NNPLAY_CUDA="1")
    assert done.returncode == 1
    assert done.stderr == f"nnplay: NNPLAY_CUDA=1, but CUDA cannot be built: {why}\n"

    done = setup(folder, torch_cuda, CUDA_HOME=home)
    assert done.returncode == 0, done.stderr
    assert f"nnplay: CUDA kernels: no, {why}\n" in done.stdout
    assert compiled(done) == ["csrc/build.cpp"]

    told = rf"^  cuda +no: {re.escape(why)} \(`make install` looks again\)$"
    assert re.search(told, doctor(folder), re.M)


@pytest.mark.skipif(not NNPLAY.is_file(), reason="nnplay is not installed here, so there is no doctor to ask")
def test_a_program_is_told_the_same_as_a_person(folder: Path) -> None:
    told = json.loads(doctor(folder, "--json"))["kernels"]["cuda"]
    assert told.startswith("no: ")
    assert re.search(rf"^  cuda +{re.escape(told)}$", doctor(folder), re.M)


NVCC = """\
#!/bin/sh
for target; do :; done
exec c++ -x c++ -c /dev/null -o "$target"
"""


@pytest.mark.timeout(600)
@pytest.mark.skipif(
    not (TOOLKIT / "include" / "cuda_runtime.h").is_file(), reason="there is no CUDA toolkit: install one"
)
@pytest.mark.skipif(torch.version.cuda is not None, reason="torch has CUDA here: `make gpu` builds all of it")
def test_a_build_with_cuda_lacks_nothing_but_the_library_of_a_torch_that_has_it(folder: Path) -> None:
    """The kernels are left out, by an nvcc that makes empty objects: `make cuda-compile` compiles them."""
    home = folder / "cuda"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "nvcc").write_text(NVCC)
    (home / "bin" / "nvcc").chmod(0o755)
    for name in ("include", "lib64"):
        (home / name).symlink_to(TOOLKIT / name)
    missing = folder / "missing" / "c10" / "cuda" / "impl" / "cuda_cmake_macros.h"  # of a torch for the CPU
    missing.parent.mkdir(parents=True)
    missing.touch()
    version = setup_cuda.decide({"CUDA_HOME": str(TOOLKIT)}, "13.0")
    done = setup(folder, "13.0", CUDA_HOME=str(home), NNPLAY_CUDA="1", CPATH=str(folder / "missing"))
    assert f"nnplay: CUDA kernels: yes, {version.why}\n" in done.stdout
    assert compiled(done) == sorted(["csrc/build.cpp", *setup_cuda.sources("cpp"), *setup_cuda.sources("cu")])
    assert "warning" not in done.stderr
    assert done.returncode == 1
    assert re.findall(r"cannot find -l(\w+)", done.stderr) == ["c10_cuda"]


@pytest.mark.timeout(600)
def test_what_is_out_of_date_or_half_done_is_compiled_again(folder: Path) -> None:
    objects = folder / "objects" / "csrc"
    os.utime(objects / "optimizer.cpp.o", (0, 0))
    (objects / "mlp_checks.cpp.command").unlink()
    done = setup(folder, None, NNPLAY_CUDA="0")
    assert {"csrc/optimizer.cpp", "csrc/mlp_checks.cpp"} == set(compiled(done)) - {"csrc/build.cpp"}


def test_a_wrong_wish_is_told(tmp_path: Path) -> None:
    done = setup(tmp_path, None, NNPLAY_CUDA="maybe")
    assert (done.returncode, done.stderr) == (1, "nnplay: NNPLAY_CUDA: expected 0, 1 or auto, got 'maybe'\n")


def test_this_build_says_why_it_has_no_cuda_or_what_it_has() -> None:
    assert ops.CUDA
    if torch.version.cuda is None:
        assert not ops.HAS_CUDA
    if ops.HAS_CUDA:
        assert ops.CUDA.startswith("CUDA ")
