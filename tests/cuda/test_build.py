"""What setup.py decides to build, on boxes with and without torch's CUDA and a toolkit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine import ops

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import setup_cuda  # noqa: E402


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


CASES = {
    "a torch for the CPU": (None, 13000, ["torch is built without CUDA"]),
    "no toolkit": ("13.0", None, ["bin/nvcc is missing", "install a CUDA 13 toolkit", "CUDA_HOME=PATH"]),
    "a toolkit of another major version": ("13.0", 12080, ["is CUDA 12.8", "CUDA 13.0", "CUDA_HOME=PATH"]),
}


@pytest.mark.parametrize(("torch_cuda", "version", "words"), CASES.values(), ids=CASES)
def test_what_is_missing_is_named(
    torch_cuda: str | None, version: int | None, words: list[str], tmp_path: Path
) -> None:
    home = toolkit(tmp_path, version) if version else tmp_path / "bogus"
    by_itself = decide(torch_cuda, CUDA_HOME=str(home))
    assert by_itself.toolkit is None
    assert all(word in by_itself.why for word in words)
    with pytest.raises(setup_cuda.CannotBuild) as raised:
        decide(torch_cuda, CUDA_HOME=str(home), NNPLAY_CUDA="1")
    assert all(word in str(raised.value) for word in (*words, "NNPLAY_CUDA=1"))


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


def setup(**environment: str) -> subprocess.CompletedProcess[str]:
    """setup.py as far as the decision, without building anything."""
    return subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def test_setup_says_what_it_decided_or_stops() -> None:
    done = setup(NNPLAY_CUDA="maybe")
    assert done.returncode == 1
    assert "NNPLAY_CUDA: expected 0, 1 or auto, got 'maybe'" in done.stderr
    done = setup(NNPLAY_CUDA="1", CUDA_HOME="/nonexistent")
    assert done.returncode == 1
    wanted = (
        "torch is built without CUDA" if torch.version.cuda is None else "/nonexistent/bin/nvcc is missing"
    )
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr


def test_this_build_says_why_it_has_no_cuda_or_what_it_has() -> None:
    assert ops.CUDA
    if torch.version.cuda is None:
        assert not ops.HAS_CUDA
    if ops.HAS_CUDA:
        assert ops.CUDA.startswith("CUDA ")
