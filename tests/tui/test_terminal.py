"""The app on a real terminal: a pty, a process, and what is left when either goes."""

from __future__ import annotations

import ctypes
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest
from driving import only_run

from engine.events import EpochEnded
from engine.runs import RunReader, is_alive

NNPLAY = str(Path(sys.executable).with_name("nnplay"))
ESCAPES = re.compile(
    rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|.)", re.S
)


# The kitty keyboard and mode queries, of which pyte draws the last letter.
ESCAPES_PYTE_MISTAKES = re.compile(rb"\x1b\[[<>=?][0-9;]*[a-zA-Z$]+|\x1b\[\?[0-9;]+\$p")


class Terminal:
    """nnplay on a pty of 100 × 30, or another program."""

    def __init__(self, *words: str, program: str = NNPLAY, **environment: str):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor"} | environment)
            for size in ("LINES", "COLUMNS"):  # which readline sets behind Python's back where it is loaded
                os.unsetenv(size)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.execvp(program, [program, *words])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.drawn = b""
        self.status: int | None = None

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what is drawn; False once the program has closed the terminal."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self.fd, 1 << 16)
        except OSError:
            return False
        self.drawn += chunk
        return bool(chunk)

    def sees(self, word: str, seconds: float = 40.0) -> None:
        end = time.monotonic() + seconds
        while word not in ESCAPES.sub(b"", self.drawn).decode(errors="replace"):
            assert self.read(), f"ended without showing {word}"
            assert time.monotonic() < end, f"never showed {word}"

    def screen(self) -> pyte.Screen:
        """What a terminal makes of all that was drawn."""
        screen = pyte.Screen(100, 30)
        pyte.ByteStream(screen).feed(ESCAPES_PYTE_MISTAKES.sub(b"", self.drawn))
        return screen

    def shown(self) -> list[str]:
        """The screen's lines."""
        return [line.rstrip() for line in self.screen().display]

    def cells(self) -> list[list[pyte.screens.Char]]:
        """The screen's characters, with their colours."""
        screen = self.screen()
        return [[screen.buffer[row][column] for column in range(100)] for row in range(30)]

    def shows(self, word: str, seconds: float = 40.0) -> None:
        """Wait for a word that may be sent in pieces, for parts of it may have stood there before."""
        end = time.monotonic() + seconds
        while not any(word in line for line in self.shown()):
            assert self.read(), f"ended without showing {word}"
            assert time.monotonic() < end, f"never showed {word}"

    def settled(self) -> list[str]:
        """The screen's lines once nothing more is drawn."""
        before = -1
        while before != len(self.drawn):
            before = len(self.drawn)
            self.read(1.0)
        return self.shown()

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def signal_any_thread_but_the_main_one(self, number: signal.Signals) -> None:
        """What the kernel may do with a signal to a process."""
        thread = max(int(task.name) for task in Path(f"/proc/{self.pid}/task").iterdir())
        assert thread != self.pid
        assert ctypes.CDLL(None).tgkill(self.pid, thread, number) == 0

    def stops(self, seconds: float = 10.0) -> None:
        """Wait until the program is stopped as by a shell."""
        end = time.monotonic() + seconds
        while not (found := os.waitpid(self.pid, os.WUNTRACED | os.WNOHANG))[0]:
            assert time.monotonic() < end, "it does not stop"
            self.read(0.02)
        assert os.WIFSTOPPED(found[1])

    def wait(self, seconds: float = 10.0) -> int:
        """The program's exit status, once it has ended; what it draws until then is read."""
        end = time.monotonic() + seconds
        while self.status is None:
            assert time.monotonic() < end, "it does not end"
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def end(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.end()


def epochs_of(run: Path) -> int:
    return sum(isinstance(event, EpochEnded) for event in RunReader(run).poll())


def test_quitting_leaves_the_terminal_as_it_was(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal())
    terminal.sees("iris-mlp")
    terminal.sees("quit")
    terminal.type("q")
    assert terminal.wait() == 0
    for on, off in (
        (b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?25l", b"\x1b[?25h"),
        (b"\x1b[?1000h", b"\x1b[?1000l"),
    ):
        assert terminal.drawn.rfind(off) > terminal.drawn.rfind(on) >= 0


def test_what_is_sent_piece_by_piece_is_what_a_full_repaint_shows(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal("play", "iris-mlp", "epochs=40"))
    terminal.sees("iris-mlp")
    terminal.type("3 ")
    terminal.sees("precision")
    for window, word in (("?", "Train"), ("l", "x stops"), ("\x10", "Search"), ("o", "path of a")):
        terminal.type(window)
        terminal.shows(word)
        terminal.type("\x1b")
        terminal.settled()
    terminal.type("4")
    pieces = terminal.settled()
    assert any("✓ finished  epoch 40 / 40" in line for line in pieces)
    colours = terminal.cells()
    sent = len(terminal.drawn)
    terminal.type("\x0c")
    assert terminal.settled() == pieces
    assert len(terminal.drawn) - sent > 30 * 100, "all of it is sent again"
    assert terminal.cells() == colours
    terminal.drawn = b""
    terminal.resize(30, 99)
    terminal.sees("finished")
    terminal.settled()
    terminal.drawn = b""
    terminal.resize(30, 100)
    terminal.sees("finished")
    assert terminal.settled() == pieces
    assert terminal.cells() == colours


def test_the_whole_screen_is_shown_again_once_the_app_is_back_in_the_foreground(
    terminals: list[Terminal],
) -> None:
    terminals.append(terminal := Terminal("play", "iris-mlp", "epochs=3"))
    terminal.sees("quit")
    terminal.type(" ")
    terminal.sees("finished")
    lines, colours = terminal.settled(), terminal.cells()
    for _ in range(2):
        terminal.drawn = b""
        terminal.signal_any_thread_but_the_main_one(signal.SIGTSTP)
        terminal.stops()
        terminal.settled()
        assert b"\x1b[?1049l" in terminal.drawn, "the shell has its screen"
        terminal.drawn = b""  # the other screen is blank when the terminal comes back to it
        terminal.signal_any_thread_but_the_main_one(signal.SIGCONT)
        terminal.sees("finished")
        assert terminal.settled() == lines
        assert terminal.cells() == colours
    terminal.type("q")
    assert terminal.wait() == 0


def test_ctrl_z_gives_the_terminal_to_the_shell(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal("play", "iris-mlp"))
    terminal.sees("quit")
    terminal.type("\x1a")
    terminal.stops()
    terminal.drawn = b""
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.sees("quit")
    terminal.type("q")
    assert terminal.wait() == 0


def test_the_screen_behind_a_window_goes_on_moving(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal("play", "iris-mlp", "epochs=100000", "backend=eager"))

    def epoch() -> str:
        return next(line for line in terminal.shown() if "epoch" in line and "/ 100" in line)

    terminal.sees("iris-mlp")
    terminal.type(" ")
    terminal.shows("running")
    terminal.type("\r")
    terminal.shows("takes effect")
    seen = {epoch()}
    end = time.monotonic() + 40
    while len(seen) < 4:
        assert terminal.read(), "it ended"
        assert time.monotonic() < end, f"it stands still at {seen}"
        seen.add(epoch())
    terminal.shows("takes effect")


def test_the_screens_process_never_loads_torch(terminals: list[Terminal], home: Path) -> None:
    terminals.append(terminal := Terminal("play", "iris-mlp", "epochs=3"))
    terminal.sees("iris-mlp")
    terminal.type(" ")
    terminal.sees("finished")
    maps = Path(f"/proc/{terminal.pid}/maps").read_text()
    assert "libtorch" not in maps
    assert "sklearn" not in maps
    terminal.type("q")
    terminal.wait()


def lives(process: str) -> bool:
    """Whether it runs; one that has ended, and that init has not asked after yet, has no command line."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except OSError:
        return False


def test_the_engine_ends_with_the_terminal_even_while_it_warms_up(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal())
    terminal.sees("iris-mlp")
    end = time.monotonic() + 10
    while not (children := Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()):
        assert time.monotonic() < end, "the engine was never started"
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.wait()
    end = time.monotonic() + 2
    while any(map(lives, children)):
        assert time.monotonic() < end, "the engine lives on"


def test_a_run_outlives_a_terminal_that_goes_away(terminals: list[Terminal], home: Path) -> None:
    terminals.append(terminal := Terminal("play", "iris-mlp", "epochs=100000", "backend=eager"))
    terminal.sees("iris-mlp")
    terminal.type(" ")
    terminal.sees("running")
    os.close(terminal.fd)
    end = time.monotonic() + 2.0
    while not os.waitpid(terminal.pid, os.WNOHANG)[0]:
        assert time.monotonic() < end, "the app lives on without a terminal"
    terminal.status = 0
    before = epochs_of(only_run(home))
    end = time.monotonic() + 20
    while epochs_of(only_run(home)) <= before + 2:
        assert time.monotonic() < end, "the run did not go on"
    assert is_alive(only_run(home))


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1"}, {"TERM": "xterm", "COLORTERM": ""}, {"LANG": "C"}]
)
def test_plainer_terminals_show_it_too(terminals: list[Terminal], environment: dict[str, str]) -> None:
    terminals.append(terminal := Terminal("play", "iris-mlp", "epochs=3", **environment))
    terminal.sees("iris-mlp")
    terminal.type(" ")
    terminal.sees("finished")
    terminal.type("q")
    assert terminal.wait() == 0
