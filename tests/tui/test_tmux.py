"""The app in tmux, as most people have it over SSH: every size, depth of colour and kind of glyphs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tui.glyphs import to_ascii
from tui.keys import KEYS, PANELS

NNPLAY = str(Path(sys.executable).with_name("nnplay"))
SIZES = ((80, 24), (120, 40))
COLOURS = {
    "truecolor": "TERM=tmux-256color COLORTERM=truecolor",
    "256": "TERM=tmux-256color COLORTERM=",
    "16": "TERM=screen COLORTERM=",
    "no-color": "TERM=tmux-256color COLORTERM=truecolor NO_COLOR=1",
}
GLYPHS = ("braille", "block", "ascii")


class Tmux:
    """A server of its own, with one window for each app."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.socket = str(folder / "s")

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-S", self.socket, "-f", "/dev/null", *words]
        clean = dict(os.environ)  # without what readline sets behind Python's back: see conftest.py
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=30, env=clean
        ).stdout

    def open(self, name: str, size: tuple[int, int], setting: str, *words: str) -> None:
        """Start nnplay in a window; what it sends is written to a file, and its exit status to another."""
        keep = "" if "NO_COLOR" in setting else "-u NO_COLOR"
        app = f"env {keep} LANG=C.UTF-8 {setting} {NNPLAY} {' '.join(words)}"
        files = self.folder / name
        shell = f"until [ -e {files}.go ]; do sleep 0.05; done; {app}; echo $? > {files}.status"
        self("new-session", "-d", "-s", name, "-x", str(size[0]), "-y", str(size[1]), shell)
        self("pipe-pane", "-t", name, f"cat > {files}.bytes")
        files.with_name(f"{name}.go").touch()

    def screen(self, name: str) -> list[str]:
        return self("capture-pane", "-p", "-t", name).splitlines()

    def shows(self, name: str, *words: str) -> list[str]:
        """The screen's lines, once all these words are on it."""
        end = time.monotonic() + 60
        while True:
            lines = self.screen(name)
            if missing := [word for word in words if not any(word in line for line in lines)]:
                assert time.monotonic() < end, f"{missing} not on the screen:\n" + "\n".join(lines)
                time.sleep(0.05)
            else:
                return lines

    def hides(self, name: str, word: str) -> None:
        """Wait until the word is gone."""
        end = time.monotonic() + 30
        while any(word in line for line in self.screen(name)):
            assert time.monotonic() < end, f"{word} stays on the screen"
            time.sleep(0.05)


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    assert shutil.which("tmux"), "these tests need tmux (Debian: apt install tmux)"
    folder = Path(tempfile.mkdtemp(prefix="nt"))
    server = Tmux(folder)
    yield server
    subprocess.run(["tmux", "-S", server.socket, "kill-server"], capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("colours", COLOURS)
def test_every_size_and_glyph_at_every_depth_of_colour(tmux: Tmux, colours: str) -> None:
    cases = {f"{size[0]}-{glyphs}": (size, glyphs) for size, glyphs in product(SIZES, GLYPHS)}
    for name, (size, glyphs) in cases.items():
        tmux.open(name, size, COLOURS[colours], "play", "iris-mlp", f"--glyphs={glyphs}")
    for name, (size, glyphs) in cases.items():
        plain = to_ascii if glyphs == "ascii" else str
        footer = [plain(f"{key.label}") for key in KEYS if key.label]
        lines = tmux.shows(name, "iris-mlp", "ready", *footer, *(title for title, _ in PANELS))
        assert max(map(len, lines)) <= size[0]
        for digit, (title, _) in enumerate(PANELS):
            tmux("send-keys", "-t", name, str(digit))
            tmux.shows(name, f"{digit}{' ' if size[0] >= 100 else ''}{title}")
        tmux("send-keys", "-t", name, "?")
        tmux.shows(name, "Run or pause", "escape: back")
        tmux("send-keys", "-t", name, "Escape")
    for name in cases:
        tmux.hides(name, "escape: back")
        tmux("send-keys", "-t", name, "q")
    for name, (_, glyphs) in cases.items():
        end = time.monotonic() + 30
        while not (status := tmux.folder / f"{name}.status").exists() or not status.read_text():
            assert time.monotonic() < end, f"{name} does not end"
            time.sleep(0.05)
        assert status.read_text().strip() == "0"
        sent = (tmux.folder / f"{name}.bytes").read_bytes()
        if glyphs == "ascii":
            assert sent.isascii(), re.findall(rb"[\x80-\xff]+", sent)[:5]
        _check_colours(colours, sent)


def _check_colours(colours: str, sent: bytes) -> None:
    true = re.findall(rb"[34]8;2;\d+;\d+;\d+", sent)
    indexed = re.findall(rb"[34]8;5;\d+", sent)
    assert bool(true) == (colours == "truecolor")
    assert bool(indexed) == (colours == "256")
    if colours == "no-color":
        codes = {
            int(code) for sgr in re.findall(rb"\x1b\[([\d;]*)m", sent) for code in sgr.split(b";") if code
        }
        assert codes <= {0, 1, 2, 3, 4, 7, 9}, "no colour, not even a grey"
        assert 7 in codes, "what is chosen is reversed"


def test_keys_sent_in_one_burst_are_all_answered(tmux: Tmux) -> None:
    tmux.open("burst", (120, 40), COLOURS["truecolor"], "play", "iris-mlp")
    tmux.shows("burst", "ready", "cross_entropy")
    for downs in (1, 2, 4, 6):
        tmux("send-keys", "-t", "burst", "v", *["Down"] * downs, "Enter")
        tmux.shows("burst", "takes effect:")
        tmux("send-keys", "-t", "burst", "Escape")
        tmux.hides("burst", "takes effect:")
    tmux("send-keys", "-t", "burst", "2", "Tab")  # a panel that was not there before
    tmux.shows("burst", "d difference")
