"""Frames carry any numbers through a real socket, and nothing that could be code."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from engine import frames

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


NUMBERS = st.one_of(
    arrays_of.boolean_dtypes(),
    arrays_of.integer_dtypes(),
    arrays_of.unsigned_integer_dtypes(),
    arrays_of.floating_dtypes(),
    arrays_of.complex_number_dtypes(),
)


@given(arrays_of.arrays(NUMBERS, arrays_of.array_shapes(min_dims=0, min_side=0)))
def test_an_array_arrives_with_its_dtype_its_shape_and_every_bit(array: np.ndarray) -> None:
    with (pair := socket.socketpair())[0], pair[1]:
        frames.send(pair[0], frames.pack({"values": {}}, {"a": array, "transposed": array.T}))
        _, arrays = frames.receive(pair[1])
    assert arrays["a"].dtype == array.dtype
    assert arrays["a"].shape == array.shape
    assert arrays["a"].tobytes() == array.tobytes()
    assert arrays["transposed"].tobytes() == array.T.tobytes()


def test_what_is_larger_than_a_socket_holds_arrives_whole(pair: Pair) -> None:
    large = np.arange(3_000_000, dtype=np.float32).reshape(1000, 3000)
    frame = frames.pack({"values": {"text": "x" * 1_000_000}}, {"large": large})
    sender = threading.Thread(target=frames.send, args=(pair[0], frame))
    sender.start()
    header, arrays = frames.receive(pair[1])
    sender.join()
    assert header["values"]["text"] == "x" * 1_000_000
    np.testing.assert_array_equal(arrays["large"], large)


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["text"]), np.array([(1, 2)], "i4,f4")])
def test_what_is_no_number_is_refused_before_a_byte_is_sent(array: np.ndarray) -> None:
    with pytest.raises(TypeError, match="numbers alone"):
        frames.pack({"values": {}}, {"a": array})


def test_the_end_of_the_other_side_is_seen_in_the_middle_of_a_frame(pair: Pair) -> None:
    frame = b"".join(frames.pack({"values": {}}, {"a": np.zeros(100)}))
    pair[0].sendall(frame[:-1])
    pair[0].close()
    with pytest.raises(EOFError):
        frames.receive(pair[1])


def test_nonsense_is_refused_before_it_costs_memory(pair: Pair) -> None:
    pair[0].sendall(b"!" * 64)
    with pytest.raises(ValueError, match="no frame"):
        frames.receive(pair[1])


def test_what_is_too_long_for_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        frames.pack({"values": {"text": "x" * frames.LONGEST}}, {})
