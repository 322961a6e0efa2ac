"""NVIDIA GPUs as their driver sees them: load and memory, whoever uses them. Needs nnplay[gpu]."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """One GPU at one moment; memory in bytes, load from 0 to 1."""

    name: str
    load: float
    used: int
    memory: int


def read() -> tuple[list[Gpu], str]:
    """The GPUs, and why there are none to be seen: no package, no driver, no GPU; empty if there are."""
    try:
        import pynvml
    except ImportError:
        return [], "nvidia-ml-py is not installed: pip install 'nnplay[gpu]'"
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return [], f"no NVIDIA driver answers: {error}"
    try:
        found = [_gpu(number) for number in range(pynvml.nvmlDeviceGetCount())]
        return found, "" if found else "the NVIDIA driver knows of none"
    except pynvml.NVMLError as error:
        return [], f"the NVIDIA driver does not tell: {error}"
    finally:
        pynvml.nvmlShutdown()


def _gpu(number: int) -> Gpu:
    from pynvml import (
        nvmlDeviceGetHandleByIndex,
        nvmlDeviceGetMemoryInfo,
        nvmlDeviceGetName,
        nvmlDeviceGetUtilizationRates,
    )

    handle = nvmlDeviceGetHandleByIndex(number)
    memory = nvmlDeviceGetMemoryInfo(handle)
    name = nvmlDeviceGetName(handle)
    load = nvmlDeviceGetUtilizationRates(handle).gpu / 100
    return Gpu(name if isinstance(name, str) else name.decode(), load, int(memory.used), int(memory.total))


def short(gpus: list[Gpu]) -> str:
    """Load and memory in a few characters: `GPU 35% 2.1/80 GB`; of several the busiest."""
    if not gpus:
        return ""
    busiest = max(gpus, key=lambda gpu: (gpu.load, gpu.used))
    return f"GPU {busiest.load:.0%} {busiest.used / 1e9:.1f}/{busiest.memory / 1e9:.0f} GB"
