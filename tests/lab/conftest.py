"""One warm zygote for all of these tests; each has a lab of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.lab import Lab
from engine.launcher import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.fixture
def lab(zygote: Zygote) -> Iterator[Lab]:
    lab = Lab(lambda: zygote)
    yield lab
    lab.close()
