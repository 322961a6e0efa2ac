"""Experiments, data sources and backends are found by name: one file each in a folder of this package.

Names are listed from the folder without importing anything, so that a word can be checked, and the nearest
one offered, before torch or scikit-learn are paid for. A file `iris_mlp.py` has the name `iris-mlp`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from engine.errors import unknown

NO_NAMES = ("base", "timing")  # what the files of a folder share


@functools.cache
def names(folder: str) -> tuple[str, ...]:
    """The names in `engine/<folder>`, sorted; shared modules are not names."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent / folder)])
    found = (m.name.replace("_", "-") for m in modules if not m.name.startswith("_"))
    return tuple(sorted(name for name in found if name not in NO_NAMES))


def load(folder: str, name: str) -> ModuleType:
    """Import the module behind a name. Raises RequestError, with the nearest name, if there is none."""
    if name not in names(folder):
        raise unknown(folder.rstrip("s"), name, names(folder))
    return importlib.import_module(f"engine.{folder}.{name.replace('-', '_')}")
