"""Runs over one another: kept curves, variants, forks."""

from __future__ import annotations

import io
from pathlib import Path

from driving import SIZE, app, screen_text, sees, until
from rich.console import Console, RenderableType
from stored_run import trained

from engine import experiments
from engine.locations import runs_dir
from engine.questions import compare
from engine.runs import is_alive
from tui.comparison import comparison
from tui.differences import labels, rows
from tui.keys import PANELS
from tui.scene import Scene


async def test_a_kept_run_lies_over_the_next_and_what_differs_is_told() -> None:
    async with app("epochs=3", "lr=0.001").run_test(size=SIZE) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        first = pilot.app.session.run
        await pilot.press("c", "plus", "r")
        await until(
            pilot, lambda: pilot.app.session.run.over and pilot.app.session.run.run_id != first.run_id
        )
        await pilot.press(str([title for title, _ in PANELS].index("Compare")))
        await sees(pilot, "this run", "lr=0.001", "train loss", f"{first.curves.train_loss[-1]:.4f}")
        runs = {series.run for series in Scene(pilot.app.session.view).series("loss")}
        assert runs == {"", "lr=0.001"}
        table = dict(rows([pilot.app.session.run, *pilot.app.session.view.others]))
        assert table["lr"] == ["0.002", "0.001"]
        assert "hidden" not in table
        pilot.app.session.keep(runs_dir() / first.run_id)
        assert not pilot.app.session.view.others


async def test_a_run_of_the_list_is_laid_over_the_present_one_by_a_key_and_taken_away(home: Path) -> None:
    first, _ = trained(experiments.find("iris-mlp", ["epochs=3"]))
    numbers, _ = trained(experiments.find("mlp", ["data=diabetes", "epochs=1"]))
    async with app("epochs=3", "lr=0.01").run_test(size=SIZE, notifications=True) as pilot:

        def kept() -> list[str]:
            return [run.run_id for run in pilot.app.session.view.others]

        await pilot.press("space")
        await sees(pilot, "✓ finished")
        await pilot.press("l")
        await sees(pilot, "c compares", numbers.name[-6:], first.name[-6:])
        await pilot.press("down", "c")
        await sees(pilot, numbers.name, "expected data=iris")
        assert kept() == []
        await pilot.press("down", "c")
        await sees(pilot, "Its curves lie over")
        assert kept() == [first.name]
        await pilot.press("c")
        await sees(pilot, "taken away")
        assert kept() == []


async def test_a_value_changed_under_way_is_a_difference_though_both_end_with_it(home: Path) -> None:
    async with app("epochs=1000000").run_test(size=SIZE) as pilot:
        await pilot.press("e")
        await sees(pilot, "‖ paused", "epoch 1 /")
        await pilot.press("plus", "plus", "e")
        await sees(pilot, "‖ paused", "epoch 2 /")
        await pilot.press("S", "c", "r", "S")
        session = pilot.app.session
        await until(pilot, lambda: session.view.others and session.run and session.run.state == "interrupted")
        assert session.run.spec == session.view.others[0].spec
        assert labels(session.view) == ["lr=0.001→0.002→0.005"]
        table = dict(rows([session.run, *session.view.others]))
        assert table["lr"] == ["0.005", "0.001 → 0.002 after epoch 1 → 0.005 after epoch 1"]


async def test_a_run_that_is_opened_has_its_present_values_tried(home: Path) -> None:
    async with app("epochs=4", backend="native").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        await pilot.press("left", "left", "plus", "plus", "f")
        session = pilot.app.session
        await until(pilot, lambda: session.run.over and session.run.origin)
        fork = runs_dir() / session.run.run_id
        session.open_spec(experiments.find("iris-mlp", ["epochs=4"]))
        session.open_run(fork)
        await until(pilot, lambda: session.trials.preview and session.trials.preview.spec.lr == 0.005)


async def test_a_kept_run_lies_over_runs_on_the_same_data_alone() -> None:
    async with app("epochs=3").run_test(size=SIZE) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        await pilot.press("c")
        session = pilot.app.session
        session.open_spec(experiments.find("iris-mlp@corrected"))
        await until(pilot, lambda: session.run is None and session.view.others)
        session.open_spec(experiments.find("linreg-nn"))
        assert not session.view.others


async def test_the_variants_are_compared_on_a_key_with_the_values_that_were_changed() -> None:
    async with app("epochs=3", backend="native").run_test(size=SIZE) as pilot:
        await pilot.press("C")
        await sees(pilot, "The variants of iris-mlp epochs=3", "@corrected", "output=logits", "worth")
        told = comparison(compare.answer("iris-mlp", ["epochs=3"]).values)
        lines = [line.rstrip() for line in printed(told).splitlines()]
        assert all(line in screen_text(pilot.app) for line in lines)
        await pilot.press("space")
        await sees(pilot, "✓ finished", *lines)  # a run changes nothing of it
        await pilot.press("C")
        await sees(pilot, "keeps the run that is shown")
        await pilot.press("1", "C")
        await sees(pilot, *lines)


async def test_what_the_variants_do_not_take_is_said_in_their_place() -> None:
    async with app("batch_size=500").run_test(size=SIZE) as pilot:
        await pilot.press("C")
        await sees(pilot, "batch_size: expected at most 100, the train rows of iris, got 500")


def printed(content: RenderableType) -> str:
    """What stands on a wide terminal without colours."""
    console = Console(file=io.StringIO(), width=200)
    with console.capture() as captured:
        console.print(content)
    return captured.get()


async def test_f_goes_on_from_the_step_shown_with_the_present_values(home: Path) -> None:
    async with app("epochs=4", backend="native").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        first = pilot.app.session.run
        await pilot.press("left", "left", "plus", "plus", "f")
        await until(
            pilot, lambda: pilot.app.session.run.over and pilot.app.session.run.run_id != first.run_id
        )
        assert labels(pilot.app.session.view) == ["original lr=0.001"]
        forked = pilot.app.session.run
        assert forked.curves.train_loss[:2].tolist() == first.curves.train_loss[:2].tolist()
        assert forked.curves.train_loss[3] < first.curves.train_loss[3]
        assert [run.run_id for run in pilot.app.session.view.others] == [first.run_id]
        assert [(mark.x, mark.label) for mark in Scene(pilot.app.session.view).marks] == [
            (2.0, "fork"),
            (2.0, "lr 0.005"),
        ]


async def test_a_fork_says_where_it_begins_and_that_without_a_change_it_is_the_same(home: Path) -> None:
    async with app("epochs=4", backend="native").run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("space")
        await sees(pilot, "✓ finished")
        await pilot.press("left", "f")
        told = "A run of its own goes on from step 150. No value is changed: it will be the same again."
        await until(pilot, lambda: [note.message for note in pilot.app._notifications] == [told])


async def test_a_fork_of_a_run_that_trains_says_that_the_run_is_trained_on(home: Path) -> None:
    async with app("epochs=1000000").run_test(size=SIZE, notifications=True) as pilot:
        session = pilot.app.session
        await pilot.press("space")
        await until(pilot, lambda: session.run and session.run.epoch > 1)
        original = session.run.run_id
        await pilot.press("left", "f")
        await until(pilot, lambda: session.run.run_id != original)
        await until(
            pilot, lambda: any("trained on as well" in note.message for note in pilot.app._notifications)
        )
        assert is_alive(runs_dir() / original)
