"""A warm process that forks workers: torch and scikit-learn are imported once, a run starts in milliseconds.

    python -m engine.zygote FD

FD is a Unix socket to the screen. Each request, one JSON object with the run's open lock file beside it,
forks a worker into a session of its own, where it outlives the screen; the answer is its process id. The
zygote ends when the socket does. It runs no parallel region and touches no CUDA: neither survives a fork.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from engine import registry, worker


def main() -> int:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the screen's end comes as the socket's end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended workers leave no zombies
    with socket.socket(fileno=int(sys.argv[1])) as screen:
        watch = threading.Thread(target=_end_with, args=(screen,), daemon=True)
        watch.start()
        _warm_up()
        screen.sendall(b"{}\n")
        watch.join()  # until there is a request: a fork wants no other thread
        while True:
            request, locks, _, _ = socket.recv_fds(screen, 65536, 1)
            if not request:
                return 0
            pid = os.fork()
            if pid == 0:
                screen.close()
                os._exit(_worker(**json.loads(request)))
            os.close(locks[0])
            screen.sendall(json.dumps({"pid": pid}).encode() + b"\n")


def _end_with(screen: socket.socket) -> None:
    """End at once if the screen goes before its first request, in the middle of an import if need be."""
    if not screen.recv(1, socket.MSG_PEEK):
        os._exit(0)


def _warm_up() -> None:
    """Import what every run needs; the first optimizer costs as much as importing torch."""
    for name in ("sklearn.datasets", "sklearn.metrics", "sklearn.model_selection", "engine.trainer"):
        importlib.import_module(name)
    for backend in registry.names("backends"):
        registry.load("backends", backend)
    import torch

    torch.optim.Adam([torch.zeros(1, requires_grad=True)])


def _worker(path: str, paused: bool) -> int:
    """In the forked child: become a worker of its own, with its words going into the run's folder."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(Path(path) / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    with contextlib.suppress(OSError):  # what ps and top show
        Path("/proc/self/comm").write_text("nnplay-worker")
    try:
        return worker.Worker(Path(path), paused=paused, until_eof=False).run()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
