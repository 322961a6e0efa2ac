"""A cell of code, run among the names that the cells before it made."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import os
import time
import traceback
from types import TracebackType
from typing import Any

import numpy as np
import torch

from engine import pictures
from engine.frames import Answer, Arrays

MOST_VALUES = 2_000_000  # of all tensors of a cell that go to the screen
MOST_TENSORS = 64
MOST_OF_A_LIST = 16
MOST_OF_A_NAME = 40  # characters of a result's
MOST_PRINTED = 100_000  # characters; an endless loop may print
MOST_FRAMES = 8  # of a traceback

names: dict[str, Any] = {}  # the workbook's


class Printed(io.TextIOBase):
    """Takes what is printed, and no more of it than anybody would read."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        kept = text[: max(MOST_PRINTED - self._size, 0)]
        self._parts.append(kept)
        self._size += len(text)
        return len(text)

    def text(self) -> str:
        left_out = self._size - MOST_PRINTED
        return "".join(self._parts) + (f"\n… {left_out:,} characters more\n" if left_out > 0 else "")


def answer(code: str, cell: str = "1", fresh: bool = False) -> Answer:
    """Run the code of a cell that people know as number `cell`; `fresh` forgets all names first.

    The answer's values: `printed`; `result`, the last expression as Python shows it; `error`, None or what
    went wrong and in which lines; `tensors`, those that the cell made, and `pictures`, with the names of
    their arrays; `seconds`.
    """
    if fresh:
        names.clear()
    names.setdefault("__name__", "__main__")
    names.setdefault("__builtins__", __builtins__)
    pictures.drawn.clear()
    before = _stamps()
    printed, began, below = Printed(), time.perf_counter(), _output_size()
    result, error = "", None
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            result = _run(code, f"<cell {cell}>")
    except BaseException as problem:  # an interrupt and exit() as well: they are told like the others
        error = _error(problem)
    seconds = time.perf_counter() - began
    found, arrays = _tensors(_made(code, before))
    drawings = []
    for number, picture in enumerate(pictures.drawn):
        keys = {name: f"picture {number} {place}" for place, name in enumerate(picture.arrays)}
        drawings.append({"kind": picture.kind, "title": picture.title, "arrays": keys})
        arrays |= {keys[name]: array for name, array in picture.arrays.items()}
    values = {
        "printed": printed.text() + _output_since(below),
        "result": result,
        "error": error,
        "tensors": found,
        "pictures": drawings,
        "seconds": seconds,
    }
    return Answer(values, arrays)


def _run(code: str, file: str) -> str:
    """Run all statements; the last one, if it is an expression, is what the cell results in."""
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    tree = ast.parse(code, file)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, file, "exec"), names)
    if not isinstance(last, ast.Expr):
        return ""
    value = eval(compile(ast.Expression(last.value), file, "eval"), names)
    if value is None:
        return ""
    names["_"] = value
    return repr(value)[:MOST_PRINTED]


# What went wrong.


def _error(problem: BaseException) -> dict[str, Any]:
    if isinstance(problem, SyntaxError) and (problem.filename or "").startswith("<cell "):
        line, start = problem.lineno or 1, (problem.offset or 1) - 1
        same = problem.end_lineno in (None, line)
        end = problem.end_offset - 1 if same and problem.end_offset else start + 1
        lines = [_line(problem.filename or "", "<module>", line, start, max(end, start + 1))]
        return {"type": type(problem).__name__, "message": problem.msg, "lines": lines}
    message = "stopped here" if isinstance(problem, KeyboardInterrupt) else str(problem)
    notes = getattr(problem, "__notes__", [])
    return {
        "type": type(problem).__name__,
        "message": "\n".join([message, *notes]),
        "lines": _lines(problem.__traceback__),
    }


