"""The CUDA code as a library for this machine's processor, one for all test processes."""

from __future__ import annotations

import ctypes
import fcntl
from collections.abc import Iterator

import pytest
from host_kernels import ROOT, SANITIZER, TOOLKIT, Library, build


@pytest.fixture(scope="session")
def built() -> Library:
    """kernels.cpp and all that it calls, built for the host. It needs CUDA's headers and no GPU."""
    if not (TOOLKIT / "include" / "cuda_runtime.h").is_file():
        pytest.skip("there is no cuda_runtime.h: install a CUDA toolkit")
    folder = ROOT / "build" / "on_host" / (SANITIZER or "watched")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:  # one of several processes builds for all
        fcntl.flock(lock, fcntl.LOCK_EX)
        build(folder)
    found = Library(str(folder / "kernels.so"))
    for name in ("message", "finding_so_far", "place_of_wait"):
        getattr(found, name).restype = ctypes.c_char_p
    found.train_single.restype = found.train_double.restype = ctypes.c_int64
    return found


@pytest.fixture
def library(built: Library) -> Iterator[Library]:
    """The library, with every wait, and threads that take turns in order. No test may find a race."""
    yield built
    built.set_order(0)
    built.leave_out(-1)
    assert not built.found()
