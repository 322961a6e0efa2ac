"""How light is the app on terminal and machine? `nnplay bench ui [--json]`

The app runs on a pseudo-terminal of 120 × 40, as at the far end of an SSH line, in a home of its own; what
is measured is what comes out there, and what the kernel says of the process. Each figure stands beside its
limit.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from textual.app import App, ComposeResult

from engine.errors import NnplayError
from engine.events import EpochEnded
from tui import conductor, feed
from tui.history import COLUMNS, History
from tui.series import Series
from tui.theme import DARK
from tui.widgets.plot import Plot

SIZE = (120, 40)
POINTS = 1_000_000
RUNS = 1_000
STEPS = 50  # of an epoch
LATER = 900_000  # epochs before those of a run with a long history
SECONDS = 8.0  # of each look at a rate
ECHOED = "bdfghjkmnquvwxyzBDFGHJKMNQUVWXYZ"  # letters that the moving parts of the screen do not send
ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|.)", re.S
)
NNPLAY = [sys.executable, "-c", "import sys; from tui import cli; sys.exit(cli.main())"]
LONG = ["play", "iris-mlp", "epochs=1000000", "backend=eager"]  # trains for hours, at full load


@dataclass(frozen=True)
class Figure:
    """What was measured, and the most that it may be."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def passed(self) -> bool:
        return self.value <= self.limit


class Terminal:
    """A program on a pseudo-terminal: what it draws is read, keys are typed."""

    def __init__(self, command: Sequence[str], home: Path):
        self._started = time.perf_counter()
        self.pid, self._fd = pty.fork()
        size = struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0)
        if self.pid == 0:
            os.environ.update(_environment(home))
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            os.execv(command[0], list(command))
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    def read(self, seconds: float, until: str | None = None) -> bytes:
        """All that is drawn within this time, or until a text is on the wire."""
        drawn, end = b"", time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                try:
                    drawn += os.read(self._fd, 1 << 16)
                except OSError:
                    raise NnplayError(f"the app ended; its last words: {_plain(drawn)[-500:]}") from None
                if until is not None and until in _plain(drawn):
                    return drawn
        if until is not None:
            raise NnplayError(f"the app did not show {until!r} within {seconds:g} s: {_plain(drawn)[-500:]}")
        return drawn

    def type(self, keys: str) -> None:
        """Type one key after another, with time to answer each."""
        for key in re.findall(r"\x1b\[.|.", keys, re.S):
            os.write(self._fd, key.encode())
            self.read(0.15)

    def seconds_until(self, word: str) -> float:
        """From the start of the program until the word is on the wire."""
        self.read(30, until=word)
        return time.perf_counter() - self._started

    def milliseconds_to_echo(self, character: str) -> float:
        """From a key to its character on the wire."""
        self.read(0.11)
        start = time.perf_counter()
        os.write(self._fd, character.encode())
        self.read(5, until=character)
        return (time.perf_counter() - start) * 1e3

    def bytes_per_second(self, seconds: float) -> float:
        start = time.perf_counter()
        return len(self.read(seconds)) / (time.perf_counter() - start)

    def settle(self, seconds: float) -> None:
        """Read until nothing has come for a second: after a pause, panels still come to the present step."""
        end = time.perf_counter() + seconds
        while self.read(1) and time.perf_counter() < end:
            pass

    def cpu_seconds(self) -> float:
        """What the process used so far, without its children."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Memory that the process holds."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) * 1024 / 1e6

    def close(self) -> None:
        """Quit as a person does; what does not go is ended."""
        try:
            os.write(self._fd, b"\x1b\x1b")
            self.read(0.3)
            os.write(self._fd, b"q")
            self.read(3)
        except (OSError, NnplayError):
            pass
        if os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)
        os.close(self._fd)


def _environment(home: Path) -> dict[str, str]:
    xdg = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "CACHE", "CONFIG")}
    return {"TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_RUNTIME_DIR": str(home / "run"), **xdg}


def _plain(drawn: bytes) -> str:
    return ESCAPES.sub(b"", drawn).decode(errors="replace")


@contextmanager
def opened(command: Sequence[str], home: Path) -> Iterator[Terminal]:
    terminal = Terminal(command, home)
    try:
        yield terminal
    finally:
        terminal.close()


@contextmanager
def empty_home() -> Iterator[Path]:
    """A folder with no runs and no settings; short, for a socket's path has 108 bytes."""
    home = Path(tempfile.mkdtemp(prefix="nnui"))
    (home / "run").mkdir(mode=0o700)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def first_paint(home: Path, times: int = 5) -> float:
    """Seconds from the start to the main screen, in the median."""
    seconds = []
    for _ in range(times):
        with opened([*NNPLAY, "play", "iris-mlp"], home) as terminal:
            seconds.append(terminal.seconds_until("quit"))
    return statistics.median(seconds)


def store_runs(home: Path, count: int) -> None:
    """Train once, and copy what was stored."""
    command = [*NNPLAY, "run", "iris-mlp", "epochs=20", "--quiet"]
    done = subprocess.run(command, env=os.environ | _environment(home), capture_output=True, text=True)
    if done.returncode:
        raise NnplayError(f"the run to store did not come to its end: {done.stderr.strip()[:500]}")
    (run,) = (home / "state" / "nnplay" / "runs").iterdir()
    for number in range(1, count):
        shutil.copytree(run, run.with_name(f"{run.name}-{number}"))