def _lines(trace: TracebackType | None) -> list[dict[str, Any]]:
    """The lines of cells that led to the error, the outermost first; none of ours or of a library."""
    frames = [frame for frame in traceback.extract_tb(trace) if frame.filename.startswith("<cell ")]
    if len(frames) > MOST_FRAMES:  # a recursion without end
        frames = [*frames[: MOST_FRAMES // 2], *frames[-MOST_FRAMES // 2 :]]
    lines = []
    for frame in frames:
        source = linecache.getline(frame.filename, frame.lineno or 1).encode()
        start, end = frame.colno or 0, frame.end_colno or 0
        if frame.end_lineno != frame.lineno:
            end = len(source.rstrip())
        start, end = (len(source[:place].decode(errors="replace")) for place in (start, end))
        lines.append(_line(frame.filename, frame.name, frame.lineno or 1, start, end))
    return lines


def _line(file: str, function: str, line: int, start: int, end: int) -> dict[str, Any]:
    """A line of a cell, and from where to where in it the trouble is."""
    text = linecache.getline(file, line).rstrip("\n")
    return {
        "cell": file.removeprefix("<cell ").removesuffix(">"),
        "function": "" if function == "<module>" else function,
        "line": line,
        "text": text,
        "start": start,
        "end": min(end, len(text)) if start < len(text) else end,
    }


# What the cell made.


def _stamps() -> dict[str, tuple[int, int | None]]:
    """Which object each name stands for, and how often a tensor was changed in place."""
    return {name: (id(value), _version(value)) for name, value in names.items()}


def _version(value: Any) -> int | None:
    with contextlib.suppress(RuntimeError):  # tensors of inference mode do not count
        return value._version if isinstance(value, torch.Tensor) else None
    return None


def _made(code: str, before: dict[str, tuple[int, int | None]]) -> list[tuple[str, Any]]:
    """What the cell bound or changed, in the order in which its code has it; `_` is nothing to look at."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return []
    stored = {_base(node) for node in ast.walk(tree) if isinstance(getattr(node, "ctx", None), ast.Store)}
    after = _stamps()
    new = [name for name in names if name in stored or before.get(name) != after[name]]
    order = {node.id: (node.lineno, node.col_offset) for node in reversed(_names_in(tree))}
    new.sort(key=lambda name: order.get(name, (len(code), 0)))
    made = {name: names[name] for name in new if not name.startswith("__") and name != "_"}
    last = tree.body[-1] if tree.body else None
    if (
        "_" in new and "_" not in stored and isinstance(last, ast.Expr)
    ):  # the result has the name that the code gives it
        made.setdefault(_cut(ast.unparse(last.value)), names["_"])
    return list(made.items())


def _cut(text: str) -> str:
    return text if len(text) <= MOST_OF_A_NAME else f"{text[: MOST_OF_A_NAME - 1]}…"


def _names_in(tree: ast.AST) -> list[ast.Name]:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _base(node: ast.AST) -> str:
    """The name that an assignment to `name`, `name[0]` or `name.part` changes."""
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _tensors(made: list[tuple[str, Any]]) -> tuple[list[dict[str, Any]], Arrays]:
    """All tensors and arrays among the values, inside lists and modules as well, as the screen takes them."""
    found: list[dict[str, Any]] = []
    arrays: Arrays = {}
    left = MOST_VALUES
    for name, value in [part for pair in made for part in _parts(*pair)][:MOST_TENSORS]:
        about = _about(value)
        found.append({"name": name, **about, "array": None})
        array = _array(value) if np.prod(about["shape"], dtype=object) <= left else None
        if array is not None:
            left -= array.size
            found[-1]["array"] = key = f"tensor {len(found)}"
            arrays[key] = array
    return found, arrays


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, torch.Tensor) or (isinstance(value, np.ndarray) and value.dtype.kind in "biufc"):
        return [(name, value)]
    if isinstance(value, torch.nn.Module):
        return [(f"{name}.{part}", parameter) for part, parameter in value.named_parameters()]
    if isinstance(value, list | tuple):
        inside = [(f"{name}[{place}]", part) for place, part in enumerate(value[:MOST_OF_A_LIST])]
        return [(n, v) for n, v in inside if isinstance(v, torch.Tensor | np.ndarray)]
    return []


def _about(value: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
    if isinstance(value, np.ndarray):
        return about | {
            "stride": [step // max(value.itemsize, 1) for step in value.strides],
            "device": "numpy",
            "requires_grad": False,
        }
    strided = value.layout is torch.strided
    return about | {
        "stride": list(value.stride()) if strided else None,
        "device": str(value.device),
        "requires_grad": value.requires_grad,
    }


def _array(value: Any) -> np.ndarray[Any, Any] | None:
    """The values as numpy has them; float32 of those that it has no type for; None where there are none."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biufc" else None
    with contextlib.suppress(RuntimeError, TypeError, NotImplementedError):
        plain = value.detach().to_dense() if value.layout is not torch.strided else value.detach()
        plain = plain.cpu().resolve_conj().resolve_neg()
        if plain.is_floating_point() and plain.itemsize < 4 and plain.dtype is not torch.float16:
            plain = plain.float()
        array: np.ndarray[Any, Any] = plain.numpy()
        return array
    return None


# What the cell's code has printed past Python, as a program that it started does.


def _output_size() -> int:
    return os.fstat(1).st_size


def _output_since(size: int) -> str:
    with contextlib.suppress(OSError):  # no file, or not one of ours
        return os.pread(1, MOST_PRINTED, size).decode(errors="replace")
    return ""
