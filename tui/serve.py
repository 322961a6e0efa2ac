"""`nnplay serve`: the same app in a browser, by textual-serve (nnplay[serve])."""

from __future__ import annotations

import ipaddress
import shlex
import sys
from pathlib import Path

from engine.errors import RequestError


def serve(words: list[str], host: str, port: int) -> int:
    """Serve the app until an interrupt; each visit is an app of its own, over the same runs."""
    try:
        from textual_serve.server import Server
    except ImportError:
        raise RequestError("serving needs textual-serve: pip install 'nnplay[serve]'") from None
    if not 0 < port < 65536:
        raise RequestError(f"port: expected a number from 1 to 65535, got {port}")
    if not _is_local(host):
        print(
            f"nnplay: whoever reaches {host}:{port} can train here and see your runs; there is no password",
            file=sys.stderr,
        )
    command = shlex.join([str(Path(sys.executable).with_name("nnplay")), "play", *words])
    try:
        Server(command, host=host, port=port, title="nnplay").serve()
    except OSError as error:
        raise RequestError(f"cannot listen on {host}:{port}: {error.strerror}; try another --port") from None
    return 0


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
