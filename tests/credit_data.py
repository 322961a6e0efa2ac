"""The lecture's credit table for tests: the real one from a local server, or a made one of the same shape."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

REAL = os.environ.get("NNPLAY_TEST_CREDIT", "")


def made(path: Path) -> Path:
    """A made-up table, which is not the lecture's: 150 rows, three classes, four features of unlike size."""
    rng = np.random.default_rng(1)
    classes = np.repeat([0, 1, 2], [43, 76, 31])
    features = rng.normal([36, 2e5, 9e4, 51], [9, 8e4, 5e4, 20], (150, 4)) + classes[:, None] * [9, 0, 0, 30]
    lines = [",".join([str(c), *map(str, row)]) for c, row in zip(classes, features, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return path


@pytest.fixture
def credit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """`data=credit` works, also in processes that the test starts; says whether the table is real or made."""
    if not REAL:
        monkeypatch.setenv("NNPLAY_DATA", str(made(tmp_path / "made-credit.csv")))
        yield "made"
        return
    with Serving(Path(REAL).parent) as url:
        monkeypatch.delenv("NNPLAY_DATA", raising=False)
        monkeypatch.setenv("NNPLAY_CREDIT_URL", f"{url}/{Path(REAL).name}")
        yield "real"


class Serving:
    """A local HTTP server over a folder; `asked` counts its requests."""

    def __init__(self, folder: Path):
        server = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                server.asked += 1

        self.asked = 0
        handler = functools.partial(Handler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
