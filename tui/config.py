"""What a person sets once: `$XDG_CONFIG_HOME/nnplay/config.toml`.

    theme = "light"
    glyphs = "block"
    frame_rate = 5

    [keys]
    run_or_pause = "f5"
    restart = ["r", "ctrl+r"]

The file may be missing, and every entry of it. A wrong one stops the start with a message.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import RequestError, unknown
from engine.locations import config_file
from tui import keys
from tui.glyphs import BRAILLE, GLYPHS, Glyphs, detect
from tui.theme import NAMES

FRAME_RATES = (1, 30)  # frames a second; beyond, the terminal gets more than anybody sees


@dataclass(frozen=True)
class Settings:
    """How the app looks and which keys it has.

    Args:
        theme: one of ours, or of Textual's.
        glyphs: what pictures are drawn with.
        frame_rate: how often a second the curves of a run may move.
        keymap: by action, the keys that replace its own, as Textual writes them: `f5` or `r,ctrl+r`.
    """

    theme: str = "dark"
    glyphs: Glyphs = BRAILLE
    frame_rate: int = 10
    keymap: Mapping[str, str] = field(default_factory=dict)


STANDARD = Settings()


def load(path: Path | None = None) -> Settings:
    """The settings in the file; raises RequestError, with the nearest valid name, for what is wrong in it."""
    path = path or config_file()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        table = {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RequestError(f"{path} cannot be read: {error}; correct it, or move it away") from None
    try:
        entries = {name: _ENTRIES[_known(name)](value) for name, value in table.items()}
        return Settings(
            theme=entries.get("theme", STANDARD.theme),
            glyphs=entries.get("glyphs") or detect(),
            frame_rate=entries.get("frame_rate", STANDARD.frame_rate),
            keymap=entries.get("keys", {}),
        )
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from None


def show(settings: Settings, path: Path) -> str:
    """The settings as such a file: what is set, and as comments what each action's keys are."""
    lines = [
        f"# {path}" + ("" if path.exists() else " (does not exist; these are the values without it)"),
        f'theme = "{settings.theme}"  # {", ".join(NAMES[:4])}, or one of Textual\'s',
        f'glyphs = "{settings.glyphs.name}"  # auto, {", ".join(GLYPHS)}',
        f"frame_rate = {settings.frame_rate}  # {FRAME_RATES[0]} to {FRAME_RATES[1]}",
        "",
        "[keys]",
    ]
    for action, usual in keys.usual().items():
        own = settings.keymap.get(action)
        words = (own or usual).split(",")
        value = f'"{words[0]}"' if len(words) == 1 else "[" + ", ".join(f'"{w}"' for w in words) + "]"
        name = action if action.isidentifier() else f'"{action}"'
        lines.append(f"{'' if own else '# '}{name} = {value}")
    return "\n".join(lines)


def _known(name: str) -> str:
    if name not in _ENTRIES:
        raise unknown("setting", name, _ENTRIES)
    return name


def _theme(value: Any) -> str:
    if value not in NAMES:
        raise unknown("theme", str(value), NAMES)
    return str(value)


def glyphs(value: Any) -> Glyphs:
    """The glyphs of a name, or for `auto` those that the locale allows."""
    if value == "auto":
        return detect()
    if value not in GLYPHS:
        raise unknown("glyphs", str(value), ("auto", *GLYPHS))
    return GLYPHS[value]


def _frame_rate(value: Any) -> int:
    low, high = FRAME_RATES
    if type(value) is not int or not low <= value <= high:
        raise RequestError(f"frame_rate: expected a whole number from {low} to {high}, got {value!r}")
    return value


def _keymap(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise RequestError(f'[keys]: expected lines such as step = "s", got {value!r}')
    return keys.remapped({action: _words(action, words) for action, words in value.items()})


def _words(action: str, value: Any) -> list[str]:
    words = value if isinstance(value, list) else [value]
    if not words or not all(isinstance(word, str) and word for word in words):
        raise RequestError(f'[keys] {action}: expected a key such as "f5", or a list of keys, got {value!r}')
    return words


_ENTRIES: dict[str, Callable[[Any], Any]] = {
    "theme": _theme,
    "glyphs": glyphs,
    "frame_rate": _frame_rate,
    "keys": _keymap,
}
