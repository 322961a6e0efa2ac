"""A process that must not outlive the one that made it, whatever it is doing when that one dies."""

from __future__ import annotations

import ctypes
import signal

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(wish: bool = True) -> None:
    """Have the kernel kill this process when its parent dies, or no longer; no child inherits it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL if wish else 0)
