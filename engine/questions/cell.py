"""A cell of code, run among the names that the cells before it made."""

from __future__ import annotations

import contextlib
import io
import traceback
from typing import Any

from engine.frames import Answer

names: dict[str, Any] = {"__name__": "__main__"}


def answer(code: str) -> Answer:
    """What the code printed, and the traceback that ended it, empty if none did."""
    printed = io.StringIO()
    error = ""
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(code, "<cell>", "exec"), names)
        except Exception:
            error = traceback.format_exc()
    return Answer({"printed": printed.getvalue(), "error": error})
