"""`nnplay doctor`: what is on this machine, and what of it nnplay can use."""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from engine import gpus
from engine.errors import NnplayError
from engine.locations import runs_dir, sockets_dir

TORCH_WITHIN = 120.0  # seconds: importing torch from a cold network disk can take a minute


def show(*, as_json: bool) -> int:
    """Print all that was found; the status is 1 if nnplay cannot train here."""
    found = examine()
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        for part, facts in found.items():
            print(part)
            for name, value in facts.items():
                print(f"  {name.replace('_', ' '):<16} {_in_words(value)}")
    healthy = not str(found["kernels"].get("build", "no")).startswith("no")
    return 0 if healthy and all("no:" not in str(v) for v in found["directories"].values()) else 1


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def examine() -> dict[str, dict[str, Any]]:
    """Everything that can be found out, by parts."""
    seen, why = gpus.read()
    return {
        "software": {
            "nnplay": metadata.version("nnplay"),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "processors": len(os.sched_getaffinity(0)),
        },
        "kernels": _engine(),
        "gpus": {
            f"gpu {number}": f"{gpu.name}, load {gpu.load:.0%}, "
            f"{gpu.used / 1e9:.1f} of {gpu.memory / 1e9:.1f} GB"
            for number, gpu in enumerate(seen)
        }
        or {"seen": f"none: {why}"},
        "terminal": _terminal(),
        "directories": {"runs": _folder(runs_dir), "sockets": _folder(sockets_dir)},
    }


def _engine() -> dict[str, Any]:
    """What a process with torch tells; this one has none."""
    command = [sys.executable, "-m", "engine.facts"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TORCH_WITHIN)
        facts: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"build": f"no: importing torch took more than {TORCH_WITHIN:.0f} s"}
    except ValueError:
        return {"build": f"no: {(done.stderr.strip().splitlines() or ['nothing came'])[-1]}"}
    return facts


def _terminal() -> dict[str, Any]:
    from tui.glyphs import detect

    size = shutil.get_terminal_size()
    colours = {"truecolor": "16 million", "24bit": "16 million"}.get(os.environ.get("COLORTERM", ""), "")
    if os.environ.get("NO_COLOR"):
        colours = "none: NO_COLOR is set"
    elif not colours:
        colours = "256" if "256" in os.environ.get("TERM", "") else "16"
        colours += "; if your terminal has more, set COLORTERM=truecolor (SSH does not hand it on)"
    return {
        "is one": sys.stdin.isatty() and sys.stdout.isatty(),
        "TERM": os.environ.get("TERM"),
        "size": f"{size.columns} × {size.lines}" + ("" if size.columns >= 80 else ", better 80 × 24 or more"),
        "colours": colours,
        "glyphs": detect().name,
        "over ssh": "SSH_CONNECTION" in os.environ,
    }


def _folder(find: Callable[[], Path]) -> str:
    """Where it is, who may enter, and how much room is left."""
    try:
        path = find()
        mode = stat.S_IMODE(path.stat().st_mode)
        free = shutil.disk_usage(path).free
    except (NnplayError, OSError) as error:
        return f"no: {error}"
    private = "yours alone" if not mode & 0o077 else "open to others"
    writable = "" if os.access(path, os.W_OK) else "no: it cannot be written: "
    return f"{writable}{path}, {mode:04o} ({private}), {free / 1e9:.1f} GB free"
