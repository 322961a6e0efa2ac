"""GPUs as their driver sees them, where there is one."""

from __future__ import annotations

from engine import gpus
from engine.gpus import Gpu


def test_the_busiest_gpu_is_told_in_a_few_characters() -> None:
    idle = Gpu("one", 0.0, 500_000_000, 80_000_000_000)
    busy = Gpu("two", 0.35, 2_100_000_000, 80_000_000_000)
    assert gpus.short([idle, busy]) == "GPU 35% 2.1/80 GB"
    assert gpus.short([]) == ""


def test_either_there_are_gpus_or_a_reason_why_not() -> None:
    found, why = gpus.read()
    assert bool(found) != bool(why)
    assert all(0 <= gpu.load <= 1 and 0 <= gpu.used <= gpu.memory for gpu in found)
