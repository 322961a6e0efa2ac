"""`nnplay run` of a workbook: its cells from first to last, each with what it came to."""

from __future__ import annotations

import json
import math
import sys
import textwrap
from typing import Any

from rich.console import Console, RenderableType
from rich.syntax import Syntax
from rich.text import Text

from engine.frames import Answer
from engine.lab import Lab
from engine.launcher import Zygote
from engine.workbook import Cell, Workbook
from tui.cell_result import CellResult, picture_text

WIDTH = 96  # columns of text


def run(workbook: Workbook, *, as_json: bool) -> int:
    """Print the cells and what they came to; the first that fails is the last. Returns the exit status."""
    zygote = Zygote()
    lab = Lab(lambda: zygote)
    done: list[dict[str, Any]] = []
    try:
        for number, cell in enumerate(workbook.cells, 1):
            answer = lab.ask("cell", code=cell.code, cell=str(number))
            done.append(_as_json(number, cell, answer))
            if not as_json:
                _print(number, cell, CellResult.of(answer))
            if answer.values["error"]:
                break
    finally:
        zygote.close()  # and the lab with it, whatever it does
        lab.close()
    failed = bool(done) and done[-1]["error"] is not None
    if as_json:
        about = {key: getattr(workbook, key) for key in ("name", "section", "title", "about")}
        print(json.dumps({"workbook": about, "cells": done}, allow_nan=False))
    if failed:
        print(f"nnplay: cell {len(done)} of {workbook.name} failed", file=sys.stderr)
    return int(failed)


def _print(number: int, cell: Cell, result: CellResult) -> None:
    """Sentences, code and results; in colours where standard output is a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    columns = min(console.width, WIDTH) if console.is_terminal else WIDTH
    console.print(textwrap.fill(f"{number}  {cell.text}", columns), style="italic", markup=False)
    code = Syntax(cell.code, "python", theme="ansi_dark", background_color="default")
    parts: list[RenderableType] = [code if console.is_terminal else Text(cell.code)]
    if text := result.text(str(number)):
        parts.append(text)
    parts += [picture_text(picture) for picture in result.pictures]
    for part in parts:
        console.print()
        console.print(part)
    console.print("\n")


def _as_json(number: int, cell: Cell, answer: Answer) -> dict[str, Any]:
    """A cell with what it came to; values of tensors and pictures as lists, null for what is not finite."""
    values = {**answer.values, "tensors": [], "pictures": []}
    for tensor in answer.values["tensors"]:
        about = {key: value for key, value in tensor.items() if key != "array"}
        array = answer.arrays.get(tensor["array"])
        values["tensors"].append({**about, "values": None if array is None else _plain(array.tolist())})
    for picture in answer.values["pictures"]:
        arrays = {name: _plain(answer.arrays[key].tolist()) for name, key in picture["arrays"].items()}
        values["pictures"].append({**picture, "arrays": arrays})
    return {"cell": number, "text": cell.text, "code": cell.code, **values}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, complex) else value
