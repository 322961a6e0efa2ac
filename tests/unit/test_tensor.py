"""What the inspector says of a tensor, against numpy and torch; indices are parsed, never run."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from engine.errors import RequestError
from tui.tensor import Tensor, difference, parse_index, statistics


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("", ()),
        ("[0, :, 2]", (0, slice(None), 2)),
        ("0, :, 2", (0, slice(None), 2)),
        (" [ -1 ] ", (-1,)),
        ("[1:3]", (slice(1, 3),)),
        ("[::2, ..., -5]", (slice(None, None, 2), ..., -5)),
        ("[None, 1]", (None, 1)),
        ("[...]", (...,)),
    ],
)
def test_an_index_is_read_as_python_reads_it(text: str, index: tuple[object, ...]) -> None:
    assert parse_index(text, (2, 4, 5)) == index


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[2]", r"at most 1 in dimension 0 of the shape \(2, 4, 5\), got 2"),
        ("[0, -5]", "at most 3 in dimension 1 .* got -5"),
        ("[..., 5]", "at most 4 in dimension 2 .* got 5"),
        ("[0, 0, 0, 0]", "at most 3 indices .* got 4"),
        ("[..., ...]", "at most one"),
        ("[::-1]", "a step of at least 1"),
        ("[0.5]", "a whole number, got '0.5'"),
        ("[True]", "a whole number, got 'True'"),
        ("[open('x')]", "a whole number"),
        ("[0][1]", "one index"),
        ("[0", "expected an index"),
        ("[]", "expected an index"),
        ("[0]\n+1", "expected an index"),
        ("[\x00]", "expected an index"),
        ("[" * 500, "expected an index"),
    ],
)
def test_what_is_no_index_says_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        parse_index(text, (2, 4, 5))


@given(
    st.text(alphabet="[]():,.-0123456789None \n", max_size=20), arrays_of.array_shapes(min_dims=0, min_side=0)
)
def test_any_text_is_an_index_that_numpy_takes_or_an_error(text: str, shape: tuple[int, ...]) -> None:
    try:
        index = parse_index(text, shape)
    except RequestError:
        return
    np.zeros(shape)[index]


@given(
    arrays_of.arrays(np.float32, arrays_of.array_shapes(min_side=1), elements=st.floats(-1e3, 1e3, width=32))
)
def test_statistics_are_those_of_torch(values: np.ndarray) -> None:
    tensor, told = torch.from_numpy(values).double(), statistics(values)
    assert (told.count, told.nans, told.infinities) == (values.size, 0, 0)
    assert (told.min, told.max) == (tensor.min(), tensor.max())
    assert told.mean == pytest.approx(tensor.mean().item(), rel=1e-12, abs=1e-12)
    assert told.norm == pytest.approx(torch.linalg.vector_norm(tensor).item(), rel=1e-12)
    if values.size > 1:
        assert told.deviation == pytest.approx(tensor.std().item(), rel=1e-9, abs=1e-9)


def test_statistics_count_what_is_not_finite_and_leave_it_out() -> None:
    told = statistics(np.array([1.0, np.nan, np.inf, -np.inf, np.nan, 3.0], np.float32))
    assert (told.nans, told.infinities, told.min, told.max, told.mean) == (2, 2, 1.0, 3.0, 2.0)


@pytest.mark.parametrize("values", [np.zeros((0, 3)), np.full(4, np.nan)])
def test_statistics_of_nothing_are_not_a_number(values: np.ndarray) -> None:
    told = statistics(values)
    assert all(math.isnan(number) for number in (told.min, told.max, told.mean, told.deviation, told.norm))


def test_statistics_of_complex_numbers_truth_values_and_large_integers() -> None:
    assert statistics(np.array([3 + 4j])).max == 5.0
    assert statistics(np.array([True, False, True])).mean == pytest.approx(2 / 3)
    assert statistics(np.array([2**62, -(2**62)])).max == 2.0**62


def test_a_difference_does_not_wrap_around_and_wants_equal_shapes() -> None:
    np.testing.assert_array_equal(difference(np.array([0], np.uint8), np.array([255], np.uint8)), [-255.0])
    with pytest.raises(RequestError, match=r"\(2,\) and \(3,\)"):
        difference(np.zeros(2), np.zeros(3))


def test_an_array_tells_its_strides_as_torch_counts_them() -> None:
    assert Tensor.of("t", np.zeros((3, 5), np.float32).T).stride == (1, 5)
