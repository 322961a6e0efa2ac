"""A line of the log holds an event whole, and shows when it was damaged."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import Commanded, Ended, EpochEnded, Event, Progressed, Report, Started, from_line, to_line

numbers = st.floats(allow_nan=False)
counts = st.integers(0, 2**53)
perhaps = st.none() | numbers
texts = st.text(max_size=20)
reports = st.builds(
    Report,
    train_loss=perhaps,
    train_accuracy=perhaps,
    test_loss=perhaps,
    test_accuracy=perhaps,
    confusion=st.lists(st.lists(counts, max_size=3), max_size=3),
    precision=st.lists(st.floats(0, 1), max_size=3),
    recall=st.lists(st.floats(0, 1), max_size=3),
    f1=st.lists(st.floats(0, 1), max_size=3),
    support=st.lists(counts, max_size=3),
)
events = st.one_of(
    st.builds(
        Started,
        time=numbers,
        spec=st.dictionaries(texts, st.integers() | texts, max_size=3),
        paused=st.booleans(),
        parameters=counts,
        train_rows=counts,
        test_rows=counts,
        steps_per_epoch=counts,
        feature_names=st.lists(texts, max_size=3),
        class_names=st.lists(texts | st.just("nan"), max_size=3),
        versions=st.dictionaries(texts, texts, max_size=2),
    ),
    st.builds(Progressed, step=counts, epoch=counts, part=numbers, loss=numbers, accuracy=perhaps),
    st.builds(
        EpochEnded,
        step=counts,
        epoch=counts,
        train_loss=numbers,
        train_accuracy=perhaps,
        test_loss=perhaps,
        test_accuracy=perhaps,
        seconds=numbers,
    ),
    st.builds(
        Commanded,
        time=numbers,
        step=counts,
        epoch=counts,
        name=texts,
        key=texts,
        value=texts | st.just("nan"),
    ),
    st.builds(
        Ended,
        time=numbers,
        state=st.sampled_from(["finished", "interrupted", "failed"]),
        message=texts | st.just("inf"),
        step=counts,
        epoch=counts,
        seconds=numbers,
        seconds_total=numbers,
        report=st.none() | reports,
        exit_status=st.integers(0, 130),
    ),
)


@given(events)
def test_an_event_comes_back_from_its_line(event: Event) -> None:
    line = to_line(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert from_line(line) == event


def test_a_loss_that_is_not_a_number_is_stored_as_such() -> None:
    loss = from_line(to_line(Progressed(step=1, epoch=1, part=0.5, loss=math.nan, accuracy=None)))
    assert isinstance(loss, Progressed)
    assert math.isnan(loss.loss)


@given(events, st.data())
def test_a_changed_byte_is_noticed(event: Event, data: st.DataObject) -> None:
    line = bytearray(to_line(event))
    place = data.draw(st.integers(0, len(line) - 2))
    line[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    with pytest.raises(ValueError, match=r"."):
        from_line(bytes(line))


def test_an_event_of_a_later_nnplay_is_told_as_such() -> None:
    import zlib

    body = b'{"event":"teleported","step":3'
    with pytest.raises(ValueError, match="later one"):
        from_line(body + b',"crc":"%08x"}\n' % zlib.crc32(body))
