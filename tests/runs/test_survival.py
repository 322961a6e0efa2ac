"""What a run survives, each with the real thing: lost terminals, a stalled line, full disks, a long life."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyte
import pytest
from test_terminal import ESCAPES, ESCAPES_PYTE_MISTAKES, Terminal

from engine import catalog, experiments, runs
from engine.events import Ended, EpochEnded
from engine.launcher import start_worker
from engine.runs import RunReader, is_alive
from tui.feed import Feed

NNPLAY = str(Path(sys.executable).with_name("nnplay"))
SLOW = ("iris-mlp", "epochs=100000", "backend=eager")


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.end()


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `condition` gives as soon as it gives something."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return result


def only_run(home: Path) -> Path:
    (run,) = home.iterdir()
    return run


def epochs_of(run: Path) -> list[int]:
    return [event.epoch for event in RunReader(run).poll() if isinstance(event, EpochEnded)]


def watched(run: Path, epochs: int) -> list[int]:
    """The epochs that a screen shows of a run, once it shows that many."""
    feed = Feed(run, lambda: None)
    try:
        wait_for(lambda: len(feed.take().curves.epoch) >= epochs)
        return [int(epoch) for epoch in feed.take().curves.epoch]
    finally:
        feed.close()


@pytest.mark.parametrize("end", ["killed", "closed"])
def test_a_run_outlives_its_screen_and_is_attached_to_whole(
    terminals: list[Terminal], home: Path, end: str
) -> None:
    terminals.append(first := Terminal("play", *SLOW))
    first.sees("iris-mlp")
    first.type(" ")
    first.sees("running")
    if end == "killed":
        os.kill(first.pid, signal.SIGKILL)
    else:
        os.close(first.fd)
    wait_for(lambda: os.waitpid(first.pid, os.WNOHANG)[0], 2.0)
    first.status = 0
    run = only_run(home)
    before = len(epochs_of(run))
    wait_for(lambda: len(epochs_of(run)) > before + 5)
    terminals.append(second := Terminal("attach", run.name[-6:]))
    second.sees("running")
    shown = watched(run, before + 5)
    assert shown == list(range(1, len(shown) + 1))
    second.type(" ")
    second.sees("paused")
    assert catalog.entry(run).state == "paused"
    second.type("q")
    assert second.wait() == 0
    wait_for(lambda: not is_alive(run))
    text = ESCAPES.sub(b"", second.drawn).decode(errors="replace")
    assert f"nnplay resume {run.name[-6:]} goes on" in text


def worker_of(run: Path) -> Path:
    """The directory in /proc of the one process that has the run's lock open."""
    holders = set()
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if descriptor.readlink() == run / "lock":
                holders.add(descriptor.parents[1])
    (worker,) = holders
    return worker


def awake(process: Path) -> float:
    """Seconds that a process's first thread has had a core, or has waited for one."""
    on_core, waiting, _ = (process / "schedstat").read_text().split()
    return (int(on_core) + int(waiting)) / 1e9


def test_a_stalled_reader_does_not_slow_the_training_and_sees_a_fresh_frame_at_once(
    terminals: list[Terminal], home: Path
) -> None:
    """Held up by its reader a training sleeps; held up by other work it waits for a core, and does not."""
    terminals.append(terminal := Terminal("play", *SLOW))
    terminal.sees("iris-mlp")
    terminal.type(" ")
    terminal.sees("running")
    run = only_run(home)
    worker = worker_of(run)

    def asleep(seconds: float, read: bool) -> float:
        """The share of some seconds in which the training wanted no core."""
        begun, before = time.monotonic(), awake(worker)
        while time.monotonic() - begun < seconds:
            if read:
                terminal.read(0.05)
            else:
                time.sleep(0.05)  # the stall itself
        return 1 - (awake(worker) - before) / (time.monotonic() - begun)

    shown = Shown(terminal)
    free = asleep(4.0, read=True)
    shown.epoch()
    assert asleep(12.0, read=False) < free + 0.05
    wanted, drawn = catalog.entry(run).epoch, len(terminal.drawn)
    while shown.epoch() < wanted:
        assert len(terminal.drawn) - drawn < 32768, "stale frames come before the fresh one"
        terminal.read(0.02)


class Shown:
    """The screen of a terminal, fed with what is new: drawing all of it anew takes longer and longer."""

    def __init__(self, terminal: Terminal):
        self.terminal = terminal
        self.fed = 0
        self.screen = pyte.Screen(100, 30)
        self.stream = pyte.ByteStream(self.screen)

    def epoch(self) -> int:
        whole = self.terminal.drawn.rfind(b"\x1b", self.fed)  # the last escape may be torn
        if whole > self.fed:
            self.stream.feed(ESCAPES_PYTE_MISTAKES.sub(b"", self.terminal.drawn[self.fed : whole]))
            self.fed = whole
        found = re.search(r"epoch ([\d,]+) /", "\n".join(self.screen.display))
        return int(found[1].replace(",", "")) if found else 0


