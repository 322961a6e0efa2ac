"""Neurons and links, and the keys that change them."""

from __future__ import annotations

import re

import pytest
from driving import screen_text, until
from panel_app import answered, app

from engine import experiments
from tui.messages import EditHidden
from tui.view import View
from tui.widgets.panels.network import Network


async def test_the_network_shows_the_numbers_of_a_chosen_neuron() -> None:
    async with (it := app(Network)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        await pilot.press("down", "down")
        await answered(pilot)
        text = screen_text(it)
        assert "0[1] " in text
        assert "bias" in text
        assert "petal length" in text.splitlines()[1]
        await pilot.press("right_square_bracket")
        await answered(pilot)
        assert "versicolor  bias" in screen_text(it)


async def test_a_click_chooses_a_neuron() -> None:
    async with (it := app(Network)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert isinstance(it.panel, Network)
        layout = it.panel._layout()
        assert layout is not None
        column = layout.layers[1]
        await pilot.click("Picture", offset=(column.lefts[3] + 2, column.tops[3] + 2))
        await pilot.pause()
        assert "0[3]  bias" in screen_text(it)


async def test_the_network_says_how_to_come_to_its_keys() -> None:
    async with (it := app(Network)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert "tab to come here" not in screen_text(it)
        it.set_focus(None)
        await until(pilot, lambda: "tab to come here  ↑↓ neuron" in screen_text(it))


@pytest.mark.parametrize(
    ("keys", "hidden"),
    [
        (["plus"], (7,)),
        (["minus"], (5,)),
        (["a"], (6, 6)),
        (["d"], ()),
    ],
)
async def test_keys_ask_for_another_network(keys: list[str], hidden: tuple[int, ...]) -> None:
    async with (it := app(Network)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        await pilot.press(*keys)
        await pilot.pause()
        assert [m.hidden for m in it.posted if isinstance(m, EditHidden)] == [hidden]


async def test_every_neuron_of_a_wide_layer_can_be_reached() -> None:
    wide = View(experiments.find("iris-mlp", ["hidden=40"]))
    async with (it := app(Network, wide)).run_test(size=(118, 14)) as pilot:
        await answered(pilot)
        assert re.search(r" \d+ below", screen_text(it))
        await pilot.press(*["down"] * 40)
        await answered(pilot)
        assert "0[39] " in screen_text(it)
        assert re.search(r" \d+ above  ", screen_text(it))


async def test_a_deep_network_scrolls_to_the_chosen_layer() -> None:
    deep = View(experiments.find("iris-mlp", ["hidden=" + ",".join(["8"] * 12)]))
    async with (it := app(Network, deep)).run_test(size=(78, 14)) as pilot:
        await answered(pilot)
        assert "virginica" not in screen_text(it)
        await pilot.press(*["right_square_bracket"] * 14)
        await answered(pilot)
        assert "virginica" in "\n".join(screen_text(it).splitlines()[2:])
