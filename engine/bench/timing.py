"""Timing that survives a shared machine: candidates take turns, medians are compared.

A machine shared with other work drifts by tens of percent within seconds. So all candidates of a row are
timed in turn, many rounds over, in one process: what disturbs one disturbs all. Of each candidate the
median round counts, and only ratios within a row are meant to be compared.
"""

from __future__ import annotations

import contextlib
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping

import torch

from engine import ops

__all__ = ["median_seconds", "wait_for", "where"]

Work = Callable[[], object]


def wait_for(device: str) -> Work:
    """What lets all work that was started on a device come to its end."""
    return torch.cuda.synchronize if device == "cuda" else lambda: None


def where(device: str, threads: int) -> str:
    """What figures are taken on, in words."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    return f"threads: {threads}; instruction set: {ops.CPU_INSTRUCTION_SET}"


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Python's garbage collector rests: whose turn its pauses of milliseconds fall into would be chance."""
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _repeats(work: Work, seconds: float, wait: Work) -> int:
    """How many calls last about that long, by the quickest of a few: a pause is no slow call."""
    calls: list[float] = []
    while len(calls) < 3 or sum(calls) < seconds:
        start = time.perf_counter()
        work()
        wait()
        calls.append(time.perf_counter() - start)
    return max(1, round(seconds / min(calls)))


def median_seconds(
    candidates: Mapping[str, Work],
    rounds: int = 15,
    round_seconds: float = 0.004,
    limit_seconds: float = 20.0,
    wait: Work = lambda: None,
) -> dict[str, float]:
    """The median seconds of one call of each candidate.

    Args:
        candidates: what to time, by name; each is called with no arguments.
        rounds: how often each gets its turn; the order turns with every round.
        round_seconds: the least length of one turn, in seconds; short work is repeated to fill it.
        wait: what ends a turn, for work that only starts something: `torch.cuda.synchronize`.
        limit_seconds: no new round begins after so long, though never fewer than three are made.
    """
    names = list(candidates)
    times: dict[str, list[float]] = {name: [] for name in names}
    with _without_collector():
        repeats = {name: _repeats(work, round_seconds, wait) for name, work in candidates.items()}
        begin = time.perf_counter()
        for turn in range(rounds):
            if turn >= 3 and time.perf_counter() - begin > limit_seconds:
                break
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                work, count = candidates[name], repeats[name]
                start = time.perf_counter()
                for _ in range(count):
                    work()
                wait()
                times[name].append((time.perf_counter() - start) / count)
    return {name: statistics.median(values) for name, values in times.items()}
