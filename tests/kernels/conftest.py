"""Every test of the kernels runs on every device that is there: torch makes its tensors on it by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from engine import ops

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() and ops.HAS_CUDA else [])]


@pytest.fixture(autouse=True, scope="module", params=DEVICES)
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    """The device's name. Random numbers are of its own generator."""
    if request.param == "cpu":
        yield "cpu"
        return
    torch.set_default_device(request.param)
    yield request.param
    torch.set_default_device(None)