def live(home: Path) -> list[Figure]:
    """Bytes, memory and processor while a run trains, then bytes while it is paused."""
    with opened([*NNPLAY, *LONG], home) as terminal:
        terminal.read(30, until="quit")
        terminal.type(" ")
        terminal.read(60, until="running")
        terminal.read(4)
        cpu, start = terminal.cpu_seconds(), time.perf_counter()
        rate = terminal.bytes_per_second(SECONDS)
        cpu = (terminal.cpu_seconds() - cpu) / (time.perf_counter() - start)
        memory = terminal.megabytes()
        terminal.type(" ")
        terminal.settle(30)
        paused = terminal.bytes_per_second(SECONDS / 2)
        return [
            Figure("bytes to the terminal, two live plots", rate / 1024, 5, "KiB/s"),
            Figure("bytes to the terminal, paused", paused / 1024, 0.2, "KiB/s"),
            Figure("memory of the screen's process", memory, 150, "MB"),
            Figure("CPU of the screen's process while a run trains", cpu * 100, 10, "% of a core"),
        ]


def crowded() -> None:
    """The app, whose runs begin with a long history. Started by `latency` in a process of its own."""
    from tui import cli

    class LongHistory(History):
        """A million points over the first 900,000 epochs; those of the run come after them."""

        def __init__(self) -> None:
            super().__init__()
            self._rows = POINTS
            self._table = np.empty((len(COLUMNS), POINTS + 4096))
            self._table[:, :POINTS] = 0.5 + 0.1 * np.random.default_rng(1).random((len(COLUMNS), POINTS))
            self._table[COLUMNS.index("step"), :POINTS] = np.linspace(1, STEPS * LATER, POINTS)
            self._table[COLUMNS.index("epoch"), :POINTS] = np.linspace(1 / STEPS, LATER, POINTS)

        def append(self, event: EpochEnded) -> None:
            super().append(replace(event, step=event.step + STEPS * LATER, epoch=event.epoch + LATER))

    class LongFeed(feed.Feed):
        def _tell(self, snapshot: feed.Snapshot) -> None:
            step, epoch = snapshot.step + STEPS * LATER, snapshot.epoch + LATER
            super()._tell(replace(snapshot, step=step, epoch=epoch))

    vars(conductor)["Feed"] = LongFeed
    vars(feed)["History"] = LongHistory
    sys.exit(cli.main(LONG))


def latency(home: Path) -> list[Figure]:
    """From key to echo in the window of a value, over curves of a million points that grow."""
    command = [sys.executable, "-c", "from tui.bench import crowded; crowded()"]
    with opened(command, home) as terminal:
        terminal.read(30, until="quit")
        terminal.type(" ")
        terminal.read(60, until="running")
        terminal.read(3)
        terminal.type("v")
        terminal.type("\r")  # the learning rate, which is marked to begin with
        times = sorted(terminal.milliseconds_to_echo(character) for character in ECHOED)
        p95 = times[int(len(times) * 0.95)]
        memory = terminal.megabytes()
        return [
            Figure(f"key to echo, 95th percentile, {POINTS:,} points", p95, 30, "ms"),
            Figure(f"memory of the screen's process, {POINTS:,} points", memory, 150, "MB"),
        ]


class _Stage(App[None]):
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DARK.variables

    def compose(self) -> ComposeResult:
        yield Plot("loss", x_label="epoch")


async def frame() -> float:
    """Milliseconds to take in one more point after a million, and to draw the plot again in full."""
    x = np.arange(float(POINTS + 100))
    y = 1 + np.exp(-x / 1e5) + 0.1 * np.random.default_rng(1).normal(size=len(x))
    times = []
    app = _Stage()
    async with app.run_test(size=SIZE):
        plot = app.query_one(Plot)
        for points in range(POINTS, len(x)):
            start = time.perf_counter()
            plot.update([Series("train", x[:points], y[:points])], (0.0, len(x)))
            for row in range(plot.size.height):
                plot.render_line(row)
            times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def measure() -> Iterator[Figure]:
    """Every figure, one after another."""
    yield Figure(f"one plot frame of {POINTS:,} points", asyncio.run(frame()), 10, "ms")
    with empty_home() as home:
        yield Figure("first paint", first_paint(home), 0.4, "s")
        yield from live(home)
        yield from latency(home)
    with empty_home() as home:
        store_runs(home, RUNS)
        yield Figure(f"first paint with {RUNS:,} stored runs", first_paint(home), 0.6, "s")


def main(arguments: Sequence[str]) -> int:
    """Print the figures; exit status 1 if one is over its limit."""
    parser = argparse.ArgumentParser(
        prog="nnplay bench ui", description="Measure the app from outside, on a pseudo-terminal of 120 × 40."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args(arguments)
    figures = []
    for figure in measure():
        figures.append(figure)
        if not options.json:
            verdict = "ok" if figure.passed else "OVER"
            limit = f"of at most {figure.limit:g} {figure.unit}"
            print(f"{figure.name:56}{figure.value:9.2f}  {limit:26} {verdict}", flush=True)
    passed = all(figure.passed for figure in figures)
    if options.json:
        rows = [{**asdict(figure), "passed": figure.passed} for figure in figures]
        print(json.dumps({"figures": rows, "passed": passed}))
    return 0 if passed else 1
