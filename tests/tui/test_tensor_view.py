"""The tensor inspector on a screen of its own: what it shows, slices, differences, and huge tensors."""

from __future__ import annotations

import numpy as np
import pytest
from driving import screen_text, sees, until
from textual.app import App, ComposeResult

from tui.tensor import Tensor, parse_index
from tui.widgets.tensor_view import TensorView, heat_grid, histogram
from tui.widgets.value_table import ValueTable

CUBE = Tensor.of("cube", np.arange(24, dtype=np.float32).reshape(2, 3, 4))


class Inspector(App[None]):
    def compose(self) -> ComposeResult:
        yield TensorView()

    @property
    def view(self) -> TensorView:
        return self.query_one(TensorView)


async def test_it_says_what_a_tensor_is_and_shows_each_value_by_its_index() -> None:
    async with Inspector().run_test(size=(80, 24)) as pilot:
        pilot.app.view.show(
            Tensor("w", (2, 2), "bfloat16", np.array([[1.5, -2], [0, np.nan]]), (2, 1), "cpu", True)
        )
        await sees(
            pilot, "w  (2, 2) bfloat16  stride (2, 1)  cpu  requires grad", "min -2", "max 1.5", "NaN 1"
        )
        await sees(pilot, "      0        1", "0   1.5000  -2.0000", "1        0      nan")


async def test_a_slice_is_typed_and_what_is_wrong_with_it_is_said() -> None:
    async with Inspector().run_test(size=(80, 24)) as pilot:
        pilot.app.view.show(CUBE)
        await sees(pilot, "0,0   0.   1.", "1,2  20.  21.")
        pilot.app.query_one("Input").focus()
        await pilot.press(*"[0, :, 2]")
        await sees(pilot, "slice (3,)", "min 2 ", "max 10 ", "2  10.")
        await pilot.press(*["backspace"] * 9, *"[2]")
        await sees(pilot, "expected at most 1 in dimension 0 of the shape (2, 3, 4), got 2")
        await pilot.press("enter", *["backspace"] * 3, *"[1, 2, 3]")  # what is wrong stays to be mended
        await sees(pilot, "slice ()", "23.")


async def test_the_example_of_a_slice_is_one_of_the_tensor_shown() -> None:
    async with Inspector().run_test(size=(80, 24)) as pilot:
        for shape in ((5,), (5, 4), (5, 4, 3), (5, 4, 3, 2)):
            values = np.zeros(shape)
            pilot.app.view.show(Tensor.of("w", values))
            example, _, words = pilot.app.query_one("Input").placeholder.partition("  ")
            assert words == "a slice"
            assert values[parse_index(example, shape)].size
            await sees(pilot, example)
        pilot.app.view.show(Tensor.of("w", np.array(1.0)))
        assert not pilot.app.query_one("Input").display  # there is no part of a number


async def test_the_slice_stays_for_a_tensor_of_the_same_shape_and_goes_for_another() -> None:
    async with Inspector().run_test(size=(80, 24)) as pilot:
        pilot.app.view.show(CUBE)
        pilot.app.query_one("Input").value = "[1]"
        await sees(pilot, "slice (3, 4)")
        pilot.app.view.show(Tensor.of("next", -CUBE.values))
        await sees(pilot, "next", "slice (3, 4)", "min -23")
        pilot.app.view.show(Tensor.of("flat", np.zeros(3)))
        await sees(pilot, "flat  (3,)")
        assert "slice (" not in screen_text(pilot.app)


async def test_the_difference_to_earlier_values() -> None:
    async with Inspector().run_test(size=(80, 24)) as pilot:
        later = Tensor.of("cube", CUBE.values + 0.5)
        pilot.app.view.show(later, before=CUBE, since="the step before")
        pilot.app.view.toggle_difference()
        await sees(pilot, "difference to the step before", "mean 0.5", "deviation 0 ")
        pilot.app.view.show(later, before=Tensor.of("cube", np.zeros(3)), since="the step before")
        await sees(pilot, "no difference between shapes (2, 3, 4) and (3,)")
        pilot.app.view.show(later)
        await sees(pilot, "no earlier values")


async def test_a_million_values_scroll_to_the_last_one() -> None:
    async with Inspector().run_test(size=(80, 24)) as pilot:
        pilot.app.view.show(Tensor.of("large", np.arange(1_000_000).reshape(1000, 1000)))
        table = pilot.app.query_one(ValueTable)
        await sees(pilot, "11008")
        table.focus()
        table.scroll_to(table.max_scroll_x, table.max_scroll_y, animate=False)
        await sees(pilot, "999999", "999 ")


@pytest.mark.parametrize(
    "values",
    [
        np.array(3),
        np.zeros(0),
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        np.array([True, False]),
        np.array([1 + 2j, np.nan]),
        np.array([[-(2**63), 2**63 - 1]]),
        np.array([np.inf, -np.inf, np.nan], np.float16),
        np.array([1e-30, 1e30], np.float32),
        np.zeros((1, 1, 1, 1, 1)),
    ],
    ids=lambda values: f"{values.dtype}{values.shape}",
)
@pytest.mark.parametrize("size", [(80, 24), (20, 6)])
async def test_any_array_shows_at_any_size(values: np.ndarray, size: tuple[int, int]) -> None:
    async with Inspector().run_test(size=size) as pilot:
        pilot.app.view.show(Tensor.of("t", values))
        await sees(pilot, f"t  {values.shape}"[:18])


async def test_what_is_not_here_is_said() -> None:
    async with Inspector().run_test(size=(80, 24)) as pilot:
        pilot.app.view.show(Tensor("huge", (10**5, 10**5), "float32", None))
        await sees(pilot, "10,000,000,000 values are too many")
        pilot.app.view.show(None)
        await until(pilot, lambda: "no tensor" in screen_text(pilot.app))


def test_a_histogram_shows_every_value_however_rare() -> None:
    values = np.concatenate([np.zeros(10_000), [1.0], [np.nan]])
    assert histogram(values, 8) == "█      ▁"


def test_a_heat_map_draws_small_arrays_larger_and_takes_means_of_large_ones() -> None:
    np.testing.assert_array_equal(heat_grid(np.array([[1, -1]]), 80), np.repeat([[1, -1]], 4, 1).repeat(4, 0))
    large = np.repeat(np.arange(12.0), 100)[:, None] * np.ones(300)
    assert heat_grid(large, 60).shape == (12, 60)
    np.testing.assert_array_equal(heat_grid(large, 60)[:, 0], np.arange(12))
    odd = heat_grid(np.array([[1.0] * 70] * 3), 60)
    assert odd.shape == (4, 60)
    assert np.isfinite(heat_grid(np.array([np.nan, np.inf, 1.0]), 10)).all()


async def test_the_heat_map_is_there_where_there_is_room() -> None:
    for height, there in ((30, True), (12, False)):
        async with Inspector().run_test(size=(80, height)) as pilot:
            pilot.app.view.show(CUBE)
            await sees(pilot, "cube")
            assert pilot.app.query_one("#heat").display is there
