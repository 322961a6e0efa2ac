"""A command of the engine in a process of its own, which may import torch: `python -m engine NAME [WORD ...]`

NAME is a module of the engine with a function main(words) that returns an exit status: check, sweep, export,
bench.ops and so on; `nnplay` becomes such a process for them. What a person does to it, Ctrl-C included, ends
in one line at most and never in a traceback. Exit status: as in tui/cli.py.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from engine.errors import NnplayError


def main(name: str, words: Sequence[str]) -> int:
    """Run one command and return its exit status."""

    def leave(*_: object) -> NoReturn:  # at once: torch takes a second to end in order
        os.write(sys.stderr.fileno(), f"nnplay {name.replace('.', ' ')}: interrupted\n".encode())
        os._exit(130)

    try:
        # While importing, not by an exception: numpy and torch swallow some, and fail to load after others.
        signal.signal(signal.SIGINT, leave)
        command = importlib.import_module(f"engine.{name}").main
        signal.signal(signal.SIGINT, signal.default_int_handler)
        status: int = command(words)
        sys.stdout.flush()
    except NnplayError as error:
        print(f"nnplay: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        leave()
    except BrokenPipeError:  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
