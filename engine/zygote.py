"""A warm process that forks others: torch and scikit-learn are imported once, a run starts in milliseconds.

    python -m engine.zygote FD

FD is a Unix socket to the screen. A request is one JSON object with open files beside it. `worker`, with the
run's lock, forks a worker into a session of its own, where it outlives the screen; `lab`, with its socket and
a file for its output, forks a lab, which dies with the zygote; the answer is the process id. `end_lab` kills
a lab and what it started; the answer is how it had ended. The zygote ends when the socket does. It runs no
parallel region and touches no CUDA: neither survives a fork.
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
import time
from pathlib import Path
from typing import Any

from engine import lab_server, registry, worker
from engine.orphans import die_with_parent

SOON = 0.1  # seconds in which whoever waits for the engine has sent a request
LAST_BREATH = 0.5  # seconds between the end of a lab's socket and that of its process

workers: set[int] = set()  # forked, and not known to have ended


def main() -> int:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the screen's end comes as the socket's end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _bury)  # ended workers leave no zombies
    with socket.socket(fileno=int(sys.argv[1])) as screen:
        watch = threading.Thread(target=_end_with, args=(screen,), daemon=True)
        watch.start()
        die_with_parent()  # loading torch holds the interpreter, so the thread may come too late
        _warm_up()
        screen.sendall(b"{}\n")
        watch.join(SOON)
        if watch.is_alive():  # nobody has waited for this
            _warm_up_optimizers()
        die_with_parent(False)  # from now on the socket's end is the sign
        watch.join()  # until there is a request: a fork wants no other thread
        while True:
            request, files, _, _ = socket.recv_fds(screen, 65536, 2)
            if not request:
                return 0
            answer = _do(screen, files, **json.loads(request))
            for file in files:
                os.close(file)
            screen.sendall(json.dumps(answer).encode() + b"\n")


def _do(screen: socket.socket, files: list[int], do: str, **values: Any) -> dict[str, int | None]:
    if do == "end_lab":
        return {"status": _end_lab(**values)}
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            screen.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            status = lab_server.run(files[0], files[1], zygote) if do == "lab" else _worker(**values)
        finally:
            os._exit(status)
    if do == "worker":
        workers.add(pid)
        _bury()  # if it has ended already
    return {"pid": pid}


def _end_lab(pid: int) -> int | None:
    """See to the end of a lab and of all that it started. How it ended: its exit code, or minus the signal;
    None if it had to be killed."""
    end = time.monotonic() + LAST_BREATH
    while not (found := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() < end:
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if found[0]:
        return os.waitstatus_to_exitcode(found[1])
    os.waitpid(pid, 0)
    return None


def _bury(*_: object) -> None:
    for pid in list(workers):
        try:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        except ChildProcessError:  # a signal came while this ran, and was quicker
            ended = True
        if ended:
            workers.discard(pid)


def _end_with(screen: socket.socket) -> None:
    """End at once if the screen goes before its first request, in the middle of an import if need be."""
    if not screen.recv(1, socket.MSG_PEEK):
        os._exit(0)


def _warm_up() -> None:
    """Import what every run needs."""
    for name in ("sklearn.datasets", "sklearn.metrics", "sklearn.model_selection", "engine.trainer"):
        importlib.import_module(name)
    for backend in registry.names("backends"):
        registry.load("backends", backend)


def _warm_up_optimizers() -> None:
    """Torch's first optimizer costs as much as importing torch; runs in native code have none."""
    import torch

    torch.optim.Adam([torch.zeros(1, requires_grad=True)])


def _worker(path: str, paused: bool) -> int:
    """In the forked child: become a worker of its own, with its words going into the run's folder."""
    os.setsid()
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
