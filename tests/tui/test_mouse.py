"""The main screen by mouse."""

from __future__ import annotations

from driving import sees, until

from engine import experiments
from tui.app import NnplayApp

SIZE = (120, 40)


def app(*words: str) -> NnplayApp:
    return NnplayApp(experiments.find("iris-mlp", [*words, "backend=eager"]))


async def test_a_click_chooses_a_value_and_a_second_one_opens_it() -> None:
    async with app().run_test(size=SIZE) as pilot:
        await sees(pilot, "space run")
        values = pilot.app._laboratory.values
        row = next(y for y in range(values.option_count) if values.get_option_at_index(y).id == "optimizer")
        await pilot.click(values, offset=(4, row))
        await until(pilot, lambda: values.chosen == "optimizer")
        await pilot.press("minus")
        assert pilot.app.session.spec.optimizer == "sgd"
        await pilot.click(values, offset=(4, row))
        await sees(pilot, "the update rule", "takes effect: next reset")