# SSH.


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[list[str]]:
    """The command that logs in to this machine, through an SSH server of the test's own."""
    server = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/sbin")
    if not server or not shutil.which("ssh"):
        pytest.skip("there is no sshd here: install Debian's openssh-server (.ci/run does as root)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    shutil.copy(tmp_path / "user.pub", tmp_path / "authorized")
    (tmp_path / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {tmp_path}/authorized\nStrictModes no\nPermitRootLogin yes\n"
        "PasswordAuthentication no\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with (tmp_path / "sshd.log").open("w") as log:
        process = subprocess.Popen([server, "-D", "-e", "-f", tmp_path / "config"], stderr=log)
    known = ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path}/known", "-F", "none"]
    login = ["ssh", "-tt", "-q", "-i", str(tmp_path / "user"), "-p", str(port), *known]
    wait_for(lambda: _listens(port, process))
    yield [*login, f"{os.environ.get('USER') or _user()}@127.0.0.1"]
    process.terminate()
    process.wait(10)


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "sshd ended at once: see its log"
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def logged_in(login: list[str], *words: str) -> Terminal:
    """A terminal whose program is ssh, with nnplay at its other end."""
    state = " ".join(f"{name}={os.environ[name]}" for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"))
    there = f"env {state} COLORTERM=truecolor {NNPLAY} {' '.join(words)}"
    return Terminal(*login[1:], there, program=login[0])


def test_a_run_outlives_its_ssh_connection(ssh: list[str], terminals: list[Terminal], home: Path) -> None:
    terminals.append(first := logged_in(ssh, "play", *SLOW))
    first.sees("iris-mlp")
    first.type(" ")
    first.sees("running")
    os.kill(first.pid, signal.SIGKILL)  # the line drops without a word
    os.waitpid(first.pid, 0)
    first.status = 0
    run = only_run(home)
    before = len(epochs_of(run))
    wait_for(lambda: len(epochs_of(run)) > before + 5)
    terminals.append(second := logged_in(ssh, "attach"))
    second.sees("running")
    second.type(" ")
    second.sees("paused")
    shown = watched(run, before + 5)
    assert shown == list(range(1, len(shown) + 1))
    second.type("S")
    second.sees("interrupted")
    wait_for(lambda: not is_alive(run))
    second.type("q")
    assert second.wait() == 0


# Disks.


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small file system")
def test_a_read_only_disk_is_told_in_one_line(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "ro"):
        environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "disk")}
        done = subprocess.run([NNPLAY, "run", "iris-mlp"], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "Read-only file system; set XDG_STATE_HOME" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small file system")
def test_a_disk_that_fills_up_stops_a_run_that_goes_on_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mounted(tmp_path / "disk", "size=200k"):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "disk"))
        words = ["run", "iris-mlp", "epochs=3000", "--quiet"]
        done = subprocess.run([NNPLAY, *words], capture_output=True, text=True)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        run = catalog.find("last")
        stored = epochs_of(run)
        assert isinstance(RunReader(run).poll()[-1], Ended)
        subprocess.run(["mount", "-o", "remount,size=4m", tmp_path / "disk"], check=True)
        done = subprocess.run([NNPLAY, "resume", "last"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        wait_for(lambda: not is_alive(run))
        assert catalog.entry(run).state == "finished"
        assert epochs_of(run) == list(range(1, 3001))
        assert epochs_of(run)[: len(stored)] == stored


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "none", folder]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_removed_folder_ends_its_worker(home: Path) -> None:
    run = runs.create(experiments.find(SLOW[0], SLOW[1:]))
    worker = start_worker(run, tied=False)
    run.release()
    wait_for(lambda: (run.path / "events.jsonl").exists() and len(epochs_of(run.path)) > 2)
    shutil.rmtree(run.path)
    assert worker.wait(20) == 1


# A long life.


@pytest.mark.timeout(300)
def test_ten_million_steps_leave_memory_flat_and_a_readable_log() -> None:
    run = runs.create(experiments.find("iris-mlp", ["batch_size=1", "epochs=100000"]))
    worker = start_worker(run, tied=False)
    run.release()
    memory = []
    for goal in (20_000, 90_000):
        wait_for(lambda goal=goal: catalog.entry(run.path).epoch >= goal, 250)
        status = Path(f"/proc/{worker.pid}/status").read_text()
        memory.append(int(re.search(r"VmRSS:\s+(\d+)", status)[1]))  # type: ignore[index]
    assert worker.wait(120) == 0
    assert memory[1] < memory[0] + 8_000  # kB
    assert (run.path / "events.jsonl").stat().st_size < 50_000_000
    ended = RunReader(run.path).poll()[-1]
    assert isinstance(ended, Ended)
    assert (ended.state, ended.step) == ("finished", 10_000_000)
    epochs = epochs_of(run.path)
    assert epochs[:20_000] == list(range(1, 20_001))
    assert len(epochs) < 60_000
    assert epochs[-1] == 100_000
