"""What can go wrong, as one tree. Every message is written for the person at the terminal: what was
expected, what came, what to do.

NnplayError
├── RequestError    the request was wrong: nothing was done (exit status 2)
├── StorageError    a run could not be written or read (exit status 1)
├── WorkerError     the process that trains is gone or did not answer (exit status 1)
├── LabLost         the lab's process died over a question (exit status 1)
└── LabInterrupted  a person ended a question (exit status 130)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 300  # characters of an unexpected error that are told


def inert(text: str) -> str:
    """Text from outside as it may be shown: what would steer a terminal is written out, as in \\x1b."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def surprise(error: Exception) -> str:
    """An error of nnplay's own in one line that fits a screen; the whole of it belongs into a log."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first if len(first) <= LONGEST else first[:LONGEST] + ' …'}"


class NnplayError(Exception):
    """Something that a person is told in one message, without a traceback."""

    exit_status = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(inert(message))


class RequestError(NnplayError):
    """What was asked for does not exist or is not allowed."""

    exit_status = 2


class StorageError(NnplayError):
    """A run directory could not be made, written or read."""


class WorkerError(NnplayError):
    """The worker process of a run is gone, or did not answer."""


class LabLost(NnplayError):
    """The lab's process died over a question, and what it had in memory is gone."""


class LabInterrupted(NnplayError):
    """A person ended a question. If it obeyed, the lab lives on and has lost nothing."""

    exit_status = 130


class StoppedEarly(BaseException):
    """The wish to stop a run came before its first event: while torch was imported, or its past computed."""


def unknown(kind: str, word: str, known: Iterable[str]) -> RequestError:
    """The error for a name that is not among the known ones, with the nearest of them."""
    known = list(known)
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return RequestError(f"unknown {kind} {word!r}: {hint}known are {', '.join(known)}")
