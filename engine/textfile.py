"""What kind of text a file holds, found in one pass that needs little memory: encoding, separator, header."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.errors import RequestError, inert

CHUNK = 4 << 20  # bytes read at a time
LONGEST_LINE = 1 << 20  # bytes
SAMPLE = 64 << 10  # characters by which separator and header are told
MOST_OTHER = 1 << 28  # bytes of a file that has to be translated to UTF-8 in memory
SEPARATORS = ",;\t|"
SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")  # usual ones; a file of any name is read
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Text:
    """A file that may be read as a table. `source` is its path, or its contents in UTF-8."""

    name: str
    source: Path | bytes
    separator: str
    decimal_comma: bool
    header: bool
    first_row: list[str]
    notes: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        if isinstance(self.source, bytes):
            yield from io.StringIO(self.source.decode(), newline="")
            return
        with self.source.open(encoding="utf-8-sig", newline="") as file:
            yield from file


def examine(path: Path) -> Text:
    """Raises RequestError, in one line, if the file cannot be a table."""
    name = inert(str(path))
    encoding, notes = _encoding(path, name)
    source: Path | bytes = path
    if encoding != "utf-8":
        source = _translated(path, name, encoding)
    text = Text(name, source, ",", False, False, [], notes)
    sample = _sample(text)
    if not sample.strip():
        raise RequestError(f"{name}: expected a table, got an empty file")
    separator = max(SEPARATORS, key=lambda candidate: _fit(sample, candidate))
    rows = _rows(sample, separator)
    if not rows:
        raise RequestError(f"{name}: expected a table, got text in quotes that are never closed")
    header = not any(_is_number(cell, ",") for cell in rows[0])
    comma = separator == ";" and any(
        "," in cell and _is_number(cell, ",") for row in rows[1:] for cell in row
    )
    if comma:
        notes.append("numbers have a decimal comma")
    if not header:
        notes.append("no header: columns are called by their place")
    return Text(name, source, separator, comma, header, rows[0], notes)


def refuse_ragged(text: Text, width: int) -> None:
    """Raises RequestError for the first row that has not as many cells as the first."""
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(text.lines(), delimiter=text.separator)
    try:
        for row in reader:
            if row and len(row) != width:
                raise RequestError(
                    f"{text.name}: expected {width} columns as in the first line, "
                    f"got {len(row)} in line {reader.line_num:,}"
                )
    except csv.Error as error:
        raise RequestError(f"{text.name}: line {reader.line_num:,} is no row of a table: {error}") from None


def _encoding(path: Path, name: str) -> tuple[str, list[str]]:
    """The encoding of a whole file, read once; what is no file to read, or no text, is refused."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise RequestError(f"{name}: expected a file, got a directory")
        if not stat.S_ISREG(status.st_mode):
            raise RequestError(f"{name}: expected a regular file, got a pipe, socket or device")
        with path.open("rb") as file:
            return _scan(file, name, status.st_size)
    except FileNotFoundError:
        raise RequestError(f"{name}: there is no such file{_nearest(path)}") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RequestError(f"{name}: cannot be read: {why}") from None


def _scan(file: io.BufferedReader, name: str, size: int) -> tuple[str, list[str]]:
    mark = file.peek(4)[:3]
    encoding = next((MARKS[m] for m in MARKS if mark.startswith(m)), "utf-8")
    if encoding == "utf-16":
        return encoding, ["encoding: UTF-16"]
    decoder = codecs.getincrementaldecoder("utf-8")()
    begun = at = 0  # of the line under way, and of the chunk
    while chunk := file.read(CHUNK):
        if b"\0" in chunk:
            raise RequestError(
                f"{name}: expected text, got a NUL byte at {at + chunk.index(0):,}: is it binary?"
            )
        ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n")) + at
        edges = np.concatenate([[begun], ends, [at + len(chunk)]])
        if np.diff(edges).max() > LONGEST_LINE and b"\r" not in chunk[:SAMPLE]:
            raise RequestError(f"{name}: expected lines of at most {LONGEST_LINE:,} bytes, got a longer one")
        begun = int(ends[-1]) if len(ends) else begun
        at += len(chunk)
        if encoding == "utf-8":
            try:
                decoder.decode(chunk, at >= size)
            except UnicodeDecodeError:
                encoding = "cp1252"
    return (
        (encoding, []) if encoding == "utf-8" else (encoding, ["encoding: not UTF-8, read as Windows-1252"])
    )


def _translated(path: Path, name: str, encoding: str) -> bytes:
    if (size := path.stat().st_size) > MOST_OTHER:
        raise RequestError(
            f"{name}: a file of {size:,} bytes has to be UTF-8; translate it first, with iconv"
        )
    try:
        text = path.read_bytes().decode(encoding, "replace" if encoding == "cp1252" else "strict")
    except UnicodeDecodeError:
        raise RequestError(f"{name}: its byte-order mark says {encoding}, and it is not") from None
    if "\0" in text:
        raise RequestError(f"{name}: expected text, got a NUL character: is it binary?")
    if max(map(len, text.split("\n"))) > LONGEST_LINE:
        raise RequestError(f"{name}: expected lines of at most {LONGEST_LINE:,} characters, got a longer one")
    return text.encode()


def _sample(text: Text) -> str:
    """The first lines, whole ones, about SAMPLE characters of them."""
    lines, size = [], 0
    for line in text.lines():
        lines.append(line)
        size += len(line)
        if size > SAMPLE:
            break
    return "".join(lines)


def _rows(sample: str, separator: str) -> list[list[str]]:
    """The sample's rows; what cannot be one ends them."""
    csv.field_size_limit(LONGEST_LINE)
    rows = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator):
            if row:
                rows.append(row)
    except csv.Error:
        pass
    return rows


def _fit(sample: str, separator: str) -> tuple[float, int]:
    """How well a separator explains the sample: the part of its rows as wide as the first, and that width."""
    rows = _rows(sample, separator)
    width = len(rows[0]) if rows else 0
    if width < 2:
        return 0.0, width
    return sum(len(row) == width for row in rows) / len(rows), width


def _is_number(cell: str, comma: str) -> bool:
    try:
        float(cell.strip().replace(comma, "."))
    except ValueError:
        return False
    return cell.strip().lower() not in ("nan", "inf", "infinity")


def _nearest(path: Path) -> str:
    try:
        near = difflib.get_close_matches(path.name, os.listdir(path.parent), n=1)  # noqa: PTH208  names alone
    except OSError:
        return ""
    return f"; did you mean {inert(near[0])}?" if near else ""
