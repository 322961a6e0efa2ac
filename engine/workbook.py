"""A workbook: a section of the lecture as cells of code, to be run, edited, and run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A few sentences, and the code they are about."""

    text: str
    code: str


@dataclass(frozen=True)
class Workbook:
    """Cells that share their names, run from first to last; `section` is where the lecture has them."""

    name: str
    section: str
    title: str
    about: str
    cells: tuple[Cell, ...]

    @property
    def variants(self) -> Mapping[str, Any]:
        """None: a workbook is changed by editing its cells."""
        return {}


def cells(source: str) -> tuple[Cell, ...]:
    """The cells of a text in which each begins with a line `# %%`, its sentences following as comments.

    It is the form that editors know as a notebook in plain Python.
    """
    found = []
    for part in source.split("# %%\n")[1:]:
        lines = part.strip("\n").split("\n")
        code = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
        text = " ".join(line.removeprefix("#").strip() for line in lines[:code])
        found.append(Cell(text, "\n".join(lines[code:]).strip("\n")))
    return tuple(found)
