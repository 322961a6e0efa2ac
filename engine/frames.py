"""What a process and its lab say to each other: plain values and arrays, as bytes on a Unix socket.

A frame is the length of a JSON header (4 bytes, big-endian), the header, and the raw bytes of its arrays one
after another in C order. Nothing is ever pickled: a frame can hold no code.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
LONGEST = 1 << 26  # bytes of a header; more is nonsense on the wire
KINDS = "biufc"  # of dtypes whose bytes say all: truth values, integers, floats, complex numbers


@dataclass(frozen=True)
class Answer:
    """What a question is answered with: values that JSON can hold, and arrays of any shape by name."""

    values: dict[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> list[bytes | memoryview]:
    """One frame, in parts to be sent in turn. Raises TypeError or ValueError for what a frame cannot hold."""
    about = {}
    parts: list[bytes | memoryview] = []
    for name, array in arrays.items():
        if array.dtype.kind not in KINDS:
            raise TypeError(f"array {name!r}: numbers alone can be sent, not {array.dtype}")
        about[name] = {"dtype": array.dtype.str, "shape": array.shape}
        if array.size:
            parts.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    text = json.dumps({**header, "arrays": about}).encode()
    if len(text) > LONGEST:
        raise ValueError(f"{len(text):,} bytes of values are too long for a frame, which holds {LONGEST:,}")
    return [struct.pack("!I", len(text)) + text, *parts]


def send(connection: socket.socket, frame: Iterable[bytes | memoryview]) -> None:
    """Send a packed frame. Raises OSError if the other side is gone."""
    for part in frame:
        connection.sendall(part)


def receive(connection: socket.socket) -> tuple[dict[str, Any], Arrays]:
    """The next frame: its header and arrays. Raises EOFError if the other side is gone, ValueError for what
    is no frame."""
    (length,) = struct.unpack("!I", _exactly(connection, 4))
    if length > LONGEST:
        raise ValueError(f"no frame begins with a length of {length:,}")
    header: dict[str, Any] = json.loads(_exactly(connection, length))
    arrays = {}
    for name, about in header.pop("arrays").items():
        dtype, shape = np.dtype(about["dtype"]), tuple(about["shape"])
        size = math.prod(shape) * dtype.itemsize
        arrays[name] = np.frombuffer(_exactly(connection, size), dtype).reshape(shape)
    return header, arrays


def _exactly(connection: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while len(rest):
        if not (count := connection.recv_into(rest)):
            raise EOFError("the other side is gone")
        rest = rest[count:]
    return data
