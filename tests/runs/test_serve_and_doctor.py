"""The app in a browser, and what the doctor finds."""

from __future__ import annotations

import asyncio
import importlib.machinery
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import torch

NNPLAY = str(Path(sys.executable).with_name("nnplay"))


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which `nnplay serve` listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    server = subprocess.Popen(
        [NNPLAY, "serve", "iris-mlp", "--port", str(number)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not _listens("127.0.0.1", number):
        assert time.monotonic() < end, "it does not listen"
        assert server.poll() is None
        time.sleep(0.05)
    yield number
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(20)


def _listens(host: str, port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((host, port)) == 0


def test_a_browser_is_given_the_app_on_this_machine_alone(port: int) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    assert not any(_listens(str(host), port) for host in others if not str(host).startswith("127."))
    assert "iris" in asyncio.run(_drawn(port)).decode(errors="replace")


async def _drawn(port: int) -> bytes:
    """What the app draws in its first moments, through the websocket that a browser would open."""
    drawn = b""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/") as page:
            assert page.status == 200
            assert "nnplay" in await page.text()
        async with session.ws_connect(f"http://127.0.0.1:{port}/ws?width=100&height=30") as link:
            while b"iris" not in drawn:
                message = await link.receive(timeout=60)
                assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT)
                if message.type is aiohttp.WSMsgType.BINARY:
                    drawn += message.data
    return drawn


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed: make test as root does")
def test_a_real_browser_shows_it(port: int, tmp_path: Path) -> None:
    picture = tmp_path / "app.png"
    subprocess.run(
        [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1200,800",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=15000",
            f"--screenshot={picture}",
            f"http://127.0.0.1:{port}/",
        ],
        capture_output=True,
        timeout=100,
        check=True,
    )
    from PIL import Image

    colours = Image.open(picture).convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert len(colours) > 20  # an empty page has one or two


def test_a_wrong_request_is_told_before_anybody_visits() -> None:
    done = subprocess.run([NNPLAY, "serve", "iris-mpl"], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "did you mean iris-mlp?" in done.stderr


def test_the_doctor_tells_of_everything() -> None:
    done = subprocess.run([NNPLAY, "doctor", "--json"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["software"]["python"].startswith("3.")
    assert found["kernels"]["instruction_set"] in ("avx512", "avx2", "baseline")
    assert found["kernels"]["torch"] in found["kernels"]["build"]
    assert found["kernels"]["cuda"]
    assert found["gpus"]
    assert "0700 (yours alone)" in found["directories"]["runs"]
    assert "×" in found["terminal"]["size"]
    text = subprocess.run([NNPLAY, "doctor"], capture_output=True, text=True).stdout
    assert all(part in text for part in found)


def test_the_doctor_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "file")}
    done = subprocess.run([NNPLAY, "doctor"], capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "set XDG_STATE_HOME" in done.stdout


@pytest.mark.parametrize(
    ("kernels", "words"),
    [
        ("nnplay built with torch 1.0", "nnplay's kernels were built with torch 1.0, but torch "),
        (f"nnplay built with torch {torch.__version__}", "nnplay's kernels cannot be loaded: "),
    ],
    ids=["of another torch", "damaged"],
)
def test_the_doctor_says_what_is_wrong_with_the_kernels(kernels: str, words: str, tmp_path: Path) -> None:
    engine = tmp_path / "engine"
    engine.mkdir()
    for path in (Path(__file__).resolve().parents[2] / "engine").iterdir():
        if path.suffix != ".so":
            (engine / path.name).symlink_to(path)
    (engine / f"_C{importlib.machinery.EXTENSION_SUFFIXES[0]}").write_text(kernels)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}
    done = subprocess.run([NNPLAY, "doctor", "--json"], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)["kernels"]
    assert found["build"].startswith(f"no: {words}")
    assert "`make install`" in found["build"]
    assert (found["torch"], found["cuda"]) == (torch.__version__, "no: there are no kernels to use")
