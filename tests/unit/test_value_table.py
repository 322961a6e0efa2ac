"""Numbers of a table are written alike, and none of them drags the others along."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from tui.widgets.value_table import Writer


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([-5, -4.995, 0.0], ["-5.0000", "-4.9950", "0"]),
        ([1.0, 2.0, 0.0], ["1.", "2.", "0."]),
        ([-0.00108, -0.00078], ["-0.001080", "-0.000780"]),
        ([2.669, -0.1, 3e-7], ["2.6690", "-0.1000", "3e-07"]),
        ([123456.7, 1.5], ["123456.7", "1.5"]),
        ([1e7, 2.5], ["1.000e+07", "2.500e+00"]),
        ([1e-6, -2e-7], ["1.000e-06", "-2.000e-07"]),
        ([np.nan, -np.inf, -1.5], ["nan", "-inf", "-1.5000"]),
    ],
)
def test_the_largest_has_its_digits_and_the_smallest_is_not_zero(
    values: list[float], written: list[str]
) -> None:
    write = Writer(np.array(values))
    assert [write(value) for value in np.array(values)] == written


@given(arrays_of.arrays(np.float64, st.integers(1, 6), elements=st.floats(-1e300, 1e300)))
def test_every_number_fits_its_column_and_reads_as_what_it_is(values: np.ndarray) -> None:
    write = Writer(values)
    for value in values:
        text = write(value)
        assert len(text) <= write.width
        if np.isfinite(value):
            largest = np.abs(values[np.isfinite(values)]).max()
            assert float(text) == pytest.approx(value, rel=0.5, abs=largest * 1e-3)
            assert (float(text) == 0) == (value == 0)
