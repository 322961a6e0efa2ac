"""Pictures of the screen, compared cell by cell; the run in them is made of fixed numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from driving import until
from textual.pilot import Pilot

from engine import experiments
from engine.events import Ended, EpochEnded, Progressed, Report, Started
from tui.app import NnplayApp
from tui.feed import Snapshot, State
from tui.history import History
from tui.widgets.values import ValueList

pytestmark = pytest.mark.usefixtures("own_engine")  # a warm one fills the panel at some moment

SPEC = experiments.find("iris-mlp")
REPORT = Report(
    train_loss=0.640190,
    train_accuracy=0.95,
    test_loss=0.625237,
    test_accuracy=0.98,
    confusion=[[17, 0, 0], [0, 18, 1], [0, 0, 14]],
    precision=[1.0, 1.0, 14 / 15],
    recall=[1.0, 18 / 19, 1.0],
    f1=[1.0, 36 / 37, 28 / 29],
    support=[17, 19, 14],
)
STARTED = Started(
    time=0.0,
    spec=SPEC.to_json(),
    paused=False,
    parameters=131,
    train_rows=100,
    test_rows=50,
    steps_per_epoch=50,
    feature_names=["sepal length", "sepal width", "petal length", "petal width"],
    class_names=["setosa", "versicolor", "virginica"],
    versions={},
)


def run_at(epoch: int, state: State, message: str = "") -> Snapshot:
    """A run of smooth made-up curves that stands at some epoch."""
    history = History()
    for number in range(1, epoch + 1):
        fall = math.exp(-number / 30)
        history.append(
            EpochEnded(
                step=50 * number,
                epoch=number,
                train_loss=0.6 + 0.5 * fall,
                train_accuracy=0.95 - 0.6 * fall,
                test_loss=0.58 + 0.55 * fall,
                test_accuracy=0.98 - 0.6 * fall,
                seconds=0.01 * number,
            )
        )
    over = state in ("finished", "failed")
    ended = Ended(
        time=0.0,
        state="finished" if state == "finished" else "failed",
        message=message,
        step=50 * epoch,
        epoch=epoch,
        seconds=1.0,
        seconds_total=2.0,
        report=REPORT if state == "finished" else None,
    )
    return Snapshot(
        run_id="a-run",
        spec=SPEC,
        state=state,
        step=50 * epoch,
        epoch=epoch,
        steps_per_second=5000.0,
        started=STARTED,
        progress=None
        if over
        else Progressed(step=50 * epoch + 20, epoch=epoch + 1, part=0.4, loss=0.7, accuracy=0.9),
        ended=ended if over else None,
        message=message,
        curves=history.curves(),
    )


CASES = {
    "ready": None,
    "running": run_at(42, "running"),
    "finished": run_at(100, "finished"),
    "failed": run_at(3, "failed", "the loss became nan at step 151, in epoch 4; try a lower lr than 1000"),
}


def still() -> NnplayApp:
    """The app, with nothing on its screen that takes a time of its own."""
    app = NnplayApp(SPEC)
    app.session.trials.on = False
    return app


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("case", CASES)
def test_the_main_screen(case: str, size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    async def show(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, NnplayApp)
        pilot.app.session.run = CASES[case]
        pilot.app.show()
        await pilot.pause()

    assert snap_compare(still(), terminal_size=size, run_before=show)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", [["question_mark"], ["down", "enter"]], ids=["keys", "edit"])
def test_the_windows_over_it(
    keys: list[str], size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    async def press(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: pilot.app.screen.query_one(ValueList).option_count)
        await pilot.press(*keys)
        await pilot.pause()

    assert snap_compare(still(), terminal_size=size, run_before=press)
