"""Files that are no table to learn from, and what is said of each."""

from __future__ import annotations

import os
from pathlib import Path

ROWS = "".join(f"{i},{i * i % 7},{'ab'[i % 2]}\n" for i in range(40))
GOOD = "x,y,kind\n" + ROWS


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def sparse(folder: Path) -> Path:
    """A line of 2 GB, which takes no room on the disk until it is read."""
    path = write(folder, "x,y\n1,")
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"7" * (5 << 20))
        file.truncate(2 << 30)
    return path


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


BAD = {
    "empty": (lambda f: write(f, ""), "got an empty file"),
    "only a byte-order mark": (lambda f: write(f, b"\xef\xbb\xbf\n\n"), "got an empty file"),
    "one column": (lambda f: write(f, "x\n1\n2\n3\n"), "got one column"),
    "one class": (lambda f: write(f, GOOD.replace("b\n", "a\n")), "at least two classes, got one: a"),
    "one number": (lambda f: write(f, "x,y\n" + "1,2.5\n" * 30), "got 2.5 in every row"),
    "a longer row": (
        lambda f: write(f, GOOD + "1,2,a,4\n"),
        "expected 3 columns as in the first line, got 4 in",
    ),
    "a shorter row": (lambda f: write(f, GOOD + "1,2\n" + ROWS), "got 2 in line 42"),
    "10,000 columns": (lambda f: write(f, (",".join(["1"] * 10_000) + "\n") * 20), "got 10,000"),
    "NUL bytes": (lambda f: write(f, GOOD + "1,\0,a\n"), "got a NUL byte"),
    "a line of 2 GB": (sparse, "lines of at most 1,048,576 bytes"),
    "a directory": (lambda f: f, "expected a file, got a directory"),
    "a FIFO": (pipe, "got a pipe, socket or device"),
    "nothing": (lambda f: write(f, GOOD).with_name("tabel.csv"), "did you mean table.csv?"),
    "an infinity": (
        lambda f: write(f, GOOD + "inf,1,a\n"),
        "column x: expected finite numbers, got inf in line 42",
    ),
    "numbers near the largest": (
        lambda f: write(f, GOOD + "1e308,1,a\n-1e308,1,b\n" * 9),
        "too large to be standardized",
    ),
    "few rows": (lambda f: write(f, "x,y\n1,2\n"), "expected at least 10 rows, got 1"),
    "only names": (lambda f: write(f, "x,y\n"), "expected at least 10 rows, got 0"),
    "an open quote": (lambda f: write(f, 'x,y\n"1,2\n' + "3,4\n" * 20), ""),
    "no features": (lambda f: write(f, "name,y\n" + "".join(f"n{i},{i}.5\n" for i in range(90))), "left out"),
    "too many classes": (
        lambda f: write(f, "x,y\n" + "".join(f"{i},c{i}\n" for i in range(300))),
        "at most 100 classes, got 300",
    ),
    "too large": (lambda f: write(f, "x,y\n" + "1e308,2\n-1e308,3.5\n" * 30), "too large"),
    "not UTF-16": (lambda f: write(f, b"\xff\xfe\x00\xd8\x00\xd8a"), "byte-order mark says utf-16"),
}
