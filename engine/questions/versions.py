"""What the lab's process is made of."""

from __future__ import annotations

import platform

import numpy as np
import torch

from engine.frames import Answer


def answer() -> Answer:
    """The versions of Python, torch and numpy, and the number of threads that torch computes with."""
    return Answer(
        {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "threads": torch.get_num_threads(),
        }
    )
